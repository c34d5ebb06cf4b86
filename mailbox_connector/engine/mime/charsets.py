"""Bytes to text, whatever charset a message declares."""

from __future__ import annotations

import codecs
from functools import lru_cache

#: Names that Python does not know, and names that in practice mean a larger charset
#: (as in the WHATWG encoding standard).
_ALIASES = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb2312-80": "gb18030",
    "cp936": "gb18030",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "latin-1": "windows-1252",
    "iso8859-1": "windows-1252",
    "iso-8859-9": "windows-1254",
    "iso-8859-8-i": "windows-1255",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-6-e": "iso-8859-6",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "x-big5": "big5hkscs",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-unknown": "utf-8",
    "unknown-8bit": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "ansi_x3.4-1968": "utf-8",
    "8bit": "utf-8",
    "default": "utf-8",
    "utf8": "utf-8",
    "utf-8-sig": "utf-8-sig",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "x-utf-8": "utf-8",
    "x-user-defined": "windows-1252",
    "iso-2022-jp": "iso2022_jp_ext",
}


@lru_cache(maxsize=256)
def codec_name(charset: str) -> str:
    """The Python codec for a declared charset; '' if there is none for text."""
    name = charset.strip().strip("\"'").lower().replace(" ", "-")[:40]
    name = name.removeprefix("charset=")
    if name.startswith("cp-"):
        name = name.replace("cp-", "windows-")
    name = _ALIASES.get(name, name)
    if not name.isascii():
        return ""
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # rot13, base64 and the like are codecs too, but not for text.
    return info.name if getattr(info, "_is_text_encoding", True) else ""


def decode(content: bytes, charset: str = "") -> str:
    """Text of ``content``: as declared, else UTF-8, else windows-1252.

    Never raises; NUL (which PostgreSQL refuses) and lone surrogates are removed.
    """
    name = codec_name(charset) if charset else ""
    if content.isascii() and name in ("", "utf-8", "cp1252"):
        return content.decode("ascii").replace("\0", "")
    text = None
    for candidate in dict.fromkeys((name, "utf-8")):
        if candidate:
            try:
                text = content.decode(candidate)
                break
            except (UnicodeError, ValueError):
                continue
    if text is None:
        text = _lenient(content, name)
    return text_only(text.removeprefix("\ufeff"))


def _lenient(content: bytes, name: str) -> str:
    """Decode text with a few invalid bytes, which become U+FFFD."""
    if name and name not in ("cp1252", "utf-8"):
        text = content.decode(name, "replace")
        if text.count("\ufffd") * 20 <= len(text):
            return text
    text = content.decode("utf-8", "replace")
    if text.count("\ufffd") * 200 <= len(text):  # cut in the middle of a character
        return text
    return content.decode("windows-1252", "replace")


def from_raw(text: str) -> str:
    """Raw 8-bit octets that a parser kept as surrogate escapes, decoded."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    try:
        return decode(text.encode("ascii", "surrogateescape"))
    except UnicodeEncodeError:  # already text
        return text_only(text)


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
