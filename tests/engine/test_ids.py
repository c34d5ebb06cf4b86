"""Message-IDs and references: threads and doubles hang on them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.mime.ids import (
    MAX_REFERENCES,
    fingerprint,
    first_message_id,
    message_id_hash,
    parse_references,
    replied_ids,
)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("<a@x>", "<a@x>"),
        ("  <a@x> (comment)", "<a@x>"),
        ("<a b@x>", "<ab@x>"),
        ("a@x", "<a@x>"),
        ("<a@x> <b@x>", "<a@x>"),
        ("", ""),
        (None, ""),
        ("Your message of Monday", ""),
        ("<" + "a" * 3000 + ">", ""),
        ("<\udcf6@x>", "<?@x>"),
    ],
)
def test_message_id(value, found):
    assert first_message_id(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("<a\r\n\tb@x>", "<ab@x>"),
        ("=?utf-8?q?=3Ca=2Eb=40?=\r\n =?utf-8?q?x=3E?=", "<a.b@x>"),
        ("<=?utf-8?q?a=40x?=>", "<a@x>"),
        ("(comment) <a@x>", "<a@x>"),
        ("<a(1)@x>", "<a(1)@x>"),
        ("<<a@x>>", "<a@x>"),
        ("<a@x", "<a@x>"),
        ("a@x>", "<a@x>"),
        ('"a@x"', "<a@x>"),
        ("<a@x>;", "<a@x>"),
        ("a@x (comment)", "<a@x>"),
        ("%3Ca@x%3E", "<a@x>"),
        ("&lt;a@x&gt;", "<a@x>"),
        ("20260501.1000-17", "<20260501.1000-17>"),
        ("Monday", ""),
        ("unknown id", ""),
        ("<Your message of last Monday>", ""),
        ("<a\x01b@x>", ""),
    ],
)
def test_message_ids_that_are_written_badly(value, found):
    assert first_message_id(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("<a@x>", ["<a@x>"]),
        ("<a@x> <b@x>", ["<a@x>", "<b@x>"]),
        ("<a@x><b@x>,<c@x>", ["<a@x>", "<b@x>", "<c@x>"]),
        ("a@x b@x; c@x", ["<a@x>", "<b@x>", "<c@x>"]),
        ("<a@x> b@x", ["<a@x>", "<b@x>"]),
        ("=?utf-8?q?=3Ca=40x=3E?= =?utf-8?q?_=3Cb=40x=3E?=", ["<a@x>", "<b@x>"]),
        ('"Message from Ann Doe" <a@x>', ["<a@x>"]),
        ('Your message of "Fri, 1 May 2026" <a@x>', ["<a@x>"]),
        ("<a@x> (Ann's message of Monday <no@x>)", ["<a@x>"]),
        ("<a@x> from Ann Doe <ann@customer.example> on Monday", ["<a@x>"]),
        ("Message from Ann <ann@customer.example> of Monday <a@x>", ["<a@x>"]),
        ("<ann@customer.example>'s message of Monday <a@x>", ["<a@x>"]),
        ("Your message <20260501.17@x> of Monday", ["<20260501.17@x>"]),
        # Prose
        ("Message from Ann <ann@customer.example> of Monday", []),
        ("Your message of Monday", []),
        ("ann@customer.example wrote on Monday", []),
        ("2026-05-01", []),
        ("", []),
    ],
)
def test_what_a_message_replies_to(value, found):
    assert replied_ids(value) == found
    assert parse_references(None, value) == found


def test_references_without_brackets_or_with_other_words():
    assert parse_references("a@x b@x\r\n c@x") == ["<a@x>", "<b@x>", "<c@x>"]
    assert parse_references("<a@x> b@x <c@x>") == ["<a@x>", "<b@x>", "<c@x>"]
    assert parse_references("<a@x> cut <b@x>") == ["<a@x>", "<b@x>"]
    assert parse_references("see a@x there") == []


@pytest.mark.parametrize(
    "piece", ["<", "(", '"', "a ", "<a b ", "=?utf-8?q?=3C?= ", "@"]
)
def test_hostile_values_end_soon(piece):
    value = piece * (400_000 // len(piece))
    started = time.process_time()
    for text in (value, f"<{value}", f"<a@x> {value}"):
        first_message_id(text)
        assert len(parse_references(text, text)) <= MAX_REFERENCES
    assert time.process_time() - started < 20


def test_hash():
    assert len(message_id_hash("<a@x>")) == 32
    assert message_id_hash("<a@x>") == message_id_hash(" a@x ")
    assert message_id_hash("<a@x>") != message_id_hash("<A@x>")
    assert message_id_hash("") == message_id_hash("<>") == ""


def test_references_oldest_first_without_doubles():
    assert parse_references("<a@x>\r\n <b@x><a@x>", "<c@x> <b@x>") == [
        *("<a@x>", "<b@x>", "<c@x>")
    ]
    assert parse_references(None, "<c@x>") == ["<c@x>"]
    assert parse_references("", None) == []


def test_a_thousand_references_keep_root_and_end():
    value = " ".join(f"<{number}@x>" for number in range(1000))
    found = parse_references(value, "<last@x>")
    assert len(found) == MAX_REFERENCES
    assert (found[0], found[-2], found[-1]) == ("<0@x>", "<999@x>", "<last@x>")


@given(st.text(), st.text())
def test_never_raises(one, two):
    for found in parse_references(one, two):
        assert message_id_hash(found) and found.encode()
    message_id_hash(one)


def test_fingerprint_sees_what_a_reader_sees():
    same = fingerprint("a@x", "Offer", "Hello  \r\nworld\r\n\r\n", [b"1", b"2"])
    assert same == fingerprint("a@x", "Offer", "Hello\nworld", [b"2", b"1"])
    others = [
        fingerprint("b@x", "Offer", "Hello\nworld", [b"2", b"1"]),
        fingerprint("a@x", "Order", "Hello\nworld", [b"2", b"1"]),
        fingerprint("a@x", "Offer", "Hello\nthere", [b"2", b"1"]),
        fingerprint("a@x", "Offer", "Hello\nworld", [b"2"]),
        fingerprint("a@x", "Offer", "Hello\nworld", [b"2", b"3"]),
    ]
    assert same not in others and len(set(others)) == len(others)


@pytest.mark.parametrize(
    "subject",
    [
        "[sales] Offer",
        "Re: [sales] Offer",
        "***SPAM*** Offer",
        "[EXTERNAL] FW: [x] offer",
    ],
)
def test_tags_of_lists_and_filters_make_no_other_message(subject):
    assert fingerprint("a@x", subject, "", []) == fingerprint("a@x", "Offer", "", [])
