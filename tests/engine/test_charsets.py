"""Texts whose octets are not what their label says: a reader sees words, not signs."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mails import raw, text_part

from odoo.addons.mailbox_connector.engine.mime.charset_names import codec_name
from odoo.addons.mailbox_connector.engine.mime.charsets import decode
from odoo.addons.mailbox_connector.engine.mime.headers import first_phase
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message

TO_ASCII = b"\x1b(B"
KANJI = b"\x1b$B"
# "①番目の件です㈱": the first and the last are characters of NEC on Windows.
NEC = KANJI + b"-!HVL\\$N7o$G$9-j" + TO_ASCII
NEC_TEXT = "①番目の件です㈱"


def body(content: bytes, charset: str = "") -> str:
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    shown = parse_message(text_part(kind, content)).html
    return shown.removeprefix("<div>").removesuffix("</div>")


def subject(content: bytes, charset: str) -> str:
    word = base64.b64encode(content).decode()
    return parse_message(raw(f"Subject: =?{charset}?B?{word}?=")).subject


# Charsets of 7 bits: always valid ASCII, and never meant as such


@pytest.mark.parametrize(
    "charset",
    ["iso-2022-jp", "ISO-2022-JP-MS", "cp50220", "windows-50221", "csISO2022JP"]
    + ["_iso-2022-jp$ESC", "us-ascii", "utf-8", "unknown-8bit", "iso-8859-1"],
)
def test_japanese_of_windows(charset):
    """① and ㈱ are not in the charset that the label names."""
    assert body(NEC, charset) == subject(NEC, charset) == NEC_TEXT


def test_japanese_without_a_label():
    assert body(NEC) == NEC_TEXT
    assert parse_message(b"Subject: " + NEC + b"\r\n\r\n").subject == NEC_TEXT


def test_a_japanese_name_that_looks_like_quotes_and_brackets():
    """The octets of these two characters are '"<>\"'; the address is behind them."""
    header = b'From: \x1b$B"<>"\x1b(B <yamada@customer.example>'
    (address,) = parse_message(header).addresses["from"]
    assert str(address) == "⊆匠 <yamada@customer.example>"
    assert first_phase(header)[0]["from"] == [address]


@pytest.mark.parametrize(
    ("charset", "content", "text"),
    [
        ("iso-2022-jp", b"\x1b(I124\x1b(Bx", "ｱｲｴx"),
        ("iso-2022-jp", b"\x0e124\x0fx", "ｱｲｴx"),
        ("iso-2022-jp", KANJI + b'$"' + TO_ASCII + b" \xb1\xb2", "あ ｱｲ"),
        ("iso-2022-jp", b"\x1b(J\\100\x1b(B", "¥100"),
        ("iso-2022-jp", "こんにちは".encode("cp932"), "こんにちは"),
        ("iso-2022-jp", "こんにちは".encode(), "こんにちは"),
        ("iso-2022-jp", KANJI + b'$"$', "あ\ufffd"),
        ("iso-2022-jp-2", "你好 안녕".encode("iso2022_jp_2"), "你好 안녕"),
        ("iso-2022-jp-2", b"\x1b.Acaf\x1bNi", "café"),
        ("iso-2022-jp-3", "①".encode("iso2022_jp_3"), "①"),
        ("iso-2022-jp-2004", "俱①".encode("iso2022_jp_2004"), "俱①"),
        ("iso-2022-kr", "안녕 abc".encode("iso2022_kr"), "안녕 abc"),
        ("iso-2022-kr", "안녕".encode("iso2022_kr")[4:], "안녕"),
        ("iso-2022-kr", "안녕".encode("cp949"), "안녕"),
        ("us-ascii", "안녕".encode("iso2022_kr"), "안녕"),
        ("iso-2022-cn", b"\x1b$)A\x0eDc:C\x0f.", "你好."),
        # The second set has no codec: its characters are unknown, the rest is not.
        ("iso-2022-cn-ext", b"\x1b$)G\x0eD!\x0f\x1b$)A\x0eDc:C\x0f.", "\ufffd你好."),
        ("hz-gb-2312", b"~{Dc:C~} a~~b ~{TY<{~}", "你好 a~b 再见"),
        ("hz", b"~{Dc:C", "你好"),
        ("us-ascii", b"~{Dc:C~}", "你好"),
        ("utf-7", b"Gr+APwA3w-e", "Grüße"),
        ("unicode-1-1-utf-7", b"a + b, +AOk- 1+1", "a + b, é 1+1"),
        ("utf-7", "Grüße".encode(), "Grüße"),
        ("utf-16", b"plain", "plain"),
        ("utf-16", "Grüße".encode(), "Grüße"),
    ],
)
def test_escape_sequences(charset, content, text):
    assert subject(content, charset) == text
    assert body(content, charset) == text


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred\x1b(B\x1b[m", '(format t "~{~a~}")', "~{item~}", "1+1=2, a+-b", "~~"],
)
def test_text_that_only_resembles_escape_sequences(text):
    assert decode(text.encode()) == decode(text.encode(), "utf-8") == text


def test_a_line_that_was_broken_within_a_japanese_text():
    broken = KANJI + b'$"$$\r\n$&$(' + TO_ASCII + b"."
    assert decode(broken, "iso-2022-jp") == "あい\r\nうえ."
    assert decode(KANJI + b'$"\r\nHello!', "iso-2022-jp") == "あ\r\nHello!"


@pytest.mark.parametrize(("cut", "charset"), [(1, "utf-8"), (5, "iso-2022-jp")])
def test_encoded_words_that_split_a_character_or_an_escape_sequence(cut, charset):
    text = "会議の件です"
    content = text.encode(charset)
    for at in range(cut, len(content), 1):
        one, two = (
            base64.b64encode(part).decode() for part in (content[:at], content[at:])
        )
        header = f"Subject: =?{charset}?B?{one}?=\n =?{charset.upper()}?b?{two}?="
        assert parse_message(raw(header)).subject == text


def test_encoded_words_whose_base64_was_split_or_padded_in_pieces():
    coded = base64.b64encode("Grüße aus München".encode()).decode()
    for at in range(1, len(coded) - 2):
        words = f"=?utf-8?B?{coded[:at]}?= =?utf-8?B?{coded[at:]}?="
        shown = parse_message(raw(f"Subject: {words}")).subject
        # A group that happens to be whole may also be the end of a word.
        assert shown == "Grüße aus München" or "\ufffd" in shown or at % 4 in (2, 3)
    assert parse_message(raw("Subject: =?utf-8?B?R3LDvA==w59l?=")).subject == "Grüße"


# Valid against broken octets


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Grüße aus München".encode() + b"\xc3", "Grüße aus München\ufffd"),
        (b"\xbcr Gr" + "üße".encode(), "\ufffdr Grüße"),
        ("Größe: 5 €".encode()[:-1] + b"...", "Größe: 5 \ufffd..."),
        ("Grüße, ".encode() + b"caf\xe9 \x80 5", "Grüße, café € 5"),
        (b"\x93caf\xe9\x94 " + "Grüße".encode(), "“café” Grüße"),
        (b"price \xa31,250 \x80 caf\xe9 " + b"x" * 5_000, "price £1,250 € café "
         + "x" * 5_000),
        (b"caf\xe9", "café"),
        (b"\x80 5", "€ 5"),
        ("ünlü".encode() + b"x" * 500 + b"\xe9", "ünlü" + "x" * 500 + "é"),
        (b"\xed\xa0\xbd\xed\xb8\x80 caf\xe9", "😀 café"),
        ("日本語".encode()[:-1], "日本\ufffd"),
        ("日本語".encode()[2:], "\ufffd本語"),
        ("日本語".encode()[:-1] + b"...", "日本\ufffd..."),
        ("Привет".encode()[:-1] + b" x", "Приве\ufffd x"),
        ("Größe\r\n".encode() + "ÄÖÜ été".encode("cp1252"), "Größe\r\nÄÖÜ été"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("charset", ["utf-8", "", "us-ascii"])
def test_a_few_broken_octets(content, text, charset):
    """Neither does one octet spoil a text, nor a long text hide a few octets."""
    assert decode(content, charset) == text


@given(st.text(alphabet="äöüßéèñ€–„“abcxyz ", min_size=8), st.sampled_from("éüäöß"))
def test_one_octet_of_windows_1252_never_spoils_utf_8(text, letter):
    text = f"Grüße {text}"
    content = text.encode() + b" " + letter.encode("cp1252") + b"xx " + "Größe".encode()
    assert decode(content, "utf-8") == f"{text} {letter}xx Größe"


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("gb2312", "gb18030", "镕基，你好 €"),
        ("gb2312", "utf-8", "你好，世界"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("euc-kr", "cp949", "똠방각하"),
        ("shift_jis", "cp932", "①㈱髙橋"),
        ("euc-jp", "euc_jis_2004", "①番"),
        ("big5", "big5hkscs", "你好，香港嘅"),
        ("big5", "cp950", "你好 €"),
        ("iso-8859-1", "cp1252", "“Grüße” – 5 €"),
        ("iso-8859-1", "utf-8", "Grüße"),
        ("windows-1252", "utf-8", "Привет, мир"),
        ("koi8-r", "utf-8", "Привет, мир"),
        ("iso-8859-9", "cp1254", "“ışık”"),
        ("tis-620", "cp874", "สวัสดี…"),
    ],
)
def test_labels_that_mean_another_charset(charset, codec, text):
    content = text.encode(codec)
    assert decode(content, charset) == text
    assert body(content, charset) == subject(content, charset) == text


def test_utf_8_that_was_cut_and_is_labelled_otherwise():
    assert decode("Grüße für".encode() + b"\xc3", "iso-8859-1") == "Grüße für\ufffd"


def test_windows_1252_is_not_taken_for_utf_8_by_chance():
    """'É»' is a valid character of UTF-8 in windows-1252."""
    assert decode("PRIVÉ»".encode("cp1252"), "iso-8859-1") == "PRIVÉ»"


@pytest.mark.parametrize("codec", ["gb18030", "cp932", "cp949", "big5", "euc_jp"])
def test_one_broken_octet_among_characters_of_two(codec):
    text = "안녕하세요" if codec == "cp949" else "一二三四五。"
    content = text.encode(codec)
    assert decode(content + b"\xff abc", codec).startswith(text)
    assert decode(content[:-1], codec).startswith(text[:-1])


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("'utf-8'", "utf-8"), ('"UTF-8', "utf-8"), ("utf 8", "utf-8"),
        ("utf8mb4", "utf-8"), ("unicode-1-1-utf-8", "utf-8"), ("ascii", "utf-8"),
        ("utf-8; format=flowed", "utf-8"), ("charset=utf-8", "utf-8"),
        ("default", "utf-8"), ("unknown-8bit", "utf-8"), ("windows-65001", "utf-8"),
        ("ansi", "cp1252"), ("ms-ansi", "cp1252"), ("iso 8859-1", "cp1252"),
        ("ISO_8859-1:1987", "cp1252"), ("latin 1", "cp1252"), ("8859_1", "cp1252"),
        ("iso8859_15", "iso8859-15"), ("windows 1251", "cp1251"), ("win1251", "cp1251"),
        ("x-cp1250", "cp1250"), ("cp-850", "cp850"), ("ibm850", "cp850"),
        ("x-mac-roman", "mac_roman"), ("x-mac-ce", "mac_latin2"),
        ("x-mac-japanese", "cp932"), ("x-windows-949", "cp949"), ("x-gbk", "gb18030"),
        ("x-euc-jp", "euc_jp"), ("unicode-1-1-utf-7", "utf-7"), ("cp936", "gb18030"),
        ("utf-8859-1", ""), ("viscii", ""), ("rot13", ""), ("ünknown", ""), ("", ""),
        # These are no charsets of messages, and of quadratic cost.
        ("idna", ""), ("punycode", ""), ("unicode_escape", ""), ("undefined", ""),
    ],
)  # fmt: skip
def test_names_of_charsets(label, codec):
    assert codec_name(label) == codec


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("koi8-r", "Привет, как дела?"),
        ("windows-1251", "Добрый день, высылаем счёт"),
        ("gbk", "您好，这是我们的报价单"),
        ("big5", "您好，這是我們的報價單"),
        ("cp932", "こんにちは、見積書です"),
        ("euc_jp", "こんにちは、見積書です"),
        ("cp949", "안녕하세요 반갑습니다"),
        ("cp1252", "Größenänderung für Übergänge"),
        ("cp1252", "À bientôt, été"),
    ],
)
def test_octets_without_any_label(codec, text):
    assert decode(text.encode(codec)) == text


# Raw octets in a header


RAW = [
    ("koi8-r", "Счёт за май"),
    ("windows-1251", "Счёт за май"),
    ("gb2312", "报价单"),
    ("shift_jis", "見積書ソ表"),
    ("iso-8859-2", "Zażółć"),
    ("utf-8", "Größe"),
]


@pytest.mark.parametrize(("charset", "text"), RAW)
@pytest.mark.parametrize("in_part", [False, True])
def test_a_raw_header_is_in_the_charset_of_the_body(charset, text, in_part):
    octets = text.encode(
        {"gb2312": "gb18030", "shift_jis": "cp932"}.get(charset, charset)
    )
    kind = f"Content-Type: text/plain; charset={charset}\r\n\r\nx".encode()
    if in_part:
        kind = (
            b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n" + kind
        ) + b"\r\n--B--\r\n"
    header = b"From: " + octets + b" <ann@customer.example>\r\nSubject: " + octets
    message = parse_message(header + b"\r\n" + kind)
    assert message.subject == text
    assert [str(one) for one in message.addresses["from"]] == [
        f"{text} <ann@customer.example>"
    ]
    assert [one.email for one in first_phase(header)[0]["from"]] == [
        "ann@customer.example"
    ]
    new = header + b"\r\nContent-Type: text/plain; charset=" + charset.encode()
    assert first_phase(new)[0]["from"] == message.addresses["from"]


def test_a_raw_header_in_utf_8_although_the_body_is_not():
    header = "Subject: Größe\nContent-Type: text/plain; charset=koi8-r"
    assert parse_message(raw(header)).subject == "Größe"
    header = "Subject: Gr\udcf6\udcdfe\nContent-Type: text/plain; charset=utf-8"
    assert parse_message(raw(header)).subject == "Größe"


# Anything


LABELS = st.sampled_from(
    ["", "utf-8", "iso-8859-1", "iso-2022-jp", "iso-2022-kr", "iso-2022-cn", "hz"]
    + ["utf-7", "utf-16", "gb2312", "shift_jis", "koi8-r", "euc-kr", "nonsense"]
)
PIECES = st.sampled_from(
    [b"\x1b", b"$B", b"(B", b"$)C", b"\x0e", b"\x0f", b"~{", b"~}", b"+", b"-", b"AOk",
     b"\x1bN", b"\r\n", b"a", b"\xc3", b"\xbc", b"\xe9", b"\xed\xa0\xbd", b"\x80",
     b"\0"]
)  # fmt: skip


@given(st.one_of(st.binary(), st.lists(PIECES).map(b"".join)), LABELS)
def test_never_raises(content, charset):
    text = decode(content, charset)
    text.encode()
    assert "\0" not in text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_valid_utf_8_is_never_changed(text):
    shown = text.removeprefix("\ufeff")
    if not {"~", "\x1b"} & set(text):
        assert decode(text.encode(), "utf-8") == decode(text.encode()) == shown


@pytest.mark.parametrize(
    "piece",
    [
        b"\x1b",
        b"\x1b$B",
        b"\x1b$BA\r\n",
        b"\x0e",
        b"~{",
        b"~{AA",
        b"+",
        b"\xe9",
        b"\xc3",
    ]
    + [b"\x80", b"\xc3\xbc\xe9", b"\xed\xa0\xbd", b"\x1bN"],
)
def test_hostile_texts_end_soon(piece):
    """Linear, not quadratic."""
    content = piece * (100_000 // len(piece))
    started = time.process_time()
    for charset in ("", "utf-8", "iso-2022-jp", "hz", "utf-7", "gb2312", "koi8-r"):
        for start in (b"", b"\xc3\xbc"):
            decode(start + content, charset)
    assert time.process_time() - started < 20
