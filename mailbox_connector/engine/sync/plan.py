"""Decides what a sync has to do: pure functions of the stored state and the server's.

What it is for
    The decisions of a sync are in one place, without a server or a database, so that
    they can be tested with any combination of states (``tests/engine/test_plan.py``,
    and through ``test_sync_model.py``).

How it works
    :func:`plan_tick` compares a folder's stored snapshot with a new one. Three numbers
    are enough (RFC 9051 section 2.3.1): a changed UIDVALIDITY means that all known UIDs
    are void; UIDNEXT grows by the number of arrivals; MESSAGES grows by that number
    less the number of expunged messages. HIGHESTMODSEQ (RFC 7162) reveals the case in
    which all of these are equal although something changed. The snapshot has to be
    taken *before* anything is fetched: the next tick then finds messages that arrive
    meanwhile.

    Servers that omit UIDNEXT, or whose replicas answer with old numbers, are treated as
    uncertain: UIDs are fetched or compared, and the cursor never goes back.

Example
    >>> state = FolderState("inbox", "INBOX", uidvalidity=7, uidnext=100, messages=40,
    ...                     next_uid=100)
    >>> plan_tick(state, FolderStatus(messages=41, uidnext=103, uidvalidity=7))
    TickPlan(action='changed', uid_range=(100, 102), next_uid=103, vanished=True)

    Three messages arrived (100 to 102), but the folder grew by only one, so two
    vanished.

What it costs
    Nothing: no input or output. It decides what to ask the server: a folder whose
    action is "nothing" costs no round trip and no statement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from ..imap.ranges import MAX_UID, UidRanges
from ..types import Folder, FolderStatus
from .state import FolderState

#: How many folders are opened to find one under its new name.
MAX_TRIES = 20


@dataclass(frozen=True)
class TickPlan:
    """What one tick does with a folder.

    ``action``: "nothing"; "first" (never seen: new mail starts here, older mail is left
    to a backfill); "changed" (fetch ``uid_range`` if there is one, then keep the
    snapshot); "renumbered" (UIDVALIDITY changed: known UIDs are void); "refilled" (the
    same, of a folder that was empty: all its messages are new).

    ``uid_range``: (first, last) UIDs to fetch, both included.
    ``next_uid``: the cursor once the plan is carried out; None when the server
    gives no UIDNEXT: then it is the highest UID found, plus one.
    ``vanished``: whether messages were expunged; None: unknown until it is known how
    many arrived.
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
        return _plan_renumbered(state, status, uidnext)
    cursor = max(1, state.next_uid)
    if uidnext is None:
        return _plan_without_uidnext(state, status, cursor)
    if uidnext < max(cursor, state.uidnext):
        # A stale answer (from a replica): neither cursor nor snapshot goes back.
        return TickPlan("nothing", None, cursor)
    # Since the snapshot, UIDNEXT grew by the arrivals, MESSAGES by the arrivals less
    # what vanished.
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


def _plan_renumbered(
    state: FolderState, status: FolderStatus, uidnext: int | None
) -> TickPlan:
    if state.messages:
        return TickPlan("renumbered", next_uid=uidnext)
    if not status.messages:
        # Courier gives a folder that never held a message a new one each second.
        return TickPlan("nothing", None, max(1, state.next_uid))
    return TickPlan("refilled", (1, (uidnext or MAX_UID + 1) - 1), uidnext)


def _plan_without_uidnext(
    state: FolderState, status: FolderStatus, cursor: int
) -> TickPlan:
    """The plan for servers that omit UIDNEXT, such as 163.com."""
    modseq = status.highestmodseq
    if modseq and modseq == state.highestmodseq and status.messages == state.messages:
        return TickPlan("nothing", None, cursor)
    # Equal counts prove nothing: one message may have arrived and another vanished.
    uid_range = (cursor, MAX_UID) if cursor <= MAX_UID else None
    return TickPlan("changed", uid_range, None, None)


def plan_renames(
    known: Sequence[FolderState], listed: Sequence[Folder]
) -> list[tuple[Hashable, list[str]]]:
    """Folders that may have been renamed.

    An equal UIDVALIDITY is only a hint, because some servers give the same to many
    folders: the folder has to be opened.

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
    """Only new names that no other known folder has, and each only once."""
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
        that is a batch of its own
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
