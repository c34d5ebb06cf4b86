"""E-mails that were put aside, tried once more."""

from __future__ import annotations

from datetime import timedelta, timezone

from odoo import fields

from ...engine.mime.headers import block, first_phase, new_mail
from ...engine.sync.state import Counts, SkipReason
from ...engine.types import HeaderRecord
from .importer import Candidate, Importer

#: When a message that the server did not hand out is asked for again.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (10, 60, 360, 1440, 1440))


class Retry:
    """Tries ``mailbox.failed.import`` rows of one mailbox again.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param session: an open :class:`ImapSession`; None: rows with their bytes alone
    :param store: the pass's :class:`~.store.OdooStore`
    """

    def __init__(self, account, session, store):
        self.env = account.env
        self.account = account
        self.session = session
        self.store = store

    def due(self, pause) -> None:
        """What a server refused and may hand out by now; all, after an upgrade."""
        for row in self.account.failed_import_ids._due():
            pause.check(self.session.endpoint.side)
            self.run(row)

    def run(self, row) -> bool:
        """Try one again and commit.

        :return: whether it is settled: imported, nobody's any more, or gone from the
            server
        """
        if not row.exists():
            return True
        raw = row.raw_bytes() or self._fetch(row)
        return self.store.transaction(lambda: self._settle(row, raw))

    def _fetch(self, row) -> bytes | None:
        """The message from the server; None: it is not there, b"": not handed out."""
        folder = row.folder_id
        if not self.session or folder.gone:
            return b""
        status = self.session.examine(folder.raw_name)
        if status.uidvalidity != row.uidvalidity:
            # Renumbered: it is read again under its new number.
            return None
        for _uid, raw in self.session.fetch_messages([row.uid]):
            return raw
        return b"" if self.session.existing([row.uid]) else None

    def _settle(self, row, raw: bytes | None) -> bool:
        if raw is not None and not self._import(row, raw):
            return False
        row.unlink()
        return True

    def _import(self, row, raw: bytes) -> bool:
        if not raw:
            row._note_attempt(row.reason)
            return False
        head = block(raw)
        addresses, message_id = first_phase(head)
        received = row.received_at
        is_here = row.uidvalidity == row.folder_id.uidvalidity
        is_new = is_here and row.uid >= row.folder_id.first_uid
        header = HeaderRecord(
            row.uid if is_here else 0,
            len(raw),
            received.replace(tzinfo=timezone.utc) if received else None,
            addresses,
            message_id,
            new=new_mail(head) if is_new else None,
        )
        wanted = self.store.match([header]).get(header.uid)
        if not wanted:
            self._record_skipped(row, self.store.skip_reasons([header]))
            return True
        importer = Importer(row.folder_id, failed_import=row)
        candidate = Candidate(header, wanted.matches, raw, answers=bool(wanted.kind))
        if not importer.take_apart(candidate):
            return False
        counts: Counts = importer.run([candidate] if wanted.matches else [])
        passed_on = {header.uid: SkipReason.PASSED_ON}
        self._record_skipped(row, importer.skipped if wanted.matches else passed_on)
        self.store.enqueue_inbound(importer, [(candidate, wanted.kind)])
        return not counts.failed

    @staticmethod
    def _record_skipped(row, skipped: dict[int, SkipReason]) -> None:
        """Note why the folder's message was not imported, if it still is there."""
        row.folder_id.mark_skipped(
            {uid: reason for uid, reason in skipped.items() if uid}
        )


def next_attempt(attempts: int):
    """When to ask the server again after so many attempts; False: no more."""
    if attempts > len(PAUSES):
        return False
    return fields.Datetime.now() + PAUSES[attempts - 1]
