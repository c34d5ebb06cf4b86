"""A store in memory that forgets what was not committed."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from odoo.addons.mailbox_connector.engine.imap.ranges import UidRanges
from odoo.addons.mailbox_connector.engine.sync.state import Counts, FolderState

#: Folders that are not read.
UNREAD = {"Trash"}


class Conflict(Exception):
    """Another worker got in the way: the transaction is done anew."""


@dataclass
class Data:
    """All that is stored."""

    states: dict[int, FolderState] = field(default_factory=dict)
    handled: dict[int, UidRanges] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    #: (folder, UIDVALIDITY, UID) to (number of the message, header hash)
    places: dict[tuple[int, int, int], tuple[int, str]] = field(default_factory=dict)
    #: How often a message was brought to its contact.
    imported: dict[int, int] = field(default_factory=dict)
    put_aside: set[tuple[int, int]] = field(default_factory=set)
    history: date | None = None
    history_running: bool = False


class ModelStore:
    """The port that a pass keeps what it finds in.

    :param step: called before each statement and around each commit; may raise
        :class:`Conflict` or anything that kills the worker
    """

    def __init__(self, started: date, history: date | None, step=lambda: None):
        self.started = started
        self.clock = datetime.combine(started, datetime.min.time())
        self.step = step
        self.data = Data(history=history, history_running=bool(history))
        self._committed = copy.deepcopy(self.data)
        self._keys = 0

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

    def refresh(self, listed, renamed):
        read = {key for key in self.data.states if self._read(key)}
        for key, raw_name in renamed.items():
            self.data.states[key].raw_name = raw_name
        known = {state.raw_name: key for key, state in self.data.states.items()}
        names = {folder.raw_name for folder in listed}
        for name in sorted(names - known.keys()):
            self._keys += 1
            self.data.states[self._keys] = FolderState(self._keys, name)
        self.data.gone = {key for name, key in known.items() if name not in names}
        # Who switches a folder on, or brings one back, wants its history.
        if {key for key in self.data.states if self._read(key)} - read:
            self.reopen_history()
        return [s for s in self.folders() if self._read(s.key)]

    def _read(self, key):
        return key not in self.data.gone and (
            self.data.states[key].raw_name not in UNREAD
        )

    def save(self, key, imported=(), skipped=(), **changes):
        self.step()
        self.data.states[key] = replace(self.data.states[key], **changes)
        self.data.handled[key] = self.handled(key).add([*imported, *skipped])

    def handled(self, key):
        return self.data.handled.get(key, UidRanges())

    def begin(self, state):
        self.step()
        self.data.handled.pop(state.key, None)
        self.data.states[state.key] = replace(state)

    def gone(self, key):
        self.data.gone.add(key)

    # Places

    def _live(self, place):
        key, uidvalidity, _uid = place
        return key not in self.data.gone and (
            self.data.states[key].uidvalidity == uidvalidity
        )

    def places(self, key):
        return UidRanges.from_uids(
            place[2]
            for place in self.data.places
            if place[0] == key and self._live(place)
        )

    def header_hashes(self, key, limit):
        uidvalidity = self.data.states[key].uidvalidity
        found = {
            place[2]: digest
            for place, (_number, digest) in self.data.places.items()
            if place[:2] == (key, uidvalidity) and digest
        }
        return {uid: found[uid] for uid in sorted(found)[-limit:]}

    def rebind(self, key, headers, gone):
        self.step()
        free = {}
        for place, (_number, digest) in self.data.places.items():
            if digest and (
                not self._live(place) or place[2] in gone.get(place[0], UidRanges())
            ):
                free.setdefault(digest, place)
        moved = set()
        uidvalidity = self.data.states[key].uidvalidity
        for record in headers:
            place = free.pop(record.header_hash, None)
            if place:
                entry = self.data.places.pop(place)
                self.data.places[key, uidvalidity, record.uid] = entry
                moved.add(record.uid)
        return moved

    def may_rebind(self):
        return any(not self._live(place) for place in self.data.places)

    def drop(self, key, uids):
        self.step()
        uidvalidity = self.data.states[key].uidvalidity
        for uid in uids:
            self.data.places.pop((key, uidvalidity, uid), None)

    def drop_renumbered(self):
        for place in list(self.data.places):
            if self.data.states[place[0]].uidvalidity != place[1]:
                del self.data.places[place]

    # Messages

    def match(self, headers):
        self.step()
        return {h.uid: "contact" for h in headers if h.addresses["from"][0]}

    def import_messages(self, key, messages):
        self.step()
        for record, _match, raw in messages:
            number = int(raw)
            self.data.imported.setdefault(number, 0)
            self.data.imported[number] = 1
            place = key, self.data.states[key].uidvalidity, record.uid
            self.data.places[place] = number, record.header_hash
        return Counts(len(messages), len(messages), len(messages))

    def put_aside(self, key, reasons):
        self.data.put_aside |= {(key, uid) for uid in reasons}

    # The account

    def reopen_history(self):
        if self.data.history:
            self.data.history_running = True
        return bool(self.data.history)

    def purge(self, before):
        pass

    def started_on(self):
        return self.started

    def history_since(self):
        return self.data.history if self.data.history_running else None

    def history_found(self, left):
        pass

    def history_counted(self, counts):
        pass

    def history_done(self):
        self.data.history_running = False

    def now(self):
        return self.clock

    def tomorrow(self):
        """A day passes."""
        self.clock += timedelta(days=1, seconds=1)
