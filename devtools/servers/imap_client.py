"""IMAP sessions on the test servers."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imapclient import IMAPClient


@contextmanager
def signed_in(
    host: str,
    port: int,
    context: ssl.SSLContext,
    user: str,
    password: str,
    kind: "type[IMAPClient] | None" = None,
) -> "Iterator[IMAPClient]":
    """A session of `user` over TLS, ended with the block."""
    from imapclient import IMAPClient

    make = kind or IMAPClient
    client = make(host, port=port, ssl_context=context, timeout=60)
    with client:
        client.plain_login(user, password)
        yield client
