"""The message that a bounce returns: attached, or copied below the words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..types import HeaderFields
from . import content, nesting, structure
from .delivery_status import MAX_TEXT, header_of
from .structure import Part

MESSAGE_TYPES = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "text/rfc822",
    "message/rfc822-headers",
    "message/global-headers",
    "message/partial",
    "message/news",
)
#: Lines of a copied header that are read.
MAX_LINES = 2_000

#: Fields that a copied header has at least some of.
_TYPICAL = frozenset(
    "from to cc subject date message-id received return-path reply-to mime-version"
    " content-type references in-reply-to sender x-mailer x-originating-ip".split()
)
#: Fields that only a whole header has, not a summary ("To: …, Subject: …, Sent: …").
_TRANSPORT = ("message-id", "received")
_FIELD = re.compile(r"([!-9;-~]{1,80}):(?=[ \t]|$)")
#: The line above a copy, of any server: "--- Below this line is a copy of the message."
_MARK = re.compile(
    r"^[ \t]{0,40}(?:"
    r"[-=*_|#]{2,90}.{0,80}?\b(?:cop(?:y|ie)|original|returned|unsent|undelivered"
    r"|forwarded|source mail|(?:message|mail) (?:header|text|body|content)|mensaje"
    r"|nachricht|mensagem|messaggio)\b"
    r"|(?:the )?(?:original message|message|mail)(?: headers?)? follows?\b"
    r"|(?:here|below|included|enclosed|attached) is (?:a )?(?:the )?copy of\b"
    r"|a copy of the (?:original )?(?:message|header)"
    r"|.{0,20}\b(?:first|top) \d{1,4} lines of"
    r"|your message reads\b|the header of the original"
    r").{0,500}$",
    re.I | re.M,
)


@dataclass(frozen=True)
class Returned:
    """What a bounce consists of.

    :ivar words: its own text, without the copy of the message
    :ivar header: of the message; empty if it is not returned
    :ivar attached: the message as it is attached, b"" if it is not
    :ivar is_copied: whether there is a copy, even if nothing can be read of it
    """

    words: str = ""
    header: HeaderFields = field(default_factory=list)
    attached: bytes = b""
    is_copied: bool = False


def read(message: Part) -> Returned:
    """The words of a bounce, and the message that it returns."""
    words: list[str] = []
    header: HeaderFields = []
    attached = b""
    is_copied = False
    for part, parents in structure.leaves(message):
        if part.mimetype in MESSAGE_TYPES or _is_named_message(part):
            attached = attached or part.octets()
            header = header or header_of(attached)
        elif parents and _is_whole_header(part.headers):
            # Some attach the message without the header of a part.
            header = header or part.headers
        elif not header and _is_text(part):
            whole = _text(part, with_html=not "".join(words).strip())
            text, header = split_copy(whole)
            is_copied = is_copied or len(text) < len(whole)
            words.append(text)
    is_copied = is_copied or bool(header or attached)
    return Returned("\n".join(words), header, attached, is_copied)


def split_copy(text: str) -> tuple[str, HeaderFields]:
    """The words of a text above a copied header, and the fields of that header."""
    lines = text.split("\n")
    for start, end in _paragraphs(lines):
        first = _first_field(lines, start, end)
        fields = _fields(lines[first:end])
        if _is_copy(fields):
            above = "\n".join(lines[:first])
            return _without_mark(above), fields
    return _without_mark(text), []


def _without_mark(text: str) -> str:
    for mark in _MARK.finditer(text):
        if "@" in text[: mark.start()]:  # else it is a title
            return text[: mark.start()]
    return text


def _paragraphs(lines: list[str]) -> Iterator[tuple[int, int]]:
    """First and last line + 1 of each run of lines that are not empty."""
    start = -1
    for number, line in enumerate([*lines, ""]):
        if line.strip():
            start = number if start < 0 else start
        elif start >= 0:
            yield start, min(number, start + MAX_LINES)
            start = -1


def _first_field(lines: list[str], start: int, end: int) -> int:
    """The line of a paragraph where a header begins; its end if nowhere."""
    for number in range(start, end):
        match = _FIELD.match(lines[number].strip())
        name = match[1].lower() if match else ""
        if name in _TYPICAL or name.startswith(
            ("x-", "dkim-", "arc-", "authentic", "list-")
        ):
            return number
    return end


def _fields(lines: list[str]) -> HeaderFields:
    """Fields of copied lines, indented or not, folded or wrapped anywhere."""
    margin = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    found: list[list[str]] = []
    for line in lines:
        inner = line[margin:] if not line[:margin].strip() else line
        match = _FIELD.match(inner)
        if match:
            found.append([match[1].lower(), inner[match.end() :].strip()])
        elif found:
            found[-1].append(inner.strip())
    return [(parts[0], " ".join(parts[1:])) for parts in found]


def _is_copy(fields: HeaderFields) -> bool:
    names = {name for name, _value in fields}
    return len(names & _TYPICAL) >= 2 and not names.isdisjoint(_TRANSPORT)


def _is_whole_header(fields: HeaderFields) -> bool:
    names = {name for name, _value in fields}
    return "from" in names and _is_copy(fields)


def _is_text(part: Part) -> bool:
    # A multipart without its boundary is a text, too.
    return part.mimetype in ("text/plain", "text/html") or part.mimetype.startswith(
        "multipart/"
    )


def _is_named_message(part: Part) -> bool:
    name = content.filename(part) if part.mimetype.startswith("application/") else ""
    return name.lower().endswith(".eml")


def _text(part: Part, *, with_html: bool) -> str:
    if part.mimetype == "text/html":
        return nesting.to_text(content.body_text(part)[:MAX_TEXT]) if with_html else ""
    return content.body_text(part)[:MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n")
