"""As which address mail leaves, seen at who receives it.

Plain functions: in a class Odoo would take them for tests that do not send.
"""

import pytest
from conftest import unique
from sending import inbox, make_agent, make_contact, wait_for


@pytest.fixture
def agent(env, make_mailbox):
    """A user who owns a connected mailbox with an alias."""
    agent = make_agent(env, make_mailbox)
    agent.alias = env["mailbox.identity"].create(
        {
            "account_id": agent.account.id,
            "email": f"{unique('info')}@example.org",
            "name": "Infodesk Zürich",
            "signature": "<p>The whole desk</p>",
        }
    )
    env.cr.commit()
    return agent


@pytest.fixture
def document(env):
    """A record that is no contact."""
    record = env["mail.blacklist"].create({"email": f"{unique('doc')}@doc.example"})
    env.cr.commit()
    yield record
    env.cr.rollback()
    record.sudo().unlink()
    env.cr.commit()


def sender(mail):
    """(name, address) of From; Reply-To and the envelope must agree."""
    [one] = mail["From"].addresses
    [reply_to] = mail["Reply-To"].addresses
    assert reply_to.addr_spec == one.addr_spec
    returns = {value.strip("<>") for value in mail.get_all("Return-Path")}
    assert returns == {one.addr_spec}, "envelope sender and header"
    return one.display_name, one.addr_spec


def test_an_alias_is_sent_as_with_its_own_name_and_signature(agent, servers):
    posted = agent.post("Our offer", mailbox_identity_id=agent.alias.id)
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert sender(mail) == ("Infodesk Zürich", agent.alias.email)
    assert "The whole desk" in mail.get_body(("html",)).get_content()


def test_mail_to_the_alias_is_replied_to_as_the_alias(agent, servers):
    from conftest import message

    raw, asked = message(agent.contact.email, agent.alias.email, "To the desk")
    servers.append(agent.address, "INBOX", raw)
    agent.mailbox.sync()
    posted = agent.post("Answer")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert sender(mail)[1] == agent.alias.email
    assert mail["In-Reply-To"] == asked


def test_a_document_sends_by_the_mailbox_and_the_contact_shows_it(
    agent, servers, document
):
    """What was sent is shown on the document, and as an e-mail on the contact."""
    agent.user.group_ids += agent.env.ref("base.group_system")
    posted = agent.post("About the document", record=document, subject="Document 7")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert sender(mail) == ("Example Support", agent.address)
    assert mail["Subject"] == "Document 7"
    assert mail["References"].split() == [posted.message_id]
    agent.file_sent()
    agent.mailbox.sync()
    assert agent.mailbox.subjects(agent.contact) == ["Document 7"]
    again = agent.post("Once more", record=document, subject="Document 7")
    [mail] = inbox(servers, agent.contact.email, again.message_id)
    assert mail["In-Reply-To"] == posted.message_id


def test_a_template_and_mass_mail_leave_as_the_address_they_name(agent, servers):
    env = agent.env
    template = env["mail.template"].create(
        {
            "name": unique("Template"),
            "model_id": env["ir.model"]._get_id("res.partner"),
            "email_from": f"Desk <{agent.alias.email}>",
            "email_to": "{{ object.email }}",
            "subject": "By template",
            "body_html": "<p>Hello</p>",
        }
    )
    mail_id = template.with_user(agent.user).send_mail(agent.contact.id)
    sent = env["mail.mail"].browse(mail_id)
    message_id = sent.message_id
    env.cr.commit()
    sent.send()
    env.cr.commit()
    [mail] = inbox(servers, agent.contact.email, message_id)
    assert sender(mail) == ("Desk", agent.alias.email)

    contacts = agent.contact | make_contact(env, "Olga Other")
    composer = (
        env["mail.compose.message"]
        .with_user(agent.user)
        .create(
            {
                "composition_mode": "mass_mail",
                "model": "res.partner",
                "res_ids": str(contacts.ids),
                "subject": "To many",
                "body": "<p>Hello</p>",
                "mailbox_identity_id": agent.alias.id,
                "auto_delete": False,
            }
        )
    )
    mails, _messages = composer._action_send_mail()
    ids = {one.recipient_ids.email: one.message_id for one in mails}
    env.cr.commit()
    wait_for(lambda: not servers.queued(), "an empty queue")
    assert set(ids) == set(contacts.mapped("email"))
    for email, message_id in ids.items():
        [mail] = inbox(servers, email, message_id)
        assert sender(mail) == ("Infodesk Zürich", agent.alias.email)


def test_a_provider_that_rewrites_the_message_id_doubles_nothing(agent, servers):
    """It files what it sent under an id of its own; the customer answers that id."""
    agent.account.sent_copy = "provider"
    posted = agent.post("Only once", subject="Once")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    rewritten = "<provider.1@rewriting.example>"
    mail.replace_header("Message-Id", rewritten)
    del mail["Received"], mail["Return-Path"]
    servers.append(agent.address, "Sent", mail.as_bytes(), ["\\Seen"])
    agent.mailbox.sync()
    assert agent.mailbox.subjects(agent.contact) == ["Once"]
    link = agent.links(posted.message_id)
    assert link.mail_message_id == posted
    assert len(link.message_id.location_ids) == 1
    reply = agent.receive(
        "Re: Once",
        In_Reply_To=rewritten,
        References=f"{posted.message_id} {rewritten}",
    )
    answer = agent.links(reply)
    assert answer.mail_message_id.parent_id == posted
    assert answer.message_id.conversation_id == link.message_id.conversation_id


def test_a_reply_to_ones_own_mail_is_a_mail_of_its_own(agent, servers):
    """Written in another program, it refers to what Odoo sent, as a last reference."""
    from conftest import message

    posted = agent.post("First", subject="Once")
    inbox(servers, agent.contact.email, posted.message_id)
    raw, _id = message(
        agent.address,
        agent.contact.email,
        "Re: Once",
        References=posted.message_id,
        In_Reply_To=posted.message_id,
    )
    servers.append(agent.address, "Sent", raw, ["\\Seen"])
    agent.mailbox.sync()
    assert agent.mailbox.subjects(agent.contact) == ["Re: Once", "Once"]
