"""Answers that come back to a mailbox, over real SMTP and IMAP, into documents."""

from datetime import datetime, timedelta, timezone

import pytest
from conftest import message, unique
from sending import find, inbox, make_agent, make_user, wait_for
from test_workers import at_once

from odoo.addons.mailbox_connector.engine.errors import ImportFailure, MessageError
from odoo.addons.mailbox_connector.services.incoming import importer, inbound_queue


@pytest.fixture
def agent(env, make_mailbox):
    return make_agent(env, make_mailbox)


@pytest.fixture
def document(env, agent):
    """Anything with a chatter is a document; this model is always there. The agent
    follows it."""
    record = env["mail.blacklist"].create({"email": f"{unique('d')}@doc.example"})
    record.message_subscribe(agent.user.partner_id.ids)
    env.cr.commit()
    return record


@pytest.fixture
def asked(env, agent, document):
    """What the agent wrote on it."""
    posted = document.message_post(
        body="May we?",
        subtype_xmlid="mail.mt_comment",
        author_id=agent.user.partner_id.id,
    )
    env.cr.commit()
    return posted


def replies(document):
    document.env.invalidate_all()
    return document.message_ids.filtered(lambda one: one.message_type == "email")


def queued(agent):
    agent.env.invalidate_all()
    domain = [("account_id", "=", agent.account.id)]
    return agent.env["mailbox.inbound"].search(domain)


def test_a_reply_is_shown_on_the_document_and_on_the_contact(
    env, agent, document, asked
):
    message_id = agent.receive(
        "Re: Offer", in_reply_to=asked.message_id, text="Yes, please."
    )
    reply = replies(document)
    assert "Yes, please." in reply.body
    assert reply.author_id == agent.contact
    assert reply.mailbox_identity_id == agent.account.main_identity()
    assert reply.notification_ids.res_partner_id == agent.user.partner_id
    assert agent.links(message_id).mail_message_id
    assert queued(agent).state == "done"
    assert not queued(agent).raw_files(), "the e-mail is not kept twice"
    agent.mailbox.sync()
    assert len(replies(document)) == 1


def test_sent_from_a_document_replied_to_the_document(env, agent, document):
    """The whole way: by the mailbox's SMTP server, and back by IMAP."""
    agent.user.group_ids += env.ref("base.group_system")
    env.cr.commit()
    posted = agent.post("Our offer", record=document)
    (mail,) = inbox(agent.servers, agent.contact.email, posted.message_id)
    assert agent.address in mail["From"]
    agent.receive(
        "Re: Our offer",
        in_reply_to=mail["Message-ID"],
        references=f"{mail['References']} {mail['Message-ID']}",
    )
    assert replies(document).parent_id == posted


def test_a_strangers_reply_leaves_nothing_else(env, agent, document, asked):
    """A lead has an address only: today nobody would see the answer."""
    stranger = f"{unique('lead')}@customer.example"
    agent.receive("Re: Offer", sender=stranger, in_reply_to=asked.message_id)
    assert replies(document).email_from == stranger
    assert not replies(document).author_id
    assert not env["mailbox.message"].search([("email_from", "ilike", stranger)])
    # Another mail of theirs is a stranger's.
    agent.receive("Another matter", sender=stranger)
    assert len(replies(document)) == 1
    assert not env["mail.message"].search([("subject", "=", "Another matter")])


def test_a_colleague_replies_to_a_notification_to_the_mailbox(
    env, agent, document, asked
):
    colleague = make_user(env, email=f"{unique('bob')}@example.com")
    agent.receive(
        "Re: Offer", sender=colleague.email, references=asked.message_id, text="Mine."
    )
    assert replies(document).author_id == colleague.partner_id
    assert replies(document).notification_ids.res_partner_id == agent.user.partner_id


def test_two_mailboxes_and_folders_one_reply(env, agent, make_mailbox, asked, document):
    other = make_mailbox("info")
    other.connect(days=1)
    other.sync()
    raw, message_id = message(
        agent.contact.email,
        f"{agent.address}, {other.address}",
        "Re: Offer",
        in_reply_to=asked.message_id,
    )
    agent.servers.send(agent.contact.email, [agent.address, other.address], raw)
    for box in (agent.mailbox, other):
        wait_for(lambda b=box: find(b.servers, b.address, "INBOX", message_id), "mail")
        box.sync()
    with agent.servers.imap(agent.address) as client:
        client.select_folder("INBOX")
        client.copy(client.search(["HEADER", "MESSAGE-ID", message_id]), "Archive")
    agent.mailbox.sync()
    assert len(replies(document)) == 1
    assert replies(document).mailbox_identity_id.account_id == agent.account


def test_nobody_is_notified_of_older_mail(env, make_mailbox, document, asked):
    """Connecting a mailbox, and moving old mail into it, post and notify nothing."""
    box = make_mailbox("old")
    box.account.notify_members = True
    sender = env["res.partner"].create(
        {"name": "Old friend", "email": f"{unique('old')}@customer.example"}
    )
    env.cr.commit()
    before = env["mail.notification"].search_count([])
    for days in (0, 3):
        box.receive(
            sender.email, f"{days} ago", days=days, in_reply_to=asked.message_id
        )
    box.connect(days=7)
    box.receive(sender.email, "Moved here", days=5, in_reply_to=asked.message_id)
    raw, _id = message(
        sender.email, box.address, "Migrated", days=90, in_reply_to=asked.message_id
    )
    box.servers.append(
        box.address, "INBOX", raw, internaldate=datetime.now(timezone.utc)
    )
    box.sync()
    assert set(box.subjects(sender)) == {"0 ago", "3 ago", "Moved here", "Migrated"}
    assert not replies(document)
    assert not env["mailbox.inbound"].search([("account_id", "=", box.account.id)])
    assert env["mail.notification"].search_count([]) == before


def test_killed_after_the_import_it_is_processed_by_the_scheduler(
    env, agent, document, asked, monkeypatch
):
    def killed(*_args):
        raise SystemExit

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(inbound_queue, "process_rows", killed)
        agent.receive("Re: Offer", in_reply_to=asked.message_id)
    env.cr.rollback()
    assert not replies(document)
    # Killed once more, with the work done and not committed.
    perform = inbound_queue.perform
    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(inbound_queue, "perform", lambda row: (perform(row), killed()))
        env["mailbox.inbound"]._cron_process()
    env.cr.rollback()
    assert not replies(document)
    env["mailbox.inbound"]._cron_process()
    env.cr.commit()
    assert len(replies(document)) == 1
    agent.mailbox.sync()
    assert len(replies(document)) == 1


def test_two_workers_pass_it_on_once(env, agent, document, asked, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(inbound_queue, "process_rows", lambda *_args: None)
        agent.receive("Re: Offer", in_reply_to=asked.message_id)
    ids = queued(agent).ids
    env.cr.commit()
    at_once(lambda worker: inbound_queue.process_rows(worker, ids), workers=4)
    assert queued(agent).state == "done"
    assert len(replies(document)) == 1


def test_a_document_that_refuses_it_is_seen_by_a_person(
    env, agent, document, asked, monkeypatch
):
    refusing = True

    def refuse(_record, _values, update_vals=None):
        if refusing:
            raise ValueError("This document is closed.")

    monkeypatch.setattr(type(document), "message_update", refuse)
    message_id = agent.receive("Re: Offer", in_reply_to=asked.message_id)
    row = queued(agent)
    assert (row.state, row.reason) == ("waiting", "This document is closed.")
    assert agent.account.inbound_count == 1
    assert agent.links(message_id), "the contact has it all the same"
    assert not replies(document)
    refusing = False
    shown = row.with_user(agent.user).action_retry()
    assert shown["params"]["message"] == "E-mails processed: 1 of 1."
    assert len(replies(document)) == 1


def test_a_reply_that_could_not_be_read_is_processed_when_it_can(
    env, agent, document, asked, monkeypatch
):
    """Kept as a failed import; a stranger's, so that no contact shows it."""

    def unreadable(*_args):
        raise MessageError(ImportFailure.TOO_MANY_PARTS)

    stranger = f"{unique('lead')}@customer.example"
    with monkeypatch.context() as patched:
        patched.setattr(importer, "parse_message", unreadable)
        agent.receive("Re: Offer", sender=stranger, in_reply_to=asked.message_id)
    failed_import = agent.account.failed_import_ids
    assert failed_import.reason == "The e-mail has too many parts."
    assert not replies(document)
    failed_import.action_retry()
    assert replies(document).email_from == stranger
    assert not agent.account.failed_import_ids


def test_an_automatic_reply_makes_no_loop(env, agent, document, asked):
    """The agent is away, the customer too: neither's notice answers the other's."""
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    agent.user.write(
        {
            "out_of_office_from": now - timedelta(days=1),
            "out_of_office_to": now + timedelta(days=1),
            "out_of_office_message": "I am away.",
        }
    )
    agent.account.notify_members = True
    env.cr.commit()
    message_id = agent.receive(
        "Out of office",
        in_reply_to=asked.message_id,
        auto_submitted="auto-replied",
        text="I am away too.",
    )
    reply = replies(document)
    assert "I am away too." in reply.body
    assert not reply.notification_ids
    assert agent.links(message_id).message_id.automatic == "auto_reply"
    assert not agent.links(message_id).mail_message_id.notification_ids
    env["mail.mail"].process_email_queue()
    env.cr.commit()
    with agent.servers.imap(agent.contact.email) as client:
        client.select_folder("INBOX", readonly=True)
        assert not client.search(), "nothing was sent back"


def test_members_find_new_customer_mail_in_their_odoo_inbox(env, agent):
    agent.account.notify_members = True
    env.cr.commit()
    bus = env["bus.bus"].search([], order="id desc", limit=1).id
    message_id = agent.receive("New question")
    news = env["bus.bus"].search([("id", ">", bus)]).mapped("message")
    assert any("mail.message/inbox" in one for one in news), "the counter moves"
    copy = agent.links(message_id).mail_message_id.with_user(agent.user)
    assert copy.needaction
    counter = agent.user.partner_id.with_user(agent.user)._get_needaction_count()
    assert counter == 1
    with agent.servers.imap(agent.address) as client:
        client.select_folder("INBOX")
        client.move(client.search(["HEADER", "MESSAGE-ID", message_id]), "Archive")
    copy.set_message_done()
    env.cr.commit()
    agent.mailbox.sync()
    assert not copy.needaction, "moving it is no news"
    # What the agent sends is none either.
    posted = agent.post("Answer")
    inbox(agent.servers, agent.contact.email, posted.message_id)
    agent.mailbox.sync()
    assert agent.user.partner_id._get_needaction_count() == 0
