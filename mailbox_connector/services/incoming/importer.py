"""From raw messages to e-mails on contacts, in bulk and silently.

A batch is parsed, told apart from what is there, tied into conversations, and
written with a handful of statements: nobody is notified, nothing is sent, no
contact or follower is made. A batch that fails is halved until the one bad message
is found; it is put aside with its raw bytes and the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2 import Error as DatabaseError

from odoo import SUPERUSER_ID

from ...engine.errors import MessageError, one_line
from ...engine.mime.parse import parse_message
from ...engine.sync.state import Counts
from ...engine.types import HeaderRecord, ParsedMessage
from ...error_messages import explain_import_failure
from ..framework import bulk_insert
from ..framework.concurrency import CONFLICT_ERRORS
from . import chatter_copies, conversations, rewritten_message_ids
from .matcher import Match
from .message_values import message_key, message_values
from .newsletters import Newsletters

_logger = logging.getLogger(__name__)


@dataclass
class Candidate:
    """A message that belongs to a contact: its place, its matches, its bytes.

    ``record_id``: its ``mailbox.message`` once it is imported, else 0. ``answers``:
    it answers a document of Odoo, and is no newsletter for that.
    """

    header: HeaderRecord
    matches: list[Match]
    raw: bytes
    parsed: ParsedMessage | None = None
    record_id: int = 0
    is_new: bool = False
    answers: bool = False

    @property
    def automatic(self) -> str:
        """A value of :class:`engine.mime.automatic.Automatic`, or ""."""
        return self.parsed.automatic if self.parsed else ""


class Importer:
    """Imports messages of one folder of one mailbox.

    :param folder: the ``mailbox.folder`` they stand in; its ``uidvalidity`` is set
    :param aside: the ``mailbox.failed.import`` row of the message that is tried again
    """

    def __init__(self, folder, failed_import=None):
        self.failed_import = failed_import
        # The import belongs to nobody: no user becomes "creator" and reader of it.
        self.folder = folder.with_user(SUPERUSER_ID).with_context(
            lang=None, tracking_disable=True, mail_notrack=True
        )
        self.env = self.folder.env
        self.account = self.folder.account_id
        self.audience = self.env["mailbox.audience"]._for_accounts(self.account)
        self.audience_ids: dict[int, int] = {}
        #: Import of history that the messages come with; 0: none.
        self.backfill_id = 0
        self.defaults: bulk_insert.Defaults = {}
        #: Contacts whose open chatters have not been told yet.
        self.shown: set[int] = set()
        #: E-mails of the last run that this mailbox had not seen before.
        self.first_seen: set[int] = set()
        self.own_addresses = self.account.addresses()
        self.subtype_id = self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_comment")
        colleagues = self.env["res.users"].search([("share", "=", False)])
        self.colleagues = {
            user.partner_id.email_normalized: user.partner_id.id for user in colleagues
        }
        self.newsletters = Newsletters(self.account, self.colleagues)
        #: UIDs of the last run that were left out as newsletters.
        self.left_out: set[int] = set()

    def run(self, candidates: Sequence[Candidate], tell: bool = True) -> Counts:
        """Import ``candidates``; the caller saves the cursor and commits.

        :param tell: open chatters reload with the commit; else they are the caller's,
            in ``shown``
        """
        self.audience_ids = {}
        self.first_seen = set()
        self.left_out = set()
        counts = Counts(seen=len(candidates), matched=len(candidates))
        self._run(list(candidates), counts)
        counts.matched -= counts.skipped
        if self.left_out:
            self.folder._mark_bulk(self.left_out)
        if tell:
            self.env["res.partner"].browse(self.shown)._mailbox_reload_chatter()
            self.shown = set()
        return counts

    def _run(self, candidates: list[Candidate], counts: Counts) -> None:
        if not candidates:
            return
        try:
            with self.env.cr.savepoint():
                done, left_out = self._import(candidates)
                self.env.flush_all()
            counts.add(done)
            self.left_out |= left_out
        except (*CONFLICT_ERRORS, OSError):
            # No message's fault: the database is away, the disk full, or another
            # worker stored the same e-mail a moment ago. The batch is done anew.
            raise
        except Exception as error:  # noqa: BLE001  any message may be the bad one
            self.env.invalidate_all()
            if len(candidates) == 1:
                candidates[0].record_id = 0
                self._keep_failed(candidates[0], error)
                counts.failed += 1
                return
            middle = len(candidates) // 2
            self._run(candidates[:middle], counts)
            self._run(candidates[middle:], counts)

    def _import(self, candidates: list[Candidate]) -> tuple[Counts, set[int]]:
        """
        :return: what became of them, and UIDs that are left out as newsletters
        """
        for candidate in candidates:
            _parse(candidate)
        others = rewritten_message_ids.restore(self.env, self.account, candidates)
        left_out = self.newsletters.left_out(candidates)
        rest = [one for one in candidates if one.header.uid not in left_out]
        kept = self._without_deleted(rest)
        counts = Counts(bulk=len(left_out), deleted=len(rest) - len(kept))
        counts.skipped = counts.bulk + counts.deleted
        if not kept:
            return counts, left_out
        self._find_or_create(kept)
        if others:
            rewritten_message_ids.keep(self.env, others)
        self._locate(kept)
        counts.linked = chatter_copies.show(self, kept)
        return counts, left_out

    def take_apart(self, candidate: Candidate) -> bool:
        """Parse a message that is of no contact; whether that was possible, else it
        is put aside."""
        try:
            _parse(candidate)
        except Exception as error:  # noqa: BLE001  any message may be a bad one
            self._keep_failed(candidate, error)
            return False
        return True

    # ------------------------------------------------------------------

    def _without_deleted(self, candidates: list[Candidate]) -> list[Candidate]:
        """What was deleted here does not come back."""
        Tombstone = self.env["mailbox.tombstone"]
        digests = {
            c.header.uid: Tombstone._digest(message_key(c.parsed)) for c in candidates
        }
        buried = Tombstone._buried(digests.values())
        return [c for c in candidates if digests[c.header.uid] not in buried]

    def _find_or_create(self, candidates: list[Candidate]) -> None:
        """Give each candidate its ``mailbox.message``; widen the readers of those
        that were seen in another mailbox before."""
        Message = self.env["mailbox.message"]
        keys = {message_key(c.parsed): c for c in candidates}
        known = {
            (message.message_id_hash, message.fingerprint): message
            for message in Message.search(
                [("message_id_hash", "in", [key[0] for key in keys])]
            )
        }
        new_keys = [key for key in keys if key not in known]
        references = [
            conversations.reference_hashes(keys[key].parsed) for key in new_keys
        ]
        conversation_ids = conversations.place(
            self.env,
            [
                (digest, hashes)
                for (digest, _content), hashes in zip(new_keys, references, strict=True)
            ],
            self.defaults,
        )
        created = bulk_insert.create(
            Message,
            [
                self._message_values(keys[key], conversation)
                for key, conversation in zip(new_keys, conversation_ids, strict=True)
            ],
            defaults=self.defaults,
        )
        conversations.keep(
            self.env, list(zip(created, references, strict=True)), self.defaults
        )
        by_key = dict(zip(new_keys, created, strict=True))
        for candidate in candidates:
            key = message_key(candidate.parsed)
            if key in by_key:
                candidate.record_id = by_key[key]
                candidate.is_new = keys[key] is candidate
                self.audience_ids[candidate.record_id] = self.audience.id
                self.first_seen.add(candidate.record_id)
                continue
            message = known[key]
            if self._widen(message):
                self.first_seen.add(message.id)
            candidate.record_id = message.id
            candidate.is_new = False
            self.audience_ids[message.id] = message.audience_id.id

    def _widen(self, message) -> bool:
        audience = message.audience_id._with_account(self.account)
        if audience == message.audience_id:
            return False
        message.audience_id = audience
        # sudo is implied: the importer is the superuser
        self.env["mail.message"].search(
            [("mailbox_message_id", "=", message.id)]
        ).mailbox_audience_id = audience
        return True

    def _message_values(self, candidate: Candidate, conversation_id: int) -> dict:
        parsed = candidate.parsed
        return message_values(
            parsed,
            audience_id=self.audience.id,
            conversation_id=conversation_id,
            direction="out" if self.is_outgoing(parsed) else "in",
            backfill_id=self.backfill_id,
        )

    def is_outgoing(self, parsed: ParsedMessage) -> bool:
        """Whether the mailbox itself sent a message."""
        sender = parsed.addresses.get("from", ())
        return any(address.email in self.own_addresses for address in sender)

    def _locate(self, candidates: list[Candidate]) -> None:
        """Note where the messages stand; UID 0: nowhere any more."""
        candidates = [c for c in candidates if c.header.uid]
        self.env.cr.execute(
            """
            INSERT INTO mailbox_location
                   (folder_id, uidvalidity, backfill_id, uid, message_id, header_hash)
            SELECT %s, %s, %s, unnest(%s), unnest(%s), NULLIF(unnest(%s), '')
            ON CONFLICT DO NOTHING
            """,
            [
                self.folder.id,
                self.folder.uidvalidity,
                self.backfill_id,
                [c.header.uid for c in candidates],
                [c.record_id for c in candidates],
                [c.header.header_hash for c in candidates],
            ],
        )
        self.env["mailbox.message"].invalidate_model(["location_ids"])

    def _keep_failed(self, candidate: Candidate, error: Exception) -> None:
        """Put one message aside, as it came, with the reason in words."""
        expected = isinstance(error, MessageError | DatabaseError | ValueError)
        reason = one_line(str(error)) or type(error).__name__
        if isinstance(error, MessageError):
            reason = explain_import_failure(self.env, error.failure)
        _logger.log(
            logging.INFO if expected else logging.ERROR,
            "Mailbox %s, folder %s, UID %s was put aside: %s",
            self.account.id,
            self.folder.id,
            candidate.header.uid,
            reason,
            exc_info=not expected,
        )
        self.keep_failed(
            candidate.header.uid, reason, candidate.raw, candidate.header.internal_date
        )

    def keep_failed(
        self,
        uid: int,
        reason: str,
        raw: bytes = b"",
        received: datetime | None = None,
    ) -> None:
        """Keep a message that cannot be imported, once, with the reason.

        :param received: aware
        """
        FailedImport = self.env["mailbox.failed.import"]
        place = {
            "folder_id": self.folder.id,
            "uidvalidity": self.folder.uidvalidity,
            "uid": uid,
        }
        row = self.failed_import or FailedImport.search(
            [(name, "=", value) for name, value in place.items()]
        )
        if row:
            raw = b"" if row.raw_bytes() else raw
        else:
            row = FailedImport.create(
                {
                    **place,
                    "account_id": self.account.id,
                    "reason": reason,
                    "received_at": received and received.replace(tzinfo=None),
                }
            )
        if raw:
            self.env["ir.attachment"].create(
                {
                    "name": "message.eml",
                    "res_model": row._name,
                    "res_field": "raw",
                    "res_id": row.id,
                    "raw": raw,
                    "mimetype": "application/octet-stream",
                }
            )
        row._note_attempt(reason)


def _parse(candidate: Candidate) -> None:
    if candidate.parsed is None:
        received = candidate.header.internal_date
        candidate.parsed = parse_message(candidate.raw, received)
