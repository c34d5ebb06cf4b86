"""Decoded content of one MIME leaf: its text, its file name."""

from __future__ import annotations

import mimetypes
import re
from urllib.parse import unquote_to_bytes

from . import charsets, media_types
from .structure import Part

MAX_FILENAME = 180

_UNKNOWN = "application/octet-stream"

_FORBIDDEN = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200b\u2028-\u202e\u2066-\u2069\ufeff]+'
)
_DOUBLE_END = re.compile(r"\r+\n")
_NAME_FIELDS = (
    ("filename", "content-disposition"),
    ("name", "content-type"),
    ("filename", "content-type"),
    ("name", "content-disposition"),
)
#: A name whose letters became question marks, or were never decoded.
_LOST = re.compile(r"[?\ufffd]|\A[_\s-]+(?:\.\w{1,10})?\Z")
_ENDING = re.compile(r"(?:\.tar)?\.[^.\s]{1,10}\Z")
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_PASSIVE = ("image/", "audio/", "video/", "application/pdf", "application/zip")
_PASSIVE += ("application/msword", "application/vnd.")


def body_text(part: Part) -> str:
    """The content as text, by its charset or else the most likely one."""
    content = part.octets()
    charset = part.parameter("charset")
    if not charset and part.mimetype == "text/html":
        head = content[:2048].decode("ascii", "replace")
        match = re.search(r"<meta[^>]+charset=[\"']?([\w.:-]+)", head, re.I)
        charset = match[1] if match else ""
    text = charsets.decode(content, charset)
    if "\r\r\n" in text:  # a gateway's doing
        text = _DOUBLE_END.sub("\n", text)
    if part.parameter("format").lower() == "flowed":
        text = _unflow(text, part.parameter("delsp").lower() == "yes")
    return text


def _unflow(text: str, delsp: bool) -> str:
    """Paragraphs of format=flowed put together again (RFC 3676)."""
    out: list[str] = []
    previous = ""
    flowing = False
    for line in text.replace("\r\n", "\n").split("\n"):
        quote = re.match(r">*", line)[0]
        content = line[len(quote) :].removeprefix(" ")
        if flowing and quote == previous and content != "-- ":
            out[-1] = (out[-1][:-1] if delsp else out[-1]) + content
        else:
            out.append(f"{quote} {content}" if quote else content)
        flowing = content.endswith(" ") and content != "-- "
        previous = quote
    return "\n".join(out)


def filename(part: Part, fallback: str = "") -> str:
    """The file name given by the sender, made safe; else ``fallback``.

    The first field that has one counts, unless it lost its letters on the way
    ("????.pdf") and another one has them.
    """
    lost = ""
    for parameter, header in _NAME_FIELDS if _may_have_name(part) else ():
        declared = _declared_name(part.parameter(parameter, header))
        name = safe_filename(declared)
        if name and _LOST.search(declared):
            lost = lost or name
        elif name:
            return name
    return lost or fallback


def _may_have_name(part: Part) -> bool:
    """A quick look, because most parts have none."""
    return any(
        name in ("content-type", "content-disposition") and "name" in value.lower()
        for name, value in part.headers
    )


def _declared_name(name: str) -> str:
    """A name as it was meant."""
    if not name:
        return ""
    name = name.strip('"')
    if name[:1] == "'" and name[-1:] == "'":
        name = name[1:-1]
    if "%" in name and re.search(r"%[0-9A-Fa-f]{2}", name) and "''" in name[:40]:
        # RFC 2231 in a quoted string, as some mail apps write it.
        charset, _quotes, text = name.partition("''")
        raw = text.encode("utf-8", "surrogateescape")
        name = charsets.decode(unquote_to_bytes(raw), charset)
    return name


def safe_filename(name: str) -> str:
    """``name`` without path, control and direction characters; capped."""
    if not name:
        return ""
    parts = re.split(r"[/\\]", name.strip())
    name = next(filter(None, reversed(parts)), "")
    name = " ".join(_FORBIDDEN.sub("_", name).split()).strip(". ")
    if len(name) > MAX_FILENAME:
        match = _ENDING.search(name)
        ending = match[0] if match else ""
        name = name[: MAX_FILENAME - len(ending)] + ending
    return name


def file_type(declared: str, name: str, data: bytes) -> str:
    """The type of a file: as declared, unless that says nothing or is wrong.

    :param declared: the type of its part
    """
    if declared not in media_types.GENERIC and declared != "text/plain":
        return declared
    for start, mimetype in _SIGNATURES:
        if data.startswith(start):
            return mimetype
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    guessed = mimetypes.guess_type(name.lower())[0] if declared != "text/plain" else ""
    # Nothing that a browser might run.
    if guessed and guessed.startswith(_PASSIVE) and "xml" not in guessed:
        return guessed
    return declared


def mimetype_of(name: str, stated: str = "") -> str:
    """The type of a file that was packed with others: as ``stated`` if that is a type
    of files, else by its name."""
    if re.fullmatch(r"[\w!#$&^.+-]{1,60}/[\w!#$&^.+-]{1,100}", stated, re.ASCII):
        if not stated.startswith("multipart/") and stated != _UNKNOWN:
            return stated
    return mimetypes.guess_type(name)[0] or _UNKNOWN


def made_up_name(mimetype: str, number: int) -> str:
    """A name for the attachment of that number that has none."""
    if mimetype == "text/calendar":
        return "invite.ics"
    stem = "image" if mimetype.startswith("image/") else "part"
    return f"{stem}-{number}{extension(mimetype)}"


def extension(mimetype: str) -> str:
    """The usual file extension of a type, such as '.png'; '.bin' if unknown."""
    return {
        "text/plain": ".txt",
        "text/html": ".html",
        "message/rfc822": ".eml",
        "text/calendar": ".ics",
        "application/pkcs7-mime": ".p7m",
        "application/x-pkcs7-mime": ".p7m",
        "image/jpeg": ".jpg",
    }.get(mimetype) or (mimetypes.guess_extension(mimetype) or ".bin")
