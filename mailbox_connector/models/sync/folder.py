from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ...engine.imap.ranges import UidRanges
from ...engine.sync.state import SkipReason
from ..framework.fields import BigInteger

#: Columns of UIDs that have been handled.
HANDLED = ("imported_uids", "skipped_uids", "undone_uids")
#: Their values for a folder whose messages are all still to be checked.
NOTHING_HANDLED = {"imported_uids": "", "skipped_uids": False, "undone_uids": ""}


class MailboxFolder(models.Model):
    """One IMAP folder of a mailbox, and how far it has been read.

    The cursor and the handled UIDs are saved in the transaction that saves what
    they describe, so an interruption at any point neither loses nor duplicates a
    message.

    A handled UID is in one of three columns: ``imported_uids`` (imported, or kept as a
    failed import), ``skipped_uids`` (with the reason) or ``undone_uids``. Compressed
    ranges in these columns are all that is stored about messages that were not
    imported.
    """

    _name = "mailbox.folder"
    _description = "Mailbox folder"
    _order = "sequence, name"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True, readonly=True
    )
    name = fields.Char(required=True, readonly=True)
    raw_name = fields.Char(
        required=True,
        readonly=True,
        help="The name in the encoding of the IMAP protocol.",
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
        string="Import", help="Whether e-mails in this folder are imported."
    )
    gone = fields.Boolean(
        readonly=True, help="The folder no longer exists on the server."
    )
    gone_at = fields.Datetime(readonly=True)
    found_elsewhere = fields.Boolean(
        readonly=True,
        help="The folder no longer exists on the server, but its e-mails do: it was "
        "renamed, or they were moved. Nobody has to do anything.",
    )
    # The following fields are a ``FolderState`` of the engine, which documents them.
    imap_object_id = fields.Char(readonly=True)
    uidvalidity = BigInteger(readonly=True)
    uidnext = BigInteger(readonly=True)
    messages = fields.Integer(string="Messages on the server", readonly=True)
    highestmodseq = BigInteger(readonly=True)
    first_uid = BigInteger(readonly=True, default=1)
    next_uid = BigInteger(
        readonly=True,
        default=1,
        help="UID from which on messages have not been checked as new mail.",
    )
    handled_since = fields.Date(
        readonly=True, help="All e-mails received since this day have been handled."
    )
    rebind_below = BigInteger(readonly=True)
    reconciled_at = fields.Datetime(
        readonly=True,
        help="When all messages on the server were last compared with the stored ones.",
    )
    imported_uids = fields.Text(readonly=True, default="", prefetch=False)
    skipped_uids = fields.Json(
        readonly=True,
        prefetch=False,
        help="UIDs of e-mails that were checked and not imported, by the reason.",
    )
    undone_uids = fields.Text(
        readonly=True,
        default="",
        prefetch=False,
        help="UIDs of e-mails that were imported and removed again by undoing the "
        "import. Only an import that is started later fetches them again.",
    )
    suspects = fields.Json(
        readonly=True,
        help="UIDs of e-mails at which the server may have broken off, by how often: "
        "they are requested after all others.",
    )
    problem = fields.Char(
        readonly=True, help="Why the folder cannot be read; Odoo retries automatically."
    )
    _raw_name_unique = models.Constraint(
        "UNIQUE (account_id, raw_name)", "A mailbox can have a folder only once."
    )

    def write(self, vals):
        """A person chooses what is imported; only the sync writes the rest."""
        if not self.env.su and vals.keys() - {"sync"}:
            raise AccessError(
                self.env._("You can only change whether a folder is imported.")
            )
        switched_on = self.filtered(lambda f: vals.get("sync") and not f.sync)
        result = super().write(vals)
        switched_on.account_id.reopen_backfill()
        return result

    # ------------------------------------------------------------------
    # Handled UIDs
    # ------------------------------------------------------------------

    @api.private
    def handled(self, without_undone=False):
        """All handled UIDs, as :class:`UidRanges`.

        :param without_undone: without those whose import was undone
        """
        self.ensure_one()
        self.fetch(HANDLED)
        handled = UidRanges.parse(self.imported_uids)
        for uids in (self.skipped_uids or {}).values():
            handled |= UidRanges.parse(uids)
        if not without_undone:
            handled |= UidRanges.parse(self.undone_uids)
        return handled

    @api.private
    def imported(self):
        """UIDs that were imported, as :class:`UidRanges`."""
        self.ensure_one()
        return UidRanges.parse(self.imported_uids)

    @api.private
    def skipped(self, reasons=tuple(SkipReason)):
        """UIDs that were skipped for one of ``reasons``, as :class:`UidRanges`."""
        self.ensure_one()
        stored = self.skipped_uids or {}
        uids = UidRanges()
        for reason in reasons:
            uids |= UidRanges.parse(stored.get(reason.value))
        return uids

    @api.private
    def skip_reason(self, uid):
        """Why a message was skipped, a :class:`SkipReason`; None if it was not."""
        return next((r for r in SkipReason if uid in self.skipped([r])), None)

    @api.private
    def mark_handled(self, imported=(), skipped=None):
        """Store UIDs as handled that were not yet, or were undone.

        :param imported: UIDs
        :param skipped: the :class:`SkipReason` by UID
        """
        self.ensure_one()
        self.fetch(HANDLED)
        imported, skipped = set(imported), skipped or {}
        values = {}
        if imported:
            values["imported_uids"] = str(self.imported().add(imported))
        if skipped:
            values["skipped_uids"] = self._with_skipped(skipped)
        if values and self.undone_uids:
            undone = UidRanges.parse(self.undone_uids)
            values["undone_uids"] = str(
                undone - UidRanges.from_uids({*imported, *skipped})
            )
        if values:
            self.write(values)

    @api.private
    def mark_skipped(self, skipped):
        """Store that messages kept as failed imports turned out to be skipped.

        :param skipped: the :class:`SkipReason` by UID
        """
        self.ensure_one()
        if skipped:
            imported = self.imported() - UidRanges.from_uids(skipped)
            self.write(
                {
                    "imported_uids": str(imported),
                    "skipped_uids": self._with_skipped(skipped),
                }
            )

    def _with_skipped(self, skipped):
        """``skipped_uids`` with some added."""
        by_reason = defaultdict(list)
        for uid, reason in skipped.items():
            by_reason[reason.value].append(uid)
        stored = self.skipped_uids or {}
        added = {
            reason: str(UidRanges.parse(stored.get(reason)).add(uids))
            for reason, uids in by_reason.items()
        }
        return {**stored, **added}

    def _without_skipped(self, uids):
        """``skipped_uids`` with some removed."""
        left = {
            reason: str(UidRanges.parse(text) - uids)
            for reason, text in (self.skipped_uids or {}).items()
        }
        return {reason: text for reason, text in left.items() if text} or False

    @api.private
    def forget_handled(self):
        """Treat all messages as not handled: the server renumbered them."""
        self.write(NOTHING_HANDLED)

    @api.private
    def mark_undone(self, uids):
        """Store that messages were imported and removed again."""
        self.ensure_one()
        self.fetch(HANDLED)
        undone = UidRanges.from_uids(uids)
        self.write(
            {
                "imported_uids": str(self.imported() - undone),
                "undone_uids": str(UidRanges.parse(self.undone_uids) | undone),
            }
        )

    @api.private
    def reconsider(self, uids):
        """Make the next pass check messages as if it had never seen them."""
        self.ensure_one()
        uids = UidRanges.from_uids(uids)
        values = {"reconciled_at": False, "skipped_uids": self._without_skipped(uids)}
        if imported := self.imported() & uids:
            values["imported_uids"] = str(self.imported() - imported)
        self.write(values)

    @api.private
    def reconsider_newsletters(self):
        """Make the next import check messages that were skipped as newsletters."""
        for folder in self:
            if uids := folder.skipped([SkipReason.NEWSLETTER]):
                left = folder._without_skipped(uids)
                folder.write({"skipped_uids": left, "handled_since": False})

    # ------------------------------------------------------------------
    # The folder itself
    # ------------------------------------------------------------------

    @api.private
    def mark_gone(self):
        """The folders are no longer on the server."""
        self.write({"gone": True, "gone_at": fields.Datetime.now(), "problem": False})

    @api.private
    def record_problem(self, text):
        """Store why a folder cannot be read, and have the owner alerted if it lasts.

        :param text: a sentence in the owner's language; False: it can be read
        """
        self.ensure_one()
        if self.problem != text:
            self.problem = text
            self.account_id.report_unread_folders()

    @api.private
    def known_good(self, count=3):
        """The newest UIDs that were imported or skipped: the server has returned
        them."""
        self.ensure_one()
        self.env.cr.execute(
            """
            SELECT uid FROM mailbox_location
             WHERE folder_id = %s AND uidvalidity = %s
             ORDER BY uid DESC LIMIT %s
            """,
            [self.id, self.uidvalidity or 0, count],
        )
        known = [uid for (uid,) in self.env.cr.fetchall()]
        newest = [span[1] for span in self.skipped().spans[-count:]]
        return known + newest[::-1]

    @api.private
    def release_gone(self):
        """Stop reporting folders that are gone but whose e-mails are in others: they
        were renamed, on a server that renumbers a folder then (Courier), or emptied.

        A folder without imported e-mails counts as renamed if one with as many
        messages appeared when it went.
        """
        self.env.flush_all()
        found = self.env.execute_query(
            SQL(
                """
                SELECT folder.id
                  FROM mailbox_folder folder
                 WHERE folder.id = ANY(%s) AND folder.gone
                   AND CASE WHEN folder.imported_uids != '' THEN NOT EXISTS (
                        SELECT FROM mailbox_location location
                         WHERE location.folder_id = folder.id
                           AND NOT EXISTS (
                                SELECT FROM mailbox_location other
                                  JOIN mailbox_folder there
                                    ON there.id = other.folder_id
                                 WHERE other.message_id = location.message_id
                                   AND there.account_id = folder.account_id
                                   AND there.gone IS NOT TRUE))
                   ELSE EXISTS (
                        SELECT FROM mailbox_folder renamed
                         WHERE renamed.account_id = folder.account_id
                           AND renamed.gone IS NOT TRUE
                           AND renamed.uidvalidity > 0
                           AND renamed.create_date
                               >= folder.gone_at - interval '1 minute'
                           AND renamed.messages = folder.messages) END
                """,
                self.ids,
            )
        )
        self.browse([number for (number,) in found]).write({"found_elsewhere": True})

    @api.private
    def rename(self, raw_names):
        """Store new names; two folders may have swapped theirs.

        :param raw_names: by id, those of these folders that have a new one
        """
        renamed = self.filtered(lambda folder: folder.id in raw_names)
        for folder in renamed:
            folder.raw_name = f"\n{folder.id}"
        self.flush_recordset(["raw_name"])
        for folder in renamed:
            folder.raw_name = raw_names[folder.id]

    @api.private
    def forget_state(self):
        """Forget where messages were in folders that are gone: one that comes back is
        treated as new."""
        self.env["mailbox.location"].search([("folder_id", "in", self.ids)]).unlink()
        self.write(
            {
                **NOTHING_HANDLED,
                "uidvalidity": False,
                "handled_since": False,
                "rebind_below": 0,
                "suspects": False,
                "gone_at": False,
            }
        )
