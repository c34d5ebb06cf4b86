"""Header blocks: fields, and what the first phase of a sync needs of them."""

from __future__ import annotations

import re

from ..types import Address
from .addresses import parse_addresses
from .ids import first_message_id

#: Bytes of a header block that are looked at.
MAX_HEADER = 500_000

_ADDRESS_FIELDS = {
    b"from": "from",
    b"reply-to": "reply_to",
    b"to": "to",
    b"cc": "cc",
}


def first_phase(header: bytes) -> tuple[dict[str, list[Address]], str]:
    """Addresses by header and the Message-ID, of HEADER.FIELDS as fetched."""
    values: dict[str, list[str]] = {"from": [], "reply_to": [], "to": [], "cc": []}
    message_id = ""
    for name, raw in fields(header):
        key = _ADDRESS_FIELDS.get(name)
        if key:
            values[key].append(raw)
        elif name == b"message-id" and not message_id:
            message_id = first_message_id(raw)
    return {key: parse_addresses(raws) for key, raws in values.items()}, message_id


def fields(header: bytes) -> list[tuple[bytes, str]]:
    """Pairs of lower-case name and raw value (8-bit as surrogate escapes)."""
    found: list[tuple[bytes, str]] = []
    unfolded = re.sub(rb"\r?\n(?=[ \t])", b"", header[:MAX_HEADER])
    for line in re.split(rb"[\r\n]+", unfolded):
        name, colon, value = line.partition(b":")
        if colon:
            raw = value.strip().decode("ascii", "surrogateescape")
            found.append((name.strip().lower(), raw))
    return found
