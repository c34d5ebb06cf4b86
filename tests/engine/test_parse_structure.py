"""Files, encodings, nesting, fingerprints: nothing lost, nothing endless."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import RECEIVED, multipart, raw, text_part

from odoo.addons.mailbox_connector.engine.errors import ImportFailure, MessageError
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message
from odoo.addons.mailbox_connector.engine.mime.structure import MAX_PARTS, MAX_SIZE

# File names and encodings


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="offer.pdf"', "offer.pdf"),
        ("attachment; filename=offer.pdf", "offer.pdf"),
        ("attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"),
        ("attachment; filename*0*=UTF-8''Gr%C3%BC;\n filename*1=sse.pdf", "Grüsse.pdf"),
        ("attachment; filename*0=long; filename*1=name.pdf", "longname.pdf"),
        ('attachment; filename="=?utf-8?q?Gr=C3=BC=C3=9Fe?=.pdf"', "Grüße.pdf"),
        ('attachment; filename="Gr\udcc3\udcbc\udcc3\udc9fe.pdf"', "Grüße.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\Temp\\\\offer.pdf"', "offer.pdf"),
        ('attachment; filename="a\u202egpj.exe"', "a_gpj.exe"),
        ('attachment; filename="a b\tc?.pdf"', "a b c_.pdf"),
        ('attachment; filename=".."', "part-1.bin"),
        ("attachment", "part-1.bin"),
        ('attachment; filename="' + "x" * 500 + '.pdf"', "x" * 176 + ".pdf"),
        ("attachment; filename*=broken%", "broken%"),
    ],
)
def test_file_names(header, name):
    part = raw(
        f"Content-Type: application/x-thing\nContent-Disposition: {header}", "data"
    )
    (attached,) = parse_message(multipart("mixed", part)).attachments
    assert attached.filename == name and attached.content == b"data"


@pytest.mark.parametrize(
    ("encoding", "body", "content"),
    [
        ("base64", b"aGVsbG8=", b"hello"),
        ("BASE64 ", b"aGVs\r\nbG8", b"hello"),
        ("base64", b"aGVsbG8=\r\n--\r\nfooter of a list", b"hello"),
        ("base64", b"!!!", b"!!!"),
        ("quoted-printable", b"a=3Db=\r\nc", b"a=bc"),
        ("quoted-printable", b"a=ZZ=", b"a=ZZ"),
        ("x-uuencode", b"begin 644 x\n%:&5L;&\\\n`\nend\n", b"hello"),
        ("nonsense", b"as it is", b"as it is"),
        ("", b"\x00\xff", b"\x00\xff"),
    ],
)
def test_transfer_encodings(encoding, body, content):
    head = "Content-Type: application/pdf; name=x.pdf\nContent-Transfer-Encoding: "
    message = parse_message(multipart("mixed", raw(head + encoding, body)))
    assert [one.content for one in message.attachments] == [content]


# Structure


def test_a_missing_end_loses_nothing():
    message = parse_message(
        multipart("mixed", text_part("text/plain", b"one"),
                  text_part("application/pdf", b"two"), end=False)
    )  # fmt: skip
    assert message.html == "<div>one</div>"
    assert [one.content.strip() for one in message.attachments] == [b"two"]


def test_a_multipart_without_parts_is_shown_as_text():
    message = parse_message(
        raw("Content-Type: multipart/mixed; boundary=never", "words all the same")
    )
    assert message.html == "<div>words all the same</div>"


def test_boundaries_that_start_alike():
    inner = multipart(
        "alternative", text_part("text/html", b"<p>in</p>"), boundary="BBB"
    )
    message = parse_message(
        multipart("mixed", inner, text_part("text/plain", b"out"), boundary="BB")
    )
    assert message.html == "<p>in</p><div>out</div>"


def test_line_ends_of_every_kind():
    content = multipart("mixed", text_part("text/plain", b"one\r\ntwo"))
    unix = content.replace(b"\r\n", b"\n")
    shown = parse_message(content).html
    assert parse_message(unix).html == shown == "<div>one<br>two</div>"
    assert parse_message(unix.replace(b"\n", b"\r")).html == shown
    assert parse_message(b"From a@b Fri May  1\n" + unix).html == shown


def nested(depth: int) -> bytes:
    content = text_part("text/plain", b"deep")
    for level in range(depth):
        content = multipart("mixed", content, boundary=f"b{level}x")
    return content


def test_nesting_is_bounded():
    assert parse_message(nested(30)).html == "<div>deep</div>"
    for depth in (60, 500):
        with pytest.raises(MessageError) as error:
            parse_message(nested(depth))
        assert error.value.failure is ImportFailure.NESTED_TOO_DEEPLY
    forwarded = raw("Content-Type: message/rfc822") * 10_000
    assert len(parse_message(forwarded).attachments) == 1


def test_parts_are_bounded():
    for count in (100_000, MAX_PARTS + 1):
        with pytest.raises(MessageError) as error:
            parse_message(multipart("mixed", *[b"\r\nx"] * count))
        assert error.value.failure is ImportFailure.TOO_MANY_PARTS


def test_size_is_bounded():
    with pytest.raises(MessageError) as error:
        parse_message(b"x" * (MAX_SIZE + 1))
    assert error.value.failure is ImportFailure.TOO_LARGE


def test_an_enormous_body_is_a_file():
    """Two million characters are no reading matter; nothing of them is lost."""
    body = b"word " * 500_000
    message = parse_message(text_part("text/plain", body))
    assert message.html == ""
    assert [one.content for one in message.attachments] == [body]


# The same or not the same


def test_copies_have_one_fingerprint():
    """The copy in Sent and the one that came back differ in their transport only."""
    head = "From: a@example.com\nContent-Type: text/plain; charset=utf-8\n"
    text = "Grüße\r\nAnn  \r\n"
    plain = raw(head + "Content-Transfer-Encoding: 8bit", text)
    coded = raw(
        "Received: by example\nX-Spam: no\n"
        + head
        + "Content-Transfer-Encoding: base64",
        base64.b64encode((text + "\r\n").encode()),
    )
    other = raw(head + "Content-Transfer-Encoding: 8bit", text + "PS: pay elsewhere")
    prints = [parse_message(one).fingerprint for one in (plain, coded, other)]
    assert prints[0] == prints[1] != prints[2]


def test_a_forged_attachment_is_another_message():
    def made(content):
        return multipart(
            "mixed",
            text_part("text/plain", b"see"),
            text_part("application/pdf", content),
        )

    prints = {parse_message(made(one)).fingerprint for one in (b"1", b"2", b"1")}
    assert len(prints) == 2


# Anything


PIECES = st.sampled_from(
    [b"Content-Type: ", b"multipart/mixed; boundary=B", b"text/html", b"--B", b"--B--",
     b"\r\n", b"\n", b"\r\n\r\n", b"; filename*0*=", b"utf-8''%FF", b"=?utf-8?q?=C3?=",
     b"Content-Transfer-Encoding: base64", b"quoted-printable", b"Date: ", b"\xff\0",
     b"<a href=", b"charset=", b"utf-16", b"message/rfc822", b"Content-Disposition: ",
     b"attachment", b"Message-ID: <a@b>", b"From: ", b":", b"a", b" ", b"=", b"&#0;"]
)  # fmt: skip


@given(st.one_of(st.binary(), st.lists(PIECES, max_size=40).map(b"".join)))
def test_never_raises_anything_but_its_own_error(content):
    try:
        message = parse_message(content, RECEIVED)
    except MessageError:
        return
    for text in (
        *(message.subject, message.html, message.message_id, message.in_reply_to),
        *(one.filename for one in message.attachments),
        *(one.content_id for one in message.attachments),
        *(str(one) for found in message.addresses.values() for one in found),
        *message.references,
    ):
        assert "\0" not in text
        text.encode("utf-8")
