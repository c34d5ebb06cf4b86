"""A compressed stream in both directions (RFC 4978 section 3)."""

from __future__ import annotations

import zlib

#: Compressed bytes that may come without producing any data.
MAX_IDLE = 1 << 20
#: Raw deflate, the largest window.
_WINDOW = -15


class DeflateError(ValueError):
    """The data is not a deflated stream, or one that never produces any data."""


class Deflate:
    """Compresses outgoing and decompresses incoming data, never more than requested."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(wbits=_WINDOW)
        self._unpacker = zlib.decompressobj(_WINDOW)
        self._packed = b""
        self._full = False
        self._idle = 0

    @property
    def pending(self) -> bool:
        """Whether :meth:`take` may return data without new input."""
        return bool(self._packed) or self._full

    @property
    def ended(self) -> bool:
        """Whether the server has ended its stream."""
        return self._unpacker.eof

    def pack(self, data: bytes) -> bytes:
        """``data`` compressed, ready to be sent."""
        return self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def feed(self, data: bytes) -> None:
        """Add compressed data from the network.

        :raises DeflateError: too much came without producing any data
        """
        self._packed += data
        self._idle += len(data)
        if self._idle > MAX_IDLE:
            raise DeflateError("a stream of nothing")

    def take(self, size: int) -> bytes:
        """Up to ``size`` decompressed bytes; empty when more input is needed.

        Never decompresses more, whatever the compression ratio is.

        :raises DeflateError: not a deflated stream
        """
        try:
            data = self._unpacker.decompress(self._packed, size)
        except zlib.error as exc:
            raise DeflateError(str(exc)) from exc
        self._packed = self._unpacker.unconsumed_tail
        self._full = len(data) == size
        if data:
            self._idle = 0
        return data
