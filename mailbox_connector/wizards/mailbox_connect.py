from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..models.accounts.account_connection import SIDES
from ..services.accounts.endpoints import SECURITY
from ..services.sync import preview

#: Written by the check alone: one click takes it over, without the password.
WAYS = {f"{side}_way_{name}" for side in SIDES for name in ("port", "security")}


class MailboxConnect(models.TransientModel):
    """The dialog of **Connect IMAP**: what works, what was found, what to bring in."""

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
        help="Where the mail that you send is kept. Change it if this is not the one.",
    )
    checks = fields.Json(
        readonly=True, help="What the check of both sides has found, in words."
    )
    is_checked = fields.Boolean(readonly=True)
    # Where the host answers, when the port or encryption that was typed is wrong.
    imap_way_port = fields.Integer(readonly=True)
    imap_way_security = fields.Selection(SECURITY, readonly=True)
    smtp_way_port = fields.Integer(readonly=True)
    smtp_way_security = fields.Selection(SECURITY, readonly=True)
    preview = fields.Html(readonly=True, sanitize=False)
    folder_line_ids = fields.One2many(
        "mailbox.connect.folder", "connect_id", string="Folders"
    )
    backfill_days = fields.Integer(string="Days of history")
    visibility = fields.Selection(
        lambda self: self.env["mailbox.account"]._fields["visibility"].selection,
        required=True,
        string="Who may read these mails",
    )

    _days_in_range = models.Constraint(
        "CHECK (backfill_days BETWEEN 0 AND 3650)",
        "Days of history: any number from 0 to 3650.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_ways(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_ways(vals)
        return super().write(vals)

    @api.model
    def _check_ways(self, vals):
        if not self.env.su and WAYS & vals.keys():
            raise AccessError(self.env._("Where a server answers is found, not typed."))

    def action_import(self):
        """Take over the choices and begin: the first seconds here, the rest by the
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
        """Say what the import would bring, from headers alone."""
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

    # For the dialog itself, which shows what happens as it happens

    def use_way(self, side):
        """Take over the port and encryption that were found for "imap" or "smtp"."""
        self.ensure_one()
        self.account_id.check_access("write")
        if side not in SIDES:
            raise UserError(self.env._("There is no such side: %s", side))
        way = self[f"{side}_way_port"], self[f"{side}_way_security"]
        if all(way):
            self.account_id._use_alternative(side, *way)

    def check(self, number=0):
        """Check both sides, and tell the person's screens of every step.

        :param number: comes back with every step, to tell one check from the next
        :return: ``{"imap": …, "smtp": …}``, see ``services.check.describe``
        """
        self.ensure_one()
        return self._check(lambda words: self._show(words, number), apart=True)

    def _check(self, report=lambda _words: None, apart=False):
        self.account_id.check_access("write")
        found, words = self.account_id._try_sides(report, apart)
        found_values = self.account_id._dialog_values(found)
        # sudo: where the server answers is written by nobody but the check
        self.sudo().write({**found_values, "checks": words, "is_checked": True})
        return words

    def _show(self, words, number):
        """Tell the person's screens at once, whatever becomes of this transaction."""
        with self.env.registry.cursor() as cr:
            user = self.env.user.with_env(self.env(cr=cr))
            # The record of the protocol is long, and comes with the answer.
            words = {**words, "transcript": []}
            payload = {"dialog": self.id, "number": number, "words": words}
            user._bus_send("mailbox_connector/check", payload)

    def _choose_sent(self):
        folders = self.account_id.sudo().folder_ids
        former = folders.filtered(lambda folder: folder.role == "sent")
        if self.sent_id in folders and self.sent_id != former:
            former.role = "other"
            self.sent_id.sudo().role = "sent"


class MailboxConnectFolder(models.TransientModel):
    """A folder in the dialog, and whether it is read."""

    _name = "mailbox.connect.folder"
    _description = "Folder to read"
    _rec_name = "folder_id"

    connect_id = fields.Many2one("mailbox.connect", required=True, ondelete="cascade")
    folder_id = fields.Many2one(
        "mailbox.folder", required=True, ondelete="cascade", readonly=True
    )
    role = fields.Selection(related="folder_id.role")
    sync = fields.Boolean(string="Read")
    messages = fields.Integer(string="E-mails", readonly=True)
