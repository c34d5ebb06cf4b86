"""Content-Types and multiparts that are nearly right: read as they were meant."""

from __future__ import annotations

import base64
import time

import pytest
from mails import PNG, multipart, raw, text_part

from odoo.addons.mailbox_connector.engine.errors import MessageError
from odoo.addons.mailbox_connector.engine.mime import structure
from odoo.addons.mailbox_connector.engine.mime.html import cid_map
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message

PICTURE = text_part("image/png; name=x.png", base64.b64encode(PNG), "base64")
BODY = (
    b"--BB\r\nContent-Type: text/plain\r\n\r\nThe words.\r\n"
    b"--BB\r\n" + PICTURE + b"\r\n--BB--\r\n"
)


def with_type(content_type: str, body: bytes = BODY):
    return parse_message(raw(f"MIME-Version: 1.0\n{content_type}", body))


def is_whole(message) -> bool:
    """Whether the words and the picture were found."""
    files = [(one.filename, one.content) for one in message.attachments]
    return (message.html, files) == ("<div>The words.</div>", [("x.png", PNG)])


# Types


@pytest.mark.parametrize(
    "value",
    [
        *(
            "multipart/mixed",
            "MULTIPART/Mixed",
            "multipart/*",
            "multipart",
            "multipart/",
        ),
        *(
            "multipart/multipart/mixed",
            "multipart/multipart",
            "multipart/mixed/related",
        ),
        *(
            "multipart / mixed",
            "multipart\\mixed",
            "multipart mixed",
            "multipart;mixed",
        ),
        *("multipart/mixed (as always)", "(x) multipart/mixed", '"multipart/mixed"'),
        *("multipart/(x)mixed", "multipart/mixed (a;b)", "mixed/multipart", "mixed"),
        *("multipart/x-unknown", "multipart/mixed,", "Content-Type: multipart/mixed"),
        *("alternativ; mixed", "something", "", "multipart/mixed;;"),
    ],
)
def test_multiparts_of_any_name(value):
    """They are split, not shown as source text."""
    assert is_whole(with_type(f'Content-Type: {value}; boundary="BB"'))


@pytest.mark.parametrize(
    "rest",
    [
        *(
            "boundary=BB",
            "boundary=BB;",
            "boundary='BB'",
            'boundary="BB',
            'boundary=BB"',
        ),
        *(
            'boundary="BB"; boundary=BB',
            "boundary = BB",
            'boundary= "BB" ',
            "BOUNDARY=BB",
        ),
        *(
            "boundary=BB (comment)",
            'boundary="BB" (comment)',
            "(a (nested) one); boundary=BB",
        ),
        *("charset=utf-8; boundary=BB", "charset=utf-8 boundary=BB", 'boundary="BB" x'),
        *('type="text/html" boundary="BB"', 'boundary="BB";; charset="us-ascii"'),
        *("boundary*=us-ascii''BB", "boundary*0=B; boundary*1=B", "boundary==BB", "BB"),
        *(
            'boundary="BB ',
            'boundary="\n BB"',
            "boundary",
            "boundary=",
            'boundary=""',
            "x",
        ),
        *("boundary=other", 'boundary="bb"', 'boundary="--BB"', "start=1; boundary=BB"),
    ],
)
def test_boundaries_written_any_way(rest):
    """Also if the one that is declared is not the one in the body."""
    assert is_whole(with_type(f"Content-Type: multipart/mixed; {rest}"))
    assert is_whole(with_type(f"Content-Type: multipart/mixed;\n\t{rest}"))


@pytest.mark.parametrize(
    "boundary",
    [
        *(
            "x" * 200,
            "a b c",
            "=_Part (1)",
            "'()+_,-./:=?",
            "a;b",
            "-b-",
            "--",
            "=3D=3D",
        ),
        *("=?utf-8?q?x?=", "\udcfc", "a\\b", "----=_NextPart_000_0001_01D0.ABC"),
    ],
)
def test_boundaries_of_odd_characters(boundary):
    octets = boundary.encode("utf-8", "surrogateescape")
    body = BODY.replace(b"BB", octets)
    assert is_whole(
        with_type(f'Content-Type: multipart/mixed; boundary="{boundary}"', body)
    )


def test_a_missing_boundary_is_guessed_from_the_end_or_from_fields():
    head = "Content-Type: multipart/mixed"
    assert is_whole(with_type(head))
    assert is_whole(with_type(head, b"Preamble --\r\n-- \r\n--\r\n" + BODY))
    assert is_whole(with_type(head, BODY.replace(b"\r\n", b"\n")))
    cut = BODY.removesuffix(b"--BB--\r\n")
    assert is_whole(with_type(head, cut.removesuffix(b"\r\n")))


@pytest.mark.parametrize(
    "text",
    [
        "Just words.",
        "Hello\r\n-- \r\nAnn",
        "Hello\r\n--Ann\r\nContent?",
        "-----Original Message-----\r\nFrom: Bob",
        "a\r\n----------\r\nb\r\n----------\r\nc",
    ],
)
def test_a_multipart_of_words_only_shows_them(text):
    for head in ("multipart/mixed", "multipart/alternative; boundary=never"):
        message = with_type(f"Content-Type: {head}", text.encode())
        for line in text.split("\r\n"):
            assert line.strip() in message.html
        assert message.attachments == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *(
            (value, "<p>Grüße</p>")
            for value in (
                *("text/html; charset=iso-8859-1", 'text/html; charset="iso-8859-1'),
                *(
                    "html; charset=iso-8859-1",
                    "text/html charset=iso-8859-1",
                    "html/text",
                ),
                *("TEXT/HTML;CHARSET=ISO-8859-1", "text/html (x); charset=iso-8859-1"),
                *("text / html; charset='iso-8859-1'", "text\\html", "text/text/html"),
                *("text/html;; charset=iso-8859-1", "text/html, charset=iso-8859-1"),
                *(
                    "text/html; charset=iso-8859-1 (Latin)",
                    "text/html/text",
                    "text-html",
                ),
                *(
                    "Content-Type: text/html",
                    '"text/html"; charset=iso-8859-1',
                    "text html",
                ),
                *("text/html; text/html; charset=iso-8859-1", "text/htm", "text/html]"),
                *(
                    "text/html; format=flowed charset=iso-8859-1",
                    "text/html, text/plain",
                ),
            )
        ),
        *(
            (value, "<div>&lt;p&gt;Grüße&lt;/p&gt;</div>")
            for value in (
                *(
                    "text",
                    "text/",
                    "text;",
                    "text; charset=iso-8859-1",
                    "text/*",
                    "plain",
                ),
                *(
                    "plain/text",
                    "text/plain charset=iso-8859-1",
                    "text/plain, text/html",
                ),
                *(
                    "",
                    ";",
                    "; charset=iso-8859-1",
                    "charset=iso-8859-1",
                    "words",
                    "text/text",
                ),
                *("(comment)", "text/plain (un;balanced", "text/ascii", "/", "a b c"),
            )
        ),
    ],
)
def test_texts_of_any_name(value, shown):
    body = "<p>Grüße</p>".encode("latin-1")
    assert with_type(f"Content-Type: {value}", body).html == shown
    inner = multipart("mixed", raw(f"Content-Type: {value}", body))
    assert parse_message(inner).html == shown


@pytest.mark.parametrize(
    ("value", "mimetype"),
    [
        ("foo/bar", "application/octet-stream"),
        ("application", "application/octet-stream"),
        ("image/*", "application/octet-stream"),
        ("pdf", "application/pdf"),
        ("jpeg/image", "image/jpeg"),
        ("application/pdf/pdf", "application/pdf"),
        ("application pdf", "application/pdf"),
        ("x-world/x-vrml", "x-world/x-vrml"),
        ("video/", "application/octet-stream"),
        ("message", "message/rfc822"),
        ("rfc822", "message/rfc822"),
    ],
)
def test_files_of_any_name(value, mimetype):
    part = raw(f"Content-Type: {value}\nContent-Disposition: attachment", b"\1data")
    (file,) = parse_message(multipart("mixed", part)).attachments
    assert (file.mimetype, file.content) == (mimetype, b"\1data")


@pytest.mark.parametrize(
    ("declared", "name", "content", "mimetype"),
    [
        ("application/octet-stream", "x.pdf", PNG, "image/png"),
        ("application/octet-stream", "", PNG, "image/png"),
        ("application/octet-stream", "x.png", b"%PDF-1.4", "application/pdf"),
        ("application/octet-stream", "x.PDF", b"?", "application/pdf"),
        ("application/octet-stream", "x.svg", b"<svg/>", "application/octet-stream"),
        ("application/octet-stream", "x.html", b"<p>", "application/octet-stream"),
        ("application/octet-stream", "x.unknown", b"?", "application/octet-stream"),
        ("application/x-download", "x.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("binary", "x.pdf", b"%PDF-1.4", "application/pdf"),
        ("text/plain", "x.pdf", b"%PDF-1.4", "application/pdf"),
        ("text/plain", "x.png", b"words", "text/plain"),
        ("application/pdf", "x.pdf", PNG, "application/pdf"),
    ],
)
def test_files_that_are_declared_as_nothing_or_wrongly(
    declared, name, content, mimetype
):
    """A picture is shown as one, a PDF can be previewed; nothing becomes a page."""
    head = f"Content-Type: {declared}; name={name}\nContent-Disposition: attachment"
    (file,) = parse_message(multipart("mixed", raw(head, content))).attachments
    assert (file.mimetype, file.content) == (mimetype, content)


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Type: {}\nContent-Type: text/plain",
        "Content-Type: text/plain\nContent-Type: {}",
        "Content-Type:\nContent-Type: {}",
        "Content-Type: nothing\nContent-Type: {}\nContent-Type: {}",
        "Content-type: {}\nCONTENT-TYPE: {}",
    ],
)
def test_doubled_fields(fields):
    assert is_whole(with_type(fields.replace("{}", "multipart/mixed; boundary=BB")))


def test_the_first_of_two_types_counts():
    both = "Content-Type: text/html\nContent-Type: text/plain"
    assert with_type(both, b"<p>x</p>").html == "<p>x</p>"
    both = "Content-Type: strange\nContent-Type: text/html"
    assert with_type(both, b"<p>x</p>").html == "<p>x</p>"


TWINS = (
    b"--BB\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
    b"--BB\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--BB--\r\n"
)


@pytest.mark.parametrize(
    "head",
    [
        *("Content-Type: multipart/*; boundary=BB", "Content-Type: multipart"),
        *("Content-Type: multipart/x-foo; boundary=BB", "X-No-Type: x"),
        *(
            "Content-Type: text/plain; boundary=BB",
            "Content-Type: text/html; boundary=BB",
        ),
        "Content-Type: multipart/alternative;\nboundary=BB",
        "Content-Type: multipart/alternative; charset=utf-8;\nBOUNDARY=BB\nX-Other: 1",
    ],
)
def test_twins_of_a_multipart_of_no_known_kind_are_not_shown_both(head):
    assert with_type(head, TWINS).html == "<p>rich</p>"


def test_twins_of_a_mixed_multipart_are_shown_both():
    shown = with_type("Content-Type: multipart/mixed; boundary=BB", TWINS).html
    assert shown == "<div>plain</div><p>rich</p>"


@pytest.mark.parametrize(
    "head", ["X-No-Type: x", "Content-Type: text/plain; boundary=BB"]
)
@pytest.mark.parametrize(
    "text", ["--BB\nwords\n--BB--", "Look:\n\n" + BODY.decode(), "--BB", "--BB--\n"]
)
def test_a_text_that_only_looks_like_a_multipart_is_shown(head, text):
    if "boundary" in head and "Look" in text:
        text = text.replace("BB", "CC")
    shown = with_type(head, text.replace("\r\n", "\n").encode()).html
    for line in filter(None, text.splitlines()):
        assert line in shown


def test_parameters_on_a_line_that_is_not_indented():
    body = (
        b"--BB\r\nContent-Type: text/html;\r\ncharset=iso-8859-1\r\n\r\n"
        b"<p>Gr\xfc\xdfe</p>\r\n--BB\r\nContent-Type: application/pdf;\r\n"
        b'name="x.pdf"\r\nContent-Disposition: attachment;\r\nfilename="y.pdf"\r\n'
        b"\r\n%PDF\r\n--BB--"
    )
    message = with_type("Content-Type: multipart/mixed;\nboundary=BB", body)
    assert message.html == "<p>Grüße</p>"
    assert [one.filename for one in message.attachments] == ["y.pdf"]


# Delimiters


def test_no_empty_line_between_fields_and_boundary():
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=BB\r\n"
    assert is_whole(parse_message(head + BODY))


def test_no_empty_line_between_fields_and_text():
    body = b"--BB\r\nContent-Type: text/plain\r\nThe words.\r\n--BB--"
    message = with_type("Content-Type: multipart/mixed; boundary=BB", body)
    assert message.html == "<div>The words.</div>"


def test_a_part_without_fields_or_empty_line():
    body = b"--BB\r\nThe words.\r\n--BB--"
    message = with_type("Content-Type: multipart/mixed; boundary=BB", body)
    assert message.html == "<div>The words.</div>"


def test_an_empty_line_before_the_fields_of_a_part():
    body = BODY.replace(b"--BB\r\n", b"--BB\r\n\r\n")
    assert is_whole(with_type("Content-Type: multipart/mixed; boundary=BB", body))


def test_parts_after_the_end_are_not_lost():
    """An inner multipart of the same boundary ends the outer one too early."""
    body = BODY.replace(b"--BB\r\n" + PICTURE, b"--BB--\r\n\r\n--BB\r\n" + PICTURE)
    assert is_whole(with_type("Content-Type: multipart/mixed; boundary=BB", body))


@pytest.mark.parametrize("end", ["--BB--\r\n", ""])
def test_an_inner_multipart_of_the_same_boundary(end):
    """Its twins are not shown both."""
    inner = (
        b"--BB\r\nContent-Type: multipart/alternative; boundary=BB\r\n\r\n"
        b"--BB\r\n\r\nplain\r\n--BB\r\nContent-Type: text/html\r\n\r\n"
        b"<p>rich</p>\r\n--BB--\r\n\r\n"
    )
    body = inner + b"--BB\r\n" + PICTURE + b"\r\n" + end.encode()
    message = with_type("Content-Type: multipart/mixed; boundary=BB", body)
    assert message.html == "<p>rich</p>"
    assert [one.content for one in message.attachments] == [PNG]
    message = with_type("Content-Type: multipart/mixed; boundary=BB", inner)
    assert (message.html, message.attachments) == ("<p>rich</p>", [])


def test_blanks_after_delimiters_and_double_carriage_returns():
    for end in (b"  \r\n", b"\t\n", b"\r\r\n"):
        body = BODY.replace(b"--BB\r\n", b"--BB" + end)
        assert is_whole(with_type("Content-Type: multipart/mixed; boundary=BB", body))


@pytest.mark.parametrize(
    "inner",
    [
        "Content-Type: multipart/alternative; boundary=II\n\n--II--",
        "Content-Type: multipart/alternative; boundary=II\n\n--II\n--II--",
        "Content-Type: multipart/alternative; boundary=II\n\n--II\n\n\n--II--",
        "Content-Type: multipart/alternative; boundary=II\n\n",
        "Content-Type: multipart/alternative; boundary=II\n",
        "Content-Type: multipart/alternative; boundary=II",
        "Content-Type: multipart/alternative; boundary=II\n\n--II",
        "Content-Type: multipart/alternative\n\n",
        "Content-Type: multipart/related; boundary=II\n\n--II\n"
        "Content-Type: multipart/alternative; boundary=KK\n\n--KK--\n\n--II--",
        "Content-Type: multipart/alternative; boundary=II\n\n"
        "This is a multi-part message in MIME format.\n--II--",
    ],
)
def test_an_empty_inner_multipart_is_nothing(inner):
    """No boundary is shown as text, and the rest is there."""
    body = b"--BB\r\n" + inner.replace("\n", "\r\n").encode() + b"\r\n" + BODY
    assert is_whole(with_type("Content-Type: multipart/mixed; boundary=BB", body))


@pytest.mark.parametrize(
    "body",
    [
        "The words.\n--BB--",
        "The words.\n--BB\n--BB--",
        "The words.\n--BB\nContent-Type: text/plain\n\n\n--BB--",
        "--BB\n--BB--\nThe words.\n",
        "--BB--\nThe words.\n",
        "This is a multi-part message in MIME format.\n--BB\n--BB--\nThe words.",
    ],
)
def test_words_outside_of_empty_parts_are_the_body(body):
    head = "Content-Type: multipart/mixed; boundary=BB"
    message = with_type(head, body.replace("\n", "\r\n").encode())
    assert message.html == "<div>The words.</div>"


def test_words_outside_are_left_out_if_parts_have_words():
    body = b"This is for old programs.\r\n" + BODY + b"and the end"
    assert is_whole(with_type("Content-Type: multipart/mixed; boundary=BB", body))


def test_an_attached_message_in_base64():
    inner = raw("Subject: Inner\nFrom: ann@customer.example", "hi")
    coded = base64.encodebytes(inner)
    part = text_part("message/rfc822", coded, "base64")
    (file,) = parse_message(multipart("mixed", part)).attachments
    assert (file.filename, file.content) == ("Inner.eml", inner)


# Named texts


def named(kind: str, body: bytes, disposition: str = "inline", name="mail.txt"):
    head = f'Content-Type: text/{kind}; charset=utf-8; name="{name}"'
    if disposition:
        head += f'\nContent-Disposition: {disposition}; filename="{name}"'
    return raw(head, body)


@pytest.mark.parametrize("disposition", ["inline", "", "attachment"])
def test_named_texts_of_an_alternative_are_the_body(disposition):
    parts = (
        named("plain", b"plain", disposition),
        named("html", b"<p>rich</p>", disposition, "mail.html"),
    )
    for message in (
        multipart("alternative", *parts),
        multipart("mixed", multipart("alternative", *parts, boundary="AA")),
        multipart(
            "mixed",
            multipart("alternative", *parts, boundary="AA"),
            text_part("text/plain", b""),
        ),
    ):
        parsed = parse_message(message)
        assert (parsed.html, parsed.attachments) == ("<p>rich</p>", [])


def test_a_named_text_is_the_body_if_there_is_no_other():
    pdf = text_part("application/pdf; name=x.pdf", b"%PDF")
    for disposition in ("inline", ""):
        parsed = parse_message(
            multipart("mixed", named("plain", b"words", disposition), pdf)
        )
        assert parsed.html == "<div>words</div>"
        assert [one.filename for one in parsed.attachments] == ["x.pdf"]
        blank = text_part("text/plain", b" \r\n")
        parsed = parse_message(
            multipart("mixed", blank, named("html", b"<p>x</p>", disposition))
        )
        assert (parsed.html, parsed.attachments) == ("<p>x</p>", [])


def test_several_named_texts_are_shown_and_stay_files():
    parsed = parse_message(
        multipart("mixed", named("plain", b"one"), named("plain", b"two", name="b.txt"))
    )
    assert parsed.html == "<div>one</div><div>two</div>"
    assert [one.filename for one in parsed.attachments] == ["mail.txt", "b.txt"]


def test_a_named_text_is_a_file_if_there_is_another_or_it_is_sent_as_one():
    other = text_part("text/plain", b"see the notes")
    for disposition in ("inline", "", "attachment"):
        parsed = parse_message(
            multipart("mixed", other, named("plain", b"notes", disposition))
        )
        assert parsed.html == "<div>see the notes</div>"
        assert [one.content for one in parsed.attachments] == [b"notes"]
    parsed = parse_message(multipart("mixed", named("plain", b"notes", "attachment")))
    assert parsed.html == ""
    assert [one.filename for one in parsed.attachments] == ["mail.txt"]


def test_a_named_twin_stays_a_file_beside_an_unnamed_text():
    """Else the alternative would hide it."""
    parsed = parse_message(
        multipart(
            "alternative",
            text_part("text/html", b"<p>rich</p>"),
            named("plain", b"a log", name="log.txt"),
        )
    )
    assert parsed.html == "<p>rich</p>"
    assert [one.content for one in parsed.attachments] == [b"a log"]


@pytest.mark.parametrize("name", ["x.csv", "x.ics", "x.pdf", "x.xml", "x.py"])
def test_a_text_that_is_a_file_by_its_name_stays_one(name):
    parsed = parse_message(multipart("mixed", named("plain", b"1,2", "inline", name)))
    assert (parsed.html, [one.content for one in parsed.attachments]) == ("", [b"1,2"])


def test_an_empty_named_text_stays_a_file():
    parsed = parse_message(multipart("mixed", named("plain", b"")))
    assert (parsed.html, len(parsed.attachments)) == ("", 1)


def test_a_footer_of_a_list_does_not_make_a_named_text_a_file():
    coded = base64.b64encode(b"<p>rich</p>") + b"\r\n\r\n-- \r\nlist footer here"
    part = raw(
        'Content-Type: text/html; name="mail.html"\nContent-Disposition: inline\n'
        "Content-Transfer-Encoding: base64",
        coded,
    )
    parsed = parse_message(multipart("mixed", part))
    assert (parsed.html, parsed.attachments) == (
        "<p>rich</p><div>--<br>list footer here</div>",
        [],
    )


# Content-IDs


def test_no_file_is_a_picture_because_a_picture_has_no_id():
    message = parse_message(
        multipart(
            "mixed",
            text_part("text/html", b'<p>x<img src="cid: "><img src="cid:"></p>'),
            PICTURE,
        )
    )
    assert [one.inline for one in message.attachments] == [False]


@pytest.mark.parametrize(
    ("declared", "used"),
    [
        ("<pic 1@x>", "pic 1@x"),
        ("<pic 1@x>", "pic%201@x"),
        ("< pic1@x >", "pic1@x"),
        ("pic1@x", "pic1@x"),
        ("<pic1@x", "pic1@x"),
        ("<PIC1@X>", "pic1@x"),
        ("<pic1@x>", "Pic1@x"),
        ("<pic1@x>", "pic1%40x"),
        ("<pic1%40x>", "pic1@x"),
        ("<pic+1@x>", "pic+1@x"),
        ("<pic1@x> (a picture)", "pic1@x"),
        ("<pic1@x>", "&#112;ic1@x"),
        ("<pic1@x>", "<pic1@x>"),
        ("<pic1@\n x>", "pic1@x"),
        ("<bild.größe@x>", "bild.größe@x"),
        ("<bild.größe@x>", "bild.gr%C3%B6%C3%9Fe@x"),
    ],
)
@pytest.mark.parametrize("scheme", ["cid:", "CID:", "Cid:"])
def test_pictures_are_found_by_content_id(declared, used, scheme):
    picture = raw(
        f"Content-Type: image/png\nContent-ID: {declared}\n"
        "Content-Transfer-Encoding: base64",
        base64.b64encode(PNG),
    )
    html = f'<p>x<img src="{scheme}{used}"></p>'.encode()
    message = parse_message(
        multipart("related", text_part("text/html; charset=utf-8", html), picture)
    )
    (file,) = message.attachments
    assert file.inline
    assert 'src="/x"' in cid_map(message.html, {file.content_id: "/x"})


# Time, memory, depth


HEADS = {
    "comments": "multipart/mixed; " + "(" * 100_000,
    "nested comments": "multipart/mixed; " + "(" * 50_000 + ")" * 50_000,
    "quotes": 'multipart/mixed; boundary="' + '\\"' * 50_000,
    "odd quotes": 'multipart/mixed; name="' + '"x' * 50_000,
    "semicolons": "multipart/mixed" + ";" * 100_000,
    "blanks": "multipart/mixed; name=" + "x " * 50_000,
    "slashes": "multipart" + "/multipart" * 10_000,
    "equal signs": "multipart/mixed; " + "a=" * 50_000,
    "continuations": "multipart/mixed"
    + "".join(f"; name*{number}*=%20" for number in range(8_000)),
    "known names": "text/plain" + " charset=x" * 10_000,
    "one word": "x" * 100_000,
    "comments that never end": "multipart/mixed; " + "(;" * 50_000,
    "quotes that never end": "multipart/mixed; " + ';a="' * 25_000,
    "quotes in comments": 'text (" ( ' * 10_000,
    "escaped quotes": 'text/plain; name="' + '\\\\"' * 20_000,
    "many fields": "\nContent-Type: ".join(["text (;" * 3_000] * 40),
}


@pytest.mark.parametrize("value", HEADS.values(), ids=HEADS)
def test_absurd_types_are_read_in_linear_time(value):
    start = time.process_time()
    with_type(f"Content-Type: {value}")
    with_type(f"Content-Type: text/plain\nContent-Disposition: {value}")
    assert time.process_time() - start < 1


BODIES = {
    "dashes": b"--x\r\n" * 20_000,
    "dashes and ends": b"--x\r\n--y--\r\n" * 10_000,
    "ends": b"--BB--\r\n" * 20_000,
    "line ends": b"\r\n" * 50_000,
    "blanks before late fields": b"--BB\r\n" + b" \r\n" * 30_000 + b"Content-Type: x",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("boundary", ["; boundary=BB", ""])
def test_absurd_multiparts_are_read_in_linear_time(body, boundary):
    start = time.process_time()
    with_type(f"Content-Type: multipart/mixed{boundary}", body)
    assert time.process_time() - start < 1


def test_encoded_multiparts_within_each_other_are_bounded():
    """Each level would be a copy of the rest."""
    content = text_part("text/plain", b"deep")
    for level in range(60):
        head = (
            f"Content-Type: multipart/mixed; boundary=b{level}x\n"
            "Content-Transfer-Encoding: quoted-printable"
        )
        body = b"--b%dx\r\n" % level + content + b"\r\n"
        content = raw(head, body.replace(b"=", b"=3D").replace(b"-", b"=2D"))
        if len(content) > 1_000_000:
            break
    try:
        parse_message(content)
    except MessageError:
        pass


def test_parts_keep_their_order():
    texts = [text_part("text/plain", b"%d" % number) for number in range(30)]
    message = structure.parse(multipart("mixed", *texts))
    found = [part.octets() for part, _parents in structure.leaves(message)]
    assert found == [b"%d" % number for number in range(30)]
