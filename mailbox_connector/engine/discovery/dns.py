"""Mail servers of a domain by DNS (RFC 1035, RFC 6186), and the public suffix list."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import lru_cache

import dns.exception
import dns.resolver
from publicsuffixlist import PublicSuffixList

from ..net.deadline import Deadline
from ..types import Security
from .settings import Server

#: Records of one name that are read.
MAX_RECORDS = 10
#: Services for IMAP and SMTP, the best first (RFC 8314 section 5.1).
IMAP = (("_imaps", Security.TLS), ("_imap", Security.STARTTLS))
SMTP = (("_submissions", Security.TLS), ("_submission", Security.STARTTLS))


class DnsResolver:
    """Asks DNS. Never raises: without an answer there are no records.

    :param nameservers: "address" or "address:port"; none: the system's
    """

    def __init__(self, nameservers: Sequence[str] = ()):
        self._nameservers = tuple(nameservers)

    @property
    def is_own(self) -> bool:
        """Whether it asks other nameservers than the system's."""
        return bool(self._nameservers)

    def mx(self, domain: str, deadline: Deadline) -> list[str]:
        """Mail exchangers of a domain, the preferred first."""
        answers = self._ask(domain, "MX", deadline)
        ranked = sorted((one.preference, _host(one.exchange)) for one in answers)
        return [host for _preference, host in ranked if host][:MAX_RECORDS]

    def srv(
        self, domain: str, side: Sequence[tuple[str, Security]], deadline: Deadline
    ) -> tuple[Server, str] | None:
        """The server for IMAP or SMTP, and the name of its SRV record.

        :param side: :data:`IMAP` or :data:`SMTP`
        """
        for service, security in side:
            name = f"{service}._tcp.{domain}"
            answers = self._ask(name, "SRV", deadline)
            ranked = sorted(
                (one.priority, -one.weight, _host(one.target), one.port)
                for one in answers
            )
            for _priority, _weight, host, port in ranked[:MAX_RECORDS]:
                # "." says that the service is not offered (RFC 2782).
                if host and 0 < port < 65536:
                    return Server(host, port, security), name
        return None

    def addresses(self, host: str, port: int, deadline: Deadline) -> list[tuple]:
        """Addresses of a host, as ``socket.getaddrinfo`` gives them."""
        texts = [
            one.address
            for kind in ("AAAA", "A")
            for one in self._ask(host, kind, deadline)
        ]
        return [
            info
            for text in texts[:MAX_RECORDS]
            for info in socket.getaddrinfo(
                text, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        ]

    def _ask(self, name: str, kind: str, deadline: Deadline) -> list:
        """Records of a name; empty if there are none or no nameserver responds."""
        if not deadline.left():
            return []
        try:
            answer = self._resolver().resolve(
                name, kind, lifetime=deadline.bound(60), search=False
            )
        except (dns.exception.DNSException, OSError, ValueError):
            return []
        return list(answer)[:MAX_RECORDS]

    def _resolver(self) -> dns.resolver.Resolver:
        if not self._nameservers:
            return dns.resolver.get_default_resolver()
        resolver = dns.resolver.Resolver(configure=False)
        pairs = [one.rpartition(":") for one in self._nameservers]
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(host or port, int(port) if host else 53)
            for host, _colon, port in pairs
        ]
        return resolver


def _host(name) -> str:
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""


def base_domain(host: str) -> str:
    """The registered domain that a host belongs to, by the public suffix list:
    "mx1.mail.example.co.uk" belongs to "example.co.uk". '' for a public suffix and for
    a name without dots."""
    return _suffixes().privatesuffix(host.lower().rstrip(".")) or ""


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    """Loaded on first use: that takes some 20 ms."""
    return PublicSuffixList()
