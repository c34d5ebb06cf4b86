"""What a reply quotes can be folded, and what is new is never folded with it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quoted import INLINE, MARK, REPLIES, TEXT_REPLIES, read

from odoo.addons.mailbox_connector.engine.mime import html, quotes


@pytest.mark.parametrize("app", REPLIES)
def test_quotes_of_mail_apps_fold(app):
    shown, folded = read(REPLIES[app])
    assert "New words" in shown and "New words" not in folded
    assert "Old words" in folded and "Old words" not in shown
    assert "Ann" not in shown and "@customer" not in shown  # who wrote it folds, too


@pytest.mark.parametrize("form", TEXT_REPLIES)
def test_quotes_of_plain_text_fold(form):
    shown, folded = read(TEXT_REPLIES[form], is_text=True)
    assert shown == "New words"
    assert "Old words" in folded


# -- What is new stays in sight --


@pytest.mark.parametrize("app", REPLIES)
def test_a_message_that_is_nothing_but_a_quote_is_shown(app):
    """Somebody forwards a message and writes nothing."""
    shown, _folded = read(REPLIES[app].replace("New words", ""))
    assert "Old words" in shown


@pytest.mark.parametrize("form", TEXT_REPLIES)
def test_a_text_that_is_nothing_but_a_quote_is_shown(form):
    shown, _folded = read(TEXT_REPLIES[form].replace("New words", ""), is_text=True)
    assert "Old words" in shown


@pytest.mark.parametrize(
    "signature",
    [
        '<div class="gmail_signature">Bob</div>',
        '<pre class="moz-signature">-- <br>Bob</pre>',
        "<div>-- <br>Bob<br>Shop Ltd</div>",
        "<div>Sent from my iPhone</div>",
        '<div>Get <a href="https://x.example">Outlook for Android</a></div>',
        '<div id="Signature">Bob</div>',
    ],
)
@pytest.mark.parametrize("app", ["gmail", "outlook-web", "apple-mail", "samsung"])
def test_a_signature_is_not_what_somebody_writes(signature, app):
    """A forwarded message below nothing but a signature is what there is to read."""
    shown, _folded = read(REPLIES[app].replace("New words", signature))
    assert "Old words" in shown


def test_a_signature_alone_is_shown():
    assert read('<br><div class="gmail_signature">Bob</div>')[0] == "Bob"


@pytest.mark.parametrize("app", REPLIES)
def test_a_picture_is_new_too(app):
    source = REPLIES[app].replace("New words", '<img src="cid:new@x">')
    shown, folded = read(source)
    assert "cid:new@x" in shown and "Old words" in folded


def test_older_quotes_of_a_forwarded_message_fold():
    inner = REPLIES["gmail"].replace("New words", "Forwarded words")
    shown, folded = read(
        f'<div class="gmail_quote">---------- Forwarded message ---------<br>From: Ann'
        f"<br>Date: Fri<br>Subject: Offer<br>To: Bob<br><br>{inner}</div>"
    )
    assert "Forwarded words" in shown and "Old words" in folded


@pytest.mark.parametrize("app", INLINE)
def test_answers_between_quotes_stay_in_sight(app):
    shown, folded = read(INLINE[app])
    for number in "12":
        assert f"New words {number}" in shown and f"Old words {number}" in folded
    assert "New" not in folded and "Old" not in shown and "Ann" not in shown


def test_answers_between_quotes_of_plain_text_stay_in_sight():
    shown, folded = read(
        "On 1 May 2026, Ann wrote:\n> Old 1\n> Old 1\n\nNew 1\n\n> Old 2\nNew 2\n",
        is_text=True,
    )
    assert shown == "New 1 New 2"
    assert folded == "On 1 May 2026, Ann wrote: Old 1 Old 1 Old 2"


def test_lines_below_a_quote_keep_their_breaks():
    """The chatter folds every line break that is beside a quote and behind it."""
    cleaned = html.from_text("> Old\nNew 1\nNew 2")
    marked = quotes.mark(cleaned, MARK)
    assert marked == (
        f"<div><div><blockquote{MARK}>Old</blockquote></div>New 1<br>New 2</div>"
    )


@pytest.mark.parametrize(
    "source",
    [
        # Indented, not quoted
        "<div>a</div><blockquote style='margin:0 0 0 40px;border:none;padding:0px'>"
        "<div>New words</div></blockquote>",
        # A form on a web site
        "<p>A new request</p><p>From: Ann &lt;ann@customer.example&gt;<br>Subject: "
        "Offer<br>Message: New words</p>",
        "<p>A booking</p><p>From: Berlin<br>To: Paris<br>Date: 1 May</p>New words",
        "<p>Held back:</p><p>From: Ann &lt;ann@customer.example&gt;<br>To: Bob<br>"
        "Subject: Offer<br>Date: 1 May</p><p>New words</p>",
        "<p>Digest</p>------------<br>Message: 1<br>Date: 1 May<br>From: Ann<br>"
        "To: a<br>Subject: Offer<br><br>New words",
        "<p>Facts</p><hr><p>Name: Ann<br>To: be done<br>Date: 1 May</p>New words",
        # Borders and rules
        "<p>Hello</p><div style='border-top:1px solid red'>Tel: 1<br>Fax: 2<br>Mail: x"
        "</div><p>New words</p>",
        "<p>Hello</p><hr><p>New words</p>",
        "<p>Hello</p><p>-----------------</p><p>New words</p>",
        "<p>Hello</p><p>---- The next topic ----</p><p>New words</p>",
        # Names that only look like those of mail apps
        '<p>a</p><div class="my_gmail_quotes">New words</div>',
        '<p>a</p><div class="quote">New words</div>',
        '<p>a</p><div class="signature zwchr">New words</div>',
        '<p>a</p><div title="class=&quot;gmail_quote&quot;">New words</div>',
        '<p>a</p><div id="appendonsend"></div><p>New words</p>',
        "<p>A gmail_quote is a class, divRplyFwdMsg an id.</p><p>New words</p>",
        "<p>He wrote:</p><p>New words</p>",
        "<p>On Friday Ann wrote:</p><p>New words</p>",
        "<p>Begin forwarded message:</p><p>New words</p>",
    ],
)
def test_what_is_no_quote_is_not_folded(source):
    shown, folded = read(source)
    assert "New words" in shown and not folded


def test_what_ends_above_a_quote_is_not_folded():
    shown, folded = read(
        "<div>See you at 10:30.<br><br>Bob said:</div><blockquote>Old</blockquote>"
    )
    assert shown == "See you at 10:30. Bob said:" and folded == "Old"


def test_a_footer_below_the_quote_stays():
    source = REPLIES["outlook-desktop"].replace("</body>", "<p>Footer</p></body>")
    shown, folded = read(source)
    assert "Footer" in shown and "Old words" in folded


@pytest.mark.parametrize(
    "source", ["", " ", "<p", "</div></div>", "<blockquote>", "<p title='<blockquote'>"]
)
def test_any_html_can_be_marked(source):
    quotes.mark(source, MARK)


def test_marks_do_not_end_attributes():
    """Even if a cleaner left "<" in a value."""
    assert quotes.mark('<p title="<blockquote x=">text</p>', MARK).count('"') == 2


PIECES = st.sampled_from(
    [
        *REPLIES.values(),
        *INLINE.values(),
        "New words",
        "<div>",
        "</div>",
        "<br>",
        "<hr>",
    ]
    + [
        "<table><tr><td>",
        "<p>",
        "<blockquote>",
        "</blockquote>",
        "From: a<br>To: b<br>",
    ]
    + ["Date: 1<br>Subject: c<br>", "-----Original Message-----<br>", "<ul><li>"]
    + ["On 1 May 2026 at 10:00, ann@customer.example wrote:<br>", '<img src="cid:a@x">']
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_marking_changes_nothing_but_marks(source):
    """No word is lost or moved, and not everything is folded."""
    cleaned = html.clean(source)
    marked = quotes.mark(cleaned, MARK)
    assert _words(marked) == _words(cleaned)
    assert html.clean(marked.replace(MARK, "")) == marked.replace(MARK, "")
    shown, folded = read(source)
    assert shown or not folded


def _words(source):
    return re.sub("<[^<>]*>", "", source)


@pytest.mark.parametrize(
    "piece",
    [
        *("<blockquote>", "<p>a</p>", "From: a<br>", "-" * 99 + "<br>", "x:" * 99),
        *("<div class=gmail_quote>a", "On 1 at 1:00 a@b wrote:<br>", "<hr>", "&nbsp;"),
        *("<blockquote>a</blockquote>b<br>", "<div id=appendonsend></div>"),
        *("<div id=divRplyFwdMsg></div>", "<br><div id=divRplyFwdMsg>"),
        *("-----Original Message-----<br>", "<a name=x> a</a>", "<br>", "a <b>b</b>"),
        *("<div style='border-top:solid #E1E1E1 1.0pt'>a: b<br>", "<div id=x_zwchr>"),
    ],
)
def test_marking_takes_linear_time(piece):
    cleaned = html.clean("New words<br>" + piece * (200_000 // len(piece)))
    started = time.process_time()
    quotes.mark(cleaned, MARK)
    assert time.process_time() - started < 3
