"""The steps of a check, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import Enum

from ..errors import EngineError, Side
from ..types import Folder, Security

#: A certificate that ends that soon is worth a word.
SOON = timedelta(days=14)


class Name(str, Enum):
    """What is done, one after the other."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    ENCRYPT = "encrypt"
    SIGN_IN = "sign_in"
    FOLDERS = "folders"
    SENDER = "sender"


class State(str, Enum):
    """How far a step has come."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_REACHED = "not_reached"


STEPS = {
    Side.IMAP: (Name.RESOLVE, Name.CONNECT, Name.ENCRYPT, Name.SIGN_IN, Name.FOLDERS),
    Side.SMTP: (Name.RESOLVE, Name.CONNECT, Name.ENCRYPT, Name.SIGN_IN, Name.SENDER),
}


@dataclass(frozen=True)
class Step:
    """One step.

    ``facts``: what was found. RESOLVE: ``addresses`` (list of text). CONNECT:
    ``address``, ``port``. ENCRYPT: ``version``, ``subject``, ``issuer``, ``until``
    (aware datetime or None), ``days`` (left, or None). SIGN_IN: ``username``.
    FOLDERS: ``count``, ``messages``, ``inbox``, ``sent`` (names, "" where not found).
    SENDER: ``address``, and with WARNING ``error``, the :class:`EngineError`.
    """

    name: Name
    state: State = State.WAITING
    facts: dict = field(default_factory=dict)


@dataclass
class Checked:
    """What is known of one side, during the check and after it.

    ``error``: of the step that failed, None while none has. ``ways``: ports and
    encryptions that the host does answer on, where those that were typed are wrong,
    the best first. ``is_searching``: they are being looked for. ``transcript``: once it
    has failed or is done, see :class:`~.transcript.Transcript`.
    """

    side: Side
    steps: list[Step]
    error: EngineError | None = None
    folders: list[Folder] = field(default_factory=list)
    ways: list[tuple[int, Security]] = field(default_factory=list)
    is_searching: bool = False
    is_done: bool = False
    transcript: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, side: Side) -> Checked:
        """A check that has not begun."""
        return cls(side, [Step(name) for name in STEPS[side]])

    def set(self, name: Name, state: State, **facts) -> None:
        """A step has come to ``state``."""
        self.steps = [
            replace(step, state=state, facts={**step.facts, **facts})
            if step.name is name
            else step
            for step in self.steps
        ]

    def fail(self, name: Name, error: EngineError) -> None:
        """``name`` failed; what had not been reached will not be."""
        self.error = error
        self.set(name, State.FAILED)
        for step in self.steps:
            if step.state in (State.WAITING, State.RUNNING):
                self.set(step.name, State.NOT_REACHED)

    @property
    def running(self) -> Name | None:
        """The step that is being done."""
        found = [step.name for step in self.steps if step.state is State.RUNNING]
        return found[0] if found else None


def days_left(until: datetime | None) -> int | None:
    """Whole days until then, if that is known."""
    return None if until is None else (until - datetime.now(timezone.utc)).days
