"""What servers say to mail that is sent, and the sentence a person reads for it."""

from odoo.tests import TransactionCase, tagged

from ...engine.diagnosis import from_smtp
from ...engine.errors import EngineError, Field, Kind, Side
from ...engine.types import Endpoint, Security
from ...error_messages import explain

HOST = "mail.example.com"
LIMIT = "The provider's sending limit is reached. Wait until it resets."
LATER = f"{HOST} asks to try again a little later."
PASSING = f"{HOST} has a temporary problem. Odoo retries automatically."
MANY = f"The e-mail has more recipients than {HOST} accepts at once."
BUSY = f"The account has too many connections open at {HOST}."
SENDER = f"{HOST} does not let this account send as this address."
BLOCKED = "The provider has locked or limited this account:"
LARGE = f"The e-mail is larger than {HOST} allows."
WRONG = f"{HOST} refuses the username or the password."
LOST = f"The connection to {HOST} was lost. Odoo retries automatically."

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
     "throttled", "The provider asks to slow down. Odoo continues automatically"),
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
     "mail", "passwords_refused", f"{HOST} does not allow password sign-in"),
]  # fmt: skip

SIZES = [
    (31 << 20, 25 << 20, "The e-mail is 31 MB; this server accepts up to 25 MB."),
    ((25 << 20) + 1, 25 << 20, "The e-mail is 25.1 MB; this server accepts up to 25 "
     "MB."),
    (41_000_000, 10_240_000, "The e-mail is 39.2 MB; this server accepts up to 9.7 "
     "MB."),
    (20_480, 10_240, "The e-mail is 20 kB; this server accepts up to 10 kB."),
]  # fmt: skip

ADDRESSES = [
    (Kind.RECIPIENT_REFUSED, "bad@@", "“bad@@” is not an e-mail address."),
    (Kind.RECIPIENT_REFUSED, "jörg@example.org", f"{HOST} cannot send to or from "
     "jörg@example.org: it accepts only addresses of plain letters"),
    (Kind.SENDER_REFUSED, "jörg@example.org", f"{HOST} cannot send to or from "),
]  # fmt: skip


@tagged("post_install", "-at_install")
class TestErrorsOfSending(TransactionCase):
    def test_from_the_servers_words_to_ours(self):
        """Taken for another, one full mailbox would stop all mail, or a limit none."""
        for code, text, stage, kind, sentence in SAID:
            with self.subTest(text):
                error = _refused(code, text, stage)
                if stage == "rcpt":
                    error.detail = "b@example.org"
                self.assertEqual(error.kind.value, kind)
                shown = explain(self.env, error)
                self.assertTrue(shown.startswith(sentence), shown)
                self.assertIn(f"{code} {text}"[:30], " ".join(shown.split()))

    def test_how_large(self):
        for size, limit, sentence in SIZES:
            with self.subTest(sentence):
                error = EngineError(
                    Kind.TOO_LARGE, Side.SMTP, host=HOST, size=size, limit=limit
                )
                self.assertIn(sentence, explain(self.env, error))

    def test_addresses_that_no_server_was_asked_about(self):
        for kind, address, sentence in ADDRESSES:
            with self.subTest(address):
                error = EngineError(
                    kind, Side.SMTP, field=Field.ADDRESS, host=HOST, detail=address
                )
                self.assertIn(sentence, explain(self.env, error))


def _refused(code, text, stage):
    endpoint = Endpoint(Side.SMTP, HOST, 587, Security.STARTTLS, "u@example.com", "pw")
    return from_smtp((code, text.encode()), endpoint, stage=stage)
