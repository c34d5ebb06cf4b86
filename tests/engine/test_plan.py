"""What is decided from what is stored and what a server says."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.imap import ranges
from odoo.addons.mailbox_connector.engine.imap.ranges import MAX_UID, UidRanges
from odoo.addons.mailbox_connector.engine.sync import plan
from odoo.addons.mailbox_connector.engine.sync.plan import (
    TickPlan,
    backfill_batches,
    body_batches,
    plan_renames,
    plan_tick,
    without_collisions,
)
from odoo.addons.mailbox_connector.engine.sync.state import FolderState
from odoo.addons.mailbox_connector.engine.types import Folder, FolderStatus, Role


def state(uidvalidity=7, next_uid=10, messages=5, uidnext=10, **more):
    more = {"raw_name": "INBOX", **more}
    return FolderState(
        more["raw_name"],
        uidvalidity=uidvalidity,
        next_uid=next_uid,
        messages=messages,
        uidnext=uidnext,
        **more,
    )


@pytest.mark.parametrize(
    ("known", "status", "plan"),
    [
        (state(None), FolderStatus(5, 10, 7), TickPlan("first", None, 10)),
        (state(None), FolderStatus(5, None, 7), TickPlan("first", None, None)),
        (state(), FolderStatus(5, 10, 7), TickPlan("nothing", None, 10)),
        (state(), FolderStatus(7, 12, 7), TickPlan("changed", (10, 11), 12)),
        (state(), FolderStatus(6, 12, 7), TickPlan("changed", (10, 11), 12, True)),
        (state(), FolderStatus(4, 10, 7), TickPlan("changed", None, 10, True)),
        (state(), FolderStatus(5, 10, 8), TickPlan("renumbered", None, 10)),
        (state(), FolderStatus(0, 1, 8), TickPlan("renumbered", None, 1)),
        # Where nothing was, nothing is void.
        (state(messages=0), FolderStatus(0, 1, 8), TickPlan("nothing", None, 10)),
        (state(messages=0), FolderStatus(2, 3, 8), TickPlan("refilled", (1, 2), 3)),
        (
            state(messages=0),
            FolderStatus(2, None, 8),
            TickPlan("refilled", (1, MAX_UID), None),
        ),
        (state(messages=-1), FolderStatus(2, 3, 8), TickPlan("renumbered", None, 3)),
        # Flags alone: the mod-sequence is kept, nothing is fetched.
        (
            state(highestmodseq=3),
            FolderStatus(5, 10, 7, highestmodseq=4),
            TickPlan("changed", None, 10),
        ),
        # A replica that is behind: neither cursor nor snapshot goes back.
        (state(), FolderStatus(5, 4, 7), TickPlan("nothing", None, 10)),
        # Ten new ones of which the last pass handled five; three old ones went.
        (
            state(next_uid=15),
            FolderStatus(12, 20, 7),
            TickPlan("changed", (15, 19), 20, True),
        ),
        # 163.com gives no UIDNEXT: equal counts prove nothing.
        (
            state(uidnext=0),
            FolderStatus(5, None, 7),
            TickPlan("changed", (10, MAX_UID), None, None),
        ),
        (
            state(uidnext=0, highestmodseq=3),
            FolderStatus(5, None, 7, highestmodseq=3),
            TickPlan("nothing", None, 10),
        ),
    ],
)
def test_one_tick(known, status, plan):
    assert plan_tick(known, status) == plan


def folder(name, uidvalidity, uidnext=10):
    status = FolderStatus(5, uidnext, uidvalidity)
    return Folder(name, name, "/", (), Role.OTHER, True, status)


@pytest.mark.parametrize(
    ("known", "listed", "renames"),
    [
        ([state(raw_name="A")], [folder("B", 7)], [("A", ["B"])]),
        ([state(raw_name="A")], [folder("A", 7), folder("B", 7)], []),
        ([state(raw_name="A")], [folder("B", 8)], []),
        # Fewer UIDs than were seen: another folder.
        ([state(raw_name="A")], [folder("B", 7, uidnext=3)], []),
        # All folders have one UIDVALIDITY: each is tried.
        ([state(raw_name="A")], [folder("B", 7), folder("C", 7)], [("A", ["B", "C"])]),
        # Two folders changed places.
        (
            [state(raw_name="A"), state(8, raw_name="B")],
            [folder("A", 8), folder("B", 7)],
            [("A", ["B"]), ("B", ["A"])],
        ),
    ],
)
def test_renamed_folders(known, listed, renames):
    assert plan_renames(known, listed) == renames


def test_a_new_name_that_another_folder_keeps_is_not_taken():
    known = [state(raw_name=name) for name in "ABC"]
    assert without_collisions({"A": "B"}, known) == {}
    assert without_collisions({"A": "B", "B": "A"}, known) == {"A": "B", "B": "A"}
    assert without_collisions({"A": "D", "B": "D"}, known) == {}
    assert without_collisions({"A": "B", "B": "C"}, known) == {}


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


@pytest.mark.parametrize("module", [plan, ranges])
def test_examples_of_the_documentation(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed
