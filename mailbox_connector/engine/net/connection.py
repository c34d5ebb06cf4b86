"""A socket to a mail server that obeys deadlines and whose failures have a kind."""

from __future__ import annotations

import io
import selectors
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import EngineError, Field, Kind
from ..types import Endpoint
from .deadline import Deadline
from .deflate import Deflate, DeflateError
from .observer import NOBODY, Observer
from .resolver import endpoint_error, idna_host
from .tls import encryption_of, tls_context, tls_error

#: Seconds a server may be silent while we wait for it.
READ_TIMEOUT = 60.0
#: Seconds a TLS handshake may take.
HANDSHAKE_TIMEOUT = 15.0
#: Bytes asked for or sent at once: memory is taken as the data comes.
MAX_CHUNK = 1 << 20
#: Compressed bytes read at once.
PACKED_CHUNK = 16_384


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

    def error(self, kind: Kind, **more) -> EngineError:
        """An error of this connection's side, host and port."""
        return endpoint_error(self.endpoint, kind, **more)

    def starttls(self) -> None:
        """Wrap the connection in verified TLS.

        :raises EngineError: the certificate is not this host's, or bytes came
            before the handshake (RFC 9051 section 11.1: they would be taken for
            answers given under TLS)
        """
        if self._buffered():
            raise self.error(Kind.STARTTLS_INJECTION, field=Field.SECURITY)
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
        """What is said inside has credentials in it: whoever looks on is told."""
        self._confidential = True
        try:
            yield
        finally:
            self._confidential = False

    def compress(self) -> None:
        """From here on both directions are deflated (RFC 4978).

        Nothing secret may be sent any more: its length would tell of it.
        """
        early = self._buffered()
        self._deflate = Deflate()
        self._deflate.feed(self._reader.read1(len(early)) if early else b"")

    @property
    def compressed(self) -> bool:
        """Whether the stream is deflated."""
        return self._deflate is not None

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
        """A line with its end, or what ``limit`` + 1 bytes hold of it."""
        line = self._reader.readline(limit + 1)
        self.observer.received(line, self._confidential)
        return line

    def read_exactly(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end of the stream.

        Memory is taken as the bytes come, not as they are announced.
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
        """What stands at the head of the stream, without consuming it."""
        return self._reader.peek(1)

    def readable(self, seconds: float) -> bool:
        """Whether something comes within that time."""
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
            raise self.error(Kind.PROTOCOL) from exc
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
        """What was read from the socket and not yet asked for."""
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
