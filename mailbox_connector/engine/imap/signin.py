"""From a fresh connection to the authenticated state (RFC 9051 section 6.2)."""

from __future__ import annotations

import imaplib

from imapclient.exceptions import LoginError

from ..errors import Field, Kind
from ..types import Endpoint, Security
from .protocol import BoundedIMAPClient

#: RFC 2971; 163.com refuses to open folders without it. Our name, no version:
#: a server needs no more.
CLIENT_ID = {"name": "Odoo mailbox_connector"}


def check_credentials(endpoint: Endpoint, error) -> None:
    """Refuse what cannot stand in a command, before anything is sent.

    :param error: makes the error: ``error(kind, field=...)``
    """
    for text, field in (
        (endpoint.username, Field.USERNAME),
        (endpoint.password, Field.PASSWORD),
    ):
        if not text or any(c in text for c in "\r\n\0"):
            raise error(Kind.LOGIN_WRONG, field=field)


def starttls(client: BoundedIMAPClient) -> None:
    """Encrypt, as was asked for; never go on without (RFC 8314)."""
    protocol = client.protocol
    connection = protocol.connection
    if protocol.state != "NONAUTH":
        raise connection.error(Kind.STARTTLS_INJECTION, field=Field.SECURITY)
    if "STARTTLS" not in protocol.capabilities:
        raise connection.error(Kind.STARTTLS_MISSING, field=Field.SECURITY)
    typ, data = protocol._simple_command("STARTTLS")
    if typ != "OK":
        raise imaplib.IMAP4.error(data[-1])
    connection.starttls()
    protocol.untagged_responses.clear()
    protocol._get_capabilities()


def sign_in(client: BoundedIMAPClient, endpoint: Endpoint) -> frozenset[str]:
    """Authenticate and return the capabilities that hold from then on."""
    protocol = client.protocol
    if endpoint.security is Security.STARTTLS:
        starttls(client)
    if protocol.state != "NONAUTH":
        # PREAUTH: whoever that connection belongs to, it is not this account.
        raise protocol.connection.error(Kind.PROTOCOL, field=Field.PORT)
    identified = _identify(client, protocol.capabilities)
    client.forget_capabilities()
    with protocol.connection.confidential():
        _authenticate(client, endpoint, frozenset(protocol.capabilities))
    capabilities = _capabilities(client)
    if not identified:
        _identify(client, capabilities)
    return capabilities


def _identify(client: BoundedIMAPClient, capabilities) -> bool:
    if "ID" not in capabilities:
        return False
    pairs = " ".join(f'"{key}" "{value}"' for key, value in CLIENT_ID.items())
    try:
        client.protocol._simple_command("ID", f"({pairs})")
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        pass  # a courtesy; some servers announce it and know it not
    return True


def _authenticate(
    client: BoundedIMAPClient, endpoint: Endpoint, capabilities: frozenset[str]
) -> None:
    """AUTHENTICATE PLAIN where offered (it takes any password), else LOGIN."""
    protocol = client.protocol
    plain = "AUTH=PLAIN" in capabilities
    login = "LOGINDISABLED" not in capabilities
    if plain:
        try:
            _plain(protocol, endpoint)
            return
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as exc:
            # BAD: it cannot do what it offers. NO is the answer to the password,
            # and trying it once more would count against the account.
            if not (login and _is_bad(exc)):
                raise LoginError(*exc.args) from exc
    if not login or not endpoint.username.isascii():
        raise protocol.connection.error(Kind.NO_AUTH_OFFERED, field=Field.SECURITY)
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
        # 8-bit text may stand in a literal only.
        protocol.literal = endpoint.password.encode()
        arguments = (user,)
    typ, data = protocol._simple_command("LOGIN", *arguments)
    if typ != "OK":
        raise imaplib.IMAP4.error(data[-1])
    protocol.state = "AUTH"


def _is_bad(exc: imaplib.IMAP4.error) -> bool:
    return "command error: BAD" in str(exc)


def _capabilities(client: BoundedIMAPClient) -> frozenset[str]:
    """Those of the log-in's own answer, else asked for."""
    names = [name.decode("ascii", "replace") for name in client.capabilities()]
    return frozenset(names)
