"""Connections to mail servers: the only place that opens sockets.

:func:`connect` resolves the host once and checks every address against the
:class:`EgressPolicy`. It connects to the *checked address*, while SNI and certificate
verification use the name. The :class:`Connection` that it returns serves imaplib and
smtplib as a socket, obeys a :class:`Deadline`, and fails with :class:`EngineError`.
"""

from __future__ import annotations

import io
import selectors
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import EngineError, Field, Kind
from ..types import Endpoint, Security
from .deadline import Deadline
from .deflate import Deflate, DeflateError
from .egress import EgressPolicy
from .observer import NOBODY, Observer
from .resolver import Resolve, checked_addresses, idna_host
from .tls import encryption_of, tls_context, tls_error

#: Seconds for resolving and connecting, over all addresses of a host.
CONNECT_TIMEOUT = 15.0
#: Seconds without a greeting after which we check whether the port expects TLS.
GREETING_PATIENCE = 3.0
#: Seconds a server may be silent while we wait for it.
READ_TIMEOUT = 60.0
#: Seconds a TLS handshake may take.
HANDSHAKE_TIMEOUT = 15.0
#: Bytes read or sent at once, so that memory is allocated as the data comes.
MAX_CHUNK = 1 << 20
#: Compressed bytes read at once.
PACKED_CHUNK = 16_384


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

    With STARTTLS, it waits for the greeting, and distinguishes a port that expects TLS
    from a server that does not respond.

    :param resolve: asked for the host's addresses instead of the system
    :param observer: informed about what happens, now and later on this connection
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
    """Connect to the first address that responds; returns the socket and that
    address."""
    error = endpoint.error(Kind.UNREACHABLE, field=Field.HOST)
    for number, (family, kind, proto, _name, address) in enumerate(addresses):
        remaining = len(addresses) - number
        if not limit.left():
            break
        sock = socket.socket(family, kind, proto)
        try:
            # The first addresses must not use up the time of the last one.
            sock.settimeout(limit.bound(limit.left() / min(remaining, 3)))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return sock, address[0]
        except TimeoutError:
            over = not deadline.left()
            error = endpoint.error(
                Kind.DEADLINE if over else Kind.TIMEOUT,
                field=None if over else Field.HOST,
            )
        except ConnectionRefusedError:
            error = endpoint.error(Kind.REFUSED, field=Field.PORT)
        except OSError:
            error = endpoint.error(Kind.UNREACHABLE, field=Field.HOST)
        sock.close()
    raise error


def _expect_greeting(connection: Connection, addresses: list[tuple]) -> None:
    """Distinguish a TLS port from a slow server: with STARTTLS the server speaks
    first."""
    patience = min(GREETING_PATIENCE, connection.read_timeout / 2)
    if not connection.readable(patience) and _speaks_tls(connection, addresses):
        raise connection.endpoint.error(Kind.PLAIN_ON_TLS_PORT, field=Field.SECURITY)
    first = connection.first_bytes()
    # A TLS alert (RFC 8446 section 5.1): the server gave up waiting for our hello.
    if first[:2] == b"\x15\x03":
        raise connection.endpoint.error(Kind.PLAIN_ON_TLS_PORT, field=Field.SECURITY)


def _speaks_tls(connection: Connection, addresses: list[tuple]) -> bool:
    """Whether the server completes a TLS handshake on that port; sends no secret."""
    # Only a handshake is made on this connection: no verification needed.
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


class Connection:
    """A connected socket that imaplib and smtplib can use as their own.

    Every failure is an :class:`EngineError`; the end of the stream is an empty
    read, as usual.
    """

    def __init__(
        self,
        sock: socket.socket,
        endpoint: Endpoint,
        deadline: Deadline,
        read_timeout: float = READ_TIMEOUT,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
        observer: Observer | None = None,
    ):
        self.endpoint = endpoint
        self.observer = observer or NOBODY
        self.deadline = deadline
        self.read_timeout = read_timeout
        self.handshake_timeout = handshake_timeout
        self.encrypted = False
        self._confidential = False
        self._deflate: Deflate | None = None
        self._sock = sock
        self._raw = _Raw(self)
        self._reader = io.BufferedReader(self._raw, 65536)

    def starttls(self) -> None:
        """Wrap the connection in verified TLS.

        :raises EngineError: the certificate is not this host's, or bytes came
            before the handshake (RFC 9051 section 11.1: they would be mistaken for
            answers given under TLS)
        """
        if self._buffered():
            raise self.endpoint.error(Kind.STARTTLS_INJECTION, field=Field.SECURITY)
        self._set_timeout(self.handshake_timeout)
        context = tls_context(self.endpoint.ca_pem, self.endpoint.side)
        try:
            self._sock = context.wrap_socket(
                self._sock, server_hostname=idna_host(self.endpoint.host)
            )
        except (OSError, ValueError) as exc:
            self.close()
            raise tls_error(exc, self.endpoint, self.deadline) from exc
        self.encrypted = True
        if self.observer is not NOBODY:
            self.observer.encrypted(encryption_of(self._sock))

    @contextmanager
    def confidential(self) -> Iterator[None]:
        """Marks what is sent and received inside as credentials, for the observer."""
        self._confidential = True
        try:
            yield
        finally:
            self._confidential = False

    def compress(self) -> None:
        """Deflate both directions from here on (RFC 4978).

        No secrets may be sent after this: the length of compressed data leaks them
        (CRIME).
        """
        early = self._buffered()
        self._deflate = Deflate()
        self._deflate.feed(self._reader.read1(len(early)) if early else b"")

    # What imaplib and smtplib call

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.observer.sent(data, self._confidential)
        view = memoryview(data)
        for start in range(0, len(view), MAX_CHUNK):
            chunk = view[start : start + MAX_CHUNK]
            packed = self._deflate.pack(chunk) if self._deflate else chunk
            self._set_timeout(self.read_timeout)
            try:
                self._sock.sendall(packed)
            except OSError as exc:
                raise self._io_error(exc) from exc

    def makefile(self, mode: str = "rb", *_args) -> io.BufferedReader:
        """The buffered reader of this connection; always the same one."""
        return self._reader

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes."""
        return self._reader.read1(size)

    def read_line(self, limit: int) -> bytes:
        """A line with its end; of a longer one, its first ``limit`` + 1 bytes."""
        line = self._reader.readline(limit + 1)
        self.observer.received(line, self._confidential)
        return line

    def read_exactly(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end of the stream.

        Memory is allocated as the bytes come, not as they are announced.
        """
        self.observer.received_literal(size)
        if size <= MAX_CHUNK:
            return self._reader.read(size)
        whole = io.BytesIO()
        while size > 0:
            part = self._reader.read(min(size, MAX_CHUNK))
            if not part:
                break
            whole.write(part)
            size -= len(part)
        return whole.getvalue()

    def skip(self, size: int) -> None:
        """Read past ``size`` bytes, keeping none."""
        while size > 0:
            part = self._reader.read(min(size, MAX_CHUNK))
            if not part:
                break
            size -= len(part)

    def first_bytes(self) -> bytes:
        """The next bytes of the stream, without consuming them."""
        return self._reader.peek(1)

    def readable(self, seconds: float) -> bool:
        """Whether there is anything to read within that time."""
        unread = self._deflate is not None and self._deflate.pending
        if unread or self._buffered() or getattr(self._sock, "pending", int)():
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            return bool(selector.select(self.deadline.bound(seconds)))

    def remote_address(self) -> str:
        """The server's IP address."""
        return self._sock.getpeername()[0]

    def local_address(self) -> str:
        """Our own IP address on this connection."""
        return self._sock.getsockname()[0]

    def settimeout(self, seconds: float | None) -> None:
        """Ignore a library's timeout: ``read_timeout`` and the deadline apply."""

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._sock.fileno()

    def shutdown(self, how: int) -> None:
        """Shut the socket down; no error if it is already."""
        try:
            self._sock.shutdown(how)
        except OSError:
            pass

    def close(self) -> None:
        """Close the socket; no error if it is already closed."""
        try:
            self._sock.close()
        except OSError:
            pass

    def receive_into(self, buffer) -> int:
        """One read from the stream, under timeout and deadline; 0 at its end."""
        deflate = self._deflate
        if deflate is None:
            return self._receive(buffer)
        packed = bytearray(PACKED_CHUNK)
        try:
            while not (data := deflate.take(len(buffer))):
                size = 0 if deflate.ended else self._receive(packed)
                if not size:
                    return 0
                deflate.feed(bytes(packed[:size]))
        except DeflateError as exc:
            self.close()
            raise self.endpoint.error(Kind.PROTOCOL) from exc
        buffer[: len(data)] = data
        return len(data)

    def _receive(self, buffer) -> int:
        self._set_timeout(self.read_timeout)
        try:
            return self._sock.recv_into(buffer)
        except ssl.SSLEOFError:
            return 0
        except OSError as exc:
            raise self._io_error(exc) from exc

    def _buffered(self) -> bytes:
        """What was read from the socket but not consumed yet."""
        self._raw.paused = True
        try:
            return self._reader.peek(1)
        finally:
            self._raw.paused = False

    def _set_timeout(self, seconds: float) -> None:
        self.deadline.check(self.endpoint.side)
        try:
            self._sock.settimeout(self.deadline.bound(seconds))
        except OSError as exc:
            raise self._io_error(exc) from exc

    def _io_error(self, exc: OSError) -> EngineError:
        if isinstance(exc, TimeoutError):
            over = not self.deadline.left()
            return self.endpoint.error(Kind.DEADLINE if over else Kind.TIMEOUT)
        return self.endpoint.error(Kind.CONNECTION_LOST)


class _Raw(io.RawIOBase):
    """Lets :class:`io.BufferedReader` read from a :class:`Connection`."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.paused = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer):
        return None if self.paused else self.connection.receive_into(buffer)
