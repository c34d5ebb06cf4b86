"""Earlier mail of an address that a contact just got.

Such mail was skipped as a stranger's and only its UID is stored, so the server is
searched for the address. The same pass then checks the results again.
"""

from __future__ import annotations

from ...engine.errors import EngineError, Kind
from ...engine.imap.ranges import UidRanges
from ...engine.sync.state import RECONSIDERED
from ...engine.sync.suspects import BREAKS

#: Addresses that are searched for together. With more than :data:`MANY` at once, as
#: after an import of contacts, the headers of all skipped mail are read again instead.
TOGETHER, MANY = 50, 500


class NewContacts:
    """Searches for the addresses of ``mailbox.contact.lookup``.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param session: an open :class:`ImapSession`
    :param store: the pass's :class:`~.store.OdooStore`
    :param reconnects: the pass's :class:`~...engine.sync.suspects.Reconnects`
    """

    def __init__(self, account, session, store, reconnects):
        self.rows = account.env["mailbox.contact.lookup"]
        self.account = account
        self.session = session
        self.store = store
        self.reconnects = reconnects

    def search(self, deadline) -> None:
        """Make the pass check the results again; an interruption loses nothing.

        :param deadline: after it no further search is begun
        """
        mine = [("account_id", "=", self.account.id)]
        while rows := self.rows.search(mine, limit=MANY + 1):
            is_many = len(rows) > MANY
            rows = self.rows.search(mine) if is_many else rows[:TOGETHER]
            emails = None if is_many else rows.mapped("email")
            found = {}
            for folder in self._folders():
                deadline.check(self.session.endpoint.side)
                found[folder] = self._skipped(folder, emails)
            self.store.transaction(lambda rows=rows, found=found: _settle(rows, found))
            self.store.has_progress = True

    def _folders(self):
        return self.account.folder_ids.filtered(
            lambda folder: folder.sync and not folder.gone and folder.uidvalidity
        )

    def _skipped(self, folder, emails: list[str] | None) -> UidRanges:
        """UIDs of a folder that were skipped as strangers' and have one of these
        addresses; None: all of them."""
        skipped = folder.skipped(RECONSIDERED)
        if emails is None or not skipped:
            return skipped
        try:
            return self._search(folder, emails) & skipped
        except EngineError as error:
            if error.kind is Kind.FOLDER_GONE:
                # The pass will notice that, too.
                return UidRanges()
            if error.kind not in BREAKS or error.kind is Kind.DEADLINE:
                raise
            # The search must not fail in every pass: the headers are read instead.
            self.reconnects.go_on(error)
            return skipped

    def _search(self, folder, emails: list[str]) -> UidRanges:
        opened = self.session.examine(folder.raw_name)
        if opened.uidvalidity != folder.uidvalidity:
            # Renumbered: the pass reads all of it again.
            return UidRanges()
        return UidRanges.from_uids(self.session.search_addresses(emails))


def _settle(rows, found) -> None:
    for folder, uids in found.items():
        if uids:
            folder.reconsider(uids)
    rows.unlink()
