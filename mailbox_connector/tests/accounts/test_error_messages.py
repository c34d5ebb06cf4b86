"""From a server's words to the sentence that a person reads, line by line.

Each group is a class of failure: what is said or raised, what it is taken for, whether
Odoo retries, which field is marked, and what the user is advised to do.
"""

import errno
import imaplib
import smtplib
import socket
import ssl
from dataclasses import dataclass
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged

from ...engine.diagnosis import from_imap, from_smtp
from ...engine.errors import STOPPING, EngineError, Field, Kind, Side
from ...engine.net import resolver
from ...engine.net.connection import connect
from ...engine.net.deadline import Deadline
from ...engine.net.egress import EgressPolicy
from ...engine.net.tls import tls_error
from ...engine.types import Endpoint, Security
from ...error_messages import explain, explain_any, explain_not_filed, with_side

HOST = "mail.example.com"
STOP, RETRY, NEITHER = "stop", "retry", "neither"


@dataclass
class Case:
    """``said``: an IMAP line, an SMTP reply "535 5.7.8 …", or an exception.
    ``words``: what has to be in the sentence."""

    said: object
    kind: Kind
    how: str
    words: tuple[str, ...]
    field: Field | None = None
    stage: str = "login"
    host: str = HOST
    seconds: float | None = None


def app_password(said, **more):
    words = ("app password", "enter it here")
    kind = Kind.APP_PASSWORD_NEEDED
    return Case(said, kind, STOP, words, Field.PASSWORD, **more)


def wrong(said, **more):
    words = ("username or the password", "whole address", "app password")
    return Case(said, Kind.LOGIN_WRONG, STOP, words, Field.PASSWORD, **more)


def refused(said, **more):
    words = (
        "not allow password sign-in",
        "Outlook or Gmail connection",
        "administrator",
    )
    return Case(said, Kind.PASSWORDS_REFUSED, STOP, words, **more)


def connections(said, **more):
    words = ("Close other mail apps or wait", "password is not the problem")
    return Case(said, Kind.TOO_MANY_CONNECTIONS, RETRY, words, **more)


def throttled(said, **more):
    words = ("slow down", "continues automatically")
    return Case(said, Kind.THROTTLED, RETRY, words, **more)


def passing(said, kind=Kind.TRANSIENT, **more):
    return Case(said, kind, RETRY, ("retries automatically",), **more)


def limit(said, **more):
    words = ("sending limit", "Wait until it resets")
    return Case(said, Kind.SENDING_LIMIT, RETRY, words, stage="data", **more)


def later(said, **more):
    words = ("try again a little later",)
    return Case(said, Kind.GREYLISTED, RETRY, words, **{"stage": "rcpt", **more})


def sender(said, **more):
    words = ("send as this address", "own address or an alias")
    return Case(said, Kind.SENDER_REFUSED, NEITHER, words, Field.ADDRESS, **more)


OUTLOOK = {"host": "outlook.office365.com"}
SMTP_OUTLOOK = {"host": "smtp.office365.com", "stage": "auth"}
AUTH = {"stage": "auth"}
#: By class, as facts about servers are kept.
CASES = {
    "app password needed": [
        app_password("NO [ALERT] Application-specific password required: https://x"),
        app_password("534 5.7.9 Application-specific password required.", **AUTH),
        app_password("534-5.7.9 Please sign in with your web browser again.", **AUTH),
        app_password(
            "NO Login fail. Please using authorized code to login.", host="imap.qq.com"
        ),
        app_password("535 Error: authorized code please", host="smtp.163.com", **AUTH),
        app_password("NO LOGIN Login error or password error", host="imap.163.com"),
    ],
    "wrong login": [
        wrong("NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"),
        wrong("NO [AUTHORIZATIONFAILED] You may not act for this user"),
        wrong("535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", **AUTH),
        wrong("NO LOGIN failed."),
    ],
    "passwords refused": [
        refused("NO LOGIN failed.", **OUTLOOK),
        refused("NO AUTHENTICATE failed.", **OUTLOOK),
        refused(
            "535 5.7.139 Authentication unsuccessful, basic authentication is "
            "disabled.",
            **SMTP_OUTLOOK,
        ),
        refused(
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is "
            "disabled for the Tenant. Visit https://x",
            **SMTP_OUTLOOK,
        ),
        refused(
            "550 5.7.30 Basic authentication is not supported for Client Submission.",
            host="smtp.office365.com",
            stage="mail",
        ),
        refused("BAD User is authenticated but not connected.", stage="", **OUTLOOK),
    ],
    "web login": [
        Case(
            "NO [ALERT] Please log in via your web browser: https://x (Failure)",
            Kind.WEB_LOGIN_NEEDED,
            STOP,
            ("web browser", "IMAP is turned on", "try again"),
            Field.PASSWORD,
        ),
        Case(
            "534 5.7.14 Please log in via your web browser and then try again.",
            Kind.WEB_LOGIN_NEEDED,
            STOP,
            ("web browser", "try again"),
            Field.PASSWORD,
            **AUTH,
        ),
    ],
    "account": [
        Case(
            "NO [EXPIRED] Your password has expired",
            Kind.ACCOUNT_BLOCKED,
            STOP,
            ("expired", "Set a new one at the provider", "enter it here"),
            Field.PASSWORD,
        ),
        Case(
            "NO [CONTACTADMIN] Call the help desk",
            Kind.ACCOUNT_BLOCKED,
            STOP,
            ("locked or limited", "Call the help desk", "administrator"),
        ),
        Case(
            "NO [PRIVACYREQUIRED] Encrypt first",
            Kind.ACCOUNT_BLOCKED,
            STOP,
            ("Choose the encryption TLS",),
            Field.SECURITY,
        ),
    ],
    "too many connections": [
        connections("NO [ALERT] Too many simultaneous connections. (Failure)"),
        connections(
            "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded "
            "(mail_max_userip_connections=10)"
        ),
        connections("421 4.7.0 Too many connections from your IP", stage="connect"),
    ],
    "throttled": [
        throttled("NO [LIMIT] Slow down"),
        throttled("NO Rate limit hit", stage=""),
        throttled(
            "BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds",
            stage="",
            seconds=299.961,
        ),
        throttled(
            imaplib.IMAP4.abort("Session expired, please login again."), stage=""
        ),
    ],
    "transient": [
        passing("NO [UNAVAILABLE] User is not available now"),
        passing("NO [INUSE] Mailbox is in use"),
        passing("NO [SERVERBUG] Internal error"),
        passing(imaplib.IMAP4.abort("Server shutting down."), stage=""),
        passing(imaplib.IMAP4.abort("socket error: EOF"), Kind.CONNECTION_LOST),
        passing(ConnectionResetError(), Kind.CONNECTION_LOST),
        passing(smtplib.SMTPServerDisconnected("gone"), Kind.CONNECTION_LOST, **AUTH),
        Case(
            TimeoutError(),
            Kind.TIMEOUT,
            RETRY,
            ("does not respond", "Check host, port and encryption"),
        ),
    ],
    "folder": [
        Case(
            "NO [NONEXISTENT] Unknown Mailbox: Work (Failure)",
            Kind.FOLDER_GONE,
            NEITHER,
            ("no longer exists", "its e-mails stay in Odoo"),
            stage="",
        ),
    ],
    "quota, size": [
        Case(
            "NO [OVERQUOTA] Quota exceeded",
            Kind.QUOTA,
            NEITHER,
            ("mailbox is full", "Delete e-mails at the provider"),
            stage="",
        ),
        Case(
            "554 5.2.2 mailbox full",
            Kind.QUOTA,
            NEITHER,
            ("mailbox is full", "Delete e-mails at the provider"),
            stage="data",
        ),
        Case(
            "552 5.3.4 Message size exceeds fixed limit",
            Kind.TOO_LARGE,
            NEITHER,
            ("larger than", "as a link"),
            stage="data",
        ),
    ],
    "sending limit": [
        limit("550 5.4.5 Daily user sending quota exceeded."),
        limit("452 Too much mail today"),
        limit("432 4.3.2 Concurrent connections limit exceeded."),
    ],
    "sender refused": [
        sender("553 5.7.1 Sender address rejected: not owned by user u", stage="rcpt"),
        sender("550 5.7.60 SMTP; Client does not have permissions", stage="mail"),
    ],
    "file refused": [
        Case(
            "552 5.7.0 This message was blocked: a potential security issue.",
            Kind.FILE_REFUSED,
            NEITHER,
            ("does not accept a file", "as a link"),
            stage="data",
        ),
    ],
    "account refused at a recipient": [
        Case(
            "504 5.5.2 <odoo>: Helo command rejected: need fully-qualified hostname",
            Kind.CLIENT_REFUSED,
            NEITHER,
            ("from this account or from Odoo's server", "administrator"),
            stage="rcpt",
        ),
    ],
    "greylisting, busy": [
        later("421 4.7.0 Try again"),
        later("450 4.2.0 Greylisted"),
        later("451 4.7.1 Please come back in 5 minutes", seconds=300),
        passing("454 4.7.0 Temporary authentication failure", **AUTH),
    ],
    "too many recipients": [
        Case(
            "452 4.5.3 Too many recipients",
            Kind.TOO_MANY_RECIPIENTS,
            NEITHER,
            ("more recipients", "fewer at a time"),
            stage="rcpt",
        ),
    ],
    "the reply code decides, not the class": [
        passing(smtplib.SMTPAuthenticationError(454, b"4.7.0 Temporary failure")),
        Case(
            "503 5.5.1 bad sequence of commands",
            Kind.TRANSIENT,
            RETRY,
            ("retries automatically",),
            stage="mail",
        ),
    ],
}


@tagged("post_install", "-at_install")
class TestErrors(TransactionCase):
    def check(self, error, case):
        shown = explain(self.env, error)
        self.assertEqual(error.kind, case.kind, shown)
        stops = error.kind in STOPPING
        how = STOP if stops else RETRY if error.retryable else NEITHER
        self.assertEqual(how, case.how)
        self.assertEqual(error.field, case.field)
        for words in case.words:
            self.assertIn(words, shown)
        self.assertEqual(error.retry_after, case.seconds)
        return shown

    def test_what_servers_say(self):
        for name, cases in CASES.items():
            for case in cases:
                with self.subTest(name, said=str(case.said)):
                    self.check(_diagnosed(case), case)

    def test_the_connection_is_named_only_where_asked_for(self):
        """A screen mostly says which one it is about."""
        for side, name in (("imap", "Reading (IMAP)"), ("smtp", "Sending (SMTP)")):
            error = EngineError(Kind.REFUSED, Side(side), host=HOST, port=1)
            sentence = explain(self.env, error)
            self.assertNotIn(name, sentence)
            self.assertEqual(with_side(self.env, side, sentence), f"{name}: {sentence}")

    def test_every_kind_has_a_sentence(self):
        for kind in Kind:
            for side in Side:
                error = EngineError(kind, side, host=HOST, port=1, detail="this")
                self.assertGreater(len(explain(self.env, error)), 20, kind)

    def test_a_copy_that_is_not_saved_blames_no_settings(self):
        """They were right a moment ago; and what was sent was sent."""
        of_settings = {*STOPPING, Kind.NO_AUTH_OFFERED, Kind.HOST_FORBIDDEN}
        of_settings.add(Kind.CLIENT_REFUSED)  # which only SMTP servers say
        for kind in Kind:
            error = EngineError(kind, Side.IMAP, host=HOST, port=1, detail="this")
            shown = explain_not_filed(self.env, error, "Sent")
            prefix = "The e-mail was sent. The copy could not be saved in Sent: "
            self.assertTrue(shown.startswith(prefix), shown)
            self.assertGreater(len(shown), len(prefix) + 10, kind)
            if kind not in of_settings and "TLS" not in kind.name:
                if not kind.name.startswith(("CERTIFICATE", "STARTTLS")):
                    self.assertNotIn("check", shown.lower(), kind)

    def test_why_a_copy_is_not_saved(self):
        for said, words in (
            ("NO [OVERQUOTA] Full", "The mailbox is full. Delete e-mails"),
            ("NO [NOPERM] No", "does not let this account save e-mails"),
            ("NO [TRYCREATE] No", "the folder no longer exists on the server"),
            ("NO [TOOBIG] No", f"the e-mail is larger than {HOST} allows"),
            ("NO Current box is selected READ-ONLY.", "for reading only"),
            ("NO APPEND failed", "refuses to save the e-mail"),
        ):
            error = imaplib.IMAP4.error(said.encode())
            error = from_imap(error, _endpoint(Side.IMAP, HOST), append=True)
            shown = explain_not_filed(self.env, error, "Gesendet")
            self.assertIn("could not be saved in Gesendet: ", shown)
            self.assertIn(words, shown)
            self.assertTrue(shown.endswith(f"The server said: “{said}”"), shown)
        error = _endpoint(Side.IMAP, HOST).error(
            Kind.TOO_LARGE, size=30_000_000, limit=20_000_000
        )
        self.assertIn(
            "this server accepts up to", explain_not_filed(self.env, error, "")
        )

    def test_whatever_stops_a_mailbox_is_explained(self):
        """What the program did not expect is for the log, not for a person."""
        for error, words in (
            (EngineError(Kind.REFUSED, Side.IMAP, host=HOST), "does not respond"),
            (UserError("Enter the IMAP host."), "Enter the IMAP host."),
            (OSError(errno.ENOSPC, "No space left"), "could not store"),
            (ZeroDivisionError("secret"), "unexpected error"),
        ):
            shown = explain_any(self.env, error)
            self.assertIn(words, shown)
            self.assertNotIn("secret", shown)

    def test_the_servers_own_words_follow_ours(self):
        error = _diagnosed(CASES["wrong login"][2])
        self.assertIn("The server said: “535 5.7.8 Error", explain(self.env, error))

    def test_the_host(self):
        """Which field is wrong: the name, the port, or neither."""
        gone = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        failed = socket.gaierror(socket.EAI_AGAIN, "Temporary failure (SERVFAIL)")
        words = (f"server name {HOST} does not exist", "Check the host")
        unknown = Case(gone, Kind.HOST_UNKNOWN, NEITHER, words, Field.HOST)
        self.check(_unresolved(gone), unknown)
        self.check(_unresolved(failed), passing(failed, field=Field.HOST))
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            error = _unreachable("127.0.0.1", port)
        words = ("does not respond on port", str(port), "Check host and port")
        self.check(error, Case(error, Kind.REFUSED, RETRY, words, Field.PORT))
        error = _unreachable("255.255.255.255", 2993)
        words = ("cannot be reached", "Check the host")
        self.check(error, Case(error, Kind.UNREACHABLE, RETRY, words, Field.HOST))

    def test_encryption(self):
        """Never downgraded; the host, the reason, and the likely right choice."""
        self._tls(
            _certificate(62, "Hostname mismatch, certificate is not valid for 'x'"),
            *(Kind.CERTIFICATE_NAME, Field.HOST),
            *("another name", "Hostname mismatch", "name your provider gives"),
        )
        self._tls(
            _certificate(18, "self-signed certificate"),
            *(Kind.CERTIFICATE_ISSUER, Field.CERTIFICATE),
            *("not trusted", "under Advanced"),
        )
        self._tls(
            _certificate(10, "certificate has expired"),
            *(Kind.CERTIFICATE_DATE, Field.HOST),
            *("expired", "has to renew it"),
        )
        plain = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
        plain.reason = "WRONG_VERSION_NUMBER"
        self._tls(
            plain,
            *(Kind.TLS_ON_PLAIN_PORT, Field.SECURITY),
            *("does not speak TLS from the start", "Choose the encryption STARTTLS"),
        )
        reverse = EngineError(
            Kind.PLAIN_ON_TLS_PORT, Side.SMTP, field=Field.SECURITY, host=HOST, port=465
        )
        words = ("Port 465", "speaks TLS from the start", "Choose the encryption TLS")
        how = (Kind.PLAIN_ON_TLS_PORT, NEITHER, words, Field.SECURITY)
        self.check(reverse, Case(reverse, *how))

    def test_the_providers_page_is_named(self):
        """Users who need an app password see where to create it."""
        provider = self.env["mailbox.provider"].create(
            {
                "name": "Acme Mail",
                "app_password_url": "https://acme.example/app-passwords",
                "help_url": "https://acme.example/imap",
            }
        )
        pages = {
            "app password needed": provider.app_password_url,
            "wrong login": provider.app_password_url,
            "web login": provider.help_url,
            "passwords refused": provider.help_url,
        }
        for name, page in pages.items():
            shown = explain(self.env, _diagnosed(CASES[name][0]), provider)
            self.assertIn("Acme Mail", shown)
            self.assertIn(page, shown)
        provider.app_password_url = False
        shown = explain(self.env, _diagnosed(CASES["wrong login"][0]), provider)
        self.assertIn(provider.help_url, shown)
        for name in ("app password needed", "throttled"):
            error = _diagnosed(CASES[name][0])
            self.assertEqual(
                explain(self.env, error, provider), explain(self.env, error)
            )

    def _tls(self, exc, kind, field, *words):
        endpoint = _endpoint(Side.IMAP, HOST)
        error = tls_error(exc, endpoint, Deadline(10))
        shown = self.check(error, Case(exc, kind, NEITHER, words, field))
        self.assertIn(HOST, shown)


def _endpoint(side, host, port=993):
    return Endpoint(side, host, port, Security.TLS, "u@example.com", "pass word")


def _diagnosed(case):
    said = case.said
    if isinstance(said, str) and said[0].isdigit():
        said = (int(said[:3]), said[4:].encode())
    is_smtp = isinstance(said, tuple | smtplib.SMTPException)
    endpoint = _endpoint(Side.SMTP if is_smtp else Side.IMAP, case.host)
    if is_smtp:
        return from_smtp(said, endpoint, stage=case.stage)
    if isinstance(said, str):
        said = imaplib.IMAP4.error(said.encode())
    return from_imap(said, endpoint, login=case.stage == "login")


def _unresolved(problem):
    endpoint = _endpoint(Side.IMAP, HOST)
    with patch.object(resolver.socket, "getaddrinfo", side_effect=problem):
        try:
            connect(endpoint, EgressPolicy(), Deadline(10))
        except EngineError as error:
            return error


def _unreachable(address, port):
    endpoint = _endpoint(Side.IMAP, HOST, port)
    where = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
    policy = EgressPolicy(allowed_networks=(f"{address}/32",))
    try:
        connect(endpoint, policy, Deadline(10), resolve=lambda *_args: where)
    except EngineError as error:
        return error


def _certificate(code, message):
    error = ssl.SSLCertVerificationError(errno.EPROTO, message)
    error.verify_code, error.verify_message = code, message
    return error
