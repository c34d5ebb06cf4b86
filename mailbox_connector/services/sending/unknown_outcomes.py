"""E-mails whose outcome is unknown: looked for in the Sent folder, then a person is
asked.

The connection broke after DATA, or a worker died. The e-mail is looked for in the Sent
folder: at once, then after :data:`PAUSES`. If it is there, it was sent; if that remains
unclear, a person is asked. Nothing here ever sends an e-mail.
"""

from __future__ import annotations

import base64
import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import fields
from odoo.exceptions import UserError

from ...engine import backoff
from ...engine.errors import EngineError
from ...engine.net.deadline import Deadline
from ..accounts.endpoints import egress_policy, endpoint
from ..framework.scheduled_work import work_off
from . import sent_copy_queue, sent_copy_record
from .sent_copy_lookup import SentLookup, was_sent

_logger = logging.getLogger(__name__)

#: When to search again the Sent folder of a provider that saves sent e-mails; after
#: these a person is asked.
PAUSES = (timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))
#: Seconds for reading in one mailbox.
SECONDS = 30


def look_up_due(env) -> bool:
    """Search for all e-mails that are due, by mailbox; returns whether none is left."""
    deliveries = env["mailbox.delivery"]

    def find(done):
        return deliveries.search(
            [("lookup_at", "<=", fields.Datetime.now()), ("id", "not in", done)],
            order="account_id, id",
        )

    def work(due):
        account = due[0].account_id
        rows = due.grouped("account_id")[account]
        try:
            _look_up(rows, account)
        except OperationalError:
            # The database was busy or away: the next run continues.
            env.cr.rollback()
            _logger.info(
                "Mailbox %s: looking was interrupted", account.id, exc_info=True
            )
        return rows

    return work_off(env, find, work)


def settle_as_sent(env, mail_ids: list[int]) -> None:
    """A person says that these e-mails were sent."""
    rows = env["mailbox.delivery"].search(
        [("mail_mail_id_int", "in", mail_ids), ("state", "=", "unknown")]
    )
    _close_as_sent(rows)


def _look_up(rows, account) -> None:
    counts = _count_copies(account, list(dict.fromkeys(rows.mapped("message_id"))))
    # Somebody may have decided meanwhile, or be deciding now.
    rows = rows.try_lock_for_update()
    rows.invalidate_recordset()
    for row in rows:
        # A conclusion about one may settle others of the same transaction.
        if row.state == "unknown":
            _conclude(row, counts.get(row.message_id))


def _count_copies(account, message_ids: list[str]) -> dict[str, int]:
    """Copies by Message-ID; empty if the Sent folder cannot be read."""
    folders = account.folder_ids.filtered(
        lambda folder: folder.role in ("sent", "all") and not folder.gone
    )
    if not folders:
        return {}
    try:
        with SentLookup(
            endpoint(account, "imap"),
            egress_policy(account.env),
            folders.mapped("raw_name"),
            Deadline(SECONDS),
        ) as lookup:
            return {one: lookup.count_copies(one) for one in message_ids}
    except (EngineError, UserError) as error:
        _logger.info("Mailbox %s: Sent could not be read: %s", account.id, error)
        return {}


def _conclude(row, copies: int | None) -> None:
    """Draw the conclusion from the copies found; None: Sent could not be read."""
    mail = row.env["mail.mail"].browse(row.mail_mail_id_int).exists()
    alike = row.search(
        [
            ("account_id", "=", row.account_id.id),
            ("message_id_hash", "=", row.message_id_hash),
        ]
    )
    if copies is not None and _is_proven(alike, copies):
        _settle_found(row, alike, mail)
        return
    saves_copies = row.account_id.provider_saves_sent_copies()
    lookups = row.lookups + 1
    # If the provider saves no copies, searching again finds nothing new.
    pause = backoff.step(lookups, PAUSES) if copies is None or saves_copies else None
    row.lookups = lookups
    row.lookup_at = pause and fields.Datetime.now() + pause
    if pause:
        sent_copy_queue.trigger_cron(row.env, row.lookup_at)
    elif mail:
        mail.mailbox_ask_person(_finding(copies, saves_copies))


def _is_proven(alike, copies: int) -> bool:
    """Whether the copies show that one more transaction succeeded than is known.

    :param alike: all rows of that Message-ID
    """
    sent = alike.filtered(lambda row: row.state == "sent")
    filed = alike.filtered(lambda row: row.copy_state == "filed")
    return was_sent(
        copies, len(filed), len({row.smtp_transaction or row.id for row in sent})
    )


def _settle_found(row, alike, mail) -> None:
    """It was sent: close the rows of that transaction; with the last one, the
    e-mail."""
    same = alike.filtered(
        lambda one: (
            one.state == "unknown"
            and (one == row or (one.smtp_transaction or 0) == row.smtp_transaction)
        )
    )
    _close_as_sent(same, is_in_sent=True)
    left = row.search_count(
        [("mail_mail_id_int", "=", mail.id), ("state", "=", "unknown")], limit=1
    )
    if not left:
        mail.mailbox_settle_as_sent()


def _finding(copies: int | None, saves_copies: bool) -> str:
    if copies is None:
        return "unread"
    return "missing" if saves_copies else "open"


def _close_as_sent(rows, is_in_sent: bool = False) -> None:
    """
    :param is_in_sent: the e-mail is in the Sent folder already
    """
    for row in rows:
        row.write({"state": "sent", "reason": False, "lookup_at": False})
        if not row.copy_mime:
            continue
        mime = base64.b64decode(row.copy_mime)
        row.copy_mime = False
        sent_copy_record.record(row.account_id, [(row.mail_message_id_int, mime)])
        if not is_in_sent and sent_copy_queue.queue(row, mime):
            sent_copy_queue.trigger_cron(row.env)
