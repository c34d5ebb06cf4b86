"""Invitations that Outlook packed into a winmail.dat, without a calendar file
(MS-OXOCAL)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ..types import Invitation, Person, Recurrence
from .addresses import parse_addresses
from .invitations import MAX_PEOPLE, one_line
from .tnef import Stream

#: By the end of a message class, new and old: method, and the answer.
_CLASSES = {
    "meeting.request": ("request", ""),
    "mtgreq": ("request", ""),
    "meeting.canceled": ("cancel", ""),
    "mtgcncl": ("cancel", ""),
    "meeting.resp.pos": ("reply", "accepted"),
    "mtgrespp": ("reply", "accepted"),
    "meeting.resp.neg": ("reply", "declined"),
    "mtgrespn": ("reply", "declined"),
    "meeting.resp.tent": ("reply", "tentative"),
    "mtgrespa": ("reply", "tentative"),
    "ipm.appointment": ("", ""),
}
_HALF_A_DAY = timedelta(hours=12)


def first(streams: Iterable[Stream]) -> Invitation | None:
    """The event that one of them is about; None if there is none. Never raises."""
    for stream in streams:
        kind = stream.message_class.lower()
        for ending, (method, answer) in _CLASSES.items():
            start, end = stream.event_times
            if kind.endswith(ending) and start:
                return _invitation(stream, method, answer, start, end)
    return None


def _invitation(
    stream: Stream, method: str, answer: str, start: datetime, end: datetime | None
) -> Invitation:
    begins, ends = _times(stream, start, end)
    sender = _person(stream.sender, answer)
    if method == "reply":
        people = [sender] if sender else []
    else:
        names = [*stream.to.split(";"), *stream.cc.split(";")]
        people = [Person(name, "") for name in map(one_line, names) if name]
    return Invitation(
        method=method,
        summary=one_line(stream.subject),
        start=begins,
        end=ends if ends > begins else "",
        location=one_line(stream.location),
        organizer=None if method == "reply" else sender,
        people=tuple(people[:MAX_PEOPLE]),
        people_count=len(people),
        recurrence=Recurrence() if stream.is_repeated else None,
    )


def _times(stream: Stream, start: datetime, end: datetime | None) -> tuple[str, str]:
    """As :class:`Invitation` has them."""
    if not stream.is_whole_days:
        return f"{start.isoformat()}Z", f"{end.isoformat()}Z" if end else ""
    # From midnight to midnight of the sender, in UTC: the day is that of its noon.
    try:
        day = (start + _HALF_A_DAY).date()
        last = (end - _HALF_A_DAY).date() if end else day
    except OverflowError:
        return f"{start.isoformat()}Z", ""
    return day.isoformat(), last.isoformat()


def _person(text: str, answer: str) -> Person | None:
    """Of "Name <address>" or a name alone."""
    found = parse_addresses([text])
    if found:
        return Person(one_line(found[0].name), found[0].email, answer)
    return Person(one_line(text), "", answer) if one_line(text) else None
