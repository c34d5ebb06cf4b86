"""imaplib's protocol on our own connection, with bounds on what a server may send.

imaplib opens sockets by name, waits without limit, allocates whatever size a server
announces and keeps the last commands, passwords included. :class:`BoundedIMAP4` changes
only that. ``read``, ``readline``, ``send`` and ``shutdown`` are documented for
overriding; ``_create_socket``, ``_new_tag``, ``_append_untagged``, ``_get_response``,
``_mesg`` and ``_log`` are internals of imaplib, stable since Python 3.9. A new Python
version has to pass ``tests/engine/test_imap_*`` before it is supported.
"""

from __future__ import annotations

import imaplib
import re
from dataclasses import dataclass

from ..errors import Kind
from ..net.connection import Connection


@dataclass
class AnswerLimits:
    """Bounds on the answer to one command, in bytes and lines.

    A line of 16 MB holds the UIDs of two million messages, for servers without
    ESEARCH; a literal of 80 MB any message that servers take. A larger one is
    skipped so that the session can continue, as long as at most ``skip`` bytes are
    discarded: what is kept of it is a :class:`Cut`. ``odd_lines``: go on after a line
    that is no answer. Not where messages are fetched: after a literal of the wrong
    length, their own lines would count as answers.
    """

    line: int = 16_000_000
    literal: int = 80_000_000
    total: int = 160_000_000
    lines: int = 500_000
    skip: int = 0
    odd_lines: bool = False


SIGN_IN_LIMITS = AnswerLimits(
    line=100_000, literal=100_000, total=1_000_000, lines=1_000
)
# imaplib refuses commands that it does not know; RFC 2971.
imaplib.Commands.setdefault("ID", ("NONAUTH", "AUTH", "SELECTED"))

#: How imaplib reports a line that it does not know, and one that is untagged.
_ODD_LINE = "unexpected response: "
_UNKNOWN_LINE = (f"{_ODD_LINE}b'* ", f'{_ODD_LINE}b"* ')
#: Lines that are no answers and are kept, of the answer to one command.
MAX_ODD_LINES = 20

#: Bytes that are kept of a literal that is too long.
CUT = 128_000


class Cut(bytes):
    """The beginning of a literal that was too long to be kept."""


#: Untagged answers that are collected for a command; the next command drops them.
_COLLECTED = frozenset(
    ("ENABLED", "ESEARCH", "FETCH", "LIST", "SEARCH", "STATUS", "VANISHED")
)
#: For these untagged answers only the last one counts; earlier ones are dropped.
_STATE = frozenset(
    ("BAD", "BYE", "CAPABILITY", "EXISTS", "HIGHESTMODSEQ", "MAILBOXID", "NO")
) | {"NOMODSEQ", "OK", "PREAUTH", "READ-ONLY", "UIDNEXT", "UIDVALIDITY"}


def refusal(typ: str, data: list) -> imaplib.IMAP4.error:
    """A tagged NO or BAD as an exception, with the server's words."""
    return imaplib.IMAP4.error(typ.encode() + b" " + (data[-1] or b""))


class BoundedIMAP4(imaplib.IMAP4):
    """imaplib's protocol over a :class:`Connection`, with :class:`AnswerLimits`."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.limits = SIGN_IN_LIMITS
        #: Kinds of answers thrown away as they come.
        self.discarded: frozenset[str] = frozenset()
        #: What came that is no answer, since the last command; see `AnswerLimits`.
        self.odd_lines: list[bytes] = []
        self._bytes_read = self._lines_read = self._skipped = 0
        endpoint = connection.endpoint
        super().__init__(endpoint.host, endpoint.port)

    def _create_socket(self, timeout=None):
        return self.connection

    def forget_capabilities(self) -> None:
        """Forget what was announced before TLS or sign-in: it no longer applies."""
        self.untagged_responses.pop("CAPABILITY", None)

    def current_capabilities(self) -> frozenset[str]:
        """The server's capabilities: as it has just announced, else by asking."""
        announced = self.untagged_responses.pop("CAPABILITY", None)
        if not announced:
            typ, announced = self.capability()
            if typ != "OK":
                raise refusal(typ, announced)
        return frozenset(announced[0].decode("ascii", "replace").upper().split())

    def _new_tag(self):
        self._bytes_read = self._lines_read = self._skipped = 0
        self.odd_lines.clear()
        for kind in _COLLECTED:
            self.untagged_responses.pop(kind, None)
        return super()._new_tag()

    def _append_untagged(self, typ, dat):
        """Keep only known answers: a server may send anything, without end."""
        typ = typ.upper()
        if typ in self.discarded:
            size = sum(map(len, dat)) if isinstance(dat, tuple) else len(dat)
            self._bytes_read -= size
            self._skip(size)
        elif typ == "CLOSED":
            # Everything before was about the folder that was open (RFC 7162, 3.2.11).
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
        if line.endswith(b"\n") and not line.endswith(b"\r\n"):
            return line[:-1] + b"\r\n"  # imaplib insists on it
        return line

    def _get_response(self):
        """Ignore an untagged line of no form that is known: it is not the answer."""
        self._line = b""
        try:
            return super()._get_response()
        except self.abort as exc:
            known = str(exc).startswith(_UNKNOWN_LINE)
            odd = self.limits.odd_lines and str(exc).startswith(_ODD_LINE)
            # The end of an answer cannot be ignored: nothing more would come.
            if not (known or odd) or self._line.startswith(self.tagpre):
                raise
            if len(self.odd_lines) < MAX_ODD_LINES:
                self.odd_lines.append(self._line)
            return b"*"

    def _get_line(self):
        self._line = super()._get_line()
        if self._line.startswith(self.tagpre) and self._line.count(b" ") == 1:
            self._line += b" "  # a response without its text
        return self._line

    def send(self, data):
        """Send bytes; failures are raised by the connection."""
        self.connection.sendall(data)

    def shutdown(self):
        """Close the connection. Never raises."""
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
        # The rest of the answer is still in the stream, which is no longer usable.
        self.connection.close()
        return self.connection.endpoint.error(Kind.TOO_LARGE)

    def _mesg(self, *_args, **_kwargs):
        """No trace: it would contain message text and credentials."""

    def _log(self, *_args):
        """No buffer of the last commands: LOGIN would be in it."""
