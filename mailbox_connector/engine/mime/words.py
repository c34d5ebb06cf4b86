"""Text of header values: unfolding and encoded words (RFC 2047, RFC 2231)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from . import charsets

#: Longer header values are cut.
MAX_VALUE = 200_000

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*(?:\?(?!=)[^?]*){0,3})\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_FOLD = re.compile(r"\r?\n(?=[ \t])|[\r\n]+")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")
_PADDING = re.compile(rb"=+")


def unfold(value: str) -> str:
    """A folded header value as one line."""
    if "\n" in value or "\r" in value:
        value = _FOLD.sub("", value)
    return value.strip()


def decode_words(value: str, charset: str = "") -> str:
    """Text of a header value: encoded words and raw 8-bit octets decoded.

    Neighbouring words of one charset are joined before decoding, because some mail apps
    split a character. Invalid words stay as they are.

    :param charset: of raw octets that are not UTF-8
    """
    if "=?" not in value:
        return charsets.from_raw(value, charset)
    out: list[str] = []
    position = 0
    for start, end, label, content in _runs(value):
        out.append(charsets.from_raw(value[position:start], charset))
        out.append(charsets.decode(content, label))
        position = end
    out.append(charsets.from_raw(value[position:], charset))
    return "".join(out)


def _runs(value: str) -> Iterator[tuple[int, int, str, bytes]]:
    """Neighbouring encoded words of one charset: where they start and end, the charset
    and their octets. White space between two words is not part of the text, so a run
    of another charset starts where the one before ends."""
    words: list[tuple[str, str]] = []
    label = ""
    start = end = 0
    for match in _WORD.finditer(value):
        found = match[1].partition("*")[0].lower()  # RFC 2231 language tag
        if not match[3].isascii() and _raw(match[3]) is None:
            continue
        follows = bool(words) and not value[end : match.start()].strip()
        if words and not (follows and found == label):
            yield start, end, label, _join(words)
            words = []
        if not words:
            start = end if follows else match.start()
        words.append((match[2].lower(), match[3]))
        label, end = found, match.end()
    if words:
        yield start, end, label, _join(words)


def _join(words: list[tuple[str, str]]) -> bytes:
    """The octets of neighbouring words."""
    out: list[bytes] = []
    rest = b""
    for encoding, text in words:
        raw = _raw(text) or b""
        if encoding == "q":
            raw = raw.replace(b"_", b" ")
            octets = _HEX.sub(lambda match: bytes([int(match[1], 16)]), raw)
            out.append(_base64(rest) + octets)
            rest = b""
        else:
            rest += _NOT_BASE64.sub(b"", raw)
            if not _is_unfinished(rest):
                out.append(_base64(rest))
                rest = b""
    out.append(_base64(rest))
    return b"".join(out)


def _is_unfinished(coded: bytes) -> bool:
    """Whether base64 was split within a group of four digits: the digits at its end
    have bits of an octet that is not there."""
    digits = len(coded) % 4
    if not digits or b"=" in coded:
        return False
    spare = _DIGITS.find(coded[-1:]) & {1: 63, 2: 15, 3: 3}[digits]
    return digits == 1 or spare != 0


_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _base64(coded: bytes) -> bytes:
    """The octets of base64, also if it is padded in pieces, or not at all."""
    out = []
    for piece in _PADDING.split(coded):
        piece = piece[: len(piece) - (len(piece) % 4 == 1)]
        try:
            out.append(base64.b64decode(piece + b"=" * (-len(piece) % 4)))
        except (binascii.Error, ValueError):
            continue
    return b"".join(out)


def _raw(text: str) -> bytes | None:
    """The octets of an encoded text; None if it cannot be one."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None


def text(value: str | None, charset: str = "") -> str:
    """A header value as one clean line of text.

    :param charset: of raw octets that are not UTF-8, mostly that of the body
    """
    if not value:
        return ""
    clean = decode_words(unfold(value[:MAX_VALUE]), charset)
    if clean.isascii() and clean.isprintable():
        return clean.strip()
    printable = "".join(" " if c < " " or c == "\x7f" else c for c in clean)
    return printable.strip()
