"""Transfer encodings as the world writes them: every octet of a file arrives."""

from __future__ import annotations

import base64
import quopri
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import PNG, multipart, raw, text_part

from odoo.addons.mailbox_connector.engine.mime.parse import parse_message

PDF = b"%PDF-1.7 data\x00\xff\xfe that is longer than a line of base64 would be. " * 3
LINES = base64.encodebytes(PDF)


def file_in(encoding: str, body: bytes) -> bytes:
    """The content of a file that came in that encoding, alone."""
    head = f"Content-Type: application/x-thing; name=x\n{encoding}"
    message = parse_message(multipart("mixed", raw(head.strip(), body)))
    (file,) = message.attachments
    return file.content


def text_in(encoding: str, body: bytes, kind: str = "text/plain") -> str:
    return parse_message(text_part(f"{kind}; charset=utf-8", body, encoding)).html


# The name of the encoding


@pytest.mark.parametrize(
    "encoding",
    [
        *("base64", "BASE64", "Base64 ", "base64;", ";base64", '"base64"', "'base64'"),
        *("base64 (as always)", "(really) base64", "base-64", "base_64", "base 64"),
        *("x-base64", "base64; charset=utf-8", "base64, base64", "base64.", "<base64>"),
        *("base64\n (folded)", "base64 (never closed", "b64", "base64 base64"),
    ],
)
def test_base64_by_any_name(encoding):
    """Its files are not letters and digits."""
    assert file_in(f"Content-Transfer-Encoding: {encoding}", LINES) == PDF


@pytest.mark.parametrize(
    "encoding",
    [
        *("quoted-printable", "Quoted-Printable;", '"quoted-printable"', "QP"),
        *(
            "quoted_printable",
            "quoted printable",
            "quotedprintable",
            "quoted/printable",
        ),
        *("quoted-printable (rfc)", "quoted-printable; charset=utf-8", "quoted-print"),
    ],
)
def test_quoted_printable_by_any_name(encoding):
    assert text_in(encoding, b"Gr=C3=BC=\r\n=C3=9Fe") == "<div>Grüße</div>"


@pytest.mark.parametrize(
    "encoding",
    [
        *("7bit", "7-bit", "7 bit", "8bit", "8 bit", "8-Bit;", "binary", "BINARY (x)"),
        *("", "none", "utf-8", "us-ascii", "unknown", "iso-8859-1", "8bit, base64"),
    ],
)
def test_no_encoding_by_any_name(encoding):
    """Words that look like an encoding are words."""
    text = b"1+1=3D2 or aGVsbG8=\r\nAAAA"
    shown = "<div>1+1=3D2 or aGVsbG8=<br>AAAA</div>"
    assert text_in(encoding, text) == shown


def test_the_first_field_that_says_something_counts():
    twice = "Content-Transfer-Encoding: {}\nContent-Transfer-Encoding: {}"
    assert file_in(twice.format("", "base64"), LINES) == PDF
    assert file_in(twice.format("base64", "7bit"), LINES) == PDF
    assert file_in(twice.format("nonsense", "base64"), LINES) == PDF
    assert file_in(twice.format("7bit", "base64"), b"aGVsbG8=") == b"aGVsbG8="


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (LINES, PDF),
        (LINES.replace(b"\n", b"\r\n"), PDF),
        (base64.b64encode(PDF), PDF),
        (b"aGVsbG8gd29ybGQ=", b"hello world"),
        (b"words, no encoding", None),
        (b"word", None),
        (LINES + b"and words", None),
    ],
)
def test_an_unknown_encoding_is_base64_only_if_nothing_else_can_be(body, content):
    content = body if content is None else content
    assert file_in("Content-Transfer-Encoding: x-foo", body) == content


# base64


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"aGVsbG8=\r\nIHdvcmxk\r\n", b"hello world"),
        (b"aGVsbG8=IHdvcmxk", b"hello world"),
        (b"aA==\r\nZQ==\r\nbGxv", b"hello"),
        (b"aGVs bG8g d29y bGQ=", b"hello world"),
        (b" aGVsbG8g\r\n\td29ybGQ=  \r\n", b"hello world"),
        (b"aGVsbG8g\r\n\r\n\r\nd29ybGQ=", b"hello world"),
        (b"aGVsbG8gd29ybGQ", b"hello world"),
        (b"aGVsbG8gd29ybG", b"hello worl"),
        (b"aGVsbG8gd29ybGQ====", b"hello world"),
        (b"=aGVsbG8gd29ybGQ=", b"hello world"),
        (b"____-w==", b"\xff\xff\xff\xfb"),
        (b"aGVsbG8g!d29ybGQ=", b"hello world"),
        (b"aGVsbG8gd29ybGQ=\0", b"hello world"),
        (b"\xef\xbb\xbfaGVsbG8gd29ybGQ=", b"hello world"),
        (b"", b""),
        (b"\r\n", b""),
    ],
)
def test_base64_that_is_nearly_right(body, content):
    assert file_in("Content-Transfer-Encoding: base64", body) == content


@pytest.mark.parametrize("noise", [b"!", b"\0", b".", b"\xa0", b"!\r\n ", b"\\", b"*"])
def test_a_damaged_octet_costs_nothing_else(noise):
    """Servers that break long lines put "!" and a line end into them."""
    line = base64.b64encode(PDF)
    for at in (76, 101, len(line) - 3):
        body = line[:at] + noise + line[at:]
        assert file_in("Content-Transfer-Encoding: base64", body) == PDF
        wrapped = LINES[:at] + noise + LINES[at:]
        assert file_in("Content-Transfer-Encoding: base64", wrapped) == PDF


FOOTERS = [
    "--\r\nfooter of a list",
    "_______________________________________________\r\nList mailing list\r\n"
    "List@lists.example\r\nhttps://lists.example/mailman/listinfo/list",
    "Regards",
    "Scanned by the mail gateway.",
    "Diese Nachricht enthält Grüße",
    "--Next_Part--",
]


@pytest.mark.parametrize("footer", FOOTERS)
@pytest.mark.parametrize("content", [PDF, PDF + b"1", PDF + b"12", b"hello", b"hello!"])
def test_text_after_base64_is_shown_and_not_in_the_file(content, footer):
    """Programs on the way add their words to the encoded body."""
    body = base64.encodebytes(content) + b"\r\n" + footer.encode()
    message = parse_message(
        multipart(
            "mixed",
            text_part("text/plain", b"See the file."),
            text_part("application/zip; name=x.zip", body, "base64"),
        )
    )
    (file,) = message.attachments
    assert file.content == content
    for line in footer.split("\r\n"):
        assert line in message.html
    assert message.html.startswith("<div>See the file.</div>")


@pytest.mark.parametrize("footer", FOOTERS)
def test_a_footer_of_an_encoded_text_is_shown(footer):
    body = base64.encodebytes("Grüße, Ann".encode()) + b"\r\n" + footer.encode()
    shown = text_in("base64", body)
    assert shown.startswith("<div>Grüße, Ann</div>")
    for line in footer.split("\r\n"):
        assert line in shown


def test_a_line_in_front_of_base64_is_shown_and_not_in_the_file():
    body = b"[External mail: be careful!]\r\n\r\n" + LINES
    message = parse_message(
        multipart("mixed", text_part("application/zip; name=x.zip", body, "base64"))
    )
    assert message.attachments[0].content == PDF
    assert message.html == "<div>[External mail: be careful!]</div>"


@pytest.mark.parametrize(
    "text",
    [
        "Hello Ann, this is no base64 at all.",
        "Dear Ann,\r\n\r\nHELLO2\r\n\r\nGrüße",
        "Only words here",
        "Oui",
        "!!!",
    ],
)
def test_text_that_only_says_that_it_is_base64_is_shown(text):
    shown = text_in("base64", text.encode())
    for line in filter(None, text.split("\r\n")):
        assert line in shown


pieces = st.lists(st.binary(max_size=400), min_size=1, max_size=6)


@given(
    pieces, st.integers(4, 100), st.sampled_from([b"\r\n", b"\n", b" \r\n", b"\n\n"])
)
def test_what_was_encoded_in_pieces_comes_back_whole(contents, width, end):
    """Whatever their lengths: padding is not the end of a file."""
    body = b""
    for content in contents:
        coded = base64.b64encode(content)
        for at in range(0, len(coded), width):
            body += coded[at : at + width] + end
    expected = b"".join(contents)
    assert file_in("Content-Transfer-Encoding: base64", body) == expected


@given(st.binary(min_size=200, max_size=600), st.sampled_from(FOOTERS))
def test_no_footer_changes_a_file(content, footer):
    body = base64.encodebytes(content) + footer.encode()
    assert file_in("Content-Transfer-Encoding: base64", body) == content


@given(
    st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "x-uue"])
)
def test_decoding_never_raises(body, encoding):
    parse_message(
        multipart("mixed", text_part("application/pdf; name=x.pdf", body, encoding))
    )


@pytest.mark.parametrize("content", [PNG, b"%PDF-1.4 and so on", b"PK\3\4" + PDF])
@pytest.mark.parametrize("encoding", ["", "Content-Transfer-Encoding: 8bit"])
def test_a_file_whose_encoding_is_not_declared(content, encoding):
    assert file_in(encoding, base64.encodebytes(content)) == content
    assert file_in(encoding, content) == content


def test_a_text_is_never_decoded_unless_it_says_so():
    coded = base64.b64encode(b"%PDF-1.4 and so on")
    assert text_in("8bit", coded) == f"<div>{coded.decode()}</div>"


# quoted-printable


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"one =\r\ntwo", b"one two"),
        (b"one = \r\ntwo", b"one two"),
        (b"one =\t \ntwo", b"one two"),
        (b"one = two", b"one = two"),
        (b"one=\rtwo\r\nthree", b"onetwo\r\nthree"),
        (b"end=", b"end"),
        (b"end= ", b"end"),
        (b"1=2", b"1=2"),
        (b"a==3D", b"a=="),
        (b"a==\r\nb", b"a=b"),
        (b"a=3D3Db", b"a=3Db"),
        (b"a=3d=c3=bc", b"a=\xc3\xbc"),
        (b"50=%", b"50=%"),
        (b"x=ZZ=\r\ny=3D", b"x=ZZy="),
        (b"a =\r\n\r\nb", b"a \r\nb"),
        (b"line \r\nline", b"line \r\nline"),
    ],
)
def test_quoted_printable_that_is_nearly_right(body, content):
    assert file_in("Content-Transfer-Encoding: quoted-printable", body) == content


@pytest.mark.parametrize(
    "body",
    [
        b"one=0D\r\ntwo=0D\r\nthree",
        b"one=0D\ntwo=0D\nthree",
        b"one=0d\r\ntwo=0d\r\nthree=0d\r\n",
        b"one=0D=0A=\r\ntwo=0D=0A=\r\nthree",
        b"one=0D=0Atwo=0D=0Athree",
        b"one=0D=0A\r\ntwo=0D=0A\r\nthree=0D=0A\r\n",
        b"one=0A\ntwo=0A\nthree",
        b"one=0D=\r\n=0Atwo\r\nthree",
        b"one\r\r\ntwo\r\r\nthree",
        b"one=0D=0D\r\ntwo\r\nthree",
    ],
)
def test_lines_end_once(body):
    """No empty lines between all lines of a text."""
    assert text_in("quoted-printable", body) == "<div>one<br>two<br>three</div>"


def test_empty_lines_stay():
    body = b"one=0D=0A=\r\n=0D=0A=\r\ntwo\r\n\r\nthree"
    shown = "<div>one<br><br>two<br><br>three</div>"
    assert text_in("quoted-printable", body) == shown
    body = b"one\r\ntwo=0D=0A\r\nthree"
    assert text_in("quoted-printable", body) == "<div>one<br>two<br><br>three</div>"


@given(st.binary(max_size=500))
def test_quoted_printable_comes_back_whole(content):
    # Bare line ends are encoded as they are; on the way they become CRLF.
    content = content.replace(b"\r", b"").replace(b"\n", b"\r\n")
    coded = quopri.encodestring(content.replace(b"\r\n", b"\n"))
    body = coded.replace(b"\n", b"\r\n")
    encoding = "Content-Transfer-Encoding: quoted-printable"
    assert file_in(encoding, b"-" + body) == b"-" + content


# uuencode


@pytest.mark.parametrize("encoding", ["uuencode", "x-uuencode", "X-UUE;", "uue"])
def test_uuencode_keeps_what_is_around_it(encoding):
    body = b"See below.\r\n\r\nbegin 644 x\r\n%:&5L;&\\\r\n`\r\nend\r\nMany regards\r\n"
    message = parse_message(
        multipart("mixed", text_part("application/x-thing; name=x", body, encoding))
    )
    assert message.attachments[0].content == b"hello"
    assert message.html == "<div>See below.</div><div>Many regards</div>"


# Encoded multiparts


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
@pytest.mark.parametrize("boundary", ["BB", "=_next=3D_part"])
def test_a_multipart_that_is_encoded_as_a_whole(encoding, boundary):
    whole = multipart(
        "mixed",
        text_part("text/plain", b"words"),
        text_part("image/png; name=x.png", base64.b64encode(PNG), "base64"),
        boundary=boundary,
    )
    head, _blank, body = whole.partition(b"\r\n\r\n")
    coded = base64.encodebytes(body)
    if encoding == "quoted-printable":
        coded = quopri.encodestring(body)
    head += b"\r\nContent-Transfer-Encoding: " + encoding.encode()
    message = parse_message(head + b"\r\n\r\n" + coded)
    assert message.html == "<div>words</div>"
    assert [one.content for one in message.attachments] == [PNG]


def test_a_multipart_that_only_says_so():
    whole = multipart("mixed", text_part("text/plain", b"words"))
    coded = b"Content-Transfer-Encoding: base64\r\n" + whole
    assert parse_message(coded).html == "<div>words</div>"


# Time and memory


SLOW = {
    "equal signs": b"=" * 300_000,
    "padded letters": b"AA==" * 100_000,
    "odd ends": b"A=!" * 100_000,
    "lines of one letter": b"a\n" * 150_000 + b"!",
    "blanks": b" \t" * 150_000,
    "soft ends with blanks": b"= \t" * 100_000,
    "soft ends that never come": b"=" + b" " * 300_000 + b"x",
    "encoded line ends": b"=0D=0A\r\n" * 40_000,
    "carriage returns": b"=\r" * 150_000,
    "words": b"words and more\r\n" * 20_000,
    "dashes": b"-_" * 150_000,
    "quotes": b"''\"" * 100_000,
    "begin": b"begin 644 x\n" * 30_000,
}


@pytest.mark.parametrize("body", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "uuencode", "x-y"])
def test_rubbish_is_read_in_linear_time(encoding, body):
    start = time.process_time()
    parse_message(
        multipart("mixed", text_part("application/zip; name=x.zip", body, encoding))
    )
    assert time.process_time() - start < 2
