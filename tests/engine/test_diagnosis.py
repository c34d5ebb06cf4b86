"""What servers really say, row by row, and what it is taken for."""

from __future__ import annotations

import base64
import imaplib
import smtplib

import pytest
from imapclient.exceptions import LoginError

from odoo.addons.mailbox_connector.engine.diagnosis import from_imap, from_smtp
from odoo.addons.mailbox_connector.engine.errors import (
    RETRYABLE,
    STOPPING,
    EngineError,
    Kind,
    Side,
)
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

SECRET = "correct horse battery"


def endpoint(side, host="mail.example.com"):
    return Endpoint(side, host, 993, Security.TLS, "user@example.com", SECRET)


IMAP = [
    # text, host, while signing in, kind
    ("[ALERT] Application-specific password required", "", True, "app_password_needed"),
    ("LOGIN Login error or password error", "imap.qq.com", True, "app_password_needed"),
    ("[AUTHENTICATIONFAILED] Invalid credentials", "", True, "login_wrong"),
    ("[AUTHORIZATIONFAILED] no", "", True, "login_wrong"),
    ("LOGIN failed.", "outlook.office365.com", True, "passwords_refused"),
    ("AUTHENTICATE failed.", "outlook.office365.com", True, "passwords_refused"),
    ("LOGIN failed.", "mail.example.com", True, "login_wrong"),
    ("BAD User is authenticated but not connected.", "", False, "passwords_refused"),
    ("[ALERT] Please log in via your web browser", "", True, "web_login_needed"),
    ("[EXPIRED] That password has expired", "", True, "account_blocked"),
    ("[CONTACTADMIN] call us", "", True, "account_blocked"),
    ("[PRIVACYREQUIRED] encrypt first", "", True, "account_blocked"),
    ("IMAP access is disabled for your account", "", True, "account_blocked"),
    ("[ALERT] Too many simultaneous connections", "", True, "too_many_connections"),
    (
        "[UNAVAILABLE] Maximum number of connections from user+IP exceeded",
        *("", True, "too_many_connections"),
    ),
    ("[LIMIT] Rate limit hit", "", False, "throttled"),
    ("Request is throttled. Suggested Backoff Time: 299961 milliseconds", "", False,
     "throttled"),
    ("[UNAVAILABLE] Backend is down", "", True, "transient"),
    ("[INUSE] Mailbox is locked", "", False, "transient"),
    ("[SERVERBUG] Internal error", "", False, "transient"),
    ("[NONEXISTENT] Mailbox doesn't exist: Work", "", False, "folder_gone"),
    ("Mailbox does not exist", "", False, "folder_gone"),
    ("[TRYCREATE] No such mailbox", "", False, "folder_gone"),
    ("[OVERQUOTA] Quota exceeded", "", False, "quota"),
    ("EXAMINE Unsafe Login. Please contact kefu", "imap.163.com", False, "protocol"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "host", "login", "kind"), IMAP)
def test_imap_no(text, host, login, kind):
    where = endpoint(Side.IMAP, host or "mail.example.com")
    for exc in (
        imaplib.IMAP4.error(text.encode()),  # as imaplib has it
        imaplib.IMAP4.error(f"command: LOGIN => {text}"),
        LoginError(str(text.encode())) if login else imaplib.IMAP4.error(text),
    ):
        error = from_imap(exc, where, login=login)
        assert error.kind.value == kind
        assert (error.side, error.host) == (Side.IMAP, where.host)


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (imaplib.IMAP4.abort("socket error: EOF"), Kind.CONNECTION_LOST),
        (imaplib.IMAP4.abort("command: FETCH => socket error: EOF"), "connection_lost"),
        (imaplib.IMAP4.abort("Session expired, please login again."), "throttled"),
        (imaplib.IMAP4.abort("Server shutting down."), "transient"),
        (imaplib.IMAP4.abort("unexpected response: b'SSH-2.0'"), "protocol"),
        (imaplib.IMAP4.error(b"* BYE Autologout"), "transient"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "connection_lost"),
        (ValueError("parser"), "protocol"),
        (RecursionError(), "protocol"),
    ],
)
def test_imap_without_a_reason_the_class_decides(exc, kind):
    error = from_imap(exc, endpoint(Side.IMAP))
    assert error.kind == kind


def test_the_server_says_how_long_to_wait():
    text = b"Request is throttled. Suggested Backoff Time: 299961 milliseconds"
    error = from_imap(imaplib.IMAP4.error(text), endpoint(Side.IMAP))
    assert error.retry_after == pytest.approx(299.961)
    error = from_smtp((451, b"4.7.1 Greylisted, try again in 5 minutes"),
                      endpoint(Side.SMTP))  # fmt: skip
    assert error.retry_after == 300


SMTP = [
    # code, text, host, stage, kind
    (534, "5.7.9 Application-specific password required", "", "auth",
     "app_password_needed"),
    (534, "5.7.9 Please log in with your web browser and then try again", "", "auth",
     "app_password_needed"),
    (534, "5.7.14 Please log in via your web browser", "", "auth", "web_login_needed"),
    (535, "Login Fail. Please enter your authorized code to login", "smtp.qq.com",
     "auth", "app_password_needed"),
    (535, "5.7.8 Username and Password not accepted", "", "auth", "login_wrong"),
    (535, "Incorrect authentication data", "", "auth", "login_wrong"),
    (535, "5.7.139 Authentication unsuccessful, basic authentication is disabled.",
     "", "auth", "passwords_refused"),
    (535, "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled "
     "for the Tenant.", "", "auth", "passwords_refused"),
    (550, "5.7.30 Basic authentication is not supported for Client Submission.", "",
     "mail", "passwords_refused"),
    (530, "5.7.0 Must issue a STARTTLS command first", "", "mail", "starttls_missing"),
    (530, "5.7.1 Authentication required", "", "mail", "login_wrong"),
    (454, "4.7.0 Temporary authentication failure", "", "auth", "transient"),
    (421, "4.7.0 Too many concurrent sessions", "", "connect", "too_many_connections"),
    (421, "4.3.2 Service shutting down", "", "connect", "transient"),
    (421, "4.7.0 try later", "", "rcpt", "greylisted"),
    (450, "4.7.1 Greylisted", "", "rcpt", "greylisted"),
    (451, "4.3.0 Temporary", "", "data", "greylisted"),
    (452, "4.5.3 Too many recipients", "", "rcpt", "too_many_recipients"),
    (452, "4.3.1 Insufficient system storage", "", "mail", "transient"),
    (432, "4.3.2 Concurrent connections limit exceeded", "", "mail", "sending_limit"),
    (550, "5.4.5 Daily user sending quota exceeded.", "", "data", "sending_limit"),
    (554, "5.2.2 mailbox full", "", "rcpt", "quota"),
    (452, "4.2.2 The recipient's inbox is out of storage", "", "rcpt", "quota"),
    (552, "5.3.4 Message exceeds fixed limit", "", "mail", "too_large"),
    (552, "message too large", "", "data", "too_large"),
    (553, "5.7.1 Sender address rejected: not owned by user", "", "rcpt",
     "sender_refused"),
    (550, "5.7.60 SMTP; Client does not have permissions to send as this sender", "",
     "data", "sender_refused"),
    (550, "5.1.1 User unknown", "", "rcpt", "recipient_refused"),
    (554, "5.7.1 Message contains spam", "", "data", "content_refused"),
    (550, "no", "", "mail", "sender_refused"),
    (503, "bad sequence of commands", "", "data", "transient"),
    (503, "5.5.1 Error: send HELO/EHLO first", "", "mail", "transient"),
    # A forbidden file.
    (552, "5.7.0 This message was blocked because its content presents a potential "
     "security issue. Please visit https://support.example/attachments", "", "data",
     "file_refused"),
    (552, "5.7.0 Our system detected an illegal attachment on your message.", "",
     "data", "file_refused"),
    (554, "5.7.1 The attachment offer.exe is not allowed", "", "data", "file_refused"),
    (554, "5.7.0 Reject, id=123 - BANNED: .exe,setup.exe", "", "data", "file_refused"),
    (550, "File type .js rejected by policy", "", "data", "file_refused"),
    (554, "5.6.0 Message infected by Eicar-Test", "", "data", "file_refused"),
    (552, "5.2.3 Attachments exceed the maximum allowed size", "", "data",
     "too_large"),
    (552, "5.3.4 Attachment rejected: too large", "", "data", "too_large"),
    (552, "Requested mail action aborted: exceeded storage", "", "data", "too_large"),
    # The account's fault, though it is said of a recipient.
    (504, "5.5.2 <odoo>: Helo command rejected: need fully-qualified hostname", "",
     "rcpt", "client_refused"),
    (554, "5.7.1 <odoo.example>: Helo command rejected: Access denied", "", "rcpt",
     "client_refused"),
    (450, "4.7.1 <odoo>: Helo command rejected: Host not found", "", "rcpt",
     "client_refused"),
    (550, "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", "", "rcpt",
     "client_refused"),
    (554, "5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied", "",
     "rcpt", "client_refused"),
    (554, "5.7.1 Service unavailable; Client host [192.0.2.7] blocked using "
     "bl.example.org", "", "rcpt", "client_refused"),
    (554, "5.7.1 <b@example.com>: Relay access denied", "", "rcpt", "client_refused"),
    (550, "relay not permitted", "", "rcpt", "client_refused"),
    (550, "5.7.1 Unable to relay", "", "rcpt", "client_refused"),
    (550, "Sender verify failed", "", "rcpt", "sender_refused"),
    (450, "4.2.0 <h[192.0.2.7]>: Client host rejected: Greylisted", "", "rcpt",
     "greylisted"),
    (450, "4.7.1 <b@example.com>: Recipient address rejected: Greylisted", "", "rcpt",
     "greylisted"),
    (504, "5.5.2 <b>: Recipient address rejected: need fully-qualified address", "",
     "rcpt", "recipient_refused"),
    (550, "5.1.1 <helo@example.com>: Recipient address rejected: User unknown", "",
     "rcpt", "recipient_refused"),
    (550, "5.7.1 <helo@example.com>: Recipient address rejected", "", "rcpt",
     "recipient_refused"),
    # The mechanism, not the password.
    (535, "5.7.8 Error: authentication failed: Invalid authentication mechanism", "",
     "auth", "no_auth_offered"),
    (504, "5.7.4 Unrecognized authentication type", "", "auth", "no_auth_offered"),
    (-1, "nonsense", "", "connect", "protocol"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text", "host", "stage", "kind"), SMTP)
def test_smtp_replies(code, text, host, stage, kind):
    where = endpoint(Side.SMTP, host or "mail.example.com")
    error = from_smtp((code, text.encode()), where, stage=stage)
    assert error.kind.value == kind
    exc = {
        "auth": smtplib.SMTPAuthenticationError(code, text.encode()),
        "mail": smtplib.SMTPSenderRefused(code, text.encode(), "a@example.com"),
        "rcpt": smtplib.SMTPRecipientsRefused({"b@example.com": (code, text.encode())}),
        "data": smtplib.SMTPDataError(code, text.encode()),
        "connect": smtplib.SMTPConnectError(code, text.encode()),
    }[stage]
    assert from_smtp(exc, where).kind.value == kind


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (smtplib.SMTPServerDisconnected("gone"), "connection_lost"),
        (ConnectionResetError(), "connection_lost"),
        (TimeoutError(), "timeout"),
        (smtplib.SMTPNotSupportedError("SMTPUTF8"), "sender_refused"),
        (ValueError("newline"), "sender_refused"),
        (smtplib.SMTPException("?"), "protocol"),
    ],
)
def test_smtp_without_a_reply_the_class_decides(exc, kind):
    assert from_smtp(exc, endpoint(Side.SMTP), stage="mail").kind.value == kind


def test_an_error_keeps_what_it_is():
    error = EngineError(Kind.DEADLINE, Side.IMAP)
    assert from_imap(error, endpoint(Side.IMAP)) is error
    assert (error.host, error.port) == ("mail.example.com", 993)
    assert error.retryable


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        base64.b64encode(f"\0user@example.com\0{SECRET}".encode()).decode(),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_no_credential_in_an_error(echo):
    """Some servers repeat the command that they did not understand."""
    text = f"Unknown command: {echo} [{echo}]"
    for error in (
        from_imap(imaplib.IMAP4.error(f"NO {text}"), endpoint(Side.IMAP), login=True),
        from_smtp((500, text.encode()), endpoint(Side.SMTP), stage="auth"),
    ):
        assert echo not in f"{error!r} {error} {error.server_text} {error.detail}"
        assert "Unknown command" in error.server_text


def test_a_part_of_a_credential_is_no_less_hidden():
    error = from_smtp((500, b"what is CORRECT HORSE b...?"), endpoint(Side.SMTP))
    assert error.server_text == "500 what is ***...?"


def test_words_that_would_reveal_a_short_password_are_omitted():
    """The kind does not depend on the password."""
    short = Endpoint(Side.IMAP, "h", 993, Security.TLS, "user@example.com", "cred")
    failed = imaplib.IMAP4.error("NO [AUTHENTICATIONFAILED] Invalid credentials")
    error = from_imap(failed, short, login=True)
    assert (error.kind, error.server_text) == (Kind.LOGIN_WRONG, "")


def test_what_is_tried_again_is_never_what_locks_an_account():
    assert not RETRYABLE & STOPPING


#: What servers answer to LOGIN or AUTHENTICATE when they are in trouble themselves.
OUTAGES = [
    "Server Unavailable. 15",  # Exchange
    "[UNAVAILABLE] Temporary authentication failure. [mx1:2024-01-01 10:00:00]",
    "Temporary authentication failure.",  # Dovecot, and behind a proxy
    "[AUTHENTICATIONFAILED] Temporary authentication failure",
    "[UNAVAILABLE] Internal error occurred. Refer to server log for more information.",
    "[UNAVAILABLE] Account is temporarily unavailable.",
    "[INUSE] Mailbox is locked",
    "Login failed: generic failure",  # Cyrus without saslauthd
    "System I/O error",
    "Temporary problem, please try again later",  # Courier without authdaemon
    "LOGIN failed: service error: unable to contact directory",  # Zimbra
    "LOGIN mailbox is in maintenance mode",
    "[UNAVAILABLE] Temporary System Error (Failure)",  # Gmail
    "System Error (Failure)",
    "[UNAVAILABLE] LOGIN Server error - Please try again later.",  # Yahoo
    "[SERVERBUG] LOGIN Server error",
    "LOGIN internal server error sc=abc",  # Yandex
    "[UNAVAILABLE] AUTHENTICATE Backend error. sc=abc",
    "LOGIN Server is too busy",  # Kerio, MDaemon
    "The message store is locked",
    "LOGIN Service is temporarily not available",
    "Service unavailable, please try later",
    "LOGIN System busy!",  # 163
    "\u7cfb\u7edf\u7e41\u5fd9\uff0c\u8bf7\u7a0d\u540e\u518d\u8bd5",
    "Please try again",
    "Login failed, try again in 5 minutes",
    "Anmeldung derzeit nicht m\u00f6glich, bitte sp\u00e4ter erneut versuchen",
    "Server shutting down",
    "Cannot connect to the authentication server",
    "Authentication backend timed out",
    "[TEMPFAIL] LOGIN Temporary failure",
]
CROWDED = [
    "[ALERT] Too many simultaneous connections. (Failure)",
    "Too many connections",
    "Too many open connections from your host",
    "[UNAVAILABLE] Maximum number of connections from user+IP exceeded",
    "Too many IMAP sessions",
    "Connection limit exceeded",
    "Maximum number of sessions reached",
]
#: What they answer to a wrong password, and only then.
WRONG = [
    "[AUTHENTICATIONFAILED] Authentication failed.",
    "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
    "[AUTHENTICATIONFAILED] LOGIN Invalid credentials or IMAP is disabled sc=abc",
    "LOGIN failed.",
    "Login failed: authentication failure",
    "Invalid user name or password.",
    "Invalid login or password, please try again",
    "Incorrect password. Try again later.",
    "Wrong username; try again",
    "LOGIN Access denied",
    "Login failed.",
    "Falsches Passwort. Bitte sp\u00e4ter erneut versuchen",
    "LOGIN Login error password error",
    "Temporary password has expired",
]


def signed_in_with(text, host="imap.example.com"):
    where = endpoint(Side.IMAP, host)
    return from_imap(imaplib.IMAP4.error(f"NO {text}".encode()), where, login=True)


@pytest.mark.parametrize("text", OUTAGES)
def test_an_outage_at_sign_in_passes(text):
    """It must never count as a wrong password, which stops the mailbox."""
    error = signed_in_with(text)
    assert error.kind is Kind.TRANSIENT and error.retryable
    assert error.kind not in STOPPING


@pytest.mark.parametrize("text", CROWDED)
def test_too_many_connections_at_sign_in_pass(text):
    assert signed_in_with(text).kind is Kind.TOO_MANY_CONNECTIONS


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_password_is_still_recognized(text):
    assert signed_in_with(text).kind is Kind.LOGIN_WRONG


def test_qq_lists_every_reason_there_is():
    """“System is busy” is one of them; an app password is what is missing."""
    text = (
        "Login fail. Account is abnormal, service is not open, password is incorrect, "
        "login frequency limited, or system is busy."
    )
    kind = signed_in_with(text, "imap.qq.com").kind
    assert kind is Kind.APP_PASSWORD_NEEDED


@pytest.mark.parametrize("greeting", [b"* NO Come back", b"* BYE Busy", b"* BAD x"])
def test_a_greeting_that_turns_everybody_away_is_no_wrong_password(greeting):
    error = from_imap(imaplib.IMAP4.error(greeting), endpoint(Side.IMAP), login=True)
    assert error.kind is Kind.TRANSIENT
