"""Where a header ends, and its fields (RFC 5322 section 2.2).

A line that is no field (what is left of a field that was broken, a mark of a filter)
does not end the header; only an empty line does. If the empty line before a body is
missing, the body must not be taken for such lines: so only fields that every reader
knows continue a header.
"""

from __future__ import annotations

import re

from ..types import HeaderFields
from . import words

#: Header fields of one part; further ones are ignored.
MAX_FIELDS = 1_000
#: Bytes of one header field; the rest is ignored.
MAX_FIELD = 500_000

_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
# A field continues in lines that begin with white space, or with a parameter.
_CONTINUES = rb"[ \t]|(?:boundary|charset|(?:file)?name|format)\*?[\d*]{0,4}="
_FIELD_END = re.compile(rb"\n(?!%s)" % _CONTINUES, re.I)
_UNFOLDED = re.compile(rb"\r?\n(?=%s)" % _CONTINUES, re.I)
_BARE_NAME = re.compile(rb"[!-9;-~]{1,200}")
_EMPTY = re.compile(rb"\r*\n")
_BLANKS = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*\r*\n){0,100}")
# An empty line, or the delimiter of a multipart if that is missing.
_HEADER_END = re.compile(rb"\n(?=\r*\n|--)")
_OF_PART = re.compile(rb"^content-[a-z-]{1,60}[ \t]*:", re.I | re.M)
_KNOWN = (
    rb"(?:from|to|b?cc|subject|date|message-id|reply-to|sender|in-reply-to|references"
    rb"|received|return-path|mime-version|delivered-to|envelope-to|errors-to"
    rb"|importance|priority|precedence|auto-submitted|user-agent|thread-(?:topic|index)"
    rb"|organi[sz]ation|dkim-signature|domainkey-signature|authentication-results"
    rb"|received-spf|mailing-list|feedback-id|disposition-notification-to"
    rb"|(?:content|x|list|resent|arc)-[\w-]{1,100})[ \t]*:"
)
_FIRST = re.compile(_KNOWN, re.I)
_OF_MESSAGE = re.compile(b"^" + _KNOWN, re.I | re.M)
# Each line has to end before the next: anything else takes exponential time.
_BASE64 = re.compile(
    rb"[A-Za-z0-9+/=]{16,}[ \t\r]*(?:\n[A-Za-z0-9+/=]{16,}[ \t\r]*)*"
    rb"(?:\n[A-Za-z0-9+/=]{1,15}[ \t\r]*)?(?:\n\s*)?"
)


def split(
    raw: bytes, start: int, end: int, *, is_message: bool
) -> tuple[HeaderFields, int]:
    """The fields of a header that begins at ``start``, and where the body begins.

    Names are lower-case, values raw and unfolded (8-bit as surrogate escapes).

    :param is_message: a whole message, which has a header; not a part of one, which may
        have none
    """
    found: HeaderFields = []
    position = first_line(raw, start, end) if is_message else start
    header_end = -1
    while position < end:
        match = _NAME.match(raw, position, end)
        if match:
            stop = _FIELD_END.search(raw, match.end(), end)
            position = stop.end() if stop else end
            if len(found) < MAX_FIELDS:
                limit = min(position, match.end() + MAX_FIELD)
                value = _value(raw[match.end() : limit])
                found.append((match[1].decode("ascii").lower(), value))
            continue
        if empty := _EMPTY.match(raw, position, end):
            return found, empty.end()
        if not (found or is_message) or raw.startswith(b"--", position):
            break
        if header_end < 0:
            blank = _HEADER_END.search(raw, position, end)
            header_end = blank.end() if blank else end
        known = _OF_MESSAGE if is_message else _OF_PART
        match = known.search(raw, position, header_end)
        if not match:
            position = _body(raw, position, header_end, found)
            break
        position = match.start()
    return found, min(position, end)


def fields(header: bytes) -> HeaderFields:
    """The fields of a header block without a body; whatever is no field is ignored."""
    found: HeaderFields = []
    for line in _UNFOLDED.sub(b"", header).split(b"\n"):
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        if colon and len(found) < MAX_FIELDS and _BARE_NAME.fullmatch(name):
            found.append((name.decode("ascii").lower(), _value(value)))
    return found


def first_line(raw: bytes, start: int, end: int) -> int:
    """Where the header of a message begins: after blank lines and a byte order mark,
    if a field follows."""
    blanks = _BLANKS.match(raw, start, end)
    if blanks and blanks.end() > start and _FIRST.match(raw, blanks.end(), end):
        return blanks.end()
    return start


def _value(value: bytes) -> str:
    # Most values need no unfolding once the line end is gone.
    return words.unfold(value[:MAX_FIELD].strip().decode("ascii", "surrogateescape"))


def _body(raw: bytes, position: int, header_end: int, found: HeaderFields) -> int:
    """Where the body begins if a line that is no field is the last one of the header,
    or the first one of a body without an empty line before it."""
    encoding = dict(found).get("content-transfer-encoding", "")
    if "base64" not in encoding.lower() or _BASE64.fullmatch(raw, position, header_end):
        return position
    empty = _EMPTY.match(raw, header_end)
    return empty.end() if empty else position
