import base64
import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine.errors import EngineError
from ..engine.transport import Deadline
from ..exceptions import explain
from ..services import sent_copy
from ..services.races import RACES, quiet_races
from ..services.sent_copy import Filing

_logger = logging.getLogger(__name__)

#: Seconds for filing the sent mails of one mailbox.
FILING_SECONDS = 45
#: Sent mails filed over one session, at most.
FILING_BATCH = 50
#: After the first failure to file, doubled by each further one, up to the longest.
BACKOFF, BACKOFF_LONGEST = timedelta(minutes=1), timedelta(hours=6)
#: Failures after which a copy is given up: some two days.
ATTEMPTS = 16


class MailboxOutbox(models.Model):
    """The queue of sent copies: what was sent comes into the Sent folder, once."""

    # Apart from the ledger: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.outbox"

    def _queue_copy(self, delivery, recipient, copy):
        """Have ``copy`` filed, once a message; returns whether it waits for that."""
        row = self.search(
            [
                ("mail_mail_id_int", "=", delivery.mail_id),
                ("recipient", "=", recipient),
            ]
        )
        return row._keep_copy(copy)

    def _keep_copy(self, copy):
        self.ensure_one()
        is_kept = self.search_count(
            [
                ("account_id", "=", self.account_id.id),
                ("message_id_hash", "=", self.message_id_hash),
                ("copy_state", "!=", False),
            ],
            limit=1,
        )
        if is_kept:
            return False
        if self.account_id._provider_files_sent():
            self.copy_state = "provider"
            return False
        self.write({"copy_state": "waiting", "copy_mime": base64.b64encode(copy)})
        return True

    @api.model
    def _cron_file_sent(self):
        """Look for what may have been sent, then file what was, mailbox by mailbox."""
        self._look_for_unknown()
        done = self.browse()
        while True:
            now = fields.Datetime.now()
            waiting = self.search(
                [
                    ("copy_state", "=", "waiting"),
                    "|",
                    ("copy_retry_at", "=", False),
                    ("copy_retry_at", "<=", now),
                    ("id", "not in", done.ids),
                ],
                order="id",
            )
            left = self.env["ir.cron"]._commit_progress(remaining=len(waiting))
            if not (waiting and left):
                return
            account = waiting[0].account_id
            batch = waiting.grouped("account_id")[account][:FILING_BATCH]
            done |= batch
            batch._file(account)
            self.env["ir.cron"]._commit_progress(len(batch))

    def _file(self, account):
        """File some mails of one mailbox; a failure is kept and tried again."""
        account_id = account.id
        try:
            if not account._sent_folder():
                raise UserError(
                    self.env._("There is no Sent folder; sent mail is not filed.")
                )
            with Filing(account, Deadline(FILING_SECONDS)) as filing:
                for row in self:
                    row._file_one(filing)
        except EngineError as error:
            self.env.cr.rollback()
            self._postpone(explain(self.env, error))
        except UserError as error:
            self.env.cr.rollback()
            self._postpone(str(error))
        except OperationalError:
            # The database's trouble: the next run goes on.
            self.env.cr.rollback()
            _logger.info("Mailbox %s: filing gave way", account_id, exc_info=True)

    def _file_one(self, filing):
        mime = base64.b64decode(self.copy_mime)
        # Should the sending have been rolled back: before the sync can see it.
        sent_copy.record(self.account_id, [(self.mail_message_id_int, mime)])
        self.env["ir.cron"]._commit_progress()
        was_there, place = filing.file(self.message_id, mime)
        state = "found" if was_there else "filed"
        self.write({"copy_state": state, "copy_mime": False})
        if self.account_id.sent_copy_problem:
            self.account_id.sent_copy_problem = False
        self.account_id._note_filing(was_there and not self.copy_failures)
        self.env["ir.cron"]._commit_progress()
        if not place:
            return
        try:
            with quiet_races():
                filing.locate(place, mime)
                self.env["ir.cron"]._commit_progress()
        except RACES:
            # The folder is being read at this moment: that finds the mail.
            self.env.cr.rollback()

    def _postpone(self, reason):
        """Note why mails could not be filed, and when to try again."""
        now = fields.Datetime.now()
        for row in self.filtered(lambda row: row.copy_state == "waiting"):
            failures = row.copy_failures + 1
            pause = min(BACKOFF * 2 ** min(failures - 1, 10), BACKOFF_LONGEST)
            row.write(
                {
                    "copy_failures": failures,
                    "copy_retry_at": now + pause,
                    "copy_state": "failed" if failures >= ATTEMPTS else "waiting",
                }
            )
        self.account_id.sent_copy_problem = self.env._(
            "Sent, but not filed in the Sent folder yet: %s", reason
        )
