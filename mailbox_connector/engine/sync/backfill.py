"""One backfill in one pass: older mail, newest first, until it is paused or cancelled.

Messages at which the server may have broken off (:mod:`.suspects`) come after those of
all folders; only when they are decided as well is a folder finished.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Protocol

from .folder import FolderPass
from .interfaces import Backfill, Store
from .state import FolderState


class Folders(Protocol):
    """What is needed of the account's pass."""

    def passes(
        self, choose: Callable[[FolderState], object], backfill: bool = False
    ) -> list[FolderPass]: ...

    def is_left(self, choose: Callable[[FolderState], object]) -> bool: ...

    def attempt(self, folder: FolderPass, work: Callable[[], object]) -> bool: ...


class BackfillPass:
    """Continues with one backfill.

    :param folders: the account's pass
    """

    def __init__(self, folders: Folders, store: Store, backfill: Backfill):
        self.folders = folders
        self.store = store
        self.backfill = backfill
        #: What is left, by folder, in batches.
        self._left: dict[FolderPass, list[list[int]]] = {}
        #: Folders of which only suspects are left.
        self._suspected: list[FolderPass] = []
        self._finished: set[Hashable] = set()

    def run(self) -> None:
        """Work on it, newest first, until somebody pauses or cancels it."""
        for folder in self.folders.passes(self._is_left, backfill=True):
            self.folders.attempt(folder, partial(self._search, folder))
        total = sum(len(batch) for batches in self._left.values() for batch in batches)
        self.store.transaction(lambda: self.store.backfill_found(total))
        for work, folders in (
            (self._read, self._left),
            (self._finish, self._suspected),
        ):
            for folder in folders:
                if not self.store.is_wanted():
                    return
                self.folders.attempt(folder, partial(work, folder))
        if not self.folders.is_left(self._is_left) and self.store.is_wanted():
            self.store.transaction(self.store.backfill_done)

    def _is_left(self, state: FolderState) -> bool:
        return state.key not in self._finished and self._wants(state)

    def _wants(self, state: FolderState) -> bool:
        """Whether it may find anything in a folder."""
        backfill = self.backfill
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

    def _search(self, folder: FolderPass) -> None:
        self._left[folder] = folder.unhandled_batches(self.backfill)

    def _read(self, folder: FolderPass) -> None:
        folder.open()
        for batch in self._left[folder]:
            if not self.store.is_wanted():
                return
            folder.batch(batch)
        if folder.state.suspects:
            self._suspected.append(folder)
        else:
            self._finish(folder)

    def _finish(self, folder: FolderPass) -> None:
        folder.open()
        folder.clear_suspects(uid for batch in self._left[folder] for uid in batch)
        folder.record_handled_since(self.backfill.since)
        self._finished.add(folder.state.key)
