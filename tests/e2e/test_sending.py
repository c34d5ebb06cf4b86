"""Customer mail leaves through the mailbox, once, and its answers come back to the
same place.

Plain functions: in a class Odoo would take them for tests that do not send.
"""

import pytest
from sending import delivered, find, inbox, make_agent, make_contact, make_user

from odoo.tools import mute_logger

CORE = "odoo.addons.mail.models.mail_mail"


@pytest.fixture
def agent(env, make_mailbox):
    """A user who owns a connected mailbox."""
    return make_agent(env, make_mailbox)


@pytest.fixture
def own_server(env, servers):
    """An outgoing server of Odoo's own, for all that is no mailbox's mail."""
    from conftest import unique

    server = env["ir.mail_server"].create(
        {
            "name": "Odoo's own",
            "smtp_host": servers.smtp_host,
            "smtp_port": servers.smtp_starttls_port,
            "smtp_encryption": "starttls",
            "smtp_user": f"{unique('odoo')}@example.com",
            "smtp_pass": servers.password,
        }
    )
    env.cr.commit()
    yield server
    env.cr.rollback()
    server.unlink()
    env.cr.commit()


# ----------------------------------------------------------------------
# What the customer gets
# ----------------------------------------------------------------------


def test_sender_replies_and_delivery_reports_are_the_mailboxs(agent, servers):
    posted = agent.post("Our offer", subject="Offer 17")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert mail["From"] == f"Example Support <{agent.address}>"
    assert mail["Reply-To"] == f"Example Support <{agent.address}>"
    returns = {value.strip("<>") for value in mail.get_all("Return-Path")}
    assert returns == {agent.address}, "envelope sender and header"
    assert mail["Subject"] == "Offer 17"
    assert "Our offer" in mail.get_body(("plain",)).get_content()
    assert agent.status(posted) == [("sent", False)]
    # What colleagues see in the chatter keeps its author.
    assert posted.author_id == agent.user.partner_id
    assert agent.address not in posted.email_from


def test_every_recipient_gets_it_once_and_sees_the_others(agent, servers):
    other = make_contact(agent.env, "Olga Other")
    both = agent.contact | other
    posted = agent.post(partner_ids=both.ids)
    for contact in both:
        [mail] = inbox(servers, contact.email, posted.message_id)
        to = {address.addr_spec for address in mail["To"].addresses}
        assert to == set(both.mapped("email"))
        assert not mail["Bcc"]


def test_attachment_arrives(agent, servers):
    posted = agent.post(attachments=[("offer.txt", b"17 EUR")])
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    [part] = mail.iter_attachments()
    assert (part.get_filename(), part.get_content()) == ("offer.txt", "17 EUR")


def test_an_smtp_account_of_its_own_still_sends_as_the_mailbox(
    env, make_mailbox, servers
):
    from conftest import unique

    relay = f"{unique('relay')}@example.net"
    agent = make_agent(
        env, make_mailbox, smtp_username=relay, smtp_password=servers.password
    )
    posted = agent.post()
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert mail["From"].addresses[0].addr_spec == agent.address
    assert mail["Return-Path"].strip("<>") == agent.address


# ----------------------------------------------------------------------
# Conversations
# ----------------------------------------------------------------------


def test_a_reply_names_what_it_replies_to_and_nothing_else(agent, servers):
    other = agent.receive("Something else")
    asked = agent.receive("Question")
    posted = agent.post("Answer")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert mail["In-Reply-To"] == asked
    assert mail["References"].split() == [asked, posted.message_id]
    assert other not in mail["References"]
    assert "copy.invalid" not in mail.as_string()
    assert mail["Subject"] == "Re: Question"


def test_a_subject_of_ones_own_begins_a_conversation(agent, servers):
    agent.receive("Question")
    posted = agent.post(subject="Season's greetings")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert not mail["In-Reply-To"]
    assert mail["References"].split() == [posted.message_id]
    assert mail["Subject"] == "Season's greetings"


def test_the_reply_to_us_comes_back_under_our_message(agent, servers):
    asked = agent.receive("Question")
    posted = agent.post("Answer")
    inbox(servers, agent.contact.email, posted.message_id)
    reply = agent.receive(
        "Re: Question",
        In_Reply_To=posted.message_id,
        References=f"{asked} {posted.message_id}",
    )
    ids = [asked, posted.message_id, reply]
    mails = [agent.links(one).message_id for one in ids]
    assert all(len(mail) == 1 for mail in mails)
    assert len({mail.conversation_id for mail in mails}) == 1
    assert agent.links(reply).mail_message_id.parent_id == posted


def test_a_colleagues_secret_mail_is_not_quoted(env, make_mailbox, servers):
    """References and subject come from mail that the author may read."""
    private = make_agent(env, make_mailbox, visibility="members")
    agent = make_agent(env, make_mailbox, contact=private.contact)
    secret = private.receive("Private terms")
    posted = agent.post("Hello")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert "Private" not in mail["Subject"]
    assert secret not in mail.as_string()


# ----------------------------------------------------------------------
# The copy in the Sent folder
# ----------------------------------------------------------------------


def test_one_copy_in_sent_although_there_are_two_recipients(agent, servers):
    other = make_contact(agent.env, "Olga Other")
    both = agent.contact | other
    posted = agent.post(partner_ids=both.ids)
    cron = agent.env.ref("mailbox_connector.ir_cron_sent_mail")
    woken = agent.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)])
    assert woken, "nobody has to wait for the next quarter of an hour"
    agent.file_sent()
    agent.file_sent()
    [(mail, flags)] = find(servers, agent.address, "Sent", posted.message_id)
    assert {a.addr_spec for a in mail["To"].addresses} == set(both.mapped("email"))
    assert b"\\Seen" in flags


def test_what_was_sent_is_not_imported_again(agent, servers):
    posted = agent.post("Only once", subject="Once")
    agent.mailbox.sync()
    agent.file_sent()
    agent.mailbox.sync()
    shown = agent.env["mail.message"].search(
        [
            ("model", "=", "res.partner"),
            ("res_id", "=", agent.contact.id),
            ("body", "ilike", "Only once"),
        ]
    )
    assert shown == posted
    assert agent.mailbox.subjects(agent.contact) == ["Once"]
    link = agent.links(posted.message_id)
    assert (link.origin, link.mail_message_id) == ("sent", posted)
    assert link.message_id.direction == "out"
    assert len(link.message_id.location_ids) == 1


def test_the_sync_recognizes_a_copy_it_did_not_know_of(agent, servers):
    """As when the provider files it, or APPENDUID is missing."""
    agent.account.sent_copy = "provider"
    posted = agent.post("Only once", subject="Once")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    agent.file_sent()
    assert not find(servers, agent.address, "Sent", posted.message_id)
    del mail["Received"], mail["Return-Path"]
    servers.append(agent.address, "Sent", mail.as_bytes(), ["\\Seen"])
    agent.mailbox.sync()
    assert agent.mailbox.subjects(agent.contact) == ["Once"]
    assert agent.links(posted.message_id).mail_message_id == posted


def test_a_copy_that_is_there_is_not_saved_again(agent, servers):
    """Cut off after APPEND and before we noted it; or filed by the provider."""
    posted = agent.post()
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    servers.append(agent.address, "Sent", mail.as_bytes(), ["\\Seen"])
    agent.file_sent()
    assert len(find(servers, agent.address, "Sent", posted.message_id)) == 1


def test_other_contacts_of_a_mail_see_it_too(agent, servers):
    other = make_contact(agent.env, "Olga Other")
    posted = agent.post("For both", partner_ids=(agent.contact | other).ids)
    agent.file_sent()
    agent.mailbox.sync()
    [link] = agent.links(posted.message_id, other)
    assert "For both" in link.mail_message_id.body
    assert link.mail_message_id.res_id == other.id


def test_saving_that_fails_is_shown_and_retried(agent, servers):
    posted = agent.post()
    imap_port, password = agent.account.imap_port, servers.password
    agent.account.write({"imap_port": 1, "imap_password": password})
    agent.file_sent()
    assert "could not be saved in Sent" in agent.account.sent_copy_problem
    assert agent.status(posted) == [("sent", False)]
    agent.account.write({"imap_port": imap_port, "imap_password": password})
    deliveries = agent.env["mailbox.delivery"]
    deliveries.search([("copy_state", "=", "waiting")]).copy_retry_at = False
    agent.file_sent()
    assert len(find(servers, agent.address, "Sent", posted.message_id)) == 1
    assert not agent.account.sent_copy_problem
    assert len(delivered(servers, agent.contact.email, posted.message_id)) == 1


# ----------------------------------------------------------------------
# Which mailbox
# ----------------------------------------------------------------------


def test_a_member_sends_from_the_shared_mailbox(env, make_mailbox, servers):
    member = make_user(env, "Max Member")
    agent = make_agent(env, make_mailbox, member_ids=[(4, member.id)])
    posted = agent.post(user=member)
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert mail["From"].addresses[0].addr_spec == agent.address


def test_the_mailbox_that_was_written_to_replies(env, make_mailbox, servers):
    agent = make_agent(env, make_mailbox)
    shared = make_agent(
        env,
        make_mailbox,
        contact=agent.contact,
        member_ids=[(4, agent.user.id)],
    )
    asked = shared.receive("To the shared one")
    posted = agent.post("Answer")
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert mail["From"].addresses[0].addr_spec == shared.address
    assert mail["In-Reply-To"] == asked


def test_colleagues_are_notified_the_way_odoo_does(
    env, make_mailbox, servers, own_server
):
    agent = make_agent(env, make_mailbox)
    colleague = make_user(env, "Cora Colleague", notification_type="email")
    agent.contact.message_subscribe(colleague.partner_id.ids)
    posted = agent.post("To all")
    [outside] = inbox(servers, agent.contact.email, posted.message_id)
    [inside] = inbox(servers, colleague.email, posted.message_id)
    assert outside["From"].addresses[0].addr_spec == agent.address
    assert inside["From"].addresses[0].addr_spec == agent.user.email
    assert agent.address not in (inside["Return-Path"], str(inside["Reply-To"]))
    to = {address.addr_spec for address in inside["To"].addresses}
    assert agent.contact.email in to, "Reply all reaches the customer"


def test_a_user_without_a_mailbox_sends_as_before(
    env, make_mailbox, servers, own_server
):
    agent = make_agent(env, make_mailbox)
    stranger = make_user(env, "Stan Stranger")
    posted = agent.post(user=stranger)
    [mail] = inbox(servers, agent.contact.email, posted.message_id)
    assert mail["From"].addresses[0].addr_spec == stranger.email
    assert mail["Return-Path"].strip("<>") != agent.address


# ----------------------------------------------------------------------
# Who may send
# ----------------------------------------------------------------------


def ledger(agent):
    return agent.env["mailbox.delivery"].search([("account_id", "=", agent.account.id)])


def test_typing_its_address_as_from_does_not_open_a_mailbox(
    env, make_mailbox, servers, own_server
):
    agent = make_agent(env, make_mailbox)
    stranger = make_user(env, "Stan Stranger")
    posted = agent.post(user=stranger, email_from=f"Boss <{agent.address}>")
    inbox(servers, agent.contact.email, posted.message_id)
    assert not agent.mails(posted).mailbox_account_id
    assert not ledger(agent), "the mailbox's account was not used"


def test_having_its_address_does_not_open_a_mailbox(
    env, make_mailbox, servers, own_server
):
    agent = make_agent(env, make_mailbox)
    stranger = make_user(env, "Stan Stranger", email=agent.address)
    posted = agent.post(user=stranger)
    inbox(servers, agent.contact.email, posted.message_id)
    assert not ledger(agent)


def test_a_member_who_was_taken_off_sends_nothing_more(env, make_mailbox, servers):
    """What they had in the queue is held back, with the reason."""
    member = make_user(env, "Max Member")
    agent = make_agent(env, make_mailbox, member_ids=[(4, member.id)])
    posted = agent.contact.with_user(member).message_post(
        body="Late",
        partner_ids=agent.contact.ids,
        message_type="comment",
        subtype_xmlid="mail.mt_comment",
        force_send=False,
    )
    env.cr.commit()
    agent.account.member_ids = [(3, member.id)]
    env.cr.commit()
    [(status, reason)] = agent.status(posted)
    assert status == "exception"
    assert "Only the owner and the members" in reason
    env["mail.mail"].process_email_queue(agent.mails(posted).ids)
    env.cr.commit()
    assert not delivered(servers, agent.contact.email, posted.message_id)


# ----------------------------------------------------------------------
# Failures
# ----------------------------------------------------------------------


def test_wrong_password_fails_in_words_and_on_the_mailbox(agent, servers, own_server):
    servers.set_password(agent.address, "changed-at-the-provider")
    posted = agent.post()
    [(status, reason)] = agent.status(posted)
    assert status == "exception"
    assert "refuses the username or the password" in reason
    assert agent.account.smtp_problem == reason
    assert not delivered(servers, agent.contact.email, posted.message_id)
    agent.account.imap_password = "changed-at-the-provider"
    agent.env.cr.commit()
    agent.retry(posted)
    assert agent.status(posted) == [("sent", False)]
    assert len(inbox(servers, agent.contact.email, posted.message_id)) == 1
    assert not agent.account.smtp_problem


@mute_logger(CORE)
def test_one_refused_recipient_leaves_the_others_alone(agent, servers):
    refused = agent.env["res.partner"].create(
        {"name": "Rita Refused", "email": "rita@not-served.invalid"}
    )
    posted = agent.post(partner_ids=(refused | agent.contact).ids)
    by_partner = {
        one.res_partner_id: (one.notification_status, one.failure_reason or False)
        for one in posted.notification_ids
    }
    assert by_partner[agent.contact] == ("sent", False)
    status, reason = by_partner[refused]
    assert status == "exception"
    assert "refuses the recipient rita@not-served.invalid" in reason
    assert not agent.account.smtp_problem, "it is not the account's fault"
    agent.retry(posted)
    assert len(inbox(servers, agent.contact.email, posted.message_id)) == 1
    agent.file_sent()
    assert len(find(servers, agent.address, "Sent", posted.message_id)) == 1


@pytest.mark.parametrize("what", ["archived", "deleted", "without SMTP"])
def test_queued_mail_waits_when_its_mailbox_is_gone(agent, servers, own_server, what):
    posted = agent.post(force_send=False)
    if what == "archived":
        agent.account.active = False
    elif what == "deleted":
        agent.account.unlink()
    else:
        agent.account.smtp_host = False
    agent.env.cr.commit()
    [(status, reason)] = agent.status(posted)
    assert status == "exception"
    assert "not sent by another server" in reason
    agent.retry(posted)
    [(status, _reason)] = agent.status(posted)
    assert status == "exception"
    assert not delivered(servers, agent.contact.email, posted.message_id)
    if what == "archived":
        agent.account.active = True
        agent.retry(posted)
        [mail] = inbox(servers, agent.contact.email, posted.message_id)
        assert mail["From"].addresses[0].addr_spec == agent.address


def test_the_administrators_connection_test_works(agent):
    server = agent.account._mail_server()
    assert not server.smtp_user and not server.smtp_pass
    assert server.test_smtp_connection()["params"]["type"] == "success"
