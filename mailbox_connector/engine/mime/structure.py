"""Raw octets to a tree of MIME parts, within bounds (RFC 2045, RFC 2046).

The standard library's parser reads every line of every attachment and recurses into
nested parts. This one searches for boundaries in the octets: ten times as fast, without
recursion, and the bounds are checked before the work is done. An attached message is a
leaf: it becomes a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import ImportFailure, MessageError
from ..types import HeaderFields
from . import boundaries, header_block, media_types, parameters, transfer, words
from .boundaries import MAX_PARTS

MAX_SIZE = 80_000_000
MAX_DEPTH = 50
#: Multiparts of one message that are decoded before they are split.
MAX_ENCODED = 10

#: The header of a part after an empty line that should not be there.
_LATE_HEADER = re.compile(
    rb"\s*(?=Content-(?:Type|Transfer-Encoding|Disposition)[ \t]*:)", re.I
)
_ENCODED_FIELD = re.compile(rb"^Content-[^\n]*(?:\n[ \t][^\n]*)?\w=3D", re.M | re.I)
_READABLE = ("text/", "multipart/", "message/")
_VISIBLE = re.compile(rb"\S")


class Part:
    """A message or a part of one: header fields, and a body or inner parts.

    ``listed``: False for what is kept, but not shown among the files.
    """

    def __init__(self, headers: HeaderFields, default_type: str):
        """``headers``: lower-case names and raw unfolded values."""
        self.headers = headers
        self.body = b""
        self.parts: list[Part] = []
        #: Octets of the body before it was read; 0 if it has white space only.
        self.size = 0
        self.listed = True
        self._default_type = default_type
        self._mimetype = ""
        self._type_parameters: dict[str, str] | None = None
        self._decoded: transfer.Decoded | None = None

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
    def content_type(self) -> str:
        """The Content-Type field that counts, raw; '' if there is none."""
        return media_types.pick(self.get_all("content-type"))

    def change_type(self, mimetype: str) -> None:
        """Take it for another type than it declares."""
        self._mimetype = mimetype

    @property
    def mimetype(self) -> str:
        """The type, lower-case; an invalid one counts as text (RFC 2045 section
        5.2)."""
        if not self._mimetype:
            value = self.content_type
            self._mimetype = media_types.media_type(value, self._default_type)
        return self._mimetype

    @property
    def disposition(self) -> str:
        """'attachment', 'inline', … or ''."""
        for value in self.get_all("content-disposition"):
            words_of = parameters.without_comments(value.partition(";")[0]).split()
            if words_of and "=" not in words_of[0]:
                return words_of[0].strip("\"',").lower()
        return ""

    @property
    def encoding(self) -> str:
        """The transfer encoding, one of the constants of :mod:`.transfer`."""
        return transfer.encoding_of(self.get_all("content-transfer-encoding"))

    @property
    def boundary(self) -> str:
        """The boundary of a multipart, raw; '' if there is none."""
        return self._raw_parameter("boundary", "content-type")

    def parameter(self, name: str, header: str = "content-type") -> str:
        """A decoded header parameter (RFC 2231; encoded words are accepted too)."""
        raw = self._raw_parameter(name, header)
        return words.text(raw) if raw else ""

    def decoded(self) -> transfer.Decoded:
        """The body with its transfer encoding undone, and the text around it that is
        not part of the encoding; never raises."""
        if self._decoded is None:
            encoding = self.encoding
            if not encoding and not self.mimetype.startswith(_READABLE):
                encoding = transfer.missing_encoding(self.body)
            self._decoded = transfer.decode(self.body, encoding)
        return self._decoded

    def octets(self) -> bytes:
        """The body with its transfer encoding undone; never raises."""
        return self.decoded().content

    def _raw_parameter(self, name: str, header: str) -> str:
        if header != "content-type":
            for value in self.get_all(header)[: media_types.MAX_FIELDS]:
                if found := parameters.parse(value).get(name):
                    return found
            return ""
        if self._type_parameters is None:
            self._type_parameters = parameters.parse(self.content_type)
        return self._type_parameters.get(name, "")


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
    return _Reader().read(raw, start)


class _Reader:
    """Splits a message into its parts, without recursion."""

    def __init__(self):
        self._count = 1
        self._encoded = 0
        #: Parts to be split: the part, octets, start and end of its body, depth.
        self._todo: list[tuple[Part, bytes, int, int, int]] = []

    def read(self, raw: bytes, start: int) -> Part:
        """The message that begins there."""
        message, body = _part(raw, start, len(raw), "text/plain", is_message=True)
        self._todo.append((message, raw, body, len(raw), 0))
        while self._todo:
            part, source, start, end, depth = self._todo.pop()
            if not self._split(part, source, start, end, depth):
                part.body = source[start:end]
        return message

    def _split(self, part: Part, raw: bytes, start: int, end: int, depth: int) -> bool:
        """Find the inner parts; False if it is no multipart, or has no boundary."""
        if not part.mimetype.startswith("multipart/"):
            return self._split_unlike(part, raw, start, end, depth)
        found = _declared(part, raw, start, end)
        # A multipart must not be encoded, but some are (RFC 2045 section 6.4).
        encoded = part.encoding and (not found or _encoded_fields(raw, found.spans))
        if encoded and self._encoded < MAX_ENCODED:
            self._encoded += 1
            raw = transfer.decode(raw[start:end], part.encoding).content
            start, end = 0, len(raw)
            found = _declared(part, raw, start, end)
        found = found or boundaries.guess_split(raw, start, end)
        if not found:
            return False
        self._take(part, raw, found, depth)
        if not any(child.parts or child.size for child in part.parts):
            part.parts[:0] = _text_outside(raw, start, end, found.name)
        return True

    def _split_unlike(
        self, part: Part, raw: bytes, start: int, end: int, depth: int
    ) -> bool:
        """Split a multipart that is declared as a text, or not at all."""
        if part.boundary and part.mimetype.startswith("text/"):
            found = _declared(part, raw, start, end)
        elif not depth and not part.get("content-type"):
            begins = _VISIBLE.search(raw, start, end)
            if not begins or not raw.startswith(b"--", begins.start()):
                return False
            found = boundaries.guess_split(raw, start, end)
        else:
            return False
        if not found or not _LATE_HEADER.match(raw, *(found.spans or [(end, end)])[0]):
            return False
        part.change_type("multipart/mixed")
        self._take(part, raw, found, depth)
        return True

    def _take(
        self, part: Part, raw: bytes, found: boundaries.Split, depth: int
    ) -> None:
        """Give a multipart its parts, within bounds."""
        self._count += len(found.spans)
        if self._count > MAX_PARTS:
            raise MessageError(ImportFailure.TOO_MANY_PARTS)
        if found.spans and depth >= MAX_DEPTH:
            raise MessageError(ImportFailure.NESTED_TOO_DEEPLY)
        self._add_parts(part, raw, found, depth + 1)
        twins = [child.mimetype for child in part.parts] == ["text/plain", "text/html"]
        if twins and not media_types.is_regular(part.content_type):
            part.change_type("multipart/alternative")

    def _add_parts(
        self, part: Part, raw: bytes, found: boundaries.Split, depth: int
    ) -> None:
        """Read the parts, which are to be split in turn."""
        inner: list[Part] = []
        twin = -1
        for number, (low, high) in enumerate(found.spans):
            child, body = _inner_part(part, raw, low, high)
            inner.append(child)
            child.size = high - body if _VISIBLE.search(raw, body, high) else 0
            same = not child.size and parameters.octets(child.boundary) == found.name
            if twin < 0 and same and child.mimetype.startswith("multipart/"):
                twin = number
            else:
                self._todo.append((child, raw, body, high, depth))
        part.parts = inner
        if twin >= 0:  # of the same boundary: what is before the first end is its own
            inner[twin].parts = inner[twin + 1 : found.until]
            part.parts = inner[: twin + 1] + inner[max(found.until, twin + 1) :]


def _declared(part: Part, raw: bytes, start: int, end: int) -> boundaries.Split | None:
    """The parts by the boundary that is declared; None if it is not in the body."""
    declared = part.boundary
    names = dict.fromkeys((declared.rstrip(), declared.strip(" \"'")))
    for name in filter(None, names):
        found = boundaries.split(raw, start, end, parameters.octets(name))
        if found:
            return found
    return None


def _encoded_fields(raw: bytes, spans: list[tuple[int, int]]) -> bool:
    """Whether the fields of the parts are in quoted-printable, as no fields are."""
    return any(
        _ENCODED_FIELD.search(raw, start, min(end, start + 1_000))
        for start, end in spans
    )


def _inner_part(parent: Part, raw: bytes, start: int, end: int) -> tuple[Part, int]:
    """A part of a multipart, and where its body starts."""
    is_digest = parent.mimetype == "multipart/digest"
    default = "message/rfc822" if is_digest else "text/plain"
    part, body = _part(raw, start, end, default)
    if not part.headers and not is_digest:
        late = _LATE_HEADER.match(raw, body, end)
        if late:
            return _part(raw, late.end(), end, default)
    return part, body


def _text_outside(raw: bytes, start: int, end: int, name: bytes) -> list[Part]:
    """The text of a multipart whose parts are empty: it is before or after them."""
    text = boundaries.outside(raw, start, end, name)
    if not text:
        return []
    part = Part([], "text/plain")
    part.body = text
    return [part]


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
