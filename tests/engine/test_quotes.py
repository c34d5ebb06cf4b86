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


# -- Languages --

INTRODUCTIONS = [
    "On Fri, 1 May 2026 at 10:00, Ann Doe <ann@customer.example> wrote:",
    "On 5/1/26 10:00 AM, Ann Doe wrote:",
    "Am Fr., 1. Mai 2026 um 10:00 Uhr schrieb Ann Doe <ann@customer.example>:",
    "Am 01.05.2026 um 10:00 schrieb Ann Doe:",
    "Ann Doe hat am 01.05.2026 10:00 CEST geschrieben:",
    "Le ven. 1 mai 2026 à 10:00, Ann Doe <ann@customer.example> a écrit :",
    "El vie, 1 may 2026 a las 10:00, Ann Doe (<ann@customer.example>) escribió:",
    "Em sex., 1 de mai. de 2026 às 10:00, Ann Doe <ann@customer.example> escreveu:",
    "Il giorno ven 1 mag 2026 alle 10:00 Ann <ann@customer.example> ha scritto:",
    "Op vr 1 mei 2026 om 10:00 schreef Ann Doe <ann@customer.example>:",
    "Den fre 1 maj 2026 kl 10:00 skrev Ann Doe <ann@customer.example>:",
    "fre. 1. mai 2026 kl. 10:00 skrev Ann Doe <ann@customer.example>:",
    "Den fre. 1. maj 2026 kl. 10.00 skrev Ann Doe <ann@customer.example>:",
    "pe 1. toukok. 2026 klo 10.00 Ann Doe (ann@customer.example) kirjoitti:",
    "pt., 1 maj 2026 o 10:00 Ann Doe <ann@customer.example> napisał(a):",
    "W dniu 1.05.2026 o 10:00, Ann Doe pisze:",
    "pá 1. 5. 2026 v 10:00 odesílatel Ann Doe <ann@customer.example> napsal:",
    "Dňa pi 1. 5. 2026 o 10:00 Ann Doe <ann@customer.example> napísal(a):",
    "Ann Doe <ann@customer.example> ezt írta (időpont: 2026. máj. 1., P, 10:00):",
    "пт, 1 мая 2026 г. в 10:00, Ann Doe <ann@customer.example>:",
    "01.05.2026 10:00, Ann Doe пишет:",
    "пт, 1 трав. 2026 р. о 10:00 Ann Doe <ann@customer.example> пише:",
    "Ann Doe <ann@customer.example>, 1 May 2026 Cum, 10:00 tarihinde şunu yazdı:",
    "Στις Παρ 1 Μαΐ 2026 στις 10:00 π.μ., Ann Doe <ann@customer.example> έγραψε:",
    "În vin., 1 mai 2026 la 10:00, Ann Doe <ann@customer.example> a scris:",
    "On 1.5.2026. 10:00 Ann Doe <ann@customer.example> je napisao/la:",
    "\u202bבתאריך יום ו׳, 1 במאי 2026 ב-10:00 מאת Ann Doe <ann@customer.example>:",
    "في الجمعة، 1 مايو 2026 في 10:00 ص تمت كتابة ما يلي بواسطة <ann@a.example>:",
    "2026年5月1日(金) 10:00 Ann Doe <ann@customer.example>:",
    "2026/05/01 10:00、Ann Doe <ann@customer.example>のメール:",
    "Ann Doe <ann@customer.example> 于2026年5月1日周五 10:00写道：",
    "Ann Doe <ann@customer.example> 於 2026年5月1日 週五 上午10:00寫道：",
    "2026년 5월 1일 (금) 오전 10:00, Ann Doe <ann@customer.example>님이 작성:",
    "Vào Th 6, 1 thg 5, 2026 vào lúc 10:00 Ann <ann@customer.example> đã viết:",
    "Pada tanggal Jum, 1 Mei 2026 pukul 10.00 Ann <ann@customer.example> menulis:",
    "ในวันที่ ศ. 1 พ.ค. 2026 เวลา 10:00 Ann <ann@customer.example> เขียนว่า:",
    "---- On Fri, 01 May 2026 10:00:00 +0200 Ann <ann@customer.example> wrote ----",
    "--- On Fri, 5/1/09, Ann Doe <ann@customer.example> wrote:",
    "1. Mai 2026, 10:00 von ann@customer.example:",
    "Begin forwarded message:",
    "Anfang der weitergeleiteten Nachricht:",
    "Début du message réexpédié :",
]  # fmt: skip


@pytest.mark.parametrize("line", INTRODUCTIONS)
def test_the_line_above_a_quote_folds_in_every_language(line):
    shown, folded = read(f"New words\n\n{line}\n\n> Old words\n", is_text=True)
    assert shown == "New words" and line.split()[-1] in folded


FIELDS = [
    "From Sent To Subject",
    "Von Gesendet An Betreff",
    "De Envoyé À Objet",
    "De Enviado Para Asunto",
    "De Enviada em Para Assunto",
    "Da Inviato A Oggetto",
    "Van Verzonden Aan Onderwerp",
    "Från Skickat Till Ämne",
    "Fra Sendt Til Emne",
    "Lähettäjä Lähetetty Vastaanottaja Aihe",
    "Od Wysłano Do Temat",
    "Od Odesláno Komu Předmět",
    "Feladó Elküldve Címzett Tárgy",
    "От Отправлено Кому Тема",
    "Від Надіслано Кому Тема",
    "Gönderen Gönderildi Kime Konu",
    "Από Στάλθηκε Προς Θέμα",
    "מאת נשלח אל נושא",
    "من التاريخ إلى الموضوع",
    "差出人 送信日時 宛先 件名",
    "发件人 发送时间 收件人 主题",
    "寄件者 寄件日期 收件者 主旨",
    "De_la Trimis Către Subiect",
]


@pytest.mark.parametrize("names", FIELDS)
@pytest.mark.parametrize("colon", [": ", " : ", "："])
def test_fields_above_a_quote_fold_in_every_language(names, colon):
    header = "\n".join(
        f"{name.replace('_', ' ')}{colon}value" for name in names.split()[:4]
    )
    if "Enviada em" in names:
        header = f"De{colon}v\nEnviada em{colon}v\nPara{colon}v\nAssunto{colon}v"
    shown, folded = read(f"New words\n\n{header}\n\nOld words\n", is_text=True)
    assert shown == "New words" and "Old words" in folded


# -- Property: nothing new is folded, whatever it looks like --

NEW = st.sampled_from(
    [
        "<p>New words</p>",
        "New words<br>",
        "<div>New words:<br></div>",
        "<ul><li>New words</ul>",
        "<table><tr><td>To:</td><td>New words</td></tr></table>",
        "<hr><p>New words</p>",
        "<p>-----------</p>New words<br>",
        "<p>From: Berlin<br>To: Rome<br>Date: 1 May<br>New words</p>",
        "<blockquote style='margin:0 0 0 40px;border:none'>New words</blockquote>",
        "<div style='border-top:1px solid red'>Tel: New words<br>Mail: a@b.de</div>",
        "<div id=x class='quote signature'>New words</div>",
        "<p>On 1 May Ann said: New words</p>",
        "<div style='display:none'>Hidden</div><p>New words</p>",
    ]
)


@given(st.lists(NEW, min_size=1, max_size=5), st.sampled_from(sorted(REPLIES)))
def test_nothing_new_is_folded(pieces, app):
    new = "".join(pieces) + "<p>New words</p>"
    shown, folded = read(REPLIES[app].replace("New words", new))
    assert shown.count("New words") == len(pieces) + 1
    assert "New words" not in folded and "Old words" in folded
