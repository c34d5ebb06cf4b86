"""Text of header values: unfolding and encoded words (RFC 2047, RFC 2231)."""

from __future__ import annotations

import base64
import binascii
import re

from . import charsets

#: Longer header values are cut.
MAX_VALUE = 200_000

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*(?:\?(?!=)[^?]*){0,3})\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_FOLD = re.compile(r"\r?\n(?=[ \t])|[\r\n]+")


def unfold(value: str) -> str:
    """A folded header value as one line."""
    if "\n" in value or "\r" in value:
        value = _FOLD.sub("", value)
    return value.strip()


def decode_words(value: str) -> str:
    """Text of a header value: encoded words and raw 8-bit octets decoded.

    Neighbouring words of one charset are joined before decoding, because some mail apps
    split a character. Invalid words stay as they are.
    """
    if "=?" not in value:
        return charsets.from_raw(value)
    out: list[str] = []
    pending = b""
    pending_charset = ""
    position = 0
    for match in _WORD.finditer(value):
        gap = value[position : match.start()]
        content = _word_bytes(match[2], match[3])
        if content is None:
            continue
        charset = match[1].partition("*")[0].lower()  # RFC 2231 language tag
        if gap.strip() or not position or charset != pending_charset:
            if pending:
                out.append(charsets.decode(pending, pending_charset))
            pending = b""
            # White space between two words is not part of the text.
            if gap.strip() or not position:
                out.append(charsets.from_raw(gap))
        pending += content
        pending_charset = charset
        position = match.end()
    if pending:
        out.append(charsets.decode(pending, pending_charset))
    out.append(charsets.from_raw(value[position:]))
    return "".join(out)


def _word_bytes(encoding: str, text: str) -> bytes | None:
    """The octets of one encoded word; None if it is invalid."""
    try:
        raw = text.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return None
    if encoding in "qQ":
        raw = raw.replace(b"_", b" ")
        return _HEX.sub(lambda match: bytes([int(match[1], 16)]), raw)
    raw = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    if len(raw) % 4 == 1:
        raw = raw[:-1]
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        return None


def text(value: str | None) -> str:
    """A header value as one clean line of text."""
    if not value:
        return ""
    clean = decode_words(unfold(value[:MAX_VALUE]))
    if clean.isascii() and clean.isprintable():
        return clean.strip()
    printable = "".join(" " if c < " " or c == "\x7f" else c for c in clean)
    return printable.strip()
