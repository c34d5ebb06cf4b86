"""Folders of an account: which there are, what for, and their state."""

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
from . import responses
from .connected import Connected
from .protocol import Limits
from .roles import assign_roles, role_candidates

#: STATUS commands sent before the first answer is read.
PIPELINE = 40
_LIST_LIMITS = Limits(line=100_000, literal=10_000, total=32_000_000, lines=100_000)


class FolderCommands(Connected):
    """LIST, STATUS, EXAMINE, APPEND."""

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
        self.unfetchable.clear()
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


def _key(raw_name: str) -> str:
    return "INBOX" if raw_name.upper() == "INBOX" else raw_name


def _with(folder: Folder, states: dict[str, FolderStatus]) -> Folder:
    return replace(folder, status=states.get(_key(folder.raw_name)))


def _number(data) -> int | None:
    match = re.match(rb"\d+", data[-1] or b"") if data else None
    return int(match[0]) or None if match else None
