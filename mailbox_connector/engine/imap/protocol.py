"""imapclient on our own transport, with bounds on what a server may send.

imaplib opens sockets by name, waits for ever, believes every announced size and
keeps the last commands, passwords included. The subclasses here use its
documented overridable methods to change just that.
"""

from __future__ import annotations

import imaplib
from dataclasses import dataclass

from imapclient import IMAPClient

from ..errors import Kind
from ..transport import Connection


@dataclass
class Limits:
    """Bounds on the answer to one command, in bytes and lines.

    A line of 16 MB holds the UIDs of two million messages, for servers without
    ESEARCH; a literal of 80 MB any message that servers take.
    """

    line: int = 16_000_000
    literal: int = 80_000_000
    total: int = 160_000_000
    lines: int = 500_000


class BoundedIMAP4(imaplib.IMAP4):
    """imaplib's protocol over a :class:`Connection`, with :class:`Limits`."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.limits = Limits()
        self._bytes_read = 0
        self._lines_read = 0
        endpoint = connection.endpoint
        super().__init__(endpoint.host, endpoint.port)

    def _create_socket(self, timeout=None):
        return self.connection

    def _new_tag(self):
        self._bytes_read = self._lines_read = 0
        return super()._new_tag()

    def read(self, size):
        """A literal of ``size`` bytes, refused before it is read if too large."""
        if size > self.limits.literal:
            raise self._too_large()
        self._count(size)
        return self.connection.read_exactly(size)

    def readline(self):
        """One line, refused when longer than the limit."""
        line = self.connection.read_line(self.limits.line)
        if len(line) > self.limits.line:
            raise self._too_large()
        self._lines_read += 1
        if self._lines_read > self.limits.lines:
            raise self._too_large()
        self._count(len(line))
        return line

    def send(self, data):
        """Send bytes; the connection raises what can go wrong."""
        self.connection.sendall(data)

    def shutdown(self):
        """Close the connection; nothing is left to go wrong then."""
        self.connection.close()

    def _count(self, size: int) -> None:
        self._bytes_read += size
        if self._bytes_read > self.limits.total:
            raise self._too_large()

    def _too_large(self):
        # What follows on the stream cannot be told apart any more.
        self.connection.close()
        return self.connection.error(Kind.TOO_LARGE)

    def _mesg(self, *_args, **_kwargs):
        """No trace: it would hold message text and credentials."""

    def _log(self, *_args):
        """No buffer of the last commands: LOGIN would be among them."""


class BoundedIMAPClient(IMAPClient):
    """imapclient whose connection is ours.

    ``host`` is for its messages alone; times are aware.
    """

    def __init__(self, connection: Connection):
        self._connection = connection
        endpoint = connection.endpoint
        super().__init__(endpoint.host, endpoint.port, ssl=False)
        # imapclient sets these to log every command at debug level.
        self._imap.debug = 0
        self._imap._mesg = lambda *_args, **_kwargs: None
        self.normalise_times = False
        self.folder_encode = False

    def _create_IMAP4(self):
        return BoundedIMAP4(self._connection)

    @property
    def protocol(self) -> BoundedIMAP4:
        """The imaplib object beneath."""
        return self._imap

    def forget_capabilities(self) -> None:
        """What was said before TLS or log-in does not count afterwards."""
        self._cached_capabilities = None
        self._imap.untagged_responses.pop("CAPABILITY", None)
