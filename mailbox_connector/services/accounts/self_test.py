"""The test e-mail: a marked e-mail leaves by SMTP and is looked for by IMAP.

Waiting for the servers takes plain values in and out: no Odoo environment is held
meanwhile, and nothing in the mailbox is changed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid

from ...engine.errors import EngineError
from ...engine.imap.session import ImapSession
from ...engine.mime.parse import parse_message
from ...engine.net.deadline import Deadline
from ...engine.net.egress import EgressPolicy
from ...engine.smtp.session import open_smtp
from ...engine.smtp.transaction import send
from ...engine.types import Endpoint

#: Marks a test e-mail, so that it can be found among other e-mails.
HEADER = "X-Mailbox-Test"
#: Seconds for sending: a person is waiting.
SENDING_SECONDS = 45
#: Seconds for which the e-mail is looked for, and between two looks at most.
WATCH_SECONDS, LONGEST_PAUSE = 30.0, 3.0
#: Where it may arrive: the roles of folders, in the order in which they are searched.
ROLES = ("inbox", "all", "junk")


@dataclass
class EmailTest:
    """What happened to a test e-mail. Times in seconds; None: it did not come to that.

    ``folder``: raw name of where it was seen; ``senders``: the addresses in From as
    received; ``kept_id``: whether the provider kept our Message-ID.
    """

    signed_in: float | None = None
    handed_over: float | None = None
    smtp_error: EngineError | None = None
    watched: bool = False
    read: float | None = None
    seen: float | None = None
    folder: str = ""
    senders: tuple[str, ...] = ()
    kept_id: bool = True
    imap_error: EngineError | None = None


def compose(account, recipient: str, subject: str) -> EmailMessage:
    """A test e-mail from a mailbox, with a mark of its own in :data:`HEADER`."""
    sender = account.email_normalized
    mail = EmailMessage()
    mail["From"] = formataddr((account.name, sender))
    mail["To"] = recipient
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.now(timezone.utc))
    mail["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail[HEADER] = secrets.token_hex(12)
    mail.set_content(
        account.env._(
            "This is a test from Odoo, sent through the mailbox %s. You don't need to "
            "do anything.",
            sender,
        )
    )
    return mail


def folders_to_watch(account):
    """The folders in which a test e-mail may arrive, the likeliest first."""
    folders = account.folder_ids.filtered(
        lambda folder: folder.role in ROLES and not folder.gone
    )
    return folders.sorted(lambda folder: ROLES.index(folder.role))


def hand_over(
    smtp: Endpoint, policy: EgressPolicy, sender: str, recipient: str, mime: bytes
) -> EmailTest:
    """Sign in and send; an error is kept in the result."""
    test = EmailTest()
    start = time.monotonic()
    try:
        connection = open_smtp(smtp, policy, Deadline(SENDING_SECONDS))
        test.signed_in = time.monotonic() - start
        start = time.monotonic()
        try:
            refused = send(connection, sender, [recipient], mime)
        finally:
            connection.quit()
        for error in refused.values():
            raise error
        test.handed_over = time.monotonic() - start
    except EngineError as error:
        test.smtp_error = error
    return test


def watch(
    test: EmailTest,
    imap: Endpoint,
    policy: EgressPolicy,
    folders: Sequence[str],
    message_id: str,
    token: str,
    seconds: float = WATCH_SECONDS,
) -> None:
    """Look for the e-mail until it is there or ``seconds`` have passed.

    :param test: of an e-mail that was handed over; what is found is added to it
    :param folders: raw names, the inbox first
    """
    test.watched = True
    start, pause = time.monotonic(), 0.2
    try:
        # A little more than the watch, so that its last look can finish.
        with ImapSession(imap, policy, Deadline(seconds + 15)) as session:
            test.read = time.monotonic() - start
            while not _is_seen(test, session, folders, message_id, token):
                left = start + seconds - time.monotonic()
                if left <= 0:
                    return
                time.sleep(min(pause, left))
                pause = min(pause * 1.5, LONGEST_PAUSE)
            test.seen = time.monotonic() - start
    except EngineError as error:
        test.imap_error = error


def _is_seen(test, session, folders, message_id, token) -> bool:
    for folder in folders:
        session.examine(folder)
        # By the mark if the provider gave the e-mail another Message-ID.
        uids = session.search_message_id(message_id) or session.search_header(
            HEADER, token
        )
        if not uids:
            continue
        test.folder = folder
        for _uid, raw in session.fetch_messages(uids[-1:]):
            parsed = parse_message(raw)
            test.kept_id = parsed.message_id == message_id
            test.senders = tuple(one.email for one in parsed.addresses.get("from", []))
        return True
    return False
