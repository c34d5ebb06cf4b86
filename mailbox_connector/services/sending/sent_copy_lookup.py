"""Looking for an e-mail in the Sent folder, by IMAP, and what that proves.

A provider that saves sent e-mails itself puts one copy per SMTP transaction into Sent,
and Odoo makes one transaction per recipient, all with one Message-ID. So a copy proves
that a transaction succeeded only if there are more copies than transactions known to
have succeeded, not counting the copy that we filed. If the provider saves none, the
absence of a copy proves nothing.
"""

from __future__ import annotations

from ...engine.errors import EngineError
from ...engine.imap.session import ImapSession
from ...engine.mime.ids import first_message_id, parse_references
from ...engine.net.deadline import Deadline
from ...engine.net.egress import EgressPolicy
from ...engine.sync.suspects import BREAKS, Reconnects
from ...engine.types import Endpoint, HeaderFields

#: How many e-mails that refer to one are checked: the provider may have given it a new
#: Message-ID.
MOST_RENAMED = 10
#: By which they are recognized.
_THREADING = ("REFERENCES", "IN-REPLY-TO")


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
            found = self._session.search_message_id(message_id)
            found = found or search_renamed(self._session, message_id, self._reconnects)
            most = max(most, len(found))
        return most


def search_renamed(
    session: ImapSession, message_id: str, reconnects: Reconnects
) -> list[int]:
    """UIDs of an e-mail in the open folder, under a Message-ID of the provider's. It
    leaves References unchanged, where Odoo writes the e-mail's own last."""
    referring = session.search_header("REFERENCES", message_id)
    return [
        uid
        for uid in referring[-MOST_RENAMED:]
        if _is_renamed(_threading(session, uid, reconnects), message_id)
    ]


def _threading(session: ImapSession, uid: int, reconnects: Reconnects) -> HeaderFields:
    """Some header fields of a message in the open folder; none if the server cannot
    return them, which must not keep the others from being compared."""
    folder = session.folder
    try:
        return session.fetch_fields([uid], _THREADING).get(uid, [])
    except EngineError as error:
        if error.kind not in BREAKS:
            raise
        reconnects.go_on(error)
        session.examine(folder)
        return []


def _is_renamed(fields: HeaderFields, message_id: str) -> bool:
    """Whether these are of the e-mail with that Message-ID, under a new one."""
    header = dict(fields)
    if parse_references(header.get("references"))[-1:] != [message_id]:
        return False
    # A reply to it names it in In-Reply-To.
    return first_message_id(header.get("in-reply-to")) != message_id


def was_sent(copies: int, own_copies: int, known_sent: int) -> bool:
    """Whether more transactions of an e-mail have succeeded than are known.

    :param copies: found in the mailbox
    :param own_copies: that we filed there
    :param known_sent: transactions of the same Message-ID known to have succeeded
    """
    return copies - own_copies > known_sent
