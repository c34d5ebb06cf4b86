"""What is shown above the text of an e-mail: that it is encrypted, and the event that
it is about.

Stored is what the e-mail says, not how that is shown: everybody reads it in their own
language and time zone. Whether the app Calendar is installed makes no difference.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime

import pytz
from markupsafe import Markup

from odoo.tools import format_date, format_list, format_time

from ...engine.types import Encryption, Invitation

#: Attendees that a card names; others are counted.
MAX_NAMES = 10


def invitation_values(invitation: Invitation | None) -> dict | None:
    """An invitation as it is stored in JSON; None if there is none."""
    return asdict(invitation) if invitation else None


def render(env, encryption: str | bool, invitation: dict | bool) -> Markup:
    """HTML for a reader of ``env``; empty if there is nothing to say.

    :param encryption: a value of :class:`engine.types.Encryption`, or False
    :param invitation: as :func:`invitation_values` returned it, or False
    """
    if not (encryption or invitation):
        return Markup()
    values = {
        "encrypted": encryption and _encrypted(env, encryption),
        "event": invitation and _EventCard(env, invitation),
    }
    return env["ir.qweb"]._render("mailbox_connector.content_cards", values)


def _encrypted(env, encryption: str) -> str:
    if encryption == Encryption.RIGHTS_MANAGED.value:
        return env._(
            "This e-mail is encrypted (Microsoft rights management). Odoo can't read "
            "it. Open it in Outlook."
        )
    name = "PGP" if encryption == Encryption.PGP.value else "S/MIME"
    return env._(
        "This e-mail is encrypted (%(method)s). Odoo can't read it. Open it in a mail "
        "app that has your key.",
        method=name,
    )


class _EventCard:
    """The lines of an invitation's card, for the template. All text of the sender is
    escaped there."""

    def __init__(self, env, stored: dict):
        self.env = env
        self._stored = stored
        self.title = self._title()
        self.is_off = stored["method"] == "cancel" or stored["status"] == "cancelled"
        self.summary = stored["summary"]
        self.when = self._when()
        self.repeats = self._repeats()
        self.location = stored["location"]
        self.organizer = _named(stored["organizer"])
        names = [self._attendee(one) for one in stored["people"][:MAX_NAMES]]
        self.people = [name for name in names if name]
        self.more_people = stored["people_count"] - len(names)
        self.others = stored["others"]

    def _title(self) -> str:
        method = self._stored["method"]
        people = self._stored["people"]
        person = _named(people[0]) if len(people) == 1 else ""
        if method == "reply" and person:
            return self._reply(people[0]["status"], person)
        if method == "counter" and person:
            return self.env._("New time proposed by %s", person)
        if self._stored["status"] == "cancelled":
            return self.env._("Canceled")
        return {
            "request": self.env._("Invitation"),
            "add": self.env._("Invitation"),
            "cancel": self.env._("Canceled"),
            "reply": self.env._("Reply to an invitation"),
            "counter": self.env._("New time proposed"),
            "declinecounter": self.env._("Proposed time declined"),
            "refresh": self.env._("Details of an event requested"),
        }.get(method) or self.env._("Event")

    def _reply(self, status: str, person: str) -> str:
        if status == "accepted":
            return self.env._("Accepted by %s", person)
        if status == "declined":
            return self.env._("Declined by %s", person)
        if status == "tentative":
            return self.env._("Tentatively accepted by %s", person)
        if status == "delegated":
            return self.env._("Delegated by %s", person)
        return self.env._("Reply of %s", person)

    def _attendee(self, person: dict) -> str:
        name = _named(person)
        answer = {
            "accepted": self.env._("accepted"),
            "declined": self.env._("declined"),
            "tentative": self.env._("tentatively accepted"),
            "delegated": self.env._("delegated"),
        }.get(person["status"])
        if not answer or self._stored["method"] == "reply":
            return name
        return self.env._("%(name)s (%(answer)s)", name=name, answer=answer)

    # When

    def _when(self) -> str:
        stored = self._stored
        if "T" not in stored["start"]:
            return self._range(
                self._day(date.fromisoformat(stored["start"])),
                stored["end"] and self._day(date.fromisoformat(stored["end"])),
            )
        start, end = self._local(stored["start"]), self._local(stored["end"])
        text = self._moments(start, end)
        zone = stored["zone"]
        if stored["start"].endswith("Z"):
            zone = getattr(self.env.tz, "zone", "UTC")
        if not zone:
            return text
        return self.env._("%(time)s (%(time_zone)s)", time=text, time_zone=zone)

    def _moments(self, start: datetime, end: datetime | None) -> str:
        if end and end.date() != start.date():
            return self._range(self._day_and_time(start), self._day_and_time(end))
        times = self._range(self._time(start), end and self._time(end))
        return self.env._("%(day)s, %(time)s", day=self._day(start), time=times)

    def _local(self, text: str) -> datetime | None:
        """A moment in the reader's time zone, naive; one without a zone as it is."""
        if not text:
            return None
        moment = datetime.fromisoformat(text.removesuffix("Z"))
        if not text.endswith("Z"):
            return moment
        try:
            local = pytz.utc.localize(moment).astimezone(self.env.tz)
        except OverflowError:
            return moment
        return local.replace(tzinfo=None)

    def _range(self, start: str, end: str | None) -> str:
        if not end:
            return start
        return self.env._("%(start)s – %(end)s", start=start, end=end)

    def _day_and_time(self, moment: datetime) -> str:
        return self.env._(
            "%(day)s, %(time)s", day=self._day(moment), time=self._time(moment)
        )

    def _day(self, day: date) -> str:
        if isinstance(day, datetime):
            day = day.date()
        return format_date(self.env, day, date_format="full")

    def _time(self, moment: datetime) -> str:
        return format_time(self.env, moment.time(), time_format="short")

    # How often

    def _repeats(self) -> str:
        rule = self._stored["recurrence"]
        if not rule:
            return (
                self.env._("One date of a series")
                if self._stored["is_occurrence"]
                else ""
            )
        if not rule["frequency"]:
            return self.env._("Several times")
        text = self._frequency(rule["frequency"], rule["interval"])
        if rule["days"]:
            # 1 January 2024 was a Monday.
            days = [
                format_date(self.env, date(2024, 1, 1 + day), date_format="EEEE")
                for day in rule["days"]
            ]
            named = format_list(self.env, days)
            text = self.env._("%(repeats)s on %(days)s", repeats=text, days=named)
        if rule["count"]:
            return self.env._(
                "%(repeats)s, times: %(count)s", repeats=text, count=rule["count"]
            )
        if rule["until"]:
            until = format_date(self.env, date.fromisoformat(rule["until"]))
            return self.env._("%(repeats)s, until %(date)s", repeats=text, date=until)
        return text

    def _frequency(self, frequency: str, interval: int) -> str:
        if interval == 1:
            return {
                "daily": self.env._("Every day"),
                "weekly": self.env._("Every week"),
                "monthly": self.env._("Every month"),
                "yearly": self.env._("Every year"),
            }[frequency]
        return {
            "daily": self.env._("Every %s days", interval),
            "weekly": self.env._("Every %s weeks", interval),
            "monthly": self.env._("Every %s months", interval),
            "yearly": self.env._("Every %s years", interval),
        }[frequency]


def _named(person: dict | None) -> str:
    """A person as people write them: the name, or else the address."""
    return (person["name"] or person["email"]) if person else ""
