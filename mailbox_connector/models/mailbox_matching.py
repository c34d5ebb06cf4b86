from odoo import fields, models

from ..engine.imap.ranges import UidRanges


class MailboxAccount(models.Model):
    """Which mail of a mailbox belongs to contacts at all."""

    # Apart from the rest: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.account"

    skip_bulk = fields.Boolean(
        string="Leave out newsletters and mailing lists",
        default=True,
        help="Newsletters, and what mailing lists of others pass on, are not brought "
        "into Odoo. Nothing of them is stored. A group or list at one of your own "
        "domains, such as support@, is never left out, and neither are answers to "
        "mail of yours. Switched off: new ones come in, and those left out so far "
        "too, as far back as history was imported.",
    )

    def write(self, vals):
        before = self.browse()
        if not vals.get("skip_bulk", True):
            before = self.filtered("skip_bulk")
        result = super().write(vals)
        if before:
            # sudo: folders are written by nobody but the server
            before.sudo().folder_ids._take_bulk_in()
            before._reopen_history()
        return result


class MailboxFolder(models.Model):
    """What of a folder was left out as newsletter or list mail."""

    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.folder"

    bulk_uids = fields.Text(
        readonly=True,
        default="",
        prefetch=False,
        help="Of the messages that were looked at, those left out as newsletters or "
        "mail of lists.",
    )

    def write(self, vals):
        if vals.get("imported_uids") == "":
            # It begins anew: under these numbers stand other messages.
            vals = {**vals, "bulk_uids": ""}
        return super().write(vals)

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
