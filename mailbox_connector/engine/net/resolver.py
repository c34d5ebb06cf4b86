"""From a host as a user entered it to addresses that may be connected to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from functools import lru_cache

from ..errors import Field, Kind
from ..types import Endpoint
from .deadline import Deadline
from .egress import EgressPolicy

#: (host, port, deadline) to addresses as ``socket.getaddrinfo`` gives them.
Resolve = Callable[[str, int, Deadline], list[tuple]]

#: Seconds the system's resolver may take; it has no time limit itself.
RESOLVE_TIMEOUT = 15.0


@lru_cache(maxsize=256)
def idna_host(host: str) -> str:
    """The name in the form of DNS and certificates (IDNA); '' if it is not a host name.

    Brackets around an IPv6 address and a final dot are removed.
    """
    host = host.strip().rstrip(".")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or any(c.isspace() or c in "/@\\?#%" or c < " " for c in host):
        return ""
    if host.isascii():
        labels = host.split(".")
        too_long = any(len(label) > 63 for label in labels) or len(host) > 253
        return "" if too_long or "" in labels else host.lower()
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""


def checked_addresses(
    endpoint: Endpoint,
    policy: EgressPolicy,
    limit: Deadline,
    resolve: Resolve | None = None,
) -> list[tuple]:
    """Addresses of the host that may be connected to, as getaddrinfo gives them.

    :param resolve: asked instead of the system's resolver

    :raises EngineError: HOST_UNKNOWN, HOST_FORBIDDEN, TIMEOUT, TRANSIENT
    """
    if not policy.allows_port(endpoint.port):
        raise endpoint.error(Kind.HOST_FORBIDDEN, field=Field.PORT)
    name = idna_host(endpoint.host)
    if not name:
        raise endpoint.error(Kind.HOST_UNKNOWN, field=Field.HOST)
    if resolve:
        found = resolve(name, endpoint.port, limit)
        if not found:
            raise endpoint.error(Kind.HOST_UNKNOWN, field=Field.HOST)
    else:
        found = _resolve(name, endpoint, limit)
    allowed = [info for info in found if policy.allows_address(info[4][0])]
    if not allowed:
        raise endpoint.error(Kind.HOST_FORBIDDEN, field=Field.HOST)
    return allowed


def _resolve(name: str, endpoint: Endpoint, limit: Deadline) -> list[tuple]:
    """``getaddrinfo`` with a time limit, which the C library does not offer."""
    answer: list = []

    def ask():
        try:
            answer.append(
                socket.getaddrinfo(name, endpoint.port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError) as exc:
            answer.append(exc)

    thread = threading.Thread(target=ask, name="mailbox-resolve", daemon=True)
    thread.start()
    thread.join(limit.bound(RESOLVE_TIMEOUT))
    if not answer:
        raise endpoint.error(Kind.TIMEOUT, field=Field.HOST)
    result = answer[0]
    if isinstance(result, list) and result:
        return result
    temporary = isinstance(result, socket.gaierror) and result.errno == getattr(
        socket, "EAI_AGAIN", None
    )
    kind = Kind.TRANSIENT if temporary else Kind.HOST_UNKNOWN
    raise endpoint.error(kind, field=Field.HOST)
