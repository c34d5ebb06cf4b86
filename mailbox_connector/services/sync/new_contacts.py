"""Mail that was skipped as a stranger's, and whose stranger is a contact now.

Of it nothing is kept but its UID, so the server is searched for the address. What is
found is looked at again by the same pass, as if it had been passed over.
"""

from __future__ import annotations

from ...engine.errors import EngineError, Kind
from ...engine.imap.ranges import UidRanges

#: Addresses that are searched for together. With more than :data:`MANY` at once, as
#: after an import of contacts, the headers of all that was skipped are read again.
TOGETHER, MANY = 50, 500


class NewContacts:
    """Looks for the addresses of ``mailbox.contact.lookup``.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param session: an open :class:`ImapSession`
    :param store: the pass's :class:`~.store.OdooStore`
    """

    def __init__(self, account, session, store):
        self.rows = account.env["mailbox.contact.lookup"]
        self.account = account
        self.session = session
        self.store = store

    def look(self, pause) -> None:
        """Have what is found looked at again; a cut loses nothing.

        :param pause: when to begin no further search
        """
        mine = [("account_id", "=", self.account.id)]
        while rows := self.rows.search(mine, limit=MANY + 1):
            is_many = len(rows) > MANY
            rows = self.rows.search(mine) if is_many else rows[:TOGETHER]
            emails = None if is_many else rows.mapped("email")
            found = {}
            for folder in self._folders():
                pause.check(self.session.endpoint.side)
                found[folder] = self._skipped(folder, emails)
            self.store.transaction(lambda rows=rows, found=found: _keep(rows, found))

    def _folders(self):
        return self.account.folder_ids.filtered(
            lambda folder: folder.sync and not folder.gone and folder.uidvalidity
        )

    def _skipped(self, folder, emails: list[str] | None) -> UidRanges:
        """UIDs of a folder that were skipped and are these addresses'; None: all."""
        skipped = UidRanges.parse(folder.skipped_uids or "")
        if emails is None or not skipped:
            return skipped
        try:
            opened = self.session.examine(folder.raw_name)
        except EngineError as error:
            if error.kind is not Kind.FOLDER_GONE:
                raise
            # The pass will find that out, too.
            return UidRanges()
        if opened.uidvalidity != folder.uidvalidity:
            # Renumbered: the pass reads it anew.
            return UidRanges()
        return UidRanges.from_uids(self.session.search_addresses(emails)) & skipped


def _keep(rows, found) -> None:
    for folder, uids in found.items():
        if uids:
            folder._look_again(uids)
    rows.unlink()
