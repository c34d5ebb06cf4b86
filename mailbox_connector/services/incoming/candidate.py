"""One message on its way through an import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from odoo import fields

from ...engine.types import HeaderRecord, ParsedMessage
from .matcher import Match


@dataclass
class Candidate:
    """A fetched message: what is known of it before, and what the import adds.

    :ivar header: what the first phase of the sync fetched; ``uid`` is 0 for a message
        that is no longer in its folder
    :ivar matches: the contacts it belongs to; empty if it was fetched for another
        reason
    :ivar raw: the whole message, as the server gave it
    :ivar replies_to_document: it answers a document in Odoo, so it is never left out as
        a newsletter
    :ivar parsed: set when the message has been parsed
    :ivar is_failed: it could not be parsed and is kept as a failed import
    :ivar record_id: id of its ``mailbox.message``; 0 until that exists
    :ivar audience_id: id of that message's ``mailbox.audience``
    :ivar is_new: that message was created by this import, for this candidate
    :ivar is_outgoing: the mailbox itself sent the message
    """

    header: HeaderRecord
    matches: list[Match]
    raw: bytes
    replies_to_document: bool = False
    parsed: ParsedMessage | None = None
    is_failed: bool = False
    record_id: int = 0
    audience_id: int = 0
    is_new: bool = False
    is_outgoing: bool = False

    @property
    def automatic(self) -> str:
        """A value of :class:`engine.mime.automatic.Automatic`, or ""."""
        return self.parsed.automatic if self.parsed else ""

    @property
    def received_at(self) -> datetime:
        """When the server received it, naive UTC; now, if the server does not say."""
        received = self.header.internal_date
        return received.replace(tzinfo=None) if received else fields.Datetime.now()
