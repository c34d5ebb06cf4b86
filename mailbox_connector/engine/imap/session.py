"""One signed-in IMAP connection that reads and never changes.

Folders are opened with EXAMINE and bodies fetched with BODY.PEEK, so nothing on
the server changes; the one command that writes is APPEND, for sent copies.

    with ImapSession(endpoint, policy, Deadline(45)) as session:
        for folder in session.list_folders(status=True): ...
"""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timezone

from imapclient.datetime_util import datetime_to_INTERNALDATE, format_criteria_date

from ..diagnosis import from_imap
from ..errors import EngineError, Kind
from ..mime.headers import first_phase
from ..transport import Deadline, EgressPolicy, connect
from ..types import Endpoint, Folder, FolderStatus, HeaderRecord
from . import responses
from .protocol import BoundedIMAPClient, Limits
from .ranges import MAX_UID, UidRanges
from .roles import assign_roles, role_candidates
from .signin import check_credentials, sign_in

HEADER_BATCH = 500
BODY_BATCH = 50
#: Bytes of UIDs in one command: M365 fails on lines longer than 4,096.
MAX_SET = 3_900
#: STATUS commands sent before the first answer is read.
PIPELINE = 40
_HEADERS = "(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (%s)])"
_FIELDS = "FROM REPLY-TO TO CC MESSAGE-ID"
_HEADER_LIMITS = Limits(line=1_000_000, literal=2_000_000, total=64_000_000)
_LIST_LIMITS = Limits(line=100_000, literal=10_000, total=32_000_000, lines=100_000)


class ImapSession:
    """A connection to one account. A context manager: connects and signs in.

    Every failure is an :class:`EngineError`.

    :param policy: which hosts may be reached; None: public ones only
    :param deadline: for everything this session does
    """

    def __init__(
        self,
        endpoint: Endpoint,
        policy: EgressPolicy | None = None,
        deadline: Deadline | None = None,
        **timeouts: float,
    ):
        """``timeouts``: ``connect_timeout``, ``read_timeout`` in seconds."""
        self.endpoint = endpoint
        self.capabilities: frozenset[str] = frozenset()
        #: UIDs that the server lists and yet refused to hand out (FETCH NO).
        self.unfetchable: set[int] = set()
        #: The folder that is open, by its raw name.
        self.folder: str | None = None
        self._policy = policy
        self._deadline = deadline or Deadline()
        self._timeouts = timeouts
        self._client: BoundedIMAPClient | None = None
        self._esearch = True

    def __enter__(self) -> ImapSession:
        self.open()
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def open(self) -> None:
        """Connect, encrypt, sign in."""
        check_credentials(self.endpoint, self._error)
        connection = connect(
            self.endpoint, self._policy, self._deadline, **self._timeouts
        )
        try:
            with self._translate(login=True):
                self._client = BoundedIMAPClient(connection)
                self.capabilities = sign_in(self._client, self.endpoint)
        except BaseException:
            connection.close()
            self._client = None
            raise

    def close(self) -> None:
        """Say goodbye if that is quick, and hang up. Never raises."""
        client, self._client = self._client, None
        if client is None:
            return
        connection = client.protocol.connection
        connection.read_timeout = min(connection.read_timeout, 2.0)
        try:
            client.logout()
        except Exception:  # noqa: BLE001  the work is done, whatever it says
            pass
        connection.close()

    # Folders

    def list_folders(self, status: bool = False) -> list[Folder]:
        """All folders with their roles.

        :param status: with message counts and UIDs: one round trip where the
            server has LIST-STATUS (RFC 5819), else STATUS for each folder
        """
        folders, states = self._list(status)
        if status and not states:
            names = [folder.raw_name for folder in folders if folder.selectable]
            states = self.status(names)
        elif not status:
            states = self._states_of_rivals(folders)
        ranked = assign_roles([_with(folder, states) for folder in folders])
        return ranked if status else [_with(folder, {}) for folder in ranked]

    def status(self, raw_names: Iterable[str]) -> dict[str, FolderStatus]:
        """States by raw name; a folder that is gone is absent."""
        names = list(dict.fromkeys(raw_names))
        found: dict[str, FolderStatus] = {}
        for start in range(0, len(names), PIPELINE):
            found.update(self._status_batch(names[start : start + PIPELINE]))
        return found

    def examine(self, raw_name: str) -> FolderStatus:
        """Open a folder read-only.

        :raises EngineError: FOLDER_GONE with the name as ``detail``
        """
        self.folder = None
        with self._translate(folder=raw_name):
            typ, data = self._protocol.select(self._wire(raw_name), readonly=True)
            if typ != "OK":
                raise self._examine_error(raw_name, data)
            untagged = self._protocol.untagged_responses
            self.folder = raw_name
            return FolderStatus(
                messages=_number(untagged.get("EXISTS")) or 0,
                uidnext=_number(untagged.get("UIDNEXT")),
                uidvalidity=_number(untagged.get("UIDVALIDITY")) or 0,
                highestmodseq=_number(untagged.get("HIGHESTMODSEQ")),
            )

    def append(
        self,
        raw_name: str,
        mime: bytes,
        flags: Sequence[str] = ("\\Seen",),
        date: datetime | None = None,
    ) -> tuple[int, int] | None:
        """Put a message into a folder.

        :return: (UIDVALIDITY, UID) where the server has UIDPLUS (RFC 4315)
        """
        moment = None
        if date is not None:
            aware = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
            moment = f'"{datetime_to_INTERNALDATE(aware)}"'
        with self._translate(folder=raw_name):
            typ, data = self._protocol.append(
                self._wire(raw_name), f"({' '.join(flags)})", moment, mime
            )
            if typ != "OK":
                raise imaplib.IMAP4.error(data[-1])
            match = re.search(rb"\[APPENDUID (\d+) (\d+)\]", data[-1] or b"")
            return (int(match[1]), int(match[2])) if match else None

    # Messages of the open folder

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
            fetched = self._fetch(batch, _HEADERS % _FIELDS, _HEADER_LIMITS)
            for uid in batch:
                items = fetched.get(uid)
                record = items and responses.header_record(uid, items, first_phase)
                if record:
                    records.append(record)
        return records

    def fetch_messages(self, uids: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Whole messages in the order given, ≤ 50 in memory; gone ones absent.

        The caller bounds the bytes (see ``plan.body_batches``).
        """
        for batch in _batches(list(dict.fromkeys(uids)), BODY_BATCH):
            fetched = self._fetch(sorted(batch), "(UID BODY.PEEK[])", Limits())
            for uid in batch:
                content = responses.section(fetched.pop(uid, {}), b"BODY[]")
                if content is not None:
                    yield uid, content

    # Beneath

    @property
    def _protocol(self):
        if self._client is None:
            raise self._error(Kind.CONNECTION_LOST)
        return self._client.protocol

    def _error(self, kind: Kind, **more) -> EngineError:
        endpoint = self.endpoint
        more = {"host": endpoint.host, "port": endpoint.port, **more}
        return EngineError(kind, endpoint.side, **more)

    def _wire(self, raw_name: str) -> bytes:
        try:
            return responses.wire_name(raw_name)
        except ValueError:
            raise self._error(Kind.FOLDER_GONE, detail=raw_name) from None

    @contextmanager
    def _translate(self, login: bool = False, folder: str = ""):
        """Whatever goes wrong inside becomes an EngineError.

        The cause is cut off: a traceback must not show what a server echoed.
        """
        try:
            yield
        except EngineError as exc:
            raise from_imap(exc, self.endpoint) from None
        except (
            imaplib.IMAP4.error,
            OSError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            AssertionError,
            RecursionError,
            OverflowError,
        ) as exc:
            error = from_imap(exc, self.endpoint, login=login)
            if error.kind is Kind.FOLDER_GONE:
                error.detail = error.detail or folder
            raise error from None

    @contextmanager
    def _bounded(self, limits: Limits):
        protocol = self._protocol
        protocol.limits = limits
        try:
            yield protocol
        finally:
            protocol.limits = Limits()

    def _list(self, status: bool) -> tuple[list[Folder], dict[str, FolderStatus]]:
        for options in self._list_options(status):
            try:
                with self._translate():
                    return self._list_once(options)
            except EngineError as exc:
                # Anything but a complaint about the options ends it.
                if not options or exc.kind not in (Kind.PROTOCOL, Kind.TRANSIENT):
                    raise
        raise AssertionError("the last stage has no options")

    def _list_options(self, status: bool) -> list[str]:
        stages = []
        extended = "LIST-EXTENDED" in self.capabilities
        special = "SPECIAL-USE" in self.capabilities
        prefix = "SPECIAL-USE " if special and extended else ""
        if status and "LIST-STATUS" in self.capabilities:
            stages.append(f"RETURN ({prefix}STATUS {self._status_items()})")
        if prefix:
            stages.append(f"RETURN ({prefix.strip()})")
        return [*stages, ""]

    def _list_once(self, options: str):
        with self._bounded(_LIST_LIMITS) as protocol:
            protocol.untagged_responses.pop("LIST", None)
            protocol.untagged_responses.pop("STATUS", None)
            arguments = [options] if options else []
            typ, data = protocol._simple_command("LIST", '""', '"*"', *arguments)
            if typ != "OK":
                raise imaplib.IMAP4.error(data[-1])
            untagged = protocol.untagged_responses
            listed = untagged.pop("LIST", None)
            states = self._states(untagged.pop("STATUS", None))
        read = (responses.read_folder(answer) for answer in responses.answers(listed))
        unique = {folder.raw_name: folder for folder in read if folder}
        return list(unique.values()), states

    def _status_items(self) -> str:
        items = "MESSAGES UIDNEXT UIDVALIDITY"
        condstore = {"CONDSTORE", "QRESYNC"} & self.capabilities
        return f"({items} HIGHESTMODSEQ)" if condstore else f"({items})"

    def _states(self, data) -> dict[str, FolderStatus]:
        read = (responses.read_status(answer) for answer in responses.answers(data))
        return {_key(entry[0]): entry[1] for entry in read if entry}

    def _states_of_rivals(self, folders: list[Folder]) -> dict[str, FolderStatus]:
        """Counts of those folders alone that a role has to be decided between."""
        names: list[str] = []
        for role in {folder.role for folder in assign_roles(folders)}:
            rivals = role_candidates(folders, role)
            if len(rivals) > 1:
                names += [folder.raw_name for folder in rivals]
        return self.status(names) if names else {}

    def _status_batch(self, names: list[str]) -> dict[str, FolderStatus]:
        with self._translate(), self._bounded(_LIST_LIMITS) as protocol:
            protocol.untagged_responses.pop("STATUS", None)
            items = self._status_items()
            tags = [
                protocol._command("STATUS", self._wire(name), items) for name in names
            ]
            for tag in tags:
                try:
                    protocol._command_complete("STATUS", tag)
                except imaplib.IMAP4.abort:
                    raise
                except imaplib.IMAP4.error:
                    pass  # BAD to this one; the others have their answers
            states = self._states(protocol.untagged_responses.pop("STATUS", None))
        return {name: states[_key(name)] for name in names if _key(name) in states}

    def _examine_error(self, raw_name: str, data) -> EngineError:
        error = from_imap(imaplib.IMAP4.error(data[-1]), self.endpoint)
        unclear = error.kind in (Kind.TRANSIENT, Kind.PROTOCOL, Kind.LOGIN_WRONG)
        if unclear and "[" not in error.server_text:
            # A bare NO: whether the folder is gone, the list tells.
            folders, _states = self._list(False)
            if raw_name not in {folder.raw_name for folder in folders}:
                error.kind = Kind.FOLDER_GONE
            else:
                error.kind = Kind.TRANSIENT
        if error.kind is Kind.FOLDER_GONE:
            error.detail = raw_name
        return error

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


def _key(raw_name: str) -> str:
    return "INBOX" if raw_name.upper() == "INBOX" else raw_name


def _with(folder: Folder, states: dict[str, FolderStatus]) -> Folder:
    return Folder(
        folder.raw_name,
        folder.name,
        folder.delimiter,
        folder.flags,
        folder.role,
        folder.selectable,
        states.get(_key(folder.raw_name)),
    )


def _number(data) -> int | None:
    match = re.match(rb"\d+", data[-1] or b"") if data else None
    return int(match[0]) or None if match else None


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
