from odoo import fields, models
from odoo.exceptions import AccessError

from ...engine.imap.ranges import UidRanges
from ..framework.fields import BigInteger

#: Columns of UIDs that need no second look.
UIDS = ("imported_uids", "skipped_uids", "undone_uids")


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
    gone_at = fields.Datetime(readonly=True)
    # What follows is a ``FolderState`` of the engine, which says what each means.
    mailbox_id = fields.Char(readonly=True)
    uidvalidity = BigInteger(readonly=True)
    uidnext = BigInteger(readonly=True)
    messages = fields.Integer(string="Messages on the server", readonly=True)
    highestmodseq = BigInteger(readonly=True)
    first_uid = BigInteger(readonly=True, default=1)
    next_uid = BigInteger(
        readonly=True,
        default=1,
        help="The first message not yet looked at as new mail.",
    )
    read_since = fields.Date(
        readonly=True, help="Back to which day this folder has been read."
    )
    rebind_below = BigInteger(readonly=True)
    reconciled_at = fields.Datetime(
        readonly=True, help="When all its messages were last compared with ours."
    )
    imported_uids = fields.Text(readonly=True, default="", prefetch=False)
    skipped_uids = fields.Text(readonly=True, default="", prefetch=False)
    undone_uids = fields.Text(
        readonly=True,
        default="",
        prefetch=False,
        help="Of the messages that were looked at, those imported and taken out again: "
        "only an import that is asked for later brings them back.",
    )
    _raw_name_unique = models.Constraint(
        "UNIQUE (account_id, raw_name)", "A mailbox has each folder once."
    )
    bulk_uids = fields.Text(
        readonly=True,
        default="",
        prefetch=False,
        help="Of the messages that were looked at, those left out as newsletters or "
        "mail of lists.",
    )

    def write(self, vals):
        """A person chooses what is read; the rest is written by the sync alone."""
        if not self.env.su and vals.keys() - {"sync"}:
            raise AccessError(
                self.env._("Of a folder only whether it is read can be changed.")
            )
        if vals.get("imported_uids") == "":
            # Renumbered: these UIDs now name other messages.
            vals = {**vals, "bulk_uids": ""}
        switched_on = self.filtered(lambda f: vals.get("sync") and not f.sync)
        result = super().write(vals)
        switched_on.account_id._reopen_backfill()
        return result

    def _handled(self, again=False):
        """All UIDs that need no second look: imported or skipped.

        :param again: not those that an undone import had brought
        """
        self.ensure_one()
        self.fetch(UIDS)
        names = [name for name in UIDS if not (again and name == "undone_uids")]
        handled = UidRanges()
        for name in names:
            handled |= UidRanges.parse(self[name] or "")
        return handled

    def _mark_handled(self, imported=(), skipped=()):
        """Remember UIDs as imported or skipped."""
        self.ensure_one()
        self.fetch(UIDS)
        values = {}
        for field_name, uids in (
            ("imported_uids", imported),
            ("skipped_uids", skipped),
        ):
            if uids := set(uids):
                ranges = UidRanges.parse(self[field_name] or "").add(uids)
                values[field_name] = str(ranges)
        if values and self.undone_uids:
            undone = UidRanges.parse(self.undone_uids)
            left = undone - UidRanges.from_uids({*imported, *skipped})
            values["undone_uids"] = str(left)
        if values:
            self.write(values)

    def _mark_undone(self, uids):
        """Remember UIDs as imported and taken out again."""
        self.ensure_one()
        self.fetch(UIDS)
        undone = UidRanges.from_uids(uids)
        imported = UidRanges.parse(self.imported_uids or "") - undone
        self.write(
            {
                # What begins anew is emptied by the sync alone, with the rest.
                "imported_uids": str(imported) or False,
                "undone_uids": str(UidRanges.parse(self.undone_uids or "") | undone),
            }
        )

    def _mark_gone(self):
        self.write({"gone": True, "gone_at": fields.Datetime.now()})

    def _rename(self, raw_names):
        """Folders that go by another name now, by id; two may have changed places."""
        renamed = self.filtered(lambda folder: folder.id in raw_names)
        for folder in renamed:
            folder.raw_name = f"\n{folder.id}"
        self.flush_recordset(["raw_name"])
        for folder in renamed:
            folder.raw_name = raw_names[folder.id]

    def _forget(self):
        """Forget where messages stood in folders that are gone: one that comes back
        is read as a new one."""
        self.env["mailbox.location"].search([("folder_id", "in", self.ids)]).unlink()
        self.write(
            {
                "uidvalidity": False,
                "read_since": False,
                "rebind_below": 0,
                "imported_uids": "",
                "skipped_uids": "",
                "undone_uids": "",
                "gone_at": False,
            }
        )

    def _mark_bulk(self, uids):
        """Remember UIDs as left out; that they were handled is noted apart."""
        self.ensure_one()
        if uids := {uid for uid in uids if uid}:
            ranges = UidRanges.parse(self.bulk_uids or "").add(uids)
            self.bulk_uids = str(ranges)

    def _take_bulk_in(self):
        """Have what was left out looked at again, by the next import of history."""
        for folder in self.filtered("bulk_uids"):
            imported = UidRanges.parse(folder.imported_uids or "")
            left_out = UidRanges.parse(folder.bulk_uids)
            folder.write(
                {
                    "imported_uids": str(imported - left_out) or False,
                    "bulk_uids": "",
                    "read_since": False,
                }
            )

    def _look_again(self, uids):
        """Have messages that were skipped looked at by the next pass, as if they had
        been passed over."""
        self.ensure_one()
        values, again = {"reconciled_at": False}, UidRanges.from_uids(uids)
        for name in ("imported_uids", "skipped_uids", "bulk_uids"):
            left = UidRanges.parse(self[name] or "") - again
            values[name] = str(left) or False
        self.write(values)
