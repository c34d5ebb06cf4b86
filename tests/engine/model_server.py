"""An IMAP account in memory: what a pass sees of a server, and nothing more."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timezone

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side
from odoo.addons.mailbox_connector.engine.imap.ranges import UidRanges
from odoo.addons.mailbox_connector.engine.types import (
    Endpoint,
    Folder,
    FolderStatus,
    HeaderRecord,
    Role,
    Security,
)

#: How a FETCH ends at a bad message: the error, and whether the connection is lost.
ENDS = {
    "cut": (Kind.CONNECTION_LOST, True),
    "bye": (Kind.TRANSIENT, True),
    "hang": (Kind.TIMEOUT, True),
    "garbage": (Kind.PROTOCOL, True),
    "large": (Kind.TOO_LARGE, True),
    "unavailable": (Kind.TRANSIENT, False),
}


@dataclass(frozen=True)
class Mail:
    """A message; equal wherever it is. ``known``: a contact's."""

    number: int
    received: date
    known: bool = True
    draft: bool = False


@dataclass
class Box:
    """A folder. UIDs ascend and are never used twice under one UIDVALIDITY."""

    uidvalidity: int
    mailbox_id: str
    uidnext: int = 1
    modseq: int = 1
    mails: dict[int, Mail] = field(default_factory=dict)
    expunged: dict[int, int] = field(default_factory=dict)

    def add(self, mail: Mail) -> None:
        self.mails[self.uidnext] = mail
        self.uidnext += 1
        self.modseq += 1

    def remove(self, uid: int) -> Mail:
        self.modseq += 1
        self.expunged[uid] = self.modseq
        return self.mails.pop(uid)

    def renumber(self, uidvalidity: int) -> None:
        mails = list(self.mails.values())
        self.uidvalidity, self.uidnext, self.modseq = uidvalidity, 1, 1
        self.mails, self.expunged = {}, {}
        for mail in mails:
            self.add(mail)

    def pick(self, place: int) -> int | None:
        uids = sorted(self.mails)
        return uids[place % len(uids)] if uids else None


class ModelServer:
    """Folders by name; each method is something that can happen to an account.

    :param crowded: new folders share their UIDVALIDITY, as on a server that takes it
        from the clock
    :param courier: a folder that never held a message has a new UIDVALIDITY whenever
        somebody looks, and a folder that is renamed is renumbered
    """

    def __init__(self, crowded: bool = False, courier: bool = False):
        self._numbers = itertools.count(1)
        self._ids = itertools.count(1)
        self._validities = itertools.count(100)
        self._crowded = crowded
        self._courier = courier
        self._names: dict[tuple[str, int], str] = {}
        self.boxes: dict[str, Box] = {}
        #: Every message that was ever there.
        self.mails: list[Mail] = []
        for name in ("INBOX", "Archive", "Trash"):
            self.create(name)

    def create(self, name: str) -> None:
        if name not in self.boxes:
            number = 99 if self._crowded else next(self._validities)
            self._put(name, Box(number, f"id{next(self._ids)}"))

    def _put(self, name: str, box: Box) -> None:
        """Name and UIDVALIDITY together never mean another folder than before."""
        owner = self._names.setdefault((name, box.uidvalidity), box.mailbox_id)
        if owner != box.mailbox_id:
            box.renumber(next(self._validities))
            self._names[name, box.uidvalidity] = box.mailbox_id
        self.boxes[name] = box

    def look(self) -> None:
        """Somebody asks for the state of folders."""
        for box in self.boxes.values() if self._courier else ():
            if box.uidnext == 1:
                box.uidvalidity = next(self._validities)

    def deliver(self, name: str, received: date, known=True, draft=False) -> None:
        if name in self.boxes:
            mail = Mail(next(self._numbers), received, known, draft)
            self.mails.append(mail)
            self.boxes[name].add(mail)

    def expunge(self, name: str, place: int) -> None:
        box = self.boxes.get(name)
        if box and (uid := box.pick(place)):
            box.remove(uid)

    def move(self, name: str, place: int, to: str) -> None:
        box = self.boxes.get(name)
        if box and to in self.boxes and (uid := box.pick(place)):
            self.boxes[to].add(box.remove(uid))

    def copy(self, name: str, place: int, to: str) -> None:
        box = self.boxes.get(name)
        if box and to in self.boxes and (uid := box.pick(place)):
            self.boxes[to].add(box.mails[uid])

    def flag(self, name: str) -> None:
        if name in self.boxes:
            self.boxes[name].modseq += 1

    def rename(self, name: str, to: str) -> None:
        if name in self.boxes and to not in self.boxes and name != "INBOX":
            box = self.boxes.pop(name)
            if self._courier:
                box.renumber(next(self._validities))
            self._put(to, box)

    def swap(self, name: str, to: str) -> None:
        if name != to and {name, to} <= self.boxes.keys() - {"INBOX"}:
            one, other = self.boxes.pop(name), self.boxes.pop(to)
            self._put(name, other)
            self._put(to, one)

    def delete(self, name: str) -> None:
        if name != "INBOX":
            self.boxes.pop(name, None)

    def renumber(self, name: str) -> None:
        if name in self.boxes:
            box = self.boxes[name]
            box.renumber(next(self._validities))
            self._names[name, box.uidvalidity] = box.mailbox_id


@dataclass(frozen=True)
class Abilities:
    """What a server can do."""

    uidnext: bool = True
    condstore: bool = True
    qresync: bool = True
    objectid: bool = False


class ModelSession:
    """The port that a pass reads through.

    :param step: called before each command; may change the server or raise
    :param hide: UIDs that a FETCH leaves out the first time (Microsoft 365)
    :param bad: numbers of messages that cannot be returned, and how that ends: a key
        of :data:`ENDS`, after what comes before them or (capital letters) nothing
    :param phase: "headers" or "bodies": when that is
    """

    endpoint = Endpoint(Side.IMAP, "imap.example.com", 993, Security.TLS, "me", "x")

    def __init__(
        self,
        server: ModelServer,
        abilities: Abilities,
        step,
        hide=(),
        bad=None,
        phase="headers",
    ):
        self.server = server
        self.bad = bad or {}
        self.phase = phase
        self.lost = False
        self.unreadable_names = ()
        #: How often it had to connect again; UIDs requested in each FETCH.
        self.reconnects = 0
        self.fetches: list[list[int]] = []
        self.can = abilities
        self.step = step
        self.folder: str | None = None
        self.vanished: UidRanges | None = None
        self.unfetchable: set[int] = set()
        self.bodies = 0
        self._hide = set(hide)
        self._box: Box | None = None
        self._uidvalidity = 0

    def reconnect(self):
        self.reconnects += 1
        self.folder, self.lost = None, False
        self.step()

    def wait_at_most(self, seconds):
        pass

    def _command(self):
        """A command is sent: something happens, or the connection is lost."""
        if self.lost:
            raise AssertionError("a command on a lost connection")
        try:
            self.step()
        except EngineError as error:
            self.lost = error.kind in (Kind.CONNECTION_LOST, Kind.DEADLINE)
            raise

    def list_folders(self, status=False):
        self._command()
        self.server.look()
        return [
            Folder(name, name, "/", (), Role.OTHER, True, self._status(box))
            for name, box in self.server.boxes.items()
        ]

    def status(self, raw_names):
        self._command()
        self.server.look()
        boxes = self.server.boxes
        return {name: self._status(boxes[name]) for name in raw_names if name in boxes}

    def examine(self, raw_name, since=None):
        self._command()
        self.folder = self.vanished = None
        self.unfetchable.clear()
        self.server.look()
        self._box = self.server.boxes.get(raw_name)
        if self._box is None:
            raise EngineError(Kind.FOLDER_GONE, Side.IMAP)
        self.folder, self._uidvalidity = raw_name, self._box.uidvalidity
        if since and self.can.qresync and since[0] == self._box.uidvalidity:
            self.vanished = UidRanges.from_uids(
                uid for uid, at in self._box.expunged.items() if at > since[1]
            )
        status = self._status(self._box)
        if self.can.objectid:
            status = replace(status, imap_object_id=self._box.mailbox_id)
        return status

    def search_since(self, date):
        mails = self._mails()
        return sorted(u for u, m in mails.items() if not date or m.received >= date)

    def search_uids(self, low, high=1 << 32):
        return sorted(uid for uid in self._mails() if low <= uid <= high)

    def existing(self, uids):
        return set(uids) & self._mails().keys()

    def fetch_headers(self, uids, new=False):
        mails = self._mails()
        asked = sorted(set(uids))
        shown = [u for u in asked if self._shows(u, mails)]
        self._hide -= set(asked)
        for uid in self._until_bad("headers", shown, mails):
            yield _header(uid, mails[uid])

    def fetch_messages(self, uids):
        mails = self._mails()
        there = sorted(uid for uid in uids if uid in mails)
        for uid in self._until_bad("bodies", there, mails):
            self.bodies += 1
            yield uid, str(mails[uid].number).encode()

    def _until_bad(self, phase, uids, mails):
        """The UIDs that come before the server breaks off."""
        self.fetches.append(list(uids))
        ends = [self.bad.get(mails[uid].number) for uid in uids]
        bad = [end for end in ends if end] if phase == self.phase else []
        if not bad:
            yield from uids
            return
        if bad[0].islower():
            yield from uids[: ends.index(bad[0])]
        kind, self.lost = ENDS[bad[0].lower()]
        raise EngineError(kind, Side.IMAP)

    def _shows(self, uid, mails):
        return uid in mails and uid not in self._hide

    def _mails(self):
        self._command()
        if self._box is None:
            raise EngineError(Kind.PROTOCOL, Side.IMAP)
        if (
            self._box not in self.server.boxes.values()
            or self._box.uidvalidity != self._uidvalidity
        ):
            # A server that deletes or renumbers an open folder ends the session.
            self.lost = True
            raise EngineError(Kind.CONNECTION_LOST, Side.IMAP)
        return self._box.mails

    def _status(self, box):
        status = FolderStatus(len(box.mails), box.uidnext, box.uidvalidity)
        if not self.can.uidnext:
            status = replace(status, uidnext=None)
        if self.can.condstore:
            status = replace(status, highestmodseq=box.modseq)
        return status


def _header(uid: int, mail: Mail) -> HeaderRecord:
    return HeaderRecord(
        uid=uid,
        size=1000,
        internal_date=datetime.combine(mail.received, time(), timezone.utc),
        addresses={"from": [mail.known]},
        message_id=f"<{mail.number}@example.com>",
        flags=frozenset({"\\draft"} if mail.draft else ()),
        # Every third message has no Message-ID: nothing tells it from others.
        header_hash=f"hash {mail.number}" if mail.number % 3 else "",
    )
