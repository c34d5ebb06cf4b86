"""Message-IDs, references, and what tells one message from another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

#: References kept of one message: the first (the thread's root) and the last.
MAX_REFERENCES = 100
#: A Message-ID longer than this is none (RFC 5322 lines hold 998).
MAX_ID = 995

#: What lists and filters put before a subject: "[sales]", "Re:", "***SPAM***".
_TAGS = re.compile(
    r"^(?:\s|\[[^\]]{1,80}\]|\*{3,}[^*]{1,20}\*{3,}|(?:re|aw|fwd?|wg)\s*:)+", re.I
)
_ID = re.compile(r"<([^<>\x00-\x1f]{1,2000})>")


def first_message_id(value: str | None) -> str:
    """The Message-ID of a header value, in angle brackets; '' if there is none."""
    found = _ids(value or "")
    return found[0] if found else ""


def message_id_hash(message_id: str) -> str:
    """32 hex digits that stand for a Message-ID; '' for none.

    Angle brackets and white space do not count; case does (RFC 5322 3.6.4).
    """
    bare = "".join(message_id.split()).strip("<>")
    if not bare:
        return ""
    raw = bare.encode("utf-8", "surrogateescape")
    return hashlib.sha256(raw).hexdigest()[:32]


def parse_references(
    references: str | None, in_reply_to: str | None = None
) -> list[str]:
    """Message-IDs of References, then In-Reply-To: oldest first, no doubles.

    More than :data:`MAX_REFERENCES`: the first and the last ones.
    """
    found = list(dict.fromkeys([*_ids(references or ""), *_ids(in_reply_to or "")]))
    if len(found) > MAX_REFERENCES:
        half = MAX_REFERENCES // 2
        found = found[:half] + found[-half:]
    return found


def _ids(value: str) -> list[str]:
    if not value:
        return []
    # Folding may have put white space inside an id.
    found = [f"<{''.join(bare.split())}>" for bare in _ID.findall(value[:500_000])]
    if not found:
        # Some programs forget the brackets; prose in In-Reply-To is no id.
        words = value.strip(" \t\r\n<>").split()
        if len(words) == 1 and "@" in words[0]:
            found = [f"<{words[0]}>"]
    return [_storable(one) for one in found if 3 < len(one) <= MAX_ID]


def _storable(text: str) -> str:
    """8-bit octets, which the parser kept as surrogates, as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def fingerprint(
    sender: str, subject: str, body: str, attachments: Iterable[bytes]
) -> str:
    """SHA-256 in hex over what a reader sees of a message.

    Equal for copies that differ in transport headers, folding, line ends,
    transfer encoding or tags before the subject, as mailing lists and filters put
    there; different for another content under the same Message-ID.

    :param sender: normalised address of From
    :param subject: decoded
    :param body: decoded text (or html) as it was sent, before cleaning
    :param attachments: decoded contents, in any order
    """
    lines = (line.rstrip() for line in body.splitlines())
    text = "\n".join(line for line in lines if line)
    digest = hashlib.sha256()
    digest.update(sender.encode("utf-8", "replace") + b"\0")
    title = " ".join(_TAGS.sub("", subject).split()).casefold()
    for part in (title, text):
        digest.update(part.encode("utf-8", "replace") + b"\0")
    for one in sorted(hashlib.sha256(content).digest() for content in attachments):
        digest.update(one)
    return digest.hexdigest()
