"""Conversations: which messages answer each other (RFC 5322 section 3.6.4).

Binding is late. History arrives newest first, so a message may come after its
answers; every reference is kept by hash and ties whichever end arrives last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..engine.mime.ids import message_id_hash
from ..engine.types import ParsedMessage
from . import bulk


def bind(env, fresh: Sequence[tuple[int, ParsedMessage]]) -> None:
    """Tie new messages, (id, parsed), to each other and to those that are there."""
    if not fresh:
        return
    references = {
        record_id: {message_id_hash(reference) for reference in parsed.references}
        for record_id, parsed in fresh
    }
    bulk.create(
        env["mailbox.reference"],
        [
            {"message_id": record_id, "hash": digest}
            for record_id, digests in references.items()
            for digest in sorted(digests)
        ],
    )
    _join(env, list(references))


def _join(env, ids: list[int]) -> None:
    """Put new messages into the conversations they belong to, joining several
    conversations that a new message shows to be one."""
    groups = _Groups()
    for record_id in ids:
        groups.find(("message", record_id))
    env.cr.execute(
        """
        WITH fresh AS (
            SELECT id, message_id_hash AS own FROM mailbox_message
             WHERE id = ANY(%(ids)s)
        ), hashes AS (
            SELECT id, own AS hash FROM fresh
            UNION
            SELECT message_id, hash FROM mailbox_reference
             WHERE message_id = ANY(%(ids)s)
        ), ends AS (
            SELECT hashes.id, other.id AS other_id, other.conversation_id
              FROM hashes JOIN mailbox_message other
                ON other.message_id_hash = hashes.hash
            UNION
            SELECT hashes.id, other.id, other.conversation_id
              FROM hashes JOIN mailbox_reference reference USING (hash)
              JOIN mailbox_message other ON other.id = reference.message_id
        )
        SELECT id, other_id, conversation_id FROM ends WHERE id != other_id
        """,
        {"ids": ids},
    )
    for record_id, other_id, conversation_id in env.cr.fetchall():
        groups.join(("message", record_id), ("message", other_id))
        if conversation_id:
            groups.join(("message", other_id), ("conversation", conversation_id))
    messages_by_root = defaultdict(list)
    conversations_by_root = defaultdict(list)
    for kind, number in list(groups.parents):
        by_root = messages_by_root if kind == "message" else conversations_by_root
        by_root[groups.find((kind, number))].append(number)
    alone = [root for root in messages_by_root if root not in conversations_by_root]
    made = bulk.create(env["mailbox.conversation"], [{} for _root in alone])
    target = dict(zip(alone, made, strict=True))
    for root, numbers in conversations_by_root.items():
        target[root], *merged = sorted(numbers)
        if merged:
            env["mailbox.message"].search(
                [("conversation_id", "in", merged)]
            ).conversation_id = target[root]
            env["mailbox.conversation"].browse(merged).unlink()
    by_conversation = [
        (message_id, target[root])
        for root, message_ids in messages_by_root.items()
        for message_id in message_ids
    ]
    env.cr.execute(
        """
        UPDATE mailbox_message message
           SET conversation_id = value.conversation_id
          FROM unnest(%s, %s) AS value (id, conversation_id)
         WHERE message.id = value.id
           AND message.conversation_id IS DISTINCT FROM value.conversation_id
        """,
        [[m for m, _c in by_conversation], [c for _m, c in by_conversation]],
    )
    env["mailbox.message"].invalidate_model(["conversation_id"])


class _Groups:
    """Disjoint sets (union-find)."""

    def __init__(self):
        self.parents = {}

    def find(self, item):
        self.parents.setdefault(item, item)
        while self.parents[item] != item:
            self.parents[item] = self.parents[self.parents[item]]
            item = self.parents[item]
        return item

    def join(self, one, other):
        self.parents[self.find(one)] = self.find(other)
