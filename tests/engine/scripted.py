"""A server that plays a script: for what real servers will not do."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from pathlib import Path

HANG = object()
CLOSE = object()

PASSWORD = "a secret word"
GREETING = (None, b"* OK ready\r\n")
EXAMINE = (
    rb" EXAMINE",
    b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 9] ok\r\n%t OK done\r\n",
)


def capability(*names: str):
    words = " ".join(("IMAP4rev1", *names)).encode()
    return (rb" CAPABILITY", b"* CAPABILITY %b\r\n%%t OK done\r\n" % words)


def signed_in(*names: str, greeting=GREETING):
    """A server's part of a whole log-in."""
    done = b"%%t OK [CAPABILITY IMAP4rev1 %b] in\r\n" % " ".join(names).encode()
    return [greeting, capability(), (rb" LOGIN", done)]


def opened(play, *script, caps=(), **kwargs):
    """A session that has signed in; ``play``: the fixture of that name."""
    session = play([*signed_in(*caps), *script], **kwargs)
    session.open()
    return session


class ScriptedServer:
    """Accepts connections on a free local port and plays ``script`` on each.

    :param script: pairs (pattern, answer): when a line arrives that matches the
        first pattern left, the answer is sent (``%t`` in it is the line's tag, ``%l``
        that of the last command with a literal).
        A pattern of None speaks without being asked. Answers :data:`HANG`
        (say no more) and :data:`CLOSE` (hang up) end it; several answers, a tuple
        or any iterable (an endless one too), are sent one after the other.
    :param certificate: (certificate, key): TLS from the first byte
    """

    def __init__(self, script, certificate: tuple[Path, Path] | None = None):
        self.script = script
        self.received: list[bytes] = []
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*map(str, certificate))
        self._stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """Close everything."""
        self._stopping.set()
        for sock in (self._socket, *self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _address = self._socket.accept()
            except OSError:
                return
            self._connections.append(sock)
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._context:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._connections.append(sock)
            self._play(sock, sock.makefile("rb"))

    def _play(self, sock: socket.socket, reader) -> None:
        literal = b""
        for pattern, answers in self.script:
            tag = b""
            if pattern is not None:
                line = self._await(reader, pattern)
                if line is None:
                    return
                tag = line.split(b" ", 1)[0]
                if line.endswith(b"}\r\n"):
                    literal = tag
            single = isinstance(answers, bytes) or answers in (HANG, CLOSE)
            for answer in (answers,) if single else answers:
                if answer is HANG:
                    self._stopping.wait(30)
                    return
                if answer is CLOSE:
                    sock.shutdown(socket.SHUT_RDWR)
                    sock.close()
                    return
                sock.sendall(answer.replace(b"%t", tag).replace(b"%l", literal))
        self._stopping.wait(30)

    def _await(self, reader, pattern: bytes) -> bytes | None:
        while line := reader.readline():
            self.received.append(line)
            if re.search(pattern, line, re.I):
                return line
        return None
