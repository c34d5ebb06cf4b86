"""FETCH answers that no parser accepts, read as far as they can be.

Servers send keywords that are no atoms (``fo(o``, ``{x}``, ``fo"o``), or that
imapclient's lexer takes for something else (``foo[bar``). Such a flag must not cost
the message: its UID and its literal are found without looking at the rest.

A literal of another length than announced is different: what follows it is no answer.
:func:`is_out_of_step` recognizes that; neither such an answer nor what follows it may
be used.

The answers are lists of texts and literals, see :func:`.responses.answers`.
"""

from __future__ import annotations

import re
from itertools import pairwise

_ITEMS = (
    rb"(?:UID|FLAGS|RFC822|INTERNALDATE|BODY|X-[A-Z]|MODSEQ|ENVELOPE|EMAILID|THREADID"
    rb"|SAVEDATE|PREVIEW)"
)
_ITEM = re.compile(_ITEMS, re.I)
#: What may follow the literal of a section.
_AFTER_SECTION = re.compile(rb" ?\) *\Z| " + _ITEMS, re.I)
#: What may follow any other literal, such as a label.
_AFTER_LITERAL = re.compile(rb"[ )]")
_OPENED = re.compile(rb"(BODY\[[^\]]*\])(?:<\d+>)? \{\d+\+?\}\Z", re.I)
_FLAGS = re.compile(rb"\bFLAGS \(", re.I)
_FLAGS_END = re.compile(rb"\)(?= " + _ITEMS + rb"|\)? *\Z)", re.I)
_NUMBER = re.compile(rb"(?<=[ (])(UID|RFC822\.SIZE) (\d{1,10})(?!\d)", re.I)
_DATE = re.compile(rb'(?<=[ (])INTERNALDATE "([^"]{1,100})"', re.I)
_QUOTED = re.compile(rb'"[^"]*"')


def is_item(name: bytes) -> bool:
    """Whether a FETCH answer may contain an item of this name; if it does not, the
    parser took a part of a value for a name."""
    return bool(_ITEM.match(name))


def is_out_of_step(answer: list) -> bool:
    """Whether a literal had another length than announced, or the answer is cut."""
    if isinstance(answer[-1], tuple):
        return True
    for (before, _literal), after in pairwise(answer):
        text = after[0] if isinstance(after, tuple) else after
        follows = _AFTER_SECTION if _opened_section(before) else _AFTER_LITERAL
        if not follows.match(text):
            return True
    return len(answer) > 1 and not answer[-1].rstrip().endswith(b")")


def read_leniently(answer: list) -> dict[bytes, object]:
    """The items of an answer that can be recognized, as a parser would give them:
    UID, RFC822.SIZE, INTERNALDATE, FLAGS, and sections whose value is a literal."""
    items: dict[bytes, object] = {}
    texts: list[bytes] = []
    for part in answer:
        text = part[0] if isinstance(part, tuple) else part
        texts.append(text)
        if isinstance(part, tuple) and (name := _opened_section(text)):
            items.setdefault(name, part[1])
    flags, rest = _without_flags(b" ".join(texts))
    if flags is not None:
        items[b"FLAGS"] = flags
    if date := _DATE.search(rest):
        items[b"INTERNALDATE"] = date[1]
    # A label may be called "UID 5".
    for text in (_QUOTED.sub(b"", rest), rest):
        for number in _NUMBER.finditer(text):
            items.setdefault(number[1].upper(), int(number[2]))
    return items


def _opened_section(text: bytes) -> bytes | None:
    """The name of the section whose literal comes next, in upper case."""
    start = max(text.rfind(b"BODY["), text.rfind(b"body["))
    match = _OPENED.match(text, start) if start >= 0 else None
    return match[1].upper() if match else None


def _without_flags(text: bytes) -> tuple[tuple[bytes, ...] | None, bytes]:
    """The flags, and the text without them: a keyword may look like anything."""
    start = _FLAGS.search(text)
    end = _FLAGS_END.search(text, start.end()) if start else None
    if not start or not end:
        return None, text
    flags = tuple(text[start.end() : end.start()].split())
    return flags, text[: start.start()] + text[end.end() :]
