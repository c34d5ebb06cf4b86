import logging
import time
from datetime import date

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from ...engine.sync.interfaces import Backfill
from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.sync.undo import Undo
from ..access.ir_websocket import PROGRESS
from .lease import LeaseLostError

#: What a batch adds to an import's counts.
COUNTED = (
    "seen",
    "matched",
    "linked",
    "skipped",
    "failed",
    "internal",
    "bulk",
    "deleted",
)
#: Seconds between two batches above which nothing was done, whatever the clock says.
STANDSTILL = 60
#: States of an import that may still bring something.
OPEN = ("running", "paused")
_logger = logging.getLogger(__name__)
#: Seconds of work on one undo before another mailbox's has its turn.
SLICE = 8
#: Seconds between two renewals of a lease.
RENEW = 20
#: Seconds to wait for a mailbox that is being read at this moment.
WAIT = 0.5
CRON = "mailbox_connector.ir_cron_undo"


class MailboxBackfill(models.Model):
    """One import of history, as far back as its window; resumable.

    What is left is never stored: it is the server's UIDs of the window less the
    folder's handled UIDs, so stopping anywhere loses and doubles nothing.

    An undo takes out in batches, under the mailbox's lease, what an import brought. It
    needs no server, so that it works for a mailbox that cannot be read.
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
    failed = fields.Integer(string="Could not be read", readonly=True)
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
    undo_mark = fields.Integer(
        readonly=True,
        help="The last import that there was when this one was undone: what was taken "
        "out does not come with it or an earlier one.",
    )
    undo_total = fields.Integer(readonly=True)
    undo_problem = fields.Char(readonly=True, help="Why the undo has stopped.")
    undone = fields.Integer(string="Taken out", readonly=True)
    can_undo = fields.Boolean(compute="_compute_can_undo")
    undo_kept = fields.Json(
        readonly=True, help="How many e-mails stayed, by the reason."
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
            paused.account_id._trigger_crons("ir_cron_backfill")

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
        return Backfill(
            self.id,
            self.since,
            frozenset(self.folder_ids.ids) or None,
            include_undone=0 < undone < self.id,
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

    @api.depends("state", "matched")
    @api.depends_context("uid")
    def _compute_can_undo(self):
        for backfill in self:
            backfill.can_undo = bool(
                backfill.state in ("done", "stopped")
                and backfill.matched
                and backfill.account_id.can_edit
            )

    def action_undo(self):
        """The dialog that says what an undo would take out, and what would stay."""
        self.ensure_one()
        self._check_undo()
        dialog = self.env["mailbox.backfill.undo"].create({"backfill_id": self.id})
        return dialog._open()

    def _undo(self):
        """Begin to take out what this import brought; a scheduled action does it."""
        self.ensure_one()
        self._check_undo()
        # sudo: imports are written by nobody but the server
        self.sudo().undo_problem = False
        self.sudo()._go_to("undoing")
        self._wake_undo()

    def _check_undo(self):
        """
        :raise AccessError: the user may not change the mailbox
        :raise UserError: it is still under way, or undone already
        """
        self.account_id.check_access("write")
        if self.state not in ("done", "stopped"):
            raise UserError(
                self.env._(
                    "Only an import that is done or cancelled can be undone, and once."
                )
            )

    def _wake_undo(self):
        # sudo: whoever undoes an import has it done
        self.env.ref(CRON).sudo()._trigger()

    # ------------------------------------------------------------------
    # The work
    # ------------------------------------------------------------------

    @api.model
    def _cron_undo(self):
        """Work off what is being undone, a slice of each in turn."""
        cron = self.env["ir.cron"]
        waiting = self.search([("state", "=", "undoing")], order="id").ids
        while waiting and cron._commit_progress(remaining=len(waiting)):
            number = waiting.pop(0)
            done = self.browse(number)._undo_slice()
            if not done:
                waiting.append(number)
            if done is None:
                time.sleep(WAIT)
        if not waiting:
            cron._commit_progress(remaining=0)

    def _undo_slice(self):
        """Work for some seconds.

        :return: whether it is done; None: another worker has the mailbox
        """
        self.ensure_one()
        backfill = self.with_user(SUPERUSER_ID).with_context(ir_cron_progress_id=False)
        cron, lease = backfill.env["ir.cron"], backfill.env["mailbox.lease"]
        cron._commit_progress()
        with lease._hold(backfill.account_id, "undo") as held:
            if not held:
                return None
            started = renewed = time.monotonic()
            try:
                while time.monotonic() - started < SLICE:
                    if time.monotonic() - renewed > RENEW:
                        lease._renew(backfill.account_id, held)
                        renewed = time.monotonic()
                    with mute_conflicts():
                        done = backfill._undo_batch()
                        cron._commit_progress()
                    if done:
                        return True
            except (*CONFLICT_ERRORS, LeaseLostError):
                # Somebody used one of these e-mails a moment ago: looked at anew.
                backfill.env.cr.rollback()
                _logger.info("Import %s: its undo gave way", self.id, exc_info=True)
            except Exception as error:
                backfill.env.cr.rollback()
                _logger.exception("Import %s could not be undone", self.id)
                backfill._give_up_undo(error)
                cron._commit_progress()
                return True
        return False

    def _give_up_undo(self, error):
        """What is left stays until a person tries again; others are not held up."""
        self.undo_problem = (
            str(error)
            if isinstance(error, UserError)
            else self.env._(
                "An unexpected error; the administrator finds it in the log."
            )
        )
        self._go_to("stopped")

    def _undo_batch(self):
        """
        :return: whether nothing is left
        """
        if self.state != "undoing":
            return True
        if not self.undo_mark:
            self._begin_undo()
        done = not Undo(self).step()
        if done:
            self._go_to("undone")
        else:
            self._tell_progress()
        return done

    def _begin_undo(self):
        """The folders are read back no farther than before this import."""
        for number, day in self._days_before().items():
            folder = self.env["mailbox.folder"].browse(number).exists()
            if folder.read_since and (not day or day > folder.read_since):
                folder.read_since = day or False
        self.undo_mark = self.account_id.backfill_ids[:1].id
        self.undo_total = len(Undo(self)._left())

    def _count_undone(self, gone, kept):
        """Add a batch: how many went, and how many stayed by the reason."""
        total = dict(self.undo_kept or {})
        for reason, number in kept.items():
            total[reason] = total.get(reason, 0) + number
        self.write({"undone": self.undone + gone, "undo_kept": total})

    # ------------------------------------------------------------------
    # For the screen
    # ------------------------------------------------------------------

    def _undo_progress(self):
        """The part of :meth:`_progress` that is about the undo."""
        return {
            "undo_total": self.undo_total,
            "undone": self.undone,
            "kept": sum((self.undo_kept or {}).values()),
            "problem": self.undo_problem or "",
            "can_undo": self.state in ("done", "stopped") and bool(self.matched),
        }
