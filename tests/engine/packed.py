"""Makes what mail apps pack: CMS structures by hand, winmail.dat, compressed RTF."""

from __future__ import annotations

import base64
import datetime
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

# Cryptographic Message Syntax

SIGNED = bytes.fromhex("06092a864886f70d010702")
ENVELOPED = bytes.fromhex("06092a864886f70d010703")
AUTH_ENVELOPED = bytes.fromhex("060b2a864886f70d0109100117")
COMPRESSED = bytes.fromhex("060b2a864886f70d0109100109")
DATA = bytes.fromhex("06092a864886f70d010701")
VERSION = b"\x02\x01\x01"


def der(tag: int, *inner: bytes) -> bytes:
    """An element with a definite length."""
    content = b"".join(inner)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def ber(tag: int, *inner: bytes) -> bytes:
    """An element with an indefinite length."""
    return bytes([tag, 0x80]) + b"".join(inner) + b"\0\0"


def signed(entity: bytes, element=der) -> bytes:
    """Signed data without signers: nothing here looks at them."""
    content = der(0x04, entity)
    if element is ber:
        pieces = [entity[at : at + 7] for at in range(0, len(entity), 7)]
        content = ber(0x24, *(der(0x04, piece) for piece in pieces))
    inner = element(0x30, DATA, element(0xA0, content))
    body = element(0x30, VERSION, element(0x31, der(0x30, DATA)), inner, der(0x31))
    return element(0x30, SIGNED, element(0xA0, body))


def compressed(deflated: bytes) -> bytes:
    inner = der(0x30, DATA, der(0xA0, der(0x04, deflated)))
    algorithm = der(0x30, bytes.fromhex("060b2a864886f70d0109100308"))
    return der(0x30, COMPRESSED, der(0xA0, der(0x30, VERSION, algorithm, inner)))


def secret(kind: bytes = ENVELOPED) -> bytes:
    return der(0x30, kind, der(0xA0, der(0x30, VERSION, b"\x31\x00")))


def signed_by_a_library(entity: bytes) -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ann")])
    now = datetime.datetime(2026, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(entity)
        .add_signer(certificate, key, hashes.SHA256())
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )


def mime(content: bytes, kind: str, *headers: str) -> bytes:
    """A part, or a message, of that content."""
    lines = [f"Content-Type: {kind}", "Content-Transfer-Encoding: base64", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + base64.encodebytes(content)


# winmail.dat

HEAD = struct.pack("<IH", 0x223E9F78, 1)
MESSAGE, FILE = 1, 2
UTF16, BINARY, OBJECT = 0x1F, 0x102, 0xD
IS_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")


def attribute(level: int, name: int, content: bytes, kind: int = 6) -> bytes:
    head = struct.pack("<BHHI", level, name, kind, len(content))
    return head + content + struct.pack("<H", sum(content) & 0xFFFF)


def padded(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value + b"\0" * (-len(value) % 4)


def properties(*values: tuple[int, int, bytes | str]) -> bytes:
    """Of (type, number, value)."""
    found = struct.pack("<I", len(values))
    for kind, number, value in values:
        octets = value if isinstance(value, bytes) else f"{value}\0".encode("utf-16-le")
        found += struct.pack("<HHI", kind, number, 1) + padded(octets)
    return found


def event(start: int, end: int, location: str, *flags: int) -> bytes:
    """Named properties of an event; times in seconds since 1970."""
    names = bytes.fromhex("0220060000000000c000000000000046")

    def named(kind: int, number: int, value: bytes) -> bytes:
        return (
            struct.pack("<HH", kind, 0x8001)
            + names
            + struct.pack("<II", 0, number)
            + value
        )

    found = [
        named(0x40, number, struct.pack("<Q", (second + 11_644_473_600) * 10_000_000))
        for number, second in ((0x820D, start), (0x820E, end))
    ]
    octets = f"{location}\0".encode("utf-16-le")
    found.append(named(UTF16, 0x8208, struct.pack("<I", 1) + padded(octets)))
    found += [named(0xB, number, b"\1\0\0\0") for number in flags]
    return struct.pack("<I", len(found)) + b"".join(found)


def winmail_file(name: str, content: bytes, mimetype="", cid="", kind=BINARY) -> bytes:
    values = [(UTF16, 0x3707, name), (kind, 0x3701, content)]
    values += [(UTF16, 0x370E, mimetype)] if mimetype else []
    values += [(UTF16, 0x3712, cid)] if cid else []
    return attribute(FILE, 0x9002, b"\0" * 14) + attribute(
        FILE, 0x9005, properties(*values)
    )


def winmail(*files: bytes, text="", html=b"", rtf=b"", subject="", sender="") -> bytes:
    values = [(UTF16, 0x1000, text)] if text else []
    values += [(BINARY, 0x1013, html)] if html else []
    values += [(BINARY, 0x1009, rtf)] if rtf else []
    values += [(UTF16, 0x0037, subject)] if subject else []
    if sender:
        values += [(UTF16, 0x0C1A, sender), (UTF16, 0x0C1F, "bob@example.com")]
    codepage = attribute(MESSAGE, 0x9007, struct.pack("<II", 1252, 0))
    body = attribute(MESSAGE, 0x9003, properties(*values)) if values else b""
    return HEAD + codepage + body + b"".join(files)


def stored_rtf(source: bytes) -> bytes:
    return struct.pack("<II4sI", len(source) + 12, len(source), b"MELA", 0) + source


def compressed_rtf(source: bytes) -> bytes:
    """Compressed, without a reference to what was before."""
    runs = [source[at : at + 8] for at in range(0, len(source), 8)]
    body = b"".join(b"\0" + run for run in runs)
    return struct.pack("<II4sI", len(body) + 12, len(source), b"LZFu", 0) + body
