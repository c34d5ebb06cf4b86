"""A folder's messages in batches: headers, then bodies of those that belong here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ..imap.messages import MAX_MESSAGE
from ..imap.ranges import UidRanges
from ..net.deadline import Deadline
from ..types import HeaderRecord
from .interfaces import Gone, Session, Store
from .plan import body_batches
from .state import Counts, FolderState, SkipReason

#: Messages whose headers are looked at together.
BATCH = 250
#: Why a message stands in quarantine without its bytes.
REFUSED = "The server lists this e-mail and does not hand it out."
TOO_LARGE = f"The e-mail is larger than {MAX_MESSAGE // 1_000_000} MB."


class Renumbered(Exception):
    """The folder's UIDVALIDITY changed under our hands; the next pass begins anew."""


class FolderBatches:
    """Works off messages of a folder in batches that are each committed whole.

    What was not committed is done again after a cut at any point; what was is not.

    :param state: what is stored; kept in step with it
    :param pause: when to begin no further batch
    :param totals: what is done is added to them
    :param history: whether these are also counted as history
    :param careful: bodies one by one
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        state: FolderState,
        pause: Deadline,
        totals: Counts,
        backfill: bool = False,
        careful: bool = False,
    ):
        self.session = session
        self.store = store
        self.state = state
        self.pause = pause
        self.totals = totals
        self.backfill = backfill
        self.careful = careful
        self._handled: UidRanges | None = None

    @property
    def handled(self) -> UidRanges:
        """UIDs that need no second look."""
        if self._handled is None:
            self._handled = self.store.handled(self.state.key)
        return self._handled

    def open(self, since: tuple[int, int] | None = None) -> None:
        """Have the folder open, read-only.

        :param since: (UIDVALIDITY, mod-sequence): ask what was expunged since
        :raise Renumbered: it is not the folder any more that it was
        """
        if since is None and self.session.folder == self.state.raw_name:
            return
        status = self.session.examine(self.state.raw_name, since)
        if status.uidvalidity != self.state.uidvalidity:
            raise Renumbered
        if status.mailbox_id and status.mailbox_id != self.state.mailbox_id:
            self._save(mailbox_id=status.mailbox_id)

    def batch(
        self,
        uids: list[int],
        gone: Gone | None = None,
        wanted: set[int] | None = None,
        new: bool = False,
        **changes,
    ) -> None:
        """Handle ``uids``: strangers' are noted, contacts' fetched and imported.

        Commits after each part, so that a slow server gets on in small steps.

        :param gone: places that a message may have moved from
        :param wanted: what may be imported; None: all
        :param new: these have just come, and are no history
        :param changes: of the state, saved when all is done
        """
        self._pause()
        headers, refused = self._headers(uids, new)
        by_uid = {record.uid: record for record in headers}

        def sort_out():
            stay = [record for record in headers if not _is_draft(record)]
            moved = self.store.rebind(self.state.key, stay, gone or {})
            rest = [record for record in stay if record.uid not in moved]
            if wanted is not None:
                rest = [record for record in rest if record.uid in wanted]
            matches = self.store.match(rest)
            drafts = by_uid.keys() - {record.uid for record in stay}
            strangers = [record for record in rest if record.uid not in matches]
            skipped = dict.fromkeys(drafts, SkipReason.DRAFT)
            skipped |= self.store.skip_reasons(strangers)
            reasons = {uid: REFUSED for uid in refused}
            reasons.update(
                (uid, TOO_LARGE) for uid in matches if by_uid[uid].size > MAX_MESSAGE
            )
            counts = Counts(seen=len(moved) + len(skipped), matched=len(moved))
            counts.add(Counts.of_skipped(skipped.values()))
            counts.add(self._failed_import(reasons))
            return counts, moved | reasons.keys(), skipped, matches

        matches = self._work(sort_out)
        sizes = [(u, by_uid[u].size) for u in uids if u in matches]
        left = [pair for pair in sizes if pair[0] not in self.handled]
        for part in body_batches(left, *([1] if self.careful else [])):
            self._pause()
            self._import(part, by_uid, matches)
        if changes:
            self._save(**changes)

    def _import(self, uids: list[int], by_uid: dict, matches: dict) -> None:
        messages = [
            (by_uid[uid], matches[uid], raw)
            for uid, raw in self.session.fetch_messages(uids)
        ]
        got = {record.uid for record, _match, _raw in messages}
        refused = self._refused(set(uids) - got)

        def work():
            counts = self._failed_import(dict.fromkeys(refused, REFUSED))
            skipped: dict[int, SkipReason] = {}
            if messages:
                done, skipped = self.store.import_messages(self.state.key, messages)
                counts.add(done)
            return counts, (got | refused) - skipped.keys(), skipped, None

        self._work(work)

    def _headers(
        self, uids: list[int], new: bool
    ) -> tuple[list[HeaderRecord], set[int]]:
        """Headers, and UIDs that the server lists and does not hand out."""
        headers = self.session.fetch_headers(uids, new)
        missing = self._refused(set(uids) - {record.uid for record in headers})
        again = missing - self.session.unfetchable
        if again:
            # Microsoft 365 leaves an answer out at times, and not the next time.
            headers += self.session.fetch_headers(again, new)
            missing -= {record.uid for record in headers}
        return headers, missing

    def _refused(self, absent: set[int]) -> set[int]:
        """Those of ``absent`` that are not simply expunged."""
        refused = absent & self.session.unfetchable
        rest = absent - refused
        return refused | self.session.existing(rest) if rest else refused

    def _failed_import(self, reasons: dict[int, str]) -> Counts:
        if reasons:
            self.store.keep_failed(self.state.key, reasons)
        return Counts(seen=len(reasons), failed=len(reasons))

    def _work(
        self,
        work: Callable[[], tuple[Counts, Iterable, Mapping[int, SkipReason], object]],
    ):
        """Do ``work`` and commit it with the UIDs that it handled.

        :param work: gives counts, UIDs imported, UIDs skipped, and a result
        """

        def whole():
            counts, imported, skipped, result = work()
            if imported or skipped:
                self.store.save(self.state.key, imported, skipped)
            if self.backfill:
                self.store.backfill_counted(counts)
            return counts, imported, skipped, result

        handled = self.handled
        counts, imported, skipped, result = self.store.transaction(whole)
        self.totals.add(counts)
        self._handled = handled.add({*imported, *skipped})
        return result

    # ------------------------------------------------------------------

    def _save(self, **changes) -> None:
        self._drop_and_save(UidRanges(), changes)

    def _drop_and_save(self, vanished: UidRanges, changes: dict) -> None:
        def work():
            if vanished:
                self.store.drop(self.state.key, vanished)
            if changes:
                self.store.save(self.state.key, **changes)

        self.store.transaction(work)
        self.state = replace(self.state, **changes)

    def _pause(self) -> None:
        self.pause.check(self.session.endpoint.side)


def _is_draft(record: HeaderRecord) -> bool:
    """Gmail's All Mail holds drafts; they are nobody's mail yet."""
    return "\\draft" in record.flags or "\\draft" in record.labels
