"""Finding the message that a server cannot return, and going on without it.

What it is for
    Some servers break off at one message: they hang up, say BYE, announce a literal
    of the wrong length, never answer, or answer NO to everything that includes it.
    Then nothing after it would ever be read. :class:`CarefulFetch` fetches what the
    server can return, and finds out which message it cannot.

How it works
    Everything that came complete before a break is used. The rest of the command is
    *suspected*, and stored as such in a transaction of its own: later passes, in any
    process, fetch it after everything else. In the same pass, the first message that
    did not come is set apart and the others are requested again; if that breaks off
    before anything came, they are halved.

    What is set apart is requested alone. If the server breaks off again, this counts as
    a *strike* - a full one only if the server works otherwise: a new connection, the
    folder, and another message of it that came before. After :data:`OUT` strikes, the
    message is the reason, and becomes a failed import, which is retried later. A server
    that is down, restarting or throttling fails at the other things too, and no message
    is blamed.

Example
    UIDs 1 to 5 are requested; 1 and 2 come, then the connection is lost. 3 is set apart
    with a strike for being next. 4 and 5 come on a new connection. 3 is requested
    alone: the connection is lost again, the next one works and returns 2. Once more,
    and 3 is a failed import.

What it costs
    Nothing until a server breaks off. Then a transaction for each break, at most
    :data:`RECONNECTS` connections a pass, and one known message for each strike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from ..errors import EngineError, Kind
from ..net.deadline import Deadline
from .interfaces import Session

#: How often a pass goes on after a break.
RECONNECTS = 12
#: Strikes for having been next when the server broke off; for a break alone, if the
#: server works otherwise; the same after a long silence, which is no coincidence; for a
#: break after which it cannot be said whether the server works.
NEXT_IN_LINE, PROVEN, SILENT, UNCLEAR = 1, 4, 6, 1
#: A message with so many strikes is not requested any more.
OUT = 13
#: Seconds that a server may be silent about a message that is suspected.
PATIENCE = 20.0
#: What a single message can be the reason of.
BREAKS = frozenset(
    {
        Kind.CONNECTION_LOST,
        Kind.TIMEOUT,
        Kind.DEADLINE,
        Kind.TRANSIENT,
        Kind.PROTOCOL,
        Kind.TOO_LARGE,
    }
)
_SILENCE = frozenset({Kind.TIMEOUT, Kind.DEADLINE})

#: Gives (UID, what came) for some UIDs; may raise after a part of them.
Fetch = Callable[[Iterable[int]], Iterable[tuple[int, Any]]]


class Folder(Protocol):
    """What :class:`CarefulFetch` needs of the folder's pass."""

    def open(self) -> None:
        """Open the folder unless it is open."""

    def suspects(self) -> dict[int, int]:
        """Strikes by UID, as stored."""

    def remember(self, suspects: dict[int, int]) -> None:
        """Store them, in a transaction of its own."""

    def known_good(self) -> Iterable[int]:
        """Some UIDs that the server has returned before, or is likely to return."""

    def blame(self, uid: int) -> None:
        """Keep a message as a failed import."""


class Reconnects:
    """Goes on after a break, a limited number of times in a pass."""

    def __init__(self, session: Session):
        self.session = session
        self.left = RECONNECTS

    @property
    def used(self) -> bool:
        """Whether the server has broken off in this pass."""
        return self.left < RECONNECTS

    def go_on(self, error: EngineError) -> None:
        """
        :raise EngineError: ``error``, if that is enough; or the server is unreachable
        """
        if not self.left:
            raise error
        self.left -= 1
        if self.session.lost:
            self.session.reconnect()


@dataclass
class _Group:
    """UIDs that are requested together. ``halve``: they broke off before anything
    came, without the first one too."""

    uids: list[int]
    halve: bool = False


@dataclass
class CarefulFetch:
    """Fetches messages of one folder.

    :param deadline: after it nothing is requested again
    """

    folder: Folder
    reconnects: Reconnects
    deadline: Deadline
    _came: list[int] = field(default_factory=list)

    def __call__(
        self, uids: Sequence[int], fetch: Fetch
    ) -> tuple[list[Any], EngineError | None]:
        """What came of ``uids``, in any order; what ended it, if it could not go on.

        What was set apart is among the suspects, and not in the result.
        """
        came: dict[int, Any] = {}
        waiting = [_Group(list(uids))]
        broke_off = False
        failure: EngineError | None = None
        while waiting and failure is None:
            group = waiting.pop(0)
            got, error = _complete(fetch, group.uids)
            came |= got
            self._came = [*self._came, *got][-2:]
            if error:
                broke_off = True
                # Servers return messages in the order of their UIDs.
                rest = sorted(uid for uid in group.uids if uid not in got)
                left = _Group(rest, group.halve)
                failure = self._after_break(left, bool(got), error, fetch, waiting)
        if broke_off:
            strikes = self.folder.suspects()
            over = came.keys() if failure else set(uids)
            self.forgive(uid for uid in over if not strikes.get(uid))
        return list(came.values()), failure

    def forgive(self, uids: Iterable[int]) -> None:
        """These are not suspected any more."""
        suspects = self.folder.suspects()
        left = {uid: suspects[uid] for uid in suspects.keys() - set(uids)}
        if left != suspects:
            self.folder.remember(left)

    # ------------------------------------------------------------------

    def _after_break(
        self,
        rest: _Group,
        some_came: bool,
        error: EngineError,
        fetch: Fetch,
        waiting: list[_Group],
    ) -> EngineError | None:
        """Decide what is requested next; what ended it, if it cannot go on.

        :param rest: what did not come
        """
        session = self.reconnects.session
        if error.kind not in BREAKS:
            # Not about a message; but everything else should come first next time.
            if session.lost:
                self._suspect(rest.uids)
                if len(rest.uids) > 1:
                    self._suspect(rest.uids[:1], NEXT_IN_LINE)
            return error
        if len(rest.uids) == 1 and not some_came:
            return self._strike(rest.uids[0], error, fetch)
        self._suspect(rest.uids)
        if some_came or not rest.halve:
            self._suspect(rest.uids[:1], NEXT_IN_LINE)
            groups = [_Group(rest.uids[1:], halve=not some_came)]
        else:
            middle = len(rest.uids) // 2
            halves = rest.uids[:middle], rest.uids[middle:]
            groups = [_Group(half, halve=True) for half in halves]
        waiting[:0] = [one for one in groups if one.uids]
        if not self.deadline.left():
            return EngineError(Kind.DEADLINE, session.endpoint.side)
        return self._go_on(error)

    def _go_on(self, error: EngineError) -> EngineError | None:
        try:
            self.reconnects.go_on(error)
            self.folder.open()
        except EngineError as failure:
            return failure
        return None

    def _strike(self, uid: int, error: EngineError, fetch: Fetch) -> EngineError | None:
        """The server broke off at one message: is that the reason?"""
        failure = self._go_on(error)
        strikes = UNCLEAR
        if failure is None:
            known, failure = self._known_message_comes(uid, fetch)
            if failure:
                # Others do not come either. This one should not be in their way.
                self._suspect([uid])
                return failure
            if known:
                strikes = SILENT if error.kind in _SILENCE else PROVEN
            failure = None if known else error
        self._suspect([uid], strikes)
        if self.folder.suspects()[uid] >= OUT:
            self.folder.blame(uid)
        return failure

    def _known_message_comes(
        self, uid: int, fetch: Fetch
    ) -> tuple[bool, EngineError | None]:
        """Whether a message that came before comes again; False with what ended the
        attempt, or with None if there is no such message."""
        error = None
        try:
            for known in chain(reversed(self._came), self.folder.known_good()):
                if known == uid:
                    continue
                got, error = _complete(fetch, [known])
                if got:
                    return True, None
                # This one may be bad as well.
                if error and (failure := self._go_on(error)):
                    return False, failure
        except EngineError as failure:
            return False, failure
        return False, error

    def _suspect(self, uids: Iterable[int], strikes: int = 0) -> None:
        suspects = dict(self.folder.suspects())
        for uid in uids:
            suspects[uid] = suspects.get(uid, 0) + strikes
        self.folder.remember(suspects)


def _complete(
    fetch: Fetch, uids: list[int]
) -> tuple[dict[int, Any], EngineError | None]:
    """What came complete, by UID, and what ended it early."""
    got: dict[int, Any] = {}
    try:
        for uid, item in fetch(uids):
            got[uid] = item
    except EngineError as error:
        return got, error
    return got, None
