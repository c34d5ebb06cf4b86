"""The mailbox of a soak on its server: what happens there, and what should come of it.

Everything is drawn from one random generator, so a seed gives the same traffic.
"""

import hashlib
import random
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from imapclient import IMAPClient

from ..servers import dovecot
from ..servers.mailservers import MailServers

#: Folders that are always there and read; further ones come and go.
FIXED = ("INBOX", "Sent", "Archive")
NOT_READ = ("Drafts", "Junk", "Trash")
#: From so many messages on, more of them are thrown away than come.
CROWDED = 120
MESSAGE_ID = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


@dataclass(frozen=True)
class Mail:
    """A message that was put on the server. `old`: by its date in days."""

    message_id: str
    partners: frozenset[str]
    days: int
    attachment: str = ""
    """The attachment's SHA-1."""


@dataclass(frozen=True)
class Folder:
    """A folder as it is now: Message-ID and flags by UID."""

    uidvalidity: int
    messages: dict[int, tuple[str, tuple[str, ...]]]


@dataclass
class World:
    """One mailbox. `mails`: all that ever were, by Message-ID; `expected`: those that
    have to be on their contacts for ever; `done`: what happened in this round."""

    servers: MailServers
    user: str
    rng: random.Random
    contacts: list[str]
    days: int
    mails: dict[str, Mail] = field(default_factory=dict)
    expected: dict[str, Mail] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    known: dict[tuple[str, int, int], str] = field(default_factory=dict)
    made: int = 0
    #: Distinguishes the messages of this run from those of another with the same seed.
    run: str = field(default_factory=lambda: f"{time.time_ns():x}")

    def __post_init__(self) -> None:
        self._client = self.servers.imap(self.user)
        self.client: IMAPClient = self._client.__enter__()

    def close(self) -> None:
        self._client.__exit__(None, None, None)

    # What is there

    def state(self) -> dict[str, Folder]:
        """All folders; nothing on the server is changed."""
        found = {}
        for flags, _delimiter, name in self.client.list_folders():
            if not {b"\\Noselect", b"\\NonExistent"} & set(flags):
                found[name] = self._read(name)
        return found

    def _read(self, name: str) -> Folder:
        opened = self.client.select_folder(name, readonly=True)
        validity = opened[b"UIDVALIDITY"]
        uids = self.client.search()
        data = self.client.fetch(uids, ["FLAGS"]) if uids else {}
        strange = [uid for uid in uids if (name, validity, uid) not in self.known]
        headers = self.client.fetch(strange, [MESSAGE_ID]) if strange else {}
        for uid, items in headers.items():
            value = next(v for k, v in items.items() if k.startswith(b"BODY"))
            message_id = value.decode().partition(":")[2].strip()
            self.known[name, validity, uid] = message_id
        return Folder(
            validity,
            {
                uid: (
                    self.known[name, validity, uid],
                    tuple(sorted(flag.decode() for flag in data[uid][b"FLAGS"])),
                )
                for uid in uids
            },
        )

    def read_folders(self, state: dict[str, Folder]) -> dict[str, Folder]:
        return {name: f for name, f in state.items() if name not in NOT_READ}

    def expect(self, state: dict[str, Folder]) -> None:
        """A pass has seen what is in `state`: it has to stay."""
        for folder in self.read_folders(state).values():
            for message_id, _flags in folder.messages.values():
                mail = self.mails[message_id]
                if mail.partners and mail.days <= self.days:
                    self.expected[message_id] = mail

    # What happens

    def fill(self, count: int, days: int) -> None:
        """E-mails from before the mailbox is connected: one message or more a day."""
        for number in range(count):
            self._arrive(self.rng.choice(FIXED), days=1 + number * days // count)

    def busy(self) -> None:
        """Of everything something, so that a pass has to do all it can."""
        self.done = []
        for _n in range(3):
            self.arrive()
        self.leave()
        self.move()
        self.expunge()
        self.flag()

    def happen(self, count: int) -> None:
        """`count` random things."""
        self.done = []
        kinds = (self.arrive, self.leave, self.flag, self.expunge, self.move)
        kinds += (self.copy, self.make, self.rename, self.recreate, self.delete)
        kinds += (self.renumber,)
        for _n in range(count):
            weights = [8, 3, 3, 2, 3, 1, 1, 1, 1, 1, 1]
            if sum(1 for _place in self._places()) > CROWDED:
                weights = [2, 1, 2, 12, 3, 1, 0, 1, 1, 3, 1]
            self.rng.choices(kinds, weights)[0]()

    def arrive(self, attachment: int = 0) -> None:
        """A mail comes in, from a contact into INBOX when it has an attachment.

        :param attachment: its size in bytes; 0: as it happens
        """
        folders = ["INBOX"] if attachment else ["INBOX", "INBOX", *self.own]
        self._arrive(self.rng.choice(folders), attachment=attachment)

    def leave(self) -> None:
        self._arrive("Sent", out=True)

    def flag(self) -> None:
        name, uids = self._some()
        if uids:
            act = self.rng.choice([self.client.add_flags, self.client.remove_flags])
            act(uids, [self.rng.choice(["\\Seen", "\\Flagged"])], silent=True)
            self.done.append(f"flags of {uids} in {name}")

    def expunge(self) -> None:
        name, uids = self._some()
        if uids:
            self.client.delete_messages(uids, silent=True)
            self.client.uid_expunge(uids)
            self.done.append(f"{uids} expunged in {name}")

    def move(self) -> None:
        name, uids = self._some()
        target = self.rng.choice([f for f in (*FIXED, "Trash", *self.own) if f != name])
        if uids:
            self.client.move(uids, target)
            self.done.append(f"{uids} moved from {name} to {target}")

    def copy(self) -> None:
        name, uids = self._some()
        target = self.rng.choice([*FIXED, *self.own])
        if uids:
            self.client.copy(uids, target)
            self.done.append(f"{uids} copied from {name} to {target}")

    def make(self) -> None:
        if len(self.own) < 4:
            self.made += 1
            self._make(f"Project {self.made}")

    def rename(self) -> None:
        if self.own:
            name = self.own.pop(self.rng.randrange(len(self.own)))
            self.made += 1
            self.own.append(f"Renamed {self.made}")
            self.client.unselect_folder()
            self.client.rename_folder(name, self.own[-1])
            self.done.append(f"{name} renamed to {self.own[-1]}")

    def delete(self) -> None:
        if self.own:
            name = self.own.pop(self.rng.randrange(len(self.own)))
            self.client.unselect_folder()
            self.client.delete_folder(name)
            self.done.append(f"{name} deleted")

    def recreate(self) -> None:
        """A new folder under an old name: its UIDs mean other messages."""
        if self.own:
            name = self.rng.choice(self.own)
            self.client.unselect_folder()
            self.client.delete_folder(name)
            self.own.remove(name)
            self._make(name)
            for _n in range(self.rng.randrange(3)):
                self._arrive(name)
            self.done.append(f"{name} deleted and created again")

    def renumber(self) -> None:
        """A folder gets a new UIDVALIDITY, as when it is restored from a backup."""
        name = self.rng.choice([*FIXED, *self.own])
        validity = self._read(name).uidvalidity + 1
        self.client.unselect_folder()
        dovecot.renumber(self.servers.folder / "dovecot", self.user, name, validity)
        self.done.append(f"{name} renumbered")

    def _make(self, name: str) -> None:
        self.client.create_folder(name)
        self.own.append(name)
        self.done.append(f"{name} made")
        self._arrive(name)

    def _places(self):
        for name in (*FIXED, *self.own):
            for uid, (message_id, _flags) in self._read(name).messages.items():
                yield name, uid, message_id

    def _some(self) -> tuple[str, list[int]]:
        """Some messages of a folder, which is then open; none of those that a wider
        window has to import: moved, they would be new mail."""
        name = self.rng.choice([*FIXED, *self.own])
        folder = self._read(name)
        young = [u for u, (m, _f) in folder.messages.items() if not self.mails[m].days]
        self.client.select_folder(name)
        return name, sorted(
            self.rng.sample(young, min(len(young), self.rng.randint(1, 4)))
        )

    def _arrive(
        self, folder: str, days: int = 0, out: bool = False, attachment: int = 0
    ) -> None:
        mail, raw = self._mail(days, out or (folder == "Sent"), attachment)
        self.mails[mail.message_id] = mail
        when = datetime.now(timezone.utc) - timedelta(days=days)
        self.client.append(folder, raw, [], when)
        self.done.append(f"{mail.message_id} into {folder}")

    def _mail(self, days: int, out: bool, size: int) -> tuple[Mail, bytes]:
        message = EmailMessage(policy=SMTP)
        stranger = not size and self.rng.random() < 0.15
        others = ["nobody@stranger.example"]
        if not stranger:
            others = self.rng.sample(self.contacts, self.rng.choice([1, 1, 1, 2]))
        message["From"] = self.user if out else others[0]
        message["To"] = others[0] if out else self.user
        if others[1:]:
            message["Cc"] = others[1]
        number = f"{self.rng.getrandbits(64):x}"
        message["Message-ID"] = f"<{number}.{self.run}@mail.example>"
        message["Subject"] = f"Subject {number}"
        moment = datetime.now(timezone.utc) - timedelta(days=days)
        message["Date"] = format_datetime(moment)
        if self.mails and self.rng.random() < 0.3:
            message["In-Reply-To"] = self.rng.choice(list(self.mails))
        message.set_content(f"Text of {number}.\n" * self.rng.randint(1, 40))
        checksum = ""
        if size or self.rng.random() < 0.25:
            # Of this run alone: a file that is stored already would not be written.
            content = f"{self.run} {number}".encode()
            content += self.rng.randbytes(size or self.rng.randint(100, 60_000))
            checksum = hashlib.sha1(content).hexdigest()
            message.add_attachment(
                content, maintype="application", subtype="pdf", filename="a.pdf"
            )
        partners = frozenset(() if stranger else others)
        mail = Mail(message["Message-ID"], partners, days, checksum)
        return mail, message.as_bytes()
