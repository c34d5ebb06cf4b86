"""Values that the engine takes and gives; no behaviour beyond convenience."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from .errors import Side


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
    """Where and as whom to sign in. ``ca_pem``: a private CA, PEM text."""

    side: Side
    host: str
    port: int
    security: Security
    username: str
    password: str = field(repr=False)
    ca_pem: str | None = None


@dataclass(frozen=True)
class FolderStatus:
    """A folder's state on the server (RFC 9051 STATUS; RFC 7162 MODSEQ).

    ``highestmodseq`` is None where the server has no CONDSTORE for the folder;
    ``mailbox_id`` where it has no OBJECTID (RFC 8474): it outlives a renaming.
    """

    messages: int
    uidnext: int | None
    uidvalidity: int
    highestmodseq: int | None = None
    mailbox_id: str | None = None


@dataclass(frozen=True)
class Folder:
    """A folder as LIST shows it.

    ``raw_name``: the name as it stands on the wire (modified UTF-7), the key;
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
    <..mime.addresses.normalize>`); ``name`` the decoded display name.
    """

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email


@dataclass(frozen=True)
class NewMail:
    """What the first phase fetches besides of new mail, and of history does not.

    ``answers``: Message-IDs of In-Reply-To, then References, newest first (RFC 5322
    section 3.6.4). ``may_be_report``: it looks like a report on the delivery of
    another message (RFC 3464).
    """

    answers: tuple[str, ...] = ()
    may_be_report: bool = False


@dataclass
class HeaderRecord:
    """What the first phase fetches of each message: enough to match, no body.

    ``addresses`` by header: keys "from", "reply_to", "to", "cc".
    ``size``: RFC822.SIZE in bytes. ``internal_date`` aware datetime, UTC.
    ``message_id`` with angle brackets, "" if missing. ``flags`` and Gmail's
    ``labels`` in lower case. ``header_hash``: what a message keeps when it is
    moved or its folder renumbered (header, size, INTERNALDATE); "" when that
    would not tell it from others. ``new``: None for history.
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
    body shows it by its ``content_id``.
    """

    filename: str
    mimetype: str
    content: bytes = field(repr=False)
    content_id: str = ""
    inline: bool = False


@dataclass
class ParsedMessage:
    """A whole message, decoded and cleaned.

    ``date``: naive UTC, from Date, else INTERNALDATE, else None.
    ``html``: safe html (cleaned, remote content as it came, ``cid:`` links
    kept for the caller to rewrite). ``fingerprint``: hex digest of the decoded
    content, equal for copies that differ only by transport headers or encoding.
    ``references``: Message-IDs of References then In-Reply-To, oldest first,
    without doubles. ``header_fields``: (lower-case name, raw unfolded value) of each
    field, topmost first. ``automatic``: a value of
    :class:`.mime.automatic.Automatic`, or "". ``marked_bulk``: it bears a mark of
    :mod:`.mime.bulk`, and may be none.
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
    header_fields: list[tuple[bytes, str]] = field(default_factory=list, repr=False)
    automatic: str = ""
    marked_bulk: bool = False
