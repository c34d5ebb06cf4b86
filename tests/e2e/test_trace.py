"""Why is this e-mail here, or not? Every answer, from our records and a real server."""

import re
from datetime import date, timedelta

import pytest
from conftest import message, unique

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

NEWS = {"List_Unsubscribe": "<https://customer.example/leave>"}


def text(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html or "").split())


@pytest.fixture
def ask(env, mailbox):
    """Asks about ``mailbox`` as its owner; the answer in plain words."""

    def ask(message_id="", *, user=None, account=mailbox.account, **asked):
        env.cr.commit()
        user = user or env.ref("base.user_admin")
        Trace = env["mailbox.trace"].with_user(user)
        dialog = Trace.create(
            {"account_id": account.id, "message_name": message_id, **asked}
        )
        dialog.action_ask()
        return text(dialog.answer)

    return ask


@pytest.fixture
def stranger():
    return f"{unique('s')}@passer-by.example"


def folder(mailbox, name):
    mailbox.env.invalidate_all()
    return mailbox.account.folder_ids.filtered(lambda one: one.raw_name == name)


# Here


def test_mail_that_is_here(env, mailbox, contact, ask):
    old = mailbox.receive(contact.email, "Old order", days=3)
    mailbox.connect()
    new = mailbox.receive(contact.email, "New order")
    mailbox.sync()
    shown = ask(new)
    assert "In Odoo “New order” from" in shown
    assert (
        f"It is shown on {contact.name} because the address {contact.email} is in"
        in shown
    )
    assert f"On the server it is in INBOX of {mailbox.address}." in shown
    assert "as a new e-mail" in shown
    assert "Everyone who has access to the contact can read it." in shown
    assert "with the import of e-mails since" in ask(old)
    mailbox.account.visibility = "members"
    assert f"Only the owner and members of {mailbox.address} can read it." in ask(new)


def test_by_what_a_person_remembers(env, mailbox, contact, ask, stranger):
    """Quotes, umlauts, line ends and wildcards are looked for as they are."""
    mailbox.receive(contact.email, 'Größe "XL" 100%')
    mailbox.receive(contact.email, "Another 100")
    mailbox.connect()
    mailbox.receive(stranger, 'Überraschung "XL"', to=mailbox.address)
    assert "Größe" in ask(subject="größe", sender=contact.email)
    shown = ask(subject='"XL"')
    assert "Größe" in shown and "Überraschung" in shown
    assert "Another" not in ask(subject="100%")
    assert "No such e-mail" in ask(subject="überraschung\r\nA1 LOGOUT")
    assert "No such e-mail" in ask(sender='x"\r\nA1 LOGOUT\r\n')
    assert "Not in Odoo “Überraschung" in ask(subject="überr")
    assert "Überraschung" in ask(sender=stranger.upper(), day=date.today())
    assert "Überraschung" in ask(recipient=mailbox.address, sender=stranger)
    assert "No such e-mail" in ask(
        subject="überr", day=date.today() - timedelta(days=3)
    )


# Not here


def test_nobody_has_the_address(mailbox, ask, stranger):
    mailbox.connect()
    name = mailbox.receive(stranger, "Hello")
    assert "It is new. Press Sync now to import it." in ask(name)
    assert f"No contact has the address {stranger}." in ask(name)
    mailbox.sync()
    shown = ask(name)
    assert "It is new" not in shown
    assert f"No contact has the address {stranger}." in shown


def test_contacts_that_do_not_count(env, mailbox, contact, ask):
    contact.active = False
    other = env["res.company"].create({"name": unique("Elsewhere")})
    far = env["res.partner"].create(
        {
            "name": unique("Far"),
            "email": f"{unique('f')}@far.example",
            "company_id": other.id,
        }
    )
    admin = env.ref("base.user_admin")
    admin.company_ids = [Command.link(other.id)]
    mailbox.connect()
    archived = mailbox.receive(contact.email, "Archived")
    elsewhere = mailbox.receive(far.email, "Elsewhere")
    among = mailbox.receive(mailbox.address, "Note to myself")
    mailbox.sync()
    assert f"{contact.name}, who has the address {contact.email}, is archived" in ask(
        archived
    )
    shown = ask(elsewhere)
    assert f"is a contact of {other.name}, but the mailbox belongs to" in shown
    admin.company_ids = [Command.unlink(other.id)]
    assert far.name not in ask(elsewhere), "shows a contact that one may not see"
    assert "It has only addresses of your own and of colleagues" in ask(among)


def test_a_newsletter_stays_out_until_it_is_wanted(env, mailbox, contact, ask):
    before = mailbox.receive(contact.email, "Weekly 1", days=2, **NEWS)
    mailbox.connect()
    after = mailbox.receive(contact.email, "Weekly 2", **NEWS)
    mailbox.sync()
    assert not mailbox.subjects(contact)
    for name in (before, after):
        assert "It is a newsletter or from a mailing list" in ask(name)
    assert mailbox.account.backfill_ids.newsletters == 1
    mailbox.account.skip_newsletters = False
    env.cr.commit()
    mailbox.sync()
    assert mailbox.subjects(contact) == ["Weekly 2", "Weekly 1"]


def test_folders_that_are_not_read(mailbox, contact, ask):
    mailbox.connect()
    junk = mailbox.receive(contact.email, "Spam?", folder="Junk")
    draft = mailbox.receive(mailbox.address, "Half", folder="Drafts", to=contact.email)
    mailbox.sync()
    shown = ask(junk)
    assert "The folder Junk is not imported." in shown
    assert "move it to the inbox" in shown
    assert "It is a draft" in ask(draft)


def test_older_than_what_was_imported(env, mailbox, contact, ask):
    mailbox.receive(contact.email, "Near", days=2)
    name = mailbox.receive(contact.email, "Far", days=60)
    assert "not connected yet" in ask(name)
    mailbox.connect(days=7)
    shown = ask(name)
    assert "e-mails were only imported back to" in shown
    assert "Press Import older e-mails" in shown
    mailbox.account.start_backfill(90)
    assert "is running and has not reached it yet" in ask(name)
    backfill = mailbox.account.backfill_ids[:1]
    backfill.action_pause()
    assert "an import that is paused" in ask(name)


def test_a_failed_import(mailbox, contact, ask, faulty):
    mailbox.connect()
    name = mailbox.receive(contact.email, "Faulty")
    mailbox.sync()
    shown = ask(name)
    assert "The import failed: The parts of the e-mail are nested too deep" in shown
    assert "Open the failed import" in shown


def test_deleted_here(env, mailbox, contact, ask):
    name = mailbox.receive(contact.email, "Private", days=1)
    mailbox.connect()
    env["mailbox.message"].search([("rfc_message_id", "=", name)]).unlink()
    assert "It was deleted in Odoo and will not be imported again." in ask(name)


def test_a_contact_that_was_made_later(env, mailbox, ask, stranger):
    mailbox.connect()
    name = mailbox.receive(stranger, "Hello")
    mailbox.sync()
    late = env["res.partner"].create({"name": "Late", "email": stranger})
    assert "none of its addresses was on a contact. Now one is" in ask(name)
    dialog = env["mailbox.trace"].search([], order="id desc", limit=1)
    dialog.with_user(mailbox.account.owner_id).action_import()
    env.cr.commit()
    assert mailbox.subjects(late) == ["Hello"]
    assert "In Odoo “Hello”" in text(dialog.answer) and not dialog.importable


def test_a_folder_that_is_renumbered(env, mailbox, contact, ask):
    name = mailbox.receive(contact.email, "Moved", days=1)
    mailbox.connect()
    env["mailbox.message"].search([("rfc_message_id", "=", name)]).unlink()
    folder(mailbox, "INBOX").uidvalidity += 1
    assert "has renumbered the e-mails in this folder" in ask(name)


def test_it_is_nowhere(mailbox, ask):
    mailbox.connect()
    shown = ask("<gone@customer.example>")
    assert "No such e-mail was found in Odoo." in shown
    assert f"{mailbox.address}: no such e-mail on its server (INBOX" in shown


def test_the_server_is_away(mailbox, contact, ask):
    name = mailbox.receive(contact.email, "Here", days=1)
    mailbox.connect()
    mailbox.account.write({"imap_port": 1, "imap_password": "x"})
    shown = ask(name)
    assert "In Odoo “Here” from" in shown
    assert "Reading (IMAP):" in shown


# Who may know what


def test_only_members_learn_what_is_on_the_server(env, mailbox, contact, ask, stranger):
    """A manager looks after a mailbox, and does not read what nobody imported."""
    manager = new_test_user(
        env,
        unique("boss"),
        groups="mailbox_connector.group_mailbox_manager,base.group_user",
    )
    mailbox.account.visibility = "members"
    mailbox.connect()
    secret = mailbox.receive(stranger, "Secret plan")
    known = mailbox.receive(contact.email, "Contract")
    mailbox.sync()
    shown = ask(secret, user=manager)
    assert "None of its addresses is on an active contact." in shown
    assert stranger not in shown and "Secret plan" not in shown
    shown = ask(known, user=manager)
    assert "only the owner and members of" in shown and "Contract" not in shown
    shown = ask(user=manager, subject="Secret plan")
    assert "only its owner and members may search" in shown
    assert stranger not in shown


def test_an_agent_without_a_mailbox_asks_about_what_they_see(env, mailbox, contact):
    name = mailbox.receive(contact.email, "Order", days=1)
    mailbox.connect()
    agent = new_test_user(env, unique("agent"), groups="base.group_user")
    record = env["mailbox.message"].search([("rfc_message_id", "=", name)])
    action = record.with_user(agent).action_trace()
    shown = text(env["mailbox.trace"].browse(action["res_id"]).answer)
    assert f"It is shown on {contact.name}" in shown
    assert "On the server" not in shown, "of a mailbox that is not theirs"
    dialog = env["mailbox.trace"].with_user(agent).create({"message_name": name})
    dialog.action_ask()
    assert "In Odoo “Order”" in text(dialog.answer)
    other = new_test_user(env, unique("other"), groups="base.group_user")
    with pytest.raises(AccessError):
        dialog.with_user(other).read(["answer"])


# Bad input


@pytest.mark.parametrize(
    "pasted", ["hello world", "*", "<>", "%", "x" * 2_000, "a\r\nb", "<a b@c>"]
)
def test_junk_is_no_message_id(mailbox, ask, pasted):
    with pytest.raises(UserError, match="is not a Message-ID"):
        ask(pasted)


def test_too_little_is_asked(ask):
    for asked in ({}, {"subject": "*"}, {"sender": " % "}, {"subject": "a"}):
        with pytest.raises(UserError):
            ask(**asked)


def test_a_message_id_is_found_however_it_was_copied(env, mailbox, contact, ask):
    raw, name = message(contact.email, mailbox.address, "Copied", days=1)
    mailbox.servers.append(mailbox.address, "INBOX", raw)
    mailbox.connect()
    for pasted in (name, name.strip("<>"), f"Message-ID: {name}\n", f"  {name} "):
        assert "In Odoo “Copied”" in ask(pasted)
