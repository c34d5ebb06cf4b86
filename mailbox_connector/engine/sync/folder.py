"""One folder in one pass: new mail, vanished messages, older mail.

What it is for
    Nothing in a folder may be lost, imported twice or skipped after an interruption,
    even on servers that renumber, rename, reorder, lag or lie. :class:`FolderPass`
    carries out what :mod:`.plan` decided for one folder.

How it works
    Every UID of a folder is either *handled* (imported, skipped or failed, kept as
    compressed ranges) or not. New mail is everything from ``next_uid`` on; older mail
    is everything that a backfill asks for and that is not handled. Both go through
    :meth:`FolderPass.batch` in two phases: headers of up to 250 messages first, then
    the bodies of those that the store matched with a contact. Each phase is committed
    together with the UIDs that it handled, so an interruption repeats at most one
    batch, and repeating it changes nothing.

    A message that was moved keeps its header hash. Before headers are matched, the
    store compares their hashes with locations that have *vanished*
    (:meth:`FolderPass.vanished`) and moves those (:meth:`rebind
    <.interfaces.Store.rebind>`), without fetching the message again. The same happens
    after a renumbering (UIDVALIDITY changed): old locations are kept until the folder
    has been compared; then the remaining ones are dropped. Nothing is deleted before
    that.

Example
    Stored: ``uidnext=100, messages=40``. The server says UIDNEXT 103 and 41 messages,
    so three messages arrived and two vanished. The pass asks which known UIDs still
    exist, and fetches the headers of 100:102. It finds that 101 vanished from another
    folder (moved: its location is changed), that 100 is from a stranger (skipped) and
    102 from a contact (body fetched, imported). Then it stores the new snapshot.

What it costs
    New mail in a folder: EXAMINE; one FETCH of headers per 250 messages; one FETCH of
    bodies per 125 messages or 4 MB. Vanished messages: no further command with QRESYNC,
    else one UID SEARCH. A backfill: one UID SEARCH, then as for new mail. The daily
    reconcile: one or two UID SEARCHes if nothing differs. In the store, a batch is one
    transaction for headers and one per fetch of bodies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from ..errors import EngineError, ImportFailure
from ..imap.messages import MAX_MESSAGE, MAX_SET
from ..imap.ranges import MAX_UID, UidRanges
from ..net.deadline import Deadline
from ..types import FolderStatus, HeaderRecord
from .interfaces import Backfill, BatchFailed, Session, Store, Vanished
from .plan import TickPlan, backfill_batches, body_batches
from .state import Counts, FolderState, SkipReason
from .suspects import OUT, PATIENCE, UNCLEAR, CarefulFetch, Reconnects

#: How many headers are fetched together.
BATCH = 250
#: How many other messages show at most that the server returns any.
OTHERS = 3
#: If so many messages of a batch fail unexpectedly and none succeeds, none is the
#: reason.
MOST_FAILED = 3
#: A longer span of UIDs is searched before it is fetched.
DENSE = 500
#: How many messages have to be the same in a folder under another name.
SAMPLE = 20


class Renumbered(Exception):
    """The folder's UIDVALIDITY changed during the pass; the next pass takes it over."""


@dataclass
class _Done:
    """What one transaction handled.

    ``imported``: UIDs; failed ones count as imported. ``skipped``: why, by UID.
    ``matches``: of those whose bodies are still to be fetched.
    """

    counts: Counts
    imported: Collection[int]
    skipped: Mapping[int, SkipReason] = field(default_factory=dict)
    matches: dict[int, object] = field(default_factory=dict)


class FolderPass:
    """Brings one folder up to date.

    :param state: what is stored; kept in step with the store
    :param deadline: after it no further batch is begun
    :param totals: the counts of this pass are added to them
    :param reconnects: how often the pass may still go on after the server broke off
    :param backfill: whether this is for a backfill
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        state: FolderState,
        deadline: Deadline,
        totals: Counts,
        reconnects: Reconnects,
        backfill: bool = False,
    ):
        self.session = session
        self.store = store
        self.state = state
        self.deadline = deadline
        self.totals = totals
        self.backfill = backfill
        self._careful_headers = CarefulFetch(self, reconnects, deadline)
        self._careful_bodies = CarefulFetch(self, reconnects, deadline)
        self._handled: UidRanges | None = None

    @property
    def handled(self) -> UidRanges:
        """UIDs that were imported or skipped."""
        if self._handled is None:
            self._handled = self.store.handled(self.state.key)
        return self._handled

    def open(self, since: tuple[int, int] | None = None) -> None:
        """Open the folder read-only unless it is open.

        :param since: (UIDVALIDITY, mod-sequence): ask what was expunged since
        :raise Renumbered: its UIDVALIDITY is no longer the stored one, and it is not
            still empty (see :func:`.plan.plan_tick`)
        """
        if since is None and self.session.folder == self.state.raw_name:
            return
        status = self.session.examine(self.state.raw_name, since)
        is_void = status.uidvalidity != self.state.uidvalidity
        if is_void and (status.messages or self.state.messages):
            raise Renumbered
        if status.imap_object_id and status.imap_object_id != self.state.imap_object_id:
            self._save(imap_object_id=status.imap_object_id)

    # ------------------------------------------------------------------
    # Taking over
    # ------------------------------------------------------------------

    def initial_state(
        self, status: FolderStatus, new_since: date | None = None, rebind: bool = False
    ) -> FolderState:
        """The state in which a folder is taken over; new mail starts at its end.

        :param new_since: messages received since that day are new mail too
        :param rebind: its messages may be known by locations that have vanished
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
            handled_since=self.state.handled_since,
            rebind_below=end if rebind else 0,
            reconciled_at=self.store.now(),
            # A snapshot is kept only when everything that it counts was handled.
            **(_snapshot(status) if first == end else {}),
        )

    def restart_renumbered(self, status: FolderStatus) -> None:
        """Take over a folder that the server has renumbered.

        The old locations of its messages are kept until :meth:`rebind` has found the
        new ones.
        """
        state = self.initial_state(status, rebind=True)
        self.store.transaction(lambda: self.store.begin(state))
        self.state, self._handled = state, None

    def restart_refilled(self, status: FolderStatus) -> bool:
        """Take over a folder that was empty and is not any more, under other UIDs.

        What came into it is new mail, but for messages received before new mail was
        read: they were moved here, or another folder was given its name.

        :return: whether its messages are fetched now; else they are rebound later
        """
        if self.store.locations(self.state.key):  # the last pass was interrupted
            self.restart_renumbered(status)
            return False
        state = self.initial_state(status, new_since=self.store.started_on())
        older = state.first_uid if state.first_uid > 1 else 0
        # Not as a snapshot: nothing that it counts was handled.
        state = replace(
            state, uidnext=0, messages=0, highestmodseq=None, rebind_below=older
        )
        self.store.transaction(lambda: self.store.begin(state))
        self.state, self._handled = state, None
        return True

    def is_renamed(self, raw_name: str) -> bool:
        """Whether this is the folder with another name, by its MAILBOXID or else by its
        newest messages."""
        imap_object_id = self.state.imap_object_id
        hashes = self.store.header_hashes(self.state.key, SAMPLE)
        if not (imap_object_id or hashes):
            return False
        status = self.session.examine(raw_name)
        if imap_object_id and status.imap_object_id:
            return imap_object_id == status.imap_object_id
        if not hashes:
            return False
        found = list(self.session.fetch_headers(hashes))
        return bool(found) and all(h.header_hash == hashes[h.uid] for h in found)

    # ------------------------------------------------------------------
    # New mail
    # ------------------------------------------------------------------

    def vanished(self) -> UidRanges:
        """UIDs of known locations that no longer exist on the server."""
        locations = self.store.locations(self.state.key)
        if not locations:
            return UidRanges()
        modseq = self.state.highestmodseq
        self.open((self.state.uidvalidity, modseq) if modseq else None)
        if modseq and self.session.vanished is not None:
            return self.session.vanished & locations
        if len(str(locations)) <= MAX_SET:
            return locations - UidRanges.from_uids(self.session.existing(locations))
        return locations - UidRanges.from_uids(self.session.search_since(None))

    def fetch_new(self, plan: TickPlan, vanished: Vanished) -> int:
        """Carry out a plan's ``uid_range``.

        :param vanished: of all folders; messages may have moved here from there
        :return: how many UIDs may have been fetched
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
            # After an interruption from here on, the stored snapshot would not count
            # them.
            self._save(messages=-1, highestmodseq=None)
        # Below it, only what was moved here is looked for.
        importable = range(self.state.first_uid, MAX_UID + 1)
        for start in range(0, len(uids), BATCH):
            batch = uids[start : start + BATCH]
            cursor = max(self.state.next_uid, batch[-1] + 1)
            self.batch(batch, vanished, importable, new=True, next_uid=cursor)
        next_uid = plan.next_uid or max([first - 1, *found]) + 1
        if next_uid != self.state.next_uid:
            self._save(next_uid=next_uid)
        return len(found)

    def save_snapshot(
        self, status: FolderStatus, vanished: UidRanges, certain: bool = True
    ) -> None:
        """Drop vanished locations; store the snapshot whose changes were handled.

        :param certain: everything that was found is counted by the snapshot
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

    def unhandled_batches(self, backfill: Backfill) -> list[list[int]]:
        """Batches of UIDs that a backfill asks for and that are not handled, newest
        first.

        Messages that arrived after the last tick are left to the next one.
        """
        self.open()
        key = self.state.key
        without_undone = backfill.include_undone
        self._handled = self.store.handled(key, without_undone=without_undone)
        undone = self.store.handled(key) - self._handled if without_undone else ()
        uids = [
            uid
            for uid in self.session.search_since(backfill.since)
            if uid < self.state.next_uid or uid in undone
        ]
        return backfill_batches(uids, self.handled, BATCH)

    def record_handled_since(self, day: date) -> None:
        """Record that all messages received since ``day`` are handled."""
        if self.state.handled_since and self.state.handled_since <= day:
            return
        self.store.transaction(lambda: self.store.backfill_read(self.state.key, day))
        self.state = replace(self.state, handled_since=day)

    def rebind(self) -> None:
        """Find the UIDs that messages with vanished locations have here, newest first.

        Messages from before the folder was taken over are also imported, unless they
        are older than what has been read.
        """
        self.open()
        since = self.state.handled_since or self.store.started_on()
        importable = set(self.session.search_since(since))
        below = self.state.rebind_below
        listed = self.session.search_since(None)
        # A folder that is given an earlier name again has that name's UIDVALIDITY.
        vanished = self.store.locations(self.state.key) - UidRanges.from_uids(listed)
        uids = [uid for uid in listed if uid < below]
        for batch in backfill_batches(uids, self.handled, BATCH):
            self.batch(batch, importable=importable, rebind_below=min(batch))
        mine = [uid for uid in listed if uid < self.state.first_uid]
        self.clear_suspects(mine, importable=importable)
        self._drop_and_save(vanished, {"rebind_below": 0})

    def reconcile(self) -> None:
        """Compare all UIDs with what is stored, and repair.

        Drops vanished locations; imports messages that a server did not show as new in
        time (Microsoft 365 does so).
        """
        self.open()
        state = self.state
        listed = UidRanges.from_uids(self.session.search_since(None))
        vanished = self.store.locations(state.key) - listed
        read = UidRanges.span(state.first_uid, state.next_uid - 1)
        missed = list((listed & read) - self.handled)
        for batch in backfill_batches(missed, self.handled, BATCH):
            self.batch(batch, new=True)
        self.clear_suspects(missed, new=True)
        self._careful_headers.forgive(u for u in self.state.suspects if u not in listed)
        if state.handled_since:
            older = self.session.search_since(state.handled_since)
            older = [uid for uid in older if uid < state.next_uid]
            for batch in backfill_batches(older, self.handled, BATCH):
                self.batch(batch)
            self.clear_suspects(older)
        self._drop_and_save(vanished, {"reconciled_at": self.store.now()})

    # ------------------------------------------------------------------
    # Batches
    # ------------------------------------------------------------------

    def batch(
        self,
        uids: list[int],
        vanished: Vanished | None = None,
        importable: Collection[int] | None = None,
        new: bool = False,
        **changes,
    ) -> None:
        """Handle ``uids``: skip strangers' messages, fetch and import contacts'.

        Commits after each part, so that the pass makes progress on a slow server too.
        Suspects are left to :meth:`clear_suspects`.

        :param vanished: locations that messages may have moved from
        :param importable: UIDs that may be imported; None: all
        :param new: these are new mail, not older mail
        :param changes: to the state, saved when everything is done
        """
        suspects = self.state.suspects
        rest = [uid for uid in uids if uid not in suspects]
        self._work(rest, vanished, importable, new)
        if changes:
            self._save(**changes)

    def _work(
        self,
        uids: list[int],
        vanished: Vanished | None,
        importable: Collection[int] | None,
        new: bool,
    ) -> None:
        """:meth:`batch` of these UIDs, suspects or not."""
        if not uids:
            return
        self._check_deadline()
        headers, withheld, error = self._headers(uids, new)
        by_uid = {record.uid: record for record in headers}

        def decide(some: list[int]) -> _Done:
            records = [by_uid[uid] for uid in some]
            return self._decide(records, vanished or {}, importable)

        matches: dict[int, object] = {}
        for done in self._commit_each(list(by_uid), decide):
            matches |= done.matches
        self._keep_withheld(withheld)
        if error:
            raise error
        sizes = {record.uid: record.size for record in headers}
        left = [
            (uid, sizes[uid])
            for uid in uids
            if uid in matches and uid not in self.handled
        ]
        for part in body_batches(left):
            self._check_deadline()
            self._import(part, by_uid, matches)

    def _headers(
        self, uids: list[int], new: bool
    ) -> tuple[list[HeaderRecord], set[int], EngineError | None]:
        """Headers, UIDs that the server lists but does not return, and what ended it
        early."""

        def fetch(some):
            return ((one.uid, one) for one in self.session.fetch_headers(some, new))

        return self._all(uids, self._careful_headers, fetch)

    def _all(self, uids: list[int], careful: CarefulFetch, fetch):
        """What came of ``uids``; those that exist and were not returned, though each
        was requested alone; and what ended it early.

        Microsoft 365 sometimes omits a message, and sends it when asked again; an
        answer without its UID is only recognized if no other was requested.
        """
        came, error = careful(uids, fetch) if uids else ([], None)
        missing = self._missing(uids, came, error)
        if alone := sorted(missing - self.session.unfetchable):
            for uid in alone:
                more, error = careful([uid], fetch)
                came += more
                if error:
                    break
            missing = self._missing(uids, came, error)
        return came, missing, error

    def _missing(self, uids, came, error) -> set[int]:
        """Those that exist and did not come, if nothing broke off."""
        if error:
            return set()
        absent = set(uids) - {_uid_of(one) for one in came}
        decided = {u for u in absent if u in self.state.suspects or u in self.handled}
        return self._withheld(absent - decided)

    def _decide(
        self,
        headers: list[HeaderRecord],
        vanished: Vanished,
        importable: Collection[int] | None,
    ) -> _Done:
        """Decide by the headers: moved, skipped, failed, or to be fetched."""
        stay = [record for record in headers if not _is_draft(record)]
        moved = self.store.rebind(self.state.key, stay, vanished)
        rest = [record for record in stay if record.uid not in moved]
        if importable is not None:
            rest = [record for record in rest if record.uid in importable]
        matches = self.store.match(rest)
        drafts = {record.uid for record in headers if _is_draft(record)}
        skipped = dict.fromkeys(drafts, SkipReason.DRAFT)
        strangers = [record for record in rest if record.uid not in matches]
        skipped |= self.store.skip_reasons(strangers)
        failures = {
            record.uid: ImportFailure.TOO_LARGE
            for record in rest
            if record.uid in matches and record.size > MAX_MESSAGE
        }
        counts = Counts(seen=len(moved) + len(skipped), matched=len(moved))
        counts.add(Counts.of_skipped(skipped.values()))
        counts.add(self._keep_failed(failures))
        return _Done(counts, moved | failures.keys(), skipped, matches)

    def _import(self, uids: list[int], by_uid: dict, matches: dict) -> None:
        def fetch(some):
            return ((uid, (uid, raw)) for uid, raw in self.session.fetch_messages(some))

        came, withheld, error = self._all(uids, self._careful_bodies, fetch)
        raws = dict(came)

        def work(some: list[int]) -> _Done:
            messages = [(by_uid[uid], matches[uid], raws[uid]) for uid in some]
            counts, skipped = self.store.import_messages(self.state.key, messages)
            return _Done(counts, set(some) - skipped.keys(), skipped)

        self._commit_each(list(raws), work)
        self._keep_withheld(withheld)
        if error:
            raise error

    def _keep_withheld(self, uids: Collection[int]) -> None:
        if uids:
            self._commit(partial(self._give_up, uids, ImportFailure.WITHHELD))

    def _withheld(self, absent: set[int]) -> set[int]:
        """Those of ``absent`` that exist but were not returned."""
        refused = absent & self.session.unfetchable
        rest = absent - refused
        return refused | self.session.existing(rest) if rest else refused

    def _keep_failed(self, failures: Mapping[int, ImportFailure]) -> Counts:
        if failures:
            self.store.keep_failed(self.state.key, failures)
        return Counts(seen=len(failures), failed=len(failures))

    def _give_up(self, uids: Collection[int], failure: ImportFailure) -> _Done:
        return _Done(self._keep_failed(dict.fromkeys(uids, failure)), uids)

    def _commit_each(
        self, uids: list[int], work: Callable[[list[int]], _Done]
    ) -> list[_Done]:
        """Commit ``work`` of all; if that fails unexpectedly, of the halves, down to
        the message that is the reason.

        :raise BatchFailed: it fails for each, so that no message is the reason
        """
        done: list[_Done] = []
        failed: list[int] = []
        waiting = [uids] if uids else []
        while waiting:
            part = waiting.pop(0)
            try:
                done.append(self._commit(partial(work, part)))
            except BatchFailed:
                self.store.rollback()
                middle = len(part) // 2
                if middle:
                    waiting[:0] = [part[:middle], part[middle:]]
                    continue
                failed += part
                if not done and (not waiting or len(failed) > MOST_FAILED):
                    self._strike_all(failed)
                    raise
        if failed:
            self._commit(partial(self._give_up, failed, ImportFailure.UNEXPECTED))
        return done

    def _strike_all(self, uids: list[int]) -> None:
        """Nothing shows that messages are the reason, unless that goes on."""
        suspects = dict(self.state.suspects)
        for uid in uids:
            suspects[uid] = suspects.get(uid, 0) + UNCLEAR
        self.remember(suspects)
        if out := [uid for uid in uids if suspects[uid] >= OUT]:
            self._commit(partial(self._give_up, out, ImportFailure.UNEXPECTED))

    def _commit(self, work: Callable[[], _Done]) -> _Done:
        """Do ``work`` and commit it together with the UIDs that it handled."""

        suspects = self.state.suspects
        left = suspects

        def whole() -> _Done:
            nonlocal left
            done = work()
            decided = {*done.imported, *done.skipped}
            left = {uid: suspects[uid] for uid in suspects.keys() - decided}
            changes = {} if left == suspects else {"suspects": left}
            if decided:
                self.store.save(self.state.key, done.imported, done.skipped, **changes)
            if self.backfill:
                self.store.backfill_counted(done.counts)
            return done

        handled = self.handled
        done = self.store.transaction(whole)
        self.totals.add(done.counts)
        self._handled = handled.add({*done.imported, *done.skipped})
        self.state = replace(self.state, suspects=left)
        return done

    def _save(self, **changes) -> None:
        self._drop_and_save(UidRanges(), changes)

    def _drop_and_save(self, vanished: UidRanges, changes: dict) -> None:
        def work() -> None:
            if vanished:
                self.store.drop(self.state.key, vanished)
            if changes:
                self.store.save(self.state.key, **changes)

        self.store.transaction(work)
        self.state = replace(self.state, **changes)

    # ------------------------------------------------------------------
    # What the server broke off at
    # ------------------------------------------------------------------

    def clear_suspects(
        self,
        uids: Iterable[int],
        vanished: Vanished | None = None,
        importable: Collection[int] | None = None,
        new: bool = False,
    ) -> None:
        """Handle those of ``uids`` that :meth:`batch` left, as it would have; at last
        each alone, until it comes or is blamed.

        :raise EngineError: not all of them are decided yet
        """
        mine = [uid for uid in uids if uid in self.state.suspects]
        if not mine:
            return
        self.session.wait_at_most(PATIENCE)
        try:
            self.open()
            together = [uid for uid in mine if not self.state.suspects[uid]]
            for start in range(0, len(together), BATCH):
                batch = together[start : start + BATCH]
                self._work(batch, vanished, importable, new)
                strikes = self.state.suspects
                self._careful_headers.forgive(u for u in batch if not strikes.get(u))
            for uid in mine:
                self._clear_alone(uid, vanished, importable, new)
        finally:
            self.session.wait_at_most(None)

    def clear_new_suspects(self) -> None:
        """:meth:`clear_suspects` of new mail."""
        mine = [uid for uid in self.state.suspects if uid >= self.state.first_uid]
        self.clear_suspects(sorted(mine), new=True)

    def _clear_alone(self, uid: int, *how) -> None:
        while (strikes := self.state.suspects.get(uid)) is not None:
            self._work([uid], *how)
            if self.state.suspects.get(uid) == strikes:
                # It came, and was not wanted; or it is gone.
                self._careful_headers.forgive([uid])

    def suspects(self) -> dict[int, int]:
        """See :class:`.suspects.Folder`, also for the next three."""
        return self.state.suspects

    def remember(self, suspects: dict[int, int]) -> None:
        self._save(suspects=suspects)

    def known_good(self) -> Iterator[int]:
        yield from self.store.known_good(self.state.key)
        # Nothing of this folder was ever fetched: older mail that nobody has asked for.
        listed = self.session.search_since(None)
        others = [uid for uid in listed if uid not in self.state.suspects]
        yield from [uid for uid in others if uid not in self.handled][-OTHERS:]

    def blame(self, uid: int) -> None:
        self._commit(partial(self._give_up, [uid], ImportFailure.BREAKS_OFF))

    def _check_deadline(self) -> None:
        self.deadline.check(self.session.endpoint.side)


def _uid_of(came: HeaderRecord | tuple[int, bytes]) -> int:
    return came[0] if isinstance(came, tuple) else came.uid


def _is_draft(record: HeaderRecord) -> bool:
    """Gmail's All Mail contains drafts, which were not sent to anybody yet."""
    return "\\draft" in record.flags or "\\draft" in record.labels


def _snapshot(status: FolderStatus) -> dict:
    return {
        "uidnext": status.uidnext or 0,
        "messages": status.messages,
        "highestmodseq": status.highestmodseq,
    }
