"""One pass over one mailbox: the engine's, on a real session and Odoo's store."""

from __future__ import annotations

from collections.abc import Callable

from ...engine.errors import EngineError, Kind
from ...engine.imap.session import ImapSession
from ...engine.net.deadline import Deadline
from ...engine.sync.account import AccountPass
from ...engine.sync.state import Counts
from ...services.accounts.endpoints import egress_policy, endpoint
from ..incoming.failed_import_retry import Retry
from .new_contacts import NewContacts
from .store import OdooStore


class Sync:
    """Brings one mailbox up to date.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param seconds: when to begin nothing more; the next pass goes on
    :param hard_seconds: when to give up what has begun
    :param commit: ends a transaction
    """

    def __init__(
        self, account, seconds: float, hard_seconds: float, commit: Callable[[], object]
    ):
        self.account = account
        self.pause = Deadline(seconds)
        self.deadline = Deadline(hard_seconds)
        self.commit = commit
        self.new = Counts()
        self.backfill = Counts()
        self.tried = 0
        self.settled = 0
        self.unfinished = False

    def run(self, backfill: bool) -> None:
        """New mail; then history and repairs, while there is time and ``history``
        is set.

        :raise EngineError: what was done until then is committed
        """
        store = OdooStore(self.account, self.commit)
        with self._session() as session:
            single_fetch = bool(self.account.failures)
            work = AccountPass(session, store, self.pause, single_fetch)
            self.new, self.backfill = work.new, work.backfill
            try:
                if backfill:
                    NewContacts(self.account, session, store).look(self.pause)
                work.run(backfill)
                if backfill:
                    Retry(self.account, session, store).due(self.pause)
            except EngineError as error:
                store.rollback()
                if error.kind is not Kind.DEADLINE or self._hung():
                    store.finish()
                    raise
                self.unfinished = True
            store.finish()

    def _hung(self) -> bool:
        """Whether all the time went by and nothing was got: the server does not
        answer, and another pass right now would be the same."""
        return not self.deadline.left() and not (self.new.seen or self.backfill.seen)

    @property
    def got_on(self) -> bool:
        """Whether another pass right now may bring more."""
        return self.unfinished or bool(self.new.seen or self.backfill.seen)

    def retry(self, rows) -> None:
        """Try e-mails that were put aside again; ``settled`` counts what is done,
        of so many ``tried``.

        :param rows: ``mailbox.failed.import`` of the mailbox
        """
        store = OdooStore(self.account, self.commit)
        rows = rows.with_env(self.account.env)
        self.tried += len(rows)
        here = rows.filtered(lambda row: row.raw_bytes())
        tried = Retry(self.account, None, store)
        self.settled += sum(tried.run(row) for row in here)
        if rest := rows - here:
            with self._session() as session:
                tried = Retry(self.account, session, store)
                self.settled += sum(tried.run(row) for row in rest)

    def _session(self) -> ImapSession:
        return ImapSession(
            endpoint(self.account, "imap"),
            egress_policy(self.account.env),
            self.deadline,
        )
