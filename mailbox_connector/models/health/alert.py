"""Alerts: who is informed that a mailbox does not work, and when."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL

from ...engine.errors import EngineError, Field, Kind, Side
from ...error_messages import explain
from ...formatting import format_moment
from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.framework.scheduled_work import work_off

_logger = logging.getLogger(__name__)

#: How long a problem has to last until somebody is alerted, unless it is urgent.
FIRST = timedelta(minutes=10)
#: The time between two alerts while it lasts.
AGAIN = timedelta(days=1)
#: When an alert is sent that met a conflict with another worker.
CONFLICT_PAUSE = timedelta(minutes=1)
ACTIVITY = "mail.mail_activity_data_warning"
MANAGERS = "mailbox_connector.group_mailbox_manager"


@dataclass(frozen=True)
class Problem:
    """What is wrong with reading or sending.

    :param side: "imap" or "smtp"
    :param text: in a sentence
    :param urgent: alert now
    :param needs_person: whether somebody has to act; None: unchanged
    :param error: the error behind the sentence; only an :class:`EngineError` is kept
    """

    side: str
    text: str
    urgent: bool = False
    needs_person: bool | None = None
    error: Exception | None = None


class MailboxAlert(models.Model):
    """The alert about failing reading or sending: since when, and when somebody was
    last informed. A row exists while the problem lasts.

    One scheduled action sends all alerts, so that sending one never delays or rolls
    back the work that found the problem, and two workers never send the same one.
    """

    _name = "mailbox.alert"
    _description = "Alert about a mailbox"
    _log_access = False
    _rec_name = "text"
    _order = "notify_at, id"

    account_id = fields.Many2one("mailbox.account", required=True, ondelete="cascade")
    side = fields.Selection(
        [("imap", "Reading"), ("smtp", "Sending")], required=True, readonly=True
    )
    since = fields.Datetime(required=True)
    text = fields.Char(help="What is wrong, as shown on the mailbox.")
    error = fields.Json(help="The error itself, to explain it in any language.")
    needs_person = fields.Boolean(help="Someone has to act.")
    urgent = fields.Boolean(help="Alert immediately.")
    recovered = fields.Boolean(help="Solved; the owner has not been informed yet.")
    notify_at = fields.Datetime(required=True)
    notified_at = fields.Datetime()
    activity_id = fields.Many2one("mail.activity", ondelete="set null")

    _side_unique = models.Constraint(
        "UNIQUE (account_id, side)",
        "There is already an open alert for this connection.",
    )

    # ------------------------------------------------------------------
    # Recording
    # ------------------------------------------------------------------

    @api.model
    def _save(self, account, problem):
        """Record a :class:`Problem` of a mailbox; if it already exists, it keeps its
        times."""
        self.flush_model()
        now = fields.Datetime.now()
        error = _to_json(problem.error)
        [(number, notified_at)] = self.env.execute_query(
            SQL(
                """
                INSERT INTO mailbox_alert AS alert (account_id, side, since, text,
                            error, urgent, needs_person, recovered, notify_at)
                VALUES (%(account)s, %(side)s, %(now)s, %(text)s, %(error)s,
                        %(urgent)s, %(person)s IS TRUE, false, %(notify)s)
                    ON CONFLICT (account_id, side) DO UPDATE
                   SET text = excluded.text, error = excluded.error,
                       urgent = alert.urgent OR excluded.urgent,
                       needs_person = COALESCE(%(person)s, alert.needs_person),
                       recovered = false,
                       notify_at = CASE
                            WHEN excluded.urgent AND NOT alert.urgent
                            THEN excluded.notify_at
                            WHEN alert.recovered THEN alert.notified_at + %(again)s
                            ELSE alert.notify_at END
             RETURNING id, notified_at
                """,
                account=account.id,
                side=problem.side,
                now=now,
                text=problem.text,
                error=self._fields["error"].convert_to_column_insert(error, self),
                urgent=problem.urgent,
                person=problem.needs_person,
                notify=now if problem.urgent else now + FIRST,
                again=AGAIN,
            )
        )
        self.invalidate_model()
        alert = self.browse(number)
        if not notified_at:
            self._trigger_cron(alert.notify_at)
        elif alert.notify_at <= now:
            self._trigger_cron()

    def _record_recovery(self):
        """Record that these work again; alerts that nobody was informed about are
        dropped."""
        self.filtered(lambda alert: not alert.notified_at).unlink()
        known = self.exists().filtered(lambda alert: not alert.recovered)
        if known:
            known.write({"recovered": True, "notify_at": fields.Datetime.now()})
            self._trigger_cron()

    @api.model
    def _trigger_cron(self, moment=None):
        cron = self.env.ref(
            "mailbox_connector.ir_cron_alerts", raise_if_not_found=False
        )
        if cron:
            # sudo: any user's work may find a problem
            cron.sudo()._trigger(moment)

    # ------------------------------------------------------------------
    # Informing people
    # ------------------------------------------------------------------

    @api.model
    def _cron_notify(self):
        """Inform owners about failures and recoveries."""

        def find_due(done):
            now = fields.Datetime.now()
            return self.search([("notify_at", "<=", now), ("id", "not in", done)])

        work_off(self.env, find_due, lambda due: due[:1]._notify_safely())

    def _notify_safely(self):
        """Inform people and commit; a failure is logged, and the next run retries."""
        number = self.id
        try:
            with mute_conflicts():
                self._notify()
                self.env["ir.cron"]._commit_progress()
        except CONFLICT_ERRORS:
            self.env.cr.rollback()
            _logger.info("Alert %s met a conflict", number, exc_info=True)
            self._trigger_cron(fields.Datetime.now() + CONFLICT_PAUSE)
        except Exception:
            self.env.cr.rollback()
            _logger.exception("Alert %s could not be sent", number)
        return self

    def _notify(self):
        """Inform the people of an alert, if it is still due."""
        alert = self.try_lock_for_update()
        alert.invalidate_recordset()
        now = fields.Datetime.now()
        if not alert or alert.notify_at > now:
            return
        if not alert.account_id._is_watched():
            alert._end()
            return
        receivers = alert._receivers()
        for user in receivers:
            alert._notify_user(user)
        if alert.recovered:
            alert._end()
            return
        if receivers:
            alert._schedule_activity(receivers[0])
        alert.write({"notified_at": now, "notify_at": now + AGAIN})

    def _end(self):
        """Close the activities: the problem is solved."""
        self.activity_id.filtered("active").unlink()
        self.unlink()

    def _receivers(self):
        """The owner; the managers of mailboxes if the owner cannot open it."""
        account = self.account_id
        users = account.owner_id
        if not _can_open(users, account):
            managers = self.env["res.users"].search(
                [("all_group_ids", "in", self.env.ref(MANAGERS).ids)], order="id"
            )
            users = managers.filtered(lambda user: _can_open(user, account))
        return users

    def _account_for(self, user):
        """The mailbox in the language and time zone of a user."""
        return self.account_id.with_context(lang=user.lang, tz=user.tz).with_user(user)

    def _notify_user(self, user):
        """A message in the user's Odoo inbox, or an e-mail if that is how they are
        notified. Like any notification, it is sent by Odoo's own server, never by a
        mailbox."""
        account = self._account_for(user)
        if self.recovered:
            lines = [account.env._("It works again. You don't need to do anything.")]
        else:
            lines = [
                self._next_step(account),
                self._problem(account),
                self._duration(account),
            ]
        link = Markup("<p><a href='/odoo/mailboxes/%s'>%s</a></p>") % (
            account.id,
            account.env._("Open the mailbox"),
        )
        # A scheduled action's e-mail would wait for the next run of the mail queue.
        thread = self.account_id.with_context(
            lang=user.lang, mail_notify_force_send=True
        )
        thread.message_notify(
            partner_ids=user.partner_id.ids,
            subject=self._subject(account),
            body=_paragraphs(lines) + link,
        )

    def _schedule_activity(self, user):
        """One activity, for the first person who is informed; it stays while the
        problem lasts."""
        account = self._account_for(user)
        values = {
            "summary": self._subject(account),
            "note": _paragraphs([self._next_step(account), self._problem(account)]),
            "date_deadline": fields.Date.context_today(account),
            "user_id": user.id,
        }
        # They have just been informed: no second message about the activity.
        activity = self.activity_id.with_context(mail_activity_quick_update=True)
        if activity.active:
            activity.write(values)
        else:
            # The environment is already sudo: the server creates the activity
            quiet = self.account_id.with_context(mail_activity_quick_update=True)
            self.activity_id = quiet.activity_schedule(ACTIVITY, **values)

    # ------------------------------------------------------------------
    # Words, in the environment of their reader
    # ------------------------------------------------------------------

    def _subject(self, account):
        name = account.email
        reading = self.side == "imap"
        if self.recovered:
            if reading:
                return account.env._("The mailbox %s is read again", name)
            return account.env._("The mailbox %s sends again", name)
        if reading:
            return account.env._("The mailbox %s cannot be read", name)
        if account.sudo().paused_until():
            return account.env._("The mailbox %s has paused sending", name)
        return account.env._("The mailbox %s cannot send", name)

    def _problem(self, account):
        error = _from_json(self.error)
        if not error:
            return self.text
        # sudo: a manager who is informed instead sees the same as the owner
        return explain(account.env, error, account.sudo().provider_id)

    def _next_step(self, account):
        """What the reader should do."""
        until = self.side == "smtp" and account.sudo().paused_until()
        if until:
            return account.env._(
                "You don't need to do anything: waiting e-mails will be sent "
                "automatically at %s.",
                format_moment(account.env, until),
            )
        if not self.needs_person:
            return account.env._(
                "You don't need to do anything yet: Odoo retries automatically. If it "
                "lasts, open the mailbox and check its settings."
            )
        if self.side == "imap":
            return account.env._(
                "Please open the mailbox, correct the problem below, then press Check "
                "the connection. Until then no new e-mails are imported."
            )
        return account.env._(
            "Please open the mailbox, correct the problem below, then press Check the "
            "connection. Until then its e-mails are not sent."
        )

    def _duration(self, account):
        if not self.notified_at:
            return ""
        return account.env._(
            "This has lasted since %s.", format_moment(account.env, self.since)
        )


def _can_open(user, account):
    """Whether ``user`` is active and may open the mailbox."""
    if not (user.active and user._is_internal()):
        return False
    own = account.with_user(user)
    return own.with_context(allowed_company_ids=user.company_ids.ids).has_access("read")


def _paragraphs(lines):
    return Markup("").join(Markup("<p>%s</p>") % line for line in lines if line)


def _to_json(error):
    """An :class:`EngineError` as values of JSON; None for anything else."""
    if not isinstance(error, EngineError):
        return None
    return {name: getattr(one, "value", one) for name, one in vars(error).items()}


def _from_json(values):
    """The :class:`EngineError` that was stored; None if another version stored it."""
    if not values:
        return None
    field = values["field"]
    try:
        return EngineError(
            **{
                **values,
                "kind": Kind(values["kind"]),
                "side": Side(values["side"]),
                "field": Field(field) if field else None,
            }
        )
    except (TypeError, ValueError):
        return None
