"""Bytes to text, whatever charset a message declares."""

from __future__ import annotations

import binascii
import codecs
import re

from . import iso2022
from .charset_guess import guess
from .charset_names import ISO_2022_CN, codec_name

__all__ = ["codec_name", "decode", "from_raw", "text_only"]

_CUT = "\ufffd"
_UTF_8 = ("", "utf-8")
_WESTERN = (*_UTF_8, "cp1252")
_ISO_2022 = {
    "iso2022_jp_ext": "jp",
    "iso2022_kr": "kr",
    ISO_2022_CN: "cn",
}
#: Charsets of 7 bits, and what their languages use otherwise.
_SEVEN_BIT = {
    "iso2022_jp_ext": "cp932",
    "iso2022_kr": "cp949",
    ISO_2022_CN: "gb18030",
    "hz": "gb18030",
    "utf-7": "",
}
_BYTE_ORDER = (b"\xff\xfe", b"\xfe\xff")
_UTF_16 = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
#: Larger or related charsets that a label often means.
_RELATED = {
    "cp932": ("shift_jis_2004",),
    "euc_jp": ("euc_jis_2004",),
    "big5hkscs": ("cp950",),
}
_MULTIBYTE = ("gb18030", "cp932", "cp949", "big5hkscs", "euc_jp", "johab")

#: Longer texts become files: they are not looked at more closely.
_MAX_TEXT = 8_000_000

# Surrogate pairs, as Java and Oracle write characters of four octets (CESU-8).
_SURROGATES = rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]"
#: Valid characters of several octets (RFC 3629 section 4).
_SEQUENCE = re.compile(
    _SURROGATES + rb"|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_BROKEN_LINE = re.compile(rb"\x1b\$[@B][!-~]+[\r\n]")
_CUT_AT_START = re.compile(rb"[\x80-\xbf]{1,3}")
_CUT_AT_END = re.compile(
    rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
_SURROGATE_PAIR = re.compile(_SURROGATES)
#: Octets on both sides of a broken character that tell what script it is in.
_NEAR = 1_000
_THREE = rb"[\xe0\xe1\xe3-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
_FOUR = rb"[\xf0-\xf4][\x80-\xbf]{3}"
#: What a text of windows-1252 may begin with: quotation marks, dashes, "€", "£", "¿".
_OPENING = b"\x80\x84\x91\x93\x96\x97\xa3\xab\xbf"
_ASCII = bytes(range(128))
_UTF_7 = re.compile(r"\+([A-Za-z0-9+/]*)-?")


def decode(content: bytes, charset: str = "") -> str:
    """Text of ``content``: as declared, unless its octets prove another charset.

    Without a charset, or if the declared one does not fit: the one that breaks fewer
    characters, UTF-8 before others; windows-1252 if there is nothing to tell. Never
    raises; NUL (which PostgreSQL refuses) and lone surrogates are removed.
    """
    name = codec_name(charset) if charset else ""
    if content.isascii():
        if name in _WESTERN and b"\x1b" not in content and b"~" not in content:
            return content.decode("ascii").replace("\0", "")
        text = _seven_bit(content, name)
    elif len(content) > _MAX_TEXT:
        text = _strict(content, ("utf-8",) if name in _UTF_8 else (name,), name)
    else:
        text = _eight_bit(content, name)
    return text_only(text.removeprefix("\ufeff"))


def _seven_bit(content: bytes, name: str) -> str:
    if name in _ISO_2022:
        return _escaped(content, name)
    if name == "utf-7":
        return _utf_7(content)
    if name == "hz" or (name in _WESTERN and iso2022.is_hz(content)):
        return iso2022.decode_hz(content)
    if name in _UTF_16:  # some programs convert the text and keep the label
        name = name if b"\0" in content else "ascii"
        return _strict(content, (name,), name)
    if iso2022.is_unmistakable(content):
        korean = b"\x1b$)C" in content
        chinese = b"\x1b$)A" in content or b"\x1b$)G" in content
        return iso2022.decode(content, "kr" if korean else "cn" if chinese else "jp")
    return _strict(content, (name or "ascii", "ascii"), name)


def _strict(content: bytes, candidates: tuple[str, ...], name: str) -> str:
    """Text in the first charset that fits, else in ``name`` with U+FFFD."""
    text = _first_valid(content, candidates)
    name = "utf-8" if not name or name == ISO_2022_CN else name
    return content.decode(name, "replace") if text is None else text


def _first_valid(content: bytes, candidates: tuple[str, ...]) -> str | None:
    for candidate in candidates:
        try:
            return content.decode(candidate)
        except (UnicodeError, ValueError):
            continue
    return None


def _escaped(content: bytes, name: str) -> str:
    text = None
    # Python's codec is fast, but knows no shifts, and no line that was broken.
    is_odd = b"\x0e" in content or _BROKEN_LINE.search(content)
    if name == "iso2022_jp_ext" and not is_odd:
        text = _first_valid(content, (name,))
    return iso2022.decode(content, _ISO_2022[name]) if text is None else text


def _utf_7(content: bytes) -> str:
    text = _first_valid(content, ("utf-7",))
    if text is None:
        text = _UTF_7.sub(_utf_7_run, content.decode("ascii", "replace"))
    return text


def _utf_7_run(match: re.Match) -> str:
    """A marked run of UTF-7 (RFC 2152); as it is if it cannot be one."""
    coded = match[1]
    if not coded:
        return "+"
    if len(coded) % 4 == 1:
        return match[0]
    try:
        raw = binascii.a2b_base64(coded + "=" * (-len(coded) % 4))
        return raw[: len(raw) // 2 * 2].decode("utf-16-be")
    except (binascii.Error, UnicodeError):
        return match[0]


def _eight_bit(content: bytes, name: str) -> str:
    if name in _SEVEN_BIT:
        # 7-bit by its label, but another charset by its octets.
        if name in _ISO_2022 and b"\x1b$" in content:
            return iso2022.decode(content, _ISO_2022[name])
        return _most_valid(content, _SEVEN_BIT[name])
    if name in _UTF_16 or content.startswith(_BYTE_ORDER):
        text = None if b"\0" in content else _first_valid(content, ("utf-8",))
        wide = name if name in _UTF_16 else "utf-16"
        return _strict(content, (wide,), wide) if text is None else text
    if name in _UTF_8:
        text = _first_valid(content, ("utf-8",))
    elif _is_evidently_utf_8(content, name):
        text = content.decode("utf-8", _MIXED)
    else:
        text = _first_valid(content, (name, *_RELATED.get(name, ())))
    return _most_valid(content, name) if text is None else text


def _is_evidently_utf_8(content: bytes, name: str) -> bool:
    """Whether octets that are labelled otherwise are UTF-8: they are valid, and it is
    no coincidence ("É»" of windows-1252 is one valid character). The last character
    may be cut."""
    end = _CUT_AT_END.search(content, max(len(content) - 3, 0))
    try:
        text = content[: end.start() if end else None].decode("utf-8")
    except UnicodeDecodeError:
        return False
    several = [one for one in text[:2_000] if one > "\x7f"][:50]
    if name in _MULTIBYTE:
        return len(several) > 1 and any(one > "\u07ff" for one in several)
    # Leads are "Â", "Ã" and "â" of windows-1252, which no symbol follows.
    return len(several) > 1 or any(one < "\u0100" or one > "\u07ff" for one in several)


def _most_valid(content: bytes, name: str) -> str:
    """Text of octets that are not valid in the declared charset: decoded in the one in
    which fewer are broken."""
    text = _first_valid(content, ("utf-8",))
    if text is not None:
        return text
    valid, broken = _count(content)
    if name not in _WESTERN:
        text = content.decode(name, "replace")
        cut = text.count(_CUT)
        good = len(text) - len(text.encode("ascii", "ignore")) - cut
        # Compared as shares.
        if good >= cut and cut * (valid + broken) <= broken * (good + cut):
            return text
    if not valid or valid < broken:
        likely = "" if name == "cp1252" else guess(content)
        if likely:
            return content.decode(likely, "replace")
        is_cut = name == "utf-8" and not broken and _CUT_AT_END.search(content)
        if broken > 20 * valid or not (valid or is_cut):
            return content.decode("cp1252", "replace")
    return content.decode("utf-8", _MIXED)


def _count(content: bytes) -> tuple[int, int]:
    """Valid characters of UTF-8 in a text, and octets that are in none; not those that
    a cut at the start or the end broke."""
    start = _CUT_AT_START.match(content)
    end = _CUT_AT_END.search(content, max(len(content) - 3, 0))
    content = content[start.end() if start else 0 : end.start() if end else None]
    rest, valid = _SEQUENCE.subn(b"", content)
    return valid, len(rest.translate(None, _ASCII))


_MIXED = "mailbox_connector_mixed"


def _decode_broken(error: UnicodeError) -> tuple[str, int]:
    """What is broken in a text of UTF-8: mostly pieces of windows-1252 that a program
    put in, and characters that were cut."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    content, start, end = error.object, error.start, error.end
    pair = _SURROGATE_PAIR.match(content, start)
    if pair:
        text = pair[0].decode("utf-8", "surrogatepass")
        return text.encode("utf-16", "surrogatepass").decode("utf-16"), pair.end()
    if content.startswith(b"\xc0\x80", start):  # NUL of Java
        return "", start + 2
    if _is_cut(content, start, end):
        return _CUT, end
    return content[start:end].decode("cp1252", "replace"), end


def _is_cut(content: bytes, start: int, end: int) -> bool:
    """Whether broken octets are what was left of a character of UTF-8."""
    lead = content[start]
    if lead < 0xC0:  # the rest of one, at the start; not a quotation mark, not "€"
        rest = _CUT_AT_START.match(content)
        is_rest = rest is not None and start < rest.end()
        return is_rest and (len(rest[0]) > 1 or lead not in _OPENING)
    if lead in b"\xc2\xc3":  # not "Â" or "Ã" in a word
        return not content[end : end + 1].isalpha()
    if lead == 0xE2 and end - start > 1:  # typographic marks
        return True
    # Of a script whose characters are whole nearby.
    near = content[max(start - _NEAR, 0) : end + _NEAR]
    if lead < 0xE0:
        script = rb"[\x%02x\x%02x][\x80-\xbf]" % (lead & 0xFE, lead | 1)
    else:
        script = _THREE if lead < 0xF0 else _FOUR
    return re.search(script, near) is not None


codecs.register_error(_MIXED, _decode_broken)


def from_raw(text: str, charset: str = "") -> str:
    """Text of a header in which a parser kept 8-bit octets as surrogate escapes:
    UTF-8 if it is valid (RFC 6532), else in ``charset``, else the most likely one."""
    if text.isascii():
        if "\x1b" in text:
            return decode(text.encode("ascii"))
        return text.replace("\0", "") if "\0" in text else text
    try:
        content = text.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:  # already text
        return text_only(text)
    decoded = _first_valid(content, ("utf-8",))
    return decode(content, charset) if decoded is None else text_only(decoded)


def text_only(text: str) -> str:
    """Without NUL and lone surrogates, which no database accepts."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
