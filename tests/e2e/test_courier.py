"""Reading and filing on Courier IMAP, where three things are unlike Dovecot and Cyrus.

It refuses a message for the folder that is open read-only, it renumbers a folder that
is renamed, and it gives a folder that never held a message a new UIDVALIDITY each
second. All folders are below INBOX.
"""

import time

import pytest
from sending import find, make_agent
from test_locations import (  # noqa: F401  pytest collects them here again
    bodies,
    places,
    test_daily_comparison_repairs,
    test_deleted_and_made_again_folder,
    test_draft_is_nobodys_mail_yet,
    test_expunged_message_stays_on_the_contact,
    test_mail_in_a_new_folder_is_read_without_older_mail,
    test_mail_to_oneself_is_one_message_in_two_places,
    test_message_deleted_here_does_not_come_back,
    test_message_moved_out_of_what_is_read_stays,
    test_moved_message_is_not_fetched_again,
    test_renumbered_folder_is_rebound_without_fetching,
)
from test_sync import (  # noqa: F401  these too
    test_a_backfill_goes_on_by_the_scheduled_action,
    test_a_stranger_leaves_only_a_number,
    test_folder_that_vanishes_while_it_is_read,
    test_folder_turned_on_later_imports_its_older_mail,
    test_new_folder_is_read,
    test_no_older_mail_when_days_are_zero,
    test_older_mail_of_the_window_is_shown_on_the_contact,
    test_renumbered_folder_is_not_imported_twice,
    test_second_sync_now_imports_nothing,
    test_server_is_as_it_was,
    test_sync_now_imports_new_mail_received_and_sent,
    test_vanished_folder_is_shown_and_the_rest_goes_on,
    test_wider_window_fetches_only_the_older_slice,
)

from odoo.addons.mailbox_connector.engine.imap.session import ImapSession

from devtools.servers import courier, mailservers


@pytest.fixture(scope="module")
def servers():
    """Courier in the place of Dovecot."""
    running = courier.start()
    yield running
    running.stop()


@pytest.fixture
def make_mailbox(make_mailbox, servers):
    """Mailboxes on Courier, where each user has to be made."""

    def make(name="box", **values):
        box = make_mailbox(name, **{"smtp_host": False, **values})
        servers.add_user(box.address)
        return box

    return make


@pytest.fixture(scope="module")
def outgoing():
    """The SMTP server; its IMAP is not asked."""
    running = mailservers.start()
    yield running
    if running.started:
        running.stop()


@pytest.fixture
def make_desk(env, make_mailbox, outgoing, servers):
    """A user who owns a mailbox that sends, with its folders on Courier."""

    def make(quota=""):
        agent = make_agent(
            env,
            make_mailbox,
            smtp_host=outgoing.smtp_host,
            smtp_port=outgoing.smtp_starttls_port,
            ca_certificate=servers.ca_pem + outgoing.ca_pem,
        )
        if quota:
            servers.add_user(agent.address, quota)
        return agent

    return make


def test_sent_copies_are_filed_and_recognized(make_desk, servers):
    """Sent is open for searching when the copy comes."""
    agent = make_desk()
    posted = [agent.post(f"Number {n}", subject=f"Number {n}") for n in range(3)]
    agent.file_sent()
    agent.mailbox.sync()
    agent.file_sent()
    for one in posted:
        [(_mail, flags)] = find(servers, agent.address, "Sent", one.message_id)
        assert b"\\Seen" in flags
    assert not agent.account.sent_copy_problem
    assert sorted(agent.mailbox.subjects(agent.contact)) == [
        "Number 0",
        "Number 1",
        "Number 2",
    ]


def test_a_full_mailbox_says_so(make_desk):
    agent = make_desk(quota="200S")
    agent.post("Hello")
    agent.file_sent()
    assert agent.account.sent_copy_problem == (
        "The e-mail was sent. The copy could not be saved in Sent: The mailbox is full."
        " Delete e-mails at the provider, or ask for more space. The server said: “NO"
        " [ALERT] You exceeded your mail quota.”"
    )


def test_sent_folder_that_went_says_so(make_desk, servers):
    agent = make_desk()
    with servers.imap(agent.address) as client:
        client.delete_folder("Sent")
    agent.post("Hello")
    agent.file_sent()
    shown = agent.account.sent_copy_problem
    assert "could not be saved in Sent: the folder no longer exists" in shown
    servers.append(agent.address, "Sent", b"Subject: made again\r\n\r\n")
    agent.env["mailbox.delivery"].search(
        [("copy_failures", ">", 0)]
    ).copy_retry_at = False
    agent.file_sent()
    assert not agent.account.sent_copy_problem


def test_a_renamed_folder_is_let_go(env, servers, mailbox, contact, bodies):  # noqa: F811
    """Its new name has other UIDs; nobody has to turn off the old one."""
    mailbox.receive(contact.email, "Plan", folder="Project")
    mailbox.receive("nobody@stranger.example", "Stranger", folder="Project")
    mailbox.receive(contact.email, "Notes", folder="Project")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.select_folder("Project")
        client.delete_messages([1])
        client.expunge()
    mailbox.sync()
    with servers.imap(mailbox.address) as client:
        client.rename_folder("Project", "Project done")
    bodies.clear()
    mailbox.sync()
    assert places(mailbox) == [("Project done", 2, "Notes")]
    assert not bodies, "what was known is recognized by its header"
    assert mailbox.folder("Project").gone
    assert not mailbox.account.folder_problem
    assert mailbox.account.health == "connected"
    mailbox.receive(contact.email, "Later", folder="Project done")
    mailbox.sync()
    assert ("Project done", 3, "Later") in places(mailbox)


@pytest.mark.parametrize("sender", [None, "nobody@stranger.example"])
def test_a_renamed_folder_without_contacts_is_let_go(servers, mailbox, sender):
    with servers.imap(mailbox.address) as client:
        client.create_folder("Project")
    if sender:
        mailbox.receive(sender, "Stranger", folder="Project")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.rename_folder("Project", "Project done")
    mailbox.sync()
    assert mailbox.folder("Project").gone
    assert not mailbox.account.folder_problem


def test_folders_below_a_renamed_one_are_let_go(servers, mailbox, contact):
    mailbox.receive(contact.email, "Plan", folder="Project/2026")
    mailbox.receive(contact.email, "Note", folder="Project/Notes")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.rename_folder("Project", "Done")
    mailbox.sync()
    assert places(mailbox) == [("Done.2026", 1, "Plan"), ("Done.Notes", 1, "Note")]
    assert not mailbox.account.folder_problem


def test_a_folder_that_comes_back_is_read_again(servers, mailbox, contact):
    mailbox.receive(contact.email, "Plan", folder="Project")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.rename_folder("Project", "Other")
    mailbox.sync()
    mailbox.receive(contact.email, "New", folder="Project")
    mailbox.sync()
    assert set(places(mailbox)) == {("Other", 1, "Plan"), ("Project", 1, "New")}
    folder = mailbox.folder("Project")
    assert not (folder.gone or folder.found_elsewhere)
    with servers.imap(mailbox.address) as client:
        client.delete_folder("Project")
    mailbox.sync()
    assert "INBOX.Project" in mailbox.account.folder_problem, "this time it is deleted"


def test_an_empty_folder_is_not_opened_again_and_again(servers, mailbox, contact):
    """Its UIDVALIDITY is another one each second."""
    mailbox.receive(contact.email, "Hello")
    mailbox.connect()
    mailbox.sync()
    sent = mailbox.folder("Sent")
    before = sent.uidvalidity, sent.write_date
    opened = []
    examine = ImapSession.examine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ImapSession,
            "examine",
            lambda self, name, since=None: (
                opened.append(name) or examine(self, name, since)
            ),
        )
        time.sleep(1.1)
        mailbox.sync()
    mailbox.env.invalidate_all()
    assert not opened
    assert (sent.uidvalidity, sent.write_date) == before
    mailbox.receive(mailbox.address, "First", folder="Sent", to=contact.email)
    result = mailbox.sync()
    assert "New e-mails: 1, shown on contacts: 1." in result["params"]["message"]
