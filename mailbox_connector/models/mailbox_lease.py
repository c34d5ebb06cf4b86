import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass

from odoo import fields, models
from odoo.tools import SQL

#: Seconds after which a lease that nobody renews is free again (a killed worker).
LEASE_SECONDS = 120


@dataclass
class Held:
    """A lease in hand. ``pending``: work is left, come back soon."""

    pending: bool = False


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
    history_served_at = fields.Datetime(help="When history was last imported.")

    _account_unique = models.Constraint(
        "UNIQUE (account_id)", "A mailbox has one lease."
    )

    @contextmanager
    def _hold(self, account, kind):
        """Work on ``account`` alone; yields a :class:`Held`, or None if it is busy.

        :param kind: "new" or "history": which service the mailbox has had after
        """
        holder = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        if not self._take(account, holder):
            yield None
            return
        held = Held()
        try:
            yield held
        finally:
            self._release(account, holder, kind, held.pending)

    def _take(self, account, holder):
        with self.env.registry.cursor() as cr:
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
                           FOR UPDATE SKIP LOCKED)
                """,
                {"holder": holder, "seconds": LEASE_SECONDS, "account": account.id},
            )
            return bool(cr.rowcount)

    def _renew(self, account):
        """Keep a lease that is held; between batches."""
        with self.env.registry.cursor() as cr:
            cr.execute(
                """
                UPDATE mailbox_lease
                   SET expires_at = now() AT TIME ZONE 'UTC'
                                    + %s * interval '1 second'
                 WHERE account_id = %s
                """,
                [LEASE_SECONDS, account.id],
            )

    def _release(self, account, holder, kind, pending):
        # History passes look for new mail first: both have been served by one.
        history = SQL(
            ", history_served_at = now() AT TIME ZONE 'UTC'"
            if kind == "history"
            else ""
        )
        with self.env.registry.cursor() as cr:
            cr.execute(
                SQL(
                    """
                    UPDATE mailbox_lease
                       SET holder = NULL, expires_at = NULL, pending = %s,
                           served_at = now() AT TIME ZONE 'UTC' %s
                     WHERE account_id = %s AND holder = %s
                    """,
                    pending,
                    history,
                    account.id,
                    holder,
                )
            )
