"""Handled UIDs: a lost or invented UID here is a lost or doubled mail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.imap.ranges import MAX_UID, UidRanges

uids = st.sets(st.integers(1, 60))


def test_notation():
    ranges = UidRanges.parse("4713:5000,1:4711")
    assert str(ranges) == "1:4711,4713:5000"
    assert 4712 not in ranges and 4711 in ranges and 5001 not in ranges
    assert len(ranges) == 4711 + 288
    assert str(UidRanges.parse("7,5,6,9")) == "5:7,9"
    assert UidRanges.parse("5:3") == UidRanges.span(3, 5)
    assert not UidRanges.parse("") and not UidRanges.parse(None)
    assert UidRanges.span(4, 3) == UidRanges()
    assert "3" not in ranges


@pytest.mark.parametrize("text", ["x", "1:", "0", "1:2:3", "-1", "²", "4294967296"])
def test_what_is_no_set_is_an_error(text):
    with pytest.raises(ValueError):
        UidRanges.parse(text)


@given(uids)
def test_text_and_back(numbers):
    ranges = UidRanges.from_uids(numbers)
    assert UidRanges.parse(str(ranges)) == ranges
    assert hash(UidRanges.parse(str(ranges))) == hash(ranges)
    assert eval(repr(ranges)) == ranges  # our own text
    assert set(ranges) == numbers == {uid for uid in range(70) if uid in ranges}
    assert len(ranges) == len(numbers) and bool(ranges) == bool(numbers)


@given(uids, uids)
def test_as_sets_are(left, right):
    a, b = UidRanges.from_uids(left), UidRanges.from_uids(right)
    assert set(a | b) == left | right == set(a.add(right))
    assert set(a - b) == left - right
    assert set(a & b) == left & right
    for result in (a | b, a - b, a & b):
        spans = result.spans
        # Minimal: ascending and never touching.
        assert all(
            one[1] + 1 < two[0] for one, two in zip(spans, spans[1:], strict=False)
        )


def test_a_long_set():
    ranges = UidRanges.parse(",".join(str(uid) for uid in range(1, 400_001, 2)))
    assert len(ranges) == 200_000 and 399_999 in ranges and 4 not in ranges
    filled = ranges | UidRanges.span(1, MAX_UID)
    assert str(filled) == f"1:{MAX_UID}" and len(filled) == MAX_UID
