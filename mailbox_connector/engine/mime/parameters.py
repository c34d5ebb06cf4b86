"""Parameters of Content-Type and Content-Disposition, however they are written
(RFC 2045 section 5.1, RFC 2231)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from . import charsets

#: Characters of an odd value that are read.
MAX_VALUE = 20_000

_REGULAR = re.compile(r'\s*;\s*([\w-]+)\s*=\s*(?:"([^"\\]*)"|([^\s;"\\]+))', re.ASCII)
_NAME = re.compile(r"([^\s=;,\"()<>]{1,100})\s*=\s*")
_GAP = re.compile(r"[\s;,]*")
#: Names that begin a parameter although the semicolon before them is missing.
_KNOWN = (
    r"(?:charset|boundary|name|filename|format|delsp|type|start|method|size|protocol"
    r"|micalg|report-type|creation-date|modification-date|read-date)\*?\d*\*?\s*="
)
_NEXT_KNOWN = re.compile(rf"[\s,]{_KNOWN}", re.I)
_AFTER_QUOTE = re.compile(rf"\s*(?:\Z|[;,(]|{_KNOWN})", re.I)
_NEXT_PARAMETER = re.compile(r";\s*[\w*-]+\s*=", re.ASCII)
_ESCAPED = re.compile(r"\\([^\w\s])", re.ASCII)
_QUOTED_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\(')
_PARENTHESIS = re.compile(r"\\.|[()]", re.S)
_TRAILING_COMMENT = re.compile(r"\s\([^()]*\)\s*\Z")
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,5}))?(\*)?", re.ASCII)
_EXTENDED = re.compile(r"\s*([\w.:+-]{0,40})'([\w-]{0,40})'(.*)", re.S | re.ASCII)
_HALF_EXTENDED = re.compile(r"([\w.:-]{2,40})'(?=.*%)", re.S | re.ASCII)


def parse(value: str) -> dict[str, str]:
    """Parameters of a raw value by lower-case name; the first one of a name counts.

    Extended ones (``name*``, ``name*0*``) are decoded and come before a plain one of
    that name (RFC 6266 section 4.3); plain ones are as they came, encoded words and
    8-bit octets included.
    """
    start = value.find(";")
    if start >= 0 and "=" not in value[:start]:
        found: dict[str, str] = {}
        position = start
        while match := _REGULAR.match(value, position):
            found.setdefault(match[1].lower(), match[2] or match[3] or "")
            position = match.end()
        if not value[position:].strip(" ;"):
            return found
    elif "=" not in value:
        return {}
    return _combine(_scan(value[:MAX_VALUE]))


def without_comments(value: str) -> str:
    """``value`` without what is in parentheses, but for that in quotes."""
    if "(" not in value:
        return value
    kept: list[str] = []
    position = 0
    for match in _QUOTED_OR_COMMENT.finditer(value):
        if match.start() < position or match[0] != "(":
            continue
        kept.append(value[position : match.start()])
        end = _comment_end(value, match.start())
        position = _next_semicolon(value, match.start()) if end < 0 else end
        if end < 0:
            break
    return " ".join((*kept, value[position:]))


def _comment_end(value: str, start: int) -> int:
    """Where the comment ends that starts there; -1 if it does not."""
    depth = 0
    for match in _PARENTHESIS.finditer(value, start):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if not depth:
                return match.end()
    return -1


def _next_semicolon(value: str, position: int) -> int:
    stop = value.find(";", position)
    return len(value) if stop < 0 else stop


def _scan(value: str) -> Iterator[tuple[str, str]]:
    """Names (lower-case) and raw values, in their order."""
    position = _first(value)
    closed = True  # no comment so far that never ends
    while position < len(value):
        position = _GAP.match(value, position).end()
        if closed and value.startswith("(", position):
            end = _comment_end(value, position)
            closed = end >= 0
            position = end if closed else _next_semicolon(value, position)
            continue
        match = _NAME.match(value, position)
        if not match:
            position = _next_semicolon(value, position) + 1
            continue
        read = _quoted if value.startswith('"', match.end()) else _unquoted
        text, position = read(value, match.end(), match[1].lower())
        yield match[1].lower(), text


def _first(value: str) -> int:
    """Where the parameters begin: after the type, which may be missing, as may be the
    semicolon."""
    stop = _next_semicolon(value, 0)
    if match := _NEXT_KNOWN.search(f" {value[:stop]}"):
        return match.start()
    return stop


def _quoted(value: str, start: int, _name: str) -> tuple[str, int]:
    """A value in quotes, and where it ends. Quotes within it may not be escaped, the
    last one may be missing."""
    first = end = _next_quote(value, start + 1)
    limit = len(value)
    if first < 0:
        match = _NEXT_PARAMETER.search(value, start)
        end = match.start() if match else len(value)
        return _unescaped(value[start + 1 : end].strip()), end
    while 0 <= end < limit:
        if _AFTER_QUOTE.match(value, end + 1):
            return _unescaped(value[start + 1 : end]), end + 1
        if end == first:
            match = _NEXT_PARAMETER.search(value, first)
            limit = match.start() if match else limit
        end = _next_quote(value, end + 1)
    return _unescaped(value[start + 1 : first]), limit


def _next_quote(value: str, position: int) -> int:
    """The next quote that is not escaped; -1 if there is none. A backslash before the
    last one is part of a path."""
    while (found := value.find('"', position)) >= 0:
        before = found
        while before > position and value[before - 1] == "\\":
            before -= 1
        if (found - before) % 2 == 0 or '"' not in value[found + 1 :]:
            return found
        position = found + 1
    return -1


def _unescaped(text: str) -> str:
    """Without quoted pairs; but a backslash before a letter is part of a path."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _unquoted(value: str, start: int, name: str) -> tuple[str, int]:
    """A value without quotes, which may have blanks in it, and where it ends."""
    stop = _next_semicolon(value, start)
    if match := _NEXT_KNOWN.search(value, start, stop):
        stop = match.start()
    text = value[start:stop].strip()
    bare = _TRAILING_COMMENT.sub("", text)
    # "offer (1)" is a name; after an ending, the parentheses are a comment.
    if not name.startswith(("filename", "name")) or re.search(r"\.\w{1,8}\Z", bare):
        text = bare
    return text.strip('"'), stop


def _combine(found: Iterator[tuple[str, str]]) -> dict[str, str]:
    """Values by name, extended and continued ones put together (RFC 2231)."""
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, text in found:
        match = _SECTION.fullmatch(name)
        if not match or not (match[2] or match[3]):
            plain.setdefault(name, text)
        elif match[2]:
            parts = sections.setdefault(match[1], {})
            parts.setdefault(int(match[2]), (text, bool(match[3])))
        else:
            extended.setdefault(match[1], _decode_extended(text))
    for name, parts in sections.items():
        extended.setdefault(name, _join([parts[number] for number in sorted(parts)]))
    for name, text in extended.items():
        if text and ("\ufffd" not in text or not plain.get(name)):
            plain[name] = text
    return plain


def _decode_extended(text: str) -> str:
    charset, text = _split_charset(text)
    return _decoded(unquote_to_bytes(octets(text)), charset)


def _join(parts: list[tuple[str, bool]]) -> str:
    """Sections in their order, each with whether it is percent-encoded."""
    if not any(encoded for _text, encoded in parts):
        return "".join(text for text, _encoded in parts)
    charset = ""
    joined = bytearray()
    for number, (text, encoded) in enumerate(parts):
        if number == 0:
            charset, text = _split_charset(text)
        raw = octets(text)
        joined += unquote_to_bytes(raw) if encoded else raw
    return _decoded(bytes(joined), charset)


def _split_charset(text: str) -> tuple[str, str]:
    """The charset in front of an extended value, and the rest."""
    text = text.strip('"')
    match = _EXTENDED.match(text)
    if match and (not match[1] or charsets.codec_name(match[1]) or "%" in match[3]):
        return match[1], match[3].strip('"')
    half = _HALF_EXTENDED.match(text)
    if half and charsets.codec_name(half[1]):
        return half[1], text[half.end() :]
    return "", text


def octets(text: str) -> bytes:
    """The octets of a raw value."""
    try:
        return text.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def _decoded(raw: bytes, charset: str) -> str:
    """UTF-8 is recognized also if the charset says Latin or nothing."""
    if charsets.codec_name(charset) in ("", "cp1252", "ascii"):
        charset = "utf-8" if _is_utf8(raw) else charset
    return charsets.decode(raw, charset)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
