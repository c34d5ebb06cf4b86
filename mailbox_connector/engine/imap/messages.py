"""Messages of the folder that is open: finding and fetching them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice

from imapclient.datetime_util import format_criteria_date

from ..diagnosis import from_imap
from ..errors import EngineError, Kind, one_line
from ..mime import headers
from ..types import HeaderFields, HeaderRecord
from . import responses
from .account_connection import AccountConnection
from .protocol import CUT, AnswerLimits, Cut, refusal
from .ranges import MAX_UID, UidRanges

HEADER_BATCH = 500
BODY_BATCH = 125
#: Larger messages are never fetched: asking for one would end the session (TOO_LARGE).
MAX_MESSAGE = AnswerLimits().literal
#: Bytes of UIDs in one command: M365 fails on lines longer than 4,096.
MAX_SET = 3_900
_HEADERS = "(UID FLAGS%s RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (%s)])"
#: About the whole folder or server (RFC 5530), not about a message.
_BUSY = re.compile(r"\[(INUSE|UNAVAILABLE)\]", re.I)
#: Longer headers are cut: addresses beyond that are ignored.
_HEADER_LIMITS = AnswerLimits(
    1_000_000, literal=CUT, total=80_000_000, skip=400_000_000
)
_SEARCH_LIMITS = AnswerLimits(total=32_000_000, lines=100_000, odd_lines=True)
_BODY_LIMITS = AnswerLimits(skip=400_000_000)


class MessageCommands(AccountConnection):
    """UID SEARCH and UID FETCH, never setting a flag."""

    _esearch = True

    def search_since(self, date: date | None) -> list[int]:
        """Ascending UIDs of messages received on that day or later; None: all."""
        if date is None:
            return self._search("ALL")
        return self._search(f"SINCE {format_criteria_date(date).decode()}")

    def search_message_id(self, message_id: str) -> list[int]:
        """UIDs of messages with that Message-ID, ascending."""
        return self.search_header("MESSAGE-ID", message_id)

    def search_header(self, name: str, value: str) -> list[int]:
        """UIDs of messages with a header field that contains ``value``, ascending.

        SEARCH HEADER (RFC 9051 section 6.4.4): case-insensitive; depending on the
        server, only whole words match. Compare what is found.

        :param value: printable ASCII, up to 900 characters; nothing is found for others
        :raises ValueError: ``name`` is not the name of a header field
        """
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise ValueError(f"not a header field: {name!r}")
        value = value.strip()
        if not value or len(value) > 900 or not re.fullmatch(r"[ -~]+", value):
            return []
        return self._search(f"HEADER {name} {_quoted(value)}")

    def search_message(
        self,
        sender: str = "",
        recipient: str = "",
        subject: str = "",
        since: date | None = None,
        before: date | None = None,
    ) -> list[int]:
        """UIDs of messages whose headers contain these words, ascending.

        The result is a superset: non-ASCII words may be omitted from the search,
        because not every server accepts them. Compare the results.

        :param since: the first day, in the server's time zone
        :param before: the day after the last one
        """
        criteria = []
        if since:
            criteria.append(f"SINCE {format_criteria_date(since).decode()}")
        if before:
            criteria.append(f"BEFORE {format_criteria_date(before).decode()}")
        for key, value in (("FROM", sender), ("SUBJECT", subject)):
            if (value := one_line(value)) and value.isascii():
                criteria.append(f"{key} {_quoted(value)}")
        if (value := one_line(recipient)) and value.isascii():
            criteria.append(f"OR TO {_quoted(value)} CC {_quoted(value)}")
        plain = " ".join(criteria) or "ALL"
        subject = one_line(subject)
        if subject.isascii():
            return self._search(plain)
        try:
            # imaplib sends one literal, at the end.
            return self._search_literal(f"{plain} SUBJECT", subject.encode())
        except EngineError as exc:
            if exc.kind not in (Kind.PROTOCOL, Kind.TRANSIENT):
                raise
            return self._search(plain)

    def search_addresses(self, emails: Iterable[str]) -> list[int]:
        """UIDs of messages from or to one of these addresses, ascending.

        The result is a superset: servers also find parts of words. Non-ASCII addresses
        are omitted.
        """
        found: set[int] = set()
        for keys in _commands(one for one in emails if one.isascii()):
            # Polish notation (RFC 9051 section 6.4.4).
            found.update(self._search("OR " * (len(keys) - 1) + " ".join(keys)))
        return sorted(found)

    def search_uids(self, low: int, high: int = MAX_UID) -> list[int]:
        """Existing UIDs from ``low`` to ``high``, both included."""
        if low > high:
            return []
        last = "*" if high >= MAX_UID else str(high)
        # "n:*" always matches the last message, even below n.
        return [uid for uid in self._search(f"UID {low}:{last}") if low <= uid <= high]

    def existing(self, uids: Iterable[int]) -> set[int]:
        """Which of the UIDs exist in the open folder."""
        asked = sorted(set(uids))
        found: set[int] = set()
        for chunk in _set_chunks(asked):
            found.update(self._search(f"UID {UidRanges.from_uids(chunk)}"))
        return found.intersection(asked)

    def fetch_headers(
        self, uids: Iterable[int], new: bool = False
    ) -> Iterator[HeaderRecord]:
        """The headers that matching needs, ascending; expunged UIDs are absent.

        A server may also omit a message that exists (Microsoft 365 does): ask
        :meth:`existing` before treating it as expunged.

        :param new: fill :attr:`HeaderRecord.new`
        :raises EngineError: after everything that came complete before the failure
        """
        labels = " X-GM-LABELS" if "X-GM-EXT-1" in self.capabilities else ""
        names = headers.MATCHING + (headers.REPLY_FIELDS if new else ())
        items = _HEADERS % (labels, " ".join(names))
        parse = _of_new if new else _of_history
        for batch in _batches(sorted(set(uids)), HEADER_BATCH):
            fetched, error = self._fetch(batch, items, _HEADER_LIMITS)
            for uid in batch:
                if record := _record(uid, fetched.get(uid), parse):
                    yield record
            if error:
                raise error

    def fetch_fields(
        self, uids: Iterable[int], names: Iterable[str]
    ) -> dict[int, HeaderFields]:
        """Some header fields, as :func:`..mime.headers.fields` gives them; expunged
        UIDs are absent.

        :param names: of the fields, upper-case
        """
        items = f"(UID BODY.PEEK[HEADER.FIELDS ({' '.join(names)})])"
        found = {}
        for batch in _batches(sorted(set(uids)), HEADER_BATCH):
            fetched, error = self._fetch(batch, items, _HEADER_LIMITS)
            if error:
                raise error
            for uid in batch:
                content = responses.section(fetched.get(uid, {}), b"BODY[HEADER")
                if content is not None:
                    found[uid] = headers.fields(content)
        return found

    def fetch_messages(self, uids: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Whole messages in the order given, at most 125 in memory; expunged ones are
        absent.

        The caller limits the bytes (see :func:`..sync.plan.body_batches`). A message
        larger than :data:`MAX_MESSAGE`, whatever its RFC822.SIZE said, is absent and
        added to ``unfetchable``.

        :raises EngineError: after everything that came complete before the failure
        """
        for batch in _batches(list(dict.fromkeys(uids)), BODY_BATCH):
            items = "(UID BODY.PEEK[])"
            fetched, error = self._fetch(sorted(batch), items, _BODY_LIMITS)
            for uid in batch:
                content = responses.section(fetched.pop(uid, {}), b"BODY[]")
                if isinstance(content, Cut):
                    self.unfetchable.add(uid)
                elif content is not None:
                    yield uid, content
            if error:
                raise error

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
        command = (
            f"SEARCH RETURN (ALL) {criteria}" if extended else f"SEARCH {criteria}"
        )
        return self._ask(command)

    def _search_literal(self, criteria: str, octets: bytes) -> list[int]:
        """A search that ends in a literal of UTF-8 (RFC 9051 section 6.4.4)."""
        with self._translate(folder=self.folder or ""):
            return self._ask(f"SEARCH CHARSET UTF-8 {criteria}", octets)

    def _ask(self, command: str, literal: bytes | None = None) -> list[int]:
        with self._bounded(_SEARCH_LIMITS) as protocol:
            if literal is not None:
                protocol.literal = literal
            typ, data = protocol._simple_command("UID", command)
            if typ != "OK":
                raise refusal(typ, data)
            untagged = protocol.untagged_responses
            return responses.read_search(
                untagged.pop("SEARCH", None), untagged.pop("ESEARCH", None)
            )

    def _fetch(
        self, uids: list[int], items: str, limits: AnswerLimits
    ) -> tuple[dict[int, dict[bytes, object]], EngineError | None]:
        """Items by UID; and what ended it, if not everything came."""
        found: dict[int, dict[bytes, object]] = {}
        try:
            with self._translate():
                self._compress_once()
            for chunk in _set_chunks(uids):
                self._fetch_chunk(chunk, items, limits, found)
        except EngineError as error:
            return found, error
        return found, None

    def _fetch_chunk(
        self, uids: list[int], items: str, limits: AnswerLimits, found: dict
    ) -> None:
        """Add to ``found`` what the server returns, even if it then breaks off."""
        with self._translate(folder=self.folder or ""), self._bounded(limits) as proto:
            numbers = str(UidRanges.from_uids(uids))
            try:
                typ, data = proto._simple_command("UID", "FETCH", numbers, items)
            except Exception:
                # Whether there is time or not: few answers, read in no time.
                came = proto.untagged_responses.pop("FETCH", ())
                responses.read_fetch(islice(came, 4 * len(uids)), uids, found)
                raise
            came = proto.untagged_responses.pop("FETCH", None)
            responses.read_fetch(self._timely(came), uids, found)
            if typ == "OK":
                return
            error = from_imap(refusal(typ, data), self.endpoint)
            if error.kind not in (Kind.TRANSIENT, Kind.PROTOCOL):
                raise error
            if _BUSY.search(error.server_text):
                raise error
        # NO may be about a single message (Exchange, Gmail): each is requested alone,
        # and refused ones are remembered.
        if len(uids) == 1:
            self.unfetchable.add(uids[0])
            return
        for uid in uids:
            if uid not in found:
                self._fetch_chunk([uid], items, limits, found)


def _commands(emails: Iterable[str]) -> Iterator[list[str]]:
    """Search keys for addresses, as many as fit into a command each time."""
    keys: list[str] = []
    for email in emails:
        quoted = _quoted(one_line(email))
        names = ("FROM", "TO", "CC", "HEADER REPLY-TO")
        more = [f"{name} {quoted}" for name in names]
        if keys and sum(len(key) + 4 for key in keys + more) > MAX_SET:
            yield keys
            keys = []
        keys += more
    if keys:
        yield keys


def _quoted(text: str) -> str:
    """A quoted string (RFC 9051 section 9) of printable ASCII."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _record(uid: int, items: dict | None, parse) -> HeaderRecord | None:
    """A header that cannot be read is absent: it must not cost the others."""
    try:
        return responses.header_record(uid, items, parse) if items else None
    except Exception:  # nothing that a mail contains may end more than itself
        return None


def _of_history(header: bytes) -> tuple:
    return *headers.first_phase(header), None, header


def _of_new(header: bytes) -> tuple:
    matching = headers.matching(header)
    return *headers.first_phase(header), headers.new_mail(header), matching


def _batches(items: list, size: int) -> Iterator[list]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _set_chunks(uids: list[int]) -> Iterator[list[int]]:
    """Split so that no UID set is longer than :data:`MAX_SET` bytes."""
    chunk: list[int] = []
    length = run = 0
    for uid in uids:
        run = run + 1 if chunk and uid == chunk[-1] + 1 else 1
        # "7," and "7:9,": only both ends of a run are written.
        digits = len(str(uid))
        cost = digits + 1 if run < 3 else digits - len(str(uid - 1))
        if chunk and length + cost > MAX_SET:
            yield chunk
            chunk, length, run = [], 0, 1
            cost = digits + 1
        chunk.append(uid)
        length += cost
    if chunk:
        yield chunk
