import logging
import random
import time
from datetime import timedelta

from psycopg2 import InterfaceError, OperationalError

from odoo import fields, models
from odoo.exceptions import UserError

from ..engine.errors import STOPPING, EngineError, Kind
from ..engine.sync.state import Counts
from ..exceptions import explain
from ..services.races import RACES, quiet_races
from .mailbox_lease import LeaseLostError

_logger = logging.getLogger(__name__)

#: How often a failure is tried to be noted.
KEEP_TRIES = 3
#: Back-off after the first failure; doubled by each further one, up to the longest.
BACKOFF, BACKOFF_LONGEST = timedelta(minutes=1), timedelta(minutes=30)


class MailboxSync(models.AbstractModel):
    """What becomes of a pass over a mailbox: what is said about it, failures and
    back-off."""

    _inherit = "mailbox.sync"

    def _run(self, account, sync, kind, rows, by_person):
        """Let ``sync`` work; note what it did, and what goes wrong on the mailbox.

        :return: whether it got through; if not and it is no fault of the mailbox,
            ``sync.unfinished`` is set
        """
        account_id, began = account.id, time.monotonic()
        try:
            with quiet_races():
                if kind == "retry":
                    sync.retry(rows)
                else:
                    sync.run(history=kind == "history")
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
                with quiet_races():
                    keep()
                    account.env["ir.cron"]._commit_progress()
                return
            except RACES:
                account.env.cr.rollback()
                if attempt + 1 == KEEP_TRIES:
                    _logger.info("Mailbox %s: not noted", account.id, exc_info=True)

    def _keep_run(self, account, sync, kind, by_person, began, problem=False):
        """A pass that brought something, failed, or was asked for leaves a row."""
        counts = Counts()
        counts.add(sync.new)
        counts.add(sync.history)
        if kind == "retry":
            counts.add(Counts(seen=sync.tried, quarantined=sync.tried - sync.settled))
        elif by_person:
            kind = "now"
        else:
            kind = "history" if sync.history.seen else "new"
        if counts.seen or problem:
            account.env["mailbox.run"]._note(
                account, kind, time.monotonic() - began, counts, problem
            )

    def _succeeded(self, account, sync):
        values = {}
        if account.imap_problem:
            values["imap_problem"] = False
        if account.failures or account.needs_person:
            # By hand a mailbox is read that has stopped: it goes on.
            values.update(failures=0, retry_at=False, needs_person=False)
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
        account._trouble(
            "imap",
            text,
            needs_person=not refused.retryable
            if refused
            else isinstance(error, UserError),
            error=error,
        )
