"""winmail.dat: the body and the files that Outlook packed into one (MS-OXTNEF).

Why we do not use ``tnefparse``: it recurses into messages within messages without a
bound and allocates what a count in the file tells it to. Here every length is checked
against what is there, and nothing recurses: a message within is left to the caller.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from . import charsets, rtf

#: Types that it is sent with.
TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
MAX_FILES = 500
#: Attributes and properties of one stream.
MAX_ATTRIBUTES = 20_000
MAX_PROPERTIES = 5_000

_SIGNATURE = 0x223E9F78
_MESSAGE, _FILE = 1, 2
# Attributes, by the lower half of their tag (MS-OXTNEF section 2.1.3.3).
_FILE_STARTS, _FILE_DATA, _FILE_TITLE = 0x9002, 0x800F, 0x8010
_FILE_NAME, _FILE_PROPERTIES = 0x9001, 0x9005
_SUBJECT, _BODY, _CODEPAGE, _PROPERTIES = 0x8004, 0x800C, 0x9007, 0x9003
_MESSAGE_CLASS = 0x8008
# Properties (MS-OXPROPS).
_CLASS, _TITLE, _SENT_AT, _TO, _CC = 0x001A, 0x0037, 0x0039, 0x0E04, 0x0E03
_SENDERS = ((0x5D01, 0x0C1A), (0x0C1F, 0x0C1A), (0x5D02, 0x0042), (0x0065, 0x0042))
_TEXT, _RTF, _HTML, _HTML_CODEPAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_CONTENT, _SHORT_NAME, _METHOD, _LONG_NAME = 0x3701, 0x3704, 0x3705, 0x3707
_MIMETYPE, _CONTENT_ID, _DISPLAY_NAME = 0x370E, 0x3712, 0x3001
# Properties of events have a name: a number in a set of its own (MS-OXOCAL). Here they
# are kept under that number and this flag.
_OF_EVENT = 0x10000
_EVENT_SET = uuid.UUID("00062002-0000-0000-c000-000000000046").bytes_le
_LOCATION, _START, _END = _OF_EVENT | 0x8208, _OF_EVENT | 0x820D, _OF_EVENT | 0x820E
_WHOLE_DAYS, _REPEATS = _OF_EVENT | 0x8215, _OF_EVENT | 0x8223
# Types of properties (MS-OXCDATA section 2.11.1): bytes of those that have a size.
_FIXED = {0x2: 4, 0x3: 4, 0x4: 4, 0x5: 8, 0x6: 8, 0x7: 8, 0xA: 4, 0xB: 4, 0x14: 8}
_FIXED |= {0x40: 8, 0x48: 16}
_STRING, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0xD, 0x102
_SEVERAL = 0x1000
_IS_MESSAGE = uuid.UUID("00020307-0000-0000-c000-000000000046").bytes_le
_IS_STORAGE = uuid.UUID("0000000b-0000-0000-c000-000000000046").bytes_le

Properties = dict[int, "int | bytes | str"]


@dataclass
class File:
    """A file of a TNEF stream.

    ``mimetype`` and ``content_id`` may be "". ``is_message``: the content is a TNEF
    stream of its own, an attached message.
    """

    name: str
    content: bytes = field(repr=False)
    mimetype: str = ""
    content_id: str = ""
    is_message: bool = False


class Broken(ValueError):
    """Not a TNEF stream, or a damaged one: nothing of it can be relied on."""


class Stream:
    """One TNEF stream, read.

    ``subject``, ``sender`` ("Name <address>"), ``to`` and ``cc`` as people write them,
    ``sent_at``: naive UTC or None; for a message within another one. ``is_whole``:
    False if something follows that can't be read.

    :raise Broken: the constructor alone
    """

    def __init__(self, data: bytes):
        if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
            raise Broken
        self.files: list[File] = []
        self._charset = "windows-1252"
        self._properties: Properties = {}
        self._old: dict[int, bytes] = {}
        self._file: dict[int, bytes] = {}
        self._file_properties: Properties | None = None
        attributes = _Attributes(data)
        for level, name, content in attributes:
            if level == _FILE:
                self._take_of_file(name, content)
            elif name == _PROPERTIES:
                self._properties |= _properties(content, self._charset)
            elif name == _CODEPAGE and len(content) >= 4:
                self._set_codepage(content)
            elif level == _MESSAGE:
                self._old.setdefault(name, content)
        self._end_of_file()
        self.is_whole = attributes.is_whole

    # What a message has

    @property
    def message_class(self) -> str:
        return self._text(_CLASS) or self._old_text(_MESSAGE_CLASS)

    @property
    def subject(self) -> str:
        return self._text(_TITLE) or self._old_text(_SUBJECT)

    @property
    def to(self) -> str:
        return self._text(_TO)

    @property
    def cc(self) -> str:
        return self._text(_CC)

    @property
    def sender(self) -> str:
        for address, name in _SENDERS:
            email = self._text(address)
            if "@" in email:
                return f"{self._text(name)} <{email}>".strip()
        return self._text(_SENDERS[0][1])

    @property
    def sent_at(self) -> datetime | None:
        return self._moment(_SENT_AT)

    @property
    def event_times(self) -> tuple[datetime | None, datetime | None]:
        """Start and end of the event that the message is about, naive UTC."""
        return self._moment(_START), self._moment(_END)

    @property
    def location(self) -> str:
        return self._text(_LOCATION)

    @property
    def is_whole_days(self) -> bool:
        return self._flag(_WHOLE_DAYS)

    @property
    def is_repeated(self) -> bool:
        return self._flag(_REPEATS)

    def body(self) -> tuple[str, str]:
        """The richest body: ("text/html" or "text/plain", text); ("", "") if none."""
        source = self._properties.get(_HTML, b"")
        if isinstance(source, bytes):
            source = charsets.decode(source, self._html_charset())
        if isinstance(source, str) and source.strip():
            return "text/html", source
        from_html, from_rtf = self._rtf_body()
        if from_html.strip():
            return "text/html", from_html
        text = self._text(_TEXT) or self._old_text(_BODY) or from_rtf
        return ("text/plain", text) if text.strip() else ("", "")

    def _rtf_body(self) -> tuple[str, str]:
        compressed = self._properties.get(_RTF)
        if not isinstance(compressed, bytes):
            return "", ""
        return rtf.body(rtf.decompress(compressed))

    def _html_charset(self) -> str:
        number = self._properties.get(_HTML_CODEPAGE)
        if not isinstance(number, bytes):
            return self._charset
        return _codepage(int.from_bytes(number[:4], "little"))

    # How it is read

    def _set_codepage(self, content: bytes) -> None:
        self._charset = _codepage(int.from_bytes(content[:4], "little"))

    def _text(self, name: int) -> str:
        value = self._properties.get(name, "")
        return value if isinstance(value, str) else ""

    def _flag(self, name: int) -> bool:
        value = self._properties.get(name)
        return isinstance(value, bytes) and any(value[:2])

    def _moment(self, name: int) -> datetime | None:
        ticks = self._properties.get(name)
        if not isinstance(ticks, bytes) or len(ticks) != 8:
            return None
        try:  # 100 ns since 1601
            number = int.from_bytes(ticks, "little") // 10_000_000
            return datetime(1601, 1, 1) + timedelta(seconds=number)
        except OverflowError:
            return None

    def _old_text(self, name: int) -> str:
        return _string(self._old.get(name, b""), self._charset)

    def _take_of_file(self, name: int, content: bytes) -> None:
        if name == _FILE_STARTS:
            self._end_of_file()
            self._file_properties = {}
        elif name == _FILE_PROPERTIES:
            if self._file_properties is None:
                self._file_properties = {}
            self._file_properties |= _properties(content, self._charset)
        else:
            self._file.setdefault(name, content)

    def _end_of_file(self) -> None:
        """Add the file whose attributes have been read."""
        old, properties = self._file, self._file_properties or {}
        self._file, self._file_properties = {}, None
        content = properties.get(_CONTENT, old.get(_FILE_DATA, b""))
        if not isinstance(content, bytes) or not (content or old.get(_FILE_TITLE)):
            return
        if len(self.files) >= MAX_FILES:
            raise Broken

        def first(*names: int) -> str:
            found = (properties.get(name) for name in names)
            return next((one for one in found if one and isinstance(one, str)), "")

        file = File(
            first(_LONG_NAME)
            or _string(old.get(_FILE_NAME, b""), self._charset)
            or first(_SHORT_NAME)
            or _string(old.get(_FILE_TITLE, b""), self._charset)
            or first(_DISPLAY_NAME),
            content,
            first(_MIMETYPE).lower(),
            first(_CONTENT_ID),
        )
        if content.startswith(_IS_MESSAGE) and _is_stream(content[16:22]):
            file.name = first(_DISPLAY_NAME) or file.name
            file.content = content[16:]
            file.is_message = True
        elif content.startswith(_IS_STORAGE):
            file.content = content[16:]
        self.files.append(file)


def _is_stream(data: bytes) -> bool:
    return len(data) == 6 and struct.unpack_from("<I", data)[0] == _SIGNATURE


def _codepage(number: int) -> str:
    return "utf-8" if number in (65001, 20127) else f"cp{number}"


def _string(data: bytes, charset: str) -> str:
    return charsets.decode(data.split(b"\0", 1)[0], charset)


class _Attributes:
    """Iterates over level, lower half of the tag and content of each attribute."""

    def __init__(self, data: bytes):
        self.is_whole = False
        self._data = data

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        data, position = self._data, 6
        for _number in range(MAX_ATTRIBUTES):
            if position + 9 > len(data):
                self.is_whole = position >= len(data)
                return
            level, name, _type, length = struct.unpack_from("<BHHI", data, position)
            position += 9
            if level not in (_MESSAGE, _FILE) or position + length > len(data):
                return
            yield level, name, data[position : position + length]
            position += length + 2  # a checksum, which many get wrong


def _properties(data: bytes, charset: str) -> Properties:
    """MAPI properties by number: text as str, numbers and the rest as their octets.
    Those with a name (but for those of events) and those with several values are
    skipped. What is damaged ends the list.
    """
    found: Properties = {}
    reader = _PropertyReader(data)
    try:
        for _number in range(min(reader.number(), MAX_PROPERTIES)):
            kind, name = reader.numbers("<HH")
            if name >= 0x8000:
                name = reader.name()
            value = reader.value(kind & ~_SEVERAL, bool(kind & _SEVERAL))
            if value is None or not name:
                continue
            if kind == _UNICODE:
                text = charsets.decode(value, "utf-16-le")
                found.setdefault(name, text.partition("\0")[0])
            elif kind == _STRING:
                found.setdefault(name, _string(value, charset))
            else:
                found.setdefault(name, value)
    except (struct.error, Broken):
        pass
    return found


class _PropertyReader:
    """Reads values one after the other; all are padded to four octets."""

    def __init__(self, data: bytes):
        self._data = data
        self._position = 0

    def numbers(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(form, self._data, self._position)
        self._position += struct.calcsize(form)
        return found

    def number(self) -> int:
        return self.numbers("<I")[0]

    def octets(self, length: int) -> bytes:
        start = self._position
        if start + length > len(self._data):
            raise Broken
        self._position = start + length + -length % 4
        return self._data[start : start + length]

    def name(self) -> int:
        """The name of a named property: a GUID, and a number or a text. 0 if it is not
        one of an event."""
        names = self.octets(16)
        if self.number():
            self.octets(self.number())
            return 0
        number = self.number()
        return _OF_EVENT | number & 0xFFFF if names == _EVENT_SET else 0

    def value(self, kind: int, has_several: bool) -> bytes | None:
        """One value; None for several, which nothing here has."""
        if kind in _FIXED:
            if not has_several:
                return self.octets(_FIXED[kind])
            self.octets(self.number() * _FIXED[kind])
            return None
        if kind not in (_STRING, _UNICODE, _OBJECT, _BINARY):
            raise Broken  # its length is unknown
        count = self.number()
        value = None
        for _number in range(count):  # ends at the end of the data at the latest
            value = self.octets(self.number())
        return None if has_several else value
