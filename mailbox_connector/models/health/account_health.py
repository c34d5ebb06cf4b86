from datetime import datetime, time, timedelta

import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ...engine.errors import SIDES, STOPPING, EngineError
from ...engine.smtp.session import open_smtp
from ...error_messages import explain
from ...services.accounts.endpoints import CONNECTION_FIELDS, egress_policy, endpoint
from ...services.framework.formatting import format_moment
from ...services.sync.mailbox_pass import WAITED_FOR, PassRequest
from .alert import stored

HEALTH = [
    ("draft", "Not connected"),
    ("connected", "Connected"),
    ("importing", "Importing"),
    ("waiting", "Waiting"),
    ("needs_you", "Needs you"),
]
#: Of one side.
SIDE = [
    ("off", "Off"),
    ("works", "Works"),
    ("waiting", "Waiting"),
    ("needs_you", "Needs you"),
]
#: Fields whose refusal by a server nobody but a person can mend.
SIGN_IN = {"username", "password"}


class MailboxAccountHealth(models.AbstractModel):
    """How mailboxes are: one word each and a line for either side; their problems, of
    which somebody is alerted (``mailbox.alert``); and what failed, tried once more.
    """

    _name = "mailbox.account.health"
    _description = "Mailbox: health"

    health = fields.Selection(
        HEALTH,
        compute="_compute_health",
        search="_search_health",
        help="Needs you: reading or sending has stopped, or does not go on without "
        "somebody: a refused sign-in, settings that cannot be right, folders that no "
        "longer exist, an e-mail of which nobody knows whether it was sent.\n"
        "Waiting: something failed and is tried again by itself.\n"
        "Importing: history comes in.",
    )
    reading_health = fields.Selection(
        SIDE, string="Reading works", compute="_compute_sides"
    )
    reading_text = fields.Char(string="Reading state", compute="_compute_sides")
    sending_health = fields.Selection(
        SIDE, string="Sending works", compute="_compute_sides"
    )
    sending_text = fields.Char(string="Sending state", compute="_compute_sides")
    trouble_text = fields.Char(string="What is wrong", compute="_compute_sides")
    can_try_again = fields.Boolean(compute="_compute_sides")
    new_today = fields.Integer(
        compute="_compute_new_today",
        help="E-mails that your contacts sent to this mailbox today.",
    )
    notify_members = fields.Boolean(
        string="Tell members of new e-mails",
        help="New e-mails of customers appear in the Odoo inbox of the owner and the "
        "members, until they mark them as read. Those who handle their notifications "
        "by e-mail have no Odoo inbox and are not told.",
    )
    inbound_count = fields.Integer(
        string="Not passed on", compute="_compute_inbound_count"
    )

    # ------------------------------------------------------------------
    # One word, said by the database: it filters and groups
    # ------------------------------------------------------------------

    @api.depends(
        "state",
        "needs_person",
        "imap_problem",
        "smtp_problem",
        "sending_paused_until",
        "backfill_ids.state",
        "folder_ids.sync",
        "folder_ids.gone",
    )
    def _compute_health(self):
        self.env.flush_all()
        table = "mailbox_account"
        found = dict(
            self.env.execute_query(
                SQL(
                    "SELECT id, %s FROM %s WHERE id IN %s",
                    self._health_sql(table),
                    SQL.identifier(table),
                    tuple(self._origin.ids) or (0,),
                )
            )
        )
        for account in self:
            account.health = found.get(account._origin.id, "draft")

    def _search_health(self, operator, value):
        if operator != "in":
            return NotImplemented
        self.env.flush_all()
        words = [one for one in value if one]
        if not words:
            return Domain.FALSE
        found = SQL(
            "(SELECT id FROM mailbox_account WHERE %s IN %s)",
            self._health_sql("mailbox_account"),
            tuple(words),
        )
        return Domain("id", "in", found)

    def _read_group_groupby(self, alias, groupby_spec, query):
        if groupby_spec != "health":
            return super()._read_group_groupby(alias, groupby_spec, query)
        self._check_field_access(self._fields["health"], "read")
        self.env.flush_all()
        return self._health_sql(alias)

    @api.model
    def _health_sql(self, alias):
        """The health of the mailboxes of a table, as an expression."""
        return SQL(
            """CASE
            WHEN %(account)s.state = 'draft' THEN 'draft'
            WHEN %(account)s.needs_person
                OR EXISTS (SELECT FROM mailbox_alert alert
                            WHERE alert.account_id = %(account)s.id
                              AND alert.needs_person AND NOT alert.recovered)
                OR EXISTS (SELECT FROM mailbox_folder folder
                            WHERE folder.account_id = %(account)s.id
                              AND folder.sync AND folder.gone)
                OR EXISTS (SELECT FROM mail_mail mail
                            WHERE mail.mailbox_account_id = %(account)s.id
                              AND mail.mailbox_outcome = 'ask'
                              AND mail.state = 'exception') THEN 'needs_you'
            WHEN %(account)s.imap_problem IS NOT NULL
                OR %(account)s.smtp_problem IS NOT NULL
                OR %(account)s.sending_paused_until > %(now)s THEN 'waiting'
            WHEN EXISTS (SELECT FROM mailbox_backfill backfill
                          WHERE backfill.account_id = %(account)s.id
                            AND backfill.state = 'running') THEN 'importing'
            ELSE 'connected' END""",
            account=SQL.identifier(alias),
            now=fields.Datetime.now(),
        )

    # ------------------------------------------------------------------
    # A line for either side
    # ------------------------------------------------------------------

    @api.depends("health", "imap_ok_at", "smtp_ok_at", "retry_at", "smtp_host")
    def _compute_sides(self):
        # sudo: that a person is needed, and until when mail waits; no more
        stopped = {
            (row.account_id.id, row.side)
            for row in self.env["mailbox.alert"]
            .sudo()
            .search([("account_id", "in", self._origin.ids)])
            if row.needs_person and not row.recovered
        }
        waiting = dict(
            self.env["mail.mail"]
            .sudo()
            ._read_group(
                [
                    ("mailbox_account_id", "in", self._origin.ids),
                    ("state", "=", "outgoing"),
                    ("mailbox_attempts", ">", 0),
                ],
                ["mailbox_account_id"],
                ["scheduled_date:min"],
            )
        )
        asked = {
            account.id
            for account, _count in self.env["mail.mail"]
            .sudo()
            ._read_group(
                [
                    ("mailbox_account_id", "in", self._origin.ids),
                    ("mailbox_outcome", "=", "ask"),
                    ("state", "=", "exception"),
                ],
                ["mailbox_account_id"],
                ["__count"],
            )
        }
        for account in self:
            stops = {
                side
                for side in ("imap", "smtp")
                if (account._origin.id, side) in stopped
            }
            account._set_reading("imap" in stops or account.needs_person)
            account._set_sending(
                "smtp" in stops,
                account._origin.id in asked,
                waiting.get(account._origin.sudo(), False),
            )
            troubles = [
                account.imap_problem,
                account.smtp_problem,
                account.folder_problem,
                account.asked_text,
            ]
            account.trouble_text = "\n".join(one for one in troubles if one) or False
            account.can_try_again = account.state == "connected" and bool(
                account.imap_problem or account.smtp_problem
            )

    def _set_reading(self, is_stopped):
        last = self.imap_ok_at and self.env._(
            "Last read: %s.", format_moment(self.env, self.imap_ok_at)
        )
        if self.state == "draft":
            health, text = "off", self.env._("Not connected yet.")
        elif is_stopped or self.folder_problem:
            health = "needs_you"
            text = is_stopped and self._next_try(self.needs_person)
        elif self.imap_problem:
            health, text = "waiting", self._next_try(False)
        else:
            health, text = "works", not last and self.env._("Not read yet.")
        self.reading_health = health
        self.reading_text = " ".join(part for part in (text, last) if part)

    def _next_try(self, is_stopped):
        if is_stopped:
            return self.env._("Stopped.")
        if self.retry_at and self.retry_at > fields.Datetime.now():
            return self.env._("Next try: %s.", format_moment(self.env, self.retry_at))
        return self.env._("It is tried again in a moment.")

    def _set_sending(self, is_stopped, is_asked, first):
        """
        :param is_asked: somebody has to say whether an e-mail was sent
        :param first: when mail that failed is tried again
        """
        last = self.smtp_ok_at and self.env._(
            "Last worked: %s.", format_moment(self.env, self.smtp_ok_at)
        )
        text = False
        if not self.smtp_host:
            health, text, last = "off", self.env._("Not set up."), False
        elif self.state == "draft":
            health, text = "off", self.env._("Not connected yet.")
        elif is_stopped or is_asked:
            health = "needs_you"
            text = is_stopped and self.env._("Stopped.")
        elif self.smtp_problem or self.paused_until():
            until = self.paused_until() or first
            health = "waiting"
            if until and until > fields.Datetime.now():
                text = self.env._("Next try: %s.", format_moment(self.env, until))
            else:
                text = self.env._("It is tried with the next e-mail.")
        else:
            health, text = "works", not last and self.env._("Not used yet.")
        self.sending_health = health
        self.sending_text = " ".join(part for part in (text, last) if part)

    @api.depends_context("tz", "uid")
    def _compute_new_today(self):
        zone = pytz.timezone(self.env.user.tz or "UTC")
        today = datetime.now(zone).date()
        begin, end = (
            zone.localize(datetime.combine(day, time.min))
            .astimezone(pytz.utc)
            .replace(tzinfo=None)
            for day in (today, today + timedelta(days=1))
        )
        # How many, of mailboxes that the user sees: not which.
        counts = dict(
            self.env.execute_query(
                SQL(
                    """
                    SELECT folder.account_id, count(DISTINCT message.id)
                      FROM mailbox_message message
                      JOIN mailbox_location location ON location.message_id = message.id
                      JOIN mailbox_folder folder ON folder.id = location.folder_id
                     WHERE message.date >= %s AND message.date < %s
                       AND message.direction = 'in'
                       AND folder.account_id IN %s
                     GROUP BY folder.account_id
                    """,
                    begin,
                    end,
                    tuple(self._origin.ids) or (0,),
                )
            )
        )
        for account in self:
            account.new_today = counts.get(account._origin.id, 0)

    # ------------------------------------------------------------------
    # For whatever works on a mailbox
    # ------------------------------------------------------------------

    @api.private
    def report_problem(self, side, text, at_once=False, needs_person=None, error=None):
        """One side fails. Whoever looks after the mailbox is told when it has lasted.

        :param side: "imap" or "smtp"
        :param text: what is wrong, in words
        :param at_once: tell it now; so is a refused sign-in, by ``error``
        :param needs_person: whether somebody has to act; None: as it was
        :param error: the :class:`EngineError`, where there is one: it is told in the
            receiver's language then
        """
        self.ensure_one()
        if not self._is_watched():
            return
        is_refused = isinstance(error, EngineError) and error.kind in STOPPING
        # sudo: notices belong to nobody
        self.env["mailbox.alert"].sudo()._keep(
            self,
            side,
            text,
            urgent=at_once or is_refused,
            needs_person=needs_person or is_refused or needs_person,
            error=stored(error),
        )

    @api.private
    def report_recovery(self, side):
        """One side works (again)."""
        # sudo: notices belong to nobody
        notices = self.env["mailbox.alert"].sudo()
        notices.search(
            [("account_id", "in", self.ids), ("side", "=", side)]
        )._recovered()

    def _is_watched(self):
        """Whether anybody is told when it fails: not before it is connected."""
        self.ensure_one()
        return self.active and self.state == "connected"

    # ------------------------------------------------------------------
    # Whoever writes a problem need not think of the alert
    # ------------------------------------------------------------------

    def _update_alerts(self, vals):
        """After these were written: make, change or end what people are alerted of."""
        if CONNECTION_FIELDS & vals.keys():
            self._forget_refusals()
        if vals.get("active") is False:
            # sudo: whoever may archive the mailbox ends what it asks for
            self.sudo().alert_ids._forget()
            self.sudo().activity_ids.unlink()
            return
        for side in SIDES:
            if {f"{side}_problem", "state", "active"} & vals.keys():
                self._follow_problem(side, vals)

    def _follow_problem(self, side, vals):
        for account in self:
            problem = account[f"{side}_problem"]
            if problem:
                field = vals.get(f"{side}_problem_field")
                account.report_problem(
                    side, problem, needs_person=field in SIGN_IN or None
                )
            elif f"{side}_problem" in vals:
                account.report_recovery(side)

    def _forget_refusals(self):
        """The settings were changed: what the server says to these is not known."""
        # sudo: notices belong to nobody
        self.sudo().alert_ids.write({"needs_person": False, "urgent": False})

    def action_try_again(self):
        """Try what failed once more: at once for one mailbox, soon for several."""
        self.check_access("read")
        failed = self.filtered("can_try_again")
        if len(failed) != 1:
            # sudo: members use a mailbox, its state is written by the server
            failed.sudo().write({"retry_at": False, "needs_person": False})
            for account in failed.filtered("smtp_problem"):
                account._release_waiting()
            self._trigger_crons("ir_cron_new_mail")
            return self._notification_action(
                "success", self.env._("They are tried in a moment.")
            )
        problems = []
        if failed.imap_problem:
            request = PassRequest("backfill", *WAITED_FOR, by_person=True)
            sync = self.env["mailbox.sync"].serve(failed, request)
            self.env.invalidate_all()
            if not sync:
                problems.append(
                    failed.imap_problem
                    or self.env._("This mailbox is being read at this moment.")
                )
        if failed.smtp_problem and (problem := failed._try_sending()):
            problems.append(problem)
        self.env.invalidate_all()
        if problems:
            return self._notification_action("danger", "\n".join(problems))
        return self._notification_action("success", self.env._("It works again."))

    def _try_sending(self):
        """Sign in to SMTP; what waits goes when that works.

        :return: why it does not, in words
        """
        # sudo: members use a mailbox, its settings are its owner's
        account = self.sudo()
        try:
            open_smtp(endpoint(account, "smtp"), egress_policy(self.env)).quit()
        except EngineError as error:
            problem = explain(self.env, error, account.provider_id)
            account.record_smtp_result(problem, error)
            return problem
        except UserError as error:
            return str(error)
        account.record_smtp_result(False)
        account._release_waiting()
        return False

    def _compute_inbound_count(self):
        counts = dict(
            self.env["mailbox.inbound"]._read_group(
                [
                    ("account_id", "in", self.ids),
                    ("state", "!=", "done"),
                    ("attempts", ">", 0),
                ],
                ["account_id"],
                ["__count"],
            )
        )
        for account in self:
            account.inbound_count = counts.get(account, 0)

    def action_view_inbound(self):
        """What could not be passed on, of this mailbox."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mailbox_connector.mailbox_inbound_action"
        )
        action["domain"] = [
            ("account_id", "=", self.id),
            ("state", "!=", "done"),
            ("attempts", ">", 0),
        ]
        return action
