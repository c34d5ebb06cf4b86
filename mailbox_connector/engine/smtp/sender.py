"""Asking whether an account may send as an address, without sending anything."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

from ..diagnosis import from_smtp
from ..errors import Field, Kind
from .transaction import is_possible, wire_address

if TYPE_CHECKING:
    from .session import MailboxSMTP


def may_send(connection: MailboxSMTP, address: str) -> None:
    """Begin an e-mail from ``address`` to itself, and reset the session before DATA.

    With a recipient, because many servers accept any sender and refuse it only then.

    :raises EngineError: the server refuses, permanently or temporarily
    """
    endpoint = connection.endpoint
    spelled = wire_address(address)
    if not is_possible(spelled, connection.has_extn("smtputf8")):
        raise connection.endpoint.error(
            Kind.SENDER_REFUSED, field=Field.ADDRESS, detail=address
        )
    options = [] if spelled.isascii() else ["SMTPUTF8"]
    stage = "mail"
    try:
        reply = connection.mail(spelled, options)
        if reply[0] == 250:
            stage = "rcpt"
            reply = connection.rcpt(spelled)
        if reply[0] not in (250, 251):
            raise from_smtp(reply, endpoint, stage=stage)
    except (smtplib.SMTPException, OSError, ValueError) as exc:
        raise from_smtp(exc, endpoint, stage=stage) from None
    finally:
        if connection.sock is not None:
            connection._rset()
