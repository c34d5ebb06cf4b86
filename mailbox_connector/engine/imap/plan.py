"""What to fetch, planned from what we know and what the server says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..types import FolderStatus
from .ranges import MAX_UID, UidRanges


@dataclass(frozen=True)
class FolderState:
    """What we have stored about a folder.

    ``uidvalidity`` None: never seen. ``next_uid``: all UIDs below it are
    settled. ``messages``, ``highestmodseq``: the last snapshot's.
    """

    uidvalidity: int | None
    next_uid: int = 1
    messages: int = 0
    highestmodseq: int | None = None


@dataclass(frozen=True)
class TickPlan:
    """What one tick does with a folder.

    ``action``: "nothing"; "first" (never seen: new mail starts here, what is
    older is the backfill's); "new" (look at ``uid_range``); "vanished" (fewer
    messages, none new); "renumbered" (UIDVALIDITY changed: known UIDs mean
    nothing any more).

    ``uid_range``: (first, last) UIDs to search, both included.
    ``next_uid``: the cursor once the plan is carried out; None when the server
    gives no UIDNEXT: then it is the highest UID found, plus one.
    ``vanished``: messages went, maybe beside new ones.
    """

    action: str
    uid_range: tuple[int, int] | None = None
    next_uid: int | None = None
    vanished: bool = False


def plan_tick(state: FolderState, status: FolderStatus) -> TickPlan:
    """Compare the stored state with a snapshot taken *before* fetching."""
    uidnext = status.uidnext or None
    if state.uidvalidity is None:
        return TickPlan("first", next_uid=uidnext)
    if state.uidvalidity != status.uidvalidity:
        return TickPlan("renumbered", next_uid=uidnext)
    cursor = max(1, state.next_uid)
    if uidnext is None:
        return _plan_without_uidnext(state, status, cursor)
    if uidnext > cursor:
        gone = status.messages - state.messages < uidnext - cursor
        return TickPlan("new", (cursor, uidnext - 1), uidnext, gone)
    # A UIDNEXT below our cursor is a stale answer (a replica behind): the cursor
    # never goes back.
    gone = status.messages < state.messages
    return TickPlan("vanished" if gone else "nothing", None, cursor, gone)


def _plan_without_uidnext(
    state: FolderState, status: FolderStatus, cursor: int
) -> TickPlan:
    """163.com and others leave UIDNEXT out."""
    modseq = status.highestmodseq
    if modseq and modseq == state.highestmodseq and status.messages == state.messages:
        return TickPlan("nothing", None, cursor)
    gone = status.messages < state.messages
    if cursor > MAX_UID:
        return TickPlan("vanished" if gone else "nothing", None, cursor, gone)
    # Equal counts prove nothing: one may have come and one gone.
    return TickPlan("new", (cursor, MAX_UID), None, gone)


def backfill_batches(
    uids: Sequence[int], handled: UidRanges, size: int
) -> list[list[int]]:
    """UIDs not yet handled, newest first, in batches of ``size``."""
    left = sorted({uid for uid in uids if uid not in handled}, reverse=True)
    size = max(1, size)
    return [left[start : start + size] for start in range(0, len(left), size)]


def body_batches(
    records: Sequence[tuple[int, int]],
    max_count: int = 50,
    max_bytes: int = 4_000_000,
) -> list[list[int]]:
    """Which messages to fetch together, in the order given.

    :param records: pairs (UID, size in bytes)
    :return: at most ``max_count`` and ``max_bytes`` each; a message larger than
        that stands alone
    """
    batches: list[list[int]] = []
    total = 0
    for uid, size in records:
        size = max(0, size)
        fits = batches and len(batches[-1]) < max_count and total + size <= max_bytes
        if fits:
            batches[-1].append(uid)
            total += size
        else:
            batches.append([uid])
            total = size
    return batches
