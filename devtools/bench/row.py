"""What a row of `./dev bench` is, and what it has to work with."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..base.console import DevError, step
from ..odoo import database, worker
from ..odoo.logcheck import problems
from ..servers import postgres
from ..servers.mailservers import MailServers


@dataclass(frozen=True)
class Row:
    """A figure, what it has to reach, and the measurements it comes from.

    `at_least`: whether more is better. `details` are (label, value) pairs.
    `also`: what has to be true besides.
    """

    name: str
    what: str
    value: float
    unit: str
    reach: float
    at_least: bool = True
    details: list[tuple[str, str]] = field(default_factory=list)
    also: bool = True

    @property
    def holds(self) -> bool:
        if self.at_least:
            return self.also and self.value >= self.reach
        return self.also and self.value <= self.reach

    def as_json(self) -> dict:
        return {
            "value": round(self.value, 3),
            "unit": self.unit,
            "reach": self.reach,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Bench:
    """One run. `wanted`: names of rows; `quick`: few messages, to see that it works;
    `profile`: say where our time goes; `count`: how many messages, for rows that can
    take any number. Databases and mail users are the run's own."""

    folder: Path
    servers: MailServers
    wanted: frozenset[str]
    quick: bool = False
    profile: bool = False
    count: int = 0

    def database(self, name: str) -> str:
        return f"bench_{name}_{os.getpid()}"

    def user(self, name: str) -> str:
        return f"{name}-{os.getpid()}@example.com"

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    @contextmanager
    def ours(self, name: str) -> Iterator[str]:
        """A database with our addon and nothing else, for the length of a block."""
        with database.temporary(self.database(name)) as made:
            database.copy(self._with_addon, made)
            yield made

    @cached_property
    def _with_addon(self) -> str:
        name = self.database("addon")
        with step("database with the addon"):
            database.prepare(name, log=self.log("install"))
        return name

    def clean(self) -> None:
        """Drop what the rows shared."""
        database.drop(self.database("addon"))

    def call(self, name: str, function: str, label: str, **arguments: object):
        """`worker.call`, with a log of that label in which nothing is complained of."""
        log = self.log(label)
        result = worker.call(name, function, log, **arguments)
        if found := problems([log]):
            raise DevError("Odoo complained:\n" + "\n".join(found))
        return result

    def mailbox(self, user: str, port: int | None = None) -> dict:
        """Values of a `mailbox.account` for `user`; `port`: of a proxy before IMAP."""
        return {
            "email": user,
            "name": "Bench",
            "imap_host": self.servers.imap_host,
            "imap_port": port or self.servers.imap_tls_port,
            "imap_username": user,
            "imap_password": self.servers.password_of(user),
            "ca_certificate": self.servers.ca_pem,
        }

    def fill(self, user: str, messages: Sequence[bytes]) -> None:
        """Put messages into a user's inbox, many with one command."""
        with self.servers.imap(user) as client:
            for start in range(0, len(messages), 200):
                client.multiappend("INBOX", messages[start : start + 200])

    def empty(self, user: str) -> None:
        """Take the messages out of a user's inbox, however many."""
        with self.servers.imap(user) as client:
            client._imap.sock.settimeout(600)
            client.select_folder("INBOX")
            client._imap.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
            client.close_folder()

    def messages(self, user: str) -> dict[str, dict]:
        """Every message of a mailbox with its flags, size and date, by folder."""
        states = self.servers.folder_state(user)
        return {name: state.messages for name, state in states.items()}


def log_statements(name: str) -> Path:
    """Let PostgreSQL log every statement on that database; the file it goes to."""
    postgres.query("postgres", f"ALTER DATABASE \"{name}\" SET log_statement = 'all'")
    return postgres.cluster() / "log"
