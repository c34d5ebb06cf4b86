"""Messages as the world sends them: what the contact shows is what was meant."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage

import pytest
from mails import PNG, RECEIVED, multipart, raw, text_part

from odoo.addons.mailbox_connector.engine.mime.headers import (
    MAX_HEADER,
    block,
    fields,
)
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message

# Headers


def test_header_fields_are_handed_on_as_they_came():
    """So that nobody has to parse the header again."""
    head = (
        "From: =?utf-8?q?J=C3=B6rg?= <j@example.com>\nX-Odoo-Objects: a.b-1\n"
        "References: <1@example.org>\n <2@example.org>\nX-Odoo-Objects: c.d-2"
    )
    content = raw(head, "X-Body: 1\r\n")
    assert parse_message(content).header_fields == [
        ("from", "=?utf-8?q?J=C3=B6rg?= <j@example.com>"),
        ("x-odoo-objects", "a.b-1"),
        ("references", "<1@example.org> <2@example.org>"),
        ("x-odoo-objects", "c.d-2"),
    ]
    assert parse_message(content).header_fields == fields(block(content))


def test_header_fields_that_are_handed_on_are_bounded():
    head = "\n".join(f"X-{number}: {'x' * 10_000}" for number in range(900))
    kept = parse_message(raw(f"From: a@example.com\n{head}")).header_fields
    assert kept[:2] == [("from", "a@example.com"), ("x-0", "x" * 10_000)]
    assert sum(len(name) + len(value) for name, value in kept) <= MAX_HEADER


def test_a_plain_message():
    message = parse_message(
        raw(
            "From: =?utf-8?q?J=C3=B6rg?= <Joerg@Example.com>\nTo: a@example.org,\n"
            " Ann <b@example.org>\nReply-To: reply@example.com\n"
            "Subject: =?iso-8859-1?q?Gr=FC=DFe?= =?iso-8859-1?q?_von_hier?=\n"
            "Message-ID: <1@example.com>\nIn-Reply-To: <0@example.org>\n"
            "References: <root@example.org> <0@example.org>\n"
            "Date: Fri, 1 May 2026 10:00:00 +0200",
            "Hello <you> & me\r\n",
        ),
        RECEIVED,
    )
    assert str(message.addresses["from"][0]) == "Jörg <joerg@example.com>"
    assert [one.email for one in message.addresses["to"]] == [
        *("a@example.org", "b@example.org")
    ]
    assert message.addresses["reply_to"][0].email == "reply@example.com"
    assert message.addresses["cc"] == []
    assert message.subject == "Grüße von hier"
    assert message.message_id == "<1@example.com>"
    assert message.in_reply_to == "<0@example.org>"
    assert message.references == ["<root@example.org>", "<0@example.org>"]
    assert message.date == datetime(2026, 5, 1, 8, 0)
    assert message.html == "<div>Hello &lt;you&gt; &amp; me</div>"
    assert message.attachments == [] and message.automatic == ""


@pytest.mark.parametrize("content", [b"", b"\r\n", b"\r\n\r\n\r\n", b"\n", b"\0\0"])
def test_nothing_at_all_is_a_message(content):
    message = parse_message(content, RECEIVED)
    assert message.addresses["from"] == [] and message.subject == ""
    assert message.date == datetime(2026, 5, 1, 12, 0)
    assert message.message_id == "" and message.attachments == []
    assert "\0" not in message.html and len(message.fingerprint) == 64


def test_only_a_body():
    assert parse_message(b"just words, no header\r\nmore").html == (
        "<div>just words, no header<br>more</div>"
    )


def test_only_a_header():
    message = parse_message(b"Subject: x\r\nFrom: a@example.com")
    assert message.subject == "x" and message.html == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Fri, 1 May 2026 10:00:00 +0200", datetime(2026, 5, 1, 8, 0)),
        ("1 May 26 10:00 GMT", datetime(2026, 5, 1, 10, 0)),
        ("Fri, 1 May 2026 10:00:00", datetime(2026, 5, 1, 10, 0)),
        ("", None),
        ("yesterday", None),
        ("Fri, 99 Foo 2026 10:00:00 +0200", None),
        ("Fri, 1 May 2026 10:00:00 +99999999999", None),
        ("Thu, 1 Jan 1970 00:00:00 +0000", None),
        ("Fri, 1 May 1987 10:00:00 +0000", None),
        ("Sun, 3 May 2026 10:00:00 +0000", None),
        ("Fri, 1 May 9999 10:00:00 -2359", None),
        ("Sat, 2 May 2026 11:00:00 +0000", datetime(2026, 5, 2, 11, 0)),
    ],
)
def test_dates_that_cannot_be_give_way_to_the_servers(value, expected):
    received = datetime(2026, 5, 1, 12, 0)
    message = parse_message(raw(f"Date: {value}"), RECEIVED)
    assert message.date == (expected or received)
    assert parse_message(raw(f"Date: {value}"), received).date == message.date


def test_without_any_date():
    assert parse_message(raw("Subject: x")).date is None
    east = RECEIVED.astimezone(timezone(timedelta(hours=9)))
    assert parse_message(raw("Subject: x"), east).date == datetime(2026, 5, 1, 12, 0)


@pytest.mark.parametrize(
    ("header", "automatic"),
    [
        ("Auto-Submitted: auto-replied", "auto_reply"),
        ("Auto-Submitted: no", ""),
        ("Precedence: bulk", "list"),
        ("List-Id: <news.example.com>", "list"),
        ("List-Id: <x.example.com>\nAuto-Submitted: auto-generated", "auto_generated"),
        ("Return-Path: <>", "auto_generated"),
        ("X-Autoreply: yes", "auto_reply"),
        ("Subject: hi", ""),
    ],
)
def test_machines_are_distinguished_from_people(header, automatic):
    assert parse_message(raw(header)).automatic == automatic


# Charsets


@pytest.mark.parametrize(
    ("charset", "encoded"),
    [
        ("utf-8", "utf-8"),
        ("iso-8859-1", "windows-1252"),
        ("gb2312", "gb18030"),
        ("x-unknown-thing", "utf-8"),
        ("x-unknown-thing", "windows-1252"),
        ("us-ascii", "utf-8"),
        ("rot13", "utf-8"),
        ("utf-8", "windows-1252"),
        ("\u20ac", "utf-8"),
        ("", "windows-1252"),
    ],
)
def test_declared_and_real_charsets(charset, encoded):
    text = "Größe – 100 €"
    part = text_part(f"text/plain; charset={charset}", text.encode(encoded))
    assert parse_message(part).html == f"<div>{text}</div>"


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("iso-2022-jp", "こんにちは"),
        ("shift_jis", "①こんにちは"),
        ("ks_c_5601-1987", "안녕하세요"),
        ("koi8-r", "Привет"),
        ("big5", "你好"),
        ("utf-7", "Grüße"),
        ("utf-16", "Grüße"),
        ("windows-1255", "שלום"),
    ],
)
def test_charsets_of_the_world(charset, text):
    codec = {"shift_jis": "cp932", "ks_c_5601-1987": "cp949"}.get(charset, charset)
    encoded = base64.b64encode(text.encode(codec))
    part = text_part(f"text/plain; charset={charset}", encoded, "base64")
    assert parse_message(part).html == f"<div>{text}</div>"


def test_a_character_cut_by_two_encoded_words_and_raw_octets():
    header = "Subject: =?utf-8?b?R3LD?= =?utf-8?b?vMOfZQ==?= \udcc3\udcbc"
    assert parse_message(raw(header)).subject == "Grüße ü"


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("=?utf-8?Q?a?b?=", "a?b"),
        ("=?utf-8?Q?broken", "=?utf-8?Q?broken"),
        ("=?nonsense?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("pre=?utf-8?q?=C3=BC?=post", "preüpost"),
        ("=?utf-8?b?R3LDvMOfZQ?=", "Grüße"),
        ("a\n b\n\tc", "a b\tc".replace("\t", " ")),
        ("nul\0 and bell\a", "nul and bell"),
        ("=?utf-8?q?line=0D=0ABcc:_x?=", "line  Bcc: x"),
    ],
)
def test_subjects(subject, shown):
    assert parse_message(raw(f"Subject: {subject}")).subject == shown


def test_a_null_octet_never_reaches_the_database():
    body = text_part("text/plain; charset=utf-16", "a\0b".encode("utf-16"))
    message = parse_message(b"Subject: =?utf-8?q?a=00b?=\r\n" + body)
    assert (message.subject, message.html) == ("ab", "<div>ab</div>")


# Bodies


def test_html_is_preferred_to_its_plain_twin():
    message = parse_message(
        multipart(
            "alternative",
            text_part("text/plain", b"plain"),
            text_part("text/html", b"<p>rich</p>"),
        )
    )
    assert message.html == "<p>rich</p>" and message.attachments == []


@pytest.mark.parametrize(
    "blank",
    [
        b"<html><head><title>T</title></head><body><div><br></div></body></html>",
        b'<img src="https://t.example/o.gif" width="1" height="1">',
        b'<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="1" height="1">',
        b'<div style="display:none">preheader</div><p>&nbsp;&zwnj;</p>',
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_html_with_nothing_to_see_does_not_hide_the_text(blank, is_first):
    parts = [text_part("text/plain", b"plain"), text_part("text/html", blank)]
    body = parse_message(multipart("alternative", *parts[:: -1 if is_first else 1]))
    assert (body.html, body.attachments) == ("<div>plain</div>", [])


@pytest.mark.parametrize("text", [b" ", b"plain"])
def test_html_with_nothing_but_a_picture_is_shown(text):
    picture = b'<img src="cid:a@x">'
    parts = [text_part("text/plain", text), text_part("text/html", picture)]
    assert "cid:a@x" in parse_message(multipart("alternative", *parts)).html


def test_an_empty_html_twin_does_not_hide_the_text():
    message = parse_message(
        multipart(
            "alternative",
            text_part("text/plain", b"plain"),
            text_part("text/html", b" "),
        )
    )
    assert message.html == "<div>plain</div>"


def test_text_before_and_after_a_file_is_shown():
    """Some programs put a picture between two texts; both are the mail."""
    message = parse_message(
        multipart(
            "mixed",
            text_part("text/plain", b"before"),
            text_part("image/png", base64.b64encode(PNG), "base64"),
            text_part("text/html", b"<b>after</b>"),
        )
    )
    assert message.html == "<div>before</div><b>after</b>"
    assert [(one.mimetype, one.content) for one in message.attachments] == [
        ("image/png", PNG)
    ]


def test_inline_pictures():
    picture = EmailMessage()
    picture.set_content("see picture")
    picture.add_alternative('<p><img src="cid:pic@x"></p>', subtype="html")
    picture.get_payload()[1].add_related(PNG, "image", "png", cid="<pic@x>")
    picture.add_attachment(b"%PDF", "application", "pdf", filename="offer.pdf")
    message = parse_message(picture.as_bytes())
    assert 'src="cid:pic@x"' in message.html
    image, pdf = message.attachments
    assert (image.content_id, image.inline, image.content) == ("pic@x", True, PNG)
    assert image.filename.endswith(".png")
    assert (pdf.filename, pdf.inline, pdf.content) == ("offer.pdf", False, b"%PDF")


def test_pictures_inside_html_become_files():
    data = base64.b64encode(PNG).decode()
    body = f'<img alt="x" src="data:image/png;base64,{data}">' * 2
    message = parse_message(text_part("text/html", body.encode()))
    (image,) = message.attachments
    assert image.content == PNG and image.inline
    assert message.html.count(f"cid:{image.content_id}") == 2
    assert "data:" not in message.html


def test_an_attached_message_is_a_file_named_by_its_subject():
    inner = raw(
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_/_mehr?=\nFrom: x@example.com", "hi"
    )
    inner = inner.replace(b"hi", b"hi\r\n\r\n--BB-not\r\n")
    message = parse_message(
        multipart(
            "mixed",
            text_part("text/plain", b"see"),
            raw("Content-Type: message/rfc822", inner),
        )
    )
    (attached,) = message.attachments
    assert attached.filename == "Grüße _ mehr.eml"
    assert attached.mimetype == "message/rfc822" and attached.content == inner
    assert message.html == "<div>see</div>"


def test_reports_and_odd_parts_are_files():
    message = parse_message(
        multipart(
            "report",
            text_part("text/plain", b"could not be delivered"),
            text_part("message/delivery-status", b"Final-Recipient: rfc822;x@y\r\n"),
            text_part("application/ms-tnef; name=winmail.dat", b"TNEF"),
            text_part("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR"),
            text_part("strange", b"shown as text"),
        )
    )
    assert message.automatic == "bounce"
    names = [one.filename for one in message.attachments]
    assert names[1] == "winmail.dat" and names[2].endswith(".ics")
    assert message.html == ("<div>could not be delivered</div><div>shown as text</div>")


def test_quotes_and_indentation_of_plain_text():
    text = "Yes.\n\n> > older\n> newer\n>\n\tcode  here\nhttps://example.com/?a=1&b=2"
    message = parse_message(text_part("text/plain", text.encode()))
    assert message.html == (
        "<div>Yes.<br><blockquote><blockquote>older</blockquote>newer<br></blockquote>"
        "\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0 code\u00a0 here"
        "<br>https://example.com/?a=1&amp;b=2</div>"
    )


def test_flowed_text_is_put_together():
    body = b"A long line \r\nthat goes on.\r\n> quoted \r\n> text\r\n-- \r\nAnn"
    message = parse_message(text_part("text/plain; format=flowed", body))
    assert (
        "A long line that goes on.<blockquote>quoted text</blockquote>" in message.html
    )
