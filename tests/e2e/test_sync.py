"""Reading, from Connect IMAP to the contact, against a real Dovecot."""

from datetime import datetime, timedelta

import pytest


def visible(state):
    """What a mail app shows of an account: folders, messages, flags, sizes.

    Without mod-sequences: Dovecot begins to count them when first asked. Without the
    UIDVALIDITY of an empty folder: Courier has none to keep.
    """
    return {
        name: (folder.messages and folder.uidvalidity, folder.uidnext, folder.messages)
        for name, folder in state.items()
    }


def test_connect_imports_nothing_and_shows_what_it_found(env, mailbox, contact):
    mailbox.receive(contact.email, "Hello")
    action = mailbox.account.action_connect()
    dialog = env["mailbox.connect"].browse(action["res_id"])
    assert not mailbox.account.imap_problem
    assert not mailbox.account.smtp_problem
    assert dialog.inbox_id.role == "inbox"
    assert dialog.sent_id.name == "Sent"
    read = {line.folder_id.role: line.sync for line in dialog.folder_line_ids}
    assert read["inbox"] and read["sent"] and read["archive"]
    assert not (read["drafts"] or read["junk"] or read["trash"])
    assert mailbox.account.state == "draft"
    assert mailbox.subjects(contact) == []


def test_older_mail_of_the_window_is_shown_on_the_contact(env, mailbox, contact):
    for days in (1, 3, 6, 30):
        mailbox.receive(contact.email, f"{days} days ago", days=days)
    mailbox.receive(mailbox.address, "Answer", folder="Sent", to=contact.email, days=2)
    mailbox.receive(contact.email, "Junk", folder="Junk", days=1)
    mailbox.receive("nobody@stranger.example", "Stranger", days=1)
    mailbox.connect(days=7)
    assert mailbox.subjects(contact) == [
        "1 days ago",
        "Answer",
        "3 days ago",
        "6 days ago",
    ]
    backfill = mailbox.account.backfill_id
    assert backfill.state == "done"
    assert (backfill.seen, backfill.matched, backfill.linked) == (5, 4, 4)
    assert (backfill.skipped, backfill.failed) == (1, 0)


def test_sync_now_imports_new_mail_received_and_sent(env, mailbox, contact):
    mailbox.connect()
    mailbox.receive(contact.email, "Question")
    mailbox.receive(mailbox.address, "Reply", folder="Sent", to=contact.email)
    result = mailbox.sync()
    assert "New e-mails: 2, shown on contacts: 2." in result["params"]["message"]
    assert set(mailbox.subjects(contact)) == {"Question", "Reply"}


def test_second_sync_now_imports_nothing(env, mailbox, contact):
    mailbox.receive(contact.email, "Once")
    mailbox.connect()
    before = env["mail.message"].search_count([])
    result = mailbox.sync()
    assert result["params"]["message"] == "Nothing new."
    assert env["mail.message"].search_count([]) == before


def test_server_is_as_it_was(env, servers, mailbox, contact):
    """Reading marks nothing as read, moves and deletes nothing."""
    mailbox.receive(contact.email, "Unread")
    mailbox.receive("nobody@stranger.example", "Stranger")
    mailbox.receive(mailbox.address, "Sent", folder="Sent", to=contact.email)
    before = visible(servers.folder_state(mailbox.address))
    mailbox.connect()
    mailbox.sync()
    assert visible(servers.folder_state(mailbox.address)) == before
    assert before["INBOX"][2], "there was something to compare"


def test_wider_window_fetches_only_the_older_slice(env, mailbox, contact):
    for days in (1, 20, 200):
        mailbox.receive(contact.email, f"{days}", days=days)
    mailbox.connect(days=7)
    mailbox.connect(days=30)
    assert mailbox.subjects(contact) == ["1", "20"]
    assert mailbox.account.backfill_id.seen == 1, "what was handled is not read again"
    mailbox.connect(days=7)
    assert mailbox.subjects(contact) == ["1", "20"], "a narrower window deletes nothing"


def test_no_older_mail_when_days_are_zero(env, mailbox, contact):
    mailbox.receive(contact.email, "Old", days=1)
    mailbox.connect(days=0)
    mailbox.receive(contact.email, "New")
    mailbox.sync()
    assert mailbox.subjects(contact) == ["New"]


def test_contact_who_is_no_customer_any_more_is_skipped(env, mailbox, contact):
    contact.active = False
    mailbox.receive(contact.email, "Hello")
    mailbox.connect()
    assert mailbox.account.backfill_id.skipped == 1


def test_a_stranger_leaves_only_a_number(env, mailbox):
    for n in range(5):
        mailbox.receive("nobody@stranger.example", f"Secret {n}")
    mailbox.connect()
    inbox = mailbox.account.folder_ids.filtered(lambda f: f.role == "inbox")
    assert inbox.skipped_uids == {"no_contact": "1:5"}
    for table in ("mailbox_message", "mail_message", "mailbox_reference"):
        env.cr.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%Secret%'")
        assert env.cr.fetchone()[0] == 0


def test_renumbered_folder_is_not_imported_twice(env, mailbox, contact):
    """A server restored from a backup gives a folder a new UIDVALIDITY."""
    mailbox.receive(contact.email, "Kept", message_id="<kept@customer.example>")
    mailbox.connect()
    inbox = mailbox.account.folder_ids.filtered(lambda f: f.role == "inbox")
    inbox.uidvalidity += 1
    env.cr.commit()
    mailbox.sync()
    assert mailbox.subjects(contact) == ["Kept"]
    assert (
        env["mail.message"].search_count(
            [
                ("model", "=", "res.partner"),
                ("res_id", "=", contact.id),
                ("message_type", "=", "email"),
            ]
        )
        == 1
    )


def test_new_folder_is_read(env, servers, mailbox, contact):
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.create_folder("Projects/Größe")
    mailbox.receive(contact.email, "Filed away", folder="Projects/Größe")
    mailbox.sync()
    assert mailbox.subjects(contact) == ["Filed away"]


def test_folder_turned_on_later_imports_its_older_mail(env, mailbox, contact):
    mailbox.receive(contact.email, "Taken for spam", folder="Junk", days=2)
    mailbox.connect()
    assert mailbox.subjects(contact) == []
    junk = mailbox.account.folder_ids.filtered(lambda f: f.role == "junk")
    junk.sync = True
    env.cr.commit()
    mailbox.sync()
    assert mailbox.subjects(contact) == ["Taken for spam"]


def test_vanished_folder_is_shown_and_the_rest_goes_on(env, servers, mailbox, contact):
    with servers.imap(mailbox.address) as client:
        client.create_folder("Old")
    mailbox.receive(contact.email, "Kept", folder="Old")
    mailbox.connect()
    with servers.imap(mailbox.address) as client:
        client.delete_folder("Old")
    mailbox.receive(contact.email, "New")
    mailbox.sync()
    folder = mailbox.folder("Old")
    assert folder.gone
    assert "no longer exist on the server" in mailbox.account.folder_problem
    assert not mailbox.account.imap_problem
    assert set(mailbox.subjects(contact)) == {"Kept", "New"}, "its mail stays"


def test_folder_that_vanishes_while_it_is_read(env, servers, mailbox, contact):
    """It was listed a moment ago; the other folders are read all the same."""
    from odoo.addons.mailbox_connector.engine.imap.session import ImapSession

    with servers.imap(mailbox.address) as client:
        client.create_folder("Aside")
    mailbox.connect()
    mailbox.receive(contact.email, "In it", folder="Aside")
    mailbox.receive(mailbox.address, "Sent", folder="Sent", to=contact.email)
    mailbox.receive(contact.email, "Inbox")
    list_folders = ImapSession.list_folders

    def list_then_delete(session, status=False):
        found = list_folders(session, status)
        with servers.imap(mailbox.address) as client:
            if client.folder_exists("Aside"):
                client.delete_folder("Aside")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImapSession, "list_folders", list_then_delete)
        mailbox.sync()
    assert not mailbox.account.imap_problem
    assert set(mailbox.subjects(contact)) == {"Sent", "Inbox"}
    assert "Aside" in mailbox.account.folder_problem


def test_archived_mailbox_is_not_read(env, mailbox, contact):
    mailbox.connect()
    mailbox.account.active = False
    mailbox.receive(contact.email, "Late")
    env.cr.commit()
    due = env["mailbox.sync"]._due("served_at")
    assert mailbox.account not in due


def test_scheduled_actions_serve_every_mailbox(env, make_mailbox, contact):
    boxes = [make_mailbox() for _n in range(3)]
    for box in boxes:
        box.connect()
        box.receive(contact.email, f"To {box.address}")
    env["mailbox.lease"].search([]).served_at = False
    env.cr.commit()
    env["mailbox.sync"]._cron_new_mail()
    assert len(boxes[0].subjects(contact)) == 3


def test_a_backfill_goes_on_by_the_scheduled_action(env, mailbox, contact):
    mailbox.receive(contact.email, "Old", days=3)
    mailbox.account.action_connect()
    mailbox.account.start_backfill(7)
    env.cr.commit()
    assert mailbox.account.backfill_state == "running"
    env["mailbox.sync"]._cron_backfill()
    assert mailbox.subjects(contact) == ["Old"]
    assert mailbox.account.backfill_state == "done"


def test_mailbox_in_use_elsewhere_is_left_alone(env, mailbox, contact):
    mailbox.connect()
    mailbox.receive(contact.email, "Wait")
    lease = env["mailbox.lease"].search([("account_id", "=", mailbox.account.id)])
    lease.write(
        {"holder": "another", "expires_at": datetime.now() + timedelta(minutes=1)}
    )
    env.cr.commit()
    assert "being synced right now" in mailbox.sync()["params"]["message"]
    assert mailbox.subjects(contact) == []
    lease.expires_at = datetime.now() - timedelta(minutes=1)
    env.cr.commit()
    mailbox.sync()
    assert mailbox.subjects(contact) == ["Wait"], "a dead worker's lease is taken over"


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_cut_between_batches_loses_and_doubles_nothing(
    env, mailbox, contact, monkeypatch, cut
):
    """A worker that dies while it commits a batch is as if it had never begun it,
    or had finished it."""
    from odoo.addons.mailbox_connector.engine.sync import folder
    from odoo.addons.mailbox_connector.services.sync.store import OdooStore

    monkeypatch.setattr(folder, "BATCH", 3)
    for n in range(10):
        mailbox.receive(contact.email, f"{n}", days=1)
    mailbox.account.action_connect()
    mailbox.account.start_backfill(7)
    env.cr.commit()

    class Killed(BaseException):
        pass

    transaction, calls = OdooStore.transaction, []

    def dying_transaction(self, work):
        calls.append(1)
        if len(calls) == 3:
            if cut == "after":
                transaction(self, work)
            raise Killed
        return transaction(self, work)

    monkeypatch.setattr(OdooStore, "transaction", dying_transaction)
    with pytest.raises(Killed):
        env["mailbox.sync"]._cron_backfill()
    env.cr.rollback()
    env["mailbox.sync"]._cron_backfill()
    assert sorted(mailbox.subjects(contact)) == sorted(str(n) for n in range(10))
    assert mailbox.account.backfill_id.seen == 10
