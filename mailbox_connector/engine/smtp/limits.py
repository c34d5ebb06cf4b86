"""When e-mails may be sent under a sending limit: a pure function of past sendings and
the time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Cause(str, Enum):
    """Which limit makes e-mails wait."""

    HOUR = "hour"
    DAY = "day"
    PACE = "pace"


@dataclass(frozen=True)
class SendingLimits:
    """How much a mailbox may send; 0: no limit.

    :param per_hour: recipients within any sixty minutes
    :param per_day: recipients within any twenty-four hours
    :param seconds_between: from one e-mail to the next, however many recipients
    """

    per_hour: int = 0
    per_day: int = 0
    seconds_between: int = 0

    def __bool__(self) -> bool:
        return bool(self.per_hour or self.per_day or self.seconds_between)

    @property
    def horizon(self) -> timedelta:
        """How far back sendings count."""
        if self.per_day:
            return DAY
        return HOUR if self.per_hour else timedelta(seconds=self.seconds_between)

    @property
    def most(self) -> int:
        """How many past recipients have to be known."""
        return max(self.per_hour, self.per_day, 1)


@dataclass(frozen=True)
class Slot:
    """``count`` recipients may get an e-mail at this time; ``cause``: why not
    earlier."""

    at: datetime
    count: int
    cause: Cause | None = None


def next_slot(
    limits: SendingLimits, sent: Sequence[datetime], now: datetime, wanted: int
) -> Slot:
    """The first time, not before ``now``, at which one or more recipients may be sent
    to.

    :param sent: when e-mails were sent to past recipients, ascending, one entry per
        recipient
    :param wanted: recipients of the e-mail, at least 1
    """
    slot_at, cause = now, None
    if limits.seconds_between and sent:
        free = sent[-1] + timedelta(seconds=limits.seconds_between)
        if free > slot_at:
            slot_at, cause = free, Cause.PACE
    windows = ((HOUR, limits.per_hour, Cause.HOUR), (DAY, limits.per_day, Cause.DAY))
    for length, most, why in windows:
        if most and len(sent) >= most and sent[-most] + length > slot_at:
            slot_at, cause = sent[-most] + length, why
    count = wanted
    for length, most, _why in windows:
        if most:
            used = len(sent) - bisect_right(sent, slot_at - length)
            count = min(count, most - used)
    return Slot(slot_at, count, cause)


def plan(
    limits: SendingLimits, sent: Sequence[datetime], now: datetime, sizes: Sequence[int]
) -> list[Slot]:
    """The earliest time for each of several e-mails, sent one after the other.

    :param sizes: recipients of each e-mail
    :return: one slot per e-mail; an e-mail with more recipients than fit continues
        later
    """
    past = list(sent)
    slots = []
    for size in sizes:
        left, first = max(size, 1), None
        while left > 0:
            slot = next_slot(limits, past, now, left)
            past.extend([slot.at] * slot.count)
            first = first or slot
            now, left = max(now, slot.at), left - slot.count
        slots.append(first)
    return slots
