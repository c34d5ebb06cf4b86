"""Saving the copies of sent e-mails in the Sent folders, by IMAP.

Done by the scheduled action "save sent e-mails", mailbox by mailbox, one IMAP session
for up to :data:`BATCH` e-mails, another one after an e-mail that failed. A copy that
cannot be saved is retried with growing pauses, for about two days in all, and then
given up; the mailbox shows the reason.
"""

from __future__ import annotations

import base64
import logging
import re
from datetime import datetime, timedelta, timezone

from psycopg2 import OperationalError

from odoo import fields

from ...engine import backoff
from ...engine.errors import EngineError, Kind
from ...engine.imap.session import ImapSession
from ...engine.mime.headers import first_phase
from ...engine.net.deadline import Deadline
from ...engine.sync.suspects import Reconnects
from ...engine.types import HeaderRecord
from ...error_messages import explain_not_filed
from ..accounts.endpoints import egress_policy, endpoint
from ..framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ..framework.scheduled_work import work_off
from ..incoming.candidate import Candidate
from ..incoming.importer import Importer
from ..incoming.matcher import Matcher
from . import sent_copy_queue, sent_copy_record
from .sent_copy_lookup import search_renamed

_logger = logging.getLogger(__name__)

#: Seconds for filing the sent e-mails of one mailbox.
SECONDS = 45
#: Sent e-mails filed over one session, at most.
BATCH = 50
#: After the first failure to file, doubled by each further one, up to the longest.
PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
#: Failures after which a copy is given up: about two days.
ATTEMPTS = 16
#: Failures that are not those of one e-mail.
OF_FOLDER = frozenset(
    {
        *(Kind.FOLDER_GONE, Kind.FOLDER_READ_ONLY, Kind.NO_PERMISSION, Kind.QUOTA),
        *(Kind.THROTTLED, Kind.TOO_MANY_CONNECTIONS),
    }
)
#: Those that take so long that the other e-mails have to wait.
SLOW = frozenset({Kind.TIMEOUT, Kind.DEADLINE})


def file_waiting(env) -> bool:
    """File all copies that are due; returns whether none is left."""
    deliveries = env["mailbox.delivery"]

    def find(done):
        return deliveries.search(
            [
                ("copy_state", "=", "waiting"),
                "|",
                ("copy_retry_at", "=", False),
                ("copy_retry_at", "<=", fields.Datetime.now()),
                ("id", "not in", done),
            ],
            order="id",
        )

    def work(due):
        account = due[0].account_id
        return _file(due.grouped("account_id")[account][:BATCH], account)

    return work_off(env, find, work)


def _file(rows, account):
    """File some e-mails of one mailbox; one that fails is tried again later.

    :return: those that were tried, at least one
    """
    env, account_id = rows.env, account.id
    folder = account.sent_folder()
    if not folder:
        _postpone(
            rows,
            env._(
                "This mailbox has no Sent folder, so copies of sent e-mails are not "
                "saved."
            ),
        )
        return rows
    deadline = Deadline(SECONDS)
    tried = rows.browse()
    try:
        while tried != rows and (not tried or deadline.left()):
            tried |= _file_over_session(rows - tried, folder, deadline)
    except OperationalError:
        # The database was busy or away: the next run continues.
        env.cr.rollback()
        _logger.info("Mailbox %s: filing was interrupted", account_id, exc_info=True)
        sent_copy_queue.trigger_cron(env, fields.Datetime.now() + PAUSE)
        return rows
    return tried


def _file_over_session(rows, folder, deadline: Deadline):
    """File e-mails until one fails.

    A failure is that of one e-mail, unless it says that it is of the whole folder: the
    server may hang up at one, and the others must not wait for that.

    :return: those that were tried or put off
    """
    env = rows.env
    tried = rows.browse()
    try:
        with SentFiling(folder, deadline) as filing:
            for row in rows:
                if tried and not deadline.left():
                    break
                tried |= row
                _file_one(row, filing)
    except EngineError as error:
        env.cr.rollback()
        reason = explain_not_filed(env, error, _shown_name(folder))
        if not tried or error.kind in OF_FOLDER:
            _postpone(rows, reason)
            return rows
        _postpone(tried[-1:], reason)
        if error.kind in SLOW:
            # The others go first next time: they have failed less often.
            (rows - tried).copy_retry_at = fields.Datetime.now() + PAUSE
            return rows
    return tried


def _file_one(row, filing: SentFiling) -> None:
    cron = row.env["ir.cron"]
    mime = base64.b64decode(row.copy_mime)
    # The sending may have been rolled back: record it before the sync can see it.
    sent_copy_record.record(row.account_id, [(row.mail_message_id_int, mime)])
    cron._commit_progress()
    is_retry = bool(row.copy_failures)
    was_there, location = filing.file(row.message_id, mime, is_retry)
    row.write({"copy_state": "found" if was_there else "filed", "copy_mime": False})
    _clear_problem(row)
    row.account_id.record_filing(was_there and not row.copy_failures)
    cron._commit_progress()
    if not location:
        return
    try:
        with mute_conflicts():
            filing.locate(location, mime)
            cron._commit_progress()
    except CONFLICT_ERRORS:
        # The folder is being synced right now: the sync finds the e-mail.
        row.env.cr.rollback()


def _clear_problem(row) -> None:
    """After an e-mail was filed, unless another one still cannot be."""
    account = row.account_id
    if account.sent_copy_problem and not row.search_count(
        [
            ("account_id", "=", account.id),
            ("copy_state", "=", "waiting"),
            ("copy_failures", ">", 0),
        ],
        limit=1,
    ):
        account.sent_copy_problem = False


def _shown_name(folder) -> str:
    """The folder's name without the INBOX that some servers keep all folders under."""
    return re.sub(r"^INBOX[./]", "", folder.name, flags=re.I)


def _postpone(rows, reason: str) -> None:
    """Save why e-mails could not be filed, and when to try again."""
    now = fields.Datetime.now()
    rows = rows.filtered(lambda row: row.copy_state == "waiting")
    for row in rows:
        failures = row.copy_failures + 1
        pause = backoff.exponential(failures, PAUSE, LONGEST_PAUSE)
        row.write(
            {
                "copy_failures": failures,
                "copy_retry_at": now + pause,
                "copy_state": "failed" if failures >= ATTEMPTS else "waiting",
            }
        )
    rows.account_id.sent_copy_problem = reason


class SentFiling:
    """Files the sent e-mails of one mailbox over one IMAP session.

    :param folder: ``mailbox.folder`` in a superuser environment
    :raise EngineError: also from its methods
    """

    def __init__(self, folder, deadline: Deadline):
        self.account = account = folder.account_id
        self.env = account.env
        self.folder = folder
        self.session = ImapSession(
            endpoint(account, "imap"), egress_policy(account.env), deadline
        )
        self._reconnects = Reconnects(self.session)

    def __enter__(self) -> SentFiling:
        self.session.open()
        return self

    def __exit__(self, *_exc) -> None:
        self.session.close()

    def file(
        self, message_id: str, mime: bytes, is_retry: bool
    ) -> tuple[bool, tuple[int, int] | None]:
        """Put an e-mail into the Sent folder unless it is there.

        It is looked for first: the provider may have saved it, or an earlier run that
        was cut off.

        :param is_retry: look for it under a Message-ID of the provider's, too
        :return: whether it was there; (UIDVALIDITY, UID) of the new copy, if the server
            reports it (RFC 4315)
        :raise EngineError: it is not there and could not be put there
        """
        self.session.examine(self.folder.raw_name)
        if self.session.search_message_id(message_id):
            return True, None
        if is_retry and search_renamed(self.session, message_id, self._reconnects):
            return True, None
        # Without a date: the server's is as good, and some servers refuse others.
        return False, self.session.append(self.folder.raw_name, mime)

    def locate(self, location: tuple[int, int], mime: bytes) -> None:
        """Record where a filed mail is, so that the sync need not fetch it.

        Other contacts in To and Cc get it as in any sync. If the folder is being synced
        right now, nothing is recorded, and the sync recognizes the e-mail.

        :param location: (UIDVALIDITY, UID)
        """
        uidvalidity, uid = location
        if uidvalidity != self.folder.uidvalidity:
            return
        addresses, message_id = first_phase(mime.partition(b"\r\n\r\n")[0])
        header = HeaderRecord(
            uid, len(mime), datetime.now(timezone.utc), addresses, message_id
        )
        matches = Matcher(self.env, self.account).match([header]).get(uid, [])
        importer = Importer(self.folder)
        importer.run([Candidate(header, matches, mime)])
        imported = {uid} - importer.skipped.keys()
        self.folder.mark_handled(imported, importer.skipped)
