"""Conversations: which messages belong together (RFC 5322 section 3.6.4).

Messages are in one conversation if one names the other's Message-ID in In-Reply-To or
References, or if both name the same third message, even if that one is not stored.

An import reads the newest messages first, so a message often arrives after the replies
to it. Each reference is therefore stored by hash (``mailbox.reference``), so that the
later of two messages finds the earlier one. A message that belongs to two conversations
joins them.

How a batch is assigned: the new messages and the hashes that they name are grouped into
sets that belong together (union-find). One query finds the stored messages that have or
name these hashes, and their conversations are added to the sets. Each set then gets its
existing conversation, or a new one. A batch costs 3 statements, and a few more for each
join of conversations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from ...engine.mime.ids import message_id_hash
from ...engine.types import ParsedMessage
from ..framework import bulk_insert


def reference_hashes(parsed: ParsedMessage) -> set[str]:
    """Hashes of the Message-IDs that a message refers to."""
    return {message_id_hash(reference) for reference in parsed.references}


def assign_conversations(
    env, messages: Sequence[tuple[str, Collection[str]]], defaults: bulk_insert.Defaults
) -> list[int]:
    """The conversation of each new message, in that order; created if needed.

    :param messages: of each message the hash of its Message-ID, and the hashes that it
        refers to
    :param defaults: see :func:`bulk_insert.create`
    """
    if not messages:
        return []
    groups = _Groups()
    for number, (own, references) in enumerate(messages):
        for digest in (own, *references):
            groups.join(("new", number), ("hash", digest))
    hashes = [value for kind, value in groups.parents if kind == "hash"]
    for digest, message_id, conversation_id in _stored_messages(env, hashes):
        if conversation_id:
            groups.join(("hash", digest), ("conversation", conversation_id))
        else:
            groups.join(("hash", digest), ("message", message_id))
    conversation_of = _conversations_of(env, groups.members(), defaults)
    return [
        conversation_of[groups.find(("new", number))] for number in range(len(messages))
    ]


def _stored_messages(env, hashes: list[str]) -> list[tuple[str, int, int | None]]:
    """The stored messages that have or name these Message-IDs: hash, message id,
    conversation id."""
    env["mailbox.message"].flush_model(["conversation_id"])
    # LATERAL: the indexes are used even while the tables have no statistics yet.
    env.cr.execute(
        """
        SELECT wanted.hash, found.id, found.conversation_id
          FROM unnest(%s) AS wanted (hash) CROSS JOIN LATERAL (
               SELECT id, conversation_id FROM mailbox_message
                WHERE message_id_hash = wanted.hash
               UNION ALL
               SELECT message.id, message.conversation_id
                 FROM mailbox_reference reference
                 JOIN mailbox_message message ON message.id = reference.message_id
                WHERE reference.hash = wanted.hash
               OFFSET 0) found
        """,
        [hashes],
    )
    return env.cr.fetchall()


def _conversations_of(env, members: dict, defaults: bulk_insert.Defaults) -> dict:
    """One conversation for each set of messages, by the root of the set.

    :param members: see :meth:`_Groups.members`
    """
    without = [root for root, kinds in members.items() if "conversation" not in kinds]
    created = bulk_insert.create(
        env["mailbox.conversation"], [{} for _root in without], defaults=defaults
    )
    found = dict(zip(without, created, strict=True))
    for root, kinds in members.items():
        if "conversation" in kinds:
            found[root] = _join_conversations(env, kinds["conversation"])
        if "message" in kinds:
            without_conversation = env["mailbox.message"].browse(kinds["message"])
            without_conversation.conversation_id = found[root]
    return found


def _join_conversations(env, conversation_ids: Collection[int]) -> int:
    """Move all messages into the oldest of these conversations; returns its id."""
    kept, *others = sorted(conversation_ids)
    if others:
        env["mailbox.message"].search(
            [("conversation_id", "in", others)]
        ).conversation_id = kept
        env["mailbox.conversation"].browse(others).unlink()
    return kept


def store_references(
    env, messages: Sequence[tuple[int, Collection[str]]], defaults: bulk_insert.Defaults
) -> None:
    """Store what new messages refer to, for messages that arrive later.

    :param messages: id and hashes of each
    """
    bulk_insert.create(
        env["mailbox.reference"],
        [
            {"message_id": record_id, "hash": digest}
            for record_id, digests in messages
            for digest in sorted(digests)
        ],
        defaults=defaults,
    )


class _Groups:
    """Disjoint sets (union-find) of (kind, value) pairs."""

    def __init__(self):
        self.parents = {}

    def find(self, item):
        """The root of an item's set, the same for all its members."""
        self.parents.setdefault(item, item)
        while self.parents[item] != item:
            self.parents[item] = self.parents[self.parents[item]]
            item = self.parents[item]
        return item

    def join(self, one, other):
        """Join the sets of two items."""
        self.parents[self.find(one)] = self.find(other)

    def members(self) -> dict[tuple, dict[str, list]]:
        """For each set, by its root: its values by kind."""
        found = defaultdict(lambda: defaultdict(list))
        for kind, value in list(self.parents):
            found[self.find((kind, value))][kind].append(value)
        return found
