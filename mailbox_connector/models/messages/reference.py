from odoo import fields, models


class MailboxReference(models.Model):
    """A Message-ID that a message refers to, as a hash; that message may be missing.

    Imports read the newest messages first. These rows connect a message to replies that
    arrived before it.
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
        "UNIQUE (message_id, hash)", "This reference already exists."
    )
