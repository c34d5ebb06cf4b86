"""What to do after a mail could not be handed over: pure, from the error alone."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from ..errors import STOPPING, EngineError, Kind

#: Minutes until the next attempt, by attempts made; the last is repeated.
MINUTES = (1, 4, 15, 60, 240)
#: Attempts after which a mail has failed: some two days (RFC 5321 section 4.5.4.1
#: says at least four or five days for relays; a person waits here).
ATTEMPTS = 16
#: Pauses in a row after which mail fails instead of waiting on.
PAUSES = 16

_HOUR = timedelta(hours=1)


class Then(str, Enum):
    """What follows an error."""

    AGAIN = "again"  # the mail is tried again later
    PAUSE = "pause"  # the mailbox sends nothing for a while
    FAIL = "fail"  # a person has to do something
    ASK = "ask"  # nobody knows whether it was sent


#: The provider has had enough for now, of all of the mailbox's mail.
PAUSING = frozenset({Kind.SENDING_LIMIT, Kind.THROTTLED, Kind.TOO_MANY_CONNECTIONS})
#: Nothing was taken and nothing is wrong with the mail.
PASSING = frozenset(
    {
        Kind.GREYLISTED,
        Kind.TRANSIENT,
        Kind.CONNECTION_LOST,
        Kind.TIMEOUT,
        Kind.DEADLINE,
        Kind.UNREACHABLE,
        Kind.REFUSED,
    }
)


def then(error: EngineError) -> Then:
    """What follows ``error``: 4xx is tried again, 5xx is not (503 apart, which is
    about the connection)."""
    if error.kind is Kind.OUTCOME_UNKNOWN:
        return Then.ASK
    if error.kind in STOPPING:
        return Then.FAIL
    if error.kind in PAUSING:
        return Then.PAUSE
    if error.kind in PASSING or error.server_text.startswith(("4", "503")):
        return Then.AGAIN
    return Then.FAIL


def delay(attempts: int, hint: float | None = None) -> timedelta | None:
    """How long a mail waits after its ``attempts``-th failure (from 1).

    :param hint: seconds the server asked for; the longer of both counts
    :return: None: it has been tried often enough
    """
    if attempts >= ATTEMPTS:
        return None
    minutes = MINUTES[min(attempts, len(MINUTES)) - 1]
    return max(timedelta(minutes=minutes), timedelta(seconds=min(hint or 0, 86400)))


def pause(error: EngineError, pauses: int) -> timedelta | None:
    """How long a mailbox sends nothing, the ``pauses``-th time in a row (from 1).

    An hour when a quota is used up, doubled up to four; a minute, doubled up to an
    hour, when the server is asked too fast or by too many at once.

    :return: None: it has waited often enough
    """
    if pauses > PAUSES:
        return None
    slow = error.kind is Kind.SENDING_LIMIT and not error.server_text.startswith("432")
    first, longest = (_HOUR, 4 * _HOUR) if slow else (timedelta(minutes=1), _HOUR)
    grown = min(first * 2 ** min(pauses - 1, 10), longest)
    return max(grown, timedelta(seconds=min(error.retry_after or 0, 86400)))
