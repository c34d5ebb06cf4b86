"""What a pass works with: a session with the server, and a store."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol, TypeVar

from ..imap.ranges import UidRanges
from ..types import Endpoint, Folder, FolderStatus, HeaderRecord
from .state import Counts, FolderState, SkipReason

T = TypeVar("T")

#: UIDs by folder whose messages stand there no more.
Gone = Mapping[Hashable, UidRanges]


@dataclass(frozen=True)
class Backfill:
    """An import of history that is wanted.

    :param key: the store's own name for it
    :param since: back to which day
    :param folders: by their keys; None: all that are read
    :param again: it also brings what an earlier one brought and was undone
    """

    key: Hashable
    since: date
    folders: frozenset[Hashable] | None = None
    again: bool = False

    def may_read(self, state: FolderState) -> bool:
        """Whether a folder is one of those that it was asked for."""
        return self.folders is None or state.key in self.folders

    def wants(self, state: FolderState) -> bool:
        """Whether a folder has not been read as far back."""
        return self.may_read(state) and (
            state.read_since is None or state.read_since > self.since
        )


class Session(Protocol):
    """The part of :class:`~..imap.session.ImapSession` that a pass needs."""

    endpoint: Endpoint
    #: The folder that is open, by its raw name.
    folder: str | None
    #: What the last ``examine`` told of expunged UIDs; None: nothing.
    vanished: UidRanges | None
    #: UIDs of the open folder that the server refused to hand out.
    unfetchable: set[int]

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
    ) -> list[HeaderRecord]: ...

    def fetch_messages(self, uids: Iterable[int]) -> Iterator[tuple[int, bytes]]: ...


class Store(Protocol):
    """Where state, places and messages are kept, in transactions."""

    def folders(self) -> list[FolderState]:
        """All folders that are known, gone ones included."""

    def refresh(self, listed: Sequence[Folder], renamed: Mapping[Hashable, str]):
        """Take over the server's list.

        Goes on with the import of history where a folder is there again that it has
        not read.

        :param renamed: new raw names of folders that go by another name now
        :return: states of the folders that are read and exist
        """

    def handled(self, key: Hashable, again: bool = False) -> UidRanges:
        """UIDs of a folder that were imported or skipped, or imported and undone.

        :param again: without those that were undone
        """

    def save(
        self,
        key: Hashable,
        imported: Iterable[int] = (),
        skipped: Mapping[int, SkipReason] = MappingProxyType({}),
        **changes,
    ) -> None:
        """Note handled UIDs and changed attributes of :class:`FolderState`.

        :param skipped: UIDs that were not imported, and why
        """

    def begin(self, state: FolderState) -> None:
        """Store a folder's state: its first, or anew after a renumbering."""

    def transaction(self, work: Callable[[], T]) -> T:
        """Do ``work`` and commit; anew, where another worker got in the way."""

    def rollback(self) -> None:
        """Forget what was not committed."""

    def gone(self, key: Hashable) -> None:
        """The folder is no longer on the server."""

    # Places

    def places(self, key: Hashable) -> UidRanges:
        """UIDs of the messages that are known to stand in a folder."""

    def header_hashes(self, key: Hashable, limit: int) -> dict[int, str]:
        """Header hashes of the newest places of a folder, by UID."""

    def rebind(
        self, key: Hashable, headers: Sequence[HeaderRecord], gone: Gone
    ) -> set[int]:
        """Places of this account that are gone and whose message stands under
        another UID now are moved there.

        A place is gone when it is in ``gone``, of an older UIDVALIDITY of its folder,
        or of a folder that is gone. Each serves once.

        :return: UIDs that need not be fetched
        """

    def drop(self, key: Hashable, uids: UidRanges) -> None:
        """Forget places."""

    def may_rebind(self) -> bool:
        """Whether any place of the account is gone."""

    def drop_renumbered(self) -> None:
        """Forget places of older UIDVALIDITYs of the account's folders."""

    # Messages

    def match(self, headers: Iterable[HeaderRecord]) -> dict[int, object]:
        """Matches by UID; a message that belongs to nobody is absent.

        New mail, with :attr:`HeaderRecord.new`, may be wanted for other reasons than
        a contact.
        """

    def skip_reasons(self, headers: Sequence[HeaderRecord]) -> dict[int, SkipReason]:
        """By UID, why :meth:`match` has just left out these messages."""

    def import_messages(
        self, key: Hashable, messages: Sequence[tuple[HeaderRecord, object, bytes]]
    ) -> tuple[Counts, dict[int, SkipReason]]:
        """Import (header, matches, raw message); a bad one becomes a failed import.

        :return: what became of them, and the UIDs that were skipped, with the reason
        """

    def keep_failed(self, key: Hashable, reasons: Mapping[int, str]) -> None:
        """Keep in mind UIDs that cannot be read, and why."""

    # The account

    def reopen_backfill(self) -> bool:
        """Whether the import of history will read folders that are new; goes on with
        one that was done."""

    def purge(self, before: datetime) -> None:
        """Forget the places of folders that were gone by then, and their state: one
        that comes back is a new one."""

    def started_on(self) -> date:
        """The day from which on mail is new."""

    def backfills(self) -> list[Backfill]:
        """The imports of history that are wanted at this moment, in the order in which
        they are served."""

    def serve(self, backfill: Backfill | None) -> None:
        """What is done from here on is done for this import of history, or for none."""

    def is_wanted(self) -> bool:
        """Whether the history that is served is still wanted: nobody has paused or
        cancelled it since."""

    def backfill_found(self, left: int) -> None:
        """So many messages of the history served are still to be looked at."""

    def backfill_counted(self, counts: Counts) -> None:
        """A batch of it is done."""

    def backfill_read(self, key: Hashable, since: date) -> None:
        """All that a folder has received since that day is handled, thanks to it."""

    def backfill_done(self) -> None:
        """All of it has been read."""

    def now(self) -> datetime:
        """Naive UTC."""
