"""Texts in which escape sequences switch between character sets.

ISO-2022-JP (RFC 1468, RFC 1554, RFC 2237), with what Windows and other senders add to
it; ISO-2022-KR (RFC 1557), ISO-2022-CN (RFC 1922) and HZ (RFC 1843). Python's codecs
know parts of each, and give up at the first sequence or character that is not theirs.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CUT = "\ufffd"
_HIGH = bytes(one | 0x80 for one in range(256))
_ROMAN = str.maketrans("\\~", "\u00a5\u203e")

#: Sets of two bytes: the prefix and the codecs of their EUC form. JIS X 0208 has
#: characters of NEC and IBM on Windows ("①", "㈱"), others in JIS X 0213. Python has no
#: codec for CNS 11643: its characters become U+FFFD.
_PAIRS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "jis": (b"", ("euc_jp", "windows", "euc_jis_2004")),
    "jis0212": (b"\x8f", ("euc_jp", "euc_jis_2004")),
    "jis2004": (b"", ("euc_jis_2004", "windows")),
    "jis2004-2": (b"\x8f", ("euc_jis_2004",)),
    "gb": (b"", ("gb18030",)),
    "ks": (b"", ("cp949",)),
    "cns": (b"", ()),
}
#: What an escape sequence selects: which of G0 to G3, and a set.
_DESIGNATIONS: dict[bytes, tuple[int, str]] = {
    b"$@": (0, "jis"),
    b"$B": (0, "jis"),
    b"$(@": (0, "jis"),
    b"$(B": (0, "jis"),
    b"$(D": (0, "jis0212"),
    b"$(O": (0, "jis2004"),
    b"$(Q": (0, "jis2004"),
    b"$(P": (0, "jis2004-2"),
    b"$A": (0, "gb"),
    b"$(A": (0, "gb"),
    b"$(C": (0, "ks"),
    b"$)C": (1, "ks"),
    b"$)A": (1, "gb"),
    b"$)E": (1, "gb"),
    b"$)G": (1, "cns"),
    b"$*H": (2, "cns"),
    **{b"$+%c" % one: (3, "cns") for one in b"IJKLM"},
    b"(B": (0, ""),
    b"(J": (0, "roman"),
    b"(H": (0, "roman"),
    b"(I": (0, "kana"),
    b")I": (1, "kana"),
    b".A": (2, "latin-1"),
    b".F": (2, "iso8859-7"),
}
_TOKEN = re.compile(
    rb"\x1b(?P<escape>[ -/]{1,3}[0-~])|\x1b(?P<single>[NO])|(?P<shift>[\x0e\x0f])"
    rb"|(?P<line>[\r\n]+)|(?P<run>[^\x1b\x0e\x0f\r\n]+)|(?P<lone>\x1b)"
)
#: Nothing but text has these.
_UNMISTAKABLE = re.compile(rb"\x1b(?:\$(?:[@AB]|\([@A-DO-Q]|[)*+][ACEG-M])|\(I[!-_])")
_HZ = re.compile(rb"~\{([^\r\n~]*(?:~(?!\})[^\r\n~]*)*)(?:~\})?|~(~)|~\r?\n")
_HZ_RUN = re.compile(rb"~\{([^\r\n~]*)~\}")
#: Pairs of the frequent characters of GB 2312.
_HZ_TEXT = re.compile(rb"(?:[!-)0-W][!-~]){2,}")


def is_unmistakable(content: bytes) -> bool:
    """Whether 7-bit octets contain escape sequences of ISO-2022, whatever the
    label."""
    return b"\x1b" in content and _UNMISTAKABLE.search(content) is not None


def is_hz(content: bytes) -> bool:
    """Whether unlabelled 7-bit octets are HZ: all its marked runs are Chinese."""
    runs = _HZ_RUN.findall(content)
    return bool(runs) and all(_HZ_TEXT.fullmatch(run) for run in runs)


def decode_hz(content: bytes) -> str:
    """Text of HZ (RFC 1843); never raises."""
    out: list[str] = []
    position = 0
    for match in _HZ.finditer(content):
        out.append(_eight_bit(content[position : match.start()], "gb18030"))
        if match[1] is not None:
            out.append(_pairs(match[1], "gb"))
        elif match[2]:
            out.append("~")
        position = match.end()
    out.append(_eight_bit(content[position:], "gb18030"))
    return "".join(out)


def decode(content: bytes, language: str = "jp") -> str:
    """Text of octets with escape sequences of ISO-2022; never raises.

    :param language: "jp", "kr" or "cn": what unmarked octets are
    """
    return _Decoder(language).decode(content)


class _Decoder:
    """The sets that are selected while a text is read."""

    def __init__(self, language: str):
        self._shifted_set = {"kr": "ks", "cn": "gb"}.get(language, "kana")
        self._codec = {"kr": "cp949", "cn": "gb18030"}.get(language, "cp932")
        self._sets = ["", self._shifted_set, "", ""]
        self._is_shifted = False
        self._single = 0

    def decode(self, content: bytes) -> str:
        out: list[str] = []
        for match in _TOKEN.finditer(content):
            kind, octets = match.lastgroup or "", match[match.lastgroup or 0]
            if kind == "escape":
                self._designate(octets)
            elif kind == "single":
                self._single = 2 if octets == b"N" else 3
            elif kind == "shift":
                self._is_shifted = octets == b"\x0e"
            elif kind == "line":
                out.append(octets.decode("ascii"))
                self._end_line(content, match.end())
            elif kind == "run":
                out.append(self._run(octets))
            else:
                out.append("\x1b")
        return "".join(out)

    def _designate(self, octets: bytes) -> None:
        found = _DESIGNATIONS.get(octets)
        if found:
            number, name = found
            self._sets[number] = name
        elif octets[:1] == b"(":  # another national variant of ASCII
            self._sets[0] = ""

    def _end_line(self, content: bytes, position: int) -> None:
        """Every line begins in ASCII (RFC 1468), unless a line was broken within a
        text: then what follows ends with the escape sequence to ASCII."""
        self._is_shifted = False
        if self._sets[0]:
            rest = _BROKEN_LINE.match(content, position)
            if not rest or len(rest[1]) % 2:
                self._sets[0] = ""

    def _run(self, octets: bytes) -> str:
        start = ""
        if self._single:
            name, self._single = self._sets[self._single], 0
            width = 2 if name in _PAIRS else 1
            start = self._text(octets[:width], name)
            octets = octets[width:]
        name = self._sets[1] if self._is_shifted else self._sets[0]
        return start + self._text(octets, name)

    def _text(self, octets: bytes, name: str) -> str:
        if name in _PAIRS:
            return _pairs(octets, name)
        if name == "kana":
            return _eight_bit(octets.translate(_HIGH), "cp932")
        if name in ("latin-1", "iso8859-7"):
            return octets.translate(_HIGH).decode(name, "replace")
        text = _eight_bit(octets, self._codec)
        return text.translate(_ROMAN) if name == "roman" else text


_BROKEN_LINE = re.compile(rb"([!-~]+)\x1b\([BJ]")


def _eight_bit(octets: bytes, codec: str) -> str:
    """Octets outside the marked runs: ASCII, or 8-bit although they must not be."""
    if octets.isascii():
        return octets.decode("ascii")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode(codec, "replace")


def _pairs(octets: bytes, name: str) -> str:
    """Text of a run of two-byte characters; other octets in it stay as they are."""
    out = []
    for match in _PRINTABLE.finditer(octets):
        if match[1]:
            out.append(_pair_run(match[1], name))
        else:
            out.append(match[0].decode("ascii", "replace"))
    return "".join(out)


_PRINTABLE = re.compile(rb"([!-~\xa1-\xfe]+)|[^!-~\xa1-\xfe]+")


def _pair_run(octets: bytes, name: str) -> str:
    end = _CUT if len(octets) % 2 else ""
    octets = octets[: len(octets) - len(octets) % 2].translate(_HIGH)
    prefix, codecs = _PAIRS[name]
    if not prefix and codecs:
        try:
            return octets.decode(codecs[0]) + end
        except UnicodeDecodeError:
            pass
    pairs = (octets[start : start + 2] for start in range(0, len(octets), 2))
    return "".join(_pair(prefix, pair, codecs) for pair in pairs) + end


@lru_cache(maxsize=4_000)
def _pair(prefix: bytes, pair: bytes, codecs: tuple[str, ...]) -> str:
    for codec in codecs:
        try:
            if codec == "windows":
                return _shifted(pair).decode("cp932")
            return (prefix + pair).decode(codec)
        except UnicodeDecodeError:
            continue
    return _CUT


def _shifted(pair: bytes) -> bytes:
    """A character of JIS X 0208, from EUC to Shift JIS."""
    row, cell = pair[0] - 0xA1, pair[1] - 0xA1
    lead = 0x81 + row // 2
    lead += 0x40 if lead > 0x9F else 0
    if row % 2:
        return bytes((lead, cell + 0x9F))
    return bytes((lead, cell + 0x40 + (cell >= 0x3F)))
