import logging
import time

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from ..services.races import RACES, quiet_races
from ..services.undo import Undo
from .mailbox_lease import LeaseLostError

_logger = logging.getLogger(__name__)

#: Seconds of work on one undo before another mailbox's has its turn.
SLICE = 8
#: Seconds between two renewals of a lease.
RENEW = 20
#: Seconds to wait for a mailbox that is being read at this moment.
WAIT = 0.5
CRON = "mailbox_connector.ir_cron_undo"


class MailboxBackfill(models.Model):
    """An import taken back: in batches, under the mailbox's lease, each committed.

    It needs no server, so that it works for a mailbox that cannot be read.
    """

    # Apart from the import itself: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.backfill"

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
        dialog = self.env["mailbox.history.undo"].create({"backfill_id": self.id})
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
                    with quiet_races():
                        done = backfill._undo_batch()
                        cron._commit_progress()
                    if done:
                        return True
            except (*RACES, LeaseLostError):
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
