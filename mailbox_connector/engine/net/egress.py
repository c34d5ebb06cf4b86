"""Which hosts and ports a user may make this server connect to.

Users enter the host of a mailbox; without a check they could reach services of the
internal network (server-side request forgery).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Ports below 1024 that are used for mail: SMTP, a usual second SMTP port, IMAP,
#: submission over TLS, submission, IMAP over TLS.
MAIL_PORTS = frozenset({25, 26, 143, 465, 587, 993})

#: Refused although :mod:`ipaddress` may call them global: the metadata services
#: of clouds, carrier-grade NAT, deprecated site-local and tunnel ranges.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "fec0::/10",
        "2001::/32",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class EgressPolicy:
    """What may be connected to.

    :param allowed_networks: networks in CIDR notation that are allowed although
        they are not public ("10.0.0.0/8", "127.0.0.0/8", "::1/128")
    :param ports: exactly these TCP ports; None: :data:`MAIL_PORTS` and every
        port from 1024 on (some providers use them, and hosts that are not public are
        refused by address anyway)
    :param extra_ports: allowed in addition
    """

    allowed_networks: tuple[str, ...] = ()
    ports: frozenset[int] | None = None
    extra_ports: frozenset[int] = frozenset()

    def allows_port(self, port: int) -> bool:
        """Whether this TCP port may be connected to."""
        if not 0 < port < 65536:
            return False
        if port in self.extra_ports:
            return True
        if self.ports is not None:
            return port in self.ports
        return port >= 1024 or port in MAIL_PORTS

    def allows_address(self, address: str) -> bool:
        """Whether this IP address (text, no name) may be connected to."""
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        candidates = [ip, *_embedded(ip)]
        if any(
            candidate in network
            for candidate in candidates
            for network in _networks(self.allowed_networks)
        ):
            return True
        return all(_is_public(candidate) for candidate in candidates)


@lru_cache(maxsize=64)
def _networks(texts: tuple[str, ...]):
    """Parsed networks.

    :raises ValueError: not a network
    """
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts)


def _embedded(ip: IPAddress) -> list[IPAddress]:
    """IPv4 addresses that an IPv6 one leads to (mapped, 6to4, NAT64)."""
    if ip.version == 4:
        return []
    found = [ip.ipv4_mapped, ip.sixtofour]
    if ip in _NAT64:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [address for address in found if address is not None]


def _is_public(ip: IPAddress) -> bool:
    if ip.version == 6 and (ip.ipv4_mapped is not None or ip in _NAT64):
        return True  # the embedded address decides
    return (
        ip.is_global
        and not ip.is_multicast
        and not ip.is_reserved
        and not ip.is_unspecified
        and not any(ip in network for network in _REFUSED)
    )
