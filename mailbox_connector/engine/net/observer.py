"""An interface for observing a connection without changing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Encryption:
    """The result of a TLS handshake, and the server's certificate.

    ``version``: as "TLSv1.3"; ``subject`` and ``issuer``: names for people; ``until``:
    when the certificate expires (aware, UTC), None if unknown.
    """

    version: str
    subject: str
    issuer: str
    until: datetime | None


class Observer:
    """Does nothing; subclasses override what they need. Methods must not raise."""

    def resolved(self, addresses: list[str]) -> None:
        """The host has these addresses that may be connected to."""

    def connected(self, address: str, port: int) -> None:
        """The TCP connection is made."""

    def encrypted(self, encryption: Encryption) -> None:
        """The TLS handshake is done and the certificate is valid for the host."""

    def sent(self, data: bytes, confidential: bool) -> None:
        """We send ``data``.

        :param confidential: it may contain credentials (while signing in)
        """

    def received(self, line: bytes, confidential: bool) -> None:
        """The server has sent a line, including its end."""

    def received_literal(self, size: int) -> None:
        """The server sends a literal of ``size`` bytes (RFC 9051 section 4.3)."""


#: Used if nothing observes the connection.
NOBODY = Observer()
