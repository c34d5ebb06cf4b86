"""Where the parts of a multipart begin and end (RFC 2046 section 5.1.1)."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import ImportFailure, MessageError

MAX_PARTS = 1_000

#: Octets at the start of a body in which a boundary is guessed, and how many lines.
_GUESSED_IN = 1_000_000
_MAX_GUESSES = 20
_DASHES = re.compile(rb"^--([^\s][^\r\n]{0,250})\r?$", re.M)
_FIELD = re.compile(rb"\r?\n(?:Content-[A-Za-z-]+|MIME-Version)[ \t]*:", re.I)
#: What programs write in front of the parts, for those who see the source.
_NOTICE = re.compile(rb"multi-?part message|\bmime\b", re.I)


class Split(NamedTuple):
    """Parts of a multipart.

    ``name``: its boundary. ``spans``: start and end of each part. ``until``: how many
    of them are before its first end.
    """

    name: bytes
    spans: list[tuple[int, int]]
    until: int


def split(raw: bytes, start: int, end: int, name: bytes) -> Split | None:
    """The parts of the body between ``start`` and ``end``; None if the boundary
    ``name`` is not in it.

    A missing end is put up with, and so are parts after it.

    :raises MessageError: too many parts
    """
    spans: list[tuple[int, int]] = []
    opened = -1
    position = start
    found = False
    until = -1
    while line := _next_delimiter(raw, b"--" + name, start, position, end):
        line_start, line_end, is_last = line
        found = True
        if opened >= 0:
            spans.append((opened, _without_line_end(raw, opened, line_start)))
            if len(spans) > MAX_PARTS:
                raise MessageError(ImportFailure.TOO_MANY_PARTS)
        following = min(line_end + 1, end)
        opened = -1 if is_last else following
        if is_last and until < 0:
            until = len(spans)
        position = max(following - 1, line_start + 1)
    if opened >= 0:  # the closing delimiter is missing
        spans.append((opened, end))
    return Split(name, spans, until if until >= 0 else len(spans)) if found else None


def outside(raw: bytes, start: int, end: int, name: bytes) -> bytes:
    """Text before the first part and after the last one, unless it is the notice that
    mail programs put there."""
    first = last = -1
    position = start
    while line := _next_delimiter(raw, b"--" + name, start, position, end):
        first = line[0] if first < 0 else first
        last = min(line[1] + 1, end)
        position = max(last - 1, line[0] + 1)
    texts = (raw[start:first].strip(), raw[last:end].strip())
    return b"\n\n".join(one for one in texts if one and not _NOTICE.search(one[:500]))


def guess(raw: bytes, start: int, end: int) -> bytes:
    """The boundary of a multipart that does not tell; b"" if there is none.

    The first line of dashes and a name that occurs as an end too, or has fields of a
    part below it.
    """
    guessed_end = min(end, start + _GUESSED_IN)
    for number, match in enumerate(_DASHES.finditer(raw, start, guessed_end)):
        name = match[1].rstrip()
        if number >= _MAX_GUESSES:
            break
        if not name.strip(b"-_=*") or name.endswith(b"--"):
            continue
        closing = raw.find(b"\n--" + name + b"--", match.end(), end)
        if closing >= 0 or _FIELD.match(raw, match.end()):
            return name
    return b""


def guess_split(raw: bytes, start: int, end: int) -> Split | None:
    """The parts by a guessed boundary; None if there is none."""
    name = guess(raw, start, end)
    return split(raw, start, end, name) if name else None


def _next_delimiter(
    raw: bytes, delimiter: bytes, start: int, position: int, end: int
) -> tuple[int, int, bool] | None:
    """The next delimiter line of a multipart whose body begins at ``start``: where the
    line begins and ends, and whether it is the closing one."""
    while True:
        if position == start and raw.startswith(delimiter, start, end):
            found = start
        else:
            found = raw.find(b"\n" + delimiter, position, end) + 1
            if not found:
                return None
        line_end = raw.find(b"\n", found, end)
        line_end = end if line_end < 0 else line_end
        rest = raw[found + len(delimiter) : min(line_end, found + 400)].strip()
        if not rest or rest.startswith(b"--"):
            return found, line_end, bool(rest)
        position = found + 1  # another boundary that begins with this one


def _without_line_end(raw: bytes, start: int, end: int) -> int:
    """``end`` without the line end before a delimiter, which belongs to the
    delimiter."""
    if end > start and raw[end - 1 : end] == b"\n":
        end -= 1
        if end > start and raw[end - 1 : end] == b"\r":
            end -= 1
    return end
