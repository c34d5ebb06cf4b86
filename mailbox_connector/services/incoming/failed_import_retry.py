"""Retries failed imports."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone

from odoo import fields

from ...engine.backoff import step
from ...engine.errors import EngineError, Kind, one_line
from ...engine.mime.headers import block, first_phase, new_mail
from ...engine.sync.state import Counts, SkipReason
from ...engine.sync.suspects import BREAKS
from ...engine.types import HeaderRecord
from ..framework.concurrency import CONFLICT_ERRORS
from .candidate import Candidate
from .importer import Importer

_logger = logging.getLogger(__name__)

#: Seconds that a server may be silent: less than a person waits.
PATIENCE = 10.0
#: When a message that the server did not return is requested again.
RETRY_PAUSES = tuple(timedelta(minutes=one) for one in (10, 60, 360, 1440, 1440))


def next_attempt(attempts: int) -> datetime | bool:
    """When to request a message again after a number of attempts; False: never."""
    pause = step(attempts, RETRY_PAUSES)
    return fields.Datetime.now() + pause if pause else False


class FailedImportRetry:
    """Retries ``mailbox.failed.import`` rows of one mailbox.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param session: an open :class:`ImapSession`; None: only for rows with their bytes
    :param store: the :class:`~services.sync.store.OdooStore` of the pass
    :param reconnects: the pass's :class:`~...engine.sync.suspects.Reconnects`, if there
        is a session
    """

    def __init__(self, account, session, store, reconnects=None):
        self.env = account.env
        self.account = account
        self.session = session
        self.store = store
        self.reconnects = reconnects

    def retry_due(self, deadline) -> None:
        """Retry messages that the server did not return and whose time has come;
        after an upgrade of the addon, all of them.

        :param deadline: stops the pass when its time is over
        """
        for row in self.account.failed_import_ids.due():
            deadline.check(self.session.endpoint.side)
            self.retry(row)

    def retry(self, row) -> bool:
        """Retry one, and commit.

        :return: whether it is solved: the message was imported, no longer belongs to a
            contact, or is no longer on the server
        """
        if not row.exists():
            return True
        raw = row.raw_bytes() or self._fetch(row)
        is_solved = self.store.transaction(lambda: self._solve_or_record(row, raw))
        self.store.has_progress = True
        return is_solved

    def _solve_or_record(self, row, raw: bytes | None) -> bool:
        """An unexpected error is about this e-mail alone: the others are retried."""
        try:
            with self.env.cr.savepoint():
                return self._solve(row, raw)
        except (*CONFLICT_ERRORS, OSError):
            raise
        except Exception as error:
            self.env.invalidate_all()
            _logger.exception("Failed import %s could not be retried", row.id)
            row.record_attempt(one_line(str(error)) or type(error).__name__)
            return False

    def _fetch(self, row) -> bytes | None:
        """The message from the server; None: it no longer exists; b"": not returned."""
        if not self.session or row.folder_id.gone:
            return b""
        self.session.wait_at_most(PATIENCE)
        try:
            return self._request(row)
        except EngineError as error:
            # As before, or the folder cannot be read: the others are retried.
            self._go_on(error)
            return b""
        finally:
            self.session.wait_at_most(None)

    def _go_on(self, error: EngineError) -> None:
        """
        :raise EngineError: it is not about one message or its folder
        """
        if error.kind is Kind.FOLDER_GONE:
            return
        if error.kind not in BREAKS or error.kind is Kind.DEADLINE:
            raise error
        self.reconnects.go_on(error)

    def _request(self, row) -> bytes | None:
        folder = row.folder_id
        status = self.session.examine(folder.raw_name)
        if status.uidvalidity != row.uidvalidity:
            # The folder was renumbered; the message is imported with its new UID.
            return None
        for _uid, raw in self.session.fetch_messages([row.uid]):
            return raw
        return b"" if self.session.existing([row.uid]) else None

    def _solve(self, row, raw: bytes | None) -> bool:
        if raw is not None and not self._import(row, raw):
            return False
        row.unlink()
        return True

    def _import(self, row, raw: bytes) -> bool:
        if not raw:
            row.record_attempt(row.reason)
            return False
        header = _header_record(row, raw)
        wanted = self.store.match([header]).get(header.uid)
        if not wanted:
            self._record_skipped(row, self.store.skip_reasons([header]))
            return True
        importer = Importer(row.folder_id, failed_import=row)
        candidate = Candidate(
            header, wanted.matches, raw, replies_to_document=bool(wanted.kind)
        )
        if not importer.parse_or_keep_failed(candidate):
            return False
        counts: Counts = importer.run([candidate] if wanted.matches else [])
        processed = {header.uid: SkipReason.PROCESSED}
        self._record_skipped(row, importer.skipped if wanted.matches else processed)
        self.store.enqueue_inbound(importer, [(candidate, wanted.kind)])
        return not counts.failed

    @staticmethod
    def _record_skipped(row, skipped: dict[int, SkipReason]) -> None:
        """Record why a message was skipped, if it is still in its folder."""
        row.folder_id.mark_skipped(
            {uid: reason for uid, reason in skipped.items() if uid}
        )


def _header_record(row, raw: bytes) -> HeaderRecord:
    """What the first phase of a sync would have fetched of a message."""
    head = block(raw)
    addresses, message_id = first_phase(head)
    received = row.received_at
    is_here = row.uidvalidity == row.folder_id.uidvalidity
    is_new = is_here and row.uid >= row.folder_id.first_uid
    return HeaderRecord(
        row.uid if is_here else 0,
        len(raw),
        received.replace(tzinfo=timezone.utc) if received else None,
        addresses,
        message_id,
        new=new_mail(head) if is_new else None,
    )
