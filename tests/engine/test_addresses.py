"""Address headers as they come: whom a mail is matched to hangs on this."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
