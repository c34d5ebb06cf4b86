"""Where a header ends; the first phase and the whole message must read the same."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import multipart, raw, text_part

from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.mime.headers import (
    block,
    fields,
    first_phase,
    new_mail,
)
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline

HEAD = b"From: Ann <ann@customer.example>\r\n"
TAIL = b"To: sales@shop.example\r\nMessage-ID: <1@customer.example>\r\n"


def both(content: bytes):
    """The message, after a check that the first phase reads the same."""
    message = parse_message(content)
    addresses, message_id = first_phase(block(content))
    named = [one for one in message.addresses["from"] if one.email]
    assert addresses == {**message.addresses, "from": named}
    assert message_id == message.message_id
    newest = list(new_mail(block(content)).replies_to)
    assert not message.in_reply_to or newest[0] == message.in_reply_to
    assert set(newest) == set(message.references)
    assert fields(block(content)) == message.header_fields
    return message


@pytest.mark.parametrize(
    "line",
    [
        b"w=C3=B8rld?=\r\n =?UTF-8?Q?_fo=C3=B8?=\r\n",
        b"no field at all\r\n",
        b">From ann@customer.example Fri May  1 10:00:00 2026\r\n",
        b": no name\r\n",
        b"b\xc3\xa4d name: x\r\n",
        b"two words: x\r\n",
        b"one\r\ntwo\r\nthree\r\n",
        b"<html>\r\n",
    ],
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_line_that_is_no_field_does_not_end_the_header(line, end):
    """Otherwise recipients, the Message-ID and all attachments are lost."""
    parts = multipart(
        "mixed",
        text_part("text/plain", b"The words."),
        text_part("application/pdf; name=offer.pdf", b"JVBERg==", "base64"),
    )
    message = both((HEAD + line + TAIL + parts).replace(b"\r\n", end))
    assert message.addresses["to"][0].email == "sales@shop.example"
    assert message.message_id == "<1@customer.example>"
    assert message.html == "<div>The words.</div>"
    assert [one.content for one in message.attachments] == [b"%PDF"]


@pytest.mark.parametrize(
    "start",
    [
        b"   \r\n",
        b"\t\r\n \r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\xef\xbb\xbf",
        b"\n",
        b"x y\r\n",
    ],
)
def test_what_is_before_the_first_field(start):
    message = both(start + HEAD + TAIL + b"Subject: Offer\r\n\r\nHello\r\n")
    assert message.subject == "Offer" and message.html == "<div>Hello</div>"
    assert message.addresses["from"][0].email == "ann@customer.example"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"Dear Bob,\r\n\r\nSee below.", "Dear Bob,<br><br>See below."),
        (b"Dear Bob,\r\nPrice: 5\r\n\r\nx", "Dear Bob,<br>Price: 5<br><br>x"),
        (b"Dear Bob, nothing more", "Dear Bob, nothing more"),
    ],
)
def test_a_body_without_an_empty_line_before_it_is_not_lost(body, shown):
    message = parse_message(HEAD + TAIL + body)
    assert message.html == f"<div>{shown}</div>"
    assert message.addresses["to"][0].email == "sales@shop.example"


def test_a_multipart_without_an_empty_line_before_it_is_not_lost():
    """The fields behind a delimiter are not those of the message."""
    parts = multipart("mixed", text_part("text/plain", b"The words."))
    for line in (b"", b"no field\r\n"):
        content = HEAD + parts.replace(b"\r\n\r\n--BB", b"\r\n" + line + b"--BB", 1)
        assert parse_message(content).html == "<div>The words.</div>"


def test_a_part_without_a_header_is_not_searched_for_one():
    one = b"\r\nSubject: of the talk\r\nTo: whom it may concern\r\n"
    two = b"Just words\r\nContent: yes"
    shown = parse_message(multipart("mixed", one, two)).html
    assert "Subject: of the talk" in shown and "Just words" in shown


def test_a_line_that_is_no_field_does_not_spoil_base64():
    coded = base64.b64encode(b"The words of the mail.")
    head = b"Content-Transfer-Encoding: base64\r\nno field\r\n\r\n"
    assert (
        parse_message(HEAD + head + coded).html == "<div>The words of the mail.</div>"
    )
    # No empty line, but base64
    head = b"Content-Transfer-Encoding: base64\r\n"
    assert (
        parse_message(HEAD + head + coded).html == "<div>The words of the mail.</div>"
    )


def test_a_part_with_a_line_that_is_no_field():
    part = (
        b"Content-Type: text/plain; charset=utf-8\r\nnonsense here\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nVGhlIHdvcmRzLg=="
    )
    assert parse_message(multipart("mixed", part)).html == "<div>The words.</div>"


def test_a_message_id_that_is_empty_is_not_the_only_one():
    both(b"Message-ID: \r\n" + HEAD + TAIL + b"\r\nx")


def test_sender_without_an_address_keeps_its_name():
    """But is nobody whose contact it could be shown on."""
    for value, name in [
        ("Mail Delivery Subsystem <MAILER-DAEMON>", "Mail Delivery Subsystem"),
        ('"Mail, Delivery" <MAILER-DAEMON>', "Mail, Delivery"),
        ("=?utf-8?q?Stra=C3=9Fe?= <>", "Straße"),
        ("<root>", "root"),
        ("nobody", "nobody"),
    ]:
        message = both(raw(f"From: {value}"))
        assert [str(one) for one in message.addresses["from"]] == [name]
        assert [one.email for one in message.addresses["from"]] == [""]


@pytest.mark.parametrize(
    "value", ["", "undisclosed-recipients:;", "victim@customer.example <a@b@c>"]
)
def test_nobody_is_nobody(value):
    assert both(raw(f"From: {value}")).addresses["from"] == []


LINES = st.sampled_from(
    [b"From: Ann <ann@customer.example>", b"To: b@c.example", b" d@e.example", b"x",
     b"Message-ID: <1@x>", b"In-Reply-To: <2@x>", b"References: <2@x> <3@x>", b":",
     b"Subject: Hi", b"\tfolded", b"no field", b"\xff\xfe: x", b"X-A : b", b"\x1b$B"]
)  # fmt: skip


@given(st.lists(LINES, max_size=12), st.sampled_from([b"\r\n", b"\n", b"\r\r\n"]))
def test_the_first_phase_and_the_whole_message_agree(lines, end):
    both(end.join([b"From: a@b.example", *lines, b"To: z@z.example", b"", b"text"]))


@given(st.binary(), st.lists(LINES, max_size=9))
def test_never_raises(octets, lines):
    content = b"\r\n".join(lines) + octets
    parse_message(content)
    first_phase(content)
    block(content)


@pytest.mark.parametrize(
    "piece",
    [b"x\r\n", b"x\r\nTo: a@b.example\r\n", b" \r\n", b"\r\r", b" ", b"a:", b"\r\n"],
)
def test_hostile_headers_end_soon(piece):
    content = HEAD + piece * (1_000_000 // len(piece))
    started = time.process_time()
    parse_message(content)
    parse_message(piece + content)
    block(content)
    fields(content)
    assert time.process_time() - started < 20


ODD = {
    "a line that is no field": HEAD + b"no field\r\n" + TAIL,
    "a broken encoded word": b"Subject: =?utf-8?q?a\r\n" + HEAD + b"b?=\r\n" + TAIL,
    "a first line of blanks": b"   \r\n" + HEAD + TAIL,
    "a raw name": b"From: J\xf6rg <j@customer.example>\r\n" + TAIL,
    "a Japanese name": b'From: \x1b$B"<>"\x1b(B <y@customer.example>\r\n' + TAIL,
    "a bracket that is never closed": b'From: "Ann"<ann@customer.example\r\n' + TAIL,
    "no commas": HEAD
    + b"To: a@shop.example\r\n b@shop.example\r\nMessage-ID: <1@x>\r\n",
    "an encoded Message-ID": HEAD + b"Message-ID: =?utf-8?q?=3C1=40x=3E?=\r\n",
    "a Message-ID without brackets": HEAD + b"Message-ID: 1@customer.example\r\n",
    "a sender without an address": b"From: Daemon <MAILER-DAEMON>\r\n" + TAIL,
}


@pytest.mark.parametrize("header", ODD.values(), ids=ODD)
def test_what_a_server_sends_of_a_header(servers, user, imap_endpoint, policy, header):
    """It looks for the fields that the first phase asks for by its own rules."""
    content = header + b"\r\nHello\r\n"
    uid = servers.append(user, "INBOX", content)
    with ImapSession(imap_endpoint(), policy, Deadline(30)) as session:
        session.examine("INBOX")
        (record,) = session.fetch_headers([uid], new=True)
    message = both(content)
    assert record.message_id == message.message_id
    named = [one for one in message.addresses["from"] if one.email]
    assert record.addresses == {**message.addresses, "from": named}
    assert message.html == "<div>Hello</div>"


@pytest.mark.parametrize(
    "line", [b"A" * 4_000, b"A" * 76 + b"\r\n", b"A" * 4_000 + b" " * 4_000, b"\r\n \t"]
)
def test_a_body_that_is_hardly_base64_takes_no_time(line):
    """One message must not stop a mailbox for ever."""
    body = b"A" * 76 + b"\r\n" + line * 20 + b"!x"
    head = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n"
    start = time.process_time()
    parse_message(b"From: a@example.org\r\n" + head + body)
    assert time.process_time() - start < 1
