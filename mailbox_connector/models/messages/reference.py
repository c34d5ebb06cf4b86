from odoo import fields, models


class MailboxReference(models.Model):
    """A Message-ID that a message refers to, by hash, whether we have it or not.

    History arrives newest first: a parent that comes after its answers is bound
    to them through these rows.
    """

    _name = "mailbox.reference"
    _description = "Reference of an e-mail"
    _log_access = False
    _rec_name = "hash"

    message_id = fields.Many2one(
        "mailbox.message", required=True, ondelete="cascade", index=True
    )
    hash = fields.Char(required=True, size=32, index=True)

    _message_hash_unique = models.Constraint(
        "UNIQUE (message_id, hash)", "A message refers to another once."
    )
