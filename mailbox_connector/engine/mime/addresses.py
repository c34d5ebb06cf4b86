"""Address headers, valid and invalid ones (RFC 5322 section 3.4, RFC 6532)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ..types import Address
from .charsets import from_raw
from .words import text as header_text

#: Addresses of one header that are read; more are mass mail anyway.
MAX_ADDRESSES = 1_000
#: Characters of one header that are read.
MAX_LENGTH = 100_000
#: Longer values are not a single plain address.
_SHORT = 500

# The two usual forms, which nearly all addresses have.
_SIMPLE = re.compile(
    r'\s*(?:"?([^"<>@,;:\\()=]*)"?\s*<([^<>\s@",;()\\]+@[\w.-]+)>'
    r'|([^<>\s@",;:()\\=]+@[\w.-]+))\s*\Z',
    re.ASCII,
)
_ADDR_SPEC = re.compile(
    r"""("(?:[^"\\\r\n]|\\.)+"|[^\s<>()",;:\\@]+)@([^\s<>()"',;:\\@]+)"""
)
_LOOSE = re.compile(
    r"[^\s<>()\[\]\"',;:@]{1,128}@[^\s<>()\[\]\"',;:@]{1,250}\.[^\s<>()\"',;:@]{1,63}"
)
_AT = re.compile(r"\s{0,9}@\s{0,9}")
_TOKENS = r"""
    | (?P<word>=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*(?:\?(?!=)[^?]*){0,3}\?=)
    | (?P<angle><[^<>]*>)
    | (?P<special>[(),;:<>"\\])
    | (?P<atom>[^\s(),;:<>"\\]+)
    | (?P<space>\s+)
"""
_TOKEN = re.compile(r'(?P<quoted>"(?:[^"\\]|\\.)*")' + _TOKENS, re.X | re.S)
_UNQUOTED = re.compile(_TOKENS.strip().removeprefix("|"), re.X | re.S)


def parse_addresses(values: str | bytes | Iterable[str | bytes] | None):
    """Addresses of one header, in order, without duplicates.

    Takes raw values (as in the message, still encoded), several if the header is there
    several times. Never raises: anything that is not an address is omitted.

    :rtype: list[Address]
    """
    if values is None:
        return []
    if isinstance(values, str | bytes):
        values = [values]
    found: dict[str, Address] = {}
    for value in values:
        if isinstance(value, bytes):
            value = value.decode("ascii", "surrogateescape")
        for address in _parse_value(value[:MAX_LENGTH]):
            kept = found.setdefault(address.email, address)
            if address.name and not kept.name:
                found[address.email] = address
            if len(found) >= MAX_ADDRESSES:
                return list(found.values())
    return list(found.values())


def normalize(email: str | None) -> str:
    """The address for comparing, as Odoo's ``email_normalize`` gives it.

    '' when the text is not exactly one address. Lower case; only a local part
    that is not ASCII keeps its case, as Odoo keeps it.
    """
    if not email:
        return ""
    text = email.strip(" \t\r\n,;")
    if len(text) > 1_000:
        return ""
    if "<" in text or " " in text:
        found = _parse_value(text)
        return found[0].email if len(found) == 1 else ""
    return _spec(text)


def spellings(email: str) -> list[str]:
    """All normalized forms in which a contact may have this address.

    An international domain is ``xn--…`` in messages and often in Unicode in an address
    book (RFC 5890).
    """
    email = normalize(email)
    if not email:
        return []
    local, _at, domain = email.rpartition("@")
    forms = [email]
    try:
        if not domain.isascii():
            forms.append(f"{local}@{domain.encode('idna').decode('ascii')}")
        elif "xn--" in domain:
            forms.append(f"{local}@{domain.encode('ascii').decode('idna').lower()}")
    except UnicodeError:
        pass
    return list(dict.fromkeys(forms))


def _clean(spec: str) -> str:
    """A checked addr-spec, lower-cased; '' if it is invalid."""
    match = _ADDR_SPEC.fullmatch(spec if spec.isascii() else from_raw(spec))
    if not match:
        return ""
    local, domain = match[1], match[2].lower().strip(".")
    if not domain or len(local) > 128 or len(domain) > 255 or ".." in domain:
        return ""
    if not local.isprintable() or not domain.isprintable():
        return ""
    return f"{local.lower() if local.isascii() else local}@{domain}"


def _parse_value(value: str) -> tuple[Address, ...]:
    return _parse_short(value) if len(value) <= _SHORT else _parse_any(value)


# Cached: the same addresses occur in many messages.
@lru_cache(maxsize=2_000)
def _parse_short(value: str) -> tuple[Address, ...]:
    simple = _SIMPLE.match(value) if value.isascii() else None
    if not simple:
        return _parse_any(value)
    email = _clean(simple[2] or simple[3])
    name = " ".join((simple[1] or "").split())
    return (Address(name, email),) if email else ()


def _parse_any(value: str) -> tuple[Address, ...]:
    read = (_read(part) for part in _split(value))
    return tuple(address for address in read if address is not None)


def _tokens(value: str) -> Iterator[tuple[str, str]]:
    rest = len(value)
    for match in _TOKEN.finditer(value):
        if match[0] == '"':
            # Never closed: searching for its end at each quote would be quadratic.
            rest = match.end()
            break
        yield match.lastgroup or "", match[0]
    for match in _UNQUOTED.finditer(value, rest):
        yield match.lastgroup or "", match[0]


def _split(value: str) -> list[list[tuple[str, str]]]:
    """Tokens of each mailbox: split at commas and semicolons, groups flattened."""
    parts: list[list[tuple[str, str]]] = [[]]
    depth = 0
    comment: list[str] = []
    for kind, text in _tokens(value):
        if text == "(":
            depth += 1
            comment = comment if depth > 1 else []
        elif text == ")" and depth:
            depth -= 1
            if not depth:
                parts[-1].append(("comment", " ".join(comment)))
        elif depth:
            comment.append(text)
        elif text in (",", ";"):
            parts.append([])
        elif text == ":" and not any("@" in one for _kind, one in parts[-1]):
            parts[-1] = []  # the name of a group (RFC 5322 section 3.4)
        elif kind != "special":
            parts[-1].append((kind, text))
        if len(parts) > 4 * MAX_ADDRESSES:
            break
    return parts


def _read(tokens: list[tuple[str, str]]) -> Address | None:
    """One mailbox from its tokens: name-addr, addr-spec, or something similar."""
    angles = [text[1:-1] for kind, text in tokens if kind == "angle"]
    name_tokens = [token for token in tokens if token[0] not in ("angle", "comment")]
    comments = [text for kind, text in tokens if kind == "comment"]
    for spec in reversed(angles):
        email = _spec(spec)
        if email:
            return Address(_name(name_tokens) or _decoded(" ".join(comments)), email)
    email = _spec("".join(text for _kind, text in name_tokens))
    if email:
        return Address(_decoded(" ".join(comments)), email)
    # "Jane Doe jane@example.com", or all of it in an encoded word
    text = _name(name_tokens) or _decoded(" ".join(angles))
    loose = _LOOSE.findall(text[:1_000])
    if len(set(loose)) != 1:
        return None
    email = _clean(loose[0])
    name = text.replace(loose[0], "").strip(" <>\"'()[]")
    return Address(" ".join(name.split()), email) if email else None


def _spec(text: str) -> str:
    """An addr-spec, also behind an obsolete route or with ``mailto:``."""
    text = _AT.sub("@", text[:1_000]).strip()
    while len(text) > 2 and text[0] == text[-1] == "'":
        text = text[1:-1].strip()
    if text.lower().startswith("mailto:"):
        text = text[7:]
    if text.startswith("@") and ":" in text:
        text = text.rpartition(":")[2]
    return _clean(text)


def _name(tokens: list[tuple[str, str]]) -> str:
    parts = []
    for kind, text in tokens:
        if kind == "quoted":
            text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S)
        parts.append(text)
    return _decoded("".join(parts)).strip("'\" ")


def _decoded(text: str) -> str:
    return " ".join(header_text(text).split())
