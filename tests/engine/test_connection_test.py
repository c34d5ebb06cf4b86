"""The connection test: its steps, what fails, and a record without credentials."""

from __future__ import annotations

import base64
import re
import socket
from datetime import datetime, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import CLOSE, PASSWORD, ScriptedServer, signed_in

from odoo.addons.mailbox_connector.engine.connection_test import run
from odoo.addons.mailbox_connector.engine.connection_test.run import run_connection_test
from odoo.addons.mailbox_connector.engine.connection_test.steps import State, StepName
from odoo.addons.mailbox_connector.engine.discovery import port_probe
from odoo.addons.mailbox_connector.engine.errors import Field, Kind, Side
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.redact import Redaction
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

INBOX = b'* LIST (\\HasNoChildren) "/" INBOX\r\n'
SENT = b'* LIST (\\Sent) "/" Sent\r\n'
EXAMINED = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n%t OK done\r\n"
STATUS = b"* STATUS %b (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\r\n"


def folder_script(*listed):
    """What a server says that lists these folders."""
    return [
        (rb" LIST", (*listed, b"%t OK done\r\n")),
        (rb" STATUS", STATUS % b"INBOX" + b"%t OK done\r\n"),
        *([(rb" STATUS", STATUS % b"Sent" + b"%t OK done\r\n")] * (len(listed) - 1)),
        (rb" EXAMINE", EXAMINED),
        (rb" LOGOUT", b"* BYE bye\r\n%t OK done\r\n"),
    ]


def smtp_script(mail, *rcpt):
    """A server that takes the password, and answers that to MAIL and RCPT."""
    return [
        (None, b"220 mail.test\r\n"),
        (rb"^EHLO", b"250-mail.test\r\n250 AUTH PLAIN\r\n"),
        (rb"^AUTH", b"235 ok\r\n"),
        (rb"^MAIL", mail),
        *((rb"^RCPT", answer) for answer in rcpt),
        (rb"^RSET", b"250 ok\r\n"),
        (rb"^QUIT", b"221 bye\r\n"),
    ]


@pytest.fixture
def tried(scripted, certificate, policy):
    """Tests a scripted server."""

    def go(side, script, *, server=None, **changes):
        server = server or scripted(script, certificate.pair)
        values = {
            "side": side,
            "host": "localhost",
            "port": server.port,
            "security": Security.TLS,
            "username": "user@example.com",
            "password": PASSWORD,
            "ca_pem": certificate.ca_pem,
        }
        endpoint = Endpoint(**{**values, **changes})
        found = run_connection_test(
            endpoint, policy, address="user@example.com", read_timeout=20.0
        )
        found.server = server
        return found

    return go


@pytest.fixture
def no_search(monkeypatch):
    """Other ports are not looked for."""
    monkeypatch.setattr(run, "find_ports", lambda *_args: [])


def states(test):
    return {step.name.value: step.state.value for step in test.steps}


def facts(test, name):
    return next(step.facts for step in test.steps if step.name is name)


# Real servers


def test_reading_goes_through_all_steps_one_after_the_other(
    imap_endpoint, policy, servers
):
    """Each is reported when it begins and when it is done: a person looks on."""
    seen = []
    test = run_connection_test(
        imap_endpoint(), policy, report=lambda now: seen.append(states(now))
    )
    assert set(states(test).values()) == {"ok"} and test.is_done
    order = [name for name in states(test)]
    for name in order:
        assert any(one[name] == "running" for one in seen), name
    for one in seen:
        reached = [one[name] for name in order]
        assert reached == sorted(reached, key=["ok", "running", "waiting"].index)
    encrypted = facts(test, StepName.ENCRYPT)
    assert encrypted["version"].startswith("TLSv1.")
    assert encrypted["subject"] and encrypted["issuer"]
    assert encrypted["until"] > datetime.now(timezone.utc)
    assert facts(test, StepName.CONNECT)["port"] == servers.imap_tls_port
    folders = facts(test, StepName.FOLDERS)
    assert folders["count"] >= 5 and folders["inbox"] == "INBOX"
    assert folders["sent"] == "Sent"
    assert {folder.name for folder in test.folders} >= {"INBOX", "Sent"}
    assert all(folder.status for folder in test.folders if folder.selectable)


def test_sending_asks_whether_it_may_and_sends_nothing(
    smtp_endpoint, policy, servers, user
):
    before = servers.folder_state(user)
    test = run_connection_test(smtp_endpoint(), policy, address=user)
    assert set(states(test).values()) == {"ok"}
    said = "\n".join(test.transcript).upper()
    assert f"MAIL FROM:<{user}>".upper() in said and "RSET" in said
    assert "C: DATA" not in said
    assert servers.folder_state(user) == before


@pytest.mark.parametrize("side", ["imap", "smtp"])
def test_a_wrong_password_stops_at_signing_in_and_stays_secret(
    imap_endpoint, smtp_endpoint, policy, side
):
    make = imap_endpoint if side == "imap" else smtp_endpoint
    wrong = "quite the wrong one"
    test = run_connection_test(make(password=wrong), policy)
    assert list(states(test).values()) == ["ok"] * 3 + ["failed", "not_reached"]
    assert (test.error.kind, test.error.field) == (
        Kind.LOGIN_WRONG,
        Field.PASSWORD,
    )
    said = "\n".join(test.transcript)
    assert re.search(r"C: .*AUTH(ENTICATE)? PLAIN \*\*\*", said)
    assert wrong not in said and not test.alternatives


@pytest.mark.parametrize("side", ["imap", "smtp"])
def test_a_wrong_encryption_is_found_out(
    imap_endpoint, smtp_endpoint, policy, servers, side
):
    make = imap_endpoint if side == "imap" else smtp_endpoint
    port = getattr(servers, f"{side}_starttls_port")
    seen = []
    test = run_connection_test(
        make(port=port, security=Security.TLS),
        policy,
        report=lambda now: seen.append((now.is_searching, now.error is not None)),
    )
    assert states(test)["encrypt"] == "failed"
    assert test.error.field is Field.SECURITY
    assert (port, Security.STARTTLS) in test.alternatives
    assert (port, Security.TLS) not in test.alternatives
    assert (True, True) in seen, "what failed is reported before others are looked for"
    assert not test.is_searching


def test_a_port_that_stays_silent_before_a_first_sign_in(
    imap_endpoint, policy, servers, monkeypatch
):
    """The time is over then, and still the port that responds is found."""
    usual = ((servers.imap_starttls_port, Security.STARTTLS),)
    monkeypatch.setitem(port_probe.USUAL, Side.IMAP, usual)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        test = run_connection_test(
            imap_endpoint(port=silent.getsockname()[1]),
            policy,
            Deadline(1.5),
            signs_in=False,
        )
    assert test.error.kind in (Kind.DEADLINE, Kind.TIMEOUT)
    assert list(usual) == test.alternatives


@pytest.mark.parametrize(
    ("changes", "failed", "kind"),
    [
        ({"host": "nobody.invalid"}, "resolve", Kind.HOST_UNKNOWN),
        ({"port": 1}, "connect", Kind.HOST_FORBIDDEN),
        ({"username": "a\r\nb"}, "sign_in", Kind.LOGIN_WRONG),
        ({"ca_pem": "no certificate"}, "encrypt", Kind.CERTIFICATE_INVALID),
        ({"ca_pem": None}, "encrypt", Kind.CERTIFICATE_ISSUER),
    ],
)
def test_the_step_that_fails_is_the_one_that_is_wrong(
    imap_endpoint, policy, changes, failed, kind
):
    test = run_connection_test(imap_endpoint(**changes), policy)
    assert states(test)[failed] == "failed"
    assert test.error.kind is kind
    assert list(states(test).values()).count("failed") == 1
    assert "running" not in states(test).values()


@pytest.mark.parametrize("side", ["imap", "smtp"])
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_it_can_stop_before_signing_in(
    imap_endpoint, smtp_endpoint, policy, servers, side, security
):
    """In the guided set-up, before a password was entered."""
    make = imap_endpoint if side == "imap" else smtp_endpoint
    endpoint = make(
        port=getattr(servers, f"{side}_{security}_port"),
        security=Security(security),
        username="",
        password="",
    )
    test = run_connection_test(endpoint, policy, signs_in=False)
    assert states(test) == {"resolve": "ok", "connect": "ok", "encrypt": "ok"}
    assert test.is_done and not test.error
    said = [line.upper() for line in test.transcript if line.startswith("C:")]
    assert said and not any("AUTH" in line or "LOGIN" in line for line in said)


# Odd answers


def test_no_sent_folder_is_a_warning(tried):
    """Reading works without; a person chooses the folder in the dialog."""
    test = tried(Side.IMAP, [*signed_in(), *folder_script(INBOX)])
    assert not test.error
    assert states(test)["folders"] == "warning"
    assert facts(test, StepName.FOLDERS)["sent"] == ""


def test_folders_that_cannot_be_read_are_a_failure(tried):
    script = [
        *signed_in(),
        (rb" LIST", b"%t BAD User is authenticated but not connected.\r\n"),
    ]
    test = tried(Side.IMAP, script)
    assert states(test)["sign_in"] == "ok"
    assert states(test)["folders"] == "failed"


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([b"553 5.7.1 <user@example.com>: not owned by user\r\n"], Kind.SENDER_REFUSED),
        (
            [b"250 ok\r\n", b"553 5.7.1 <user@example.com>: not owned by user\r\n"],
            Kind.SENDER_REFUSED,
        ),
        ([b"250 ok\r\n", CLOSE], Kind.CONNECTION_LOST),
    ],
)
def test_who_may_not_send_as_the_address_is_shown(tried, no_search, answers, kind):
    """Some servers refuse the sender only when there is a recipient."""
    test = tried(Side.SMTP, smtp_script(*answers))
    assert states(test)["sender"] == "failed"
    assert test.error.kind is kind


@pytest.mark.parametrize(
    "answers",
    [
        [b"451 4.7.1 Greylisted, come back in 5 minutes\r\n"],
        [b"250 ok\r\n", b"450 4.2.0 Greylisted\r\n"],
        [b"550 5.4.5 Daily user sending limit exceeded\r\n"],
        [b"250 ok\r\n", b"550 5.1.1 No such user here\r\n"],
    ],
)
def test_an_answer_about_this_moment_is_no_failure_of_the_settings(tried, answers):
    test = tried(Side.SMTP, smtp_script(*answers))
    assert states(test)["sender"] == "warning"
    assert not test.error and facts(test, StepName.SENDER)["error"].server_text


def test_a_certificate_that_ends_soon_is_a_warning(scripted, certificate, tried):
    pair = certificate.make("soon", days=5)
    server = scripted([*signed_in(), *folder_script(INBOX, SENT)], pair)
    test = tried(Side.IMAP, [], server=server)
    assert states(test)["encrypt"] == "warning" and not test.error
    assert facts(test, StepName.ENCRYPT)["days"] in (4, 5)


def test_what_is_no_mail_server_is_not_quoted(tried, no_search):
    """A person who types hosts must not read what other servers of the house say."""
    script = [(None, b"HTTP/1.1 400 the intranet of Example\r\nServer: secret\r\n")]
    for side in Side:
        test = tried(side, script)
        assert test.error
        said = "\n".join(test.transcript)
        assert "intranet" not in said and "Server" not in said
        assert "bytes" in said


def test_the_transcript_is_bounded(tried, no_search):
    many = [b'* LIST () "/" "%b%d"\r\n' % (b"x" * 900, n) for n in range(400)]
    done = b"%t OK done\r\n"
    script = [
        *signed_in("LIST-STATUS"),
        (rb" LIST", (INBOX, *many, STATUS % b"INBOX", done)),
    ]
    test = tried(Side.IMAP, [*script, (rb" STATUS", CLOSE)])
    assert len(test.transcript) == 200
    assert max(map(len, test.transcript)) == 500


def test_literals_of_the_server_are_not_kept(tried, no_search):
    listed = b'* LIST (\\Sent) "/" {11}\r\nvery secret\r\n'
    script = [*signed_in(), (rb" LIST", (INBOX, listed, b"%t OK done\r\n"))]
    test = tried(Side.IMAP, [*script, (rb" STATUS", CLOSE)])
    said = "\n".join(test.transcript)
    assert "S: very secret" not in said and "S: *** (11 bytes)" in said


# Credentials

PASSWORDS = st.text(
    st.characters(blacklist_characters="\r\n\0*", blacklist_categories=("Cs",)),
    min_size=1,
    max_size=40,
)
ODD = [
    "LOGIN",
    "A1 LIST secret",
    "QUIT",
    "MAIL FROM:<a@example.com>",
    '"quoted\\"',
    "ends in a literal {3}",
    "p",
    "päss wörd",
    "密码密码",
    "  spaces  ",
    "AUTH PLAIN",
    "x" * 300,
]


class Echo(ScriptedServer):
    """Signs in, or refuses and quotes all that it was sent."""

    def __init__(self, side, mechanism, accepts, certificate):
        self.side, self.mechanism, self.accepts = side, mechanism, accepts
        super().__init__([], certificate)

    def _play(self, sock, reader):
        getattr(self, f"_{self.side.value}")(sock, reader)

    def _imap(self, sock, reader):
        caps = "AUTH=PLAIN" if self.mechanism == "PLAIN" else ""
        sock.sendall(b"* OK ready\r\n")
        while line := reader.readline():
            self.received.append(line)
            tag, verb = line.split()[:2]
            if verb == b"CAPABILITY":
                sock.sendall(b"* CAPABILITY IMAP4rev1 %b\r\n" % caps.encode())
                sock.sendall(tag + b" OK done\r\n")
                continue
            heard = line
            while found := re.search(rb"\{(\d+)\}\r\n$", heard):
                sock.sendall(b"+ go on\r\n")
                heard += reader.read(int(found[1])) + reader.readline()
            if verb == b"AUTHENTICATE":
                sock.sendall(b"+ \r\n")
                heard += reader.readline()
            self.received.append(heard)
            said = heard.replace(b"\r\n", b" ")
            done = b"OK" if self.accepts else b"NO [AUTHENTICATIONFAILED]"
            sock.sendall(b"%b %b %b\r\n" % (tag, done, said))
            if self.accepts:
                return self._drop(sock)

    def _smtp(self, sock, reader):
        sock.sendall(b"220 mail.test\r\n")
        while line := reader.readline():
            if line.upper().startswith(b"EHLO"):
                sock.sendall(b"250-x\r\n250 AUTH %b\r\n" % self.mechanism.encode())
                continue
            heard = [line]
            if line.split()[1:] == [b"LOGIN"]:
                for prompt in (b"Username:", b"Password:"):
                    sock.sendall(b"334 %b\r\n" % base64.b64encode(prompt))
                    heard.append(reader.readline())
            self.received += heard
            said = b"".join(heard).replace(b"\r\n", b" ")
            decoded = [base64.b64decode(word) for word in said.split()[-1:]]
            sock.sendall(
                b"%b 5.7.8 %b %b\r\n"
                % (
                    b"235" if self.accepts else b"535",
                    said,
                    b"".join(decoded).replace(b"\0", b" "),
                )
            )
            return self._drop(sock)

    def _drop(self, sock):
        sock.close()


MECHANISMS = [
    (Side.IMAP, "PLAIN"),
    (Side.IMAP, "LOGIN"),
    (Side.SMTP, "PLAIN"),
    (Side.SMTP, "LOGIN"),
]


@pytest.mark.parametrize("accepts", [True, False], ids=["taken", "refused"])
@pytest.mark.parametrize(("side", "mechanism"), MECHANISMS)
def test_no_credential_is_ever_kept(
    certificate, tried, no_search, side, mechanism, accepts
):
    """Even of a server that quotes them, as it got them and decoded."""
    server = Echo(side, mechanism, accepts, certificate.pair)

    def one(password):
        server.received.clear()
        test = tried(side, [], server=server, password=password)
        assert server.received, test.error
        said = "\n".join(test.transcript)
        hidden = [password, password.replace('"', '\\"')]
        hidden.append(base64.b64encode(password.encode()).decode().rstrip("="))
        user = "\0user@example.com\0"
        hidden.append(base64.b64encode((user + password).encode()).decode().rstrip("="))
        for secret in hidden:
            assert secret.lower() not in _quoted(said), said
        assert "***" in said

    try:
        for password in ODD[::3] if accepts else ODD:
            one(password)
        given(PASSWORDS)(
            settings(
                max_examples=6,
                database=None,
                suppress_health_check=list(HealthCheck),
            )(one)
        )()
    finally:
        server.stop()


def _quoted(said: str) -> str:
    """What the server said while somebody signed in, and what the client did."""
    lines = said.lower().split("\n")
    words = ("***", "c: ", "s: ")
    kept = [line for line in lines if line.startswith(("c:", "s:"))]
    for word in words:
        kept = [line.replace(word, "\n") for line in kept]
    return "\n".join(kept)


@given(PASSWORDS, st.binary(max_size=60), st.binary(max_size=60))
def test_no_part_of_a_line_is_a_secret(password, before, after):
    endpoint = Endpoint(Side.IMAP, "h", 993, Security.TLS, "me@example.com", password)
    secret = password.encode()
    for one in (secret, base64.b64encode(secret), b"\0me@example.com\0" + secret):
        shown = Redaction(endpoint).of(before + one + after)
        for kept in shown.split(b"***"):
            assert secret.lower() not in kept.lower()


@given(st.binary(max_size=80))
def test_a_line_without_secrets_stays_as_it_is(line):
    endpoint = Endpoint(Side.IMAP, "h", 1, Security.TLS, "me", "\x01\x02" * 40)
    line = line.replace(b"\x01", b"")
    assert Redaction(endpoint).of(line) == line


def test_a_secret_that_was_cut_off_is_hidden_as_well():
    endpoint = Endpoint(
        Side.SMTP, "h", 1, Security.TLS, "me@example.com", "correct horse battery"
    )
    shown = Redaction(endpoint).of(b"500 what is CORRECT HORSE b...?")
    assert shown == b"500 what is ***...?"


def test_steps_have_states_of_their_own():
    """What another part of the program compares with."""
    assert [state.value for state in State] == [
        *("waiting", "running", "ok", "warning", "failed", "not_reached")
    ]
