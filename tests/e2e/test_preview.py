"""What an import would add, shown before anything is added."""

from datetime import date

import pytest
from conftest import unique

from odoo.exceptions import UserError

from odoo.addons.mailbox_connector.services.sync import preview


def open_dialog(mailbox, days=7):
    action = mailbox.account.action_connect()
    dialog = mailbox.env["mailbox.connect"].browse(action["res_id"])
    dialog.backfill_days = days
    dialog.action_preview()
    return dialog


def said(dialog):
    """The preview as a person reads it."""
    return " ".join(dialog.preview.striptags().split())


def messages(mailbox):
    """What is on the server, flags included."""
    state = mailbox.servers.folder_state(mailbox.address)
    return {name: folder.messages for name, folder in state.items()}


def test_counts_contacts_ambiguous_addresses_and_strangers(env, mailbox, contact):
    stranger = f"who@{unique('s')}.example"
    mailbox.receive(contact.email, "First", days=1)
    mailbox.receive(contact.email, "Second", days=3)
    mailbox.receive(mailbox.address, "Sent", folder="Sent", to=contact.email)
    mailbox.receive(stranger, "Offer", days=2)
    mailbox.receive(contact.email, "Too old", days=30)
    shared = f"{unique('office')}@customer.example"
    twins = env["res.partner"].create(
        [{"name": name, "email": shared} for name in ("Twin One", "Twin Two")]
    )
    env.cr.commit()
    mailbox.receive(shared, "Whose?", days=1)
    before = messages(mailbox)
    text = said(open_dialog(mailbox))
    assert "E-mails with your contacts: 4. Contacts: 3." in text
    assert f"{contact.name}: 3" in text
    assert f"{shared}: {twins[0].name}, {twins[1].name}" in text
    assert "E-mails with people who are not contacts: 1. They are not imported." in text
    assert stranger.partition("@")[2] in text
    assert "contacts: 5. Contacts:" in said(open_dialog(mailbox, days=60))
    # Nothing was stored, nothing on the server changed.
    assert not mailbox.subjects(contact)
    assert not mailbox.account.backfill_ids
    assert messages(mailbox) == before


def test_what_is_here_already_is_distinguished(mailbox, contact):
    mailbox.receive(contact.email, "First", days=1)
    mailbox.receive(contact.email, "Older", days=20)
    mailbox.connect(days=7)
    text = said(open_dialog(mailbox, days=30))
    assert "New e-mails with your contacts: 1. Contacts: 1." in text
    assert "Already in Odoo: 1. They are not imported again." in text
    text = said(open_dialog(mailbox, days=7))
    assert "No new e-mails with your contacts" in text


def test_newsletters_of_contacts_are_distinguished_as_the_import_does(mailbox, contact):
    unsubscribe = {"List_Unsubscribe": "<https://customer.example/off>"}
    news = {"List_Id": "<news.customer.example>", **unsubscribe}
    mailbox.receive(contact.email, "Spring sale", **news)
    mailbox.receive(contact.email, "Your order")
    text = said(open_dialog(mailbox))
    assert "E-mails checked: 2." in text
    assert "E-mails with your contacts: 1. Contacts: 1." in text
    assert "Newsletters and mailing lists: 1. They are skipped." in text
    mailbox.connect(days=7)
    assert mailbox.subjects(contact) == ["Your order"]


def test_how_long_it_takes_is_estimated_by_how_long_it_took(env, mailbox, contact):
    """Also for the e-mails that there was no time to look at."""
    mailbox.receive(contact.email, "Hello", days=1)
    env["mailbox.backfill"].create(
        {
            "account_id": mailbox.account.id,
            "since": "2024-01-01",
            "state": "done",
            "seen": 100,
            "active_seconds": 50,
        }
    )
    env.cr.commit()
    folders = mailbox.account.folder_ids
    mailbox.account.action_connect()
    found = preview.scan(
        mailbox.account, mailbox.account.folder_ids - folders, date(2024, 1, 1)
    )
    assert (found.seen, found.rate) == (1, 2)
    found.left = 599
    assert found.seconds == 300
    assert found.expected_size == found.size * 600


def test_folders_that_are_turned_off_are_not_looked_at(mailbox, contact):
    mailbox.receive(contact.email, "Filed", folder="Projects")
    dialog = open_dialog(mailbox)
    assert "contacts: 1. Contacts:" in said(dialog)
    lines = dialog.folder_line_ids
    lines.filtered(lambda line: line.folder_id.name == "Projects").sync = False
    dialog.action_preview()
    assert "No e-mails with your contacts" in said(dialog)


def test_an_address_cannot_put_anything_else_on_the_screen(env, mailbox, contact):
    contact.name = "<script>alert(1)</script>"
    env.cr.commit()
    mailbox.receive(contact.email, "Hello")
    html = open_dialog(mailbox).preview
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_a_server_that_cannot_be_read_is_shown(mailbox):
    action = mailbox.account.action_connect()
    dialog = mailbox.env["mailbox.connect"].browse(action["res_id"])
    mailbox.account.imap_password = "no longer the password"
    with pytest.raises(UserError, match="password"):
        dialog.action_preview()
