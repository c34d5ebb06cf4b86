"""An IMAP stream (RFC 9051) seen from outside: lines, literals, compression."""

import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

LITERAL = re.compile(rb"\{(\d+)\+?\}\r?\n$")


class Piece(NamedTuple):
    """A line with its end, or bytes of a literal.

    `first`: it begins a command or response; `last`: it ends one.
    """

    data: bytes
    first: bool
    last: bool


class Stream:
    """One direction of a connection, cut into pieces as its bytes come.

    The contents of a literal are payload and never taken for a line.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._literal = 0
        self.inside = False
        """Whether a command or response has begun and not ended."""
        self._inflate = None
        self._deflate = None

    def pieces(self, wire: bytes) -> Iterator[Piece]:
        """What has become complete with the bytes `wire`, as they were sent."""
        self._buffer += self._plain(wire)
        while self._buffer:
            if self._literal:
                data = self._take(min(self._literal, len(self._buffer)))
                self._literal -= len(data)
                yield Piece(data, False, False)
                continue
            end = self._buffer.find(b"\n")
            if end < 0:
                return
            line = self._take(end + 1)
            announced = LITERAL.search(line)
            first, self.inside = not self.inside, bool(announced)
            self._literal = int(announced[1]) if announced else 0
            yield Piece(line, first, not announced)

    def refuse_literal(self) -> None:
        """The literal just announced is not sent: it was refused instead of awaited."""
        self._literal, self.inside = 0, False

    def compress(self) -> None:
        """From here on the stream is deflated (RFC 4978), both ways through us."""
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        rest = self._take(len(self._buffer))
        self._buffer += self._plain(rest)

    def wire(self, plain: bytes) -> bytes:
        """`plain` as it has to be sent on."""
        if not self._deflate:
            return plain
        return self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def _plain(self, wire: bytes) -> bytes:
        return self._inflate.decompress(wire) if self._inflate else wire

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
