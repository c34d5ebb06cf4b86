"""From a fresh connection to the authenticated state (RFC 9051 section 6.2)."""

from __future__ import annotations

import imaplib

from imapclient.exceptions import LoginError

from ..errors import Field, Kind
from ..types import Endpoint, Security
from .protocol import BoundedIMAP4

#: RFC 2971; 163.com refuses to open folders without it. The name without a version
#: is enough.
CLIENT_ID = {"name": "Odoo mailbox_connector"}


def check_credentials(endpoint: Endpoint) -> None:
    """Refuse credentials that no command can contain, before anything is sent.

    :raises EngineError: LOGIN_WRONG
    """
    for text, field in (
        (endpoint.username, Field.USERNAME),
        (endpoint.password, Field.PASSWORD),
    ):
        if not text or any(c in text for c in "\r\n\0"):
            raise endpoint.error(Kind.LOGIN_WRONG, field=field)


def starttls(protocol: BoundedIMAP4) -> None:
    """Encrypt the connection, or fail: never continue unencrypted (RFC 8314)."""
    connection = protocol.connection
    if protocol.state != "NONAUTH":
        raise connection.endpoint.error(Kind.STARTTLS_INJECTION, field=Field.SECURITY)
    if "STARTTLS" not in protocol.capabilities:
        raise connection.endpoint.error(Kind.STARTTLS_MISSING, field=Field.SECURITY)
    typ, data = protocol._simple_command("STARTTLS")
    if typ != "OK":
        raise imaplib.IMAP4.error(data[-1])
    connection.starttls()
    protocol.untagged_responses.clear()
    protocol._get_capabilities()


def sign_in(protocol: BoundedIMAP4, endpoint: Endpoint) -> frozenset[str]:
    """Authenticate and return the capabilities that hold from then on."""
    if endpoint.security is Security.STARTTLS:
        starttls(protocol)
    if protocol.state != "NONAUTH":
        # PREAUTH: the connection is signed in, but not as this account.
        raise endpoint.error(Kind.PROTOCOL, field=Field.PORT)
    identified = _identify(protocol, protocol.capabilities)
    protocol.forget_capabilities()
    with protocol.connection.confidential():
        _authenticate(protocol, endpoint, frozenset(protocol.capabilities))
    capabilities = protocol.current_capabilities()
    if not identified:
        _identify(protocol, capabilities)
    return capabilities


def _identify(protocol: BoundedIMAP4, capabilities) -> bool:
    """ID (RFC 2971), if the server supports it; returns whether it was sent."""
    if "ID" not in capabilities:
        return False
    pairs = " ".join(f'"{key}" "{value}"' for key, value in CLIENT_ID.items())
    try:
        protocol._simple_command("ID", f"({pairs})")
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        pass  # optional; some servers announce it and do not implement it
    return True


def _authenticate(
    protocol: BoundedIMAP4, endpoint: Endpoint, capabilities: frozenset[str]
) -> None:
    """AUTHENTICATE PLAIN if offered (it can carry any password), else LOGIN."""
    plain = "AUTH=PLAIN" in capabilities
    login = "LOGINDISABLED" not in capabilities
    if plain:
        try:
            _plain(protocol, endpoint)
            return
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as exc:
            # BAD: it does not support what it offers. NO is about the password: a
            # second attempt would count as another failure.
            if not (login and _is_bad(exc)):
                raise LoginError(*exc.args) from exc
    if not login or not endpoint.username.isascii():
        raise endpoint.error(Kind.NO_AUTH_OFFERED, field=Field.SECURITY)
    try:
        _login(protocol, endpoint)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as exc:
        raise LoginError(*exc.args) from exc


def _plain(protocol, endpoint: Endpoint) -> None:
    """RFC 4616, in UTF-8."""
    secret = f"\0{endpoint.username}\0{endpoint.password}".encode()
    protocol.authenticate("PLAIN", lambda _challenge: secret)


def _login(protocol, endpoint: Endpoint) -> None:
    user = protocol._quote(endpoint.username)
    if endpoint.password.isascii():
        arguments = (user, protocol._quote(endpoint.password))
    else:
        # 8-bit text is allowed in a literal only.
        protocol.literal = endpoint.password.encode()
        arguments = (user,)
    typ, data = protocol._simple_command("LOGIN", *arguments)
    if typ != "OK":
        raise imaplib.IMAP4.error(data[-1])
    protocol.state = "AUTH"


def _is_bad(exc: imaplib.IMAP4.error) -> bool:
    return "command error: BAD" in str(exc)
