"""A store in memory that forgets what was not committed."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from odoo.addons.mailbox_connector.engine.imap.ranges import UidRanges
from odoo.addons.mailbox_connector.engine.sync.interfaces import Backfill
from odoo.addons.mailbox_connector.engine.sync.state import (
    Counts,
    FolderState,
    SkipReason,
)

#: Folders that are not read.
UNREAD = {"Trash"}


class Conflict(Exception):
    """Another worker got in the way: the transaction is done again."""


@dataclass
class Wanted:
    """An import of older e-mails; ``names``: of folders, None: all that are read.

    ``before``: back to which day a folder had been read.
    """

    since: date
    names: frozenset[str] | None = None
    state: str = "running"
    before: dict[int, date | None] = field(default_factory=dict)
    undo_mark: int = 0


@dataclass
class Data:
    """All that is stored."""

    states: dict[int, FolderState] = field(default_factory=dict)
    handled: dict[int, UidRanges] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    #: (folder, UIDVALIDITY, UID) to (number of the message, header hash)
    locations: dict[tuple[int, int, int], tuple[int, str]] = field(default_factory=dict)
    #: How often a message was imported for its contact.
    imported: dict[int, int] = field(default_factory=dict)
    keep_failed: set[tuple[int, int]] = field(default_factory=set)
    #: Folders with a problem, and its kind.
    problems: dict[int, str] = field(default_factory=dict)
    backfills: dict[int, Wanted] = field(default_factory=dict)
    #: By folder: UIDs imported and taken out again.
    undone: dict[int, UidRanges] = field(default_factory=dict)
    #: (folder, UIDVALIDITY, UID) to the import that found it there.
    found_by: dict[tuple[int, int, int], int] = field(default_factory=dict)


class ModelStore:
    """The port that a pass keeps what it finds in.

    :param step: called before each statement and around each commit; may raise
        :class:`Conflict` or anything that kills the worker
    """

    def __init__(self, started: date, backfill: date | None, step=lambda: None):
        self.started = started
        self.clock = datetime.combine(started, datetime.min.time())
        self.step = step
        self.data = Data()
        self._committed = copy.deepcopy(self.data)
        self._keys = 0
        self._serving: int | None = None
        if backfill:
            self.want(backfill)

    # Transactions

    def transaction(self, work):
        while True:
            try:
                result = work()
                self.step()
                break
            except Conflict:
                self.rollback()
        self._committed = copy.deepcopy(self.data)
        self.step_after_commit()
        return result

    def step_after_commit(self):
        try:
            self.step()
        except Conflict:
            pass

    def rollback(self):
        self.data = copy.deepcopy(self._committed)

    # Folders

    def folders(self):
        return [replace(state) for state in self.data.states.values()]

    def refresh(self, listed, renamed, unreadable=()):
        if listed is None:
            return [s for s in self.folders() if self._read(s.key)]
        read = {key for key in self.data.states if self._read(key)}
        for key, raw_name in renamed.items():
            self.data.states[key].raw_name = raw_name
        known = {state.raw_name: key for key, state in self.data.states.items()}
        names = {folder.raw_name for folder in listed}
        for name in sorted(names - known.keys()):
            self._keys += 1
            self.data.states[self._keys] = FolderState(self._keys, name)
        self.data.gone = {
            key
            for name, key in known.items()
            if name not in names and not any(name in odd for odd in unreadable)
        }
        # Who turns a folder on, or restores one, wants its older e-mails.
        if {key for key in self.data.states if self._read(key)} - read:
            self.reopen_backfill()
        return [s for s in self.folders() if self._read(s.key)]

    def _read(self, key):
        return key not in self.data.gone and (
            self.data.states[key].raw_name not in UNREAD
        )

    def save(self, key, imported=(), skipped=(), **changes):
        self.step()
        self.data.states[key] = replace(self.data.states[key], **changes)
        self.data.handled[key] = self.handled(key).add([*imported, *skipped])
        if key in self.data.undone:
            self.data.undone[key] -= UidRanges.from_uids([*imported, *skipped])

    def handled(self, key, without_undone=False):
        handled = self.data.handled.get(key, UidRanges())
        undone = self.data.undone.get(key, UidRanges())
        return handled - undone if without_undone else handled

    def begin(self, state):
        self.step()
        self.data.handled.pop(state.key, None)
        self.data.undone.pop(state.key, None)
        self.data.states[state.key] = replace(state)

    def folder_gone(self, key):
        self.data.gone.add(key)

    def folder_problem(self, key, error):
        self.data.problems.pop(key, None)
        if error:
            self.data.problems[key] = error.kind.value
        state = self.data.states[key]
        self.data.states[key] = replace(state, problem=bool(error))

    # Locations

    def known_good(self, key):
        return list(self.locations(key))[-3:] or list(self._seen(key))[-3:]

    def _seen(self, key):
        failed = {uid for folder, uid in self.data.keep_failed if folder == key}
        return [uid for uid in self.handled(key) if uid not in failed]

    def _live(self, location):
        key, uidvalidity, _uid = location
        return key not in self.data.gone and (
            self.data.states[key].uidvalidity == uidvalidity
        )

    def locations(self, key):
        return UidRanges.from_uids(
            location[2]
            for location in self.data.locations
            if location[0] == key and self._live(location)
        )

    def header_hashes(self, key, limit):
        uidvalidity = self.data.states[key].uidvalidity
        found = {
            location[2]: digest
            for location, (_number, digest) in self.data.locations.items()
            if location[:2] == (key, uidvalidity) and digest
        }
        return {uid: found[uid] for uid in sorted(found)[-limit:]}

    def rebind(self, key, headers, vanished):
        self.step()
        free = {}
        for location, (_number, digest) in self.data.locations.items():
            if digest and (
                not self._live(location)
                or location[2] in vanished.get(location[0], UidRanges())
            ):
                free.setdefault(digest, location)
        moved = set()
        uidvalidity = self.data.states[key].uidvalidity
        for record in headers:
            location = free.pop(record.header_hash, None)
            if location:
                entry = self.data.locations.pop(location)
                self.data.locations[key, uidvalidity, record.uid] = entry
                if location in self.data.found_by:
                    backfill = self.data.found_by.pop(location)
                    self.data.found_by[key, uidvalidity, record.uid] = backfill
                moved.add(record.uid)
        return moved

    def may_rebind(self):
        return any(not self._live(location) for location in self.data.locations)

    def drop(self, key, uids):
        self.step()
        uidvalidity = self.data.states[key].uidvalidity
        for uid in uids:
            self.data.locations.pop((key, uidvalidity, uid), None)

    def drop_renumbered(self):
        for location in list(self.data.locations):
            if self.data.states[location[0]].uidvalidity != location[1]:
                del self.data.locations[location]

    # Messages

    def match(self, headers):
        self.step()
        return {h.uid: "contact" for h in headers if h.addresses["from"][0]}

    def skip_reasons(self, headers):
        return {header.uid: SkipReason.NO_CONTACT for header in headers}

    def import_messages(self, key, messages):
        self.step()
        for record, _match, raw in messages:
            number = int(raw)
            self.data.imported.setdefault(number, 0)
            self.data.imported[number] = 1
            location = key, self.data.states[key].uidvalidity, record.uid
            self.data.locations[location] = number, record.header_hash
            if self._serving:
                self.data.found_by[location] = self._serving
        return Counts(len(messages), len(messages), len(messages)), {}

    def keep_failed(self, key, failures):
        self.data.keep_failed |= {(key, uid) for uid in failures}

    # The account

    def reopen_backfill(self):
        whole = [
            wanted
            for wanted in self.data.backfills.values()
            if wanted.names is None and wanted.state != "undone"
        ]
        if whole and whole[-1].state == "done":
            done = [wanted for wanted in whole if wanted.state == "done"]
            min(done, key=lambda wanted: wanted.since).state = "running"
        return any(wanted.state == "running" for wanted in whole)

    def purge(self, before):
        pass

    def release_gone(self):
        pass

    def started_on(self):
        return self.started

    def backfills(self):
        backfills = self.data.backfills
        last_undo = max((wanted.undo_mark for wanted in backfills.values()), default=0)
        return [
            Backfill(key, wanted.since, self._keys_of(wanted.names), key > last_undo)
            for key, wanted in backfills.items()
            if wanted.state == "running"
        ]

    def _keys_of(self, names):
        if names is None:
            return None
        states = self.data.states.values()
        return frozenset(state.key for state in states if state.raw_name in names)

    def serve(self, backfill):
        self._serving = backfill and backfill.key

    def is_wanted(self):
        self.step()
        return self.data.backfills[self._serving].state == "running"

    def backfill_found(self, left):
        pass

    def backfill_counted(self, counts):
        pass

    def backfill_read(self, key, since):
        state = self.data.states[key]
        wanted = self.data.backfills[self._serving]
        wanted.before.setdefault(key, state.handled_since)
        self.save(key, handled_since=since)

    def backfill_done(self):
        self.data.backfills[self._serving].state = "done"

    # What people do, committed

    def want(self, since, names=None):
        """Import older e-mails."""
        key = len(self.data.backfills) + 1
        self.data.backfills[key] = Wanted(since, names and frozenset(names))
        self._committed.backfills = copy.deepcopy(self.data.backfills)
        return key

    def set_state(self, key, state):
        """Pause, go on with, or cancel an import that is not over. Seen at once by
        who asks for it, as if the transaction had begun later."""
        for data in (self.data, self._committed):
            wanted = data.backfills.get(key)
            if wanted and wanted.state in ("running", "paused"):
                wanted.state = state

    def undo(self, key):
        """Remove what an import added and nothing else has found."""
        wanted = self.data.backfills.get(key)
        if not wanted or wanted.state not in ("done", "stopped"):
            return
        data = self.data
        wanted.state, wanted.undo_mark = "undone", max(data.backfills)
        for folder, day in wanted.before.items():
            state = data.states.get(folder)
            if state and state.handled_since and (not day or day > state.handled_since):
                state.handled_since = day
        mine = {
            location for location, backfill in data.found_by.items() if backfill == key
        }
        mine &= data.locations.keys()
        for number in {data.locations[location][0] for location in mine}:
            present = {p for p, (n, _hash) in data.locations.items() if n == number}
            if not any(map(self._live, present)):
                continue  # it could not come back
            if present <= mine:
                data.imported.pop(number)
            for location in present & mine:
                folder, _validity, uid = location
                if self._live(location):
                    undone = data.undone.get(folder, UidRanges())
                    data.undone[folder] = undone.add([uid])
                del data.locations[location]
        data.found_by = {p: h for p, h in data.found_by.items() if h != key}
        self._committed = copy.deepcopy(self.data)

    def now(self):
        return self.clock

    def tomorrow(self):
        """A day passes."""
        self.clock += timedelta(days=1, seconds=1)
