"""How long to wait before the next attempt: exponential back-off, and fixed steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta


def exponential(failures: int, first: timedelta, longest: timedelta) -> timedelta:
    """The pause after a number of failures in a row: ``first``, doubled by each further
    one, up to ``longest``."""
    return min(first * 2 ** min(max(failures, 1) - 1, 16), longest)


def step(attempts: int, pauses: Sequence[timedelta]) -> timedelta | None:
    """The pause after a number of attempts, from a table; None: no further attempt."""
    return pauses[attempts - 1] if 0 < attempts <= len(pauses) else None
