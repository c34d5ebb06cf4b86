"""What mail apps pack into one part is read as if it had been sent plainly."""

from __future__ import annotations

import time
import zlib

import packed
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import PNG, multipart, raw, text_part
from packed import mime, signed, winmail, winmail_file

from odoo.addons.mailbox_connector.engine.mime import rtf, smime, tnef
from odoo.addons.mailbox_connector.engine.mime.opening import MAX_LAYERS
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message
from odoo.addons.mailbox_connector.engine.types import Encryption

TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe, Ann\r\n"
SHOWN = "<div>Grüße, Ann</div>"
P7M = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"


def listed(message) -> list[str]:
    return [one.filename for one in message.attachments if one.is_shown]


def kept(message) -> list[str]:
    return [one.filename for one in message.attachments if not one.listed]


# S/MIME


@pytest.mark.parametrize("element", [packed.der, packed.ber])
@pytest.mark.parametrize(
    "kind",
    [
        P7M,
        "application/x-pkcs7-mime; smime-type=signed-data",
        "application/pkcs7-mime",
        "application/pkcs7-mime; smime-type=enveloped-data",
        'application/octet-stream; name="smime.p7m"',
    ],
)
def test_a_signed_mail_shows_its_text(kind, element):
    """Whatever its type says: what it is, is in it. The signature is kept, unlisted."""
    message = parse_message(mime(signed(TEXT, element), kind))
    assert message.html == SHOWN
    assert message.encryption is None
    assert not listed(message) and len(kept(message)) == 1
    assert message.attachments[0].content == signed(TEXT, element)


def test_a_mail_signed_by_a_library_shows_its_text():
    message = parse_message(mime(packed.signed_by_a_library(TEXT), P7M))
    assert message.html == SHOWN


def test_a_signed_mail_shows_its_files():
    entity = multipart(
        "mixed",
        multipart("alternative", TEXT, text_part("text/html", b"<p>Hello</p>")),
        mime(b"%PDF", "application/pdf; name=offer.pdf"),
        boundary="CC",
    )
    message = parse_message(mime(signed(entity), P7M))
    assert message.html == "<p>Hello</p>"
    assert listed(message) == ["offer.pdf"] and kept(message) == ["smime.p7m"]


def test_a_signed_part_is_shown_where_it_is():
    """A mailing list has added its footer."""
    message = parse_message(
        multipart("mixed", mime(signed(TEXT), P7M), text_part("text/plain", b"footer"))
    )
    assert message.html == SHOWN + "<div>footer</div>"


def test_signed_within_signed():
    content = TEXT
    for _layer in range(3):
        content = mime(signed(content), P7M)
    assert parse_message(content).html == SHOWN


def test_layers_are_bounded():
    content = TEXT
    for _layer in range(100):
        content = raw(f"Content-Type: {P7M}", signed(content))
    message = parse_message(content)
    assert message.html == ""
    assert listed(message) == ["smime.p7m"] and len(kept(message)) == MAX_LAYERS


def test_a_signed_mail_without_header_is_text():
    for entity in (
        b"\r\nHello",
        b"Content-Transfer-Encoding: 7bit\r\n\r\nHello",
        b"MIME-Version: 1.0\r\n\r\nHello",
        b"Hello",
    ):
        message = parse_message(mime(signed(entity), P7M))
        assert message.html == "<div>Hello</div>"


def test_a_compressed_mail_shows_its_text():
    content = packed.compressed(zlib.compress(TEXT))
    kind = "application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z"
    message = parse_message(mime(content, kind))
    assert message.html == SHOWN and kept(message) == ["smime.p7z"]


def test_a_compressed_mail_of_absurd_size_stays_a_file():
    content = packed.compressed(zlib.compress(TEXT + b" " * 30_000_000))
    assert len(content) < 50_000
    message = parse_message(mime(content, "application/pkcs7-mime; name=smime.p7z"))
    assert message.html == "" and listed(message) == ["smime.p7z"]


def test_a_signed_mail_that_was_cut_off_shows_what_is_there():
    entity = b"Content-Type: text/plain\r\n\r\n" + b"Hello Bob, " * 100
    content = signed(entity)[:300]
    assert "Hello Bob, Hello" in parse_message(mime(content, P7M)).html


@pytest.mark.parametrize("armor", ["PKCS7", "CMS"])
def test_a_signed_mail_in_pem_shows_its_text(armor):
    text = packed.base64.encodebytes(signed(TEXT)).decode()
    pem = f"-----BEGIN {armor}-----\n{text}-----END {armor}-----\n"
    message = parse_message(raw(f"Content-Type: {P7M}", pem))
    assert message.html == SHOWN


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (signed(b"<?xml version='1.0'?><Invoice/>"), "invoice.xml.p7m"),
        (signed(b"%PDF-1.7 ..."), "contract.pdf.p7m"),
        (signed(b""), "smime.p7c"),
        (b"not CMS at all", "smime.p7m"),
        (b"\x30\x80" * 5_000, "smime.p7m"),
        (b"", "smime.p7m"),
    ],
)
def test_what_is_no_signed_mail_stays_a_file(content, name):
    """Signed invoices have the same type."""
    part = mime(content, f"application/pkcs7-mime; name={name}")
    message = parse_message(multipart("mixed", TEXT, part))
    assert listed(message) == [name] and message.html == SHOWN


def test_detached_signatures_are_kept_but_not_listed():
    for kind, name in (
        ("application/pkcs7-signature", "smime.p7s"),
        ("application/x-pkcs7-signature", "smime.p7s"),
        ("application/pgp-signature", "signature.asc"),
    ):
        part = mime(b"sig", f"{kind}; name={name}")
        message = parse_message(multipart("signed", TEXT, part))
        assert message.html == SHOWN and not listed(message)
        assert kept(message) == [name] and message.attachments[0].content == b"sig"


def test_a_signature_that_was_attached_by_a_person_is_listed():
    part = mime(b"sig", "application/pkcs7-signature; name=contract.pdf.p7s")
    message = parse_message(multipart("mixed", TEXT, part))
    assert listed(message) == ["contract.pdf.p7s"]


# Encrypted

SECRET = [
    mime(packed.secret(), "application/pkcs7-mime; name=smime.p7m"),
    mime(packed.secret(), "application/x-pkcs7-mime; smime-type=enveloped-data"),
    mime(packed.secret(packed.AUTH_ENVELOPED), "application/pkcs7-mime"),
    mime(packed.secret(), "application/octet-stream; name=smime.p7m"),
    mime(b"damaged", "application/pkcs7-mime; smime-type=enveloped-data"),
    multipart("mixed", mime(packed.secret(), P7M), text_part("text/plain", b"footer")),
    mime(signed(mime(packed.secret(), P7M)), P7M),
]


@pytest.mark.parametrize("content", SECRET)
def test_an_encrypted_mail_is_known_and_keeps_its_file(content):
    message = parse_message(content)
    assert message.encryption is Encryption.SMIME
    assert len(listed(message)) == 1 and listed(message)[0].endswith(".p7m")


@pytest.mark.parametrize("kind", ["encrypted", "mixed"])
def test_pgp_mime_is_known_and_keeps_its_file(kind):
    """Exchange makes multipart/mixed of it."""
    content = multipart(
        kind,
        raw("Content-Type: application/pgp-encrypted", b"Version: 1"),
        raw(
            "Content-Type: application/octet-stream; name=encrypted.asc",
            b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----",
        ),
    )
    message = parse_message(content)
    assert message.encryption is Encryption.PGP
    assert listed(message) == ["encrypted.asc"]
    assert [one.content for one in message.attachments if not one.listed] == [
        b"Version: 1"
    ]


def test_the_form_before_pgp_mime_is_known():
    kind = "application/pgp; format=mime; x-action=encrypt"
    message = parse_message(raw(f"Content-Type: {kind}", ARMOR))
    assert message.encryption is Encryption.PGP and len(listed(message)) == 1
    message = parse_message(raw(f"Content-Type: {kind}", "-----BEGIN PGP PUBLIC"))
    assert message.encryption is None


ARMOR = "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n-----END PGP MESSAGE-----\r\n"


@pytest.mark.parametrize(
    ("content", "is_encrypted"),
    [
        (raw("", ARMOR), True),
        (raw("", "Hi,\r\n" + ARMOR), True),
        (raw("Content-Type: text/html", f"<pre>{ARMOR}</pre>"), True),
        (mime(ARMOR.encode(), "text/plain"), True),
        (raw("", ARMOR.replace("--BEGIN", "- -BEGIN")), False),
        (raw("", "> " + ARMOR.replace("\r\n", "\r\n> ")), False),
        (raw("", "It begins with -----BEGIN PGP MESSAGE----- and so on."), False),
        (raw("", "-----BEGIN PGP MESSAGE-----\r\n is never closed"), False),
        (raw("", ARMOR.replace("MESSAGE", "PUBLIC KEY BLOCK")), False),
    ],
)
def test_pgp_within_a_text(content, is_encrypted):
    """The text stays; a quoted one, or one that is talked about, is none."""
    message = parse_message(content)
    assert message.encryption is (Encryption.PGP if is_encrypted else None)
    assert "PGP" in message.html


def test_a_mail_with_restricted_rights_is_known():
    part = mime(
        b"\xd0\xcf", "application/x-microsoft-rpmsg-message; name=message.rpmsg"
    )
    message = parse_message(multipart("mixed", TEXT, part))
    assert message.encryption is Encryption.RIGHTS_MANAGED
    assert listed(message) == ["message.rpmsg"]


# winmail.dat

WINMAIL = ["application/ms-tnef; name=winmail.dat", "application/vnd.ms-tnef"]
WINMAIL += ["application/octet-stream; name=WINMAIL.DAT"]


@pytest.mark.parametrize("kind", WINMAIL)
def test_a_winmail_dat_is_opened(kind):
    content = winmail(
        winmail_file("Angebot für März.pdf", b"%PDF", "application/pdf"),
        winmail_file("a name of more than eight letters.txt", b"words"),
        text="not shown: the mail has a text",
    )
    message = parse_message(multipart("mixed", TEXT, mime(content, kind)))
    assert message.html == SHOWN
    assert [(one.filename, one.mimetype, one.content) for one in message.attachments][
        :2
    ] == [
        ("Angebot für März.pdf", "application/pdf", b"%PDF"),
        ("a name of more than eight letters.txt", "text/plain", b"words"),
    ]
    assert len(listed(message)) == 2 and len(kept(message)) == 1


HTML = b"{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 \\deff0{\\fonttbl{\\f0\\fswiss Arial;}}"
HTML += b"{\\*\\htmltag64 <p>}\\htmlrtf {\\htmlrtf0 Gr\\'fc\\u223\\'dfe & 1 "
HTML += (
    b"{\\*\\htmltag84 &lt;}\\htmlrtf <\\htmlrtf0  2 \\{x\\}\\htmlrtf \\par}\\htmlrtf0"
)
HTML += b"{\\*\\mhtmltag64 <no>}{\\*\\htmltag72 </p>}}"
PLAIN = (
    b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\info{\\author Bob}}\\pard one\\par two}"
)
CYRILLIC = b"{\\rtf1\\ansi{\\fonttbl{\\f0\\fcharset204 A;}}\\f0 \\'cf\\'f0\\'e8}"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"text": "one\r\ntwo"}, "<div>one<br>two</div>"),
        ({"html": b"<p>Gr\xfc\xdfe</p>", "text": "plain"}, "<p>Grüße</p>"),
        ({"html": b"<p>x</p><script>y</script>"}, "<p>x</p>"),
        ({"rtf": packed.stored_rtf(HTML)}, "<p>Grüße &amp; 1 &lt; 2 {x}</p>"),
        ({"rtf": packed.compressed_rtf(HTML)}, "<p>Grüße &amp; 1 &lt; 2 {x}</p>"),
        ({"rtf": packed.compressed_rtf(PLAIN)}, "<div>one<br>two</div>"),
        ({"rtf": packed.stored_rtf(PLAIN), "text": "text"}, "<div>text</div>"),
        ({"rtf": packed.stored_rtf(CYRILLIC)}, "<div>При</div>"),
        ({"rtf": b"LZFu broken", "text": "text"}, "<div>text</div>"),
    ],
)
def test_the_body_of_a_winmail_dat_is_shown_if_there_is_no_other(body, shown):
    part = mime(winmail(**body), WINMAIL[0])
    assert parse_message(part).html == shown
    empty = text_part("text/html", b"<html><body> <br>&nbsp;</body></html>")
    assert parse_message(multipart("mixed", empty, part)).html.endswith(shown)
    assert parse_message(multipart("mixed", TEXT, part)).html == SHOWN


def test_a_picture_of_a_winmail_dat_is_within_its_text():
    content = winmail(
        winmail_file("logo.png", PNG, "image/png", "logo@01"),
        html=b'<p><img src="cid:logo@01"></p>',
    )
    message = parse_message(mime(content, WINMAIL[0]))
    assert message.attachments[0].inline and not listed(message)


def test_a_message_within_a_winmail_dat_is_a_message():
    inner = winmail(
        winmail_file("offer.pdf", b"%PDF"), winmail_file("logo.png", PNG),
        text="Grüße", subject="Unser Angebot für Sie", sender="Bob Döe",
    )  # fmt: skip
    content = packed.IS_MESSAGE + inner
    outer = winmail(winmail_file("Unser Angebot", content, kind=packed.OBJECT))
    message = parse_message(multipart("mixed", TEXT, mime(outer, WINMAIL[0])))
    assert listed(message) == ["Unser Angebot.eml"]
    (attached, _winmail) = message.attachments
    assert attached.mimetype == "message/rfc822"
    inner_message = parse_message(attached.content)
    assert inner_message.subject == "Unser Angebot für Sie"
    assert str(inner_message.addresses["from"][0]) == "Bob Döe <bob@example.com>"
    assert inner_message.html == "<div>Grüße</div>"
    assert listed(inner_message) == ["offer.pdf", "logo.png"]


def test_a_signed_message_within_a_winmail_dat_is_opened():
    content = winmail(winmail_file("smime.p7m", signed(TEXT), "application/pkcs7-mime"))
    message = parse_message(mime(content, WINMAIL[0]))
    assert message.html == SHOWN and not listed(message)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 100,
        packed.HEAD,
        packed.HEAD + b"\x07" * 50,
        winmail(winmail_file("a.txt", b"x" * 100))[:-40],
        winmail(*[winmail_file("a.txt", b"x")] * (tnef.MAX_FILES + 1)),
    ],
)
def test_a_broken_winmail_dat_stays_a_file(content):
    part = mime(content, WINMAIL[0])
    message = parse_message(multipart("mixed", TEXT, part))
    assert message.html == SHOWN
    if content not in (b"", packed.HEAD):
        assert listed(message) == ["winmail.dat"]
        assert message.attachments[-1].content == content


def test_a_winmail_dat_with_damage_at_its_end_loses_nothing():
    content = winmail(winmail_file("a.txt", b"words")) + b"\x02garbage"
    message = parse_message(multipart("mixed", TEXT, mime(content, WINMAIL[0])))
    assert listed(message) == ["a.txt", "winmail.dat"]


START = 1_777_618_800  # 2026-05-01 07:00 UTC


@pytest.mark.parametrize(
    ("kind", "method", "answer"),
    [
        ("IPM.Schedule.Meeting.Request", "request", None),
        ("IPM.Microsoft Schedule.MtgReq", "request", None),
        ("IPM.Schedule.Meeting.Canceled", "cancel", None),
        ("IPM.Schedule.Meeting.Resp.Pos", "reply", "accepted"),
        ("IPM.Schedule.Meeting.Resp.Neg", "reply", "declined"),
        ("IPM.Appointment", "", None),
    ],
)
def test_an_invitation_within_a_winmail_dat(kind, method, answer):
    """Outlook sends no calendar then."""
    content = winmail(subject="Visit", sender="Bob", text="Please come") + b"".join(
        packed.attribute(packed.MESSAGE, name, octets)
        for name, octets in (
            (0x9003, packed.event(START, START + 3600, "Room 5")),
            (0x9003, packed.properties((packed.UTF16, 0x0E04, "Ann; Eve"))),
            (0x8008, kind.encode() + b"\0"),
        )
    )
    found = parse_message(mime(content, WINMAIL[0])).invitation
    assert (found.method, found.summary, found.location) == (method, "Visit", "Room 5")
    assert (found.start, found.end) == ("2026-05-01T07:00:00Z", "2026-05-01T08:00:00Z")
    bob = ("Bob", "bob@example.com")
    if answer:
        assert [(*bob, answer)] == [
            (one.name, one.email, one.status) for one in found.people
        ]
    else:
        assert (found.organizer.name, found.organizer.email) == bob
        assert [one.name for one in found.people] == ["Ann", "Eve"]


def test_whole_days_within_a_winmail_dat():
    """From midnight to midnight of somebody in Berlin, or in San Francisco."""
    for hours in (-9, 0):
        begin = START + hours * 3600
        octets = packed.event(begin, begin + 2 * 86400, "", 0x8215, 0x8223)
        content = packed.HEAD + b"".join(
            packed.attribute(packed.MESSAGE, name, value)
            for name, value in ((0x9003, octets), (0x8008, b"IPM.Appointment\0"))
        )
        found = parse_message(mime(content, WINMAIL[0])).invitation
        assert (found.start, found.end) == ("2026-05-01", "2026-05-02")
        assert found.recurrence


def test_an_ordinary_message_in_a_winmail_dat_is_no_invitation():
    content = winmail(text="x") + packed.attribute(
        packed.MESSAGE, 0x8008, b"IPM.Note\0"
    )
    assert parse_message(mime(content, WINMAIL[0])).invitation is None


# Files within the text

UU = b"begin 644 greeting.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n"


@pytest.mark.parametrize(
    "text",
    [
        b"Hello\r\n" + UU + b"Bye",
        (b"Hello\r\n" + UU + b"Bye").replace(b"\r\n", b"\n"),
        b"Hello\r\n" + UU.replace(b"`\r\n", b"") + b"Bye",
        b"Hello\r\n" + UU.replace(b"`", b" ") + b"Bye",
        b"Hello\r\n" + UU.replace(b"644", b"0644") + b"Bye",
        b"Hello\r\nbegin-base64 644 greeting.txt\r\naGVs\r\nbG8=\r\n====\r\nBye",
    ],
)
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_a_uuencoded_file_becomes_a_file(text, encoding):
    body = {
        "8bit": text,
        "quoted-printable": text.replace(b"=", b"=3D"),
        "base64": packed.base64.encodebytes(text),
    }[encoding]
    message = parse_message(text_part("text/plain", body, encoding))
    assert message.html == "<div>Hello<br>Bye</div>"
    (file,) = message.attachments
    assert (file.filename, file.mimetype) == ("greeting.txt", "text/plain")
    assert file.content == b"hello"


def test_several_uuencoded_files_and_one_that_is_a_winmail_dat():
    import binascii

    data = winmail(winmail_file("offer.pdf", b"%PDF"))
    lines = b"".join(
        binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45)
    )
    text = UU + b"begin 600 WINMAIL.DAT\n" + lines + b"`\nend\n" + UU
    message = parse_message(raw("", text))
    assert listed(message) == ["greeting.txt", "offer.pdf", "greeting.txt"]


@pytest.mark.parametrize(
    "text",
    [
        UU.replace(b"end\r\n", b""),
        UU.replace(b"end", b"END"),
        b"begin 644 the work\r\nas soon as you can\r\nend",
        b"begin 644 x\r\n\r\nend\r\n",
        b"begin-base64 644 x\r\nno base64 at all\r\n====\r\n",
        b"We begin 644 things and\r\nend none",
        b"begin with a smile\r\nend with a song",
        b"> " + UU.replace(b"\r\n", b"\r\n> "),
    ],
)
def test_prose_and_what_has_no_end_stay_text(text):
    message = parse_message(raw("", text))
    assert not message.attachments
    for line in text.replace(b"> ", b"").split(b"\r\n"):
        assert line.strip(b" `\\").split(b"&")[0].decode() in message.html


def test_a_text_file_is_not_searched_for_files():
    part = raw("Content-Type: text/plain; name=log.txt\n"
               "Content-Disposition: attachment", UU)  # fmt: skip
    message = parse_message(multipart("mixed", TEXT, part))
    assert [one.content for one in message.attachments] == [UU]


# AMP


def test_amp_is_dropped():
    message = parse_message(
        multipart(
            "alternative", TEXT, text_part("text/x-amp-html", b"<html amp4email>"),
            text_part("text/html", b"<p>Hello</p>"),
        )
    )  # fmt: skip
    assert message.html == "<p>Hello</p>" and not message.attachments


def test_amp_alone_is_not_lost():
    message = parse_message(multipart("mixed", text_part("text/x-amp-html", b"<p>")))
    assert len(message.attachments) == 1


# Anything

HOSTILE = {
    "indefinite lengths": mime(b"\x30\x80" * 500_000, P7M),
    "pieces of pieces": mime(
        packed.der(
            0x30,
            packed.SIGNED,
            packed.ber(
                0xA0,
                packed.ber(
                    0x30,
                    packed.VERSION,
                    packed.der(0x31),
                    packed.ber(
                        0x30, packed.DATA, packed.ber(0xA0, b"\x24\x80" * 500_000)
                    ),
                ),
            ),
        ),
        P7M,
    ),
    "a million pieces": mime(packed.signed(TEXT * 100_000, packed.ber), P7M),
    "begin, begin, begin": raw("", b"begin 644 x\r\n" * 100_000),
    "begin and data, without end": raw(
        "", (b"begin 644 x\r\n" + b"%:&5L;&\\\r\n" * 50) * 2_000
    ),
    "PGP begins": raw("", b"-----BEGIN PGP MESSAGE-----\r\n" * 50_000),
    "a count of 4 billion": mime(
        packed.HEAD
        + packed.attribute(
            1, 0x9003, b"\xff\xff\xff\xff\x02\x10\x00\x10\xff\xff\xff\x7f"
        ),
        WINMAIL[0],
    ),
    "a count of 4 billion texts": mime(
        packed.HEAD
        + packed.attribute(
            1,
            0x9003,
            b"\xff\xff\xff\xff\x1f\x10\x00\x10\xff\xff\xff\xff" + b"\0" * 400_000,
        ),
        WINMAIL[0],
    ),
    "attributes without content": mime(
        packed.HEAD + packed.attribute(1, 0x800C, b"") * 100_000, WINMAIL[0]
    ),
    "RTF of braces": mime(winmail(rtf=packed.stored_rtf(b"{" * 1_900_000)), WINMAIL[0]),
    "RTF of settings": mime(
        winmail(rtf=packed.stored_rtf(b"\\uc1" * 400_000)), WINMAIL[0]
    ),
    "RTF of characters": mime(
        winmail(rtf=packed.stored_rtf(b"\\'41" * 400_000)), WINMAIL[0]
    ),
    "RTF of one reference": mime(
        winmail(
            rtf=packed.struct.pack("<II4sI", 0, 1_900_000, b"LZFu", 0)
            + b"\xff"
            + b"\x00\x1f" * 400_000
        ),
        WINMAIL[0],
    ),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_parts_take_no_time(content):
    started = time.process_time()
    parse_message(content)
    assert time.process_time() - started < 5


@given(st.binary(max_size=300))
def test_random_octets_are_no_trouble(content):
    smime.read(content)
    smime.read(b"\x30\x80" + packed.SIGNED + content)
    rtf.body(content)
    rtf.decompress(packed.struct.pack("<II4sI", 0, 900, b"LZFu", 0) + content)
    parse_message(mime(packed.HEAD + content, WINMAIL[0]))


WHOLE = [
    mime(signed(mime(signed(TEXT, packed.ber), P7M)), P7M),
    mime(
        winmail(winmail_file("a.txt", b"words"), rtf=packed.compressed_rtf(HTML)),
        WINMAIL[0],
    ),
    raw("", UU),
]


@given(st.sampled_from(WHOLE), st.data())
def test_damaged_octets_are_no_trouble(content, data):
    """Cut off, or with other octets in the middle."""
    head, _gap, body = content.partition(b"\r\n\r\n")
    octets = bytearray(packed.base64.b64decode(body) if b"base64" in head else body)
    for _change in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(octets) - 1))
        new = data.draw(
            st.sampled_from([b"\xff\xff\xff\xff", b"\0\0", b"\x80", b"\x24"])
        )
        octets[place : place + len(new)] = new
    cut = data.draw(st.integers(0, len(octets)))
    kind = WINMAIL[0] if b"tnef" in head else P7M
    content = mime(bytes(octets[:cut]), kind)
    message = parse_message(content)
    if cut:
        assert message.html or message.attachments
