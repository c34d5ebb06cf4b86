"""The user's guide (docs/user-guide.md), done step by step in a browser.

A live Odoo server on real mail servers: mail really leaves, and answers come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from browser import Live, Screen
from guide import (
    ADMIN,
    BEN,
    LONG,
    MARTA,
    NORA,
    NORA_NAME,
    SUPPORT,
    Settings,
    arrived,
    backfill,
    chatter,
    connect,
    fill_in,
    letter,
    open_contact,
    open_mailboxes,
    open_the_file,
    see_the_list,
    see_the_mails,
    send,
    visible,
)
from playwright.sync_api import expect

from devtools.base.process import wait_for


@pytest.fixture(scope="module")
def live(tour_server) -> Live:
    """Odoo with its people: Marta has mailboxes, Ben is an agent without one."""
    return tour_server


@pytest.fixture
def log_in(browser, live, request) -> Iterator[Callable[[str], Screen]]:
    """Opens a browser window of a person; when the test is over nothing in it may
    have failed unnoticed."""
    screens = []

    def log_in(login: str) -> Screen:
        screens.append(Screen.log_in(browser, live, login, login))
        return screens[-1]

    yield log_in
    for screen in screens:
        screen.close(f"{request.node.name}-{screen.login}")


@pytest.fixture
def settings(servers) -> Settings:
    return Settings.of(servers)


@pytest.fixture(scope="module")
def connected(browser, live, servers) -> None:
    """From the first log-in to a mailbox that imports mail."""
    backfill(servers)
    before = visible(servers.folder_state(SUPPORT))
    marta = Screen.log_in(browser, live, MARTA, MARTA)
    open_mailboxes(marta)
    fill_in(marta, Settings.of(servers))
    connect(marta)
    expect(marta.dialog).to_contain_text("Reading (IMAP) works")
    expect(marta.dialog).to_contain_text("Sending (SMTP) works")
    expect(marta.input("backfill_days")).to_have_value("7")
    marta.picture("connect")
    marta.press("Import")
    marta.see_notice("4 of 4 e-mails checked, 3 shown")
    expect(marta.dialog).to_have_count(0)
    expect(marta.page.locator("[name=state] [aria-checked=true]")).to_have_text(
        "Connected"
    )
    expect(marta.page.locator("[name=message_count]")).to_contain_text("3")
    marta.dismiss_notices()
    marta.tab("Folders")
    marta.picture("mailbox")
    assert visible(servers.folder_state(SUPPORT)) == before, "reading changes nothing"

    send(
        servers, letter(f"{NORA_NAME} <{NORA}>", SUPPORT, "Order 1044", "Ten lamps.\n")
    )
    marta.press("Sync now")
    marta.see_notice("New e-mails: 1, shown on contacts: 1.")
    marta.dismiss_notices()
    marta.press("Sync now")
    marta.see_notice("Nothing new.")
    open_mailboxes(marta)
    row = marta.page.locator(".o_data_row", has_text=SUPPORT)
    expect(row).to_contain_text("Connected")
    marta.close("connected")


def test_the_contact_shows_the_mail(log_in, connected):
    """Older e-mails, what we wrote in a mail app, and new mail; files open."""
    marta = log_in(MARTA)
    open_contact(marta, NORA_NAME)
    see_the_mails(marta)
    marta.picture("contact")
    open_the_file(marta)
    see_the_list(marta)


def test_an_agent_without_a_mailbox_reads_along(log_in, connected):
    """What everyone may see is seen by a user who has nothing to do in Settings."""
    ben = log_in(BEN)
    open_contact(ben, NORA_NAME)
    see_the_mails(ben)
    open_the_file(ben)
    see_the_list(ben)
    ben.page.locator(".o_navbar_apps_menu button").click()
    apps = ben.page.get_by_role("menuitem")
    expect(apps.filter(has_text="Contacts").first).to_be_visible()
    expect(apps.filter(has_text="Settings")).to_have_count(0)


def test_a_test_mail_arrives_where_it_was_sent(log_in, servers, connected):
    servers.wipe("marta@example.org")
    marta = log_in(MARTA)
    open_mailboxes(marta)
    marta.page.locator(".o_data_row", has_text=SUPPORT).click()
    marta.press("Send a test e-mail")
    marta.type("email_to", "marta@example.org")
    marta.press("Send")
    expect(marta.dialog).to_contain_text(f"Sent to marta@example.org as {SUPPORT}")
    subject = "Test of the mailbox connector"
    wait_for(
        lambda: arrived(servers, "marta@example.org", "INBOX", subject), LONG, subject
    )
    [mail] = arrived(servers, "marta@example.org", "INBOX", subject)
    assert mail["From"] == f"Example Support <{SUPPORT}>"
    marta.press("Close")


def test_a_reply_leaves_and_the_customers_reply_comes_back(log_in, servers, connected):
    """Sent as the mailbox, once in Sent; the reply appears in the open chatter."""
    marta = log_in(MARTA)
    open_contact(marta, NORA_NAME)
    marta.press("Send message")
    composer = marta.page.locator(".o-mail-Composer")
    composer.locator(".o-mail-Composer-input").fill("Your order leaves us tomorrow.")
    composer.get_by_role("button", name="Send", exact=True).click()
    sent = chatter(marta).filter(has_text="Your order leaves us tomorrow.")
    expect(sent).to_have_count(1)

    subject = "Re: Order 1044"
    wait_for(lambda: arrived(servers, NORA, "INBOX", subject), LONG, "mail for Nora")
    [mail] = arrived(servers, NORA, "INBOX", subject)
    assert mail["From"] == f"Example Support <{SUPPORT}>"
    assert SUPPORT in mail["Reply-To"]
    in_sent = partial(arrived, servers, SUPPORT, "Sent", subject)
    wait_for(in_sent, LONG, "the copy in Sent")

    reply = letter(
        f"{NORA_NAME} <{NORA}>",
        mail["Reply-To"],
        subject,
        "Thank you, we are waiting.\n",
        In_Reply_To=mail["Message-ID"],
        References=mail["Message-ID"],
    )
    send(servers, reply)
    other = marta.another_window()
    other.page.goto(marta.live.address + "/odoo")
    open_mailboxes(other)
    other.page.locator(".o_data_row", has_text=SUPPORT).click()
    other.press("Sync now")
    other.see_notice("shown on contacts")
    expect(chatter(marta).filter(has_text="we are waiting")).to_have_count(1)
    expect(sent).to_have_count(1)
    marta.picture("conversation")
    assert len(arrived(servers, SUPPORT, "Sent", subject)) == 1
    assert len(arrived(servers, NORA, "INBOX", subject)) == 1


def wrong(name: str, says: str, **values):
    """A provider's settings with one of them wrong, and what is said of it."""
    return pytest.param(values, says, id=name)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        wrong(
            "imap-password",
            "Reading (IMAP): localhost refuses the username or the password.",
            imap_password="forgotten",
            smtp_password="right",
        ),
        wrong(
            "smtp-host",
            "Sending (SMTP): The server name smtp.nowhere.invalid does not exist. "
            "Check the host.",
            smtp_host="smtp.nowhere.invalid",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    log_in, settings, request, servers, values, says
):
    """In the dialog and then on the form, by side and field; what else can be wrong
    is in test_wrong_settings."""
    case = request.node.callspec.id
    in_pictures = case == "imap-password"
    address = "billing" if in_pictures else case
    settings = replace(settings, email=f"{address}@example.com")
    if values.get("smtp_password") == "right":
        values = {**values, "smtp_password": servers.password}
    typed = replace(settings, name="Example Billing", **values)
    marta = log_in(MARTA)
    open_mailboxes(marta)
    fill_in(marta, typed)
    connect(marta)
    side, _colon, words = says.partition(": ")
    expect(marta.dialog).to_contain_text(f"{side} does not work")
    expect(marta.dialog.get_by_role("alert")).to_contain_text(words)
    other = "Sending (SMTP)" if "imap" in case else "Reading (IMAP)"
    expect(marta.dialog).to_contain_text(f"{other} works")
    marta.press("Close")
    expect(marta.dialog).to_have_count(0)
    expect(marta.page.get_by_role("alert")).to_contain_text(says)
    if in_pictures:
        marta.picture("problem", 640)
    for field, value in typed.typed().items():
        if "password" in field:
            continue  # never shown again
        if field == "ca_certificate":
            marta.tab("Advanced")
        expect(marta.input(field)).to_have_value(value)
    for field in ("imap_security", "smtp_security"):
        widget = marta.page.locator(f"[name={field}]")
        label = getattr(typed, field)
        expect(widget.get_by_label(label, exact=True)).to_be_checked()
    open_mailboxes(marta)
    row = marta.page.locator(".o_data_row", has_text=settings.email)
    expect(row).to_contain_text(says)
    if in_pictures:
        marta.picture("mailboxes", 300)


def test_an_administrator_sees_every_mailbox_and_no_password(
    log_in, settings, connected
):
    """Settings > Mailboxes is there for administrators too, who connect their own."""
    admin = log_in(ADMIN)
    open_mailboxes(admin)
    rows = admin.page.locator(".o_data_row")
    expect(rows.filter(has_text=SUPPORT)).to_have_count(1)
    rows.filter(has_text=SUPPORT).click()
    expect(admin.input("imap_host")).to_have_value("localhost")
    expect(admin.input("imap_password")).to_have_value("")
    expect(admin.page.get_by_text("Stored encrypted").first).to_be_visible()
    admin.page.get_by_role("link", name="Mailboxes").click()
    fill_in(admin, replace(settings, email="office@example.com", name="Example Office"))
    connect(admin)
    expect(admin.dialog).to_contain_text("Reading (IMAP) works")
    expect(admin.dialog).to_contain_text("Sending (SMTP) works")
    admin.press("Import")
    admin.see_notice()
    expect(admin.page.get_by_role("button", name="Sync now")).to_be_visible()
    admin.dismiss_notices()
    admin.page.get_by_role("link", name="Mailboxes").click()
    expect(rows.filter(has_text="office@example.com")).to_contain_text("Connected")
