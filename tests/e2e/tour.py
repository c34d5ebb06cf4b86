"""One live Odoo for all browser tests that share it: see the fixture ``tour``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from browser import Live, Screen
from guide import ADMIN
from playwright.sync_api import Browser

from devtools.servers import mailservers
from devtools.servers.discovery_servers import NameServer

DISCOVERY = "mailbox_connector.discovery"
NAMESERVERS = "mailbox_connector.discovery_nameservers"


@dataclass
class Tour:
    """A test's way in: people's browser windows, the mail servers, the domain names.

    Everything is shared with other tests, so each takes addresses of its own.
    """

    live: Live
    servers: mailservers.MailServers
    browser: Browser
    name: str
    screens: list[Screen] = field(default_factory=list)

    def log_in(self, login: str, **options) -> Screen:
        """A browser window of admin (manager), marta (has mailboxes) or ben (none).

        :param options: of the browser, such as ``viewport`` or ``locale``
        """
        screen = Screen.log_in(self.browser, self.live, login, login, **options)
        self.screens.append(screen)
        return screen

    def admin(self):
        """Odoo over RPC, as its administrator."""
        return self.live.session(ADMIN, ADMIN)

    @contextmanager
    def dns(self, records: dict) -> Iterator[NameServer]:
        """Have Odoo look up settings, in these DNS records."""
        server = NameServer(records)
        try:
            self._look_up("online", server.address)
            yield server
        finally:
            self._look_up("table", "")
            server.stop()

    def _look_up(self, where: str, nameservers: str) -> None:
        admin = self.admin()
        for name, value in ((DISCOVERY, where), (NAMESERVERS, nameservers)):
            admin.call("ir.config_parameter", "set_param", name, value)

    def close(self) -> None:
        """Close all windows; nothing in them may have failed unnoticed."""
        for screen in self.screens:
            screen.close(f"{self.name}-{screen.login}")
