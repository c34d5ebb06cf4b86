"""Mail that means harm: read or refused, in bounded memory, and never endless."""

from __future__ import annotations

import base64
import os

import pytest
from mails import RECEIVED, multipart, raw, text_part
from memory import growth

from odoo.addons.mailbox_connector.engine.errors import MessageError
from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.mime.addresses import MAX_ADDRESSES
from odoo.addons.mailbox_connector.engine.mime.headers import first_phase
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline

MEGABYTE = 1_000_000
HEAD = b"From: a@example.org\r\nMessage-ID: <x@example.org>\r\n"


def nested(depth: int) -> bytes:
    """Multiparts within each other, none of them closed."""
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%dx\r\n\r\n--b%dx\r\n" % (one, one)
        for one in range(depth)
    )


REFUSED = {
    "10,000 nested parts": lambda: nested(10_000) + b"\r\ndeep",
    "10,000 nested alternatives of one boundary": lambda: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 10_000
    ),
    "100,000 parts": lambda: multipart("mixed", *[b"\r\nx"] * 100_000),
    "100,000 parts without content": lambda: (
        raw("Content-Type: multipart/mixed; boundary=B") + b"--B\r\n" * 100_000
    ),
    "more than 80 MB": lambda: b"x" * (80 * MEGABYTE + 1),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_refused_before_work_is_done(make):
    """It becomes a failed import; the folder goes on."""
    content = make()
    with growth() as grown, pytest.raises(MessageError):
        parse_message(content, RECEIVED)
    assert grown.megabytes < 30


READ = {
    "a header line of 10 MB": lambda: HEAD + b"Subject: " + b"x" * 10 * MEGABYTE,
    "a folded header of 10 MB": lambda: HEAD + b"Subject: a" + b"\r\n x" * 3 * MEGABYTE,
    "a header of 10 MB of encoded words": lambda: (
        HEAD + b"Subject: " + b"=?utf-8?q?x=C3?= " * 500_000
    ),
    "References of 10 MB": lambda: HEAD + b"References: " + b"<a@b> " * 1_700_000,
    "a Content-Type of 10 MB": lambda: (
        HEAD + b"Content-Type: text/plain" + b"; a=b" * 2 * MEGABYTE
    ),
    "a Content-Type of 10 MB of continuations": lambda: (
        HEAD
        + b"Content-Type: text/plain"
        + b"".join(b"; name*%d*=%%20" % number for number in range(600_000))
    ),
    "100,000 headers": lambda: (
        b"".join(b"X-%d: y\r\n" % number for number in range(100_000)) + HEAD
    ),
    "100,000 addresses": lambda: (
        HEAD + b"To: " + b",\r\n ".join(b"a%d@example.org" % n for n in range(100_000))
    ),
    "100,000 To headers": lambda: HEAD + b"To: a@example.org\r\n" * 100_000,
    "10 MB of comments in From": lambda: b"From: " + b"(" * 10 * MEGABYTE,
    "10 MB of quotes in From": lambda: b'From: "' + b'\\"' * 5 * MEGABYTE,
    "10 MB of commas in To": lambda: HEAD + b"To: " + b"," * 10 * MEGABYTE,
    "a boundary that starts every line": lambda: (
        raw("Content-Type: multipart/mixed; boundary=B") + b"--Bx\r\n" * 300_000
    ),
    "a mailbox file's line 300,000 times": lambda: b"From \n" * 300_000,
    "line ends only": lambda: b"\r\n" * 10 * MEGABYTE,
    "html of a million open elements": lambda: raw(
        "Content-Type: text/html", b"<div>" * MEGABYTE
    ),
    "html with a style of 2 MB": lambda: raw(
        "Content-Type: text/html", b'<p style="' + b"a:url(" * 300_000 + b'">x</p>'
    ),
    "html with 100,000 pictures": lambda: raw(
        "Content-Type: text/html", b'<img src="data:image/png;base64,AA">' * 50_000
    ),
    "quotes within quotes": lambda: raw("", (b">" * 900 + b" x\r\n") * 2_000),
    "uuencoded rubbish": lambda: raw(
        "Content-Transfer-Encoding: x-uuencode", b"begin 644 x\r\n" + b"M" * MEGABYTE
    ),
    "base64 of equal signs": lambda: raw(
        "Content-Transfer-Encoding: base64", b"=a!" * 2 * MEGABYTE
    ),
    "quoted-printable of equal signs": lambda: raw(
        "Content-Transfer-Encoding: quoted-printable", b"=" * 5 * MEGABYTE
    ),
    "a Date of 1 MB": lambda: HEAD + b"Date: Mon, " + b"1 " * MEGABYTE,
    "nothing": lambda: b"",
    "NULs": lambda: b"\0" * MEGABYTE,
}


@pytest.mark.parametrize("make", READ.values(), ids=READ)
def test_read_all_the_same(make):
    """What is absurd in it is cut; the rest is shown."""
    content = make()
    with growth() as grown:
        message = parse_message(content, RECEIVED)
        first_phase(content.partition(b"\r\n\r\n")[0])
    assert all(len(found) <= MAX_ADDRESSES for found in message.addresses.values())
    assert len(message.subject) <= 200_000 and len(message.references) <= 100
    assert message.date == RECEIVED.replace(tzinfo=None)
    assert grown.megabytes < 150
    if content.startswith(HEAD):
        assert message.message_id == "<x@example.org>"
        assert message.addresses["from"][0].email == "a@example.org"


@pytest.mark.parametrize("value", ["32 Jan 2026 99:99", "1 Jan 99999 00:00:00 +0000",
    "1 Jan 2026 00:00:00 +999999999999", "\udcff",
    "1 Jan 1900", "31 Dec 9999 23:59:59 -2359", "()" * 500, "2026-01-01T00:00:00Z"],
)  # fmt: skip
def test_dates_that_cannot_be(value):
    message = parse_message(raw(f"Date: {value}", "x"), RECEIVED)
    assert message.date == RECEIVED.replace(tzinfo=None)


def test_sixty_megabytes_by_imap(servers, imap_endpoint, policy, user):
    """As large as providers take it: it comes, whole, in three times its size."""
    content = os.urandom(44 * MEGABYTE)
    body = base64.encodebytes(content).replace(b"\n", b"\r\n")
    mail = multipart(
        "mixed",
        text_part("text/plain", b"see the file"),
        text_part("application/zip; name=large.zip", body, "base64"),
    )
    assert len(mail) > 59 * MEGABYTE
    uid = servers.append(user, "INBOX", mail)
    del body
    with ImapSession(imap_endpoint(), policy, Deadline(120)) as session:
        session.examine("INBOX")
        (record,) = session.fetch_headers([uid])
        assert record.size == len(mail)
        with growth() as grown:
            ((_uid, fetched),) = session.fetch_messages([uid])
            message = parse_message(fetched, RECEIVED)
    servers.wipe(user)  # nobody wants to keep it
    assert [one.content for one in message.attachments] == [content]
    assert message.html == "<div>see the file</div>"
    assert grown.megabytes < 4 * 60
