"""A live Odoo server, and Chromium used the way a person uses it.

Pictures for the documentation are made on the way when ``MAILBOX_SCREENSHOTS`` is
set: ``MAILBOX_SCREENSHOTS=1 ./dev test e2e -- -k guide`` writes ``docs/images``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from devtools.base import process
from devtools.base.paths import CHECKOUT
from devtools.odoo import database, launch
from devtools.odoo.rpc import Session

#: Milliseconds for a step, and for the first visit, at which Odoo builds its assets:
#: enough for a machine several times slower than a desk's.
PATIENCE, FIRST = 90_000, 300_000
PICTURES = CHECKOUT / "docs" / "images"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]

expect.set_options(timeout=PATIENCE)

#: Keeps the texts of notices in ``notices``: they go after seconds, on a slow machine
#: before anybody has looked.
LISTEN = """
    window.notices = new Set();
    new MutationObserver(() => {
        for (const notice of document.querySelectorAll(".o_notification")) {
            window.notices.add(notice.textContent);
        }
    }).observe(document, {childList: true, subtree: true, characterData: true});
"""
HEARD = "(text) => [...window.notices].some((notice) => notice.includes(text))"
DISMISS = """() => {
    document.querySelectorAll(".o_notification_close").forEach((el) => el.click());
    window.notices.clear();
}"""


@dataclass(frozen=True)
class Live:
    """A server process on a database of its own; mail really leaves."""

    address: str
    database: str

    def session(self, login: str, password: str) -> Session:
        return Session(self.address, self.database, login, password)


@contextmanager
def live_odoo(
    name: str, quiet: tuple[str, ...] = (), cron_threads: int = 1, **settings: object
) -> Iterator[Live]:
    """Serve a new database with the addon, scheduled actions included.

    :param quiet: loggers that are to say nothing below CRITICAL: what the tests do to
        this server on purpose
    :param cron_threads: how many scheduled actions run at the same time
    :param settings: of Odoo's configuration file
    """
    logs = Path(os.environ["MAILBOX_TEST_LOGS"])
    handlers = ",".join([":INFO", *(f"{logger}:CRITICAL" for logger in quiet)])
    try:
        _new_database(name, logs / f"{name}-install.log")
        server, address = launch.serve(
            name,
            logs / f"{name}.log",
            cron_threads=cron_threads,
            settings={"log_handler": handlers, **settings},
        )
        try:
            launch.wait_until_served(server, address, FIRST / 1000)
            yield Live(address, name)
        finally:
            process.end(server)
    finally:
        database.drop(name)


def _new_database(name: str, log: Path) -> None:
    """A copy of the one that `./dev test` has installed; by hand, a new one."""
    installed = os.environ.get("MAILBOX_TEST_INSTALLED")
    if installed:
        database.copy(installed, name)
    else:
        database.prepare(name, addons=["contacts"], log=log)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ["MAILBOX_CHROMIUM"], args=ARGUMENTS
        )
        yield browser
        browser.close()


class Screen:
    """One person's browser window on Odoo."""

    def __init__(self, page: Page, live: Live, login: str):
        self.page = page
        self.live = live
        self.login = login
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.add_init_script(LISTEN)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    @classmethod
    def log_in(
        cls, browser: Browser, live: Live, login: str, password: str, **options
    ) -> Screen:
        """:param options: of the browser, such as ``viewport`` or ``locale``"""
        options.setdefault("viewport", {"width": 1600, "height": 1000})
        screen = cls(browser.new_context(**options).new_page(), live, login)
        page = screen.page
        page.goto(f"{live.address}/web/login", timeout=FIRST)
        page.get_by_label("Email").fill(login)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator(".o_main_navbar")).to_be_visible(timeout=FIRST)
        return screen

    def another_window(self) -> Screen:
        """A second window of the same person."""
        return Screen(self.page.context.new_page(), self.live, self.login)

    def close(self, name: str) -> None:
        """Close the person's browser; nothing in it may have failed unnoticed.

        What it showed at the end is kept in the folder of logs.
        """
        folder = Path(os.environ["MAILBOX_TEST_LOGS"])
        self.page.screenshot(path=folder / f"{name}.png")
        assert not self.page.locator(".o_error_dialog").count(), self.faults
        self.page.context.close()
        assert not self.faults, self.faults

    # What a person does

    def open_app(self, app: str) -> None:
        self.page.locator(".o_navbar_apps_menu button").click()
        entry = self.page.get_by_role("menuitem", name=app, exact=True)
        entry.and_(self.page.locator(".o_app")).click()

    def menu(self, name: str) -> None:
        """An entry of the open app's menu bar."""
        menus = self.page.locator(".o_menu_sections")
        menus.get_by_text(name, exact=True).click()

    def press(self, name: str) -> None:
        """A button, of the dialog if there is one."""
        self.top().get_by_role("button", name=name, exact=True).first.click()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def type(self, field: str, text: object) -> None:
        self.input(field).fill(str(text))

    def choose(self, field: str, label: str) -> None:
        self.top().locator(f"[name={field}]").get_by_label(label, exact=True).check()

    # What a person sees

    def top(self) -> Locator:
        """The dialog if there is one, else the page."""
        return self.page.locator(
            ".modal:not(.o_inactive_modal), body:not(:has(.modal))"
        )

    def input(self, field: str) -> Locator:
        widget = self.top().locator(f".o_field_widget[name={field}]")
        return widget.locator("input, textarea").first

    @property
    def dialog(self) -> Locator:
        return self.page.locator(".modal-content")

    def see_notice(self, text: str = "") -> None:
        """A notice in the corner of the screen says so, or did."""
        self.page.wait_for_function(HEARD, arg=text)

    def dismiss_notices(self) -> None:
        self.page.evaluate(DISMISS)
        expect(self.page.locator(".o_notification")).to_have_count(0)

    def picture(self, name: str, height: int = 1000) -> None:
        """Keep what is seen as a picture for the documentation, when wanted."""
        if os.environ.get("MAILBOX_SCREENSHOTS"):
            PICTURES.mkdir(parents=True, exist_ok=True)
            self.page.mouse.move(0, 0)
            self.page.evaluate("document.activeElement.blur()")
            clip = {"x": 0, "y": 0, "width": 1600, "height": height}
            self.page.screenshot(
                path=PICTURES / f"{name}.png", clip=clip, animations="disabled"
            )
