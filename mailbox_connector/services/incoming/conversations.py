"""Conversations: which messages answer each other (RFC 5322 section 3.6.4).

Binding is late. History arrives newest first, so a message may come after its
answers; every reference is kept by hash and ties whichever end arrives last.
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


def place(
    env, messages: Sequence[tuple[str, Collection[str]]], defaults: bulk_insert.Defaults
) -> list[int]:
    """The conversation of each new message, in that order.

    Several that a new message shows to be one are joined.

    :param messages: of each the hash of its Message-ID and those it refers to
    """
    if not messages:
        return []
    groups = _Groups()
    for number, (own, references) in enumerate(messages):
        for digest in (own, *references):
            groups.join(("new", number), ("hash", digest))
    hashes = [value for kind, value in groups.parents if kind == "hash"]
    for digest, message_id, conversation_id in _known(env, hashes):
        end = ("conversation", conversation_id)
        groups.join(
            ("hash", digest), end if conversation_id else ("message", message_id)
        )
    members = groups.members()
    alone = [root for root, kinds in members.items() if "conversation" not in kinds]
    made = bulk_insert.create(
        env["mailbox.conversation"], [{} for _root in alone], defaults=defaults
    )
    target = dict(zip(alone, made, strict=True))
    Message = env["mailbox.message"]
    for root, kinds in members.items():
        if kinds["conversation"]:
            target[root], *merged = sorted(kinds["conversation"])
            if merged:
                Message.search(
                    [("conversation_id", "in", merged)]
                ).conversation_id = target[root]
                env["mailbox.conversation"].browse(merged).unlink()
        if kinds["message"]:
            # They had none, for whatever reason.
            Message.browse(kinds["message"]).conversation_id = target[root]
    return [target[groups.find(("new", number))] for number in range(len(messages))]


def _known(env, hashes: list[str]) -> list[tuple[str, int, int | None]]:
    """Messages that bear or refer to one of these: hash, message, conversation."""
    env["mailbox.message"].flush_model(["conversation_id"])
    # LATERAL: an index for each, also while the tables have no statistics yet.
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


def keep(
    env, messages: Sequence[tuple[int, Collection[str]]], defaults: bulk_insert.Defaults
) -> None:
    """Keep what new messages, by id, refer to: what they answer may come later."""
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

    def members(self):
        """Of each set, by its root: values by kind."""
        found = defaultdict(lambda: defaultdict(list))
        for kind, value in list(self.parents):
            found[self.find((kind, value))][kind].append(value)
        return found
