"""The invariant: whatever struck, each message is on its contacts exactly once.

Read from the database by SQL alone: what the addon reports itself proves nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import psycopg2

from ..odoo import launch
from ..servers import postgres
from .world import Folder, World

MESSAGES = """
SELECT rfc_message_id, count(*) FROM mailbox_message GROUP BY 1
"""
LINKS = """
SELECT m.rfc_message_id, p.email, count(DISTINCT l.id), count(DISTINCT c.id)
  FROM mailbox_message m
  JOIN mailbox_link l ON l.message_id = m.id
  JOIN res_partner p ON p.id = l.partner_id
  LEFT JOIN mail_message c ON c.mailbox_message_id = m.id
        AND c.model = 'res.partner' AND c.res_id = p.id
 GROUP BY 1, 2
"""
FILES = """
SELECT m.rfc_message_id, a.store_fname
  FROM ir_attachment a
  JOIN mailbox_message m ON m.id = a.res_id
 WHERE a.res_model = 'mailbox.message' AND a.name = 'a.pdf'
"""
LOCATIONS = """
SELECT f.raw_name, l.uid, m.rfc_message_id
  FROM mailbox_location l
  JOIN mailbox_folder f ON f.id = l.folder_id AND f.uidvalidity = l.uidvalidity
  JOIN mailbox_message m ON m.id = l.message_id
 WHERE f.account_id = %s AND f.sync AND f.gone IS NOT TRUE
"""
FAILED_IMPORTS = "SELECT id, reason FROM mailbox_failed_import WHERE account_id = %s"
KINDS = ("lost", "doubled", "locations", "other")


@dataclass
class Findings:
    """What is wrong, each as a sentence."""

    lost: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    locations: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def __sub__(self, known: "Findings") -> "Findings":
        """What is new since `known`."""
        return Findings(*(getattr(self, k) - getattr(known, k) for k in KINDS))

    def add(self, more: "Findings") -> None:
        for kind in KINDS:
            getattr(self, kind).update(getattr(more, kind))

    def lines(self) -> Iterator[str]:
        for kind in KINDS:
            for text in sorted(getattr(self, kind)):
                yield f"{kind}: {text}"


class Checker:
    """Checks one mailbox of `database` against its world."""

    def __init__(self, database: str, account: int, world: World):
        self.database = database
        self.account = account
        self.world = world
        self.sound_files: dict[str, str] = {}

    def check(self, before: dict[str, Folder]) -> Findings:
        """All that is wrong now.

        :param before: the server's state from before our passes
        """
        found = Findings()
        state = self.world.state()
        if state != before:
            found.other.add(f"the server has changed: {_difference(before, state)}")
        self.world.expect(state)
        self._messages(found)
        self._files(found)
        self._locations(found, state)
        for number, reason in self._rows(FAILED_IMPORTS, self.account):
            found.other.add(f"failed import {number}: {reason}")
        return found

    def _messages(self, found: Findings) -> None:
        for message_id, count in self._rows(MESSAGES):
            if message_id in self.world.mails and count > 1:
                found.doubled.add(f"{message_id} is {count} e-mails")
        shown = {}
        for message_id, partner, links, copies in self._rows(LINKS):
            mail = self.world.mails.get(message_id)
            if mail is None:
                continue
            shown[message_id, partner] = links, copies
            if partner not in mail.partners:
                found.other.add(f"{message_id} is on {partner}")
            if links > 1 or copies > 1:
                found.doubled.add(f"{message_id} on {partner}: {links}, {copies}")
        for message_id, mail in self.world.expected.items():
            for partner in mail.partners:
                links, copies = shown.get((message_id, partner), (0, 0))
                if not links or not copies:
                    text = f"{message_id} on {partner}: {links} links, {copies} copies"
                    found.lost.add(text)

    def _files(self, found: Findings) -> None:
        rows = self._rows(FILES)
        counts = Counter(message_id for message_id, _name in rows)
        for message_id, mail in self.world.expected.items():
            if mail.attachment and counts[message_id] == 0:
                found.lost.add(f"the attachment of {message_id}")
            if mail.attachment and counts[message_id] > 1:
                found.doubled.add(f"the attachment of {message_id}")
        for message_id, name in rows:
            mail = self.world.mails.get(message_id)
            if mail and self._checksum(name) != mail.attachment:
                found.lost.add(f"the content of the attachment of {message_id}")

    def _checksum(self, name: str) -> str:
        path = launch.filestore(self.database) / name
        if name not in self.sound_files and path.exists():
            self.sound_files[name] = hashlib.sha1(path.read_bytes()).hexdigest()
        return self.sound_files.get(name, "")

    def _locations(self, found: Findings, state: dict[str, Folder]) -> None:
        ours = Counter(self._rows(LOCATIONS, self.account))
        theirs = Counter(
            (name, uid, message_id)
            for name, folder in self.world.read_folders(state).items()
            for uid, (message_id, _flags) in folder.messages.items()
            if message_id in self.world.expected
        )
        for place in (ours - theirs).elements():
            found.locations.add(f"not there any more: {place}")
        for place in (theirs - ours).elements():
            found.locations.add(f"not known: {place}")

    def _rows(self, sql: str, *values: object) -> list[tuple]:
        return rows(self.database, sql, *values)


def rows(database: str, sql: str, *values: object) -> list[tuple]:
    """What a query finds, over a connection of its own."""
    opened = psycopg2.connect(
        dbname=database,
        host=str(postgres.socket_dir()),
        port=postgres.PORT,
        user=postgres.ROLE,
    )
    with closing(opened) as connection, connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchall()


def _difference(before: dict[str, Folder], after: dict[str, Folder]) -> str:
    names = [n for n in {*before, *after} if before.get(n) != after.get(n)]
    return ", ".join(sorted(names))
