"""A signed-in SMTP connection.

:class:`MailboxSMTP` is an ``smtplib.SMTP`` and can be used wherever Odoo expects
one; it differs in that its socket is ours (checked address, verified TLS,
deadlines) and that a broken connection is an :class:`EngineError`.
"""

from __future__ import annotations

import base64
import smtplib

from ..diagnosis import from_smtp, refuses_mechanism
from ..errors import EngineError, Field, Kind
from ..net.connection import Connection, connect
from ..net.deadline import Deadline
from ..net.egress import EgressPolicy
from ..net.observer import Observer
from ..types import Endpoint, Security

#: Lines of one reply; EHLO answers have some twenty.
MAX_REPLY_LINES = 500
#: Seconds for QUIT and RSET, which nobody needs to wait for.
FAREWELL_TIMEOUT = 3.0


class MailboxSMTP(smtplib.SMTP):
    """smtplib's protocol over a :class:`Connection`.

    Replies raise what smtplib raises; a lost connection, a timeout or a deadline
    raises :class:`EngineError`. If that happens between the end of the message and its
    reply, the kind is ``OUTCOME_UNKNOWN``: the message may have been delivered.
    """

    def __init__(self, connection: Connection, local_hostname: str | None = None):
        self.connection = connection
        self.endpoint = connection.endpoint
        self._sending = 0
        name = local_hostname or _literal(connection.local_address())
        super().__init__(local_hostname=name, timeout=connection.read_timeout)
        self._host = self.endpoint.host

    def greet(self) -> None:
        """Read the greeting and say EHLO."""
        code, text = self.connect(self._host, self.endpoint.port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, text)
        self.ehlo_or_helo_if_needed()

    def _get_socket(self, host, port, timeout):
        return self.connection

    def getreply(self):
        """A reply, of a bounded number of lines; see the class on errors."""
        lines = _LineCounter(self.connection)
        self.file = lines
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected:
            raise self.endpoint.error(Kind.CONNECTION_LOST) from None
        except EngineError:
            self.close()
            raise

    def send(self, s):
        """Send bytes; see the class on errors."""
        if self.sock is None:
            raise self.endpoint.error(Kind.CONNECTION_LOST)
        super().send(s)
        self._sending += 1

    def data(self, msg):
        """DATA; distinguishes an e-mail that was not sent from one with an unknown
        outcome."""
        self._sending = 0
        try:
            return super().data(msg)
        except (EngineError, smtplib.SMTPServerDisconnected) as exc:
            # Two sends: the command, and the message up to its final dot.
            if self._sending < 2:
                raise
            text = exc.server_text if isinstance(exc, EngineError) else ""
            raise self.endpoint.error(Kind.OUTCOME_UNKNOWN, server_text=text) from None

    def _rset(self):
        """RSET after a refusal; its own failure must not hide the refusal."""
        patience = self.connection.read_timeout
        self.connection.read_timeout = min(patience, FAREWELL_TIMEOUT)
        try:
            self.rset()
        except (EngineError, smtplib.SMTPException):
            self.close()
        self.connection.read_timeout = patience

    def starttls(self, *_args, **_kwargs):
        """Encrypt, verified, or fail."""
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise self.endpoint.error(Kind.STARTTLS_MISSING, field=Field.SECURITY)
        code, text = self.docmd("STARTTLS")
        if code != 220:
            raise smtplib.SMTPResponseException(code, text)
        self.connection.starttls()
        # Forget what was announced unencrypted (RFC 3207 section 4.2).
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
        return code, text

    def quit(self):
        """Say goodbye if that is quick, and hang up. Never raises."""
        answer = (221, b"")
        if self.sock is not None:
            self.connection.read_timeout = FAREWELL_TIMEOUT
            try:
                answer = self.docmd("quit")
            except (EngineError, smtplib.SMTPException, OSError):
                pass
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
        self.close()
        return answer

    def close(self):
        """Hang up; twice is no error."""
        self.file = None
        self.sock = None
        self.connection.close()

    def sign_in(self) -> None:
        """AUTH with the endpoint's credentials (RFC 4954), one try only.

        PLAIN, else LOGIN: under verified TLS other mechanisms are no safer, and every
        further attempt with a wrong password may lock the account. LOGIN also if the
        server refuses the mechanism PLAIN, although it offers it.
        """
        self.ehlo_or_helo_if_needed()
        with self.connection.confidential():
            self._authenticate(self.endpoint)

    def _authenticate(self, endpoint: Endpoint) -> None:
        offered = self.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            secret = f"\0{endpoint.username}\0{endpoint.password}"
            code, text = self.docmd("AUTH", f"PLAIN {_encode_base64(secret)}")
            if code in (235, 503):
                return
            if "LOGIN" not in offered or not refuses_mechanism(code, text):
                raise smtplib.SMTPAuthenticationError(code, text)
        if "LOGIN" not in offered:
            raise self.endpoint.error(Kind.NO_AUTH_OFFERED, field=Field.SECURITY)
        code, text = self.docmd("AUTH", "LOGIN")
        for answer in (endpoint.username, endpoint.password):
            if code != 334:
                break
            code, text = self.docmd(_encode_base64(answer))
        if code not in (235, 503):
            raise smtplib.SMTPAuthenticationError(code, text)


class _LineCounter:
    """The reader of one reply."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._lines = 0

    def readline(self, limit: int) -> bytes:
        """A line, as smtplib asks for it."""
        self._lines += 1
        if self._lines > MAX_REPLY_LINES:
            raise self._connection.endpoint.error(Kind.PROTOCOL)
        return self._connection.read_line(limit)

    def close(self) -> None:
        """The connection is closed by its owner."""


def open_smtp(
    endpoint: Endpoint,
    policy: EgressPolicy | None = None,
    deadline: Deadline | None = None,
    local_hostname: str | None = None,
    observer: Observer | None = None,
    **timeouts: float,
) -> MailboxSMTP:
    """Connect, encrypt and sign in.

    :param local_hostname: for EHLO; None: our address as a literal
    :param observer: informed about what happens on the connection
    :param timeouts: ``connect_timeout``, ``read_timeout`` in seconds
    :raises EngineError: for every failure
    """
    connection = connect(endpoint, policy, deadline, observer=observer, **timeouts)
    try:
        session = MailboxSMTP(connection, local_hostname)
        stage = "connect"
        try:
            session.greet()
            if endpoint.security is Security.STARTTLS:
                session.starttls()
            stage = "auth"
            if endpoint.username:
                session.sign_in()
        except (EngineError, smtplib.SMTPException, OSError, ValueError) as exc:
            raise from_smtp(exc, endpoint, stage=stage) from None
    except BaseException:
        connection.close()
        raise
    return session


def _literal(address: str) -> str:
    """An IP address for EHLO (RFC 5321 section 4.1.3)."""
    address = address.partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _encode_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
