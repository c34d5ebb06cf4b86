"""What people type into addresses, names and subjects: a right mail, or words that say
what to mend; nobody gets it twice, and nothing is lost.

Plain functions: in a class Odoo would take them for tests that do not send.
"""

import os
import sys
from pathlib import Path

import pytest
from conftest import Mailbox, settings_of, unique
from sending import delivered, find, inbox, make_agent, make_contact

from odoo.tools import mute_logger

from devtools.servers import certificates, mailservers

sys.path.append(str(Path(__file__).parents[1] / "engine"))
from scripted import ScriptedServer

CORE = "odoo.addons.mail.models.mail_mail"
VICTIM = "victim@elsewhere.example"


@pytest.fixture
def agent(env, make_mailbox):
    """A user who owns a connected mailbox."""
    return make_agent(env, make_mailbox)


def send(agent, **values):
    """A mail as a template or an automation makes it, sent; committed."""
    mail = agent.env["mail.mail"].with_user(agent.user).sudo()
    mail = mail.create(
        {
            "model": "res.partner",
            "res_id": agent.contact.id,
            "email_from": agent.address,
            "subject": "Hello",
            "body_html": "<p>Good day</p>",
            "auto_delete": False,
            **values,
        }
    )
    agent.env.cr.commit()
    mail.send()
    agent.env.cr.commit()
    agent.env.invalidate_all()
    return mail


def ledger(agent):
    """{recipient: state} of all that this mailbox has handed over."""
    rows = agent.env["mailbox.delivery"].search([("account_id", "=", agent.account.id)])
    return {row.recipient: row.state for row in rows}


def spoilt(contact, **values):
    """A contact with what a form would not let through, but an import does."""
    contact.write(values)
    contact.env.cr.commit()
    return contact


# ----------------------------------------------------------------------
# Lists of addresses
# ----------------------------------------------------------------------


def two_addresses():
    return f"{unique('a')}@x.example", f"{unique('b')}@y.example"


def test_a_list_with_junk_reaches_those_who_can_be_reached(agent, servers):
    first, second = two_addresses()
    junk = f"{first}, , bad@@, <{second}>, ;nobody"
    posted = agent.post(partner_ids=[], outgoing_email_to=junk)
    assert {status for status, _reason in agent.status(posted)} == {"sent"}
    template = agent.env["mail.template"].create(
        {
            "name": unique("template"),
            "model_id": agent.env["ir.model"]._get_id("res.partner"),
            "subject": "Hello",
            "body_html": "<p>Good day</p>",
            "email_from": agent.address,
            "use_default_to": False,
            "email_to": junk,
            "auto_delete": False,
        }
    )
    mail_id = template.with_user(agent.user).sudo().send_mail(agent.contact.id)
    mail = agent.env["mail.mail"].browse(mail_id)
    mail.send()
    agent.env.cr.commit()
    assert mail.state == "sent", mail.failure_reason
    assert ledger(agent) == {first: "sent", second: "sent"}
    for address in (first, second):
        for message_id in (posted.message_id, mail.message_id):
            [received] = inbox(servers, address, message_id)
            to = {one.addr_spec for one in received["To"].addresses}
            assert to <= {first, second}


def test_one_bad_address_of_several_is_named(agent, servers):
    """The good one has it, and does not get it again when the mail is tried again."""
    good, _other = two_addresses()
    bad = "nobody@nowhere.invalid"
    with mute_logger(CORE):
        mail = send(agent, email_to=f"{good}, {bad}")
        assert mail.state == "exception" and bad in mail.failure_reason
        mail.action_retry()
        mail.send()
        agent.env.cr.commit()
    assert ledger(agent) == {good: "sent", bad: "failed"}
    assert len(inbox(servers, good, mail.message_id)) == 1


@mute_logger(CORE)
def test_an_address_that_is_none_is_named(agent):
    for email in ("bad@@", "nobody@", "nobody"):
        contact = spoilt(make_contact(agent.env), email=email)
        posted = agent.post(partner_ids=contact.ids)
        [(status, reason)] = agent.status(posted)
        assert status == "exception"
        assert email in reason or "valid recipient address" in reason
    assert "sent" not in ledger(agent).values()
    # It is about those addresses, not about the mailbox.
    assert not agent.account.smtp_problem


def test_two_hundred_recipients_of_one_mail(agent, servers):
    everybody = [f"{unique('m')}@many.example" for _number in range(200)]
    mail = send(agent, email_to=", ".join(everybody))
    assert mail.state == "sent", mail.failure_reason
    assert ledger(agent) == dict.fromkeys(everybody, "sent")
    # Somebody presses Send again: everybody has it.
    mail.state = "outgoing"
    mail.send()
    agent.env.cr.commit()
    for address in (everybody[0], everybody[99], everybody[199]):
        [received] = inbox(servers, address, mail.message_id)
        assert len(received["To"].addresses) == 200


# ----------------------------------------------------------------------
# Size
# ----------------------------------------------------------------------


@pytest.fixture
def small_agent(env):
    """An agent whose SMTP server takes messages of up to 20 MB."""
    servers = mailservers.start("small", size_limit=20)

    def make(name, **values):
        address = f"{unique(name)}@example.com"
        account = env["mailbox.account"].create(
            {
                "email": address,
                "name": name,
                **settings_of(servers, address),
                **values,
            }
        )
        env.cr.commit()
        return Mailbox(env, servers, address, account)

    yield make_agent(env, make)
    if servers.started:
        servers.stop()


def test_a_file_over_the_servers_size(small_agent):
    """The user reads how large it is and how large it may be; a link goes through."""
    agent = small_agent
    server = agent.account._mail_server()
    file = [("film.mp4", os.urandom(21 << 20))]
    # An administrator lets Odoo attach what it would make a link of.
    server.max_email_size = 100
    with mute_logger(CORE):
        posted = agent.post(attachments=file)
    [(status, reason)] = agent.status(posted)
    assert status == "exception"
    assert "The e-mail is 2" in reason
    assert "this server accepts up to 20 MB" in reason
    assert not agent.account.smtp_problem
    assert not delivered(agent.servers, agent.contact.email, posted.message_id)
    server.max_email_size = 10
    agent.env.cr.commit()
    agent.retry(posted)
    assert agent.status(posted) == [("sent", False)]
    [mail] = inbox(agent.servers, agent.contact.email, posted.message_id)
    assert not list(mail.iter_attachments())
    assert "film.mp4" in mail.get_body(("html",)).get_content()


# ----------------------------------------------------------------------
# Names and addresses beyond ASCII
# ----------------------------------------------------------------------


def test_names_of_any_letters(agent, servers):
    agent.account.name = "Büro „Österreich“, <Łódź>"
    contact = spoilt(make_contact(agent.env), name='Jörg "Joe" Müller, 東京')
    posted = agent.post(partner_ids=contact.ids, subject="Grüße — 你好")
    [mail] = inbox(servers, contact.email, posted.message_id)
    [sender], [to] = mail["From"].addresses, mail["To"].addresses
    assert sender.display_name == "Büro „Österreich“, <Łódź>"
    assert sender.addr_spec == agent.address
    assert (to.display_name, to.addr_spec) == (contact.name, contact.email)
    assert mail["Subject"] == "Grüße — 你好"


def test_addresses_of_any_letters(agent, servers):
    """Core takes the spelling of a domain for the wire for another address, and drops
    it. The letters before the @ need SMTPUTF8 (RFC 6531), which this server has."""
    name = unique("i")
    domain = spoilt(make_contact(agent.env), email=f"{name}@müller.example")
    local = spoilt(make_contact(agent.env), email=f"jörg{name}@x.example")
    posted = agent.post(partner_ids=(domain | local).ids)
    assert [status for status, _reason in agent.status(posted)] == ["sent", "sent"]
    wire = f"{name}@xn--mller-kva.example"
    assert ledger(agent) == {wire: "sent", local.email: "sent"}
    assert len(inbox(servers, wire, posted.message_id)) == 1


@pytest.fixture
def plain_server(servers):
    """An SMTP server without SMTPUTF8."""
    script = [
        (None, b"220 plain.example\r\n"),
        (rb"^EHLO", b"250-plain.example\r\n250 AUTH PLAIN\r\n"),
        (rb"^AUTH", b"235 ok\r\n"),
        *[(rb"^(MAIL|RCPT|RSET|QUIT)", b"250 ok\r\n")] * 4,
    ]
    server = ScriptedServer(script, certificates.server(servers.folder / "tls"))
    yield server
    server.stop()


@mute_logger(CORE)
def test_an_address_of_any_letters_where_it_does_not(env, make_mailbox, plain_server):
    agent = make_agent(
        env, make_mailbox, smtp_port=plain_server.port, smtp_security="tls"
    )
    plain_server.received.clear()  # Connect asked whether it may send
    contact = spoilt(make_contact(env), email="jörg@x.example")
    posted = agent.post(partner_ids=contact.ids)
    [(status, reason)] = agent.status(posted)
    assert status == "exception"
    assert "cannot send to or from jörg@x.example" in reason
    assert not any(line.upper().startswith(b"MAIL") for line in plain_server.received)
    assert not agent.account.smtp_problem


# ----------------------------------------------------------------------
# Line breaks and header fields
# ----------------------------------------------------------------------

BREAK = f"x\r\nBcc: {VICTIM}\r\n\r\nBody"


def assert_no_injection(agent, servers, mail, posted):
    assert mail["Bcc"] is None
    assert VICTIM not in {one.addr_spec for one in mail["To"].addresses}
    assert mail["From"].addresses[0].addr_spec == agent.address
    assert len(mail["From"].addresses) == 1
    assert VICTIM not in ledger(agent)
    assert not delivered(servers, VICTIM, posted.message_id)


def test_a_line_break_in_a_subject_or_a_contacts_name(agent, servers):
    """The copy in Sent is put together again when there are several recipients."""
    contact = spoilt(make_contact(agent.env), name=f"Carl {BREAK}")
    both = contact | agent.contact
    posted = agent.post(partner_ids=both.ids, subject=f"Offer {BREAK}")
    assert {status for status, _reason in agent.status(posted)} == {"sent"}
    for one in both:
        [mail] = inbox(servers, one.email, posted.message_id)
        assert mail["Subject"].startswith("Offer x")
        assert_no_injection(agent, servers, mail, posted)
    agent.file_sent()
    [(copy, _flags)] = find(servers, agent.address, "Sent", posted.message_id)
    assert {one.addr_spec for one in copy["To"].addresses} == set(both.mapped("email"))
    assert copy["Bcc"] is None


def test_the_name_of_a_mailbox_adds_no_sender(agent, servers):
    for name in (
        f"Support {BREAK}",
        f'Support" <{VICTIM}>, "x',
        f"Support <{VICTIM}>",
    ):
        agent.account.name = name
        posted = agent.post()
        [mail] = inbox(servers, agent.contact.email, posted.message_id)
        assert_no_injection(agent, servers, mail, posted)
        assert mail["Reply-To"].addresses[0].addr_spec == agent.address
    agent.file_sent()
    [(copy, _flags)] = find(servers, agent.address, "Sent", posted.message_id)
    assert copy["From"].addresses[0].addr_spec == agent.address
