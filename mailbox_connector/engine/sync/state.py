"""The state that is stored between two passes, and the counts of a pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import Enum


class SkipReason(str, Enum):
    """Why a message was checked but not imported.

    Set where the decision is made and stored with the UID: nothing else of such a
    message is kept. Those with a reason in :data:`RECONSIDERED` may belong to a contact
    later.
    """

    #: None of its addresses was on a contact.
    NO_CONTACT = "no_contact"
    #: All its addresses were our own or colleagues'.
    INTERNAL = "internal"
    #: It was a draft.
    DRAFT = "draft"
    #: A newsletter or mail of a list, which the mailbox skips.
    NEWSLETTER = "newsletter"
    #: It had been deleted in Odoo before.
    DELETED = "deleted"
    #: Of no contact, but fetched because new mail triggers something: a delivery
    #: report, or a reply to a document.
    PROCESSED = "processed"


#: Checked again when a contact gets an address that they contain.
RECONSIDERED = (SkipReason.NO_CONTACT, SkipReason.INTERNAL, SkipReason.DRAFT)


@dataclass
class FolderState:
    """A folder as it is stored, without its handled UIDs.

    Every UID of the server is one of these: handled (imported or skipped); below
    ``next_uid`` and not handled (older than what is wanted, or left for a backfill); at
    or above ``next_uid`` (new, not checked yet).

    :param key: the store's own name for the folder
    :param raw_name: its name on the wire
    :param uidvalidity: None: never opened
    :param uidnext: the server's UIDNEXT in the last snapshot whose changes were
        handled; 0: the server does not give it
    :param messages: how many messages it contained then; -1: uncertain
    :param highestmodseq: RFC 7162, of the same snapshot
    :param first_uid: UIDs from here on arrived as new mail; those below are older mail
    :param next_uid: the first UID not yet checked as new mail
    :param handled_since: every message received since that day is handled; None: none
        of the folder's older mail has been read
    :param rebind_below: after a renumbering, UIDs below it are still to be compared
        with the old locations; 0: none
    :param imap_object_id: RFC 8474; survives a renaming
    :param reconciled_at: naive UTC
    :param suspects: UIDs at which the server may have broken off, with their strikes,
        see :mod:`.suspects`
    :param problem: whether it is recorded that the folder cannot be read
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
    suspects: dict[int, int] = field(default_factory=dict)
    problem: bool = False


@dataclass
class Counts:
    """How many messages of a batch or a whole pass were imported, skipped, ….

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
COUNT_NAMES = tuple(one.name for one in fields(Counts))
