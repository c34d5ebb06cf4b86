"""What a machine wrote is distinguished from what a person wrote."""

from __future__ import annotations

import pytest
import reports
from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.mime.automatic import (
    Automatic,
    automatic_kind,
)
from odoo.addons.mailbox_connector.engine.mime.headers import fields


def kind(header: str) -> Automatic | None:
    raw = header.replace("\n", "\r\n").encode("utf-8", "surrogateescape")
    return automatic_kind(fields(raw))


@pytest.mark.parametrize("shape", reports.ALL)
def test_bounces(shape):
    header = reports.ALL[shape].partition(b"\r\n\r\n")[0]
    assert automatic_kind(fields(header)) is Automatic.BOUNCE


ANN = "From: Ann <ann@customer.example>\n"
KINDS = {
    "a letter": (ANN, None),
    "a letter that says so": (f"{ANN}Auto-Submitted: no", None),
    "nothing": ("", None),
    # Outlook and Odoo put it into people's mail.
    "asks for no answer": (f"{ANN}X-Auto-Response-Suppress: All", None),
    "a sales program": (f"{ANN}List-Unsubscribe: <https://customer.example>", None),
    "the postmaster in person": ("From: postmaster@customer.example", None),
    "a known sender": (f"{ANN}Return-Path: <ann@customer.example>", None),
    "urgent": (f"{ANN}Precedence: first-class", None),
    "says that it is none": (f"{ANN}X-Autoreply: no", None),
    "out of office": (f"{ANN}Auto-Submitted: auto-replied", Automatic.AUTO_REPLY),
    "with parameters": (
        f"{ANN}Auto-Submitted: Auto-Replied (vacation); owner-email=a@b.example",
        Automatic.AUTO_REPLY,
    ),
    "comment first": (f"{ANN}Auto-Submitted: (rfc 3834) no", None),
    "Gmail's vacation note": (
        f"{ANN}Precedence: bulk\nX-Autoreply: yes\nAuto-Submitted: auto-replied",
        Automatic.AUTO_REPLY,
    ),
    "Exchange's out-of-office note": (
        f"{ANN}Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n"
        "In-Reply-To: <a@example.com>",
        Automatic.AUTO_REPLY,
    ),
    "x-autoreply": (f"{ANN}X-Autoreply: yes", Automatic.AUTO_REPLY),
    "x-autorespond": (f"{ANN}X-Autorespond: Out of office", Automatic.AUTO_REPLY),
    "precedence": (f"{ANN}Precedence: auto_reply", Automatic.AUTO_REPLY),
    "a read receipt": (
        f"{ANN}Content-Type: multipart/report;\n"
        ' report-type="disposition-notification"; boundary=x',
        Automatic.AUTO_REPLY,
    ),
    "no sender, answers": (
        f"{ANN}Return-Path: <>\nIn-Reply-To: <a@example.com>",
        Automatic.AUTO_REPLY,
    ),
    "no sender": (f"{ANN}Return-Path: < >", Automatic.AUTO_GENERATED),
    "an order confirmation": (
        "From: shop@customer.example\nAuto-Submitted: auto-generated\n"
        "X-Auto-Response-Suppress: OOF",
        Automatic.AUTO_GENERATED,
    ),
    "an alarm": (f"{ANN}Auto-Submitted: auto-notified", Automatic.AUTO_GENERATED),
    "unknown word": (f"{ANN}Auto-Submitted: yes", Automatic.AUTO_GENERATED),
    "a complaint": (
        f"{ANN}Content-Type: multipart/report; report-type=feedback-report",
        Automatic.AUTO_GENERATED,
    ),
    "a mailing list": (f"{ANN}List-Id: <talk.example.org>", Automatic.LIST),
    "bulk": (f"{ANN}Precedence: Bulk", Automatic.LIST),
    "junk": (f"{ANN}Precedence: junk", Automatic.LIST),
    "list": (f"{ANN}Precedence: list", Automatic.LIST),
    "a report of no type": (
        f"{ANN}Content-Type: multipart/report; boundary=x",
        Automatic.BOUNCE,
    ),
    "failed recipients": (f"{ANN}X-Failed-Recipients: a@b.example", Automatic.BOUNCE),
    "mailer-daemon": ("From: <MAILER-DAEMON@mx.example.com>", Automatic.BOUNCE),
    "no domain": ("From: Mail System <MAILER-DAEMON>", Automatic.BOUNCE),
    "the postmaster's program": (
        "From: postmaster@customer.example\nReturn-Path: <>",
        Automatic.BOUNCE,
    ),
}


@pytest.mark.parametrize(("header", "expected"), KINDS.values(), ids=KINDS)
def test_kinds(header, expected):
    """Taken for a person, a machine is answered; the reverse loses a customer."""
    assert kind(header) is expected


def test_the_topmost_field_decides():
    """Below it may be what an earlier server, or the sender, put there."""
    header = f"Return-Path: <ann@customer.example>\nReturn-Path: <>\n{ANN}"
    assert kind(header) is None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["from", "auto-submitted", "precedence", "return-path"]
                + ["content-type", b"x-autoreply", "list-id", b"\xff"]
            ),
            st.text(max_size=60),
        ),
        max_size=6,
    )
)
def test_never_raises(pairs):
    found = automatic_kind(pairs)
    assert found is None or isinstance(found, Automatic)


@pytest.mark.parametrize("value", ["(" * 1_000_000, "<" * 1_000_000, '"' * 1_000_000])
def test_hostile_values(value):
    names = ("from", "auto-submitted", "precedence", "return-path", "content-type")
    automatic_kind([(name, value) for name in names])
