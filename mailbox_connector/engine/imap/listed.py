"""LIST and STATUS answers, each read on its own.

A name may come as an atom, a quoted string or a literal (RFC 9051 section 9). What real
servers send besides:

- a backslash that is not escaped in a quoted string, in the name or as the delimiter
  (hMailServer, which escapes it in LIST and not in STATUS);
- a quote that is not escaped;
- a name with white space that is not quoted at all (Exchange): the whole rest of the
  line is the name, never its first word.

The answers are lists of texts and literals, see :func:`.responses.answers`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..types import Folder, FolderStatus, Role
from .responses import MAX_MODSEQ, MAX_UID, folder_title, wire_name, within

_FLAGS = re.compile(rb" *\(([^)]*)\) +")
_DELIMITER = re.compile(rb'(NIL|"(?:\\\\|\\"|[^"]?)"|[^ "(){]) +', re.I)
_LITERAL = re.compile(rb"[~]?\{\d+\+?\}\Z")
_ESCAPED = re.compile(r"\\(.)")
#: What LIST may say after a name (RFC 5258 section 6, RFC 9051 section 7.3.1).
_EXTENDED = rb'(?: +\("?(?:CHILDINFO|OLDNAME)\b.*\))? *\Z'
_QUOTED = re.compile(rb'"((?:[^"\\]|\\["\\])*)"' + _EXTENDED, re.S | re.I)
#: The same with whatever inside.
_NEARLY_QUOTED = re.compile(rb'"(.*)" *\Z', re.S)
_ATOM = re.compile(rb'([^ "()]+)' + _EXTENDED, re.S | re.I)
_NUMBERS = re.compile(rb"\((?=\)|MESSAGES|UID|HIGHESTMODSEQ|RECENT|UNSEEN|SIZE)", re.I)
_NUMBER = re.compile(rb"([A-Z]+) (\d{1,20})(?=[ )])", re.I)
#: Octets of an answer that is shown to a person.
_SHOWN = 200


@dataclass(frozen=True)
class ListedName:
    """A folder's name as it was sent.

    ``raw``: as it is used; ``literally``: with every backslash kept, as a server means
    it that escapes none.
    """

    raw: str
    literally: str

    @property
    def both(self) -> tuple[str, ...]:
        """Both readings, the likely one first."""
        return tuple(dict.fromkeys((self.raw, self.literally)))


def read_folder(answer: list) -> Folder | None:
    """A LIST answer; None if it has no name that can be used in a command."""
    text, literal = _parts(answer)
    flags = _FLAGS.match(text)
    delimiter = _DELIMITER.match(text, flags.end()) if flags else None
    if not flags or not delimiter:
        return None
    name = _read_name(text[delimiter.end() :], literal)
    if name is None:
        return None
    # A server that does not escape the delimiter escapes no backslash in a name either.
    raw_name = name.literally if delimiter[1] == b'"\\"' else name.raw
    try:
        wire_name(raw_name)
    except (ValueError, UnicodeEncodeError):
        return None
    names = tuple(flag.decode("latin-1") for flag in flags[1].split())
    lowered = {flag.lower() for flag in names}
    return Folder(
        raw_name=raw_name,
        name=folder_title(raw_name),
        delimiter=_delimiter(delimiter[1]),
        flags=names,
        role=Role.OTHER,
        selectable=lowered.isdisjoint(("\\noselect", "\\nonexistent")),
    )


def read_status(answer: list) -> tuple[tuple[str, ...], FolderStatus] | None:
    """A STATUS answer: the names that it may mean, and the state; None without the
    numbers that are needed."""
    text, literal = _parts(answer)
    opened = [match.start() for match in _NUMBERS.finditer(text)]
    if not opened:
        return None
    name = _read_name(text[: opened[-1]].rstrip(b" "), literal)
    numbers = _NUMBER.finditer(text, opened[-1])
    items = {number[1].upper(): int(number[2]) for number in numbers}
    messages = within(items.get(b"MESSAGES"), MAX_UID)
    if name is None or messages is None:
        return None
    return name.both, FolderStatus(
        messages=messages,
        uidnext=within(items.get(b"UIDNEXT"), MAX_UID + 1) or None,
        uidvalidity=within(items.get(b"UIDVALIDITY"), MAX_UID) or 0,
        highestmodseq=within(items.get(b"HIGHESTMODSEQ"), MAX_MODSEQ) or None,
    )


def shown(answer: list) -> str:
    """The end of an answer that could not be read, for a person; '' if it names no
    folder."""
    text, literal = _parts(answer)
    named = literal if literal is not None else text
    for prefix in (_FLAGS, _DELIMITER):
        start = prefix.match(named) if literal is None else None
        named = named[start.end() :] if start else named
    return folder_title(named[-_SHOWN:].strip(b' "').decode("latin-1"))


def _parts(answer: list) -> tuple[bytes, bytes | None]:
    """The text of an answer, without its literal; and that, if there is one."""
    texts = [part[0] if isinstance(part, tuple) else part for part in answer]
    literals = [part[1] for part in answer if isinstance(part, tuple)]
    if not literals:
        return texts[0], None
    before = _LITERAL.sub(b"", texts[0])
    return before + b" ".join(texts[1:]), literals[0]


def _read_name(text: bytes, literal: bytes | None) -> ListedName | None:
    if literal is not None:
        return _same(literal)
    if quoted := _QUOTED.match(text):
        literally = quoted[1].decode("latin-1")
        return ListedName(_ESCAPED.sub(r"\1", literally), literally)
    if nearly := _NEARLY_QUOTED.match(text):
        return _same(nearly[1])
    if atom := _ATOM.match(text):
        return _same(atom[1])
    # Unquoted, with white space or other characters that no atom has.
    return _same(text.rstrip(b" ")) if text.strip() else None


def _same(octets: bytes) -> ListedName:
    name = octets.decode("latin-1")
    return ListedName(name, name)


def _delimiter(token: bytes) -> str | None:
    if token.upper() == b"NIL":
        return None
    return token.decode("latin-1").strip('"')[-1:] or None
