from odoo import fields, models


class MailboxOutbox(models.Model):
    """What was handed to SMTP, per mail and recipient, and what became of it."""

    _name = "mailbox.outbox"
    _description = "Sent mail ledger"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
