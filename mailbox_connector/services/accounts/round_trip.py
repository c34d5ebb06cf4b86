"""A marked mail by SMTP, seen again by IMAP: what took how long, and where it broke.

Plain values in and out: no Odoo environment is held while a server is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...engine.errors import EngineError
from ...engine.imap.session import ImapSession
from ...engine.mime.parse import parse_message
from ...engine.net.deadline import Deadline
from ...engine.net.egress import EgressPolicy
from ...engine.smtp.session import open_smtp
from ...engine.smtp.transaction import send
from ...engine.types import Endpoint

#: Marks a test mail, so that it can be found and told from other mail.
HEADER = "X-Mailbox-Round-Trip"
#: Seconds for sending: a person is waiting.
SENDING_SECONDS = 45
#: Seconds for which the mail is looked for, and between two looks at most.
WATCH_SECONDS, LONGEST_PAUSE = 30.0, 3.0


@dataclass
class RoundTrip:
    """What happened. Times in seconds; None: it did not come to that.

    ``folder``: raw name of where the mail was seen; ``senders``: the addresses in From
    as received; ``kept_id``: whether the provider kept our Message-ID.
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


def hand_over(
    smtp: Endpoint, policy: EgressPolicy, sender: str, recipient: str, mime: bytes
) -> RoundTrip:
    """Sign in and send; errors are kept in the result."""
    trip = RoundTrip()
    start = time.monotonic()
    try:
        connection = open_smtp(smtp, policy, Deadline(SENDING_SECONDS))
        trip.signed_in = time.monotonic() - start
        start = time.monotonic()
        try:
            refused = send(connection, sender, [recipient], mime)
        finally:
            connection.quit()
        for error in refused.values():
            raise error
        trip.handed_over = time.monotonic() - start
    except EngineError as error:
        trip.smtp_error = error
    return trip


def watch(
    trip: RoundTrip,
    imap: Endpoint,
    policy: EgressPolicy,
    folders: Sequence[str],
    message_id: str,
    token: str,
    seconds: float = WATCH_SECONDS,
) -> None:
    """Look for the mail until it is there or ``seconds`` have passed.

    :param trip: of a mail that was handed over; what is found is added
    :param folders: raw names, the inbox first
    """
    trip.watched = True
    start, pause = time.monotonic(), 0.2
    try:
        # A little more than the watch: its last look may come to an end.
        with ImapSession(imap, policy, Deadline(seconds + 15)) as session:
            trip.read = time.monotonic() - start
            while not _seen(trip, session, folders, message_id, token):
                left = start + seconds - time.monotonic()
                if left <= 0:
                    return
                time.sleep(min(pause, left))
                pause = min(pause * 1.5, LONGEST_PAUSE)
            trip.seen = time.monotonic() - start
    except EngineError as error:
        trip.imap_error = error


def _seen(trip, session, folders, message_id, token) -> bool:
    for folder in folders:
        session.examine(folder)
        # By the mark where the provider gave the mail another Message-ID.
        uids = session.search_message_id(message_id) or session.search_header(
            HEADER, token
        )
        if not uids:
            continue
        trip.folder = folder
        for _uid, raw in session.fetch_messages(uids[-1:]):
            parsed = parse_message(raw)
            trip.kept_id = parsed.message_id == message_id
            trip.senders = tuple(one.email for one in parsed.addresses.get("from", []))
        return True
    return False
