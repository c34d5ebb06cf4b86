"""People who become contacts after their mail has come."""

import pytest
from conftest import unique

from odoo.addons.mailbox_connector.services.sync import new_contacts
from odoo.addons.mailbox_connector.services.sync.mailbox_pass import PassRequest


@pytest.fixture
def stranger():
    return f"{unique('s')}@stranger.example"


def make_contact(env, email=False, **values):
    partner = env["res.partner"].create(
        {"name": unique("Late"), "email": email, **values}
    )
    env.cr.commit()
    return partner


def waiting(mailbox):
    """Addresses that are still to be looked for."""
    mine = [("account_id", "=", mailbox.account.id)]
    return mailbox.env["mailbox.contact.lookup"].search(mine).mapped("email")


def work(mailbox):
    """What the scheduled action does with it, once it was woken."""
    sync = mailbox.env["mailbox.sync"]
    assert mailbox.account in sync._due("backfill_served_at")
    sync.serve(mailbox.account, PassRequest("backfill", 8, 90))
    mailbox.env.cr.commit()
    assert not waiting(mailbox)


def test_a_new_contact_gets_the_mail_that_was_skipped(env, mailbox, stranger):
    mailbox.receive(stranger, "Asked before")
    mailbox.receive(mailbox.address, "Answered", folder="Sent", to=stranger)
    mailbox.receive(stranger, "Long ago", days=30)
    mailbox.receive(f"other-{stranger}", "Of somebody else")
    mailbox.connect(days=7)
    partner = make_contact(env, f"Late Comer <{stranger}>")
    work(mailbox)
    assert sorted(mailbox.subjects(partner)) == ["Answered", "Asked before"]
    # Reading goes on as before.
    mailbox.receive(stranger, "Afterwards")
    mailbox.sync()
    assert len(mailbox.subjects(partner)) == 3


def test_a_contact_with_a_new_address(env, mailbox, stranger):
    mailbox.receive(stranger, "Asked before")
    mailbox.connect(days=7)
    partner = make_contact(env)
    partner.email = stranger
    env.cr.commit()
    work(mailbox)
    assert mailbox.subjects(partner) == ["Asked before"]


def test_a_contact_that_was_archived(env, mailbox, stranger):
    partner = make_contact(env, stranger, active=False)
    mailbox.receive(stranger, "Asked before")
    mailbox.connect(days=7)
    assert not mailbox.subjects(partner)
    partner.active = True
    env.cr.commit()
    work(mailbox)
    assert mailbox.subjects(partner) == ["Asked before"]


def test_many_new_contacts_at_once(env, mailbox, stranger, monkeypatch):
    monkeypatch.setattr(new_contacts, "MANY", 2)
    emails = [f"{n}-{stranger}" for n in range(4)]
    for email in emails:
        mailbox.receive(email, f"From {email}")
    mailbox.connect(days=7)
    values = [{"name": email, "email": email} for email in emails]
    partners = env["res.partner"].create(values)
    env.cr.commit()
    work(mailbox)
    for partner in partners:
        assert mailbox.subjects(partner) == [f"From {partner.email}"]


def test_contacts_of_another_company_get_nothing(env, mailbox, stranger):
    company = env["res.company"].create({"name": unique("Elsewhere")})
    mailbox.receive(stranger, "Asked before")
    mailbox.connect(days=7)
    partner = make_contact(env, stranger, company_id=company.id)
    assert not waiting(mailbox)
    assert not mailbox.subjects(partner)


def test_where_nothing_was_skipped_nothing_is_looked_for(env, mailbox, contact):
    mailbox.receive(contact.email, "Asked")
    mailbox.connect(days=7)
    make_contact(env, f"{unique('new')}@customer.example")
    assert not waiting(mailbox)


def test_a_folder_that_was_deleted_meanwhile_does_no_harm(env, mailbox, stranger):
    mailbox.receive(stranger, "Filed", folder="Projects")
    mailbox.receive(stranger, "Asked before")
    mailbox.connect(days=7)
    with mailbox.servers.imap(mailbox.address) as client:
        client.delete_folder("Projects")
    partner = make_contact(env, stranger)
    work(mailbox)
    assert mailbox.subjects(partner) == ["Asked before"]
    assert not mailbox.account.imap_problem
