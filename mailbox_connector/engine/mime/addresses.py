"""Address headers, valid and invalid ones (RFC 5322 section 3.4, RFC 6532)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ..types import Address
from . import addr_spec
from .address_tokens import Mailbox, Token, mailboxes
from .charsets import codec_name, from_raw
from .words import text as header_text

#: Addresses of one header that are read; more are mass mail anyway.
MAX_ADDRESSES = 1_000
#: Characters of one header that are read.
MAX_LENGTH = 100_000
#: Longer values are not a single plain address.
_SHORT = 500

# The two usual forms, which nearly all addresses have.
_SIMPLE = re.compile(
    r'\s*(?:"?([^"<>@,;:\\()=]*)"?\s*<([^<>\s@",;:()\\\[\]]+@[\w.-]+)>'
    r'|([^<>\s@",;:()\\=\[\]]+@[\w.-]+))\s*\Z',
    re.ASCII,
)
_BRACKETS_ONLY = re.compile(r"(?:\s*<[^<>]*>){2,}\s*")
#: Words before an unquoted comma that may belong to a display name: "Doe, Ann <a@b>".
_NAME_WORDS = 4
_NAME_KINDS = ("quoted", "word", "atom", "space")
_WORD_KINDS = ("quoted", "word", "atom")
_NO_TEXT = ("space", "comment", "break")
_FULL_WIDTH = re.compile("[\uff0c\uff1b\u3001]")


def parse_addresses(
    values: str | bytes | Iterable[str | bytes] | None, charset: str = ""
) -> list[Address]:
    """Addresses of one header, in order, without duplicates.

    Takes raw values (as in the message, still encoded), several if the header is there
    several times. Never raises: anything that is not an address is omitted. Each
    address is in the header as it is, or in one of its encoded words.

    :param charset: of raw octets in names that are not UTF-8
    """
    found: dict[str, Address] = {}
    for value in _texts(values):
        for address in _parse_value(value, charset):
            kept = found.setdefault(address.email, address)
            if address.name and not kept.name:
                found[address.email] = address
            if len(found) >= MAX_ADDRESSES:
                return list(found.values())
    return list(found.values())


def parse_senders(values: Iterable[str], charset: str = "") -> list[Address]:
    """Addresses of From; if there is none, a sender without an address whose name it
    gives ("Mail Delivery Subsystem <MAILER-DAEMON>")."""
    values = list(values)
    found = parse_addresses(values, charset)
    if found:
        return found
    for value in _texts(values):
        for mailbox in mailboxes(_readable(value, charset)[0], 1):
            angles = [text[1:-1] for kind, text in mailbox.tokens if kind == "angle"]
            name = _name(mailbox.tokens, charset) or _decoded(" ".join(angles), charset)
            if name and not parse_addresses(name[:_SHORT]):
                return [Address(name[:_SHORT], "")]
    return []


def _texts(values: str | bytes | Iterable[str | bytes] | None) -> Iterable[str]:
    if values is None:
        return
    for value in [values] if isinstance(values, str | bytes) else values:
        if isinstance(value, bytes):
            value = value.decode("ascii", "surrogateescape")
        yield value[:MAX_LENGTH]


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
        if _BRACKETS_ONLY.fullmatch(text):
            found = found[-1:]
        return found[0].email if len(found) == 1 else ""
    return addr_spec.read(text)


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


def _parse_value(value: str, charset: str = "") -> tuple[Address, ...]:
    if len(value) > _SHORT:
        return _parse_any(value, charset)
    return _parse_short(value, "" if value.isascii() else charset)


# Cached: the same addresses occur in many messages.
@lru_cache(maxsize=2_000)
def _parse_short(value: str, charset: str) -> tuple[Address, ...]:
    if value.isascii() and "\x1b" not in value and (simple := _SIMPLE.match(value)):
        return tuple(_simple(simple))
    return _parse_any(value, charset)


def _simple(match: re.Match) -> list[Address]:
    email = addr_spec.clean(match[2] or match[3])
    name = _without_quotes(" ".join((match[1] or "").split()))
    return [Address(name, email)] if email else []


def _simple_list(value: str) -> tuple[Address, ...] | None:
    """Addresses of the usual forms, divided by commas; None if there are others."""
    if not value.isascii() or any(one in value for one in '"(;:\\=\x1b'):
        return None
    matches = []
    for one in value.split(",", 4 * MAX_ADDRESSES):
        match = _SIMPLE.match(one) if len(one) < _SHORT else None
        if not match:
            return None
        matches.append(match)
    return tuple(address for match in matches for address in _simple(match))


def _parse_any(
    value: str, charset: str = "", *, is_inner: bool = False
) -> tuple[Address, ...]:
    """:param is_inner: the text of encoded words or quotes, in which no more are looked
    for"""
    simple = _simple_list(value)
    if simple is not None:
        return simple
    found: list[Address] = []
    before = ""
    text, is_guessed = _readable(value, charset)
    for mailbox in mailboxes(text, 4 * MAX_ADDRESSES):
        read = _Reader(charset, is_inner).read(mailbox.tokens)
        if read and before and mailbox.follows_comma and _is_named(mailbox):
            name = f"{before}, {read[0].name}" if read[0].name else before
            read[0] = Address(name, read[0].email)
        before = "" if read else _name_before_comma(mailbox, charset)
        # An address is ASCII or UTF-8 (RFC 6532), only a name may be in a charset.
        found += (one for one in read if not is_guessed or one.email.isascii())
    return tuple(found)


def _readable(value: str, charset: str) -> tuple[str, bool]:
    """Raw octets decoded if they are valid: characters of two octets contain what looks
    like quotes and brackets. And whether ``charset`` was needed for that."""
    if "\x1b" in value:
        return from_raw(value), False
    if value.isascii():
        return value, False
    for codec in ("utf-8", codec_name(charset)):
        try:
            octets = value.encode("ascii", "surrogateescape")
            return octets.decode(codec or "ascii"), codec != "utf-8"
        except (UnicodeError, LookupError):
            continue
    return value, False


def _is_named(mailbox: Mailbox) -> bool:
    """Whether it has the form "Name <address>"."""
    return any(kind in ("angle", "open") for kind, _text in mailbox.tokens)


def _name_before_comma(mailbox: Mailbox, charset: str) -> str:
    """The text of a mailbox that is only the first words of a display name."""
    if any(kind not in _NAME_KINDS or "@" in text for kind, text in mailbox.tokens):
        return ""
    name = _name(mailbox.tokens, charset)
    return name if len(name.split()) <= _NAME_WORDS else ""


class _Reader:
    """Reads the addresses of one mailbox: mostly one, several if commas are missing."""

    def __init__(self, charset: str, is_inner: bool):
        self.charset = charset
        self.is_inner = is_inner
        self.found: list[Address] = []
        #: Read, but in no brackets: a name or addresses.
        self.pending: list[Token] = []

    def read(self, tokens: list[Token]) -> list[Address]:
        is_wrong = False
        position = 0
        while position < len(tokens):
            kind, text = tokens[position]
            position += 1
            if kind == "angle":
                inner = (
                    _decoded(text[1:-1], self.charset) if "=?" in text else text[1:-1]
                )
                self._take(addr_spec.read_in_brackets(inner))
                is_wrong = is_wrong or "@" in inner
            elif kind == "open" and position < len(tokens):
                # The first word behind a bracket that is never closed.
                if self._take([addr_spec.read(tokens[position][1])]):
                    position += 1
            elif kind != "open":
                self.pending.append((kind, text))
        if self.found:
            self._finish()
        elif not is_wrong:
            self.found = self._bare() or self._inner()
        return self.found

    def _take(self, emails: list[str]) -> bool:
        """Take addresses in brackets, and what is before them as the name of the
        first."""
        for email in filter(None, emails):
            self.found.append(Address(_name(self.pending, self.charset), email))
            self.pending = []
        return any(emails)

    def _finish(self) -> None:
        """Read what is behind the last address in brackets: a comment that is its name,
        or addresses, but not those in a sentence."""
        last = self.found[-1]
        if not last.name:
            self.found[-1] = Address(_comments(self.pending, self.charset), last.email)
        words = [text for kind, text in self.pending if kind in _WORD_KINDS]
        emails = [addr_spec.read_in_text(word) for word in words]
        if all(emails):
            self.found += [Address("", email) for email in emails]

    def _bare(self) -> list[Address]:
        """Addresses without brackets: one that is all there is, or words of a text."""
        whole = _adjacent(self.pending, self.charset)
        email = addr_spec.read(whole)
        if email and (" " not in whole or "." in email.rpartition("@")[2]):
            return [Address(_comments(self.pending, self.charset), email)]
        found: list[Address] = []
        name: list[Token] = []
        for token, emails in _words(self.pending):
            if not emails:
                name.append(token)
                continue
            for email in emails:
                found.append(Address(_text_name(name, self.charset), email))
                name = []
        if len(found) == 1 and not found[0].name:
            text = _text_name(name, self.charset) or _comments(name, self.charset)
            found[0] = Address(text, found[0].email)
        return found

    def _inner(self) -> list[Address]:
        """Addresses in encoded words or quotes, if there are none outside."""
        if self.is_inner:
            return []
        for position, text in _hidden(self.pending, self.charset):
            found = list(_parse_any(text, self.charset, is_inner=True))
            if found:
                name = found[0].name or _name(self.pending[:position], self.charset)
                return [Address(name, found[0].email), *found[1:]]
        return []


def _adjacent(tokens: list[Token], charset: str) -> str:
    """The text of tokens that may be one address: between its parts are only comments,
    and white space beside the "@" (RFC 5322 section 4.4); '' if there is more."""
    out = ""
    gap: set[str] = set()
    for kind, text in tokens:
        if kind in _NO_TEXT:
            gap.add(kind)
            continue
        text = _decoded(text, charset) if kind == "word" else text
        if out:
            marks = ("@", ".") if gap == {"comment"} else ("@",)
            if "break" in gap or not (out.endswith(marks) or text.startswith(marks)):
                return ""
            out += " " if "space" in gap else ""
        out += text
        gap = set()
    return out


def _words(tokens: list[Token]) -> Iterator[tuple[Token, list[str]]]:
    """Tokens of a text, and the addresses that each of them is."""
    previous: Token = ("", "")
    for token in tokens:
        kind, text = token
        emails: list[str] = []
        if kind == "atom" and previous != ("break", "\\"):
            if previous[0] == "quoted" and text.startswith("@"):
                text = previous[1] + text
            emails = [addr_spec.read_in_text(one) for one in _FULL_WIDTH.split(text)]
        yield token, [one for one in emails if one]
        previous = token


def _hidden(tokens: list[Token], charset: str) -> Iterator[tuple[int, str]]:
    """Texts in quotes, and of encoded words, that may contain an address, and where."""
    run: list[str] = []
    for position, (kind, text) in enumerate([*tokens, ("break", "")]):
        if kind in ("word", "space"):
            run.append(text)
            continue
        joined, run = _decoded("".join(run), charset), []
        if "@" in joined:
            yield position, joined
        if kind == "quoted" and "@" in (inner := _decoded(_unescaped(text), charset)):
            yield position, inner


def _comments(tokens: list[Token], charset: str) -> str:
    return _decoded(" ".join(t for kind, t in tokens if kind == "comment"), charset)


def _text_name(tokens: list[Token], charset: str) -> str:
    return _name(tokens, charset).strip(" <>()[]")


def _name(tokens: list[Token], charset: str) -> str:
    """A display name: words, encoded or in quotes."""
    parts = []
    for kind, text in tokens:
        if kind == "quoted":
            text = _unescaped(text)
        elif kind not in _NAME_KINDS:
            text = " "
        parts.append(text)
    return _without_quotes(_decoded("".join(parts), charset))


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.S)


def _without_quotes(name: str) -> str:
    """A name without the quotes around it, not without those around its last word."""
    while len(name) > 1 and name[0] == name[-1] in "'\"" and name[0] not in name[1:-1]:
        name = name[1:-1].strip()
    return "" if name in ("'", '"') else name


def _decoded(text: str, charset: str) -> str:
    return " ".join(header_text(text, charset).split())
