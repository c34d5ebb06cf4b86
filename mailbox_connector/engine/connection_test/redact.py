"""Taking credentials out of what was said on a connection."""

from __future__ import annotations

import base64

from ..types import Endpoint

#: What stands for something that is not shown.
HIDDEN = b"***"
#: So many bytes in common with a secret are a part of it; all of a shorter one.
TELLING = 8


class Redaction:
    """Hides an endpoint's password, in every form in which it goes over the wire.

    Servers quote what they were sent: whole or cut off, decoded or not, in any case.
    """

    def __init__(self, endpoint: Endpoint):
        self._pieces: dict[int, set[bytes]] = {}
        for secret in _forms(endpoint):
            size = min(TELLING, len(secret))
            for start in range(len(secret) - size + 1):
                self._pieces.setdefault(size, set()).add(secret[start : start + size])

    def of(self, line: bytes) -> bytes:
        """``line`` with :data:`HIDDEN` for whatever is, or is a part of, a secret."""
        lowered = line.lower()
        hidden = bytearray(len(line))
        for size, pieces in self._pieces.items():
            for start in range(len(line) - size + 1):
                if lowered[start : start + size] in pieces:
                    hidden[start : start + size] = b"\1" * size
        if not any(hidden):
            return line
        kept, place = [], 0
        while place < len(line):
            end = hidden.find(1 - hidden[place], place)
            end = len(line) if end < 0 else end
            kept.append(HIDDEN if hidden[place] else line[place:end])
            place = end
        return b"".join(kept)


def _forms(endpoint: Endpoint) -> list[bytes]:
    """In lower case: plain, quoted (RFC 9051), and in base64 alone or with the name."""
    user, password = endpoint.username, endpoint.password
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    plain = [_bytes(text) for text in (password, quoted)]
    whole = _bytes(f"\0{user}\0{password}")
    # The name of AUTH LOGIN is no secret; it is of no use either.
    packed = [base64.b64encode(text) for text in (plain[0], whole, _bytes(user))]
    forms = (*plain, *(text.rstrip(b"=") for text in packed))
    return [form.lower() for form in forms if form]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
