"""Raw octets to a tree of MIME parts, within bounds (RFC 2045, RFC 2046).

The standard library's parser reads every line of every attachment and recurses into
nested parts. This one searches for boundaries in the octets: ten times as fast, without
recursion, and the bounds are checked before the work is done. An attached message is a
leaf: it becomes a file.
"""

from __future__ import annotations

import binascii
import email.message
import re
from collections.abc import Iterator

from ..errors import ImportFailure, MessageError
from ..types import HeaderFields
from . import charsets, header_block, words

MAX_SIZE = 80_000_000
MAX_DEPTH = 50
MAX_PARTS = 1_000

_TYPE = re.compile(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)\s*(;|\Z)", re.ASCII)
_PARAMETER = re.compile(r'\s*;\s*([\w-]+)\s*=\s*(?:"([^"\\]*)"|([^\s;"\\]+))', re.ASCII)
_FIRST_TYPES = ("text", "image", "audio", "video", "application", "message")
_FIRST_TYPES += ("multipart", "model", "font", "chemical")


class Part:
    """A message or a part of one: header fields, and a body or inner parts."""

    def __init__(self, headers: HeaderFields, default_type: str):
        """``headers``: lower-case names and raw unfolded values."""
        self.headers = headers
        self.body = b""
        self.parts: list[Part] = []
        self._default_type = default_type
        self._mimetype = ""
        self._type_parameters: dict[str, str] | None = None

    def get(self, name: str) -> str:
        """The first field of that (lower-case) name, raw; '' if there is none."""
        for field, value in self.headers:
            if field == name:
                return value
        return ""

    def get_all(self, name: str) -> list[str]:
        """All fields of that name, raw."""
        return [value for field, value in self.headers if field == name]

    @property
    def mimetype(self) -> str:
        """The type, lower-case; an invalid one counts as text (RFC 2045 section
        5.2)."""
        if not self._mimetype:
            self._mimetype = _mimetype(self.get("content-type"), self._default_type)
        return self._mimetype

    @property
    def disposition(self) -> str:
        """'attachment', 'inline', … or ''."""
        return self.get("content-disposition").partition(";")[0].strip().lower()

    def parameter(self, name: str, header: str = "content-type") -> str:
        """A decoded header parameter (RFC 2231; encoded words are accepted too)."""
        if header != "content-type":
            return _parameters(self.get(header)).get(name, "")
        if self._type_parameters is None:
            self._type_parameters = _parameters(self.get(header))
        return self._type_parameters.get(name, "")

    def octets(self) -> bytes:
        """The body with its transfer encoding undone; never raises."""
        encoding = self.get("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return _decode_base64(self.body)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
            return _uudecode(self.body)
        return self.body


def parse(raw: bytes) -> Part:
    """The message as a tree.

    :raises MessageError: too large, too deep or of too many parts
    """
    if len(raw) > MAX_SIZE:
        raise MessageError(ImportFailure.TOO_LARGE)
    if b"\n" not in raw[:100_000] and b"\r" in raw[:100_000]:
        raw = raw.replace(b"\r", b"\n")  # line ends of old Macintoshes
    start = 0
    while raw.startswith((b"From ", b">From "), start):  # a mailbox file's own line
        start = raw.find(b"\n", start) + 1
        if not start:
            start = len(raw)
    message, body = _part(raw, start, len(raw), "text/plain", is_message=True)
    # Parts to be split: the part, start and end of its body, depth.
    todo = [(message, body, len(raw), 0)]
    count = 1
    while todo:
        part, start, end, depth = todo.pop()
        spans = _split(raw, start, end, part)
        if not spans:
            part.body = raw[start:end]
            continue
        count += len(spans)
        if count > MAX_PARTS:
            raise MessageError(ImportFailure.TOO_MANY_PARTS)
        if depth >= MAX_DEPTH:
            raise MessageError(ImportFailure.NESTED_TOO_DEEPLY)
        digest = part.mimetype == "multipart/digest"
        default = "message/rfc822" if digest else "text/plain"
        for low, high in spans:
            child, body = _part(raw, low, high, default)
            part.parts.append(child)
            todo.append((child, body, high, depth + 1))
    return message


def leaves(message: Part) -> Iterator[tuple[Part, tuple[Part, ...]]]:
    """Every part that has a body, with its multiparts, outermost first."""
    stack: list[tuple[Part, tuple[Part, ...]]] = [(message, ())]
    while stack:
        part, parents = stack.pop()
        if part.parts:
            inner = (*parents, part)
            stack.extend((child, inner) for child in reversed(part.parts))
        else:
            yield part, parents


def _part(
    raw: bytes, start: int, end: int, default_type: str, *, is_message: bool = False
) -> tuple[Part, int]:
    """A part with its header fields, and where its body starts."""
    headers, body = header_block.split(raw, start, end, is_message=is_message)
    return Part(headers, default_type), body


def _split(raw: bytes, start: int, end: int, part: Part) -> list[tuple[int, int]]:
    """Start and end of the inner parts of a multipart; empty if it is not one."""
    if not part.mimetype.startswith("multipart/"):
        return []
    name = part.parameter("boundary").rstrip()
    if not name:
        return []
    delimiter = b"--" + name.encode("utf-8", "surrogateescape")
    spans: list[tuple[int, int]] = []
    opened = -1
    position = start
    while line := _next_delimiter(raw, delimiter, start, position, end):
        line_start, line_end, is_last = line
        if opened >= 0:
            spans.append((opened, _without_line_end(raw, opened, line_start)))
            if len(spans) > MAX_PARTS:
                raise MessageError(ImportFailure.TOO_MANY_PARTS)
        if is_last:
            return spans
        opened = min(line_end + 1, end)
        position = max(opened - 1, line_start + 1)
    if opened >= 0:  # the closing delimiter is missing
        spans.append((opened, end))
    return spans


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


def _mimetype(value: str, default: str) -> str:
    match = _TYPE.match(value)
    if not match:
        return "text/plain" if value.strip() else default
    kind = match[1].lower()
    known = kind.partition("/")[0] in _FIRST_TYPES or kind.startswith("x-")
    return kind if known else "application/octet-stream"


def _parameters(value: str) -> dict[str, str]:
    """Decoded parameters of a Content-Type or Content-Disposition value."""
    start = value.find(";")
    if start < 0:
        return {}
    found: dict[str, str] = {}
    position = start
    while match := _PARAMETER.match(value, position):
        found.setdefault(match[1].lower(), match[2] or match[3] or "")
        position = match.end()
    if value[position:].strip(" ;"):
        found = _odd_parameters(charsets.from_raw(value))
    return {name: words.text(text) for name, text in found.items()}


def _odd_parameters(value: str) -> dict[str, str]:
    """Parameters with continuations, charsets or escapes, by the standard library."""
    holder = email.message.Message()
    holder["Content-Type"] = value[:20_000]
    try:
        parameters = holder.get_params([])
    except Exception:  # broken parameters are none
        return {}
    found: dict[str, str] = {}
    for name, text in parameters[1:]:
        if isinstance(text, tuple):
            charset, _language, encoded = text
            raw = (encoded or "").encode("latin-1", "replace")
            text = charsets.decode(raw, charset or "")
        found.setdefault(name.lower(), text)
    return found


def _decode_base64(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        # Cut off, or followed by a text that a mailing list added.
        head = re.split(rb"=[^A-Za-z0-9+/]*(?![A-Za-z0-9+/])", body, maxsplit=1)[0]
        clean = re.sub(rb"[^A-Za-z0-9+/]", b"", head)
        clean = clean[: len(clean) - (len(clean) % 4 == 1)]
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def _uudecode(body: bytes) -> bytes:
    holder = email.message.Message()
    holder["Content-Transfer-Encoding"] = "x-uuencode"
    holder.set_payload(body.decode("ascii", "surrogateescape"))
    try:
        content = holder.get_payload(decode=True)
    except Exception:  # a broken encoding leaves it encoded
        content = None
    return content if isinstance(content, bytes) else body
