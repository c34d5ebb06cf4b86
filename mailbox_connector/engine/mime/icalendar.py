"""Calendars that come with mail: their lines and components (RFC 5545).

Why we do not use ``vobject``: one long line of parameters keeps it busy without end,
and one date that is none loses it the whole calendar. Here every loop is bounded, and
what can't be read is skipped. vCalendar 1.0, the form before, is read as well.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from . import charsets, time_zones
from .time_zones import Observance

#: Characters of a calendar, and lines; of a larger one the rest is not read.
MAX_CALENDAR = 1_000_000
MAX_LINES = 20_000
#: Events that are read; further ones are counted. Lines of one event.
MAX_EVENTS = 20
MAX_PROPERTIES = 2_000
MAX_ZONES = 50

_FOLD = re.compile(r"\r?\n[ \t]")
_LINE_END = re.compile(r"\r\n|\n|\r")
_COLON = re.compile(r'[":]')
_PARAMETER = re.compile(r';([A-Za-z0-9-]{1,50})=((?:"[^"]*"|[^";])*)')
_STAMP = re.compile(r"(\d{8})(?:T(\d{4})(\d{2})?(Z?))?")
_LAST_STAMP = re.compile(r":\s*(\d{4}-?\d\d-?\d\d(?:T[\d:]{4,8}Z?)?)\s*\Z", re.I)
_ESCAPE = re.compile(r"\\(.)", re.S)


@dataclass(frozen=True)
class Property:
    """One line: its parameters, with names in upper case, and its raw value."""

    parameters: dict[str, str]
    value: str

    @property
    def text(self) -> str:
        """The value as text, on one or more lines."""
        value = self.value
        if self.parameters.get("ENCODING", "").upper() == "QUOTED-PRINTABLE":
            octets = binascii.a2b_qp(value.encode("utf-8", "replace"))
            value = charsets.decode(octets, self.parameters.get("CHARSET", ""))
        return _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], value)


@dataclass
class Component:
    """An event or the like: its properties by name, in upper case."""

    properties: dict[str, list[Property]] = field(default_factory=dict)
    count: int = 0

    def add(self, name: str, value: Property) -> None:
        if self.count < MAX_PROPERTIES:
            self.count += 1
            self.properties.setdefault(name, []).append(value)

    def all(self, name: str) -> list[Property]:
        return self.properties.get(name, [])

    def first(self, name: str) -> Property | None:
        return next(iter(self.all(name)), None)

    def text(self, name: str) -> str:
        found = self.first(name)
        return found.text if found else ""


class Calendar:
    """A VCALENDAR, read; empty if the text is none. Never raises.

    ``uids``: of all events, also of those beyond ``MAX_EVENTS``.
    """

    def __init__(self, text: str):
        self.own = Component()
        self.events: list[Component] = []
        self.uids: set[str] = set()
        self._zones: dict[str, list[Observance]] = {}
        self._zone = ""
        stack: list[str] = []
        current = self.own
        for name, value in _lines(text):
            if name == "BEGIN":
                kind = value.value.strip().upper()
                stack.append(kind)
                if len(stack) > 10:
                    return
                current = self._begin(kind, current)
            elif name == "END":
                if stack:
                    self._end(stack.pop(), current)
                current = self._outer(stack, current)
            elif stack[-1:] == ["VEVENT"]:
                current.add(name, value)
                if name == "UID":
                    self.uids.add(value.value[:200])
            elif stack[-1:] == ["VTIMEZONE"] and name == "TZID":
                self._zone = _zone_key(value.value)
            elif len(stack) == 1 or stack[-1:] in (["STANDARD"], ["DAYLIGHT"]):
                current.add(name, value)

    def _begin(self, kind: str, current: Component) -> Component:
        if kind == "VEVENT":
            event = Component()
            if len(self.events) < MAX_EVENTS:
                self.events.append(event)
            return event
        return Component() if kind in ("STANDARD", "DAYLIGHT") else current

    def _outer(self, stack: list[str], current: Component) -> Component:
        if stack[-1:] == ["VEVENT"]:
            return current  # an alarm has ended
        return self.own

    def _end(self, kind: str, component: Component) -> None:
        if kind not in ("STANDARD", "DAYLIGHT") or len(self._zones) >= MAX_ZONES:
            return
        offset = time_zones.parse_offset(component.text("TZOFFSETTO"))
        start = component.first("DTSTART")
        stamp = read_stamp(start.value) if start else None
        if offset is None or stamp is None:
            return
        rule = component.first("RRULE")
        observances = self._zones.setdefault(self._zone, [])
        if len(observances) < MAX_ZONES:
            observances.append(
                Observance(
                    stamp[0],
                    offset,
                    read_rule(rule.value) if rule else {},
                    kind == "STANDARD",
                )
            )

    def observances(self, zone: str) -> list[Observance]:
        """What the calendar says about a time zone."""
        return self._zones.get(_zone_key(zone), [])


def _zone_key(name: str) -> str:
    """A zone's name for comparing: escaped in one place, quoted in another."""
    return name.replace("\\", "").strip().strip('"')[: time_zones.MAX_NAME]


def read_stamp(value: str) -> tuple[datetime, bool, bool] | None:
    """A date or date-time: as a naive datetime, whether it has a time, whether that is
    UTC. None if it is neither."""
    match = _STAMP.fullmatch(re.sub(r"[-:\s]", "", value[:40]).upper())
    if not match:
        return None
    try:
        day = datetime.strptime(match[1], "%Y%m%d")
        if match[2]:
            clock = f"{match[2]}{min(int(match[3] or 0), 59):02}"
            day = datetime.strptime(match[1] + clock, "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return day, bool(match[2]), bool(match[4])


def read_rule(value: str) -> dict[str, str]:
    """The parts of a recurrence rule, in upper case."""
    parts = (one.partition("=") for one in value[:1_000].upper().split(";"))
    return {name.strip(): text.strip() for name, _sign, text in parts if text}


def _lines(text: str) -> Iterator[tuple[str, Property]]:
    """Unfolded lines: the name in upper case, and the rest."""
    text = _FOLD.sub("", text[:MAX_CALENDAR])
    lines = iter(_LINE_END.split(text)[:MAX_LINES])
    for line in lines:
        if line.endswith("=") and "QUOTED-PRINTABLE" in line[:200].upper():
            line = _joined(line, lines)
        head, value = _split(line)
        name, semicolon, rest = head.partition(";")
        name = name.strip().upper().rpartition(".")[2]
        if not name:
            continue
        parameters = {}
        if semicolon:
            for match in _PARAMETER.finditer(f";{rest}"):
                parameters.setdefault(match[1].upper(), match[2].replace('"', ""))
        yield name, Property(parameters, value)


def _joined(line: str, lines: Iterator[str]) -> str:
    """A line of vCalendar 1.0 with those that continue it."""
    pieces = [line[:-1]]
    for following in lines:
        pieces.append(following.removesuffix("="))
        if not following.endswith("="):
            break
    return "".join(pieces)


def _split(line: str) -> tuple[str, str]:
    """Name with parameters, and value, at the first colon that is not quoted."""
    if line[:2].upper() == "DT":  # names of zones may have colons, not quoted
        stamp = _LAST_STAMP.search(line[-40:])
        if stamp:
            return line[: -len(stamp[0])], stamp[1]
    quoted = False
    for match in _COLON.finditer(line):
        if match[0] == '"':
            quoted = not quoted
        elif not quoted:
            return line[: match.start()], line[match.end() :]
    head, _colon, value = line.partition(":")
    return head, value
