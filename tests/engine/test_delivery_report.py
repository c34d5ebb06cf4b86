"""Bounces: whom the mail did not reach, why, and which mail it was."""

from __future__ import annotations

import base64

import pytest
import reports
from hypothesis import given, settings
from hypothesis import strategies as st
from mails import multipart, raw, text_part
from memory import growth
from reports import ORIGINAL, ORIGINAL_ID, dsn, wire

from odoo.addons.mailbox_connector.engine.mime.delivery_report import (
    RecipientStatus,
    read_report,
)

ANN = "ann@customer.example"
ONE = f"Final-Recipient: rfc822; {ANN}\nAction: failed\nStatus: 5.1.1\n"

SAID = {
    "postfix": ("failed", "5.1.1", True, "550 5.1.1 <ann@customer.example>: Recip"),
    "postfix, delayed": ("delayed", "4.4.1", False, "connect to mx.customer.example["),
    "exim": ("failed", "5.1.1", True, "550 5.1.1 No such user here"),
    "exim, old": ("failed", "5.1.1", True, "SMTP error from remote mail server after"),
    "exchange": ("failed", "5.1.10", True, "550 5.1.10 RESOLVER.ADR.RecipientNotFou"),
    "gmail": ("failed", "5.2.2", True, "552-5.2.2 The email account that you tried"),
    "qmail": ("failed", "5.1.1", True, "Sorry, no mailbox here by that name. (#5.1"),
    "sendmail": ("failed", "5.1.2", True, "550 Host unknown"),
}


@pytest.mark.parametrize("shape", SAID)
def test_what_servers_send(shape):
    """The user would not learn that the customer never got the mail."""
    report = read_report(reports.ALL[shape])
    assert report.original_message_id == ORIGINAL_ID
    first = report.recipients[0]
    action, status, permanent, words = SAID[shape]
    assert (first.address, first.action, first.status) == (ANN, action, status)
    assert first.permanent is permanent
    assert first.diagnostic.startswith(words) and "\n" not in first.diagnostic
    if shape != "gmail":  # which returned nothing here
        assert report.original_recipients == (ANN,)
        assert report.original_references[-1] == "<second@crm.example.com>"


def test_several_recipients_of_the_old_shapes():
    _ann, bob = read_report(reports.EXIM_OLD).recipients
    assert (bob.address, bob.status) == ("bob@customer.example", "")
    assert (bob.diagnostic, bob.permanent) == ("Unrouteable address", True)
    _ann, bob = read_report(reports.QMAIL).recipients
    assert (bob.address, bob.status, bob.action) == (
        "bob@customer.example",
        "4.2.2",
        "failed",
    )
    assert not bob.permanent  # the address is right, its mailbox was full


def only(status: str, **parts) -> RecipientStatus:
    (one,) = read_report(dsn(status, **parts)).recipients
    return one


@pytest.mark.parametrize(
    "recipient",
    [
        f"rfc822; {ANN}",
        f"RFC822;<{ANN}>",
        f"  rfc822 ;\n  {ANN}",
        ANN,
        f"<{ANN}>",
        f"x-unknown; Ann <{ANN}>",
        r"utf-8; ann@customer\x{2E}example",
    ],
)
def test_spellings_of_a_recipient(recipient):
    one = only(f"Final-Recipient: {recipient}\nAction: failed\nStatus: 5.1.1\n")
    assert one.address == ANN


def test_the_address_we_wrote_to_and_not_the_one_it_was_forwarded_to():
    one = only(
        "Original-Recipient: rfc822; ann@customer.example\n"
        "Final-Recipient: rfc822; a.smith@elsewhere.example\nAction: failed\n"
        "Status: 5.1.1\n"
    )
    assert one.address == ANN
    one = only(
        "Original-Recipient: rfc822;\nFinal-Recipient: rfc822; ann@customer.example\n"
        "Action: failed\nStatus: 5.1.1\n"
    )
    assert one.address == ANN
    # None named, and the mail had one only.
    assert only("Final-Recipient: rfc822;\nStatus: 5.1.1\n").address == ANN


def test_internationalised_report():
    """RFC 6533: addresses beyond ASCII, as UTF-8 or written out."""
    status = (
        "Final-Recipient: utf-8; jörg@customer.example\nAction: failed\n"
        "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 Empfänger gibt es nicht\n"
    )
    one = only(
        status,
        status_type="message/global-delivery-status",
        original_type="message/global-headers",
        original=ORIGINAL,
    )
    assert one.address == "jörg@customer.example"
    assert one.diagnostic == "550 5.1.1 Empfänger gibt es nicht"
    escaped = status.replace("jörg", r"j\x{F6}rg").replace("Empfänger", "User")
    assert only(escaped).address == "jörg@customer.example"
    encoded = base64.b64encode(status.encode()).decode()
    head = "message/global-delivery-status\nContent-Transfer-Encoding: base64"
    assert only(encoded, status_type=head).address == "jörg@customer.example"


@pytest.mark.parametrize(
    ("lines", "action", "status", "permanent"),
    [
        ("Action: Failed (x)\nStatus: 5.2.2 (mailbox full)", "failed", "5.2.2", True),
        ("Action: failure\nStatus: 5.1.1", "failed", "5.1.1", True),
        ("Status: 5.7.1", "failed", "5.7.1", True),
        ("Status: 4.2.2", "delayed", "4.2.2", False),
        ("Action: failed", "failed", "", True),
        # Given up after days: the address may be right.
        ("Action: failed\nStatus: 4.4.7", "failed", "4.4.7", False),
        ("Action: delivered\nStatus: 2.0.0", "delivered", "2.0.0", False),
        ("Action: relayed\nStatus: 2.1.5", "relayed", "2.1.5", False),
        ("Action: expanded", "expanded", "", False),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.7.26 no SPF",
         "failed", "5.7.26", True),
        ("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.7.1 no",
         "failed", "5.1.1", True),
        ("Diagnostic-Code: smtp; 550 No such user", "failed", "", True),
        ("Diagnostic-Code: smtp; host 5.1.1.7 said: 450 later", "delayed", "", False),
    ],
)  # fmt: skip
def test_actions_and_codes(lines, action, status, permanent):
    one = only(f"Final-Recipient: rfc822; {ANN}\n{lines}\n")
    assert (one.action, one.status, one.permanent) == (action, status, permanent)


def test_recipients_are_distinguished_with_and_without_empty_lines():
    bob = ONE.replace("ann@", "bob@").replace("5.1.1", "5.2.2")
    mta = "Reporting-MTA: dns; mail.example.com\n"
    for status in (
        f"{mta}\n{ONE}\n{bob}",
        f"{mta}{ONE}{bob}",
        f"\n\n{mta}\n \n{ONE}\n\n\n{bob}",
        f"{mta}\n" + ONE.replace("\nAction", "\n\nAction") + f"\n{bob}",
    ):
        report = read_report(dsn(status))
        assert [(one.address, one.status) for one in report.recipients] == [
            (ANN, "5.1.1"),
            ("bob@customer.example", "5.2.2"),
        ]
        assert report.reporting_mta == "mail.example.com"


def test_one_recipient_named_twice_failed_if_it_failed_once():
    delayed = ONE.replace("failed", "delayed").replace("5.1.1", "4.4.1")
    for status in (f"{ONE}\n{delayed}", f"{delayed}\n{ONE}"):
        assert only(status).action == "failed"


def test_which_mail_is_never_taken_from_the_report_itself():
    """The report's own id would be looked for, and nothing be found."""
    report = read_report(dsn(ONE, original=None))
    assert report.original_message_id == ""
    assert [one.address for one in report.recipients] == [ANN]
    # What is returned may have ids in its text, and a report inside it.
    inner = dsn(ONE.replace("ann@", "other@")).decode().replace("RR", "QQ")
    report = read_report(dsn(ONE, original=f"{ORIGINAL}\n{inner}"))
    assert report.original_message_id == ORIGINAL_ID
    assert [one.address for one in report.recipients] == [ANN]
    report = read_report(dsn(ONE, original=f"Subject: x\n\nMessage-ID: {ORIGINAL_ID}"))
    assert report.original_message_id == ""


def test_the_mail_it_replies_to_where_nothing_is_returned():
    head = f"From: postmaster@mx.example.com\nIn-Reply-To: {ORIGINAL_ID}"
    report = read_report(dsn(ONE, original=None, head=head))
    assert report.original_message_id == ORIGINAL_ID


def test_broken_status_part():
    """It is a report all the same, and must not be read as a customer's answer."""
    report = read_report(dsn("nothing that could be read\n"))
    assert (report.recipients, report.original_message_id) == ((), ORIGINAL_ID)
    head = f"X-Failed-Recipients: {ANN}\nFrom: MAILER-DAEMON@mx.example.com"
    assert only("garbage\n", head=head).address == ANN


def test_charset_junk():
    head = "From: =?no-such?q?x?= <MAILER-DAEMON@mx.example.com>"
    status = ONE + "Diagnostic-Code: smtp; 550 \udcff\udcfe =?x?q?broken?= \x01\n"
    kind = "message/delivery-status; charset=no-such-charset"
    one = only(status, head=head, status_type=kind)
    assert one.status == "5.1.1" and one.diagnostic.startswith("550 ")
    one.diagnostic.encode("utf-8")


def test_wrapped_by_a_list_or_of_another_type():
    wrapped = multipart("mixed", text_part("text/plain", b"seen by a filter"),
                        dsn(ONE), boundary="WW")  # fmt: skip
    machine = wire("From: MAILER-DAEMON@mx.example.com\n") + wrapped
    assert read_report(machine).original_message_id == ORIGINAL_ID
    assert read_report(dsn(ONE, kind="mixed")).original_message_id == ORIGINAL_ID
    assert read_report(dsn(ONE, kind="report")).original_message_id == ORIGINAL_ID


PERSON = "From: Ann <ann@customer.example>"
NONE = {
    "a letter": raw(PERSON, "Hello"),
    "nothing": b"",
    "a person's mail with a report's parts": dsn(ONE, kind="mixed", head=PERSON),
    "a forwarded report": multipart(
        "mixed",
        text_part("text/plain", b"what is this?"),
        wire("Content-Type: message/rfc822\n\n") + reports.POSTFIX,
    ),
    "a read receipt": dsn(ONE, kind="report; report-type=disposition-notification"),
    "a complaint": dsn(ONE, kind="report; report-type=feedback-report"),
    "a person quotes qmail": wire(PERSON + "\n")
    + reports.QMAIL.partition(b"\r\n\r\n")[2],
    "a person's field": wire(f"{PERSON}\nX-Failed-Recipients: {ANN}\n\nHello\n"),
    "an out-of-office note": raw(
        f"{PERSON}\nAuto-Submitted: auto-replied\nReturn-Path: <>", "I am away"
    ),
}


@pytest.mark.parametrize("mail", NONE.values(), ids=NONE)
def test_no_report(mail):
    """A customer's own words must never count as a failure."""
    assert read_report(mail) is None


HOSTILE = {
    "100,000 recipients": lambda: dsn(
        "\n".join(ONE.replace("ann@", f"a{one}@") for one in range(100_000))
    ),
    "10 MB of one field": lambda: dsn(ONE + "Diagnostic-Code: " + "x" * 10_000_000),
    "empty lines": lambda: dsn("\n" * 5_000_000 + ONE),
    "100,000 status parts": lambda: dsn(ONE + "\n--RR\n" * 100_000),
    "nested": lambda: dsn(
        "".join(
            f"Content-Type: multipart/report; boundary=b{one}x\n\n--b{one}x\n"
            for one in range(1_000)
        ),
        status_type="multipart/mixed; boundary=Q\n\n--Q",
    ),
    "brackets": lambda: dsn("Final-Recipient: " + "<(" * 500_000 + "\nAction: failed"),
    "qmail of 2 MB": lambda: reports.QMAIL.replace(
        b"<bob@customer.example>:\r\n", b"<a@b.example>:\r\nx\r\n\r\n" * 90_000
    ),
    "exim of 100,000 addresses": lambda: reports.EXIM_OLD.replace(
        b"  bob@customer.example\r\n",
        b"".join(b"  a%d@b.example,\r\n" % one for one in range(100_000)),
        1,
    ),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_hostile(make):
    mail = make()
    with growth() as grown:
        report = read_report(mail)
    assert grown.megabytes < 100
    if report:
        assert len(report.recipients) <= 1_000
        assert all(len(one.diagnostic) <= 500 for one in report.recipients)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(reports.ALL)),
    st.integers(0, 3_000),
    st.integers(0, 200),
    st.binary(max_size=60),
)
def test_never_raises(shape, at, length, junk):
    mail = reports.ALL[shape]
    report = read_report(mail[:at] + junk + mail[at + length :])
    if report:
        for one in report.recipients:
            assert "@" in one.address and "\n" not in one.diagnostic
            assert one.action and (not one.status or one.status[0] in "245")
            f"{one}".encode()  # no lone surrogates: no database takes them


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_never_raises_on_any_status_part(junk):
    content = junk.decode("ascii", "surrogateescape")
    report = read_report(dsn(content))
    assert report is None or len(report.recipients) <= 1_000
    read_report(junk)
