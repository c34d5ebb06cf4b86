from odoo import fields, models

from ..framework.fields import BigInteger


class MailboxLocation(models.Model):
    """Where a message stands on a server."""

    _name = "mailbox.location"
    _description = "Place of an e-mail on the server"
    _log_access = False
    _rec_name = "uid"

    message_id = fields.Many2one(
        "mailbox.message", required=True, ondelete="cascade", index=True
    )
    folder_id = fields.Many2one(
        "mailbox.folder", required=True, ondelete="cascade", index=True
    )
    uidvalidity = BigInteger(required=True)
    uid = BigInteger(required=True)
    header_hash = fields.Char(
        size=32,
        index="btree_not_null",
        help="What the message keeps when it is moved on the server.",
    )

    backfill_id = fields.Integer(
        help="Which import of history found the message there; 0: none."
    )

    _backfill_idx = models.Index("(backfill_id) WHERE backfill_id > 0")
    _place_unique = models.Constraint(
        "UNIQUE (folder_id, uidvalidity, uid)",
        "A place on the server holds one message.",
    )
