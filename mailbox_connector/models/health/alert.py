import logging
from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL

from ...engine.errors import EngineError, Field, Kind, Side
from ...error_messages import explain
from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.framework.formatting import format_moment

_logger = logging.getLogger(__name__)

#: How long something has to fail until somebody is told, unless a person is needed.
FIRST = timedelta(minutes=10)
#: How often it is told again while it lasts.
AGAIN = timedelta(days=1)
ACTIVITY = "mail.mail_activity_data_warning"
MANAGERS = "mailbox_connector.group_mailbox_manager"


class MailboxAlert(models.Model):
    """One side of a mailbox that fails: since when, and when somebody was told last.

    Notices are sent by one scheduled action, whatever found the trouble: sending one
    never holds up or undoes the work, and two workers never tell the same twice.
    A row is there while the trouble lasts.
    """

    _name = "mailbox.alert"
    _description = "Notice of a mailbox's trouble"
    _log_access = False
    _rec_name = "text"
    _order = "tell_at, id"

    account_id = fields.Many2one("mailbox.account", required=True, ondelete="cascade")
    side = fields.Selection(
        [("imap", "Reading"), ("smtp", "Sending")], required=True, readonly=True
    )
    since = fields.Datetime(required=True)
    text = fields.Char(help="What is wrong, as it stands on the mailbox.")
    error = fields.Json(help="What the words were made of, to say it in any language.")
    needs_person = fields.Boolean(help="It does not go on without somebody.")
    urgent = fields.Boolean(help="It is told at once.")
    recovered = fields.Boolean(help="It works again, which is still to be told.")
    tell_at = fields.Datetime(required=True)
    told_at = fields.Datetime()
    activity_id = fields.Many2one("mail.activity", ondelete="set null")

    _side_unique = models.Constraint(
        "UNIQUE (account_id, side)", "A side of a mailbox fails once at a time."
    )

    # ------------------------------------------------------------------
    # Keeping
    # ------------------------------------------------------------------

    @api.model
    def _keep(self, account, side, text, urgent, needs_person, error):
        """Note that a side fails; one that did so already keeps its time.

        :param needs_person: None: as it was
        """
        self.flush_model()
        now = fields.Datetime.now()
        [(number, told)] = self.env.execute_query(
            SQL(
                """
                INSERT INTO mailbox_alert AS alert (account_id, side, since, text,
                            error, urgent, needs_person, recovered, tell_at)
                VALUES (%(account)s, %(side)s, %(now)s, %(text)s, %(error)s,
                        %(urgent)s, %(person)s IS TRUE, false, %(tell)s)
                    ON CONFLICT (account_id, side) DO UPDATE
                   SET text = excluded.text, error = excluded.error,
                       urgent = alert.urgent OR excluded.urgent,
                       needs_person = COALESCE(%(person)s, alert.needs_person),
                       recovered = false,
                       tell_at = CASE
                            WHEN excluded.urgent AND NOT alert.urgent
                            THEN excluded.tell_at
                            WHEN alert.recovered THEN alert.told_at + %(again)s
                            ELSE alert.tell_at END
             RETURNING id, told_at
                """,
                account=account.id,
                side=side,
                now=now,
                text=text,
                error=self._fields["error"].convert_to_column_insert(error, self),
                urgent=urgent,
                person=needs_person,
                tell=now if urgent else now + FIRST,
                again=AGAIN,
            )
        )
        self.invalidate_model()
        row = self.browse(number)
        if not told:
            self._wake(row.tell_at)
        elif row.tell_at <= now:
            self._wake()

    def _recovered(self):
        """These sides work again: forget what nobody was told of."""
        self.filtered(lambda row: not row.told_at).unlink()
        told = self.exists().filtered(lambda row: not row.recovered)
        if told:
            told.write({"recovered": True, "tell_at": fields.Datetime.now()})
            self._wake()

    @api.model
    def _wake(self, moment=None):
        cron = self.env.ref(
            "mailbox_connector.ir_cron_alerts", raise_if_not_found=False
        )
        if cron:
            # sudo: whoever finds trouble wakes the scheduled action
            cron.sudo()._trigger(moment)

    # ------------------------------------------------------------------
    # Telling
    # ------------------------------------------------------------------

    @api.model
    def _cron_tell(self):
        """Tell whoever looks after a mailbox what fails, and what works again."""
        due = self.search([("tell_at", "<=", fields.Datetime.now())])
        for row in due:
            try:
                with mute_conflicts():
                    row._tell()
                    left = self.env["ir.cron"]._commit_progress(1)
            except CONFLICT_ERRORS:
                # It has just changed: it is looked at again in the next run.
                self.env.cr.rollback()
                _logger.info("Notice %s gave way", row.id, exc_info=True)
                continue
            except Exception:
                self.env.cr.rollback()
                _logger.exception("Notice %s could not be sent", row.id)
                continue
            if not left:
                return

    def _tell(self):
        """Tell it, if it is still to be told."""
        row = self.try_lock_for_update()
        row.invalidate_recordset()
        now = fields.Datetime.now()
        if not row or row.tell_at > now:
            return
        account = row.account_id
        if not account._is_watched():
            row._forget()
            return
        receivers = row._receivers()
        for user in receivers:
            row._notify(user)
        if row.recovered:
            row._forget()
            return
        if receivers:
            row._ask(receivers[0])
        row.write({"told_at": now, "tell_at": now + AGAIN})

    def _forget(self):
        """The trouble is over: nothing more is asked of anybody."""
        self.activity_id.filtered("active").unlink()
        self.unlink()

    def _receivers(self):
        """The owner; the managers of mailboxes where the owner cannot be told."""
        account = self.account_id
        users = account.owner_id
        if not _may_look_after(users, account):
            managers = self.env["res.users"].search(
                [("all_group_ids", "in", self.env.ref(MANAGERS).ids)], order="id"
            )
            users = managers.filtered(lambda user: _may_look_after(user, account))
        return users

    def _in_words_of(self, user):
        return self.account_id.with_context(lang=user.lang, tz=user.tz).with_user(user)

    def _notify(self, user):
        """A message in the user's Odoo inbox, or an e-mail if that is how they are
        notified: as any notice it leaves by Odoo's own server, never by a mailbox."""
        account = self._in_words_of(user)
        if self.recovered:
            lines = [account.env._("It works again. There is nothing to do.")]
        else:
            lines = [self._first(account), self._problem(account), self._since(account)]
        body = Markup("").join(Markup("<p>%s</p>") % line for line in lines if line)
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
            body=body + link,
        )

    def _ask(self, user):
        """One activity, of the first who is told; the same one as long as it lasts."""
        account = self._in_words_of(user)
        lines = [self._first(account), self._problem(account)]
        values = {
            "summary": self._subject(account),
            "note": Markup("").join(Markup("<p>%s</p>") % line for line in lines),
            "date_deadline": fields.Date.context_today(account),
            "user_id": user.id,
        }
        # They have just been told: no second message for the activity.
        activity = self.activity_id.with_context(mail_activity_quick_update=True)
        if activity.active:
            activity.write(values)
        else:
            # sudo is the environment's: an activity of the server's
            quiet = self.account_id.with_context(mail_activity_quick_update=True)
            self.activity_id = quiet.activity_schedule(ACTIVITY, **values)

    # ------------------------------------------------------------------
    # Words, in the environment of who reads them
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
            return account.env._("The mailbox %s sends nothing for now", name)
        return account.env._("The mailbox %s cannot send", name)

    def _problem(self, account):
        error = _error(self.error)
        if not error:
            return self.text
        # sudo: what the mailbox's owner is told, whoever is told instead
        return explain(account.env, error, account.sudo().provider_id)

    def _first(self, account):
        """What to do first."""
        until = self.side == "smtp" and account.sudo().paused_until()
        if until:
            return account.env._(
                "There is nothing to do now: its e-mail waits and goes on by itself at "
                "%s.",
                format_moment(account.env, until),
            )
        if not self.needs_person:
            return account.env._(
                "There is nothing to do at first: it is tried again by itself. If it "
                "lasts, open the mailbox and check its settings."
            )
        if self.side == "imap":
            return account.env._(
                "Please open the mailbox, correct what is named below, then press "
                "Connect IMAP. Until then no new e-mail comes into Odoo."
            )
        return account.env._(
            "Please open the mailbox, correct what is named below, then press Connect "
            "IMAP. Until then its e-mail does not leave."
        )

    def _since(self, account):
        if not self.told_at:
            return ""
        return account.env._(
            "This has lasted since %s.", format_moment(account.env, self.since)
        )


def _may_look_after(user, account):
    """Whether ``user`` is there and may open the mailbox."""
    if not (user.active and user._is_internal()):
        return False
    own = account.with_user(user)
    return own.with_context(allowed_company_ids=user.company_ids.ids).has_access("read")


def stored(error):
    """An :class:`EngineError` as values of JSON; None for anything else."""
    if not isinstance(error, EngineError):
        return None
    return {name: getattr(one, "value", one) for name, one in vars(error).items()}


def _error(values):
    """The :class:`EngineError` that was stored; None if it is of another version."""
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
