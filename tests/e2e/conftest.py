"""Real servers, a real database, real commits: what the end-to-end tests share.

``./dev test e2e`` prepares the database that ``MAILBOX_TEST_DATABASE`` names, with
the addon installed. Nothing is rolled back: each test takes addresses of its own.
"""

import itertools
import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import pytest
from browser import chromium, live_odoo
from guide import people
from tour import Tour

from devtools.servers import mailservers

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers():
    """Dovecot and the SMTP server, see ``devtools.servers.mailservers``."""
    running = mailservers.start()
    yield running
    if running.started:
        running.stop()


@pytest.fixture(scope="session")
def browser():
    """Chromium, one for all tests."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def tour_server(servers):
    """A live Odoo with its people; see :mod:`tour`."""
    with live_odoo(f"{os.environ['MAILBOX_TEST_DATABASE']}_tour") as live:
        people(live, servers)
        yield live


@pytest.fixture
def tour(tour_server, servers, browser, request):
    """Browser windows of people on a live Odoo that all such tests share."""
    tour = Tour(tour_server, servers, browser, request.node.name)
    yield tour
    tour.close()


@pytest.fixture
def env():
    """A superuser environment whose commits are real."""
    from odoo import SUPERUSER_ID
    from odoo.api import Environment
    from odoo.modules.registry import Registry

    with Registry(os.environ["MAILBOX_TEST_DATABASE"]).cursor() as cr:
        environment = Environment(cr, SUPERUSER_ID, {})
        parameters = environment["ir.config_parameter"]
        parameters.set_param("mailbox_connector.allowed_networks", "127.0.0.0/8 ::1")
        cr.commit()
        yield environment
        cr.rollback()


def unique(name: str) -> str:
    """A name that no other test of this run has."""
    return f"{name}{next(_numbers)}x{os.getpid()}"


def settings_of(servers, address):
    """Values of a ``mailbox.account``: the right settings of a user of the servers."""
    return {
        "imap_host": servers.imap_host,
        "imap_port": servers.imap_tls_port,
        "imap_username": address,
        "imap_password": servers.password,
        "smtp_host": servers.smtp_host,
        "smtp_port": servers.smtp_starttls_port,
        "smtp_username": address,
        "ca_certificate": servers.ca_pem,
    }


@dataclass
class Mailbox:
    """A mailbox on the test servers and its record in Odoo."""

    env: object
    servers: object
    address: str
    account: object

    def receive(self, sender, subject, *, folder="INBOX", days=0, to=None, **options):
        """Put a message into a folder as if it had come ``days`` ago; its id."""
        raw, message_id = message(
            sender, to or self.address, subject, days=days, **options
        )
        self.servers.append(
            self.address,
            folder,
            raw,
            internaldate=datetime.now(timezone.utc) - timedelta(days=days),
        )
        return message_id

    def connect(self, days=7):
        """What a person does: Connect IMAP, then Import in the dialog."""
        action = self.account.action_connect()
        self.env.cr.commit()
        dialog = self.env["mailbox.connect"].browse(action["res_id"])
        dialog.backfill_days = days
        result = dialog.action_import()
        self.env.cr.commit()
        return result

    def sync(self):
        """Press Sync now."""
        result = self.account.action_sync_now()
        self.env.cr.commit()
        return result

    def folder(self, name):
        """The ``mailbox.folder`` with that name, wherever the server keeps folders."""
        names = (name, f"INBOX.{name}")
        return self.account.folder_ids.filtered(lambda one: one.name in names)

    def subjects(self, partner):
        """Subjects of the e-mails on a contact, newest first."""
        self.env.invalidate_all()
        found = self.env["mailbox.message"].search([("partner_ids", "=", partner.id)])
        return found.mapped("subject")


@pytest.fixture
def make_mailbox(env, servers):
    """Makes mailboxes that nobody has used before; ``values`` override fields."""

    def make(name="box", **values):
        address = f"{unique(name)}@example.com"
        account = env["mailbox.account"].create(
            {
                "email": address,
                "name": name.title(),
                "owner_id": env.ref("base.user_admin").id,
                **settings_of(servers, address),
                **values,
            }
        )
        env.cr.commit()
        return Mailbox(env, servers, address, account)

    return make


@pytest.fixture
def mailbox(make_mailbox):
    return make_mailbox()


@pytest.fixture
def faulty(monkeypatch):
    """A parser that fails on mails with "Faulty" in them, until it is called."""
    from odoo.addons.mailbox_connector.engine.errors import ImportFailure, MessageError
    from odoo.addons.mailbox_connector.services.incoming import importer

    parse_message = importer.parse_message

    def parse(raw, received):
        if b"Faulty" in raw:
            raise MessageError(ImportFailure.NESTED_TOO_DEEPLY)
        return parse_message(raw, received)

    monkeypatch.setattr(importer, "parse_message", parse)
    return lambda: monkeypatch.setattr(importer, "parse_message", parse_message)


@pytest.fixture
def contact(env):
    """A contact with an address of its own on a customer's domain."""
    partner = env["res.partner"].create(
        {"name": unique("Customer"), "email": f"{unique('c')}@customer.example"}
    )
    env.cr.commit()
    return partner


def message(
    sender,
    to,
    subject,
    *,
    days=0,
    message_id=None,
    text=None,
    attachment=None,
    **headers,
):
    """A message (RFC 5322) as bytes, and its Message-ID.

    :param headers: further headers, "_" for "-"
    """
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.now(timezone.utc) - timedelta(days=days))
    mail["Message-ID"] = message_id or make_msgid(domain="customer.example")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text or f"Text of {subject}")
    if attachment:
        mail.add_attachment(
            attachment, maintype="application", subtype="octet-stream", filename="a.bin"
        )
    return mail.as_bytes(), mail["Message-ID"]
