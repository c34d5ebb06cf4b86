"""Handing one e-mail over to a mailbox's SMTP server, and recording the result.

``mail.mail`` describes the e-mail by a :class:`.outcome.SmtpTransaction`,
``ir.mail_server`` brings it together with the :class:`.smtp_session.SmtpSession` of the
mailbox, and :func:`deliver` sends it under the :class:`.ledger.Ledger`: no recipient
gets an e-mail twice, whatever is retried or interrupted. The :class:`.outcome.Result`
is collected in :class:`.outcome.Outcomes` until ``mail.mail`` takes its state from it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from odoo import fields
from odoo.exceptions import UserError

from ...engine.errors import EngineError, Kind
from ...engine.smtp import retry
from ...engine.smtp.retry import NextStep
from ...error_messages import explain
from .ledger import Ledger, OpenedDeliveries
from .outcome import PutOff, Result, SmtpTransaction, whole_second
from .sent_copy_mime import with_all_recipients
from .sent_copy_record import SentRecorder
from .smtp_session import SmtpSession

#: Failures that say something about one e-mail, not about the account.
OF_THE_MAIL = frozenset(
    {
        Kind.RECIPIENT_REFUSED,
        Kind.CONTENT_REFUSED,
        Kind.FILE_REFUSED,
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


def deliver(
    env,
    session: SmtpSession,
    transaction: SmtpTransaction,
    message: EmailMessage,
    recipients: Sequence[str],
    sender: str = "",
) -> Result:
    """Send ``message`` to those of ``recipients`` that do not have it yet.

    :param sender: envelope sender, the mailbox's address by default
    """
    mail = env["mail.mail"].sudo().browse(transaction.mail_id)
    # Takes the lock of the e-mail's row, so it waits for any other worker that sends
    # it.
    mail.flush_recordset()
    account = env["mailbox.account"].sudo().browse(transaction.account_id)
    _prepare(session, account)
    attempts = mail.mailbox_attempts + 1
    mime = message.as_bytes()
    complete = with_all_recipients(message, transaction.sent_to, transaction.sent_cc)
    copy = mime if complete is message else complete.as_bytes()
    opened = _open(session, transaction, message["Message-Id"], recipients)
    if not opened.recipients:
        return Result(opened.failed, bool(opened.failed), opened.put_off)
    try:
        refused = session.send(opened.recipients, mime, sender)
    except EngineError as error:
        refused = dict.fromkeys(opened.recipients, error)
    except UserError as error:
        return _fail_all(session, account, transaction, opened, error)
    if not refused:
        session.ledger.close_sent(transaction, opened.recipients, copy)
        conclusion = Conclusion({}, put_off=opened.put_off)
    else:
        conclusion = conclude(account, attempts, refused, opened.put_off)
        if conclusion.pausing:
            session.down = conclusion.pausing
        states = {
            one: conclusion.states.get(one, ("sent", False))
            for one in opened.recipients
        }
        session.ledger.close(transaction, states, copy)
    if len(refused) < len(opened.recipients):
        _record_success(session, account)
        session.recorder.add(transaction.mail_message_id, copy)
    elif conclusion.problem:
        account.record_smtp_result(conclusion.problem, conclusion.error)
        session.is_success_recorded = False
    return Result(conclusion.failed, conclusion.is_unknown, conclusion.put_off)


def _prepare(session: SmtpSession, account) -> None:
    """Give a session its ledger and recorder, with its first e-mail."""
    if session.ledger is None:
        is_saved = account.provider_saves_sent_copies()
        session.ledger = Ledger(account.env, is_saved)
        session.recorder = SentRecorder(account, is_saved)


def _open(
    session: SmtpSession,
    transaction: SmtpTransaction,
    message_id: str,
    recipients: Sequence[str],
) -> OpenedDeliveries:
    """Open the rows of an e-mail, after a short wait if the mailbox's pace wants
    one."""
    while True:
        opened = session.ledger.open(transaction, message_id, recipients)
        if opened.recipients or not opened.put_off:
            return opened
        if not _wait(session, opened.put_off):
            return opened


def _wait(session: SmtpSession, put_off: PutOff) -> bool:
    """Wait until ``until``; False if that is too long for this session."""
    seconds = (put_off.at - datetime.utcnow()).total_seconds()
    if seconds > session.patience:
        return False
    session.patience -= max(seconds, 0.1)
    time.sleep(max(seconds, 0))
    return True


def _fail_all(session, account, transaction, opened, error: UserError) -> Result:
    """The mailbox's settings are incomplete: nobody gets the e-mail."""
    states = dict.fromkeys(opened.recipients, ("failed", str(error)))
    session.ledger.close(transaction, states)
    account.record_smtp_result(str(error), error)
    return Result((str(error),), put_off=opened.put_off)


def _record_success(session: SmtpSession, account) -> None:
    """Record on the mailbox that sending works, once a session."""
    if not session.is_success_recorded:
        account.record_smtp_result(False)
        session.is_success_recorded = True


# ----------------------------------------------------------------------
# After errors
# ----------------------------------------------------------------------


@dataclass(frozen=True)
class Conclusion:
    """What follows from the errors of one transaction.

    ``states``: (state, reason) by recipient that does not have the e-mail; ``failed``:
    the reasons of those who will not get it either; ``problem``, ``error``: what the
    mailbox's owner is shown, and what it was made of; ``pausing``: the error after
    which the mailbox pauses.
    """

    states: dict[str, tuple[str, str]]
    failed: tuple[str, ...] = ()
    is_unknown: bool = False
    put_off: PutOff | None = None
    problem: str = ""
    error: EngineError | None = None
    pausing: EngineError | None = None


@dataclass(frozen=True)
class _Step:
    """What follows from one error: the state and reason of its recipients, and until
    when they wait, if they do."""

    next_step: NextStep
    reason: str
    put_off: PutOff | None = None

    @property
    def state(self) -> str:
        return "unknown" if self.next_step is NextStep.ASK_USER else "failed"


def conclude(
    account,
    attempts: int,
    refused: dict[str, EngineError],
    put_off: PutOff | None = None,
) -> Conclusion:
    """Draw the conclusion from the errors of one transaction. If one of them requires
    it, the mailbox is paused here.

    :param attempts: attempts of this e-mail, this one included
    :param refused: who does not have the e-mail and why; as a rule many share one error
    :param put_off: of recipients that were not tried
    """
    # Each error once, because its step may pause the mailbox.
    steps = {
        error: _step_after(account, attempts, error)
        for error in dict.fromkeys(refused.values())
    }
    problem = _last(error for error in steps if error.kind not in OF_THE_MAIL)
    later = [put_off, *(step.put_off for step in steps.values())]
    return Conclusion(
        states={
            one: (steps[error].state, steps[error].reason)
            for one, error in refused.items()
        },
        failed=tuple(
            dict.fromkeys(
                step.reason for step in steps.values() if step.put_off is None
            )
        ),
        is_unknown=any(step.next_step is NextStep.ASK_USER for step in steps.values()),
        put_off=min(filter(None, later), key=lambda one: one.at, default=None),
        problem=_reason(account, problem) if problem else "",
        error=problem,
        pausing=_last(
            e for e, step in steps.items() if step.next_step is NextStep.PAUSE
        ),
    )


def _last(errors: Iterable[EngineError]) -> EngineError | None:
    return next(reversed(list(errors)), None)


def _step_after(account, attempts: int, error: EngineError) -> _Step:
    reason = _reason(account, error)
    next_step = retry.next_step(error)
    if next_step is NextStep.PAUSE:
        return _Step(next_step, reason, account.pause_sending(error, reason))
    if next_step is NextStep.RETRY:
        wait = retry.delay(attempts, error.retry_after)
        if wait:
            at = whole_second(fields.Datetime.now() + wait)
            return _Step(next_step, reason, PutOff(at, reason, is_attempt=True))
        reason = account.env._(
            "%(reason)s Odoo tried %(count)s times in two days.",
            reason=reason,
            count=attempts,
        )
    return _Step(next_step, reason)


def _reason(account, error: EngineError) -> str:
    return explain(account.env, error, account.provider_id)
