"""What to do, decided from what is stored and what the server says. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from ..imap.ranges import MAX_UID, UidRanges
from ..types import Folder, FolderStatus
from .state import FolderState

#: Folders that are opened to find one under its new name.
MAX_TRIES = 20


@dataclass(frozen=True)
class TickPlan:
    """What one tick does with a folder.

    ``action``: "nothing"; "first" (never seen: new mail starts here, what is
    older is history's); "changed" (look at ``uid_range`` if there is one, then
    keep the snapshot); "renumbered" (UIDVALIDITY changed: known UIDs mean
    nothing any more).

    ``uid_range``: (first, last) UIDs to look at, both included.
    ``next_uid``: the cursor once the plan is carried out; None when the server
    gives no UIDNEXT: then it is the highest UID found, plus one.
    ``vanished``: whether messages went; None: it shows when it is known how many
    came.
    """

    action: str
    uid_range: tuple[int, int] | None = None
    next_uid: int | None = None
    vanished: bool | None = False


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
    if uidnext < max(cursor, state.uidnext):
        # A stale answer (a replica behind): neither cursor nor snapshot goes back.
        return TickPlan("nothing", None, cursor)
    # UIDNEXT counts what came since the snapshot, MESSAGES what came less what went.
    came = uidnext - (state.uidnext or cursor)
    vanished = state.messages < 0 or status.messages - state.messages < came
    if uidnext > cursor:
        return TickPlan("changed", (cursor, uidnext - 1), uidnext, vanished)
    same = (state.uidnext, state.messages, state.highestmodseq) == (
        uidnext,
        status.messages,
        status.highestmodseq,
    )
    return TickPlan("nothing" if same else "changed", None, cursor, vanished)


def _plan_without_uidnext(
    state: FolderState, status: FolderStatus, cursor: int
) -> TickPlan:
    """163.com and others leave UIDNEXT out."""
    modseq = status.highestmodseq
    if modseq and modseq == state.highestmodseq and status.messages == state.messages:
        return TickPlan("nothing", None, cursor)
    # Equal counts prove nothing: one may have come and one gone.
    uid_range = (cursor, MAX_UID) if cursor <= MAX_UID else None
    return TickPlan("changed", uid_range, None, None)


def plan_renames(
    known: Sequence[FolderState], listed: Sequence[Folder]
) -> list[tuple[Hashable, list[str]]]:
    """Folders that may go by another name now.

    A UIDVALIDITY proves little, for some servers give the same to many folders: the
    folder has to be opened.

    :return: (key, raw names to try)
    """
    listed = [folder for folder in listed if folder.selectable and folder.status]
    there = {(folder.raw_name, folder.status.uidvalidity) for folder in listed}
    stored = {(state.raw_name, state.uidvalidity) for state in known}
    fresh = [f for f in listed if (f.raw_name, f.status.uidvalidity) not in stored]
    renames = []
    for state in known:
        if not state.uidvalidity or (state.raw_name, state.uidvalidity) in there:
            continue
        names = [
            folder.raw_name
            for folder in fresh
            if folder.status.uidvalidity == state.uidvalidity
            and (folder.status.uidnext or MAX_UID) >= state.next_uid
        ]
        if names:
            renames.append((state.key, names[:MAX_TRIES]))
    return renames


def without_collisions(
    renames: Mapping[Hashable, str], known: Sequence[FolderState]
) -> dict[Hashable, str]:
    """Only new names that no other known folder keeps, and each once."""
    while True:
        kept = {state.raw_name for state in known if state.key not in renames}
        counts = Counter(renames.values())
        good = {
            key: name
            for key, name in renames.items()
            if name not in kept and counts[name] == 1
        }
        if len(good) == len(renames):
            return good
        renames = good


def backfill_batches(
    uids: Sequence[int], handled: UidRanges, size: int
) -> list[list[int]]:
    """UIDs not yet handled, newest first, in batches of ``size``."""
    left = sorted({uid for uid in uids if uid not in handled}, reverse=True)
    size = max(1, size)
    return [left[start : start + size] for start in range(0, len(left), size)]


def body_batches(
    records: Sequence[tuple[int, int]],
    max_count: int = 125,
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
