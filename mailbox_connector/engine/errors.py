"""What can go wrong with a mail server or with one message: kinds, no sentences.

An :class:`EngineError` says on which *side* (IMAP or SMTP) it happened, what *kind* of
failure it is and which *field* of the mailbox form it points to. A
:class:`MessageError` says why a single message cannot be imported. Only
``mailbox_connector.error_messages`` turns these into sentences for users.
"""

from __future__ import annotations

from enum import Enum


class Side(str, Enum):
    """The server that an error came from."""

    IMAP = "imap"
    SMTP = "smtp"


#: The values of :class:`Side`, which are also prefixes of the mailbox's field names.
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
    """Kinds of failure; each has one advice to users and one next step."""

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
    # Saving an e-mail in a folder
    NO_PERMISSION = "no_permission"
    FOLDER_READ_ONLY = "folder_read_only"
    COPY_REFUSED = "copy_refused"
    # Sending
    SENDER_REFUSED = "sender_refused"
    RECIPIENT_REFUSED = "recipient_refused"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    SENDING_LIMIT = "sending_limit"
    CLIENT_REFUSED = "client_refused"
    GREYLISTED = "greylisted"
    CONTENT_REFUSED = "content_refused"
    FILE_REFUSED = "file_refused"
    OUTCOME_UNKNOWN = "outcome_unknown"


#: Kinds after which the same attempt may succeed later without any action.
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

#: Kinds that need a person; further automatic attempts may lock the account.
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

    Made by :meth:`.types.Endpoint.error` where the endpoint is known.

    :param kind: what failed, see :class:`Kind`
    :param side: which server
    :param field: the form field it points to, if any
    :param server_text: the server's words: one line, at most 300 characters, never a
        credential
    :param retry_after: seconds the server asked to wait, if it did
    :param host: the host as the user entered it
    :param port: TCP port
    :param detail: a name for the message (folder, certificate's names, recipient)
    :param size: size in bytes of a message that is too large, if known
    :param limit: largest size in bytes that the server accepts, if it says so
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
        """Whether the same attempt can succeed later without any action."""
        return self.kind in RETRYABLE


class ImportFailure(str, Enum):
    """Why a single message cannot be imported."""

    #: The server lists it but does not return it.
    WITHHELD = "withheld"
    #: The server breaks off whenever it is to return this message, and only then.
    BREAKS_OFF = "breaks_off"
    #: Larger than what is fetched or parsed.
    TOO_LARGE = "too_large"
    TOO_MANY_PARTS = "too_many_parts"
    NESTED_TOO_DEEPLY = "nested_too_deeply"
    #: The parser ran out of stack or memory.
    UNREADABLE = "unreadable"
    #: An error that nobody expected.
    UNEXPECTED = "unexpected"


class MessageError(Exception):
    """One message cannot be parsed.

    :param failure: why
    """

    def __init__(self, failure: ImportFailure):
        self.failure = failure
        super().__init__(failure.value)


def one_line(text: str, limit: int = 300) -> str:
    """``text`` for a log line or a form: printable, on one line, at most ``limit``
    characters."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(clean.split())[:limit]
