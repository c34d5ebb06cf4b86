"""Undoes one import: removes what it imported, except what has been used since.

No tombstones are left: a later import fetches it again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from markupsafe import Markup

#: E-mails that are removed in one transaction.
BATCH = 200
#: Lines of each list that is shown.
SHOWN = 8

#: Why an e-mail is kept; the first reason that holds.
_REASONS = """
    SELECT message.id, CASE
      WHEN EXISTS (
          SELECT FROM mailbox_location location
           WHERE location.message_id = message.id
             AND location.backfill_id IS DISTINCT FROM %(backfill)s)
        THEN 'elsewhere'
      WHEN NOT EXISTS (
          SELECT FROM mailbox_location location
            JOIN mailbox_folder folder ON folder.id = location.folder_id
           WHERE location.message_id = message.id AND folder.gone IS NOT TRUE
             AND location.uidvalidity = folder.uidvalidity)
        THEN 'gone'
      WHEN EXISTS (
          SELECT FROM mailbox_link link
            LEFT JOIN mail_message shown ON shown.id = link.mail_message_id
           WHERE link.message_id = message.id
             AND (link.origin = 'sent'
                  OR shown.id IS NOT NULL AND shown.mailbox_message_id IS NULL))
        THEN 'odoo'
      WHEN EXISTS (
          SELECT FROM mailbox_link link
           WHERE link.message_id = message.id AND link.origin != 'matched')
        THEN 'by_hand'
      WHEN EXISTS (
          SELECT FROM mail_message copy
            JOIN mail_message reply ON reply.parent_id = copy.id
           WHERE copy.mailbox_message_id = message.id
             AND reply.mailbox_message_id IS NULL)
        OR EXISTS (
          SELECT FROM mailbox_message reply
            JOIN mailbox_link link ON link.message_id = reply.id
           WHERE reply.parent_hash IN (message.message_id_hash, message.provider_hash)
             AND link.origin = 'sent')
        OR EXISTS (
          SELECT FROM ir_attachment file
            JOIN message_attachment_rel rel ON rel.attachment_id = file.id
            JOIN mail_message other ON other.id = rel.message_id
           WHERE file.res_model = 'mailbox.message' AND file.res_id = message.id
             AND other.mailbox_message_id IS DISTINCT FROM message.id)
        THEN 'replied'
      WHEN EXISTS (
          SELECT FROM mail_message copy
           WHERE copy.mailbox_message_id = message.id
             AND (copy.pinned_at IS NOT NULL
                  OR EXISTS (SELECT FROM mail_message_res_partner_starred_rel star
                              WHERE star.mail_message_id = copy.id)))
        THEN 'starred'
      WHEN EXISTS (
          SELECT FROM mail_message copy
            JOIN mail_message_reaction reaction ON reaction.message_id = copy.id
           WHERE copy.mailbox_message_id = message.id)
        THEN 'reaction'
      WHEN EXISTS (
          SELECT FROM mail_message document
           WHERE document.message_id = message.rfc_message_id
             AND document.mailbox_message_id IS NULL)
        THEN 'document'
      END
      FROM mailbox_message message
     WHERE message.id = ANY(%(ids)s)
"""


@dataclass
class UndoPreview:
    """What an undo would remove and keep.

    ``removed`` and ``files``: how many e-mails and attachments would be removed;
    ``contacts``: those e-mails by contact id; ``kept``: how many e-mails would be kept,
    by reason; ``samples``: ids of some of those, with the reason.
    """

    removed: int = 0
    files: int = 0
    contacts: Counter = field(default_factory=Counter)
    kept: Counter = field(default_factory=Counter)
    samples: list[tuple[int, str]] = field(default_factory=list)


class Undo:
    """Removes what one import added.

    :param backfill: ``mailbox.backfill`` in a superuser environment
    """

    def __init__(self, backfill):
        self.backfill = backfill
        self.env = backfill.env
        self.env.flush_all()

    def preview(self) -> UndoPreview:
        """What would be removed and kept; changes nothing."""
        found = UndoPreview()
        ids = self.remaining()
        reasons = self._reasons(ids)
        removed = [number for number in ids if not reasons[number]]
        found.removed = len(removed)
        found.kept = Counter(filter(None, reasons.values()))
        found.samples = [(n, reasons[n]) for n in ids if reasons[n]][:SHOWN]
        links = self.env["mailbox.link"]._read_group(
            [("message_id", "in", removed)], ["partner_id"], ["__count"]
        )
        found.contacts = Counter({partner.id: count for partner, count in links})
        found.files = self.env["ir.attachment"].search_count(
            [("res_model", "=", "mailbox.message"), ("res_id", "in", removed)]
        )
        return found

    def step(self) -> int:
        """Handle a batch; the caller commits.

        :return: how many e-mails were handled; 0: nothing is left
        """
        ids = self.remaining(BATCH)
        if not ids:
            return 0
        reasons = self._reasons(ids)
        by_reason = defaultdict(list)
        for number in ids:
            by_reason[reasons[number]].append(number)
        removed, elsewhere = by_reason.pop(None, []), by_reason.pop("elsewhere", [])
        self._forget_locations(removed + elsewhere)
        self._remove_readers(elsewhere)
        self._release([n for many in by_reason.values() for n in many] + elsewhere)
        self.env["mailbox.message"].browse(removed).forget()
        kept = {reason: len(many) for reason, many in by_reason.items()}
        if elsewhere:
            kept["elsewhere"] = len(elsewhere)
        self.backfill.add_undone(len(removed), kept)
        return len(ids)

    # ------------------------------------------------------------------

    def remaining(self, limit: int | None = None) -> list[int]:
        """Ids of the e-mails that the import added, or also found in this mailbox."""
        self.env.cr.execute(
            """
            SELECT id FROM mailbox_message
             WHERE backfill_id = %(backfill)s AND backfill_id > 0
            UNION
            SELECT message_id FROM mailbox_location
             WHERE backfill_id = %(backfill)s AND backfill_id > 0
             ORDER BY 1 DESC LIMIT %(limit)s
            """,
            {"backfill": self.backfill.id, "limit": limit},
        )
        return [number for (number,) in self.env.cr.fetchall()]

    def _reasons(self, ids: list[int]) -> dict[int, str | None]:
        """For each of these, why it is kept; None: it is removed."""
        self.env.cr.execute(_REASONS, {"ids": ids, "backfill": self.backfill.id})
        return dict(self.env.cr.fetchall())

    def _forget_locations(self, ids: list[int]) -> None:
        """Forget where the import found them; only a later import checks them again."""
        self.env.cr.execute(
            """
            DELETE FROM mailbox_location location USING mailbox_folder folder
             WHERE location.message_id = ANY(%s) AND location.backfill_id = %s
               AND folder.id = location.folder_id
         RETURNING folder.id, location.uid, location.uidvalidity = folder.uidvalidity
            """,
            [ids, self.backfill.id],
        )
        uids = defaultdict(set)
        for folder, uid, is_current in self.env.cr.fetchall():
            if is_current:
                uids[folder].add(uid)
        for folder, gone in sorted(uids.items()):
            self.env["mailbox.folder"].browse(folder).mark_undone(gone)
        self.env["mailbox.location"].invalidate_model(flush=False)
        self.env["mailbox.message"].invalidate_model(["location_ids"], flush=False)

    def _remove_readers(self, ids: list[int]) -> None:
        """Remove this mailbox's readers from messages that are no longer in any of its
        folders, but in other mailboxes."""
        account = self.backfill.account_id
        self.env.cr.execute(
            """
            SELECT DISTINCT location.message_id FROM mailbox_location location
              JOIN mailbox_folder folder ON folder.id = location.folder_id
             WHERE location.message_id = ANY(%s) AND folder.account_id = %s
            """,
            [ids, account.id],
        )
        here = {number for (number,) in self.env.cr.fetchall()}
        for message in self.env["mailbox.message"].browse(set(ids) - here):
            others = message.audience_id.account_ids - account
            if others and account in message.audience_id.account_ids:
                Audience = self.env["mailbox.audience"]
                message.set_audience(Audience.for_accounts(others))

    def _release(self, ids: list[int]) -> None:
        """Detach the e-mails that are kept from this import."""
        for table, column in (
            ("mailbox_message", "id"),
            ("mailbox_location", "message_id"),
        ):
            self.env.cr.execute(
                f"UPDATE {table} SET backfill_id = 0"
                f" WHERE {column} = ANY(%s) AND backfill_id = %s",
                [ids, self.backfill.id],
            )
        self.env["mailbox.message"].invalidate_model(["backfill_id"], flush=False)


def render(env, found: UndoPreview) -> Markup:
    """A preview of an undo as HTML; it shows nothing that the user may not read.

    :param env: the user's
    """

    def contact(number):
        record = env["res.partner"].browse(number).exists()._filtered_access("read")
        return record.display_name

    def subject(number):
        record = env["mailbox.message"].browse(number)._filtered_access("read")
        return record and (record.subject or env._("(no subject)"))

    contacts = [(contact(n), count) for n, count in found.contacts.most_common(SHOWN)]
    samples = [(subject(n), reason) for n, reason in found.samples]
    texts = words(env)
    return env["ir.qweb"]._render(
        "mailbox_connector.undo_preview",
        {
            "found": found,
            "contacts": [one for one in contacts if one[0]],
            "more_contacts": max(0, len(found.contacts) - SHOWN),
            "kept": [(texts[reason], n) for reason, n in found.kept.most_common()],
            "samples": [(one, texts[reason]) for one, reason in samples if one],
        },
    )


def words(env) -> dict[str, str]:
    """Why e-mails are kept, by reason."""
    return {
        "elsewhere": env._("also received in another way"),
        "gone": env._(
            "no longer on the mail server, so they could not be imported again"
        ),
        "odoo": env._("sent from Odoo, or received by Odoo itself"),
        "by_hand": env._("linked to a contact by a user"),
        "replied": env._("replied to or forwarded from Odoo"),
        "starred": env._("starred or pinned"),
        "reaction": env._("with a reaction"),
        "document": env._("also on another document"),
    }
