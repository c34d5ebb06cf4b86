"""What is wrong is said in one sentence that names side and field; nothing typed is
lost, and what works goes on working."""

import functools
import socket
import time
from contextlib import contextmanager
from datetime import datetime

import pytest
from imapclient.exceptions import LoginError

from devtools.base.process import wait_for
from devtools.servers import certificates
from devtools.servers.mailservers import PASSWORD


def connect(mailbox):
    """Press Connect IMAP; what is said of reading and of sending."""
    mailbox.account.action_connect()
    mailbox.env.cr.commit()
    return mailbox.account.imap_problem, mailbox.account.smtp_problem


@contextmanager
def silent_server():
    """A server that accepts connections and says nothing; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for_login(servers, user):
    """Until Dovecot knows a new password; it looks once a second."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with servers.imap(user):
                return
        except LoginError:
            assert time.monotonic() < deadline, "the new password does not work"
            time.sleep(0.1)


@pytest.mark.parametrize("side", ["imap", "smtp"])
class TestEachServer:
    def problem(self, make_mailbox, side, **values):
        """Connect with one side wrong; the other has to work all the same."""
        values = {f"{side}_{name}": value for name, value in values.items()}
        # With a password of its own: else SMTP would share IMAP's trouble.
        mailbox = make_mailbox(**{"smtp_password": PASSWORD, **values})
        reading, sending = connect(mailbox)
        wrong, other = (reading, sending) if side == "imap" else (sending, reading)
        assert not other, other
        for name, value in values.items():
            if not name.endswith("password"):
                assert mailbox.account[name] == value, "what was typed stays"
        return wrong

    def test_unknown_host(self, make_mailbox, side):
        words = self.problem(make_mailbox, side, host="no-such-host.invalid")
        assert words.startswith("The server name no-such-host.invalid")
        assert "Check the host" in words

    def test_closed_port(self, make_mailbox, side):
        port = closed_port()
        words = self.problem(make_mailbox, side, port=port)
        assert words.startswith(f"localhost does not respond on port {port}")

    def test_wrong_password(self, make_mailbox, side):
        words = self.problem(make_mailbox, side, password="wrong")
        assert words.startswith("localhost refuses the username or the")
        assert "app password" in words
        assert "wrong" not in words

    def test_tls_asked_of_a_starttls_port(self, make_mailbox, servers, side):
        port = getattr(servers, f"{side}_starttls_port")
        words = self.problem(make_mailbox, side, port=port, security="tls")
        assert words.startswith(f"Port {port} of localhost does not speak TLS")
        assert "STARTTLS" in words

    def test_starttls_asked_of_a_tls_port(self, make_mailbox, servers, side):
        port = getattr(servers, f"{side}_tls_port")
        words = self.problem(make_mailbox, side, port=port, security="starttls")
        assert "encryption" in words

    def test_server_that_hangs(self, make_mailbox, monkeypatch, side):
        from odoo.addons.mailbox_connector.services.accounts import connection_test

        short = functools.partial(connection_test.run_connection_tests, seconds=4)
        monkeypatch.setattr(connection_test, "run_connection_tests", short)
        with silent_server() as port:
            words = self.problem(make_mailbox, side, port=port)
        assert "does not respond" in words
        assert "Check host, port and encryption" in words

    def test_both_kinds_of_encryption_work(self, make_mailbox, servers, side):
        for security in ("tls", "starttls"):
            port = getattr(servers, f"{side}_{security}_port")
            assert not self.problem(make_mailbox, side, port=port, security=security)


def test_certificate_of_an_unknown_issuer(make_mailbox):
    mailbox = make_mailbox(ca_certificate=False)
    for words in connect(mailbox):
        assert "issuer that is not trusted" in words
        assert "Advanced" in words


def test_ca_certificate_that_is_none(make_mailbox):
    mailbox = make_mailbox(ca_certificate="-----BEGIN NONSENSE-----")
    for words in connect(mailbox):
        assert "CA certificate under Advanced is not a PEM certificate" in words
    assert mailbox.account.ca_certificate == "-----BEGIN NONSENSE-----"


def test_certificate_of_another_authority(make_mailbox, tmp_path):
    other = certificates.authority(tmp_path)
    mailbox = make_mailbox(ca_certificate=other.read_text())
    for words in connect(mailbox):
        assert "issuer that is not trusted" in words


def test_private_address_that_nobody_allowed(env, make_mailbox):
    env["ir.config_parameter"].set_param("mailbox_connector.allowed_networks", "")
    mailbox = make_mailbox()
    for words in connect(mailbox):
        assert "may not connect to localhost" in words
        assert "mailbox_connector.allowed_networks" in words


def test_missing_password_is_asked_for(make_mailbox):
    mailbox = make_mailbox(imap_password=False)
    reading, sending = connect(mailbox)
    assert reading == "Enter the IMAP password."
    assert sending == "Enter the SMTP password."


def test_reading_alone_is_enough_to_import(make_mailbox, contact):
    mailbox = make_mailbox(smtp_host=False, smtp_username=False)
    mailbox.receive(contact.email, "Hello")
    mailbox.connect()
    assert not mailbox.account.smtp_problem
    assert mailbox.subjects(contact) == ["Hello"]


def test_sending_out_of_order_does_not_stop_reading(make_mailbox, contact):
    mailbox = make_mailbox(smtp_port=closed_port())
    mailbox.receive(contact.email, "Hello")
    mailbox.connect()
    assert "does not respond" in mailbox.account.smtp_problem
    assert mailbox.subjects(contact) == ["Hello"]


def test_password_changed_at_the_provider(env, servers, mailbox, contact):
    """Tried once more after ten minutes, then not again: repeated wrong log-ins lock
    accounts. The right password imports what came meanwhile."""
    mailbox.connect()
    mailbox.receive(contact.email, "Meanwhile")
    servers.set_password(mailbox.address, "rotated")
    wait_for_login(servers, mailbox.address)
    assert "refuses the username or the password" in mailbox.sync()["params"]["message"]
    account = mailbox.account
    assert not account.needs_person
    assert 6 < (account.retry_at - datetime.now()).total_seconds() / 60 < 14
    assert account not in env["mailbox.sync"]._due("served_at")
    mailbox.sync()
    assert account.needs_person
    account.retry_at = False
    assert account not in env["mailbox.sync"]._due("served_at")
    account.imap_password = "rotated"
    env.cr.commit()
    assert not account.needs_person
    mailbox.sync()
    assert not account.imap_problem
    assert mailbox.subjects(contact) == ["Meanwhile"]


def test_network_trouble_waits_longer_each_time(env, mailbox):
    mailbox.connect()
    mailbox.account.write(
        {"imap_port": closed_port(), "imap_password": mailbox.servers.password}
    )
    env.cr.commit()
    waits = []
    for _attempt in range(3):
        mailbox.sync()
        waits.append((mailbox.account.retry_at - datetime.now()).total_seconds())
    assert waits[0] < waits[1] < waits[2]
    assert not mailbox.account.needs_person


def test_one_mailbox_in_trouble_does_not_stop_the_others(env, make_mailbox, contact):
    broken, sound = make_mailbox(), make_mailbox()
    for box in (broken, sound):
        box.connect()
    broken.account.write(
        {"imap_port": closed_port(), "imap_password": broken.servers.password}
    )
    sound.receive(contact.email, "Hello")
    leases = env["mailbox.lease"].search([])
    leases.served_at = False
    env.cr.commit()
    env["mailbox.sync"]._cron_new_mail()
    assert sound.subjects(contact) == ["Hello"]
    env.invalidate_all()
    assert broken.account.imap_problem


class TestTestEmail:
    def send(self, mailbox, to):
        dialog = mailbox.env["mailbox.test.email"].create(
            {"account_id": mailbox.account.id, "email_to": to}
        )
        dialog.action_send()
        return dialog

    def test_it_arrives_from_the_mailbox(self, env, servers, mailbox):
        receiver = f"to-{mailbox.address}"
        dialog = self.send(mailbox, receiver)
        assert dialog.state == "ok", dialog.result
        assert receiver in dialog.result
        # Not before: see ``sending.inbox``.
        wait_for(lambda: not servers.queued(), 20, "the mail to be delivered")
        with servers.imap(receiver) as client:
            client.select_folder("INBOX", readonly=True)
            [(_uid, data)] = client.fetch([1], ["ENVELOPE"]).items()
        [sender] = data[b"ENVELOPE"].from_
        assert f"{sender.mailbox.decode()}@{sender.host.decode()}" == mailbox.address

    def test_wrong_password_is_shown_and_kept_on_the_form(self, make_mailbox):
        mailbox = make_mailbox(smtp_password="wrong")
        dialog = self.send(mailbox, "someone@example.com")
        assert dialog.state == "failed"
        assert dialog.result.startswith("Sending (SMTP): ")
        assert mailbox.account.smtp_problem
        assert dialog.result == f"Sending (SMTP): {mailbox.account.smtp_problem}"

    def test_refused_recipient_is_not_the_mailboxs_fault(self, mailbox):
        dialog = self.send(mailbox, "someone@not-served.invalid")
        assert dialog.state == "failed"
        assert "refuses the recipient" in dialog.result
        assert not mailbox.account.smtp_problem
