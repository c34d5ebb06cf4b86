"""What the user's guide tells a person to do, as steps of a browser test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime, make_msgid
from urllib.parse import parse_qs, urlsplit

from browser import Live, Screen
from playwright.sync_api import Locator, expect

from devtools.base.process import wait_for
from devtools.demo.parts import pdf
from devtools.demo.setup import odoos_own_server
from devtools.servers import mailservers

#: Seconds for mail to get from one place to another.
LONG = 120

SUPPORT = "support@example.com"
MARTA, BEN, ADMIN = "marta", "ben", "admin"
NORA = "nora.whitfield@customer.example"
NORA_NAME = "Nora Whitfield"
ORDER = pdf(["Order 1043", "", "12 desk lamps"])


def people(live: Live, servers: mailservers.MailServers) -> None:
    admin = live.session(ADMIN, ADMIN)
    admin.call(
        *("ir.config_parameter", "set_param"),
        *("mailbox_connector.allowed_networks", "127.0.0.0/8 ::1/128"),
    )
    company = admin.ref("base.main_company")
    admin.call("res.company", "write", [company], {"name": "Example Lighting"})
    odoos_own_server(admin, servers, "odoo@example.com")
    root = admin.ref("base.user_admin")
    admin.call("res.users", "write", [root], {"email": "admin@example.com"})
    editor = admin.ref("base.group_partner_manager")
    mailbox_user = admin.ref("mailbox_connector.group_mailbox_user")
    for login, name, groups in (
        (MARTA, "Marta Keller", [editor, mailbox_user]),
        (BEN, "Ben Okafor", [editor]),
    ):
        values = {"login": login, "password": login, "name": name}
        # Its chat would cover the whole of a phone's screen.
        values["odoobot_state"] = "disabled"
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
        return {
            field: str(value).strip()
            for field, value in vars(self).items()
            if value and field not in chosen
        }

    @classmethod
    def of(cls, servers: mailservers.MailServers) -> Settings:
        """The settings that are right."""
        return cls(
            email=SUPPORT,
            imap_port=servers.imap_tls_port,
            smtp_port=servers.smtp_starttls_port,
            imap_password=servers.password,
            ca_certificate=servers.ca_pem,
        )


# Mail


def letter(sender: str, to: str, subject: str, text: str, **headers) -> EmailMessage:
    """A mail without a date yet; ``In_Reply_To=…`` and the like as further headers."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].strip(">"))
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def backfill(servers) -> None:
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
    """The e-mails of that subject in a folder, as they are on the server."""
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
    wait_for(lambda: arrived(servers, SUPPORT, "INBOX", subject), LONG, subject)


# Steps, and what is seen after them


def open_mailboxes(screen: Screen) -> None:
    screen.open_app("Settings")
    expect(screen.page.locator(".o_menu_sections")).to_contain_text("Mailboxes")
    screen.menu("Mailboxes")
    screen.page.get_by_role("menuitem", name="All mailboxes", exact=True).click()
    expect(screen.page.locator(".o_breadcrumb")).to_contain_text("Mailboxes")
    expect(screen.page.locator(".o_list_view")).to_be_visible()


def fill_in(screen: Screen, settings: Settings) -> None:
    """New, and type; what is filled in automatically is checked, not typed."""
    # A form has a button New as well, as long as it is there.
    expect(screen.page.locator(".o_list_view")).to_be_visible()
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
    # Until both sides are through, the search for the right port included.
    expect(
        screen.dialog.locator(".o_mailbox_connection_test[aria-busy=false]")
    ).to_be_visible()


def open_contact(screen: Screen, name: str) -> None:
    screen.open_app("Contacts")
    screen.page.locator(".o_data_row, .o_kanban_record", has_text=name).click()
    expect(screen.page.locator(".o-mail-Chatter")).to_be_visible()


def chatter(screen: Screen) -> Locator:
    return screen.page.locator(".o-mail-Chatter .o-mail-Message")


def see_the_mails(screen: Screen) -> None:
    """The contact's chatter: in order of time, with bodies and the file."""
    mails = [
        chatter(screen).filter(has_text=text)
        for text in (
            "Ten lamps.",
            "the next order is attached",
            "on Thursday before noon",
            "when will it arrive?",
        )
    ]
    for mail in mails:
        expect(mail).to_have_count(1)
    places = [mail.bounding_box()["y"] for mail in mails]
    assert places == sorted(places), "the newest is on top"
    for text in ("Offices to let", "Last year's prices"):
        expect(chatter(screen).filter(has_text=text)).to_have_count(0)


def open_the_file(screen: Screen) -> None:
    """The attachment opens, and is what the customer sent."""
    mail = chatter(screen).filter(has_text="the next order is attached")
    mail.get_by_role("menuitem", name="Order 1043.pdf").click()
    page = screen.page.locator(".o-FileViewer iframe").content_frame
    expect(page.locator(".textLayer")).to_contain_text("12 desk lamps")
    address = page.locator("body").evaluate("() => location.href")
    [file] = parse_qs(urlsplit(address).query)["file"]
    assert screen.page.request.get(file).body() == ORDER
    # Not by Escape: the file itself may have the keyboard.
    screen.page.locator(".o-FileViewer").get_by_label("Close", exact=True).click()
    expect(screen.page.locator(".o-FileViewer")).to_have_count(0)


def see_the_list(screen: Screen) -> None:
    """The button E-mails with their number leads to the list, and to each mail."""
    button = screen.page.locator("[name=action_view_mailbox_messages]")
    expect(button).to_contain_text("E-mails")
    number = int("".join(filter(str.isdigit, button.inner_text())))
    button.click()
    rows = screen.page.locator(".o_data_row")
    expect(rows).to_have_count(number)
    screen.picture("emails", 500)
    rows.filter(has_text="Re: Delivery of order 1042").click()
    form = screen.page.locator(".o_form_view")
    expect(form.locator("[name=body]")).to_contain_text("on Thursday before noon")
    expect(form.locator("[name=partner_ids]")).to_contain_text(NORA_NAME)


def visible(state) -> dict:
    """What a mail app shows: without mod-sequences, which reading begins."""
    return {
        name: (folder.uidvalidity, folder.uidnext, folder.messages)
        for name, folder in state.items()
    }
