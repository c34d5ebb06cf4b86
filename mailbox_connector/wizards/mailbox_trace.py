from odoo import api, fields, models

from ..services.trace import trace


class MailboxTrace(models.TransientModel):
    """The dialog **Why is an e-mail missing?**: what to search for, and the answer."""

    _name = "mailbox.trace"
    _description = "Why is an e-mail missing?"

    account_id = fields.Many2one(
        "mailbox.account",
        string="Mailbox",
        domain=[("state", "=", "connected")],
        help="Leave it empty to search all your mailboxes.",
    )
    message_name = fields.Char(
        string="Message-ID",
        help="The unique ID of the e-mail. Mail apps show it under “Show original” or "
        "“View source”. If you enter it, leave the other fields empty.",
    )
    sender = fields.Char(help="An e-mail address or a name, or a part of it.")
    recipient = fields.Char(help="An e-mail address or a name, or a part of it.")
    subject = fields.Char(help="The subject, or a part of it.")
    day = fields.Date(help="The day when it was sent or received.")
    message_id = fields.Many2one("mailbox.message", string="E-mail", readonly=True)
    answer = fields.Html(readonly=True, sanitize=False)
    importable = fields.Json(
        readonly=True,
        help="Skipped e-mails that would be imported now: folder ID, UID.",
    )

    @api.model
    def default_get(self, fields_list):
        """Fill in the mailbox or contact from which the dialog is opened."""
        values = super().default_get(fields_list)
        model = self.env.context.get("active_model")
        record = self.env[model or self._name].browse(
            self.env.context.get("active_ids") or ()
        )[:1]
        if record and model == "mailbox.account" and record.state == "connected":
            values.setdefault("account_id", record.id)
        elif record and model == "res.partner":
            values.setdefault("sender", record.email_normalized or record.email)
        return values

    def action_ask(self):
        """Search, and show the answer in the same dialog."""
        self.ensure_one()
        asked = trace.question(
            self.env,
            self.message_name,
            self.sender,
            self.recipient,
            self.subject,
            self.day,
        )
        explanation = trace.Trace(self.env, asked, self._accounts())
        self.show(explanation.answer(), explanation.notes)
        self.importable = explanation.importable or False
        return self.reopen()

    def action_import(self):
        """Import what was skipped because its contact did not exist yet."""
        self.ensure_one()
        found = self.importable or []
        folders = self.env["mailbox.folder"].browse({folder for folder, _uid in found})
        folders.exists().check_access("read")
        # sudo: only the server writes folders
        for folder in folders.exists().sudo():
            folder.reconsider(uid for number, uid in found if number == folder.id)
        for account in folders.exists().account_id:
            account.action_sync_now()
        self.env.invalidate_all()
        return self.action_ask()

    def _accounts(self):
        """The mailboxes to search."""
        Account = self.env["mailbox.account"]
        if not Account.has_access("read"):
            return Account
        if self.account_id:
            self.account_id.check_access("read")
            return self.account_id
        return Account.search([("state", "=", "connected")])

    @api.private
    def show(self, findings, notes=()):
        """Fill in the answer.

        :param findings: :class:`services.trace.trace.Finding`
        :param notes: sentences besides them
        """
        self.answer = self.env["ir.qweb"]._render(
            "mailbox_connector.trace",
            {"findings": findings, "notes": notes, "one": self.message_id},
        )

    @api.private
    def reopen(self):
        """The action that shows this dialog."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Why is an e-mail missing?"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }
