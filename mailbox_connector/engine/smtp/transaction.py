"""Handing one message over: in one SMTP transaction, or in several.

One transaction serves all recipients if the server accepts that many. Otherwise the
remaining ones follow in further transactions (RFC 5321 section 4.5.3.1.10). Every
recipient ends up accepted, refused with a reason, or unknown.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..diagnosis import enhanced_status, from_smtp
from ..errors import EngineError, Field, Kind
from .retry import PAUSING

if TYPE_CHECKING:
    from .session import MailboxSMTP


#: What a server says of one recipient though it is about all of them.
_OF_ALL = PAUSING | {Kind.TOO_MANY_RECIPIENTS, Kind.CLIENT_REFUSED}


@dataclass(frozen=True)
class _Message:
    """What all transactions of a message share; ``options``: of MAIL."""

    sender: str
    mime: bytes
    options: tuple[str, ...]
    #: By the spelling sent to the server: the recipients as they were given.
    wire: dict[str, list[str]]


def send(
    connection: MailboxSMTP, mail_from: str, recipients: Sequence[str], mime: bytes
) -> dict[str, EngineError]:
    """Hand one message over.

    No recipient is in two transactions that the server accepted.

    :return: by recipient who does not have it, the reason, which may be
        ``Kind.OUTCOME_UNKNOWN``; all others have it. Recipients with the same reason
        share one error object
    :raises EngineError: nobody has it, all for one reason; with
        ``Kind.OUTCOME_UNKNOWN``, it is not known who has it
    """
    mime = re.sub(rb"\r\n|\r|\n", b"\r\n", mime)
    connection.ehlo_or_helo_if_needed()
    _check_size(connection, mime)
    refused: dict[str, EngineError] = {}
    message = _prepare(connection, mail_from, recipients, mime, refused)
    for spelled, error in _deliver(connection, message).items():
        refused.update(dict.fromkeys(message.wire[spelled], error))
    if len(refused) == len(set(recipients)):
        reasons = list(refused.values())
        if all(_same(error, reasons[0]) for error in reasons):
            raise reasons[0]
    return refused


def _deliver(connection: MailboxSMTP, message: _Message) -> dict[str, EngineError]:
    """All transactions of a message; returns who was refused, as spelled, and why."""
    refused: dict[str, EngineError] = {}
    groups = [list(message.wire)] if message.wire else []
    over: EngineError | None = None
    while groups:
        group = groups.pop(0)
        if over is not None:
            refused.update(dict.fromkeys(group, over))
            continue
        try:
            result = _transact(connection, message, group)
        except EngineError as error:
            # The whole group was refused: only smaller groups show how many are
            # accepted.
            if error.kind is Kind.TOO_MANY_RECIPIENTS and len(group) > 1:
                half = len(group) // 2
                groups[:0] = [group[:half], group[half:]]
                continue
            result = dict.fromkeys(group, error)
            over = _why_no_more(connection, error)
        waiting = {one for one, error in result.items() if _no_room(error)}
        # Only if somebody was accepted; otherwise this would never end.
        if waiting and len(result) < len(group):
            groups.insert(0, [one for one in group if one in waiting])
            result = {one: result[one] for one in result if one not in waiting}
        refused.update(result)
    return refused


def _transact(
    connection: MailboxSMTP, message: _Message, group: Sequence[str]
) -> dict[str, EngineError]:
    """One transaction; returns who of ``group`` was refused, and why."""
    endpoint = connection.endpoint
    try:
        replies = connection.sendmail(
            message.sender, list(group), message.mime, message.options
        )
    except smtplib.SMTPRecipientsRefused as exc:
        replies = exc.recipients
        # The server hung up after the last reply: that is the reason for the others
        # too.
        last = list(replies.values())[-1]
        replies = {one: replies.get(one, last) for one in group}
    except (EngineError, smtplib.SMTPException, OSError, ValueError) as exc:
        error = from_smtp(exc, endpoint, stage="mail")
        if error.server_text.startswith("503"):
            # Server and client disagree about the state of the session: start a new
            # one.
            connection.close()
        raise error from None
    refused = {}
    shared: dict[Kind, EngineError] = {}
    for one, reply in replies.items():
        error = from_smtp(reply, endpoint, stage="rcpt")
        if error.kind in _OF_ALL:
            # About the account or the message: one error for all of them.
            error = shared.setdefault(error.kind, error)
        else:
            error.detail = message.wire[one][0]
        refused[one] = error
    return refused


def _same(error: EngineError, other: EngineError) -> bool:
    return error is other or (
        (error.kind, error.server_text) == (other.kind, other.server_text)
    )


def _no_room(error: EngineError) -> bool:
    """Whether a recipient was refused because of the number of those before it.

    If others were accepted, a 452 without an enhanced status code means that, and so
    does a 552 of old servers (RFC 5321 section 4.5.3.1.10).
    """
    if error.kind is Kind.TOO_MANY_RECIPIENTS:
        return True
    return (
        error.kind in (Kind.SENDING_LIMIT, Kind.TOO_LARGE)
        and error.server_text.startswith(("452", "552"))
        and not enhanced_status(error.server_text)
    )


def _why_no_more(connection: MailboxSMTP, error: EngineError) -> EngineError | None:
    """Why no further transaction is begun after ``error``; None: another one may be."""
    if error.kind in PAUSING:
        return error
    if connection.sock is None:
        return connection.endpoint.error(Kind.CONNECTION_LOST)
    return None


def _check_size(connection: MailboxSMTP, mime: bytes) -> None:
    """Do not send what is larger than the server announces (RFC 1870)."""
    limit = connection.esmtp_features.get("size", "").strip()
    if limit.isdigit() and 0 < int(limit) < len(mime):
        raise connection.endpoint.error(
            Kind.TOO_LARGE, size=len(mime), limit=int(limit)
        )


def _prepare(
    connection: MailboxSMTP,
    mail_from: str,
    recipients: Sequence[str],
    mime: bytes,
    refused: dict[str, EngineError],
) -> _Message:
    """Check the addresses, and spell them as the server can accept them.

    :param refused: gets the recipients that are impossible, with errors without
        ``server_text`` and with the address as ``detail``
    :raises EngineError: SENDER_REFUSED, likewise
    """
    extended = connection.has_extn("smtputf8")
    sender = wire_address(mail_from)
    if not is_possible(sender, extended):
        raise _impossible(connection, Kind.SENDER_REFUSED, mail_from)
    wire: dict[str, list[str]] = {}
    for one in recipients:
        spelled = wire_address(one)
        if is_possible(spelled, extended):
            wire.setdefault(spelled, []).append(one)
        else:
            refused[one] = _impossible(connection, Kind.RECIPIENT_REFUSED, one)
    if not recipients:
        raise _impossible(connection, Kind.RECIPIENT_REFUSED, "")
    options = []
    if not mime.isascii() and connection.has_extn("8bitmime"):
        options.append("BODY=8BITMIME")
    texts = (sender, *wire, mime.partition(b"\r\n\r\n")[0])
    if extended and not all(text.isascii() for text in texts):
        options.append("SMTPUTF8")
    return _Message(sender, mime, tuple(options), wire)


def is_possible(address: str, extended: bool) -> bool:
    """Whether an address can be written into a command at all."""
    local, _at, domain = address.rpartition("@")
    if not local or not domain or not (extended or address.isascii()):
        return False
    if not local.startswith('"') and ("@" in local or " " in local):
        return False
    # smtplib would remove control characters and send to the rest.
    return not any(c < " " or c in "\x7f<>" for c in address)


def _impossible(connection: MailboxSMTP, kind: Kind, address: str) -> EngineError:
    return connection.endpoint.error(kind, field=Field.ADDRESS, detail=address)


def wire_address(address: str) -> str:
    """The address with an international domain as ``xn--…`` (no SMTPUTF8 needed)."""
    local, at, domain = address.rpartition("@")
    if at and local.isascii() and not domain.isascii():
        try:
            return f"{local}@{domain.encode('idna').decode('ascii')}"
        except UnicodeError:
            pass
    return address
