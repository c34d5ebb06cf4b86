"""One pass over one account: new mail first, then what is left of older mail."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import timedelta

from ..errors import EngineError, Kind
from ..imap.ranges import UidRanges
from ..net.deadline import Deadline
from ..types import Folder, FolderStatus
from .batch import Renumbered
from .folder import FolderPass
from .interfaces import Backfill, Session, Store
from .plan import TickPlan, plan_renames, plan_tick, without_collisions
from .state import Counts, FolderState

#: How often all UIDs of a folder are compared with what is stored.
RECONCILE = timedelta(days=1)


class AccountPass:
    """Brings one account up to date.

    May be cut anywhere: everything is done in batches, each committed together
    with the state that says it is done.

    :param pause: when to begin no further batch; the next pass goes on
    :param careful: the last pass failed; bodies are fetched one by one, so that this
        one gets past a message that a server cannot give along with others
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        pause: Deadline,
        careful: bool = False,
    ):
        self.session = session
        self.store = store
        self.pause = pause
        self.careful = careful
        self.new = Counts()
        self.backfill = Counts()
        self.folders: list[FolderState] = []

    def run(self, backfill: bool) -> None:
        """New mail; then, if asked for, what is left to do with older mail.

        :raise EngineError: what was done until then is committed; DEADLINE: the
            next pass goes on
        """
        self.tick()
        if backfill:
            self.rebind()
            self._run_backfills()
            self.reconcile()

    # ------------------------------------------------------------------
    # New mail
    # ------------------------------------------------------------------

    def tick(self) -> None:
        """Look for what came and what went."""
        listed = self.session.list_folders(status=True)
        known = self.store.folders()
        self.folders = self.store.refresh(listed, self._renamed(known, listed))
        snapshots = self._snapshots(listed)
        work: dict[FolderPass, tuple[FolderStatus, TickPlan]] = {}
        first: dict[FolderPass, FolderStatus] = {}
        for state in self.folders:
            status = snapshots.get(state.raw_name)
            plan = plan_tick(state, status) if status else TickPlan("nothing")
            folder = self._pass(state)
            if plan.action == "first":
                first[folder] = status
            elif plan.action == "renumbered":
                self._try(folder, lambda f=folder, s=status: f.begin_again(s))
            elif plan.action == "changed":
                work[folder] = status, plan
        if first:
            begun = any(state.uidvalidity for state in known)
            work.update(self._begin(first, begun))
        self._work_off(work)

    def _work_off(self, work: dict[FolderPass, tuple[FolderStatus, TickPlan]]) -> None:
        """What has gone is known before what is new is fetched: it may have moved."""
        gone: dict[Hashable, UidRanges] = {}
        certain: dict[FolderPass, bool] = {}

        def look(folder: FolderPass) -> None:
            gone[folder.state.key] = folder.vanished()

        def fetch(folder: FolderPass, status: FolderStatus, plan: TickPlan) -> None:
            before = folder.state.messages
            found = folder.fetch_new(plan, gone) if plan.uid_range else 0
            if plan.vanished is None:
                # Without UIDNEXT only now is it known how many came, and not how
                # many of them the snapshot counts.
                certain[folder] = not found
                if before < 0 or status.messages - before < found:
                    look(folder)
            if folder.state.key not in gone:
                folder.settle(status, UidRanges(), certain.get(folder, True))

        for folder, (_status, plan) in list(work.items()):
            if plan.vanished and not self._try(folder, lambda f=folder: look(f)):
                del work[folder]
        for folder, (status, plan) in list(work.items()):
            if not self._try(folder, lambda f=folder, s=status, p=plan: fetch(f, s, p)):
                del work[folder]
        for folder, (status, _plan) in work.items():
            if folder.state.key in gone:
                folder.settle(status, gone[folder.state.key], certain.get(folder, True))

    def _begin(
        self, first: dict[FolderPass, FolderStatus], begun: bool
    ) -> dict[FolderPass, tuple[FolderStatus, TickPlan]]:
        """Take over new folders, all at once: one that were left for the next pass
        would be taken for one that appeared later.

        :param begun: other folders have been read before
        :return: what has new mail all the same, and the plan for it
        """
        backfill = self.store.reopen_backfill()
        rebind = begun and self.store.may_rebind()
        late = begun and not backfill and not rebind
        new_since = self.store.started_on() if late else None
        states: dict[FolderPass, FolderState] = {}

        def look(folder: FolderPass) -> None:
            states[folder] = folder.begin_state(first[folder], new_since, rebind)

        def begin() -> None:
            for state in states.values():
                self.store.begin(state)

        for folder in first:
            self._try(folder, lambda f=folder: look(f))
        self.store.transaction(begin)
        work = {}
        for folder, state in states.items():
            folder.state = state
            plan = plan_tick(state, first[folder])
            if plan.action == "changed":
                work[folder] = first[folder], plan
        return work

    def _renamed(
        self, known: list[FolderState], listed: list[Folder]
    ) -> dict[Hashable, str]:
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
        """States of the folders that are read, asked for where LIST did not tell."""
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
        """Find the messages of folders that were renumbered or are gone."""
        folders = self._passes(lambda state: state.rebind_below)
        for folder in folders:
            self._try(folder, folder.rebind)
        if folders and not self._passes(lambda state: state.rebind_below):
            self.store.transaction(self.store.drop_renumbered)

    def _run_backfills(self) -> None:
        """Go on with the history that is wanted, one import after the other."""
        for backfill in self.store.backfills():
            self.store.serve(backfill)
            try:
                self._bring(backfill)
            finally:
                self.store.serve(None)

    def _bring(self, backfill: Backfill) -> None:
        """Newest first; as long as nobody pauses or cancels it."""
        left: dict[FolderPass, list[list[int]]] = {}
        finished: set[Hashable] = set()

        def wanted(state: FolderState) -> bool:
            return state.key not in finished and (
                backfill.wants(state)
                or (backfill.again and backfill.may_read(state) and self._undone(state))
            )

        def look(folder: FolderPass) -> None:
            left[folder] = folder.unread(backfill)

        def read(folder: FolderPass) -> None:
            folder.open()
            for batch in left[folder]:
                if not self.store.is_wanted():
                    return
                folder.batch(batch)
            folder.read_back_to(backfill.since)
            finished.add(folder.state.key)

        for folder in self._passes(wanted, backfill=True):
            self._try(folder, lambda f=folder: look(f))
        total = sum(len(batch) for batches in left.values() for batch in batches)
        self.store.transaction(lambda: self.store.backfill_found(total))
        for folder in left:
            if not self.store.is_wanted():
                return
            self._try(folder, lambda f=folder: read(f))
        if not self._passes(wanted) and self.store.is_wanted():
            self.store.transaction(self.store.backfill_done)

    def _undone(self, state: FolderState) -> bool:
        """Whether an undo took something out of a folder."""
        handled = self.store.handled(state.key)
        return bool(handled - self.store.handled(state.key, again=True))

    def reconcile(self) -> None:
        """Once a day compare and repair."""
        due = self.store.now() - RECONCILE
        for folder in self._passes(
            lambda state: (
                not state.rebind_below
                and (not state.reconciled_at or state.reconciled_at < due)
            )
        ):
            self.pause.check(self.session.endpoint.side)
            self._try(folder, folder.reconcile)
        self.store.purge(due)

    # ------------------------------------------------------------------

    def _pass(self, state: FolderState, backfill: bool = False) -> FolderPass:
        return FolderPass(
            self.session,
            self.store,
            state,
            self.pause,
            self.backfill if backfill else self.new,
            backfill,
            self.careful,
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
        """A folder deleted or renumbered under our hands is left; the others go on."""
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
            self.store.transaction(lambda: self.store.gone(folder.state.key))
        return False
