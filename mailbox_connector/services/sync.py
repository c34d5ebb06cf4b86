"""One pass over one mailbox: new mail first, then a piece of history.

Everything is done in batches. Each batch is committed together with the cursor that
says it is done, so the pass may be cut anywhere; what was not committed is done
again, what was is not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import contextmanager

from psycopg2 import OperationalError
from psycopg2.errors import UniqueViolation

from ..engine.errors import EngineError, Kind
from ..engine.imap.messages import MAX_MESSAGE
from ..engine.imap.plan import (
    FolderState,
    TickPlan,
    backfill_batches,
    body_batches,
    plan_tick,
)
from ..engine.imap.session import ImapSession
from ..engine.transport import Deadline
from ..engine.types import FolderStatus
from . import folders as folder_service
from .importer import Candidate, Counts, Importer
from .matcher import Matcher
from .probe import with_status

_logger = logging.getLogger(__name__)

#: Messages whose headers are looked at between two commits.
BATCH = 250
#: How often a batch is started anew when another worker got in its way.
CONFLICTS = 3
#: Why a message stands in quarantine without its bytes.
REFUSED = "The server lists this e-mail and does not hand it out."
TOO_LARGE = f"The e-mail is larger than {MAX_MESSAGE // 1_000_000} MB."


class Sync:
    """Brings one mailbox up to date.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param seconds: when to begin nothing more; the next pass goes on
    :param hard_seconds: when to give up what has begun
    :param checkpoint: commits; called with the number of messages handled
    """

    def __init__(
        self,
        account,
        seconds: float,
        hard_seconds: float,
        checkpoint: Callable[[int], object],
    ):
        self.account = account
        self.env = account.env
        self.slice = Deadline(seconds)
        self.deadline = Deadline(hard_seconds)
        self.checkpoint = checkpoint
        self.new = Counts()
        self.history = Counts()
        self.unfinished = False

    def run(self, history: bool) -> None:
        """New mail; then history, while there is time and ``history`` is set.

        :raise EngineError: what was done until then is committed
        """
        endpoint = self.account._endpoint("imap")
        policy = self.account._egress_policy()
        with ImapSession(endpoint, policy, self.deadline) as session:
            try:
                self._tick(session)
                if history:
                    self._backfill(session)
            except EngineError as error:
                if error.kind is not Kind.DEADLINE:
                    raise
                self.env.cr.rollback()
                self.unfinished = True

    # ------------------------------------------------------------------
    # New mail
    # ------------------------------------------------------------------

    def _tick(self, session: ImapSession) -> None:
        listed = session.list_folders(status=True)
        known_before = self.account.folder_ids
        added = folder_service.refresh(self.account, listed)
        if added and known_before:
            self.account._reopen_history()
        status = self._status(session, listed)
        self.checkpoint(0)
        for folder in self.account.folder_ids:
            state = status.get(folder.raw_name)
            if folder.sync and not folder.gone and state:
                with self._folder_may_vanish(folder):
                    self._tick_folder(session, folder, state)

    def _status(self, session, listed) -> dict[str, FolderStatus]:
        wanted = set(
            self.account.folder_ids.filtered(lambda f: f.sync and not f.gone).mapped(
                "raw_name"
            )
        )
        missing = [f.raw_name for f in listed if f.raw_name in wanted and not f.status]
        states = session.status(missing) if missing else {}
        return {
            folder.raw_name: folder.status
            for folder in (with_status(f, states) for f in listed)
            if folder.status and folder.raw_name in wanted
        }

    def _tick_folder(self, session, folder, status: FolderStatus) -> None:
        state = FolderState(
            uidvalidity=folder.uidvalidity or None,
            next_uid=folder.next_uid,
            messages=folder.messages,
            highestmodseq=folder.highestmodseq or None,
        )
        plan = plan_tick(state, status)
        if plan.action == "nothing":
            return
        if plan.action in ("first", "renumbered"):
            self._begin_folder(session, folder, status, plan.action)
            return
        if plan.uid_range:
            self._fetch_new(session, folder, plan)
        folder.write(
            {
                "messages": status.messages,
                "highestmodseq": status.highestmodseq or 0,
            }
        )
        self.checkpoint(0)

    def _begin_folder(self, session, folder, status, action) -> None:
        """Start at the end of a folder; what stands in it is history's.

        A server that has renumbered its folder is read again within the window:
        messages that are here already are recognised and only located anew.
        """
        uidnext = status.uidnext
        if uidnext is None:
            session.examine(folder.raw_name)
            uidnext = max(session.search_since(None), default=0) + 1
        folder.write(
            {
                "uidvalidity": status.uidvalidity,
                "next_uid": uidnext,
                "messages": status.messages,
                "highestmodseq": status.highestmodseq or 0,
                "imported_uids": "",
                "skipped_uids": "",
                "history_since": False,
            }
        )
        if action == "renumbered":
            self.account._reopen_history()
        self.checkpoint(0)

    def _fetch_new(self, session, folder, plan: TickPlan) -> None:
        self._examine(session, folder)
        handled = folder._handled()
        found = session.search_uids(*plan.uid_range)
        uids = [uid for uid in found if uid not in handled]
        for start in range(0, len(uids), BATCH):
            batch = uids[start : start + BATCH]
            self.slice.check(session.endpoint.side)
            self._batch(session, folder, batch, self.new)
            folder.next_uid = batch[-1] + 1
        folder.next_uid = plan.next_uid or max([folder.next_uid - 1, *found]) + 1

    # ------------------------------------------------------------------
    # History
    # ------------------------------------------------------------------

    def _backfill(self, session: ImapSession) -> None:
        backfill = self.account.backfill_ids[:1]
        if backfill.state != "running":
            return
        left = {}
        for folder in self._history_folders(backfill):
            with self._folder_may_vanish(folder):
                self._examine(session, folder)
                uids = session.search_since(backfill.since)
                left[folder] = backfill_batches(uids, folder._handled(), BATCH)
        total = sum(len(batch) for batches in left.values() for batch in batches)
        backfill.total = backfill.seen + total
        self.checkpoint(0)
        for folder, batches in left.items():
            with self._folder_may_vanish(folder):
                self._examine(session, folder)
                for batch in batches:
                    self.slice.check(session.endpoint.side)
                    self._batch(session, folder, batch, self.history, backfill)
                folder.history_since = backfill.since
                self.checkpoint(0)
        backfill.write({"state": "done", "finished_at": backfill.env.cr.now()})
        self.checkpoint(0)

    def _history_folders(self, backfill):
        return self.account.folder_ids.filtered(
            lambda folder: (
                folder.sync
                and not folder.gone
                and folder.uidvalidity
                and (not folder.history_since or folder.history_since > backfill.since)
            )
        )

    # ------------------------------------------------------------------
    # A batch
    # ------------------------------------------------------------------

    @contextmanager
    def _folder_may_vanish(self, folder):
        """A folder deleted under our hands is noted; the others go on."""
        try:
            yield
        except EngineError as error:
            if error.kind is not Kind.FOLDER_GONE:
                raise
            self.env.cr.rollback()
            folder.gone = True
            self.checkpoint(0)

    def _examine(self, session, folder) -> None:
        status = session.examine(folder.raw_name)
        if status.uidvalidity != folder.uidvalidity:
            self._begin_folder(session, folder, status, "renumbered")

    def _batch(self, session, folder, uids, totals, backfill=None):
        """Handle ``uids``: strangers' are noted, contacts' fetched and imported.

        Commits after each part, so that a slow server gets on in small steps.
        """
        headers = session.fetch_headers(uids)
        matches = Matcher(self.env, self.account).match(headers)
        known = {record.uid: record for record in headers if record.uid in matches}
        importer = Importer(folder)
        refused = {uid: REFUSED for uid in uids if uid in session.unfetchable}
        too_large = {u: TOO_LARGE for u, r in known.items() if r.size > MAX_MESSAGE}
        self._put_aside(importer, totals, backfill, refused | too_large)
        wanted = [record for uid, record in known.items() if uid not in too_large]
        skipped = [uid for uid in uids if uid not in known and uid not in refused]
        self._save(
            folder,
            totals,
            backfill,
            lambda: Counts(seen=len(skipped), skipped=len(skipped)),
            skipped=skipped,
        )
        for batch in body_batches([(record.uid, record.size) for record in wanted]):
            self.slice.check(session.endpoint.side)
            candidates = [
                Candidate(known[uid], matches[uid], raw)
                for uid, raw in session.fetch_messages(batch)
            ]
            self._save(
                folder,
                totals,
                backfill,
                lambda candidates=candidates: importer.run(candidates),
                imported=[candidate.header.uid for candidate in candidates],
            )
            refused = {uid: REFUSED for uid in batch if uid in session.unfetchable}
            self._put_aside(importer, totals, backfill, refused)

    def _put_aside(self, importer, totals, backfill, reasons: dict[int, str]) -> None:
        """Keep in mind messages that the server does not hand out."""
        if not reasons:
            return

        def work():
            for uid, reason in reasons.items():
                importer.put_aside(uid, reason)
            return Counts(seen=len(reasons), quarantined=len(reasons))

        self._save(importer.folder, totals, backfill, work, imported=list(reasons))

    def _save(self, folder, totals, backfill, work, imported=(), skipped=()):
        """Do ``work`` and commit it with what it handled.

        Where another worker got in the way it is done anew, with fresh eyes.
        """
        for attempt in range(CONFLICTS):
            try:
                counts = work()
                folder._mark_handled(imported=imported, skipped=skipped)
                if backfill:
                    backfill._count(counts)
                self.checkpoint(len(imported) + len(skipped))
                totals.add(counts)
                return
            except (OperationalError, UniqueViolation):
                self.env.cr.rollback()
                if attempt + 1 == CONFLICTS:
                    raise
                _logger.info("Mailbox %s: a batch starts anew", self.account.id)
