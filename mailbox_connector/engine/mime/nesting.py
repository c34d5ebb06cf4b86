"""Recognizing html that is nested too deeply for the parsers that follow."""

from __future__ import annotations

import html
import re

#: Elements within each other; libxml2 silently drops everything below 255.
MAX_DEPTH = 200

#: Up to this many tags, the cleaner is fast no matter how deep they are nested.
FEW_TAGS = 3_000
_CHUNK = 4_096
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_EMPTY = frozenset(("br", "col", "hr", "img", "wbr"))
#: Elements without an end tag, and those whose end tag may be omitted.
_UNCLOSED = frozenset(
    """
    area base br col embed hr img input link meta param source track wbr
    p li dt dd td th tr tbody thead tfoot option colgroup
    """.split()
)
#: Elements that imply further levels: a table has tbody, tr and td.
_WEIGHTS = {"table": 4, "ul": 2, "ol": 2, "dl": 2}
_BREAK = re.compile(r"<(?:br|hr|/?(?:p|div|tr|li|h[1-6]|blockquote))\b[^<>]*>", re.I)
_UNSEEN = frozenset(("style", "script", "title", "template", "xml"))
# Not the letters that look like white space.
_LETTER = re.compile(r"[^\W_\u115f\u1160\u3164\uffa0]")
_ENTITY = re.compile(r"&#?\w{1,9};?")
_TAG_AND_TEXT = re.compile(r"<([a-zA-Z]*)[^<>]*>([^<]*)")
_ANY_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>")


def may_take_ages(source: str) -> bool:
    """Whether raw html is nested so deeply that a parser would be slow.

    An upper estimate, without parsing: an end tag counts only if its element is open.
    """
    if source.count("<") <= FEW_TAGS:
        return False
    depth = 0
    opened: dict[str, int] = {}
    for match in _TAG.finditer(source):
        name = match[2].lower()
        if name in _UNCLOSED:
            continue
        count = opened.get(name, 0)
        if not match[1]:
            opened[name] = count + 1
            depth += _WEIGHTS.get(name, 1)
            if depth > MAX_DEPTH:
                return True
        elif count:
            opened[name] = count - 1
            depth -= _WEIGHTS.get(name, 1)
    return False


def too_deep(cleaned: str) -> bool:
    """Whether cleaned (hence well-formed) html is nested too deeply."""
    if cleaned.count("</") <= MAX_DEPTH:
        return False
    depth = 0
    for start in range(0, len(cleaned), _CHUNK):
        end = start + _CHUNK
        ends = cleaned.count("</", start, end + 1)
        empty = cleaned.count("<br", start, end + 2)
        empty += cleaned.count("<img", start, end + 3)
        begins = cleaned.count("<", start, end) - ends - empty
        if depth + begins > MAX_DEPTH:
            return _exact_depth(cleaned) > MAX_DEPTH
        depth = max(0, depth + begins - ends)
    return False


def _exact_depth(cleaned: str) -> int:
    deepest = depth = 0
    for match in _TAG.finditer(cleaned):
        if match[1]:
            depth -= 1
        elif match[2] not in _EMPTY:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def to_text(source: str) -> str:
    """The text of html, line by line, without parsing it."""
    for name in ("style", "script", "title"):
        source = _without(source, name)
    text = _ANY_TAG.sub("", _BREAK.sub("\n", source))
    lines: list[str] = []
    for line in map(str.strip, html.unescape(text).split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()


def has_letters(source: str, count: int) -> bool:
    """Whether html has at least so many letters and digits between its tags."""
    found = 0
    for match in _TAG_AND_TEXT.finditer(_without_comments(source)):
        if match[1].lower() not in _UNSEEN:
            found += len(_LETTER.findall(_ENTITY.sub("", match[2])))
            if found >= count:
                return True
    return False


def _without_comments(source: str) -> str:
    if "<!--" not in source:
        return source
    kept: list[str] = []
    position = 0
    while (start := source.find("<!--", position)) >= 0:
        kept.append(source[position:start])
        position = source.find("-->", start + 2) + 3
        if position < 3:
            return "".join(kept)
    return "".join((*kept, source[position:]))


def _without(source: str, name: str) -> str:
    """``source`` without elements of that name and their content, in linear time."""
    start = re.compile(rf"<{name}\b", re.I)
    end = re.compile(rf"</{name}\s*>", re.I)
    kept: list[str] = []
    position = 0
    while opened := start.search(source, position):
        closed = end.search(source, opened.end())
        if not closed:
            break
        kept.append(source[position : opened.start()])
        position = closed.end()
    return "".join((*kept, source[position:]))
