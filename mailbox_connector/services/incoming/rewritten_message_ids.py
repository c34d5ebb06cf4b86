"""What we sent, come back under another Message-ID.

Some providers give what they send a Message-ID of their own. The one that Odoo gave
it stands last in References, where it neither was answered nor is its own: by that the
mail in the Sent folder is known to be the one that was sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...engine.mime.ids import message_id_hash

#: A header that Odoo writes into each mail; an answer to one does not have it.
OURS = "x-odoo-objects"


def restore(env, account, candidates: Iterable) -> dict[str, str]:
    """Give such mails the Message-ID back under which they are known here.

    :param candidates: parsed :class:`services.importer.Candidate`, which are changed
    :return: hash of the Message-ID that a provider gave, by the one we gave
    """
    named = {}
    for candidate in candidates:
        own = candidate.parsed.references[-1:]
        parsed = candidate.parsed
        if not own or own[0] in (parsed.message_id, parsed.in_reply_to):
            continue
        if any(name == OURS for name, _value in parsed.header_fields):
            named[message_id_hash(own[0])] = (own[0], candidate)
    if not named:
        return {}
    sent = env["mailbox.delivery"].search_fetch(
        [("account_id", "=", account.id), ("message_id_hash", "in", list(named))],
        ["message_id_hash"],
    )
    others = {}
    for digest in set(sent.mapped("message_id_hash")):
        own, candidate = named[digest]
        others[digest] = message_id_hash(candidate.parsed.message_id)
        known = env["mailbox.message"].search([("message_id_hash", "=", digest)])
        candidate.parsed = replace(
            candidate.parsed,
            message_id=own,
            references=candidate.parsed.references[:-1],
            # Providers add lines at the foot.
            fingerprint=known.fingerprint
            if len(known) == 1
            else candidate.parsed.fingerprint,
        )
    return others


def keep(env, others: dict[str, str]) -> None:
    """Have answers that name the provider's Message-ID find the conversation."""
    messages = env["mailbox.message"].search([("message_id_hash", "in", list(others))])
    Reference = env["mailbox.reference"]
    for message in messages:
        digest = others[message.message_id_hash]
        if digest not in message.reference_ids.mapped("hash"):
            Reference.create({"message_id": message.id, "hash": digest})
        message.provider_hash = digest
