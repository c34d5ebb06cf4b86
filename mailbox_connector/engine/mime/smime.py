"""What is inside an S/MIME part (RFC 8551): the Cryptographic Message Syntax, RFC 5652.

Only the path to the content is read: three sequences within each other. That takes a
few lines, in DER or in BER with indefinite lengths (X.690 section 8.1.3), without
recursion and in linear time. Nothing is verified: no signature, no certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from enum import Enum

#: Types that S/MIME uses.
TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
#: Bytes that a compressed part may become.
MAX_INFLATED = 20_000_000
#: Pieces of pieces of an octet string.
MAX_PIECES_DEPTH = 20

_SEQUENCE, _OBJECT_ID, _OCTETS, _PIECES, _EXPLICIT = 0x30, 0x06, 0x04, 0x24, 0xA0
_ARMOR = re.compile(rb"\s*-----BEGIN [A-Z0-9 ]{1,40}-----([^-]*)")
_BASE64 = re.compile(rb"\s*(MI|KI)[A-Za-z0-9+/\s]+=*\s*\Z")


class Content(str, Enum):
    """What the part is made of, by its own content type (RFC 5652, RFC 3274, RFC
    5083)."""

    SIGNED = "1.2.840.113549.1.7.2"
    ENVELOPED = "1.2.840.113549.1.7.3"
    ENCRYPTED = "1.2.840.113549.1.7.6"
    COMPRESSED = "1.2.840.113549.1.9.16.1.9"
    AUTH_ENVELOPED = "1.2.840.113549.1.9.16.1.23"


#: Nobody without a key can read them.
SECRET = frozenset({Content.ENVELOPED, Content.ENCRYPTED, Content.AUTH_ENVELOPED})


class _Broken(ValueError):
    """Not as X.690 has it."""


def read(data: bytes) -> tuple[Content | None, bytes]:
    """The type of a CMS structure, and its content if it is signed or compressed.

    (None, b"") if it is none. A structure that was cut off gives what is there. Never
    raises.
    """
    try:
        data = _without_armor(data)
        kind, position, end = _content_info(data)
        if kind is Content.SIGNED:
            return kind, _signed(data, position, end)
        if kind is Content.COMPRESSED:
            return kind, _inflate(_encapsulated(data, _skip(data, position, end), end))
        return kind, b""
    except (_Broken, binascii.Error, zlib.error):
        return None, b""


def _without_armor(data: bytes) -> bytes:
    """Some gateways leave a second base64 on it, or PEM (RFC 7468)."""
    if data[:1] == b"\x30":
        return data
    if armor := _ARMOR.match(data):
        return base64.b64decode(armor[1])
    if _BASE64.match(data):
        return base64.b64decode(data)
    return data


def _content_info(data: bytes) -> tuple[Content, int, int]:
    """Type of the ContentInfo, and where the fields of its content start and end."""
    position, end = _enter(data, 0, len(data), _SEQUENCE)
    name, position = _object_id(data, position, end)
    try:
        kind = Content(name)
    except ValueError as error:
        raise _Broken from error
    position, end = _enter(data, position, end, _EXPLICIT)
    if kind in SECRET:
        return kind, position, end
    position, end = _enter(data, position, end, _SEQUENCE)
    return kind, _skip(data, position, end), end  # without the version


def _signed(data: bytes, position: int, end: int) -> bytes:
    return _encapsulated(data, _skip(data, position, end), end)


def _encapsulated(data: bytes, position: int, end: int) -> bytes:
    """The octets of an EncapsulatedContentInfo; b"" if it has none, as a detached
    signature and a mere collection of certificates."""
    position, end = _enter(data, position, end, _SEQUENCE)
    _name, position = _object_id(data, position, end)
    if position >= end or data[position] != _EXPLICIT:
        return b""
    position, end = _enter(data, position, end, _EXPLICIT)
    return _octets(data, position, end)


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    content = inflater.decompress(data, MAX_INFLATED)
    if inflater.unconsumed_tail:
        raise _Broken  # larger than anybody sends
    return content


# X.690: tag, length, content


def _header(data: bytes, position: int, end: int) -> tuple[int, int, int, bool]:
    """Tag, start and end of the content, and whether its length is indefinite: then
    the end is that of the element around it."""
    if position + 2 > end:
        raise _Broken
    tag, length = data[position], data[position + 1]
    if tag & 0x1F == 0x1F:
        raise _Broken  # no tag of CMS needs more than a byte
    start = position + 2
    if length == 0x80:
        return tag, start, end, True
    if length > 0x80:
        size = length & 0x7F
        if size > 8 or start + size > end:
            raise _Broken
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    return tag, start, min(start + length, end), False


def _enter(data: bytes, position: int, end: int, tag: int) -> tuple[int, int]:
    found, start, stop, _indefinite = _header(data, position, end)
    if found != tag:
        raise _Broken
    return start, stop


def _skip(data: bytes, position: int, end: int) -> int:
    """Where the next element begins."""
    open_ends = 0
    while True:
        tag, start, stop, indefinite = _header(data, position, end)
        if indefinite:
            open_ends += 1
            position = start
        else:
            position = stop
            if not tag:  # end of contents
                open_ends -= 1
        if open_ends <= 0:
            return position


def _object_id(data: bytes, position: int, end: int) -> tuple[str, int]:
    """An object identifier with dots, and where the next element begins."""
    start, stop = _enter(data, position, end, _OBJECT_ID)
    if not 0 < stop - start <= 40:
        raise _Broken
    first = data[start]
    arcs = [min(first // 40, 2), first - 40 * min(first // 40, 2)]
    arc = 0
    for octet in data[start + 1 : stop]:
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    return ".".join(map(str, arcs)), stop


def _octets(data: bytes, position: int, end: int) -> bytes:
    """An octet string, whole or in pieces (X.690 section 8.7)."""
    tag, start, stop, indefinite = _header(data, position, end)
    if tag == _OCTETS:
        return data[start:stop]
    if tag != _PIECES:
        raise _Broken
    pieces: list[bytes] = []
    opened = [(stop, indefinite)]
    position = start
    while opened and len(opened) <= MAX_PIECES_DEPTH:
        limit, open_end = opened[-1]
        if position + 2 > limit:
            opened.pop()  # its end, or where the message was cut off
            continue
        tag, start, stop, indefinite = _header(data, position, limit)
        if tag == _PIECES:
            opened.append((stop, indefinite))
            position = start
        elif tag == _OCTETS:
            pieces.append(data[start:stop])
            position = stop
        elif not tag and open_end:
            opened.pop()
            position = stop
        else:
            raise _Broken
    return b"".join(pieces)
