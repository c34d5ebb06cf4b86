"""Sockets to mail servers: resolving, checking, connecting, TLS, deadlines.

The one way out of this machine. A host is resolved once; every address is
checked against the :class:`EgressPolicy`; the *checked address* is connected to,
while SNI and certificate verification use the name. What comes back is a
:class:`Connection` that imaplib and smtplib take for a socket, that obeys a
:class:`Deadline`, and whose failures are :class:`EngineError`.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
import threading
from functools import lru_cache

from .deadline import Deadline
from .egress import EgressPolicy
from .errors import EngineError, Field, Kind
from .tls import tls_context, tls_error
from .types import Endpoint, Security

__all__ = ["Connection", "Deadline", "EgressPolicy", "connect", "tls_context"]

#: Seconds for resolving and connecting, over all addresses of a host.
CONNECT_TIMEOUT = 15.0
#: Seconds a server may be silent while we wait for it.
READ_TIMEOUT = 60.0
#: Seconds without a greeting after which we look whether the port speaks TLS.
GREETING_PATIENCE = 3.0
#: No answer of a server may be larger than this, whatever it announces.
MAX_CHUNK = 1 << 20


class Connection:
    """A connected socket that imaplib and smtplib can use as theirs.

    Every failure is an :class:`EngineError`; the end of the stream is an empty
    read, as usual.
    """

    def __init__(
        self,
        sock: socket.socket,
        endpoint: Endpoint,
        deadline: Deadline,
        read_timeout: float = READ_TIMEOUT,
    ):
        self.endpoint = endpoint
        self.deadline = deadline
        self.read_timeout = read_timeout
        self.encrypted = False
        self._sock = sock
        self._raw = _Raw(self)
        self._reader = io.BufferedReader(self._raw, 65536)

    def error(self, kind: Kind, **more) -> EngineError:
        """An error of this connection's side, host and port."""
        return endpoint_error(self.endpoint, kind, **more)

    def starttls(self) -> None:
        """Wrap the connection in verified TLS.

        :raises EngineError: the certificate is not this host's, or bytes came
            before the handshake (RFC 9051 section 11.1: they would be taken for
            answers given under TLS)
        """
        self._raw.paused = True
        leftover = self._reader.peek(1)
        self._raw.paused = False
        if leftover:
            raise self.error(Kind.STARTTLS_INJECTION, field=Field.SECURITY)
        self._set_timeout(min(self.read_timeout, CONNECT_TIMEOUT))
        context = tls_context(self.endpoint.ca_pem, self.endpoint.side)
        try:
            self._sock = context.wrap_socket(
                self._sock, server_hostname=idna_host(self.endpoint.host)
            )
        except (OSError, ValueError) as exc:
            self.close()
            raise tls_error(exc, self.endpoint, self.deadline) from exc
        self.encrypted = True

    # What imaplib and smtplib call

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        for start in range(0, len(view), MAX_CHUNK):
            self._set_timeout(self.read_timeout)
            try:
                self._sock.sendall(view[start : start + MAX_CHUNK])
            except OSError as exc:
                raise self._io_error(exc) from exc

    def makefile(self, mode: str = "rb", *_args) -> io.BufferedReader:
        """The buffered reader of this connection; always the same one."""
        return self._reader

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes."""
        return self._reader.read1(size)

    def read_line(self, limit: int) -> bytes:
        """A line with its end, or what ``limit`` + 1 bytes hold of it."""
        return self._reader.readline(limit + 1)

    def read_exactly(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end of the stream.

        Memory is taken as the bytes come, not as they are announced.
        """
        if size <= MAX_CHUNK:
            return self._reader.read(size)
        parts = []
        while size > 0:
            part = self._reader.read(min(size, MAX_CHUNK))
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def first_bytes(self) -> bytes:
        """What stands at the head of the stream, without consuming it."""
        return self._reader.peek(1)

    def readable(self, seconds: float) -> bool:
        """Whether something comes within that time."""
        seconds = self.deadline.bound(seconds)
        return bool(select.select([self._sock], [], [], seconds)[0])

    def local_address(self) -> str:
        """Our own IP address on this connection."""
        return self._sock.getsockname()[0]

    def settimeout(self, seconds: float | None) -> None:
        """Take no timeout from a library: ours are kept."""

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._sock.fileno()

    def shutdown(self, how: int) -> None:
        """Shut the socket down; a socket already down is no error."""
        try:
            self._sock.shutdown(how)
        except OSError:
            pass

    def close(self) -> None:
        """Close the socket; twice is no error."""
        try:
            self._sock.close()
        except OSError:
            pass

    def receive_into(self, buffer) -> int:
        """One read from the socket, under timeout and deadline."""
        self._set_timeout(self.read_timeout)
        try:
            return self._sock.recv_into(buffer)
        except ssl.SSLEOFError:
            return 0
        except OSError as exc:
            raise self._io_error(exc) from exc

    def _set_timeout(self, seconds: float) -> None:
        self.deadline.check(self.endpoint.side)
        try:
            self._sock.settimeout(self.deadline.bound(seconds))
        except OSError as exc:
            raise self._io_error(exc) from exc

    def _io_error(self, exc: OSError) -> EngineError:
        if isinstance(exc, TimeoutError):
            over = not self.deadline.left()
            return self.error(Kind.DEADLINE if over else Kind.TIMEOUT)
        return self.error(Kind.CONNECTION_LOST)


class _Raw(io.RawIOBase):
    """Lets :class:`io.BufferedReader` read from a :class:`Connection`."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.paused = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer):
        return None if self.paused else self.connection.receive_into(buffer)


def connect(
    endpoint: Endpoint,
    policy: EgressPolicy | None = None,
    deadline: Deadline | None = None,
    *,
    connect_timeout: float = CONNECT_TIMEOUT,
    read_timeout: float = READ_TIMEOUT,
) -> Connection:
    """Connect to a mail server; with ``Security.TLS`` the handshake is done.

    For STARTTLS the greeting is waited for, and a port that speaks TLS at once
    is told apart from one that is silent.

    :raises EngineError: see ``Kind``, "Reaching the server" and "TLS"
    """
    policy = policy or EgressPolicy()
    deadline = deadline or Deadline()
    limit = Deadline(deadline.bound(connect_timeout))
    deadline.check(endpoint.side)
    addresses = checked_addresses(endpoint, policy, limit)
    sock = _dial(endpoint, addresses, limit, deadline)
    connection = Connection(sock, endpoint, deadline, read_timeout)
    try:
        if endpoint.security is Security.TLS:
            connection.starttls()
        else:
            _expect_greeting(connection, addresses)
    except BaseException:
        connection.close()
        raise
    return connection


def endpoint_error(endpoint: Endpoint, kind: Kind, **more) -> EngineError:
    """An error at this endpoint."""
    more.setdefault("host", endpoint.host)
    more.setdefault("port", endpoint.port)
    return EngineError(kind, endpoint.side, **more)


@lru_cache(maxsize=256)
def idna_host(host: str) -> str:
    """The name as DNS and certificates have it; '' if it cannot be one.

    Brackets around an IPv6 address and a final dot are taken off.
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
    endpoint: Endpoint, policy: EgressPolicy, limit: Deadline
) -> list[tuple]:
    """Addresses of the host that may be connected to, as getaddrinfo gives them.

    :raises EngineError: HOST_UNKNOWN, HOST_FORBIDDEN, TIMEOUT, TRANSIENT
    """
    if not policy.allows_port(endpoint.port):
        raise endpoint_error(endpoint, Kind.HOST_FORBIDDEN, field=Field.PORT)
    name = idna_host(endpoint.host)
    if not name:
        raise endpoint_error(endpoint, Kind.HOST_UNKNOWN, field=Field.HOST)
    found = _resolve(name, endpoint, limit)
    allowed = [info for info in found if policy.allows_address(info[4][0])]
    if not allowed:
        raise endpoint_error(endpoint, Kind.HOST_FORBIDDEN, field=Field.HOST)
    return allowed


def _resolve(name: str, endpoint: Endpoint, limit: Deadline) -> list[tuple]:
    """``getaddrinfo`` with a time limit, which the C library does not have."""
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
    thread.join(limit.bound(CONNECT_TIMEOUT))
    if not answer:
        raise endpoint_error(endpoint, Kind.TIMEOUT, field=Field.HOST)
    result = answer[0]
    if isinstance(result, list) and result:
        return result
    temporary = isinstance(result, socket.gaierror) and result.errno == getattr(
        socket, "EAI_AGAIN", None
    )
    kind = Kind.TRANSIENT if temporary else Kind.HOST_UNKNOWN
    raise endpoint_error(endpoint, kind, field=Field.HOST)


def _dial(
    endpoint: Endpoint, addresses: list[tuple], limit: Deadline, deadline: Deadline
) -> socket.socket:
    """Connect to the first address that answers."""
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
            return sock
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
