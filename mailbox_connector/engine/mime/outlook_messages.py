"""A message that Outlook packed into a winmail.dat, as a file that mail apps open."""

from __future__ import annotations

import base64
from datetime import timezone
from email.utils import format_datetime

from . import content, tnef, words

#: Characters of a header value.
MAX_VALUE = 1_000
_BOUNDARY = "=_message_within_winmail_dat"


def to_eml(stream: tnef.Stream) -> bytes:
    """An RFC 5322 message of its headers, body and files.

    A message within that message stays a winmail.dat.
    """
    mimetype, text = stream.body()
    parts = [_part(f"{mimetype}; charset=utf-8", text.encode())] if text else []
    for file in stream.files:
        kind = "application/ms-tnef" if file.is_message else ""
        name = "winmail.dat" if file.is_message else content.safe_filename(file.name)
        parts.append(
            _part(
                kind or content.mimetype_of(name, file.mimetype),
                file.content,
                f"Content-Disposition: attachment; filename*=UTF-8''{_percent(name)}",
            )
        )
    lines = [
        *_headers(stream),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"',
        "",
        "",
    ]
    delimiter = f"--{_BOUNDARY}\r\n"
    return "".join(
        ("\r\n".join(lines), *(delimiter + part for part in parts), delimiter[:-2])
        + ("--\r\n",)
    ).encode("ascii")


def _headers(stream: tnef.Stream) -> list[str]:
    values = {
        "From": stream.sender,
        "To": stream.to,
        "Cc": stream.cc,
        "Subject": stream.subject,
    }
    found = [f"{name}: {_encoded(value)}" for name, value in values.items() if value]
    if stream.sent_at:
        sent_at = stream.sent_at.replace(tzinfo=timezone.utc)
        found.append(f"Date: {format_datetime(sent_at)}")
    return found


def _encoded(value: str) -> str:
    """Encoded words (RFC 2047) of a value; an address at its end stays readable."""
    value = words.text(value[:MAX_VALUE])
    name, bracket, address = value.rpartition(" <")
    if not (bracket and address.isascii() and address.endswith(">")):
        name, address = value, ""
    if not name.isascii():
        octets = name.encode()
        name = "\r\n ".join(
            f"=?utf-8?b?{base64.b64encode(octets[start : start + 42]).decode()}?="
            for start in range(0, len(octets), 42)
        )
    return f"{name} <{address}" if address else name


def _part(mimetype: str, octets: bytes, *headers: str) -> str:
    lines = (
        f"Content-Type: {mimetype}",
        "Content-Transfer-Encoding: base64",
        *headers,
        "",
        base64.encodebytes(octets).decode("ascii").replace("\n", "\r\n"),
    )
    return "\r\n".join(lines)


def _percent(name: str) -> str:
    return "".join(
        chr(octet) if chr(octet).isalnum() and octet < 128 else f"%{octet:02X}"
        for octet in name.encode()
    )
