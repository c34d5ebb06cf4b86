"""How long an operation may take as a whole."""

from __future__ import annotations

import math
import time

from ..errors import EngineError, Kind, Side


class Deadline:
    """A point in time after which an operation gives up.

    :param seconds: from now; None for no limit
    """

    def __init__(self, seconds: float | None = None):
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never negative; ``inf`` without a limit."""
        return max(0.0, self._end - time.monotonic())

    def check(self, side: Side) -> None:
        """Raise :class:`EngineError` (``Kind.DEADLINE``) when time is up."""
        if not self.left():
            raise EngineError(Kind.DEADLINE, side)

    def bound(self, timeout: float) -> float:
        """``timeout`` cut to what is left; positive, as sockets want it."""
        return max(0.001, min(timeout, self.left()))
