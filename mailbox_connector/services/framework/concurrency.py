"""What another worker may do to us at any time, and no fault of anybody."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager

from psycopg2 import OperationalError
from psycopg2.errors import UniqueViolation

#: The database was away, or another worker was faster: the work is done anew.
RACES = (OperationalError, UniqueViolation)

_logger = logging.getLogger("odoo.sql_db")


class _Quiet(logging.Filter):
    """Drops the report of a query that lost a race in this thread."""

    def __init__(self):
        super().__init__()
        self.thread = threading.get_ident()

    def filter(self, record):
        lost = isinstance(record.args, tuple) and any(
            isinstance(argument, RACES) for argument in record.args
        )
        return not (lost and record.thread == self.thread)


@contextmanager
def quiet_races():
    """Odoo reports each failed query as an error; of :data:`RACES`, which the caller
    handles, it reports none inside."""
    quiet = _Quiet()
    _logger.addFilter(quiet)
    try:
        yield
    finally:
        _logger.removeFilter(quiet)
