from odoo import fields, models

from ..framework.fields import BigInteger


class MailboxLocation(models.Model):
    """Where a message is on a server: folder, UIDVALIDITY and UID."""

    _name = "mailbox.location"
    _description = "Location of an e-mail on the server"
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
        help="Identifies the e-mail after it was moved on the server.",
    )

    backfill_id = fields.Integer(
        help="The import that found the e-mail there; 0: none."
    )

    _backfill_idx = models.Index("(backfill_id) WHERE backfill_id > 0")
    _location_unique = models.Constraint(
        "UNIQUE (folder_id, uidvalidity, uid)",
        "There is already an e-mail at this location.",
    )
