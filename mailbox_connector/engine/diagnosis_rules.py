"""Two tables, for IMAP and SMTP: what servers say, and what it means.

The first rule that fits decides, so the order matters. A rule looks at the response
code (RFC 5530; SMTP: reply code and enhanced status, RFC 3463) and at the text. To
support another server, add a row here and its reply to
``tests/engine/test_diagnosis*``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import Field, Kind


@dataclass(frozen=True)
class Rule:
    """One row: it fits if all of its conditions hold.

    :param text: pattern searched in the server's words, case ignored
    :param codes: IMAP response codes, or SMTP reply codes and enhanced status
        codes ("550", "5.7.60", "550 5.7.60")
    :param hosts: pattern searched in the host
    :param stages: SMTP stages ("auth", "mail", "rcpt", "data"), IMAP "login" and
        "append"
    :param unless: pattern that must not be in the server's words
    """

    kind: Kind
    text: str = ""
    codes: tuple[str, ...] = ()
    hosts: str = ""
    stages: tuple[str, ...] = ()
    field: Field | None = None
    unless: str = ""

    def fits(self, codes: set[str], text: str, host: str, stage: str) -> bool:
        """Whether all conditions hold for a reply."""
        return (
            (not self.codes or not codes.isdisjoint(self.codes))
            and (not self.stages or stage in self.stages)
            and (not self.hosts or bool(re.search(self.hosts, host, re.I)))
            and (not self.text or bool(re.search(self.text, text, re.I)))
            and (not self.unless or not re.search(self.unless, text, re.I))
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
    r"too many ((simultaneous|concurrent|open|active|imap) ){0,2}"
    r"(connections|sessions|logins|users|processes)|maximum number of connections"
    r"|maximum (number of )?(open |concurrent )?(sessions|logins)|connection limit"
    r"|concurrent connections limit|(connections?|sessions?) (limit|quota) "
    r"(is |was )?(exceeded|reached)"
)
_THROTTLED = (
    r"rate limit|throttl|suggested backoff|session expired|bandwidth|too many "
    r"((login|logon|failed|invalid|bad|authentication) ){0,3}"
    r"(requests|commands|attempts|failures)"
)
#: The server is in trouble, whatever it says about the sign-in.
_OUTAGE = (
    r"\btemporar(y|ily)\b(?! (pass|ban|block|lock|suspen|disabl))|\btempfail"
    r"|\b(server|service|system|backend|host|mailbox|account|mail ?store)s?"
    r"( is| are)?( currently| temporarily| temporary)? unavailable"
    r"|(currently|right now|at (this|the) (time|moment)) (not available|unavailable)"
    r"|not available (right now|currently|at (this|the) (time|moment))"
    r"|\b(internal|server|system|backend|database|i/o) (server )?"
    r"(error|failure|fault|problem)|generic failure|\boverload|maintenance"
    r"|shutting down|shutdown|\b(server|service|system)( is)? (re)?starting"
    r"|not responding|timed? ?out"
    r"|(can'?t|can ?not|could not|unable to|failed to) "
    r"(connect|contact|reach|lock|open)"
    r"|(mailbox|message store|mail ?store|database) is (temporarily )?locked"
    r"|out of (memory|resources)|insufficient (system )?(resources|memory)"
)
#: The same, unless it is about the password.
_LATER = (
    r"\b(re)?try (it )?(again|later|back|in \d)|\bbusy\b|sp\u00e4ter|vor\u00fcbergehend"
    r"|plus tard|temporairement|m\u00e1s tarde|temporalmente"
    r"|\u043f\u043e\u0437\u0436\u0435|\u0432\u0440\u0435\u043c\u0435\u043d\u043d\u043e"
    r"|\u7a0d\u540e|\u7a0d\u5f8c|\u7e41\u5fd9"
)
_PASSWORD = (
    r"passwor[dt]|passphrase|credential|user ?name|no such user|mot de passe"
    r"|(invalid|wrong|incorrect|bad|unknown) (user|login|account|e-?mail)"
    r"|authentication failed\b(?!: )"
    r"|contrase\u00f1a|\u043f\u0430\u0440\u043e\u043b|\u5bc6\u7801"
    r"|\u6388\u6743\u7801"
)
_ACCOUNT = (
    r"account (is |has been )?(temporarily )?"
    r"(disabled|locked|blocked|suspended|expired)"
    r"|(imap|pop|smtp)[^.]{0,30}(is )?(disabled|not enabled|turned off)"
)

#: Of APPEND (RFC 9051 section 6.3.12).
_APPEND = ("append",)
_READ_ONLY = r"read[- ]?only"
_NO_SPACE = (
    r"quota|(mailbox|folder|account|disk|store|storage)[^.]{0,30}\bfull\b"
    r"|no space left|insufficient (disk |storage )?space"
)
_NO_PERMISSION = (
    r"permission|(access|operation) (is |was )?denied"
    r"|not (allowed|permitted|authori[sz]ed)"
    r"|\bACL\b|no (write |insert )?(access|rights?)\b"
)
_TOO_BIG = (
    r"(message|literal|mail|size|data)\b[^.]{0,40}(too (big|large|long)|exceeds?|limit)"
    r"|(too (big|large|long)|exceeds?)\b[^.]{0,40}\b(message|size|limit|maximum)"
)

IMAP_RULES = (
    # Before the texts of sign-in and of the folders: they mean less here.
    Rule(Kind.FOLDER_READ_ONLY, codes=("READ-ONLY",), stages=_APPEND),
    Rule(Kind.NO_PERMISSION, codes=("NOPERM",), stages=_APPEND),
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
    Rule(Kind.THROTTLED, _THROTTLED, stages=("login",)),
    Rule(Kind.TRANSIENT, _OUTAGE, stages=("login",)),
    Rule(
        Kind.LOGIN_WRONG,
        codes=("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED"),
        field=Field.PASSWORD,
    ),
    Rule(Kind.ACCOUNT_BLOCKED, codes=("EXPIRED",), field=Field.PASSWORD),
    Rule(Kind.ACCOUNT_BLOCKED, codes=("PRIVACYREQUIRED",), field=Field.SECURITY),
    Rule(Kind.ACCOUNT_BLOCKED, codes=("CONTACTADMIN",)),
    Rule(Kind.THROTTLED, codes=("LIMIT", "THROTTLED")),
    Rule(Kind.FOLDER_GONE, codes=("NONEXISTENT", "TRYCREATE")),
    Rule(Kind.QUOTA, codes=("OVERQUOTA",)),
    Rule(Kind.TOO_LARGE, codes=("TOOBIG",)),
    Rule(
        Kind.TRANSIENT,
        codes=("UNAVAILABLE", "INUSE", "SERVERBUG", "CORRUPTION", "TEMPFAIL"),
    ),
    Rule(Kind.THROTTLED, _THROTTLED),
    Rule(Kind.ACCOUNT_BLOCKED, _ACCOUNT),
    Rule(Kind.TRANSIENT, _LATER, unless=_PASSWORD),
    Rule(Kind.TRANSIENT, r"\b(server|service)( is)?( temporarily)? unavailable"),
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
    Rule(Kind.FOLDER_READ_ONLY, _READ_ONLY, stages=_APPEND),
    Rule(Kind.NO_PERMISSION, _NO_PERMISSION, stages=_APPEND),
    Rule(Kind.QUOTA, _NO_SPACE, stages=_APPEND),
    Rule(Kind.TOO_LARGE, _TOO_BIG, stages=_APPEND),
    Rule(Kind.FOLDER_GONE, r"invalid (mailbox|folder)", stages=_APPEND),
    Rule(Kind.COPY_REFUSED, stages=_APPEND),
)

_WORK = ("mail", "rcpt", "data")
_FULL = r"(mailbox|inbox|account)[^.]{0,30}\bfull|over ?quota|quota (is )?exceeded"
_TOO_MUCH = (
    # About the account or its address, not about this message.
    r"too (many (recipients|messages|e?-?mails)|much mail) from"
    r"|\b(sending|daily|hourly|submission|sender|outbound|relay)\b[^.]{0,40}"
    r"\b(limits?|quota|rate)\b|\b(messages?|recipients?)\b[^.]{0,20}\b(limit|quota|rate)"
    r"\b|limits? (has been |was |is )?(exceeded|reached)|(rate|sending|message) ?limit"
    r"|exceeded[^.]{0,40}\b(limit|quota|max(imum)?|per (hour|day|minute))\b"
    r"|SubmissionQuotaExceeded|sending (e?-?mails? )?too (fast|quickly|many|much)"
    r"|unusual (sending )?(activity|rate)|concurrent connections"
)
_DONE_HERE = (
    r"time-?d? ?out|idle|inactiv|too many (messages|mails?|transactions|commands)"
    r"|(messages|transactions) (per|in (this|one)) (connection|session)"
)

#: About our name or our network, though it is said of a recipient (Postfix checks
#: everything at RCPT). Greylisting may be worded like that, too.
_CLIENT = (
    r"^(?!.*gr[ae]y-?list).*(\b(helo|ehlo)\b[^.]{0,40}\b(reject|refus|denied|invalid|bad)"
    r"|\b(rejected|invalid|bad)\b[^.]{0,20}\b(helo|ehlo)\b"
    r"|client (host|address|network|ip)\b.{0,80}\b(reject|refus|denied|block)"
    r"|\b(blocked|listed|rejected) (using|by|in|at)\b.{0,40}\b[\w-]+\.[\w.-]+"
    r"|relay(ing)? (access )?(is )?(not (allowed|permitted)|denied|prohibited)"
    r"|unable to relay)"
)
_FILE = (
    r"potential security issue|\b(banned|infected)\b(?! sending)|\b(virus|malware)\b"
    r"|\b(attach(ed|ments?)|extensions?|executables?|file ?(name|type)?s?)\b.{0,60}\b"
    r"(not (allowed|accepted|permitted)|reject|block|forbid|prohibit|illegal|denied"
    r"|refus|unacceptable|dangerous)"
    r"|\b(illegal|forbidden|blocked|prohibited|unacceptable|dangerous|disallowed"
    r"|suspicious|rejected) (file|attachment|extension)"
)
#: Of a way to sign in, not of the password.
MECHANISM = (
    r"mechanism|auth\w* (type|method|scheme)|unrecogni[sz]ed auth"
    r"|\b(PLAIN|LOGIN)\b (is |auth\w* )*(not (supported|allowed|enabled|permitted)"
    r"|unsupported|disabled)"
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
    Rule(
        Kind.NO_AUTH_OFFERED,
        MECHANISM,
        codes=("500", "501", "502", "504", "534", "535", "538"),
        stages=("auth",),
        field=Field.SECURITY,
    ),
    # An idle session is closed between two e-mails: nothing is lost.
    Rule(Kind.CONNECTION_LOST, _DONE_HERE, codes=("421",), stages=("mail",)),
    Rule(
        Kind.CLIENT_REFUSED,
        _CLIENT,
        codes=("450", "501", "504", "521", "550", "551", "553", "554"),
        stages=("mail", "rcpt"),
    ),
    # A problem of one recipient must not stop the mailbox.
    Rule(
        Kind.RECIPIENT_REFUSED,
        codes=("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"),
        stages=("rcpt",),
    ),
    Rule(Kind.QUOTA, codes=("5.2.2", "4.2.2")),
    Rule(Kind.QUOTA, _FULL, stages=("", "connect", "auth", "rcpt")),
    # "Too many recipients from …" counts the recipients of the last minutes.
    Rule(Kind.SENDING_LIMIT, r"too (many recipients|much mail) from", stages=_WORK),
    Rule(Kind.TOO_LARGE, codes=("5.3.4", "5.2.3")),
    Rule(Kind.TOO_MANY_RECIPIENTS, codes=("4.5.3", "5.5.3")),
    Rule(Kind.TOO_MANY_RECIPIENTS, r"too many recipients"),
    Rule(
        Kind.TOO_LARGE,
        r"message (is |was )?(size|too (big|large))|size (limit|exceed)"
        r"|maximum (message|allowed) size|(exceeds|over)[^.]{0,30}\bsize\b",
        codes=("552", "554", "550", "523", "500", "501"),
    ),
    Rule(Kind.FILE_REFUSED, codes=("552 5.7.0", "552 5.7.1"), stages=_WORK),
    Rule(
        Kind.FILE_REFUSED,
        _FILE,
        codes=("550", "552", "553", "554"),
        stages=("data",),
    ),
    Rule(
        Kind.ACCOUNT_BLOCKED,
        r"outboundspam|bad outbound sender|banned sending",
        stages=_WORK,
    ),
    Rule(Kind.ACCOUNT_BLOCKED, codes=("5.7.501", "5.7.502", "5.7.503")),
    Rule(Kind.SENDING_LIMIT, _TOO_MUCH, stages=_WORK),
    Rule(Kind.TOO_MANY_CONNECTIONS, _TOO_MANY),
    Rule(Kind.QUOTA, _FULL),
    Rule(Kind.TRANSIENT, codes=("452 4.3.1", "452 4.3.0", "451 4.3.1")),
    Rule(Kind.SENDING_LIMIT, codes=("5.4.5", "452", "432")),
    Rule(Kind.TOO_LARGE, codes=("552",)),
    Rule(
        Kind.THROTTLED,
        r"too many (failed |invalid |bad )?(login|auth\w*)( attempts| failures|s\b)",
        codes=("421", "450", "451", "454"),
        stages=("", "connect", "auth"),
    ),
    Rule(
        Kind.LOGIN_WRONG,
        codes=("535", "5.7.8"),
        stages=("auth",),
        field=Field.PASSWORD,
    ),
    Rule(Kind.ACCOUNT_BLOCKED, _ACCOUNT, stages=("", "connect", "auth", "mail")),
    Rule(Kind.ACCOUNT_BLOCKED, codes=("538", "525")),
    Rule(Kind.STARTTLS_MISSING, r"starttls", codes=("530",), field=Field.SECURITY),
    Rule(Kind.LOGIN_WRONG, codes=("530", "535"), field=Field.USERNAME),
    Rule(
        Kind.LOGIN_WRONG,
        r"auth(enticat\w*|orization)? (is )?(required|needed)|\bAUTH (first|before)",
        codes=("503", "550", "553", "554"),
        stages=_WORK,
        field=Field.USERNAME,
    ),
    Rule(
        Kind.SENDER_REFUSED,
        codes=("5.7.60", "553 5.7.1", "5.1.7", "5.1.8", "5.2.252"),
        field=Field.ADDRESS,
    ),
    Rule(
        Kind.SENDER_REFUSED,
        r"not owned by user|sender verif|sender (address )?(is )?(rejected|refused"
        r"|not allowed|denied|invalid)|send ?as ?denied"
        r"|(sender|from)\b[^.]{0,40}(mismatch|does not match)"
        r"|not (allowed|permitted|authori[sz]ed) to send (as|from)|from address"
        r"|mail from must (be|equal)",
        codes=("550", "551", "553", "554", "501"),
        field=Field.ADDRESS,
    ),
    Rule(
        Kind.TRANSIENT,
        codes=("421", "450", "451", "454"),
        stages=("", "connect", "auth"),
    ),
    Rule(Kind.GREYLISTED, codes=("421", "450", "451", "454")),
    # "Bad sequence of commands" is about this connection, not about the e-mail.
    Rule(Kind.TRANSIENT, codes=("503",), stages=_WORK),
    Rule(Kind.PROTOCOL, codes=("503",)),
)
