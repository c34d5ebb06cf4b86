"""The interfaces that a pass uses: a session with the server, and a store.

A *location* is where a message is on the server: folder, UIDVALIDITY, UID.

- *vanished*, of a location: the server no longer has the message there.
- *gone*, of a folder: the server no longer lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol, TypeVar

from ..errors import EngineError, ImportFailure
from ..imap.ranges import UidRanges
from ..types import Endpoint, Folder, FolderStatus, HeaderRecord
from .state import Counts, FolderState, SkipReason

T = TypeVar("T")

#: By folder: UIDs of locations that have vanished.
Vanished = Mapping[Hashable, UidRanges]


@dataclass(frozen=True)
class Backfill:
    """A requested import of older mail, back to some day.

    :param key: the store's own name for it
    :param since: the first day
    :param folders: their keys; None: all that are read
    :param include_undone: also import what an earlier backfill imported and an undo
        removed
    """

    key: Hashable
    since: date
    folders: frozenset[Hashable] | None = None
    include_undone: bool = False

    def includes(self, state: FolderState) -> bool:
        """Whether it includes a folder."""
        return self.folders is None or state.key in self.folders

    def wants(self, state: FolderState) -> bool:
        """Whether it includes a folder that has not been read as far back."""
        return self.includes(state) and (
            state.handled_since is None or state.handled_since > self.since
        )


class BatchFailed(Exception):
    """Work on some messages failed in a way that nobody expected, and that is not about
    the database or the disk: one of the messages may be the reason."""


class Session(Protocol):
    """The part of :class:`~..imap.session.ImapSession` that a pass needs."""

    endpoint: Endpoint
    #: The folder that is open, by its raw name.
    folder: str | None
    #: UIDs that were expunged, as the last ``examine`` reported; None: unknown.
    vanished: UidRanges | None
    #: UIDs of the open folder that the server refused to return.
    unfetchable: set[int]
    #: What the last LIST contained that names no folder that can be opened.
    unreadable_names: tuple[str, ...]
    #: Whether the connection can no longer be used.
    lost: bool

    def reconnect(self) -> None: ...

    def wait_at_most(self, seconds: float | None) -> None: ...

    def list_folders(self, status: bool = False) -> list[Folder]: ...

    def status(self, raw_names: Iterable[str]) -> dict[str, FolderStatus]: ...

    def examine(
        self, raw_name: str, since: tuple[int, int] | None = None
    ) -> FolderStatus: ...

    def search_since(self, date: date | None) -> list[int]: ...

    def search_uids(self, low: int, high: int = ...) -> list[int]: ...

    def existing(self, uids: Iterable[int]) -> set[int]: ...

    def fetch_headers(
        self, uids: Iterable[int], new: bool = False
    ) -> Iterator[HeaderRecord]: ...

    def fetch_messages(self, uids: Iterable[int]) -> Iterator[tuple[int, bytes]]: ...


class Store(Protocol):
    """Keeps state, locations and messages, in transactions."""

    def folders(self) -> list[FolderState]:
        """All known folders, including those that are gone."""

    def refresh(
        self,
        listed: Sequence[Folder] | None,
        renamed: Mapping[Hashable, str],
        unreadable: Sequence[str] = (),
    ) -> list[FolderState]:
        """Store the server's list of folders.

        Continues a backfill if a folder that it has not read exists again.

        :param listed: None: the server could not list them; nothing changes
        :param renamed: new raw names of folders that were renamed
        :param unreadable: what else was listed and names no folder that can be opened;
            a folder whose name occurs there is not gone
        :return: states of the folders that are read and exist
        """

    def handled(self, key: Hashable, without_undone: bool = False) -> UidRanges:
        """UIDs of a folder that were imported or skipped.

        :param without_undone: without those whose import was undone
        """

    def save(
        self,
        key: Hashable,
        imported: Iterable[int] = (),
        skipped: Mapping[int, SkipReason] = MappingProxyType({}),
        **changes,
    ) -> None:
        """Store handled UIDs and changed attributes of :class:`FolderState`.

        :param skipped: UIDs that were not imported, and why
        """

    def begin(self, state: FolderState) -> None:
        """Store a folder's first state, or a new one after a renumbering."""

    def transaction(self, work: Callable[[], T]) -> T:
        """Do ``work`` and commit; repeat it after a conflict with another worker.

        :raise BatchFailed: see there; nothing of ``work`` was kept
        """

    def rollback(self) -> None:
        """Discard what was not committed."""

    def folder_gone(self, key: Hashable) -> None:
        """Record that a folder no longer exists on the server."""

    def release_gone(self) -> None:
        """Stop reporting folders that are gone whose messages are in other folders.

        Called when messages may have been found there; costs nothing if none is gone.
        """

    def folder_problem(self, key: Hashable, error: EngineError | None) -> None:
        """Record, and tell the owner, that a folder cannot be read; None: it can."""

    # Locations

    def known_good(self, key: Hashable) -> list[int]:
        """A few UIDs of a folder whose messages the server has returned before."""

    def locations(self, key: Hashable) -> UidRanges:
        """UIDs of the messages that are known to be in a folder."""

    def header_hashes(self, key: Hashable, limit: int) -> dict[int, str]:
        """Header hashes of the newest locations in a folder, by UID."""

    def rebind(
        self, key: Hashable, headers: Sequence[HeaderRecord], vanished: Vanished
    ) -> set[int]:
        """Move vanished locations of this account to this folder, for messages that
        were moved here: those with the same header hash.

        A location has vanished if it is in ``vanished``, has an older UIDVALIDITY of
        its folder, or is in a folder that is gone. Each is used once.

        :return: UIDs of the moved messages, which need not be fetched
        """

    def drop(self, key: Hashable, uids: UidRanges) -> None:
        """Delete locations."""

    def may_rebind(self) -> bool:
        """Whether any location of the account has vanished in a folder that was
        renumbered or is gone."""

    def drop_renumbered(self) -> None:
        """Delete locations of older UIDVALIDITYs of the account's folders."""

    # Messages

    def match(self, headers: Iterable[HeaderRecord]) -> dict[int, object]:
        """Matches by UID; messages from strangers are absent.

        New mail, with :attr:`HeaderRecord.new`, may be wanted for other reasons than
        a contact.
        """

    def skip_reasons(self, headers: Sequence[HeaderRecord]) -> dict[int, SkipReason]:
        """By UID, why the last :meth:`match` skipped these messages."""

    def import_messages(
        self, key: Hashable, messages: Sequence[tuple[HeaderRecord, object, bytes]]
    ) -> tuple[Counts, dict[int, SkipReason]]:
        """Import (header, matches, raw message); a bad one becomes a failed import.

        :return: the counts, and by UID why messages were skipped
        """

    def keep_failed(self, key: Hashable, failures: Mapping[int, ImportFailure]) -> None:
        """Store failed imports by UID: messages without their bytes, and why."""

    # The account

    def reopen_backfill(self) -> bool:
        """Whether a backfill will read new folders; continues one that was complete."""

    def purge(self, before: datetime) -> None:
        """Delete the locations and states of folders that were gone by that time: one
        that comes back is a new folder."""

    def started_on(self) -> date:
        """The first day whose mail counts as new."""

    def backfills(self) -> list[Backfill]:
        """The backfills that are wanted now, in the order in which they are served."""

    def serve(self, backfill: Backfill | None) -> None:
        """Attribute all further work to this backfill, or to none."""

    def is_wanted(self) -> bool:
        """Whether the served backfill is neither paused nor cancelled."""

    def backfill_found(self, left: int) -> None:
        """Record how many messages of the served backfill are left."""

    def backfill_counted(self, counts: Counts) -> None:
        """Add a finished batch to the served backfill."""

    def backfill_read(self, key: Hashable, since: date) -> None:
        """Record that the served backfill handled all messages received since that
        day."""

    def backfill_done(self) -> None:
        """Record that the served backfill is complete."""

    def now(self) -> datetime:
        """Naive UTC."""
