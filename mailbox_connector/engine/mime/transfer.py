"""Transfer encodings undone (RFC 2045 section 6), and no octet lost on the way.

What is as it should be is decoded at once, and the lengths tell whether everything was
used. Only if not, it is read line by line: base64 padded in pieces, damaged, or with
text around it; quoted-printable with blanks after soft line breaks.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from typing import NamedTuple

#: Lines of damaged base64 that are read; a body of more stays as it is.
MAX_LINES = 2_000_000
#: Octets that damage to quoted-printable may add; a body with more stays as it is.
MAX_ODD = 500_000

BASE64 = "base64"
QUOTED_PRINTABLE = "quoted-printable"
UUENCODE = "uuencode"
#: No encoding: the content is as it is.
IDENTITY = ""
UNKNOWN = "unknown"

_NAMES = {
    "base64": BASE64,
    "b64": BASE64,
    "xbase64": BASE64,
    "mimebase64": BASE64,
    "quotedprintable": QUOTED_PRINTABLE,
    "quotedprintabel": QUOTED_PRINTABLE,
    "quotedprint": QUOTED_PRINTABLE,
    "qp": QUOTED_PRINTABLE,
    "uuencode": UUENCODE,
    "uuencoded": UUENCODE,
    "uue": UUENCODE,
    "xuuencode": UUENCODE,
    "xuue": UUENCODE,
    "7bit": IDENTITY,
    "7bits": IDENTITY,
    "8bit": IDENTITY,
    "8bits": IDENTITY,
    "binary": IDENTITY,
    "none": IDENTITY,
    "plain": IDENTITY,
    "utf8": IDENTITY,
    "usascii": IDENTITY,
}
_COMMENT = re.compile(r"\([^()]*\)?")
_NO_LETTER = re.compile(r"[^a-z0-9]+")

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n\v\f"
_NO_DATA = bytes(set(range(256)) - set(_LETTERS + b"+/-_="))
_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|[\r\n]|\Z)")
#: A word of a text, with what may be around it, but hardly of base64.
_WORD = re.compile(
    rb"[(\[\"'<*]*(?:[A-Z]?[a-z]{1,25}|[A-Z]{1,20}|[0-9]{1,20})(?:['-][a-z]+)*[)\]\"'>*,.;:!?]*"
)
_SURE = re.compile(rb"[A-Za-z0-9+/_-]{40,}={0,2}|(?:[A-Za-z0-9+/_-]{4})*(?:..==|...=)")
_CLEARLY_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")


#: How PDF, PNG, JPEG, GIF, zip and older Office files begin.
_FILES = (b"JVBERi0", b"iVBORw0KGgo", b"/9j/", b"R0lGODlh", b"R0lGODdh")
_FILES += (b"UEsDB", b"0M8R4KGx")


class Decoded(NamedTuple):
    """Content, and lines of text around it that are not part of the encoding."""

    content: bytes
    before: bytes = b""
    after: bytes = b""

    def in_order(self) -> tuple[bytes, bytes, bytes]:
        """Everything as it came."""
        return self.before, self.content, self.after


def encoding_of(values: Iterable[str]) -> str:
    """The encoding that Content-Transfer-Encoding fields mean: one of the constants.

    Comments, quotes, parameters and variant spellings are put up with; the first field
    that says something counts.
    """
    result = IDENTITY
    for value in values:
        lower = value[:200].strip().lower()
        found = _NAMES.get(_NO_LETTER.sub("", lower))
        if found is None:
            found = _odd_encoding(lower)
        if found not in (None, UNKNOWN):
            return found
        result = found or result
    return result


def _odd_encoding(value: str) -> str | None:
    """As :func:`encoding_of`, for one value with more in it; None if it is empty."""
    plain = re.split("[;,]", _COMMENT.sub(" ", value))[0]
    words = [_NO_LETTER.sub("", word) for word in plain.split()]
    for candidate in ("".join(words), *words):
        if candidate in _NAMES:
            return _NAMES[candidate]
    return UNKNOWN if any(words) else None


def missing_encoding(body: bytes) -> str:
    """The encoding of a file that declares none: base64 if it begins as well-known
    types of files do in base64."""
    return BASE64 if body.lstrip(b"\r\n").startswith(_FILES) else IDENTITY


def decode(body: bytes, encoding: str) -> Decoded:
    """Content of a body in that encoding. Never raises."""
    if encoding == UNKNOWN and _is_clearly_base64(body):
        encoding = BASE64
    if encoding == BASE64:
        return _decode_base64(body)
    if encoding == QUOTED_PRINTABLE:
        return Decoded(_decode_quoted_printable(body))
    if encoding == UUENCODE:
        return _decode_uuencode(body)
    return Decoded(body)


# base64


def _decode_base64(body: bytes) -> Decoded:
    try:
        content = binascii.a2b_base64(body)
    except binascii.Error:  # cut off, or damaged
        return _decode_odd_base64(body)
    # The decoder skips what it does not know, and ends where padding does.
    if _is_whole(_count_letters(body), content) or _is_whole(
        len(body) - sum(body.count(one) for one in (b"\n", b"\r", b"=")), content
    ):
        return Decoded(content)
    return _decode_odd_base64(body)


def _is_whole(letters: int, content: bytes) -> bool:
    """Whether so many letters make that content."""
    return letters % 4 != 1 and letters * 3 // 4 == len(content)


def _count_letters(body: bytes) -> int:
    """How many letters base64 has if all its lines but the last are of one length;
    -1 if they are not."""
    length = body.find(b"\n") + 1
    tail = body[-6:].rstrip(b"\r\n")
    end = len(body) - len(body[-6:]) + len(tail)
    lines = end // length if length else 0
    line_end = 2 if body[length - 2 : length] == b"\r\n" else 1
    for octet, at in ((b"\n", length - 1), (b"\r", length - 2))[:line_end]:
        if lines and body[at:end:length].count(octet) != lines:
            return -1
    return end - lines * line_end - tail.count(b"=")


def _decode_odd_base64(body: bytes) -> Decoded:
    joined = body.translate(_URL_SAFE, _BLANKS)
    if not joined.translate(None, _LETTERS + b"+/="):
        *padded, rest = joined.split(b"=")
        whole = len(rest) % 4 == 0 and all(len(one) % 4 != 1 for one in padded)
        # An end without padding may be words instead.
        ends = body[max(body.rfind(b"=") + 1, len(body) - 2_000) :].splitlines()
        if whole and not any(_is_prose(end) or end.startswith(b"--") for end in ends):
            return Decoded(b"".join(map(_decode_piece, (*padded, rest))))
    if body.count(b"\n") + body.count(b"\r") > MAX_LINES:
        return Decoded(body)
    reader = _Base64Reader()
    for line in _LINE.finditer(body.removeprefix(b"\xef\xbb\xbf")):
        reader.take(line[1].strip())
    return reader.finish() or Decoded(body)


def _decode_piece(piece: bytes) -> bytes:
    """base64 without padding; what is too short for an octet is left out."""
    if len(piece) % 4 == 1:
        piece = piece[:-1]
    return binascii.a2b_base64(piece + b"=" * (-len(piece) % 4))


class _Base64Reader:
    """Tells data from text, line by line.

    Where data may begin or end (at the start, after padding, a shorter line or an empty
    one), a word or a line with anything else in it is text. Within data, a few odd
    characters are damage.
    """

    def __init__(self):
        self._content: list[bytes] = []
        self._piece = bytearray()
        self._before: list[bytes] = []
        self._after: list[bytes] = []
        self._at_border = True
        self._longest = 0
        #: Whether a line can be nothing but data.
        self._sure = False
        self._letters = self._others = 0

    def take(self, line: bytes) -> None:
        """Add a line, without white space around it."""
        if not line:
            self._at_border = True
            return
        data = line.translate(None, _NO_DATA)
        if self._is_text(line, data):
            self._flush()
            started = self._content or self._letters
            (self._after if started else self._before).append(line)
            self._others += len(line)
            self._at_border = True
            return
        begins = not self._letters and not self._others and len(line) % 4 == 0
        self._sure = self._sure or begins or bool(_SURE.fullmatch(line))
        self._letters += len(data)
        self._at_border = data.endswith(b"=") or len(data) < self._longest
        self._longest = max(self._longest, len(data))
        *padded, rest = data.translate(_URL_SAFE).split(b"=")
        for piece in padded:
            self._piece += piece
            self._flush()
        self._piece += rest

    def finish(self) -> Decoded | None:
        """What was read; None if this is no base64."""
        self._flush()
        if not self._content or not (self._sure or self._letters > self._others):
            return None
        before, after = b"\n".join(self._before), b"\n".join(self._after)
        return Decoded(b"".join(self._content), before, after)

    def _is_text(self, line: bytes, data: bytes) -> bool:
        """:param data: the octets of the line that can be data"""
        if _is_prose(line) or not line.strip(b"-_"):
            return True
        if line.startswith(b"--") and (self._at_border or len(line) < self._longest):
            return True
        odd = len(line.translate(None, _BLANKS)) - len(data)
        if not self._at_border:
            # A last line that lost its padding is short.
            is_word = len(line) > 4 and len(line) % 4 and _WORD.fullmatch(line)
            return odd * 10 > len(line) or bool(is_word)
        if _WORD.fullmatch(line) or line.startswith((b"http:", b"https:")):
            return True
        if not odd:
            return False
        # A long or padded line without blanks is data all the same, if nearly right.
        if b" " in line or len(line) < 60 and not _SURE.fullmatch(data):
            return True
        return odd * (20 if len(line) >= 60 else 6) > len(line)

    def _flush(self) -> None:
        """The end of a piece."""
        if self._piece:
            self._content.append(_decode_piece(bytes(self._piece)))
            self._piece.clear()


def _is_prose(text: bytes) -> bool:
    """Whether it reads as words, by its first line that is not empty."""
    words = text[:2_000].strip().partition(b"\n")[0].split()
    if len(words) < 2:
        return False
    return 2 * sum(1 for word in words if _WORD.fullmatch(word)) >= len(words)


def _is_clearly_base64(body: bytes) -> bool:
    lines = [line.strip() for line in body[:4_000].strip().splitlines()]
    if len(body) > 4_000:
        lines = lines[:-1]
    if not lines or not all(map(_CLEARLY_BASE64.fullmatch, lines)):
        return False
    if len({len(line) for line in lines[:-1]}) > 1 or len(lines[-1]) > len(lines[0]):
        return False
    total = sum(map(len, lines))
    long = total >= 40 and len(lines[0]) >= 40
    return total % 4 == 0 and (long or (lines[-1].endswith(b"=") and total >= 8))


# quoted-printable

_SOFT_END = re.compile(rb"=[ \t]*(?:\r\n?|\n|\Z)")
_LONE_EQUAL = re.compile(rb"=(?![0-9A-Fa-f]{2})")
_CODED_CR = re.compile(rb"(?:=0[Dd])+(?=\r\n)")
_CODED_END = re.compile(rb"(?:=0[Dd])?=0[Aa](?=\r?\n)")
_DOUBLED_END = re.compile(rb"=0[AaDd]\r?\n")


def _decode_quoted_printable(body: bytes) -> bytes:
    content = binascii.a2b_qp(body)
    # Each "=" saves two octets, before CRLF three; what is damaged saves fewer.
    saved = len(body) - len(content) - 2 * body.count(b"=")
    joined = body.count(b"\n") - content.count(b"\n")
    if saved == joined and b"\r\r\n" not in content:
        return content
    odd = body.count(b"=\r\n") - saved
    doubled = _DOUBLED_END.search(body)
    if odd > MAX_ODD or not (odd or doubled):
        return body if odd else content  # so much is something else
    if odd:
        body = _SOFT_END.sub(b"", body)
        body = _LONE_EQUAL.sub(b"=3D", body)
    if doubled:
        body = _without_double_ends(body)
    return binascii.a2b_qp(body)


def _without_double_ends(body: bytes) -> bytes:
    """Without line ends that are there twice: encoded, and as they are."""
    body = _CODED_CR.sub(b"", body)
    # "=0D=0A" and then a line end: if that is so in all lines, it is meant once.
    text = body.rstrip(b"\r\n")
    hard = text.count(b"\n") - text.count(b"=\n") - text.count(b"=\r\n")
    coded = sum(1 for _ in _CODED_END.finditer(body, 0, len(text) + 2))
    return _CODED_END.sub(b"", body) if coded >= max(hard, 1) else body


# uuencode

_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\n]*(?:\n|\Z)", re.M)


def _decode_uuencode(body: bytes) -> Decoded:
    begin = _BEGIN.search(body)
    if not begin:
        return Decoded(body)
    content: list[bytes] = []
    position = begin.end()
    while position < len(body):
        stop = body.find(b"\n", position) + 1 or len(body)
        line = body[position:stop].rstrip(b"\r\n")
        position = stop
        if line.rstrip() == b"end":
            break
        content.append(_decode_uu_line(line))
    before, after = body[: begin.start()].strip(), body[position:].strip()
    return Decoded(b"".join(content), before, after)


def _decode_uu_line(line: bytes) -> bytes:
    if not line:
        return b""
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:  # more in the line than its length says
        needed = (((line[0] - 32) & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[:needed])
        except binascii.Error:
            return b""
