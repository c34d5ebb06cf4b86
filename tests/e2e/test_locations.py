"""Where messages are on the server, and that nothing there takes them from Odoo."""

from datetime import datetime, timedelta

import pytest

from odoo.addons.mailbox_connector.engine.imap.session import ImapSession


@pytest.fixture
def bodies(monkeypatch):
    """UIDs whose whole messages are fetched from here on."""
    fetched = []
    fetch_messages = ImapSession.fetch_messages

    def counting(session, uids):
        uids = list(uids)
        fetched.extend(uids)
        return fetch_messages(session, uids)

    monkeypatch.setattr(ImapSession, "fetch_messages", counting)
    return fetched


def places(mailbox):
    """Where the e-mails of a mailbox are: (folder, UID, subject)."""
    mailbox.env.invalidate_all()
    found = mailbox.env["mailbox.location"].search(
        [("folder_id.account_id", "=", mailbox.account.id)]
    )
    return sorted(
        (place.folder_id.name, place.uid, place.message_id.subject)
        for place in found
        if not place.folder_id.gone
    )


def links(env, contact):
    return env["mailbox.link"].search_count([("partner_id", "=", contact.id)])


def test_expunged_message_stays_on_the_contact(servers, mailbox, contact):
    for subject in ("Kept", "Deleted on the server"):
        mailbox.receive(contact.email, subject)
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.select_folder("INBOX")
        client.delete_messages([2])
        client.expunge()
    mailbox.sync()
    assert set(mailbox.subjects(contact)) == {"Kept", "Deleted on the server"}
    assert places(mailbox) == [("INBOX", 1, "Kept")]


def test_moved_message_is_not_fetched_again(env, servers, mailbox, contact, bodies):
    mailbox.receive(contact.email, "Filed away")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.select_folder("INBOX")
        client.move([1], "Archive")
    bodies.clear()
    mailbox.sync()
    assert places(mailbox) == [("Archive", 1, "Filed away")]
    assert not bodies, "its header showed that it is the same"
    assert links(env, contact) == 1


def test_message_moved_out_of_what_is_read_stays(servers, mailbox, contact):
    mailbox.receive(contact.email, "Thrown away")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.select_folder("INBOX")
        client.move([1], "Trash")
    mailbox.sync()
    assert mailbox.subjects(contact) == ["Thrown away"]
    assert places(mailbox) == []


def test_renamed_folder_is_the_same_folder(env, servers, mailbox, contact, bodies):
    with servers.imap(mailbox.address) as client:
        client.create_folder("Project")
    mailbox.receive(contact.email, "Plan", folder="Project")
    mailbox.receive("nobody@stranger.example", "Stranger", folder="Project")
    mailbox.connect()
    folder = mailbox.account.folder_ids.filtered(lambda f: f.name == "Project")
    with servers.imap(mailbox.address) as client:
        client.rename_folder("Project", "Project done")
    bodies.clear()
    mailbox.sync()
    assert places(mailbox) == [("Project done", 1, "Plan")]
    assert folder.name == "Project done"
    assert folder.skipped_uids == {"no_contact": "2"}
    assert not bodies


def test_deleted_and_made_again_folder(servers, mailbox, contact):
    with servers.imap(mailbox.address) as client:
        client.create_folder("Project")
    mailbox.receive(contact.email, "First", folder="Project")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.delete_folder("Project")
        client.create_folder("Project")
    mailbox.receive(contact.email, "Second", folder="Project")
    mailbox.sync()
    assert set(mailbox.subjects(contact)) == {"First", "Second"}
    assert places(mailbox) == [("Project", 1, "Second")]


def test_renumbered_folder_is_rebound_without_fetching(
    env, mailbox, contact, bodies, servers
):
    """A server restored from a backup gives a folder a new UIDVALIDITY."""
    for days in (1, 3, 40):
        mailbox.receive(contact.email, f"{days} days ago", days=days)
    mailbox.receive("nobody@stranger.example", "Stranger", days=1)
    mailbox.connect(days=60)
    mailbox.receive(contact.email, "Came meanwhile")
    before = places(mailbox)
    inbox = mailbox.account.folder_ids.filtered(lambda f: f.role == "inbox")
    env.cr.execute(
        "UPDATE mailbox_folder SET uidvalidity = uidvalidity + 1 WHERE id = %s",
        [inbox.id],
    )
    env.cr.execute(
        "UPDATE mailbox_location SET uidvalidity = uidvalidity + 1, uid = uid + 100"
        " WHERE folder_id = %s",
        [inbox.id],
    )
    env.cr.commit()
    env.invalidate_all()
    bodies.clear()
    mailbox.sync()
    assert places(mailbox) == sorted([*before, ("INBOX", 5, "Came meanwhile")])
    assert bodies == [5], "what was known is recognised by its header"
    assert links(env, contact) == 4
    assert inbox.skipped_uids == {"no_contact": "4"}


def test_mail_to_oneself_is_one_message_in_two_places(env, mailbox, contact):
    options = {"message_id": "<self@customer.example>", "to": contact.email}
    mailbox.receive(mailbox.address, "Copy to me", folder="Sent", **options)
    mailbox.receive(mailbox.address, "Copy to me", **options)
    mailbox.connect()
    assert places(mailbox) == [("INBOX", 1, "Copy to me"), ("Sent", 1, "Copy to me")]
    assert links(env, contact) == 1


def test_known_message_id_with_other_content_is_another_message(
    env, make_mailbox, contact
):
    """Nobody gains the right to read a mail by forging its Message-ID."""
    closed = make_mailbox(visibility="members")
    other = make_mailbox()
    message_id = "<secret@customer.example>"
    closed.receive(contact.email, "Salary", message_id=message_id, text="10,000")
    closed.connect()
    other.receive(contact.email, "Salary", message_id=message_id, text="Guess")
    other.connect()
    messages = env["mailbox.message"].search([("partner_ids", "=", contact.id)])
    assert len(messages) == 2
    audiences = {message.audience_id.account_ids for message in messages}
    assert audiences == {closed.account, other.account}


def test_message_deleted_here_does_not_come_back(env, mailbox, contact):
    mailbox.receive(contact.email, "Forget me", days=1)
    mailbox.receive(contact.email, "Keep me", days=1)
    mailbox.connect()
    message = env["mailbox.message"].search([("subject", "=", "Forget me")])
    copy = message.link_ids.mail_message_id
    message.unlink()
    env.cr.commit()
    assert not copy.exists()
    env.cr.execute("UPDATE mailbox_folder SET uidvalidity = uidvalidity + 1")
    env.cr.commit()
    env.invalidate_all()
    mailbox.sync()
    assert mailbox.subjects(contact) == ["Keep me"]
    env.cr.execute("SELECT count(*) FROM mailbox_tombstone t WHERE t::text ~ 'Forget'")
    assert env.cr.fetchone()[0] == 0, "nothing of it is kept but a hash"


def test_daily_comparison_repairs(env, mailbox, contact):
    """Microsoft 365 shows some new mail late, below what was new already."""
    mailbox.connect()
    mailbox.receive(contact.email, "Seen")
    mailbox.receive(contact.email, "Hidden at first")
    inbox = mailbox.account.folder_ids.filtered(lambda f: f.role == "inbox")
    mailbox.sync()
    missed = env["mailbox.message"].search([("subject", "=", "Hidden at first")])
    missed.forget()
    inbox.imported_uids = "1"
    env["mailbox.location"].create(
        {
            "folder_id": inbox.id,
            "uidvalidity": inbox.uidvalidity,
            "uid": 99,
            "message_id": env["mailbox.location"]
            .search([("folder_id", "=", inbox.id)])
            .message_id.id,
        }
    )
    inbox.reconciled_at = datetime.now() - timedelta(days=2)
    env.cr.commit()
    assert mailbox.account in env["mailbox.sync"]._due("backfill_served_at")
    env["mailbox.sync"]._cron_backfill()
    assert set(mailbox.subjects(contact)) == {"Seen", "Hidden at first"}
    assert places(mailbox) == [("INBOX", 1, "Seen"), ("INBOX", 2, "Hidden at first")]
    assert mailbox.account not in env["mailbox.sync"]._due("backfill_served_at")


def test_mail_in_a_new_folder_is_read_without_older_mail(servers, mailbox, contact):
    mailbox.connect(days=0)
    with servers.imap(mailbox.address) as client:
        client.create_folder("Filed by a rule")
    mailbox.receive(contact.email, "Old", folder="Filed by a rule", days=3)
    mailbox.receive(contact.email, "New", folder="Filed by a rule")
    mailbox.sync()
    assert mailbox.subjects(contact) == ["New"]


def test_draft_is_nobodys_mail_yet(servers, mailbox, contact):
    mailbox.connect()
    raw = b"From: me@example.com\r\nTo: %s\r\nSubject: Draft\r\n\r\nNot yet"
    raw %= contact.email.encode()
    servers.append(mailbox.address, "INBOX", raw, flags=["\\Draft"])
    mailbox.sync()
    assert mailbox.subjects(contact) == []
