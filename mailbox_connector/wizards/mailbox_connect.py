"""The dialog **Connect IMAP**."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine.errors import SIDES
from ..models.accounts.backfill_days import MOST_DAYS
from ..services.accounts.endpoints import SECURITY
from ..services.sync import preview

#: Written only by the connection test: one click applies it, without the password.
ALTERNATIVES = {
    f"{side}_alternative_{name}" for side in SIDES for name in ("port", "security")
}


class MailboxConnect(models.TransientModel):
    """Shows what works and what was found, and asks what to import."""

    _name = "mailbox.connect"
    _description = "Connect a mailbox"
    _rec_name = "account_id"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", readonly=True
    )
    imap_problem = fields.Char(related="account_id.imap_problem", related_sudo=False)
    smtp_problem = fields.Char(related="account_id.smtp_problem", related_sudo=False)
    two_accounts = fields.Boolean(related="account_id.two_accounts", related_sudo=False)
    imap_username = fields.Char(related="account_id.imap_username", related_sudo=False)
    smtp_username = fields.Char(related="account_id.smtp_username", related_sudo=False)
    imap_host = fields.Char(related="account_id.imap_host", related_sudo=False)
    smtp_host = fields.Char(related="account_id.smtp_host", related_sudo=False)
    state = fields.Selection(related="account_id.state", related_sudo=False)
    inbox_id = fields.Many2one("mailbox.folder", readonly=True)
    sent_id = fields.Many2one(
        "mailbox.folder",
        domain="[('account_id', '=', account_id)]",
        help="The folder with the e-mails that you sent. Change it if this is not the "
        "right one.",
    )
    test_results = fields.Json(
        readonly=True, help="What the connection test says about both servers."
    )
    is_tested = fields.Boolean(readonly=True)
    # On which the host responds, if the port or encryption in the settings is wrong.
    imap_alternative_port = fields.Integer(readonly=True)
    imap_alternative_security = fields.Selection(SECURITY, readonly=True)
    smtp_alternative_port = fields.Integer(readonly=True)
    smtp_alternative_security = fields.Selection(SECURITY, readonly=True)
    preview = fields.Html(readonly=True, sanitize=False)
    folder_line_ids = fields.One2many(
        "mailbox.connect.folder", "connect_id", string="Folders"
    )
    backfill_days = fields.Integer(string="Days to import")
    visibility = fields.Selection(
        lambda self: self.env["mailbox.account"]._fields["visibility"].selection,
        required=True,
        string="Who can read these e-mails",
    )

    _days_in_range = models.Constraint(
        f"CHECK (backfill_days BETWEEN 0 AND {MOST_DAYS})",
        f"Days to import: enter a number from 0 to {MOST_DAYS}.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_alternatives(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_alternatives(vals)
        return super().write(vals)

    @api.model
    def _check_alternatives(self, vals):
        if not self.env.su and ALTERNATIVES & vals.keys():
            raise AccessError(
                self.env._("Ports and encryption are detected and can't be entered.")
            )

    def action_import(self):
        """Store the choices and begin to import: for some seconds now, the rest by the
        scheduled action."""
        self.ensure_one()
        account = self.account_id
        account.check_access("write")
        if account.visibility != self.visibility:
            account.visibility = self.visibility
        for line in self.folder_line_ids:
            if line.folder_id.sync != line.sync:
                line.folder_id.sync = line.sync
        self._choose_sent()
        account.start_backfill(self.backfill_days)
        return account.action_sync_now()

    def action_preview(self):
        """Show what would be imported, from headers only."""
        self.ensure_one()
        self.account_id.check_access("write")
        folders = self.folder_line_ids.filtered("sync").folder_id
        since = fields.Date.context_today(self) - timedelta(days=self.backfill_days)
        found = preview.preview_for(self.env, self.account_id, folders, since)
        self.preview = preview.render(self.env, found)
        return self._reopen()

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Connect %s", self.account_id.email),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    # For the dialog itself, which shows each step as it happens

    def use_alternative(self, side):
        """Apply the port and encryption that were found for "imap" or "smtp"."""
        self.ensure_one()
        self.account_id.check_access("write")
        if side not in SIDES:
            raise UserError(self.env._("There is no such connection: %s", side))
        port = self[f"{side}_alternative_port"]
        security = self[f"{side}_alternative_security"]
        if port and security:
            self.account_id._use_alternative(side, port, security)

    def run_test(self, number=0):
        """Run the connection test, and send every step to the user's screens.

        :param number: returned with every step, to distinguish one test from the next
        :return: ``{"imap": …, "smtp": …}``, see
            ``services.accounts.connection_test_messages.describe``
        """
        self.ensure_one()
        return self._run_test(lambda result: self._show(result, number), commits=True)

    def _run_test(self, report=lambda _result: None, commits=False):
        account = self.account_id
        account.check_access("write")
        results, tests = account._test_connection(report, commits)
        # sudo: only the connection test writes alternatives
        self.sudo().write(
            {
                **self._folder_values(tests),
                **self._alternative_values(tests),
                "test_results": results,
                "is_tested": True,
            }
        )
        return results

    def _folder_values(self, tests):
        folders = self.account_id.folder_ids.filtered(lambda folder: not folder.gone)
        folders = folders.sorted()
        found = tests["imap"].folders if "imap" in tests else []
        counts = {one.raw_name: one.status.messages for one in found if one.status}
        lines = [
            fields.Command.create(
                {
                    "folder_id": folder.id,
                    "sync": folder.sync,
                    "messages": counts.get(folder.raw_name, 0),
                }
            )
            for folder in folders
        ]
        return {
            "inbox_id": folders.filtered(lambda one: one.role == "inbox")[:1].id,
            "sent_id": folders.filtered(lambda one: one.role == "sent")[:1].id,
            "folder_line_ids": [fields.Command.clear(), *lines],
        }

    def _alternative_values(self, tests):
        values = dict.fromkeys(ALTERNATIVES, False)
        for side, one in tests.items():
            for port, security in one.alternatives[:1]:
                values[f"{side}_alternative_port"] = port
                values[f"{side}_alternative_security"] = security
        return values

    def _show(self, result, number):
        """Send one step to the user's screens now, even if this transaction is rolled
        back."""
        with self.env.registry.cursor() as cr:
            user = self.env.user.with_env(self.env(cr=cr))
            # The transcript is long; the final result contains it.
            result = {**result, "transcript": []}
            payload = {"dialog": self.id, "number": number, "result": result}
            user._bus_send("mailbox_connector/connection_test", payload)

    def _choose_sent(self):
        folders = self.account_id.sudo().folder_ids
        former = folders.filtered(lambda folder: folder.role == "sent")
        if self.sent_id in folders and self.sent_id != former:
            former.role = "other"
            self.sent_id.sudo().role = "sent"


class MailboxConnectFolder(models.TransientModel):
    """A folder in the dialog, and whether it is imported."""

    _name = "mailbox.connect.folder"
    _description = "Folder to import"
    _rec_name = "folder_id"

    connect_id = fields.Many2one("mailbox.connect", required=True, ondelete="cascade")
    folder_id = fields.Many2one(
        "mailbox.folder", required=True, ondelete="cascade", readonly=True
    )
    role = fields.Selection(related="folder_id.role")
    sync = fields.Boolean(string="Import")
    messages = fields.Integer(string="E-mails", readonly=True)
