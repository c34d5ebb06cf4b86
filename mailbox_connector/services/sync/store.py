"""Where a pass over a mailbox keeps what it finds: the store of ``engine.sync``.

Folders are named by their id. Everything happens in the transaction that
:meth:`OdooStore.transaction` commits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from odoo import fields

from ...engine.imap.ranges import UidRanges
from ...engine.sync.state import Counts, FolderState
from ...error_messages import explain_import_failure
from ..framework.concurrency import CONFLICT_ERRORS
from ..incoming.after_import import Inbound, Wanted
from ..incoming.importer import Candidate, Importer
from ..incoming.matcher import Matcher
from . import folder_list as folder_service
from .store_backfill import BackfillStore

_logger = logging.getLogger(__name__)

#: How often a batch is started anew when another worker got in its way.
CONFLICTS = 3
#: Attributes of a :class:`FolderState` that are columns of the same name.
COLUMNS = (
    "raw_name",
    "uidnext",
    "messages",
    "first_uid",
    "next_uid",
    "rebind_below",
)
#: The same, of those that have nothing where a state has None.
OPTIONAL = (
    "uidvalidity",
    "highestmodseq",
    "read_since",
    "mailbox_id",
    "reconciled_at",
)


class OdooStore(BackfillStore):
    """See :class:`engine.sync.ports.Store`.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param commit: ends the transaction
    """

    def __init__(self, account, commit: Callable[[], object]):
        super().__init__(account)
        self.commit = commit
        self._matcher: Matcher | None = None
        self._has_vanished: bool | None = None
        self._known = None
        self._importers: dict[int, Importer] = {}
        #: Contacts whose open chatters have not been told yet.
        self._shown: set[int] = set()
        #: What new mail sets off once it is committed: ``mailbox.inbound`` ids.
        self._queued: list[int] = []
        self._inbound: Inbound | None = None

    # ------------------------------------------------------------------
    # Transactions
    # ------------------------------------------------------------------

    def transaction(self, work):
        """Do ``work`` and commit; with fresh eyes, where another worker was faster.

        Open chatters are told with it; of history at the end, by :meth:`finish`. What
        new mail sets off is done then.
        """
        for attempt in range(CONFLICTS):
            try:
                self._is_backfill = False
                result = work()
                if not self._is_backfill:
                    self._tell()
                self.commit()
                queued, self._queued = self._queued, []
                if queued:
                    self.env["mailbox.inbound"]._process(queued)
                return result
            except CONFLICT_ERRORS:
                self.rollback()
                if attempt + 1 == CONFLICTS:
                    raise
                _logger.info("Mailbox %s: a batch starts anew", self.account.id)

    def rollback(self):
        self.env.cr.rollback()
        self._matcher = None
        self._has_vanished = None
        self._known = None
        self._importers = {}
        self._inbound = None
        self._queued = []

    def finish(self):
        """Tell open chatters what history has brought, once for all its batches."""
        if self._shown:
            self._tell()
            self.commit()

    def _tell(self):
        if self._shown:
            self.env["res.partner"].browse(self._shown)._mailbox_reload_chatter()
            self._shown = set()

    # ------------------------------------------------------------------
    # Folders
    # ------------------------------------------------------------------

    def folders(self):
        self._known = self._folders()
        return [_state(folder) for folder in self._known]

    def refresh(self, listed, renamed):
        folders = self._known or self._folders()
        self._known = None
        if renamed:
            folders._rename(renamed)
        if folder_service.refresh(self.account, folders, listed) or renamed:
            folders = self._folders()
        return [_state(f) for f in folders if f.sync and not f.gone]

    def _folders(self):
        Folder = self.env["mailbox.folder"]
        return Folder.search_fetch(
            [("account_id", "=", self.account.id)],
            [*COLUMNS, *OPTIONAL, "name", "role", "sequence", "sync", "gone"],
        )

    def handled(self, key, without_undone=False):
        return self._folder(key)._handled(without_undone)

    def save(self, key, imported=(), skipped=(), **changes):
        folder = self._folder(key)
        folder._mark_handled(imported, skipped)
        if changes:
            folder.write(_columns(changes))

    def begin(self, state):
        changes = {name: getattr(state, name) for name in (*COLUMNS, *OPTIONAL)}
        self._folder(state.key).write(
            {
                **_columns(changes),
                "imported_uids": "",
                "skipped_uids": "",
                "undone_uids": "",
            }
        )
        self._has_vanished = None

    def folder_gone(self, key):
        self._folder(key)._mark_gone()

    def purge(self, before):
        folders = self._folders().filtered(
            lambda folder: folder.gone and folder.gone_at and folder.gone_at < before
        )
        if folders:
            self.transaction(folders._forget)

    def _folder(self, key):
        return self.env["mailbox.folder"].browse(key)

    # ------------------------------------------------------------------
    # Locations
    # ------------------------------------------------------------------

    def locations(self, key):
        self.env.cr.execute(
            """
            SELECT location.uid
              FROM mailbox_location location
              JOIN mailbox_folder folder ON folder.id = location.folder_id
             WHERE location.folder_id = %s
               AND location.uidvalidity = folder.uidvalidity
            """,
            [key],
        )
        return UidRanges.from_uids(uid for (uid,) in self.env.cr.fetchall())

    def header_hashes(self, key, limit):
        self.env.cr.execute(
            """
            SELECT location.uid, location.header_hash
              FROM mailbox_location location
              JOIN mailbox_folder folder ON folder.id = location.folder_id
             WHERE location.folder_id = %s
               AND location.uidvalidity = folder.uidvalidity
               AND location.header_hash IS NOT NULL
             ORDER BY location.uid DESC
             LIMIT %s
            """,
            [key, limit],
        )
        return dict(self.env.cr.fetchall())

    def may_rebind(self):
        if self._has_vanished is None:
            self.env.cr.execute(
                """
                SELECT EXISTS (
                    SELECT FROM mailbox_location location
                      JOIN mailbox_folder folder ON folder.id = location.folder_id
                     WHERE folder.account_id = %s
                       AND (folder.gone OR location.uidvalidity != folder.uidvalidity))
                """,
                [self.account.id],
            )
            self._has_vanished = self.env.cr.fetchone()[0]
        return self._has_vanished

    def rebind(self, key, headers, vanished):
        by_hash = {h.header_hash: h.uid for h in headers if h.header_hash}
        vanished = {folder: uids for folder, uids in vanished.items() if uids}
        if not by_hash or not (vanished or self.may_rebind()):
            return set()
        pairs = [(folder, uid) for folder, uids in vanished.items() for uid in uids]
        self.env.cr.execute(
            """
            SELECT DISTINCT ON (location.header_hash)
                   location.header_hash, location.id
              FROM mailbox_location location
              JOIN mailbox_folder folder ON folder.id = location.folder_id
              LEFT JOIN unnest(%(folders)s::int4[], %(uids)s::int8[])
                        AS vanished (folder_id, uid)
                ON vanished.folder_id = location.folder_id
               AND vanished.uid = location.uid
             WHERE folder.account_id = %(account)s
               AND location.header_hash = ANY(%(hashes)s)
               AND (vanished.uid IS NOT NULL
                    OR folder.gone
                    OR location.uidvalidity != folder.uidvalidity)
             ORDER BY location.header_hash, location.id
            """,
            {
                "account": self.account.id,
                "hashes": list(by_hash),
                "folders": [folder for folder, _uid in pairs],
                "uids": [uid for _folder, uid in pairs],
            },
        )
        moved = {by_hash[digest]: number for digest, number in self.env.cr.fetchall()}
        if moved:
            self.env.cr.execute(
                """
                UPDATE mailbox_location location
                   SET folder_id = folder.id, uidvalidity = folder.uidvalidity,
                       uid = value.uid
                  FROM unnest(%s::int4[], %s::int8[]) AS value (id, uid),
                       mailbox_folder folder
                 WHERE location.id = value.id AND folder.id = %s
                   AND NOT EXISTS (
                        SELECT FROM mailbox_location there
                         WHERE there.folder_id = folder.id
                           AND there.uidvalidity = folder.uidvalidity
                           AND there.uid = value.uid)
                """,
                [list(moved.values()), list(moved), key],
            )
            self._locations_changed()
        return set(moved)

    def drop(self, key, uids):
        self.env.cr.execute(
            """
            DELETE FROM mailbox_location location
             USING mailbox_folder folder
             WHERE folder.id = %s AND location.folder_id = folder.id
               AND location.uidvalidity = folder.uidvalidity
               AND location.uid = ANY(%s::int8[])
            """,
            [key, list(uids)],
        )
        self._locations_changed()

    def drop_renumbered(self):
        self.env.cr.execute(
            """
            DELETE FROM mailbox_location location
             USING mailbox_folder folder
             WHERE folder.account_id = %s AND location.folder_id = folder.id
               AND location.uidvalidity != folder.uidvalidity
            """,
            [self.account.id],
        )
        self._locations_changed()

    def _locations_changed(self):
        self._has_vanished = None
        self.env["mailbox.location"].invalidate_model(flush=False)
        self.env["mailbox.message"].invalidate_model(["location_ids"], flush=False)

    # ------------------------------------------------------------------
    # Messages
    # ------------------------------------------------------------------

    def match(self, headers):
        if self._matcher is None:
            self._matcher = Matcher(self.env, self.account)
        headers = list(headers)
        matches = self._matcher.match(headers)
        kinds = self._new_mail().wanted(headers)
        return {
            uid: Wanted(matches.get(uid, []), kinds.get(uid, ""))
            for uid in matches.keys() | kinds.keys()
        }

    def internal(self, headers):
        # Asked after ``match``: the matcher is there.
        return sum(self._matcher.is_internal(one.addresses) for one in headers)

    def import_messages(self, key, messages):
        candidates = [
            Candidate(header, wanted.matches, raw, answers=bool(wanted.kind))
            for header, wanted, raw in messages
        ]
        known = [candidate for candidate in candidates if candidate.matches]
        importer = self._importer(key)
        importer.backfill_id = self._serving.key if self._serving else 0
        counts = importer.run(known, tell=False)
        self._shown |= importer.shown
        importer.shown = set()
        strangers = len(candidates) - len(known)
        counts.add(Counts(seen=strangers, skipped=strangers))
        kinds = [wanted.kind for _header, wanted, _raw in messages]
        self.pass_on(importer, list(zip(candidates, kinds, strict=True)))
        return counts

    def pass_on(self, importer, messages):
        """Queue what new mail sets off, for when this transaction is committed; see
        :meth:`Inbound.queue`."""
        self._queued += self._new_mail().queue(importer, messages)

    def _new_mail(self):
        if self._inbound is None:
            self._inbound = Inbound(self.account)
        return self._inbound

    def keep_failed(self, key, failures):
        for uid, failure in failures.items():
            reason = explain_import_failure(self.env, failure)
            self._importer(key).keep_failed(uid, reason)

    def _importer(self, key):
        if key not in self._importers:
            self._importers[key] = Importer(self._folder(key))
        return self._importers[key]

    # ------------------------------------------------------------------
    # The account
    # ------------------------------------------------------------------

    def now(self):
        return fields.Datetime.now()


def _state(folder) -> FolderState:
    values = {name: folder[name] for name in COLUMNS}
    values.update((name, folder[name] or None) for name in OPTIONAL)
    return FolderState(folder.id, **values)


def _columns(changes: dict) -> dict:
    return {name: False if value is None else value for name, value in changes.items()}
