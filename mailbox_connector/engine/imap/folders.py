"""Folders of an account: LIST, STATUS, EXAMINE, and APPEND."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from imapclient.datetime_util import datetime_to_INTERNALDATE

from ..diagnosis import from_imap
from ..errors import EngineError, Kind
from ..types import Folder, FolderStatus
from . import listed, responses
from .account_connection import AccountConnection
from .protocol import AnswerLimits, refusal
from .ranges import UidRanges
from .roles import assign_roles, role_candidates

#: How many names that cannot be read are remembered.
MAX_UNREADABLE = 20
#: How many STATUS commands are sent before the first answer is read.
PIPELINE = 40
#: A line that is no answer, and what of it may name a folder.
_LISTED = re.compile(rb"\bLIST +(.*)", re.I | re.S)
_LIST_LIMITS = AnswerLimits(
    line=100_000, literal=10_000, total=32_000_000, lines=100_000, odd_lines=True
)
#: Flags changed by other clients in the previous folder may come first.
_EXAMINE_LIMITS = AnswerLimits(
    line=1_000_000, literal=100_000, total=32_000_000, odd_lines=True
)
#: QRESYNC reports every changed flag; none is kept.
_QRESYNC_LIMITS = AnswerLimits(total=32_000_000, lines=6_000_000, skip=600_000_000)


class FolderCommands(AccountConnection):
    """LIST, STATUS, EXAMINE, APPEND."""

    #: UIDs expunged since then, after ``examine(name, since)``; None: unknown, compare
    #: the UIDs instead. May contain UIDs that never existed.
    vanished: UidRanges | None = None
    #: Whether the server accepted ENABLE QRESYNC; None: not asked yet.
    _qresync: bool | None = None
    #: Whether STATUS may ask for more than the base protocol has.
    _status_extras = True
    #: What the last LIST contained that names no folder that can be opened.
    unreadable_names: tuple[str, ...] = ()

    def open(self) -> None:
        self._qresync = None
        super().open()

    def list_folders(self, status: bool = False) -> list[Folder]:
        """All folders with their roles.

        :param status: with message counts and UIDs: one round trip if the server has
            LIST-STATUS (RFC 5819), else STATUS for each folder
        """
        folders, states = self._list(status)
        if status and not states:
            names = [folder.raw_name for folder in folders if folder.selectable]
            states = self.status(names)
        elif not status:
            states = self._states_of_rivals(folders)
        ranked = assign_roles([_with_status(folder, states) for folder in folders])
        return ranked if status else [_with_status(folder, {}) for folder in ranked]

    def status(self, raw_names: Iterable[str]) -> dict[str, FolderStatus]:
        """States by raw name; deleted folders are absent."""
        names = list(dict.fromkeys(raw_names))
        found: dict[str, FolderStatus] = {}
        for start in range(0, len(names), PIPELINE):
            found.update(self._status_batch(names[start : start + PIPELINE]))
        return found

    def examine(
        self, raw_name: str, since: tuple[int, int] | None = None
    ) -> FolderStatus:
        """Open a folder read-only.

        :param since: UIDVALIDITY and HIGHESTMODSEQ of an earlier time: the server
            is asked what was expunged since (QRESYNC, RFC 7162), see ``vanished``
        :raises EngineError: FOLDER_GONE with the name as ``detail``
        """
        self.folder = self.vanished = None
        self.unfetchable.clear()
        if not (since and all(since) and self._enable_qresync()):
            return self._examine(raw_name)
        status = self._examine_since(raw_name, since)
        if status is None:
            status = self._examine(raw_name)
            self._qresync = False  # it refused the parameter
        return status

    def _examine(self, raw_name: str) -> FolderStatus:
        with self._translate(folder=raw_name):
            with self._bounded(_EXAMINE_LIMITS):
                typ, data = self._open_folder(raw_name)
            if typ != "OK":
                raise self._examine_error(raw_name, data)
            return responses.read_examined(self._protocol.untagged_responses)

    def _examine_since(
        self, raw_name: str, since: tuple[int, int]
    ) -> FolderStatus | None:
        """EXAMINE with QRESYNC; None where the server refuses that."""
        with self._bounded(_QRESYNC_LIMITS, discarded=("FETCH",)) as protocol:
            try:
                with self._translate(folder=raw_name):
                    question = "(QRESYNC ({} {}))".format(*since)
                    typ, _data = self._open_folder(raw_name, question)
                    if typ != "OK":
                        return None
                    untagged = protocol.untagged_responses
                    vanished = responses.read_vanished(untagged.get("VANISHED"))
                    status = responses.read_examined(untagged)
            except EngineError as exc:
                if exc.kind is not Kind.PROTOCOL:
                    raise
                return None
        # After a renumbering the server cannot report anything.
        if status.uidvalidity == since[0] and status.highestmodseq:
            self.vanished = vanished
        return status

    def _open_folder(self, raw_name: str, *parameters: str):
        """EXAMINE; imaplib's own takes no parameters."""
        protocol = self._protocol
        protocol.untagged_responses.clear()
        protocol.is_readonly = True
        name = self._wire(raw_name)
        typ, data = protocol._simple_command("EXAMINE", name, *parameters)
        protocol.state = "SELECTED" if typ == "OK" else "AUTH"
        self.folder = raw_name if typ == "OK" else None
        return typ, data

    def _enable_qresync(self) -> bool:
        """ENABLE (RFC 5161), once a session, with no folder open."""
        if self._qresync is None:
            self._qresync = False
            if "QRESYNC" in self.capabilities:
                with self._translate():
                    self._qresync = self._enabled("QRESYNC")
        return self._qresync

    def _enabled(self, extension: str) -> bool:
        protocol = self._protocol
        try:
            if protocol.state == "SELECTED" and "UNSELECT" in self.capabilities:
                protocol.unselect()
            protocol._simple_command("ENABLE", extension)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            return False
        enabled = protocol.untagged_responses.get("ENABLED") or ()
        return extension.encode() in b" ".join(enabled).upper().split()

    def append(
        self,
        raw_name: str,
        mime: bytes,
        flags: Sequence[str] = ("\\Seen",),
        date: datetime | None = None,
    ) -> tuple[int, int] | None:
        """Put a message into a folder, which is not open afterwards.

        :param flags: left out, as ``date`` is, where the server does not accept them
        :return: (UIDVALIDITY, UID) where the server has UIDPLUS (RFC 4315)
        :raises EngineError: of a refusal: QUOTA, TOO_LARGE, FOLDER_GONE, NO_PERMISSION,
            FOLDER_READ_ONLY, TRANSIENT, THROTTLED or COPY_REFUSED
        """
        self._check_append_limit(len(mime))
        self._leave_folder(raw_name)
        marks, moment = f"({' '.join(flags)})" if flags else None, _internaldate(date)
        attempts = dict.fromkeys([(marks, moment), (marks, None), (None, None)])
        while attempts:
            arguments = next(iter(attempts))
            del attempts[arguments]
            try:
                return self._append(raw_name, *arguments, mime)
            except EngineError as error:
                # Without a reason, it may be an error in flags or date (RFC 9051
                # section 6.3.12).
                if error.kind is not Kind.COPY_REFUSED or not attempts:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _append(
        self, raw_name: str, flags: str | None, moment: str | None, mime: bytes
    ) -> tuple[int, int] | None:
        with self._translate(folder=raw_name):
            name = self._wire(raw_name)
            try:
                typ, data = self._protocol.append(name, flags, moment, mime)
                error = None if typ == "OK" else refusal(typ, data)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as exc:  # BAD
                error = exc
            if error:
                refused = from_imap(error, self.endpoint, append=True)
                if refused.kind is Kind.FOLDER_GONE:
                    refused.detail = raw_name
                raise refused
            match = re.search(rb"\[APPENDUID (\d+) (\d+)\]", data[-1] or b"")
            return (int(match[1]), int(match[2])) if match else None

    def _check_append_limit(self, size: int) -> None:
        """Refuse what the server would: it may hang up instead (RFC 7889)."""
        for capability in self.capabilities:
            match = re.fullmatch(r"APPENDLIMIT=(\d{1,18})", capability)
            if match and size > int(match[1]):
                limit = int(match[1])
                raise self.endpoint.error(Kind.TOO_LARGE, size=size, limit=limit)

    def _leave_folder(self, raw_name: str) -> None:
        """Have no folder open, or another one: Courier refuses a message for the folder
        that is open read-only."""
        protocol = self._protocol
        if self.folder is None or _key(self.folder) != _key(raw_name):
            return
        self.folder = None
        with self._translate():
            try:
                if "UNSELECT" in self.capabilities:
                    protocol.unselect()
                elif "READ-ONLY" in protocol.untagged_responses:
                    # It expunges nothing in such a folder (RFC 9051 section 6.4.1).
                    protocol.close()
                elif raw_name.upper() != "INBOX":
                    self._open_folder("INBOX")
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error:
                pass  # then with the folder open
        self.folder = None

    def _list(self, status: bool) -> tuple[list[Folder], dict[str, FolderStatus]]:
        for options in self._list_options(status):
            try:
                with self._translate():
                    return self._list_once(options)
            except EngineError as exc:
                # Only if the options were refused is there another attempt.
                if not options or exc.kind not in (Kind.PROTOCOL, Kind.TRANSIENT):
                    raise
        raise AssertionError("the last stage has no options")

    def _list_options(self, status: bool) -> list[str]:
        stages = []
        # LIST-STATUS means that there are RETURN options (RFC 5819 section 2).
        extended = {"LIST-EXTENDED", "LIST-STATUS"} & self.capabilities
        special = "SPECIAL-USE" in self.capabilities
        prefix = "SPECIAL-USE " if special and extended else ""
        if status and "LIST-STATUS" in self.capabilities:
            stages.append(f"RETURN ({prefix}STATUS {self._status_items()})")
        if prefix:
            stages.append(f"RETURN ({prefix.strip()})")
        return [*stages, ""]

    def _list_once(self, options: str):
        with self._bounded(_LIST_LIMITS) as protocol:
            arguments = [options] if options else []
            typ, data = protocol._simple_command("LIST", '""', '"*"', *arguments)
            if typ != "OK":
                raise refusal(typ, data)
            untagged = protocol.untagged_responses
            answers = untagged.pop("LIST", None)
            odd = [[m[1]] for m in map(_LISTED.search, protocol.odd_lines) if m]
            states = self._states(untagged.pop("STATUS", None))
        unique: dict[str, Folder] = {}
        for answer in self._answers(answers):
            if folder := listed.read_folder(answer):
                unique[folder.raw_name] = folder
            elif len(odd) < MAX_UNREADABLE:
                odd.append(answer)
        if odd and not unique:
            # There is an INBOX: it is the list that cannot be read.
            raise self.endpoint.error(Kind.PROTOCOL)
        self.unreadable_names = tuple(filter(None, map(listed.shown, odd)))
        return list(unique.values()), states

    def _status_items(self) -> str:
        # Not MAILBOXID: Cyrus 3.6 answers with uninitialized memory.
        items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
        if self._status_extras:
            if {"CONDSTORE", "QRESYNC"} & self.capabilities:
                items.append("HIGHESTMODSEQ")
        return f"({' '.join(items)})"

    def _states(self, data) -> dict[str, FolderStatus]:
        """States by name; by both of them, if it is not certain which one is meant."""
        found: dict[str, FolderStatus] = {}
        for answer in self._answers(data):
            if read := listed.read_status(answer):
                names, status = read
                found[_key(names[0])] = status
                for other in names[1:]:
                    found.setdefault(_key(other), status)
        return found

    def _answers(self, data):
        return responses.answers(self._timely(data))

    def _states_of_rivals(self, folders: list[Folder]) -> dict[str, FolderStatus]:
        """Message counts of the folders that compete for a role."""
        names: list[str] = []
        for role in {folder.role for folder in assign_roles(folders)}:
            rivals = role_candidates(folders, role)
            if len(rivals) > 1:
                names += [folder.raw_name for folder in rivals]
        return self.status(names) if names else {}

    def _status_batch(self, names: list[str]) -> dict[str, FolderStatus]:
        refused = False
        with self._translate(), self._bounded(_LIST_LIMITS) as protocol:
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
                    refused = True  # BAD for this one; the others were answered
            states = self._states(protocol.untagged_responses.pop("STATUS", None))
        if refused and not states and self._status_extras:
            # It announces CONDSTORE but refuses HIGHESTMODSEQ: ask without it.
            self._status_extras = False
            return self._status_batch(names)
        return {name: states[_key(name)] for name in names if _key(name) in states}

    def _examine_error(self, raw_name: str, data) -> EngineError:
        error = from_imap(refusal("NO", data), self.endpoint)
        unclear = error.kind in (Kind.TRANSIENT, Kind.PROTOCOL, Kind.LOGIN_WRONG)
        if unclear and "[" not in error.server_text:
            # A bare NO: LIST shows whether the folder still exists.
            folders, _states = self._list(False)
            if raw_name not in {folder.raw_name for folder in folders}:
                error.kind = Kind.FOLDER_GONE
            else:
                error.kind = Kind.TRANSIENT
        if error.kind is Kind.FOLDER_GONE:
            error.detail = raw_name
        return error


def _internaldate(date: datetime | None) -> str | None:
    if date is None:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    return f'"{datetime_to_INTERNALDATE(aware)}"'


def _key(raw_name: str) -> str:
    return "INBOX" if raw_name.upper() == "INBOX" else raw_name


def _with_status(folder: Folder, states: dict[str, FolderStatus]) -> Folder:
    return replace(folder, status=states.get(_key(folder.raw_name)))
