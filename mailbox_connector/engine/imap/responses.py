"""Answers of an IMAP server as plain values.

imaplib hands over a flat list in which an answer with literals is spread over
tuples ``(text, literal)`` and a closing text; imapclient's parser takes the
text apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from imapclient.datetime_util import parse_to_datetime
from imapclient.imap_utf7 import decode as decode_utf7
from imapclient.response_parser import parse_response

from ..types import Folder, FolderStatus, HeaderRecord, Role
from .ranges import UidRanges

#: UIDs that one search may give; more is no mailbox but an attack.
MAX_FOUND = 5_000_000


def answers(data: Sequence | None) -> Iterator[list]:
    """The parts of each single answer: texts and literals that belong together."""
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

    :raises ValueError: a name with CR, LF or NUL, which no quoted string holds
    """
    if not raw_name or any(c in raw_name for c in "\r\n\0"):
        raise ValueError("not a folder name")
    escaped = raw_name.replace("\\", "\\\\").replace('"', '\\"')
    return b'"' + escaped.encode("latin-1") + b'"'


def read_folder(answer: list) -> Folder | None:
    """A LIST answer; None if it is not one or its name cannot be asked for."""
    atoms = parse_response(answer)
    if len(atoms) < 3 or not isinstance(atoms[0], tuple):
        return None
    raw_name = _name(atoms[2])
    try:
        wire_name(raw_name)
    except (ValueError, UnicodeEncodeError):
        return None
    flags = tuple(_text(flag) for flag in atoms[0])
    lowered = {flag.lower() for flag in flags}
    return Folder(
        raw_name=raw_name,
        name=folder_title(raw_name),
        delimiter=_text(atoms[1]) or None,
        flags=flags,
        role=Role.OTHER,
        selectable=lowered.isdisjoint(("\\noselect", "\\nonexistent")),
    )


def read_status(answer: list) -> tuple[str, FolderStatus] | None:
    """A STATUS answer: raw name and state; None without the needed numbers."""
    atoms = parse_response(answer)
    if len(atoms) < 2 or not isinstance(atoms[1], tuple):
        return None
    numbers = {
        _text(key).upper(): value
        for key, value in zip(atoms[1][::2], atoms[1][1::2], strict=False)
        if isinstance(value, int)
    }
    if "MESSAGES" not in numbers:
        return None
    status = FolderStatus(
        messages=numbers["MESSAGES"],
        uidnext=numbers.get("UIDNEXT") or None,
        uidvalidity=numbers.get("UIDVALIDITY", 0),
        highestmodseq=numbers.get("HIGHESTMODSEQ") or None,
    )
    return _name(atoms[0]), status


def folder_title(raw_name: str) -> str:
    """The name for people; what is not modified UTF-7 is shown as it is."""
    raw = raw_name.encode("latin-1", "replace")
    try:
        title = decode_utf7(raw) if raw.isascii() else raw.decode("utf-8")
    except (UnicodeError, ValueError):
        title = raw_name
    # Half a surrogate pair is valid modified UTF-7 and nothing else.
    title = title.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else "\ufffd" for c in title)


def read_search(lines: Sequence | None, extended: Sequence | None) -> list[int]:
    """Ascending UIDs of SEARCH and ESEARCH answers (RFC 9051 section 7.3.4).

    :raises ValueError: neither numbers nor a set, or absurdly many
    """
    uids: set[int] = set()
    for line in lines or ():
        if line:
            numbers = re.sub(rb"\(MODSEQ \d+\)", b"", line, flags=re.I)
            uids.update(int(number) for number in numbers.split())
    found = UidRanges()
    for line in extended or ():
        match = re.search(rb"\bALL ([\d:,]+)", line or b"", re.I)
        if match:
            found |= UidRanges.parse(match[1].decode("ascii"))
    if len(found) + len(uids) > MAX_FOUND:
        raise ValueError("too many search results")
    uids.update(found)
    return sorted(uids)


def read_fetch(data: Sequence | None) -> dict[int, dict[bytes, object]]:
    """FETCH answers by UID: item names in upper case to values.

    Answers without UID (flags that another client changed) are left out; they
    must not be taken for messages whose UID is their sequence number.
    """
    messages: dict[int, dict[bytes, object]] = {}
    for answer in answers(data):
        atoms = parse_response(answer)
        if len(atoms) < 2 or not isinstance(atoms[1], tuple):
            continue
        pairs = zip(atoms[1][::2], atoms[1][1::2], strict=False)
        items = {key.upper(): value for key, value in pairs if isinstance(key, bytes)}
        uid = items.get(b"UID")
        if isinstance(uid, int):
            messages.setdefault(uid, {}).update(items)
    return messages


def section(items: dict[bytes, object], prefix: bytes) -> bytes | None:
    """The octets of the first item whose name starts so; NIL is empty."""
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
    try:
        moment = parse_to_datetime(value, normalise=False)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=timezone.utc)
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError, TypeError):
        return None


def header_record(uid: int, items: dict[bytes, object], parse) -> HeaderRecord | None:
    """The first phase's view of a message; None when its header is missing.

    :param parse: header octets to (addresses by header, Message-ID)
    """
    header = section(items, b"BODY[HEADER")
    if header is None:
        return None
    size = items.get(b"RFC822.SIZE")
    addresses, message_id = parse(header)
    return HeaderRecord(
        uid=uid,
        size=size if isinstance(size, int) else 0,
        internal_date=internal_date(items.get(b"INTERNALDATE")),
        addresses=addresses,
        message_id=message_id,
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return str(value)


def _name(value: object) -> str:
    return "NIL" if value is None else _text(value)
