"""Database errors caused by concurrent workers, retries, and separate cursors.

PostgreSQL refuses work that conflicts with another worker's (serialization failure,
lock timeout, a row that was created twice). This is not an error: the work is rolled
back and retried on a fresh snapshot of the database.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TypeVar

from psycopg2 import OperationalError
from psycopg2.errors import UniqueViolation
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED, STATUS_READY

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

#: The database was unreachable, or another worker was faster: to be retried.
CONFLICT_ERRORS = (OperationalError, UniqueViolation)
#: How many times work is tried before a conflict is raised.
ATTEMPTS = 3

_logger = logging.getLogger("odoo.sql_db")
_T = TypeVar("_T")


class _ConflictFilter(logging.Filter):
    """Drops the report of a query that failed by a conflict in this thread."""

    def __init__(self):
        super().__init__()
        self.thread = threading.get_ident()

    def filter(self, record):
        lost = isinstance(record.args, tuple) and any(
            isinstance(argument, CONFLICT_ERRORS) for argument in record.args
        )
        return not (lost and record.thread == self.thread)


@contextmanager
def mute_conflicts():
    """Odoo logs each failed query as an error. Inside this context, it does not log
    those that failed with one of :data:`CONFLICT_ERRORS`, which the caller handles."""
    muted = _ConflictFilter()
    _logger.addFilter(muted)
    try:
        yield
    finally:
        _logger.removeFilter(muted)


def retry_on_conflict(
    work: Callable[[], _T],
    rollback: Callable[[], object],
    attempts: int = ATTEMPTS,
) -> _T:
    """Do ``work``, which commits; retry it after a conflict with another worker.

    :param rollback: called after each conflict, the last one included
    :raise OperationalError, UniqueViolation: the last attempt also had a conflict
    """
    for attempt in range(1, attempts + 1):
        try:
            with mute_conflicts():
                return work()
        except CONFLICT_ERRORS:
            rollback()
            if attempt == attempts:
                raise


@contextmanager
def own_cursor(env, *, latest: bool = False, lock_timeout: str = ""):
    """A superuser environment on a separate cursor, committed at the end: what is
    written there survives a rollback of the caller's transaction.

    :param latest: each statement sees what others have committed until then, so a row
        that is read under a lock includes what the lock's last holder wrote, and can be
        updated. Costs no statement
    :param lock_timeout: how long to wait for a lock, as PostgreSQL takes it ("5s");
        without it, waiting for a lock of the work's own transaction never ends
    """
    with env.registry.cursor() as cr:
        # Odoo sets its own level again for the next user of the connection. A test's
        # cursor is already in a transaction.
        if latest and cr.connection.status == STATUS_READY:
            cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
        if lock_timeout:
            cr.execute("SET LOCAL lock_timeout = %s", [lock_timeout])
        yield api.Environment(cr, SUPERUSER_ID, {})


@contextmanager
def lock_on_own_cursor(record, *, wait: bool = False, **options):
    """``record`` on a separate cursor, locked until the end; empty when somebody else
    holds the lock and ``wait`` is not set. Foreign keys to it can still be written.

    :param wait: whether to wait for another holder
    :param options: of :func:`own_cursor`
    """
    with own_cursor(record.env, **options) as env:
        env.cr.execute(
            SQL(
                "SELECT id FROM %s WHERE id = %s FOR NO KEY UPDATE %s",
                SQL.identifier(record._table),
                record.id,
                SQL("" if wait else "SKIP LOCKED"),
            )
        )
        yield env[record._name].browse(env.cr.fetchone() or ())
