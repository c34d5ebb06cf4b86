"""Asking on the screen why an e-mail is here, and why another is not."""

import re
from datetime import datetime, timedelta, timezone

from conftest import message, unique
from playwright.sync_api import expect


def test_a_person_finds_out_why(tour):
    """By Message-ID and by what is remembered; from the mailbox and from an e-mail."""
    address, email = f"{unique('why')}@example.com", f"{unique('nora')}@c.example"
    stranger = f"{unique('sven')}@passer-by.example"
    tour.admin().create("res.partner", {"name": "Nora of why", "email": email})
    names = {}
    for sender, subject in ((email, "Lamp 7 is here"), (stranger, "Lamp 7 is not")):
        raw, names[subject] = message(sender, address, subject, days=1)
        received = datetime.now(timezone.utc) - timedelta(days=1)
        tour.servers.append(address, "INBOX", raw, internaldate=received)
    marta = tour.live.session("marta", "marta")
    account = marta.create(
        "mailbox.account",
        {
            "email": address,
            "name": "Why",
            "imap_host": tour.servers.imap_host,
            "imap_port": tour.servers.imap_tls_port,
            "imap_username": address,
            "imap_password": tour.servers.password,
            "ca_certificate": tour.servers.ca_pem,
        },
    )
    dialog = marta.call("mailbox.account", "action_connect", [account])["res_id"]
    marta.call("mailbox.connect", "action_import", [dialog])

    screen = tour.log_in("marta")
    screen.page.goto(f"{tour.live.address}/odoo/mailboxes/{account}")
    screen.page.get_by_text("Why is an e-mail missing?", exact=True).click()
    screen.type("message_name", names["Lamp 7 is here"])
    screen.press("Search")
    answer = screen.dialog.locator(".o_mailbox_trace")
    expect(answer).to_contain_text(f"the address {email} is in From")
    expect(answer.locator(".badge")).to_have_text(["In Odoo"])

    screen.type("message_name", "")
    screen.input("message_name").press("Tab")
    screen.type("sender", stranger)
    screen.type("subject", "lamp 7")
    screen.press("Search")
    expect(answer).to_contain_text(f"No contact has the address {stranger}.")
    expect(answer.locator(".badge")).to_have_text(["Not in Odoo"])
    screen.picture("why")
    screen.press("Close")

    [number] = marta.call(
        "mailbox.message", "search", [["subject", "=", "Lamp 7 is here"]]
    )
    screen.page.goto(f"{tour.live.address}/odoo/mailbox.message/{number}")
    screen.press("Why is it here?")
    expect(answer).to_contain_text("It is shown on Nora of why")
    link = answer.get_by_role("link", name="Nora of why")
    expect(link).to_have_attribute("href", re.compile("^/odoo/res.partner/"))
