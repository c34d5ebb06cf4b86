"""Shows e-mails on contacts: links, and copies in the chatter.

A *chatter copy* is a native ``mail.message`` that shows one e-mail on one contact. An
e-mail of several contacts has a copy on each, up to :data:`MAX_COPIES`; the others only
get a link and list it under E-mails. If the chatter already shows the message, because
it was written there or because Odoo's own gateway posted it there, no copy is made and
the link points to that message.

What it costs: 8 statements for a batch of any size, and one more each for attachments,
for messages that were stored before, and for replies. Copies and links are inserted in
bulk, without Odoo's ``message_post``. Bodies are cleaned once, by the engine.
Attachments are stored once for each e-mail and shared by its copies. Most time is spent
on files, which are written one by one, and bodies, because every copy has its own.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from markupsafe import Markup

from odoo.tools import SQL

from ...engine.mime.addresses import normalize
from ...engine.mime.html import cid_map
from ..framework import bulk_insert
from .candidate import Candidate
from .message_values import header_text
from .quote_marks import mark_quotes

#: An e-mail is copied to this many contacts; on further ones it is only listed.
MAX_COPIES = 20


@dataclass
class ChatterCopies:
    """Shows the messages of an import on their contacts.

    :ivar env: superuser environment
    :ivar colleagues: contact ids of internal users, by normalized address
    :ivar defaults: of the import's bulk inserts, filled and reused here
    """

    env: object
    colleagues: Mapping[str, int]
    defaults: bulk_insert.Defaults = field(default_factory=dict)

    def show(self, candidates: list[Candidate]) -> list[int]:
        """Link messages to their contacts and show them there.

        :param candidates: parsed, each with its ``mailbox.message``
        :return: the contact of each new link
        """
        record_ids = list({c.record_id for c in candidates})
        links = self._missing_links(candidates, record_ids)
        shown = self._find_shown(candidates)
        attachments = _Attachments(self.env, candidates)
        copied, copy_values = [], []
        for candidate, link, may_copy in links:
            partner_id = link["partner_id"]
            native = shown.get((candidate.record_id, partner_id))
            if native:
                link["mail_message_id"] = native
            elif may_copy:
                body, ids = attachments.of(candidate)
                copied.append(link)
                copy_values.append(self._copy_values(candidate, partner_id, body, ids))
        for link, copy_id in zip(copied, self._create(copy_values), strict=True):
            link["mail_message_id"] = copy_id
        link_values = [link for _candidate, link, _may_copy in links]
        bulk_insert.create(
            self.env["mailbox.link"], link_values, defaults=self.defaults
        )
        self.env["mailbox.message"].invalidate_model(
            ["link_ids", "partner_ids"], flush=False
        )
        _bind_parents(self.env, record_ids)
        return [values["partner_id"] for values in link_values]

    def _missing_links(
        self, candidates: list[Candidate], record_ids: list[int]
    ) -> list[tuple[Candidate, dict, bool]]:
        """Values of the links that the messages do not have yet.

        :return: each with its candidate, and whether the contact may get a copy
        """
        linked: dict[int, set[int]] = defaultdict(set)
        for link in self.env["mailbox.link"].search([("message_id", "in", record_ids)]):
            linked[link.message_id.id].add(link.partner_id.id)
        missing = []
        for candidate in candidates:
            partner_ids = linked[candidate.record_id]
            for match in candidate.matches:
                if match.partner_id in partner_ids:
                    continue
                partner_ids.add(match.partner_id)
                values = {
                    "message_id": candidate.record_id,
                    "partner_id": match.partner_id,
                    "header": match.header,
                    "mail_message_id": False,
                }
                missing.append((candidate, values, len(partner_ids) <= MAX_COPIES))
        return missing

    def _find_shown(self, candidates: list[Candidate]) -> dict[tuple[int, int], int]:
        """Messages in the chatter that show these e-mails without being copies.

        A Message-ID alone proves nothing, since the sender chooses it. An incoming
        e-mail is shown by what the gateway received from the same address, an outgoing
        one by what was written in the chatter.

        :return: ``mail.message`` ids by (``mailbox.message`` id, contact id)
        """
        by_id = defaultdict(list)
        for candidate in candidates:
            if candidate.parsed.message_id:
                by_id[candidate.parsed.message_id].append(candidate)
        partner_ids = {m.partner_id for c in candidates for m in c.matches}
        self.env.cr.execute(
            """
            SELECT message_id, res_id, id, message_type, email_from FROM mail_message
             WHERE message_id = ANY(%s) AND model = 'res.partner' AND res_id = ANY(%s)
             ORDER BY id DESC
            """,
            [list(by_id), list(partner_ids)],
        )
        found = {}
        for message_id, partner_id, number, *row in self.env.cr.fetchall():
            for candidate in by_id[message_id]:
                if _is_shown_by(candidate, *row):
                    found[candidate.record_id, partner_id] = number
        return found

    def _copy_values(
        self, candidate: Candidate, partner_id: int, body: str, attachment_ids
    ) -> dict:
        """All values of a copy: computing an omitted field would cost more than all the
        others together.

        :param attachment_ids: plain ids, for :meth:`_create`
        """
        parsed = candidate.parsed
        from_ = parsed.addresses.get("from") or []
        senders = {m.partner_id for m in candidate.matches if m.header == "from"}
        if partner_id in senders:
            author_id = partner_id
        elif senders:
            author_id = min(senders)
        else:
            author_id = self.colleagues.get(from_[0].email if from_ else "", False)
        return {
            "model": "res.partner",
            "res_id": partner_id,
            "message_type": "email",
            "subtype_id": self._subtype_id,
            "subject": parsed.subject,
            "body": Markup(body),
            "date": parsed.date,
            "author_id": author_id,
            "email_from": str(from_[0]) if from_ else self.env._("Unknown sender"),
            "incoming_email_to": header_text(parsed, "to"),
            "incoming_email_cc": header_text(parsed, "cc"),
            # Not the real Message-ID: core's gateway would drop e-mails to an alias
            # that have it, and route replies to the copy. Random, so that nobody can
            # guess it.
            "message_id": _random_message_id(candidate),
            "reply_to": False,
            "parent_id": False,
            "record_alias_domain_id": False,
            "record_company_id": False,
            "email_add_signature": False,
            "is_internal": True,
            "mail_server_id": False,
            "attachment_ids": attachment_ids,
            "mailbox_message_id": candidate.record_id,
            "mailbox_audience_id": candidate.audience_id,
        }

    @cached_property
    def _subtype_id(self) -> int:
        return self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_comment")

    def _create(self, vals_list: list[dict]) -> list[int]:
        """Create copies; the ids in that order.

        The field does not clean their bodies again: the engine has done so with a
        stricter allow-list, and cleaning would take half of the time of an import.
        """
        Message = self.env["mail.message"]
        files_of = [values.pop("attachment_ids") for values in vals_list]
        ids = bulk_insert.create(
            Message, vals_list, clean=["body"], defaults=self.defaults
        )
        relation = Message._fields["attachment_ids"]
        self.env.cr.execute(
            SQL(
                "INSERT INTO %s (%s, %s) SELECT unnest(%s::int4[]), unnest(%s::int4[])",
                SQL.identifier(relation.relation),
                SQL.identifier(relation.column1),
                SQL.identifier(relation.column2),
                [one for one, files in zip(ids, files_of, strict=True) for _ in files],
                [file for files in files_of for file in files],
            )
        )
        Message.browse(ids).invalidate_recordset(["attachment_ids"], flush=False)
        self.env["res.partner"].invalidate_model(["message_ids"], flush=False)
        return ids


def _random_message_id(candidate: Candidate) -> str:
    return f"<{secrets.token_hex(16)}.{candidate.record_id}@copy.invalid>"


def _is_shown_by(candidate: Candidate, message_type: str, email_from: str) -> bool:
    """Whether a message of the chatter with the same Message-ID is this e-mail."""
    if candidate.is_outgoing:
        return message_type != "email"
    senders = [one.email for one in candidate.parsed.addresses.get("from", ())]
    return message_type == "email" and normalize(email_from or "") in senders


class _Attachments:
    """Bodies and attachments of messages: stored once, shared by their copies."""

    def __init__(self, env, candidates: list[Candidate]):
        self.env = env
        self.known: dict[int, tuple[str, list[int]]] = {}
        old = [c.record_id for c in candidates if not c.is_new]
        if old:
            self._read_known(old)
        self._store([c for c in candidates if c.record_id not in self.known])

    def of(self, candidate: Candidate) -> tuple[str, list[int]]:
        """Body (html) and attachment ids of a candidate's message."""
        return self.known[candidate.record_id]

    def _read_known(self, record_ids: list[int]) -> None:
        """Reuse those of messages that already have a copy."""
        shown = self.env["mail.message"].search_fetch(
            [("mailbox_message_id", "in", record_ids)], ["body", "attachment_ids"]
        )
        for copy in shown:
            self.known.setdefault(
                copy.mailbox_message_id.id, (copy.body, copy.attachment_ids.ids)
            )

    def _store(self, candidates: Iterable[Candidate]) -> None:
        unique = {c.record_id: c for c in candidates}
        parts = [
            (record_id, part)
            for record_id, candidate in unique.items()
            for part in candidate.parsed.attachments
        ]
        stored = (
            self.env["ir.attachment"]
            # Unchanged: images are not recompressed, and html is stored as text so that
            # it cannot run in Odoo's own origin.
            .with_context(
                image_no_postprocess=True,
                attachments_mime_plainxml=True,
                mailbox_import=True,
            )
            .create(
                [
                    {
                        "name": part.filename,
                        "raw": part.content,
                        "mimetype": part.mimetype,
                        "res_model": "mailbox.message",
                        "res_id": record_id,
                        "company_id": False,
                    }
                    for record_id, part in parts
                ]
            )
        )
        ids, cids = defaultdict(list), defaultdict(dict)
        for (record_id, part), attachment in zip(parts, stored, strict=True):
            if part.is_shown:
                ids[record_id].append(attachment.id)
            if part.content_id:
                cids[record_id][part.content_id] = f"/web/image/{attachment.id}"
        for record_id, candidate in unique.items():
            body = candidate.parsed.html
            if cids[record_id]:
                body = cid_map(body, cids[record_id])
            self.known[record_id] = (mark_quotes(body), ids[record_id])


def _bind_parents(env, record_ids: list[int]) -> None:
    """Link copies to their parent on the same contact, no matter which of the two
    arrived first."""
    # LATERAL: the indexes are used even while the tables have no statistics yet.
    env.cr.execute(
        """
        WITH mine AS (
            SELECT id, message_id_hash, provider_hash, parent_hash
              FROM mailbox_message
             WHERE id = ANY(%s)
        )
        SELECT mine.id, parent.id
          FROM mine CROSS JOIN LATERAL (
               SELECT id FROM mailbox_message
                WHERE message_id_hash = mine.parent_hash
               UNION ALL
               SELECT id FROM mailbox_message
                WHERE provider_hash = mine.parent_hash OFFSET 0) parent
         WHERE mine.parent_hash IS NOT NULL
        UNION
        SELECT reply.id, mine.id
          FROM mine CROSS JOIN LATERAL (
               SELECT id FROM mailbox_message
                WHERE parent_hash IN (mine.message_id_hash, mine.provider_hash)
               OFFSET 0) reply
        """,
        [record_ids],
    )
    pairs = env.cr.fetchall()
    if not pairs:
        return
    env.cr.execute(
        """
        UPDATE mail_message copy
           SET parent_id = parent_link.mail_message_id
          FROM unnest(%s, %s) AS pair (reply_id, parent_id)
          JOIN mailbox_link link ON link.message_id = pair.reply_id
          JOIN mailbox_link parent_link
            ON parent_link.message_id = pair.parent_id
           AND parent_link.partner_id = link.partner_id
         WHERE copy.id = link.mail_message_id
           AND copy.mailbox_message_id IS NOT NULL
           AND copy.parent_id IS NULL
           AND parent_link.mail_message_id != copy.id
        """,
        [[reply for reply, _parent in pairs], [parent for _reply, parent in pairs]],
    )
    env["mail.message"].invalidate_model(["parent_id", "child_ids"])
