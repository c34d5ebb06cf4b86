"""The SMTP session that Odoo sends a mailbox's mail over.

Plain functions open it: they open the mailbox's credentials, so no recordset leads to
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import TYPE_CHECKING

from odoo.exceptions import UserError

from ...engine.errors import EngineError, Kind
from ...engine.smtp import retry
from ...engine.smtp.session import MailboxSMTP, open_smtp
from ...engine.smtp.transaction import send
from ...error_messages import explain
from ..accounts.endpoints import egress_policy, endpoint
from .outcome import Outcomes, SendingFailed
from .pace import patience

if TYPE_CHECKING:
    from .ledger import Ledger
    from .sent_copy_record import SentRecorder

#: After these on a used connection nothing was handed over, and a new one may work.
STALE = frozenset({Kind.CONNECTION_LOST, Kind.TIMEOUT})


class SmtpSession:
    """What Odoo takes for an SMTP session: a mailbox's connection, which is opened
    again if the server has closed it between two mails.

    :param account: ``mailbox.account``
    :param dial: connects and signs in; it opens the credentials each time
    :param patience: seconds that may be spent in all waiting for the mailbox's pace
    :param is_lazy: connect when the first mail is sent, not now
    """

    #: Odoo then takes the From of the message.
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
        #: Why nothing more is sent over this session.
        self.down: EngineError | UserError | None = None
        self.outcomes = Outcomes()
        #: Whether it is recorded on the mailbox that sending works.
        self.is_success_recorded = False
        #: Made with the first mail; see :mod:`outgoing`.
        self.ledger: Ledger | None = None
        self.recorder: SentRecorder | None = None
        self._dial = dial
        self._smtp: MailboxSMTP | None = None
        self._is_used = False
        if not is_lazy:
            self.open()

    def open(self) -> None:
        """Connect and sign in, unless that has been done.

        :raise EngineError, UserError: also on later calls, which do not try again
        """
        if self.down:
            raise self.down
        if self._smtp is None or self._smtp.sock is None:
            self._redial()

    def send(
        self, recipients: Sequence[str], mime: bytes, sender: str = ""
    ) -> dict[str, EngineError]:
        """Hand ``mime`` over, in as many transactions as the server wants for so many.

        :param sender: envelope sender, the mailbox's address by default
        :return: who does not have it and why, OUTCOME_UNKNOWN among the reasons
        :raise EngineError: nobody has it or, with OUTCOME_UNKNOWN, nobody knows
        """
        sender = sender or self.address
        self.open()
        try:
            refused = send(self._smtp, sender, recipients, mime)
        except EngineError as error:
            if error.kind not in STALE or not self._is_used:
                raise
            self._redial()
            refused = send(self._smtp, sender, recipients, mime)
        self._is_used = True
        return refused

    def send_message(self, message: EmailMessage, sender, recipients) -> dict:
        """As smtplib's, for mail that does not come from the mail queue."""
        return self.send(recipients, message.as_bytes(), sender or "")

    def close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()

    def quit(self) -> None:
        if self.ledger is not None:
            self.ledger.disconnect()
        if self._smtp is not None:
            self._smtp.quit()

    def __getattr__(self, name):
        return getattr(self._smtp, name)

    def _redial(self) -> None:
        self.close()
        try:
            self._smtp = self._dial()
        except (EngineError, UserError) as error:
            # The next mails need not find out again.
            self.down = error
            raise
        self._is_used = False


def open_session(account) -> SmtpSession:
    """Connect and sign in to a mailbox's SMTP server.

    :raise SendingFailed: with a text that names the field to look at
    """
    account = account.sudo()
    try:
        return SmtpSession(account, _dialer(account))
    except EngineError as error:
        raise _failure(account, error) from error


def open_queue_session(account) -> SmtpSession:
    """The session of one run of the mail queue. There is one even if the server is
    busy or out of reach for now: it puts off each mail.

    :raise SendingFailed, UserError: a person has to do something first
    """
    account = account.sudo()
    session = SmtpSession(
        account, _dialer(account), patience=patience(account.env), is_lazy=True
    )
    try:
        session.open()
    except EngineError as error:
        if retry.next_step(error) is retry.NextStep.FAIL:
            raise _failure(account, error) from error
    return session


def _dialer(account) -> Callable[[], MailboxSMTP]:
    policy = egress_policy(account.env)
    return lambda: open_smtp(endpoint(account, "smtp"), policy)


def _failure(account, error: EngineError) -> SendingFailed:
    return SendingFailed(explain(account.env, error, account.provider_id))
