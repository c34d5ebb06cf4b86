from odoo import fields, models
from odoo.exceptions import AccessError

from ..engine.imap.ranges import UidRanges
from .fields import BigInteger


class MailboxFolder(models.Model):
    """One IMAP folder of a mailbox, with how far it has been read.

    The cursor and the handled UIDs are saved in the transaction that saves what
    they describe, so a cut at any point neither loses nor doubles a message.
    """

    _name = "mailbox.folder"
    _description = "Mailbox folder"
    _order = "sequence, name"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True, readonly=True
    )
    name = fields.Char(required=True, readonly=True)
    raw_name = fields.Char(
        required=True, readonly=True, help="The name as the server writes it."
    )
    sequence = fields.Integer(default=10, readonly=True)
    role = fields.Selection(
        [
            ("inbox", "Inbox"),
            ("sent", "Sent"),
            ("archive", "Archive"),
            ("all", "All mail"),
            ("drafts", "Drafts"),
            ("junk", "Junk"),
            ("trash", "Trash"),
            ("other", "Folder"),
        ],
        required=True,
        default="other",
        readonly=True,
    )
    sync = fields.Boolean(
        string="Read", help="Whether mail of this folder is brought into Odoo."
    )
    gone = fields.Boolean(
        readonly=True, help="The folder no longer exists on the server."
    )
    uidvalidity = BigInteger(readonly=True)
    next_uid = BigInteger(
        readonly=True, help="The first message not yet looked at as new mail."
    )
    messages = fields.Integer(string="Messages on the server", readonly=True)
    highestmodseq = BigInteger(readonly=True)
    history_since = fields.Date(
        readonly=True, help="Back to which day this folder has been read."
    )
    imported_uids = fields.Text(readonly=True, default="")
    skipped_uids = fields.Text(readonly=True, default="")

    _raw_name_unique = models.Constraint(
        "UNIQUE (account_id, raw_name)", "A mailbox has each folder once."
    )

    def write(self, vals):
        """A person chooses what is read; the rest is written by the sync alone."""
        if not self.env.su and vals.keys() - {"sync"}:
            raise AccessError(
                self.env._("Of a folder only whether it is read can be changed.")
            )
        switched_on = self.filtered(lambda f: vals.get("sync") and not f.sync)
        result = super().write(vals)
        switched_on.account_id._reopen_history()
        return result

    def _handled(self):
        """All UIDs that need no second look, imported or skipped."""
        self.ensure_one()
        return UidRanges.parse(self.imported_uids or "") | UidRanges.parse(
            self.skipped_uids or ""
        )

    def _mark_handled(self, imported=(), skipped=()):
        """Remember UIDs as imported or skipped."""
        self.ensure_one()
        values = {}
        for field_name, uids in (
            ("imported_uids", imported),
            ("skipped_uids", skipped),
        ):
            if uids:
                ranges = UidRanges.parse(self[field_name] or "").add(uids)
                values[field_name] = str(ranges)
        if values:
            self.write(values)
