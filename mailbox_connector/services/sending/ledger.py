"""The ledger of sending (``mailbox.delivery``): no recipient is sent an e-mail twice.

What it is for
    A worker may be killed, a connection lost or a transaction rolled back at any
    moment, also after the SMTP server took an e-mail and before Odoo saved that.
    Without a record that survives this, the mail queue would send the e-mail again. The
    ledger is that record, and the rule is: Odoo never sends an e-mail again unless it
    is known that it was not sent. Losing an e-mail is preferred to sending it twice.

How it works
    There is one row per (e-mail, recipient). It is *opened* before the e-mail is handed
    to the server and *closed* after the answer, each time on a connection of its own
    that commits at once, independent of the transaction of the work.

    ========= ============================== ===========================================
    state     means                          when the e-mail is sent again
    ========= ============================== ===========================================
    sending   opened and not yet closed      becomes ``unknown``: its worker died
    sent      the server took it             never to this recipient
    failed    the server refused it          opened again
    unknown   cut off in between             refused, until a person decides or the
                                             e-mail is found in the Sent folder
                                             (:mod:`unknown_outcomes`)
    ========= ============================== ===========================================

    A worker that sends an e-mail holds the lock of its ``mail.mail`` row (see
    :func:`outgoing.deliver`). So if we hold that lock, a row in state ``sending`` was
    left by a worker that died.

    The row of the first recipient who got a message also keeps its MIME until it is in
    the Sent folder (:mod:`sent_copy_queue`).

Example::

    ledger = Ledger(env, is_saved_by_provider=False)
    opened = ledger.open(transaction, "<1@example.com>", ["a@x.com", "b@x.com"])
    # opened.recipients == ("a@x.com", "b@x.com"); both rows are committed as "sending"
    refused = session.send(opened.recipients, mime)  # a crash here: both "unknown"
    ledger.close_sent(transaction, opened.recipients, mime)

What it costs
    In the usual case (no row yet for this e-mail, no limit, no pause; nobody refused)
    one statement and one commit to open, one statement and one commit to close. Closing
    commits asynchronously: if the database itself crashes, that commit may be lost and
    a person is asked. The connection is kept for the whole session. All other cases go
    through the ORM on a cursor of their own, with some five statements more.
"""

from __future__ import annotations

import base64
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg2

from odoo import SUPERUSER_ID, fields

from ...engine.errors import EngineError, Kind, Side
from ...engine.mime.ids import message_id_hash
from ...error_messages import explain
from ..framework.concurrency import CONFLICT_ERRORS, mute_conflicts, own_cursor
from . import sent_copy_queue
from .outcome import PutOff, SmtpTransaction, whole_second
from .pace import may_send_now

_logger = logging.getLogger(__name__)

#: Otherwise, waiting for a lock of the work's own transaction would never end.
LOCK_TIMEOUT = "5s"
# Opens the rows in the usual case, and returns whether it was the usual case.
_OPEN = f"""
    SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';
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
                          AND copy_state IS NOT NULL) AS has_copy
          FROM mailbox_account account
         WHERE account.id = %(account_id)s
    ), opened AS (
        INSERT INTO mailbox_delivery (
               account_id, mail_mail_id_int, mail_message_id_int, recipient, message_id,
               message_id_hash, state, handed_at, smtp_transaction,
               create_uid, create_date, write_uid, write_date)
        SELECT %(account_id)s, %(mail_id)s, %(mail_message_id)s, wanted.recipient,
               %(message_id)s, %(digest)s, 'sending', moment.now, %(smtp_transaction)s,
               %(uid)s, moment.now, %(uid)s, moment.now
          FROM look, unnest(%(recipients)s) AS wanted (recipient),
               (SELECT date_trunc('second', now() AT TIME ZONE 'UTC')) AS moment (now)
         WHERE NOT look.is_unusual
    )
    SELECT is_unusual, has_copy FROM look
"""
# If the database crashes this may be lost; a person is asked then.
_CLOSE = f"""
    SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';
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
class OpenedDeliveries:
    """``recipients``: whom to send to now; ``put_off``: why and until when the others
    wait; ``failed``: reasons why nothing is sent: it is unknown who already has the
    e-mail."""

    recipients: tuple[str, ...] = ()
    put_off: PutOff | None = None
    failed: tuple[str, ...] = ()


class Ledger:
    """Opens and closes the rows of one SMTP session.

    :param env: the environment of the work; its own cursor is never written to
    :param is_saved_by_provider: whether the provider saves sent e-mails itself
    """

    def __init__(self, env, is_saved_by_provider: bool):
        self._env = env
        self._is_saved_by_provider = is_saved_by_provider
        self._cr = None
        # Whether a copy of the e-mail that was opened last is kept already.
        self._has_copy = False
        #: Whether copies were queued for the Sent folder.
        self.has_queued = False

    def open(
        self, transaction: SmtpTransaction, message_id: str, recipients: Sequence[str]
    ) -> OpenedDeliveries:
        """Open the rows of the recipients who should get an e-mail now; committed.

        Recipients who already have the e-mail are omitted.
        """
        recipients = list(dict.fromkeys(recipients))
        values = {
            "account_id": transaction.account_id,
            "mail_id": transaction.mail_id,
            "mail_message_id": transaction.mail_message_id,
            "recipients": recipients,
            "message_id": message_id,
            "digest": message_id_hash(message_id),
            "smtp_transaction": secrets.token_hex(8),
            "uid": SUPERUSER_ID,
        }
        cr = self._connection()
        cr.execute(_OPEN, values)
        [(is_unusual, self._has_copy)] = cr.fetchall() or [(True, False)]
        if is_unusual:
            cr.rollback()
            return self._open_unusual(transaction, message_id, recipients)
        # On a cursor of its own, before the server gets the e-mail: after a crash, the
        # row says that it may have been sent.
        cr.commit()  # pylint: disable=invalid-commit
        return OpenedDeliveries(tuple(recipients))

    def close_sent(
        self, transaction: SmtpTransaction, recipients: Sequence[str], copy: bytes
    ) -> None:
        """Close the rows of the e-mail opened last, which all ``recipients`` have;
        committed.

        :param copy: MIME for the Sent folder; kept once per message
        """
        values = {
            "account_id": transaction.account_id,
            "mail_id": transaction.mail_id,
            "recipients": list(recipients),
        }
        kept = {"keeper": None, "copy_state": None, "copy": None}
        if not self._has_copy:
            kept |= {"keeper": recipients[0], "copy_state": "provider"}
            if not self._is_saved_by_provider:
                mime = psycopg2.Binary(base64.b64encode(copy))
                kept |= {"copy_state": "waiting", "copy": mime}
        try:
            self._execute_close({**values, **kept}, log_exceptions=False)
        except psycopg2.errors.UniqueViolation:
            # By now, another recipient's row keeps the copy of this message.
            _logger.info("Mail %s: its copy is kept already", transaction.mail_id)
            kept = dict.fromkeys(kept)
            self._execute_close({**values, **kept})
        except psycopg2.OperationalError:
            _logger.info("Mail %s: closed again", transaction.mail_id, exc_info=True)
            self._execute_close({**values, **kept})
        self.has_queued |= kept["copy"] is not None

    def close(
        self,
        transaction: SmtpTransaction,
        states: dict[str, tuple[str, str | bool]],
        copy: bytes | None = None,
    ) -> None:
        """Close the rows of an e-mail that some recipients did not get; committed.

        :param states: (state, reason or False) by recipient
        :param copy: MIME for the Sent folder, if somebody got the e-mail or may have
            got it
        """
        with own_cursor(self._env, lock_timeout=LOCK_TIMEOUT) as env:
            rows = _rows(env, transaction, list(states))
            for row in rows:
                row.state, row.reason = states[row.recipient]
            is_sent = "sent" in rows.mapped("state")
            unknown = rows.filtered(lambda row: row.state == "unknown")
            if unknown:
                _mark_unknown(unknown)
                if copy and not is_sent:
                    # Needed if it turns out that it was sent.
                    unknown[0].copy_mime = base64.b64encode(copy)
        if copy and is_sent:
            self._queue_copy(transaction, states, copy)

    def disconnect(self) -> None:
        """Give the connection back."""
        cr, self._cr = self._cr, None
        if cr is not None:
            cr.close()

    # ------------------------------------------------------------------

    def _connection(self):
        if self._cr is None or self._cr.closed:
            self._cr = self._env.registry.cursor()
        return self._cr

    def _execute_close(self, values: dict, **options) -> None:
        cr = self._connection()
        try:
            cr.execute(_CLOSE, values, **options)
            # On a cursor of its own: it was sent, even if the caller rolls back.
            cr.commit()  # pylint: disable=invalid-commit
        except psycopg2.Error:
            if not cr.closed:
                cr.rollback()
            raise

    def _open_unusual(
        self, transaction: SmtpTransaction, message_id: str, recipients: list[str]
    ) -> OpenedDeliveries:
        """Open rows where some exist, or where a limit or a pause may hold mail back.

        Every statement sees what others have committed by then, so what is read under a
        limit's lock includes what its last holder wrote.
        """
        with own_cursor(self._env, latest=True, lock_timeout=LOCK_TIMEOUT) as env:
            rows = _rows(env, transaction, recipients)
            account = env["mailbox.account"].browse(transaction.account_id)
            if reasons := self._unknown_reasons(rows, account):
                return OpenedDeliveries(failed=reasons)
            has_it = set(
                rows.filtered(lambda row: row.state == "sent").mapped("recipient")
            )
            waiting = [one for one in recipients if one not in has_it]
            if not waiting:
                return OpenedDeliveries()
            allowed, put_off = may_send_now(account, len(waiting), self._env)
            _write_opened(rows, transaction, message_id, waiting[:allowed])
            return OpenedDeliveries(tuple(waiting[:allowed]), put_off)

    def _unknown_reasons(self, rows, account) -> tuple[str, ...]:
        """Reasons not to send: it is unknown whether some of ``rows`` were sent."""
        # We hold the row of this e-mail, so nobody else is sending it: the worker that
        # opened these died.
        interrupted = rows.filtered(lambda row: row.state == "sending")
        if interrupted:
            _mark_unknown(interrupted, _interrupted_reason(self._env, account))
        unknown = rows.filtered(lambda row: row.state == "unknown")
        return tuple(dict.fromkeys(unknown.mapped("reason")))

    def _queue_copy(self, transaction, states, copy) -> None:
        keeper = next(one for one, (state, _r) in states.items() if state == "sent")
        try:
            with (
                mute_conflicts(),
                own_cursor(self._env, lock_timeout=LOCK_TIMEOUT) as env,
            ):
                row = _rows(env, transaction, [keeper])
                is_queued = sent_copy_queue.queue(row, copy)
        except CONFLICT_ERRORS:
            # Another recipient's row keeps the copy of this message.
            _logger.info("Mail %s: its copy is kept already", transaction.mail_id)
            return
        if is_queued:
            sent_copy_queue.trigger_cron(self._env)


def release_unknown(env, mail_ids: list[int]) -> None:
    """Allow sending e-mails again that may have been sent: a person decided so."""
    with own_cursor(env, lock_timeout=LOCK_TIMEOUT) as own:
        own["mailbox.delivery"].search(
            [("mail_mail_id_int", "in", mail_ids), ("state", "=", "unknown")]
        ).write({"state": "failed", "lookup_at": False, "copy_mime": False})


def all_sent(env, mail_ids: list[int]) -> set[int]:
    """Ids of e-mails that every recorded recipient has; they only need to be marked as
    sent."""
    rows = env["mailbox.delivery"]._read_group(
        [("mail_mail_id_int", "in", mail_ids)],
        ["mail_mail_id_int"],
        ["state:array_agg"],
    )
    return {mail_id for mail_id, states in rows if set(states) == {"sent"}}


def _rows(env, transaction: SmtpTransaction, recipients: list[str]):
    return env["mailbox.delivery"].search(
        [
            ("mail_mail_id_int", "=", transaction.mail_id),
            ("recipient", "in", recipients),
        ]
    )


def _write_opened(rows, transaction, message_id, recipients: list[str]) -> None:
    """Open these recipients: rows that failed before, and new ones.

    :param rows: those that the e-mail has
    """
    values = {
        # After the lock, and rounded up: limits are kept to the second.
        "handed_at": whole_second(datetime.utcnow()),
        "smtp_transaction": secrets.token_hex(8),
    }
    rows.filtered(
        lambda row: row.state == "failed" and row.recipient in recipients
    ).write({**values, "state": "sending", "reason": False})
    known = set(rows.mapped("recipient"))
    rows.create(
        [
            {
                **values,
                "account_id": transaction.account_id,
                "mail_mail_id_int": transaction.mail_id,
                "mail_message_id_int": transaction.mail_message_id,
                "recipient": recipient,
                "message_id": message_id,
                "message_id_hash": message_id_hash(message_id),
            }
            for recipient in recipients
            if recipient not in known
        ]
    )


def _mark_unknown(rows, reason: str = "") -> None:
    """Mark it as unknown whether these recipients have the e-mail; the Sent folder is
    searched soon."""
    values = {"state": "unknown", "lookup_at": fields.Datetime.now(), "lookups": 0}
    if reason:
        values["reason"] = reason
    rows.write(values)
    sent_copy_queue.trigger_cron(rows.env)


def _interrupted_reason(env, account) -> str:
    """What a person reads about an e-mail whose sending was cut off on our side."""
    return explain(
        env,
        EngineError(
            Kind.OUTCOME_UNKNOWN,
            Side.SMTP,
            host=account.smtp_host,
            port=account.smtp_port,
        ),
    )
