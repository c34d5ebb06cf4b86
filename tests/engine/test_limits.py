"""A sending limit is never exceeded, and never makes mail wait longer than it must."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side
from odoo.addons.mailbox_connector.engine.smtp import retry
from odoo.addons.mailbox_connector.engine.smtp.limits import (
    DAY,
    HOUR,
    Cause,
    SendingLimits,
    next_slot,
    plan,
)
from odoo.addons.mailbox_connector.engine.smtp.retry import NextStep

NOW = datetime(2026, 3, 1, 12)

limits = st.builds(
    SendingLimits,
    per_hour=st.integers(0, 6),
    per_day=st.integers(0, 12),
    seconds_between=st.sampled_from([0, 1, 30, 900]),
)
backfill = st.lists(st.integers(0, 2 * 86400), max_size=20).map(
    lambda ages: sorted(NOW - timedelta(seconds=age) for age in ages)
)
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def allowed(limit, sent):
    """Whether no window holds more than it may, judged the slow way."""
    for length, most in ((HOUR, limit.per_hour), (DAY, limit.per_day)):
        if most and any(
            sum(start <= one < start + length for one in sent) > most for start in sent
        ):
            return False
    return True


def send_all(limit, sent, wanted):
    """Send one mail after the other as soon as each may; what was sent and when."""
    now, out = NOW, []
    for size in wanted:
        while size:
            slot = next_slot(limit, sorted([*sent, *out]), now, size)
            assert slot.at >= now and 1 <= slot.count <= size
            out += [slot.at] * slot.count
            now, size = slot.at, size - slot.count
    return out


@given(limits, sizes)
def test_a_limit_is_never_exceeded(limit, wanted):
    sent = send_all(limit, [], wanted)
    assert len(sent) == sum(wanted), "and everything goes in the end"
    assert allowed(limit, sent)
    moments = sorted(set(sent))
    gaps = [(b - a).total_seconds() for a, b in zip(moments, moments[1:], strict=False)]
    assert all(gap >= limit.seconds_between for gap in gaps)


@given(limits, backfill, st.integers(1, 9))
def test_nothing_waits_longer_than_it_must(limit, sent, wanted):
    """One recipient a second earlier, or one more at that time, would be too many."""
    slot = next_slot(limit, sent, NOW, wanted)
    assert (slot.at == NOW) == (slot.cause is None)

    def fits(moment, count):
        windows = ((HOUR, limit.per_hour), (DAY, limit.per_day))
        return all(
            not most or sum(one > moment - length for one in sent) + count <= most
            for length, most in windows
        ) and not (
            sent and moment < sent[-1] + timedelta(seconds=limit.seconds_between)
        )

    assert fits(slot.at, slot.count)
    if slot.count < wanted:
        assert not fits(slot.at, slot.count + 1)
    if slot.cause:
        assert not fits(slot.at - timedelta(seconds=1), 1)


@given(limits, backfill, sizes)
def test_a_plan_says_when_each_mail_goes(limit, sent, wanted):
    slots = plan(limit, sent, NOW, wanted)
    assert len(slots) == len(wanted)
    assert slots[0] == next_slot(limit, sent, NOW, wanted[0])
    moments = [slot.at for slot in slots]
    assert moments == sorted(moments) and moments[0] >= NOW


@given(backfill, sizes)
def test_without_a_limit_nothing_waits(sent, wanted):
    assert not SendingLimits()
    assert {slot.at for slot in plan(SendingLimits(), sent, NOW, wanted)} == {NOW}


def test_the_reason_names_the_limit():
    sent = [NOW - timedelta(minutes=10)] * 3
    assert next_slot(SendingLimits(per_hour=3), sent, NOW, 1).cause is Cause.HOUR
    assert next_slot(SendingLimits(per_hour=3), sent, NOW, 1).at == sent[0] + HOUR
    assert next_slot(SendingLimits(per_day=3), sent, NOW, 1).cause is Cause.DAY
    assert (
        next_slot(SendingLimits(seconds_between=900), sent, NOW, 1).cause is Cause.PACE
    )


def error(kind, text="", after=None):
    return EngineError(kind, Side.SMTP, server_text=text, retry_after=after)


@pytest.mark.parametrize(
    ("failure", "follows"),
    [
        (error(Kind.GREYLISTED, "451 4.7.1 later"), NextStep.RETRY),
        (error(Kind.UNREACHABLE), NextStep.RETRY),
        (error(Kind.QUOTA, "452 4.2.2 mailbox full"), NextStep.RETRY),
        (error(Kind.QUOTA, "552 5.2.2 mailbox full"), NextStep.FAIL),
        (error(Kind.PROTOCOL, "503 bad sequence"), NextStep.RETRY),
        (error(Kind.RECIPIENT_REFUSED, "550 5.1.1 nobody"), NextStep.FAIL),
        (error(Kind.SENDING_LIMIT, "550 5.4.5 limit"), NextStep.PAUSE),
        (error(Kind.TOO_MANY_CONNECTIONS, "421 too many"), NextStep.PAUSE),
        (error(Kind.LOGIN_WRONG, "454 4.7.8 no"), NextStep.FAIL),
        (error(Kind.OUTCOME_UNKNOWN), NextStep.ASK_USER),
    ],
)
def test_what_follows_an_error(failure, follows):
    assert retry.next_step(failure) is follows


@given(st.sampled_from(list(Kind)), st.sampled_from(["", "4xx", "421 x", "550 x"]))
def test_what_needs_a_person_is_never_retried_automatically(kind, text):
    follows = retry.next_step(error(kind, text))
    if kind is Kind.OUTCOME_UNKNOWN:
        assert follows is NextStep.ASK_USER, "it may have been sent"
    if kind in (Kind.LOGIN_WRONG, Kind.ACCOUNT_BLOCKED):
        assert follows is NextStep.FAIL, "trying again may lock the account"


def test_a_mail_is_tried_for_two_days():
    waits = [retry.delay(attempt) for attempt in range(1, retry.MAX_ATTEMPTS)]
    minutes = [wait.total_seconds() / 60 for wait in waits]
    assert minutes[:5] == [1, 4, 15, 60, 240]
    assert timedelta(days=1.5) < sum(waits, timedelta()) < timedelta(days=2.5)
    assert retry.delay(retry.MAX_ATTEMPTS) is None
    assert retry.delay(1, hint=7200) == timedelta(hours=2)


def test_pauses_grow_and_end():
    full = error(Kind.SENDING_LIMIT, "550 5.4.5 daily limit")
    fast = error(Kind.SENDING_LIMIT, "432 4.3.2 Concurrent connections limit")
    assert [retry.pause(full, n) / HOUR for n in (1, 2, 3, 9)] == [1, 2, 4, 4]
    assert retry.pause(fast, 1) == timedelta(minutes=1)
    assert retry.pause(fast, 9) == HOUR
    hinted = error(Kind.THROTTLED, "421 later", after=5400)
    assert retry.pause(hinted, 1) == timedelta(minutes=90)
    assert retry.pause(full, retry.MAX_PAUSES + 1) is None
