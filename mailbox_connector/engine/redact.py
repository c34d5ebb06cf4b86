"""Removes credentials from what was said on a connection."""

from __future__ import annotations

import base64

from .types import Endpoint

#: Shown in place of a secret.
HIDDEN = b"***"
#: Text that has this many bytes in common with a secret is hidden; a shorter secret is
#: hidden as a whole.
TELLING = 8
#: Text that contains a secret shorter than this is dropped: asterisks among known words
#: would reveal it.
SHORT = 6


class Redaction:
    """Hides an endpoint's password in every form in which it is sent.

    Servers quote what they received: whole or cut off, decoded or not, in upper or
    lower case. Used for errors and for transcripts.
    """

    def __init__(self, endpoint: Endpoint):
        self._pieces: dict[int, set[bytes]] = {}
        self._forms = _forms(endpoint)
        for secret in self._forms:
            size = min(TELLING, len(secret))
            for start in range(len(secret) - size + 1):
                self._pieces.setdefault(size, set()).add(secret[start : start + size])

    def of_text(self, text: str) -> str:
        """``text`` of an error, with secrets hidden; '' where that would reveal one."""
        line = _bytes(text)
        lowered = line.lower()
        if any(len(form) < SHORT and form in lowered for form in self._forms):
            return ""
        return self.of(line).decode("utf-8", "replace")

    def of(self, line: bytes) -> bytes:
        """``line`` with :data:`HIDDEN` for everything that is a secret or part of
        one."""
        lowered = line.lower()
        hidden = bytearray(len(line))
        for size, pieces in self._pieces.items():
            for start in range(len(line) - size + 1):
                if lowered[start : start + size] in pieces:
                    hidden[start : start + size] = b"\1" * size
        if not any(hidden):
            return line
        kept, start = [], 0
        while start < len(line):
            end = hidden.find(1 - hidden[start], start)
            end = len(line) if end < 0 else end
            kept.append(HIDDEN if hidden[start] else line[start:end])
            start = end
        return b"".join(kept)


def _forms(endpoint: Endpoint) -> list[bytes]:
    """The password in lower case: plain, quoted (RFC 9051), base64, and base64 together
    with the username (RFC 4616)."""
    user, password = endpoint.username, endpoint.password
    if not password:
        return []
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    plain = [_bytes(text) for text in (password, quoted)]
    whole = _bytes(f"\0{user}\0{password}")
    # The username of AUTH LOGIN is not secret, but useless in base64.
    packed = [base64.b64encode(text) for text in (plain[0], whole, _bytes(user))]
    forms = (*plain, *(text.rstrip(b"=") for text in packed))
    return [form.lower() for form in forms if form]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
