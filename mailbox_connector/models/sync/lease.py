"""Leases: which worker has a mailbox, and until when.

Several workers (cron processes, a person's request, other Odoo nodes) may want to read
the same mailbox at once; only one at a time does. It holds the mailbox's lease::

    with env["mailbox.lease"].hold(account, "new") as held:
        if not held:
            return  # another worker has it, or has just served it
        ...  # work; after each batch:
        held.renew()
        held.ok = True

A lease is a separate row in ``mailbox_lease``, changed on a separate cursor:

- it is visible to others at once and outlives the commits and rollbacks of the work;
- its row lock never conflicts with that of a foreign key to ``mailbox_account``, so
  nobody who edits the mailbox, or stores something that refers to it, waits for a sync;
- a worker that is killed blocks nothing for long: after :data:`LEASE_SECONDS` without
  renewal the lease is free. If the silent worker comes back, :meth:`HeldLease.renew`
  raises :class:`LeaseLostError`, and it commits nothing more.

The lease also stores when each service of a mailbox was last done, so that the
scheduled actions choose the mailbox that has waited longest; and which of them found
the mailbox busy: the release of the lease wakes them, so that nobody has to poll.
"""

import os
import socket
import threading
import time
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.tools import SQL

from ...services.framework.concurrency import own_cursor

#: Seconds after which a lease that nobody renews is free again (a killed worker).
LEASE_SECONDS = 120
#: Seconds between two renewals.
RENEW = 20
#: The scheduled action of a service, which is woken when a lease that it needs is free.
CRONS = {
    "new": "ir_cron_new_mail",
    "backfill": "ir_cron_backfill",
    "undo": "ir_cron_undo",
}
#: Seconds for those that were woken, before the same worker takes the lease again.
GAP = 0.5
#: Seconds between two attempts of a person who waits.
POLL = 0.1

#: A lease that nobody holds, as a condition on ``lease``.
IS_FREE = SQL("(lease.holder IS NULL OR lease.expires_at < now() AT TIME ZONE 'UTC')")


class LeaseLostError(Exception):
    """Another worker has taken over the mailbox: this one was silent for too long."""


class HeldLease:
    """A lease that is held.

    :param account: ``mailbox.account``
    :param holder: the name of this worker
    """

    def __init__(self, account, holder: str):
        self.account = account
        self.holder = holder
        #: Set by the work: there is more new mail, so continue soon.
        self.pending = False
        #: Set by the work: the pass was completed.
        self.ok = False
        #: Set by the release: others have been waiting for the mailbox.
        self.was_wanted = False
        self._renewed_at = time.monotonic()

    def renew(self) -> None:
        """Keep the lease. Call it between batches; it writes only now and then.

        :raise LeaseLostError: it is another worker's now
        """
        if time.monotonic() - self._renewed_at > RENEW:
            self.account.env["mailbox.lease"]._renew(self.account, self.holder)
            self._renewed_at = time.monotonic()

    def give_way(self) -> None:
        """After the release: leave the mailbox to those who have been waiting for it.

        Without this, a worker that takes the lease again at once would always be
        faster than those it has woken.
        """
        if self.was_wanted:
            time.sleep(GAP)


class MailboxLease(models.Model):
    """Who is working on a mailbox until when; see the top of this file."""

    _name = "mailbox.lease"
    _description = "Lease on a mailbox"
    _log_access = False
    _rec_name = "holder"

    account_id = fields.Many2one("mailbox.account", required=True, ondelete="cascade")
    holder = fields.Char()
    expires_at = fields.Datetime()
    served_at = fields.Datetime(help="When new mail was last checked for.")
    pending = fields.Boolean(help="The last check for new mail was not completed.")
    ok_at = fields.Datetime(help="When a pass was last completed.")
    backfill_served_at = fields.Datetime(help="When an import was last continued.")
    wanted_by = fields.Json(
        help="The services that found the mailbox busy, as keys; they are woken."
    )

    _account_unique = models.Constraint(
        "UNIQUE (account_id)", "A mailbox can have only one lease."
    )

    @api.private
    @contextmanager
    def hold(self, account, kind, rest=0, wait=0):
        """Hold the lease of ``account``; yields a :class:`HeldLease`, or None if it is
        busy.

        :param kind: the service that is recorded for the mailbox: "new", "backfill"
            (which includes new mail), or anything else that is not recorded
        :param rest: seconds; it also yields None if the mailbox was served within that
            time
        :param wait: seconds for which a person waits if it is busy
        """
        thread = threading.get_ident()
        held = HeldLease(account, f"{socket.gethostname()}:{os.getpid()}:{thread}")
        end = time.monotonic() + wait
        while not self._acquire(account, held.holder, rest):
            if time.monotonic() >= end:
                yield None
                return
            self.want(account.ids, "person")
            time.sleep(POLL)
        try:
            yield held
        finally:
            self._release(account, held, kind)

    def _acquire(self, account, holder, rest):
        with own_cursor(self.env, latest=True) as env:
            env.cr.execute(
                """
                UPDATE mailbox_lease
                   SET holder = %(holder)s,
                       expires_at = now() AT TIME ZONE 'UTC'
                                    + %(seconds)s * interval '1 second'
                 WHERE id IN (
                        SELECT id FROM mailbox_lease
                         WHERE account_id = %(account)s
                           AND (holder IS NULL
                                OR expires_at < now() AT TIME ZONE 'UTC')
                           AND (pending OR served_at IS NULL
                                OR served_at <= now() AT TIME ZONE 'UTC'
                                                - %(rest)s * interval '1 second')
                           FOR UPDATE SKIP LOCKED)
                """,
                {
                    "holder": holder,
                    "seconds": LEASE_SECONDS,
                    "account": account.id,
                    "rest": rest,
                },
            )
            return bool(env.cr.rowcount)

    def _renew(self, account, holder):
        """
        :raise LeaseLostError: it is another worker's now
        """
        with own_cursor(self.env, latest=True) as env:
            env.cr.execute(
                """
                UPDATE mailbox_lease
                   SET expires_at = now() AT TIME ZONE 'UTC'
                                    + %s * interval '1 second'
                 WHERE account_id = %s AND holder = %s
                """,
                [LEASE_SECONDS, account.id, holder],
            )
            if not env.cr.rowcount:
                raise LeaseLostError

    @api.private
    @api.model
    def want(self, account_ids, kind):
        """Wake the scheduled action of a service when these mailboxes are free.

        Those that are free already are left out: the caller has to look again, on a
        fresh snapshot of the database. If a holder is killed, nobody releases its
        lease; the action then runs when the lease expires.

        :param kind: of :data:`CRONS`, or "person": somebody who waits for the mailbox
        """
        with own_cursor(self.env, latest=True) as env:
            found = env.execute_query(
                SQL(
                    """
                    UPDATE mailbox_lease
                       SET wanted_by = COALESCE(wanted_by, '{}')
                                       || jsonb_build_object(%s, true)
                     WHERE id IN (
                            SELECT id FROM mailbox_lease
                             WHERE account_id = ANY(%s) AND holder IS NOT NULL
                               AND expires_at >= now() AT TIME ZONE 'UTC'
                             ORDER BY id FOR UPDATE)
                 RETURNING expires_at
                    """,
                    kind,
                    account_ids,
                )
            )
            if found and kind in CRONS:
                expires_at = min(found)[0].replace(microsecond=0)
                env["ir.cron"]._mailbox_trigger_at(CRONS[kind], expires_at)

    def _release(self, account, held, kind):
        now = SQL("now() AT TIME ZONE 'UTC'")
        # A pass for backfills looks for new mail first, so it did both.
        served = {"new": ["served_at"], "backfill": ["served_at", "backfill_served_at"]}
        columns = [*served.get(kind, []), *(["ok_at"] if held.ok else [])]
        changes = [SQL("holder = NULL, expires_at = NULL, wanted_by = NULL")]
        changes += [SQL("%s = %s", SQL.identifier(name), now) for name in columns]
        if kind in served:
            changes.append(SQL("pending = %s", held.pending))
        with own_cursor(self.env, latest=True) as env:
            found = env.execute_query(
                SQL(
                    """
                    UPDATE mailbox_lease lease
                       SET %s
                      FROM (SELECT id, wanted_by FROM mailbox_lease
                             WHERE account_id = %s AND holder = %s FOR UPDATE) held
                     WHERE lease.id = held.id
                 RETURNING held.wanted_by
                    """,
                    SQL(", ").join(changes),
                    account.id,
                    held.holder,
                )
            )
            wanted = {key for (keys,) in found for key in keys or ()}
            for name in sorted(CRONS[key] for key in wanted & CRONS.keys()):
                env["ir.cron"]._mailbox_trigger(name)
        held.was_wanted = bool(wanted - {kind})
