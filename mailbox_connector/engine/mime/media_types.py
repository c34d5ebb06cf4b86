"""Which type of content a Content-Type field means (RFC 2045 section 5), also if it is
only nearly right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from . import parameters

#: Types of files of which nothing is known.
GENERIC = frozenset(
    """
    application/octet-stream application/x-octet-stream application/octetstream
    application/binary binary/octet-stream application/unknown application/x-unknown
    application/download application/x-download application/force-download
    """.split()
)

#: Fields of one name in a part that are looked at.
MAX_FIELDS = 5

_TYPE = re.compile(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)\s*(;|\Z)", re.ASCII)
_MAIN = ("text", "image", "audio", "video", "application", "message")
_MAIN += ("multipart", "model", "font", "chemical")
_TOKEN = re.compile(r"[a-z0-9!#$&^_.+*-]+")
_PARAMETER = re.compile(r"[\w*-]{1,60}\s*=", re.ASCII)
#: Subtypes if the field names none.
_SUBTYPES = {"text": "plain", "multipart": "mixed", "message": "rfc822"}
#: Subtypes that are found without the main type.
_ALONE = {
    "html": "text/html",
    "htm": "text/html",
    "plain": "text/plain",
    "txt": "text/plain",
    "calendar": "text/calendar",
    "csv": "text/csv",
    "rfc822": "message/rfc822",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "octet-stream": "application/octet-stream",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
}
#: Subtypes that mean another one.
_MEANT = {
    "text/htm": "text/html",
    "text/txt": "text/plain",
    "text/ascii": "text/plain",
    "text/us-ascii": "text/plain",
    "text/utf-8": "text/plain",
}
_MULTIPARTS = ("mixed", "alternative", "related", "report", "signed", "digest")


def pick(values: Sequence[str]) -> str:
    """Of several Content-Type fields, the one that counts: one that has a boundary,
    else the first that names a type."""
    if len(values) < 2:
        return values[0] if values else ""
    values = values[:MAX_FIELDS]
    for value in values:
        if repair(value).startswith("multipart/") and "boundary" in value.lower():
            return value
    named = [value for value in values if _regular(value)]
    return (named or [value for value in values if value.strip()] or [""])[0]


def media_type(value: str, default: str) -> str:
    """The type, lower-case; ``default`` for an empty value.

    What names no type counts as text (RFC 2045 section 5.2), an unknown main type as a
    file (RFC 2046 section 4).
    """
    kind = _regular(value)
    if kind:
        return kind
    return repair(value) if value.strip() else default


def is_regular(value: str) -> bool:
    """Whether a value names a known multipart, or a type of another kind."""
    main, _slash, subtype = _regular(value).partition("/")
    return subtype in _MULTIPARTS if main == "multipart" else main not in ("", "text")


def _regular(value: str) -> str:
    match = _TYPE.match(value)
    if not match:
        return ""
    kind = match[1].lower()
    main, _slash, subtype = kind.partition("/")
    if subtype == main:
        return ""
    if main in _MAIN:
        return _MEANT.get(kind, kind)
    if kind.startswith("x-"):
        return kind
    # "plain/text"
    return "" if subtype in _MAIN else "application/octet-stream"


def repair(value: str) -> str:
    """The type that a value most likely means."""
    kind = _regular(value)
    if kind:
        return kind
    lower = parameters.without_comments(value[: parameters.MAX_VALUE]).lower()
    head = lower.partition(";")[0].replace('"', " ").replace("'", " ")
    head = head.strip().removeprefix("content-type:")
    head = _PARAMETER.split(head, maxsplit=1)[0]
    kind = _of_tokens(_TOKEN.findall(head))
    if kind == "text/plain" and "plain" not in head and "boundary" in lower:
        return "multipart/mixed"
    return kind


def _of_tokens(tokens: list[str]) -> str:
    """Of the words of a value, without slashes."""
    if tokens and tokens[0].partition("-")[0] in _MAIN:  # "text-html"
        tokens[:1] = tokens[0].split("-", 1)
    main = next((one for one in tokens if one in _MAIN), "")
    if not main:
        found = next((one for one in tokens if one in (*_ALONE, *_MULTIPARTS)), "")
        if found in _MULTIPARTS:
            return f"multipart/{found}"
        return _ALONE.get(found, "text/plain")
    at = tokens.index(main)
    rest = [one for one in tokens[at + 1 :] if one != main]
    if not rest and at:  # the wrong way round
        rest = tokens[at - 1 : at]
    subtype = rest[0].strip("*") if rest else ""
    if not subtype:
        subtype = _SUBTYPES.get(main, "")
    return f"{main}/{subtype}" if subtype else "application/octet-stream"
