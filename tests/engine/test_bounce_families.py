"""Bounces in words: every family leads to the recipient and to the message."""

from __future__ import annotations

import time

import pytest
from bounce_families import ANN, DAEMON, FAMILIES, NULL
from hypothesis import given, settings
from hypothesis import strategies as st
from mails import multipart, text_part
from memory import growth
from reports import ORIGINAL, ORIGINAL_ID, POSTFIX, wire

from odoo.addons.mailbox_connector.engine.mime.bounce_wording import (
    outcome_of,
    starts_like_a_bounce,
)
from odoo.addons.mailbox_connector.engine.mime.delivery_report import read_report
from odoo.addons.mailbox_connector.engine.mime.headers import block, new_mail


@pytest.mark.parametrize("name", FAMILIES)
def test_who_did_not_get_it_and_why(name):
    """The person who wrote it would believe that it arrived."""
    family = FAMILIES[name]
    report = read_report(family.raw())
    (one,) = report.recipients
    assert (one.address, one.action, one.status) == (ANN, family.action, family.status)
    assert one.diagnostic.startswith(family.said)
    assert one.permanent is (family.action == "failed" and "421" not in one.diagnostic)


@pytest.mark.parametrize("name", FAMILIES)
def test_which_message_it_is_about(name):
    family = FAMILIES[name]
    report = read_report(family.raw())
    assert report.original_message_id == (ORIGINAL_ID if family.leads else "")
    if family.names_subject:
        assert report.original_subject == "Our offer"


@pytest.mark.parametrize("name", FAMILIES)
def test_it_is_fetched(name):
    """By its header alone: a bounce comes from nobody's contact."""
    assert new_mail(block(FAMILIES[name].raw())).may_be_report


def test_several_recipients_each_with_a_reason():
    raw = FAMILIES["qmail"].raw().replace(
        b"\r\n--- Below",
        b"<bob@customer.example>:\r\n192.0.2.7 failed after I sent the message.\r\n"
        b"Remote host said: 452 4.2.2 Mailbox full\r\n\r\n--- Below",
    )  # fmt: skip
    ann, bob = read_report(raw).recipients
    assert (ann.status, ann.permanent) == ("5.1.1", True)
    assert (bob.address, bob.status) == ("bob@customer.example", "4.2.2")
    assert not bob.permanent


def test_of_several_recipients_only_those_who_are_named():
    """A message to Ann and Bob; only Bob's server refused it."""
    family = FAMILIES["exchange 5.5"]
    raw = family.raw().replace(
        b"To: Ann <ann@customer.example>",
        b"To: ann@customer.example, bob@customer.example",
    )
    raw = raw.replace(b"ann@customer.example on", b"bob@customer.example on")
    raw = raw.replace(
        b"To:      Ann", b"To: ann@customer.example; bob@customer.example"
    )
    (one,) = read_report(raw).recipients
    assert one.address == "bob@customer.example"


def test_nobody_is_blamed_if_several_may_be_meant():
    raw = wire(
        f"{NULL}{DAEMON}\nSubject: Delivery failure\n\nThe message could not be"
        " delivered.\n\n--- Original message follows.\n\n"
    ) + wire(ORIGINAL.replace(f"<{ANN}>", f"<{ANN}>, bob@customer.example"))
    report = read_report(raw)
    assert report.recipients == ()
    assert report.original_message_id == ORIGINAL_ID


def test_the_reader_of_the_bounce_is_no_recipient():
    raw = wire(
        f"{NULL}{DAEMON}\nTo: sales@example.com\nSubject: Returned mail\n\n"
        "sales@example.com: your message was not delivered.\n\nsupport@mx.example can"
        f" help you.\n\n{ANN}\n"
    )
    assert [one.address for one in read_report(raw).recipients] == [ANN]


def test_a_bounce_that_a_filter_wraps_in_its_own():
    inner = wire("Content-Type: message/rfc822\n\n") + POSTFIX
    words = text_part("text/plain", b"The mail could not be delivered.")
    outer = multipart("mixed", words, inner, boundary="WW")
    report = read_report(
        wire(f"{NULL}{DAEMON}\nSubject: Returned mail: User unknown\n") + outer
    )
    assert report.original_message_id == ORIGINAL_ID
    assert [one.address for one in report.recipients] == [ANN]


def test_the_message_is_returned_so_no_other_is_hinted_at():
    """What the bounce replies to may be an earlier message of the conversation."""
    raw = wire("References: <first@example.com>\nIn-Reply-To: <second@example.com>\n")
    report = read_report(raw + FAMILIES["qmail"].raw())
    assert report.original_message_id == ORIGINAL_ID
    assert report.is_returned and not report.hinted_message_ids


SUBJECTS = {
    "en": "Undeliverable: Our offer",
    "en, address first": "Warning: ann@customer.example - User unknown!",
    "en, sentence": "Your message could not be delivered",
    "de": "Unzustellbar: Angebot",
    "de, sentence": "Ihre Nachricht konnte nicht zugestellt werden",
    "fr": "Non remis : Offre",
    "es": "No se puede entregar: Oferta",
    "pt": "Não é possível entregar: Oferta",
    "it": "Recapito non riuscito: Offerta",
    "nl": "Onbestelbaar: Offerte",
    "sv": "Går inte att leverera: Offert",
    "da": "Kan ikke leveres: Tilbud",
    "no": "Kan ikke levere: Tilbud",
    "fi": "Ei voi toimittaa: Tarjous",
    "pl": "Niedostarczone: Oferta",
    "cs": "Nedoručitelné: Nabídka",
    "hu": "Kézbesíthetetlen: Ajánlat",
    "ro": "Nelivrabil: Ofertă",
    "tr": "Teslim edilemedi: Teklif",
    "el": "Δεν είναι δυνατή η παράδοση: Προσφορά",
    "ru": "Недоставлено: Предложение",
    "uk": "Не вдалося доставити: Пропозиція",
    "ja": "配信不能: 見積",
    "zh": "无法投递: 报价",
    "zh, qq": "系统退信/Systems bounce",
    "ko": "배달되지 않음: 견적",
    "he": "לא ניתן למסור: הצעה",
    "ar": "غير قابل للتسليم: عرض",
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_server_of_any_language(subject):
    """Its words are unknown: an address beside an SMTP reply is enough."""
    raw = wire(
        f"{NULL}From: Microsoft Outlook <MicrosoftExchange329e@customer.example>\n"
        f"To: sales@example.com\nIn-Reply-To: {ORIGINAL_ID}\nSubject: {subject}\n"
        f"Content-Type: text/plain; charset=utf-8\n\n{ANN}\n\n#550 5.1.10 RESOLVER ##\n"
    )
    assert new_mail(block(raw)).may_be_report
    report = read_report(raw)
    assert [(one.address, one.status) for one in report.recipients] == [(ANN, "5.1.10")]
    assert report.original_message_id == ORIGINAL_ID


PERSON = "From: Ann <ann@customer.example>"
QUOTED = "".join(
    f"> {line}\n" for line in FAMILIES["qmail"].words.splitlines()
)  # fmt: skip
BOUNCED = FAMILIES["qmail"].words + ORIGINAL
AWAY = "Auto-Submitted: auto-replied\nReturn-Path: <>"
NONE = {
    "a person quotes a bounce": f"{PERSON}\nSubject: Re: failure notice\n\nSee:\n"
    f"{QUOTED}",
    "a person pastes a bounce": f"{PERSON}\nSubject: Mail failure\n\nHi!\n\n{BOUNCED}",
    "a person asks why": f"{PERSON}\nSubject: Undeliverable: Our offer\n\n{BOUNCED}",
    "an answer to a bounce": f"{PERSON}\nSubject: Re: Undelivered Mail Returned to"
    f" Sender"
    f"\nIn-Reply-To: <own@mx.customer.example>\n\nI fixed it.\n\n{QUOTED}",
    "a forwarded bounce": f"{PERSON}\nSubject: Fwd: Delivery failure\n\n{BOUNCED}",
    "an administrator writes": "From: System Administrator <joe@customer.example>\n"
    f"Subject: Mail delivery problems\n\nWe have a problem. Write to {ANN}\n",
    "a newsletter about bounces": "From: News <news@customer.example>\nReturn-Path:"
    " <news@customer.example>\nList-Unsubscribe: <https://x.example>\nSubject: Mail"
    f" delivery failed? Read this\n\nbounces@customer.example: 550 5.1.1 means\n"
    f"{ORIGINAL}",
    "a newsletter of a postmaster": "From: postmaster@customer.example\nList-Id:"
    " <n.example>"
    f"\nSubject: Mail delivery failed? Read this\n\nWrite to {ANN}\n",
    "out of office": f"{PERSON}\n{AWAY}\nSubject: Out of office: Our offer\n\nI am"
    f" away."
    " My mailbox is full. Write to bob@customer.example: 550 5th street.\n",
    "out of office, quotes": f"{PERSON}\n{AWAY}\nSubject: Automatic reply:"
    f" Undelivered Mail"
    f" Returned to Sender\n\nI am away.\n\n{BOUNCED}",
    "a ticket system": "From: help@customer.example\nAuto-Submitted: auto-replied\n"
    f"Return-Path: <>\nSubject: [Ticket 7] Undelivered Mail Returned to Sender\n\n"
    f"{BOUNCED}",
    "a read receipt": f"{PERSON}\n{AWAY}\nSubject: Read: Our offer\nContent-Type:"
    " multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour"
    " message was read.\n--b\nContent-Type: message/disposition-notification\n\n"
    f"Final-Recipient: rfc822; {ANN}\nDisposition: manual-action; displayed\n--b--\n",
    "an unread receipt": f"{PERSON}\n{AWAY}\nSubject: Not read: Our offer\n"
    f"Content-Type:"
    " multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour"
    " message was deleted without being read.\n--b--\n",
    "challenge and response": f"{PERSON}\n{AWAY}\nSubject: Re: Our offer\n\nYour"
    f" message was"
    " not delivered yet. Click https://x.example to be on the list of ann@x.example.\n",
    "moderation": "From: talk-owner@lists.example\nSubject: Your message to talk awaits"
    " moderator approval\nAuto-Submitted: auto-replied\nPrecedence: bulk\n\nYour mail"
    " to"
    " 'talk' is being held. post@lists.example\n",
    "a list rejects": "From: talk-owner@lists.example\nSubject: Request to list"
    " rejected\n"
    "Return-Path: <talk-bounces@lists.example>\n\nYou are not allowed to post.\n",
    "a full mailbox of our own": "From: postmaster@example.com\nReturn-Path: <>\nTo:"
    " sales@example.com\nSubject: Your mailbox is almost full\n\nsales@example.com"
    " uses 95 %"
    " of 500 MB.\n",
    "a digest of spam": "From: postmaster@example.com\nReturn-Path: <>\nTo:"
    f" sales@example.com\nSubject: Spam report\n\nHeld for you:\n{ANN} Hello\n",
    "an order": f"From: shop@customer.example\n{AWAY}\nSubject: Order 550\n\nOrder"
    f" 550 for"
    f" {ANN} is on its way.\n",
    "a parcel": "From: parcel@post.example\nAuto-Submitted: auto-generated\nSubject:"
    f" Delivery failed: we missed you\n\n{ANN}\nYour parcel could not be delivered.\n",
    "a parcel, no sender": f"{NULL}From: parcel@post.example\nSubject: Delivery delayed"
    f"\n\n{ANN}\nYour parcel could not be delivered. Call 550 1234.\n",
    "a digest of refused mail": f"{NULL}From: postmaster@example.com\nSubject: Summary"
    f" of refused mail\n\n{ANN}  Undelivered Mail\n{ANN}  rejected by the filter\n",
    "the postmaster in person": "From: Bob <postmaster@customer.example>\nSubject: Your"
    f" question\n\nMail to {ANN} was rejected: 550 5.7.1. I have mended it.\n",
    "a read receipt of no type": f"{PERSON}\n{AWAY}\nSubject: Read: Our offer\n"
    "Content-Type: multipart/report; boundary=b\n\n--b\n\nIt was read.\n--b\n"
    "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; "
    f"{ANN}\nDisposition: manual-action; displayed\n--b--\n",
    "an alarm": f"From: root@example.com\nAuto-Submitted: auto-generated\n"
    f"Return-Path: <>\n"
    f"Subject: Backup failed\n\n{ANN}: disk error 550\n",
}  # fmt: skip


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_ordinary_mail(text):
    """A customer's own words must never count as a failure."""
    assert read_report(wire(text)) is None


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    "subject",
    ["Re: Undelivered Mail", "Fwd: Returned mail", "Undeliverable: Our offer"],
)
def test_a_person_answers_or_forwards_it(name, subject):
    """Inline, as mail apps do it."""
    body = FAMILIES[name].raw().partition(b"\r\n\r\n")[2]
    quoted = b"> " + body.replace(b"\r\n", b"\r\n> ")
    head = wire(f"{PERSON}\nReturn-Path: <{ANN}>\nSubject: {subject}\n\nHello!\n\n")
    assert read_report(head + body) is None
    assert read_report(head + quoted) is None


def test_a_customer_attaches_a_bounce():
    inner = wire("Content-Type: message/rfc822\n\n") + FAMILIES["qmail"].raw()
    words = text_part("text/plain", b"What is this?")
    for head in (PERSON, f"{PERSON}\nSubject: Undelivered Mail Returned to Sender"):
        mail = multipart("mixed", words, inner, boundary="WW")
        assert read_report(wire(f"{head}\n") + mail) is None


@pytest.mark.parametrize(
    "subject",
    ["Our offer", "Re: Undeliverable: Our offer", "AW: Unzustellbar", "Fwd: Returned"
        " mail",
     "[Ticket 1] Mail delivery failed", "Automatic reply: Undeliverable", "Out of"
     " office",
     "Delivery on Monday", "Your delivery is on its way", "The delivered goods",
     "Lieferung Ihrer Bestellung", "Errors in your invoice", ""],
)  # fmt: skip
def test_subjects_of_other_mail(subject):
    assert not starts_like_a_bounce(subject)


@pytest.mark.parametrize(
    ("subject", "words", "outcome"),
    [
        ("Returned mail", "User unknown", "failed"),
        ("Warning: message delayed", "We will try again for 4 days.", "delayed"),
        ("Delivery Status Notification (Delay)", "Message delayed.", "delayed"),
        # Given up after a delay, or told that it is.
        ("failure notice", "I'm not going to try again; it is in the queue too long.",
         "failed"),
        ("Undeliverable", "It was delayed and could not be delivered for 5 days.",
         "failed"),
        ("Delivery failure", "Delivery attempts will continue for 5 days.", "delayed"),
        ("Delivery Status Notification (Success)", "It was delivered to ann.",
         "delivered"),
        ("Successful Mail Delivery Report", "Your message was successfully delivered",
         "delivered"),
        ("Report", "Nothing to see", ""),
    ],
)  # fmt: skip
def test_outcomes(subject, words, outcome):
    """A warning counted as a failure turns off an address that works."""
    assert outcome_of(subject, words) == outcome


def test_delivered_is_no_failure():
    raw = wire(
        f"{NULL}{DAEMON}\nSubject: Delivery Status Notification (Success)\n\n"
        f"Your message was successfully delivered to:\n\n{ANN}\n"
    )
    report = read_report(raw)
    assert not report or {one.action for one in report.recipients} == {"delivered"}


HEAD = f"{NULL}{DAEMON}\nTo: sales@example.com\nSubject: Returned mail\n\n"
HOSTILE = {
    "addresses": HEAD + f"{ANN}: 550 5.1.1\n" * 10_000,
    "an endless word": HEAD + "a" * 500_000 + "@" + "b." * 100_000,
    "words of addresses": HEAD + "a@" * 250_000,
    "failures": HEAD + "deliver" * 70_000,
    "not yet": HEAD + "not " * 120_000,
    "dashes": HEAD + "-" * 500_000 + " copy",
    "blanks": HEAD + " " * 500_000 + "x",
    "lines": HEAD + "x\n" * 250_000,
    "colons": HEAD + "a:" * 250_000,
    "fields": HEAD + "X-A: b\n" * 70_000,
    "continued": HEAD + "Received: x\n" + " y\n" * 150_000,
    "an endless subject": f"{NULL}{DAEMON}\nSubject: {'mail ' * 100_000}\n\n{ANN}\n",
    "brackets": HEAD + "<" * 500_000,
    "labels": HEAD + "recipient " * 50_000 + ":",
    "html": HEAD.replace("\n\n", "\nContent-Type: text/html\n\n") + "<p>" * 160_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile(text):
    """One bounce must not stop a mailbox."""
    raw = wire(text)
    started = time.process_time()
    with growth() as grown:
        report = read_report(raw)
    assert time.process_time() - started < 2
    assert grown.megabytes < 100
    if report:
        assert len(report.recipients) <= 1_000
        assert all(len(one.diagnostic) <= 500 for one in report.recipients)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(FAMILIES)),
    st.integers(0, 2_000),
    st.integers(0, 200),
    st.binary(max_size=60),
)
def test_never_raises(name, at, length, junk):
    raw = FAMILIES[name].raw()
    report = read_report(raw[:at] + junk + raw[at + length :])
    for one in report.recipients if report else ():
        assert "@" in one.address and "\n" not in one.diagnostic
        assert one.action and (not one.status or one.status[0] in "245")
        f"{one}{report.original_subject}".encode()  # no database takes surrogates
