"""Looking for the mail of many people at once, on a real Dovecot."""

from __future__ import annotations

import pytest

from odoo.addons.mailbox_connector.engine.imap import messages
from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline

HEADERS = ("From", "To", "Cc", "Reply-To")


@pytest.fixture
def session(imap_endpoint, policy, servers, user):
    """An inbox in which somebody is in each header, and a stranger's mail."""
    for number, header in enumerate(HEADERS):
        head = f"{header}: p{number}@example.org\r\nSubject: {header}\r\n\r\nHello\r\n"
        servers.append(user, "INBOX", head.encode())
    servers.append(user, "INBOX", b"From: who@example.net\r\n\r\nHello\r\n")
    with ImapSession(imap_endpoint(), policy, Deadline(30)) as opened:
        opened.examine("INBOX")
        yield opened


def test_each_header_is_looked_at(session):
    emails = [f"p{number}@example.org" for number in range(len(HEADERS))]
    assert session.search_addresses(emails) == [1, 2, 3, 4]
    assert session.search_addresses(emails[1:2]) == [2]


def test_many_addresses_go_in_commands_that_servers_take(session):
    """More than one command can hold; Microsoft 365 refuses long ones."""
    emails = [f"nobody{number}@example.com" for number in range(200)]
    assert session.search_addresses([*emails, "p3@example.org"]) == [4]
    commands = [
        "OR " * (len(keys) - 1) + " ".join(keys) for keys in messages._commands(emails)
    ]
    assert len(commands) > 1
    assert max(map(len, commands)) < 4_000


def test_addresses_never_become_commands(session):
    for email in ('x"\r\nA1 LOGOUT\r\n', '"@example.com', "größe@example.com"):
        assert session.search_addresses([email]) == []
    assert session.search_addresses([]) == []
    assert session.search_addresses(["who@example.net"]) == [5]
