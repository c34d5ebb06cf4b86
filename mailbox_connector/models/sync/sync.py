import logging
import random
from datetime import timedelta

from psycopg2 import InterfaceError, OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...engine import backoff
from ...engine.errors import STOPPING, EngineError, Kind
from ...engine.sync.account import RECONCILE
from ...error_messages import explain_any
from ...services.framework.concurrency import (
    CONFLICT_ERRORS,
    mute_conflicts,
    retry_on_conflict,
)
from ...services.framework.scheduled_work import work_off
from ...services.sync.mailbox_pass import SCHEDULED, MailboxPass, PassRequest
from ...services.sync.turns import Turns
from .lease import CRONS, IS_FREE, LeaseLostError

_logger = logging.getLogger(__name__)
#: A mailbox that was served within this many seconds is not due again.
REST = 60
#: Back-off after the first failure; doubled by each further one, up to the longest.
BACKOFF, BACKOFF_LONGEST = timedelta(minutes=1), timedelta(minutes=30)
#: When a run that made no progress is repeated.
LATER = timedelta(minutes=1)
#: Seconds that are worth another slice in the same run; otherwise others come first.
ENOUGH = SCHEDULED[0] / 2
#: When a refused password is tried once more: servers are sometimes wrong.
LOGIN_AGAIN = timedelta(minutes=10)


class MailboxSync(models.AbstractModel):
    """When each mailbox is served, and how that ends: the scheduled actions, the lease,
    failures and back-off, and the text for people.

    The work itself is :class:`services.sync.mailbox_pass.MailboxPass`.
    """

    _name = "mailbox.sync"
    _description = "Mailbox sync"

    # ------------------------------------------------------------------
    # Scheduled actions
    # ------------------------------------------------------------------

    @api.model
    def _cron_new_mail(self):
        """Look for new mail in every mailbox that is due."""
        self._serve_in_turn("new", "served_at", rest=REST)

    @api.model
    def _cron_backfill(self):
        """Import older mail and repair, a slice of each mailbox in turn, until no
        mailbox makes progress."""
        self._serve_in_turn("backfill", "backfill_served_at")

    def _serve_in_turn(self, kind, served, rest=0):
        """Serve all mailboxes that are due, each in turn, until the time is over.

        If more is left then, this action continues at once; one that finds a mailbox
        busy is woken when it is free; and one that makes no progress waits for
        :data:`LATER`.
        """
        request = PassRequest(kind, *SCHEDULED, rest=rest)
        turns = Turns(lambda: self._find_due(kind, served).ids)
        Account = self.env["mailbox.account"]

        def work(accounts):
            account = accounts[:1]
            mailbox_pass, held = self._serve(account, request)
            turns.record(account.id, mailbox_pass)
            if held:
                held.give_way()
            return account

        is_done = work_off(
            self.env, lambda _done: Account.browse(turns.find()), work, ENOUGH
        )
        cron = self.env["ir.cron"]
        is_stuck = not is_done and turns.is_stuck()
        if is_stuck or turns.left:
            cron._mailbox_trigger_at(CRONS[kind], fields.Datetime.now() + LATER)
        if is_stuck:
            cron._commit_progress(remaining=0)

    def _find_due(self, kind, served):
        """See :meth:`_due`; those that are busy wake this action later."""
        due = self._due(served)
        if busy := self._due(served, SQL("NOT %s", IS_FREE)):
            self.env["mailbox.lease"].want(busy.ids, kind)
            # Some may have been released before that: look again, on a fresh snapshot.
            self.env["ir.cron"].with_context(
                ir_cron_progress_id=False
            )._commit_progress()
            due = self._due(served)
        return due

    def _due(self, served, condition=IS_FREE):
        """Mailboxes that may be served, the one that has waited longest first.

        :param served: the lease's column: "served_at" or "backfill_served_at"
        :param condition: on the lease
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
               AND %(condition)s
               AND %(work)s
             ORDER BY lease.%(served)s NULLS FIRST, account.id
            """,
            now=fields.Datetime.now(),
            condition=condition,
            work=self._has_work(served),
            served=SQL.identifier(served),
        )
        found = [row[0] for row in self.env.execute_query(query)]
        return self.env["mailbox.account"].browse(found)

    def _has_work(self, served):
        """Whether there is anything to do, as a condition on account and lease."""
        now = fields.Datetime.now()
        if served == "served_at":
            # A run that takes longer than the rest ends with the round that it began.
            return SQL(
                """(lease.pending OR lease.served_at IS NULL
                    OR lease.served_at <= LEAST(%s, (
                        SELECT nextcall FROM ir_cron
                         WHERE id = %s AND nextcall <= %s)))""",
                now - timedelta(seconds=REST),
                self.env.context.get("cron_id"),
                now,
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
            version=self.env["mailbox.failed.import"].addon_version(),
        )

    # ------------------------------------------------------------------
    # One mailbox
    # ------------------------------------------------------------------

    @api.private
    @api.model
    def serve(self, account, request):
        """Serve one mailbox under its lease; a failure never affects other mailboxes.

        :param request: :class:`services.sync.mailbox_pass.PassRequest`
        :return: the :class:`MailboxPass` that ran; None: the mailbox is busy, or it
            failed (``imap_problem`` then has the reason)
        """
        mailbox_pass, _held = self._serve(account, request)
        return mailbox_pass if mailbox_pass and mailbox_pass.succeeded else None

    def _serve(self, account, request):
        """See :meth:`serve`.

        :return: (the pass, the lease that was held), both None if the mailbox is busy
        """
        # Only the scheduled actions report progress; this only commits.
        account = account.with_user(SUPERUSER_ID).with_context(
            ir_cron_progress_id=False
        )
        cron = account.env["ir.cron"]
        # End the transaction: the work begins with a fresh snapshot of the database.
        cron._commit_progress()
        lease = account.env["mailbox.lease"]
        with lease.hold(account, request.kind, request.rest, request.wait) as held:
            if not held:
                return None, None

            def commit():
                held.renew()
                cron._commit_progress()

            mailbox_pass = MailboxPass(account, request, commit)
            mailbox_pass.succeeded = self._run(mailbox_pass)
            held.ok = mailbox_pass.succeeded and request.kind != "retry"
            # Also after a failure: then the mailbox does not rest, but backs off.
            held.pending = mailbox_pass.unfinished or not mailbox_pass.succeeded
        self._trigger_rest(mailbox_pass)
        return mailbox_pass, held

    def _trigger_rest(self, mailbox_pass):
        """Wake the scheduled actions that do the rest of a pass, unless the one that
        ran it continues."""
        account, names = mailbox_pass.account, []
        if mailbox_pass.request.by_person and mailbox_pass.unfinished:
            names = ["ir_cron_new_mail", "ir_cron_backfill"]
        elif mailbox_pass.found_older_work:
            names = ["ir_cron_backfill"]
        if names:
            account._trigger_crons(*names)
            account.env["ir.cron"]._commit_progress()

    def _run(self, mailbox_pass):
        """Run a pass; store what it did, and its problem on the mailbox.

        :return: whether it was completed; if it was not, and the mailbox is not the
            reason, ``unfinished`` is set
        """
        account = mailbox_pass.account
        try:
            with mute_conflicts():
                mailbox_pass.run()
                if mailbox_pass.request.kind != "retry":
                    self._record_success(mailbox_pass)
                self._record_run(mailbox_pass)
                # Here, where a conflict with somebody who edits the mailbox is handled.
                account.env["ir.cron"]._commit_progress()
            return True
        except (OperationalError, InterfaceError, LeaseLostError):
            # A problem of the database, not of the mailbox: the next pass continues.
            account.env.cr.rollback()
            _logger.info("Mailbox %s gave way", account.id, exc_info=True)
            mailbox_pass.unfinished = True
            return False
        except (EngineError, UserError) as error:
            cause = error
        except OSError as error:
            _logger.exception("Mailbox %s: a file could not be stored", account.id)
            cause = error
        except Exception as error:
            _logger.exception("Mailbox %s could not be synced", account.id)
            cause = error
        account.env.cr.rollback()
        self._save_failure(mailbox_pass, cause)
        return False

    def _save_failure(self, mailbox_pass, error):
        """Store a failure, even if others are changing the mailbox right now."""
        account = mailbox_pass.account

        def save():
            text = self._record_failure(account, error)
            self._record_run(mailbox_pass, text)
            account.env["ir.cron"]._commit_progress()

        try:
            retry_on_conflict(save, account.env.cr.rollback)
        except CONFLICT_ERRORS:
            _logger.info("Mailbox %s: failure not stored", account.id, exc_info=True)

    def _record_run(self, mailbox_pass, problem=False):
        """Create a row for a pass that found something, failed, or was requested."""
        counts, kind = mailbox_pass.counts, mailbox_pass.request.kind
        if kind != "retry":
            if mailbox_pass.request.by_person:
                kind = "now"
            else:
                kind = "backfill" if mailbox_pass.backfill.seen else "new"
        if counts.seen or problem:
            account = mailbox_pass.account
            account.env["mailbox.run"].record(
                account, kind, mailbox_pass.elapsed, counts, problem
            )

    def _record_success(self, mailbox_pass):
        account = mailbox_pass.account
        values = {}
        if account.imap_problem:
            values["imap_problem"] = False
        if account.failures or account.needs_person:
            # A person synced a mailbox that had stopped: the scheduled actions resume.
            values.update(failures=0, retry_at=False, needs_person=False)
            account._trigger_crons("ir_cron_backfill")
        if mailbox_pass.new.seen or mailbox_pass.backfill.seen:
            values["last_result"] = self.result_text(account, mailbox_pass)
        if values:
            account.write(values)

    @api.private
    def result_text(self, account, mailbox_pass):
        """The result of a pass in words."""
        new, backfill = mailbox_pass.new, mailbox_pass.backfill
        parts = []
        if new.seen:
            parts.append(
                self.env._(
                    "New e-mails: %(seen)s, shown on contacts: %(linked)s.",
                    seen=new.seen,
                    linked=new.linked,
                )
            )
        if backfill.seen:
            whole = account.backfill_id
            parts.append(
                self.env._(
                    "Import: %(seen)s of %(total)s e-mails checked, %(linked)s shown "
                    "on contacts.",
                    seen=whole.seen,
                    total=whole.total,
                    linked=whole.linked,
                )
            )
        failed = new.failed + backfill.failed
        if failed:
            parts.append(self.env._("Failed imports: %s.", failed))
        return " ".join(parts) or self.env._("Nothing new.")

    def _record_failure(self, account, error):
        """Store the problem and when to try again, by kind of failure.

        :return: the problem in words
        """
        # In the language of the owner, who is responsible for the mailbox.
        env = account.with_context(lang=account.owner_id.lang).env
        text = explain_any(env, error, account.provider_id)
        refused = error if isinstance(error, EngineError) else None
        failures = account.failures + 1
        needs_person = refused is not None and refused.kind in STOPPING
        pause = backoff.exponential(failures, BACKOFF, BACKOFF_LONGEST)
        if needs_person and refused.kind is Kind.LOGIN_WRONG and failures == 1:
            needs_person, pause = False, LOGIN_AGAIN
        elif refused and not refused.retryable:
            pause = BACKOFF_LONGEST
        pause *= random.uniform(0.8, 1.2)
        if refused and refused.retry_after:
            pause = max(pause, timedelta(seconds=refused.retry_after))
        retry_at = fields.Datetime.now() + pause
        account.write(
            {
                "imap_problem": text,
                "failures": failures,
                "needs_person": needs_person,
                "retry_at": retry_at,
            }
        )
        if not needs_person:
            cron = account.env["ir.cron"]
            for name in ("ir_cron_new_mail", "ir_cron_backfill"):
                cron._mailbox_trigger_at(name, retry_at)
        # Alert at once if only a person can solve it.
        is_final = not refused.retryable if refused else isinstance(error, UserError)
        account.report_problem("imap", text, needs_person=is_final, error=error)
        return text
