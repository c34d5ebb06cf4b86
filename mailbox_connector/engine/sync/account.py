"""One pass over one account: new mail first, then the rest of older mail.

What it is for
    A mailbox is served in short slices, by any worker that has time, and each slice may
    end at any moment: the time is over, the server hangs up, the process is killed.
    :class:`AccountPass` orders the work so that new mail never waits for older mail,
    and so that a slice never has to be repeated or undone.

How it works
    1. *Tick* (:meth:`AccountPass.tick`): list the folders with their counters and
       compare each with its stored snapshot (:func:`.plan.plan_tick`). Unchanged
       folders cost nothing. Before it fetches new mail of any folder, the pass finds
       out which messages vanished from *all* folders: a message that was moved is then
       recognized in its new folder. A snapshot is stored only when everything that it
       counts has been handled.
    2. *Rebind*: find the messages of folders that were renumbered or deleted under
       their new UIDs.
    3. *Backfills*: import older mail, newest first, one backfill after the other, for
       as long as nobody pauses or cancels them.
    4. *Reconcile*: once a day compare all UIDs of a folder and repair.

    A folder that is deleted or renumbered during the pass is left to the next one
    (:meth:`AccountPass._try`); the others continue.

Example
    ``AccountPass(session, store, deadline=Deadline(8)).run(backfill=True)`` serves a
    mailbox for about eight seconds. It raises ``EngineError(DEADLINE)`` when it has not
    finished; everything done until then is committed.

What it costs
    A tick without changes: one round trip with LIST-STATUS (RFC 5819), else LIST and
    one pipelined STATUS per folder; in the store, the statements of ``folders``,
    ``refresh`` and ``backfills``. :mod:`.folder` says what a changed folder costs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ..errors import EngineError, Kind
from ..imap.ranges import UidRanges
from ..net.deadline import Deadline
from ..types import Folder, FolderStatus
from .folder import FolderPass, Renumbered
from .interfaces import Backfill, Session, Store
from .plan import TickPlan, plan_renames, plan_tick, without_collisions
from .state import Counts, FolderState

#: How often all UIDs of a folder are compared with what is stored.
RECONCILE = timedelta(days=1)


@dataclass
class _Change:
    """A folder that changed since its stored snapshot.

    ``certain``: everything that was found is counted by the new snapshot.
    """

    folder: FolderPass
    status: FolderStatus
    plan: TickPlan
    certain: bool = True

    @property
    def key(self) -> Hashable:
        return self.folder.state.key


class AccountPass:
    """Brings one account up to date.

    May be interrupted anywhere: the work is done in batches, each committed together
    with the state that records it.

    :param deadline: after it no further batch is begun; the next pass continues
    :param single_fetch: the last pass failed; bodies are fetched one by one, so that
        this one gets past a message at which the server breaks off
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        deadline: Deadline,
        single_fetch: bool = False,
    ):
        self.session = session
        self.store = store
        self.deadline = deadline
        self.single_fetch = single_fetch
        self.new = Counts()
        self.backfill = Counts()
        self.folders: list[FolderState] = []

    def run(self, backfill: bool) -> None:
        """Import new mail; then, with ``backfill``, continue with older mail.

        :raise EngineError: what was done until then is committed; DEADLINE: the
            next pass continues
        """
        self.tick()
        if backfill:
            self.rebind()
            self._run_backfills()
            self.store.release_gone()
            self.reconcile()

    # ------------------------------------------------------------------
    # New mail
    # ------------------------------------------------------------------

    def tick(self) -> None:
        """Find out what arrived and what vanished, and import new mail."""
        listed = self.session.list_folders(status=True)
        known = self.store.folders()
        self.folders = self.store.refresh(listed, self._renamed(known, listed))
        snapshots = self._snapshots(listed)
        changes: list[_Change] = []
        first: dict[FolderPass, FolderStatus] = {}
        for state in self.folders:
            status = snapshots.get(state.raw_name)
            plan = plan_tick(state, status) if status else TickPlan("nothing")
            folder = self._pass(state)
            if plan.action == "first":
                first[folder] = status
            elif plan.action == "renumbered":
                self._try(folder, partial(folder.restart_renumbered, status))
            elif plan.action == "refilled":
                self._refill(_Change(folder, status, plan), changes)
            elif plan.action == "changed":
                changes.append(_Change(folder, status, plan))
        if first:
            begun = any(state.uidvalidity for state in known)
            changes += self._begin(first, begun)
        self._work_off(changes)
        self.store.release_gone()

    def _refill(self, change: _Change, changes: list[_Change]) -> None:
        """Take over a folder that was empty; add it to the changes to work off."""

        def restart() -> None:
            if change.folder.restart_refilled(change.status):
                changes.append(change)

        self._try(change.folder, restart)

    def _work_off(self, changes: list[_Change]) -> None:
        """Handle first what vanished from all folders, then new mail, which may have
        been moved from there."""
        vanished: dict[Hashable, UidRanges] = {}
        changes = [
            one
            for one in changes
            if not one.plan.vanished
            or self._try(one.folder, partial(self._find_vanished, one, vanished))
        ]
        changes = [
            one
            for one in changes
            if self._try(one.folder, partial(self._fetch_new, one, vanished))
        ]
        for one in changes:
            if one.key in vanished:
                one.folder.save_snapshot(one.status, vanished[one.key], one.certain)

    def _find_vanished(
        self, change: _Change, vanished: dict[Hashable, UidRanges]
    ) -> None:
        vanished[change.key] = change.folder.vanished()

    def _fetch_new(self, change: _Change, vanished: dict[Hashable, UidRanges]) -> None:
        """Import a folder's new mail; settle it unless something vanished there."""
        folder, status, plan = change.folder, change.status, change.plan
        before = folder.state.messages
        found = folder.fetch_new(plan, vanished) if plan.uid_range else 0
        if plan.vanished is None:
            # Without UIDNEXT, the number of arrivals is known only now, but not how
            # many of them the snapshot counts.
            change.certain = not found
            if before < 0 or status.messages - before < found:
                self._find_vanished(change, vanished)
        if change.key not in vanished:
            folder.save_snapshot(status, UidRanges(), change.certain)

    def _begin(
        self, first: dict[FolderPass, FolderStatus], begun: bool
    ) -> list[_Change]:
        """Take over new folders, all in one transaction: the next pass would treat one
        that was left over as a folder that appeared later.

        :param begun: whether other folders have been read before
        :return: those that have new mail nevertheless
        """
        backfill = self.store.reopen_backfill()
        rebind = begun and self.store.may_rebind()
        appeared_later = begun and not backfill and not rebind
        new_since = self.store.started_on() if appeared_later else None
        states: dict[FolderPass, FolderState] = {}

        def examine(folder: FolderPass) -> None:
            states[folder] = folder.initial_state(first[folder], new_since, rebind)

        def begin() -> None:
            if backfill:  # again, because a conflict rolls it back
                self.store.reopen_backfill()
            for state in states.values():
                self.store.begin(state)

        for folder in first:
            self._try(folder, partial(examine, folder))
        self.store.transaction(begin)
        changes = []
        for folder, state in states.items():
            folder.state = state
            plan = plan_tick(state, first[folder])
            if plan.action == "changed":
                changes.append(_Change(folder, first[folder], plan))
        return changes

    def _renamed(
        self, known: list[FolderState], listed: list[Folder]
    ) -> dict[Hashable, str]:
        """New raw names of known folders, by key."""
        renamed: dict[Hashable, str] = {}
        states = {state.key: state for state in known}
        for key, raw_names in plan_renames(known, listed):
            for raw_name in raw_names:
                try:
                    if self._pass(states[key]).is_renamed(raw_name):
                        renamed[key] = raw_name
                        break
                except EngineError as error:
                    if error.kind is not Kind.FOLDER_GONE:
                        raise
        return without_collisions(renamed, known)

    def _snapshots(self, listed: list[Folder]) -> dict[str, FolderStatus]:
        """States of the folders that are read; by STATUS if LIST did not return
        them."""
        found = {folder.raw_name: folder.status for folder in listed if folder.status}
        wanted = [state.raw_name for state in self.folders]
        missing = [name for name in wanted if name not in found]
        if missing:
            found.update(self.session.status(missing))
        return found

    # ------------------------------------------------------------------
    # Older mail
    # ------------------------------------------------------------------

    def rebind(self) -> None:
        """Find the messages of folders that were renumbered or deleted."""
        folders = self._passes(lambda state: state.rebind_below)
        for folder in folders:
            self._try(folder, folder.rebind)
        if folders and not self._passes(lambda state: state.rebind_below):
            self.store.transaction(self.store.drop_renumbered)

    def _run_backfills(self) -> None:
        """Continue with the backfills that are wanted, one after the other."""
        for backfill in self.store.backfills():
            self.store.serve(backfill)
            try:
                self._run_backfill(backfill)
            finally:
                self.store.serve(None)

    def _run_backfill(self, backfill: Backfill) -> None:
        """Work on one, newest first, until somebody pauses or cancels it."""
        left: dict[FolderPass, list[list[int]]] = {}
        finished: set[Hashable] = set()

        def is_left(state: FolderState) -> bool:
            return state.key not in finished and self._wants(backfill, state)

        def search(folder: FolderPass) -> None:
            left[folder] = folder.unhandled_batches(backfill)

        def read(folder: FolderPass) -> None:
            folder.open()
            for batch in left[folder]:
                if not self.store.is_wanted():
                    return
                folder.batch(batch)
            folder.record_handled_since(backfill.since)
            finished.add(folder.state.key)

        for folder in self._passes(is_left, backfill=True):
            self._try(folder, partial(search, folder))
        total = sum(len(batch) for batches in left.values() for batch in batches)
        self.store.transaction(lambda: self.store.backfill_found(total))
        for folder in left:
            if not self.store.is_wanted():
                return
            self._try(folder, partial(read, folder))
        if not self._passes(is_left) and self.store.is_wanted():
            self.store.transaction(self.store.backfill_done)

    def _wants(self, backfill: Backfill, state: FolderState) -> bool:
        """Whether a backfill may find anything in a folder."""
        if backfill.wants(state):
            return True
        return (
            backfill.include_undone
            and backfill.includes(state)
            and self._has_undone(state)
        )

    def _has_undone(self, state: FolderState) -> bool:
        """Whether an undo removed something from a folder."""
        handled = self.store.handled(state.key)
        return bool(handled - self.store.handled(state.key, without_undone=True))

    def reconcile(self) -> None:
        """Compare and repair the folders that are due (once a day)."""
        due = self.store.now() - RECONCILE
        for folder in self._passes(
            lambda state: (
                not state.rebind_below
                and (not state.reconciled_at or state.reconciled_at < due)
            )
        ):
            self.deadline.check(self.session.endpoint.side)
            self._try(folder, folder.reconcile)
        self.store.purge(due)

    # ------------------------------------------------------------------

    def _pass(self, state: FolderState, backfill: bool = False) -> FolderPass:
        return FolderPass(
            self.session,
            self.store,
            state,
            self.deadline,
            self.backfill if backfill else self.new,
            backfill,
            self.single_fetch,
        )

    def _passes(
        self, choose: Callable[[FolderState], object], backfill: bool = False
    ) -> list[FolderPass]:
        """Passes over the folders that are read, as they are stored now."""
        read = {state.key for state in self.folders}
        return [
            self._pass(state, backfill)
            for state in self.store.folders()
            if state.key in read and state.uidvalidity and choose(state)
        ]

    def _try(self, folder: FolderPass, work: Callable[[], object]) -> bool:
        """Do ``work``. Returns False if the folder was deleted or renumbered meanwhile:
        it is left to the next pass."""
        try:
            work()
            return True
        except Renumbered:
            self.store.rollback()
        except EngineError as error:
            if error.kind is not Kind.FOLDER_GONE:
                raise
            self.store.rollback()
            self.folders = [s for s in self.folders if s.key != folder.state.key]
            self.store.transaction(lambda: self.store.folder_gone(folder.state.key))
        return False
