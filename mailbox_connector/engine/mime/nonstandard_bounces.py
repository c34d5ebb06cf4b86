"""Bounces that are not delivery reports but still widely sent: Exim's and qmail's."""

from __future__ import annotations

import re

from ..errors import one_line
from ..types import HeaderFields
from . import content, structure
from .addresses import normalize, parse_addresses
from .automatic import from_machine
from .delivery_status import (
    MAX_DIAGNOSTIC,
    MAX_RECIPIENTS,
    MAX_TEXT,
    DeliveryReport,
    RecipientStatus,
    header_of,
    report_of,
    status_of,
)
from .structure import Part

#: Lines of a reason under an address.
MAX_LINES = 20

_QMAIL_START = "hi. this is the "
_QMAIL_ADDRESS = re.compile(r"<([^<>\s]{3,320})>:\s*$")
_QMAIL_COPY = re.compile(r"^--- (?:below|enclosed)\b.*$", re.I | re.M)
_EXIM_COPY = re.compile(r"^-{4,} ?this is a copy of .*$", re.I | re.M)


def read(message: Part) -> DeliveryReport | None:
    """The bounce, if the message is one of a known form; else None."""
    if not from_machine(message):
        return None
    return _exim(message) or _qmail(message)


def named_failures(message: Part, text: str) -> list[RecipientStatus]:
    """X-Failed-Recipients, each with the lines below it in the text."""
    lines = text.split("\n")
    line_of: dict[str, int] = {}
    for at, line in enumerate(lines):
        if "@" in line:
            line_of.setdefault(normalize(line), at)
    found = []
    for one in parse_addresses(message.get_all("x-failed-recipients")):
        reason: list[str] = []
        start = line_of.get(one.email, len(lines)) + 1
        for line in lines[start : start + MAX_LINES]:
            if not line.startswith("    ") or not line.strip():
                break
            reason.append(line)
        said = one_line(" ".join(reason), MAX_DIAGNOSTIC)
        status = status_of(one.email, "failed", "", said)
        if status:
            found.append(status)
    return found


def _exim(message: Part) -> DeliveryReport | None:
    """Exim before it supported RFC 3464: the addresses are in a header field."""
    if not message.get("x-failed-recipients"):
        return None
    text, _line, copy = _cut(_EXIM_COPY, _text(message))
    found = named_failures(message, text)
    return report_of(_header(copy), found) if found else None


def _qmail(message: Part) -> DeliveryReport | None:
    """QSBMF: "Hi. This is the qmail-send program", one paragraph per address."""
    text, line, copy = _cut(_QMAIL_COPY, _text(message).lstrip())
    if not text[:60].lower().startswith(_QMAIL_START) or not line:
        return None
    found: dict[str, RecipientStatus] = {}
    for paragraph in re.split(r"\n[ \t]*\n", text):
        address, _end, rest = paragraph.strip().partition("\n")
        match = _QMAIL_ADDRESS.match(address)
        said = one_line(rest, MAX_DIAGNOSTIC)
        status = match and status_of(normalize(match[1]), "failed", "", said)
        if status:
            found.setdefault(status.address, status)
        if len(found) >= MAX_RECIPIENTS:
            break
    return report_of(_header(copy), found.values()) if found else None


def _header(copy: str) -> HeaderFields:
    return header_of(copy.encode("utf-8", "replace"))


def _text(message: Part) -> str:
    """The first text part of a bounce."""
    for part, _parents in structure.leaves(message):
        if part.mimetype == "text/plain":
            return content.body_text(part)[:MAX_TEXT].replace("\r\n", "\n")
    return ""


def _cut(pattern: re.Pattern, text: str) -> tuple[str, str, str]:
    """The text before the line that matches, that line, and the text after it."""
    match = pattern.search(text)
    if not match:
        return text, "", ""
    return text[: match.start()], match[0], text[match.end() :]
