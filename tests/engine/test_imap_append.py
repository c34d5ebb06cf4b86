"""A copy for the Sent folder is filed on every server, or its refusal has a reason."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from scripted import CLOSE, opened

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind

MAIL = b"Message-ID: <7@example.org>\r\n\r\nBody of it\r\n"
NOW = datetime(2026, 1, 5, 9, 30, tzinfo=timezone.utc)
LAST = rb"Body of it"
PLACE = b"%l OK [APPENDUID 7 9] done\r\n"
EXAMINED = (
    rb" EXAMINE",
    b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n%t OK [READ-ONLY] done\r\n",
)
CONTINUE = (rb" APPEND ", b"+ go ahead\r\n")
FILED = (LAST, PLACE)


def refused(play, answer, *, caps=(), tries=3):
    """The error of an APPEND that a server answers like that, whatever is asked."""
    one = [CONTINUE, (LAST, b"%l " + answer + b"\r\n")]
    session = opened(play, *one * tries, caps=caps)
    with pytest.raises(EngineError) as caught:
        session.append("Sent", MAIL, date=NOW)
    return caught.value


@pytest.mark.parametrize(
    ("caps", "leaving"), [(("UNSELECT",), b"UNSELECT"), ((), b"CLOSE")]
)
def test_no_folder_is_open_while_a_copy_is_filed(play, caps, leaving):
    """Courier refuses a message for the folder that is open read-only. CLOSE of such a
    folder expunges nothing (RFC 9051 section 6.4.1)."""
    close = (rb" " + leaving, b"%t OK closed\r\n")
    session = opened(play, EXAMINED, close, CONTINUE, FILED, EXAMINED, caps=caps)
    session.examine("Sent")
    assert session.append("Sent", MAIL) == (7, 9)
    assert session.folder is None, "the next search opens it again"
    assert session.examine("Sent").uidvalidity == 7


def test_a_folder_that_may_not_be_read_only_is_never_closed(play):
    """CLOSE would expunge what another program has marked as deleted."""
    open_writable = (rb' EXAMINE "Sent"', b"* 3 EXISTS\r\n%t OK [READ-WRITE] done\r\n")
    other = (rb' EXAMINE "INBOX"', b"* 1 EXISTS\r\n%t OK [READ-ONLY] done\r\n")
    session = opened(play, open_writable, other, CONTINUE, FILED)
    session.examine("Sent")
    assert session.append("Sent", MAIL) == (7, 9)
    assert session.folder is None


@pytest.mark.parametrize("answer", [b"%t NO no\r\n", b"%t BAD what?\r\n"])
@pytest.mark.parametrize("caps", [(), ("UNSELECT",)])
def test_a_server_that_cannot_leave_a_folder_still_gets_the_copy(play, caps, answer):
    close = (rb" (UNSELECT|CLOSE)", answer)
    session = opened(play, EXAMINED, close, CONTINUE, FILED, caps=caps)
    session.examine("Sent")
    assert session.append("Sent", MAIL) == (7, 9)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"NO Current box is selected READ-ONLY.", Kind.FOLDER_READ_ONLY),
        (b"NO [READ-ONLY] Mailbox is read-only", Kind.FOLDER_READ_ONLY),
        (b"NO Can't append to a readonly folder", Kind.FOLDER_READ_ONLY),
        (b"NO [ALERT] You exceeded your mail quota.", Kind.QUOTA),
        (b"NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", Kind.QUOTA),
        (b"NO Your quota has been exceeded.", Kind.QUOTA),
        (b"NO Over quota", Kind.QUOTA),
        (b"NO APPEND failed: Disk quota exceeded", Kind.QUOTA),
        (b"NO Mailbox is full", Kind.QUOTA),
        (b"NO [NOPERM] Permission denied", Kind.NO_PERMISSION),
        (b"NO Permission denied", Kind.NO_PERMISSION),
        (b'NO Access denied for i on INBOX.Sent (ACL "lr")', Kind.NO_PERMISSION),
        (b"NO You are not allowed to write here", Kind.NO_PERMISSION),
        (
            b"NO [ALERT] Cannot create message - no write permission or out of disk"
            b" space.",
            Kind.NO_PERMISSION,
        ),
        (b"NO [TRYCREATE] Must create mailbox before append", Kind.FOLDER_GONE),
        (b"NO [TRYCREATE] Mailbox doesn't exist: Sent", Kind.FOLDER_GONE),
        (b"NO Mailbox does not exist, or must be subscribed to.", Kind.FOLDER_GONE),
        (b"NO Invalid mailbox name.", Kind.FOLDER_GONE),
        (b"NO [TOOBIG] Message too large", Kind.TOO_LARGE),
        (b"NO Message size exceeds fixed limit", Kind.TOO_LARGE),
        (b"NO Message too big", Kind.TOO_LARGE),
        (b"BAD Literal too long", Kind.TOO_LARGE),
        (b"NO [UNAVAILABLE] Try again", Kind.TRANSIENT),
        (b"NO [INUSE] Mailbox is locked", Kind.TRANSIENT),
        (b"NO [LIMIT] Slow down", Kind.THROTTLED),
        (b"NO Message contains bare newlines", Kind.COPY_REFUSED),
        (b"NO APPEND failed", Kind.COPY_REFUSED),
        (b"NO -", Kind.COPY_REFUSED),
        (b"BAD Command syntax error", Kind.COPY_REFUSED),
    ],
)
def test_why_a_copy_was_refused(play, answer, kind):
    error = refused(play, answer)
    assert error.kind is kind
    assert error.server_text == answer.decode()


def test_a_refused_copy_leaves_the_session_usable(play):
    refusal = (LAST, b"%l NO [NOPERM] Permission denied\r\n")
    session = opened(play, EXAMINED, (rb" CLOSE", b"%t OK\r\n"), CONTINUE, refusal)
    session.examine("Sent")
    with pytest.raises(EngineError):
        session.append("Sent", MAIL)
    assert session.folder is None


def test_a_connection_lost_while_a_copy_is_sent_is_no_refusal(play):
    session = opened(play, CONTINUE, (LAST, CLOSE))
    with pytest.raises(EngineError) as caught:
        session.append("Sent", MAIL)
    assert caught.value.kind is Kind.CONNECTION_LOST


@pytest.mark.parametrize("answer", [b"BAD Invalid date", b"NO Bad date or flags"])
@pytest.mark.parametrize(
    "asked",
    [
        [rb' \(\\Seen\) ".* \+0000" {', rb" \(\\Seen\) {"],
        [rb' \(\\Seen\) ".* \+0000" {', rb" \(\\Seen\) {", rb'APPEND "Sent" {'],
    ],
)
def test_a_server_that_takes_no_date_or_no_flags_gets_the_copy_without(
    play, answer, asked
):
    """RFC 9051 section 6.3.12: NO may mean an error in flags or date."""
    script = []
    for pattern in asked:
        script += [(pattern, b"+ ok\r\n"), (LAST, b"%l " + answer + b"\r\n")]
    session = opened(play, *script[:-1], FILED)
    assert session.append("Sent", MAIL, date=NOW) == (7, 9)


def test_a_refusal_with_a_reason_is_not_repeated(play):
    """The message may be large: it is sent again only if that can help."""
    assert refused(play, b"NO [OVERQUOTA] Full", tries=1).kind is Kind.QUOTA


def test_a_message_over_the_servers_limit_is_not_sent(play):
    """APPENDLIMIT (RFC 7889)."""
    session = opened(play, CONTINUE, caps=("APPENDLIMIT=20",))
    with pytest.raises(EngineError) as caught:
        session.append("Sent", MAIL)
    assert caught.value.kind is Kind.TOO_LARGE
    assert (caught.value.size, caught.value.limit) == (len(MAIL), 20)


@pytest.mark.parametrize("limit", ["APPENDLIMIT=1000", "APPENDLIMIT", "APPENDLIMIT=x"])
def test_a_message_within_the_limit_is_sent(play, limit):
    session = opened(play, CONTINUE, FILED, caps=(limit,))
    assert session.append("Sent", MAIL) == (7, 9)


def test_a_message_refused_before_it_is_sent(play):
    """The server answers the announced size instead of asking for the message."""
    session = opened(play, (rb" APPEND ", b"%t NO [TOOBIG] Too large\r\n"))
    with pytest.raises(EngineError) as caught:
        session.append("Sent", MAIL)
    assert caught.value.kind is Kind.TOO_LARGE
