"""Copies: the native messages that show an e-mail in the chatter of a contact."""

from __future__ import annotations

import secrets
from collections import defaultdict
from typing import TYPE_CHECKING

from markupsafe import Markup

from odoo.tools import SQL

from ...engine.mime.addresses import normalize
from ...engine.mime.html import cid_map
from ..framework import bulk_insert
from .quote_marks import mark_quotes

if TYPE_CHECKING:
    from .importer import Candidate, Importer

#: An e-mail to more contacts than this is listed on the rest, not copied to them.
MAX_COPIES = 20


def show(importer: Importer, candidates: list[Candidate]) -> int:
    """Link messages to their contacts and show them there.

    :return: how many links are new
    """
    env = importer.env
    record_ids = list({c.record_id for c in candidates})
    linked = defaultdict(dict)
    for link in env["mailbox.link"].search([("message_id", "in", record_ids)]):
        linked[link.message_id.id][link.partner_id.id] = link
    natives = _natives(importer, candidates)
    attachments = _Attachments(env, candidates)
    link_values, copy_values = [], []
    for candidate in candidates:
        links = linked[candidate.record_id]
        for match in candidate.matches:
            if match.partner_id in links:
                continue
            links[match.partner_id] = True
            values = {
                "message_id": candidate.record_id,
                "partner_id": match.partner_id,
                "header": match.header,
                "mail_message_id": False,
            }
            link_values.append(values)
            native = natives.get((candidate.record_id, match.partner_id))
            if native:
                values["mail_message_id"] = native
            elif len(links) <= MAX_COPIES:
                body, ids = attachments.of(candidate)
                copy_values.append(
                    (
                        values,
                        _copy_values(importer, candidate, match.partner_id, body, ids),
                    )
                )
    made = _create_copies(
        env, [values for _link, values in copy_values], importer.defaults
    )
    for (link, _values), copy_id in zip(copy_values, made, strict=True):
        link["mail_message_id"] = copy_id
    bulk_insert.create(env["mailbox.link"], link_values, defaults=importer.defaults)
    env["mailbox.message"].invalidate_model(["link_ids", "partner_ids"], flush=False)
    _bind_parents(env, record_ids)
    importer.shown.update(values["partner_id"] for values in link_values)
    return len(link_values)


def _create_copies(
    env, vals_list: list[dict], defaults: bulk_insert.Defaults
) -> list[int]:
    """Create copies; the ids in that order.

    Their bodies were cleaned by an allow-list stricter than the field's: to let the
    field parse and clean them once more would be half of an import's time.
    """
    Message = env["mail.message"]
    attachment_ids = [values.pop("attachment_ids") for values in vals_list]
    ids = bulk_insert.create(Message, vals_list, clean=["body"], defaults=defaults)
    relation = Message._fields["attachment_ids"]
    env.cr.execute(
        SQL(
            "INSERT INTO %s (%s, %s) SELECT unnest(%s::int4[]), unnest(%s::int4[])",
            SQL.identifier(relation.relation),
            SQL.identifier(relation.column1),
            SQL.identifier(relation.column2),
            [i for i, files in zip(ids, attachment_ids, strict=True) for _f in files],
            [file for files in attachment_ids for file in files],
        )
    )
    Message.browse(ids).invalidate_recordset(["attachment_ids"], flush=False)
    env["res.partner"].invalidate_model(["message_ids"], flush=False)
    return ids


def _copy_values(importer, candidate, partner_id, body, attachment_ids) -> dict:
    """Every value of a copy: one left out would be computed, and cost more than
    all the rest. ``attachment_ids`` are plain ids."""
    parsed = candidate.parsed
    from_ = parsed.addresses.get("from") or []
    senders = {m.partner_id for m in candidate.matches if m.header == "from"}
    if partner_id in senders:
        author_id = partner_id
    elif senders:
        author_id = min(senders)
    else:
        author_id = importer.colleagues.get(from_[0].email if from_ else "", False)
    return {
        "model": "res.partner",
        "res_id": partner_id,
        "message_type": "email",
        "subtype_id": importer.subtype_id,
        "subject": parsed.subject,
        "body": Markup(body),
        "date": parsed.date,
        "author_id": author_id,
        "email_from": str(from_[0]) if from_ else importer.env._("Unknown sender"),
        "incoming_email_to": ", ".join(map(str, parsed.addresses.get("to", ()))),
        "incoming_email_cc": ", ".join(map(str, parsed.addresses.get("cc", ()))),
        # Not the real Message-ID: by that one core's gateway would drop mail to an
        # alias, and route answers to the copy. Not to be guessed either.
        "message_id": f"<{secrets.token_hex(16)}.{candidate.record_id}@copy.invalid>",
        "reply_to": False,
        "parent_id": False,
        "record_alias_domain_id": False,
        "record_company_id": False,
        "email_add_signature": False,
        "is_internal": True,
        "mail_server_id": False,
        "attachment_ids": attachment_ids,
        "mailbox_message_id": candidate.record_id,
        "mailbox_audience_id": importer.audience_ids[candidate.record_id],
    }


def _natives(importer, candidates) -> dict[tuple[int, int], int]:
    """Messages that the chatter shows already, by (e-mail, contact): what was sent
    from there, or what core's own gateway has put there.

    A Message-ID alone proves nothing, its sender chose it: an incoming mail is only
    what the gateway took from the same address, an outgoing one only what was written
    in the chatter. Anything else is shown on its own.
    """
    by_id = defaultdict(list)
    for candidate in candidates:
        if candidate.parsed.message_id:
            by_id[candidate.parsed.message_id].append(candidate)
    partner_ids = {m.partner_id for c in candidates for m in c.matches}
    importer.env.cr.execute(
        """
        SELECT message_id, res_id, id, message_type, email_from FROM mail_message
         WHERE message_id = ANY(%s) AND model = 'res.partner' AND res_id = ANY(%s)
         ORDER BY id DESC
        """,
        [list(by_id), list(partner_ids)],
    )
    found = {}
    for message_id, partner_id, number, kind, email_from in importer.env.cr.fetchall():
        for candidate in by_id[message_id]:
            sender = [one.email for one in candidate.parsed.addresses.get("from", ())]
            if (
                kind != "email"
                if importer.is_outgoing(candidate.parsed)
                else kind == "email" and normalize(email_from or "") in sender
            ):
                found[candidate.record_id, partner_id] = number
    return found


class _Attachments:
    """Bodies and attachments of messages: stored once, shared by their copies."""

    def __init__(self, env, candidates):
        self.env = env
        self.known = {}
        old = [c.record_id for c in candidates if not c.is_new]
        if old:
            self._read_known(old)
        self._store([c for c in candidates if c.record_id not in self.known])

    def of(self, candidate) -> tuple[str, list[int]]:
        """Body (html) and attachment ids of a candidate's message."""
        return self.known[candidate.record_id]

    def _read_known(self, record_ids) -> None:
        shown = self.env["mail.message"].search_fetch(
            [("mailbox_message_id", "in", record_ids)], ["body", "attachment_ids"]
        )
        for copy in shown:
            self.known.setdefault(
                copy.mailbox_message_id.id, (copy.body, copy.attachment_ids.ids)
            )

    def _store(self, candidates) -> None:
        unique = {c.record_id: c for c in candidates}
        parts = [
            (record_id, part)
            for record_id, candidate in unique.items()
            for part in candidate.parsed.attachments
        ]
        stored = (
            self.env["ir.attachment"]
            # As they came: no recompression, and no html that runs in our origin.
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
            if not part.inline:
                ids[record_id].append(attachment.id)
            if part.content_id:
                cids[record_id][part.content_id] = f"/web/image/{attachment.id}"
        for record_id, candidate in unique.items():
            body = candidate.parsed.html
            if cids[record_id]:
                body = cid_map(body, cids[record_id])
            body = mark_quotes(body)
            self.known[record_id] = (body, ids[record_id])


def _bind_parents(env, record_ids) -> None:
    """Tell copies what they answer, whichever of the two came last."""
    # LATERAL: an index for each, also while the tables have no statistics yet.
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
        SELECT answer.id, mine.id
          FROM mine CROSS JOIN LATERAL (
               SELECT id FROM mailbox_message
                WHERE parent_hash IN (mine.message_id_hash, mine.provider_hash)
               OFFSET 0) answer
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
          FROM unnest(%s, %s) AS pair (answer_id, parent_id)
          JOIN mailbox_link link ON link.message_id = pair.answer_id
          JOIN mailbox_link parent_link
            ON parent_link.message_id = pair.parent_id
           AND parent_link.partner_id = link.partner_id
         WHERE copy.id = link.mail_message_id
           AND copy.mailbox_message_id IS NOT NULL
           AND copy.parent_id IS NULL
           AND parent_link.mail_message_id != copy.id
        """,
        [[answer for answer, _parent in pairs], [parent for _answer, parent in pairs]],
    )
    env["mail.message"].invalidate_model(["parent_id", "child_ids"])
