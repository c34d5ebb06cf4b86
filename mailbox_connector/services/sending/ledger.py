"""The ledger of one SMTP session (``mailbox.delivery``), for the usual case.

A connection of its own is kept for the session, so that opening and closing the rows
of a mail costs a statement or two and a commit. Whatever is not usual (a mail that was
begun before, a limit, a failure) is left to the model.
"""

from __future__ import annotations

import base64
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from odoo import SUPERUSER_ID

from ...engine.mime.ids import message_id_hash
from . import sent_copy

if TYPE_CHECKING:
    from .outcome import PutOff, Transaction

_logger = logging.getLogger(__name__)

#: Sent mails that are recorded together, and their size in bytes, at most.
TOGETHER, TOGETHER_BYTES = 100, 5_000_000

# A lock that the work's own transaction holds is never waited out.
_PATIENCE = "SET LOCAL lock_timeout = '5s';"
# Opens the rows in the usual case, and says whether it is one.
_OPEN = f"""
    {_PATIENCE}
    WITH look AS MATERIALIZED (
        SELECT account.sending_paused_until IS NOT NULL
               OR COALESCE(account.limit_hour, 0) > 0
               OR COALESCE(account.limit_day, 0) > 0
               OR COALESCE(account.limit_seconds, 0) > 0
               OR EXISTS (SELECT FROM mailbox_delivery
                           WHERE mail_mail_id_int = %(mail_id)s
                             AND recipient = ANY(%(recipients)s)) AS is_unusual,
               EXISTS (SELECT FROM mailbox_delivery
                        WHERE account_id = %(account_id)s
                          AND message_id_hash = %(digest)s
                          AND copy_state IS NOT NULL) AS is_kept
          FROM mailbox_account account
         WHERE account.id = %(account_id)s
    ), opened AS (
        INSERT INTO mailbox_delivery (
               account_id, mail_mail_id_int, mail_message_id_int, recipient, message_id,
               message_id_hash, state, handed_at, transaction,
               create_uid, create_date, write_uid, write_date)
        SELECT %(account_id)s, %(mail_id)s, %(mail_message_id)s, wanted.recipient,
               %(message_id)s, %(digest)s, 'sending', moment.now, %(transaction)s,
               %(uid)s, moment.now, %(uid)s, moment.now
          FROM look, unnest(%(recipients)s) AS wanted (recipient),
               (SELECT date_trunc('second', now() AT TIME ZONE 'UTC')) AS moment (now)
         WHERE NOT look.is_unusual
    )
    SELECT is_unusual, is_kept FROM look
"""
# A crash of the database loses it at worst: then a person is asked.
_CLOSE = f"""
    {_PATIENCE}
    SET LOCAL synchronous_commit TO off;
    UPDATE mailbox_delivery
       SET state = 'sent', write_date = now() AT TIME ZONE 'UTC',
           copy_state = CASE WHEN recipient = %(keeper)s::varchar
                             THEN %(copy_state)s::varchar END,
           copy_mime = CASE WHEN recipient = %(keeper)s::varchar
                            THEN %(copy)s::bytea END
     WHERE mail_mail_id_int = %(mail_id)s AND recipient = ANY(%(recipients)s)
"""


@dataclass(frozen=True)
class Begun:
    """``recipients``: to send to now; ``put_off``: why the others wait; ``failed``:
    why nobody is sent to, because it is not known who has the mail."""

    recipients: tuple[str, ...] = ()
    put_off: PutOff | None = None
    failed: tuple[str, ...] = ()


class Ledger:
    """Opens and closes rows; :meth:`close` gives the connection back.

    :param outbox: ``mailbox.delivery`` in the environment of the work
    :param is_filed: whether sent mail comes into Sent by itself
    """

    def __init__(self, deliveries, is_filed: bool):
        self._deliveries = deliveries
        self._is_filed = is_filed
        self._cr = None
        # Whether a copy of the mail at hand is kept already.
        self._is_kept = False
        #: Whether there are copies to be filed.
        self.has_copies = False
        self._sent: list[tuple[int, bytes]] = []
        self._sent_bytes = 0

    def begin(self, transaction: Transaction, message_id: str, recipients) -> Begun:
        """Open the rows of those who are to get a mail now; committed."""
        recipients = list(dict.fromkeys(recipients))
        values = {
            "account_id": transaction.account_id,
            "mail_id": transaction.mail_id,
            "mail_message_id": transaction.mail_message_id,
            "recipients": recipients,
            "message_id": message_id,
            "digest": message_id_hash(message_id),
            "transaction": secrets.token_hex(8),
            "uid": SUPERUSER_ID,
        }
        cr = self._cursor()
        cr.execute(_OPEN, values)
        [(is_unusual, self._is_kept)] = cr.fetchall() or [(True, False)]
        if is_unusual:
            cr.rollback()
            return self._deliveries._begin(transaction, message_id, recipients)
        cr.commit()  # pylint: disable=invalid-commit
        return Begun(tuple(recipients))

    def end_sent(self, transaction: Transaction, recipients, copy: bytes) -> None:
        """Close the rows, opened last, of a mail that all of them have; committed.

        :param copy: what is to stand in Sent, once a message
        """
        values = {
            "account_id": transaction.account_id,
            "mail_id": transaction.mail_id,
            "recipients": list(recipients),
            "keeper": None,
            "copy_state": None,
            "copy": None,
        }
        cr = self._cursor()
        kept = {}
        if not self._is_kept:
            kept = {"keeper": recipients[0], "copy_state": "provider"}
            if not self._is_filed:
                mime = psycopg2.Binary(base64.b64encode(copy))
                kept.update(copy_state="waiting", copy=mime)
        try:
            cr.execute(_CLOSE, {**values, **kept}, log_exceptions=False)
            cr.commit()  # pylint: disable=invalid-commit
            self.has_copies |= "copy" in kept
            return
        except psycopg2.errors.UniqueViolation:
            # Another recipient's row keeps the copy of this message by now.
            _logger.info("Mail %s: its copy is kept", transaction.mail_id)
            kept = {}
        except psycopg2.OperationalError:
            _logger.info("Mail %s: closed anew", transaction.mail_id, exc_info=True)
        cr = self._cursor()
        cr.rollback()
        cr.execute(_CLOSE, {**values, **kept})
        cr.commit()  # pylint: disable=invalid-commit
        self.has_copies |= "copy" in kept

    def record(self, account, mail_message_id: int, copy: bytes) -> None:
        """Keep what was sent as an e-mail of its contact, together with others.

        Until then the sync does not see it: it comes into the Sent folder after it is
        recorded, unless the provider puts it there.
        """
        self._sent.append((mail_message_id, copy))
        self._sent_bytes += len(copy)
        is_much = len(self._sent) >= TOGETHER or self._sent_bytes >= TOGETHER_BYTES
        if self._is_filed or is_much:
            self.record_all(account)

    def record_all(self, account) -> None:
        """Record what has not been."""
        sent, self._sent, self._sent_bytes = self._sent, [], 0
        if sent:
            sent_copy.record(account, sent)

    def close(self) -> None:
        cr, self._cr = self._cr, None
        if cr is not None:
            cr.close()

    def _cursor(self):
        if self._cr is None or self._cr.closed:
            self._cr = self._deliveries.env.registry.cursor()
        return self._cr
