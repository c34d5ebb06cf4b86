"""One folder in one pass: what is new, what is gone, what is left of older mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ..imap.messages import MAX_SET
from ..imap.ranges import UidRanges
from ..types import FolderStatus
from .batch import BATCH, FolderBatches
from .interfaces import Backfill, Gone
from .plan import TickPlan, backfill_batches
from .state import FolderState

#: A longer span of UIDs is searched before it is fetched.
DENSE = 500
#: Messages that have to be the same in a folder under another name.
SAMPLE = 20


class FolderPass(FolderBatches):
    """Brings one folder up to date."""

    # ------------------------------------------------------------------
    # New mail
    # ------------------------------------------------------------------

    def begin_state(
        self, status: FolderStatus, new_since: date | None = None, rebind: bool = False
    ) -> FolderState:
        """The state in which a folder is taken over; new mail starts at its end.

        :param new_since: what it has received since that day is new all the same
        :param rebind: its messages may be known by places that are gone
        """
        end = status.uidnext
        if end is None or new_since:
            self.session.examine(self.state.raw_name)
        if end is None:
            end = max(self.session.search_since(None), default=0) + 1
        first = end
        if new_since:
            first = min([end, *self.session.search_since(new_since)])
        return FolderState(
            self.state.key,
            self.state.raw_name,
            uidvalidity=status.uidvalidity,
            first_uid=first,
            next_uid=first,
            read_since=self.state.read_since,
            rebind_below=end if rebind else 0,
            reconciled_at=self.store.now(),
            # A snapshot is kept when it has been worked off.
            **(_snapshot(status) if first == end else {}),
        )

    def begin_again(self, status: FolderStatus) -> None:
        """Take over a folder that the server has renumbered.

        Its messages' old places are kept until :meth:`rebind` has found the new ones.
        """
        state = self.begin_state(status, rebind=True)
        self.store.transaction(lambda: self.store.begin(state))
        self.state, self._handled = state, None

    def vanished(self) -> UidRanges:
        """UIDs of known places that the server has no more."""
        places = self.store.places(self.state.key)
        if not places:
            return UidRanges()
        modseq = self.state.highestmodseq
        self.open((self.state.uidvalidity, modseq) if modseq else None)
        if modseq and self.session.vanished is not None:
            return self.session.vanished & places
        if len(str(places)) <= MAX_SET:
            return places - UidRanges.from_uids(self.session.existing(places))
        return places - UidRanges.from_uids(self.session.search_since(None))

    def fetch_new(self, plan: TickPlan, gone: Gone) -> int:
        """Carry out a plan's ``uid_range``.

        :return: how many UIDs it may have brought
        """
        first, last = plan.uid_range
        self.open()
        if last - first < DENSE:
            found = list(range(first, last + 1))
        else:
            found = self.session.search_uids(first, last)
        handled = self.handled
        uids = [uid for uid in found if uid not in handled]
        if uids and plan.next_uid is None and self.state.messages >= 0:
            # Cut from here on, the snapshot would not count them.
            self._save(messages=-1, highestmodseq=None)
        for start in range(0, len(uids), BATCH):
            batch = uids[start : start + BATCH]
            self.batch(batch, gone, new=True, next_uid=batch[-1] + 1)
        next_uid = plan.next_uid or max([first - 1, *found]) + 1
        if next_uid != self.state.next_uid:
            self._save(next_uid=next_uid)
        return len(found)

    def settle(
        self, status: FolderStatus, vanished: UidRanges, certain: bool = True
    ) -> None:
        """Forget places that are gone; keep the snapshot that was worked off.

        :param certain: nothing was found that the snapshot may not count
        """
        snapshot = _snapshot(status)
        if not certain:
            snapshot.update(messages=-1, highestmodseq=None)
        changes = {
            name: value
            for name, value in snapshot.items()
            if getattr(self.state, name) != value
        }
        if changes or vanished:
            self._drop_and_save(vanished, changes)

    # ------------------------------------------------------------------
    # Older mail
    # ------------------------------------------------------------------

    def unread(self, backfill: Backfill) -> list[list[int]]:
        """Batches of UIDs that a history wants and that are not handled, newest first.

        What has come since the last look at new mail is left to the next.
        """
        self.open()
        key = self.state.key
        self._handled = self.store.handled(key, again=backfill.again)
        undone = self.store.handled(key) - self._handled if backfill.again else ()
        uids = [
            uid
            for uid in self.session.search_since(backfill.since)
            if uid < self.state.next_uid or uid in undone
        ]
        return backfill_batches(uids, self.handled, BATCH)

    def read_back_to(self, day: date) -> None:
        """All that was received since a day is handled, and may have been before."""
        if self.state.read_since and self.state.read_since <= day:
            return
        self.store.transaction(lambda: self.store.backfill_read(self.state.key, day))
        self.state = replace(self.state, read_since=day)

    def rebind(self) -> None:
        """Tie messages whose places are gone to their UIDs here, newest first.

        What came before the folder was begun, and is not older than what has been
        read, is imported too.
        """
        self.open()
        since = self.state.read_since or self.store.started_on()
        window = set(self.session.search_since(since))
        below = self.state.rebind_below
        listed = self.session.search_since(None)
        # A folder that goes by an earlier name again brings its UIDVALIDITY back.
        vanished = self.store.places(self.state.key) - UidRanges.from_uids(listed)
        uids = [uid for uid in listed if uid < below]
        for batch in backfill_batches(uids, self.handled, BATCH):
            self.batch(batch, wanted=window, rebind_below=min(batch))
        self._drop_and_save(vanished, {"rebind_below": 0})

    def reconcile(self) -> None:
        """Compare all UIDs with what is stored, and repair.

        Forgets places that are gone; reads what a server did not show as new in time
        (Microsoft 365 does so).
        """
        self.open()
        state = self.state
        listed = UidRanges.from_uids(self.session.search_since(None))
        vanished = self.store.places(state.key) - listed
        read = UidRanges.span(state.first_uid, state.next_uid - 1)
        missed = list((listed & read) - self.handled)
        for batch in backfill_batches(missed, self.handled, BATCH):
            self.batch(batch, new=True)
        if state.read_since:
            older = self.session.search_since(state.read_since)
            older = [uid for uid in older if uid < state.next_uid]
            for batch in backfill_batches(older, self.handled, BATCH):
                self.batch(batch)
        self._drop_and_save(vanished, {"reconciled_at": self.store.now()})

    def is_renamed(self, raw_name: str) -> bool:
        """Whether the folder of another name is this one: its id or its messages
        tell."""
        mailbox_id = self.state.mailbox_id
        hashes = self.store.header_hashes(self.state.key, SAMPLE)
        if not (mailbox_id or hashes):
            return False
        status = self.session.examine(raw_name)
        if mailbox_id and status.mailbox_id:
            return mailbox_id == status.mailbox_id
        if not hashes:
            return False
        found = self.session.fetch_headers(hashes)
        return bool(found) and all(h.header_hash == hashes[h.uid] for h in found)


def _snapshot(status: FolderStatus) -> dict:
    return {
        "uidnext": status.uidnext or 0,
        "messages": status.messages,
        "highestmodseq": status.highestmodseq,
    }
