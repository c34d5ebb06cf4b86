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

    5. *Suspects*: messages at which the server may have broken off (:mod:`.suspects`),
       after everything else.

    A folder that is deleted or renumbered during the pass is left to the next one, and
    so is one that the server cannot open or search, which is recorded for the owner
    (:meth:`AccountPass.attempt`); the others continue.

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
from .backfill import BackfillPass
from .folder import FolderPass, Renumbered
from .interfaces import Session, Store
from .plan import TickPlan, plan_renames, plan_tick, without_collisions
from .state import Counts, FolderState
from .suspects import BREAKS, Reconnects

#: What a single folder can be the reason of.
_ABOUT_A_FOLDER = (BREAKS | {Kind.FOLDER_GONE, Kind.QUOTA}) - {Kind.DEADLINE}
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
    :param reconnects: shared with what else is done in the same session
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        deadline: Deadline,
        reconnects: Reconnects | None = None,
    ):
        self.session = session
        self.store = store
        self.deadline = deadline
        self.reconnects = reconnects or Reconnects(session)
        self.new = Counts()
        self.backfill = Counts()
        self.folders: list[FolderState] = []
        #: Folders that were read, and why others could not be.
        self._read: set[Hashable] = set()
        self._failures: dict[Hashable, EngineError] = {}
        self._list_failure: EngineError | None = None

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
        self.clear_suspects()
        if self._list_failure:
            raise self._list_failure
        if self._failures and not self._read:
            # Not about a folder, if no folder can be read.
            raise next(iter(self._failures.values()))

    # ------------------------------------------------------------------
    # New mail
    # ------------------------------------------------------------------

    def tick(self) -> None:
        """Find out what arrived and what vanished, and import new mail."""
        listed = self._list()
        known = self.store.folders()
        self._refresh(known, listed)
        snapshots = self._snapshots(listed or [])
        changes: list[_Change] = []
        first: dict[FolderPass, FolderStatus] = {}
        for state in self.folders:
            status = snapshots.get(state.raw_name)
            if not status:
                continue
            plan = plan_tick(state, status)
            folder = self._pass(state)
            if plan.action == "nothing":
                self._succeeded(state)
            elif plan.action == "first":
                first[folder] = status
            elif plan.action == "renumbered":
                self.attempt(folder, partial(folder.restart_renumbered, status))
            elif plan.action == "refilled":
                self._refill(_Change(folder, status, plan), changes)
            elif plan.action == "changed":
                changes.append(_Change(folder, status, plan))
        if first:
            begun = any(state.uidvalidity for state in known)
            changes += self._begin(first, begun)
        self._work_off(changes)
        self.store.release_gone()

    def _refresh(self, known: list[FolderState], listed: list[Folder] | None) -> None:
        """Store the list of folders, and choose those that are read.

        New names are stored in a transaction of its own, which no failure of a folder
        takes back.
        """
        if listed is None:
            # One of the folders may be the reason: those that are known are read.
            self.folders = self.store.refresh(None, {})
            return
        self._list_failure = None
        renamed = self._renamed(known, listed)
        odd = self.session.unreadable_names
        work = partial(self.store.refresh, listed, renamed, odd)
        names = {state.raw_name for state in known}
        is_new = any(one.selectable and one.raw_name not in names for one in listed)
        self.folders = self.store.transaction(work) if is_new or renamed else work()

    def _list(self) -> list[Folder] | None:
        """The server's folders; None if it cannot list them.

        If it breaks off at the state of one of them, it is asked for their names only.
        """
        for status in (True, False):
            try:
                return self.session.list_folders(status)
            except EngineError as error:
                if error.kind not in _ABOUT_A_FOLDER:
                    raise
                self.reconnects.go_on(error)
                self._list_failure = error
        return None

    def _refill(self, change: _Change, changes: list[_Change]) -> None:
        """Take over a folder that was empty; add it to the changes to work off."""

        def restart() -> None:
            if change.folder.restart_refilled(change.status):
                changes.append(change)

        self.attempt(change.folder, restart)

    def _work_off(self, changes: list[_Change]) -> None:
        """Handle first what vanished from all folders, then new mail, which may have
        been moved from there."""
        vanished: dict[Hashable, UidRanges] = {}
        changes = [
            one
            for one in changes
            if not one.plan.vanished
            or self.attempt(one.folder, partial(self._find_vanished, one, vanished))
        ]
        changes = [
            one
            for one in changes
            if self.attempt(one.folder, partial(self._fetch_new, one, vanished))
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
            self.attempt(folder, partial(examine, folder))
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
                    # A folder that cannot be opened is found again by its messages.
                    if self.session.lost or error.kind not in _ABOUT_A_FOLDER:
                        raise
        return without_collisions(renamed, known)

    def _snapshots(self, listed: list[Folder]) -> dict[str, FolderStatus]:
        """States of the folders that are read: by STATUS if LIST did not return them,
        and by EXAMINE if the server refuses that, says too little or means another
        name."""
        found = {folder.raw_name: folder.status for folder in listed if folder.status}
        missing = [s.raw_name for s in self.folders if s.raw_name not in found]
        if missing:
            found.update(self._states(missing))

        def examine(state: FolderState) -> None:
            found.pop(state.raw_name, None)
            found[state.raw_name] = self.session.examine(state.raw_name)

        for state in list(self.folders):
            status = found.get(state.raw_name)
            if not (status and status.uidvalidity):
                self.attempt(self._pass(state), partial(examine, state))
        return found

    def _states(self, raw_names: list[str]) -> dict[str, FolderStatus]:
        """States by STATUS, of the folders of which the server returns it."""
        try:
            return self.session.status(raw_names)
        except EngineError as error:
            if error.kind not in _ABOUT_A_FOLDER:
                raise
            self.reconnects.go_on(error)
        if len(raw_names) == 1:
            return {}
        # One of them is the reason.
        middle = len(raw_names) // 2
        return self._states(raw_names[:middle]) | self._states(raw_names[middle:])

    # ------------------------------------------------------------------
    # Older mail
    # ------------------------------------------------------------------

    def rebind(self) -> None:
        """Find the messages of folders that were renumbered or deleted."""
        folders = self.passes(lambda state: state.rebind_below)
        for folder in folders:
            self.attempt(folder, folder.rebind)
        if folders and not self.is_left(lambda state: state.rebind_below):
            self.store.transaction(self.store.drop_renumbered)

    def _run_backfills(self) -> None:
        """Continue with the backfills that are wanted, one after the other."""
        for backfill in self.store.backfills():
            self.store.serve(backfill)
            try:
                BackfillPass(self, self.store, backfill).run()
            finally:
                self.store.serve(None)

    def reconcile(self) -> None:
        """Compare and repair the folders that are due (once a day)."""
        due = self.store.now() - RECONCILE
        for folder in self.passes(
            lambda state: (
                not state.rebind_below
                and (not state.reconciled_at or state.reconciled_at < due)
            )
        ):
            self.deadline.check(self.session.endpoint.side)
            self.attempt(folder, folder.reconcile)
        self.store.purge(due)

    # ------------------------------------------------------------------

    def clear_suspects(self) -> None:
        """Request new mail at which the server may have broken off."""
        if not (self.reconnects.used or any(state.suspects for state in self.folders)):
            return
        for folder in self.passes(lambda state: state.suspects):
            self.attempt(folder, folder.clear_new_suspects)

    def _pass(self, state: FolderState, backfill: bool = False) -> FolderPass:
        return FolderPass(
            self.session,
            self.store,
            state,
            self.deadline,
            self.backfill if backfill else self.new,
            self.reconnects,
            backfill,
        )

    def passes(
        self, choose: Callable[[FolderState], object], backfill: bool = False
    ) -> list[FolderPass]:
        """Passes over the folders that are read, as they are stored now; without those
        that failed in this pass."""
        return [
            self._pass(state, backfill)
            for state in self._chosen(choose)
            if state.key not in self._failures
        ]

    def is_left(self, choose: Callable[[FolderState], object]) -> bool:
        """Whether there is such a folder, even if it failed in this pass."""
        return bool(self._chosen(choose))

    def _chosen(self, choose: Callable[[FolderState], object]) -> list[FolderState]:
        read = {state.key for state in self.folders}
        return [
            state
            for state in self.store.folders()
            if state.key in read and state.uidvalidity and choose(state)
        ]

    def attempt(self, folder: FolderPass, work: Callable[[], object]) -> bool:
        """Do ``work``. Returns False if the folder was deleted or renumbered meanwhile,
        or cannot be read: it is left to the next pass.

        :raise EngineError: it is not about this folder alone
        """
        state = folder.state
        try:
            work()
        except Renumbered:
            self.store.rollback()
            return False
        except EngineError as error:
            self.store.rollback()
            if error.kind is Kind.FOLDER_GONE and not self._is_listed(state):
                self.folders = [s for s in self.folders if s.key != state.key]
                self.store.transaction(lambda: self.store.folder_gone(state.key))
            else:
                self._failed(state, error)
            return False
        self._succeeded(state)
        return True

    def _is_listed(self, state: FolderState) -> bool:
        """Whether LIST still has a folder that the server says does not exist."""
        return any(
            one.raw_name == state.raw_name and one.selectable
            for one in self.session.list_folders()
        )

    def _failed(self, state: FolderState, error: EngineError) -> None:
        """Leave a folder that cannot be read to the next pass, and go on.

        :raise EngineError: the server cannot be used
        """
        if error.kind not in _ABOUT_A_FOLDER:
            raise error
        if self.session.lost:
            self.reconnects.go_on(error)
        self._failures[state.key] = error
        self.store.transaction(lambda: self.store.folder_problem(state.key, error))

    def _succeeded(self, state: FolderState) -> None:
        self._read.add(state.key)
        if state.problem:
            state.problem = False
            self.store.transaction(lambda: self.store.folder_problem(state.key, None))
