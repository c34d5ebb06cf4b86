"""Looking for a mail in the Sent folder, by IMAP, and what that proves.

A provider that files what it sends puts one copy per transaction into Sent, and Odoo
makes a transaction per recipient with one Message-ID. So a copy proves that a
transaction succeeded only if there are more copies than transactions known to have
succeeded, not counting the copy that we filed. If the provider does not file, there
never is one, and its absence proves nothing.
"""

from __future__ import annotations

from ...engine.imap.session import ImapSession
from ...engine.mime.parse import parse_message
from ...engine.net.deadline import Deadline
from ...engine.net.egress import EgressPolicy
from ...engine.types import Endpoint

#: Mails that refer to one, looked at to see whether they are it under a new name.
MOST_RENAMED = 10


class SentLookup:
    """Counts copies of mails over one IMAP session, reading only.

    :param folders: raw names to look in: Sent, and the one with all mail if there is
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

    def __enter__(self) -> SentLookup:
        self._session.open()
        return self

    def __exit__(self, *_exc) -> None:
        self._session.close()

    def count_copies(self, message_id: str) -> int:
        """The most copies of a mail that one of the folders holds: what is in Sent is
        in "all mail" as well."""
        most = 0
        for folder in self._folders:
            self._session.examine(folder)
            most = max(most, len(_search_sent(self._session, message_id)))
        return most


def _search_sent(session: ImapSession, message_id: str) -> list[int]:
    """UIDs of a mail in the open folder. A provider that gives e-mails a new Message-ID
    leaves References unchanged, where Odoo writes the mail's own last."""
    if found := session.search_message_id(message_id):
        return found
    referring = session.search_header("REFERENCES", message_id)
    for uid, raw in session.fetch_messages(referring[-MOST_RENAMED:]):
        parsed = parse_message(raw)
        # A reply to it names it in In-Reply-To.
        if parsed.references[-1:] == [message_id] != [parsed.in_reply_to]:
            found.append(uid)
    return found


def was_sent(copies: int, own_copies: int, known_sent: int) -> bool:
    """Whether one more transaction of a mail has succeeded than is known.

    :param copies: found in the mailbox
    :param own_copies: that we filed there
    :param known_sent: transactions of the same Message-ID known to have succeeded
    """
    return copies - own_copies > known_sent
