"""An address header in pieces: its mailboxes, and what each consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

#: A kind and a text. "quoted" with its quotes, "word" (encoded), "angle" with its
#: brackets, "open" (a bracket that is never closed), "comment" without its
#: parentheses, "atom", "space", and "break" for a character that belongs to nothing.
Token = tuple[str, str]

_TOKENS = r"""
    | (?P<word>=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*(?:\?(?!=)[^?]*){0,3}\?=)
    | (?P<angle><[^<>]*>)
    | (?P<special>[(),;:<>"\\])
    | (?P<atom>[^\s(),;:<>"\\]+)
    | (?P<space>\s+)
"""
_TOKEN = re.compile(r'(?P<quoted>"(?:[^"\\]|\\.)*")' + _TOKENS, re.X | re.S)
_UNQUOTED = re.compile(_TOKENS.strip().removeprefix("|"), re.X | re.S)


@dataclass
class Mailbox:
    """The tokens between two separators.

    ``follows_comma``: the separator before it is a comma, which an unquoted display
    name may contain too.
    """

    follows_comma: bool = False
    tokens: list[Token] = field(default_factory=list)


def mailboxes(value: str, most: int) -> list[Mailbox]:
    """Up to ``most`` mailboxes: split at commas and semicolons, groups flattened."""
    tokens = _lexed(value)
    found = _split(tokens, most, has_comments=True)
    # A comment that is never closed would swallow everything behind it.
    return _split(tokens, most, has_comments=False) if found is None else found


def _lexed(value: str) -> list[Token]:
    tokens, is_closed = _quoted(value)
    if not is_closed and any(kind == "quoted" and "@" in text for kind, text in tokens):
        # One quote too many: what seems to be between two of them may be outside.
        return list(_unquoted(value, 0))
    return tokens


def _quoted(value: str) -> tuple[list[Token], bool]:
    """The tokens, and whether all quotes are closed."""
    found: list[Token] = []
    for match in _TOKEN.finditer(value):
        if match[0] == '"':
            # Never closed: searching for its end at each quote would be quadratic.
            found += _unquoted(value, match.end())
            return found, False
        found.append((match.lastgroup or "", match[0]))
    return found, True


def _unquoted(value: str, start: int) -> Iterator[Token]:
    for match in _UNQUOTED.finditer(value, start):
        yield match.lastgroup or "", match[0]


def _split(
    tokens: list[Token], most: int, *, has_comments: bool
) -> list[Mailbox] | None:
    """The mailboxes; None if a comment is never closed."""
    found = [Mailbox()]
    depth = 0
    comment: list[str] = []
    for kind, text in tokens:
        current = found[-1].tokens
        if depth or (text == "(" and has_comments):
            depth += (text == "(") - (text == ")")
            if depth:
                comment.append(text if text not in "()" else " ")
            else:
                current.append(("comment", " ".join("".join(comment).split())))
                comment = []
        elif text in (",", ";"):
            found.append(Mailbox(text == ","))
        elif text == ":":
            _end_group_name(current)
        elif kind == "special":
            current.append(("open" if text == "<" else "break", text))
        else:
            current.append((kind, text))
        if len(found) > most:
            break
    return None if depth else found


def _end_group_name(tokens: list[Token]) -> None:
    """Forget the name of a group (RFC 5322 section 3.4), or "mailto"."""
    last = tokens[-1][1].strip("[").lower() if tokens else ""
    if last == "mailto":
        tokens.pop()
    elif any("@" in text for kind, text in tokens if kind in ("atom", "angle")):
        tokens.append(("break", ":"))
    elif ("open", "<") not in tokens:
        tokens.clear()
