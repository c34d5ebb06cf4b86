from odoo import fields, models


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
