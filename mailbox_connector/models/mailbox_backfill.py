from datetime import date

from odoo import api, fields, models

from ..engine.sync.ports import History
from .ir_websocket import PROGRESS

#: What a batch adds to an import's counts.
COUNTED = (
    "seen",
    "matched",
    "linked",
    "skipped",
    "quarantined",
    "internal",
    "bulk",
    "deleted",
)
#: Seconds between two batches above which nothing was done, whatever the clock says.
STANDSTILL = 60
#: States of an import that may still bring something.
OPEN = ("running", "paused")


class MailboxBackfill(models.Model):
    """One import of history, as far back as its window; resumable.

    What is left is never stored: it is the server's UIDs of the window less the
    folder's handled UIDs, so stopping anywhere loses and doubles nothing.
    """

    _name = "mailbox.backfill"
    _description = "Import of history"
    _order = "id desc"
    _rec_name = "since"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
    since = fields.Date(required=True)
    folder_ids = fields.Many2many(
        "mailbox.folder",
        "mailbox_backfill_folder_rel",
        "backfill_id",
        "folder_id",
        string="Folders",
        help="Only these; empty: all that are read.",
    )
    state = fields.Selection(
        [
            ("running", "Being imported"),
            ("paused", "Paused"),
            ("done", "Done"),
            ("stopped", "Cancelled"),
            ("undoing", "Being undone"),
            ("undone", "Undone"),
        ],
        required=True,
        default="running",
    )
    total = fields.Integer(string="Messages in the window", readonly=True)
    seen = fields.Integer(string="Looked at", readonly=True)
    matched = fields.Integer(
        string="With your contacts",
        readonly=True,
        help="E-mails that one of your contacts sent or received.",
    )
    linked = fields.Integer(
        string="Shown on contacts",
        readonly=True,
        help="One e-mail with two of your contacts counts twice here.",
    )
    skipped = fields.Integer(
        readonly=True,
        help="E-mails that were left out: of people who are no contacts, among "
        "colleagues, newsletters, and those deleted here before.",
    )
    internal = fields.Integer(string="Among colleagues", readonly=True)
    bulk = fields.Integer(string="Newsletters and lists", readonly=True)
    deleted = fields.Integer(string="Deleted here before", readonly=True)
    quarantined = fields.Integer(string="Could not be read", readonly=True)
    finished_at = fields.Datetime(string="Finished on", readonly=True)
    counted_at = fields.Datetime(
        readonly=True, help="When the last batch was done; empty while it rests."
    )
    active_seconds = fields.Integer(
        readonly=True, help="How long it has worked, rests not counted."
    )
    read_before = fields.Json(
        readonly=True,
        help="Back to which day each folder, by its id, had been read before.",
    )

    # ------------------------------------------------------------------
    # What a person does with it
    # ------------------------------------------------------------------

    def action_pause(self):
        """Import nothing more for now; takes effect after the batch in hand."""
        self._mine("running")._go_to("paused")

    def action_resume(self):
        """Go on where it was paused."""
        paused = self._mine("paused")
        paused._go_to("running")
        if paused:
            paused.account_id._wake("ir_cron_history")

    def action_cancel(self):
        """Import nothing more; what has come in stays, and can be undone."""
        self._mine(*OPEN)._go_to("stopped")

    def _mine(self, *states):
        """Those in one of these states, with rights to change them.

        :raise AccessError: one is of a mailbox that the user may not change
        """
        self.account_id.check_access("write")
        # sudo: imports are written by nobody but the server
        return self.sudo().filtered(lambda backfill: backfill.state in states)

    # ------------------------------------------------------------------
    # For the sync
    # ------------------------------------------------------------------

    def _history(self):
        """What a pass has to know of it.

        What was undone comes again with an import that was asked for later; one that
        was under way is no reason to bring it back.
        """
        self.ensure_one()
        undone = max(self.account_id.backfill_ids.mapped("undo_mark"), default=0)
        return History(
            self.id,
            self.since,
            frozenset(self.folder_ids.ids) or None,
            again=0 < undone < self.id,
        )

    def _go_to(self, state):
        """Change the state, and tell who is looking on."""
        if self:
            over = state not in OPEN and fields.Datetime.now()
            self.write({"state": state, "counted_at": False, "finished_at": over})
            self._tell_progress()

    def _count(self, counts):
        """Add a batch's counts (:class:`engine.sync.state.Counts`) and its time."""
        self.ensure_one()
        now = fields.Datetime.now()
        took = (now - (self.counted_at or now)).total_seconds()
        self.write(
            {
                **{name: self[name] + getattr(counts, name) for name in COUNTED},
                "active_seconds": self.active_seconds + min(took, STANDSTILL),
                "counted_at": now,
            }
        )

    def _found(self, left):
        """So many are left to look at; the clock runs from here, if it stood."""
        self.ensure_one()
        self.write(
            {
                "total": self.seen + left,
                "counted_at": self.counted_at or fields.Datetime.now(),
            }
        )

    def _note_read(self, folder):
        """Keep how far back a folder had been read before this import."""
        self.ensure_one()
        before = dict(self.read_before or {})
        if str(folder.id) not in before:
            day = folder.read_since
            before[str(folder.id)] = day and day.isoformat()
            self.read_before = before

    def _days_before(self):
        """``read_before`` by folder id, None: it had not been read."""
        return {
            int(folder): date.fromisoformat(day) if day else None
            for folder, day in (self.read_before or {}).items()
        }

    # ------------------------------------------------------------------
    # For the screen
    # ------------------------------------------------------------------

    def _progress(self):
        """What the screen shows of an import, as JSON.

        ``rate``: messages a second; ``seconds_left``: None as long as nobody can
        tell; ``since``: a date.
        """
        self.ensure_one()
        rate = self.seen / self.active_seconds if self.active_seconds else 0
        left = max(0, self.total - self.seen)
        return {
            "id": self.id,
            "account_id": self.account_id.id,
            "state": self.state,
            "since": fields.Date.to_string(self.since),
            "folders": self.folder_ids.mapped("name"),
            **{name: self[name] for name in ("total", *COUNTED)},
            "rate": round(rate, 1),
            "seconds_left": round(left / rate) if rate else None,
            **self._undo_progress(),
        }

    def _tell_progress(self):
        """Tell the open screens of those who may read the mailbox, on commit."""
        for backfill in self:
            self.env["bus.bus"]._sendone(
                (backfill.account_id, PROGRESS),
                "mailbox_connector.progress",
                backfill._progress(),
            )

    @api.model
    def _rate(self, account):
        """Messages a second that this mailbox's imports have looked at, or None."""
        done = account.backfill_ids
        seconds = sum(done.mapped("active_seconds"))
        return sum(done.mapped("seen")) / seconds if seconds >= 5 else None
