"""The test e-mail: a marked mail leaves by SMTP and is seen again by IMAP."""

from email import message_from_bytes, policy

import pytest
from conftest import unique
from misbehaving_smtp import MisbehavingServer
from sending import make_agent, make_contact, make_user

from odoo.exceptions import AccessError

from odoo.addons.mailbox_connector.services.accounts.endpoints import (
    egress_policy,
    endpoint,
)
from odoo.addons.mailbox_connector.services.accounts.self_test import (
    HEADER,
    EmailTest,
    watch,
)
from odoo.addons.mailbox_connector.services.accounts.self_test_messages import (
    EmailTestMessages,
)

from devtools.servers import certificates


@pytest.fixture
def agent(env, make_mailbox):
    """A user who owns a connected mailbox."""
    return make_agent(env, make_mailbox)


@pytest.fixture
def provider(servers):
    """An SMTP server whose mail the test delivers, as a provider of its kind would."""
    server = MisbehavingServer(certificates.server(servers.folder / "tls"))
    yield server
    server.stop()


def check(agent, user=None, **values):
    """Press the button, then Send."""
    agent.env.cr.commit()
    account = agent.account.with_user(user or agent.user)
    action = account.action_send_test()
    wizard = agent.env[action["res_model"]].with_user(user or agent.user)
    wizard = wizard.with_context(action["context"]).create(values)
    wizard.action_send()
    agent.env.cr.commit()
    agent.env.invalidate_all()
    return wizard.sudo()


def test_it_leaves_and_comes_back_and_touches_nothing(agent, servers):
    with servers.imap(agent.address) as client:
        client.select_folder("INBOX", readonly=True)
        before = set(client.search())
    wizard = check(agent)
    assert wizard.state == "ok", wizard.result
    assert "received in the same mailbox" in wizard.result
    for words in ("signed in to", "handed the e-mail over", "found in INBOX after"):
        assert words in wizard.steps
    assert f"From, as received: {agent.address}" in wizard.steps
    with servers.imap(agent.address) as client:
        client.select_folder("INBOX", readonly=True)
        [uid] = set(client.search()) - before
        data = client.fetch([uid], ["BODY.PEEK[HEADER]", "FLAGS"])[uid]
    header = message_from_bytes(data[b"BODY[HEADER]"], policy=policy.default)
    assert header["Auto-Submitted"] == "auto-generated"
    assert len(header[HEADER]) == 24
    assert b"\\Seen" not in data[b"FLAGS"], "a person still finds it unread"
    assert agent.account.smtp_ok_at and not agent.account.smtp_problem


def test_to_a_contact_it_does_not_appear_on_them(agent, servers):
    """Not even where the provider files it in Sent and the sync reads that."""
    contact = make_contact(agent.env)
    wizard = check(agent, partner_id=contact.id)
    assert wizard.state == "ok"
    assert f"Sent to {contact.email} as {agent.address}" in wizard.result
    [mail] = inbox_of(servers, contact)
    del mail["Received"], mail["Return-Path"], mail["Delivered-To"]
    servers.append(agent.address, "Sent", mail.as_bytes(), ["\\Seen"])
    agent.mailbox.sync()
    assert agent.mailbox.subjects(contact) == []


def inbox_of(servers, contact):
    from sending import wait_for

    def arrived():
        with servers.imap(contact.email) as client:
            client.select_folder("INBOX", readonly=True)
            uids = client.search(["HEADER", HEADER, ""])
            return (
                [
                    data[b"BODY[]"]
                    for data in client.fetch(uids, ["BODY.PEEK[]"]).values()
                ]
                if uids
                else []
            )

    raws = wait_for(arrived, "the test mail")
    return [message_from_bytes(raw, policy=policy.default) for raw in raws]


def test_a_member_checks_it_and_a_stranger_does_not(env, make_mailbox):
    member = make_user(env, "Max Member")
    stranger = make_user(env, "Stan Stranger")
    agent = make_agent(env, make_mailbox, member_ids=[(4, member.id)])
    assert check(agent, user=member).state == "ok"
    with pytest.raises(AccessError):
        check(agent, user=stranger, email_to=agent.address)


def test_a_manager_sends_it_to_nobody_else(env, make_mailbox):
    """They may mend a mailbox, not write in its name."""
    manager = make_user(env, "Mona Manager")
    manager.group_ids |= env.ref("mailbox_connector.group_mailbox_manager")
    agent = make_agent(env, make_mailbox)
    assert check(agent, user=manager).state == "ok"
    with pytest.raises(AccessError):
        check(agent, user=manager, email_to="someone@customer.example")


def test_two_accounts_are_shown(env, make_mailbox, servers):
    relay = f"{unique('relay')}@example.net"
    agent = make_agent(
        env, make_mailbox, smtp_username=relay, smtp_password=servers.password
    )
    wizard = check(agent)
    assert wizard.state == "warning"
    assert relay in wizard.result and "received in another" in wizard.result


@pytest.mark.parametrize("trouble", ["spam", "renamed", "other sender"])
def test_what_the_provider_does_to_it_is_shown(
    env, make_mailbox, servers, provider, trouble
):
    agent = make_agent(env, make_mailbox, smtp_port=provider.port, smtp_security="tls")

    def deliver(raw):
        mail = message_from_bytes(raw, policy=policy.default)
        if trouble == "renamed":
            mail.replace_header("Message-ID", "<made-up@provider.example>")
        if trouble == "other sender":
            mail.replace_header("From", "real-account@example.net")
        folder = "Junk" if trouble == "spam" else "INBOX"
        servers.append(agent.address, folder, mail.as_bytes(), [])

    provider.deliver = deliver
    wizard = check(agent)
    if trouble == "renamed":
        assert wizard.state == "ok", "found by its mark"
        assert "new Message-ID" in wizard.steps
    elif trouble == "spam":
        assert wizard.state == "warning" and "spam folder" in wizard.result
    else:
        assert wizard.state == "warning"
        assert "customers see real-account@example.net" in wizard.result


def test_what_does_not_come_back_is_shown(env, make_mailbox, servers, provider):
    agent = make_agent(env, make_mailbox, smtp_port=provider.port, smtp_security="tls")
    account = agent.account
    test = EmailTest(signed_in=0.1, handed_over=0.1)
    watch(
        test,
        endpoint(account, "imap"),
        egress_policy(account.env),
        ["INBOX"],
        "<nowhere@example.com>",
        "0123",
        seconds=0.3,
    )
    assert test.watched and test.seen is None and not test.imap_error
    words = EmailTestMessages(account, account.email, test, account.folder_ids)
    state, verdict = words.verdict()
    assert state == "failed" and "go to another mailbox" in verdict
    assert words.steps()[-1][0] == "failed"
    account.write({"smtp_username": "other@example.net", "smtp_password": "x"})
    _state, verdict = words.verdict()
    assert "was sent with the account other@example.net" in verdict


def test_reading_that_fails_is_not_taken_for_sending(agent, servers):
    """Each server is distinguished: the mail left, the mailbox cannot be read."""
    account = agent.account
    account.write({"smtp_password": servers.password, "imap_password": "wrong"})
    wizard = check(agent)
    assert wizard.state == "failed"
    assert wizard.result.startswith("Sending works. Reading does not:")
    assert "handed the e-mail over" in wizard.steps
    assert not account.smtp_problem


def test_sending_that_fails_is_shown_on_the_mailbox(agent, servers):
    servers.set_password(agent.address, "changed")
    wizard = check(agent)
    assert wizard.state == "failed"
    assert agent.account.smtp_problem
    assert wizard.result == f"Sending (SMTP): {agent.account.smtp_problem}"
    assert not agent.account.imap_problem
    assert "Sending: sign in to" in wizard.steps
