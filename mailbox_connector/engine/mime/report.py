"""Reports on the delivery of a message that was sent (RFC 3464, 6522, 6533)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..errors import MessageError
from . import bounces, charsets, headers, structure
from .addresses import normalize
from .automatic import from_machine
from .delivery import (
    MAX_RECIPIENTS,
    MAX_TEXT,
    DeliveryReport,
    RecipientStatus,
    first,
    header_of,
    report_of,
    sent_to,
    status_of,
    untyped,
)
from .structure import Part

__all__ = ["DeliveryReport", "RecipientStatus", "read_report"]

#: Bytes of a report that are looked at: what it says stands before what it returns.
MAX_SIZE = 5_000_000
#: Machine-readable parts of one report that are read; there should be one.
MAX_STATUS_PARTS = 10

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_ORIGINAL_TYPES = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "text/rfc822",
    "message/rfc822-headers",
    "message/global-headers",
)
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")


def read_report(raw: bytes) -> DeliveryReport | None:
    """The report that a message is; None: it is none.

    Never raises. A report that somebody forwards as an attachment, a read receipt
    and a complaint (RFC 8098, RFC 5965) are none. What it says is the sender's word:
    whoever acts on it checks that the original was sent by us to that recipient.
    """
    try:
        message = structure.parse(raw[:MAX_SIZE])
        return _standard(message) or bounces.read(message)
    except (MessageError, RecursionError, MemoryError):
        return None


def _standard(message: Part) -> DeliveryReport | None:
    report = _report_part(message)
    if report is None:
        return None
    # In the order of the message; an attached message is a leaf and not opened.
    leaves = [part for part, _parents in structure.leaves(report)]
    parts = [part for part in leaves if part.mimetype in _STATUS_TYPES]
    if not parts:
        return None
    before = leaves.index(parts[0])
    returned = [one for one in leaves[before:] if one.mimetype in _ORIGINAL_TYPES]
    returned = returned or [one for one in leaves if one.mimetype in _ORIGINAL_TYPES]
    original = header_of(returned[0].octets()) if returned else []
    groups = [
        group for part in parts[:MAX_STATUS_PARTS] for group in _groups(part.octets())
    ]
    everything = [field for group in groups for field in group]
    # Gmail names it there. A report's own Message-ID says nothing; what it answers
    # does.
    hints = [value for name, value in everything if name == b"x-original-message-id"]
    hints += [message.get("in-reply-to"), message.get("references")]
    addressed = sent_to(original)
    return report_of(
        original,
        _recipients(groups, addressed[0] if len(addressed) == 1 else "")
        or bounces.named_failures(message, ""),
        reporting_mta=untyped(first(everything, b"reporting-mta")),
        hints=hints,
    )


def _report_part(message: Part) -> Part | None:
    """The multipart that holds a delivery-status part; None if there is none."""
    if message.mimetype == "multipart/report":
        kind = message.parameter("report-type").lower()
        return message if kind in ("", "delivery-status") else None
    # Wrapped by a list or a filter, or of the wrong type: then only from a machine,
    # because people forward such things too.
    if not message.parts or not from_machine(message):
        return None
    for part, parents in structure.leaves(message):
        if part.mimetype in _STATUS_TYPES and parents:
            return parents[-1]
    return None


def _groups(octets: bytes) -> Iterator[list[tuple[bytes, str]]]:
    """Fields of a delivery-status part, as its empty lines divide them."""
    for block in re.split(rb"\r?\n[ \t]*\r?\n|\r\r", octets[:MAX_TEXT].lstrip()):
        group = headers.fields(block)
        if group:
            yield group


def _recipients(
    groups: Iterable[list[tuple[bytes, str]]], only: str
) -> list[RecipientStatus]:
    """One of each recipient; failed beats whatever else is said of it.

    :param only: the one address that the message was sent to, if it was one
    """
    found: dict[str, RecipientStatus] = {}
    current: dict[bytes, str] = {}
    for group in groups:
        for name, value in group:
            # Some leave the empty line between two recipients out.
            if name == b"final-recipient" and name in current:
                _take(current, only, found)
                current = {}
            current.setdefault(name, value)
        # Others put one inside a recipient: go on where it is not whole.
        if _take(current, only, found):
            current = {}
        if len(found) >= MAX_RECIPIENTS:
            break
    return list(found.values())[:MAX_RECIPIENTS]


def _take(
    fields: dict[bytes, str], only: str, found: dict[str, RecipientStatus]
) -> bool:
    """Add the recipient of these fields, if they say enough of one."""
    names = (b"original-recipient", b"final-recipient", b"x-actual-recipient")
    addresses = (_address(fields[name]) for name in names if name in fields)
    one = status_of(
        next(filter(None, addresses), only),
        fields.get(b"action", ""),
        fields.get(b"status", ""),
        untyped(fields.get(b"diagnostic-code", "")),
    )
    if one is None:
        return False
    kept = found.get(one.address)
    if kept is None or (one.action == "failed" != kept.action):
        found[one.address] = one
    return True


def _address(value: str) -> str:
    """Of "rfc822; a@example.com", the type missing or not (RFC 3464, RFC 6533)."""
    text = charsets.from_raw(value[:1_000])
    text = text.partition(";")[2] if ";" in text else text
    text = _UNICODE.sub(_character, text)
    return normalize(text) if "@" in text else ""


def _character(match: re.Match) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 and not 0xD7FF < number < 0xE000 else ""
