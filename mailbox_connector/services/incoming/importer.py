"""Imports e-mails: raw messages of one folder in, messages on contacts out.

Nobody is notified, nothing is sent, and no contact or follower is created.

Example, with candidates that the matcher has found contacts for::

    importer = Importer(folder)
    counts = importer.run([Candidate(header, matches, raw), …])
    cr.commit()     # the caller commits, together with its position in the folder

How a batch is imported:

1. *Parse* each message, once. Newsletters (if the mailbox skips them) and messages that
   were deleted in Odoo are dropped here.
2. *Deduplicate*: a message with a known key (Message-ID and content, see
   :func:`.message_values.message_key`) is already stored, from another folder or
   mailbox. It gets no second ``mailbox.message``; if this mailbox is new to it, the
   mailbox's readers are added.
3. *Create* the new ones with their conversations and references, and the location of
   each message in the folder.
4. *Show* them on their contacts (:mod:`.chatter_copies`).

Each step is done for the whole batch at once, by :mod:`services.framework.bulk_insert`.
A batch costs 20 to 25 statements, whatever its size. Only messages that
another mailbox has as well are updated one by one.

If a batch fails, it is rolled back to its savepoint and imported in halves, down to the
one message that cannot be imported. That one is kept as a ``mailbox.failed.import``,
with its raw bytes and the reason, and the rest of the batch is imported. Errors that no
message caused (a conflict with another worker, a full disk) are raised instead: the
caller retries the whole batch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from psycopg2 import Error as DatabaseError

from odoo import SUPERUSER_ID

from ...engine.errors import MessageError, one_line
from ...engine.mime.parse import parse_message
from ...engine.sync.state import Counts, SkipReason
from ...engine.types import ParsedMessage
from ...error_messages import explain_import_failure
from ..framework import bulk_insert
from ..framework.concurrency import CONFLICT_ERRORS
from . import chatter_copies, conversations, rewritten_message_ids
from .candidate import Candidate
from .message_values import message_key, message_values
from .newsletters import Newsletters

_logger = logging.getLogger(__name__)


class Importer:
    """Imports messages of one folder of one mailbox.

    :param folder: the ``mailbox.folder`` they are in; its ``uidvalidity`` is set
    :param failed_import: the ``mailbox.failed.import`` that is being retried
    """

    def __init__(self, folder, failed_import=None):
        self.failed_import = failed_import
        # As superuser: otherwise the user would become creator, and so a reader, of
        # what is imported.
        self.folder = folder.with_user(SUPERUSER_ID).with_context(
            lang=None, tracking_disable=True, mail_notrack=True
        )
        self.env = self.folder.env
        self.account = self.folder.account_id
        self.audience = self.env["mailbox.audience"].for_accounts(self.account)
        #: Id of the ``mailbox.backfill`` that imports the messages; 0: none.
        self.backfill_id = 0
        self.defaults: bulk_insert.Defaults = {}
        #: Contacts whose open chatters are to be reloaded.
        self.contacts_to_reload: set[int] = set()
        #: Ids of the messages of the last run that are new to this mailbox.
        self.first_seen: set[int] = set()
        #: Why messages of the last run were skipped, by UID.
        self.skipped: dict[int, SkipReason] = {}
        self.own_addresses = self.account.addresses()
        colleagues = self.env["res.users"].search([("share", "=", False)])
        self.colleagues = {
            user.partner_id.email_normalized: user.partner_id.id for user in colleagues
        }
        self.copies = chatter_copies.ChatterCopies(
            self.env, self.colleagues, self.defaults
        )
        self.newsletters = Newsletters(self.account, self.colleagues)

    # ------------------------------------------------------------------
    # A batch
    # ------------------------------------------------------------------

    def run(self, candidates: Sequence[Candidate], reload: bool = True) -> Counts:
        """Import ``candidates``; the caller saves its position and commits.

        :param reload: open chatters are reloaded with the commit; False: the caller
            reloads those of ``contacts_to_reload``
        :raise OperationalError, UniqueViolation, OSError: no message caused it; roll
            back the transaction and retry the batch
        """
        self.first_seen = set()
        self.skipped = {}
        counts = Counts(seen=len(candidates), matched=len(candidates))
        self._import_or_halve(list(candidates), counts)
        counts.matched -= counts.skipped
        if reload:
            partners = self.env["res.partner"].browse(self.contacts_to_reload)
            partners.mailbox_reload_chatter()
            self.contacts_to_reload = set()
        return counts

    def _import_or_halve(self, candidates: list[Candidate], counts: Counts) -> None:
        if not candidates:
            return
        try:
            with self.env.cr.savepoint():
                done, skipped = self._import(candidates)
                self.env.flush_all()
            counts.add(done)
            self.skipped |= skipped
        except (*CONFLICT_ERRORS, OSError):
            raise
        except Exception as error:  # any message may be the bad one
            self.env.invalidate_all()
            if len(candidates) == 1:
                candidates[0].record_id = 0
                self._keep_failed_candidate(candidates[0], error)
                counts.failed += 1
                return
            middle = len(candidates) // 2
            self._import_or_halve(candidates[:middle], counts)
            self._import_or_halve(candidates[middle:], counts)

    def _import(
        self, candidates: list[Candidate]
    ) -> tuple[Counts, dict[int, SkipReason]]:
        """
        :return: what was done, and why messages are skipped, by UID
        """
        for candidate in candidates:
            self._parse(candidate)
        provider_hashes = rewritten_message_ids.restore_message_ids(
            self.env, self.account, candidates
        )
        newsletters = self.newsletters.skipped_uids(candidates)
        rest = [one for one in candidates if one.header.uid not in newsletters]
        kept = self._without_deleted(rest)
        deleted = {c.header.uid for c in rest} - {c.header.uid for c in kept}
        skipped = dict.fromkeys(newsletters, SkipReason.NEWSLETTER)
        skipped |= dict.fromkeys(deleted, SkipReason.DELETED)
        counts = Counts.of_skipped(skipped.values())
        if not kept:
            return counts, skipped
        self._find_or_create(kept)
        if provider_hashes:
            rewritten_message_ids.store_provider_hashes(self.env, provider_hashes)
        self._store_locations(kept)
        linked = self.copies.show(kept)
        self.contacts_to_reload.update(linked)
        counts.linked = len(linked)
        return counts, skipped

    # ------------------------------------------------------------------
    # Parsing
    # ------------------------------------------------------------------

    def parse_or_keep_failed(self, candidate: Candidate) -> bool:
        """Parse a message that belongs to no contact.

        :return: whether that was possible; if not, it is kept as a failed import
        """
        try:
            self._parse(candidate)
        except Exception as error:  # any message may be a bad one
            self._keep_failed_candidate(candidate, error)
            candidate.is_failed = True
            return False
        return True

    def _parse(self, candidate: Candidate) -> None:
        if candidate.parsed is None:
            received = candidate.header.internal_date
            candidate.parsed = parse_message(candidate.raw, received)
        candidate.is_outgoing = self._is_outgoing(candidate.parsed)

    def _is_outgoing(self, parsed: ParsedMessage) -> bool:
        sender = parsed.addresses.get("from", ())
        return any(address.email in self.own_addresses for address in sender)

    # ------------------------------------------------------------------
    # Messages and their locations
    # ------------------------------------------------------------------

    def _without_deleted(self, candidates: list[Candidate]) -> list[Candidate]:
        """Skip messages that were deleted in Odoo."""
        Tombstone = self.env["mailbox.tombstone"]
        digests = {
            c.header.uid: Tombstone.digest_of(message_key(c.parsed)) for c in candidates
        }
        buried = Tombstone.known(digests.values())
        return [c for c in candidates if digests[c.header.uid] not in buried]

    def _find_or_create(self, candidates: list[Candidate]) -> None:
        """Give each candidate its ``mailbox.message``; add this mailbox's readers to
        those that other mailboxes already have."""
        by_key = {message_key(one.parsed): one for one in candidates}
        known = {
            (message.message_id_hash, message.fingerprint): message
            for message in self.env["mailbox.message"].search(
                [("message_id_hash", "in", [digest for digest, _mark in by_key])]
            )
        }
        new = {key: one for key, one in by_key.items() if key not in known}
        created = self._create_messages(new)
        for candidate in candidates:
            key = message_key(candidate.parsed)
            if key in created:
                candidate.record_id = created[key]
                candidate.is_new = new[key] is candidate
                candidate.audience_id = self.audience.id
                self.first_seen.add(candidate.record_id)
                continue
            message = known[key]
            if self._add_readers(message):
                self.first_seen.add(message.id)
            candidate.record_id = message.id
            candidate.is_new = False
            candidate.audience_id = message.audience_id.id

    def _create_messages(
        self, candidates: dict[tuple[str, str], Candidate]
    ) -> dict[tuple[str, str], int]:
        """Create a ``mailbox.message`` for each candidate; both by message key."""
        references = [
            conversations.reference_hashes(one.parsed) for one in candidates.values()
        ]
        conversation_ids = conversations.assign_conversations(
            self.env,
            [
                (digest, hashes)
                for (digest, _mark), hashes in zip(candidates, references, strict=True)
            ],
            self.defaults,
        )
        ids = bulk_insert.create(
            self.env["mailbox.message"],
            [
                message_values(
                    candidate.parsed,
                    audience_id=self.audience.id,
                    conversation_id=conversation_id,
                    direction="out" if candidate.is_outgoing else "in",
                    backfill_id=self.backfill_id,
                )
                for candidate, conversation_id in zip(
                    candidates.values(), conversation_ids, strict=True
                )
            ],
            defaults=self.defaults,
        )
        conversations.store_references(
            self.env, list(zip(ids, references, strict=True)), self.defaults
        )
        return dict(zip(candidates, ids, strict=True))

    def _add_readers(self, message) -> bool:
        """Let this mailbox's readers read a message that another mailbox has.

        :return: whether they could not read it before
        """
        audience = message.audience_id.with_account(self.account)
        if audience == message.audience_id:
            return False
        message.set_audience(audience)
        return True

    def _store_locations(self, candidates: list[Candidate]) -> None:
        """Store where the messages are on the server; UID 0: no longer there."""
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

    # ------------------------------------------------------------------
    # Failed imports
    # ------------------------------------------------------------------

    def _keep_failed_candidate(self, candidate: Candidate, error: Exception) -> None:
        """Keep a message with its raw bytes; an unexpected error is logged in full."""
        expected = isinstance(error, MessageError | DatabaseError | ValueError)
        if isinstance(error, MessageError):
            reason = explain_import_failure(self.env, error.failure)
        else:
            reason = one_line(str(error)) or type(error).__name__
        _logger.log(
            logging.INFO if expected else logging.ERROR,
            "Mailbox %s, folder %s, UID %s: import failed: %s",
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
        """Record a failed import of a message: once, no matter how often it fails.

        :param reason: one line, shown to the owner of the mailbox
        :param raw: the message; b"" if the server did not return it
        :param received: when the server received it, aware
        """
        FailedImport = self.env["mailbox.failed.import"]
        location = {
            "folder_id": self.folder.id,
            "uidvalidity": self.folder.uidvalidity,
            "uid": uid,
        }
        row = self.failed_import or FailedImport.search(
            [(name, "=", value) for name, value in location.items()]
        )
        if not row:
            row = FailedImport.create(
                {
                    **location,
                    "account_id": self.account.id,
                    "reason": reason,
                    "received_at": received and received.replace(tzinfo=None),
                }
            )
        if not row.raw_bytes():
            row.store_raw_bytes([raw])
        row.record_attempt(reason)
