"""Message-IDs, references, and the fingerprint that identifies a message's content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from .subjects import untagged_subject

#: References of one message that are kept: the first ones (the root) and the last.
MAX_REFERENCES = 100
#: A longer Message-ID is invalid (RFC 5322: lines have at most 998 characters).
MAX_ID = 995

_ID = re.compile(r"<([^<>\x00-\x1f]{1,2000})>")


def first_message_id(value: str | None) -> str:
    """The Message-ID of a header value, in angle brackets; '' if there is none."""
    found = _ids(value or "")
    return found[0] if found else ""


def message_id_hash(message_id: str) -> str:
    """The hash of a Message-ID in 32 hex digits; '' if it is empty.

    Angle brackets and white space are ignored; case matters (RFC 5322 3.6.4).
    """
    bare = "".join(message_id.split()).strip("<>")
    if not bare:
        return ""
    raw = bare.encode("utf-8", "surrogateescape")
    return hashlib.sha256(raw).hexdigest()[:32]


def parse_references(
    references: str | None, in_reply_to: str | None = None
) -> list[str]:
    """Message-IDs of References, then In-Reply-To: oldest first, without duplicates.

    If there are more than :data:`MAX_REFERENCES`, the first and the last ones.
    """
    found = list(dict.fromkeys([*_ids(references or ""), *_ids(in_reply_to or "")]))
    if len(found) > MAX_REFERENCES:
        half = MAX_REFERENCES // 2
        found = found[:half] + found[-half:]
    return found


def _ids(value: str) -> list[str]:
    if not value:
        return []
    # Folding may have added white space inside an ID.
    found = [f"<{''.join(bare.split())}>" for bare in _ID.findall(value[:500_000])]
    if not found:
        # Some mail apps omit the brackets; prose in In-Reply-To is not an ID.
        words = value.strip(" \t\r\n<>").split()
        if len(words) == 1 and "@" in words[0]:
            found = [f"<{words[0]}>"]
    return [_storable(one) for one in found if 3 < len(one) <= MAX_ID]


def _storable(text: str) -> str:
    """``text`` with U+FFFD for 8-bit octets, which the parser kept as surrogates."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def fingerprint(
    sender: str, subject: str, body: str, attachments: Iterable[bytes]
) -> str:
    """SHA-256, in hex, of what a reader of a message sees.

    Equal for copies that differ in transport headers, folding, line ends, transfer
    encoding or tags in front of the subject, as mailing lists and filters add them;
    different for other content under the same Message-ID.

    :param sender: normalized address of From
    :param subject: decoded
    :param body: decoded text (or html) as it was sent, before cleaning
    :param attachments: decoded contents, in any order
    """
    lines = (line.rstrip() for line in body.splitlines())
    text = "\n".join(line for line in lines if line)
    digest = hashlib.sha256()
    digest.update(sender.encode("utf-8", "replace") + b"\0")
    for part in (untagged_subject(subject), text):
        digest.update(part.encode("utf-8", "replace") + b"\0")
    for one in sorted(hashlib.sha256(content).digest() for content in attachments):
        digest.update(one)
    return digest.hexdigest()
