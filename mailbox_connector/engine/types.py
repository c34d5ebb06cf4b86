"""Values that go into the engine and come out of it, with little behavior."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from .errors import EngineError, Kind, Side

#: Header fields in order: lower-case name, raw unfolded value (8-bit octets as
#: surrogate escapes, encoded words not decoded).
HeaderFields = list[tuple[str, str]]


class Security(str, Enum):
    """How the connection is encrypted. There is no unencrypted choice."""

    TLS = "tls"
    STARTTLS = "starttls"


class Role(str, Enum):
    """What a folder is for (RFC 6154 special-use, and the inbox)."""

    INBOX = "inbox"
    SENT = "sent"
    ARCHIVE = "archive"
    ALL = "all"
    DRAFTS = "drafts"
    JUNK = "junk"
    TRASH = "trash"
    OTHER = "other"


@dataclass(frozen=True)
class Endpoint:
    """Where to connect and as whom to sign in.

    ``ca_pem``: certificates of a private CA, PEM text; None: the system's CAs alone.
    """

    side: Side
    host: str
    port: int
    security: Security
    username: str
    password: str = field(repr=False)
    ca_pem: str | None = None

    def error(self, kind: Kind, **more) -> EngineError:
        """A failure at this server; ``more`` as :class:`.errors.EngineError` takes
        it."""
        return EngineError(kind, self.side, host=self.host, port=self.port, **more)


@dataclass(frozen=True)
class FolderStatus:
    """A folder's state on the server (RFC 9051 STATUS; RFC 7162 MODSEQ).

    ``highestmodseq`` is None if the server has no CONDSTORE for the folder,
    ``imap_object_id`` if it has no OBJECTID (RFC 8474), which survives a renaming.
    """

    messages: int
    uidnext: int | None
    uidvalidity: int
    highestmodseq: int | None = None
    imap_object_id: str | None = None


@dataclass(frozen=True)
class Folder:
    """A folder as LIST shows it.

    ``raw_name``: the name as sent by the server (modified UTF-7), which identifies it;
    ``name``: for people; ``status`` only when the server answers LIST-STATUS.
    """

    raw_name: str
    name: str
    delimiter: str | None
    flags: tuple[str, ...]
    role: Role
    selectable: bool
    status: FolderStatus | None = None


@dataclass(frozen=True)
class Address:
    """One mailbox of an address header (RFC 5322 section 3.4).

    ``email`` is the addr-spec, lower-cased for comparing (:func:`normalize
    <..mime.addresses.normalize>`); ``name`` the decoded display name. Of a sender
    without an address (:func:`parse_senders <..mime.addresses.parse_senders>`),
    ``email`` is "".
    """

    name: str
    email: str

    def __str__(self) -> str:
        if not (self.name and self.email):
            return self.name or self.email
        name = self.name
        if "@" in name and not set(',;<>"').isdisjoint(name):
            # Otherwise its reader would find an address in the name.
            escaped = name.replace("\\", "\\\\").replace('"', '\\"')
            name = f'"{escaped}"'
        return f"{name} <{self.email}>"


@dataclass(frozen=True)
class NewMail:
    """What the first phase fetches in addition for new mail, but not for older mail.

    ``replies_to``: Message-IDs of In-Reply-To, then References, newest first (RFC 5322
    section 3.6.4). ``may_be_report``: it looks like a report on the delivery of
    another message (RFC 3464).
    """

    replies_to: tuple[str, ...] = ()
    may_be_report: bool = False


@dataclass
class HeaderRecord:
    """What the first phase fetches of each message: enough to match it, without the
    body.

    ``addresses`` by header: keys "from", "reply_to", "to", "cc".
    ``size``: RFC822.SIZE in bytes. ``internal_date`` aware datetime, UTC.
    ``message_id`` with angle brackets, "" if missing. ``flags`` and Gmail's
    ``labels`` in lower case. ``header_hash``: of what stays the same when a message is
    moved or its folder is renumbered (header, size, INTERNALDATE); "" if it may not be
    unique. ``new``: None for older mail.
    """

    uid: int
    size: int
    internal_date: datetime | None
    addresses: dict[str, list[Address]]
    message_id: str = ""
    flags: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    header_hash: str = ""
    new: NewMail | None = None


@dataclass
class Attachment:
    """A decoded MIME leaf that is not the body.

    ``content_id`` without angle brackets, "" if none; ``inline``: the html
    body shows it by its ``content_id``; not ``listed``: it is kept, but there is
    nothing to see in it (a signature, the original of what was opened).
    """

    filename: str
    mimetype: str
    content: bytes = field(repr=False)
    content_id: str = ""
    inline: bool = False
    listed: bool = True

    @property
    def is_shown(self) -> bool:
        """Whether it is one of the files that readers see."""
        return self.listed and not self.inline


class Encryption(str, Enum):
    """How a message, or a part of it, is encrypted."""

    SMIME = "smime"
    PGP = "pgp"
    RIGHTS_MANAGED = "rights_managed"


@dataclass(frozen=True)
class Person:
    """The organizer or an attendee of an event.

    ``status``: "accepted", "declined", "tentative", "delegated" or "".
    """

    name: str
    email: str
    status: str = ""


@dataclass(frozen=True)
class Recurrence:
    """How an event repeats, if that can be said in a few words.

    ``frequency``: "daily", "weekly", "monthly", "yearly", or "" if it can't. ``days``
    of the week: 0 is Monday. ``until`` as ``Invitation.start``; ``count`` 0: no limit.
    """

    frequency: str = ""
    interval: int = 1
    days: tuple[int, ...] = ()
    until: str = ""
    count: int = 0


@dataclass(frozen=True)
class Invitation:
    """An event of a calendar that came with a message (RFC 5545, RFC 5546).

    ``method``: lower case, "request", "cancel", "reply", … or "". ``start``, ``end``:
    "2026-05-01" (a whole day; the end is the last one), "2026-05-01T07:00:00Z" (UTC)
    or, if the time zone is unknown, "2026-05-01T09:00:00", with ``zone``, its name or
    "". ``status``: "cancelled", "tentative", "confirmed" or "". ``people``: at most
    :data:`.mime.invitations.MAX_PEOPLE` of ``people_count``. ``is_occurrence``: one
    date of a series. ``others``: number of further events.
    """

    method: str
    summary: str
    start: str
    end: str = ""
    zone: str = ""
    location: str = ""
    status: str = ""
    organizer: Person | None = None
    people: tuple[Person, ...] = ()
    people_count: int = 0
    recurrence: Recurrence | None = None
    is_occurrence: bool = False
    others: int = 0


@dataclass
class ParsedMessage:
    """A whole message, decoded and cleaned.

    ``date``: naive UTC, from Date, else INTERNALDATE, else None.
    ``html``: safe html (cleaned; remote content unchanged; ``cid:`` links unchanged,
    for the caller to rewrite). ``fingerprint``: hex digest of the decoded content,
    equal for copies that differ only in transport headers or encoding. ``references``:
    Message-IDs of References then In-Reply-To, oldest first, without duplicates.
    ``automatic``: a value of :class:`.mime.automatic.Automatic`, or "".
    ``marked_mass_mail``: it has a header field that mass mail has
    (:data:`.mime.mass_mail.MARKS`), but may be other mail. ``header_fields``: of the
    message's own header, up to
    :data:`.mime.headers.MAX_HEADER` characters, so that it need not be parsed again.
    ``encryption``: None if nothing is encrypted.
    """

    message_id: str
    references: list[str]
    in_reply_to: str
    subject: str
    date: datetime | None
    addresses: dict[str, list[Address]]
    html: str
    attachments: list[Attachment]
    fingerprint: str
    automatic: str = ""
    marked_mass_mail: bool = False
    header_fields: HeaderFields = field(default_factory=list, repr=False)
    encryption: Encryption | None = None
    invitation: Invitation | None = None
