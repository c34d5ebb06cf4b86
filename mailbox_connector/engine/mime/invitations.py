"""What an invitation says: what, when, where, who (RFC 5545, RFC 5546)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from ..types import Invitation, Person, Recurrence
from . import charsets, content, icalendar, time_zones
from .icalendar import Calendar, Component, Property
from .structure import Part

TYPES = frozenset(
    {"text/calendar", "application/ics", "text/x-vcalendar", "text/vcalendar"}
)
#: Calendars of one message that are looked at.
MAX_CALENDARS = 5
#: Attendees that are kept; all are counted.
MAX_PEOPLE = 50
#: Characters of a line, and of the description.
MAX_LINE = 500
MAX_DESCRIPTION = 100_000

_ANY = ("application/octet-stream", "text/plain")
_STATUS = {
    "ACCEPTED": "accepted",
    "DECLINED": "declined",
    "TENTATIVE": "tentative",
    "DELEGATED": "delegated",
}
_EVENT_STATUS = ("cancelled", "tentative", "confirmed")
_METHODS = ("request", "cancel", "reply", "publish", "counter", "declinecounter")
_METHODS += ("add", "refresh")
#: Without these, Persian words and some emoji fall apart.
_JOINERS = "\u200c\u200d"
_FREQUENCIES = ("daily", "weekly", "monthly", "yearly")
#: Parts of a rule that can be said in a few words, or that say nothing more.
_SIMPLE = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"}
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?"
    r"(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?"
)


def first(
    leaves: Iterable[tuple[Part, tuple[Part, ...]]],
) -> tuple[Invitation | None, str]:
    """The event that a message is about, and the description of it.

    Of several calendars the first one with a method, else the first one. Never raises;
    (None, "") if there is none that can be read.
    """
    found: list[tuple[Invitation, str]] = []
    looked_at = 0
    for part, _parents in leaves:
        if looked_at < MAX_CALENDARS and is_calendar(part):
            looked_at += 1
            event = read(content.body_text(part), part.parameter("method"))
            if event:
                found.append(event)
    for event in found:
        if event[0].method:
            return event
    return found[0] if found else (None, "")


def unlist_copies(leaves: Iterable[tuple[Part, tuple[Part, ...]]]) -> None:
    """Many send a calendar twice: for programs without a name, and as a file. The
    former is kept, unlisted, if a file has the same content."""
    calendars = [part for part, _parents in leaves if part.mimetype in TYPES]
    if len(calendars) < 2:
        return
    named = {part.octets() for part in calendars if content.filename(part)}
    for part in calendars:
        if not content.filename(part) and part.octets() in named:
            part.listed = False


def is_calendar(part: Part) -> bool:
    """Whether a leaf is a calendar, by its type or its name."""
    if part.mimetype in TYPES:
        return True
    if part.mimetype not in _ANY or not (part.disposition or part.parameter("name")):
        return False
    return content.filename(part).lower().endswith((".ics", ".vcs"))


def read(text: str, method: str = "") -> tuple[Invitation, str] | None:
    """The first event of a calendar, with its description; None if it has none.

    :param method: of the Content-Type, if the calendar itself has none
    """
    calendar = Calendar(text)
    # The event itself, rather than a date of the series that differs.
    events = sorted(calendar.events, key=lambda one: bool(one.first("RECURRENCE-ID")))
    for event in events:
        start, end, zone = _times(event, calendar)
        if not start:
            continue
        people = [one for one in map(_person, event.all("ATTENDEE")) if one]
        organizer = event.first("ORGANIZER")
        invitation = Invitation(
            method=_one_of(calendar.own.text("METHOD") or method, _METHODS),
            summary=one_line(event.text("SUMMARY")),
            start=start,
            end=end,
            zone=zone,
            location=one_line(event.text("LOCATION")),
            status=_one_of(event.text("STATUS"), _EVENT_STATUS),
            organizer=_person(organizer) if organizer else None,
            people=tuple(people[:MAX_PEOPLE]),
            people_count=len(people),
            recurrence=_recurrence(event),
            is_occurrence=bool(event.first("RECURRENCE-ID")),
            others=max(len(calendar.uids) - 1, 0),
        )
        return invitation, _description(event)
    return None


def _description(event: Component) -> str:
    return charsets.text_only(event.text("DESCRIPTION")[:MAX_DESCRIPTION]).strip()


def one_line(text: str) -> str:
    """Text as one line, without control characters."""
    clean = "".join(
        one if one.isprintable() or one in _JOINERS else " "
        for one in text[: MAX_LINE * 2]
    )
    return " ".join(charsets.text_only(clean).split())[:MAX_LINE]


def _one_of(value: str, known: tuple[str, ...]) -> str:
    value = value.strip().lower()
    value = "cancelled" if value == "canceled" else value
    return value if value in known else ""


def _person(found: Property) -> Person | None:
    """A person; None for a room or a thing, and for nobody."""
    parameters = found.parameters
    if parameters.get("CUTYPE", "").upper() in ("ROOM", "RESOURCE"):
        return None
    email = one_line(found.value)
    email = email[7:] if email[:7].lower() == "mailto:" else email
    if "@" not in email:
        email = one_line(parameters.get("EMAIL", ""))
    name = one_line(parameters.get("CN", ""))
    if name.lower() == email.lower():
        name = ""
    if not (name or "@" in email):
        return None
    status = _STATUS.get(parameters.get("PARTSTAT", "").upper(), "")
    return Person(name, email[:254] if "@" in email else "", status)


# When


def _times(event: Component, calendar: Calendar) -> tuple[str, str, str]:
    """Start, end and the unknown time zone, as :class:`Invitation` has them; start ""
    if there is none."""
    begin = event.first("DTSTART")
    stamp = icalendar.read_stamp(begin.value) if begin else None
    if not begin or not stamp:
        return "", "", ""
    day, has_time, _is_utc = stamp
    finish = _end_of(event, stamp)
    all_day = not has_time or (
        event.text("X-MICROSOFT-CDO-ALLDAYEVENT").strip().upper() == "TRUE"
    )
    if all_day:
        last = finish - timedelta(days=1) if finish and finish > day else day
        last = max(last.date(), day.date())
        end = "" if last == day.date() else last.isoformat()
        return day.date().isoformat(), end, ""
    start, zone = _moment(begin, calendar)
    end_line = event.first("DTEND")
    if end_line and finish:
        end, end_zone = _moment(end_line, calendar)
        if end_zone != zone:
            end = ""
    else:
        end = _plus(start, finish - day) if finish else ""
    return start, end if end > start else "", zone


def _end_of(event: Component, stamp: tuple[datetime, bool, bool]) -> datetime | None:
    """DTEND, or DTSTART and DURATION; in the zone that it is written in."""
    line = event.first("DTEND")
    if line:
        found = icalendar.read_stamp(line.value)
        return found[0] if found else None
    match = _DURATION.fullmatch(event.text("DURATION").strip().upper())
    if not match:
        return None
    weeks, days, hours, minutes, seconds = (int(one or 0) for one in match.groups())
    try:
        return stamp[0] + timedelta(
            weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
        )
    except OverflowError:
        return None


def _moment(line: Property, calendar: Calendar) -> tuple[str, str]:
    """A date-time as :class:`Invitation` has it, and its zone if that is unknown;
    ("", "") if there is none."""
    stamp = icalendar.read_stamp(line.value)
    if not stamp:
        return "", ""
    local, _has_time, is_utc = stamp
    if is_utc:
        return f"{local.isoformat()}Z", ""
    zone = line.parameters.get("TZID", "").strip()
    if not zone:
        return local.isoformat(), ""
    offset = time_zones.utc_offset(zone, local, calendar.observances(zone))
    if offset is None:
        return local.isoformat(), one_line(zone)
    try:
        return f"{(local - offset).isoformat()}Z", ""
    except OverflowError:
        return local.isoformat(), ""


def _plus(start: str, duration: timedelta) -> str:
    suffix = "Z" if start.endswith("Z") else ""
    try:
        moment = datetime.fromisoformat(start.removesuffix("Z")) + duration
    except OverflowError:
        return ""
    return moment.isoformat() + suffix


def _recurrence(event: Component) -> Recurrence | None:
    lines = event.all("RRULE")
    if not lines:
        return Recurrence() if event.first("RDATE") else None
    rule = icalendar.read_rule(lines[0].value)
    _drop_obvious(rule, event)
    days = rule["BYDAY"].split(",") if "BYDAY" in rule else []
    if rule.get("FREQ") == "DAILY" and days and rule.get("INTERVAL", "1") == "1":
        rule["FREQ"] = "WEEKLY"  # every weekday
    frequency = _one_of(rule.get("FREQ", ""), _FREQUENCIES)
    is_simple = (
        len(lines) == 1
        and not event.first("RDATE")
        and rule.keys() <= _SIMPLE
        and (not days or frequency == "weekly")
        and all(day in time_zones.WEEKDAYS for day in days)
    )
    if not (frequency and is_simple):
        return Recurrence()
    stamp = icalendar.read_stamp(rule.get("UNTIL", ""))
    return Recurrence(
        frequency,
        _number(rule.get("INTERVAL", "1")) or 1,
        tuple(sorted({time_zones.WEEKDAYS.index(day) for day in days})),
        stamp[0].date().isoformat() if stamp else "",
        _number(rule.get("COUNT", "0")),
    )


def _drop_obvious(rule: dict[str, str], event: Component) -> None:
    """Remove what only repeats the day of the event itself."""
    begin = event.first("DTSTART")
    stamp = icalendar.read_stamp(begin.value) if begin else None
    if stamp:
        for name, number in (("BYMONTHDAY", stamp[0].day), ("BYMONTH", stamp[0].month)):
            if rule.get(name) == str(number):
                del rule[name]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
