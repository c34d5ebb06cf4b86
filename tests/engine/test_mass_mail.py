"""Newsletters and mailing lists are distinguished from mail of one person to one."""

from __future__ import annotations

import pytest

from odoo.addons.mailbox_connector.engine.mime.headers import fields
from odoo.addons.mailbox_connector.engine.mime.mass_mail import mass_mail_kind

OWN = {"anna@acme.example", "team@lists.example.org"}
DOMAINS = {"acme.example"}
ANN = "From: Ann <ann@customer.example>\nTo: anna@acme.example\n"
#: As Google Groups and Mailman write it.
LIST = (
    "List-Id: {id}\nList-Post: <https://lists.example/x>, <mailto:{post}>\n"
    "List-Unsubscribe: <mailto:leave@lists.example>\nPrecedence: list"
)


def kind(header: str) -> str | None:
    return mass_mail_kind(fields(header.encode()), OWN, DOMAINS)


BULK = {
    "a newsletter": (
        f"{ANN}List-Unsubscribe: <https://customer.example/leave>",
        "newsletter",
    ),
    "with a list id of its own": (
        f'{ANN}List-Id: "News" <1234.list-id.news.example>\nPrecedence: bulk',
        "newsletter",
    ),
    "nobody may post": (
        f"{ANN}List-Id: <news.customer.example>\nList-Post: NO (announcements)",
        "newsletter",
    ),
    "old programs": (f"{ANN}Precedence: bulk", "newsletter"),
    "junk": (f"{ANN}Precedence: Junk", "newsletter"),
    "a discussion": (
        ANN + LIST.format(id="Talk <talk.lists.example>", post="talk@lists.example"),
        "list",
    ),
    "an answer in a discussion": (
        ANN
        + LIST.format(id="<talk.lists.example>", post="talk@lists.example")
        + "\nIn-Reply-To: <1@elsewhere.example>",
        "list",
    ),
    "a list by its address alone": (
        f"{ANN}List-Post: <mailto:talk@lists.example>",
        "list",
    ),
    "an old list": (
        f"{ANN}Precedence: list\nMailing-List: contact talk-help@lists.example; x",
        "list",
    ),
    "a domain that only ends like ours": (
        ANN + LIST.format(id="<talk.notacme.example>", post="talk@notacme.example"),
        "list",
    ),
    "a newsletter that our group has subscribed to": (
        f"{ANN}List-Id: <support.acme.example>\nList-Id: <news.customer.example>",
        "newsletter",
    ),
    "a shop's newsletter, though a program wrote it": (
        f"{ANN}List-Unsubscribe: <https://x.example>\nAuto-Submitted: auto-generated",
        "newsletter",
    ),
}
NOT_BULK = {
    "a letter": f"{ANN}Subject: hello",
    "first class": f"{ANN}Precedence: first-class",
    "empty marks": f"{ANN}List-Id:\nList-Unsubscribe: \nPrecedence:",
    "our group": (
        ANN + LIST.format(id="Help <help.acme.example>", post="help@acme.example")
    ),
    "our group below our domain": (
        ANN + LIST.format(id="<a.b.acme.example>", post="a@b.acme.example")
    ),
    "our list at another's": (
        ANN + LIST.format(id="<team.lists.example.org>", post="team@lists.example.org")
    ),
    "our list by its address alone": f"{ANN}List-Post: <mailto:Team@Lists.example.org>",
    "our old list": f"{ANN}Precedence: list\nX-BeenThere: support@acme.example",
    "what we sent to many": (
        "From: anna@acme.example\nList-Unsubscribe: <https://acme.example/leave>"
    ),
    "out of office by a list of theirs": (
        f"{ANN}Precedence: bulk\nAuto-Submitted: auto-replied\nList-Id: <x.example>"
    ),
    "a delivery report": (
        "From: MAILER-DAEMON@mx.example\nPrecedence: bulk\n"
        "Content-Type: multipart/report; report-type=delivery-status"
    ),
    "a ticket system": f"{ANN}Precedence: bulk\nAuto-Submitted: auto-generated",
    "a ticket goes on": f"{ANN}Precedence: bulk\nReferences: <ticket-7@desk.example>",
    "a salesman's answer": (
        f"{ANN}List-Unsubscribe: <https://crm.example>\nIn-Reply-To: <a@acme.example>"
    ),
}


@pytest.mark.parametrize("name", BULK)
def test_newsletters_are_skipped(name):
    header, expected = BULK[name]
    assert kind(header) == expected


@pytest.mark.parametrize("name", NOT_BULK)
def test_what_customers_write_is_never_taken_for_a_newsletter(name):
    assert kind(NOT_BULK[name]) is None


def test_the_name_of_our_own_list_may_be_encoded():
    """Mail of customers to support@ must not be skipped because a server encodes."""
    for value in (
        "=?utf-8?q?Unterst=C3=BCtzung?= <support.acme.example>",
        "=?utf-8?q?Support_=3Csupport=2Eacme=2Eexample=3E?=",
    ):
        assert kind(f"{ANN}List-Id: {value}\nPrecedence: list") is None


def test_a_provider_domain_is_nobodys_own():
    header = ANN + LIST.format(id="<news.provider.example>", post="n@provider.example")
    assert mass_mail_kind(fields(header.encode()), {"me@provider.example"}) == "list"


@pytest.mark.parametrize(
    "value", ["<" * 9_000, "<>", "\udcff" * 500, "x" * 100_000, "<a b>", "mailto:@,@"]
)
def test_junk_in_a_header_raises_nothing(value):
    pairs = [(name, value) for name in ("list-id", "list-post", "mailing-list")]
    assert mass_mail_kind([*pairs, ("precedence", value)], OWN, DOMAINS) in (
        "list",
        "newsletter",
    )


def test_what_a_program_sent_automatically_is_no_mass_mail():
    """The field is enough, even with nothing but a comment in it (RFC 3834)."""
    assert kind(f"{ANN}Precedence: bulk\nAuto-Submitted: no") == "newsletter"
    for value in ("auto-replied", "auto-generated; x=y", "(by a program)"):
        assert kind(f"{ANN}Precedence: bulk\nAuto-Submitted: {value}") is None, value
