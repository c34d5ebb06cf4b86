from odoo import fields, models

from .fields import BigInteger


class MailboxQuarantine(models.Model):
    """A message that could not be imported: kept as it came, with the reason."""

    _name = "mailbox.quarantine"
    _description = "E-mail that could not be read"
    _order = "id desc"
    _rec_name = "reason"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True, readonly=True
    )
    folder_id = fields.Many2one(
        "mailbox.folder", required=True, ondelete="cascade", index=True, readonly=True
    )
    uidvalidity = BigInteger(required=True, readonly=True)
    uid = BigInteger(required=True, readonly=True)
    reason = fields.Char(required=True, readonly=True)
    raw = fields.Binary(string="The e-mail as it came", attachment=True, readonly=True)

    _place_unique = models.Constraint(
        "UNIQUE (folder_id, uidvalidity, uid)",
        "This e-mail has been put aside already.",
    )
