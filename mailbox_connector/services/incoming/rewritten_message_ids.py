"""Sent e-mails whose Message-ID was replaced by the provider.

Some providers give each e-mail that they send a Message-ID of their own. Odoo puts the
original one last in References, even though the e-mail is not a reply to itself. That
is how a message in the Sent folder is recognized as one that Odoo sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...engine.mime.ids import message_id_hash
from .candidate import Candidate

#: A header field that Odoo writes into each e-mail. Replies do not have it.
ODOO_HEADER = "x-odoo-objects"


def restore_message_ids(
    env, account, candidates: Iterable[Candidate]
) -> dict[str, str]:
    """Give such messages their original Message-ID again.

    :param candidates: parsed; the affected ones get a new ``parsed``
    :return: hash of the provider's Message-ID, by the hash of the original one
    """
    named = {}
    for candidate in candidates:
        own = candidate.parsed.references[-1:]
        parsed = candidate.parsed
        if not own or own[0] in (parsed.message_id, parsed.in_reply_to):
            continue
        if any(name == ODOO_HEADER for name, _value in parsed.header_fields):
            named[message_id_hash(own[0])] = (own[0], candidate)
    if not named:
        return {}
    sent = env["mailbox.delivery"].search_fetch(
        [("account_id", "=", account.id), ("message_id_hash", "in", list(named))],
        ["message_id_hash"],
    )
    provider_hashes = {}
    for digest in set(sent.mapped("message_id_hash")):
        own, candidate = named[digest]
        provider_hashes[digest] = message_id_hash(candidate.parsed.message_id)
        known = env["mailbox.message"].search([("message_id_hash", "=", digest)])
        candidate.parsed = replace(
            candidate.parsed,
            message_id=own,
            references=candidate.parsed.references[:-1],
            # Some providers append lines to the body.
            fingerprint=known.fingerprint
            if len(known) == 1
            else candidate.parsed.fingerprint,
        )
    return provider_hashes


def store_provider_hashes(env, provider_hashes: dict[str, str]) -> None:
    """Store the provider's Message-IDs as well: replies refer to those.

    :param provider_hashes: see :func:`restore_message_ids`
    """
    messages = env["mailbox.message"].search(
        [("message_id_hash", "in", list(provider_hashes))]
    )
    Reference = env["mailbox.reference"]
    for message in messages:
        digest = provider_hashes[message.message_id_hash]
        if digest not in message.reference_ids.mapped("hash"):
            Reference.create({"message_id": message.id, "hash": digest})
        message.provider_hash = digest
