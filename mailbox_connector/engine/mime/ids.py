"""Message-IDs, references, and the fingerprint that identifies a message's content."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from urllib.parse import unquote

from . import words
from .subjects import untagged_subject

#: References of one message that are kept: the first ones (the root) and the last.
MAX_REFERENCES = 100
#: A longer Message-ID is invalid (RFC 5322: lines have at most 998 characters).
MAX_ID = 995

#: Characters of a header value that are read.
_MAX_VALUE = 500_000

_TOKEN = re.compile(
    r"<(?P<id>[^<>]{0,2000})>|\((?P<comment>[^()]{0,1000})\)"
    r'|"(?P<quoted>[^"]{0,1000})"|(?P<bare>[^\s<>,;"()]+)'
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"%3c|&lt;", re.I)
#: What an ID without brackets is made of, with or without "@".
_BARE = re.compile(r"[^@]+@[^@]+")
_TOKEN_ID = re.compile(r"(?=.*\d)[\w.$+=/-]{8,}", re.ASCII)


def first_message_id(value: str | None) -> str:
    """The ID of a Message-ID value, in angle brackets; '' if there is none."""
    tokens = _tokens(value or "")
    found = [text for kind, text in tokens if kind == "id"] or _bare_ids(tokens)
    if not found and len(tokens) == 1 and _TOKEN_ID.fullmatch(tokens[0][1]):
        found = [_bracketed(tokens[0][1])]
    return next(filter(None, found), "")


def replied_ids(in_reply_to: str | None) -> list[str]:
    """The Message-IDs of an In-Reply-To value, without duplicates.

    In prose ("Message from Ann <ann@customer.example> of Monday <1@x.example>"), the
    address of a person may be in brackets too: the ID is at the start or at the end.
    """
    tokens = _tokens(in_reply_to or "")
    found = [text for kind, text in tokens if kind == "id"]
    if not found:
        return list(dict.fromkeys(_bare_ids(tokens)))
    if not any(kind != "id" and not _BARE.fullmatch(text) for kind, text in tokens):
        return list(dict.fromkeys([*found, *_bare_ids(tokens)]))
    if tokens[0][0] == "id" and tokens[1][1] not in ("s", "\u2019s"):
        return found[:1]
    if tokens[-1][0] == "id" or sum(map(str.isdigit, found[-1])) >= 4:
        return found[-1:]
    return []


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
    tokens = _tokens(references or "")
    bare = set(_bare_ids(tokens))
    ids = (text if kind == "id" else _bracketed(text) for kind, text in tokens)
    own = [
        text
        for (kind, _text), text in zip(tokens, ids, strict=True)
        if text and (kind == "id" or text in bare)
    ]
    found = list(dict.fromkeys([*own, *replied_ids(in_reply_to)]))
    if len(found) > MAX_REFERENCES:
        half = MAX_REFERENCES // 2
        found = found[:half] + found[-half:]
    return found


def _tokens(value: str) -> list[tuple[str, str]]:
    """Kind and text of what a value consists of: "id" with the Message-ID in brackets,
    "bare" and "quoted" words. Comments are left out."""
    if not value:
        return []
    found: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(_readable(value[:_MAX_VALUE])):
        kind = match.lastgroup or ""
        if kind == "id":
            if one := _bracketed(match["id"]):
                found.append(("id", one))
        elif kind != "comment" and (text := match[kind].strip(" .:'[]\t")):
            found.append((kind, text))
    return found


def _readable(value: str) -> str:
    """A value without encoded words, or the escapes of a link that became a header."""
    value = words.unfold(value)
    if "=?" in value:
        value = words.decode_words(value)
    if "<" not in value and _ESCAPED.search(value):
        value = html.unescape(unquote(value))
    return value


def _bracketed(text: str) -> str:
    """A Message-ID in angle brackets; '' if it cannot be one."""
    pieces = text.split()  # folding may have added white space inside
    if len(pieces) > 2 and sum(map(len, pieces)) < 8 * len(pieces):
        return ""  # prose
    bare = "".join(pieces)
    if not 1 < len(bare) <= MAX_ID - 2 or _CONTROL.search(bare):
        return ""
    return _storable(f"<{bare}>")


def _bare_ids(tokens: list[tuple[str, str]]) -> list[str]:
    """Message-IDs without brackets; none if there are other words: that is prose."""
    texts = [text for kind, text in tokens if kind != "id"]
    if not all(map(_BARE.fullmatch, texts)):
        return []
    return [one for one in map(_bracketed, texts) if one]


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
