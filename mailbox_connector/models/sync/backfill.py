import logging
import time
from datetime import date

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...engine.sync.interfaces import Backfill
from ...engine.sync.state import COUNT_NAMES
from ...error_messages import explain_any
from ...services.framework.concurrency import (
    CONFLICT_ERRORS,
    mute_conflicts,
    retry_on_conflict,
)
from ...services.framework.scheduled_work import work_off
from ...services.sync.undo import Undo
from ..access.ir_websocket import PROGRESS
from .lease import IS_FREE, LeaseLostError

#: A longer time between two batches, in seconds, counts as a break.
STANDSTILL = 60
#: States of an import that may still import something.
OPEN = ("running", "paused")
_logger = logging.getLogger(__name__)
#: Seconds of work on one undo before the next mailbox has its turn.
SLICE = 8
#: Seconds to wait after a conflict with another worker.
WAIT = 0.5
CRON = "mailbox_connector.ir_cron_undo"


class MailboxBackfill(models.Model):
    """One import of older mail, as far back as its window; resumable.

    The rest is never stored: it is the server's UIDs of the window minus the folder's
    handled UIDs, so stopping anywhere neither loses nor duplicates anything.

    An undo removes what an import added, in batches, under the mailbox's lease. It
    needs no server, so it works for a mailbox that cannot be read.
    """

    _name = "mailbox.backfill"
    _description = "Import of older e-mails"
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
        help="Only these folders. If empty, all that are imported.",
    )
    state = fields.Selection(
        [
            ("running", "Importing"),
            ("paused", "Paused"),
            ("done", "Done"),
            ("stopped", "Cancelled"),
            ("undoing", "Undoing"),
            ("undone", "Undone"),
        ],
        required=True,
        default="running",
    )
    total = fields.Integer(string="E-mails in the period", readonly=True)
    seen = fields.Integer(string="Checked", readonly=True)
    matched = fields.Integer(
        string="With your contacts",
        readonly=True,
        help="E-mails sent or received by one of your contacts.",
    )
    linked = fields.Integer(
        string="Shown on contacts",
        readonly=True,
        help="An e-mail with two of your contacts counts twice here.",
    )
    skipped = fields.Integer(
        readonly=True,
        help="E-mails that were not imported: without a contact, between colleagues, "
        "newsletters, and e-mails deleted in Odoo before.",
    )
    internal = fields.Integer(string="Between colleagues", readonly=True)
    newsletters = fields.Integer(string="Newsletters and mailing lists", readonly=True)
    deleted = fields.Integer(string="Deleted in Odoo before", readonly=True)
    failed = fields.Integer(readonly=True)
    finished_at = fields.Datetime(string="Finished on", readonly=True)
    counted_at = fields.Datetime(
        readonly=True, help="When the last batch was completed; empty during a break."
    )
    active_seconds = fields.Integer(
        readonly=True, help="How long the import has run, without breaks."
    )
    read_before = fields.Json(
        readonly=True,
        help="Back to which day each folder, by its ID, had been imported before.",
    )
    undo_mark = fields.Integer(
        readonly=True,
        help="The latest import at the time of the undo. Only imports started after it "
        "fetch the removed e-mails again.",
    )
    undo_total = fields.Integer(readonly=True)
    undo_problem = fields.Char(readonly=True, help="Why the undo was stopped.")
    undone = fields.Integer(string="Removed", readonly=True)
    can_undo = fields.Boolean(compute="_compute_can_undo")
    undo_kept = fields.Json(
        readonly=True, help="How many e-mails were kept, by reason."
    )

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------

    def action_pause(self):
        """Import nothing more for now; takes effect after the current batch."""
        self._in_state("running").set_state("paused")

    def action_resume(self):
        """Continue where it was paused."""
        paused = self._in_state("paused")
        paused.set_state("running")
        if paused:
            paused.account_id._trigger_crons("ir_cron_backfill")

    def action_cancel(self):
        """Import nothing more; what was imported is kept, and can be undone."""
        self._in_state(*OPEN).set_state("stopped")

    def _in_state(self, *states):
        """Those in one of these states, with rights to change them.

        :raise AccessError: the user may not change the mailbox of one of them
        """
        self.account_id.check_access("write")
        # sudo: imports are written by nobody but the server
        return self.sudo().filtered(lambda backfill: backfill.state in states)

    # ------------------------------------------------------------------
    # For the sync
    # ------------------------------------------------------------------

    @api.private
    def for_engine(self):
        """The import as a pass needs it.

        Removed e-mails are imported again by an import that was started after the undo,
        but not by one that was already running.
        """
        self.ensure_one()
        undone = max(self.account_id.backfill_ids.mapped("undo_mark"), default=0)
        return Backfill(
            self.id,
            self.since,
            frozenset(self.folder_ids.ids) or None,
            include_undone=0 < undone < self.id,
        )

    @api.private
    def set_state(self, state):
        """Change the state, also on open screens."""
        if self:
            over = state not in OPEN and fields.Datetime.now()
            self.write({"state": state, "counted_at": False, "finished_at": over})
            self.notify_progress()

    @api.private
    def add_counts(self, counts):
        """Add a batch's counts (:class:`engine.sync.state.Counts`) and its time."""
        self.ensure_one()
        now = fields.Datetime.now()
        took = (now - (self.counted_at or now)).total_seconds()
        self.write(
            {
                **{name: self[name] + n for name, n in counts.as_dict().items()},
                "active_seconds": self.active_seconds + min(took, STANDSTILL),
                "counted_at": now,
            }
        )

    @api.private
    def record_left(self, left):
        """Record how many e-mails are left to check; this ends a break."""
        self.ensure_one()
        self.write(
            {
                "total": self.seen + left,
                "counted_at": self.counted_at or fields.Datetime.now(),
            }
        )

    @api.private
    def record_read_before(self, folder):
        """Keep how far back a folder had been read before this import."""
        self.ensure_one()
        before = dict(self.read_before or {})
        if str(folder.id) not in before:
            day = folder.handled_since
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

    @api.private
    def progress(self):
        """What the screen shows about an import, as JSON.

        ``rate``: messages a second; ``seconds_left``: None while that is unknown;
        ``since``: a date.
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
            **{name: self[name] for name in ("total", *COUNT_NAMES)},
            "rate": round(rate, 1),
            "seconds_left": round(left / rate) if rate else None,
            **self._undo_progress(),
        }

    @api.private
    def notify_progress(self):
        """Update the open screens of those who may read the mailbox, on commit."""
        for backfill in self:
            self.env["bus.bus"]._sendone(
                (backfill.account_id, PROGRESS),
                "mailbox_connector.progress",
                backfill.progress(),
            )

    @api.private
    @api.model
    def rate(self, account):
        """Messages a second that a mailbox's imports have checked so far, or None."""
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
        """The dialog that shows what an undo would remove and what it would keep."""
        self.ensure_one()
        self._check_undo()
        dialog = self.env["mailbox.backfill.undo"].create({"backfill_id": self.id})
        return dialog._open()

    @api.private
    def start_undo(self):
        """Begin to remove what this import added; a scheduled action does it."""
        self.ensure_one()
        self._check_undo()
        # sudo: imports are written by nobody but the server
        self.sudo().undo_problem = False
        self.sudo().set_state("undoing")
        # sudo: a user who may undo an import starts the scheduled action
        self.env.ref(CRON).sudo()._trigger()

    def _check_undo(self):
        """
        :raise AccessError: the user may not change the mailbox
        :raise UserError: it is still running, or has been undone already
        """
        self.account_id.check_access("write")
        if self.state not in ("done", "stopped"):
            raise UserError(
                self.env._(
                    "An import can be undone once, when it is done or cancelled."
                )
            )

    # ------------------------------------------------------------------
    # The work
    # ------------------------------------------------------------------

    @api.model
    def _cron_undo(self):
        """Continue all undos, a slice of each in turn."""
        turn = []

        def find(_done):
            if not turn:
                turn.extend(self._find_undos().ids)
            return self.browse(turn)

        def work(backfills):
            backfill = backfills[:1]
            turn.pop(0)
            backfill._undo_slice()
            return backfill

        work_off(self.env, find, work)

    def _find_undos(self):
        """Undos whose mailbox nobody is reading; the others wake this action later."""
        undos = self.search([("state", "=", "undoing")])
        if not undos:
            return undos
        self.env["mailbox.lease"].want(undos.account_id.ids, "undo")
        # A fresh snapshot: leases are changed on other cursors.
        self.env["ir.cron"].with_context(ir_cron_progress_id=False)._commit_progress()
        query = SQL(
            """
            SELECT undo.id FROM mailbox_backfill undo
              JOIN mailbox_lease lease ON lease.account_id = undo.account_id
             WHERE undo.id = ANY(%s) AND %s
             ORDER BY undo.id
            """,
            undos.ids,
            IS_FREE,
        )
        return self.browse([number for (number,) in self.env.execute_query(query)])

    def _undo_slice(self):
        """Work for some seconds.

        :return: whether it is done; None: another worker has the mailbox
        """
        self.ensure_one()
        backfill = self.with_user(SUPERUSER_ID).with_context(ir_cron_progress_id=False)
        backfill.env["ir.cron"]._commit_progress()
        lease = backfill.env["mailbox.lease"]
        with lease.hold(backfill.account_id, "undo") as held:
            if not held:
                return None
            done = backfill._undo_for_a_while(held)
        held.give_way()
        return done

    def _undo_for_a_while(self, held):
        """
        :param held: the mailbox's :class:`HeldLease`
        :return: whether it is done
        """
        cron, started = self.env["ir.cron"], time.monotonic()
        try:
            while time.monotonic() - started < SLICE:
                held.renew()
                with mute_conflicts():
                    done = self._undo_batch()
                    cron._commit_progress()
                if done:
                    return True
        except (*CONFLICT_ERRORS, LeaseLostError):
            # Somebody has just used one of these e-mails: check them again.
            self.env.cr.rollback()
            _logger.info("Import %s: its undo gave way", self.id, exc_info=True)
            time.sleep(WAIT)
        except Exception as error:
            self.env.cr.rollback()
            _logger.exception("Import %s could not be undone", self.id)
            return self._give_up_undo(error)
        return False

    def _give_up_undo(self, error):
        """Stop until a person retries, so that other undos are not delayed.

        :return: whether that could be stored
        """

        def save():
            self.undo_problem = explain_any(self.env, error)
            self.set_state("stopped")
            self.env["ir.cron"]._commit_progress()
            return True

        try:
            return retry_on_conflict(save, self.env.cr.rollback)
        except CONFLICT_ERRORS:
            return False

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
            self.set_state("undone")
        else:
            self.notify_progress()
        return done

    def _begin_undo(self):
        """Reset how far back folders count as read to what it was before this
        import."""
        for number, day in self._days_before().items():
            folder = self.env["mailbox.folder"].browse(number).exists()
            if folder.handled_since and (not day or day > folder.handled_since):
                folder.handled_since = day or False
        self.undo_mark = self.account_id.backfill_ids[:1].id
        self.undo_total = len(Undo(self).remaining())

    @api.private
    def add_undone(self, removed, kept):
        """Add a batch: how many were removed, and how many kept by reason."""
        total = dict(self.undo_kept or {})
        for reason, number in kept.items():
            total[reason] = total.get(reason, 0) + number
        self.write({"undone": self.undone + removed, "undo_kept": total})

    # ------------------------------------------------------------------
    # For the screen
    # ------------------------------------------------------------------

    def _undo_progress(self):
        """The part of :meth:`progress` about the undo."""
        return {
            "undo_total": self.undo_total,
            "undone": self.undone,
            "kept": sum((self.undo_kept or {}).values()),
            "problem": self.undo_problem or "",
            "can_undo": self.state in ("done", "stopped") and bool(self.matched),
        }
