"""What has gone from a folder, what stays of a moved message: on a real Dovecot."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline

MOMENT = datetime(2026, 4, 1, 9, 30, 15, tzinfo=timezone.utc)


def mail(number: int, *, subject: str = "Hello") -> bytes:
    return (
        b"From: Anna <anna@example.org>\r\n"
        b"To: info@example.com,\r\n joe@example.net\r\n"
        b"Subject: %b\r\nMessage-ID: <%d.x@example.org>\r\n\r\nBody %d\r\n"
        % (subject.encode(), number, number)
    )


@pytest.fixture
def session(imap_endpoint, policy):
    with ImapSession(imap_endpoint(), policy, Deadline(30)) as opened:
        yield opened


def test_the_server_reports_what_has_vanished(session, servers, user):
    """Without it a deleted message would be found by comparing all UIDs only."""
    uids = servers.append_many(user, "INBOX", [mail(n) for n in range(1, 31)])
    session.examine("Sent")
    session.examine("INBOX")
    before = session.status(["INBOX"])["INBOX"]
    assert session.vanished is None  # nobody asked
    with servers.imap(user) as other:
        other.select_folder("INBOX")
        other.add_flags(uids[20:], ["\\Seen"])
        other.delete_messages(uids[3:7])
        other.expunge()
    servers.append(user, "INBOX", mail(99))
    since = (before.uidvalidity, before.highestmodseq)
    after = session.examine("INBOX", since)
    assert set(uids) & set(session.vanished) == set(uids[3:7])
    assert (after.messages, after.uidvalidity) == (27, before.uidvalidity)
    assert "FETCH" not in session._imap.untagged_responses
    # The session goes on as usual, now that QRESYNC is enabled.
    assert session.search_uids(1, uids[9]) == uids[:3] + uids[7:10]
    assert len(list(session.fetch_headers(uids))) == 26
    since = (after.uidvalidity, after.highestmodseq)
    assert session.examine("INBOX", since) == after
    assert not session.vanished and session.vanished is not None
    session.examine("Sent")
    assert session.vanished is None


def test_of_a_renumbered_folder_nothing_is_reported(session, servers, user):
    """Its old UIDs must not be taken for vanished ones of the new numbering."""
    servers.append(user, "INBOX", mail(1))
    now = session.status(["INBOX"])["INBOX"]
    session.examine("INBOX", (now.uidvalidity + 1, now.highestmodseq))
    assert session.vanished is None
    session.examine("INBOX", (now.uidvalidity, 0))
    assert session.vanished is None


def test_which_of_them_exist(session, servers, user):
    uids = servers.append_many(user, "INBOX", [mail(n) for n in range(6)])
    session.examine("INBOX")
    asked = [*uids[::2], 900, *range(1_000, 30_000, 7)]  # more than one command
    assert session.existing(asked) == set(uids[::2])
    assert session.existing([900]) == session.existing([]) == set()


def test_a_moved_message_keeps_its_header_hash(session, servers, user):
    """By it a moved message is found again, instead of being imported again."""
    (first, second, draft) = servers.append_many(
        user, "INBOX", [mail(1), mail(1, subject="Another"), mail(2)], (), MOMENT
    )
    servers.append(user, "INBOX", b"From: a@example.org\r\n\r\nno id\r\n")
    with servers.imap(user) as other:
        other.select_folder("INBOX")
        other.add_flags([draft], ["\\Draft", "\\Seen", "Label1"])
    session.examine("INBOX")
    found = list(session.fetch_headers(session.search_since(None)))
    assert len({record.header_hash for record in found}) == 4
    assert len(found[0].header_hash) == 32
    assert found[2].flags >= {"\\draft", "\\seen", "label1"}
    assert found[0].flags == found[0].labels == frozenset()
    assert (found[3].message_id, found[3].header_hash) == ("", "")
    with servers.imap(user) as other:
        other.select_folder("INBOX")
        other.move([first], "Archive")
    session.examine("Archive")
    (moved,) = session.fetch_headers(session.search_since(None))
    assert moved.header_hash == found[0].header_hash


def test_the_first_phase_stays_small(session, servers, user):
    """Of a stranger's mail no more than 400 bytes beyond its addresses are read."""
    uids = servers.append_many(user, "INBOX", [mail(n) for n in range(100)], [r"\Seen"])
    session.examine("INBOX")
    records = list(session.fetch_headers(uids))
    assert len(records) == 100
    headers = len(mail(1).split(b"\r\n\r\n")[0]) - len("Subject: Hello")
    per_message = session._imap._bytes_read / 100
    assert per_message < headers + 200
