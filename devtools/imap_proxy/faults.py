"""What the IMAP proxy can do to a connection, and what it notes of one."""

import re
from dataclasses import dataclass, field

#: At which point of its answer a command is cut.
WHEN = ("before_answer", "mid_answer", "after")


@dataclass
class Command:
    """A client's command. `line` is without its tag; of a log-in, the name alone.

    `round_trip`: the number of the round trip it went with, from 1.
    """

    number: int
    tag: str
    name: str
    line: str
    round_trip: int


@dataclass
class Connection:
    """What went over one connection.

    `bytes_*` are counted as IMAP, `wire_*` as sent (fewer under COMPRESS), both
    without TLS. A round trip: the client speaks after the server has spoken to it; a
    burst of commands is one. Arm a `delay` where a server that answers at once would
    break a burst up.
    """

    commands: list[Command] = field(default_factory=list)
    bytes_from_server: int = 0
    bytes_from_client: int = 0
    wire_from_server: int = 0
    wire_from_client: int = 0
    round_trips: int = 0
    logged_in_at: int = 0
    open: bool = True

    @property
    def round_trips_after_login(self) -> int:
        """Those after the one that signed in, LOGOUT's apart."""
        asked = [c.round_trip for c in self.commands if c.name != "LOGOUT"]
        return max(asked, default=0) - self.logged_in_at


@dataclass
class Fault:
    """Trouble on order; strikes `times` times (None: as long as it is armed)."""

    times: int | None = 1
    fired: int = 0

    @property
    def ready(self) -> bool:
        return self.times is None or self.fired < self.times


@dataclass
class Trouble:
    """What a proxy is to do to its connections now; changed while they last.

    `latency`: seconds that every round trip takes longer.
    """

    faults: list[Fault] = field(default_factory=list)
    latency: float = 0.0


@dataclass
class CutAfterCommand(Fault):
    """The connection is lost when command `number` has reached the server."""

    number: int = 1
    when: str = "before_answer"


@dataclass
class CutAtByte(Fault):
    """The connection is lost after `offset` bytes from the server."""

    offset: int = 0


@dataclass
class Hang(Fault):
    """The server is heard no more after command `number`."""

    number: int = 1


@dataclass
class Answer(Fault):
    """`lines` are the answer to a command that `pattern` is found in."""

    pattern: re.Pattern = re.compile("")
    lines: tuple[str, ...] = ()
