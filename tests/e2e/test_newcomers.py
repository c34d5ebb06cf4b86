"""People who become contacts after their mail has come."""

import pytest
from conftest import unique

from odoo.addons.mailbox_connector.services import newcomers


@pytest.fixture
def stranger():
    return f"{unique('s')}@stranger.example"


def make_contact(env, email=False, **values):
    partner = env["res.partner"].create(
        {"name": unique("Late"), "email": email, **values}
    )
    env.cr.commit()
    return partner


def work(env):
    """What the scheduled action does, once it was woken."""
    env["mailbox.sync"]._cron_history()
    env.cr.commit()


def test_a_new_contact_gets_the_mail_that_was_skipped(env, mailbox, stranger):
    mailbox.receive(stranger, "Asked before")
    mailbox.receive(mailbox.address, "Answered", folder="Sent", to=stranger)
    mailbox.receive(stranger, "Long ago", days=30)
    mailbox.receive(f"other-{stranger}", "Of somebody else")
    mailbox.connect(days=7)
    partner = make_contact(env, f"Late Comer <{stranger}>")
    work(env)
    assert sorted(mailbox.subjects(partner)) == ["Answered", "Asked before"]
    # It is looked for once, and reading goes on as before.
    assert not env["mailbox.newcomer"].search([])
    mailbox.receive(stranger, "Afterwards")
    mailbox.sync()
    assert len(mailbox.subjects(partner)) == 3


def test_a_contact_with_a_new_address(env, mailbox, stranger):
    mailbox.receive(stranger, "Asked before")
    mailbox.connect(days=7)
    partner = make_contact(env)
    partner.email = stranger
    env.cr.commit()
    work(env)
    assert mailbox.subjects(partner) == ["Asked before"]


def test_a_contact_that_was_archived(env, mailbox, stranger):
    partner = make_contact(env, stranger, active=False)
    mailbox.receive(stranger, "Asked before")
    mailbox.connect(days=7)
    assert not mailbox.subjects(partner)
    partner.active = True
    env.cr.commit()
    work(env)
    assert mailbox.subjects(partner) == ["Asked before"]


def test_many_new_contacts_at_once(env, mailbox, stranger, monkeypatch):
    monkeypatch.setattr(newcomers, "MANY", 2)
    emails = [f"{n}-{stranger}" for n in range(4)]
    for email in emails:
        mailbox.receive(email, f"From {email}")
    mailbox.connect(days=7)
    values = [{"name": email, "email": email} for email in emails]
    partners = env["res.partner"].create(values)
    env.cr.commit()
    work(env)
    for partner in partners:
        assert mailbox.subjects(partner) == [f"From {partner.email}"]


def test_contacts_of_another_company_get_nothing(env, mailbox, stranger):
    company = env["res.company"].create({"name": unique("Elsewhere")})
    mailbox.receive(stranger, "Asked before")
    mailbox.connect(days=7)
    partner = make_contact(env, stranger, company_id=company.id)
    assert not env["mailbox.newcomer"].search([])
    work(env)
    assert not mailbox.subjects(partner)
