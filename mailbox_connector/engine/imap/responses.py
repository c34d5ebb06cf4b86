"""Answers of an IMAP server as plain values.

imaplib gives a flat list in which an answer with literals is spread over tuples
``(text, literal)`` and a closing text; imapclient's parser parses the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby

from imapclient.datetime_util import parse_to_datetime
from imapclient.imap_utf7 import decode as decode_utf7
from imapclient.response_parser import parse_response

from ..types import FolderStatus, HeaderRecord
from .fetched import read_date, read_plain
from .odd_fetch import is_item, is_out_of_step, read_leniently
from .ranges import MAX_UID, UidRanges

#: UIDs that one search may return; more is an attack.
MAX_FOUND = 2_000_000
#: Ranges in one answer.
MAX_SPANS = 500_000
#: The largest modification sequence (RFC 7162 section 3.1): 63 bits.
MAX_MODSEQ = (1 << 63) - 1
_ANSWER_INSIDE = re.compile(rb"\)\r\n\* \d+ FETCH \(")
#: Flags or labels of one message that are read.
MAX_FLAGS = 1_000


def answers(data: Iterable | None) -> Iterator[list]:
    """Answers one by one, each as its texts and literals."""
    current: list = []
    for part in data or ():
        if part is None:
            continue
        current.append(part)
        if not isinstance(part, tuple):
            yield current
            current = []
    if current:
        yield current


def wire_name(raw_name: str) -> bytes:
    """A folder's name as a quoted string (RFC 9051 section 4.3).

    :raises ValueError: a name with CR, LF or NUL, which no quoted string can contain
    """
    if not raw_name or any(c in raw_name for c in "\r\n\0"):
        raise ValueError("not a folder name")
    escaped = raw_name.replace("\\", "\\\\").replace('"', '\\"')
    return b'"' + escaped.encode("latin-1") + b'"'


def read_examined(untagged: dict[str, list]) -> FolderStatus:
    """The state in the answers to EXAMINE (RFC 9051 section 6.3.2)."""

    def number(name: str, highest: int) -> int | None:
        match = re.match(rb"\d{1,20}(?!\d)", (untagged.get(name) or (b"",))[-1] or b"")
        return within(int(match[0]), highest) if match else None

    given = (untagged.get("MAILBOXID") or (b"",))[-1] or b""
    return FolderStatus(
        messages=number("EXISTS", MAX_UID) or 0,
        uidnext=number("UIDNEXT", MAX_UID + 1) or None,
        uidvalidity=number("UIDVALIDITY", MAX_UID) or 0,
        highestmodseq=number("HIGHESTMODSEQ", MAX_MODSEQ) or None,
        imap_object_id=_imap_object_id((given.strip(b"() "),)),
    )


def read_vanished(lines: Sequence | None) -> UidRanges | None:
    """UIDs of VANISHED answers (RFC 7162 section 3.2.10); None: absurdly many.

    :raises ValueError: not a set of UIDs
    """
    lines = [line or b"" for line in lines or ()]
    if sum(line.count(b",") + 1 for line in lines) > MAX_SPANS:
        return None
    spans: list[tuple[int, int]] = []
    for line in lines:
        numbers = re.fullmatch(rb"(?:\(EARLIER\) ?)?([\d:,]*) *", line, re.I)
        if not numbers:
            raise ValueError("not a set of UIDs")
        spans += UidRanges.parse(numbers[1].decode("ascii")).spans
    return UidRanges(spans)


def folder_title(raw_name: str) -> str:
    """The name for people; unchanged if it is not modified UTF-7."""
    raw = raw_name.encode("latin-1", "replace")
    try:
        title = decode_utf7(raw) if raw.isascii() else raw.decode("utf-8")
    except (UnicodeError, ValueError):
        title = raw_name
    # Half a surrogate pair is valid modified UTF-7 but not valid text.
    title = title.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else "\ufffd" for c in title)


def read_search(lines: Sequence | None, extended: Sequence | None) -> list[int]:
    """Ascending UIDs of SEARCH and ESEARCH answers (RFC 9051 section 7.3.4).

    Numbers that no message can have are left out.

    :raises ValueError: neither numbers nor a set, or absurdly many
    """
    numbers: list[int] = []
    for line in lines or ():
        plain = re.sub(rb"\(MODSEQ \d+\)", b"", line or b"", flags=re.I)
        _refuse_flood(len(numbers) + plain.count(b" "), MAX_FOUND)
        numbers += map(int, plain.split())
    if numbers and not 0 < min(numbers) <= max(numbers) <= MAX_UID:
        numbers = [uid for uid in numbers if 0 < uid <= MAX_UID]
    found = UidRanges()
    for line in extended or ():
        match = re.search(rb"\bALL ([\d:,]+)", line or b"", re.I)
        if match:
            _refuse_flood(len(found.spans) + match[1].count(b","), MAX_SPANS)
            found |= UidRanges.parse(match[1].decode("ascii"))
    _refuse_flood(len(found) + len(numbers), MAX_FOUND)
    # Not with a set, which would take four times the memory.
    return [uid for uid, _same in groupby(sorted([*numbers, *found]))]


def _refuse_flood(count: int, most: int) -> None:
    """Raise before memory is allocated for too many results."""
    if count > most:
        raise ValueError("absurdly many search results")


def read_fetch(
    data: Iterable | None,
    wanted: Collection[int],
    found: dict[int, dict[bytes, object]],
) -> None:
    """Add the FETCH answers of those wanted to ``found``, by UID: item names in upper
    case to values.

    Each answer is read on its own: one that cannot be read costs its own message alone.
    After one that is out of step with its literal, nothing more is read. Answers
    without UID (flags that another client changed) are omitted: their sequence number
    must not be mistaken for a UID. Only if a single message was asked for and a single
    one came without its UID, it is that one.
    """
    wanted = frozenset(wanted)
    nameless: list[dict[bytes, object]] = []
    for answer in answers(data):
        items = read_plain(answer)
        if items is None:
            if is_out_of_step(answer):
                break
            items = _read_odd(answer)
        uid = items.get(b"UID")
        if isinstance(uid, int) and uid in wanted:
            found.setdefault(uid, {}).update(items)
        elif uid is None and _has_section(items):
            nameless.append(items)
    if len(nameless) == len(wanted) == 1 and found.keys().isdisjoint(wanted):
        found.update(zip(wanted, nameless, strict=True))
    if len(wanted) > 1 and not found.keys() >= wanted:
        for uid in [uid for uid in wanted if _swallowed_another(found.get(uid, {}))]:
            del found[uid]


def _swallowed_another(items: dict[bytes, object]) -> bool:
    """Whether a literal that was announced too long may contain the next answer."""
    return any(
        isinstance(value, bytes) and _ANSWER_INSIDE.search(value)
        for value in items.values()
    )


def _read_odd(answer: list) -> dict[bytes, object]:
    """The items of one answer, by the parser as far as it gets, else leniently."""
    try:
        items = read_items(answer)
    except Exception:  # a parser may fail in any way on what is no answer
        items = {}
    if b"UID" in items and _has_section(items) and all(map(is_item, items)):
        return items
    return {**items, **read_leniently(answer)}


def _has_section(items: dict[bytes, object]) -> bool:
    return any(name.startswith(b"BODY[") for name in items)


def read_items(answer: list) -> dict[bytes, object]:
    """The items of one FETCH answer of any shape; empty if it is none."""
    atoms = parse_response(answer)
    if len(atoms) < 2 or not isinstance(atoms[1], tuple):
        return {}
    pairs = zip(atoms[1][::2], atoms[1][1::2], strict=False)
    return {key.upper(): value for key, value in pairs if isinstance(key, bytes)}


def section(items: dict[bytes, object], prefix: bytes) -> bytes | None:
    """The octets of the first item whose name has this prefix; NIL is empty."""
    for key, value in items.items():
        if key.startswith(prefix):
            if value is None:
                return b""
            # imapclient reads unquoted digits as a number.
            return value if isinstance(value, bytes) else str(value).encode()
    return None


def internal_date(value: object) -> datetime | None:
    """INTERNALDATE as an aware datetime in UTC."""
    if not isinstance(value, bytes):
        return None
    if plain := read_date(value):
        return plain
    try:
        moment = parse_to_datetime(value, normalise=False)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=timezone.utc)
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError, TypeError):
        return None


def header_record(uid: int, items: dict[bytes, object], parse) -> HeaderRecord | None:
    """The first phase's view of a message; None when its header is missing.

    :param parse: header octets to (addresses by header, Message-ID, ``new`` of the
        record, the octets that ``header_hash`` is made of)
    """
    header = section(items, b"BODY[HEADER")
    if header is None:
        return None
    size = within(items.get(b"RFC822.SIZE"), MAX_UID) or 0
    received = internal_date(items.get(b"INTERNALDATE"))
    addresses, message_id, new, hashed = parse(header)
    known = bool(message_id and received)
    return HeaderRecord(
        uid=uid,
        size=size,
        internal_date=received,
        addresses=addresses,
        message_id=message_id,
        flags=_words(items.get(b"FLAGS")),
        labels=_words(items.get(b"X-GM-LABELS")),
        header_hash=_header_hash(hashed, size, received) if known else "",
        new=new,
    )


def _header_hash(header: bytes, size: int, received: datetime) -> str:
    """A hash of what a message keeps when it is moved, whatever the line folding."""
    unfolded = b" ".join(header.split())
    facts = b"\n%d %d" % (size, received.timestamp())
    return blake2b(unfolded + facts, digest_size=16).hexdigest()


def _words(value: object) -> frozenset[str]:
    """Flags or labels in lower case; labels are in modified UTF-7."""
    if not isinstance(value, tuple):
        return frozenset()
    return frozenset(_word(_text(one)) for one in value[:MAX_FLAGS])


@lru_cache(maxsize=1_000)
def _word(text: str) -> str:
    return folder_title(text[:1_000]).lower()


def within(value: object, highest: int) -> int | None:
    """A number from 0 to ``highest``, else None: larger ones do not fit the
    database."""
    return value if isinstance(value, int) and 0 <= value <= highest else None


def _imap_object_id(value: object) -> str | None:
    """RFC 8474 section 4: an objectid in parentheses."""
    if not isinstance(value, tuple) or len(value) != 1:
        return None
    text = _text(value[0])
    return text if re.fullmatch(r"[A-Za-z0-9_-]{1,255}", text) else None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return str(value)
