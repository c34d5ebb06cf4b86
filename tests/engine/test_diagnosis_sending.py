"""What servers say to mail, and the sentence a person reads for it."""

from __future__ import annotations

import pytest

from odoo.addons.mailbox_connector.engine.diagnosis import from_smtp
from odoo.addons.mailbox_connector.engine.errors import EngineError, Field, Kind, Side
from odoo.addons.mailbox_connector.engine.mime.delivery import RecipientStatus
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security
from odoo.addons.mailbox_connector.error_messages import explain, explain_bounce

HOST = "mail.example.com"


class English:
    """An environment in the language the words are written in."""

    @staticmethod
    def _(text, *args, **values):
        return text % (args or values) if args or values else text


def refused(code, text, stage, host=HOST):
    endpoint = Endpoint(Side.SMTP, host, 587, Security.STARTTLS, "u@example.com", "pw")
    return from_smtp((code, text.encode()), endpoint, stage=stage)


LIMIT = "The provider's sending limit is reached. Wait until it resets."
LATER = f"{HOST} asks to try again a little later."
PASSING = f"{HOST} has a passing problem. It is tried again by itself."
MANY = f"The e-mail has more recipients than {HOST} takes at once."
BUSY = f"The account has too many connections open at {HOST}."
SENDER = f"{HOST} does not let this account send as this address."
BLOCKED = "The provider has locked or limited this account:"
LARGE = f"The e-mail is larger than {HOST} allows."
WRONG = f"{HOST} refuses the username or the password."
LOST = f"The connection to {HOST} was lost. It is tried again by itself."

SAID = [
    # The account's limit: everything waits
    (550, "5.4.5 Daily user sending limit exceeded.", "data", "sending_limit", LIMIT),
    (550, "5.4.5 Daily SMTP relay limit exceeded for user", "mail", "sending_limit",
     LIMIT),
    (432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "data",
     "sending_limit", LIMIT),
    (432, "4.3.2 Concurrent connections limit exceeded.", "mail", "sending_limit",
     LIMIT),
    (550, "5.1.90 Your message can't be sent because you've reached your daily limit "
     "for message recipients", "data", "sending_limit", LIMIT),
    (554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; "
     "Failed to process message", "data", "sending_limit", LIMIT),
    (550, "Domain example.com has exceeded the max emails per hour (100/100 (100%)) "
     "allowed.  Message discarded.", "rcpt", "sending_limit", LIMIT),
    (450, "4.7.1 Error: too much mail from 192.0.2.7", "rcpt", "sending_limit", LIMIT),
    (450, "4.7.1 Error: too many recipients from 192.0.2.7", "rcpt", "sending_limit",
     LIMIT),
    (550, "5.4.6 Unusual sending activity detected. Please try after sometime", "data",
     "sending_limit", LIMIT),
    (450, "4.2.0 User is sending too quickly", "mail", "sending_limit", LIMIT),
    (554, "Hourly quota of user@example.com reached", "mail", "sending_limit", LIMIT),
    (452, "later", "mail", "sending_limit", LIMIT),
    # For now: this mail waits
    (450, "4.2.0 <b@example.org>: Recipient address rejected: Greylisted, see "
     "http://postgrey.example/help", "rcpt", "greylisted", LATER),
    (451, "4.7.500 Server busy. Please try again later", "data", "greylisted", LATER),
    (421, "4.7.0 Try again later, closing connection", "rcpt", "greylisted", LATER),
    (451, "Temporary local problem - please try later", "rcpt", "greylisted", LATER),
    (452, "4.3.1 Insufficient system storage", "mail", "transient", PASSING),
    (454, "4.7.0 Temporary authentication failure", "auth", "transient", PASSING),
    (421, "Service not available", "connect", "transient", PASSING),
    (503, "5.5.1 Error: nested MAIL command", "mail", "transient", PASSING),
    (421, "4.4.2 Error: timeout exceeded", "mail", "connection_lost", LOST),
    (421, "Too many messages in this connection", "mail", "connection_lost", LOST),
    (421, "4.7.0 Too many connections from your IP", "connect",
     "too_many_connections", BUSY),
    (454, "4.7.0 Too many login attempts, please try again later.", "auth",
     "throttled", "The provider asks to slow down. It goes on by itself later."),
    # This mail, or one of its recipients
    (452, "4.5.3 Your message has too many recipients.", "rcpt",
     "too_many_recipients", MANY),
    (552, "5.5.3 Too many recipients", "data", "too_many_recipients", MANY),
    (552, "5.3.4 Message size exceeds fixed maximum message size", "mail",
     "too_large", LARGE),
    (552, "message size exceeds limit", "mail", "too_large", LARGE),
    (552, "Message exceeds maximum size limit", "data", "too_large", LARGE),
    (550, "5.1.1 The recipient account is disabled", "rcpt", "recipient_refused",
     f"{HOST} refuses the recipient b@example.org."),
    (550, "5.2.1 The account is disabled", "rcpt", "recipient_refused",
     f"{HOST} refuses the recipient b@example.org."),
    (552, "5.2.2 Recipient's mailbox quota exceeded", "rcpt", "quota",
     "The mailbox of b@example.org is full."),
    (450, "4.2.2 The recipient's mailbox is over quota", "rcpt", "quota",
     "The mailbox of b@example.org is full."),
    (554, "5.7.1 Message rejected as spam; corporate policy", "data",
     "content_refused", f"{HOST} refuses this e-mail."),
    # The account, or how it is set up
    (553, "5.7.1 <x@example.com>: Sender address rejected: not owned by user u", "rcpt",
     "sender_refused", SENDER),
    (550, "5.7.60 SMTP; Client does not have permissions to send as this sender",
     "data", "sender_refused", SENDER),
    (554, "5.2.252 SendAsDenied; u@example.com not allowed to send as x@example.com",
     "data", "sender_refused", SENDER),
    (550, "Requested action not taken: Sender address is not allowed.", "mail",
     "sender_refused", SENDER),
    (553, "Mail from must equal authorized user", "mail", "sender_refused", SENDER),
    (550, "5.7.0 From address is not one of your addresses", "data", "sender_refused",
     SENDER),
    (550, "5.1.8 Access denied, bad outbound sender", "data", "account_blocked",
     BLOCKED),
    (554, "5.2.0 STOREDRV.Submission.Exception:OutboundSpamException", "data",
     "account_blocked", BLOCKED),
    (550, "5.7.501 Access denied, spam abuse detected", "mail", "account_blocked",
     BLOCKED),
    (535, "5.7.3 Authentication unsuccessful", "auth", "login_wrong", WRONG),
    (530, "5.7.0 Authentication Required", "mail", "login_wrong", WRONG),
    (503, "AUTH first", "mail", "login_wrong", WRONG),
    (550, "5.7.30 Basic authentication is not supported for Client Submission.",
     "mail", "passwords_refused", f"{HOST} takes no passwords from programs."),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text", "stage", "kind", "sentence"), SAID)
def test_from_the_servers_words_to_ours(code, text, stage, kind, sentence):
    """Taken for another, one full mailbox would stop all mail, or a limit none."""
    error = refused(code, text, stage)
    if stage == "rcpt":
        error.detail = "b@example.org"
    assert error.kind.value == kind
    shown = explain(English, error)
    assert shown.startswith(f"Sending (SMTP): {sentence}")
    assert f"{code} {text}"[:30] in " ".join(shown.split())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.7.1 Greylisted for 300 seconds", 300),
        ("4.7.1 Greylisting in action, please come back in 00:05:00", 300),
        ("4.2.0 Greylisted, please try again in 5 minutes", 300),
        ("4.7.1 Try again after 2 hours", 7_200),
        ("4.7.1 please retry in 300s", 300),
        ("4.7.0 wait at least 1 minute", 60),
        ("4.7.0 Try again later. 192.0.2.7", None),
        ("4.7.0 Try again (4.7.1)", None),
        ("4.7.0 b@example.org is busy", None),
    ],
)
def test_how_long_to_wait(text, seconds):
    assert refused(451, text, "rcpt").retry_after == seconds


@pytest.mark.parametrize(
    ("size", "limit", "shown"),
    [
        (31 << 20, 25 << 20, "The message is 31 MB; this server takes up to 25 MB."),
        ((25 << 20) + 1, 25 << 20, "The message is 25.1 MB; this server takes up to "
         "25 MB."),
        (41_000_000, 10_240_000, "The message is 39.2 MB; this server takes up to "
         "9.7 MB."),
        (20_480, 10_240, "The message is 20 kB; this server takes up to 10 kB."),
    ],
)  # fmt: skip
def test_how_large(size, limit, shown):
    error = EngineError(Kind.TOO_LARGE, Side.SMTP, host=HOST, size=size, limit=limit)
    assert shown in explain(English, error)


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        (Kind.RECIPIENT_REFUSED, "bad@@", "“bad@@” is not an e-mail address."),
        (Kind.RECIPIENT_REFUSED, "jörg@example.org", f"{HOST} cannot send to or from "
         "jörg@example.org: it takes addresses of plain letters only"),
        (Kind.SENDER_REFUSED, "jörg@example.org", f"{HOST} cannot send to or from "),
    ],
)  # fmt: skip
def test_addresses_that_no_server_was_asked_about(kind, address, shown):
    error = EngineError(kind, Side.SMTP, field=Field.ADDRESS, host=HOST, detail=address)
    assert shown in explain(English, error)


NOT = "The e-mail to ann@customer.example was not delivered."
BOUNCES = [
    ("5.1.1", "550 no such user", f"{NOT} The address does not exist. The server "
     "said: “550 no such user”"),
    ("5.1.2", "", f"{NOT} The domain of the address"),
    ("5.1.10", "", f"{NOT} The address does not exist or takes no mail."),
    ("5.1.9", "", f"{NOT} There is something wrong with the address."),
    ("5.2.1", "", f"{NOT} The mailbox is switched off."),
    ("5.2.2", "", f"{NOT} The mailbox is full."),
    ("4.2.2", "", f"{NOT} The mailbox is full."),
    ("5.3.4", "", f"{NOT} The e-mail is too large for the recipient's server."),
    ("5.4.1", "", f"{NOT} The recipient's server takes no mail for this address."),
    ("4.4.1", "", f"{NOT} The mail server tried for days and has given up."),
    ("4.4.7", "", f"{NOT} The mail server tried for days and has given up."),
    ("5.7.1", "", f"{NOT} The recipient's server refuses it, by its rules or as spam."),
    ("5.7.999", "", f"{NOT} The recipient's server refuses it, by its rules or as"),
    ("5.7.26", "", f"{NOT} The recipient's server cannot verify that it comes from "
     "your domain."),
    ("5.0.0", "550 no", f"{NOT} The server said: “550 no”"),
    ("", "550 no", f"{NOT} The server said: “550 no”"),
    ("", "", NOT),
]  # fmt: skip


@pytest.mark.parametrize(("status", "words", "sentence"), BOUNCES)
def test_what_a_bounce_says(status, words, sentence):
    one = RecipientStatus("ann@customer.example", "failed", status, words)
    assert explain_bounce(English, one).startswith(sentence)


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("delayed", "The e-mail to ann@customer.example has not arrived yet. The mail "
         "server keeps trying; there is nothing to do now."),
        ("delivered", "The e-mail to ann@customer.example was delivered."),
        ("relayed", "The e-mail to ann@customer.example was passed on."),
        ("expanded", "The e-mail to ann@customer.example was passed on."),
    ],
)  # fmt: skip
def test_what_else_a_report_says(action, sentence):
    """A delay must not look like a failure."""
    one = RecipientStatus("ann@customer.example", action, "4.4.1")
    assert explain_bounce(English, one).startswith(sentence)
    assert "not delivered" not in explain_bounce(English, one)
