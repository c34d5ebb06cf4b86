"""Header blocks: their fields, and what the first phase of a sync needs."""

from __future__ import annotations

import re

from ..types import Address, HeaderFields, NewMail
from . import header_block
from .addresses import parse_addresses
from .automatic import Automatic, automatic_kind
from .ids import first_message_id, parse_references, replied_ids

#: Bytes of a header block that are read.
MAX_HEADER = 500_000
#: Fields that the first phase fetches of each message.
MATCHING = ("FROM", "REPLY-TO", "TO", "CC", "MESSAGE-ID")
#: Fields that it fetches of new mail in addition.
REPLY_FIELDS = (
    "IN-REPLY-TO",
    "REFERENCES",
    "CONTENT-TYPE",
    "AUTO-SUBMITTED",
    "RETURN-PATH",
    "X-FAILED-RECIPIENTS",
    "SUBJECT",
)

_CHARSET = re.compile(r"\bcharset\s{0,9}=\s{0,9}[\"']?([\w.:+-]{1,60})", re.I)
_ADDRESS_FIELDS = {
    "from": "from",
    "reply-to": "reply_to",
    "to": "to",
    "cc": "cc",
}


def first_phase(header: bytes) -> tuple[dict[str, list[Address]], str]:
    """Addresses by header and the Message-ID, of HEADER.FIELDS as fetched."""
    values: dict[str, list[str]] = {"from": [], "reply_to": [], "to": [], "cc": []}
    message_id = content_type = ""
    for name, raw in fields(header):
        key = _ADDRESS_FIELDS.get(name)
        if key:
            values[key].append(raw)
        elif name == "message-id" and not message_id:
            message_id = first_message_id(raw)
        elif name == "content-type" and not content_type:
            content_type = raw
    charset = charset_of(content_type)
    addresses = {key: parse_addresses(raws, charset) for key, raws in values.items()}
    return addresses, message_id


def new_mail(header: bytes) -> NewMail:
    """What the :data:`REPLY_FIELDS` fields say, of HEADER.FIELDS as fetched."""
    found = fields(header)
    values = dict(reversed(found))
    in_reply_to = replied_ids(values.get("in-reply-to"))
    references = parse_references(values.get("references"))
    return NewMail(
        tuple(dict.fromkeys([*in_reply_to, *reversed(references)])),
        automatic_kind(found) is Automatic.BOUNCE,
    )


def matching(header: bytes) -> bytes:
    """The lines of :data:`MATCHING` alone, of a header that was fetched with more
    fields."""
    kept: list[bytes] = []
    keep = False
    for line in header.splitlines(keepends=True):
        if line[:1] not in (b" ", b"\t"):
            name = line.partition(b":")[0].strip().upper()
            keep = name.decode("ascii", "replace") in MATCHING
        if keep:
            kept.append(line)
    return b"".join(kept)


def charset_of(content_type: str) -> str:
    """The charset that a raw Content-Type value names; '' if none."""
    match = _CHARSET.search(content_type[:10_000])
    return match[1] if match else ""


def block(raw: bytes) -> bytes:
    """The header block of a whole message."""
    head = raw[:MAX_HEADER]
    _fields, body = header_block.split(head, 0, len(head), is_message=True)
    return head[header_block.first_line(head, 0, len(head)) : body].rstrip(b"\r\n")


def fields(header: bytes) -> HeaderFields:
    """Pairs of lower-case name and raw unfolded value (8-bit as surrogate escapes)."""
    return header_block.fields(header[:MAX_HEADER])
