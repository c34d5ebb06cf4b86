"""Removing credentials from what was said on a connection."""

from __future__ import annotations

import base64

from ..types import Endpoint

#: Shown in place of what is hidden.
HIDDEN = b"***"
#: So many bytes in common with a secret count as a part of it; all, if it is shorter.
TELLING = 8


class Redaction:
    """Hides an endpoint's password in every form in which it is sent.

    Servers quote what they received: whole or cut off, decoded or not, in any
    case.
    """

    def __init__(self, endpoint: Endpoint):
        self._pieces: dict[int, set[bytes]] = {}
        for secret in _forms(endpoint):
            size = min(TELLING, len(secret))
            for start in range(len(secret) - size + 1):
                self._pieces.setdefault(size, set()).add(secret[start : start + size])

    def of(self, line: bytes) -> bytes:
        """``line`` with :data:`HIDDEN` in place of every secret or part of one."""
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
    """The password in lower case: plain, quoted (RFC 9051), and in base64, alone or
    with the username."""
    user, password = endpoint.username, endpoint.password
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    plain = [_bytes(text) for text in (password, quoted)]
    whole = _bytes(f"\0{user}\0{password}")
    # The username of AUTH LOGIN is no secret, but nobody needs to see it either.
    packed = [base64.b64encode(text) for text in (plain[0], whole, _bytes(user))]
    forms = (*plain, *(text.rstrip(b"=") for text in packed))
    return [form.lower() for form in forms if form]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
