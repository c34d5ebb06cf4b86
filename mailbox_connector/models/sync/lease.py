import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED, STATUS_READY

from odoo import fields, models
from odoo.tools import SQL

#: Seconds after which a lease that nobody renews is free again (a killed worker).
LEASE_SECONDS = 120


@dataclass
class Held:
    """A lease in hand.

    :param pending: new mail is left, come back soon
    :param ok: the pass got through
    """

    holder: str
    pending: bool = False
    ok: bool = False


class LeaseLostError(Exception):
    """Another worker has taken the mailbox over: this one was silent for too long."""


class MailboxLease(models.Model):
    """Who is working on a mailbox until when.

    A row of its own, touched on a cursor of its own, so that the row lock never
    meets a foreign key's and a lease outlives the commits of the work.
    """

    _name = "mailbox.lease"
    _description = "Lease on a mailbox"
    _log_access = False
    _rec_name = "holder"

    account_id = fields.Many2one("mailbox.account", required=True, ondelete="cascade")
    holder = fields.Char()
    expires_at = fields.Datetime()
    served_at = fields.Datetime(help="When new mail was last looked for.")
    pending = fields.Boolean(help="The last look for new mail did not finish.")
    ok_at = fields.Datetime(help="When a pass last got through.")
    backfill_served_at = fields.Datetime(help="When history was last imported.")

    _account_unique = models.Constraint(
        "UNIQUE (account_id)", "A mailbox has one lease."
    )

    @contextmanager
    def _hold(self, account, kind, rest=0):
        """Work on ``account`` alone; yields a :class:`Held`, or None if it is busy.

        :param kind: "new", "history" or "retry": which service the mailbox has had
            after
        :param rest: seconds; None as well if another worker has served it since
        """
        thread = threading.get_ident()
        held = Held(f"{socket.gethostname()}:{os.getpid()}:{thread}")
        if not self._take(account, held.holder, rest):
            yield None
            return
        try:
            yield held
        finally:
            self._release(account, held, kind)

    @contextmanager
    def _cursor(self):
        """A cursor that sees what others have committed by now: in Odoo's own isolation
        a row that another worker has just let go of would be an error."""
        with self.env.registry.cursor() as cr:
            # Odoo sets its own again for whoever has the connection next. A test's
            # cursor is in a transaction already.
            if cr.connection.status == STATUS_READY:
                cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
            yield cr

    def _take(self, account, holder, rest):
        with self._cursor() as cr:
            cr.execute(
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
            return bool(cr.rowcount)

    def _renew(self, account, held):
        """Keep a lease that is held; between batches.

        :raise LeaseLostError: it is another's now
        """
        with self._cursor() as cr:
            cr.execute(
                """
                UPDATE mailbox_lease
                   SET expires_at = now() AT TIME ZONE 'UTC'
                                    + %s * interval '1 second'
                 WHERE account_id = %s AND holder = %s
                """,
                [LEASE_SECONDS, account.id, held.holder],
            )
            if not cr.rowcount:
                raise LeaseLostError

    def _release(self, account, held, kind):
        now = SQL("now() AT TIME ZONE 'UTC'")
        # History passes look for new mail first: both have been served by one.
        served = {"new": ["served_at"], "backfill": ["served_at", "backfill_served_at"]}
        columns = [*served.get(kind, []), *(["ok_at"] if held.ok else [])]
        changes = [SQL("%s = %s", SQL.identifier(name), now) for name in columns]
        if kind in served:
            changes.append(SQL("pending = %s", held.pending))
        with self._cursor() as cr:
            cr.execute(
                SQL(
                    """
                    UPDATE mailbox_lease
                       SET %s WHERE account_id = %s AND holder = %s
                    """,
                    SQL(", ").join([SQL("holder = NULL, expires_at = NULL"), *changes]),
                    account.id,
                    held.holder,
                )
            )
