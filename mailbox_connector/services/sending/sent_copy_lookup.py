"""Looking for an e-mail in the Sent folder, by IMAP, and what that proves.

A provider that saves sent e-mails itself puts one copy per SMTP transaction into Sent,
and Odoo makes one transaction per recipient, all with one Message-ID. So a copy proves
that a transaction succeeded only if there are more copies than transactions known to
have succeeded, not counting the copy that we filed. If the provider saves none, the
absence of a copy proves nothing.
"""

from __future__ import annotations

from ...engine.errors import EngineError, MessageError
from ...engine.imap.session import ImapSession
from ...engine.mime.parse import parse_message
from ...engine.net.deadline import Deadline
from ...engine.net.egress import EgressPolicy
from ...engine.sync.suspects import BREAKS, Reconnects
from ...engine.types import Endpoint

#: How many e-mails that refer to one are checked: the provider may have given it a new
#: Message-ID.
MOST_RENAMED = 10


class SentLookup:
    """Counts copies of e-mails over one IMAP session, reading only.

    :param folders: raw names to look in: Sent, and the one with all mail if there is
        one
    :raise EngineError: also from its methods
    """

    def __init__(
        self,
        endpoint: Endpoint,
        policy: EgressPolicy,
        folders: list[str],
        deadline: Deadline,
    ):
        self._folders = folders
        self._session = ImapSession(endpoint, policy, deadline)
        self._reconnects = Reconnects(self._session)

    def __enter__(self) -> SentLookup:
        self._session.open()
        return self

    def __exit__(self, *_exc) -> None:
        self._session.close()

    def count_copies(self, message_id: str) -> int:
        """The most copies of an e-mail in one of the folders: what is in Sent is also
        in "all mail"."""
        most = 0
        for folder in self._folders:
            self._session.examine(folder)
<<<<<<< HEAD
            found = search_sent(self._session, message_id, self._reconnects)
            most = max(most, len(found))
        return most


def search_sent(
    session: ImapSession, message_id: str, reconnects: Reconnects | None = None
) -> list[int]:
=======
            most = max(most, len(_search_sent(self._session, message_id)))
        return most


def _search_sent(session: ImapSession, message_id: str) -> list[int]:
>>>>>>> courier
    """UIDs of an e-mail in the open folder. A provider that gives e-mails a new
    Message-ID leaves References unchanged, where Odoo writes the e-mail's own last."""
    if found := session.search_message_id(message_id):
        return found
    reconnects = reconnects or Reconnects(session)
    return [
        uid
        for uid in session.search_header("REFERENCES", message_id)[-MOST_RENAMED:]
        if _is_renamed(_fetch(session, uid, reconnects), message_id)
    ]


def _fetch(session: ImapSession, uid: int, reconnects: Reconnects) -> bytes | None:
    """A message of the open folder; None if the server cannot return it, which must
    not keep the others from being compared."""
    folder = session.folder
    try:
        return dict(session.fetch_messages([uid])).get(uid)
    except EngineError as error:
        if error.kind not in BREAKS:
            raise
        reconnects.go_on(error)
        session.examine(folder)
        return None


def _is_renamed(raw: bytes | None, message_id: str) -> bool:
    """Whether a message is the e-mail with that Message-ID under a new one."""
    try:
        parsed = parse_message(raw) if raw else None
    except MessageError:
        return False
    if parsed is None or parsed.references[-1:] != [message_id]:
        return False
    # A reply to it names it in In-Reply-To.
    return parsed.in_reply_to != message_id


def was_sent(copies: int, own_copies: int, known_sent: int) -> bool:
    """Whether more transactions of an e-mail have succeeded than are known.

    :param copies: found in the mailbox
    :param own_copies: that we filed there
    :param known_sent: transactions of the same Message-ID known to have succeeded
    """
    return copies - own_copies > known_sent
