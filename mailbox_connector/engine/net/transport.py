"""Sockets to mail servers: resolving, checking, connecting, TLS, deadlines.

The one way out of this machine. A host is resolved once; every address is
checked against the :class:`EgressPolicy`; the *checked address* is connected to,
while SNI and certificate verification use the name. What comes back is a
:class:`Connection` that imaplib and smtplib take for a socket, that obeys a
:class:`Deadline`, and whose failures are :class:`EngineError`.
"""

from __future__ import annotations

import socket
import ssl

from ..errors import Field, Kind
from ..types import Endpoint, Security
from .connection import READ_TIMEOUT, Connection
from .deadline import Deadline
from .egress import EgressPolicy
from .observer import Observer
from .resolver import Resolve, checked_addresses, endpoint_error, idna_host
from .tls import tls_context

__all__ = ["Connection", "Deadline", "EgressPolicy", "connect", "tls_context"]

#: Seconds for resolving and connecting, over all addresses of a host.
CONNECT_TIMEOUT = 15.0
#: Seconds without a greeting after which we look whether the port speaks TLS.
GREETING_PATIENCE = 3.0


def connect(
    endpoint: Endpoint,
    policy: EgressPolicy | None = None,
    deadline: Deadline | None = None,
    *,
    connect_timeout: float = CONNECT_TIMEOUT,
    read_timeout: float = READ_TIMEOUT,
    resolve: Resolve | None = None,
    observer: Observer | None = None,
) -> Connection:
    """Connect to a mail server; with ``Security.TLS`` the handshake is done.

    For STARTTLS the greeting is waited for, and a port that speaks TLS at once
    is told apart from one that is silent.

    :param resolve: asked for the host's addresses instead of the system
    :param observer: told what happens, now and later on this connection
    :raises EngineError: see ``Kind``, "Reaching the server" and "TLS"
    """
    policy = policy or EgressPolicy()
    deadline = deadline or Deadline()
    limit = Deadline(deadline.bound(connect_timeout))
    deadline.check(endpoint.side)
    addresses = checked_addresses(endpoint, policy, limit, resolve)
    if observer:
        observer.resolved(list(dict.fromkeys(info[4][0] for info in addresses)))
    sock, address = _dial(endpoint, addresses, limit, deadline)
    connection = Connection(
        sock, endpoint, deadline, read_timeout, connect_timeout, observer
    )
    try:
        if observer:
            observer.connected(address, endpoint.port)
        if endpoint.security is Security.TLS:
            connection.starttls()
        else:
            _expect_greeting(connection, addresses)
    except BaseException:
        connection.close()
        raise
    return connection


def _dial(
    endpoint: Endpoint, addresses: list[tuple], limit: Deadline, deadline: Deadline
) -> tuple[socket.socket, str]:
    """Connect to the first address that answers; which one that was."""
    error = endpoint_error(endpoint, Kind.UNREACHABLE, field=Field.HOST)
    for number, (family, kind, proto, _name, address) in enumerate(addresses):
        remaining = len(addresses) - number
        if not limit.left():
            break
        sock = socket.socket(family, kind, proto)
        try:
            # The first addresses may not eat the time of the last one.
            sock.settimeout(limit.bound(limit.left() / min(remaining, 3)))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return sock, address[0]
        except TimeoutError:
            over = not deadline.left()
            error = endpoint_error(
                endpoint,
                Kind.DEADLINE if over else Kind.TIMEOUT,
                field=None if over else Field.HOST,
            )
        except ConnectionRefusedError:
            error = endpoint_error(endpoint, Kind.REFUSED, field=Field.PORT)
        except OSError:
            error = endpoint_error(endpoint, Kind.UNREACHABLE, field=Field.HOST)
        sock.close()
    raise error


def _expect_greeting(connection: Connection, addresses: list[tuple]) -> None:
    """Tell a TLS port from a slow one: servers of STARTTLS speak first."""
    patience = min(GREETING_PATIENCE, connection.read_timeout / 2)
    if not connection.readable(patience) and _speaks_tls(connection, addresses):
        raise connection.error(Kind.PLAIN_ON_TLS_PORT, field=Field.SECURITY)
    first = connection.first_bytes()
    # A TLS alert (RFC 8446 section 5.1): the server tired of waiting for us.
    if first[:2] == b"\x15\x03":
        raise connection.error(Kind.PLAIN_ON_TLS_PORT, field=Field.SECURITY)


def _speaks_tls(connection: Connection, addresses: list[tuple]) -> bool:
    """Whether a TLS handshake finds an answer on that port; sends no secret."""
    # Nothing is sent over this connection but the handshake: no verification.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    family, kind, proto, _name, address = addresses[0]
    with socket.socket(family, kind, proto) as probe:
        patience = min(GREETING_PATIENCE, connection.read_timeout)
        probe.settimeout(connection.deadline.bound(patience))
        try:
            probe.connect(address)
            name = idna_host(connection.endpoint.host)
            with context.wrap_socket(probe, server_hostname=name):
                return True
        except (OSError, ValueError):
            return False
