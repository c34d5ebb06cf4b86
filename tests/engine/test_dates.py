"""When a message was written, however its sender writes it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import raw

from odoo.addons.mailbox_connector.engine.mime.parse import parse_message

RECEIVED = datetime(2026, 5, 1, 12, 0)


def date_of(value: str) -> datetime | None:
    found = parse_message(raw(f"Date: {value}"), RECEIVED).date
    return None if found == RECEIVED else found


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("GMT+01:00", 60), ("GMT +0100", 60), ("GMT-05:00", -300), ("+05:30", 330),
        ("-03:30", -210), ("UTC+2", 120), ("UTC-7", -420), ("GMT+0200 (CEST)", 120),
        ("+1", 60), ("-7:00", -420), ("+100", 60), ("EST-0500", -300),
        ("UT", 0), ("UTC", 0), ("GMT", 0), ("Z", 0), ("-0000", 0), ('"GMT"', 0),
        # Letters of the military: RFC 822 had their signs wrong.
        ("A", 0), ("y", 0), ("EST", -300), ("EDT", -240), ("PST", -480), ("CET", 60),
        ("CEST", 120), ("MESZ", 120), ("BST", 60), ("JST", 540), ("IST", 330),
        ("(CEST)", 120), ("+0200 (Mitteleuropäische Sommerzeit)", 120), ("", 0),
        ("GMT (CET)", 0), ("Somewhere", 0), ("?", 0), ("+0100 +0200", 60),
    ],
)  # fmt: skip
def test_zones(zone, minutes):
    """A mail that is an hour too early is before the one it replies to."""
    local = datetime(2026, 3, 5, 18, 8, 17)
    expected = local - timedelta(minutes=minutes)
    assert date_of(f"Thu, 05 Mar 2026 18:08:17 {zone}") == expected


@pytest.mark.parametrize(
    "value",
    [
        "Thu, 05 Mar 2026 18:08:17.882 +0000",
        "Thu, 05 Mar 2026 18:08:17,5 +0000",
        "Thu,05 Mar 2026 18:08:17 +0000",
        "Thu 05 Mar 2026 18:08:17 +0000",
        "Thu, 05 Mar 26 18:08:17 +0000",
        "Thu, 05-Mar-2026 18:08:17 +0000",
        "05 Mar 2026 18:08:17",
        "Thu, 5 March 2026, 18:08:17 +0000",
        "Thursday, March 5, 2026 6:08:17 PM",
        "Thu, 05 Mar 2026 06:08:17 pm +0000",
        "Thu, 05 Mar 2026 18.08.17 +0000",
        "Thu Mar  5 18:08:17 2026",
        "Thu Mar  5 19:08:17 CET 2026",
        "Thu Mar 05 2026 19:08:17 GMT+0100 (CET)",
        "(a) Thu (b), 05 (c) Mar 2026 18:08:17 (d) +0000 (e)",
        "=?utf-8?q?Thu=2C_05_Mar_2026_18=3A08=3A17_+0000?=",
        "Do, 5. März 2026 18:08:17 +0000",
        "Do, 05 Mrz 2026 18:08:17 +0000",
        "jeu., 05 mars 2026 18:08:17 +0000",
        "jue, 5 de marzo de 2026 18:08:17 +0000",
        "gio, 05 mar 2026 18:08:17 +0000",
        "Thu, 05 Mar\n 2026 18:08:17\n +0000",
    ],
)
def test_forms(value):
    assert date_of(value) == datetime(2026, 3, 5, 18, 8, 17)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Thu, 05 Mar 2026 24:00:00 +0000", datetime(2026, 3, 6)),
        ("Wed, 31 Dec 2025 23:59:60 +0000", datetime(2026, 1, 1)),
        ("1 juil. 2025 10:00 GMT", datetime(2025, 7, 1, 10)),
        ("1 juin 2025 10:00 GMT", datetime(2025, 6, 1, 10)),
        ("mar. 1 juil. 2025 10:00 GMT", datetime(2025, 7, 1, 10)),
        ("1 Mar 99 10:00 GMT", datetime(1999, 3, 1, 10)),
        ("1 Mar 112 10:00 GMT", datetime(2012, 3, 1, 10)),
        ("Thu, 05 Mar 2026", None),
        ("Tue, 31 Feb 2026 10:00:00 +0000", None),
        ("Thu, 05 Mar 2026 25:00:00 +0000", None),
        ("Thu, 05 Mar 2026 10:00:00 +9900", None),
        ("Thu, 05 Foo 2026 10:00:00 +0000", None),
        ("05.03.2026 10:00", None),
        ("May 10:00", None),
    ],
)
def test_borders(value, expected):
    """What may mean two days, or none, gives way to the time of the server."""
    assert date_of(value) == expected


@given(
    st.datetimes(datetime(1990, 1, 2), datetime(2026, 4, 29)),
    st.integers(-56, 56).map(lambda quarters: timedelta(minutes=15 * quarters)),
)
def test_every_valid_date(moment, offset):
    local = moment.replace(microsecond=0, tzinfo=timezone(offset))
    expected = local.astimezone(timezone.utc).replace(tzinfo=None)
    assert parse_message(raw(f"Date: {format_datetime(local)}")).date == expected
    value = local.strftime("%a %b %d %Y %H:%M:%S GMT%z (any)")
    assert parse_message(raw(f"Date: {value}")).date == expected


@given(st.text())
def test_never_raises(value):
    date_of(value.replace("\n", " "))
