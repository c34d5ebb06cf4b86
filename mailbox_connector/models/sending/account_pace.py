import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...engine.smtp import retry
from ...formatting import format_moment
from ...services.accounts.endpoints import SENDING_FIELDS
from ...services.framework.concurrency import lock_on_own_cursor
from ...services.sending.ledger import LOCK_TIMEOUT
from ...services.sending.outcome import PutOff, whole_second
from ..health.alert import FIRST

_logger = logging.getLogger(__name__)

LIMITS = {"limit_hour", "limit_day", "limit_seconds"}
#: How long mail waits if the mailbox itself could not be paused.
HOLD = timedelta(minutes=5)
#: Moments at which the mail queue is triggered for one batch of mails, at most.
MOST_TRIGGERS = 60


class MailboxAccountPace(models.AbstractModel):
    """How much a mailbox may send at a time: its own limits and its provider's, and how
    sending resumes after them.

    The limits themselves are kept by services/sending/pace.py.
    """

    _name = "mailbox.account.pace"
    _description = "Mailbox: pace of sending"

    limit_hour = fields.Integer(
        string="Recipients an hour",
        help="E-mails to further recipients wait and are sent automatically later. "
        "0: no limit.",
    )
    limit_day = fields.Integer(
        string="Recipients a day",
        help="E-mails to further recipients wait and are sent automatically later. "
        "0: no limit.",
    )
    limit_seconds = fields.Integer(
        string="Seconds between e-mails",
        help="The shortest time from one e-mail to the next. 0: no pause.",
    )
    sending_paused_until = fields.Datetime(
        string="Sending resumes at", readonly=True, copy=False
    )
    sending_pause_reason = fields.Char(readonly=True, copy=False)
    sending_pauses = fields.Integer(readonly=True, copy=False)
    waiting_text = fields.Char(compute="_compute_waiting")
    waiting_reason = fields.Text(compute="_compute_waiting")
    can_go_on = fields.Boolean(compute="_compute_waiting")
    asked_text = fields.Char(compute="_compute_asked_text")

    @api.constrains("limit_seconds")
    def _check_limit_seconds(self):
        if any(account.limit_seconds > 86400 for account in self):
            raise ValidationError(
                self.env._(
                    "The pause between e-mails can't be longer than a day (86400 s)."
                )
            )

    # ------------------------------------------------------------------
    # What a person sees
    # ------------------------------------------------------------------

    def _compute_waiting(self):
        # sudo: how many e-mails wait and until when, not which
        Mail = self.env["mail.mail"].sudo()
        for account in self:
            waiting = [
                ("mailbox_account_id", "=", account._origin.id),
                ("state", "=", "outgoing"),
                ("mailbox_wait_reason", "!=", False),
            ]
            paused = account.paused_until()
            first = Mail.search(waiting, order="scheduled_date, id", limit=1)
            account.waiting_text = account._waiting_text(
                Mail.search_count(waiting), paused or first.scheduled_date
            )
            # What the provider answered is shown as a problem of the mailbox.
            account.waiting_reason = not paused and first.mailbox_wait_reason
            tried = [*waiting, ("mailbox_attempts", ">", 0)]
            account.can_go_on = paused or bool(Mail.search_count(tried, limit=1))

    def _waiting_text(self, count, until):
        """What a person reads about e-mails that wait; False if none does."""
        if not count:
            return False
        if not until or until <= fields.Datetime.now():
            return self.env._("Waiting e-mails: %s. They will be sent shortly.", count)
        when = format_moment(self.env, until)
        if count == 1:
            return self.env._("1 e-mail is waiting; sending resumes at %s.", when)
        return self.env._(
            "%(count)s e-mails are waiting; sending resumes at %(when)s.",
            count=count,
            when=when,
        )

    def _compute_asked_text(self):
        # sudo: how many, not which
        asked = dict(
            self.env["mail.mail"]
            .sudo()
            ._read_group(
                [
                    ("mailbox_account_id", "in", self._origin.ids),
                    ("state", "=", "exception"),
                    ("mailbox_outcome", "!=", False),
                ],
                ["mailbox_account_id"],
                ["__count"],
            )
        )
        for account in self:
            count = asked.get(account._origin.sudo(), 0)
            account.asked_text = bool(count) and account._asked_text(count)

    def _asked_text(self, count):
        if count == 1:
            what = self.env._("It is unknown whether 1 e-mail was sent.")
        else:
            what = self.env._("It is unknown whether %s e-mails were sent.", count)
        where = self.env._(
            "Open the chatter where it was written to tell Odoo whether it was sent."
        )
        return f"{what} {where}"

    # ------------------------------------------------------------------
    # The provider's own limit
    # ------------------------------------------------------------------

    @api.private
    def paused_until(self):
        """When sending resumes after the provider's limit; False if it is not paused
        now."""
        self.ensure_one()
        until = self.sending_paused_until
        return until if until and until > fields.Datetime.now() else False

    @api.private
    def pause_sending(self, error, reason):
        """Send nothing for a while: the provider's limit is reached.

        Saved on a cursor of its own. The owner is alerted at once if the pause is long.
        Never raises: what was handed over before has still to be recorded.

        :param error: ``EngineError``
        :param reason: ``error`` in words
        :return: :class:`PutOff`, or None if there were too many pauses in a row
        """
        self.ensure_one()
        try:
            with lock_on_own_cursor(
                self, wait=True, latest=True, lock_timeout=LOCK_TIMEOUT
            ) as account:
                # Empty if the mailbox has been deleted meanwhile.
                return account._save_pause(error, reason) if account else None
        except OperationalError:
            # Somebody is changing the mailbox: the next mail pauses it.
            _logger.info("Mailbox %s: not paused", self.id, exc_info=True)
            return PutOff(whole_second(fields.Datetime.now() + HOLD), reason)

    def _save_pause(self, error, reason):
        """See :meth:`pause_sending`; on the cursor that holds the mailbox's lock."""
        if until := self.paused_until():
            return PutOff(until, self.sending_pause_reason or reason)
        pauses = self.sending_pauses + 1
        wait = retry.pause(error, pauses)
        until = wait and whole_second(fields.Datetime.now() + wait)
        self.write(
            {
                "sending_paused_until": until,
                "sending_pause_reason": reason,
                "sending_pauses": pauses,
                "smtp_problem": reason,
            }
        )
        self.report_problem(
            "smtp",
            reason,
            at_once=not wait or wait > FIRST,
            needs_person=not wait,
            error=error,
        )
        return PutOff(until, reason) if until else None

    def _end_pause(self):
        """Sending works: forget the pause, unless somebody is changing the mailbox."""
        if not (self.sending_pauses or self.sending_paused_until):
            return
        with lock_on_own_cursor(self, lock_timeout=LOCK_TIMEOUT) as account:
            if account:
                account._forget_pause()

    def _update_waiting_mail(self, vals):
        """After these were written: what kept mail waiting may be solved."""
        if (SENDING_FIELDS | LIMITS) & vals.keys():
            self._release_waiting()

    def _forget_pause(self):
        self.write(
            {
                "sending_paused_until": False,
                "sending_pause_reason": False,
                "sending_pauses": 0,
            }
        )

    def action_go_on(self):
        """Send waiting e-mails at once, in spite of the provider's limit."""
        self.ensure_one()
        self.check_access("read")
        # sudo: members use a mailbox, its state is written by the server
        self.sudo()._forget_pause()
        self._release_waiting()
        return self._notification_action(
            "success", self.env._("Waiting e-mails are being sent now.")
        )

    def _release_waiting(self):
        """Let the mail queue decide again about the mail that waits."""
        # sudo: users of a mailbox have no rights on the queue
        waiting = self.env["mail.mail"].sudo()._queued_for(self)
        waiting.filtered("mailbox_wait_reason").scheduled_date = False
        if waiting:
            self._trigger_mail_queue()

    @api.model
    def _trigger_mail_queue(self, moments=None):
        """Run the mail queue soon, or at these moments (naive UTC)."""
        if moments:
            # To the minute, which is as exact as scheduled actions are.
            minutes = sorted({_next_minute(moment) for moment in moments})
            moments = minutes[:MOST_TRIGGERS]
        # sudo: a user who sends mail triggers the scheduled action
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger(moments)


def _next_minute(moment):
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)
