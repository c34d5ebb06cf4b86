import logging
import random
import time
from datetime import timedelta

from psycopg2 import InterfaceError, OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...engine.errors import STOPPING, EngineError, Kind
from ...engine.sync.account import RECONCILE
from ...engine.sync.state import Counts
from ...error_messages import explain
from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.sync.mailbox_pass import Sync
from .lease import LeaseLostError

#: Seconds after which a scheduled pass begins nothing more with one mailbox, and
#: after which it gives up what it has begun (a cron worker is killed at 120).
SLICE, SLICE_HARD = 8, 90
#: The same for Sync now: a person is waiting.
NOW, NOW_HARD = 12, 18
#: Seconds between two renewals of a lease.
RENEW = 20
#: Seconds; a mailbox served this recently is not due again.
REST = 60
_logger = logging.getLogger(__name__)
#: How often a failure is tried to be noted.
KEEP_TRIES = 3
#: Back-off after the first failure; doubled by each further one, up to the longest.
BACKOFF, BACKOFF_LONGEST = timedelta(minutes=1), timedelta(minutes=30)


class MailboxSync(models.AbstractModel):
    """Who is synced when: the scheduled actions and Sync now. The work itself is
    :class:`services.sync.mailbox_pass.MailboxPass`. Also what becomes of a pass: what
    is said about it, failures and back-off."""

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
    def _cron_backfill(self):
        """Import history and repair, a slice of each mailbox in turn, until nothing
        is left that gets on."""
        done = set()
        while True:
            due = self._due("backfill_served_at").ids
            waiting = [number for number in due if number not in done]
            if not waiting:
                break
            while waiting:
                if not self._go_on(len(waiting)):
                    return
                account = self.env["mailbox.account"].browse(waiting.pop(0))
                sync = self._sync(account, "backfill", SLICE, SLICE_HARD)
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

        :param served: the lease's column: "served_at" or "backfill_served_at"
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
            OR EXISTS (SELECT FROM mailbox_contact_lookup lookup
                        WHERE lookup.account_id = account.id)
            OR EXISTS (SELECT FROM mailbox_failed_import failed
                        WHERE failed.account_id = account.id
                          AND (failed.retry_at <= %(now)s
                               OR failed.version IS DISTINCT FROM %(version)s)))""",
            now=now,
            yesterday=yesterday,
            version=self.env["mailbox.failed.import"]._version(),
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

    def _run(self, account, sync, kind, rows, by_person):
        """Let ``sync`` work; note what it did, and what goes wrong on the mailbox.

        :return: whether it got through; if not and it is no fault of the mailbox,
            ``sync.unfinished`` is set
        """
        account_id, began = account.id, time.monotonic()
        try:
            with mute_conflicts():
                if kind == "retry":
                    sync.retry(rows)
                else:
                    sync.run(backfill=kind == "backfill")
                    self._succeeded(account, sync)
                self._keep_run(account, sync, kind, by_person, began)
            return True
        except (OperationalError, InterfaceError, LeaseLostError):
            # The database's trouble, not the mailbox's: the next pass goes on.
            account.env.cr.rollback()
            _logger.info("Mailbox %s gave way", account_id, exc_info=True)
            sync.unfinished = True
            return False
        except (EngineError, UserError) as error:
            cause = error
        except OSError as error:
            _logger.exception("Mailbox %s: a file could not be stored", account_id)
            cause = error
        except Exception as error:
            _logger.exception("Mailbox %s could not be synced", account_id)
            cause = error
        account.env.cr.rollback()

        def keep():
            text = self._in_words(account, cause)
            self._failed(account, text, cause)
            self._keep_run(account, sync, kind, by_person, began, text)

        self._keep_failure(account, keep)
        return False

    def _in_words(self, account, error):
        """What went wrong, in the language of who looks after the mailbox."""
        words = account.with_context(lang=account.owner_id.lang).env
        if isinstance(error, EngineError):
            return explain(words, error, account.provider_id)
        if isinstance(error, UserError):
            return str(error)
        if isinstance(error, OSError):
            return words._(
                "Odoo's own server could not store an e-mail: %s. The administrator "
                "has to make room.",
                error.strerror or error,
            )
        return words._("An unexpected error; the administrator finds it in the log.")

    def _keep_failure(self, account, keep):
        """Note a failure, whoever else is changing the mailbox at this moment."""
        for attempt in range(KEEP_TRIES):
            try:
                with mute_conflicts():
                    keep()
                    account.env["ir.cron"]._commit_progress()
                return
            except CONFLICT_ERRORS:
                account.env.cr.rollback()
                if attempt + 1 == KEEP_TRIES:
                    _logger.info("Mailbox %s: not noted", account.id, exc_info=True)

    def _keep_run(self, account, sync, kind, by_person, began, problem=False):
        """A pass that brought something, failed, or was asked for leaves a row."""
        counts = Counts()
        counts.add(sync.new)
        counts.add(sync.backfill)
        if kind == "retry":
            counts.add(Counts(seen=sync.tried, failed=sync.tried - sync.settled))
        elif by_person:
            kind = "now"
        else:
            kind = "backfill" if sync.backfill.seen else "new"
        if counts.seen or problem:
            account.env["mailbox.run"].record(
                account, kind, time.monotonic() - began, counts, problem
            )

    def _succeeded(self, account, sync):
        values = {}
        if account.imap_problem:
            values["imap_problem"] = False
        if account.failures or account.needs_person:
            # By hand a mailbox is read that has stopped: it goes on.
            values.update(failures=0, retry_at=False, needs_person=False)
        if sync.new.seen or sync.backfill.seen:
            values["last_result"] = self._result_text(account, sync)
        if values:
            account.write(values)

    def _result_text(self, account, sync):
        """What a pass brought, in words."""
        new, backfill = sync.new, sync.backfill
        parts = []
        if new.seen:
            parts.append(
                self.env._(
                    "%(seen)s new e-mails, %(linked)s shown on contacts.",
                    seen=new.seen,
                    linked=new.linked,
                )
            )
        if backfill.seen:
            whole = account.backfill_id
            parts.append(
                self.env._(
                    "History: %(seen)s of %(total)s e-mails looked at, %(linked)s "
                    "shown on contacts.",
                    seen=whole.seen,
                    total=whole.total,
                    linked=whole.linked,
                )
            )
        failed = new.failed + backfill.failed
        if failed:
            parts.append(self.env._("%s could not be read.", failed))
        return " ".join(parts) or self.env._("Nothing new.")

    def _failed(self, account, text, error):
        """Note the problem and when to try again, by kind of failure."""
        refused = error if isinstance(error, EngineError) else None
        failures = account.failures + 1
        needs_person = refused is not None and refused.kind in STOPPING
        pause = min(BACKOFF * 2 ** min(failures - 1, 10), BACKOFF_LONGEST)
        if needs_person and refused.kind is Kind.LOGIN_WRONG and failures == 1:
            # Servers refuse a right password at times: one more try, later.
            needs_person, pause = False, timedelta(minutes=10)
        elif refused and not refused.retryable:
            pause = BACKOFF_LONGEST
        pause *= random.uniform(0.8, 1.2)
        if refused and refused.retry_after:
            pause = max(pause, timedelta(seconds=refused.retry_after))
        account.write(
            {
                "imap_problem": text,
                "failures": failures,
                "needs_person": needs_person,
                "retry_at": fields.Datetime.now() + pause,
            }
        )
        account.report_problem(
            "imap",
            text,
            needs_person=not refused.retryable
            if refused
            else isinstance(error, UserError),
            error=error,
        )
