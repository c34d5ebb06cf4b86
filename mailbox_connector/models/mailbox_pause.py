import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import api, fields, models

from ..engine.errors import EngineError
from ..engine.smtp import retry
from ..engine.smtp.session import open_smtp
from ..exceptions import explain
from ..services.outcome import PutOff, SendingFailed, whole_second
from ..services.outgoing import Transport
from .mailbox_notice import FIRST

_logger = logging.getLogger(__name__)

#: Seconds that a run of the mail queue sits out in all for a mailbox's pace.
PATIENCE = 40.0
#: Sent mails found in a row that the provider had filed, until that is believed.
FOUND_OFTEN = 3
#: How long mail waits where the mailbox itself could not be paused.
HOLD = timedelta(minutes=5)
#: Moments at which the mail queue is woken for one lot of mails, at most.
MOST_TRIGGERS = 60


class MailboxAccount(models.Model):
    """What a mailbox does when its provider has had enough, and how it goes on."""

    # Apart from the limits: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.account"

    # ------------------------------------------------------------------
    # The provider's own limit
    # ------------------------------------------------------------------

    def _pause_sending(self, error, reason):
        """Send nothing for a while: the provider has had enough.

        Kept on a cursor of its own. A long pause is told at once.
        Never raises: what was handed over before has still to be noted.

        :param reason: ``error`` in words
        :return: :class:`PutOff`, or None when it has waited often enough
        """
        self.ensure_one()
        try:
            with self.env["mailbox.outbox"]._own_cursor(latest=True) as outbox:
                account = outbox.env[self._name].browse(self.id)
                outbox.env.cr.execute(
                    "SELECT id FROM mailbox_account WHERE id = %s FOR NO KEY UPDATE",
                    [self.id],
                )
                if until := account._paused_until():
                    return PutOff(until, account.sending_pause_reason or reason)
                pauses = account.sending_pauses + 1
                wait = retry.pause(error, pauses)
                until = wait and whole_second(fields.Datetime.now() + wait)
                account.write(
                    {
                        "sending_paused_until": until,
                        "sending_pause_reason": reason,
                        "sending_pauses": pauses,
                        "smtp_problem": reason,
                    }
                )
                account._trouble(
                    "smtp",
                    reason,
                    at_once=not wait or wait > FIRST,
                    needs_person=not wait,
                    error=error,
                )
        except OperationalError:
            # Somebody is changing the mailbox: the next mail pauses it.
            _logger.info("Mailbox %s: not paused", self.id, exc_info=True)
            return PutOff(whole_second(fields.Datetime.now() + HOLD), reason)
        if not until:
            return None
        return PutOff(until, reason)

    def _note_smtp(self, problem, error=None):
        result = super()._note_smtp(problem, error)
        if not problem and (self.sending_pauses or self.sending_paused_until):
            with self.env["mailbox.outbox"]._own_cursor() as outbox:
                outbox.env.cr.execute(
                    """
                    SELECT id FROM mailbox_account WHERE id = %s
                       FOR NO KEY UPDATE SKIP LOCKED
                    """,
                    [self.id],
                )
                if outbox.env.cr.fetchone():
                    outbox.env[self._name].browse(self.id)._forget_pause()
        return result

    def _forget_pause(self):
        self.write(
            {
                "sending_paused_until": False,
                "sending_pause_reason": False,
                "sending_pauses": 0,
            }
        )

    def action_go_on(self):
        """Send again at once what waits, the provider's limit notwithstanding."""
        self.ensure_one()
        self.check_access("read")
        # sudo: members use a mailbox, its state is written by the server
        self.sudo()._forget_pause()
        self._release_waiting()
        return self._tell("success", self.env._("What waits is being sent now."))

    def _release_waiting(self):
        """Let the mail queue decide anew about the mail that waits."""
        # sudo: whoever may use the mailbox has its mail sent
        waiting = self.env["mail.mail"].sudo()._queued_for(self)
        waiting.filtered("mailbox_wait_reason").scheduled_date = False
        if waiting:
            self._wake_queue()

    @api.model
    def _wake_queue(self, moments=None):
        """Have the mail queue run now, or at these moments."""
        if moments:
            # To the minute, which is as exact as scheduled actions are.
            minutes = sorted({_next_minute(moment) for moment in moments})
            moments = minutes[:MOST_TRIGGERS]
        # sudo: whoever sends wakes the scheduled action
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger(moments)

    # ------------------------------------------------------------------
    # Connecting
    # ------------------------------------------------------------------

    def _patience(self):
        """Seconds that the work at hand may wait for this mailbox's pace."""
        return PATIENCE if self.env.context.get("cron_id") else 0.0

    def _queue_transport(self):
        """The session of one run of the mail queue. Where the server is only out of
        reach, or busy, there is one too: it puts off each mail.

        :return: :class:`services.outgoing.Transport`
        :raise UserError: somebody has to do something
        """
        self.ensure_one()
        account = self.sudo()
        policy = account._egress_policy()
        transport = Transport(
            account,
            lambda: open_smtp(account._endpoint("smtp"), policy),
            patience=self._patience(),
            is_lazy=True,
        )
        try:
            transport.open()
        except EngineError as error:
            if retry.then(error) is retry.Then.FAIL:
                reason = explain(self.env, error, account.provider_id)
                raise SendingFailed(reason) from error
        return transport

    # ------------------------------------------------------------------
    # Sent folder: a provider that fills it itself
    # ------------------------------------------------------------------

    def _provider_files_sent(self):
        if self.sent_copy == "automatic" and self.sent_copy_found >= FOUND_OFTEN:
            return True
        return super()._provider_files_sent()

    def _note_filing(self, was_there):
        """Count how often in a row a sent mail stood in Sent before we filed it."""
        self.ensure_one()
        found = self.sent_copy_found + 1 if was_there else 0
        if found != self.sent_copy_found:
            self.sent_copy_found = found


def _next_minute(moment):
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)
