"""Reading FETCH answers fast must give what reading them with the parser gives."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from imapclient.datetime_util import parse_to_datetime
from imapclient.exceptions import ProtocolError

from odoo.addons.mailbox_connector.engine.imap import responses
from odoo.addons.mailbox_connector.engine.imap.fetched import read_date, read_plain

HEADER = b"From: a@example.com\r\n\r\n"
NUMBERS = st.sampled_from([b"0", b"7", b"4294967295", b"007", b"12345678901", b"-1"])
FLAGS = st.lists(
    st.sampled_from(
        [b"\\Seen", b"$Junk", b"NIL", b"nil", b"12", b"a.b", b"x%", b'"q"', b"\\*"]
        + [b"(n)", b"[a b]", b"\xff", b"NILS", b"Old_1"]
    ),
    max_size=4,
).map(b" ".join)
NAMES = st.sampled_from(
    [b"BODY[]", b"body[]", b"BODY[HEADER.FIELDS (FROM TO)]", b"BODY[1.2]", b"BODY"]
    + [b'BODY[HEADER.FIELDS ("FROM")]', b"RFC822", b"X-GM-RAW"]
)
ITEMS = st.one_of(
    st.tuples(st.sampled_from([b"UID", b"uid", b"RFC822.SIZE", b"MODSEQ"]), NUMBERS),
    st.tuples(
        st.just(b"INTERNALDATE"),
        st.sampled_from(
            [b'"01-Jan-2026 10:00:00 +0000"', b'"a\\"b"', b'"a\tb"', b'""', b"NIL"]
        ),
    ),
    st.tuples(st.sampled_from([b"FLAGS", b"X-GM-LABELS"]), FLAGS.map(b"(%s)".__mod__)),
    st.tuples(NAMES, st.sampled_from([b"NIL", b'"text"', b"5", b"{0}", b"{24}"])),
).map(b" ".join)
SPACES = st.sampled_from([b" ", b" ", b" ", b"  ", b""])


@st.composite
def answers(draw):
    """FETCH answers, some of the usual shape and many that are not."""
    text = draw(st.sampled_from([b"1 (", b"1 (", b"9 ( ", b"(", b"x ("]))
    for item in draw(st.lists(ITEMS, max_size=5)):
        text += item + draw(SPACES)
    if draw(st.booleans()):
        name = draw(NAMES)
        size = draw(st.sampled_from([24, 24, 24, 23, 0]))
        return [(text + name + b" {%d}" % size, HEADER), draw(ENDS)]
    return [text + b")"]


ENDS = st.sampled_from([b")", b")", b")", b" FLAGS (\\Seen))", b"", b"))"])


def parsed(answer):
    try:
        return responses.read_items(answer)
    except (ProtocolError, ValueError, AssertionError, AttributeError, TypeError):
        return "refused"


@given(answers())
@example([(b"1 (FLAGS (a b) UID 3 BODY[] {24}", HEADER), b")"])
def test_fast_and_slow_agree(answer):
    plain = read_plain(answer)
    assert plain is None or plain == parsed(answer)


@pytest.mark.parametrize(
    "text",
    [
        b"12 (UID 4711 FLAGS (\\Seen $Junk) RFC822.SIZE 2048 INTERNALDATE "
        b'"17-Jul-2026 02:44:25 +0200" BODY[HEADER.FIELDS (FROM REPLY-TO TO CC '
        b"MESSAGE-ID)] {23}",
        b"1 (UID 1 FLAGS () BODY[] {23}",
        b"1 (BODY[] {23}",
    ],
)
def test_the_usual_answers_are_read_fast(text):
    answer = [(text, HEADER[:23]), b")"]
    assert read_plain(answer) == parsed(answer) != {}


DATES = st.one_of(
    st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)).flatmap(
        lambda moment: st.sampled_from(
            [
                moment.strftime("%d-%b-%Y %H:%M:%S ") + zone
                for zone in ("+0000", "-0000", "+0530", "-1200", "+2400", "+9999")
            ]
        )
    ),
    st.sampled_from(
        [" 7-Feb-2026 10:00:00 +0100", "7-Feb-2026 10:00:00 +0100"]
        + ["31-Feb-2026 10:00:00 +0100", "01-Foo-2026 10:00:00 +0000"]
        + ["01-Jan-2026 24:00:00 +0000", "01-Jan-2026 10:00:60 +0000", ""]
    ),
).map(str.encode)


@given(DATES)
def test_dates_are_what_imapclient_says(value):
    fast = read_date(value)
    if fast is None:
        return
    moment = parse_to_datetime(value, normalise=False)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    assert fast == moment.astimezone(timezone.utc)
