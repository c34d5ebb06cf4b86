"""Whether an account may send as an address: asked, without sending anything."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

from ..diagnosis import from_smtp
from ..errors import Field, Kind
from .transaction import is_possible, wire_address

if TYPE_CHECKING:
    from .session import MailboxSMTP


def may_send(connection: MailboxSMTP, address: str) -> None:
    """Begin a mail from ``address`` to itself, and take it back before DATA.

    To itself: many servers say no more than "ok" to the sender, and refuse it only
    once there is a recipient.

    :raises EngineError: the server refuses, for good or for now
    """
    endpoint = connection.endpoint
    spelled = wire_address(address)
    if not is_possible(spelled, connection.has_extn("smtputf8")):
        raise connection.connection.error(
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
