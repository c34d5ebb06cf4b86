"""Searches a mailbox's server for the messages that a person asks about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from ...engine.errors import EngineError, Kind
from ...engine.mime import mass_mail, words
from ...engine.mime.ids import message_id_hash
from ...engine.net.deadline import Deadline
from ...engine.sync.suspects import BREAKS, Reconnects
from ...engine.types import Folder, HeaderFields, HeaderRecord

#: How many matches in each folder are compared, newest first.
COMPARED = 50
_NAMES = ("SUBJECT", "DATE", *mass_mail.FIELDS)


@dataclass(frozen=True)
class Question:
    """What a person knows about the e-mail. ``message_id`` with angle brackets."""

    message_id: str = ""
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    day: date | None = None


@dataclass
class ServerMessage:
    """A message on the server.

    ``folder``: its ``mailbox.folder``, empty while Odoo does not know the folder;
    ``fields``: header fields as pairs (lower-case name, value).
    """

    folder: object
    folder_name: str
    uidvalidity: int
    header: HeaderRecord
    fields: HeaderFields

    def value(self, name: str) -> str:
        """The first field of that lower-case name, decoded."""
        found = (value for key, value in self.fields if key == name)
        return words.text(next(found, ""))


class Search:
    """Searches the folders of a mailbox, first those that are imported.

    :param session: an open :class:`ImapSession`
    :param account: ``mailbox.account`` in a superuser environment
    :param zone: the user's time zone, for whole days
    """

    def __init__(self, session, account, asked: Question, zone: ZoneInfo):
        self.session = session
        self.account = account
        self.asked = asked
        self.zone = zone
        #: Names of the folders that were searched, and whether all were.
        self.searched: list[str] = []
        self.complete = True
        self.reconnects = Reconnects(session)

    def messages(self, limit: Deadline) -> Iterator[ServerMessage]:
        """Yields matches, folder by folder, newest first; their folder is then open.

        :param limit: when no further folder is opened
        """
        known = {folder.raw_name: folder for folder in self.account.folder_ids}
        empty = self.account.folder_ids.browse()

        def order(folder: Folder):
            record = known.get(folder.raw_name, empty)
            return not record.sync, record.sequence, folder.name

        folders = [one for one in self.session.list_folders() if one.selectable]
        for folder in sorted(folders, key=order):
            if not limit.left():
                self.complete = False
                return
            record = known.get(folder.raw_name, empty)
            yield from filter(self._matches, self._candidates(folder, record))

    def _candidates(self, folder: Folder, record) -> list[ServerMessage]:
        """What the server finds in a folder, newest first; nothing in one that cannot
        be read."""
        try:
            found = self._found(folder, record)
        except EngineError as error:
            if error.kind is Kind.FOLDER_GONE:
                return []
            if error.kind not in BREAKS:
                raise
            self.reconnects.go_on(error)
            self.complete = False
            return []
        self.searched.append(folder.name)
        return found

    def _found(self, folder: Folder, record) -> list[ServerMessage]:
        status = self.session.examine(folder.raw_name)
        uids = self._search()[-COMPARED:] if status.messages else []
        headers = list(self.session.fetch_headers(uids)) if uids else []
        values = self.session.fetch_fields([h.uid for h in headers], _NAMES)
        return [
            ServerMessage(
                record,
                folder.name,
                status.uidvalidity,
                header,
                values.get(header.uid, []),
            )
            for header in reversed(headers)
        ]

    def _search(self) -> list[int]:
        asked = self.asked
        if asked.message_id:
            return self.session.search_message_id(asked.message_id)
        since = asked.day and asked.day - timedelta(days=1)
        # It may have been received some days after it was written.
        before = asked.day and asked.day + timedelta(days=4)
        return self.session.search_message(
            asked.sender, asked.recipient, asked.subject, since, before
        )

    def _matches(self, message: ServerMessage) -> bool:
        asked, header = self.asked, message.header
        if asked.message_id:
            return message_id_hash(header.message_id) == message_id_hash(
                asked.message_id
            )
        people = header.addresses
        return (
            _is_among(asked.sender, people["from"] + people["reply_to"])
            and _is_among(asked.recipient, people["to"] + people["cc"])
            and asked.subject.casefold() in message.value("subject").casefold()
            and (not asked.day or asked.day in self._days(message))
        )

    def _days(self, message: ServerMessage) -> set[date]:
        """The days on which it was received and written, in the user's time zone."""
        moments = [message.header.internal_date, _written(message)]
        return {one.astimezone(self.zone).date() for one in moments if one}


def _written(message: ServerMessage) -> datetime | None:
    """Its Date field, aware."""
    try:
        moment = parsedate_to_datetime(message.value("date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _is_among(wanted: str, addresses: Iterable) -> bool:
    wanted = wanted.casefold()
    return not wanted or any(wanted in str(one).casefold() for one in addresses)
