"""The part of the store that is about imports of history."""

from __future__ import annotations

import time

from odoo import fields

from ...engine.sync.interfaces import Backfill
from ...engine.sync.state import Counts

#: Seconds between two news of an import's progress.
TELL = 1.0


class BackfillStore:
    """Which history is wanted, and how far it is: ``mailbox.backfill``.

    :param account: ``mailbox.account`` in a superuser environment
    """

    def __init__(self, account):
        self.account = account
        self.env = account.env
        #: Import of history that is served.
        self._serving: Backfill | None = None
        self._is_backfill = False
        self._told_at = 0.0

    def reopen_backfill(self):
        return self.account._reopen_backfill()

    def started_on(self):
        return self.account.started_on or fields.Date.today()

    def backfills(self):
        running = self.account.backfill_ids.filtered(lambda b: b.state == "running")
        return [backfill._history() for backfill in running.sorted("id")]

    def serve(self, backfill):
        self._serving = backfill
        self._told_at = 0.0

    def is_wanted(self):
        # Asked anew: a person may have changed it a moment ago.
        backfill = self._backfill()
        backfill.invalidate_recordset(["state"], flush=False)
        return backfill.state == "running"

    def backfill_found(self, left):
        self._backfill()._found(left)
        self._tell_progress()

    def backfill_counted(self, counts: Counts):
        self._is_backfill = True
        self._backfill()._count(counts)
        self._tell_progress()

    def backfill_read(self, key, since):
        folder = self._folder(key)
        self._backfill()._note_read(folder)
        folder.read_since = since

    def backfill_done(self):
        self._backfill()._go_to("done")

    def _backfill(self):
        return self.env["mailbox.backfill"].browse(self._serving and self._serving.key)

    def _tell_progress(self):
        """Once a second is often enough for people; at once, what was stopped."""
        now, backfill = time.monotonic(), self._backfill()
        if backfill.state != "running" or now - self._told_at >= TELL:
            self._told_at = now
            backfill._tell_progress()
