"""Handing one mail over to a mailbox's SMTP server, and knowing what became of it.

``mail.mail`` describes the mail by a :class:`Delivery`, ``ir.mail_server`` brings it
together with the :class:`Transport` of the mailbox, and :func:`deliver` sends it under
the ledger: no recipient gets a mail twice, whatever is retried or cut off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage

from odoo.exceptions import UserError

from ..engine.errors import EngineError, Kind, Side
from ..engine.smtp.session import MailboxSMTP, send
from ..exceptions import explain
from . import sent_copy

_logger = logging.getLogger(__name__)

#: Where a delivery travels among the headers of a mail; it never reaches the wire.
HEADER = "X-Mailbox-Delivery"

#: Failures that say something about the account, not about one mail.
OF_THE_MAIL = frozenset(
    {
        Kind.RECIPIENT_REFUSED,
        Kind.CONTENT_REFUSED,
        Kind.TOO_LARGE,
        Kind.TOO_MANY_RECIPIENTS,
        Kind.GREYLISTED,
        Kind.OUTCOME_UNKNOWN,
        Kind.CONNECTION_LOST,
        Kind.DEADLINE,
        Kind.TRANSIENT,
    }
)
#: Nothing was handed over and a fresh connection may do.
STALE = frozenset({Kind.CONNECTION_LOST, Kind.TIMEOUT})


class SendingFailed(UserError):
    """A mail did not leave, or nobody knows; the words are for people."""


@dataclass(frozen=True)
class Delivery:
    """What sending needs to know of a ``mail.mail``.

    ``sent_to``: every customer the message goes to, as To of the sent copy;
    ``email_from``: the From header, an address of the mailbox.
    """

    mail_id: int
    mail_message_id: int
    account_id: int
    email_from: str
    sent_to: tuple[str, ...] = ()


class Transport:
    """What Odoo takes for an SMTP session: a mailbox's connection, which is opened
    again when the server has closed it between two mails.

    :param dial: opens and signs in; opens the credentials each time
    """

    #: Odoo takes the From of the message then.
    smtp_from = False

    def __init__(self, account, dial: Callable[[], MailboxSMTP]):
        self.account_id = account.id
        self.address = account.email_normalized
        self.addresses = frozenset(account._addresses())
        self.from_filter = ",".join(sorted(self.addresses))
        self._dial = dial
        self._smtp = dial()
        self._used = False

    def send(self, recipients: Sequence[str], mime: bytes) -> dict[str, EngineError]:
        """Hand ``mime`` over with the mailbox's address as envelope sender.

        :return: the refused recipients
        :raise EngineError: nobody has it, or OUTCOME_UNKNOWN
        """
        if self._smtp.sock is None:
            self._redial()
        try:
            refused = send(self._smtp, self.address, recipients, mime)
        except EngineError as error:
            if error.kind not in STALE or not self._used:
                raise
            self._redial()
            refused = send(self._smtp, self.address, recipients, mime)
        self._used = True
        return refused

    def send_message(self, message: EmailMessage, _sender, recipients) -> dict:
        """As smtplib's, for mail that does not come from the mail queue."""
        return self.send(recipients, message.as_bytes())

    def close(self) -> None:
        self._smtp.close()

    def quit(self) -> None:
        self._smtp.quit()

    def __getattr__(self, name):
        return getattr(self._smtp, name)

    def _redial(self) -> None:
        self._smtp.close()
        self._smtp = self._dial()
        self._used = False


def deliver(
    env,
    transport: Transport,
    delivery: Delivery,
    message: EmailMessage,
    recipients: Sequence[str],
) -> None:
    """Send ``message`` to those of ``recipients`` that do not have it yet.

    :raise SendingFailed: somebody did not get it, or it is not known
    """
    mail = env["mail.mail"].sudo().browse(delivery.mail_id)
    # Whoever else is sending this mail holds its row: it is waited for here.
    mail.flush_recordset()
    outbox = env["mailbox.outbox"]
    account = env["mailbox.account"].sudo().browse(delivery.account_id)
    message_id = message["Message-Id"]
    waiting = outbox._begin(delivery, message_id, recipients)
    if not waiting:
        return
    try:
        refused = transport.send(waiting, message.as_bytes())
    except EngineError as error:
        reason = explain(env, error)
        unknown = error.kind is Kind.OUTCOME_UNKNOWN
        state = "unknown" if unknown else "failed"
        outbox._end(delivery, {one: (state, reason) for one in waiting})
        if error.kind not in OF_THE_MAIL:
            account._note_smtp(reason)
        raise SendingFailed(reason) from error
    outcome = {one: ("sent", False) for one in waiting if one not in refused}
    for one, error in refused.items():
        outcome[one] = ("failed", explain(env, error))
    copy = sent_copy.complete(message, delivery.sent_to).as_bytes()
    outbox._end(delivery, outcome, copy=copy)
    account._note_smtp(False)
    sent_copy.record(account, delivery.mail_message_id, copy)
    if refused:
        raise SendingFailed(
            " ".join(reason for _s, reason in outcome.values() if reason)
        )


def interrupted(env, account) -> str:
    """What is said of a mail whose sending was cut off by our own end."""
    return explain(
        env,
        EngineError(
            Kind.OUTCOME_UNKNOWN,
            Side.SMTP,
            host=account.smtp_host,
            port=account.smtp_port,
        ),
    )
