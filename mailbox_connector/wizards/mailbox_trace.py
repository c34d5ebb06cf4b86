from odoo import api, fields, models

from ..services.trace import trace


class MailboxTrace(models.TransientModel):
    """Asks why an e-mail is here, or is not."""

    _name = "mailbox.trace"
    _description = "Why is this e-mail here, or not?"

    account_id = fields.Many2one(
        "mailbox.account",
        string="Mailbox",
        domain=[("state", "=", "connected")],
        help="Empty: all mailboxes that you may see.",
    )
    message_name = fields.Char(
        string="Message-ID",
        help="The name that every e-mail bears. Mail programs show it under “Show "
        "original” or “View source”. With it nothing else is needed.",
    )
    sender = fields.Char(help="An address or a name, or a part of it.")
    recipient = fields.Char(help="An address or a name, or a part of it.")
    subject = fields.Char(help="A part of it is enough.")
    day = fields.Date(help="The day it was sent or received.")
    message_id = fields.Many2one("mailbox.message", string="E-mail", readonly=True)
    answer = fields.Html(readonly=True, sanitize=False)
    late = fields.Json(
        readonly=True,
        help="Skipped messages that would come in now: folder id, UID.",
    )

    @api.model
    def default_get(self, fields_list):
        """From wherever it is asked."""
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
        """Look, and show what was found in the same dialog."""
        self.ensure_one()
        asked = trace.question(
            self.env,
            self.message_name,
            self.sender,
            self.recipient,
            self.subject,
            self.day,
        )
        asking = trace.Why(self.env, asked, self._accounts())
        self._show(asking.answer(), asking.notes)
        self.late = asking.late or False
        return self._reopen()

    def action_bring_in(self):
        """Look again at what was skipped before its contact was there."""
        self.ensure_one()
        late = self.late or []
        folders = self.env["mailbox.folder"].browse({folder for folder, _uid in late})
        folders.exists().check_access("read")
        # sudo: folders are written by nobody but the server
        for folder in folders.exists().sudo():
            folder._look_again(uid for number, uid in late if number == folder.id)
        for account in folders.exists().account_id:
            account.action_sync_now()
        self.env.invalidate_all()
        return self.action_ask()

    def _accounts(self):
        """The mailboxes that are asked about."""
        Account = self.env["mailbox.account"]
        if not Account.has_access("read"):
            return Account
        if self.account_id:
            self.account_id.check_access("read")
            return self.account_id
        return Account.search([("state", "=", "connected")])

    def _show(self, findings, notes=()):
        self.answer = self.env["ir.qweb"]._render(
            "mailbox_connector.trace",
            {"findings": findings, "notes": notes, "one": self.message_id},
        )

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Why is an e-mail here, or not?"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }
