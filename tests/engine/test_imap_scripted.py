"""What an IMAP server may do that a real one here will not: hang, lie, attack."""

from __future__ import annotations

import pytest
from scripted import (
    CLOSE,
    EXAMINE,
    GREETING,
    HANG,
    PASSWORD,
    capability,
    opened,
    signed_in,
)

from odoo.addons.mailbox_connector.engine.errors import EngineError, Field, Kind, Side
from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security


def failure(session) -> EngineError:
    with pytest.raises(EngineError) as caught:
        session.open()
    error = caught.value
    assert PASSWORD not in f"{error!r} {error.server_text} {error.detail}"
    assert (error.host, error.port) == (session.endpoint.host, session.endpoint.port)
    session.close()
    return error


def test_silence_before_the_greeting(play):
    assert failure(play([(None, HANG)], read_timeout=0.2)).kind is Kind.TIMEOUT


def test_silence_in_the_handshake(play, scripted, policy, certificate):
    silent = scripted([(None, HANG)])
    session = play([(None, HANG)], connect_timeout=0.3)
    object.__setattr__(session.endpoint, "port", silent.port)
    error = failure(session)
    assert (error.kind, error.field) == (Kind.TIMEOUT, Field.SECURITY)


def test_silence_before_the_greeting_of_starttls(play):
    session = play([(None, HANG)], tls=False, read_timeout=0.2)
    assert failure(session).kind is Kind.TIMEOUT


def test_silence_ends_with_the_deadline(play):
    session = play([(None, HANG)], deadline=Deadline(0.3))
    assert failure(session).kind is Kind.DEADLINE


def test_a_server_that_drips_ends_with_the_deadline(play):
    """Bytes that keep coming keep a read timeout from ever striking."""
    drip = (None, tuple([b"* OK "] + [b"x" * 50_000] * 400 + [HANG]))
    session = play([drip], deadline=Deadline(0.5))
    assert failure(session).kind in (Kind.DEADLINE, Kind.TOO_LARGE)


def test_hang_up_at_once(play):
    assert failure(play([(None, CLOSE)])).kind is Kind.CONNECTION_LOST


def test_hang_up_while_signing_in_is_no_wrong_password(play):
    session = play([GREETING, capability(), (rb" LOGIN", CLOSE)])
    assert failure(session).kind is Kind.CONNECTION_LOST


def test_starttls_not_offered_is_never_done_without(play):
    session = play([GREETING, capability("AUTH=PLAIN")], tls=False)
    error = failure(session)
    assert (error.kind, error.field) == (Kind.STARTTLS_MISSING, Field.SECURITY)
    assert not any(b"LOGIN" in one for one in session.server.received)


def test_preauth_cannot_skip_encryption(play):
    session = play([(None, b"* PREAUTH hi\r\n"), capability("STARTTLS")], tls=False)
    assert failure(session).kind is Kind.STARTTLS_INJECTION


def test_answers_smuggled_before_encryption(play):
    smuggled = b"%t OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
    script = [GREETING, capability("STARTTLS"), (rb" STARTTLS", smuggled)]
    assert failure(play(script, tls=False)).kind is Kind.STARTTLS_INJECTION


def test_tls_alert_instead_of_a_greeting(play):
    session = play([(None, b"\x15\x03\x01\x00\x02\x02\x28")], tls=False)
    assert failure(session).kind is Kind.PLAIN_ON_TLS_PORT


def test_no_way_to_sign_in(play):
    error = failure(play([GREETING, capability("LOGINDISABLED", "AUTH=XOAUTH2")]))
    assert (error.kind, error.field) == (Kind.NO_AUTH_OFFERED, Field.SECURITY)


def test_a_wrong_password_is_tried_once(play):
    """A second try by another way would take the account closer to a lock."""
    script = [GREETING, capability("AUTH=PLAIN"), (rb" AUTHENTICATE", b"%t NO no\r\n")]
    session = play([*script, (rb" LOGIN", b"%t NO no\r\n")])
    assert failure(session).kind is Kind.LOGIN_WRONG
    assert not any(b" LOGIN" in one for one in session.server.received)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"NO [ALERT] Application-specific password required", "app_password_needed"),
        (b"NO [AUTHENTICATIONFAILED] Invalid credentials", "login_wrong"),
        (b"NO [ALERT] Too many simultaneous connections", "too_many_connections"),
        (b"NO [UNAVAILABLE] Temporary authentication failure", "transient"),
        (b"NO no reason", "login_wrong"),
        (b'BAD unknown command LOGIN "a secret word"', "login_wrong"),
    ],
)
def test_answers_to_a_login(play, answer, kind):
    script = [GREETING, capability(), (rb" LOGIN", b"%t " + answer + b"\r\n")]
    assert failure(play(script)).kind.value == kind


def test_bye_as_greeting(play):
    session = play([(None, b"* BYE Too many connections from your address\r\n")])
    assert failure(session).kind is Kind.TOO_MANY_CONNECTIONS


def test_not_a_mail_server(play):
    session = play([(None, b"HTTP/1.1 400 Bad Request\r\n\r\n"), (None, CLOSE)])
    error = failure(session)
    assert error.kind is Kind.PROTOCOL
    # What an inner host says is not for the person who guessed its name.
    assert "HTTP" not in error.server_text


@pytest.mark.parametrize(
    ("name", "field", "kind"),
    [
        ("other-name", {"names": ("mail.example.org",)}, Kind.CERTIFICATE_NAME),
        ("expired", {"days": -1}, Kind.CERTIFICATE_DATE),
    ],
)
def test_certificates_that_do_not_fit(play, scripted, certificate, name, field, kind):
    server = scripted([GREETING], certificate.make(name, **field))
    session = play([GREETING])
    object.__setattr__(session.endpoint, "port", server.port)
    error = failure(session)
    assert (error.kind, error.field) == (kind, Field.HOST)
    assert error.detail


def test_the_servers_own_certificate_may_be_trusted(scripted, certificate, policy):
    """Where there is no authority, its certificate itself is what one has."""
    server = scripted(signed_in("IDLE"), certificate.pair)
    endpoint = Endpoint(
        Side.IMAP,
        "localhost",
        server.port,
        Security.TLS,
        "user@example.com",
        PASSWORD,
        certificate.pair[0].read_text(),
    )
    with ImapSession(endpoint, policy, read_timeout=20) as session:
        assert session.capabilities == {"IMAP4REV1", "IDLE"}


# After signing in


def test_flags_changed_elsewhere_are_no_messages(play):
    """A FETCH answer without UID must not be read as UID = sequence number."""
    answer = (
        b"* 1 FETCH (FLAGS (\\Seen))\r\n"
        b"* 2 FETCH (UID 1 BODY[] {2}\r\nhi FLAGS ())\r\n"
        b"* 2 EXPUNGE\r\n"
        b'* 2 FETCH (UID 5 BODY[] "yo")\r\n'
        b"* 3 FETCH (UID 8 BODY[] NIL)\r\n"
        b"%t OK done\r\n"
    )
    session = opened(play, EXAMINE, (rb" UID FETCH", answer))
    session.examine("INBOX")
    messages = list(session.fetch_messages([1, 2, 5, 8]))
    assert messages == [(1, b"hi"), (5, b"yo"), (8, b"")]


def test_one_message_that_the_server_cannot_read(play):
    """Exchange answers NO for a whole batch then: the others must come."""
    script = [
        EXAMINE,
        (rb" FETCH 1:3 ", b"%t NO Some messages could not be FETCHed\r\n"),
        (rb" FETCH 1 ", b"* 1 FETCH (UID 1 BODY[] {1}\r\na)\r\n%t OK done\r\n"),
        (rb" FETCH 2 ", b"%t NO Some messages could not be FETCHed\r\n"),
        (rb" FETCH 3 ", b"* 3 FETCH (UID 3 BODY[] {1}\r\nc)\r\n%t OK done\r\n"),
    ]
    session = opened(play, *script)
    session.examine("INBOX")
    assert list(session.fetch_messages([1, 2, 3])) == [(1, b"a"), (3, b"c")]
    assert session.unfetchable == {2}


@pytest.mark.parametrize("code", [b"[INUSE]", b"[UNAVAILABLE]"])
def test_a_busy_folder_is_no_message_that_cannot_be_read(play, code):
    """It is tried again later; nothing is kept as a failed import."""
    session = opened(play, EXAMINE, (rb" FETCH ", b"%t NO " + code + b" Busy\r\n"))
    session.examine("INBOX")
    with pytest.raises(EngineError) as caught:
        list(session.fetch_messages([1, 2]))
    assert caught.value.kind is Kind.TRANSIENT
    assert not session.unfetchable


def test_list_options_are_dropped_when_the_server_chokes(play):
    caps = ("LIST-STATUS", "LIST-EXTENDED", "SPECIAL-USE", "CONDSTORE")
    script = [
        (rb"SPECIAL-USE STATUS", b"%t BAD no such option\r\n"),
        (rb"RETURN \(SPECIAL-USE\)", b"%t BAD no such option\r\n"),
        (rb' LIST "" "\*"\r', b'* LIST () "/" INBOX\r\n%t OK done\r\n'),
        (rb" STATUS", b"* STATUS INBOX (MESSAGES 2 UIDVALIDITY 1)\r\n%t OK done\r\n"),
    ]
    session = opened(play, *script, caps=caps)
    (folder,) = session.list_folders(status=True)
    assert folder.status.messages == 2
    assert folder.status.uidnext is None  # 163.com leaves it out


def test_examine_refused_but_the_folder_is_there(play):
    """Trouble of the moment must not be taken for a deleted folder."""
    script = [
        (rb" EXAMINE", b"%t NO cannot open it right now\r\n"),
        (rb" LIST", b'* LIST () "/" Work\r\n%t OK done\r\n'),
        (rb" EXAMINE", b"%t NO cannot open it right now\r\n"),
        (rb" LIST", b'* LIST () "/" INBOX\r\n%t OK done\r\n'),
    ]
    session = opened(play, *script)
    for kind in (Kind.TRANSIENT, Kind.FOLDER_GONE):
        with pytest.raises(EngineError) as caught:
            session.examine("Work")
        assert caught.value.kind is kind


def test_search_results_of_every_form(play):
    script = [
        EXAMINE,
        (rb"SEARCH RETURN", b"%t BAD what?\r\n"),
        (rb"UID SEARCH ALL", b"* SEARCH 5 3\r\n* SEARCH 9 (MODSEQ 12)\r\n%t OK x\r\n"),
        (rb"UID SEARCH ALL", b"%t OK nothing\r\n"),  # iCloud: no answer at all
    ]
    session = opened(play, *script, caps=("ESEARCH",))
    session.examine("INBOX")
    assert session.search_since(None) == [3, 5, 9]
    assert session.search_since(None) == []


def test_bye_in_the_middle(play):
    script = [EXAMINE, (rb" UID SEARCH", (b"* BYE [LIMIT] Rate limit hit\r\n", CLOSE))]
    session = opened(play, *script)
    session.examine("INBOX")
    with pytest.raises(EngineError) as caught:
        session.search_since(None)
    assert caught.value.kind is Kind.THROTTLED


def test_goodbye_never_waits_long(play):
    session = opened(play, (rb" LOGOUT", HANG))
    session._imap.connection.read_timeout = 0.2
    session.close()
    with pytest.raises(EngineError) as caught:
        session.examine("INBOX")
    assert caught.value.kind is Kind.CONNECTION_LOST
