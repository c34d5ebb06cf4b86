"""FETCH answers as servers usually give them, read without a parser.

imapclient's lexer reads an answer byte by byte in Python, which takes longer than
everything else that is done with a header. The answers to our own commands nearly
always have one shape; all others are parsed by imapclient.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_ATOM = rb"[\\$A-Za-z][\w$.-]*"
_START = re.compile(rb"\d{1,10} \(")
_ITEM = re.compile(
    rb"(?:(UID|RFC822\.SIZE) (0|[1-9]\d{0,9})"
    rb'|(INTERNALDATE) "([^"\\\x00-\x1f]*)"'
    rb"|(FLAGS) \(((?:" + _ATOM + rb"(?: " + _ATOM + rb")*)?)\)"
    rb"|(BODY\[[A-Za-z0-9. ()-]*\]) \{(\d{1,10})\}(?=\Z))"
    rb"(?: |\Z)"
)
_MONTHS = dict(
    zip(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun")
        + (b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"),
        range(1, 13),
        strict=True,
    )
)
_DATE = re.compile(
    rb" ?(\d{1,2})-(...)-([1-9]\d{3}) (\d\d):(\d\d):(\d\d)"
    rb" ([+-])([01]\d|2[0-3])([0-5]\d)"
)


def read_plain(answer: list) -> dict[bytes, object] | None:
    """Item names to values, as imapclient's parser gives them; None: let it parse.

    :param answer: see :func:`.responses.answers`
    """
    if len(answer) != 2 or answer[1] != b")" or not isinstance(answer[0], tuple):
        return None
    text, literal = answer[0]
    start = _START.match(text)
    if not start:
        return None
    items: dict[bytes, object] = {}
    position = start.end()
    while position < len(text):
        match = _ITEM.match(text, position)
        if not match:
            return None
        position = match.end()
        if match[1]:
            items[match[1]] = int(match[2])
        elif match[3]:
            items[match[3]] = match[4]
        elif match[5]:
            atoms = tuple(match[6].split())
            if b"NIL" in atoms:
                return None
            items[match[5]] = atoms
        elif int(match[8]) == len(literal):
            items[match[7].upper()] = literal
        else:
            return None
    return items


def read_date(value: bytes) -> datetime | None:
    """A date-time (RFC 9051 section 9) in UTC; None: let imapclient parse it."""
    match = _DATE.fullmatch(value)
    month = _MONTHS.get(match[2]) if match else None
    if not match or not month:
        return None
    day, year, hour, minute, second, hours, minutes = map(
        int, match.group(1, 3, 4, 5, 6, 8, 9)
    )
    offset = timedelta(hours=hours, minutes=minutes)
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
        return local + offset if match[7] == b"-" else local - offset
    except (ValueError, OverflowError):
        return None
