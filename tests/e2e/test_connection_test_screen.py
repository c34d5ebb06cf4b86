"""Connect IMAP in a browser: the connection test while a person watches."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import pytest
from conftest import settings_of, unique
from playwright.sync_api import expect

WRONG = "certainly the wrong word"


class Gate:
    """A port that leads to another one; what comes waits until it is opened."""

    def __init__(self, port: int):
        self.is_open = threading.Event()
        self._target = port
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._sockets[0].getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._sockets[0].accept()
                self._sockets.append(client)
                threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        self.is_open.wait()
        server = socket.create_connection(("127.0.0.1", self._target))
        self._sockets.append(server)
        pair = (client, server)
        threading.Thread(target=_pump, args=pair, daemon=True).start()
        _pump(*reversed(pair))

    def close(self) -> None:
        self.is_open.set()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def gate(servers):
    gate = Gate(servers.smtp_starttls_port)
    yield gate
    gate.close()


@pytest.fixture
def make(tour, servers):
    """Makes a mailbox of Marta's; its id and address."""

    def make(**values):
        address = f"{unique('check')}@example.com"
        return tour.live.session("marta", "marta").create(
            "mailbox.account",
            {
                "email": address,
                "name": "Check",
                **settings_of(servers, address),
                **values,
            },
        )

    return make


def open_form(screen, account):
    screen.page.goto(f"{screen.live.address}/odoo/mailboxes/{account}")
    expect(screen.page.locator(".o_form_view")).to_be_visible()


def side(screen, name):
    return screen.page.locator(f".o_mailbox_server_test[data-side={name}]")


def step(screen, name, what):
    return side(screen, name).locator(f"[data-step={what}]")


def see(screen, name, what, state):
    expect(step(screen, name, what)).to_have_attribute("data-state", state)


def marked(screen, name):
    return screen.page.locator(f".o_field_widget[name={name}].o_mailbox_wrong")


def test_steps_are_seen_as_they_happen(tour, make, gate):
    """One side hangs: the other's result is shown, and nothing can be imported
    yet. Who closes the dialog in the meantime finds all as it was."""
    account = make(smtp_port=gate.port)
    marta = tour.log_in("marta")
    open_form(marta, account)
    marta.press("Connect IMAP")
    expect(side(marta, "imap")).to_contain_text("Reading (IMAP) works")
    see(marta, "imap", "folders", "ok")
    see(marta, "smtp", "connect", "ok")
    see(marta, "smtp", "encrypt", "running")
    see(marta, "smtp", "sender", "waiting")
    buttons = marta.dialog.get_by_role("button", name="Import", exact=True)
    expect(buttons).to_have_count(0)
    expect(marta.input("backfill_days")).to_have_count(0)

    marta.press("Close")
    expect(marta.dialog).to_have_count(0)
    marta.press("Connect IMAP")
    see(marta, "smtp", "encrypt", "running")
    gate.is_open.set()
    see(marta, "smtp", "sender", "ok")
    expect(side(marta, "smtp")).to_contain_text("Sending (SMTP) works")
    expect(buttons).to_be_visible()
    expect(marta.input("backfill_days")).to_have_value("7")
    admin = tour.admin()
    [found] = admin.call("mailbox.account", "read", [account], ["state"])
    assert found["state"] == "draft", "nothing comes in before Import"


def test_a_wrong_password_and_a_wrong_port_are_mended(tour, make, servers):
    """The field is marked, the record of the protocol is without the password; the
    encryption that the server has is offered, and one click goes on to Import."""
    account = make(
        imap_password=WRONG,
        smtp_password=servers.password,
        smtp_port=servers.smtp_starttls_port,
        smtp_security="tls",
    )
    marta = tour.log_in("marta", viewport={"width": 375, "height": 812})
    open_form(marta, account)
    marta.press("Connect IMAP")
    expect(side(marta, "imap")).to_contain_text("Reading (IMAP) does not work")
    expect(side(marta, "imap")).to_contain_text("Field to correct: IMAP password")
    see(marta, "imap", "sign_in", "failed")
    see(marta, "imap", "folders", "not_reached")
    side(marta, "imap").get_by_text("Show details").click()
    said = side(marta, "imap").locator("pre")
    expect(said).to_contain_text("AUTHENTICATE PLAIN ***")
    assert WRONG not in marta.page.content()
    width = "document.documentElement.scrollWidth"
    assert marta.page.evaluate(width) <= 375, "nothing is cut off on a phone"
    expect(side(marta, "smtp")).to_contain_text("STARTTLS")
    repair = marta.dialog.get_by_role("button", name="Use this for sending")
    expect(repair).to_be_enabled()
    repair.click()
    expect(side(marta, "smtp")).to_contain_text("Sending (SMTP) works")
    expect(side(marta, "imap")).to_contain_text("does not work")
    marta.press("Close")

    expect(marked(marta, "imap_password")).to_be_visible()
    expect(marta.input("imap_password")).to_have_attribute("aria-invalid", "true")
    marta.type("imap_password", servers.password)
    expect(marked(marta, "imap_password")).to_have_count(0)
    marta.press("Connect IMAP")
    expect(side(marta, "imap")).to_contain_text("Reading (IMAP) works")
    marta.press("Import")
    marta.see_notice("Nothing new.")
    expect(marta.dialog).to_have_count(0)
    expect(marta.page.locator(".o_mailbox_wrong")).to_have_count(0)
