"""What can go wrong between us and a mail server, as one small tree.

Each error says on which *side* (IMAP or SMTP) it happened, what *kind* of
trouble it is and which *field* of the mailbox form it points to. The words a
user reads are made from these in ``mailbox_connector.exceptions`` alone.
"""

from __future__ import annotations

from enum import Enum


class Side(str, Enum):
    """The server that an error came from."""

    IMAP = "imap"
    SMTP = "smtp"


#: Their names, as fields of a mailbox begin with them.
SIDES = tuple(side.value for side in Side)


class Field(str, Enum):
    """The field of the mailbox form that a person should look at first."""

    HOST = "host"
    PORT = "port"
    SECURITY = "security"
    USERNAME = "username"
    PASSWORD = "password"
    CERTIFICATE = "certificate"
    ADDRESS = "address"


class Kind(str, Enum):
    """Kinds of failure; each has one advice and one way to go on."""

    # Reaching the server
    HOST_UNKNOWN = "host_unknown"
    HOST_FORBIDDEN = "host_forbidden"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    CONNECTION_LOST = "connection_lost"
    # TLS
    CERTIFICATE_NAME = "certificate_name"
    CERTIFICATE_ISSUER = "certificate_issuer"
    CERTIFICATE_DATE = "certificate_date"
    CERTIFICATE_INVALID = "certificate_invalid"
    TLS_ON_PLAIN_PORT = "tls_on_plain_port"
    PLAIN_ON_TLS_PORT = "plain_on_tls_port"
    STARTTLS_MISSING = "starttls_missing"
    STARTTLS_INJECTION = "starttls_injection"
    # Signing in
    LOGIN_WRONG = "login_wrong"
    APP_PASSWORD_NEEDED = "app_password_needed"
    PASSWORDS_REFUSED = "passwords_refused"
    WEB_LOGIN_NEEDED = "web_login_needed"
    ACCOUNT_BLOCKED = "account_blocked"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    NO_AUTH_OFFERED = "no_auth_offered"
    # Working
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    FOLDER_GONE = "folder_gone"
    QUOTA = "quota"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"
    # Sending
    SENDER_REFUSED = "sender_refused"
    RECIPIENT_REFUSED = "recipient_refused"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    SENDING_LIMIT = "sending_limit"
    GREYLISTED = "greylisted"
    CONTENT_REFUSED = "content_refused"
    OUTCOME_UNKNOWN = "outcome_unknown"


#: Kinds after which the same attempt may succeed later without anybody's help.
RETRYABLE = frozenset(
    {
        Kind.UNREACHABLE,
        Kind.TIMEOUT,
        Kind.DEADLINE,
        Kind.CONNECTION_LOST,
        Kind.REFUSED,
        Kind.TOO_MANY_CONNECTIONS,
        Kind.THROTTLED,
        Kind.TRANSIENT,
        Kind.GREYLISTED,
        Kind.SENDING_LIMIT,
    }
)

#: Kinds that a person must mend; trying again by itself may lock the account.
STOPPING = frozenset(
    {
        Kind.LOGIN_WRONG,
        Kind.APP_PASSWORD_NEEDED,
        Kind.PASSWORDS_REFUSED,
        Kind.WEB_LOGIN_NEEDED,
        Kind.ACCOUNT_BLOCKED,
    }
)


class EngineError(Exception):
    """A failure at a mail server or on the way to it.

    :param kind: what it is, see :class:`Kind`
    :param side: which server
    :param field: the form field it points to, if any
    :param server_text: what the server said: one line, at most 300 characters,
        never a credential
    :param retry_after: seconds the server asked to wait, if it did
    :param host: the host as the user typed it
    :param port: TCP port
    :param detail: a name for the message (folder, certificate's names, recipient)
    :param size: bytes of the message that is too large, if that is known
    :param limit: bytes that the server takes, if it says so
    """

    def __init__(
        self,
        kind: Kind,
        side: Side,
        *,
        field: Field | None = None,
        server_text: str = "",
        retry_after: float | None = None,
        host: str = "",
        port: int = 0,
        detail: str = "",
        size: int = 0,
        limit: int = 0,
    ):
        self.kind = kind
        self.side = side
        self.field = field
        self.server_text = one_line(server_text)
        self.retry_after = retry_after
        self.host = host
        self.port = port
        self.detail = one_line(detail)
        self.size = size
        self.limit = limit
        super().__init__(f"{side.value}: {kind.value}: {self.server_text}".rstrip(": "))

    @property
    def retryable(self) -> bool:
        """Whether trying again later can help without anybody's doing."""
        return self.kind in RETRYABLE


class MessageError(Exception):
    """One message that cannot be read (too deep, too large, not MIME at all)."""


def one_line(text: str, limit: int = 300) -> str:
    """``text`` fit for a log line or a form: printable, one line, capped."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(clean.split())[:limit]
