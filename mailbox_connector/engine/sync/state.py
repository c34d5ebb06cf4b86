"""What is stored between two passes, and what a pass counts."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date, datetime


@dataclass
class FolderState:
    """A folder as the store knows it, but for its handled UIDs.

    Every UID of the server is either handled (imported or skipped); or below
    ``next_uid`` and not handled (older than what is wanted, or left for a backfill); or
    at or above ``next_uid`` (new, not looked at).

    :param key: the store's own name for the folder
    :param raw_name: its name on the wire
    :param uidvalidity: None: never opened
    :param uidnext: the server's UIDNEXT in the last snapshot whose changes were
        handled; 0: the server does not give it
    :param messages: how many messages it contained then; -1: uncertain
    :param highestmodseq: RFC 7162, of the same snapshot
    :param first_uid: UIDs from here on came as new mail; those below are older mail
    :param next_uid: the first UID not yet looked at as new mail
    :param read_since: every message received since that day is handled; None: no older
        mail of the folder has been read
    :param rebind_below: after a renumbering, UIDs below it are still to be compared
        with the old locations; 0: none
    :param mailbox_id: RFC 8474; survives a renaming
    :param reconciled_at: naive UTC
    """

    key: Hashable
    raw_name: str
    uidvalidity: int | None = None
    uidnext: int = 0
    messages: int = 0
    highestmodseq: int | None = None
    first_uid: int = 1
    next_uid: int = 1
    read_since: date | None = None
    rebind_below: int = 0
    mailbox_id: str | None = None
    reconciled_at: datetime | None = None


@dataclass
class Counts:
    """What became of the messages of a batch or a whole pass.

    ``linked`` counts contacts: a message of two contacts counts twice. Of the
    ``skipped``, ``internal`` were between internal users only, ``bulk`` were
    newsletters and mailing lists, ``deleted`` were deleted here before; the rest are of
    strangers.
    """

    seen: int = 0
    matched: int = 0
    linked: int = 0
    skipped: int = 0
    failed: int = 0
    internal: int = 0
    bulk: int = 0
    deleted: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of another batch."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))
