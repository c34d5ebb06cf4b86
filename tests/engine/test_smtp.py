"""Sending: through the real SMTP server, and through ones that misbehave."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import pytest
from scripted import CLOSE, HANG

from odoo.addons.mailbox_connector.engine.errors import EngineError, Field, Kind, Side
from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.smtp.session import open_smtp
from odoo.addons.mailbox_connector.engine.smtp.transaction import send
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

PASSWORD = "a secret word"


def message(sender: str, recipient: str, text: str = "Hello\n") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, "Test"
    mail["Message-ID"] = "<smtp.test@example.com>"
    mail.set_content(text)
    return mail


def received(endpoint, policy) -> list[bytes]:
    """What is in the inbox, as soon as something is."""
    with ImapSession(endpoint, policy, Deadline(20)) as session:
        while not (uids := _inbox(session)):
            pass
        return [raw for _uid, raw in session.fetch_messages(uids)]


def _inbox(session) -> list[int]:
    session.examine("INBOX")
    return session.search_since(None)


@pytest.mark.parametrize("security", list(Security))
def test_a_mail_arrives(servers, smtp_endpoint, imap_endpoint, policy, user, security):
    port = {
        Security.TLS: servers.smtp_tls_port,
        Security.STARTTLS: servers.smtp_starttls_port,
    }[security]
    endpoint = smtp_endpoint(security=security, port=port)
    connection = open_smtp(endpoint, policy, Deadline(30))
    assert connection.connection.encrypted
    mime = message(user, user, "One\n.dot\n..two\nlast").as_bytes()
    assert send(connection, user, [user], mime) == {}
    connection.quit()
    (raw,) = received(imap_endpoint(), policy)
    assert b"\r\n.dot\r\n..two\r\nlast" in raw


def test_odoo_can_use_it_as_its_own(smtp_endpoint, imap_endpoint, policy, user):
    """ir.mail_server calls these on the session it is given."""
    connection = open_smtp(smtp_endpoint(), policy)
    assert isinstance(connection, smtplib.SMTP)
    connection.ehlo_or_helo_if_needed()
    assert connection._host == "localhost"
    connection.from_filter = connection.smtp_from = user
    other = f"second-{user}"
    assert connection.send_message(message(user, user), user, [user, other]) == {}
    assert connection.send_message(message(user, user), user, [user]) == {}
    connection.quit()
    connection.quit()  # Odoo does so after a failure
    connection.close()
    assert received(imap_endpoint(), policy)
    assert received(imap_endpoint(username=other), policy)


def test_wrong_password(smtp_endpoint, policy, set_password):
    set_password("the-right-one")
    with pytest.raises(EngineError) as caught:
        open_smtp(smtp_endpoint(password="not-the-right-one"), policy)
    error = caught.value
    assert (error.kind, error.field, error.side) == (
        Kind.LOGIN_WRONG,
        Field.PASSWORD,
        Side.SMTP,
    )
    assert "not-the-right-one" not in f"{error!r} {error.server_text}"


def test_a_password_beyond_ascii(smtp_endpoint, policy, set_password):
    set_password("pässwörd-für-Ünlaute")
    open_smtp(smtp_endpoint(password="pässwörd-für-Ünlaute"), policy).quit()


@pytest.mark.parametrize(
    ("chosen", "running", "kind"),
    [
        (Security.TLS, "smtp_starttls_port", Kind.TLS_ON_PLAIN_PORT),
        (Security.STARTTLS, "smtp_tls_port", Kind.PLAIN_ON_TLS_PORT),
    ],
)
def test_encryption_and_port_do_not_fit(
    servers, smtp_endpoint, policy, chosen, running, kind
):
    endpoint = smtp_endpoint(security=chosen, port=getattr(servers, running))
    with pytest.raises(EngineError) as caught:
        open_smtp(endpoint, policy, read_timeout=4)
    assert (caught.value.kind, caught.value.field) == (kind, Field.SECURITY)


def test_unknown_authority(smtp_endpoint, policy):
    with pytest.raises(EngineError) as caught:
        open_smtp(smtp_endpoint(ca_pem=None), policy)
    assert caught.value.kind is Kind.CERTIFICATE_ISSUER


def test_a_refused_recipient_does_not_stop_the_others(
    smtp_endpoint, imap_endpoint, policy, user
):
    stranger = "nobody@refused.invalid"
    connection = open_smtp(smtp_endpoint(), policy)
    mime = message(user, user).as_bytes()
    refused = send(connection, user, [stranger, user], mime)
    assert list(refused) == [stranger]
    assert refused[stranger].kind is Kind.RECIPIENT_REFUSED
    assert refused[stranger].detail == stranger
    with pytest.raises(EngineError) as caught:
        send(connection, user, [stranger], mime)
    assert caught.value.kind is Kind.RECIPIENT_REFUSED
    assert caught.value.detail == stranger
    assert len(received(imap_endpoint(), policy)) == 1


@pytest.mark.parametrize("address", ["a@example.com\r\nRCPT TO:<b@example.com>", ""])
def test_addresses_cannot_smuggle_commands(smtp_endpoint, policy, user, address):
    connection = open_smtp(smtp_endpoint(), policy)
    with pytest.raises(EngineError):
        send(connection, user, [address], message(user, user).as_bytes())
    connection.quit()


# Servers that misbehave


def script(*rest, features=(b"AUTH PLAIN",), login=b"235 2.7.0 in\r\n"):
    lines = (b"mail.example.org", *features)
    ehlo = b"".join(b"250-" + line + b"\r\n" for line in lines) + b"250 HELP\r\n"
    return [(None, b"220 ready\r\n"), (b"ehlo", ehlo), (b"AUTH", login), *rest]


ENVELOPE = [(b"mail FROM", b"250 ok\r\n"), (b"rcpt TO", b"250 ok\r\n")]
DATA = [*ENVELOPE, (b"data", b"354 go\r\n")]


@pytest.fixture
def play(scripted, certificate, policy):
    def start(steps, tls=True, **timeouts):
        server = scripted(steps, certificate.pair if tls else None)
        endpoint = Endpoint(
            Side.SMTP,
            "localhost",
            server.port,
            Security.TLS if tls else Security.STARTTLS,
            "user@example.com",
            PASSWORD,
            certificate.ca_pem,
        )
        start.server = server
        return open_smtp(endpoint, policy, **{"read_timeout": 20, **timeouts})

    return start


def failure(call, *args, **kwargs) -> EngineError:
    with pytest.raises(EngineError) as caught:
        call(*args, **kwargs)
    assert PASSWORD not in f"{caught.value!r} {caught.value.server_text}"
    return caught.value


def send_one(connection, mime=b"Subject: x\r\n\r\nbody\r\n", to="b@example.com"):
    return send(connection, "a@example.com", [to], mime)


@pytest.mark.parametrize("end", [CLOSE, HANG])
def test_lost_after_data_is_an_unknown_outcome(play, end):
    """Sending again might deliver a customer's mail twice."""
    connection = play(script(*DATA, (rb"^\.\r\n", end)))
    connection.connection.read_timeout = 0.5 if end is HANG else 20
    assert failure(send_one, connection).kind is Kind.OUTCOME_UNKNOWN
    connection.quit()


@pytest.mark.parametrize("steps", [ENVELOPE[:1], ENVELOPE])
def test_lost_before_the_message_was_sent_is_not(play, steps):
    last = b"rcpt" if len(steps) == 1 else b"data"
    connection = play(script(*steps, (last, CLOSE)))
    assert failure(send_one, connection).kind is Kind.CONNECTION_LOST


def test_lost_while_the_message_is_being_sent_is_not_sent(play):
    """Without its final dot no server takes a message."""
    connection = play(script(*DATA, (b"body", CLOSE)))
    line = b"body " + b"x" * 900 + b"\r\n"
    error = failure(send_one, connection, b"Subject: x\r\n\r\n" + line * 20_000)
    assert error.kind is Kind.CONNECTION_LOST


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"550 5.4.5 Daily user sending limit exceeded", Kind.SENDING_LIMIT),
        (b"552 5.3.4 Message too big", Kind.TOO_LARGE),
        (b"554 5.7.1 spam", Kind.CONTENT_REFUSED),
        (b"451 4.3.0 later", Kind.GREYLISTED),
    ],
)
def test_refused_after_data(play, reply, kind):
    steps = script(*DATA, (rb"^\.\r\n", reply + b"\r\n"), (b"rset", CLOSE))
    connection = play(steps)
    assert failure(send_one, connection).kind is kind


def test_too_large_is_not_even_sent(play):
    connection = play(script(features=(b"AUTH PLAIN", b"SIZE 10")))
    assert failure(send_one, connection).kind is Kind.TOO_LARGE


def test_addresses_beyond_ascii_need_the_extension(play):
    connection = play(script(features=(b"AUTH PLAIN",)))
    error = failure(send_one, connection, to="jörg@example.com")
    assert (error.kind, error.field) == (Kind.RECIPIENT_REFUSED, Field.ADDRESS)
    assert error.detail == "jörg@example.com"


def test_addresses_beyond_ascii_with_the_extension(play):
    features = (b"AUTH PLAIN", b"SMTPUTF8", b"8BITMIME")
    connection = play(script(*DATA, (rb"^\.\r\n", b"250 ok\r\n"), features=features))
    assert send_one(connection, to="jörg@example.com") == {}
    commands = b"".join(play.server.received)
    assert b"SMTPUTF8" in commands and "jörg@".encode() in commands


def test_international_domains_need_no_extension(play):
    connection = play(script(*DATA, (rb"^\.\r\n", b"250 ok\r\n")))
    assert send_one(connection, to="info@müller.example") == {}
    assert b"<info@xn--mller-kva.example>" in b"".join(play.server.received)


def test_auth_login_where_plain_is_missing(play):
    steps = script(features=(b"AUTH LOGIN",))[:2]
    steps += [(b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"), (b".", b"334 UGFzc3dvcmQ6\r\n")]
    play([*steps, (b".", b"235 in\r\n")]).close()


def test_a_wrong_password_is_tried_once(play):
    features = (b"AUTH PLAIN LOGIN CRAM-MD5",)
    steps = script(
        (b"AUTH", b"235 in\r\n"), features=features, login=b"535 5.7.8 no\r\n"
    )
    assert failure(play, steps).kind is Kind.LOGIN_WRONG
    assert sum(b"AUTH" in line for line in play.server.received) == 1


REFUSES_PLAIN = [
    b"535 5.7.8 Error: authentication failed: Invalid authentication mechanism\r\n",
    b"535 PLAIN authentication not supported\r\n",
    b"534 5.7.9 Authentication mechanism is too weak\r\n",
    b"504 5.7.4 Unrecognized authentication type\r\n",
    b"501 5.5.4 Invalid arguments\r\n",
    b"502 Invalid input\r\n",
]


@pytest.mark.parametrize("reply", REFUSES_PLAIN)
def test_a_mechanism_that_is_offered_and_refused(play, reply):
    """The password is right: LOGIN takes it."""
    login = [
        (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"),
        (b".", b"334 UGFzc3dvcmQ6\r\n"),
        (b".", b"235 in\r\n"),
    ]
    features = (b"AUTH PLAIN LOGIN",)
    play(script(*login, features=features, login=reply)).close()
    assert sum(b"AUTH" in line for line in play.server.received) == 2


def test_no_mechanism_is_left(play):
    error = failure(play, script(login=REFUSES_PLAIN[0]))
    assert (error.kind, error.field) == (Kind.NO_AUTH_OFFERED, Field.SECURITY)


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([(None, HANG)], Kind.TIMEOUT),
        ([(None, CLOSE)], Kind.CONNECTION_LOST),
        ([(None, b"421 too many connections\r\n")], Kind.TOO_MANY_CONNECTIONS),
        ([(None, b"554 no service\r\n")], Kind.PROTOCOL),
        ([(None, b"* OK an IMAP server\r\n")], Kind.PROTOCOL),
        ([(None, b"220-x\r\n" * 600)], Kind.PROTOCOL),
        (script(features=()), Kind.NO_AUTH_OFFERED),
        (script(login=b"454 4.7.0 later\r\n"), Kind.TRANSIENT),
        (
            script(login=b"535 5.7.139 basic authentication is disabled\r\n"),
            Kind.PASSWORDS_REFUSED,
        ),
    ],
)
def test_failures_on_the_way_in(play, steps, kind):
    patience = 0.5 if steps == [(None, HANG)] else 20
    assert failure(play, steps, read_timeout=patience).kind is kind


def test_starttls_not_offered_is_never_done_without(play):
    error = failure(play, script(), tls=False)
    assert (error.kind, error.field) == (Kind.STARTTLS_MISSING, Field.SECURITY)
    assert not any(b"AUTH" in line for line in play.server.received)


def test_answers_smuggled_before_encryption(play):
    steps = script(features=(b"STARTTLS",))[:2]
    steps.append((b"STARTTLS", b"220 go\r\n250-AUTH PLAIN\r\n"))
    assert failure(play, steps, tls=False).kind is Kind.STARTTLS_INJECTION


# Many recipients


def recipients(count: int) -> list[str]:
    return [f"c{number}@customer.example" for number in range(count)]


def transactions(server) -> list[tuple[list[str], bool]]:
    """Of each MAIL: the recipients that were named, and whether DATA was said."""
    found = []
    for line in server.received:
        if line.startswith(b"mail FROM"):
            found.append(([], False))
        elif line.startswith(b"rcpt TO"):
            found[-1][0].append(line.decode().partition("<")[2].partition(">")[0])
        elif line.startswith(b"data"):
            found[-1] = (found[-1][0], True)
    return found


MAIL = (b"mail FROM", b"250 ok\r\n")
TAKEN = (b"rcpt TO", b"250 ok\r\n")
SENT = [(b"data", b"354 go\r\n"), (rb"^\.\r\n", b"250 queued\r\n")]


def test_two_hundred_recipients(smtp_endpoint, imap_endpoint, policy, user):
    """All of them get it, each once, whatever the server takes at a time."""
    connection = open_smtp(smtp_endpoint(), policy)
    everybody = [user, *(f"many{number}@example.com" for number in range(199))]
    assert send(connection, user, everybody, message(user, user).as_bytes()) == {}
    connection.quit()
    assert len(received(imap_endpoint(), policy)) == 1


@pytest.mark.parametrize(
    "full",
    [b"452 4.5.3 Too many recipients", b"552 too many recipients", b"452 full"],
)
def test_recipients_over_the_limit_go_in_the_next_transaction(play, full):
    """Refused for their number only, they would be reported to have got nothing."""
    refused = (b"rcpt TO", full + b"\r\n")
    steps = [MAIL, TAKEN, TAKEN, refused, refused, refused, *SENT]
    steps += [MAIL, TAKEN, TAKEN, refused, *SENT, MAIL, TAKEN, *SENT]
    connection = play(script(*steps))
    everybody = recipients(5)
    assert send(connection, "a@example.com", everybody, b"Subject: x\r\n\r\n") == {}
    assert transactions(play.server) == [
        (everybody, True),
        (everybody[2:], True),
        (everybody[4:], True),
    ]


def test_too_many_said_of_the_whole_message(play):
    """After DATA nobody has it: the half, and the other half."""
    too_many = [(b"data", b"354 go\r\n"), (rb"^\.\r\n", b"552 too many recipients\r\n")]
    steps = [MAIL, *[TAKEN] * 3, *too_many, (b"rset", b"250 ok\r\n")]
    steps += [MAIL, TAKEN, *SENT, MAIL, TAKEN, TAKEN, *SENT]
    connection = play(script(*steps))
    everybody = recipients(3)
    assert send(connection, "a@example.com", everybody, b"Subject: x\r\n\r\n") == {}
    assert transactions(play.server) == [
        (everybody, True),
        (everybody[:1], True),
        (everybody[1:], True),
    ]


def test_no_room_for_anybody_ends(play):
    """Asked for one by one a server that takes nobody would be asked for ever."""
    refused = [
        (b"rcpt TO", b"452 4.5.3 <c%d@x>: Too many recipients\r\n" % number)
        for number in range(2)
    ]
    connection = play(script(MAIL, *refused, (b"rset", b"250 ok\r\n")))
    error = failure(
        send, connection, "a@example.com", recipients(2), b"Subject: x\r\n\r\n"
    )
    assert error.kind is Kind.TOO_MANY_RECIPIENTS
    assert len(transactions(play.server)) == 1


@pytest.mark.parametrize("end", [CLOSE, b"421 closing\r\n"])
def test_what_a_later_transaction_loses_is_not_sent_again(play, end):
    """The first ones have it; of the last ones nobody knows."""
    refused = (b"rcpt TO", b"452 4.5.3 Too many recipients\r\n")
    steps = [MAIL, TAKEN, refused, *SENT, MAIL, TAKEN, (b"data", b"354 go\r\n")]
    connection = play(script(*steps, (rb"^\.\r\n", end)))
    first, last = recipients(2)
    errors = send(connection, "a@example.com", [first, last], b"Subject: x\r\n\r\n")
    assert list(errors) == [last]
    unknown = Kind.OUTCOME_UNKNOWN if end is CLOSE else Kind.GREYLISTED
    assert errors[last].kind is unknown


def test_the_limit_of_the_account_ends_it(play):
    """Every further transaction would take the account closer to a lock."""
    refused = (b"rcpt TO", b"452 4.5.3 Too many recipients\r\n")
    limit = (b"mail FROM", b"550 5.4.5 Daily user sending limit exceeded\r\n")
    steps = [MAIL, TAKEN, refused, refused, *SENT, limit, (b"rset", b"250 ok\r\n")]
    connection = play(script(*steps))
    first, *others = recipients(3)
    errors = send(connection, "a@example.com", [first, *others], b"Subject: x\r\n\r\n")
    assert {one: error.kind for one, error in errors.items()} == dict.fromkeys(
        others, Kind.SENDING_LIMIT
    )
    assert len(transactions(play.server)) == 2


def test_a_limit_said_for_each_recipient_is_one_limit(play):
    """Counted as many, the mailbox would pause as after so many failures."""
    refused = [
        (b"rcpt TO", b"450 4.7.1 <c%d@x>: too much mail from you\r\n" % number)
        for number in range(3)
    ]
    connection = play(script(MAIL, TAKEN, *refused, *SENT))
    first, *others = recipients(4)
    errors = send(connection, "a@example.com", [first, *others], b"Subject: x\r\n\r\n")
    assert list(errors) == others
    assert len({id(error) for error in errors.values()}) == 1
    assert errors[others[0]].kind is Kind.SENDING_LIMIT


def test_hung_up_among_the_recipients(play):
    """The first was refused for good, the others only for now."""
    steps = [MAIL, (b"rcpt TO", b"550 5.1.1 unknown\r\n"), TAKEN]
    connection = play(script(*steps, (b"rcpt TO", b"421 4.7.0 slow down\r\n")))
    errors = send(connection, "a@example.com", recipients(4), b"Subject: x\r\n\r\n")
    kinds = [error.kind for error in errors.values()]
    assert kinds == [Kind.RECIPIENT_REFUSED, *[Kind.GREYLISTED] * 3]


def test_one_impossible_address_does_not_stop_the_others(play):
    connection = play(script(*DATA, (rb"^\.\r\n", b"250 ok\r\n")))
    bad = ["jörg@example.com", "nobody", "bad@@", "a\n@example.com", "a>b@example.com"]
    errors = send(connection, "a@example.com", [*bad, *recipients(1)], b"x: y\r\n\r\n")
    assert list(errors) == bad
    for address, error in errors.items():
        assert (error.kind, error.field) == (Kind.RECIPIENT_REFUSED, Field.ADDRESS)
        assert error.detail == " ".join(address.split())
    assert transactions(play.server) == [(recipients(1), True)]


def test_two_spellings_of_one_address_are_one_recipient(play):
    steps = [MAIL, (b"rcpt TO", b"550 5.1.1 unknown\r\n"), (b"rset", b"250 ok\r\n")]
    connection = play(script(*steps))
    both = ["info@müller.example", "info@xn--mller-kva.example"]
    error = failure(send, connection, "a@example.com", both, b"Subject: x\r\n\r\n")
    assert error.kind is Kind.RECIPIENT_REFUSED
    assert transactions(play.server) == [([both[1]], False)]


def test_out_of_step_is_started_afresh(play):
    """503 says nothing of the mail: on a new connection it goes."""
    steps = [(b"mail FROM", b"503 5.5.1 nested MAIL\r\n"), (b"rset", b"250 ok\r\n")]
    connection = play(script(*steps))
    error = failure(send_one, connection)
    assert error.kind is Kind.TRANSIENT and error.retryable
    assert connection.sock is None


def test_a_server_that_is_done_with_this_connection(play):
    """After so many mails, or minutes, it hangs up: the next mail needs a new one."""
    steps = [(b"mail FROM", b"421 4.7.0 Too many messages in this connection\r\n")]
    assert failure(send_one, play(script(*steps))).kind is Kind.CONNECTION_LOST


def test_how_large_it_is_and_how_large_it_may_be(play):
    connection = play(script(features=(b"AUTH PLAIN", b"SIZE 10")))
    error = failure(send_one, connection)
    assert (error.kind, error.limit) == (Kind.TOO_LARGE, 10)
    assert error.size == len(b"Subject: x\r\n\r\nbody\r\n")
