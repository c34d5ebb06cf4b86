"""What a report says about one message and each of its recipients (RFC 3464)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import one_line
from ..types import HeaderFields
from . import headers, ids, words
from .addresses import parse_addresses

#: Bytes of a report's machine-readable part, of its words, of a returned header.
MAX_TEXT = 500_000
MAX_RECIPIENTS = 1_000
#: Characters of a server's reply that are kept.
MAX_DIAGNOSTIC = 500

#: RFC 3464 section 2.3.3, and misspellings.
_ACTIONS = {
    "failed": "failed",
    "failure": "failed",
    "delayed": "delayed",
    "delay": "delayed",
    "delivered": "delivered",
    "relayed": "relayed",
    "expanded": "expanded",
}
_BY_CLASS = {"5": "failed", "4": "delayed", "2": "delivered"}

_TYPED = re.compile(r"\s*[\w.+-]{1,40}\s*;\s*")
_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\w|\.\d)")
_REPLY = re.compile(r"(?:^|[\s:#;(])([45])\d\d[\s-]")


@dataclass(frozen=True)
class RecipientStatus:
    """What happened to the message for one recipient.

    ``address`` normalized: the one that the message was sent to, if the report names
    it, else the one that it was forwarded to. ``action``: "failed", "delayed",
    "delivered", "relayed" or "expanded". ``status``: as "5.1.1" (RFC 3463), or "".
    ``diagnostic``: the server's words, one line. ``permanent``: failed for a permanent
    reason; False for "failed" after days of temporary errors (4.x.x).
    """

    address: str
    action: str
    status: str = ""
    diagnostic: str = ""
    permanent: bool = False


@dataclass(frozen=True)
class DeliveryReport:
    """A delivery status notification, or a bounce that serves as one.

    ``original_message_id`` with angle brackets, "" if the report does not say.
    ``recipients`` without duplicates; empty if that part of the report is unreadable.
    ``original_recipients``: normalized To and Cc of the returned message.
    ``original_references``: its References, which providers that rewrite Message-IDs
    leave unchanged. ``original_in_reply_to`` and ``original_subject``: of the returned
    message; the subject also if only the words of the report name it. ``is_returned``:
    the Message-ID is that of a returned message, not only a hint.
    ``hinted_message_ids``: further ones that it may be about, the best first.
    """

    original_message_id: str
    recipients: tuple[RecipientStatus, ...]
    reporting_mta: str = ""
    original_recipients: tuple[str, ...] = ()
    original_references: tuple[str, ...] = ()
    original_in_reply_to: str = ""
    original_subject: str = ""
    is_returned: bool = False
    hinted_message_ids: tuple[str, ...] = ()


def status_of(
    address: str, action: str, status: str, diagnostic: str
) -> RecipientStatus | None:
    """A recipient's status; None if the report says too little."""
    word = re.match(r"\s*([a-z]*)", action.lower())[1]
    code = _code(status)
    said = _code(diagnostic)
    # "5.0.0" is a common default; the server's reply often has the real code.
    if said and (not code or (code[2:] == "0.0" and code[0] == said[0])):
        code = said
    reply = _REPLY.search(diagnostic)
    grade = code[:1] or (reply[1] if reply else "")
    action = _ACTIONS.get(word) or _BY_CLASS.get(grade, "")
    if not address or not action:
        return None
    permanent = action == "failed" and grade != "4"
    return RecipientStatus(address, action, code, diagnostic, permanent)


def report_of(
    original: HeaderFields,
    recipients: Iterable[RecipientStatus],
    *,
    reporting_mta: str = "",
    hints: Iterable[str] = (),
    subject: str = "",
) -> DeliveryReport:
    """A report on the message whose header is ``original``.

    :param hints: other values that may contain its Message-ID, the best first; they are
        only read if the message is not returned, because they may name others
    :param subject: of the message, if it is not returned
    """
    returned = ids.first_message_id(first(original, "message-id"))
    found = [returned]
    if not returned:
        found = [(ids.parse_references(hint) or [""])[-1] for hint in hints]
    found = list(dict.fromkeys(filter(None, found))) or [""]
    return DeliveryReport(
        found[0],
        tuple(recipients),
        reporting_mta,
        tuple(sent_to(original)),
        tuple(ids.parse_references(first(original, "references"))),
        ids.first_message_id(first(original, "in-reply-to")),
        words.text(first(original, "subject") or subject),
        bool(returned),
        tuple(found[1:]),
    )


def sent_to(original: HeaderFields) -> list[str]:
    """Normalized addresses of To and Cc."""
    values = [value for name, value in original if name in ("to", "cc")]
    return [one.email for one in parse_addresses(values)]


def header_of(octets: bytes) -> HeaderFields:
    """Fields of a returned message or header."""
    octets = octets[:MAX_TEXT].lstrip()
    return headers.fields(re.split(rb"\r?\n[ \t]*\r?\n", octets, maxsplit=1)[0])


def first(fields: Iterable[tuple[str, str]], wanted: str) -> str:
    """The value of the first field of that name; '' if there is none."""
    return next((value for name, value in fields if name == wanted), "")


def untyped(value: str) -> str:
    """One line of "smtp; 550 no such user", without the type."""
    text = words.text(value[:10_000])
    return one_line(_TYPED.sub("", text, count=1), MAX_DIAGNOSTIC)


def _code(text: str) -> str:
    match = _CODE.search(text[:1_000])
    return ".".join(str(int(digits)) for digits in match.groups()) if match else ""
