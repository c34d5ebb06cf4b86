"""What is stored between two passes, and what a pass counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import Enum


class SkipReason(str, Enum):
    """Why a message was looked at and not imported.

    Given where it is decided and stored with the UID: nothing else of such a message
    is kept. Those that :data:`RECONSIDERED` names may belong to a contact one day.
    """

    #: None of its addresses was on a contact.
    NO_CONTACT = "no_contact"
    #: Only our own addresses and colleagues' were in it.
    INTERNAL = "internal"
    #: It was a draft.
    DRAFT = "draft"
    #: A newsletter, or mail of a list, and the mailbox leaves those out.
    NEWSLETTER = "newsletter"
    #: It had been deleted here before.
    DELETED = "deleted"
    #: Of no contact, and fetched for what new mail sets off: a delivery report, or an
    #: answer to a document.
    PROCESSED = "processed"


#: Looked at again when a contact gets an address that they have.
RECONSIDERED = (SkipReason.NO_CONTACT, SkipReason.INTERNAL, SkipReason.DRAFT)


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
    :param handled_since: every message received since that day is handled; None: no
        older mail of the folder has been read
    :param rebind_below: after a renumbering, UIDs below it are still to be compared
        with the old locations; 0: none
    :param imap_object_id: RFC 8474; survives a renaming
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
    handled_since: date | None = None
    rebind_below: int = 0
    imap_object_id: str | None = None
    reconciled_at: datetime | None = None


@dataclass
class Counts:
    """What became of the messages of a batch or a whole pass.

    ``linked`` counts contacts: a message of two counts twice. ``internal``,
    ``newsletters`` and ``deleted`` are those of the ``skipped`` with that
    :class:`SkipReason`; the rest are of strangers.
    """

    seen: int = 0
    matched: int = 0
    linked: int = 0
    skipped: int = 0
    failed: int = 0
    internal: int = 0
    newsletters: int = 0
    deleted: int = 0

    @classmethod
    def of_skipped(cls, reasons: Iterable[SkipReason]) -> Counts:
        """The counts of skipped messages, by the reason of each."""
        by_reason = Counter(reasons)
        return cls(
            skipped=by_reason.total(),
            internal=by_reason[SkipReason.INTERNAL],
            newsletters=by_reason[SkipReason.NEWSLETTER],
            deleted=by_reason[SkipReason.DELETED],
        )

    def add(self, other: Counts) -> None:
        """Add another batch's counts."""
        for name in COUNT_NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        """The counts by their names."""
        return {name: getattr(self, name) for name in COUNT_NAMES}


#: The names of all counts, as they are stored and shown.
COUNT_NAMES = tuple(field.name for field in fields(Counts))
