"""What a server's words mean: replies and exceptions in, :class:`EngineError` out.

Two tables, read from the top: the first rule that fits decides. A rule looks at
the response code (RFC 5530; SMTP: reply code and enhanced status, RFC 3463) and
at the text; only when no rule fits the exception's class decides. Pure: nothing
here talks to a server. No error ever carries a credential.
"""

from __future__ import annotations

import base64
import imaplib
import re
import smtplib
from dataclasses import dataclass

from imapclient.exceptions import LoginError

from .errors import EngineError, Field, Kind
from .types import Endpoint


@dataclass(frozen=True)
class Rule:
    """One row: every condition that is given must hold.

    :param text: pattern searched in the server's words, case ignored
    :param codes: IMAP response codes, or SMTP reply codes and enhanced status
        codes ("550", "5.7.60", "550 5.7.60")
    :param hosts: pattern searched in the host
    :param stages: SMTP stages ("auth", "mail", "rcpt", "data"), IMAP "login"
    """

    kind: Kind
    text: str = ""
    codes: tuple[str, ...] = ()
    hosts: str = ""
    stages: tuple[str, ...] = ()
    field: Field | None = None

    def fits(self, codes: set[str], text: str, host: str, stage: str) -> bool:
        """Whether this row describes what the server said."""
        return (
            (not self.codes or not codes.isdisjoint(self.codes))
            and (not self.stages or stage in self.stages)
            and (not self.hosts or bool(re.search(self.hosts, host, re.I)))
            and (not self.text or bool(re.search(self.text, text, re.I)))
        )


_MICROSOFT = r"(outlook|office365|hotmail|office)\.com$|\.outlook\.com$"
_QQ_163 = r"(^|\.)(qq|163|126|yeah|foxmail|naver|sina)\.(com|net|cn)$"
_APP_PASSWORD = (
    r"application-specific password|app(lication)?[ -]specific|app password"
    r"|InvalidSecondFactor|authori[sz](ed|ation) code|\u6388\u6743\u7801"
)
_WEB_LOGIN = r"via your web browser|web ?login required|WebLoginRequired"
_PASSWORDS_REFUSED = (
    r"basic authentication is (disabled|not supported)|BasicAuthBlocked"
    r"|(SmtpClientAuthentication|SMTP AUTH|client authentication) is disabled"
    r"|user is authenticated but not connected|LogonDenied-BasicAuth"
)
_TOO_MANY = (
    r"too many (simultaneous |concurrent |open )?(connections|sessions|logins)"
    r"|maximum number of connections|connection limit|concurrent connections limit"
)
_THROTTLED = (
    r"rate limit|throttl|suggested backoff|session expired|bandwidth|too many "
    r"(requests|commands|login attempts)|try again later"
)
_ACCOUNT = (
    r"account (is |has been )?(disabled|locked|blocked|suspended|expired)"
    r"|(imap|pop|smtp)[^.]{0,30}(is )?(disabled|not enabled|turned off)"
)

IMAP_RULES = (
    Rule(Kind.APP_PASSWORD_NEEDED, _APP_PASSWORD, field=Field.PASSWORD),
    Rule(Kind.PASSWORDS_REFUSED, _PASSWORDS_REFUSED),
    Rule(
        Kind.PASSWORDS_REFUSED,
        r"^(\S+ )?(LOGIN|AUTHENTICATE) failed\.?$",
        hosts=_MICROSOFT,
    ),
    Rule(Kind.WEB_LOGIN_NEEDED, _WEB_LOGIN, field=Field.PASSWORD),
    Rule(Kind.WEB_LOGIN_NEEDED, codes=("WEBALERT",), field=Field.PASSWORD),
    Rule(Kind.TOO_MANY_CONNECTIONS, _TOO_MANY),
    Rule(
        Kind.LOGIN_WRONG,
        codes=("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED"),
        field=Field.PASSWORD,
    ),
    Rule(Kind.ACCOUNT_BLOCKED, codes=("EXPIRED", "CONTACTADMIN", "PRIVACYREQUIRED")),
    Rule(Kind.THROTTLED, codes=("LIMIT", "THROTTLED")),
    Rule(Kind.FOLDER_GONE, codes=("NONEXISTENT", "TRYCREATE")),
    Rule(Kind.QUOTA, codes=("OVERQUOTA",)),
    Rule(Kind.TOO_LARGE, codes=("TOOBIG",)),
    Rule(Kind.TRANSIENT, codes=("UNAVAILABLE", "INUSE", "SERVERBUG", "CORRUPTION")),
    Rule(Kind.THROTTLED, _THROTTLED),
    Rule(Kind.ACCOUNT_BLOCKED, _ACCOUNT),
    Rule(
        Kind.APP_PASSWORD_NEEDED,
        r"login (fail|error)|password error",
        hosts=_QQ_163,
        field=Field.PASSWORD,
    ),
    Rule(Kind.PROTOCOL, r"unsafe login"),
    Rule(
        Kind.FOLDER_GONE,
        r"(mailbox|folder)[^.]{0,200}(doesn'?t exist|does not exist|not found)"
        r"|no such (mailbox|folder)|unknown (mailbox|folder)",
    ),
    Rule(
        Kind.LOGIN_WRONG,
        r"authentication fail|invalid (credentials|user|login|password)"
        r"|(bad|wrong|incorrect) (user|login|password|credentials)|login (fail|error)",
        field=Field.PASSWORD,
    ),
    Rule(Kind.LOGIN_WRONG, stages=("login",), field=Field.PASSWORD),
)

SMTP_RULES = (
    Rule(Kind.WEB_LOGIN_NEEDED, _WEB_LOGIN, field=Field.PASSWORD),
    Rule(Kind.WEB_LOGIN_NEEDED, codes=("5.7.14",), field=Field.PASSWORD),
    Rule(Kind.APP_PASSWORD_NEEDED, _APP_PASSWORD, field=Field.PASSWORD),
    Rule(Kind.APP_PASSWORD_NEEDED, codes=("534 5.7.9",), field=Field.PASSWORD),
    Rule(Kind.PASSWORDS_REFUSED, _PASSWORDS_REFUSED),
    Rule(Kind.PASSWORDS_REFUSED, codes=("5.7.139", "550 5.7.30")),
    Rule(
        Kind.APP_PASSWORD_NEEDED,
        r"login fail|password error|authentication failed",
        codes=("535",),
        hosts=_QQ_163,
        field=Field.PASSWORD,
    ),
    Rule(Kind.TOO_LARGE, codes=("5.3.4", "5.2.3")),
    Rule(Kind.TOO_MANY_RECIPIENTS, codes=("4.5.3", "5.5.3")),
    Rule(Kind.TOO_MANY_RECIPIENTS, r"too many recipients"),
    Rule(
        Kind.SENDING_LIMIT,
        r"(sending|message|daily|hourly|recipient|submission)[^.]{0,30}"
        r"(limit|quota|rate)|rate limit|limit exceeded|concurrent connections",
        stages=("mail", "rcpt", "data"),
    ),
    Rule(Kind.TOO_MANY_CONNECTIONS, _TOO_MANY),
    Rule(Kind.TOO_LARGE, r"message (size|too (big|large))|size (limit|exceed)"),
    Rule(Kind.QUOTA, codes=("5.2.2", "4.2.2")),
    Rule(Kind.QUOTA, r"(mailbox|inbox)[^.]{0,30}full|over ?quota|quota exceeded"),
    Rule(Kind.SENDING_LIMIT, codes=("550 5.4.5", "5.4.5", "452", "432")),
    Rule(Kind.TOO_LARGE, codes=("552",)),
    Rule(
        Kind.LOGIN_WRONG,
        codes=("535", "5.7.8"),
        stages=("auth",),
        field=Field.PASSWORD,
    ),
    Rule(Kind.ACCOUNT_BLOCKED, _ACCOUNT),
    Rule(Kind.ACCOUNT_BLOCKED, codes=("538", "525")),
    Rule(Kind.STARTTLS_MISSING, r"starttls", codes=("530",), field=Field.SECURITY),
    Rule(Kind.LOGIN_WRONG, codes=("530", "535"), field=Field.USERNAME),
    Rule(Kind.SENDER_REFUSED, codes=("5.7.60", "553 5.7.1"), field=Field.ADDRESS),
    Rule(
        Kind.SENDER_REFUSED,
        r"not owned by user|sender (address )?(rejected|refused|not allowed|denied)"
        r"|send ?as ?denied|not (allowed|permitted|authori[sz]ed) to send (as|from)"
        r"|from address",
        codes=("550", "551", "553", "554", "501"),
        field=Field.ADDRESS,
    ),
    Rule(
        Kind.TRANSIENT,
        codes=("421", "450", "451", "454", "454 4.7.0"),
        stages=("", "connect", "auth"),
    ),
    Rule(Kind.GREYLISTED, codes=("421", "450", "451", "454", "454 4.7.0")),
    Rule(Kind.PROTOCOL, codes=("503",)),
)

#: SMTP stage to what a permanent refusal there means.
_PERMANENT = {
    "auth": (Kind.LOGIN_WRONG, Field.PASSWORD),
    "mail": (Kind.SENDER_REFUSED, Field.ADDRESS),
    "rcpt": (Kind.RECIPIENT_REFUSED, None),
    "data": (Kind.CONTENT_REFUSED, None),
}

_IMAP_CODE = re.compile(r"\[([A-Z][A-Z0-9-]*)(?: [^\]]*)?\]")
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_BACKOFF = re.compile(
    r"(?:back-?off time|(?:try|retry)(?: again)? (?:after|in))\D{0,5}(\d{1,9})\s*"
    r"(milliseconds|ms|seconds?|secs?|s|minutes?|mins?|hours?)?",
    re.I,
)
_UNITS = {"m": 60.0, "h": 3600.0}


def from_imap(exc: Exception, endpoint: Endpoint, *, login: bool = False):
    """An exception of imapclient or imaplib as :class:`EngineError`.

    :param login: it happened while signing in
    """
    if isinstance(exc, EngineError):
        return _complete(exc, endpoint)
    text = _redact(_imap_text(exc), endpoint)
    codes = set(_IMAP_CODE.findall(text))
    stage = "login" if login or isinstance(exc, LoginError) else ""
    lost = isinstance(exc, imaplib.IMAP4.abort)
    if lost and re.search(r"socket error|EOF|unterminated", text):
        return _error(Kind.CONNECTION_LOST, None, endpoint)
    bye = lost or re.match(r"\* BYE", text)
    # A server that hangs up says nothing about the password by that alone.
    found = _decide(IMAP_RULES, codes, text, endpoint.host, "" if bye else stage)
    if found is None:
        found = (_imap_class(exc, text, bool(bye)), None)
    if found[0] is Kind.PROTOCOL and not text.startswith(("NO", "BAD", "[")):
        # Whatever answers there may be no mail server: its words are not for
        # the person who guessed its name.
        text = ""
    return _error(*found, endpoint, text)


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
        return _error(*_smtp_class(problem, stage), endpoint)
    code, text = reply[0], _redact(reply[1], endpoint)
    enhanced = _ENHANCED.findall(text)[:1]
    codes = {str(code), *enhanced, *(f"{code} {status}" for status in enhanced)}
    found = _decide(SMTP_RULES, codes, text, endpoint.host, stage)
    if found is None:
        if 400 <= code < 500:
            found = (Kind.TRANSIENT, None)
        elif 500 <= code < 600:
            found = _PERMANENT.get(stage, (Kind.PROTOCOL, None))
        else:
            found = (Kind.PROTOCOL, None)
    return _error(*found, endpoint, f"{code} {text}")


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
    """The server's words, without what imaplib puts around them."""
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


def _redact(text: str, endpoint: Endpoint) -> str:
    """``text`` without the credential, should a server have echoed it."""
    password = endpoint.password
    if not password or not text:
        return text
    plain = f"\0{endpoint.username}\0{password}"
    secrets = [password, *(_base64(secret) for secret in (plain, password))]
    for secret in secrets:
        if secret in text:
            text = "" if len(secret) < 6 else text.replace(secret, "***")
    return text


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def _retry_after(text: str) -> float | None:
    match = _BACKOFF.search(text)
    if not match:
        return None
    unit = (match[2] or "s").lower()
    if unit.startswith(("ms", "milli")):
        return int(match[1]) / 1000
    return int(match[1]) * _UNITS.get(unit[0], 1.0)


def _error(kind, field, endpoint, text="") -> EngineError:
    return EngineError(
        kind,
        endpoint.side,
        field=field,
        server_text=text,
        retry_after=_retry_after(text),
        host=endpoint.host,
        port=endpoint.port,
    )


def _complete(error: EngineError, endpoint: Endpoint) -> EngineError:
    error.host = error.host or endpoint.host
    error.port = error.port or endpoint.port
    return error
