import logging
import random
import time
from datetime import datetime, timedelta

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from ..engine.errors import STOPPING, EngineError, Kind
from ..exceptions import explain
from ..services.sync import Sync

_logger = logging.getLogger(__name__)

#: Seconds after which a scheduled pass begins nothing more with one mailbox, and
#: after which it gives up what it has begun (a cron worker is killed at 120).
SLICE, SLICE_HARD = 8, 90
#: The same for Sync now: a person is waiting.
NOW, NOW_HARD = 12, 18
#: Seconds between two renewals of a lease.
RENEW = 20
#: A mailbox served this recently is not due again.
REST = timedelta(seconds=60)
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
        served = self.env["mailbox.account"]
        while self._go_on(waiting := self._due("served_at") - served, bool(served)):
            self._sync(waiting[0], "new", SLICE, SLICE_HARD)
            served |= waiting[0]

    @api.model
    def _cron_history(self):
        """Import history, a slice of each mailbox in turn, until none is left."""
        served = False
        while self._go_on(waiting := self._due("history_served_at"), served):
            self._sync(waiting[0], "history", SLICE, SLICE_HARD)
            served = True

    def _go_on(self, waiting, served):
        """Commit, tell the scheduler what is left, and whether to take another."""
        left = self.env["ir.cron"]._commit_progress(int(served), remaining=len(waiting))
        return bool(waiting and left)

    def _due(self, served):
        """Mailboxes that may be served, the one that waited longest first.

        :param served: the lease's column: "served_at" or "history_served_at"
        """
        now = fields.Datetime.now()
        domain = [
            ("state", "=", "connected"),
            ("needs_person", "=", False),
            "|",
            ("retry_at", "=", False),
            ("retry_at", "<=", now),
        ]
        if served == "history_served_at":
            domain.append(("backfill_ids.state", "=", "running"))
        leases = self.env["mailbox.lease"].search(
            [
                ("account_id", "in", self.env["mailbox.account"].search(domain).ids),
                "|",
                ("holder", "=", False),
                ("expires_at", "<", now),
            ]
        )
        if served == "served_at":
            leases = leases.filtered(
                lambda lease: (
                    lease.pending or not lease.served_at or lease.served_at < now - REST
                )
            )
        return leases.sorted(lambda lease: lease[served] or datetime.min).account_id

    # ------------------------------------------------------------------
    # One mailbox
    # ------------------------------------------------------------------

    @api.model
    def _sync(self, account, kind, seconds, hard_seconds):
        """Serve one mailbox under its lease; whatever happens to it stays with it.

        :param kind: "new": new mail; "history": new mail, then history
        :return: the :class:`Sync` that ran, or None: busy, or it failed (the reason
            then stands on the mailbox)
        """
        account = account.with_user(SUPERUSER_ID)
        cron = account.env["ir.cron"]
        lease = account.env["mailbox.lease"]
        account_id = account.id
        # End the transaction: the work begins with a fresh view of the database.
        cron._commit_progress()
        with lease._hold(account, kind) as held:
            if not held:
                return None

            renewed = time.monotonic()

            def checkpoint(_count):
                nonlocal renewed
                cron._commit_progress()
                if time.monotonic() - renewed > RENEW:
                    lease._renew(account)
                    renewed = time.monotonic()

            sync = Sync(account, seconds, hard_seconds, checkpoint)
            try:
                sync.run(history=kind == "history")
                held.pending = sync.unfinished
                self._succeeded(account, sync)
            except EngineError as error:
                account.env.cr.rollback()
                self._failed(account, explain(account.env, error), error)
                sync = None
            except UserError as error:
                account.env.cr.rollback()
                self._failed(account, str(error), None)
                sync = None
            except OperationalError:
                # The database's trouble, not the mailbox's: the next pass goes on.
                account.env.cr.rollback()
                _logger.info("Mailbox %s gave way", account_id, exc_info=True)
                held.pending = True
                sync = None
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
                sync = None
            cron._commit_progress()
        return sync

    def _succeeded(self, account, sync):
        values = {"imap_ok_at": fields.Datetime.now()}
        if account.imap_problem:
            values["imap_problem"] = False
        if account.failures:
            values.update(failures=0, retry_at=False)
        result = self._result_text(account, sync)
        if sync.new.seen or sync.history.seen:
            values["last_result"] = result
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
