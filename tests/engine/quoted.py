"""Replies as mail apps write them, and what of them a reader sees at first."""

from __future__ import annotations

from html.parser import HTMLParser

from odoo.addons.mailbox_connector.engine.mime import html, quotes

MARK = " data-o-mail-quote=1"
VOID = ("br", "col", "hr", "img", "wbr")


class Reader(HTMLParser):
    """Tells apart what is shown and what is folded, as the chatter does."""

    def __init__(self):
        super().__init__()
        self.shown: list[str] = []
        self.folded: list[str] = []
        self._open: list[bool] = []

    def handle_starttag(self, tag, attrs):
        is_folded = "data-o-mail-quote" in dict(attrs) or any(self._open[-1:])
        if tag not in VOID:
            self._open.append(is_folded)
        elif tag == "img":
            (self.folded if is_folded else self.shown).append(dict(attrs)["src"])

    def handle_endtag(self, tag):
        if tag not in VOID:
            self._open.pop()

    def handle_data(self, data):
        (self.folded if any(self._open[-1:]) else self.shown).append(data)


def read(source: str, is_text: bool = False) -> tuple[str, str]:
    """What is shown of a body, and what is folded."""
    cleaned = html.from_text(source) if is_text else html.clean(source)
    reader = Reader()
    reader.feed(quotes.mark(cleaned, MARK))
    assert not reader._open
    shown, folded = (" ".join(" ".join(one).split()) for one in (reader.shown, reader.folded))
    return shown, folded


#: By mail app: the html of a reply whose new words are "New words" and all of whose
#: quoted ones are, or are near, "Old words".
REPLIES = {
    "gmail": """<div dir="ltr">New words</div><br><div class="gmail_quote gmail_quote_container">
<div dir="ltr" class="gmail_attr">On Fri, May 1, 2026 at 10:00 AM Ann Doe &lt;<a href="mailto:ann@customer.example">ann@customer.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex"><div dir="ltr">Old words</div></blockquote></div>""",
    "gmail-old": """<div dir="ltr">New words</div><div class="gmail_extra"><br><div class="gmail_quote">2014-05-01 10:00 GMT+02:00 Ann Doe <span dir="ltr">&lt;ann@customer.example&gt;</span>:<br><blockquote class="gmail_quote" style="margin:0 0 0 .8ex">Old words</blockquote></div><br></div>""",
    "outlook-desktop": """<html><head><style>p.MsoNormal{margin:0}</style></head><body lang="DE"><div class="WordSection1"><p class="MsoNormal">New words<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b><span>Von:</span></b><span> Ann Doe &lt;ann@customer.example&gt; <br><b>Gesendet:</b> Freitag, 1. Mai 2026 10:00<br><b>An:</b> Sales<br><b>Betreff:</b> AW: Offer<o:p></o:p></span></p></div></div><p class="MsoNormal">Old words<o:p></o:p></p><table><tr><td>Old words</td></tr></table></div></body></html>""",
    "outlook-desktop-unknown-language": """<div class="WordSection1"><p>New words</p><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0in 0in 0in"><p><b>Xyz:</b> Ann<br><b>Qrs:</b> Fri<br><b>Tuv:</b> Sales<br><b>Wxy:</b> Offer</p></div><p>Old words</p></div>""",
    "outlook-desktop-bookmark": """<div class=WordSection1><p class=MsoNormal><a name="_MailEndCompose">New words</a></p><p class=MsoNormal><span style='mso-bookmark:_MailOriginal'><b>From:</b> Ann Doe [mailto:ann@customer.example] <br><b>Sent:</b> Friday, May 1, 2026 10:00<br><b>To:</b> Sales<br><b>Subject:</b> Offer</span></p><p class=MsoNormal><span style='mso-bookmark:_MailOriginal'>Old words</span></p></div>""",
    "outlook-2000": """<div>New words</div><blockquote style="margin-right: 0px"><div class=OutlookMessageHeader dir=ltr align=left><font face=Tahoma>-----Original Message-----<br><b>From:</b> Ann<br><b>Sent:</b> Friday<br><b>To:</b> Sales<br><b>Subject:</b> Offer<br><br></font></div>Old words</blockquote>""",
    "outlook-express": """<DIV><FONT size=2>New words</FONT></DIV><BLOCKQUOTE style="PADDING-RIGHT: 0px; BORDER-LEFT: #000000 2px solid"><DIV>----- Original Message ----- </DIV><DIV><B>From:</B> Ann </DIV><DIV>Old words</DIV></BLOCKQUOTE>""",
    "outlook-web": """<html><body dir="ltr"><div class="elementToProof">New words</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri" style="font-size:11pt"><b>From:</b> Ann Doe &lt;ann@customer.example&gt;<br><b>Sent:</b> Friday, May 1, 2026 10:00 AM<br><b>To:</b> Sales<br><b>Subject:</b> Offer</font><div>&nbsp;</div></div><div dir="ltr"><p>Old words</p></div></body></html>""",
    "outlook-web-again": """<div>New words</div><div id="x_appendonsend"></div><hr tabindex="-1"><div id="x_divRplyFwdMsg"><b>X</b> ann</div><div>Old words</div>""",
    "outlook-mobile": """<div dir="auto">New words</div><div id="ms-outlook-mobile-signature"><div>Get <a href="https://aka.example">Outlook for iOS</a></div></div><div id="mail-editor-reference-message-container"><hr><div class="ms-outlook-mobile-reference-message"><b>From:</b> Ann<br>Old words</div></div>""",
    "outlook-mac": """<body><div>New words</div><span id="OLK_SRC_BODY_SECTION"><div style="border-top:1pt solid"><span>From: </span>Ann<br>Old words</div></span></body>""",
    "hotmail": """<body class='hmmessage'><div dir='ltr'>New words<br><br><div><div id="SkyDrivePlaceholder"></div><hr id="stopSpelling">Date: Thu, 26 Jun 2014 13:53:45 +0400<br>Subject: Offer<br>From: ann@customer.example<br>To: sales@shop.example<br><br><div class="ecxgmail_default">Old words</div></div></div></body>""",
    "windows-mail": """<div data-externalstyle="false" dir="ltr"><div>New words</div><div data-signatureblock="true"><div><br></div></div><div style="padding-top: 5px; border-top-color: rgb(229, 229, 229); border-top-width: 1px; border-top-style: solid;"><div><font><b>От:</b>&nbsp;<a href="mailto:ann@customer.example">Ann</a><br><b>Отправлено:</b>&nbsp;четверг<br><b>Кому:</b>&nbsp;Sales</font></div></div><div><br></div><div dir="">Old words</div></div>""",
    "windows-10-mail": """<div class="WordSection1"><p>New words</p><p>&nbsp;</p><div style='mso-element:para-border-div;border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class="MsoNormal" style='border:none;padding:0cm'><b>De : </b><a href="mailto:ann@customer.example">Ann</a><br><b>Envoyé le :</b>vendredi 1 mai 2026 10:00<br><b>À : </b>Sales<br><b>Objet :</b>Offer</p></div><p>Old words</p></div>""",
    "aol": """<div style="font-family:Arial">New words<br><br><div>-----Original Message-----<br>From: Ann &lt;ann@customer.example&gt;<br>To: sales &lt;sales@shop.example&gt;<br>Sent: Fri, May 1, 2026 10:00 am<br>Subject: Offer<br><br><div id="aolmail_x">Old words</div></div></div>""",
    "yahoo-classic": """<div class="yui_3_16_0_1_1"><div>New words</div><div class="qtdSeparateBR"><br></div><div class="yahoo_quoted" style="display: block;"><div style="font-family: arial"><div><hr size="1"><font size="2"><b>From:</b> Ann<br><b>To:</b> Sales</font></div><div>Old words</div></div></div></div>""",
    "yahoo-classic-2013": """<div>New words<div><br></div><div style="font-family: arial; font-size: 12pt;"><div dir="ltr"><hr size="1"><font size="2" face="Arial"><b><span style="font-weight:bold;">From:</span></b> Ann &lt;ann@customer.example&gt;<br><b><span style="font-weight: bold;">To:</span></b> sales@shop.example<br><b><span>Sent:</span></b> Friday, May 1, 2013 10:00 AM<br><b><span>Subject:</span></b> Offer<br></font></div><div class="y_msg_container">Old words</div></div></div>""",
    "yahoo": """<div class="ydp8d7c51b6yahoo-style-wrap"><div>New words</div></div><div id="yahoo_quoted_5012345678" class="yahoo_quoted"><div>On Friday, May 1, 2026 at 10:00:00 AM GMT+2, Ann &lt;ann@customer.example&gt; wrote: </div><div>Old words</div></div>""",
    "apple-mail": """<html><body style="word-wrap: break-word; -webkit-nbsp-mode: space;">New words<br><div><br><blockquote type="cite"><div>On 1 May 2026, at 10:00, Ann Doe &lt;ann@customer.example&gt; wrote:</div><br class="Apple-interchange-newline"><div>Old words</div></blockquote></div></body></html>""",
    "ios": """<body dir="auto">New words<br><br><div dir="ltr">Sent from my iPhone</div><div dir="ltr"><br><blockquote type="cite">On 1 May 2026, at 10:00, Ann wrote:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">Old words</div></blockquote></body>""",
    "apple-mail-old": """<div>New words</div><div>Am 01.05.2014 um 10:00 schrieb Ann Doe &lt;ann@customer.example&gt;:</div><br><blockquote type="cite">Old words</blockquote>""",
    "thunderbird": """<html><body text="#000000" bgcolor="#FFFFFF"><p>New words</p><div class="moz-cite-prefix">Am 01.05.26 um 10:00 schrieb Ann Doe:<br></div><blockquote type="cite" cite="mid:x@customer.example">Old words</blockquote></body></html>""",
    "proton": """<div style="font-family: Arial;">New words</div><div class="protonmail_signature_block"></div><div class="protonmail_quote">On Friday, May 1st, 2026 at 10:00 AM, Ann &lt;ann@customer.example&gt; wrote:<br><blockquote class="protonmail_quote" type="cite">Old words</blockquote><br></div>""",
    "tuta": """<div>New words</div><br><div>1. Mai 2026, 10:00 von ann@customer.example:<br></div><blockquote class="tutanota_quote" style="border-left: 1px solid #93A3B8">Old words</blockquote>""",
    "zimbra": """<div style="font-family: arial"><div>New words</div><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>From: </b>"Ann"<br><b>To: </b>"Sales"<br></div><div data-marker="__QUOTED_TEXT__"><blockquote style="border-left:2px solid #1010FF">Old words</blockquote></div></div>""",
    "zoho": """<div>New words</div><div class="zmail_extra" style=""><div id="Zm-_Id_-Sgn1">---- On Fri, 01 May 2026 10:00:00 +0200 <b>Ann &lt;ann@customer.example&gt;</b> wrote ---<br></div><br><blockquote id="blockquote_zmail">Old words</blockquote></div>""",
    "gmx": """<html><body><div style="font-family: Verdana"><div>New words</div><div><div name="quote" style="margin:10px 5px 5px 10px; padding: 10px 0 10px 10px; border-left:2px solid #C3D9E5;"><div style="margin:0 0 10px 0;"><b>Gesendet:</b>&nbsp;Freitag, 1. Mai 2026<br/><b>Von:</b>&nbsp;Ann<br/><b>An:</b>&nbsp;Sales<br/><b>Betreff:</b>&nbsp;Offer</div><div name="quoted-content">Old words</div></div></div></div></body></html>""",
    "lotus-notes": """<font size=2 face="sans-serif">New words</font><br><br><br><br><font size=1 color=#5f5f5f face="sans-serif">From: </font><font size=1>Ann Doe &lt;ann@customer.example&gt;</font><br><font size=1 color=#5f5f5f>To: </font><font size=1>Sales</font><br><font size=1>Cc: </font><font size=1>Bob</font><br><font size=1>Date: </font><font size=1>01-05-2026 10:00</font><br><font size=1>Subject: </font><font size=1>Offer</font><br><hr noshade><br><br><font size=2>Old words</font>""",
    "lotus-notes-table": """<font>New words</font><br><table width=100%><tr valign=top><td>From:</td><td>Ann</td></tr><tr><td>To:</td><td>Sales</td></tr><tr><td>Date:</td><td>01-05-2026</td></tr><tr><td>Subject:</td><td>Offer</td></tr></table><br><font>Old words</font>""",
    "spark": """<body><div name="messageBodySection"><div dir="auto">New words</div></div><div name="messageSignatureSection"></div><div name="messageReplySection">On 1 May 2026 at 10:00 +0200, Ann &lt;ann@customer.example&gt;, wrote:<br><blockquote type="cite" style="border-left-color: grey" class="spark_quote">Old words</blockquote></div></body>""",
    "superhuman": """<div>New words</div><div class="sh-signature"><div>Bob</div></div><br><div><div class="gmail_quote">On Fri, May 01, 2026 at 10:00 AM, Ann <span dir="ltr">&lt;ann@customer.example&gt;</span> wrote:<br><blockquote class="gmail_quote" style="">Old words</blockquote></div></div>""",
    "front": """<div>New words<br></div><div>On May 1, 2026, 10:00 AM GMT+2 <a href="mailto:ann@customer.example">ann@customer.example</a> wrote:<br></div><blockquote type="cite" class="front-blockquote">Old words</blockquote>""",
    "hubspot": """<div class="hs_reply"><div dir="ltr">New words</div><div class="gmail_quote">On Fri, May 1, 2026 at 10:00 AM, Ann wrote:<blockquote class="gmail_quote">Old words</blockquote></div></div>""",
    "samsung": """<div dir="auto">New words</div><div dir="auto"><br></div><div id="composer_signature" dir="auto">Bob</div><div><br></div><div align="left" dir="auto" style="font-size:100%;color:#000000"><div>-------- Original message --------</div><div>From: Ann &lt;ann@customer.example&gt; </div><div>Date: 01/05/2026  10:00  (GMT+01:00) </div><div>To: sales@shop.example </div><div>Subject: Offer </div><div><br></div></div><div>Old words</div>""",
    "bluemail": """New words<br><br><div class="gmail_quote" >On May 1, 2026, at 10:00, Ann &lt;<a href="mailto:ann@customer.example" target="_blank">ann@customer.example</a>&gt; wrote:<blockquote class="gmail_quote" style="margin: 0pt">Old words</blockquote></div>""",
    "roundcube": """<p>New words</p><p id="reply-intro">On 2026-05-01 10:00, Ann wrote:</p><blockquote type="cite" style="padding: 0 0.4em">Old words</blockquote>""",
    "kmail": """<p style="margin-top:0">New words</p><p>On Friday, 1 May 2026 10:00:00 CEST Ann Doe wrote:</p><blockquote><p>Old words</p></blockquote>""",
    "fastmail": """<div style="font-family:Arial;">New words<br></div><div><br></div><div>On Fri, May 1, 2026, at 10:00 AM, Ann Doe wrote:<br></div><blockquote type="cite" id="qt" style="">Old words</blockquote>""",
    "em-client": """<div>New words</div><div><br></div><div>------ Original Message ------</div><div>From "Ann Doe" &lt;ann@customer.example&gt;</div><div>To sales@shop.example</div><div><blockquote cite="x" type="cite" class="cite2">Old words</blockquote></div>""",
    "mail-ru": """<p>New words</p><br><br>Четверг, 1 мая 2026, 10:00 +03:00 от Ann &lt;ann@customer.example&gt;:<br><blockquote style="border-left:1px solid #0857A6; margin:10px; padding:0 0 0 10px;"><div id="">Old words</div></blockquote>""",
    "yandex": """<div>New words</div><div>&nbsp;</div><div>01.05.2026, 10:00, "Ann Doe" &lt;ann@customer.example&gt;:</div><blockquote><p>Old words</p></blockquote>""",
    "qq": """<div>New words</div><div><br></div><div style="font-size: 12px;font-family: Arial Narrow;padding:2px 0 2px 0;">------------------&nbsp;原始邮件&nbsp;------------------</div><div style="font-size: 12px;background:#efefef;padding:8px;"><div><b>发件人:</b>&nbsp;"ann"&lt;ann@customer.example&gt;;</div><div><b>发送时间:</b>&nbsp;2026年5月1日(星期五) 10:00</div><div><b>收件人:</b>&nbsp;"sales";</div><div><b>主题:</b>&nbsp;Offer</div></div><div>Old words</div>""",
    "netease": """<div>New words</div><div id="isReplyContent" style="PADDING-LEFT: 1em">On 2026-05-01 10:00 , Ann Wrote: <div>Old words</div></div>""",
    "naver": """<div><p>New words</p><p><br></p><p>-----Original Message-----<br><b>From:</b> "Ann"&lt;ann@customer.example&gt; <br><b>To:</b> sales; <br><b>Cc:</b> <br><b>Sent:</b> 2026-05-01 (금) 10:00:00 (GMT+09:00)<br><b>Subject:</b> Offer<br></p><div>Old words</div></div>""",
    "daum": """<p>New words</p><p>--------- 원본 메일 ---------</p><blockquote style="border-left:2px solid"><b>보낸사람</b>: Ann<br>Old words</blockquote>""",
    "infomaniak": """<div>New words</div><div class="ik_mail_quote"><div>Le 2026-05-01T10:00, Ann &lt;ann@customer.example&gt; a écrit :</div><blockquote class="ws-ng-quote"><div>Old words</div></blockquote></div>""",
    "comcast": """<div>New words</div><br><hr id="zwchr"><b>From: </b>"Ann" &lt;ann@customer.example&gt;<br><b>To: </b>sales@shop.example<br><b>Sent: </b>Friday, May 1, 2026 10:00:00 AM<br><b>Subject: </b>Offer<br><br>Old words""",
}  # fmt: skip

#: The same as plain text.
TEXT_REPLIES = {
    "arrows": "New words\n\n> Old words\n> Old words\n",
    "attribution": "New words\n\nOn Fri, 1 May 2026 at 10:00, Ann <ann@customer.example> wrote:\n> Old words\n",
    "attribution-two-lines": "New words\n\nOn Fri, 1 May 2026 at 10:00 Ann Doe\n<ann@customer.example> wrote:\n\n> Old words\n",
    "attribution-three-lines": "New words\n\nOn Fri, 1 May 2026 at 10:00,\nAnn Doe of the customer's house\n<ann@customer.example> wrote:\n\n> Old words\n",
    "german": "New words\n\nAm Fr., 1. Mai 2026 um 10:00 Uhr schrieb Ann Doe <\nann@customer.example>:\n\n> Old words\n",
    "french": "New words\n\nLe 1 mai 2026 à 10:00, Ann Doe <ann@customer.example> a écrit :\n\n> Old words\n",
    "japanese": "New words\n\n2026年5月1日(金) 10:00 Ann <ann@customer.example>:\n\n> Old words\n",
    "outlook-separator": "New words\n\n-----Original Message-----\nFrom: Ann\nSent: Friday, May 1, 2026 10:00\nTo: Sales\nSubject: Offer\n\nOld words\nOld words\n",
    "outlook-german": "New words\n\n-----Ursprüngliche Nachricht-----\nVon: Ann\nGesendet: Freitag\nAn: Sales\nBetreff: Offer\n\nOld words\n",
    "outlook-rule": "New words\n\n________________________________\nVon: Ann <ann@customer.example>\nGesendet: Freitag, 1. Mai 2026 10:00\nAn: Sales <sales@shop.example>\nBetreff: Offer\n\nOld words\n",
    "outlook-fields-only": "New words\n\n\nDe : Ann <ann@customer.example>\nEnvoyé : vendredi 1 mai 2026 10:00\nÀ : Sales\nCc : Bob\nObjet : Offer\n\nOld words\n",
    "unknown-separator": "New words\n\n-----Wiadomosc pierwotna-----\nOd: Ann\nDo: Sales\n\nOld words\n",
    "yahoo-text": "New words\n\n     On Friday, May 1, 2026 at 10:00:00 AM GMT+2, Ann <ann@customer.example> wrote:  \n \n Old words\n",
    "em-client": "New words\n\n------ Original Message ------\nFrom \"Ann\" <ann@customer.example>\n\n> Old words\n",
}  # fmt: skip
