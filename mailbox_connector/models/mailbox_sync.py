import logging
import random
import time
from datetime import timedelta

from psycopg2 import InterfaceError, OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..engine.errors import STOPPING, EngineError, Kind
from ..engine.sync.account import RECONCILE
from ..exceptions import explain
from ..services.races import quiet_races
from ..services.sync import Sync
from .mailbox_lease import LeaseLostError

_logger = logging.getLogger(__name__)

#: Seconds after which a scheduled pass begins nothing more with one mailbox, and
#: after which it gives up what it has begun (a cron worker is killed at 120).
SLICE, SLICE_HARD = 8, 90
#: The same for Sync now: a person is waiting.
NOW, NOW_HARD = 12, 18
#: Seconds between two renewals of a lease.
RENEW = 20
#: Seconds; a mailbox served this recently is not due again.
REST = 60
#: Back-off after the first failure; doubled by each further one, up to the longest.
BACKOFF, BACKOFF_LONGEST = timedelta(minutes=1), timedelta(minutes=30)


class MailboxSync(models.AbstractModel):
    """Who is synced when, and what is said about it: the scheduled actions, Sync now,
    failures and back-off. The work itself is :class:`services.sync.Sync`."""

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
                                   OR folder.reconciled_at < %(yesterday)s) END)
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
    def _sync(self, account, kind, seconds, hard_seconds, rest=0, rows=None):
        """Serve one mailbox under its lease; whatever happens to it stays with it.

        :param kind: "new": new mail; "history": new mail, then history and repairs;
            "retry": ``rows`` that were put aside
        :param rest: seconds; not again so soon
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
            if self._run(account, sync, kind, rows):
                held.ok, held.pending = kind != "retry", sync.unfinished
            else:
                held.pending = sync.unfinished
                sync = None
            cron._commit_progress()
        return sync

    def _run(self, account, sync, kind, rows):
        """Let ``sync`` work; note what goes wrong on the mailbox.

        :return: whether it got through; if not and it is no fault of the mailbox,
            ``sync.unfinished`` is set
        """
        account_id = account.id
        try:
            with quiet_races():
                if kind == "retry":
                    sync.retry(rows)
                else:
                    sync.run(history=kind == "history")
                    self._succeeded(account, sync)
            return True
        except EngineError as error:
            account.env.cr.rollback()
            self._failed(account, explain(account.env, error), error)
        except UserError as error:
            account.env.cr.rollback()
            self._failed(account, str(error), None)
        except (OperationalError, InterfaceError, LeaseLostError):
            # The database's trouble, not the mailbox's: the next pass goes on.
            account.env.cr.rollback()
            _logger.info("Mailbox %s gave way", account_id, exc_info=True)
            sync.unfinished = True
        except OSError as error:
            account.env.cr.rollback()
            _logger.exception("Mailbox %s: a file could not be stored", account_id)
            self._failed(
                account,
                self.env._(
                    "Odoo's own server could not store an e-mail: %s. The "
                    "administrator has to make room.",
                    error.strerror or error,
                ),
                None,
            )
        except Exception:
            account.env.cr.rollback()
            _logger.exception("Mailbox %s could not be synced", account_id)
            self._failed(
                account,
                self.env._(
                    "An unexpected error; the administrator finds it in the log."
                ),
                None,
            )
        return False

    def _succeeded(self, account, sync):
        values = {}
        if account.imap_problem:
            values["imap_problem"] = False
        if account.failures:
            values.update(failures=0, retry_at=False)
        if sync.new.seen or sync.history.seen:
            values["last_result"] = self._result_text(account, sync)
        if values:
            account.write(values)

    def _result_text(self, account, sync):
        """What a pass brought, in words."""
        new, history = sync.new, sync.history
        parts = []
        if new.seen:
            parts.append(
                self.env._(
                    "%(seen)s new e-mails, %(linked)s shown on contacts.",
                    seen=new.seen,
                    linked=new.linked,
                )
            )
        backfill = account.backfill_id
        if history.seen:
            parts.append(
                self.env._(
                    "History: %(seen)s of %(total)s e-mails looked at, %(linked)s "
                    "shown on contacts.",
                    seen=backfill.seen,
                    total=backfill.total,
                    linked=backfill.linked,
                )
            )
        put_aside = new.quarantined + history.quarantined
        if put_aside:
            parts.append(self.env._("%s could not be read.", put_aside))
        return " ".join(parts) or self.env._("Nothing new.")

    def _failed(self, account, text, error):
        """Note the problem and when to try again, by kind of failure."""
        failures = account.failures + 1
        needs_person = error is not None and error.kind in STOPPING
        pause = min(BACKOFF * 2 ** min(failures - 1, 10), BACKOFF_LONGEST)
        if needs_person and error.kind is Kind.LOGIN_WRONG and failures == 1:
            # Servers refuse a right password at times: one more try, later.
            needs_person, pause = False, timedelta(minutes=10)
        elif error is not None and not error.retryable:
            pause = BACKOFF_LONGEST
        pause *= random.uniform(0.8, 1.2)
        if error is not None and error.retry_after:
            pause = max(pause, timedelta(seconds=error.retry_after))
        account.write(
            {
                "imap_problem": text,
                "failures": failures,
                "needs_person": needs_person,
                "retry_at": fields.Datetime.now() + pause,
            }
        )
