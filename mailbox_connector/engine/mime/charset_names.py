"""Names of charsets as messages declare them, and the codecs they mean."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

#: Not a codec of Python: see :mod:`.iso2022`.
ISO_2022_CN = "iso2022_cn"

_ODD = re.compile(r"[^a-z0-9]+")
#: Names that Python does not know, and names that in practice mean a larger charset (as
#: in the WHATWG encoding standard); without anything but letters and digits.
_ALIASES = {
    **dict.fromkeys(
        ("gb2312", "gb231280", "gbk", "gb18030", "euccn", "eucgb2312cn", "csgb2312")
        + ("chinese", "gb", "gb2312hz", "isoir58", "macchinesesimp", "gb12345"),
        "gb18030",
    ),
    **dict.fromkeys(("hz", "hzgb", "hzgb2312"), "hz"),
    **dict.fromkeys(
        ("iso88591", "latin1", "l1", "isolatin1", "latin", "ansi", "msansi", "cp819")
        + ("ibm819", "userdefined", "iso8859", "iso885911987", "isoir100", "88591")
        + ("westerneuropean", "western"),
        "cp1252",
    ),
    **dict.fromkeys(("iso88592", "latin2", "l2", "isolatin2"), "iso8859-2"),
    **dict.fromkeys(("iso88599", "latin5", "l5", "isolatin5"), "cp1254"),
    **dict.fromkeys(("iso885915", "latin9", "l9", "latin0", "isolatin9"), "iso8859-15"),
    "iso88598i": "cp1255",
    "iso88598e": "iso8859-8",
    "iso88596i": "iso8859-6",
    "iso88596e": "iso8859-6",
    **dict.fromkeys(("iso885911", "tis620", "tis62025331", "thai"), "cp874"),
    **dict.fromkeys(
        ("shiftjis", "sjis", "mskanji", "csshiftjis", "windows31j", "cswindows31j")
        + ("macjapanese", "shiftjisms", "sjiswin", "sjisopen"),
        "cp932",
    ),
    **dict.fromkeys(("eucjp", "ujis", "eucjpms", "eucjpwin", "xeucjp"), "euc_jp"),
    **dict.fromkeys(
        ("ksc56011987", "ksc5601", "ksc56011989", "ksx1001", "euckr", "cseuckr", "uhc")
        + ("korean", "isoir149", "csksc56011987", "mackorean", "ks", "ksc", "kscode"),
        "cp949",
    ),
    **dict.fromkeys(
        ("big5", "xbig5", "cnbig5", "csbig5", "big5eten", "bigfive", "macchinesetrad")
        + ("big5hkscs", "big5hk"),
        "big5hkscs",
    ),
    **dict.fromkeys(("macroman", "macintosh", "mac", "macwestern"), "mac_roman"),
    **dict.fromkeys(("macce", "maccentraleurope", "maccentraleurroman"), "mac_latin2"),
    **dict.fromkeys(("macukrainian", "maccyrillic"), "mac_cyrillic"),
    **dict.fromkeys(("koi8", "koi", "koi8r", "cskoi8r"), "koi8_r"),
    **dict.fromkeys(("koi8u", "koi8ru"), "koi8_u"),
    **dict.fromkeys(
        ("unknown", "unknown8bit", "usascii", "ascii", "ansix341968", "ansix341986")
        + ("8bit", "7bit", "binary", "default", "none", "null", "any", "us", "auto")
        + ("ascii7", "iso646us", "iso646", "646", "isoir6", "csascii", "rfc822"),
        "utf-8",
    ),
    **dict.fromkeys(
        ("utf16", "unicode", "csunicode", "ucs2", "iso10646ucs2", "iso10646"), "utf-16"
    ),
    **dict.fromkeys(("unicodefffe", "ucs2be"), "utf-16-be"),
    "ucs2le": "utf-16-le",
}
#: Numbers of Windows code pages that are not called "cp…" in Python.
_CODE_PAGES = {
    "367": "utf-8",
    "819": "cp1252",
    "936": "gb18030",
    "943": "cp932",
    "950": "big5hkscs",
    "1200": "utf-16-le",
    "1201": "utf-16-be",
    "10000": "mac_roman",
    "10006": "mac_greek",
    "10007": "mac_cyrillic",
    "10029": "mac_latin2",
    "10079": "mac_iceland",
    "10081": "mac_turkish",
    "20127": "utf-8",
    "20866": "koi8_r",
    "20932": "euc_jp",
    "20936": "gb18030",
    "20949": "cp949",
    "21866": "koi8_u",
    "28591": "cp1252",
    "28599": "cp1254",
    "38598": "cp1255",
    "50220": "iso2022_jp_ext",
    "50221": "iso2022_jp_ext",
    "50222": "iso2022_jp_ext",
    "50225": "iso2022_kr",
    "50227": ISO_2022_CN,
    "51932": "euc_jp",
    "51936": "gb18030",
    "51949": "cp949",
    "52936": "hz",
    "54936": "gb18030",
    "65000": "utf-7",
    "65001": "utf-8",
}
_ISO_2022 = {"jp": "iso2022_jp_ext", "kr": "iso2022_kr", "cn": ISO_2022_CN}

# In names without anything but letters and digits:
_STATEFUL = re.compile(r"iso2022(jp|kr|cn)")
_UTF = re.compile(r"(?:utf|unicode(?:\d\d)?utf)(7|8)(?!\d)")
_CODE_PAGE = re.compile(
    r"(?:x|cs)?(?:mswin|microsoftcp|windowscp|windows|win|cp|ms|ibm|dos|oem|ansi|"
    r"codepage|cpwindows)0?(\d{3,5})(?:\D.*)?"
)
_ISO_8859 = re.compile(r"(?:x|cs)?iso8859(1[013-6]|[1-9])(?:\D.*|19[89]\d)?")
#: Codecs for something other than the text of a message, or of quadratic cost.
_REFUSED = frozenset(
    ("idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape")
    + ("raw-unicode-escape", "undefined", "mbcs", "oem", "unicode_internal")
)


@lru_cache(maxsize=256)
def codec_name(charset: str) -> str:
    """The Python codec for a declared charset, or :data:`ISO_2022_CN`; '' if there is
    none for text."""
    name = charset[:200].lower().strip(" \t\r\n\"'")
    name = name.removeprefix("charset").lstrip(" =\"'")
    name = re.split(r"[;,\"']", name, maxsplit=1)[0].strip()[:60]
    if not name.isascii():
        return ""
    bare = _ODD.sub("", name)
    return _known(bare) or _known(bare.removeprefix("x")) or _python_codec(name)


def _known(bare: str) -> str:
    """The codec of a name of letters and digits only; '' if it is not in the tables."""
    if bare in _ALIASES:
        return _ALIASES[bare]
    if match := _STATEFUL.search(bare):
        return _ISO_2022[match[1]]
    if match := _UTF.search(bare):
        return f"utf-{match[1]}"
    if match := _CODE_PAGE.fullmatch(bare):
        return _CODE_PAGES.get(match[1]) or _python_codec(f"cp{match[1]}")
    if match := _ISO_8859.fullmatch(bare):
        return _ALIASES.get(f"iso8859{match[1]}") or f"iso8859-{match[1]}"
    return ""


def _python_codec(name: str) -> str:
    spellings = (name, name.replace(" ", "-"), name.removeprefix("x-").strip("-_"))
    for spelling in dict.fromkeys(spellings):
        try:
            info = codecs.lookup(spelling)
        except (LookupError, ValueError):
            continue
        # rot13, base64 and the like are codecs too, but not for text.
        if getattr(info, "_is_text_encoding", True) and info.name not in _REFUSED:
            return info.name
    return _mac_codec(name)


def _mac_codec(name: str) -> str:
    match = re.fullmatch(r"x[-_]mac[-_]([a-z]{3,20})", name)
    return _python_codec(f"mac_{match[1]}") if match else ""
