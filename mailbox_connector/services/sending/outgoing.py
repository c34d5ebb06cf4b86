"""Handing one mail over to a mailbox's SMTP server, and knowing what became of it.

``mail.mail`` describes the mail by a :class:`Transaction`, ``ir.mail_server`` brings it
together with the :class:`Transport` of the mailbox, and :func:`deliver` sends it under
the ledger: no recipient gets a mail twice, whatever is retried or cut off. What became
of it is a :class:`Result`, collected in :class:`Outcomes` until ``mail.mail`` settles.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from email.message import EmailMessage

from odoo import fields
from odoo.exceptions import UserError

from ...engine.errors import EngineError, Kind, Side
from ...engine.smtp import retry
from ...engine.smtp.retry import NextStep
from ...engine.smtp.session import MailboxSMTP
from ...engine.smtp.transaction import send
from ...error_messages import explain
from . import sent_copy
from .ledger import Ledger
from .outcome import (
    HEADER,
    Outcomes,
    PutOff,
    Result,
    SendingFailed,
    Transaction,
    whole_second,
)

__all__ = [
    "HEADER",
    "Transaction",
    "SendingFailed",
    "Transport",
    "deliver",
    "interrupted",
]

#: Failures that say something about one mail, not about the account.
OF_THE_MAIL = frozenset(
    {
        Kind.RECIPIENT_REFUSED,
        Kind.CONTENT_REFUSED,
        Kind.TOO_LARGE,
        Kind.QUOTA,
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


class Transport:
    """What Odoo takes for an SMTP session: a mailbox's connection, which is opened
    again when the server has closed it between two mails.

    :param dial: opens and signs in; opens the credentials each time
    :param patience: seconds that may be waited in all for the mailbox's pace
    :param is_lazy: connect when the first mail is sent, not now
    """

    #: Odoo takes the From of the message then.
    smtp_from = False

    def __init__(
        self,
        account,
        dial: Callable[[], MailboxSMTP],
        *,
        patience: float = 0.0,
        is_lazy: bool = False,
    ):
        self.account_id = account.id
        self.address = account.email_normalized
        self.addresses = frozenset(account.addresses())
        self.from_filter = ",".join(sorted(self.addresses))
        self.patience = patience
        #: Why nothing more goes over this session.
        self.down: EngineError | UserError | None = None
        self.outcomes = Outcomes()
        #: Whether the mailbox knows already that sending works.
        self.is_noted = False
        self.ledger: Ledger | None = None
        self._dial = dial
        self._smtp: MailboxSMTP | None = None
        self._used = False
        if not is_lazy:
            self.open()

    def open(self) -> None:
        """Connect and sign in, if that has not been done.

        :raise EngineError, UserError: also later, without trying again
        """
        if self.down:
            raise self.down
        if self._smtp is None or self._smtp.sock is None:
            self._redial()

    def send(
        self, recipients: Sequence[str], mime: bytes, sender: str = ""
    ) -> dict[str, EngineError]:
        """Hand ``mime`` over; as many transactions as the server wants for so many.

        :param sender: envelope sender, the mailbox's address by default
        :return: those who do not have it and why, OUTCOME_UNKNOWN among the reasons
        :raise EngineError: nobody has it, or, with OUTCOME_UNKNOWN, nobody knows
        """
        sender = sender or self.address
        self.open()
        try:
            refused = send(self._smtp, sender, recipients, mime)
        except EngineError as error:
            if error.kind not in STALE or not self._used:
                raise
            self._redial()
            refused = send(self._smtp, sender, recipients, mime)
        self._used = True
        return refused

    def send_message(self, message: EmailMessage, sender, recipients) -> dict:
        """As smtplib's, for mail that does not come from the mail queue."""
        return self.send(recipients, message.as_bytes(), sender or "")

    def close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()

    def quit(self) -> None:
        if self.ledger is not None:
            self.ledger.close()
        if self._smtp is not None:
            self._smtp.quit()

    def __getattr__(self, name):
        return getattr(self._smtp, name)

    def _redial(self) -> None:
        self.close()
        try:
            self._smtp = self._dial()
        except (EngineError, UserError) as error:
            # The mails behind this one need not find out again.
            self.down = error
            raise
        self._used = False


def deliver(
    env,
    transport: Transport,
    transaction: Transaction,
    message: EmailMessage,
    recipients: Sequence[str],
    sender: str = "",
) -> Result:
    """Send ``message`` to those of ``recipients`` that do not have it yet.

    :param sender: envelope sender, the mailbox's address by default
    """
    mail = env["mail.mail"].sudo().browse(transaction.mail_id)
    # Whoever else is sending this mail holds its row: it is waited for here.
    mail.flush_recordset()
    account = env["mailbox.account"].sudo().browse(transaction.account_id)
    deliveries = env["mailbox.delivery"]
    ledger = transport.ledger
    if ledger is None:
        ledger = transport.ledger = Ledger(deliveries, account.provider_files_sent())
    message_id = message["Message-Id"]
    attempts = mail.mailbox_attempts + 1
    mime = message.as_bytes()
    whole = sent_copy.complete(message, transaction.sent_to, transaction.sent_cc)
    copy = mime if whole is message else whole.as_bytes()
    begun = ledger.begin(transaction, message_id, recipients)
    while begun.put_off and not begun.recipients and _wait(transport, begun.put_off):
        begun = ledger.begin(transaction, message_id, recipients)
    if not begun.recipients:
        return Result(begun.failed, bool(begun.failed), begun.put_off)
    try:
        refused = transport.send(begun.recipients, mime, sender)
    except EngineError as error:
        refused = dict.fromkeys(begun.recipients, error)
    except UserError as error:
        # The mailbox's settings are incomplete.
        deliveries._end(
            transaction, {one: ("failed", str(error)) for one in begun.recipients}
        )
        account.record_smtp_result(str(error), error)
        return Result((str(error),), put_off=begun.put_off)
    if not refused:
        ledger.end_sent(transaction, begun.recipients, copy)
        closing = _Closing(account, attempts, {}, begun.put_off)
    else:
        closing = _Closing(account, attempts, refused, begun.put_off)
        if closing.pauses:
            transport.down = closing.pauses
        outcome = {
            one: closing.states.get(one, ("sent", False)) for one in begun.recipients
        }
        deliveries._end(transaction, outcome, copy=copy)
    if len(refused) < len(begun.recipients):
        if not transport.is_noted:
            account.record_smtp_result(False)
            transport.is_noted = True
        ledger.record(account, transaction.mail_message_id, copy)
    elif closing.problem:
        account.record_smtp_result(closing.problem, closing.error)
        transport.is_noted = False
    return Result(tuple(closing.failed), closing.unknown, closing.put_off)


class _Closing:
    """What follows from the errors of one transaction.

    ``states``: (state, reason) by recipient; ``problem``, ``error``: what the mailbox's
    owner is to see, and why; ``pauses``: the error after which the mailbox waits.
    """

    def __init__(self, account, attempts, refused, put_off):
        self.env = account.env
        self.states: dict[str, tuple[str, str]] = {}
        self.failed: dict[str, None] = {}
        self.put_off: PutOff | None = put_off
        self.unknown = False
        self.problem: str | bool = False
        self.error: EngineError | None = None
        self.pauses: EngineError | None = None
        self._known: dict[int, tuple[str, str]] = {}
        for recipient, error in refused.items():
            if id(error) not in self._known:
                self._known[id(error)] = self._follow(account, attempts, error)
            self.states[recipient] = self._known[id(error)]

    def _follow(self, account, attempts, error):
        reason = explain(self.env, error, account.provider_id)
        if error.kind not in OF_THE_MAIL:
            self.problem, self.error = reason, error
        next_step = retry.next_step(error)
        if next_step is NextStep.ASK_USER:
            self.unknown = True
            self.failed[reason] = None
            return "unknown", reason
        later = None
        if next_step is NextStep.PAUSE:
            self.pauses = error
            later = account._pause_sending(error, reason)
        elif next_step is NextStep.RETRY:
            wait = retry.delay(attempts, error.retry_after)
            if wait:
                later = PutOff(whole_second(fields.Datetime.now() + wait), reason, True)
            else:
                reason = self.env._(
                    "%(reason)s It was tried %(count)s times in two days.",
                    reason=reason,
                    count=attempts,
                )
        if later:
            if not self.put_off or later.at < self.put_off.at:
                self.put_off = later
        else:
            self.failed[reason] = None
        return "failed", reason


def _wait(transport, put_off) -> bool:
    """Sit out a short pace; False if it is too long for this session."""
    seconds = (put_off.at - datetime.utcnow()).total_seconds()
    if seconds > transport.patience:
        return False
    transport.patience -= max(seconds, 0.1)
    time.sleep(max(seconds, 0))
    return True


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
