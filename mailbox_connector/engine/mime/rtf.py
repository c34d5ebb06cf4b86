"""Bodies in RTF, as Outlook puts them into winmail.dat: the html or the text in them.

Compressed RTF is described in MS-OXRTFCP, html and text within RTF in MS-OXRTFEX.
"""

from __future__ import annotations

import html
import re
import struct
from dataclasses import dataclass, replace

from . import charsets

#: Bytes of RTF; of a larger one nothing is read.
MAX_RTF = 2_000_000
#: Groups within each other; what is deeper is not read.
MAX_GROUPS = 500

_PRESET = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss "
    b"\\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier"
    b"{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab"
    b"\\tx"
)
_WINDOW = 4_096
_COMPRESSED, _STORED = b"LZFu", b"MELA"


def decompress(data: bytes) -> bytes:
    """RTF from its compressed form; b"" if it is broken or too large. What was cut off
    gives what is there."""
    if len(data) < 16:
        return b""
    _size, raw_size, magic = struct.unpack_from("<II4s", data)
    if raw_size > MAX_RTF:
        return b""
    if magic == _STORED:
        return data[16 : 16 + raw_size]
    return _inflate(data, raw_size) if magic == _COMPRESSED else b""


def _inflate(data: bytes, raw_size: int) -> bytes:
    # The preset text is as if it had been written before; the window begins there.
    out = bytearray(_PRESET)
    start, wanted = len(out), len(out) + raw_size
    position = 16
    while position < len(data) and len(out) < wanted:
        flags = data[position]
        position += 1
        for bit in range(8):
            if not flags >> bit & 1:
                out += data[position : position + 1]
                position += 1
                continue
            if position + 2 > len(data):
                return bytes(out[start:wanted])
            pair = data[position] << 8 | data[position + 1]
            position += 2
            offset, length = pair >> 4, (pair & 15) + 2
            back = (len(out) - offset) % _WINDOW
            if not back:  # a reference to this very place: the end
                return bytes(out[start:wanted])
            if back > len(out):
                return b""
            for _octet in range(length):
                out.append(out[-back])
    return bytes(out[start:wanted])


_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])"
    rb"|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_BREAKS = {b"par": "\n", b"line": "\n", b"row": "\n", b"tab": "\t", b"cell": "\t"}
_CHARACTERS = {
    b"lquote": "\u2018",
    b"rquote": "\u2019",
    b"ldblquote": "\u201c",
    b"rdblquote": "\u201d",
    b"bullet": "\u2022",
    b"endash": "\u2013",
    b"emdash": "\u2014",
    b"emspace": "\u2003",
    b"enspace": "\u2002",
}
_SYMBOLS = {b"~": "\u00a0", b"_": "\u2011", b"{": "{", b"}": "}", b"\\": "\\"}
_SYMBOLS |= {b"\n": "\n", b"\r": "\n"}
#: Groups whose content is no text.
_HIDDEN = frozenset(
    (b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"header", b"footer")
    + (b"generator", b"listtable", b"listoverridetable", b"themedata", b"objdata")
    + (b"mhtmltag", b"nonshppict", b"filetbl", b"rsidtbl", b"fldinst", b"latentstyles")
)
_CHARSETS = {
    0: "windows-1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    134: "gb18030",
    136: "big5",
    161: "windows-1253",
    162: "windows-1254",
    163: "windows-1258",
    177: "windows-1255",
    178: "windows-1256",
    186: "windows-1257",
    204: "windows-1251",
    222: "cp874",
    238: "windows-1250",
}


def body(data: bytes) -> tuple[str, str]:
    """The html that was wrapped in RTF, or else its text: one of (html, ""), ("",
    text). Never raises."""
    reader = _Reader()
    for match in _TOKEN.finditer(data[:MAX_RTF]):
        if not reader.take(match):
            break
    text = reader.finish()
    return (text, "") if reader.from_html else ("", text.strip("\n"))


@dataclass(frozen=True)
class _Group:
    """What a group inherits and may change."""

    hidden: bool = False
    in_tag: bool = False
    only_rtf: bool = False
    charset: str = ""
    skip: int = 1


class _Reader:
    """Collects the text of RTF, token by token."""

    def __init__(self):
        self.from_html = False
        self._out: list[str] = []
        self._octets = bytearray()
        # How the octets collected so far are to be written.
        self._octets_charset = ""
        self._octets_in_tag = False
        self._group = _Group()
        self._groups: list[_Group] = []
        self._charset = "windows-1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._in_fonts = 0
        self._starred = False
        self._skipped = 0

    def take(self, match: re.Match) -> bool:
        """Read one token; False: no more can be read."""
        word, number, coded, symbol, brace, plain = match.groups()
        if brace:
            return self._brace(brace)
        if word:
            self._word(word.lower(), int(number) if number else None)
        elif coded:
            self._add_octets(bytes([int(coded, 16)]))
        elif symbol == b"*":
            self._starred = True
        elif symbol:
            self._add(_SYMBOLS.get(symbol, ""))
        elif plain:
            self._add_octets(plain)
        return True

    def finish(self) -> str:
        self._flush()
        return charsets.text_only("".join(self._out))

    def _brace(self, brace: bytes) -> bool:
        self._skipped = 0
        self._starred = False
        if brace == b"{":
            self._groups.append(self._group)
            return len(self._groups) <= MAX_GROUPS
        if self._groups:
            self._group = self._groups.pop()
            if len(self._groups) < self._in_fonts:
                self._in_fonts = 0
        return True

    def _word(self, word: bytes, number: int | None) -> None:
        if self._starred:
            self._starred = False
            in_tag = word == b"htmltag"
            self._change(hidden=not in_tag, in_tag=in_tag)
        elif word in _HIDDEN:
            self._change(hidden=True)
            if word == b"fonttbl":
                self._in_fonts = len(self._groups)
        elif word in _BREAKS:
            self._add("\r\n" if self.from_html and word == b"par" else _BREAKS[word])
        elif word in _CHARACTERS:
            self._add(_CHARACTERS[word])
        else:
            self._setting(word, number)

    def _setting(self, word: bytes, number: int | None) -> None:
        if word == b"fromhtml":
            self.from_html = number != 0
        elif word == b"htmlrtf":
            self._change(only_rtf=number != 0)
        elif number is None:
            return
        elif word == b"ansicpg":
            self._charset = f"cp{number}" if number != 65001 else "utf-8"
        elif word == b"uc":
            self._change(skip=min(max(number, 0), 10))
        elif word == b"u":
            self._add(chr(number & 0xFFFF))
            self._skipped = self._group.skip
        elif word == b"f":
            self._font = number
            if not self._in_fonts:
                self._change(charset=self._fonts.get(number, ""))
        elif word == b"fcharset" and self._in_fonts and len(self._fonts) < 1_000:
            self._fonts[self._font] = _CHARSETS.get(number, "")

    def _change(self, **changes) -> None:
        if any(getattr(self._group, name) != changes[name] for name in changes):
            self._group = replace(self._group, **changes)

    def _is_shown(self) -> bool:
        return not (self._group.hidden or self._group.only_rtf)

    def _add(self, text: str) -> None:
        if not self._is_shown():
            return
        self._flush()
        self._write(text, self._group.in_tag)

    def _add_octets(self, octets: bytes) -> None:
        """Octets of the current charset; characters may have several."""
        if self._skipped:  # instead of \\u, for readers without Unicode
            skipped = min(self._skipped, len(octets))
            self._skipped -= skipped
            octets = octets[skipped:]
        if not octets or not self._is_shown():
            return
        charset = self._group.charset or self._charset
        in_tag = self._group.in_tag
        if (charset, in_tag) != (self._octets_charset, self._octets_in_tag):
            self._flush()
            self._octets_charset, self._octets_in_tag = charset, in_tag
        self._octets += octets

    def _flush(self) -> None:
        if self._octets:
            text = charsets.decode(bytes(self._octets), self._octets_charset)
            self._octets = bytearray()
            self._write(text, self._octets_in_tag)

    def _write(self, text: str, in_tag: bool) -> None:
        """Text between the tags is plain: its special characters are tags' content."""
        if self.from_html and not in_tag:
            text = html.escape(text, quote=False)
        self._out.append(text)
