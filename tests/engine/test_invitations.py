"""An invitation says what, when, where and who; a bad calendar never breaks a mail."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import multipart, text_part

from odoo.addons.mailbox_connector.engine.mime import invitations
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message
from odoo.addons.mailbox_connector.engine.types import Person, Recurrence

TEXT = text_part("text/plain", b"Please come")


def calendar(*lines: str, method: str = "REQUEST", zones: str = "") -> str:
    """A calendar with one event of these lines; a start if they have none."""
    if not any(line.startswith("DTSTART") for line in lines):
        lines = (*lines, "DTSTART:20260501T070000Z")
    head = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    head += [f"METHOD:{method}"] if method else []
    head += [zones] if zones else []
    event = ["BEGIN:VEVENT", "UID:1@example.com", *lines, "END:VEVENT", "END:VCALENDAR"]
    return "\r\n".join([*head, *event, ""])


def read(*lines: str, **more):
    found = invitations.read(calendar(*lines, **more))
    return found[0] if found else None


def test_what_when_where_who():
    text = calendar(
        "DTSTART:20260501T070000Z",
        "DTEND:20260501T080000Z",
        "SUMMARY:Visit\\, second\\nfloor",
        "LOCATION:Main Street 1\\; Rome",
        'ORGANIZER;CN="Döe, Ann":MAILTO:ann@example.com',
        "ATTENDEE;CN=bob@example.org;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org",
        "ATTENDEE;CN=Eve;PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:eve@exam",
        " ple.org",
        "ATTENDEE;CUTYPE=ROOM;CN=Room 5:mailto:room5@example.com",
        "STATUS:CONFIRMED",
        "BEGIN:VALARM",
        "DESCRIPTION:not this",
        "END:VALARM",
        "DESCRIPTION:Bring a pen.",
    )
    part = text_part("text/calendar; charset=utf-8; method=REQUEST", text.encode())
    message = parse_message(multipart("alternative", TEXT, part))
    found = message.invitation
    assert (found.method, found.status) == ("request", "confirmed")
    assert (found.summary, found.location) == (
        "Visit, second floor",
        "Main Street 1; Rome",
    )
    assert (found.start, found.end) == ("2026-05-01T07:00:00Z", "2026-05-01T08:00:00Z")
    assert found.organizer == Person("Döe, Ann", "ann@example.com")
    assert found.people == (
        Person("", "bob@example.org"),
        Person("Eve", "eve@example.org", "accepted"),
    )
    assert found.people_count == 2 and not found.recurrence and not found.others
    # The text is the sender's own, and the file is still there.
    assert message.html == "<div>Please come</div>"
    assert [one.content for one in message.attachments] == [text.encode()]
    assert message.attachments[0].filename.endswith(".ics")


def test_without_any_text_the_description_is_the_text():
    text = calendar("SUMMARY:Visit", "DESCRIPTION:Bring <b>a pen</b>.\\nAnn")
    message = parse_message(text_part("text/calendar", text.encode()))
    assert message.html == "<div>Bring &lt;b&gt;a pen&lt;/b&gt;.<br>Ann</div>"
    assert message.invitation.summary == "Visit"


@pytest.mark.parametrize(
    "kind",
    [
        "text/calendar",
        "application/ics",
        "application/octet-stream; name=invite.ics",
        "text/plain; name=invite.ICS",
        "text/x-vcalendar; name=event.vcs",
    ],
)
def test_a_calendar_by_type_or_name(kind):
    part = text_part(kind, calendar("SUMMARY:Visit").encode())
    message = parse_message(multipart("mixed", TEXT, part))
    assert message.invitation.summary == "Visit"


def test_of_several_calendars_the_one_with_a_method():
    parts = [
        text_part("text/calendar", calendar(f"SUMMARY:{name}", method=method).encode())
        for name, method in (("plain", ""), ("invited", "REQUEST"))
    ]
    message = parse_message(multipart("mixed", TEXT, *parts))
    assert message.invitation.summary == "invited"


@pytest.mark.parametrize(
    ("method", "in_type", "found"),
    [
        ("REQUEST", "", "request"),
        ("Cancel", "", "cancel"),
        ("", "REPLY", "reply"),
        ("COUNTER", "REQUEST", "counter"),
        ("NONSENSE", "", ""),
        ("", "", ""),
    ],
)
def test_methods(method, in_type, found):
    text = calendar("SUMMARY:Visit", method=method)
    assert invitations.read(text, in_type)[0].method == found


BERLIN = """BEGIN:VTIMEZONE
TZID:Our own time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE"""


NINE = "2026-05-01T07:00:00Z"  # in Berlin
REGISTRY = "/mozilla.org/20050126_1/Europe/Berlin"


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("DTSTART:20260501T070000Z", NINE),
        ("DTSTART;TZID=Europe/Berlin:20260501T090000", NINE),
        ("DTSTART;TZID=Europe/Berlin:20260201T090000", "2026-02-01T08:00:00Z"),
        ('DTSTART;TZID="W. Europe Standard Time":20260501T090000', NINE),
        ("DTSTART;TZID=Pacific Standard Time:20260501T090000", "2026-05-01T16:00:00Z"),
        (f"DTSTART;TZID={REGISTRY}:20260501T090000", NINE),
        (
            "DTSTART;TZID=America/Argentina/Salta:20260501T090000",
            "2026-05-01T12:00:00Z",
        ),
        ("DTSTART;TZID=UTC:20260501T090000", "2026-05-01T09:00:00Z"),
        ("DTSTART;TZID=GMT+02:00:20260501T090000", NINE),
        ("DTSTART;TZID=UTC-0330:20260501T090000", "2026-05-01T12:30:00Z"),
        ("DTSTART;TZID=Our own time:20260501T090000", NINE),
        ("DTSTART;TZID=Our own time:20260329T015900", "2026-03-29T00:59:00Z"),
        ("DTSTART;TZID=Our own time:20260329T030000", "2026-03-29T01:00:00Z"),
        ("DTSTART;TZID=Our own time:20261025T040000", "2026-10-25T03:00:00Z"),
        ("DTSTART:20260501T090000", "2026-05-01T09:00:00"),
        ("DTSTART:20260501T0900", "2026-05-01T09:00:00"),
        ("DTSTART:2026-05-01T09:00:00Z", "2026-05-01T09:00:00Z"),
        ("DTSTART;VALUE=DATE:20260501", "2026-05-01"),
        ("DTSTART:20260501", "2026-05-01"),
    ],
)
def test_times_and_zones(line, start):
    """Of IANA, of Windows, with a registry in front, described in the calendar."""
    found = read(line, zones=BERLIN.replace("\n", "\r\n"))
    assert (found.start, found.zone) == (start, "")


def test_a_zone_that_nobody_knows_is_named_and_no_time_is_made_up():
    zone = "(UTC+01:00) Amsterdam, Berlin"
    found = read(
        f"DTSTART;TZID={zone}:20260501T090000", f"DTEND;TZID={zone}:20260501T100000"
    )
    assert found.start == "2026-05-01T09:00:00" and found.end == "2026-05-01T10:00:00"
    assert found.zone == zone


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        (["DTSTART;VALUE=DATE:20260501", "DTEND;VALUE=DATE:20260502"], ""),
        (["DTSTART;VALUE=DATE:20260501", "DTEND;VALUE=DATE:20260504"], "2026-05-03"),
        (["DTSTART;VALUE=DATE:20260501", "DURATION:P2D"], "2026-05-02"),
        (["DTSTART;VALUE=DATE:20260501", "DTEND;VALUE=DATE:20260501"], ""),
        (
            ["DTSTART:20260501T220000Z", "DTEND:20260502T010000Z"],
            "2026-05-02T01:00:00Z",
        ),
        (["DTSTART:20260501T220000Z", "DURATION:PT1H30M"], "2026-05-01T23:30:00Z"),
        (
            ["DTSTART:20260501T090000Z", "DTEND;TZID=Europe/Berlin:20260501T120000"],
            "2026-05-01T10:00:00Z",
        ),
        (["DTSTART:20260501T220000Z", "DTEND:20260501T210000Z"], ""),
        (["DTSTART:20260501T220000Z", "DTEND:rubbish"], ""),
        (["DTSTART:20260501T220000Z", "DURATION:P9999W"], "2217-12-19T22:00:00Z"),
        (["DTSTART:99991231T220000Z", "DURATION:P9999W"], ""),
    ],
)
def test_ends(lines, end):
    assert read(*lines).end == end


@pytest.mark.parametrize("offset", ["+0100", "0100", "+010000", "+01:00"])
@pytest.mark.parametrize(
    ("described", "used"),
    [
        (r"(UTC+01:00) Amsterdam\, Berlin", '"(UTC+01:00) Amsterdam, Berlin"'),
        ("(UTC-03:00) Brasília", '"(UTC-03:00) Brasília"'),
        ('"Quoted"', "Quoted"),
    ],
)
def test_zones_that_are_written_in_two_ways(described, used, offset):
    zone = (
        f"BEGIN:VTIMEZONE\r\nTZID:{described}\r\nBEGIN:STANDARD\r\n"
        f"DTSTART:19700101T000000\r\nTZOFFSETTO:{offset}\r\nEND:STANDARD\r\n"
        "END:VTIMEZONE"
    )
    found = read(f"DTSTART;TZID={used}:20260501T080000", zones=zone)
    assert (found.start, found.zone) == (NINE, "")


def test_a_day_that_outlook_writes_with_times_is_a_day():
    found = read(
        "DTSTART;TZID=Europe/Berlin:20260501T000000",
        "DTEND;TZID=Europe/Berlin:20260502T000000",
        "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
    )
    assert (found.start, found.end) == ("2026-05-01", "")


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("FREQ=DAILY", Recurrence("daily")),
        ("FREQ=WEEKLY;BYDAY=MO,WE;INTERVAL=2", Recurrence("weekly", 2, (0, 2))),
        ("FREQ=WEEKLY;COUNT=10;WKST=SU", Recurrence("weekly", count=10)),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", Recurrence("weekly", 1, (0, 1, 2, 3, 4))),
        (
            "FREQ=MONTHLY;UNTIL=20261231T225959Z",
            Recurrence("monthly", until="2026-12-31"),
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=1", Recurrence("monthly")),
        ("FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1", Recurrence("yearly")),
        ("FREQ=MONTHLY;BYDAY=-1FR", Recurrence()),
        ("FREQ=SECONDLY", Recurrence()),
        ("FREQ=WEEKLY;INTERVAL=99999999999", Recurrence("weekly")),
        ("nonsense", Recurrence()),
    ],
)
def test_recurrence(rule, found):
    assert read(f"RRULE:{rule}").recurrence == found


def test_one_date_of_a_series_and_further_events():
    text = calendar("SUMMARY:One date", "RECURRENCE-ID:20260501T070000Z")
    assert invitations.read(text)[0].is_occurrence
    other = calendar("SUMMARY:Other").replace("UID:1@", "UID:2@")
    found = invitations.read(other + text)[0]
    assert (found.summary, found.others, found.is_occurrence) == ("Other", 1, False)


def test_people_are_bounded():
    people = [f"ATTENDEE:mailto:p{number}@example.com" for number in range(500)]
    found = read(*people)
    assert found.people_count == 500 and len(found.people) == invitations.MAX_PEOPLE


def test_the_form_before_icalendar():
    text = (
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260501T070000Z\r\n"
        "SUMMARY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Gr=C3=BC=\r\n=C3=9Fe\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    assert invitations.read(text)[0].summary == "Grüße"


BAD = {
    "nothing": "",
    "no calendar": "Dear Bob, see you",
    "no event": "BEGIN:VCALENDAR\nEND:VCALENDAR",
    "no start": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR",
    "a day that is none": calendar("DTSTART:20260231T070000Z"),
    "an hour that is none": calendar("DTSTART:20260201T250000Z"),
    "a task": calendar().replace("VEVENT", "VTODO"),
    "only ends": "END:VEVENT\r\n" * 100_000,
    "only begins": "BEGIN:VEVENT\r\n" * 100_000,
    "a line of colons": "DTSTART" + ":" * 1_000_000,
    "a line of quotes": "BEGIN:VEVENT\nATTENDEE" + ';A="' * 300_000,
    "a line of parameters": "BEGIN:VEVENT\nATTENDEE" + ";A=B" * 300_000,
    "folded for ever": "BEGIN:VEVENT\nSUMMARY:x" + "\r\n " * 300_000,
    "joined for ever": "BEGIN:VEVENT\nX;QUOTED-PRINTABLE:x" + "=\r\n" * 300_000,
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_calendars_break_nothing(text):
    started = time.process_time()
    part = text_part("text/calendar; name=invite.ics", text.encode())
    message = parse_message(multipart("mixed", TEXT, part))
    assert time.process_time() - started < 3
    assert message.invitation is None and message.html == "<div>Please come</div>"
    assert not text or [one.filename for one in message.attachments] == ["invite.ics"]


@pytest.mark.parametrize(
    "lines",
    [
        ["DTSTART;TZID=../../etc/passwd:20260501T070000"],
        ["DTSTART;TZID=Europe/Berlin:00010101T000000"],
        [
            "DTSTART;TZID=Pacific/Apia:99991231T235959",
            "DTEND;TZID=Pacific/Apia:99991231T235959",
        ],
        ["DTSTART;TZID=UTC+14:00:00010101T000000"],
        ["SUMMARY:" + "x" * 900_000],
        ["SUMMARY:\\", "ORGANIZER:", "ATTENDEE", "STATUS:?", "RRULE:"],
        ["SUMMARY:a\0b\x1b\u202ec"],
    ],
)
def test_odd_events_are_read_all_the_same(lines):
    found = read(*lines)
    assert found.start and len(found.summary) <= invitations.MAX_LINE
    assert found.summary.isprintable()


def test_words_that_need_joiners_stay_whole():
    assert (
        read("SUMMARY:می\u200cخواهم 👩\u200d🔧").summary == "می\u200cخواهم 👩\u200d🔧"
    )


PIECES = st.sampled_from(
    [
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:VTIMEZONE",
        "BEGIN:STANDARD",
        "END:STANDARD",
        "TZID:X",
        "TZOFFSETTO:+0100",
        "TZOFFSETTO:-9999",
        "DTSTART:16010101T000000",
        "DTSTART;TZID=X:20260501T090000",
        "DTEND:20260501",
        "DURATION:-P1D",
        "RDATE:x",
        "RRULE:FREQ=YEARLY;BYDAY=5SU;BYMONTH=13",
        "RRULE:FREQ=YEARLY;BYDAY=0SU;BYMONTH=2",
        "RRULE:FREQ=WEEKLY;BYDAY=MO",
        'ATTENDEE;CN=":x',
        ":",
        ";",
        "\\",
        " folded",
        "SUMMARY:\ud800",
        "BEGIN:VALARM",
        "END:",
        "METHOD:REQUEST",
    ]
)


@given(st.lists(PIECES, max_size=30))
def test_random_calendars_never_raise(lines):
    found = invitations.read("\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines]))
    if found:
        found[0].summary.encode("utf-8")


@given(st.text(max_size=200))
def test_random_text_never_raises(text):
    invitations.read(text)
    invitations.read("BEGIN:VEVENT\nDTSTART:20260501\n" + text)


def test_a_calendar_that_was_sent_twice_is_listed_once():
    """For programs as an alternative, for people as a file (in another encoding)."""
    text = calendar("SUMMARY:Visit").encode()
    coded = base64.encodebytes(text)
    plain = text_part("text/calendar; method=REQUEST", text)
    file = text_part("application/ics; name=visit.ics", coded, "base64")
    other = text_part("application/ics; name=visit.ics", coded + b"IA==", "base64")
    for attached, names in (
        (file, ["visit.ics"]),
        (other, ["invite.ics", "visit.ics"]),
    ):
        message = parse_message(multipart("mixed", TEXT, plain, attached))
        listed = [one.filename for one in message.attachments if one.listed]
        assert listed == names and len(message.attachments) == 2
