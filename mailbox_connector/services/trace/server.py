"""Messages on a mailbox's server that somebody may mean."""

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
from ...engine.types import Folder, HeaderFields, HeaderRecord

#: Messages of a folder that are compared, the newest.
COMPARED = 50
_NAMES = ("SUBJECT", "DATE", *mass_mail.FIELDS)


@dataclass(frozen=True)
class Question:
    """Which e-mail is meant. ``message_id`` with angle brackets."""

    message_id: str = ""
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    day: date | None = None


@dataclass
class Place:
    """A message as it stands on the server.

    ``folder``: its ``mailbox.folder``, empty where it is not known yet.
    """

    folder: object
    name: str
    uidvalidity: int
    header: HeaderRecord
    fields: HeaderFields

    def value(self, name: str) -> str:
        """The first field of that lower-case name, decoded."""
        found = (value for key, value in self.fields if key == name)
        return words.text(next(found, ""))


class Search:
    """Looks through the folders of a mailbox, those first that are read.

    :param session: an open :class:`ImapSession`
    :param account: ``mailbox.account`` in a superuser environment
    :param zone: where the asker's days begin
    """

    def __init__(self, session, account, asked: Question, zone: ZoneInfo):
        self.session = session
        self.account = account
        self.asked = asked
        self.zone = zone
        #: Names of the folders that were looked into, and whether that is all.
        self.looked: list[str] = []
        self.complete = True

    def places(self, limit: Deadline) -> Iterator[Place]:
        """What is meant, folder by folder, newest first; its folder is open then.

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
            try:
                status = self.session.examine(folder.raw_name)
            except EngineError as error:
                if error.kind is not Kind.FOLDER_GONE:
                    raise
                continue
            self.looked.append(folder.name)
            uids = self._search()[-COMPARED:] if status.messages else []
            headers = self.session.fetch_headers(uids) if uids else []
            values = self.session.fetch_fields([h.uid for h in headers], _NAMES)
            record = known.get(folder.raw_name, empty)
            for header in reversed(headers):
                found = values.get(header.uid, [])
                place = Place(record, folder.name, status.uidvalidity, header, found)
                if self._is_meant(place):
                    yield place

    def _search(self) -> list[int]:
        asked = self.asked
        if asked.message_id:
            return self.session.search_message_id(asked.message_id)
        since = asked.day and asked.day - timedelta(days=1)
        # What is older than it came late, by days.
        before = asked.day and asked.day + timedelta(days=4)
        return self.session.search_message(
            asked.sender, asked.recipient, asked.subject, since, before
        )

    def _is_meant(self, place: Place) -> bool:
        asked, header = self.asked, place.header
        if asked.message_id:
            return message_id_hash(header.message_id) == message_id_hash(
                asked.message_id
            )
        people = header.addresses
        return (
            _stands_in(asked.sender, people["from"] + people["reply_to"])
            and _stands_in(asked.recipient, people["to"] + people["cc"])
            and asked.subject.casefold() in place.value("subject").casefold()
            and (not asked.day or asked.day in self._days(place))
        )

    def _days(self, place: Place) -> set[date]:
        """The days it was received and written, where the asker is."""
        moments = [place.header.internal_date, _written(place)]
        return {one.astimezone(self.zone).date() for one in moments if one}


def _written(place: Place) -> datetime | None:
    """What its Date field says, aware."""
    try:
        moment = parsedate_to_datetime(place.value("date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _stands_in(wanted: str, addresses: Iterable) -> bool:
    wanted = wanted.casefold()
    return not wanted or any(wanted in str(one).casefold() for one in addresses)
