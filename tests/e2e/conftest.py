"""What every end-to-end test needs: a database with the addon, real mail servers.

Plain functions, no TransactionCase: mail really leaves, and commits persist. Hence
fresh names per test instead of cleaning up. ``MAILBOX_TEST_DATABASE`` names the
database, with the addon installed.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from datetime import datetime, timezone

import pytest

from host import mailservers

odoo = pytest.importorskip("odoo")

from odoo import SUPERUSER_ID, Command, api  # noqa: E402
from odoo.modules.registry import Registry  # noqa: E402

_numbers = itertools.count(1)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30):
    """The first true value of ``condition``; fails when there is none in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return value


def unique(name: str) -> str:
    """A name that no other test uses, nor a former run on the same servers."""
    return f"{name}-{os.getpid()}-{time.time_ns() % 10**9}-{next(_numbers)}"


@pytest.fixture(scope="session")
def servers() -> Iterator[mailservers.MailServers]:
    """Dovecot and Exim; see :mod:`host.mailservers`."""
    running = mailservers.start()
    yield running
    if running.started:
        running.stop()


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The registry of the test database; loopback hosts are allowed there."""
    registry = Registry(os.environ["MAILBOX_TEST_DATABASE"])
    with registry.cursor() as cr:
        api.Environment(cr, SUPERUSER_ID, {})["ir.config_parameter"].set_param(
            "mailbox_connector.allowed_networks", "127.0.0.0/8 ::1/128"
        )
    return registry


@pytest.fixture
def env(registry) -> Iterator[api.Environment]:
    """An environment of the superuser; commit what others are to see."""
    with registry.cursor() as cr:
        yield api.Environment(cr, SUPERUSER_ID, {})
        cr.rollback()


@dataclass
class Mailbox:
    """A connected mailbox, the user who owns it, and a contact it may write to."""

    env: api.Environment
    servers: mailservers.MailServers
    address: str
    account: object = None
    user: object = None
    customer: object = None
    members: list = field(default_factory=list)

    def sync(self) -> None:
        """What **Sync now** does; committed."""
        self.env.cr.commit()
        sync = self.env["mailbox.sync"]._sync(self.account, "history", 60, 90)
        self.env.invalidate_all()
        assert sync, self.account.imap_problem
        self.env.cr.commit()

    def file_sent(self) -> None:
        """Run the scheduled action that files sent mail; committed."""
        self.env.cr.commit()
        self.env["mailbox.outbox"]._cron_file_sent()
        self.env.cr.commit()

    def post(self, body="Hello", record=None, user=None, **values):
        """Send a message from a contact's chatter, as a user does; committed, which
        sends the mail."""
        record = record or self.customer
        values.setdefault("partner_ids", self.customer.ids)
        message = (
            record.with_user(user or self.user)
            .with_context(lang="en_US")
            .message_post(
                body=body,
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
                **values,
            )
        )
        self.env.cr.commit()
        self.env.invalidate_all()
        return message.sudo()

    def receive(self, subject: str, sender: str = "", **headers: str) -> str:
        """A mail of a customer arrives in the mailbox; its Message-ID."""
        sender = sender or self.customer.email
        message_id = make_msgid(domain="customer.example")
        message = mail(sender, self.address, subject, message_id, **headers)
        self.servers.send(sender, [self.address], message)
        wait_for(
            lambda: find(self.servers, self.address, "INBOX", message_id),
            f"{subject} in the inbox",
        )
        return message_id

    def linked(self, message_id: str, partner=None):
        """The e-mail of that Message-ID, as it stands on a contact; maybe empty."""
        self.env.invalidate_all()
        links = self.env["mailbox.link"].search(
            [
                ("partner_id", "=", (partner or self.customer).id),
                ("message_id.rfc_message_id", "=", message_id),
            ]
        )
        return links


def mail(sender, to, subject, message_id, text="Text", **headers: str) -> bytes:
    """A message in octets; ``in_reply_to="<…>"`` and the like as further headers."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(timezone.utc))
    message["Message-ID"] = message_id
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def find(servers, user: str, folder: str, message_id: str) -> dict[int, tuple]:
    """{UID: (raw message, flags)} of the messages with that Message-ID."""
    with servers.imap(user) as client:
        if not client.folder_exists(folder):
            return {}
        client.select_folder(folder, readonly=True)
        uids = client.search(["HEADER", "MESSAGE-ID", message_id])
        fetched = client.fetch(uids, ["BODY.PEEK[]", "FLAGS"]) if uids else {}
    return {
        uid: (items[b"BODY[]"], items[b"FLAGS"]) for uid, items in fetched.items()
    }


@pytest.fixture
def make_user(env) -> Callable[..., object]:
    """Makes an internal user, with the rights of a mailbox user by default."""

    def make(name: str, mailbox_user: bool = True, **values):
        login = unique(name.lower().replace(" ", "-"))
        group = (
            "mailbox_connector.group_mailbox_user" if mailbox_user else "base.group_user"
        )
        groups = env.ref(group) | env.ref("base.group_partner_manager")
        user = env["res.users"].create(
            {
                "name": name,
                "login": login,
                "email": f"{login}@staff.example",
                "notification_type": "inbox",
                "group_ids": [Command.set(groups.ids)],
                **values,
            }
        )
        env.cr.commit()
        return user

    return make


@pytest.fixture
def make_mailbox(env, servers, make_user) -> Callable[..., Mailbox]:
    """Makes a mailbox, connected as the buttons do it, with nothing imported yet.

    Values are those of ``mailbox.account``; a fresh owner unless one is given.
    """

    def make(name: str = "agent", connect: bool = True, **values) -> Mailbox:
        address = f"{unique(name)}@example.com"
        user = values.pop("owner", None) or make_user("Ada Agent")
        account = env["mailbox.account"].create(
            {
                "email": address,
                "name": "Example Support",
                "owner_id": user.id,
                "imap_host": servers.imap_host,
                "imap_port": servers.imap_tls_port,
                "imap_username": address,
                "imap_password": servers.password,
                "smtp_host": servers.smtp_host,
                "smtp_port": servers.smtp_starttls_port,
                "smtp_username": address,
                "ca_certificate": servers.ca_pem,
                **values,
            }
        )
        customer = env["res.partner"].create(
            {"name": "Carl Customer", "email": f"{unique('carl')}@customer.example"}
        )
        mailbox = Mailbox(env, servers, address, account, user, customer)
        env.cr.commit()
        if connect:
            account._connect()
            assert not account.imap_problem and not account.smtp_problem, (
                account.imap_problem,
                account.smtp_problem,
            )
            account._import_history(1)
            mailbox.sync()
        return mailbox

    return make


@pytest.fixture
def mailbox(make_mailbox) -> Mailbox:
    """A connected mailbox of a fresh user."""
    return make_mailbox()


@contextmanager
def odoo_server(env, servers) -> Iterator[object]:
    """An ordinary outgoing server of Odoo's own, on the same SMTP server."""
    address = f"{unique('odoo')}@example.com"
    server = env["ir.mail_server"].create(
        {
            "name": "Odoo's own",
            "smtp_host": servers.smtp_host,
            "smtp_port": servers.smtp_starttls_port,
            "smtp_encryption": "starttls",
            "smtp_user": address,
            "smtp_pass": servers.password,
        }
    )
    env.cr.commit()
    yield server
    server.unlink()
    env.cr.commit()


@pytest.fixture
def own_server(env, servers):
    """Odoo's own outgoing server, for the time of a test."""
    with odoo_server(env, servers) as server:
        yield server
