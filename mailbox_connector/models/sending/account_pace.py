import logging
from datetime import timedelta

import pytz
from psycopg2 import OperationalError

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from ...engine.errors import EngineError
from ...engine.smtp import retry
from ...engine.smtp.limits import Cause, SendingLimits, next_slot, plan
from ...engine.smtp.session import open_smtp
from ...error_messages import explain
from ...services.accounts.endpoints import SENDING_FIELDS, egress_policy, endpoint
from ...services.sending.outcome import PutOff, SendingFailed, whole_second
from ...services.sending.outgoing import Transport
from ..health.alert import FIRST

#: First half of the advisory lock of a mailbox's sending limit; second: its id.
LOCK = 0x4D4C494D
LIMITS = {"limit_hour", "limit_day", "limit_seconds"}
_logger = logging.getLogger(__name__)
#: Seconds that a run of the mail queue sits out in all for a mailbox's pace.
PATIENCE = 40.0
#: How long mail waits where the mailbox itself could not be paused.
HOLD = timedelta(minutes=5)
#: Moments at which the mail queue is woken for one lot of mails, at most.
MOST_TRIGGERS = 60


class MailboxAccountPace(models.AbstractModel):
    """How much a mailbox may send at a time: its own limits and its provider's, and how
    sending goes on after them.
    """

    _name = "mailbox.account.pace"
    _description = "Mailbox: pace of sending"

    limit_hour = fields.Integer(
        string="Recipients an hour",
        help="More than these wait and go later by themselves. 0: no limit.",
    )
    limit_day = fields.Integer(
        string="Recipients a day",
        help="More than these wait and go later by themselves. 0: no limit.",
    )
    limit_seconds = fields.Integer(
        string="Seconds between e-mails",
        help="At least this long from one e-mail to the next. 0: no pause.",
    )
    sending_paused_until = fields.Datetime(
        string="Sending goes on", readonly=True, copy=False
    )
    sending_pause_reason = fields.Char(readonly=True, copy=False)
    sending_pauses = fields.Integer(readonly=True, copy=False)
    waiting_count = fields.Integer(
        string="E-mails that wait", compute="_compute_waiting"
    )
    waiting_text = fields.Char(compute="_compute_waiting")
    waiting_reason = fields.Text(compute="_compute_waiting")
    can_go_on = fields.Boolean(compute="_compute_waiting")
    asked_count = fields.Integer(compute="_compute_asked")
    asked_text = fields.Char(compute="_compute_asked")

    @api.constrains("limit_seconds")
    def _check_limit_seconds(self):
        if any(account.limit_seconds > 86400 for account in self):
            raise ValidationError(
                self.env._("Between two e-mails there is a day at most (86400 s).")
            )

    # ------------------------------------------------------------------
    # What a person sees
    # ------------------------------------------------------------------

    def _compute_waiting(self):
        # sudo: how many e-mails wait and until when, not which
        Mail = self.env["mail.mail"].sudo()
        now = fields.Datetime.now()
        for account in self:
            waiting = [
                ("mailbox_account_id", "=", account._origin.id),
                ("state", "=", "outgoing"),
                ("mailbox_wait_reason", "!=", False),
            ]
            paused = account._paused_until()
            count = Mail.search_count(waiting)
            first = Mail.search(waiting, order="scheduled_date, id", limit=1)
            until = paused or first.scheduled_date
            account.waiting_count = count
            # What the provider said stands on the mailbox as its problem.
            account.waiting_reason = not paused and first.mailbox_wait_reason
            tried = [*waiting, ("mailbox_attempts", ">", 0)]
            account.can_go_on = paused or bool(Mail.search_count(tried, limit=1))
            if not count:
                account.waiting_text = False
            elif not until or until <= now:
                account.waiting_text = self.env._(
                    "E-mails that wait: %s. They go in a moment.", count
                )
            elif count == 1:
                account.waiting_text = self.env._(
                    "1 e-mail waits; sending goes on at %s.", account._when(until)
                )
            else:
                account.waiting_text = self.env._(
                    "%(count)s e-mails wait; sending goes on at %(when)s.",
                    count=count,
                    when=account._when(until),
                )

    def _compute_asked(self):
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
            count = account.asked_count = asked.get(account._origin.sudo(), 0)
            where = self.env._(
                "The chatter where it was written shows it and lets you say so."
            )
            if count == 1:
                what = self.env._("It is not known whether 1 e-mail was sent.")
            else:
                what = self.env._(
                    "It is not known whether %s e-mails were sent.", count
                )
            account.asked_text = bool(count) and f"{what} {where}"

    def _when(self, moment):
        """A time as the reader of the environment says it; with the day if it is not
        today."""
        zone = pytz.timezone(self.env.user.tz or "UTC")
        local, today = (
            pytz.utc.localize(one).astimezone(zone)
            for one in (moment, fields.Datetime.now())
        )
        if local.date() == today.date():
            return tools.format_time(self.env, moment, time_format="HH:mm")
        return tools.format_datetime(self.env, moment, dt_format="short")

    # ------------------------------------------------------------------
    # When mail may go
    # ------------------------------------------------------------------

    def _limits(self):
        self.ensure_one()
        return SendingLimits(self.limit_hour, self.limit_day, self.limit_seconds)

    def _limit_reason(self, cause):
        self.ensure_one()
        return {
            Cause.HOUR: self.env._(
                "The mailbox %(mailbox)s sends to %(count)s recipients an hour at "
                "most; these are reached.",
                mailbox=self.email,
                count=self.limit_hour,
            ),
            Cause.DAY: self.env._(
                "The mailbox %(mailbox)s sends to %(count)s recipients a day at most; "
                "these are reached.",
                mailbox=self.email,
                count=self.limit_day,
            ),
            Cause.PACE: self.env._(
                "The mailbox %(mailbox)s waits %(count)s seconds between two e-mails.",
                mailbox=self.email,
                count=self.limit_seconds,
            ),
        }[cause]

    def _sent_lately(self, limits):
        now = fields.Datetime.now()
        # A second more: times are cut to whole ones.
        since = now - limits.horizon - timedelta(seconds=1)
        return self.env["mailbox.delivery"]._handed_over(self, since, limits.most)

    def _paused_until(self):
        """When sending goes on after the provider's limit; False if it does now."""
        self.ensure_one()
        until = self.sending_paused_until
        return until if until and until > fields.Datetime.now() else False

    def _may_send_now(self, wanted, words):
        """How many of ``wanted`` recipients of one mail may be sent to now.

        Binding until the end of the transaction: nobody else decides meanwhile.

        :param words: environment of who reads the reason
        :return: (number, :class:`PutOff` for the others or None)
        """
        self.ensure_one()
        account = self.with_env(words)
        if until := self._paused_until():
            return 0, PutOff(until, self.sending_pause_reason)
        limits = self._limits()
        if not limits:
            return wanted, None
        self.env.cr.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, self.id])
        now = fields.Datetime.now()
        sent = self._sent_lately(limits)
        slot = next_slot(limits, sent, now, wanted)
        allowed = slot.count if slot.at <= now else 0
        if allowed == wanted:
            return wanted, None
        if allowed:
            sent += [now] * allowed
            slot = next_slot(limits, sent, now, wanted - allowed)
        reason = account._limit_reason(slot.cause)
        return allowed, PutOff(whole_second(slot.at), reason)

    def _plan_sending(self, sizes):
        """When mails may go, by what is known now.

        :param sizes: recipients of each mail
        :return: a :class:`PutOff` or None (now) for each
        """
        self.ensure_one()
        if until := self._paused_until():
            return [PutOff(until, self.sending_pause_reason)] * len(sizes)
        limits = self._limits()
        now = fields.Datetime.now()
        return [
            PutOff(whole_second(slot.at), self._limit_reason(slot.cause))
            if slot.at > now
            else None
            for slot in plan(limits, self._sent_lately(limits), now, sizes)
        ]

    def _is_limited(self):
        self.ensure_one()
        return bool(self._limits()) or bool(self._paused_until())

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
            with self.env["mailbox.delivery"]._own_cursor(latest=True) as deliveries:
                account = deliveries.env[self._name].browse(self.id)
                deliveries.env.cr.execute(
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
                account.report_problem(
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

    def _end_pause(self):
        """Sending works: forget the pause, unless somebody is changing the mailbox."""
        if not (self.sending_pauses or self.sending_paused_until):
            return
        with self.env["mailbox.delivery"]._own_cursor() as deliveries:
            deliveries.env.cr.execute(
                """
                SELECT id FROM mailbox_account WHERE id = %s
                   FOR NO KEY UPDATE SKIP LOCKED
                """,
                [self.id],
            )
            if deliveries.env.cr.fetchone():
                deliveries.env[self._name].browse(self.id)._forget_pause()

    def _update_waiting_mail(self, vals):
        """After these were written: what kept mail waiting may be mended."""
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
        """Send again at once what waits, the provider's limit notwithstanding."""
        self.ensure_one()
        self.check_access("read")
        # sudo: members use a mailbox, its state is written by the server
        self.sudo()._forget_pause()
        self._release_waiting()
        return self._notification_action(
            "success", self.env._("What waits is being sent now.")
        )

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
        policy = egress_policy(self.env)
        transport = Transport(
            account,
            lambda: open_smtp(endpoint(account, "smtp"), policy),
            patience=self._patience(),
            is_lazy=True,
        )
        try:
            transport.open()
        except EngineError as error:
            if retry.next_step(error) is retry.NextStep.FAIL:
                reason = explain(self.env, error, account.provider_id)
                raise SendingFailed(reason) from error
        return transport


def _next_minute(moment):
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)
