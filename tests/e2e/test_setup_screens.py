"""The first screens a person meets: settings found for an address, the guided run.

In a browser, on the live Odoo that the tests of this kind share.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from browser import Screen
from conftest import unique
from guide import connect, open_mailboxes
from playwright.sync_api import Locator, expect

from devtools.servers.discovery_servers import FileServer

PHONE = {"width": 390, "height": 844}
#: More presses of Tab than any step of the guided run needs.
MOST_TABS = 60
AUTOCONFIG = """<?xml version="1.0"?>
<clientConfig version="1.1"><emailProvider id="firm">
  <incomingServer type="imap"><hostname>{host}</hostname><port>{port}</port>
    <socketType>SSL</socketType><username>%EMAILADDRESS%</username>
    <authentication>password-cleartext</authentication></incomingServer>
</emailProvider></clientConfig>"""


@contextmanager
def published(tour, folder, domain):
    """A firm that says of itself where its mail is: a file for reading, DNS for
    sending."""
    servers, admin = tour.servers, tour.admin()
    place = f"autoconfig.{domain}"
    file = AUTOCONFIG.format(host=servers.imap_host, port=servers.imap_tls_port)
    url = f"https://{place}/mail/config-v1.1.xml"
    web = FileServer(folder, {url: file.encode()})
    target = f"0 1 {servers.smtp_starttls_port} {servers.smtp_host}"
    records = {
        (place, "A"): ["127.0.0.1"],
        (f"_submission._tcp.{domain}", "SRV"): [target],
    }

    def ask(port, ca_pem):
        for name, value in (("port", port), ("ca", ca_pem)):
            key = f"mailbox_connector.discovery_https_{name}"
            admin.call("ir.config_parameter", "set_param", key, value)

    try:
        ask(web.port, web.ca_pem)
        with tour.dns(records):
            yield url
    finally:
        ask("", "")
        web.stop()


@pytest.fixture
def provider(tour):
    """The domain of a known provider, whose servers are those of the tests."""
    domain = f"{unique('known')}.example"
    values = {"name": "Known Mail", "domains": domain}
    for side, port, security in (
        ("imap", tour.servers.imap_tls_port, "tls"),
        ("smtp", tour.servers.smtp_starttls_port, "starttls"),
    ):
        values[f"{side}_host"] = getattr(tour.servers, f"{side}_host")
        values[f"{side}_port"] = port
        values[f"{side}_security"] = security
    tour.admin().create("mailbox.provider", values)
    return domain


def tab_to(screen: Screen, target: Locator) -> None:
    """Go to a field or button as one does without a mouse."""
    expect(target).to_be_visible()
    for _press in range(MOST_TABS):
        if target.evaluate("element => element === document.activeElement"):
            return
        screen.page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached by Tab")


def button(screen: Screen, name: str) -> Locator:
    return screen.top().get_by_role("button", name=name, exact=True)


def shown(screen: Screen, field: str) -> Locator:
    """The input of a field in the step that is open."""
    step = screen.page.locator(".o_mailbox_step:visible")
    return step.locator(f".o_field_widget[name={field}]").locator("input, textarea")


def fits(screen: Screen) -> None:
    """Nothing is cut off or has to be scrolled to sideways."""
    widths = "() => [document.documentElement.scrollWidth, window.innerWidth]"
    content, window = screen.page.evaluate(widths)
    assert content <= window, screen.page.url


def test_type_an_address_and_connect(tour, tmp_path):
    """What the firm publishes is filled in, with its origin; nothing but the
    password is left to type."""
    domain = f"{unique('firm')}.example"
    marta = tour.log_in("marta")
    with published(tour, tmp_path, domain) as url:
        open_mailboxes(marta)
        marta.press("New")
        marta.type("email", f"carl@{domain}")
        marta.type("name", "Example Firm")
        servers = tour.servers
        expect(marta.input("imap_host")).to_have_value(servers.imap_host)
        expect(marta.input("imap_port")).to_have_value(str(servers.imap_tls_port))
        expect(marta.input("smtp_port")).to_have_value(str(servers.smtp_starttls_port))
        expect(marta.page.locator("[name=settings_origin]")).to_contain_text(url)
    marta.type("imap_password", servers.password)
    marta.tab("Advanced")
    marta.type("ca_certificate", servers.ca_pem.strip())
    connect(marta)
    marta.press("Import")
    expect(marta.dialog).to_have_count(0)
    expect(marta.page.locator("[name=what_next]")).to_contain_text("Sync now")
    marta.dismiss_notices()


def test_the_guided_run_by_keyboard_alone(tour, provider):
    """From Odoo's command palette to a connected mailbox without a mouse; what was
    typed stays when one goes back, and when the browser is closed halfway."""
    marta = tour.log_in("marta")
    keys = marta.page.keyboard
    open_mailboxes(marta)
    keys.press("Control+k")
    search = marta.page.locator(".o_command_palette_search")
    expect(search.locator("input")).to_be_focused()
    keys.type("/")
    # The palette drops what is typed while it loads the menus.
    expect(search.locator(".o_namespace")).to_have_text("/")
    command = marta.page.locator(".o_command.focused")
    expect(command).to_be_visible()
    keys.type("connect a mailbox")
    expect(command).to_contain_text("Connect a mailbox")
    keys.press("Enter")
    expect(shown(marta, "email")).to_be_focused()
    keys.type(f"nora@{provider}")
    keys.press("Tab")
    keys.type("Known Support")
    checks = marta.page.locator(".o_mailbox_checklist:visible")
    expect(checks).to_contain_text("Known Mail allows mail apps to sign in")
    keys.press("Enter")

    expect(shown(marta, "imap_password")).to_be_focused()
    keys.press("Enter")
    marta.see_notice("Enter the password.")
    marta.dismiss_notices()
    marta.page.reload()
    tab_to(marta, button(marta, "Back"))
    keys.press("Enter")
    expect(shown(marta, "email")).to_be_focused()
    expect(shown(marta, "name")).to_have_value("Known Support")
    keys.press("Enter")

    expect(shown(marta, "imap_password")).to_be_focused()
    keys.type(tour.servers.password)
    tab_to(marta, shown(marta, "setup_change"))
    keys.press("Space")
    tab_to(marta, shown(marta, "ca_certificate"))
    keys.insert_text(tour.servers.ca_pem.strip())
    tab_to(marta, button(marta, "Next"))
    port = tour.servers.imap_tls_port
    expect(checks).to_contain_text(f"localhost responds on port {port}, encrypted.")
    keys.press("Enter")

    expect(shown(marta, "backfill_days")).to_be_focused()
    keys.press("Enter")
    expect(marta.dialog).to_contain_text("Connect ")
    tab_to(marta, button(marta, "Import"))
    keys.press("Enter")
    expect(marta.page.locator("[name=what_next]")).to_contain_text("Sync now")
    expect(marta.page.locator(".o_mailbox_setup")).to_have_count(0)
    marta.dismiss_notices()


def test_a_provider_without_password_sign_in_is_shown_before_one_is_typed(tour):
    """Nobody gives a password away that the provider would refuse."""
    marta = tour.log_in("marta")
    marta.page.goto(f"{marta.live.address}/odoo/connect-mailbox")
    shown(marta, "email").fill(f"{unique('carl')}@outlook.com")
    shown(marta, "name").fill("Carl")
    alert = marta.page.get_by_role("alert").filter(has_text="Outlook.com")
    expect(alert).to_contain_text("does not allow password sign-in for mail apps")
    expect(alert).to_contain_text("Use an Outlook Server")
    expect(button(marta, "Next")).to_have_count(0)
    shown(marta, "name").press("Enter")
    expect(shown(marta, "imap_password")).to_have_count(0)


def test_a_phone_is_wide_enough(tour, provider):
    """The guided run, the form and the list at 390 pixels: nothing runs out at the
    side."""
    address = f"{unique('phone')}.with-quite-a-long-name@{provider}"
    marta = tour.log_in("marta", viewport=PHONE)
    marta.page.goto(f"{marta.live.address}/odoo/connect-mailbox")
    shown(marta, "email").fill(address)
    shown(marta, "name").fill("A mailbox with quite a long display name")
    expect(marta.page.locator(".o_mailbox_checklist")).to_contain_text("Known Mail")
    fits(marta)
    marta.press("Next")
    shown(marta, "imap_password").fill("secret")
    shown(marta, "setup_change").check()
    expect(shown(marta, "imap_host")).to_be_visible()
    fits(marta)
    marta.press("Next")
    expect(shown(marta, "backfill_days")).to_be_visible()
    fits(marta)
    marta.press("Connect IMAP")
    expect(marta.dialog.get_by_role("alert").first).to_be_visible()
    fits(marta)
    marta.page.goto(f"{marta.live.address}/odoo/mailboxes")
    card = marta.page.locator(".o_kanban_record, .o_data_row").filter(has_text=address)
    expect(card).to_be_visible()
    fits(marta)
    card.click()
    expect(marta.input("imap_host")).to_be_visible()
    fits(marta)
