"""Import older e-mails, watched on the screen: preview, progress, pause, undo."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from conftest import unique
from playwright.sync_api import expect

from devtools import imap_proxy
from devtools.bench.mails import small

#: E-mails of the contact; several batches.
COUNT = 1000
#: As the form writes it.
SHOWN = "1,000"


@pytest.fixture
def proxy(servers):
    """Before the mail server, to slow it down."""
    with imap_proxy.running(servers) as running:
        yield running


@pytest.fixture
def mailbox(tour, proxy):
    """A mailbox of Marta's, connected without older e-mails; its number."""
    address, sender = f"{unique('history')}@example.com", f"{unique('nora')}@c.example"
    tour.admin().create("res.partner", {"name": "Nora of old", "email": sender})
    received = datetime.now(timezone.utc) - timedelta(days=20)
    tour.servers.append_many(
        address, "INBOX", small(COUNT, [sender], address), internaldate=received
    )
    marta = tour.live.session("marta", "marta")
    account = marta.create(
        "mailbox.account",
        {
            "email": address,
            "name": "Old mail",
            "imap_host": proxy.host,
            "imap_port": proxy.port,
            "imap_username": address,
            "imap_password": tour.servers.password,
            "ca_certificate": tour.servers.ca_pem,
        },
    )
    dialog = marta.call("mailbox.account", "action_connect", [account])["res_id"]
    marta.call("mailbox.connect", "write", [dialog], {"backfill_days": 0})
    marta.call("mailbox.connect", "action_import", [dialog])
    return account


def test_older_mail_is_previewed_imported_paused_and_undone(tour, proxy, mailbox):
    marta = tour.log_in("marta")
    marta.page.goto(f"{tour.live.address}/odoo/mailboxes/{mailbox}")
    marta.press("Import older e-mails")
    marta.press("30 days")
    expect(marta.dialog).to_contain_text(f"E-mails with your contacts: {COUNT}")
    expect(marta.dialog).to_contain_text(f"Nora of old: {COUNT}")
    marta.picture("more-history")
    proxy.delay(0.5)
    marta.press("Import")
    expect(marta.dialog).to_have_count(0)

    page = marta.page
    backfill = page.locator(".o_mailbox_import")
    state, bar = backfill.get_by_role("status"), backfill.get_by_role("progressbar")
    # The form itself tells: nobody reloads it.
    expect(bar).to_have_attribute("aria-valuenow", re.compile("[1-9]"))
    proxy.delay(3)  # not to be done before it is paused
    expect(backfill).to_contain_text(f"of {SHOWN} e-mails checked")
    expect(backfill).to_contain_text("left")
    marta.picture("progress")
    marta.press("Pause")
    expect(state).to_have_text("Paused")
    proxy.delay(0)
    marta.press("Resume")
    expect(state).to_have_text("Done")
    expect(backfill).to_contain_text(f"with your contacts: {SHOWN}")
    expect(page.locator("[name=message_count]")).to_contain_text(SHOWN)

    marta.press("Undo this import")
    expect(marta.dialog).to_contain_text(f"E-mails to be removed: {COUNT}")
    marta.picture("undo-history")
    marta.press("Undo this import")
    expect(state).to_have_text("Undone")
    expect(backfill).to_contain_text(f"Removed: {SHOWN}")
    expect(page.locator("[name=message_count]")).not_to_contain_text(SHOWN)
