"""Being told what happens on a connection, without changing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Encryption:
    """What a TLS handshake agreed on, and whose certificate it was.

    ``version``: as "TLSv1.3"; ``subject`` and ``issuer``: the name that people know
    them by; ``until``: the last moment of the certificate (aware, UTC), None if the
    certificate does not say it.
    """

    version: str
    subject: str
    issuer: str
    until: datetime | None


class Observer:
    """Does nothing: to be overridden. It must not raise."""

    def resolved(self, addresses: list[str]) -> None:
        """The host's name has these addresses; those that may be connected to."""

    def connected(self, address: str, port: int) -> None:
        """A server has taken the connection."""

    def encrypted(self, encryption: Encryption) -> None:
        """The TLS handshake is done, the certificate is the host's."""

    def sent(self, data: bytes, confidential: bool) -> None:
        """We send ``data``.

        :param confidential: while signing in: there are credentials in it
        """

    def received(self, line: bytes, confidential: bool) -> None:
        """The server has sent a line, its end included."""

    def received_literal(self, size: int) -> None:
        """The server has sent so many bytes that are no line (RFC 9051, 4.3)."""


#: Nobody looks on.
NOBODY = Observer()
