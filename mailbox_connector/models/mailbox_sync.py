import time
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL

from ..engine.sync.account import RECONCILE
from ..services.sync import Sync

#: Seconds after which a scheduled pass begins nothing more with one mailbox, and
#: after which it gives up what it has begun (a cron worker is killed at 120).
SLICE, SLICE_HARD = 8, 90
#: The same for Sync now: a person is waiting.
NOW, NOW_HARD = 12, 18
#: Seconds between two renewals of a lease.
RENEW = 20
#: Seconds; a mailbox served this recently is not due again.
REST = 60


class MailboxSync(models.AbstractModel):
    """Who is synced when: the scheduled actions and Sync now. The work itself is
    :class:`services.sync.Sync`; what is said about it stands in
    ``mailbox_sync_outcome``."""

    _name = "mailbox.sync"
    _description = "Mailbox sync"

    # ------------------------------------------------------------------
    # Scheduled actions
    # ------------------------------------------------------------------

    @api.model
    def _cron_new_mail(self):
        """Look for new mail in every mailbox that is due, each once."""
        waiting = self._due("served_at").ids
        while self._go_on(len(waiting)) and waiting:
            account = self.env["mailbox.account"].browse(waiting.pop(0))
            self._sync(account, "new", SLICE, SLICE_HARD, rest=REST)

    @api.model
    def _cron_history(self):
        """Import history and repair, a slice of each mailbox in turn, until nothing
        is left that gets on."""
        done = set()
        while True:
            due = self._due("history_served_at").ids
            waiting = [number for number in due if number not in done]
            if not waiting:
                break
            while waiting:
                if not self._go_on(len(waiting)):
                    return
                account = self.env["mailbox.account"].browse(waiting.pop(0))
                sync = self._sync(account, "history", SLICE, SLICE_HARD)
                if not (sync and sync.got_on):
                    done.add(account.id)
        self._go_on(0)

    def _go_on(self, remaining):
        """Commit, tell the scheduler how many mailboxes are left.

        :return: whether there is time for another
        """
        return bool(self.env["ir.cron"]._commit_progress(1, remaining=remaining))

    def _due(self, served):
        """Mailboxes that may be served, the one that waited longest first.

        :param served: the lease's column: "served_at" or "history_served_at"
        """
        self.env.flush_all()
        query = SQL(
            """
            SELECT account.id
              FROM mailbox_account account
              JOIN mailbox_lease lease ON lease.account_id = account.id
             WHERE account.active AND account.state = 'connected'
               AND account.needs_person IS NOT TRUE
               AND (account.retry_at IS NULL OR account.retry_at <= %(now)s)
               AND (lease.holder IS NULL OR lease.expires_at < %(now)s)
               AND %(work)s
             ORDER BY lease.%(served)s NULLS FIRST, account.id
            """,
            now=fields.Datetime.now(),
            work=self._has_work(served),
            served=SQL.identifier(served),
        )
        found = [row[0] for row in self.env.execute_query(query)]
        return self.env["mailbox.account"].browse(found)

    def _has_work(self, served):
        """Whether there is anything to do, as a condition on account and lease."""
        now = fields.Datetime.now()
        if served == "served_at":
            return SQL(
                "(lease.pending OR lease.served_at IS NULL OR lease.served_at <= %s)",
                now - timedelta(seconds=REST),
            )
        yesterday = now - RECONCILE
        return SQL(
            """(
            EXISTS (SELECT FROM mailbox_backfill backfill
                     WHERE backfill.account_id = account.id
                       AND backfill.state = 'running')
            OR EXISTS (SELECT FROM mailbox_folder folder
                        WHERE folder.account_id = account.id
                          AND folder.uidvalidity > 0
                          AND CASE WHEN folder.gone
                              THEN folder.gone_at < %(yesterday)s
                              ELSE folder.sync AND (folder.rebind_below > 0
                                   OR folder.reconciled_at IS NULL
                                   OR folder.reconciled_at < %(yesterday)s) END)
            OR EXISTS (SELECT FROM mailbox_newcomer newcomer
                        WHERE newcomer.account_id = account.id)
            OR EXISTS (SELECT FROM mailbox_quarantine aside
                        WHERE aside.account_id = account.id
                          AND (aside.retry_at <= %(now)s
                               OR aside.version IS DISTINCT FROM %(version)s)))""",
            now=now,
            yesterday=yesterday,
            version=self.env["mailbox.quarantine"]._version(),
        )

    # ------------------------------------------------------------------
    # One mailbox
    # ------------------------------------------------------------------

    @api.model
    def _sync(
        self,
        account,
        kind,
        seconds,
        hard_seconds,
        rest=0,
        rows=None,
        by_person=False,
    ):
        """Serve one mailbox under its lease; whatever happens to it stays with it.

        :param kind: "new": new mail; "history": new mail, then history and repairs;
            "retry": ``rows`` that were put aside
        :param rest: seconds; not again so soon
        :param by_person: somebody waits for it
        :return: the :class:`Sync` that ran, or None: busy, or it failed (the reason
            then stands on the mailbox)
        """
        # Only the loop above reports progress: here the scheduler just commits.
        account = account.with_user(SUPERUSER_ID).with_context(
            ir_cron_progress_id=False
        )
        cron = account.env["ir.cron"]
        lease = account.env["mailbox.lease"]
        # End the transaction: the work begins with a fresh view of the database.
        cron._commit_progress()
        with lease._hold(account, kind, rest) as held:
            if not held:
                return None
            renewed = time.monotonic()

            def commit():
                nonlocal renewed
                if time.monotonic() - renewed > RENEW:
                    lease._renew(account, held)
                    renewed = time.monotonic()
                cron._commit_progress()

            sync = Sync(account, seconds, hard_seconds, commit)
            if self._run(account, sync, kind, rows, by_person):
                held.ok, held.pending = kind != "retry", sync.unfinished
            else:
                held.pending = sync.unfinished
                sync = None
            cron._commit_progress()
        return sync
