from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, human_size

from ..engine.errors import EngineError
from ..exceptions import explain
from ..models.mailbox_account import SECURITY
from ..services import preview

#: Lines of each list in the preview.
SHOWN = 8


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
    imap_host = fields.Char(related="account_id.imap_host", related_sudo=False)
    smtp_host = fields.Char(related="account_id.smtp_host", related_sudo=False)
    state = fields.Selection(related="account_id.state", related_sudo=False)
    inbox_id = fields.Many2one("mailbox.folder", readonly=True)
    sent_id = fields.Many2one(
        "mailbox.folder",
        domain="[('account_id', '=', account_id)]",
        help="Where the mail that you send is kept. Change it if this is not the one.",
    )
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
        account._import_history(self.backfill_days)
        return account.action_sync_now()

    def action_preview(self):
        """Say what the import would bring, from headers alone."""
        self.ensure_one()
        self.account_id.check_access("write")
        # sudo: the dialog's user has no right to open credentials, the preview has
        account = self.account_id.sudo()
        folders = self.folder_line_ids.filtered("sync").folder_id.sudo()
        since = fields.Date.context_today(self) - timedelta(days=self.backfill_days)
        try:
            found = preview.look(account, folders, since)
        except EngineError as error:
            raise UserError(explain(self.env, error)) from error
        self.preview = self._render_preview(found)
        return self._reopen()

    def _render_preview(self, found):
        def name(partner_ids):
            contacts = self.env["res.partner"].browse(partner_ids)
            contacts = contacts.exists()._filtered_access("read")
            return ", ".join(contacts.mapped("display_name"))

        def day(moment):
            return moment and format_date(self.env, moment)

        most = found.contacts.most_common(SHOWN)
        contacts = [(name([one]), count) for one, count in most]
        return self.env["ir.qweb"]._render(
            "mailbox_connector.preview",
            {
                "preview": found,
                "size": human_size(found.size),
                "minutes": found.seconds // 60,
                "oldest": day(found.oldest),
                "newest": day(found.newest),
                "contacts": [one for one in contacts if one[0]],
                "more_contacts": max(0, len(found.contacts) - SHOWN),
                "ambiguous": [
                    (email, name(list(partners)))
                    for email, partners in sorted(found.ambiguous.items())[:SHOWN]
                ],
                "domains": found.domains.most_common(SHOWN),
            },
        )

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Connect %s", self.account_id.email),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_use_imap_way(self):
        """Read by the port that was found, and try again."""
        return self._use_way("imap")

    def action_use_smtp_way(self):
        """Send by the port that was found, and try again."""
        return self._use_way("smtp")

    def _use_way(self, side):
        self.ensure_one()
        way = self[f"{side}_way_port"], self[f"{side}_way_security"]
        if all(way):
            self.account_id._use_way(side, *way)
        return self.account_id.action_connect()

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
