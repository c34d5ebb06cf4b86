"""What to do if an e-mail could not be handed over: a pure function of the error."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from .. import backoff
from ..errors import STOPPING, EngineError, Kind

#: Waiting time after the first, second, … failed attempt; the last one is repeated.
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 4, 15, 60, 240))
#: Attempts after which an e-mail has failed: about two days (RFC 5321 section 4.5.4.1
#: recommends four or five days for relays; here a person is waiting).
MAX_ATTEMPTS = 16
#: Pauses in a row after which e-mails fail instead of waiting again.
MAX_PAUSES = 16
#: The longest time that a server's hint makes an e-mail wait.
LONGEST_HINT = timedelta(days=1)

_HOUR = timedelta(hours=1)


class NextStep(str, Enum):
    """What follows an error."""

    RETRY = "retry"  # the e-mail is tried again later
    PAUSE = "pause"  # the mailbox sends nothing for a while
    ASK_USER = "ask_user"  # nobody knows whether it was sent
    FAIL = "fail"  # a person has to do something


#: For now, the provider accepts nothing more from the whole mailbox.
PAUSING = frozenset({Kind.SENDING_LIMIT, Kind.THROTTLED, Kind.TOO_MANY_CONNECTIONS})
#: Nothing was accepted, and nothing is wrong with the e-mail.
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


def next_step(error: EngineError) -> NextStep:
    """What follows ``error``: a retry after 4xx, none after 5xx, except 503, which is
    about the connection."""
    if error.kind is Kind.OUTCOME_UNKNOWN:
        return NextStep.ASK_USER
    if error.kind in STOPPING:
        return NextStep.FAIL
    if error.kind in PAUSING:
        return NextStep.PAUSE
    if error.kind in PASSING or error.server_text.startswith(("4", "503")):
        return NextStep.RETRY
    return NextStep.FAIL


def delay(attempts: int, hint: float | None = None) -> timedelta | None:
    """How long an e-mail waits after its ``attempts``-th failed attempt (from 1).

    :param hint: seconds the server asked for; the longer of both counts
    :return: None: no further attempt
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    own = backoff.step(min(attempts, len(DELAYS)), DELAYS)
    return max(own, _hinted(hint))


def pause(error: EngineError, pauses: int) -> timedelta | None:
    """How long a mailbox sends nothing, the ``pauses``-th time in a row (from 1).

    One hour when a quota is used up, doubled up to four; one minute, doubled up to an
    hour, when the server gets too many requests or connections.

    :return: None: no further pause
    """
    if pauses > MAX_PAUSES:
        return None
    is_quota = error.kind is Kind.SENDING_LIMIT and not error.server_text.startswith(
        "432"
    )
    first, longest = (_HOUR, 4 * _HOUR) if is_quota else (timedelta(minutes=1), _HOUR)
    return max(backoff.exponential(pauses, first, longest), _hinted(error.retry_after))


def _hinted(seconds: float | None) -> timedelta:
    return timedelta(seconds=min(seconds or 0, LONGEST_HINT.total_seconds()))
