"""A manager sees which mailboxes need somebody, and what is done helps."""

import pytest
from conftest import unique
from guide import MARTA
from playwright.sync_api import expect

from devtools.base.process import wait_for

LONG = 120


@pytest.fixture
def boxes(tour, servers):
    """Marta's mailboxes, by name: one that works, one whose password has expired, one
    that nobody has connected."""
    admin, word = tour.admin(), unique("team")
    marta = admin.find("res.users", ("login", "=", MARTA))
    found = {}
    for name in ("sound", "locked", "fresh"):
        address = f"{name}{word}@example.com"
        found[name] = admin.create(
            "mailbox.account",
            {
                "email": address,
                "name": f"{name.title()} {word}",
                "owner_id": marta,
                "imap_host": servers.imap_host,
                "imap_port": servers.imap_tls_port,
                "imap_username": address,
                "imap_password": servers.password,
                "ca_certificate": servers.ca_pem,
            },
        )
        if name != "fresh":
            action = admin.call("mailbox.account", "action_connect", [found[name]])
            dialog = [action["res_id"]]
            admin.call("mailbox.connect", "write", dialog, {"backfill_days": 0})
            admin.call("mailbox.connect", "action_import", dialog)
    admin.call("mailbox.account", "action_sync_now", [found["sound"]])
    _password(admin, found["locked"], "expired")
    admin.call("mailbox.account", "action_sync_now", [found["locked"]])
    yield word, found
    admin.call("mailbox.account", "write", list(found.values()), {"active": False})


def _password(admin, account, password):
    admin.call("mailbox.account", "write", [account], {"imap_password": password})


def test_a_manager_finds_what_needs_somebody_and_tries_it_again(tour, servers, boxes):
    word, found = boxes
    admin = tour.admin()
    locked = found["locked"]
    # The scheduled action of this server tells Marta, by Odoo's own server.
    subject = f"The mailbox locked{word}@example.com cannot be read"
    wait_for(lambda: _mails(servers, subject), LONG, "an e-mail to Marta")
    asked = [("res_model", "=", "mailbox.account"), ("res_id", "=", locked)]
    assert len(admin.call("mail.activity", "search", asked)) == 1

    screen = tour.log_in("admin")
    page = screen.page
    page.goto(f"{tour.live.address}/odoo/mailboxes")
    search = page.locator(".o_searchview_input")
    search.fill(word)
    search.press("Enter")
    rows = page.locator(".o_data_row")
    expect(rows).to_have_count(3)
    for name, state in (
        ("Sound", "Connected"),
        ("Locked", "Action needed"),
        ("Fresh", "Not connected"),
    ):
        row = rows.filter(has_text=f"{name} {word}")
        expect(row.locator("td[name=health]")).to_have_text(state)
    page.locator(".o_searchview_dropdown_toggler").click()
    page.get_by_role("menuitemcheckbox", name="Action needed").click()
    expect(rows).to_have_count(1)
    page.keyboard.press("Escape")

    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    card = page.locator(".o_kanban_record").filter(has_text=f"Locked {word}")
    expect(card).to_contain_text("Action needed")
    expect(card).to_contain_text("refuses the username or the password")
    card.get_by_role("button", name="Try again now").click()
    screen.see_notice("refuses the username or the password")
    screen.dismiss_notices()
    expect(card).to_contain_text("Stopped.")

    _password(admin, locked, servers.password)
    card.get_by_role("button", name="Try again now").click()
    screen.see_notice("It works again.")
    expect(card).to_contain_text("Connected")
    expect(card.get_by_role("button", name="Try again now")).to_have_count(0)
    again = f"The mailbox locked{word}@example.com is read again"
    wait_for(lambda: _mails(servers, again), LONG, "an e-mail to Marta")
    assert admin.call("mail.activity", "search", asked) == []


def _mails(servers, subject):
    with servers.imap(f"{MARTA}@example.com") as client:
        client.select_folder("INBOX", readonly=True)
        return client.search(["SUBJECT", subject])
