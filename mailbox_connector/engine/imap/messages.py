"""Messages of the folder that is open: finding and fetching them."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterable, Iterator
from datetime import date

from imapclient.datetime_util import format_criteria_date

from ..diagnosis import from_imap
from ..errors import EngineError, Kind
from ..mime.headers import first_phase
from ..types import HeaderRecord
from . import responses
from .connected import Connected
from .protocol import Limits
from .ranges import MAX_UID, UidRanges

HEADER_BATCH = 500
BODY_BATCH = 50
#: A larger message is never fetched: asking for it ends the session (TOO_LARGE).
MAX_MESSAGE = Limits().literal
#: Bytes of UIDs in one command: M365 fails on lines longer than 4,096.
MAX_SET = 3_900
_HEADERS = (
    "(UID RFC822.SIZE INTERNALDATE"
    " BODY.PEEK[HEADER.FIELDS (FROM REPLY-TO TO CC MESSAGE-ID)])"
)
_HEADER_LIMITS = Limits(line=1_000_000, literal=2_000_000, total=64_000_000)


class MessageCommands(Connected):
    """UID SEARCH and UID FETCH, never setting a flag."""

    _esearch = True

    def search_since(self, date: date | None) -> list[int]:
        """Ascending UIDs of messages received on that day or later; None: all."""
        if date is None:
            return self._search("ALL")
        return self._search(f"SINCE {format_criteria_date(date).decode()}")

    def search_message_id(self, message_id: str) -> list[int]:
        """UIDs of messages with that Message-ID."""
        wanted = message_id.strip()
        if not wanted or len(wanted) > 900 or not re.fullmatch(r"[ -~]+", wanted):
            return []
        escaped = wanted.replace("\\", "\\\\").replace('"', '\\"')
        return self._search(f'HEADER MESSAGE-ID "{escaped}"')

    def search_uids(self, low: int, high: int = MAX_UID) -> list[int]:
        """Existing UIDs from ``low`` to ``high``, both included."""
        if low > high:
            return []
        last = "*" if high >= MAX_UID else str(high)
        # "n:*" always matches the last message, even below n.
        return [uid for uid in self._search(f"UID {low}:{last}") if low <= uid <= high]

    def fetch_headers(self, uids: Iterable[int]) -> list[HeaderRecord]:
        """What matching needs; UIDs that are gone are absent. Ascending."""
        records = []
        for batch in _batches(sorted(set(uids)), HEADER_BATCH):
            fetched = self._fetch(batch, _HEADERS, _HEADER_LIMITS)
            for uid in batch:
                items = fetched.get(uid)
                record = items and responses.header_record(uid, items, first_phase)
                if record:
                    records.append(record)
        return records

    def fetch_messages(self, uids: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Whole messages in the order given, ≤ 50 in memory; gone ones absent.

        The caller bounds the bytes (see ``plan.body_batches``) and asks for no
        message larger than :data:`MAX_MESSAGE`.
        """
        for batch in _batches(list(dict.fromkeys(uids)), BODY_BATCH):
            fetched = self._fetch(sorted(batch), "(UID BODY.PEEK[])", Limits())
            for uid in batch:
                content = responses.section(fetched.pop(uid, {}), b"BODY[]")
                if content is not None:
                    yield uid, content

    def _search(self, criteria: str) -> list[int]:
        extended = self._esearch and "ESEARCH" in self.capabilities
        try:
            with self._translate(folder=self.folder or ""):
                return self._search_once(criteria, extended)
        except EngineError as exc:
            if not extended or exc.kind is not Kind.PROTOCOL:
                raise
            self._esearch = False
            return self._search(criteria)

    def _search_once(self, criteria: str, extended: bool) -> list[int]:
        protocol = self._protocol
        untagged = protocol.untagged_responses
        for name in ("SEARCH", "ESEARCH"):
            untagged.pop(name, None)
        command = (
            f"SEARCH RETURN (ALL) {criteria}" if extended else f"SEARCH {criteria}"
        )
        typ, data = protocol._simple_command("UID", command)
        if typ != "OK":
            raise imaplib.IMAP4.error(data[-1])
        return responses.read_search(
            untagged.pop("SEARCH", None), untagged.pop("ESEARCH", None)
        )

    def _fetch(self, uids: list[int], items: str, limits: Limits) -> dict:
        found: dict = {}
        for chunk in _set_chunks(uids):
            found.update(self._fetch_chunk(chunk, items, limits))
        return found

    def _fetch_chunk(self, uids: list[int], items: str, limits: Limits) -> dict:
        with self._translate(folder=self.folder or ""), self._bounded(limits) as proto:
            proto.untagged_responses.pop("FETCH", None)
            numbers = str(UidRanges.from_uids(uids))
            typ, data = proto._simple_command("UID", "FETCH", numbers, items)
            found = responses.read_fetch(proto.untagged_responses.pop("FETCH", None))
            if typ == "OK":
                return found
            error = from_imap(imaplib.IMAP4.error(data[-1]), self.endpoint)
            if error.kind not in (Kind.TRANSIENT, Kind.PROTOCOL):
                raise error
        # NO may be about a single message (Exchange, Gmail): the others are
        # asked for alone, and the one is remembered, not silently left out.
        if len(uids) == 1:
            self.unfetchable.add(uids[0])
            return found
        for uid in uids:
            if uid not in found:
                found.update(self._fetch_chunk([uid], items, limits))
        return found


def _batches(items: list, size: int) -> Iterator[list]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _set_chunks(uids: list[int]) -> Iterator[list[int]]:
    """Split so that no set is longer than :data:`MAX_SET` bytes."""
    chunk: list[int] = []
    length = 0
    previous = None
    for uid in uids:
        # A run of UIDs costs its two ends only.
        cost = 0 if previous is not None and uid == previous + 1 else 2 * len(str(uid))
        if chunk and length + cost + 2 > MAX_SET:
            yield chunk
            chunk, length = [], 0
            cost = 2 * len(str(uid))
        chunk.append(uid)
        length += cost + 2 if cost else 0
        previous = uid
    if chunk:
        yield chunk
