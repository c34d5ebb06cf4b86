"""A whole message: from raw octets to what Odoo stores."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ..errors import ImportFailure, MessageError
from ..types import Attachment, HeaderFields, ParsedMessage
from . import (
    charsets,
    content,
    html,
    ids,
    invitations,
    opening,
    outlook_invitations,
    structure,
    words,
)
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
    opened = opening.open_parts(message)
    invitations.unlist_copies(opened.leaves)
    body = _Body()
    for part, parents in opened.leaves:
        body.take(part, parents)
    shown, source = body.finish()
    invitation, description = invitations.first(opened.leaves)
    if opened.streams and not invitation:
        invitation = outlook_invitations.first(opened.streams)
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
        html=shown or html.from_text(description),
        attachments=body.attachments,
        fingerprint=ids.fingerprint(
            sender, subject, source, (one.content for one in body.attachments)
        ),
        automatic=_automatic(headers),
        marked_mass_mail=any(name in headers for name in MARKS),
        header_fields=_bounded(message.headers),
        encryption=opened.encryption,
        invitation=invitation,
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


@dataclass(eq=False)
class _Text:
    """A text of the body.

    ``file``: what a named one is, unless it is the body. ``part``: None for a text
    around the encoded content of a part.
    """

    part: Part | None
    parents: tuple[Part, ...]
    mimetype: str
    content: str = ""
    file: Attachment | None = None

    @property
    def alternative(self) -> int:
        """Which multipart/alternative it is in; 0: in none."""
        return _alternative(self.parents)


class _Body:
    """Sorts the parts of a message into body and attachments."""

    def __init__(self):
        self.attachments: list[Attachment] = []
        self._texts: list[_Text] = []

    def take(self, part: Part, parents: tuple[Part, ...]) -> None:
        """Add a leaf."""
        self._take_stray(part.decoded().before)
        self._take(part, parents)
        self._take_stray(part.decoded().after)

    def _take(self, part: Part, parents: tuple[Part, ...]) -> None:
        mimetype = part.mimetype
        if mimetype.startswith("multipart/"):
            mimetype = "text/plain"  # its boundary was not found: show it as it is
        text = None
        if mimetype in ("text/plain", "text/html"):
            text = _Text(part, parents, mimetype)
        if text and not _is_file(part, parents):
            text.content = content.body_text(part)
            if len(text.content) <= MAX_BODY:
                self._texts.append(text)
                return
            text = None
        attachment = self._attach(part, mimetype)
        if text and attachment and _may_be_body(text, attachment):
            text.file = attachment
            self._texts.append(text)

    def _take_stray(self, octets: bytes) -> None:
        """A text around the encoded content of a part, as mailing lists add it."""
        if len(octets) > MAX_BODY:
            self.attachments.append(Attachment("", "text/plain", octets))
        elif octets:
            text = charsets.decode(octets)
            self._texts.append(_Text(None, (), "text/plain", text))

    def _choose_named(self) -> None:
        """Named texts are the body if there is no other text, and files otherwise.

        Several that are no alternatives of each other stay files as well.
        """
        named = [text for text in self._texts if text.file]
        if not named:
            return
        others = [
            text
            for text in self._texts
            if text.part and not text.file
            if not _is_blank(text.mimetype, text.content)
        ]
        groups = {text.alternative for text in others}
        single = sum(1 for text in named if not text.alternative) == 1
        for text in named:
            taken = text.alternative in groups if text.alternative else bool(others)
            if not taken:
                text.content = content.body_text(text.part)
            blank = _is_blank(text.mimetype, text.content)
            if taken or blank or len(text.content) > MAX_BODY:
                self._texts.remove(text)
            elif text.alternative or single:
                self._drop(text.file)

    def _drop(self, file: Attachment | None) -> None:
        self.attachments[:] = [one for one in self.attachments if one is not file]

    def finish(self) -> tuple[str, str]:
        """The body: safe html, and its source for the fingerprint."""
        self._choose_named()
        shown, source = [], []
        for mimetype, text in self._chosen():
            source.append(text)
            if mimetype == "text/html":
                shown.append(html.clean(self._extract_data_images(text)))
            else:
                shown.append(html.from_text(text))
        body = "".join(shown)
        used = html.content_ids(body)
        if used:
            for attachment in self.attachments:
                attachment.inline = html.content_key(attachment.content_id) in used
        self._name_all()
        return body, "\n".join(source)

    def _chosen(self) -> list[tuple[str, str]]:
        """The richest text of each multipart/alternative, and all other texts.

        Html with nothing to see does not hide a text.
        """
        texts = [text for text in self._texts if text.content.strip()]
        plain = {text.alternative for text in texts if text.mimetype == "text/plain"}
        rich: set[int] = set()
        for text in texts:
            group = text.alternative
            if group and group not in rich and text.mimetype == "text/html":
                if group not in plain or not html.is_blank(text.content):
                    rich.add(group)
        return [
            (text.mimetype, text.content)
            for text in texts
            if not text.alternative
            or (text.mimetype == "text/html") == (text.alternative in rich)
        ]

    def _attach(self, part: Part, mimetype: str) -> Attachment | None:
        data = part.octets()
        name = content.filename(part)
        if mimetype.startswith("message/") and not name:
            name = _message_name(data, mimetype)
        if not data and not name:
            return None
        mimetype = content.file_type(mimetype, name, data)
        content_id = html.content_id(words.text(part.get("content-id")))
        attachment = Attachment(name, mimetype, data, content_id, listed=part.listed)
        self.attachments.append(attachment)
        return attachment

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
                attachment.filename = content.made_up_name(attachment.mimetype, number)


def _alternative(parents: tuple[Part, ...]) -> int:
    """Which multipart/alternative a part is in; 0: in none."""
    for parent in reversed(parents):
        if parent.mimetype == "multipart/alternative":
            return id(parent)
    return 0


def _is_blank(mimetype: str, text: str) -> bool:
    return html.is_blank(text) if mimetype == "text/html" else not text.strip()


def _may_be_body(text: _Text, file: Attachment) -> bool:
    """Whether a named text is the body, if there is no other."""
    if not text.alternative and text.part.disposition == "attachment":
        return False
    # By its name, too: no table, calendar or program.
    guessed = mimetypes.guess_type(file.filename.lower())[0] or "text/plain"
    texts = ("text/plain", "text/html")
    return guessed in texts and file.mimetype in texts and b"\0" not in file.content


def _is_file(part: Part, parents: tuple[Part, ...]) -> bool:
    """Whether a text part was sent as a file, not as part of the body."""
    kind = part.disposition
    if not kind:
        return bool(parents) and bool(content.filename(part))
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
