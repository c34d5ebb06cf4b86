"""The health of mailboxes, their problems, and retrying."""

from datetime import datetime, time, timedelta

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...engine.errors import SIDES, STOPPING, EngineError
from ...error_messages import with_side
from ...formatting import format_moment
from ...services.accounts.connection_test import MailboxConnectionTest
from ...services.accounts.endpoints import CONNECTION_FIELDS
from ...services.sync.mailbox_pass import WAITED_FOR, PassRequest
from .alert import Problem

HEALTH = [
    ("draft", "Not connected"),
    ("connected", "Connected"),
    ("importing", "Importing"),
    ("waiting", "Waiting"),
    ("action_needed", "Action needed"),
]
#: The states of one connection.
SIDE = [
    ("off", "Off"),
    ("works", "Works"),
    ("waiting", "Waiting"),
    ("action_needed", "Action needed"),
]
#: Settings; if a server refuses one of them, a person has to act.
SIGN_IN = {"username", "password"}


class MailboxAccountHealth(models.AbstractModel):
    """The health of a mailbox in one word, and a line each for reading and sending.

    Problems are reported here; ``mailbox.alert`` alerts the owner about those that
    last.
    """

    _name = "mailbox.account.health"
    _description = "Mailbox: health"

    health = fields.Selection(
        HEALTH,
        compute="_compute_health",
        search="_search_health",
        help="Action needed: reading or sending has stopped, or will not continue "
        "until someone acts: a refused sign-in, wrong settings, folders that no longer "
        "exist, or an e-mail that may or may not have been sent.\n"
        "Waiting: something failed, and Odoo retries automatically.\n"
        "Importing: older e-mails are being imported.",
    )
    reading_health = fields.Selection(
        SIDE, string="Reading works", compute="_compute_sides"
    )
    reading_text = fields.Char(string="Reading state", compute="_compute_sides")
    sending_health = fields.Selection(
        SIDE, string="Sending works", compute="_compute_sides"
    )
    sending_text = fields.Char(string="Sending state", compute="_compute_sides")
    problem_text = fields.Char(string="What is wrong", compute="_compute_sides")
    can_try_again = fields.Boolean(compute="_compute_sides")
    new_today = fields.Integer(
        compute="_compute_new_today",
        help="E-mails that your contacts sent to this mailbox today.",
    )
    notify_members = fields.Boolean(
        string="Notify members of new e-mails",
        help="New e-mails from customers appear in the Odoo inbox of the owner and the "
        "members until they mark them as read. Users who get notifications by e-mail "
        "have no Odoo inbox and are not notified.",
    )
    inbound_count = fields.Integer(
        string="Not delivered in Odoo", compute="_compute_inbound_count"
    )

    # ------------------------------------------------------------------
    # One word, computed by the database so that lists can filter and group by it
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
        "folder_ids.found_elsewhere",
        "folder_ids.problem",
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
        """The SQL expression for the health of the mailboxes in a table."""
        return SQL(
            """CASE
            WHEN %(account)s.state = 'draft' THEN 'draft'
            WHEN %(account)s.needs_person
                OR EXISTS (SELECT FROM mailbox_alert alert
                            WHERE alert.account_id = %(account)s.id
                              AND alert.needs_person AND NOT alert.recovered)
                OR EXISTS (SELECT FROM mailbox_folder folder
                            WHERE folder.account_id = %(account)s.id
                              AND folder.sync AND folder.gone
                              AND folder.found_elsewhere IS NOT TRUE)
                OR EXISTS (SELECT FROM mail_mail mail
                            WHERE mail.mailbox_account_id = %(account)s.id
                              AND mail.mailbox_outcome = 'ask'
                              AND mail.state = 'exception') THEN 'action_needed'
            WHEN %(account)s.imap_problem IS NOT NULL
                OR %(account)s.smtp_problem IS NOT NULL
                OR EXISTS (SELECT FROM mailbox_folder folder
                            WHERE folder.account_id = %(account)s.id
                              AND folder.sync AND folder.problem IS NOT NULL)
                OR %(account)s.sending_paused_until > %(now)s THEN 'waiting'
            WHEN EXISTS (SELECT FROM mailbox_backfill backfill
                          WHERE backfill.account_id = %(account)s.id
                            AND backfill.state = 'running') THEN 'importing'
            ELSE 'connected' END""",
            account=SQL.identifier(alias),
            now=fields.Datetime.now(),
        )

    # ------------------------------------------------------------------
    # A line each for reading and sending
    # ------------------------------------------------------------------

    @api.depends("health", "imap_ok_at", "smtp_ok_at", "retry_at", "smtp_host")
    def _compute_sides(self):
        stopped = self._stopped_sides()
        next_attempts = self._next_attempts()
        undecided = self._accounts_to_decide_on()
        for account in self:
            number = account._origin.id
            account._set_reading((number, "imap") in stopped or account.needs_person)
            account._set_sending(
                (number, "smtp") in stopped,
                number in undecided,
                next_attempts.get(number, False),
            )
            account.problem_text = account._all_problems()
            account.can_try_again = account.state == "connected" and bool(
                account.imap_problem or account.smtp_problem
            )

    def _stopped_sides(self):
        """Pairs (id of the mailbox, side) that do not continue until somebody acts."""
        # sudo: nobody has access to alerts; only whether a person is needed is shown
        alerts = self.env["mailbox.alert"].sudo()
        found = alerts.search([("account_id", "in", self._origin.ids)])
        found = found.filtered(lambda one: one.needs_person and not one.recovered)
        return {(one.account_id.id, one.side) for one in found}

    def _next_attempts(self):
        """When the first waiting e-mail that failed is sent again, by mailbox id."""
        # sudo: only the time is shown of e-mails that the user may not read
        found = (
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
        return {account.id: moment for account, moment in found}

    def _accounts_to_decide_on(self):
        """Ids of the mailboxes with an e-mail that may or may not have been sent."""
        # sudo: it only shows that there is such an e-mail, which the user may not read
        found = (
            self.env["mail.mail"]
            .sudo()
            ._read_group(
                [
                    ("mailbox_account_id", "in", self._origin.ids),
                    ("mailbox_outcome", "=", "ask"),
                    ("state", "=", "exception"),
                ],
                ["mailbox_account_id"],
            )
        )
        return {account.id for (account,) in found}

    def _all_problems(self):
        problems = [
            with_side(self.env, side, self[f"{side}_problem"])
            for side in SIDES
            if self[f"{side}_problem"]
        ]
        if self.folder_problem:
            problems.append(with_side(self.env, "imap", self.folder_problem))
        if self.asked_text:
            problems.append(self.asked_text)
        return "\n".join(problems) or False

    def _set_reading(self, is_stopped):
        last = self.imap_ok_at and self.env._(
            "Last read: %s.", format_moment(self.env, self.imap_ok_at)
        )
        if self.state == "draft":
            health, text = "off", self.env._("Not connected yet.")
        elif is_stopped or self.gone_folders():
            health = "action_needed"
            text = is_stopped and self._next_try_text(self.needs_person)
        elif self.imap_problem or self.unread_folders_text():
            health, text = "waiting", self._next_try_text(False)
        else:
            health, text = "works", not last and self.env._("Not read yet.")
        self.reading_health = health
        self.reading_text = " ".join(part for part in (text, last) if part)

    def _next_try_text(self, is_stopped):
        if is_stopped:
            return self.env._("Stopped.")
        if self.retry_at and self.retry_at > fields.Datetime.now():
            return self.env._("Next try: %s.", format_moment(self.env, self.retry_at))
        return self.env._("Odoo retries in a moment.")

    def _set_sending(self, is_stopped, is_asked, next_attempt):
        """
        :param is_stopped: sending does not continue until somebody acts
        :param is_asked: a person has to decide whether an e-mail was sent
        :param next_attempt: when the first e-mail that failed is sent again, or False
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
            health = "action_needed"
            text = is_stopped and self.env._("Stopped.")
        elif self.smtp_problem or self.paused_until():
            until = self.paused_until() or next_attempt
            health = "waiting"
            if until and until > fields.Datetime.now():
                text = self.env._("Next try: %s.", format_moment(self.env, until))
            else:
                text = self.env._("Odoo retries with the next e-mail.")
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
        # Only counts, of mailboxes that the user can see.
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
    # Problems
    # ------------------------------------------------------------------

    @api.private
    def report_problem(self, side, text, at_once=False, needs_person=None, error=None):
        """Report that reading or sending fails; the owner is alerted if it lasts.

        :param side: "imap" or "smtp"
        :param text: what is wrong, in a sentence
        :param at_once: alert now, as always for a refused sign-in (see ``error``)
        :param needs_person: whether somebody has to act; None: unchanged
        :param error: the :class:`EngineError`, if there is one: the alert then explains
            it in the reader's language
        """
        self.ensure_one()
        if not self._is_watched():
            return
        is_refused = isinstance(error, EngineError) and error.kind in STOPPING
        problem = Problem(
            side,
            text,
            urgent=at_once or is_refused,
            needs_person=True if is_refused else needs_person,
            error=error,
        )
        # sudo: nobody has access to alerts
        self.env["mailbox.alert"].sudo()._save(self, problem)

    @api.private
    def report_unread_folders(self):
        """Report which folders cannot be read, or that all can."""
        for account in self:
            text = account.with_context(
                lang=account.owner_id.lang
            ).unread_folders_text()
            if text:
                account.report_problem("imap", text)
            elif not account.imap_problem:
                account.report_recovery("imap")

    @api.private
    def report_recovery(self, side):
        """Report that reading or sending works (again).

        :param side: "imap" or "smtp"
        """
        # sudo: nobody has access to alerts
        alerts = self.env["mailbox.alert"].sudo()
        alerts = alerts.search([("account_id", "in", self.ids), ("side", "=", side)])
        alerts._record_recovery()

    def _is_watched(self):
        """Whether somebody is alerted about failures: only once it is connected."""
        self.ensure_one()
        return self.active and self.state == "connected"

    # ------------------------------------------------------------------
    # Writing a problem field is enough to report it
    # ------------------------------------------------------------------

    def _update_alerts(self, vals):
        """After ``vals`` were written: create, change or end alerts."""
        if CONNECTION_FIELDS & vals.keys():
            self._forget_refusals()
        if vals.get("active") is False:
            # sudo: archiving the mailbox ends its alerts and activities
            self.sudo().alert_ids._end()
            self.sudo().activity_ids.unlink()
            return
        for side in SIDES:
            if {f"{side}_problem", "state", "active"} & vals.keys():
                self._update_alert(side, vals)

    def _update_alert(self, side, vals):
        for account in self:
            problem = account[f"{side}_problem"]
            if problem:
                field = vals.get(f"{side}_problem_field")
                account.report_problem(
                    side, problem, needs_person=field in SIGN_IN or None
                )
            elif f"{side}_problem" in vals:
                account.report_recovery(side)
                if side == "imap" and account.unread_folders_text():
                    account.report_unread_folders()

    def _forget_refusals(self):
        """Forget refused settings: they were changed, and the server's response is
        unknown."""
        # sudo: nobody has access to alerts
        self.sudo().alert_ids.write({"needs_person": False, "urgent": False})

    def action_try_again(self):
        """Retry what failed: now for one mailbox, soon for several."""
        self.check_access("read")
        failed = self.filtered("can_try_again")
        if len(failed) != 1:
            # sudo: members may use a mailbox, but not write its state
            failed.sudo().write({"retry_at": False, "needs_person": False})
            for account in failed.filtered("smtp_problem"):
                account._release_waiting()
            self._trigger_crons("ir_cron_new_mail")
            return self._notification_action(
                "success", self.env._("Odoo tries them in a moment.")
            )
        problems = {}
        if failed.imap_problem:
            problems["imap"] = failed._try_reading()
        if failed.smtp_problem:
            problems["smtp"] = failed._try_sending()
        self.env.invalidate_all()
        texts = [with_side(self.env, *one) for one in problems.items() if one[1]]
        if texts:
            return self._notification_action("danger", "\n".join(texts))
        return self._notification_action("success", self.env._("It works again."))

    def _try_reading(self):
        """Read the mailbox.

        :return: why it does not work, in a sentence, or False
        """
        request = PassRequest("backfill", *WAITED_FOR, by_person=True)
        done = self.env["mailbox.sync"].serve(self, request)
        self.env.invalidate_all()
        if done:
            return False
        return self.imap_problem or self.env._(
            "This mailbox is being synced right now."
        )

    def _try_sending(self):
        """Test the connection for sending; if it works, waiting e-mails are sent.

        :return: why it does not work, in a sentence, or False
        """
        if not self.smtp_host:
            return self.env._("Enter the SMTP host.")
        # sudo: members may use a mailbox, but not its settings
        account = self.sudo()
        test = MailboxConnectionTest(account, ["smtp"], asks_sender=False)
        test.run()
        problem, error = test.results["smtp"]["problem"], test.error("smtp")
        if error or not problem:
            account.record_smtp_result(problem, error)
        if problem:
            return problem
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
        """Show the e-mails of this mailbox that could not be delivered in Odoo."""
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
