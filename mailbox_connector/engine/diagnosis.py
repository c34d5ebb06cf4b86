"""What a server's words mean: replies and exceptions in, :class:`EngineError` out.

The tables of ``diagnosis_rules`` decide; if no rule fits, the class of the exception
does. Pure: nothing here talks to a server. Credentials that a server echoed are hidden
in the result.
"""

from __future__ import annotations

import imaplib
import re
import smtplib

from imapclient.exceptions import LoginError

from .diagnosis_rules import IMAP_RULES, MECHANISM, SMTP_RULES
from .errors import EngineError, Field, Kind
from .redact import Redaction
from .types import Endpoint

#: SMTP stage to what a permanent refusal there means.
_PERMANENT = {
    "auth": (Kind.LOGIN_WRONG, Field.PASSWORD),
    "mail": (Kind.SENDER_REFUSED, Field.ADDRESS),
    "rcpt": (Kind.RECIPIENT_REFUSED, None),
    "data": (Kind.CONTENT_REFUSED, None),
}

_IMAP_CODE = re.compile(r"\[([A-Z][A-Z0-9-]*)(?: [^\]]*)?\]")
_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_BACKOFF = re.compile(
    r"(?:back-?off time|(?:(?:try|retry|come|again|wait|greylist\w*|deferred|delayed)\b"
    r"(?: (?:again|back|later|at least|another))*)(?: after| in| for)?)\D{0,5}"
    r"(?:(?P<clock>\d{1,2}:\d\d:\d\d)|(?P<count>\d{1,9})(?![.:\d])\s*"
    r"(?P<unit>milliseconds|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h)?\b)",
    re.I,
)
_UNITS = {"m": 60.0, "h": 3600.0}


def from_imap(
    exc: Exception, endpoint: Endpoint, *, login: bool = False, append: bool = False
):
    """An exception of imapclient or imaplib as :class:`EngineError`.

    :param login: it happened while signing in
    :param append: the server refused a message for a folder
    """
    if isinstance(exc, EngineError):
        return _complete(exc, endpoint)
    text = _imap_text(exc)
    codes = set(_IMAP_CODE.findall(text))
    stage = "login" if login or isinstance(exc, LoginError) else ""
    stage = "append" if append else stage
    lost = isinstance(exc, imaplib.IMAP4.abort)
    if lost and re.search(r"socket error|EOF|unterminated", text):
        return endpoint.error(Kind.CONNECTION_LOST)
    # "* NO" and "* BAD": the greeting of a server that serves nobody now.
    bye = lost or re.match(r"\* (BYE|NO|BAD)\b", text)
    # A server that hangs up without a reply has not refused the password.
    silent = bye or isinstance(exc, OSError)
    found = _decide(IMAP_RULES, codes, text, endpoint.host, "" if silent else stage)
    if found is None:
        found = (_imap_class(exc, text, bool(bye)), None)
    if found[0] is Kind.PROTOCOL and not text.startswith(("NO", "BAD", "[")):
        # This may not be a mail server: its words are not shown to a person who may
        # have guessed its name.
        text = ""
    return _said(endpoint, *found, text)


def from_smtp(problem, endpoint: Endpoint, *, stage: str = "") -> EngineError:
    """An exception of smtplib, or a reply ``(code, text)``, as an EngineError.

    :param stage: "connect", "auth", "mail", "rcpt" or "data"; taken from the
        exception's class when that says it
    """
    if isinstance(problem, EngineError):
        return _complete(problem, endpoint)
    stage = _SMTP_STAGES.get(type(problem), stage)
    reply = _smtp_reply(problem)
    if reply is None:
        kind, field = _smtp_class(problem, stage)
        return endpoint.error(kind, field=field)
    code, text = reply
    codes = {str(code)}
    if status := enhanced_status(text):
        codes |= {status, f"{code} {status}"}
    found = _decide(SMTP_RULES, codes, text, endpoint.host, stage)
    if found is None:
        if 400 <= code < 500:
            found = (Kind.TRANSIENT, None)
        elif 500 <= code < 600:
            found = _PERMANENT.get(stage, (Kind.PROTOCOL, None))
        else:
            found = (Kind.PROTOCOL, None)
    # Without a reply code, this may not be a mail server.
    return _said(endpoint, *found, f"{code} {text}" if 200 <= code < 600 else "")


def enhanced_status(text: str) -> str:
    """The first enhanced status code in a reply, as "5.1.1" (RFC 3463); '' if none."""
    match = _ENHANCED.search(text)
    return match[0] if match else ""


def refuses_mechanism(code: int, text: bytes) -> bool:
    """Whether a reply to AUTH is about the mechanism, not about the password.

    Servers say so with several codes; 535 alone means the password (RFC 4954 section
    6).
    """
    if code in (500, 501, 502, 504):
        return True
    return code in (534, 535, 538) and bool(re.search(MECHANISM, _plain(text), re.I))


_SMTP_STAGES = {
    smtplib.SMTPAuthenticationError: "auth",
    smtplib.SMTPSenderRefused: "mail",
    smtplib.SMTPRecipientsRefused: "rcpt",
    smtplib.SMTPDataError: "data",
    smtplib.SMTPConnectError: "connect",
    smtplib.SMTPHeloError: "connect",
}


def _decide(rules, codes, text, host, stage):
    for rule in rules:
        if rule.fits(codes, text, host, stage):
            return rule.kind, rule.field
    return None


def _imap_class(exc: Exception, text: str, bye: bool) -> Kind:
    if isinstance(exc, TimeoutError):
        return Kind.TIMEOUT
    if isinstance(exc, OSError):
        return Kind.CONNECTION_LOST
    if bye and not text.startswith(("unexpected", "command: ", "got more")):
        return Kind.TRANSIENT
    if re.search(r"\bfailed: (?!BAD)", text):  # a NO without a reason
        return Kind.TRANSIENT
    return Kind.PROTOCOL


def _smtp_class(problem, stage: str) -> tuple[Kind, Field | None]:
    if isinstance(problem, TimeoutError):
        return Kind.TIMEOUT, None
    if isinstance(problem, smtplib.SMTPServerDisconnected | OSError):
        if isinstance(problem, smtplib.SMTPNotSupportedError):
            return _NOT_SUPPORTED.get(stage, (Kind.PROTOCOL, Field.ADDRESS))
        if isinstance(problem, smtplib.SMTPServerDisconnected) or not isinstance(
            problem, smtplib.SMTPException
        ):
            return Kind.CONNECTION_LOST, None
    if isinstance(problem, ValueError):  # CR or LF in an address
        return _PERMANENT.get(stage, (Kind.PROTOCOL, None))
    return Kind.PROTOCOL, None


_NOT_SUPPORTED = {
    "auth": (Kind.NO_AUTH_OFFERED, Field.SECURITY),
    "rcpt": (Kind.RECIPIENT_REFUSED, Field.ADDRESS),
    "mail": (Kind.SENDER_REFUSED, Field.ADDRESS),
}


def _smtp_reply(problem) -> tuple[int, str] | None:
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        problem = next(iter(problem.recipients.values()), None)
    if isinstance(problem, smtplib.SMTPResponseException):
        problem = (problem.smtp_code, problem.smtp_error)
    if not isinstance(problem, tuple):
        return None
    return problem[0], " ".join(_plain(problem[1]).split())


def _imap_text(exc: Exception) -> str:
    """The server's words, without what imaplib adds around them."""
    text = _plain(exc.args[0]) if exc.args else ""
    text = re.sub(r"^(command: \w+ => )+", "", text)
    text = re.sub(r"^\w+ command error: (\w+) ", r"\1 ", text)
    # imaplib shows bytes as Python does: b'...' or [b'...'].
    text = re.sub(r"\[?b(['\"])(.*?)\1\]?", r"\2", text)
    return text.strip()


def _plain(value) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _retry_after(text: str) -> float | None:
    """Seconds that the server asks to wait."""
    match = _BACKOFF.search(text)
    if not match:
        return None
    if match["clock"]:
        hours, minutes, seconds = map(int, match["clock"].split(":"))
        return hours * 3600.0 + minutes * 60 + seconds
    unit = (match["unit"] or "s").lower()
    if unit.startswith(("ms", "milli")):
        return int(match["count"]) / 1000
    return int(match["count"]) * _UNITS.get(unit[0], 1.0)


def _said(
    endpoint: Endpoint, kind: Kind, field: Field | None, text: str
) -> EngineError:
    """The error with the server's words, credentials hidden."""
    return endpoint.error(
        kind,
        field=field,
        server_text=Redaction(endpoint).of_text(text) if text else "",
        retry_after=_retry_after(text),
    )


def _complete(error: EngineError, endpoint: Endpoint) -> EngineError:
    """Add host and port where they were not known."""
    error.host = error.host or endpoint.host
    error.port = error.port or endpoint.port
    return error
