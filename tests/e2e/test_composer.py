"""Writing to customers in the browser: the sender chosen, answers, failures in words.

A live Odoo server on real mail servers: mail really leaves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from browser import Live, Screen, live_odoo
from guide import (
    ADMIN,
    LONG,
    MARTA,
    NORA,
    NORA_NAME,
    ORDER,
    SUPPORT,
    Settings,
    arrived,
    chatter,
    letter,
    open_contact,
    people,
    send,
)
from playwright.sync_api import Locator, expect

from devtools.base.process import wait_for
from devtools.servers import mailservers

ORDERS = "orders@example.com"
ZOE = "zoe.lang@customer.example"
#: The SMTP server takes no mail for that domain.
REFUSED = "rita@not-served.invalid"
CORRECTED = "rita@customer.example"
NAME = "Example Support"


@pytest.fixture(scope="module")
def servers() -> Iterator[mailservers.MailServers]:
    running = mailservers.start("composer")
    yield running
    running.stop()


def connect(live: Live, servers: mailservers.MailServers) -> None:
    """Marta's mailbox with an alias, and a mail of Nora's to her and to Zoe, whom
    nobody has made a contact."""
    people(live, servers)
    for user in (SUPPORT, NORA, ZOE, CORRECTED):
        servers.wipe(user)
    settings = Settings.of(servers)
    marta = live.session(MARTA, MARTA)
    values = {
        "email": SUPPORT,
        "name": NAME,
        "imap_host": settings.imap_host,
        "imap_port": settings.imap_port,
        "imap_username": SUPPORT,
        "imap_password": settings.imap_password,
        "smtp_host": settings.smtp_host,
        "smtp_port": settings.smtp_port,
        "smtp_username": SUPPORT,
        "ca_certificate": settings.ca_certificate,
    }
    account = marta.create("mailbox.account", values)
    marta.create(
        "mailbox.identity",
        {"account_id": account, "email": ORDERS, "name": "Example Orders"},
    )
    dialog = marta.call("mailbox.account", "action_connect", [account])["res_id"]
    marta.call("mailbox.connect", "action_import", [dialog])
    order = letter(
        f"{NORA_NAME} <{NORA}>",
        f"Orders <{ORDERS}>, {SUPPORT}",
        "Order 1043",
        "Good morning,\n\nthe next order is attached.\n",
        Cc=f"Zoe Lang <{ZOE}>, {NORA}",
    )
    order.add_attachment(
        ORDER, maintype="application", subtype="pdf", filename="Order 1043.pdf"
    )
    send(servers, order)
    marta.call("mailbox.account", "action_sync_now", [account])


#: Who logs that a mail was refused, and that a dialog said why nothing was sent.
LOGGED = ("odoo.addons.mail.models.mail_mail", "odoo.http")


@pytest.fixture(scope="module")
def live(servers) -> Iterator[Live]:
    name = f"{os.environ['MAILBOX_TEST_DATABASE']}_composer"
    with live_odoo(name, quiet=LOGGED) as live:
        connect(live, servers)
        yield live


@pytest.fixture(scope="module")
def marta(browser, live) -> Iterator[Screen]:
    screen = Screen.log_in(browser, live, MARTA, MARTA)
    yield screen
    screen.close("composer-marta")


def look(screen: Screen, name: str) -> None:
    """Keep what is seen in the folder of logs, to be looked at."""
    folder = Path(os.environ["MAILBOX_TEST_LOGS"])
    screen.page.screenshot(path=folder / f"{name}.png", animations="disabled")


def sender(screen: Screen) -> Locator:
    """The line From above the small composer."""
    return screen.page.locator(".o-mail-Chatter").get_by_label("From", exact=True)


def chosen(select: Locator) -> str:
    return select.evaluate("(el) => el.selectedOptions[0]?.textContent")


def write(screen: Screen, text: str) -> None:
    """Type into the small composer and send."""
    composer = screen.page.locator(".o-mail-Composer")
    composer.locator(".o-mail-Composer-input").fill(text)
    composer.get_by_role("button", name="Send", exact=True).click()
    expect(chatter(screen).filter(has_text=text)).to_have_count(1)


def press(screen: Screen, action: str) -> None:
    """An action of Nora's e-mail in the chatter; its composer opens."""
    # The oldest: answers quote it.
    message = chatter(screen).filter(has_text="the next order is attached").last
    message.hover()
    button = message.get_by_role("button", name=action, exact=True)
    if not button.count():
        message.get_by_role("button", name="Expand", exact=True).click()
        button = screen.page.get_by_role("menuitem", name=action, exact=True)
    button.click()
    expect(screen.dialog).to_contain_text("Send as")


def send_it(screen: Screen, text: str) -> None:
    """Write where the full composer has put the cursor, and send."""
    editor = screen.dialog.locator(".odoo-editor-editable")
    expect(editor).to_contain_text("the next order is attached")
    editor.press("Control+Home")
    screen.page.keyboard.type(text)
    screen.press("Send")
    expect(screen.dialog).to_have_count(0)
    expect(chatter(screen).filter(has_text=text)).to_have_count(1)


def contacts(live: Live) -> int:
    domain = [("active", "in", [True, False])]
    admin = live.session(ADMIN, ADMIN)
    return admin.call("res.partner", "search_count", domain)


def received(servers, user: str, text: str) -> EmailMessage:
    """The one mail with that text that somebody gets."""

    def found() -> list[EmailMessage]:
        mails = arrived(servers, user, "INBOX", "")
        return [mail for mail in mails if text in body(mail)]

    wait_for(found, LONG, text)
    [mail] = found()
    return mail


def body(mail: EmailMessage) -> str:
    return mail.get_body(("html", "plain")).get_content()


def test_customers_see_the_sender_that_was_chosen(marta, servers):
    """In the small composer by the keyboard, and in the full one that it opens."""
    open_contact(marta, NORA_NAME)
    assert not marta.page.get_by_text("A css error").count()
    marta.press("Send message")
    expect(sender(marta)).to_be_visible()
    assert chosen(sender(marta)) == f"{NAME} <{SUPPORT}>", "the one it came in on"
    look(marta, "composer")
    sender(marta).press("ArrowDown")
    assert chosen(sender(marta)) == f"Example Orders <{ORDERS}>"
    write(marta, "The orders desk thanks you.")
    mail = received(servers, NORA, "The orders desk thanks you.")
    assert mail["From"] == f"Example Orders <{ORDERS}>"

    marta.press("Send message")
    sender(marta).select_option(label=f"Example Orders <{ORDERS}>")
    composer = marta.page.locator(".o-mail-Composer")
    composer.locator(".o-mail-Composer-input").fill("At more length.")
    # A draft keeps it.
    marta.page.reload()
    marta.press("Send message")
    expect(composer.locator("textarea").first).to_have_value("At more length.")
    expect(sender(marta)).to_be_visible()
    assert chosen(sender(marta)) == f"Example Orders <{ORDERS}>"
    composer.get_by_role("button", name="Open Full Composer").click()
    expect(marta.dialog).to_contain_text("At more length.")
    identity = marta.input("mailbox_identity_id")
    expect(identity).to_have_value(f"Example Orders <{ORDERS}>")
    look(marta, "full_composer")
    marta.press("Send")
    expect(marta.dialog).to_have_count(0)
    mail = received(servers, NORA, "At more length.")
    assert mail["From"] == f"Example Orders <{ORDERS}>"

    marta.press("Send message")
    sender(marta).select_option(label="Odoo's own server")
    write(marta, "Not from the mailbox.")
    mail = received(servers, NORA, "Not from the mailbox.")
    assert "marta@example.com" in mail["From"]


def test_a_note_has_no_sender(marta):
    open_contact(marta, NORA_NAME)
    marta.press("Log note")
    expect(marta.page.locator(".o-mail-Composer")).to_be_visible()
    expect(sender(marta)).to_have_count(0)


def test_reply_all_goes_to_all_of_them_and_makes_no_contact(marta, live, servers):
    """The other recipient of Nora's mail is nobody's contact, before and after."""
    before = contacts(live)
    open_contact(marta, NORA_NAME)
    press(marta, "Reply All")
    dialog = marta.dialog
    expect(dialog.locator("[name=partner_ids] .o_tag")).to_have_text(NORA_NAME)
    expect(marta.input("mailbox_email_to")).to_have_value(f"Zoe Lang <{ZOE}>")
    expect(marta.input("subject")).to_have_value("Re: Order 1043")
    look(marta, "reply_all")
    send_it(marta, "Twelve lamps for you all.")
    for user in (NORA, ZOE):
        mail = received(servers, user, "Twelve lamps for you all.")
        assert mail["Subject"] == "Re: Order 1043"
        assert mail["From"] == f"{NAME} <{SUPPORT}>"
        [order] = arrived(servers, SUPPORT, "INBOX", "Order 1043")
        assert mail["In-Reply-To"] == order["Message-ID"]
        assert "the next order is attached" in body(mail), "quoted"
        assert not list(mail.iter_attachments())
    assert contacts(live) == before


def test_forward_takes_the_file_along(marta, live, servers):
    before = contacts(live)
    open_contact(marta, NORA_NAME)
    press(marta, "Forward")
    expect(marta.input("subject")).to_have_value("Fwd: Order 1043")
    expect(marta.dialog).to_contain_text("Order 1043.pdf")
    look(marta, "forward")
    marta.press("Send")
    expect(marta.page.locator(".modal-content").last).to_contain_text("no recipients")
    marta.page.locator(".modal-content").last.get_by_role(
        "button", name="Close"
    ).last.click()
    marta.type("mailbox_email_to", ZOE)
    send_it(marta, "Please have a look at this.")
    mail = received(servers, ZOE, "Please have a look at this.")
    assert mail["Subject"] == "Fwd: Order 1043"
    [file] = mail.iter_attachments()
    assert file.get_filename() == "Order 1043.pdf"
    assert file.get_content() == ORDER
    assert contacts(live) == before


def test_the_list_of_mails_answers_too(marta):
    open_contact(marta, NORA_NAME)
    marta.page.locator("[name=action_view_mailbox_messages]").click()
    row = marta.page.locator(".o_data_row", has_text="Received")
    row.locator("[name=subject]").click()
    expect(marta.page.locator(".o_form_view [name=body]")).to_be_visible()
    look(marta, "mail_form")
    marta.press("Reply")
    expect(marta.dialog.locator("[name=partner_ids] .o_tag")).to_have_text(NORA_NAME)
    expect(marta.input("mailbox_email_to")).to_have_value("")
    marta.press("Discard")
    expect(marta.dialog).to_have_count(0)


def test_a_failure_is_said_in_words_and_tried_again(marta, live, servers):
    """On the message, to the person who sent it, as soon as it is known."""
    admin = live.session(ADMIN, ADMIN)
    rita = admin.create("res.partner", {"name": "Rita Refused", "email": REFUSED})
    open_contact(marta, "Rita Refused")
    marta.press("Send message")
    expect(sender(marta)).to_be_visible()
    write(marta, "Hello Rita")
    envelope = chatter(marta).filter(has_text="Hello Rita")
    envelope = envelope.locator(".o-mail-Message-notification")
    failed = envelope.and_(marta.page.locator(".text-danger"))
    expect(failed).to_have_count(1)
    envelope.click()
    popover = marta.page.locator(".o-mail-MessageNotificationPopover")
    expect(popover).to_contain_text(f"refuses the recipient {REFUSED}")
    look(marta, "failure")
    admin.call("res.partner", "write", [rita], {"email": CORRECTED})
    popover.get_by_role("button", name="Retry").click()
    marta.see_notice("It will be sent again.")
    assert received(servers, CORRECTED, "Hello Rita")
    expect(failed).to_have_count(0)
