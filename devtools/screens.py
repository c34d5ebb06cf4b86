"""`./dev screens`: pictures of every screen, to be looked at before a release.

Each one wide, at a phone's width, and in a language that is written from right to
left. On the demo's mailbox, with others beside it that wait for somebody.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .base.console import DevError, say, step
from .base.paths import run_folder
from .base.process import end
from .demo import setup
from .demo.mail import WINDOW_DAYS
from .demo.people import ADMIN, MAILBOX, NORA
from .demo.threads import mails
from .install.node import modules
from .install.python import in_odoo_python
from .install.system import require
from .odoo import database, launch
from .odoo.rpc import Session
from .servers import mailservers, postgres

NAME = "screens"
LANGUAGE = "ar_001"
#: Milliseconds: for a step; for what moves to stand still; for the first visit.
PATIENCE, STILL, FIRST = 30_000, 1_200, 300_000


@dataclass(frozen=True)
class Look:
    """One way in which the screens are seen."""

    name: str
    width: int
    height: int
    language: str = "en_US"


#: The words `wide`, `phone` and `rtl` choose among these.
LOOKS = (
    Look("wide", 1600, 1000),
    Look("phone", 390, 844),
    Look("rtl", 1600, 1000, LANGUAGE),
)


@dataclass(frozen=True)
class Shot:
    """A screen: where it is, and what is done there.

    A step is what to press (CSS, or `text=…`), `field=text` to type, `@` and CSS to
    scroll to, or `preview`.
    """

    name: str
    path: str
    steps: tuple[str, ...] = ()


def button(name: str) -> str:
    return f".o_form_view button[name={name}]:visible"


DIALOG = ".modal button[name={}]:visible"
SHOTS = (
    Shot("list", "mailboxes"),
    Shot("kanban", "mailboxes", (".o_switch_view.o_kanban",)),
    Shot("form-new", "mailboxes/new", ("email=nora@gmail.com", "name=Nora")),
    Shot("form-oauth", "mailboxes/new", ("email=nora@outlook.com", "name=Nora")),
    Shot("form", "mailboxes/{demo}"),
    *(
        Shot(f"form-{page}", "mailboxes/{demo}", (f".nav-link[name={page}]",))
        for page in ("folders", "imports", "runs", "sending", "advanced")
    ),
    Shot("form-trouble", "mailboxes/{wrong}"),
    Shot("guide-1", "connect-mailbox", ("email=tom@gmail.com", "name=Tom")),
    Shot("guide-1-oauth", "connect-mailbox", ("email=tom@outlook.com", "name=Tom")),
    Shot("guide-2", "connect-mailbox/{sign_in}"),
    Shot(
        "guide-2-change",
        "connect-mailbox/{sign_in}",
        (".o_mailbox_step:visible [name=setup_change] input",),
    ),
    Shot("guide-3", "connect-mailbox/{backfill}"),
    Shot("connect", "mailboxes/{demo}", (button("action_connect"),)),
    Shot("connect-preview", "mailboxes/{ready}", (button("action_connect"), "preview")),
    Shot("connect-wrong", "mailboxes/{wrong}", (button("action_connect"),)),
    Shot("connect-port", "mailboxes/{port}", (button("action_connect"),)),
    Shot("import-older", "mailboxes/{demo}", (button("action_import_more"),)),
    Shot("undo", "mailboxes/{demo}", ("text=Undo this import",)),
    Shot("test-mail", "mailboxes/{demo}", (button("action_send_test"),)),
    Shot("trace", "action-mailbox_connector.mailbox_trace_action"),
    Shot("messages", "mailboxes/{demo}", (button("action_view_messages"),)),
    Shot("failed-imports", "action-mailbox_connector.mailbox_failed_import_action"),
    Shot("runs", "action-mailbox_connector.mailbox_run_action"),
    Shot("providers", "action-mailbox_connector.mailbox_provider_action"),
    Shot(
        "provider", "action-mailbox_connector.mailbox_provider_action", (".o_data_row",)
    ),
    Shot("sender-rules", "action-mailbox_connector.mailbox_sender_rule_action"),
    Shot("settings", "settings", ("@#mailbox_discovery_setting",)),
    Shot("contact", "contacts/{nora}"),
    Shot(
        "contact-composer",
        "contacts/{nora}",
        (".o-mail-Chatter-sendMessage",),
    ),
)


#: Behind a menu on a phone: their dialogs are those of the other looks.
NOT_ON_PHONE = {"connect", "import-older", "test-mail", "messages"}


def main(arguments: list[str]) -> int:
    """Words: only these looks, and only screens with one of them in their name."""
    require("servers", "browser")
    if (code := in_odoo_python(["screens", *arguments])) is not None:
        return code
    modules("rtlcss")
    os.environ.update(launch.environment())
    looks = [look for look in LOOKS if look.name in arguments] or list(LOOKS)
    words = [word for word in arguments if word not in {look.name for look in LOOKS}]
    wanted = [
        shot for shot in SHOTS if not words or any(word in shot.name for word in words)
    ]
    folder = run_folder(NAME)
    with postgres.running():
        servers = mailservers.start(NAME)
        try:
            found = _take(servers, looks, wanted, folder)
        finally:
            servers.stop()
    say(f"{len(list(folder.glob('*.png')))} pictures in {folder}")
    for text in found:
        say(f"PROBLEM: {text}")
    return 1 if found else 0


def _take(servers, looks: list[Look], shots: list[Shot], folder: Path) -> list[str]:
    from playwright.sync_api import sync_playwright

    with step("a database with the addon"):
        database.prepare(NAME, addons=["contacts"], log=folder / "install.log")
    server, address = launch.serve(NAME, folder / "odoo.log", cron_threads=1)
    found: list[str] = []
    try:
        launch.wait_until_served(server, address)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ["MAILBOX_CHROMIUM"],
                args=["--no-sandbox", "--disable-gpu"],
            )
            _speak(address, LOOKS[0].language)
            with _page(browser, address, LOOKS[0]) as page:
                _one(page, address, Shot("list-empty", "mailboxes"), {}, folder, "wide")
            with step("mailboxes"):
                record_ids = _fill(address, servers)
            for look in looks:
                _speak(address, look.language)
                with step(look.name), _page(browser, address, look) as page:
                    for shot in shots:
                        if look.name == "phone" and shot.name in NOT_ON_PHONE:
                            continue
                        problems = _one(
                            page, address, shot, record_ids, folder, look.name
                        )
                        found += problems
    finally:
        end(server)
        database.drop(NAME)
    return found


def _one(
    page, address, shot: Shot, record_ids: dict, folder: Path, look: str
) -> list[str]:
    """Take one picture; return what could not be done."""
    problems = []
    page.goto(f"{address}/odoo/{shot.path.format(**record_ids)}")
    try:
        page.locator(".o_view_controller, .o_form_view").first.wait_for()
        page.wait_for_timeout(STILL)
        for number, each in enumerate(shot.steps):
            if each == "preview":
                each = DIALOG.format("action_preview")
            if each.startswith("@"):
                page.locator(each[1:]).scroll_into_view_if_needed()
            elif each.startswith("text="):
                page.locator(each).first.click()
            elif "=" in each and "[" not in each:
                name, _sign, text = each.partition("=")
                place = page.locator(f".o_field_widget[name={name}] input:visible")
                place.first.fill(text)
                place.first.press("Tab")
            else:
                page.locator(each).first.click()
            last = number == len(shot.steps) - 1
            page.wait_for_timeout(STILL * (3 if last or ".modal" in each else 1))
    except Exception as error:
        problems.append(f"{look} {shot.name}: {str(error).splitlines()[0]}")
    wide, window = page.evaluate(
        "() => [document.documentElement.scrollWidth, window.innerWidth]"
    )
    if wide > window:
        problems.append(f"{look} {shot.name}: {wide} pixels in a window of {window}")
    page.screenshot(path=folder / f"{shot.name}-{look}.png", animations="disabled")
    return problems


@contextmanager
def _page(browser, address: str, look: Look) -> Iterator:
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height},
        is_mobile=look.width < 600,
        has_touch=look.width < 600,
    )
    page = context.new_page()
    page.set_default_timeout(FIRST)
    page.goto(f"{address}/web/login")
    page.fill("input[name=login]", ADMIN.login)
    page.fill("input[name=password]", ADMIN.password)
    page.press("input[name=password]", "Enter")
    page.locator(".o_main_navbar").wait_for()
    is_rtl = page.evaluate("() => getComputedStyle(document.body).direction") == "rtl"
    if is_rtl != (look.language == LANGUAGE):
        raise DevError(f"{look.name}: the page is not written in its direction")
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def _speak(address: str, language: str) -> None:
    """The administrator's language, installed if need be."""
    admin = Session(address, NAME, ADMIN.login, ADMIN.password)
    known = admin.call("res.lang", "search", [["code", "=", language]])
    if not known:
        [found] = admin.call(
            *("res.lang", "search", [["code", "=", language]]),
            context={"active_test": False},
        )
        wizard = admin.create("base.language.install", {"lang_ids": [[6, 0, [found]]]})
        admin.call("base.language.install", "lang_install", [wizard])
    user = admin.ref("base.user_admin")
    # Its greeting would cover a phone's screen.
    quiet = {"odoobot_state": "disabled"}
    admin.call("res.users", "write", [user], {"lang": language, **quiet})


def _fill(address: str, servers) -> dict[str, int]:
    """The demo's mailbox, and others in the states to be seen; their ids."""
    setup.fill(servers, mails())
    setup.people(address, NAME, servers)
    setup.connect(address, NAME, servers)
    admin = Session(address, NAME, ADMIN.login, ADMIN.password)
    record_ids = {
        "demo": admin.find("mailbox.account", ("email", "=", MAILBOX)),
        "nora": admin.find("res.partner", ("name", "=", NORA.name)),
    }
    for name, values in {
        "wrong": {"imap_password": "forgotten"},
        "port": {"imap_port": servers.imap_starttls_port},
        "ready": {"imap_username": MAILBOX, "backfill_days": WINDOW_DAYS},
        "sign_in": {"setup_step": "sign_in", "imap_password": False},
        "backfill": {"setup_step": "backfill"},
    }.items():
        email = f"{name.replace('_', '-')}@brightwater.example"
        record_ids[name] = admin.create(
            "mailbox.account",
            {
                "email": email,
                "name": name.replace("_", " ").capitalize(),
                "imap_host": servers.imap_host,
                "imap_port": servers.imap_tls_port,
                "imap_username": email,
                "imap_password": servers.password,
                "smtp_host": servers.smtp_host,
                "smtp_port": servers.smtp_starttls_port,
                "smtp_username": values.get("imap_username", email),
                "ca_certificate": servers.ca_pem,
                "settings_origin": "Filled in for Brightwater Mail.",
                **values,
            },
        )
    admin.call("mailbox.account", "action_connect", [record_ids["wrong"]])
    return record_ids
