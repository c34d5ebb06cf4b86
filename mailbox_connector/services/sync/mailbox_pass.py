"""One pass over one mailbox: a real IMAP session, Odoo's store, and the engine.

The model ``mailbox.sync`` decides which mailbox is served when, under which lease, and
reports the result. It requests a pass with a :class:`PassRequest`::

    mailbox_pass = MailboxPass(account, PassRequest("backfill", *SCHEDULED), commit)
    mailbox_pass.run()
    mailbox_pass.counts.seen, mailbox_pass.unfinished

A pass of kind "new" only looks for new mail, in a few round trips. "backfill" does that
first, then everything else that is due, as time allows, in this order:

1. new addresses of contacts: their skipped messages are checked again
   (:class:`~.new_contacts.NewContacts`);
2. the engine's own pass (:class:`~...engine.sync.account.AccountPass`): new mail,
   renumbered folders, backfills, the daily comparison;
3. failed imports that are due again.

"retry" only retries given failed imports.

There are two time limits: ``seconds`` after the sign-in nothing more is begun, and the
next pass continues; after ``hard_seconds`` the connection is given up. A pass that has
not come to its first batch by then, because the server is far away, has half of that
time: otherwise each pass would end before it. Each step is committed together with the
state that records it, so a pass may be interrupted anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ...engine.errors import EngineError, Kind
from ...engine.imap.session import ImapSession
from ...engine.net.deadline import Deadline
from ...engine.sync.account import AccountPass
from ...engine.sync.state import Counts
from ...engine.sync.suspects import Reconnects
from ..accounts.endpoints import egress_policy, endpoint
from ..incoming.failed_import_retry import FailedImportRetry
from .new_contacts import NewContacts
from .store import OdooStore

#: Seconds after which a scheduled pass begins nothing more in one mailbox, and after
#: which it gives up (a cron worker is killed at 120).
SCHEDULED = (8, 90)
#: The same while a person waits.
WAITED_FOR = (12, 18)
#: Seconds for which a person waits for a mailbox that is busy: longer than a slice.
WAIT_FOR_TURN = 10


@dataclass(frozen=True)
class PassRequest:
    """What a pass is asked to do.

    :param kind: "new", "backfill" or "retry"
    :param seconds: when to begin nothing more
    :param hard_seconds: when to give up what has begun
    :param rest: seconds; no pass if the mailbox was served within that time
    :param wait: seconds to wait for a mailbox that is busy
    :param failed_imports: with "retry": ``mailbox.failed.import`` of the mailbox
    :param by_person: somebody pressed Sync now
    """

    kind: str
    seconds: float
    hard_seconds: float
    rest: int = 0
    wait: float = 0
    failed_imports: object = None
    by_person: bool = False


class SliceDeadline(Deadline):
    """The end of a slice, which does at least one batch.

    :param seconds: from now
    :param longest: seconds from now in which it waits for the first batch
    :param has_progress: whether something was done
    """

    def __init__(
        self, seconds: float, longest: float, has_progress: Callable[[], bool]
    ):
        super().__init__(seconds)
        self._longest = Deadline(max(seconds, longest))
        self._has_progress = has_progress

    def left(self) -> float:
        return super().left() if self._has_progress() else self._longest.left()


class MailboxPass:
    """Brings one mailbox up to date.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param commit: ends a transaction
    """

    def __init__(self, account, request: PassRequest, commit: Callable[[], object]):
        self.account = account
        self.request = request
        self.commit = commit
        self.deadline = Deadline(request.seconds)
        self.hard_deadline = Deadline(request.hard_seconds)
        self.new = Counts()
        self.backfill = Counts()
        #: How many failed imports were solved, and how many were retried.
        self.settled = 0
        self.tried = 0
        #: Whether it was interrupted and another pass should continue soon.
        self.unfinished = False
        #: Whether it was completed, by the one who asked for it.
        self.succeeded = False
        #: Whether anything was done that need not be done again.
        self.has_progress = False
        #: Whether a pass of kind "new" found work for one of kind "backfill".
        self.found_older_work = False
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def counts(self) -> Counts:
        """The counts of everything that it did."""
        counts = Counts(seen=self.tried, failed=self.tried - self.settled)
        counts.add(self.new)
        counts.add(self.backfill)
        return counts

    def run(self) -> None:
        """Do what was asked for.

        :raise EngineError: what was done until then is committed
        """
        if self.request.kind == "retry":
            self._retry()
        else:
            self._sync(self.request.kind == "backfill")

    def _sync(self, backfill: bool) -> None:
        store = OdooStore(self.account, self.commit)
        try:
            self._sync_with(store, backfill)
        finally:
            self.has_progress = store.has_progress

    def _sync_with(self, store: OdooStore, backfill: bool) -> None:
        with self._session() as session:
            self.deadline = SliceDeadline(
                self.request.seconds,
                self.request.hard_seconds / 2,
                lambda: store.has_progress,
            )
            reconnects = Reconnects(session)
            work = AccountPass(session, store, self.deadline, reconnects)
            self.new, self.backfill = work.new, work.backfill
            try:
                if backfill:
                    NewContacts(self.account, session, store, reconnects).search(
                        self.deadline
                    )
                work.run(backfill)
                self.found_older_work = not backfill and any(
                    state.rebind_below for state in work.folders
                )
                if backfill:
                    FailedImportRetry(
                        self.account, session, store, reconnects
                    ).retry_due(self.deadline)
            except EngineError as error:
                store.rollback()
                if error.kind is not Kind.DEADLINE or self._hung():
                    store.finish()
                    raise
                self.unfinished = True
            store.finish()

    def _hung(self) -> bool:
        """Whether the time is over and nothing was received: the server does not
        respond, and another pass right now would end the same way."""
        return not self.hard_deadline.left() and not (
            self.new.seen or self.backfill.seen
        )

    def _retry(self) -> None:
        """Retry failed imports while there is time: first those whose bytes are
        stored."""
        rows = self.request.failed_imports.with_env(self.account.env)
        here = rows.browse(rows.raw_files().mapped("res_id"))
        store = OdooStore(self.account, self.commit)
        self._retry_each(here, FailedImportRetry(self.account, None, store))
        if (rest := rows - here) and not self.unfinished:
            with self._session() as session:
                attempt = FailedImportRetry(
                    self.account, session, store, Reconnects(session)
                )
                self._retry_each(rest, attempt)

    def _retry_each(self, rows, attempt: FailedImportRetry) -> None:
        for row in rows:
            if not self.deadline.left():
                self.unfinished = True
                return
            self.tried += 1
            self.settled += attempt.retry(row)

    def _session(self) -> ImapSession:
        return ImapSession(
            endpoint(self.account, "imap"),
            egress_policy(self.account.env),
            self.hard_deadline,
        )
