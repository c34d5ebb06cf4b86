"""How a parsed e-mail is stored: its key, and the values of its ``mailbox.message``.

Used for e-mails that a sync imports and for those that Odoo sent, so that the sync
recognizes the latter.
"""

from __future__ import annotations

from ...engine.mime.ids import message_id_hash
from ...engine.types import ParsedMessage
from .content_cards import invitation_values


def message_key(parsed: ParsedMessage) -> tuple[str, str]:
    """What identifies an e-mail: (hash of its Message-ID, fingerprint of its content).

    A message without a Message-ID is identified by its content and date alone.
    """
    name = parsed.message_id or f"{parsed.fingerprint} {parsed.date}"
    return message_id_hash(name), parsed.fingerprint


def message_values(
    parsed: ParsedMessage,
    *,
    audience_id: int,
    conversation_id: int,
    direction: str,
    backfill_id: int = 0,
    is_sent_by_odoo: bool = False,
) -> dict:
    """The values of a ``mailbox.message``, always with the same keys.

    :param direction: "in" or "out"
    :param backfill_id: the backfill that imports it; 0: none
    :param is_sent_by_odoo: it is written here as it is sent: a message of a person,
        with its own Message-ID in References
    """
    digest, fingerprint = message_key(parsed)
    return {
        "rfc_message_id": parsed.message_id,
        "message_id_hash": digest,
        "fingerprint": fingerprint,
        "parent_hash": parent_hash(parsed, own_id_in_references=is_sent_by_odoo),
        "audience_id": audience_id,
        "backfill_id": backfill_id,
        "conversation_id": conversation_id,
        "direction": direction,
        "automatic": (not is_sent_by_odoo and parsed.automatic) or False,
        "date": parsed.date,
        "subject": parsed.subject,
        "email_from": header_text(parsed, "from"),
        "email_reply_to": header_text(parsed, "reply_to"),
        "email_to": header_text(parsed, "to"),
        "email_cc": header_text(parsed, "cc"),
        "attachment_count": sum(one.is_shown for one in parsed.attachments),
        "encryption": parsed.encryption and parsed.encryption.value,
        "invitation": invitation_values(parsed.invitation),
    }


def parent_hash(
    parsed: ParsedMessage, *, own_id_in_references: bool = False
) -> str | bool:
    """Hash of the Message-ID that a message replies to, or False.

    In-Reply-To, else the last one in References (RFC 5322 section 3.6.4).

    :param own_id_in_references: the last one in References is the message's own, as
        Odoo writes it, and says nothing about a parent
    """
    parent = parsed.in_reply_to
    if not parent and parsed.references and not own_id_in_references:
        parent = parsed.references[-1]
    return message_id_hash(parent) if parent else False


def header_text(parsed: ParsedMessage, header: str) -> str:
    """The addresses of a header as people write them."""
    return ", ".join(map(str, parsed.addresses.get(header, ())))
