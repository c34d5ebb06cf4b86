"""Files that were put into the text itself (uuencode, POSIX.1 "uuencode")."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable

#: Files of one text; further ones stay text.
MAX_FILES = 100

_BEGIN = re.compile(
    rb"^begin(-base64)? (?:0?[0-7]{3}) ([^\r\n]{1,255}?)[ \t]*\r?\n", re.M
)
_END = re.compile(rb"end[ \t]*(?:\r?\n|\Z)")
_END_BASE64 = re.compile(rb"====[ \t]*(?:\r?\n|\Z)")


def may_have_files(text: bytes) -> bool:
    """A quick look, for the many texts that have none."""
    return text.startswith(b"begin") or b"\nbegin " in text or b"\nbegin-b" in text


def split(text: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The text without its files, and the files: name as sent, content.

    A file that has no end, no data or a line that is none of the encoding is text, as
    is prose with such words. Never raises; each line is read once.
    """
    kept: list[bytes] = []
    files: list[tuple[str, bytes]] = []
    position = copied = 0
    while len(files) < MAX_FILES and (begin := _BEGIN.search(text, position)):
        forms = (_END_BASE64, _base64_line) if begin[1] else (_END, _line)
        content, position = _file(text, begin.end(), *forms)
        if content:
            kept.append(text[copied : begin.start()])
            files.append((begin[2].decode("ascii", "surrogateescape"), content))
            copied = position
    kept.append(text[copied:])
    return b"".join(kept), files


def _file(
    text: bytes,
    position: int,
    ending: re.Pattern,
    decode: Callable[[bytes], bytes | None],
) -> tuple[bytes, int]:
    """The file that starts here, and where the text goes on; b"" if it is none: then
    the text goes on at the line that is not part of a file."""
    content: list[bytes] = []
    while position < len(text):
        if end := ending.match(text, position):
            return b"".join(content), end.end()
        stop = text.find(b"\n", position)
        stop = len(text) if stop < 0 else stop
        data = decode(text[position:stop].rstrip(b"\r"))
        if data is None:
            break
        content.append(data)
        position = stop + 1
    return b"", position


def _line(line: bytes) -> bytes | None:
    """The octets of one line; None if it is no such line."""
    if not line.strip():
        return b""
    count = (line[0] - 32) & 63
    needed = (count + 2) // 3 * 4
    coded = line[1:]
    # Spaces at the end, which stand for zeros, get lost; some programs add a checksum.
    if not 32 <= line[0] <= 96 or len(coded.rstrip()) > needed + 2:
        return None
    try:
        return binascii.a2b_uu(line[:1] + coded[:needed].ljust(needed))
    except binascii.Error:
        return None


def _base64_line(line: bytes) -> bytes | None:
    """The same for the other form of POSIX, begin-base64."""
    try:
        return binascii.a2b_base64(line, strict_mode=True)
    except binascii.Error:
        return None
