"""Bounces in the shape in which servers send them; written by hand."""

from __future__ import annotations

ORIGINAL_ID = "<quote-17-openerp-17-sale.order@crm.example.com>"
ORIGINAL = f"""\
Return-Path: <sales@example.com>
From: "Sales" <sales@example.com>
To: Ann <ann@customer.example>
Subject: Our offer
Message-ID: {ORIGINAL_ID}
References: <first@customer.example> <second@crm.example.com>
Date: Mon, 4 May 2026 10:00:00 +0000
"""


def wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def dsn(
    status: str,
    *,
    head: str = "From: MAILER-DAEMON@mx.example.com\nMessage-ID: <own@mx.example.com>",
    kind: str = "report; report-type=delivery-status",
    original: str | None = ORIGINAL + "\nHello Ann\n",
    original_type: str = "message/rfc822",
    status_type: str = "message/delivery-status",
    words: str = "Your mail could not be delivered.\n",
) -> bytes:
    """A report by RFC 3464; ``original`` None: nothing is returned."""
    parts = [f"Content-Type: text/plain\n\n{words}"]
    parts.append(f"Content-Type: {status_type}\n\n{status}")
    if original is not None:
        parts.append(f"Content-Type: {original_type}\n\n{original}")
    body = "".join(f"--RR\n{part}\n" for part in parts)
    return wire(
        f"{head}\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/{kind}; boundary="RR"\n\n{body}--RR--\n'
    )


POSTFIX = dsn(
    """\
Reporting-MTA: dns; mail.example.com
X-Postfix-Queue-ID: 4F0C12A0
X-Postfix-Sender: rfc822; sales@example.com
Arrival-Date: Mon,  4 May 2026 10:00:01 +0000 (UTC)

Final-Recipient: rfc822; Ann@Customer.example
Original-Recipient: rfc822;ann@customer.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.customer.example
Diagnostic-Code: smtp; 550 5.1.1 <ann@customer.example>: Recipient address
    rejected: User unknown in local recipient table
""",
    head="Return-Path: <>\nFrom: MAILER-DAEMON@mail.example.com (Mail Delivery System)"
    "\nSubject: Undelivered Mail Returned to Sender\nTo: sales@example.com"
    "\nAuto-Submitted: auto-replied\nMessage-ID: <20260504.4F0C@mail.example.com>",
)

POSTFIX_DELAYED = dsn(
    """\
Reporting-MTA: dns; mail.example.com

Final-Recipient: rfc822; ann@customer.example
Action: delayed
Status: 4.4.1
Diagnostic-Code: X-Postfix; connect to mx.customer.example[192.0.2.7]:25:
    Connection timed out
Will-Retry-Until: Sat,  9 May 2026 10:00:01 +0000 (UTC)
""",
    original=ORIGINAL,
    original_type="text/rfc822-headers",
)

EXIM = dsn(
    """\
Reporting-MTA: dns; mail.example.com

Action: failed
Final-Recipient: rfc822;ann@customer.example
Status: 5.0.0
Remote-MTA: dns; mx.customer.example
Diagnostic-Code: smtp; 550 5.1.1 No such user here
""",
    head="Return-path: <>\nX-Failed-Recipients: ann@customer.example"
    "\nAuto-Submitted: auto-replied\nFrom: Mail Delivery System"
    " <Mailer-Daemon@mail.example.com>\nTo: sales@example.com"
    "\nSubject: Mail delivery failed: returning message to sender"
    "\nReferences: <quote-17@crm.example.com>\nMessage-Id: <E1-0001@mail.example.com>",
    original_type="message/rfc822",
)

EXIM_OLD = wire(
    f"""\
Return-path: <>
X-Failed-Recipients: ann@customer.example,
  bob@customer.example
From: Mail Delivery System <Mailer-Daemon@mail.example.com>
To: sales@example.com
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1-0001@mail.example.com>

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ann@customer.example
    SMTP error from remote mail server after RCPT TO:<ann@customer.example>:
    host mx.customer.example [192.0.2.7]: 550 5.1.1 unknown user
  bob@customer.example
    Unrouteable address

------ This is a copy of the message, including all the headers. ------

{ORIGINAL}
Hello Ann
"""
)

EXCHANGE = dsn(
    """\
Reporting-MTA: dns;AM0PR01MB0001.prod.exchangelabs.example
Received-From-MTA: dns;mail.example.com
Arrival-Date: Mon, 4 May 2026 10:00:04 +0000

Final-Recipient: rfc822;ann@customer.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient
 ann@customer.example not found by SMTP address lookup
X-Display-Name: Ann
""",
    head="From: Microsoft Outlook"
    " <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@customer.example>"
    "\nTo: <sales@example.com>\nSubject: Undeliverable: Our offer"
    f"\nAuto-Submitted: auto-replied\nIn-Reply-To: {ORIGINAL_ID}"
    f"\nReferences: {ORIGINAL_ID}\nMessage-ID: <ndr-1@exchangelabs.example>",
)

GMAIL = dsn(
    f"""\
Reporting-MTA: dns; googlemail.example
Received-From-MTA: dns; sales@example.com
Arrival-Date: Mon, 04 May 2026 03:00:06 -0700 (PDT)
X-Original-Message-ID: {ORIGINAL_ID}

Final-Recipient: rfc822; ann@customer.example
Action: failed
Status: 5.2.2
Remote-MTA: dns; mx.customer.example. (192.0.2.7, the server for the domain.)
Diagnostic-Code: smtp; 552-5.2.2 The email account that you tried to reach is
 552-5.2.2 over quota. 552 5.2.2 Learn more
Last-Attempt-Date: Mon, 04 May 2026 03:00:07 -0700 (PDT)
""",
    head="From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>"
    "\nTo: sales@example.com\nAuto-Submitted: auto-replied"
    "\nX-Failed-Recipients: ann@customer.example"
    "\nSubject: Delivery Status Notification (Failure)"
    f"\nReferences: {ORIGINAL_ID}\nIn-Reply-To: {ORIGINAL_ID}"
    "\nMessage-ID: <own.gmr@googlemail.example>",
    original=None,
)

QMAIL = wire(
    f"""\
Return-Path: <>
Date: 4 May 2026 10:00:09 -0000
From: MAILER-DAEMON@mx.customer.example
To: sales@example.com
Subject: failure notice

Hi. This is the qmail-send program at mx.customer.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ann@customer.example>:
Sorry, no mailbox here by that name. (#5.1.1)

<bob@customer.example>:
192.0.2.7 does not like recipient.
Remote host said: 452 4.2.2 Mailbox full
Giving up on 192.0.2.7.

--- Below this line is a copy of the message.

{ORIGINAL}
Hello Ann
"""
)

SENDMAIL = dsn(
    """\
Reporting-MTA: dns; mail.example.com
Received-From-MTA: DNS; crm.example.com
Arrival-Date: Mon, 4 May 2026 10:00:01 GMT

Final-Recipient: RFC822; ann@customer.example
Action: failed
Status: 5.1.2
Remote-MTA: DNS; customer.example
Diagnostic-Code: SMTP; 550 Host unknown
Last-Attempt-Date: Mon, 4 May 2026 10:00:02 GMT
""",
    head="Return-Path: <MAILER-DAEMON>\nFrom: Mail Delivery Subsystem <MAILER-DAEMON>"
    "\nSubject: Returned mail: see transcript for details"
    "\nAuto-Submitted: auto-generated (failure)\nMessage-ID: <a1@mail.example.com>",
    original=ORIGINAL,
    original_type="text/rfc822-headers",
)

ALL = {
    "postfix": POSTFIX,
    "postfix, delayed": POSTFIX_DELAYED,
    "exim": EXIM,
    "exim, old": EXIM_OLD,
    "exchange": EXCHANGE,
    "gmail": GMAIL,
    "qmail": QMAIL,
    "sendmail": SENDMAIL,
}
