"""imapclient on our own transport, with bounds on what a server may send.

imaplib opens sockets by name, waits for ever, believes every announced size and
keeps the last commands, passwords included. The subclasses here use its
documented overridable methods to change just that.
"""

from __future__ import annotations

import imaplib
import re
from dataclasses import dataclass

from imapclient import IMAPClient

from ..errors import Kind
from ..net.connection import Connection


@dataclass
class Limits:
    """Bounds on the answer to one command, in bytes and lines.

    A line of 16 MB holds the UIDs of two million messages, for servers without
    ESEARCH; a literal of 80 MB any message that servers take. A larger one is
    read past, so that the session goes on, as long as no more than ``skip`` bytes
    are thrown away: what comes of it is a :class:`Cut`.
    """

    line: int = 16_000_000
    literal: int = 80_000_000
    total: int = 160_000_000
    lines: int = 500_000
    skip: int = 0


SIGN_IN_LIMITS = Limits(line=100_000, literal=100_000, total=1_000_000, lines=1_000)
#: Bytes that are kept of a literal that is too long.
CUT = 128_000


class Cut(bytes):
    """The beginning of a literal that was too long to be kept."""


#: Answers that a command collects; they go with the next command.
_COLLECTED = frozenset(
    ("ENABLED", "ESEARCH", "FETCH", "LIST", "SEARCH", "STATUS", "VANISHED")
)
#: Of all else the last answer counts, if it is one we know.
_STATE = frozenset(
    ("BAD", "BYE", "CAPABILITY", "EXISTS", "HIGHESTMODSEQ", "MAILBOXID", "NO")
) | {"NOMODSEQ", "OK", "PREAUTH", "READ-ONLY", "UIDNEXT", "UIDVALIDITY"}


def refusal(typ: str, data: list) -> imaplib.IMAP4.error:
    """A tagged NO or BAD as an exception, with the server's words."""
    return imaplib.IMAP4.error(typ.encode() + b" " + (data[-1] or b""))


class BoundedIMAP4(imaplib.IMAP4):
    """imaplib's protocol over a :class:`Connection`, with :class:`Limits`."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.limits = SIGN_IN_LIMITS
        #: Kinds of answers thrown away as they come.
        self.discarded: frozenset[str] = frozenset()
        self._bytes_read = self._lines_read = self._skipped = 0
        endpoint = connection.endpoint
        super().__init__(endpoint.host, endpoint.port)

    def _create_socket(self, timeout=None):
        return self.connection

    def _new_tag(self):
        self._bytes_read = self._lines_read = self._skipped = 0
        for kind in _COLLECTED:
            self.untagged_responses.pop(kind, None)
        return super()._new_tag()

    def _append_untagged(self, typ, dat):
        """Keep what somebody may ask for: a server may say anything, for hours."""
        typ = typ.upper()
        if typ in self.discarded:
            size = sum(map(len, dat)) if isinstance(dat, tuple) else len(dat)
            self._bytes_read -= size
            self._skip(size)
        elif typ == "CLOSED":
            # What came before was about the folder that was open (RFC 7162, 3.2.11).
            self.untagged_responses.clear()
        elif typ in _COLLECTED:
            if isinstance(dat, tuple) and isinstance(dat[1], Cut):
                dat = (re.sub(rb"\d+(?=\+?}$)", b"%d" % len(dat[1]), dat[0]), dat[1])
            super()._append_untagged(typ, dat)
        elif typ in _STATE:
            self.untagged_responses[typ] = [dat]

    def read(self, size):
        """A literal of ``size`` bytes, refused before it is read if too large."""
        if size <= self.limits.literal:
            self._count(size)
            return self.connection.read_exactly(size)
        kept = min(self.limits.literal, CUT)
        self._skip(size - kept)
        self._count(kept)
        beginning = self.connection.read_exactly(kept)
        self.connection.skip(size - kept)
        return Cut(beginning)

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

    def _skip(self, size: int) -> None:
        self._skipped += size
        if self._skipped > self.limits.skip:
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
