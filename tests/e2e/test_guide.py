"""The user's guide (docs/user-guide.md), done step by step in a browser.

A live Odoo server on real mail servers: mail really leaves, and answers come back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime, make_msgid
from urllib.parse import parse_qs, urlsplit

import pytest
from browser import Live, Screen, chromium, live_odoo
from playwright.sync_api import expect

from host import mailservers
from host.demo_parts import pdf
from host.process import wait_for

SUPPORT = "support@example.com"
MARTA, BEN, ADMIN = "marta", "ben", "admin"
NORA = "nora.whitfield@customer.example"
NORA_NAME = "Nora Whitfield"
ORDER = pdf(["Order 1043", "", "12 desk lamps"])


@pytest.fixture(scope="module")
def servers() -> Iterator[mailservers.MailServers]:
    """Mail servers of this module alone, so that addresses need not be fresh."""
    running = mailservers.start("guide")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def live(servers) -> Iterator[Live]:
    """Odoo with its people: Marta has mailboxes, Ben is an agent without one."""
    name = f"{os.environ['MAILBOX_TEST_DATABASE']}_guide"
    with live_odoo(name, ("contacts",)) as live:
        _people(live, servers)
        yield live


def _people(live: Live, servers: mailservers.MailServers) -> None:
    admin = live.session(ADMIN, ADMIN)
    admin.call(
        *("ir.config_parameter", "set_param"),
        *("mailbox_connector.allowed_networks", "127.0.0.0/8 ::1/128"),
    )
    company = admin.ref("base.main_company")
    admin.call("res.company", "write", [company], {"name": "Example Lighting"})
    admin.create(
        "ir.mail_server",
        {
            "name": "Odoo's own",
            "smtp_host": servers.smtp_host,
            "smtp_port": servers.smtp_starttls_port,
            "smtp_encryption": "starttls",
            "smtp_user": "odoo@example.com",
            "smtp_pass": servers.password,
        },
    )
    root = admin.ref("base.user_admin")
    admin.call("res.users", "write", [root], {"email": "admin@example.com"})
    editor = admin.ref("base.group_partner_manager")
    mailbox_user = admin.ref("mailbox_connector.group_mailbox_user")
    for login, name, groups in (
        (MARTA, "Marta Keller", [editor, mailbox_user]),
        (BEN, "Ben Okafor", [editor]),
    ):
        values = {"login": login, "password": login, "name": name}
        values["email"] = f"{login}@example.com"
        user = admin.create("res.users", values, no_reset_password=True)
        added = [[4, group] for group in groups]
        admin.call("res.users", "write", [user], {"group_ids": added})
    customer = admin.create(
        "res.partner",
        {"name": "Harbour & Pike Ltd", "is_company": True, "city": "Bristol"},
    )
    admin.create(
        "res.partner",
        {
            "name": NORA_NAME,
            "email": NORA,
            "parent_id": customer,
            "function": "Purchasing manager",
        },
    )


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def log_in(browser, live, request):
    """Opens a browser window of a person; when the test is over nothing in it may
    have failed unnoticed."""
    screens = []

    def log_in(login: str) -> Screen:
        screens.append(Screen.log_in(browser, live, login, login))
        return screens[-1]

    yield log_in
    for screen in screens:
        screen.close(f"{request.node.name}-{screen.login}")


@dataclass(frozen=True)
class Settings:
    """What a provider's page says, as a person types it."""

    email: str
    imap_port: int
    smtp_port: int
    imap_password: str
    ca_certificate: str
    name: str = "Example Support"
    imap_host: str = "localhost"
    smtp_host: str = "localhost"
    imap_security: str = "TLS"
    smtp_security: str = "STARTTLS"
    smtp_password: str = ""

    def typed(self) -> dict[str, str]:
        """Values of the fields that are filled by typing."""
        chosen = ("imap_security", "smtp_security")
        return {k: str(v) for k, v in vars(self).items() if v and k not in chosen}


@pytest.fixture
def settings(servers) -> Settings:
    return Settings(
        email=SUPPORT,
        imap_port=servers.imap_tls_port,
        smtp_port=servers.smtp_starttls_port,
        imap_password=servers.password,
        ca_certificate=servers.ca_pem,
    )


def letter(sender: str, to: str, subject: str, text: str, **headers) -> EmailMessage:
    """A mail without a date yet; ``In_Reply_To=…`` and the like as further headers."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].strip(">"))
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def history(servers) -> None:
    """What happened between Nora and the mailbox before Odoo came."""
    us, nora = f"Example Support <{SUPPORT}>", f"{NORA_NAME} <{NORA}>"
    servers.wipe(SUPPORT)
    servers.wipe(NORA)
    question = letter(
        nora, SUPPORT, "Delivery of order 1042", "Hello,\n\nwhen will it arrive?\n"
    )
    answer = letter(
        us,
        NORA,
        "Re: Delivery of order 1042",
        "Dear Nora,\n\non Thursday before noon.\n\nMarta\n",
        In_Reply_To=question["Message-ID"],
        References=question["Message-ID"],
    )
    order = letter(
        nora, SUPPORT, "Order 1043", "Good morning,\n\nthe next order is attached.\n"
    )
    order.add_attachment(
        ORDER, maintype="application", subtype="pdf", filename="Order 1043.pdf"
    )
    stranger = letter("someone@stranger.example", SUPPORT, "Offices to let", "Now!\n")
    old = letter(nora, SUPPORT, "Last year's prices", "Are they still valid?\n")
    for message, folder, days in (
        (question, "INBOX", 3),
        (answer, "Sent", 2.8),
        (order, "INBOX", 1),
        (stranger, "INBOX", 1),
        (old, "INBOX", 200),
    ):
        date = datetime.now(timezone.utc) - timedelta(days=days)
        message["Date"] = format_datetime(date)
        servers.append(SUPPORT, folder, message.as_bytes(), internaldate=date)


def arrived(servers, user: str, folder: str, subject: str) -> list[EmailMessage]:
    """The mails of that subject in a folder, as they stand on the server."""
    with servers.imap(user) as client:
        client.select_folder(folder, readonly=True)
        uids = client.search(["SUBJECT", subject])
        found = client.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
    raws = (items[b"BODY[]"] for items in found.values())
    return [message_from_bytes(raw, policy=default) for raw in raws]


def send(servers, message: EmailMessage) -> None:
    """A customer sends a mail; returns when it is in the mailbox."""
    message["Date"] = format_datetime(datetime.now(timezone.utc))
    servers.send(NORA, [SUPPORT], message.as_bytes())
    subject = message["Subject"]
    wait_for(lambda: arrived(servers, SUPPORT, "INBOX", subject), 30, subject)


# Steps of the guide


def open_mailboxes(screen: Screen) -> None:
    screen.open_app("Settings")
    expect(screen.page.locator(".o_menu_sections")).to_contain_text("Mailboxes")
    screen.menu("Mailboxes")
    expect(screen.page.locator(".o_breadcrumb")).to_contain_text("Mailboxes")


def fill_in(screen: Screen, settings: Settings) -> None:
    """New, and type; what is filled in by itself is checked, not typed."""
    screen.press("New")
    screen.type("email", settings.email)
    screen.type("name", settings.name)
    expect(screen.input("imap_username")).to_have_value(settings.email)
    expect(screen.input("smtp_username")).to_have_value(settings.email)
    for side in ("imap", "smtp"):
        screen.choose(f"{side}_security", getattr(settings, f"{side}_security"))
    for field, value in settings.typed().items():
        if field == "ca_certificate":
            screen.tab("Advanced")
        screen.type(field, value)


def connect(screen: Screen) -> None:
    screen.press("Connect IMAP")
    expect(screen.dialog).to_contain_text("Connect ")


def open_contact(screen: Screen, name: str) -> None:
    screen.open_app("Contacts")
    screen.page.locator(".o_data_row, .o_kanban_record", has_text=name).click()
    expect(screen.page.locator(".o-mail-Chatter")).to_be_visible()


def chatter(screen: Screen):
    return screen.page.locator(".o-mail-Chatter .o-mail-Message")


def see_the_mails(screen: Screen) -> None:
    """The contact's chatter: in order of time, with bodies and the file."""
    places = []
    for text in (
        "Ten lamps.",
        "the next order is attached",
        "on Thursday before noon",
        "when will it arrive?",
    ):
        mail = chatter(screen).filter(has_text=text)
        expect(mail).to_have_count(1)
        places.append(mail.bounding_box()["y"])
    assert places == sorted(places), "the newest stands on top"
    for text in ("Offices to let", "Last year's prices"):
        expect(chatter(screen).filter(has_text=text)).to_have_count(0)


def open_the_file(screen: Screen) -> None:
    """The attachment opens, and is what the customer sent."""
    mail = chatter(screen).filter(has_text="the next order is attached")
    mail.get_by_role("menuitem", name="Order 1043.pdf").click()
    page = screen.page.locator(".o-FileViewer iframe").content_frame
    expect(page.locator(".textLayer")).to_contain_text("12 desk lamps")
    [file] = parse_qs(urlsplit(page.locator("body").evaluate("() => location.href")).query)[
        "file"
    ]
    assert screen.page.request.get(file).body() == ORDER
    screen.page.keyboard.press("Escape")
    expect(screen.page.locator(".o-FileViewer")).to_have_count(0)


def see_the_list(screen: Screen) -> None:
    """The button E-mails with their number leads to the list, and to each mail."""
    button = screen.page.locator("[name=action_view_mailbox_messages]")
    expect(button).to_contain_text("E-mails")
    expect(button).to_contain_text("4")
    button.click()
    rows = screen.page.locator(".o_data_row")
    expect(rows).to_have_count(4)
    screen.picture("emails", 500)
    rows.filter(has_text="Re: Delivery of order 1042").click()
    form = screen.page.locator(".o_form_view")
    expect(form.locator("[name=body]")).to_contain_text("on Thursday before noon")
    expect(form.locator("[name=partner_ids]")).to_contain_text(NORA_NAME)


def visible(state):
    """What a mail program shows: without mod-sequences, which reading begins."""
    return {
        name: (folder.uidvalidity, folder.uidnext, folder.messages)
        for name, folder in state.items()
    }


def test_from_first_log_in_to_the_mail_on_the_contact(log_in, servers, settings):
    """Connect, import, new mail with Sync now; the contact shows it all."""
    history(servers)
    before = visible(servers.folder_state(SUPPORT))
    marta = log_in(MARTA)
    open_mailboxes(marta)
    fill_in(marta, settings)
    connect(marta)
    expect(marta.dialog).to_contain_text("Reading (IMAP) works")
    expect(marta.dialog).to_contain_text("Sending (SMTP) works")
    expect(marta.input("backfill_days")).to_have_value("7")
    marta.picture("connect")
    marta.press("Import")
    expect(marta.notice).to_contain_text("4 of 4 e-mails looked at, 3 shown")
    expect(marta.dialog).to_have_count(0)
    expect(marta.page.locator("[name=state] [aria-checked=true]")).to_have_text(
        "Connected"
    )
    expect(marta.page.locator("[name=message_count]")).to_contain_text("3")
    marta.dismiss_notices()
    marta.tab("Folders")
    marta.picture("mailbox")
    assert visible(servers.folder_state(SUPPORT)) == before, "reading changes nothing"

    send(servers, letter(f"{NORA_NAME} <{NORA}>", SUPPORT, "Order 1044", "Ten lamps.\n"))
    marta.press("Sync now")
    expect(marta.notice).to_contain_text("1 new e-mails, 1 shown on contacts.")
    marta.dismiss_notices()
    marta.press("Sync now")
    expect(marta.notice).to_contain_text("Nothing new.")

    open_contact(marta, NORA_NAME)
    see_the_mails(marta)
    marta.picture("contact")
    open_the_file(marta)
    see_the_list(marta)


def test_an_agent_without_a_mailbox_reads_along(log_in):
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


def test_a_test_mail_arrives_where_it_was_sent(log_in, servers):
    servers.wipe("marta@example.org")
    marta = log_in(MARTA)
    open_mailboxes(marta)
    marta.page.locator(".o_data_row", has_text=SUPPORT).click()
    marta.press("Send test e-mail")
    marta.type("email_to", "marta@example.org")
    marta.press("Send")
    expect(marta.dialog).to_contain_text(f"Sent to marta@example.org as {SUPPORT}")
    subject = "Test of the mailbox connector"
    wait_for(
        lambda: arrived(servers, "marta@example.org", "INBOX", subject), 30, subject
    )
    [mail] = arrived(servers, "marta@example.org", "INBOX", subject)
    assert mail["From"] == f"Example Support <{SUPPORT}>"
    marta.press("Close")


def test_answer_from_the_contact_and_its_reply_in_the_same_chatter(log_in, servers):
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
    wait_for(lambda: arrived(servers, NORA, "INBOX", subject), 60, "mail for Nora")
    [mail] = arrived(servers, NORA, "INBOX", subject)
    assert mail["From"] == f"Example Support <{SUPPORT}>"
    assert SUPPORT in mail["Reply-To"]
    wait_for(lambda: arrived(servers, SUPPORT, "Sent", subject), 60, "the copy in Sent")

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
    expect(other.notice).to_contain_text("shown on contacts")
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
            "smtp-password",
            "Sending (SMTP): localhost refuses the username or the password.",
            smtp_password="forgotten",
        ),
        wrong(
            "imap-host",
            "Reading (IMAP): The server name imap.nowhere.invalid does not exist. "
            "Check the host.",
            imap_host="imap.nowhere.invalid",
        ),
        wrong(
            "smtp-host",
            "Sending (SMTP): The server name smtp.nowhere.invalid does not exist. "
            "Check the host.",
            smtp_host="smtp.nowhere.invalid",
        ),
        wrong(
            "imap-encryption",
            "Choose the encryption TLS, or the port for STARTTLS.",
            imap_security="STARTTLS",
        ),
        wrong(
            "smtp-encryption",
            "does not speak TLS from the start. Choose the encryption STARTTLS",
            smtp_security="TLS",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    log_in, settings, request, servers, values, says
):
    """In the dialog and then on the form, by side and field."""
    settings = replace(settings, email=f"{request.node.callspec.id}@example.com")
    if values.get("smtp_password") == "right":
        values = {**values, "smtp_password": servers.password}
    typed = replace(settings, name="Example Billing", **values)
    marta = log_in(MARTA)
    open_mailboxes(marta)
    fill_in(marta, typed)
    connect(marta)
    expect(marta.dialog.get_by_role("alert")).to_contain_text(says)
    other = "Sending (SMTP)" if "imap" in settings.email else "Reading (IMAP)"
    expect(marta.dialog).to_contain_text(f"{other} works")
    marta.press("Close")
    expect(marta.page.get_by_role("alert")).to_contain_text(says)
    for field, value in typed.typed().items():
        if "password" in field:
            continue
        if field == "ca_certificate":
            marta.tab("Advanced")
        expect(marta.input(field)).to_have_value(value)
    for field in ("imap_security", "smtp_security"):
        chosen = marta.page.locator(f"[name={field}] input:checked + label")
        expect(chosen).to_have_text(getattr(typed, field))


def test_an_administrator_sees_every_mailbox_and_no_password(log_in, settings):
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
    expect(admin.notice).to_be_visible()
    expect(admin.page.get_by_role("button", name="Sync now")).to_be_visible()
    admin.dismiss_notices()
    admin.page.get_by_role("link", name="Mailboxes").click()
    expect(rows.filter(has_text="office@example.com")).to_contain_text("Connected")
