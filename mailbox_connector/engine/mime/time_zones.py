"""Time zones as calendars name them: IANA, Windows, or described in the calendar."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import pytz
from babel.core import get_global

#: Characters of a name; longer ones are unknown.
MAX_NAME = 100
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_OFFSET = re.compile(r"([+-]?)(\d{2}):?(\d{2})(?::?\d{2})?")
_FIXED = re.compile(r"(?:UTC|GMT|Z)?\s?(?:([+-]\d{1,2})(?::?(\d{2}))?)?", re.I)
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")


@dataclass(frozen=True)
class Observance:
    """Standard or daylight saving time of a VTIMEZONE (RFC 5545 section 3.6.5).

    ``start``: its first onset, local; ``rule``: its RRULE as a dict.
    """

    start: datetime
    offset: timedelta
    rule: dict[str, str]
    is_standard: bool


def utc_offset(
    name: str, local: datetime, observances: list[Observance]
) -> timedelta | None:
    """The offset from UTC at a local time; None if the zone is unknown.

    :param observances: what the calendar says about the zone; used if its name is
        unknown
    """
    zone = _named(name.strip().strip('"')[:MAX_NAME])
    if zone is not None:
        try:
            return zone.localize(local, is_dst=False).utcoffset()
        except (OverflowError, ValueError):
            return None
    return _observed(local, observances) if observances else None


def parse_offset(value: str) -> timedelta | None:
    """ "+0100" as a timedelta; None if it is none."""
    match = _OFFSET.fullmatch(value.strip())
    if not match:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset >= timedelta(hours=24):
        return None
    return -offset if match[1] == "-" else offset


@lru_cache(maxsize=512)
def _named(name: str):
    """A zone by its IANA or Windows name, or a fixed offset."""
    if not name or not name.isascii():
        return None
    known = get_global("windows_zone_mapping").get(name)
    # Some programs put the name of a registry in front, with slashes.
    parts = name.split("/")
    for candidate in (known, name, "/".join(parts[-2:]), "/".join(parts[-3:])):
        if candidate in pytz.all_timezones_set:
            return pytz.timezone(candidate)
    match = _FIXED.fullmatch(name)
    if not match:
        return None
    hours, minutes = int(match[1] or 0), int(match[2] or 0)
    if abs(hours) > 14 or minutes > 59:
        return None
    sign = -1 if (match[1] or "").startswith("-") else 1
    return pytz.FixedOffset(hours * 60 + sign * minutes)


def _observed(local: datetime, observances: list[Observance]) -> timedelta:
    """By the observance with the last onset before that time; else standard time."""
    onsets = []
    for one in observances:
        for onset in _onsets(one, local.year):
            if onset <= local:
                onsets.append((onset, one.offset))
    if onsets:
        return max(onsets)[1]
    return next((one.offset for one in observances if one.is_standard), None) or (
        observances[0].offset
    )


def _onsets(one: Observance, year: int) -> list[datetime]:
    """When it began, in that year and the one before."""
    found = [one.start]
    until = one.rule.get("UNTIL", "99999999")[:8]
    if one.rule.get("FREQ") == "YEARLY":
        for number in (year - 1, year):
            onset = _onset(one, number)
            if onset and onset >= one.start and f"{onset:%Y%m%d}" <= until:
                found.append(onset)
    return found


def _onset(one: Observance, year: int) -> datetime | None:
    day = _DAY.fullmatch(one.rule.get("BYDAY", "").split(",")[0])
    try:
        month = int(one.rule.get("BYMONTH", one.start.month))
        if not day:
            return one.start.replace(year=year, month=month)
        first_weekday, length = calendar.monthrange(year, month)
        first = 1 + (WEEKDAYS.index(day[2]) - first_weekday) % 7
        number = int(day[1] or _week_of(one.rule))
        days = range(first, length + 1, 7)
        return one.start.replace(
            year=year, month=month, day=days[number - 1 if number > 0 else number]
        )
    except (ValueError, IndexError):
        return None


def _week_of(rule: dict[str, str]) -> int:
    """ "8,9,10,11,12,13,14" is the second week."""
    days = rule.get("BYMONTHDAY", "1").split(",")[0]
    return (int(days) - 1) // 7 + 1 if days.isdigit() else 1
