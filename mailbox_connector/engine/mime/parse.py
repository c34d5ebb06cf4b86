"""A whole message: from raw octets to what Odoo stores."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timedelta, timezone

from ..errors import ImportFailure, MessageError
from ..types import Attachment, HeaderFields, ParsedMessage
from . import content, html, ids, structure, words
from .addresses import parse_addresses, parse_senders
from .automatic import kind_of
from .dates import parse_date
from .headers import MAX_HEADER
from .mass_mail import MARKS
from .structure import Part

#: Characters of a body; a longer one becomes an attachment instead.
MAX_BODY = 2_000_000
#: Pictures inside html (``data:`` URLs) that become attachments.
MAX_DATA_IMAGES = 100

_EPOCH = datetime(1990, 1, 1)
_DATA_IMAGE = re.compile(
    r"""(<img\b[^<>]{0,2000}?\bsrc\s*=\s*)(["'])data:(image/(?:png|gif|jpe?g|webp|bmp))"""
    r""";base64,([A-Za-z0-9+/=\s%]+)\2""",
    re.I,
)
_ADDRESS_HEADERS = ("reply-to", "to", "cc")


def parse_message(raw: bytes, internal_date: datetime | None = None) -> ParsedMessage:
    """Decode and clean one message.

    :param internal_date: when the server received it; used if Date is missing or
        impossible
    :raises MessageError: the only exception
    """
    try:
        return _parse(raw, internal_date)
    except MessageError:
        raise
    except (RecursionError, MemoryError) as exc:
        raise MessageError(ImportFailure.UNREADABLE) from exc


def _parse(raw: bytes, internal_date: datetime | None) -> ParsedMessage:
    message = structure.parse(raw)
    headers = _headers(message)
    charset = _header_charset(message)
    addresses = {"from": parse_senders(headers.get("from", ()), charset)}
    for name in _ADDRESS_HEADERS:
        key = name.replace("-", "_")
        addresses[key] = parse_addresses(headers.get(name), charset)
    body = _Body()
    for part, parents in structure.leaves(message):
        body.take(part, parents)
    shown, source = body.finish()
    sender = addresses["from"][0].email if addresses["from"] else ""
    subject = words.text(_first(headers, "subject"), charset)
    message_ids = map(ids.first_message_id, headers.get("message-id", ()))
    references = _first(headers, "references")
    in_reply_to = _first(headers, "in-reply-to")
    return ParsedMessage(
        message_id=next(filter(None, message_ids), ""),
        references=ids.parse_references(references, in_reply_to),
        in_reply_to=next(iter(ids.replied_ids(in_reply_to)), ""),
        subject=subject,
        date=_date(_first(headers, "date"), internal_date),
        addresses=addresses,
        html=shown,
        attachments=body.attachments,
        fingerprint=ids.fingerprint(
            sender, subject, source, (one.content for one in body.attachments)
        ),
        automatic=_automatic(headers),
        marked_mass_mail=any(name in headers for name in MARKS),
        header_fields=_bounded(message.headers),
    )


def _bounded(fields: HeaderFields) -> HeaderFields:
    """The first fields, up to ``MAX_HEADER`` characters: they are kept for a whole
    batch of messages."""
    room = MAX_HEADER
    for number, (name, value) in enumerate(fields):
        room -= len(name) + len(value)
        if room < 0:
            return fields[:number]
    return fields


def _headers(message: Part) -> dict[str, list[str]]:
    """Raw values by lower-case name."""
    found: dict[str, list[str]] = {}
    for name, value in message.headers:
        found.setdefault(name, []).append(value)
    return found


def _first(headers: dict[str, list[str]], name: str) -> str:
    values = headers.get(name)
    return values[0] if values else ""


def _header_charset(message: Part) -> str:
    """The charset of raw octets in the header: that of the message's first text; ''
    if it has none. Looked for only if there are such octets."""
    if all(value.isascii() for _name, value in message.headers):
        return ""
    parts = (part for part, _parents in structure.leaves(message))
    named = (part.parameter("charset") for part in (message, *parts))
    return next(filter(None, named), "")


def _automatic(headers: dict[str, list[str]]) -> str:
    kind = kind_of({name: values[0][:10_000] for name, values in headers.items()})
    return kind.value if kind else ""


def _date(value: str, internal_date: datetime | None) -> datetime | None:
    """Naive UTC: the Date field if it is plausible, else when it was received."""
    received = None
    if internal_date is not None:
        received = internal_date
        if received.tzinfo is not None:
            received = received.astimezone(timezone.utc).replace(tzinfo=None)
    latest = (received or datetime.now(timezone.utc).replace(tzinfo=None)) + timedelta(
        days=1
    )
    sent = parse_date(value) if value else None
    if sent is None:
        return received
    return sent if _EPOCH <= sent <= latest else received


class _Body:
    """Sorts the parts of a message into body and attachments."""

    def __init__(self):
        self.attachments: list[Attachment] = []
        self._texts: list[tuple[Part, tuple[Part, ...], str, str]] = []

    def take(self, part: Part, parents: tuple[Part, ...]) -> None:
        """Add a leaf."""
        mimetype = part.mimetype
        if mimetype.startswith("multipart/"):
            mimetype = "text/plain"  # its boundary was not found: show it as it is
        if mimetype in ("text/plain", "text/html") and not _is_file(part, parents):
            text = content.body_text(part)
            if len(text) <= MAX_BODY:
                self._texts.append((part, parents, mimetype, text))
                return
        self._attach(part, mimetype)

    def finish(self) -> tuple[str, str]:
        """The body: safe html, and its source for the fingerprint."""
        shown, source = [], []
        for mimetype, text in self._chosen():
            source.append(text)
            if mimetype == "text/html":
                shown.append(html.clean(self._extract_data_images(text)))
            else:
                shown.append(html.from_text(text))
        body = "".join(shown)
        used = html.content_ids(body)
        for attachment in self.attachments:
            attachment.inline = attachment.content_id in used
        self._name_all()
        return body, "\n".join(source)

    def _chosen(self) -> list[tuple[str, str]]:
        """The richest text of each multipart/alternative, and all other texts."""
        best: dict[int, str] = {}
        for _part, parents, mimetype, text in self._texts:
            group = _alternative(parents)
            if group and (text.strip() or group not in best):
                if best.get(group) != "text/html":
                    best[group] = mimetype
        return [
            (mimetype, text)
            for _part, parents, mimetype, text in self._texts
            if text.strip() and best.get(_alternative(parents), mimetype) == mimetype
        ]

    def _attach(self, part: Part, mimetype: str) -> None:
        data = part.octets()
        name = content.filename(part)
        if mimetype.startswith("message/") and not name:
            name = _message_name(data, mimetype)
        if not data and not name:
            return
        content_id = html.content_id(words.text(part.get("content-id")))
        self.attachments.append(Attachment(name, mimetype, data, content_id))

    def _extract_data_images(self, source: str) -> str:
        """Turn pictures of ``data:`` URLs into attachments that the html refers to."""
        if "data:image/" not in source:
            return source
        made: dict[str, str] = {}

        def replace(match: re.Match) -> str:
            key = match[4]
            if key not in made:
                picture = _decode_data_url(key)
                if not picture or len(made) >= MAX_DATA_IMAGES:
                    return match[1] + '""'
                made[key] = f"data-{len(made) + 1}@inline.invalid"
                self.attachments.append(
                    Attachment("", match[3].lower(), picture, made[key])
                )
            return f'{match[1]}"cid:{made[key]}"'

        return _DATA_IMAGE.sub(replace, source)

    def _name_all(self) -> None:
        for number, attachment in enumerate(self.attachments, 1):
            if not attachment.filename:
                stem = "image" if attachment.mimetype.startswith("image/") else "part"
                ending = content.extension(attachment.mimetype)
                attachment.filename = f"{stem}-{number}{ending}"


def _alternative(parents: tuple[Part, ...]) -> int:
    """Which multipart/alternative a part is in; 0: in none."""
    for parent in reversed(parents):
        if parent.mimetype == "multipart/alternative":
            return id(parent)
    return 0


def _is_file(part: Part, parents: tuple[Part, ...]) -> bool:
    """Whether a text part was sent as a file, not as part of the body."""
    kind = part.disposition
    if not kind:
        return bool(parents) and bool(part.parameter("name"))
    if kind == "attachment":
        return bool(parents) or bool(content.filename(part))
    return bool(parents) and bool(content.filename(part))


def _message_name(data: bytes, mimetype: str) -> str:
    """A file name for an attached message, from its subject."""
    if mimetype not in ("message/rfc822", "message/global"):
        return ""
    head = re.split(rb"\r?\n\r?\n", data[:100_000], maxsplit=1)[0]
    match = re.search(rb"^subject:[ \t]*((?:.|\r?\n[ \t])*)", head, re.I | re.M)
    subject = words.text(match[1].decode("ascii", "surrogateescape")) if match else ""
    name = content.safe_filename(re.sub(r"[/\\]", "_", subject)[:100])
    return f"{name or 'message'}.eml"


def _decode_data_url(text: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"\s|%0[AaDd]", "", text), validate=True)
    except (binascii.Error, ValueError):
        return b""
