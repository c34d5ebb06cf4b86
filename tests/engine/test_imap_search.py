"""Looking for a message by what a person remembers of it, on a real Dovecot."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline


@pytest.fixture
def letters(imap_endpoint, policy, servers, user):
    """A session in an inbox of letters, as a search for words meets them."""
    for sender, to, subject in (
        ("Anna <anna@example.org>", "info@example.com", 'An "XL" \\ order'),
        ("joerg@example.net", "info@example.com", "=?utf-8?q?Gr=C3=B6=C3=9Fe?= 7"),
        ("eve@example.org", "x@example.com, Cc <sales@example.com>", "100% wool*"),
    ):
        head = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n"
        servers.append(user, "INBOX", head.encode())
    with ImapSession(imap_endpoint(), policy, Deadline(30)) as opened:
        opened.examine("INBOX")
        yield opened


def test_messages_are_found_by_what_people_remember(letters):
    search = letters.search_message
    assert search(subject='"xl" \\ ORDER') == [1]
    assert search(sender="anna@EXAMPLE.org", recipient="info@") == [1]
    assert search(recipient="sales@example.com") == [3]
    assert search(subject="größe") == [2]
    assert search(sender="eve", subject="größe") == []
    assert search(subject="wool*", since=date.today()) == [3]
    assert search(before=date.today() - timedelta(days=1)) == []


def test_words_never_become_commands(letters):
    """Line ends, quotes and NULs in what was typed stay words."""
    for words in ('x"\r\nA1 DELETE INBOX\r\n', "größe\r\nA1 LOGOUT", "\0", "(", '\\"'):
        assert letters.search_message(subject=words) in ([], [1, 2, 3])
        assert letters.search_message(sender=words) in ([], [1, 2, 3])
    assert letters.search_since(None) == [1, 2, 3]


def test_a_header_field_is_searched(letters):
    assert letters.search_header("SUBJECT", 'An "XL" \\ order') == [1]
    assert letters.search_header("X-None", "wool") == []
    assert letters.search_message_id(" ") == []


def test_values_of_header_fields_never_become_commands(letters):
    for value in ('x"\r\nA1 DELETE INBOX\r\n', "\0", "größe", "x" * 901):
        assert letters.search_header("SUBJECT", value) == []
    for name in ("", "SUBJECT x", 'SUBJECT"', "SUBJECT\r\n", "größe"):
        with pytest.raises(ValueError):
            letters.search_header(name, "x")
    assert letters.search_since(None) == [1, 2, 3]


def test_some_fields_are_fetched(letters):
    found = letters.fetch_fields([1, 3, 99], ["SUBJECT", "LIST-ID"])
    assert found == {
        1: [("subject", 'An "XL" \\ order')],
        3: [("subject", "100% wool*")],
    }
