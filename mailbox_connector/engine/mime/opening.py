"""Opens what mail apps pack into a single part, so that it is read as if it had been
sent plainly.

Signed S/MIME (:mod:`.smime`), winmail.dat (:mod:`.tnef`), files within a text
(:mod:`.uuencode`). What can't be opened stays the file that it is, and what was opened
is kept as well, unlisted. Ordinary parts cost a look at their type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import MessageError
from ..types import Encryption
from . import (
    content,
    nesting,
    outlook_messages,
    smime,
    structure,
    tnef,
    transfer,
    uuencode,
)
from .structure import MAX_PARTS, Part

#: Packed parts within each other.
MAX_LAYERS = 8
#: Packed parts that are opened; further ones stay files.
MAX_OPENED = 50

#: A leaf, with the multiparts that it is in.
Leaf = tuple[Part, tuple[Part, ...]]

_TEXTS = ("text/plain", "text/html")
_ANY = frozenset(
    f"application/{name}"
    for name in ("octet-stream", "x-unknown", "unknown", "binary", "x-ms-tnef", "tnef")
)
_SIGNATURES = {
    "application/pkcs7-signature": ("", "smime.p7s"),
    "application/x-pkcs7-signature": ("", "smime.p7s"),
    "application/pgp-signature": ("", "signature.asc", "signature.pgp"),
}
_RIGHTS_MANAGED = frozenset({"application/x-microsoft-rpmsg-message"})
_ENTITY = re.compile(
    rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){0,50}?(?:content-|mime-version:)", re.I
)
_MAIL_NAMES = ("", "smime.p7m", "smime.p7z")
# Not in a quote, and not in a sentence about it.
_PGP_BEGIN = re.compile(rb"(?:\A|[>\n])-----BEGIN PGP MESSAGE-----[ \t]*(?:\r?\n|<)")
_PGP_END = b"-----END PGP MESSAGE"


@dataclass
class Opened:
    """The leaves of a message, with what was packed in them.

    ``encryption``: how it is encrypted, or a part of it. ``streams``: the winmail.dat
    that were opened.
    """

    leaves: list[Leaf] = field(default_factory=list)
    encryption: Encryption | None = None
    streams: list[tnef.Stream] = field(default_factory=list)


def open_parts(message: Part) -> Opened:
    """All leaves of a message; those of packed parts take the place of these.

    :raise MessageError: too many or too deep, in the message itself
    """
    return _Opener(message).result


class _Opener:
    """Walks through the parts of a message, and into those that it can open."""

    def __init__(self, message: Part):
        self.result = Opened()
        #: Bodies of winmail.dat, by their place among the leaves.
        self._bodies: list[tuple[int, tnef.Stream, tuple[Part, ...], Part]] = []
        #: Originals of what was opened.
        self._kept: list[Part] = []
        self._opened = 0
        self._walk(message)
        self._add_bodies()

    def _walk(self, message: Part) -> None:
        """Without recursion: iterators of what is being walked through."""
        stack = [(iter(structure.leaves(message)), ())]
        leaves = self.result.leaves
        while stack:
            iterator, outer = stack[-1]
            found = next(iterator, None)
            if found is None:
                stack.pop()
                continue
            part, parents = found[0], (*outer, *found[1])
            if part.mimetype == "text/x-amp-html" and _is_alternative(part, parents):
                continue
            self._note_signature(part, parents)
            inner = None
            may_open = len(stack) <= MAX_LAYERS and self._opened < MAX_OPENED
            if part.listed and may_open and not self._is_kept(part):
                inner = self._open(part, parents)
            if inner is None or len(leaves) + len(inner) > MAX_PARTS:
                leaves.append((part, parents))
            else:
                self._opened += 1
                stack.append((iter(inner), parents))

    def _open(self, part: Part, parents: tuple[Part, ...]) -> list[Leaf] | None:
        """What takes the place of a part; None: the part itself."""
        mimetype = part.mimetype
        if mimetype in _TEXTS:
            return self._open_text(part, mimetype)
        name = content.filename(part).lower() if mimetype in _ANY else ""
        if mimetype in smime.TYPES or name == "smime.p7m":
            return self._open_smime(part)
        if mimetype in tnef.TYPES or name in ("winmail.dat", "win.dat"):
            return self._open_tnef(part, parents)
        if _is_pgp(part, parents):
            self.result.encryption = Encryption.PGP
            part.listed = mimetype != "application/pgp-encrypted"
        elif mimetype in _RIGHTS_MANAGED or name == "message.rpmsg":
            self.result.encryption = Encryption.RIGHTS_MANAGED
        return None

    # Text

    def _open_text(self, part: Part, mimetype: str) -> list[Leaf] | None:
        text = part.octets() if part.encoding == transfer.BASE64 else part.body
        if _has_pgp_block(text):
            self.result.encryption = Encryption.PGP
        if mimetype != "text/plain" or not uuencode.may_have_files(text):
            return None
        if part.disposition == "attachment" or content.filename(part):
            return None
        decoded = part.decoded()
        text, files = uuencode.split(b"\n".join(filter(None, decoded.in_order())))
        if not files:
            return None
        headers = [
            (name, value)
            for name, value in part.headers
            if name != "content-transfer-encoding"
        ]
        rest = Part(headers, "text/plain")
        rest.body = text
        return [(rest, ()), *((_file(name, data), ()) for name, data in files)]

    # S/MIME

    def _open_smime(self, part: Part) -> list[Leaf] | None:
        kind, inner = smime.read(part.octets())
        if kind in smime.SECRET:
            self.result.encryption = Encryption.SMIME
        elif kind is None and "enveloped" in part.parameter("smime-type").lower():
            self.result.encryption = Encryption.SMIME
        # Signed files of other kinds, such as invoices, have the same type.
        is_entity = bool(_ENTITY.match(inner))
        name = content.filename(part).lower()
        if not is_entity and not (name in _MAIL_NAMES and _is_text(inner)):
            return None
        try:
            leaves = list(structure.leaves(structure.parse(inner)))
        except MessageError:
            return None  # a file
        # Text alone may have been meant as a file.
        return [*leaves, (self._keep(part, listed=not is_entity), ())]

    # winmail.dat

    def _open_tnef(self, part: Part, parents: tuple[Part, ...]) -> list[Leaf] | None:
        try:
            stream = tnef.Stream(part.octets())
        except tnef.Broken:
            return None
        leaves: list[Leaf] = []
        for file in stream.files:
            leaves += _leaves_of(file)
        self.result.streams.append(stream)
        kept = self._keep(part, listed=not stream.is_whole)
        self._bodies.append((len(self.result.leaves), stream, parents, kept))
        return [*leaves, (kept, ())]

    def _add_bodies(self) -> None:
        """The bodies of winmail.dat, if the message has no other text."""
        if not self._bodies or any(_has_words(*leaf) for leaf in self.result.leaves):
            return
        for place, stream, parents, kept in reversed(self._bodies):
            mimetype, text = stream.body()
            if text:
                body = Part([("content-type", f"{mimetype}; charset=utf-8")], mimetype)
                body.body = text.encode("utf-8")
                self.result.leaves.insert(place, (body, parents))
            elif not stream.files:
                kept.listed = True  # there is nothing else to show

    def _keep(self, part: Part, listed: bool = False) -> Part:
        """The original of a part that was opened."""
        kept = Part(part.headers, part.mimetype)
        kept.body = part.body
        kept.listed = listed
        self._kept.append(kept)
        return kept

    def _is_kept(self, part: Part) -> bool:
        return any(part is one for one in self._kept)

    def _note_signature(self, part: Part, parents: tuple[Part, ...]) -> None:
        """A detached signature is kept, but nobody wants to see its file."""
        names = _SIGNATURES.get(part.mimetype)
        if names is None:
            return
        signed = bool(parents) and parents[-1].mimetype == "multipart/signed"
        if signed or content.filename(part).lower() in names:
            part.listed = False


def _leaves_of(file: tnef.File) -> Iterable[Leaf]:
    """What a file of a winmail.dat is: a part, or several."""
    if file.is_message:
        return [(_message_file(file), ())]
    if file.mimetype.startswith("multipart/"):  # a signed message, whole
        try:
            return list(structure.leaves(structure.parse(file.content)))
        except MessageError:
            file.mimetype = ""
    return [(_file(file.name, file.content, file.mimetype, file.content_id), ())]


def _message_file(file: tnef.File) -> Part:
    """A message within a winmail.dat as a file: in a form that mail apps open, if it
    says anything (a contact or a list of contacts does not)."""
    try:
        stream = tnef.Stream(file.content)
    except tnef.Broken:
        stream = None
    if stream and (stream.files or stream.body()[1]):
        name = file.name.removesuffix(".eml") or "message"
        return _file(f"{name}.eml", outlook_messages.to_eml(stream), "message/rfc822")
    return _file(f"{file.name or 'message'}.dat", file.content)


def _file(name: str, octets: bytes, mimetype: str = "", content_id: str = "") -> Part:
    """A part for a file that was packed with others."""
    name = content.safe_filename(name)
    mimetype = content.mimetype_of(name, mimetype)
    name = name or f"attachment{content.extension(mimetype)}"
    headers = [
        ("content-type", mimetype),
        ("content-disposition", f'attachment; filename="{name}"'),
    ]
    if content_id:
        headers.append(("content-id", content_id))
    part = Part(headers, "application/octet-stream")
    part.body = octets
    return part


def _is_text(octets: bytes) -> bool:
    try:
        return bool(octets.strip()) and b"\0" not in octets and bool(octets.decode())
    except UnicodeDecodeError:
        return False


def _has_pgp_block(text: bytes) -> bool:
    if b"-----BEGIN PGP MESSAGE" not in text:
        return False
    begin = _PGP_BEGIN.search(text)
    return bool(begin) and text.find(_PGP_END, begin.end()) >= 0


def _is_alternative(part: Part, parents: tuple[Part, ...]) -> bool:
    """Whether there are other forms of the same text."""
    if not parents or parents[-1].mimetype != "multipart/alternative":
        return False
    return any(one.mimetype != part.mimetype for one in parents[-1].parts)


def _is_pgp(part: Part, parents: tuple[Part, ...]) -> bool:
    """Whether a file is of an encrypted message: RFC 3156 section 4, also if a server
    has changed what it is in, and the form before it."""
    if part.mimetype == "application/pgp":
        return _has_pgp_block(part.octets())
    if part.mimetype == "application/pgp-encrypted":
        return True
    return bool(parents) and parents[-1].mimetype == "multipart/encrypted"


def _has_words(part: Part, parents: tuple[Part, ...]) -> bool:
    """Whether a leaf is text that a reader sees."""
    if part.mimetype not in _TEXTS or part.disposition == "attachment":
        return False
    if parents and content.filename(part):
        return False
    text = content.body_text(part)
    if part.mimetype == "text/html":
        text = nesting.to_text(text)
    return bool(text.strip())
