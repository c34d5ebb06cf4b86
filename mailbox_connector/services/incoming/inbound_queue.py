"""Processes the queue ``mailbox.inbound``: what new e-mails trigger after their import.

:mod:`.after_import` fills it. A row is processed right after the transaction that
imported its e-mail; the scheduled action does the rest. Each row is processed in a
transaction of its own, under a lock, because two workers may pick the same row. A row
that fails is retried after each of :data:`RETRY_PAUSES`; then its state is "failed" and
a person decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from odoo import fields
from odoo.exceptions import AccessError, UserError

from ...engine.backoff import step
from ..framework.concurrency import (
    CONFLICT_ERRORS,
    lock_on_own_cursor,
    mute_conflicts,
    own_cursor,
    retry_on_conflict,
)
from . import delivery_reports, document_replies, member_notifications
from .raw_mail import RawMail

_logger = logging.getLogger(__name__)

#: When a row that failed is retried.
RETRY_PAUSES = tuple(timedelta(minutes=one) for one in (1, 10, 60, 360, 1440))
#: Seconds for the rows of one batch of new mail: its mailbox is waiting meanwhile.
MAX_SECONDS = 5
CRON = "mailbox_connector.ir_cron_inbound"


def process_rows(env, ids: Sequence[int]) -> None:
    """Process rows that are committed, each in a transaction of its own.

    Rows that another worker is processing are skipped; if there is no time left, the
    scheduled action does the rest. Never raises.
    """
    end = time.monotonic() + MAX_SECONDS
    for row_id in ids:
        if time.monotonic() > end:
            with own_cursor(env) as other:
                other.ref(CRON)._trigger()
            return
        try:
            retry_on_conflict(partial(_process_row, env, row_id), _nothing)
        except Exception as error:  # concerns one e-mail alone
            _postpone(env, row_id, error)


def perform(row) -> None:
    """Do what an e-mail triggers, and mark its row as done.

    :param row: a ``mailbox.inbound``
    :raise Exception: any error with which the code of a document refuses a reply
    """
    account = row.account_id
    if row.kind == "notification":
        member_notifications.notify_members(account, row.mailbox_message_id)
    else:
        mail = RawMail(row.raw_bytes())
        is_report = row.kind == "report" and delivery_reports.apply_report(
            account, mail
        )
        if not is_report and (why := document_replies.post_reply(account, mail)):
            _logger.info("New e-mail %s is posted on no document: it %s", row.id, why)
    row.mark_done()


def record_failure(row, error: Exception) -> None:
    """Store why a row could not be processed, and when to retry it."""
    attempts = row.attempts + 1
    pause = step(attempts, RETRY_PAUSES)
    retry_at = fields.Datetime.now() + pause if pause else False
    row.write(
        {
            "attempts": attempts,
            "reason": str(error) or type(error).__name__,
            "state": "waiting" if pause else "failed",
            "retry_at": retry_at,
        }
    )
    if retry_at:
        row.env.ref(CRON)._trigger(at=retry_at)


def _process_row(env, row_id: int) -> None:
    with _locked_row(env, row_id) as row:
        if row:
            perform(row)


@contextmanager
def _locked_row(env, row_id: int):
    """A waiting row on a cursor of its own, locked; empty if it is not waiting or
    another worker has it."""
    with lock_on_own_cursor(env["mailbox.inbound"].browse(row_id)) as row:
        yield row.filtered(lambda one: one.state == "waiting")


def _postpone(env, row_id: int, error: Exception) -> None:
    """Record a failure on a cursor of its own; the transaction that failed is gone."""
    expected = isinstance(error, (*CONFLICT_ERRORS, UserError, AccessError, ValueError))
    _logger.log(
        logging.INFO if expected else logging.ERROR,
        "New e-mail %s could not be processed",
        row_id,
        exc_info=error,
    )
    try:
        with mute_conflicts(), _locked_row(env, row_id) as row:
            if row:
                record_failure(row, error)
    except CONFLICT_ERRORS:
        _logger.info("New e-mail %s is retried by the scheduled action", row_id)
        with own_cursor(env) as other:
            other.ref(CRON)._trigger(at=fields.Datetime.now() + RETRY_PAUSES[0])


def _nothing() -> None:
    """Each attempt has a cursor of its own, which is rolled back already."""
