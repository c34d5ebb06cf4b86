"""Address headers as they come: whom a mail is matched to hangs on this."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.mime import charsets, words
from odoo.addons.mailbox_connector.engine.mime.addresses import (
    MAX_ADDRESSES,
    normalize,
    parse_addresses,
    spellings,
)


def pairs(value):
    return [(one.name, one.email) for one in parse_addresses(value)]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", []),
        (None, []),
        ("a@example.com", [("", "a@example.com")]),
        ("<A@Example.COM>", [("", "a@example.com")]),
        ("Ann <a@example.com>", [("Ann", "a@example.com")]),
        ('"Doe, Ann" <a@example.com>', [("Doe, Ann", "a@example.com")]),
        ('"A \\"Q\\" B" <a@example.com>', [('A "Q" B', "a@example.com")]),
        ("a@example.com (Ann Doe)", [("Ann Doe", "a@example.com")]),
        ("Ann (at (her) desk) <a@example.com>", [("Ann", "a@example.com")]),
        ("=?utf-8?q?J=C3=B6rg?= <j@example.com>", [("Jörg", "j@example.com")]),
        ("=?utf-8?B?RG9lLCBBbm4=?= <a@example.com>", [("Doe, Ann", "a@example.com")]),
        ('"=?utf-8?q?J=C3=B6rg?=" <j@example.com>', [("Jörg", "j@example.com")]),
        ("=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?= <j@example.com>",
         [("Jörg", "j@example.com")]),
        ("=?x-none?q?J=F6rg?= <j@example.com>", [("Jörg", "j@example.com")]),
        ("=?utf-8?q?broken <j@example.com>", [("=?utf-8?q?broken", "j@example.com")]),
        ("=?utf-8?B?QW5uIDxhQGV4YW1wbGUuY29tPg==?=", [("Ann", "a@example.com")]),
        ("J\udcf6rg <j@example.com>", [("Jörg", "j@example.com")]),
        (b"J\xc3\xb6rg <j@example.com>", [("Jörg", "j@example.com")]),
        ("a@example.com, b@example.com;c@example.com",
         [("", "a@example.com"), ("", "b@example.com"), ("", "c@example.com")]),
        ("Team: Ann <a@example.com>, b@example.com;, c@example.com",
         [("Ann", "a@example.com"), ("", "b@example.com"), ("", "c@example.com")]),
        ("undisclosed-recipients:;", []),
        ("Ann a@example.com", [("Ann", "a@example.com")]),
        ("'a@example.com' <a@example.com>", [("a@example.com", "a@example.com")]),
        ("mailto:a@example.com", [("", "a@example.com")]),
        ("<@relay.example:a@example.com>", [("", "a@example.com")]),
        ('"odd local"@example.com', [("", '"odd local"@example.com')]),
        ("o'neil+tag=x@example.com", [("", "o'neil+tag=x@example.com")]),
        ("a @ example.com", [("", "a@example.com")]),
        ("info@müller.example", [("", "info@müller.example")]),
        ("nobody", []),
        ("@example.com", []),
        ("a@", []),
        ("a@b@c", []),
        ("Ann <not an address>", []),
        ("a@example.com\r\n ,b@example.com", [("", "a@example.com"),
                                            ("", "b@example.com")]),
        (["a@example.com", "Ann <A@example.com>"], [("Ann", "a@example.com")]),
    ],
)  # fmt: skip
def test_headers(value, found):
    assert pairs(value) == found


@pytest.mark.parametrize(
    "value",
    [
        "evil@example.org <victim@example.com>",
        '"victim@example.com" <evil@example.org>',
        "victim@example.com <evil@example.org>",
    ],
)
def test_the_display_name_is_not_the_address(value):
    """Who writes another's address as their name must not be matched to them."""
    (address,) = parse_addresses(value)
    assert address.email == value.rpartition("<")[2].rstrip(">")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        # Brackets
        ('"Ann Doe"<ann@a.example', [("Ann Doe", "ann@a.example")]),
        ("Ann <ann@a.example", [("Ann", "ann@a.example")]),
        ("Ann <ann@a.example, Bob <bob@b.example>",
         [("Ann", "ann@a.example"), ("Bob", "bob@b.example")]),
        ("Ann ann@a.example>", [("Ann", "ann@a.example")]),
        ("Ann <<ann@a.example>>", [("Ann", "ann@a.example")]),
        ("Ann <ann@a.example>>", [("Ann", "ann@a.example")]),
        ("<mailto:ann@a.example>", [("", "ann@a.example")]),
        ("Ann <MAILTO:ann@a.example?subject=Hi>", [("Ann", "ann@a.example")]),
        ("ann@a.example <mailto:ann@a.example>", [("ann@a.example", "ann@a.example")]),
        ("Ann [mailto:ann@a.example]", [("Ann", "ann@a.example")]),
        ("Ann <@a.example,@b.example:ann@c.example>", [("Ann", "ann@c.example")]),
        ("Ann <ann@a. example>", [("Ann", "ann@a.example")]),
        ("Ann <ann doe@a.example>", []),
        ("ann@a.example <>", [("", "ann@a.example")]),
        # No commas
        ("ann@a.example bob@b.example", [("", "ann@a.example"), ("", "bob@b.example")]),
        ("ann@a.example\r\n\tbob@b.example",
         [("", "ann@a.example"), ("", "bob@b.example")]),
        ("<ann@a.example> <bob@b.example>",
         [("", "ann@a.example"), ("", "bob@b.example")]),
        ("Ann <ann@a.example> Bob <bob@b.example>",
         [("Ann", "ann@a.example"), ("Bob", "bob@b.example")]),
        ("Ann ann@a.example Bob bob@b.example",
         [("Ann", "ann@a.example"), ("Bob", "bob@b.example")]),
        ("<ann@a.example, bob@b.example>",
         [("", "ann@a.example"), ("", "bob@b.example")]),
        ("ann@a.example\u00a0bob@b.example",
         [("", "ann@a.example"), ("", "bob@b.example")]),
        ("ann@a.example；bob@b.example",
         [("", "ann@a.example"), ("", "bob@b.example")]),
        ("Ann <ann@a.example>; Bob <bob@b.example>;",
         [("Ann", "ann@a.example"), ("Bob", "bob@b.example")]),
        # What nobody sees
        ("ann@a.example\u200b", [("", "ann@a.example")]),
        ("Ann <\u200bann\u200d@a.example\ufeff>", [("Ann", "ann@a.example")]),
        (b"Ann <ann@a.example\xe2\x80\x8b>", [("Ann", "ann@a.example")]),
        ("=?utf-8?q?=E2=80=8Bann=40a=2Eexample?=", [("", "ann@a.example")]),
        # Comments
        ("ann(c)@a.example", [("c", "ann@a.example")]),
        ("<ann(c)@a.example>", [("", "ann@a.example")]),
        ("ann@(c)a.example", [("c", "ann@a.example")]),
        ("(c) Ann <ann@a.example> (d)", [("Ann", "ann@a.example")]),
        ("<ann@a.example> (Ann)", [("Ann", "ann@a.example")]),
        ("Ann (never closed <ann@a.example>", [("Ann never closed", "ann@a.example")]),
        # Names
        ('"Ann \\"The Boss\\"" <ann@a.example>', [('Ann "The Boss"', "ann@a.example")]),
        ("'Ann Doe' <ann@a.example>", [("Ann Doe", "ann@a.example")]),
        ("Doe, Ann <ann@a.example>", [("Doe, Ann", "ann@a.example")]),
        ("bob@b.example, Ann <ann@a.example>",
         [("", "bob@b.example"), ("Ann", "ann@a.example")]),
        ("Ann @ Acme <ann@a.example>", [("Ann @ Acme", "ann@a.example")]),
        ("CEO @ Acme, Inc. <ann@a.example>", [("Inc.", "ann@a.example")]),
        ("Ann D. Doe <ann@a.example>", [("Ann D. Doe", "ann@a.example")]),
        ('"Ann <ann@a.example>', [("Ann", "ann@a.example")]),
        ('A "B <ann@a.example>, "C" <cid@c.example>',
         [("A B", "ann@a.example"), ("C", "cid@c.example")]),
        ('"Doe, Ann" ann@a.example', [("Doe, Ann", "ann@a.example")]),
        ('"ann@a.example"', [("", "ann@a.example")]),
        ("=?utf-8?q?Ann_=3Cann=40a=2Eexample=3E=2C_bob=40b=2Eexample?=",
         [("Ann", "ann@a.example"), ("", "bob@b.example")]),
        # Dots
        ("ann@a.example.", [("", "ann@a.example")]),
        ("ann@.a.example", []),
        ("ann@a..example", []),
        ("ann@a.example. Bob", [("Bob", "ann@a.example")]),
        ("ann..doe.@a.example", [("", "ann..doe.@a.example")]),
        # None
        ("ann at a.example", []),
        ("ann\uff20a.example", []),
        ("ann\\bob@a.example", []),
        ("ann@a.example/bob@b.example", []),
        ("ann@exa mple.com", []),
        ("ann@a.example(x)bob", [("bob", "ann@a.example")]),
        ("=?utf-8?q?Ann?=ann@a.example", [("Ann", "ann@a.example")]),
        ("<ann@a.example> on behalf of bob@b.example", [("", "ann@a.example")]),
        ("bob@b.example <a@b@c>", []),
        ("CN=Ann Doe/O=Acme@Acme", []),
        ("Ann=?utf-8?q?_x?=ann@a.example", []),
    ],
)  # fmt: skip
def test_what_senders_get_wrong(value, found):
    assert pairs(value) == found


WRITTEN = st.sampled_from(["ann@a.example", "bob@b.example", "cid@c.example."])
AROUND = st.sampled_from(
    ["Ann", '"Ann Doe"', "'Doe'", "(c)", "<", ">", '"', "(", ")", ",", ";", ":", " ",
     "\t", "\r\n ", "[", "]", "mailto:", "\u200b", "\u00a0", "Team:", "@", ".", "\\",
     "=?utf-8?q?=C3=B6_x?=", "ö", "\udcf6", "<>", "x"]
)  # fmt: skip


@given(st.lists(st.one_of(WRITTEN, AROUND), max_size=12))
def test_an_address_is_never_made_up(pieces):
    """Each is between what cannot be part of an address, so nothing else was glued to
    it; white space and comments are allowed beside "@" and "." only."""
    value = "".join(pieces)
    text = re.sub("[\u200b]", "", charsets.from_raw(words.unfold(value)))
    text = re.sub(r"\([^()]*\)", " ", text).replace("?=", "?= ")
    texts = [
        words.decode_words(re.sub(rf"\s*([{marks}])\s*", r"\1", text))
        for marks in ("@", "@.")
    ]
    for address in parse_addresses(value):
        written = re.compile(
            rf"(?:^|[^\w!#$%&*+/=?^`{{|}}~.-]){re.escape(address.email)}", re.I
        )
        assert any(map(written.search, texts)), (address, texts)


@given(
    st.lists(WRITTEN, min_size=1, max_size=4), st.sampled_from([" ", ", ", ";\r\n "])
)
def test_every_address_is_read(emails, separator):
    found = [one.email for one in parse_addresses(separator.join(emails))]
    assert found == list(dict.fromkeys(one.rstrip(".") for one in emails))


def test_a_name_with_an_address_is_quoted():
    """Its text is parsed again for a reply, which must not go to the name."""
    (address,) = parse_addresses('"bob@b.example, x" <ann@a.example>')
    assert str(address) == '"bob@b.example, x" <ann@a.example>'
    assert parse_addresses(str(address)) == [address]


@pytest.mark.parametrize(
    "piece",
    ["ann@a.example ", "<ann@a.example> ", '"x" ', "(c)", "<ann@", ":", "[mailto:"]
    + ["=?utf-8?q?a?= ", "a, ", "\u200b", "@.", "\\", "' "],
)
def test_what_senders_get_wrong_100_000_times(piece):
    value = piece * (120_000 // len(piece))
    started = time.process_time()
    for text in (value, f"ann@a.example {value}", f'"{value}', f"ö{value}"):
        assert len(parse_addresses(text)) <= MAX_ADDRESSES
    assert time.process_time() - started < 20


def test_thousands_are_capped():
    value = ", ".join(f"a{number}@example.com" for number in range(5000))
    assert len(parse_addresses(value)) == MAX_ADDRESSES


@pytest.mark.parametrize(
    "piece", ["(", '"', "<", "=?a?q?", "=?a?q?x", '\\"', " ", ",", "a", "a@", "@ ", ":"]
)
def test_hostile_headers_end_soon(piece):
    """A stranger's header must not keep the server busy: linear, not quadratic."""
    value = piece * (120_000 // len(piece))
    for text in (value, f"a@example.com {value}", f'"{value}', f"<{value}"):
        assert len(parse_addresses(text)) <= MAX_ADDRESSES


@given(st.one_of(st.text(), st.binary(), st.lists(st.text(), max_size=4)))
def test_never_raises(value):
    for address in parse_addresses(value):
        assert normalize(address.email) == address.email
        assert "\0" not in address.name
        address.name.encode()  # no lone surrogate


PIECES = st.sampled_from(
    ["a@example.com", "Ann", '"', "<", ">", "(", ")", ",", ";", ":", "\\", "@", " ",
     "=?utf-8?q?=C3=B6?=", "=?utf-8?b?w7Y=?=", "=?", "?=", "\r\n ", "\udcf6", "ö"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_never_raises_on_what_looks_like_headers(value):
    for address in parse_addresses(value):
        assert normalize(address.email) == address.email


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("Ann@Example.com ", "ann@example.com"),
        ("Ann <ANN@example.com>", "ann@example.com"),
        ("info@MÜLLER.example", "info@müller.example"),
        ("Jörg@Example.com", "Jörg@example.com"),
        ("a@localhost", "a@localhost"),
        ("a@b.example, c@d.example", ""),
        ("<a@b.example> <c@d.example>", "c@d.example"),
        ("nobody", ""),
        ("", ""),
        (None, ""),
        ("a@b@c.example", ""),
        ("x" * 2000 + "@example.com", ""),
    ],
)
def test_normalize(text, email):
    assert normalize(text) == email


def test_international_domains_have_two_spellings():
    both = ["info@müller.example", "info@xn--mller-kva.example"]
    assert spellings("Info@Müller.example") == both
    assert spellings("info@xn--mller-kva.example") == both[::-1]
    assert spellings("a@example.com") == ["a@example.com"]
    assert spellings("nobody") == []
    assert spellings("info@xn--99999999.example") == ["info@xn--99999999.example"]
