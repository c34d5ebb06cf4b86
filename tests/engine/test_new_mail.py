"""What the first phase fetches of new mail besides, and of older mail does not."""

import pytest

from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.mime.headers import block, matching, new_mail
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline

ANSWER = b"""Return-Path: <ann@customer.example>
References: <one@a.example>
 <two@a.example>
Subject: Secret
From: Ann <ann@customer.example>
In-Reply-To: <two@a.example>
To: Sales <sales@example.com>,
\tInfo <info@example.com>
Message-ID: <three@customer.example>
Content-Type: text/plain

Text
"""
REPORT = ANSWER.replace(
    b"text/plain", b'multipart/report; report-type="delivery-status"; boundary=b'
)


def test_the_newest_message_replied_to_comes_first():
    found = new_mail(ANSWER)
    assert found.replies_to == ("<two@a.example>", "<one@a.example>")
    assert not found.may_be_report


@pytest.mark.parametrize(
    ("header", "is_report"),
    [
        (REPORT, True),
        (b"From: MAILER-DAEMON@mx.example\r\nReturn-Path: <>\r\n", True),
        (b"From: a@b.example\r\nX-Failed-Recipients: c@d.example\r\n", True),
        (b"From: a@b.example\r\nReturn-Path: <>\r\nAuto-Submitted: yes\r\n", False),
        (b"", False),
        (
            b"\xff\xfe:\x00\r\n :\r\nReferences: <<>>\r\nIn-Reply-To: Your mail\r\n",
            False,
        ),
    ],
)
def test_what_may_be_a_report_is_known_by_its_header(header, is_report):
    assert new_mail(header).may_be_report is is_report


def test_only_what_older_mail_has_is_kept_for_comparing():
    assert matching(block(ANSWER)) == (
        b"From: Ann <ann@customer.example>\n"
        b"To: Sales <sales@example.com>,\n\tInfo <info@example.com>\n"
        b"Message-ID: <three@customer.example>\n"
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_header_of_a_message_ends_at_the_first_empty_line(end):
    raw = ANSWER.replace(b"\n", end)
    assert block(raw) + end + end + b"Text" + end == raw
    assert block(b"From: a@b.example") == b"From: a@b.example"


def test_new_mail_is_recognized_by_what_older_mail_knows_of_it(
    servers, user, imap_endpoint, policy
):
    """A message read as new that is moved later, and found there as older mail, would
    be imported a second time."""
    raw = ANSWER.replace(b"\n", b"\r\n")
    uid = servers.append(user, "INBOX", raw)
    with ImapSession(imap_endpoint(), policy, Deadline(30)) as session:
        session.examine("INBOX")
        (new,) = session.fetch_headers([uid], new=True)
        (backfill,) = session.fetch_headers([uid])
    assert new.new.replies_to == ("<two@a.example>", "<one@a.example>")
    assert backfill.new is None
    assert new.header_hash and new.header_hash == backfill.header_hash
    assert new.addresses == backfill.addresses
