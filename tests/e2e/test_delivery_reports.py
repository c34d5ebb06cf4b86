"""Delivery reports that a mailbox receives about its sent e-mails."""

import smtplib

import pytest
from conftest import unique
from sending import find, inbox, make_agent, wait_for

from odoo.addons.mailbox_connector.tests.incoming.test_delivery_reports import report


@pytest.fixture
def agent(env, make_mailbox):
    return make_agent(env, make_mailbox)


@pytest.fixture
def offer(agent):
    """Sent from the contact's chatter through the mailbox, and delivered."""
    posted = agent.post("Our offer")
    inbox(agent.servers, agent.contact.email, posted.message_id)
    return posted


def come_back(agent, raw):
    """A mail server delivers a report with the null sender (RFC 5321 section 4.5.5)."""
    servers = agent.servers
    with smtplib.SMTP(servers.smtp_host, servers.smtp_starttls_port) as smtp:
        smtp.starttls(context=servers.ssl_context())
        smtp.login(agent.address, servers.password_of(agent.address))
        smtp.sendmail("", [agent.address], raw)
    (name,) = (
        line[12:].decode()
        for line in raw.splitlines()
        if line.startswith(b"Message-ID: ") and b"mx.example.net" in line
    )
    wait_for(lambda: find(servers, agent.address, "INBOX", name), "the report")
    agent.mailbox.sync()
    agent.env.invalidate_all()


def ledger(agent, posted):
    return agent.env["mailbox.delivery"].search(
        [("mail_message_id_int", "=", posted.id)]
    )


def test_a_bounce_shows_on_the_message_with_the_reason(env, agent, offer):
    assert agent.status(offer) == [("sent", False)]
    (mail,) = inbox(agent.servers, agent.contact.email, offer.message_id)
    bus = env["bus.bus"].search([], order="id desc", limit=1).id
    raw = report(
        mail["Message-ID"],
        agent.contact.email,
        status="5.2.2",
        said="552 5.2.2 Mailbox full",
        to=agent.address,
    )
    come_back(agent, raw)
    ((status, reason),) = agent.status(offer)
    assert status == "bounce"
    assert reason == (
        f"Not delivered to {agent.contact.email}: the mailbox is full. The mail server "
        "said: 552 5.2.2 Mailbox full"
    )
    assert agent.contact.message_bounce == 1
    assert ledger(agent, offer).bounced_at
    assert ledger(agent, offer).reason == reason
    news = env["bus.bus"].search([("id", ">", bus)]).mapped("message")
    assert any("mail.notification" in one and "bounce" in one for one in news)
    # The report is not an e-mail of the customer.
    assert agent.mailbox.subjects(agent.contact).count("Undelivered Mail") == 0
    # Nothing is sent again automatically, and the next pass counts nothing twice.
    env["mail.mail"].process_email_queue()
    agent.mailbox.sync()
    assert agent.contact.message_bounce == 1
    assert len(inbox(agent.servers, agent.contact.email, offer.message_id)) == 1


def test_delayed_then_given_up(env, agent, offer):
    to = agent.contact.email
    late = {"status": "4.4.1", "said": "connection timed out", "to": agent.address}
    come_back(agent, report(offer.message_id, to, action="delayed", **late))
    ((status, reason),) = agent.status(offer)
    assert status == "sent" and "keep trying" in reason
    assert agent.contact.message_bounce == 0
    come_back(agent, report(offer.message_id, to, **{**late, "status": "4.4.7"}))
    ((status, reason),) = agent.status(offer)
    assert status == "bounce" and "several days" in reason
    assert agent.contact.message_bounce == 1


def test_a_forged_bounce_moves_no_counter(env, agent, offer):
    """Anybody can write one, also about people who were not sent the e-mail."""
    victim = env["res.partner"].create(
        {"name": "Victim", "email": f"{unique('v')}@customer.example"}
    )
    env.cr.commit()
    come_back(agent, report(offer.message_id, victim.email, to=agent.address))
    come_back(
        agent, report("<made-up@example.com>", agent.contact.email, to=agent.address)
    )
    assert agent.status(offer) == [("sent", False)]
    assert (victim.message_bounce, agent.contact.message_bounce) == (0, 0)


def test_older_reports_count_no_bounce(env, agent, offer, make_mailbox):
    """A mailbox that is connected later contains last year's bounces."""
    late = make_mailbox("late")
    raw = report(offer.message_id, agent.contact.email, to=late.address)
    late.servers.append(late.address, "INBOX", raw)
    late.connect(days=7)
    late.sync()
    assert agent.status(offer) == [("sent", False)]
    assert agent.contact.message_bounce == 0


def test_a_bounce_of_other_mail_is_shown_to_the_owner(env, agent):
    """It was sent with another mail app: nothing to mark, but not swallowed."""
    raw = report("<other@example.com>", "x@customer.example", to=agent.address)
    come_back(agent, raw)
    row = env["mailbox.inbound"].search([("account_id", "=", agent.account.id)])
    assert row.state == "done"
    assert not (row.email_from or row.subject or row.raw_files())
    shown = env["mail.message"].search(
        [("model", "=", "mailbox.account"), ("res_id", "=", agent.account.id)]
    )
    owner = agent.account.owner_id.partner_id
    assert shown.notification_ids.res_partner_id == owner
    assert "x@customer.example" in shown.body


def test_a_customers_reply_resets_the_counter(env, agent, offer):
    """As with Odoo's gateway: an address that writes is alive."""
    come_back(agent, report(offer.message_id, agent.contact.email, to=agent.address))
    assert agent.contact.message_bounce == 1
    document = env["mail.blacklist"].create({"email": f"{unique('d')}@doc.example"})
    asked = document.message_post(body="?", subtype_xmlid="mail.mt_comment")
    env.cr.commit()
    agent.receive("Re: ?", in_reply_to=asked.message_id)
    assert agent.contact.message_bounce == 0
