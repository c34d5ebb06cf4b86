"""What one tick does; driven through random histories of a model server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.imap.plan import (
    FolderState,
    TickPlan,
    backfill_batches,
    body_batches,
    plan_tick,
)
from odoo.addons.mailbox_connector.engine.imap.ranges import MAX_UID, UidRanges
from odoo.addons.mailbox_connector.engine.types import FolderStatus

KNOWN = FolderState(uidvalidity=7, next_uid=10, messages=5)


@pytest.mark.parametrize(
    ("state", "status", "plan"),
    [
        (FolderState(None), FolderStatus(5, 10, 7), TickPlan("first", None, 10)),
        (FolderState(None), FolderStatus(5, None, 7), TickPlan("first", None, None)),
        (KNOWN, FolderStatus(5, 10, 7), TickPlan("nothing", None, 10)),
        (KNOWN, FolderStatus(7, 12, 7), TickPlan("new", (10, 11), 12)),
        (KNOWN, FolderStatus(6, 12, 7), TickPlan("new", (10, 11), 12, True)),
        (KNOWN, FolderStatus(4, 10, 7), TickPlan("vanished", None, 10, True)),
        (KNOWN, FolderStatus(5, 10, 8), TickPlan("renumbered", None, 10)),
        # A replica that is behind: the cursor never goes back.
        (KNOWN, FolderStatus(5, 4, 7), TickPlan("nothing", None, 10)),
        # 163.com gives no UIDNEXT: equal counts prove nothing.
        (KNOWN, FolderStatus(5, None, 7), TickPlan("new", (10, MAX_UID), None)),
        (
            FolderState(7, 10, 5, highestmodseq=3),
            FolderStatus(5, None, 7, highestmodseq=3),
            TickPlan("nothing", None, 10),
        ),
    ],
)
def test_one_tick(state, status, plan):
    assert plan_tick(state, status) == plan


class ModelServer:
    """A folder: UIDs ascend and are never used twice under one UIDVALIDITY."""

    def __init__(self):
        self.uidvalidity, self.uidnext, self.uids = 1, 1, set()

    def deliver(self):
        self.uids.add(self.uidnext)
        self.uidnext += 1

    def expunge(self, place):
        if self.uids:
            self.uids.discard(sorted(self.uids)[place % len(self.uids)])

    def renumber(self):
        self.uidvalidity += 1
        self.uids = set(range(1, len(self.uids) + 1))
        self.uidnext = len(self.uids) + 1

    def status(self, uidnext):
        number = self.uidnext if uidnext else None
        return FolderStatus(len(self.uids), number, self.uidvalidity)


STEPS = st.lists(
    st.one_of(
        st.just(("deliver", 0)),
        st.tuples(st.just("expunge"), st.integers(0, 20)),
        st.just(("tick", 0)),
        st.just(("crash", 0)),
        st.just(("renumber", 0)),
    ),
    max_size=60,
)


@given(STEPS, st.booleans())
def test_every_new_mail_is_handled_exactly_once(steps, uidnext):
    """Through deliveries, deletions, renumbering, crashes and mail amid a pass."""
    server = ModelServer()
    state = FolderState(None)
    handled: list[int] = []
    since = 1
    for step, number in [*steps, ("tick", 0)]:
        if step == "deliver":
            server.deliver()
        elif step == "expunge":
            server.expunge(number)
        elif step == "renumber":
            server.renumber()
        else:
            status = server.status(uidnext)
            plan = plan_tick(state, status)
            server.deliver()  # mail that comes after the snapshot
            if plan.action in ("first", "renumbered"):
                # History is the backfill's; here new mail alone is looked at.
                since = plan.next_uid or status.messages and max(server.uids) or 1
                handled, found = [], []
            else:
                low, high = plan.uid_range or (1, 0)
                found = sorted(uid for uid in server.uids if low <= uid <= high)
            if step == "crash":
                if plan.action in ("first", "renumbered"):
                    state = FolderState(None)
                continue  # nothing of this pass was stored
            handled += found
            cursor = plan.next_uid or max([since - 1, state.next_uid - 1, *found]) + 1
            if plan.action in ("first", "renumbered"):
                cursor = since
            state = FolderState(status.uidvalidity, cursor, status.messages)
    assert len(handled) == len(set(handled))
    expected = {uid for uid in server.uids if since <= uid < state.next_uid}
    assert expected <= set(handled)
    # A last quiet look finds what came amid the passes, and then nothing more.
    plan = plan_tick(state, server.status(True))
    missing = {uid for uid in server.uids if uid >= state.next_uid}
    assert (plan.action == "new") == (server.uidnext > state.next_uid)
    if missing:
        low, high = plan.uid_range
        assert missing <= set(range(low, high + 1))


@given(st.lists(st.integers(1, 99)), st.sets(st.integers(1, 99)), st.integers(1, 9))
def test_backfill_is_newest_first_and_complete(found, handled, size):
    batches = backfill_batches(found, UidRanges.from_uids(handled), size)
    flat = [uid for batch in batches for uid in batch]
    assert flat == sorted(set(found) - handled, reverse=True)
    assert all(0 < len(batch) <= size for batch in batches)


@given(
    st.lists(st.tuples(st.integers(1, 999), st.integers(0, 3000))),
    st.integers(1, 5),
    st.integers(1, 5000),
)
def test_bodies_are_fetched_in_bounded_portions(records, count, size):
    batches = body_batches(records, count, size)
    flat = [uid for batch in batches for uid in batch]
    assert flat == [uid for uid, _size in records]
    sizes = iter(size for _uid, size in records)
    for batch in batches:
        total = sum(next(sizes) for _uid in batch)
        assert len(batch) <= count and (total <= size or len(batch) == 1)
