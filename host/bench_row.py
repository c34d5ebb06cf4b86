"""What a row of `./dev bench` is, and what it has to work with."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from .mailservers import MailServers


@dataclass(frozen=True)
class Row:
    """A figure, what it has to reach, and the measurements it comes from.

    `at_least` tells whether more is better. `details` are (label, value) pairs.
    """

    name: str
    what: str
    value: float
    unit: str
    reach: float
    at_least: bool = True
    details: list[tuple[str, str]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        if self.at_least:
            return self.value >= self.reach
        return self.value <= self.reach

    def as_json(self) -> dict:
        return {
            "value": round(self.value, 3),
            "unit": self.unit,
            "reach": self.reach,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Bench:
    """One run. `quick`: few messages, to see that it works; `profile`: say where
    our time goes. Databases and mail users are the run's own."""

    folder: Path
    servers: MailServers
    quick: bool = False
    profile: bool = False

    def database(self, name: str) -> str:
        return f"bench_{name}_{os.getpid()}"

    def user(self, name: str) -> str:
        return f"{name}-{os.getpid()}@example.com"

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def messages(self, user: str) -> dict[str, dict]:
        """Every message of a mailbox with its flags, size and date, by folder."""
        states = self.servers.folder_state(user)
        return {name: state.messages for name, state in states.items()}
