"""Reports on the delivery of a message that was sent (RFC 3464, 6522, 6533)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..errors import MessageError
from ..types import HeaderFields
from . import charsets, headers, nonstandard_bounces, returned_message, structure
from .addresses import normalize
from .automatic import Automatic, automatic_kind, from_machine, from_role
from .delivery_status import (
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
from .returned_message import Returned
from .structure import Part

#: Bytes of a report that are read: the report comes before the returned message.
MAX_SIZE = 5_000_000
#: Machine-readable parts of one report that are read; there should be one.
MAX_STATUS_PARTS = 10

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
#: Fields of a report that may have the Message-ID (X-…: Gmail, Exchange).
_ID_FIELDS = ("x-original-message-id", "original-message-id")
_REPORT = re.compile(rb"^content-type:\s*multipart/report\b", re.I | re.M)
#: Bytes of an attached message in which its type is searched.
MAX_HEAD = 50_000
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")


def read_report(raw: bytes) -> DeliveryReport | None:
    """The delivery report, if the message is one; else None.

    Never raises. Not reports: one that somebody forwards as an attachment, a read
    receipt, a complaint (RFC 8098, RFC 5965). Anybody can write a report: callers have
    to check that the original was sent by us to that recipient.
    """
    try:
        message = structure.parse(raw[:MAX_SIZE])
        return (
            _standard(message)
            or _attached(message)
            or nonstandard_bounces.read(message)
        )
    except (MessageError, RecursionError, MemoryError):
        return None


def _standard(message: Part) -> DeliveryReport | None:
    """A report in the standard form, RFC 3464."""
    report = _report_part(message)
    if report is None:
        return None
    # In the order of the message; an attached message is a leaf and is not opened.
    leaves = [part for part, _parents in structure.leaves(report)]
    parts = [part for part in leaves if part.mimetype in _STATUS_TYPES]
    if not parts:
        return None
    original = _returned_header(leaves, leaves.index(parts[0]))
    groups = [
        group for part in parts[:MAX_STATUS_PARTS] for group in _groups(part.octets())
    ]
    everything = [field for group in groups for field in group]
    addressed = sent_to(original)
    recipients = _recipients(groups, addressed[0] if len(addressed) == 1 else "")
    returned = Returned(header=original)
    if not recipients or not original:
        said = returned_message.read(message)
        returned = Returned(said.words, original or said.header)
    return report_of(
        returned.header,
        recipients or nonstandard_bounces.failures(message, returned, only_named=True),
        reporting_mta=untyped(first(everything, "reporting-mta")),
        hints=_id_hints(message, everything, returned.words),
        subject=nonstandard_bounces.named_subject(message, returned.words),
    )


def _attached(message: Part) -> DeliveryReport | None:
    """The report that a filter on the way has attached to a bounce of its own."""
    if automatic_kind(message.headers) is not Automatic.BOUNCE:
        return None
    if not (from_machine(message) or from_role(message)):
        return None
    inner = returned_message.read(message).attached
    if not inner:
        return None
    return (
        _standard(structure.parse(inner)) if _REPORT.search(inner[:MAX_HEAD]) else None
    )


def _returned_header(leaves: Sequence[Part], status: int) -> HeaderFields:
    """Header fields of the message that the report is about; empty if not returned.

    :param status: index of the delivery-status part, which the message should follow
    """
    for candidates in (leaves[status:], leaves):
        for part in candidates:
            if part.mimetype in returned_message.MESSAGE_TYPES:
                return header_of(part.octets())
    return []


def _id_hints(message: Part, fields: HeaderFields, text: str) -> list[str]:
    """Where the original's Message-ID may be, if the original is not returned.

    Some servers have it in a field of the report. The report's own Message-ID is
    useless, but the ones that the report replies to may help.
    """
    hints = [value for name, value in fields if name in _ID_FIELDS]
    # The sender of a message chooses its envelope's id; some take the Message-ID.
    envelope = first(fields, "original-envelope-id")
    hints += nonstandard_bounces.id_hints(message, text)
    return [*hints, envelope] if "<" in envelope else hints


def _report_part(message: Part) -> Part | None:
    """The multipart that holds a delivery-status part; None if there is none."""
    if message.mimetype == "multipart/report":
        kind = message.parameter("report-type").lower()
        return message if kind in ("", "delivery-status") else None
    # Wrapped by a list or a filter, or of the wrong type: then only if a machine sent
    # it, because people forward reports too.
    if not message.parts or not from_machine(message):
        return None
    for part, parents in structure.leaves(message):
        if part.mimetype in _STATUS_TYPES and parents:
            return parents[-1]
    return None


def _groups(octets: bytes) -> Iterator[HeaderFields]:
    """Fields of a delivery-status part, in blocks separated by empty lines."""
    for block in re.split(rb"\r?\n[ \t]*\r?\n|\r\r", octets[:MAX_TEXT].lstrip()):
        group = headers.fields(block)
        if group:
            yield group


def _recipients(groups: Iterable[HeaderFields], only: str) -> list[RecipientStatus]:
    """One status per recipient; "failed" takes precedence.

    :param only: the address that the message was sent to, if it was a single one
    """
    found: dict[str, RecipientStatus] = {}
    current: dict[str, str] = {}
    for group in groups:
        for name, value in group:
            # Some omit the empty line between two recipients.
            if name == "final-recipient" and name in current:
                _take(current, only, found)
                current = {}
            current.setdefault(name, value)
        # Others add one inside a recipient: continue while the block is incomplete.
        if _take(current, only, found):
            current = {}
        if len(found) >= MAX_RECIPIENTS:
            break
    return list(found.values())[:MAX_RECIPIENTS]


def _take(fields: dict[str, str], only: str, found: dict[str, RecipientStatus]) -> bool:
    """Add the recipient of these fields, if they say enough about it."""
    names = ("original-recipient", "final-recipient", "x-actual-recipient")
    addresses = (_address(fields[name]) for name in names if name in fields)
    one = status_of(
        next(filter(None, addresses), only),
        fields.get("action", ""),
        fields.get("status", ""),
        untyped(fields.get("diagnostic-code", "")),
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
