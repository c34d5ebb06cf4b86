"""The steps of a connection test, and its progress."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import Enum

from ..errors import EngineError, Side
from ..types import Folder, Security

#: A certificate that expires this soon is worth a warning.
SOON = timedelta(days=14)


class StepName(str, Enum):
    """What is tried, one after the other."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    ENCRYPT = "encrypt"
    SIGN_IN = "sign_in"
    FOLDERS = "folders"
    SENDER = "sender"


class State(str, Enum):
    """The progress of a step."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_REACHED = "not_reached"


#: The steps until sign-in.
REACHING = (StepName.RESOLVE, StepName.CONNECT, StepName.ENCRYPT)
STEPS = {
    Side.IMAP: (*REACHING, StepName.SIGN_IN, StepName.FOLDERS),
    Side.SMTP: (*REACHING, StepName.SIGN_IN, StepName.SENDER),
}


@dataclass(frozen=True)
class Step:
    """One step.

    ``facts``: what was found. RESOLVE: ``addresses`` (list of text). CONNECT:
    ``address``, ``port``. ENCRYPT: ``version``, ``subject``, ``issuer``, ``until``
    (aware datetime or None), ``days`` (left, or None). SIGN_IN: ``username``.
    FOLDERS: ``count``, ``messages``, ``inbox``, ``sent`` (names, "" if not found).
    SENDER: ``address``, and with WARNING ``error``, the :class:`EngineError`.
    """

    name: StepName
    state: State = State.WAITING
    facts: dict = field(default_factory=dict)


@dataclass
class ConnectionTest:
    """What is known about one server, during the test and after it.

    ``error``: of the step that failed, None if none has. ``alternatives``: ports and
    encryptions on which the host responds, if those in the settings are wrong; the best
    first. ``is_searching``: they are being looked for. ``transcript``: once the test
    has failed or is done, see :class:`~.transcript.Transcript`.
    """

    side: Side
    steps: list[Step]
    error: EngineError | None = None
    folders: list[Folder] = field(default_factory=list)
    alternatives: list[tuple[int, Security]] = field(default_factory=list)
    is_searching: bool = False
    is_done: bool = False
    transcript: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, side: Side, names: tuple[StepName, ...] | None = None):
        """A test that has not begun.

        :param names: its steps; None: all of them
        """
        return cls(side, [Step(name) for name in names or STEPS[side]])

    def set(self, name: StepName, state: State, **facts) -> None:
        """Record the state of a step."""
        self.steps = [
            replace(step, state=state, facts={**step.facts, **facts})
            if step.name is name
            else step
            for step in self.steps
        ]

    def fail(self, name: StepName, error: EngineError) -> None:
        """Record that ``name`` failed, and that the following steps are not reached."""
        self.error = error
        self.set(name, State.FAILED)
        for step in self.steps:
            if step.state in (State.WAITING, State.RUNNING):
                self.set(step.name, State.NOT_REACHED)

    @property
    def running(self) -> StepName | None:
        """The step that is being tried."""
        found = [step.name for step in self.steps if step.state is State.RUNNING]
        return found[0] if found else None


def days_left(until: datetime | None) -> int | None:
    """Whole days until then; None if the date is not known."""
    return None if until is None else (until - datetime.now(timezone.utc)).days
