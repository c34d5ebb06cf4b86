"""Bounces in words, one or a few of each family of mail servers; written by hand.

A row has the header and the words of a family; how it returns the message is one of
:data:`RETURNS`. Names and addresses are invented; the sentences are those by which a
form is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports import ORIGINAL, ORIGINAL_ID, wire

ANN = "ann@customer.example"
DAEMON = "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.customer.example>"
NULL = "Return-Path: <>\n"
_RECEIVED = "Received: from mail.example.com by mx.customer.example; Mon, 4 May 2026"
_COPY = f"{_RECEIVED}\n{ORIGINAL}"
_NO_ID = "".join(
    line for line in _COPY.splitlines(True) if not line.startswith("Message-ID")
)

#: How the message is returned: what is appended to the words; "parts": in a part of its
#: own, of that type.
RETURNS = {
    "inline": f"{_COPY}\nHello Ann\n",
    "header": _COPY,
    "no id": f"{_NO_ID}\nHello Ann\n",
    "indented": "".join(f"    {line}\n" for line in _COPY.splitlines()),
    "nothing": "",
}


@dataclass(frozen=True)
class Family:
    """``head``: its header; ``words``: its text; ``returns``: a key of :data:`RETURNS`
    or the type of a part. ``said``: the beginning of the reason, ``status`` the code in
    it. ``charset`` of the words.
    """

    head: str
    words: str
    returns: str = "inline"
    said: str = ""
    status: str = ""
    charset: str = ""
    action: str = "failed"
    html: bool = False

    @property
    def names_subject(self) -> bool:
        """Whether the subject of the message can be known."""
        return "Our offer" in self.head + self.words + self.returned

    @property
    def returned(self) -> str:
        return RETURNS.get(self.returns, _COPY)

    @property
    def leads(self) -> bool:
        """Whether the Message-ID can be known."""
        return (
            self.returns in ("inline", "header", "indented")
            or "/" in self.returns
            or ORIGINAL_ID in self.head + self.words
        )

    def raw(self) -> bytes:
        head = f"{self.head}\nTo: <sales@example.com>\nMIME-Version: 1.0"
        head += "\nDate: Mon, 4 May 2026 10:00:09 +0000"
        head += "\nMessage-ID: <own@mx.customer.example>"
        kind = "text/html" if self.html else "text/plain"
        kind += f"; charset={self.charset or 'utf-8'}"
        text = self.words
        if "/" not in self.returns:
            text += RETURNS[self.returns]
            return _encoded(f"{head}\nContent-Type: {kind}\n\n{text}", self.charset)
        head += '\nContent-Type: multipart/mixed; boundary="PP"'
        if self.returns == "raw/part":  # its own header is that of the part
            part = f"{_COPY}\nHello Ann\n"
        else:
            part = f"Content-Type: {self.returns}\n\n{_COPY}\nHello Ann\n"
        body = f"--PP\nContent-Type: {kind}\n\n{text}\n--PP\n{part}\n--PP--\n"
        return _encoded(f"{head}\n\n{body}", self.charset)


def _encoded(text: str, charset: str) -> bytes:
    if not charset:
        return wire(text)
    return text.replace("\n", "\r\n").encode(charset)


def _subject(text: str, sender: str = DAEMON) -> str:
    return f"{NULL}{sender}\nSubject: {text}"


FAMILIES = {
    "yahoo, old": Family(
        _subject("Delivery failure", "From: MAILER-DAEMON@yahoo.example"),
        "Message from  yahoo.example.\nUnable to deliver message to the following"
        f" address(es).\n\n<{ANN}>:\nSorry, your message to {ANN} cannot be delivered. "
        " This account is over quota.\n\n--- Original message follows.\n\n",
        said="Sorry, your message to",
    ),
    "yahoo": Family(
        _subject("Failure Notice", "From: MAILER-DAEMON@yahoo.example"),
        "Sorry, we were unable to deliver your message to the following address.\n\n"
        f"<{ANN}>:\nRemote host said: 550 5.1.1 <{ANN}>: Recipient address rejected\n\n"
        "--- Below this line is a copy of the message.\n\n",
        said="Remote host said: 550 5.1.1", status="5.1.1",
    ),
    "yahoo, with a part": Family(
        _subject("Failure Notice", "From: MAILER-DAEMON@yahoo.example"),
        "Sorry, we were unable to deliver your message to the following address.\n\n"
        f"<{ANN}>:\n550: 5.1.1 <{ANN}>: User unknown\n\n"
        "---------- Forwarded message ----------\n",
        "message/rfc822", status="5.1.1",
    ),
    "gmx": Family(
        "Return-Path: \nFrom: MAILER-DAEMON@mail.gmx.example\n"
        "Subject: Mail delivery failed: returning message to sender",
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of\nits"
        " recipients."
        f' This is a permanent error. The following address\nfailed:\n\n"{ANN}":\n'
        "SMTP error from remote server after RCPT command:\nhost: mx.customer.example\n"
        f"5.2.2 <{ANN}>... Mailbox Full\n\n\n"
        "--- The header of the original message is following. ---\n\n",
        "header", said="SMTP error from remote server", status="5.2.2",
    ),
    "1&1": Family(
        _subject(
            "Mail delivery failed: returning message to sender",
            'From: "Mail Delivery System" <mailer-daemon@kundenserver.example>',
        ),
        "A message that you sent could not be delivered to one or more of\nits"
        " recipients."
        f" This is a permanent error.\n\nThe following address failed:\n\n{ANN}\n\n"
        "For the following reason:\n\nMail size limit exceeded. For explanation visit\n"
        "http://postmaster.example/error\n\n"
        "--- The header of the original message is following. ---\n\n",
        "header",
    ),
    "zoho": Family(
        _subject("Undelivered Mail Returned to Sender",
                 "From: mailer-daemon@mail.zoho.example"),
        "This message was created automatically by mail delivery software.\n"
        " A message that you sent could not be delivered to one or more of its"
        " recipients. This is a permanent error.\n\n"
        f"{ANN} Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.=1 <{ANN}>... User"
        " Unknown\n\n\nReceived:from mail.zoho.example by mx.zoho.example\n"
        "  with SMTP id 1\nMessage-ID:" + ORIGINAL_ID +
        f"\nDate:Mon, 4 May 2026\nFrom:sales@example.com\nTo:{ANN}\nSubject:Our"
        f" offer\n",
        "nothing", said="Invalid Address",
    ),
    "workmail": Family(
        _subject("Undelivered Mail Returned to Sender",
                 "From: Mail Delivery System <MAILER-DAEMON@amazonses.example>"),
        "Technical report:\n\nGenerating server: mail.example.com\n\nRecipient(s): "
        f"{ANN}\n550 5.1.1 The email account that you tried to reach does not exist\n"
        f"\n",
        "text/rfc822-headers", status="5.1.1",
    ),
    "exchange 5.5": Family(
        _subject("Undeliverable: Our offer",
                 "From: System Administrator <postmaster@customer.example>"),
        "Your message\n\n  To:      Ann\n  Subject: Our offer\n  Sent:    Mon, 4 May"
        " 2026\n"
        f"\ndid not reach the following recipient(s):\n\n{ANN} on Mon, 4 May 2026"
        f" 10:00\n"
        "    The recipient name is not recognized\n\tThe MTS-ID of the original message"
        " is: c=us;a= ;p=x\n;l=EXCHANGE0\n    MSEXCH:IMS:X:Y:Z 0 (000C05A6) Unknown\n",
        "message/rfc822",
    ),
    "exchange 2003": Family(
        _subject("Undeliverable: Our offer",
                 "From: System Administrator <postmaster@customer.example>"),
        "Your message did not reach some or all of the intended recipients.\n\n"
        "      Subject:\tOur offer\n      Sent:\t5/4/2026 10:00 AM\n\n"
        f"The following recipient(s) could not be reached:\n\n      {ANN} on 5/4/2026\n"
        "            The e-mail account does not exist at the organization this message"
        " was sent to.\n            <mx.customer.example #5.1.1>\n",
        "nothing", status="5.1.1",
    ),
    "exchange 2003, german": Family(
        _subject("Unzustellbar: Our offer",
                 "From: Systemadministrator <postmaster@customer.example>"),
        "Ihre Nachricht hat einige oder alle Empfänger nicht erreicht.\n\n"
        "      Betreff:\tOur offer\n      Gesendet am:\t04.05.2026 10:00\n\n"
        f"Folgende(r) Empfänger kann/können nicht erreicht werden:\n\n      {ANN} am"
        f" 04.05."
        "\n            Das E-Mail-Konto existiert nicht.\n"
        "            <mx.customer.example #5.1.1>\n",
        "nothing", status="5.1.1",
    ),
    "exchange, html": Family(
        _subject("Undeliverable: Our offer",
                 "From: Microsoft Outlook <MicrosoftExchange329e@customer.example>")
        + f"\nIn-Reply-To: {ORIGINAL_ID}",
        "<html><body><p><b>Delivery has failed to these recipients or groups:</b></p>"
        f'<p><a href="mailto:{ANN}">{ANN}</a><br>The e-mail address you entered could'
        " not be found.</p><p>Diagnostic information for administrators:</p>"
        f"<p>Generating server: mx</p><p>{ANN}<br>#550 5.1.1 RESOLVER.ADR"
        f" ##</p></body>",
        "nothing", html=True, status="5.1.1",
    ),
    "exchange, french": Family(
        _subject("Non remis : Our offer",
                 "From: Microsoft Outlook <MicrosoftExchange329e@customer.example>")
        + f"\nIn-Reply-To: {ORIGINAL_ID}",
        f"Échec de la remise aux destinataires ou groupes suivants :\n\n{ANN}\n"
        "L'adresse de messagerie est introuvable.\n\n#550 5.1.10 RESOLVER ##\n",
        "nothing", status="5.1.10",
    ),
    "sendmail 5": Family(
        _subject("Returned mail: Cannot send message for 4 days"),
        "   ----- Transcript of session follows -----\n421 customer.example (smtp)..."
        " Deferred: Connection timed out during user open with customer.example\n\n"
        "   ----- Unsent message follows -----\n",
        "no id", said="421 customer.example",
    ),
    "sendmail 8": Family(
        _subject("Returned mail: User unknown")
        + "\nAuto-Submitted: auto-generated (failure)",
        "The original message was received at Mon, 4 May 2026 10:00:00 GMT\n\n"
        f"   ----- The following addresses had permanent fatal errors -----\n<{ANN}>\n"
        "    (reason: 550 5.1.1 User unknown)\n\n"
        "   ----- Transcript of session follows -----\n... while talking to mx:\n"
        f">>> RCPT To:<{ANN}>\n<<< 550 5.1.1 User unknown\n\n"
        "   ----- Original message follows -----\n\n",
        said="reason: 550 5.1.1", status="5.1.1",
    ),
    "imail": Family(
        "From: \"Postmaster\" <postmaster@mx.customer.example>\nX-Mailer: <SMTP32"
        " v8.15>\n"
        "Subject: Undeliverable Mail",
        f"Unknown user: {ANN}\n\nRCPT TO generated following response:\n"
        f"553 5.3.0 <{ANN}>... Addressee unknown\n\nOriginal message follows.\n\n",
        status="5.3.0",
    ),
    "ezweb": Family(
        "Return-Path: <MAILER-DAEMON>\nFrom: <Postmaster@ezweb.example>\n"
        "Subject: Mail System Error - Returned Mail",
        f"<{ANN}>\n\nEach of the following recipients was rejected by a remote mail"
        " server.\n---------------------------------------------------\n",
        charset="iso-2022-jp",
    ),
    "ezweb, japanese": Family(
        f"{NULL}From: Postmaster@ezweb.example\n"
        "Subject: Mail System Error - Returned Mail",
        "次のあて先へのメッセージはエラーのため送信できませんでした。\n\n"
        "Each of the following recipients was rejected by a remote\nmail server.\n\n"
        f"    Recipient: <{ANN}>\n    >>> RCPT TO:<{ANN}>\n"
        f"    <<< 550 <{ANN}>: User unknown\n",
        "nothing", charset="iso-2022-jp",
    ),
    "au one": Family(
        _subject("Delivery Status Notification", "From: Postmaster@auone.example"),
        "Your mail sent on: Mon, 4 May 2026 10:00:00 +0900\n    Could not be"
        " delivered to:"
        f" <{ANN}>\n    As their mailbox is full.\n",
        "nothing", said="As their mailbox is full",
    ),
    "opensmtpd": Family(
        _subject("Delivery status notification: error",
                 "From: Mailer Daemon <MAILER-DAEMON@mx.example.com>"),
        "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this"
        " e-mail.\n\n"
        "    An error has occurred while attempting to deliver a message for\n"
        f"    the following list of recipients:\n\n{ANN}: 550 5.1.1 No such user\n\n"
        "    Below is a copy of the original message:\n\n",
        "no id", said="550 5.1.1 No such user", status="5.1.1",
    ),
    "dragonfly": Family(
        _subject("Mail delivery failed", "From: MAILER-DAEMON <>"),
        "This is the DragonFly Mail Agent v0.13 at example.com.\n\nThere was an error"
        f" delivering your mail to <{ANN}>.\n\nmx.customer.example [192.0.2.7] did not"
        " like our RCPT TO:\n550 5.1.1 User unknown\n\nMessage headers follow.\n\n",
        "header", said="550 5.1.1 User unknown", status="5.1.1",
    ),
    "gmail, old": Family(
        _subject("Delivery Status Notification (Failure)",
                 "From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>"),
        "Delivery to the following recipient failed permanently:\n\n     " + ANN +
        "\n\nTechnical details of permanent failure: \nThe error that the other server"
        " returned was:\n550 5.1.1 No such user\n\n----- Original message -----\n\n",
        said="550 5.1.1", status="5.1.1",
    ),
    "google groups": Family(
        _subject("Delivery Status Notification (Failure)",
                 "From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>")
        + f"\nAuto-Submitted: auto-replied\nX-Failed-Recipients: {ANN}"
        f"\nReferences: {ORIGINAL_ID}\nIn-Reply-To: {ORIGINAL_ID}",
        "The group you tried to contact (ann) may not exist, or you may not have"
        " permission to post messages to it.\n\n----- Original message -----\n\n",
    ),
    "google groups, nothing returned": Family(
        _subject("Delivery Status Notification (Failure)",
                 "From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>")
        + f"\nX-Failed-Recipients: {ANN}\nIn-Reply-To: {ORIGINAL_ID}",
        "The group you tried to contact (ann) may not exist.\n", "nothing",
    ),
    "qmail": Family(
        _subject("failure notice", "From: MAILER-DAEMON@mx.customer.example"),
        "Hi. This is the qmail-send program at mx.customer.example.\nI'm afraid I"
        " wasn't"
        " able to deliver your message to the following addresses.\nThis is a permanent"
        f" error; I've given up. Sorry it didn't work out.\n\n<{ANN}>:\nSorry, no"
        f" mailbox"
        " here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message."
        "\n\n",
        said="Sorry, no mailbox", status="5.1.1",
    ),
    "qmail, words of its own": Family(
        _subject("failure notice", "From: MAILER-DAEMON@mx.customer.example"),
        "Your mail message to the following address(es) could not be delivered.\n\n"
        f"<{ANN}>:\nchild status 100...The mailfolder is full.\n\n"
        "--- Below this line is a copy of the message.\n\n",
        said="child status 100",
    ),
    "qmail, with parts": Family(
        _subject("failure notice", "From: MAILER-DAEMON@mx.customer.example"),
        "Hi. This is the qmail-send program at mx.customer.example.\n\n"
        f"<{ANN}>:\n192.0.2.7 does not like recipient.\nRemote host said: 550 5.1.1"
        f" No\n"
        "Giving up on 192.0.2.7.\n\n--- Enclosed is a copy of the message.\n",
        "message/rfc822", said="192.0.2.7 does not like", status="5.1.1",
    ),
    "postfix 1": Family(
        _subject("Undelivered Mail Returned to Sender",
                 "From: MAILER-DAEMON@mx.example.com (Mail Delivery System)"),
        "This is the Postfix program at host mx.example.com.\n\nI'm sorry to have to"
        " inform you that the message returned\nbelow could not be delivered to one or"
        " more destinations.\n\nFor further assistance, please contact"
        f" <postmaster@mx.example.com>\n\n<{ANN}>: host mx.customer.example said: 550"
        " 5.1.1\n    User unknown\n",
        "message/rfc822", said="host mx.customer.example said", status="5.1.1",
    ),
    "exim, no field": Family(
        _subject("Mail delivery failed: returning message to sender"),
        "A message that you sent could not be delivered to one or more of its\n"
        "recipients."
        f" This is a permanent error. The following address(es) failed:\n\n  {ANN}\n"
        f"    SMTP error from remote mail server after RCPT TO:<{ANN}>:\n    host mx:"
        f" 550"
        " 5.1.1 unknown\n\n"
        "------ This is a copy of the message, including all the headers. ------\n\n",
        said="SMTP error from remote", status="5.1.1",
    ),
    "courier": Family(
        _subject("NOTICE: mail delivery status.",
                 "From: postmaster@mx.customer.example"),
        "                           UNDELIVERABLE MAIL\n\nYour message to the following"
        f" recipients cannot be delivered:\n\n<{ANN}>:\n    mx.customer.example"
        f" [192.0.2.7]:\n>>> RCPT TO:<{ANN}>\n<<< 550 5.1.1 User Unknown\n\n",
        "text/rfc822-headers", status="5.1.1",
    ),
    "mdaemon": Family(
        "From: MDaemon@mx.customer.example\nSubject: Permanent Delivery Failure",
        "The attached message had PERMANENT fatal delivery errors!\n\n"
        "YOUR MESSAGE WAS NOT DELIVERED!\n\nThe following addresses did NOT receive a"
        f" copy of your message:\n\n> {ANN}\n\n--- Session Transcript ---\n"
        f" --> RCPT To:<{ANN}>\n <-- 550 5.1.1 Unknown\n",
        "message/rfc822", status="5.1.1",
    ),
    "domino": Family(
        _subject("DELIVERY FAILURE: User ann not listed in Domino Directory",
                 "From: Postmaster@customer.example"),
        f"Your message\n\n  Subject: Our offer\n\nwas not delivered to:\n\n  {ANN}\n\n"
        "because:\n\n  User ann (ann@customer.example) not listed in Domino"
        " Directory\n",
        "nothing",
    ),
    "domino 4": Family(
        _subject("Undeliverable message", "From: postmaster@customer.example"),
        f"------- Failure Reasons  --------\n\nUser not listed in directory\n{ANN}\n\n"
        "------- Returned Message --------\n",
    ),
    "groupwise": Family(
        "Return-Path: <MAILER-DAEMON@mx>\nFrom: Mailer-Daemon@customer.example\n"
        "Subject: Message status - undeliverable",
        f"The message that you sent was undeliverable to the following:\n\t{ANN}"
        f" (user not"
        " found)\n",
        "message/rfc822", said="user not found",
    ),
    "mimecast": Family(
        _subject("[Postmaster] Email Delivery Failure"),
        "This is a delivery failure notification message indicating that\nan email you"
        f" addressed to email address :\n-- {ANN}\n\ncould not be delivered. The"
        f" problem"
        " appears to be :\n-- Recipient email server rejected the message\n\nAdditional"
        " information follows :\n-- 550 5.1.1 User unknown\n",
        "text/rfc822-headers", status="5.1.1",
    ),
    "barracuda": Family(
        _subject("**Message you sent blocked by our bulk email filter**",
                 "From: <postmaster@barracuda.customer.example>"),
        f"Your message to: {ANN}\nwas blocked by our Spam Firewall. The email you sent"
        " with the following subject has NOT BEEN DELIVERED:\n\nSubject: Our offer\n",
        "nothing",
    ),
    "sophos": Family(
        _subject("Delivery Status Notification (Failure)",
                 "From: postmaster@gw.customer.example"),
        "This is an automatically generated Delivery Status Notification.\n\nDelivery"
        " to"
        f" the following recipients failed permanently:\n\n   * {ANN}\n\nReason: 550"
        f" 5.7.1"
        " Rejected\n",
        "message/rfc822", said="Reason: 550 5.7.1", status="5.7.1",
    ),
    "sendgrid": Family(
        _subject("Undelivered Mail Returned to Sender",
                 "From: <MAILER-DAEMON@sendgrid.example>"),
        "Hello, this is the mail server on mail.example.\n\nI am sending you this"
        " message"
        " to inform you on the delivery status of a message you previously sent. "
        f" Immediately below you will find a list of the affected recipients.\n\n"
        f"<{ANN}>:"
        " user unknown (550 5.1.1)\n",
        "message/rfc822", status="5.1.1",
    ),
    "t-online": Family(
        _subject("Mail delivery failed: returning message to sender",
                 "From: MAILER-DAEMON@t-online.example"),
        "|------------------------- Message log follows: -------------------------|\n"
        " no valid recipients were found for this message\n"
        "|------------------------- Failed addresses follow: ---------------------|\n"
        f" <{ANN}> ... unknown user\n"
        "|------------------------- Message text follows: ------------------------|\n",
        said="unknown user",
    ),
    "mail.ru": Family(
        _subject("Ваше сообщение не доставлено. Mail failure.")
        + f"\nX-Failed-Recipients: {ANN}",
        "Это письмо создано автоматически сервером Mail.Ru.\n\nК сожалению, Ваше письмо"
        " не может быть доставлено одному или нескольким получателям:\n\n"
        f"{ANN}\n    SMTP error: 550 5.1.1 user not found\n\n"
        "------ This is a copy of the message, including all the headers. ------\n\n",
        status="5.1.1",
    ),
    "yandex": Family(
        _subject("Недоставленное сообщение", "From: mailer-daemon@yandex.example"),
        f"Ваше письмо не доставлено следующим адресатам:\n\n<{ANN}>: host mx said: 550"
        " 5.7.1 No such user\n",
        "message/rfc822", status="5.7.1",
    ),
    "qq": Family(
        _subject("系统退信", "From: PostMaster@qq.example"),
        f"抱歉，您的邮件被退回来了……\n\n收件人邮件地址：\n{ANN}\n\n退信原因：\n"
        "550 5.1.1 Mailbox not found\n\n原邮件信息：\n主题: Our offer\n",
        "nothing", charset="gb18030", status="5.1.1",
    ),
    "163": Family(
        _subject("系统退信", "From: Postmaster@163.example"),
        f"您的邮件无法被送达\n\n收件人：{ANN}\n\n"
        "SMTP error, RCPT TO: 550 User not found\n",
        "message/rfc822", charset="gb18030",
    ),
    "coremail": Family(
        _subject("failure notice"),
        "Hi. This is the deliver program at mx.<br>I'm afraid I wasn't able to deliver"
        f" your message to the following addresses.<br><br>{ANN}<br>No such user<br>"
        "--- Attachment is a copy of the message.<br>",
        "message/rfc822", html=True,
    ),
    "naver": Family(
        _subject("메일이 반송되었습니다", "From: Mailer-Daemon@naver.example"),
        f"메일을 전송하지 못했습니다.\n\n받는사람: {ANN}\n"
        "사유: 550 5.1.1 No such user\n",
        "message/rfc822", status="5.1.1",
    ),
    "docomo": Family(
        _subject("Returned mail: User unknown",
                 "From: Mail Delivery Subsystem <MAILER-DAEMON@docomo.example>"),
        "The original message was received at Mon, 4 May 2026\n\n   ----- Transcript of"
        f" session follows -----\n... while talking to mx:\n>>> RCPT To:<{ANN}>\n<<<"
        f" 550"
        f" Unknown user {ANN}\n554 <{ANN}>... Service unavailable\n\n"
        "   ----- Original message follows -----\n\n",
        charset="iso-2022-jp",
    ),
    "biglobe": Family(
        _subject("Returned mail:",
                 "From: <postmaster@biglobe.example>"),
        "   ----- The following addresses had delivery problems -----\n"
        f"{ANN} (unrecoverable error)\n\n   ----- Non-delivered information -----\nThe"
        " number of messages in recipient's mailbox exceeded the local limit.\n\n\n",
        "message/rfc822", said="unrecoverable error",
    ),
    "surgemail": Family(
        "Return-Path: <>\nFrom: Mail Delivery <postmaster@mx.example.com>\n"
        "Subject: Delivery Failure: Our offer",
        "Your message cannot be delivered to the following recipients:\n\n"
        f"  Recipient address: {ANN}\n  Reason: 550 5.1.1 no such mailbox\n\n",
        "message/rfc822", status="5.1.1",
    ),
    "sun messaging server": Family(
        _subject("Delivery Notification: Delivery has failed",
                 "From: Internet Mail Delivery <postmaster@mx.customer.example>"),
        "Your message cannot be delivered to the following recipients:\n\n"
        f"  Recipient address: {ANN}\n  Original address: {ANN}\n  Reason: Remote SMTP"
        " server has rejected address\n  Diagnostic code: smtp;550 5.1.1 unknown\n",
        "message/rfc822", status="5.1.1",
    ),
    "hmailserver": Family(
        _subject("Undeliverable: Our offer", "From: <mailer-daemon@mx.example.com>"),
        "Your message did not reach some or all of the intended recipients.\n\n"
        "   Sent: Mon, 4 May 2026 10:00:00 +0000\n   Subject: Our offer\n\nThe"
        " following"
        f" recipient(s) could not be reached:\n\n{ANN}\n   Error Type: SMTP\n   Remote"
        " server (192.0.2.7) issued an error.\n   Remote server replied: 550 5.1.1 User"
        " unknown\n\nhMailServer\n",
        "nothing", said="Error Type: SMTP", status="5.1.1",
    ),
    "kerio": Family(
        _subject("Message delivery failed", "From: postmaster@mx.example.com"),
        "This is the mail delivery agent at mx.example.com.\nYour message could not be"
        f" delivered to the following recipients:\n\n{ANN}: 550 5.1.1 unknown\n",
        "message/rfc822", status="5.1.1",
    ),
    "mailenable": Family(
        "From: \"Delivery Subsystem\" <POSTMASTER@mx.example.com>\n"
        "Subject: Message Delivery Failure\nAuto-Submitted: auto-replied",
        "MailEnable: Message could not be delivered to some recipients.\nThe following"
        f" recipient(s) could not be reached:\n\n\tRecipient: [SMTP:{ANN}]\n\tReason:"
        " Remote SMTP Server Returned: 550 mailbox unavailable.\n\n"
        "Message headers follow:\n\n",
        "header", said="Reason: Remote SMTP",
    ),
    "smartermail": Family(
        'From: "System Administrator" <>\nSubject: Delivery Failure',
        f"Could not deliver message to the following recipient(s):\n\nFailed"
        f" Recipient: {ANN}"
        "\nReason: Remote host said: 550 5.1.1 unknown user\n\n"
        "   -- The header and top 20 lines of the message follows --\n\n",
        said="Reason: Remote host said", status="5.1.1",
    ),
    "xmail": Family(
        _subject("Error sending message [1.2] from [mx.example.com]",
                 "From: postmaster@mx.example.com"),
        f"[00] XMail bounce: Rcpt=[{ANN}];Error=[550 5.1.1 Unknown user]\n\n[01] Error"
        f" sending message [1.2] from [mx.example.com].\n\nRcpt To:      <{ANN}>\n\n"
        "[05] Here is listed the initial part of the message:\n\n",
        status="5.1.1",
    ),
    "m-filter": Family(
        "Return-Path: <postmaster@customer.example>\nFrom: POSTMASTER"
        " <postmaster@customer.example>\nX-Mailer: m-FILTER\nSubject: failure notice",
        "以下のメールアドレスへの送信に失敗しました。\n" + ANN + "\n\n\n"
        "-------server message\n550 unknown user\n\n-------SMTP command\nDATA\n\n"
        "-------original message\n",
        charset="iso-2022-jp", said="550 unknown user",
    ),
    "mcafee": Family(
        _subject("Delivery Status", "From: <MAILER-DAEMON@mx.example.com>"),
        f"    --- The following addresses had delivery problems ---\n\n<{ANN}>  "
        f" (Unknown"
        " user)\n",
        "message/rfc822", said="Unknown user",
    ),
    "messagelabs": Family(
        _subject("failure notice", "From: MAILER-DAEMON@messagelabs.example"),
        "This is the mail delivery agent at messagelabs.example.\nI was not able to"
        f" deliver your message to the following addresses.\n\n<{ANN}>:\n192.0.2.7 does"
        " not like recipient.\nRemote host said: 550 5.1.1 No such user\n\n"
        "--- Below this line is a copy of the message.\n\n",
        status="5.1.1",
    ),
    "openmail": Family(
        _subject("Returned Mail: User unknown"),
        "The original message was received at Mon, 4 May 2026\nfrom"
        " sales@example.com\n\n"
        f"---The following addresses had delivery errors---\n\n{ANN} [User unknown]\n",
        "raw/part", said="User unknown",
    ),
    "bigfoot": Family(
        _subject("Returned mail: Requested action not taken"),
        f"   ----- The following addresses had permanent fatal errors -----\n"
        f"<{ANN}>\n\n"
        f"   ----- Transcript of session follows -----\n>>> RCPT TO:<{ANN}>\n<<< 553"
        f" 5.1.1"
        " Invalid recipient\n",
        "message/partial", status="5.1.1",
    ),
    "mailmarshal": Family(
        _subject('Undeliverable Mail: "Our offer"',
                 "From: postmaster@gw.customer.example"),
        "Your message:\n   From:    sales@example.com\n   Subject: Our offer\n\nCould"
        " not"
        " be delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients"
        f" were affected: \n    {ANN}\n\n\n\nAdditional Information\n=====\nOriginal"
        " Sender:    <sales@example.com>\n",
        "nothing", status="5.1.1",
    ),
    "interscan": Family(
        _subject("Mail could not be delivered", "From: imss@gw.customer.example"),
        "****** Message from InterScan Messaging Security Suite ******\n\nSent <<< RCPT"
        f" TO:<{ANN}>\nReceived >>> 550 5.1.1 unknown user.\nUnable to deliver"
        f" message to"
        f" <{ANN}> (and other recipients in the same domain).\n",
        "message/rfc822", status="5.1.1",
    ),
    "listserv": Family(
        _subject("Undelivered mail", "From: LSMTP <postmaster@mail.example.com>"),
        "An error was detected while processing the enclosed message.\n\n--> Error"
        f" description:\n\nError-for:  {ANN}\nError-Code: 0\nError-Text: said:\n"
        '            "550 5.1.1 unknown"\n\nError-End:  One error reported.\n\n'
        "------------------------------ Original message"
        " ------------------------------\n",
        status="5.1.1",
    ),
    "vade": Family(
        f"From: MAILER-DAEMON <mailer-daemon@gw.example>\nIn-Reply-To: {ORIGINAL_ID}\n"
        "Subject: Undeliverable: Our offer\nAuto-Submitted: auto-replied",
        "Delivery has failed to these recipients or distribution lists:\n\nServer"
        f' "192.0.2.7:25" returned an error:\n\n\t* [{ANN}]: 550 5.1.1 overquota\n\n'
        "Original message details:\n\t* From: sales@example.com\n\t* To: x@y.example\n"
        "\t* Subject: Our offer\n",
        "nothing", status="5.1.1",
    ),
    "facebook": Family(
        _subject("Sorry, your message could not be delivered",
                 "From: Facebook <mailer-daemon@mx.social.example>"),
        f"This message was created automatically.\n\nThe message to {ANN} could not be"
        " delivered.\n",
        "message/rfc822",
    ),
    "powermta": Family(
        _subject("Delivery report", "From: postmaster@mail.example.com"),
        "Immediately below you will find a list of the affected recipients.\n\n"
        f"  <{ANN}>  delivery failed; will not continue trying\n",
        "text/rfc822-headers", said="delivery failed",
    ),
    "amen": Family(
        "Return-Path: <MAILER-DAEMON@mx.example.com>\nFrom: Mail Delivery System"
        " <Mail.Delivery.System@mx.example.com>\nSubject: Delivery status notification",
        "      This is an automatically generated Delivery Status Notification.\n\n"
        "Delevery to the following recipients was aborted after 5.0 hour(s):\n\n"
        f"  * {ANN}\n\n\n=====\n\nRouting: Could not find a gateway for {ANN}\n",
        "message/rfc822",
    ),
    "interscan, japanese": Family(
        "Return-Path: <postmaster@customer.example>\n"
        'From: "InterScan MSS" <postmaster@customer.example>\n'
        "Subject: メッセージを配信できません。",
        f"...\n\nSent <<< RCPT TO:<{ANN}>\nReceived >>> 550 5.1.1 <{ANN}>... unknown\n",
        "message/rfc822", status="5.1.1",
    ),
    "mailfoundry": Family(
        _subject("Message delivery has failed"),
        f"Unable to deliver message to: <{ANN}>\nDelivery failed for the following"
        f" reason:"
        f"\nServer mx[192.0.2.7] failed with: 550 <{ANN}> No such user here\n",
        "message/rfc822", said="Delivery failed for the following reason",
    ),
    "forwarded": Family(
        _subject("Mail delivery failed: returning message to sender"),
        "A message that you sent could not be delivered to one or more of its\n"
        "recipients."
        " This is a permanent error. The following address(es) failed:\n\n"
        f"  ann@home.example\n    (generated from {ANN})\n    550 5.1.1 unknown\n\n"
        "------ This is a copy of the message, including all the headers. ------\n\n",
        status="5.1.1",
    ),
    "copy, indented": Family(
        _subject("Returned mail: unknown mailer error"),
        f"The mail to {ANN} was not delivered:\n\n  550 5.1.1 unknown\n\nThe"
        f" message:\n\n",
        "indented", status="5.1.1",
    ),
    "exim, delayed": Family(
        _subject("Warning: message 1abc-0001 delayed 24 hours"),
        "A message that you sent has not yet been delivered to one or more of its\n"
        "recipients after more than 24 hours on the queue.\n\nThe subject of the"
        " message"
        f" is: Our offer\n\nThe address to which the message has not yet been"
        f" delivered is:"
        f"\n\n  {ANN}\n\nNo action is required on your part. Delivery attempts will"
        " continue for\nsome time. Eventually the mail delivery software will give"
        " up,\n"
        "and when that happens, the message will be returned to you.\n",
        "nothing", action="delayed",
    ),
    "sendmail, delayed": Family(
        _subject("Warning: could not send message for past 4 hours"),
        "    **********************************************\n    **      THIS IS A"
        " WARNING"
        " MESSAGE ONLY      **\n    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n\n"
        f"   ----- The following addresses had transient non-fatal errors -----\n"
        f"<{ANN}>\n"
        "\n   ----- Transcript of session follows -----\n451 4.4.1 timed out\nWill keep"
        " trying until message is 5 days old\n\n   ----- Original message follows"
        " -----\n",
        "inline", action="delayed", status="4.4.1",
    ),
    "gmail, delayed": Family(
        _subject("Delivery Status Notification (Delay)",
                 "From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>"),
        "THIS IS A WARNING MESSAGE ONLY.\n\nYOU DO NOT NEED TO RESEND YOUR MESSAGE.\n\n"
        f"Delivery to the following recipient has been delayed:\n\n     {ANN}\n\n"
        f"Message"
        " will be retried for 2 more day(s)\n\n   ----- Message header follows"
        " -----\n\n",
        "header", action="delayed",
    ),
}  # fmt: skip
