"""What client and server said, without credentials and without mail."""

from __future__ import annotations

import re
from collections import deque

from ..errors import Side, one_line
from ..net.observer import Encryption, Observer
from ..redact import HIDDEN, Redaction
from ..types import Endpoint

#: How many lines are kept, and how many characters of each.
MAX_LINES, MAX_CHARACTERS = 200, 500
#: Bytes of a line that are kept.
_MAX_BYTES = 2_000

#: Commands whose arguments are names of folders and addresses, which the mailbox's
#: owner may see. Of other commands, at most the name is shown.
_OPEN = {
    Side.IMAP: (b"CAPABILITY", b"STARTTLS", b"ID", b"ENABLE", b"LIST", b"STATUS")
    + (b"EXAMINE", b"NOOP", b"LOGOUT"),
    Side.SMTP: (b"EHLO", b"HELO", b"STARTTLS", b"MAIL", b"RCPT", b"RSET")
    + (b"NOOP", b"QUIT"),
}
_SIGN_IN = {Side.IMAP: (b"LOGIN", b"AUTHENTICATE"), Side.SMTP: (b"AUTH",)}
_MECHANISMS = (b"PLAIN", b"LOGIN")
#: How a line of the protocol begins. Other responses are not shown: somebody may have
#: entered the address of another server in the network to read its responses.
_SHAPE = {
    Side.IMAP: re.compile(rb"(\*|\+|[A-Z]{4}\d+)([ \r\n]|$)"),
    Side.SMTP: re.compile(rb"[2-5]\d\d([ -]|\r?\n|$)"),
}
_LITERAL = re.compile(rb"\{(\d{1,12})\+?\}\r?\n?$")


class Transcript(Observer):
    """Keeps the last lines of client and server.

    ``lines``: the oldest first, beginning with "C: " (client), "S: " (server) or "-- "
    (what else happened).
    """

    def __init__(self, endpoint: Endpoint):
        self._side = endpoint.side
        self._redaction = Redaction(endpoint)
        self._lines: deque[tuple[str, bytes]] = deque(maxlen=MAX_LINES)
        self._literal_left = 0
        self._in_answer = False

    @property
    def lines(self) -> list[str]:
        """What was kept, without credentials."""
        return [text for kept in self._lines if (text := self._text(*kept))]

    def resolved(self, addresses: list[str]) -> None:
        self._add("--", ", ".join(addresses).encode())

    def connected(self, address: str, port: int) -> None:
        self._add("--", f"connected to {address}, port {port}".encode())

    def encrypted(self, encryption: Encryption) -> None:
        text = f"{encryption.version}, {encryption.subject} by {encryption.issuer}"
        self._add("--", text.encode())

    def sent(self, data: bytes, confidential: bool) -> None:
        for line in self._commands(bytes(data)):
            self._add("C:", self._shown(line, confidential))

    def received(self, line: bytes, confidential: bool) -> None:
        if not line:
            return
        after_literal, self._in_answer = self._in_answer, bool(_LITERAL.search(line))
        is_protocol = _SHAPE[self._side].match(line)
        if is_protocol or (after_literal and not confidential):
            self._add("S:", line)
        else:
            name = self._side.value.upper().encode()
            self._add("S:", b"%b (%d bytes, no %b)" % (HIDDEN, len(line), name))

    def received_literal(self, size: int) -> None:
        self._add("S:", b"%b (%d bytes)" % (HIDDEN, size))

    def _commands(self, data: bytes):
        """The lines of what is sent, without literals."""
        while data:
            if self._literal_left:
                size = min(self._literal_left, len(data))
                self._literal_left -= size
                data = data[size:]
                if not self._literal_left:
                    self._add("C:", b"%b (%d bytes)" % (HIDDEN, size))
                continue
            line, end, data = data.partition(b"\n")
            found = _LITERAL.search(line + end)
            if found and self._side is Side.IMAP:
                self._literal_left = int(found[1])
            if line.strip():
                yield line

    def _shown(self, line: bytes, confidential: bool) -> bytes:
        """The part of a command that is known not to be secret."""
        words = line.split()
        tag = words[:1] if self._side is Side.IMAP else []
        verb, rest = words[len(tag) :][:1], words[len(tag) + 1 :]
        if not verb:
            return HIDDEN
        name = verb[0].upper()
        if name in _OPEN[self._side] and not confidential:
            return line
        if name in _SIGN_IN[self._side] and confidential:
            known = name != b"LOGIN" and rest[:1] and rest[0].upper() in _MECHANISMS
            return b" ".join([*tag, name, *(rest[:1] if known else []), HIDDEN])
        return HIDDEN

    def _add(self, who: str, line: bytes) -> None:
        self._lines.append((who, line[:_MAX_BYTES]))

    def _text(self, who: str, line: bytes) -> str:
        text = self._redaction.of(line).decode("utf-8", "replace")
        text = one_line(text, MAX_CHARACTERS - len(who) - 1)
        return f"{who} {text}" if text else ""
