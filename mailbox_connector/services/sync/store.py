"""Stores what a pass over a mailbox finds: Odoo's half of ``engine.sync``.

The engine decides what to check, fetch and forget; it knows a mailbox only by the
interface :class:`~...engine.sync.interfaces.Store`, which :class:`OdooStore`
implements::

    store = OdooStore(account, env.cr.commit)
    AccountPass(session, store, deadline).run(backfill=True)
    store.finish()

How it fits together:

- **Keys.** A folder's key is the id of its ``mailbox.folder``, a backfill's key the id
  of its ``mailbox.backfill``. The columns of a folder are the engine's ``FolderState``,
  plus its handled UIDs.
- **Transactions.** Everything the engine does between two commits is given to
  :meth:`OdooStore.transaction`, which commits it, or rolls back and retries it after a
  conflict with another worker. So the cursor is always saved together with what it
  describes. After a rollback, the caches of this object (matcher, importers, …) are
  dropped, since they may be outdated.
- **Cost.** Statements per batch do not depend on its size: one to match, some to
  import, one to save the folder. Locations are read and written in SQL, because there
  are many and the ORM never reads them.
- **Open chatters** reload with the commit for new mail, and once at the end for a
  backfill (:meth:`OdooStore.finish`). What new mail triggers (replies to documents,
  delivery reports, notifications) is queued in the transaction and done after it.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable

from odoo import fields
from odoo.exceptions import UserError

from ...engine.errors import EngineError
from ...engine.imap.ranges import UidRanges
from ...engine.sync.interfaces import Backfill, BatchFailed
from ...engine.sync.state import Counts, FolderState, SkipReason
from ...error_messages import explain, explain_import_failure
from ..framework.concurrency import CONFLICT_ERRORS, retry_on_conflict
from ..incoming import inbound_queue
from ..incoming.after_import import AfterImport, FetchReason
from ..incoming.candidate import Candidate
from ..incoming.importer import Importer
from ..incoming.matcher import Matcher
from . import folder_list

_logger = logging.getLogger(__name__)

#: Seconds between two updates of a backfill's progress on open screens.
NOTIFY_EVERY = 1.0
#: Attributes of a :class:`FolderState` that are columns of the same name.
COLUMNS = (
    "raw_name",
    "uidnext",
    "messages",
    "first_uid",
    "next_uid",
    "rebind_below",
)
#: Those that record how far the work has come.
PROGRESS = frozenset({"next_uid", "rebind_below", "reconciled_at", "suspects"})
#: The same for those that are empty if a state has None.
OPTIONAL = (
    "uidvalidity",
    "highestmodseq",
    "handled_since",
    "imap_object_id",
    "reconciled_at",
)
#: Further columns that a pass needs, and that the server's list of folders is compared
#: with.
FURTHER = ("suspects", "problem", "name", "role", "sequence", "sync", "gone")
FURTHER += ("found_elsewhere",)


class OdooStore:
    """See :class:`engine.sync.interfaces.Store`.

    :param account: ``mailbox.account``, under a lease, in a superuser environment
    :param commit: ends the transaction
    """

    def __init__(self, account, commit: Callable[[], object]):
        self.account = account
        self.env = account.env
        self.commit = commit
        self._matcher: Matcher | None = None
        self._has_vanished: bool | None = None
        self._known_folders = None
        self._importers: dict[int, Importer] = {}
        #: Ids of folders that are reported as gone.
        self._reported: list[int] = []
        #: Contacts whose open chatters have not been reloaded yet.
        self._shown: set[int] = set()
        #: What new mail triggers after the commit: ``mailbox.inbound`` ids.
        self._queued: list[int] = []
        self._after_import: AfterImport | None = None
        #: Whether anything was saved that need not be done again.
        self.has_progress = False
        #: The backfill that is being served.
        self._serving: Backfill | None = None
        self._is_backfill = False
        self._notified_at = 0.0

    # ------------------------------------------------------------------
    # Transactions
    # ------------------------------------------------------------------

    def transaction(self, work):
        """Do ``work`` and commit; retried on a fresh transaction after a conflict.

        Open chatters reload with the commit; those of a backfill at the end, see
        :meth:`finish`.
        """

        def attempt():
            self._is_backfill = False
            result = self._expecting(work)
            if not self._is_backfill:
                self._reload_chatters()
            self.commit()
            queued, self._queued = self._queued, []
            if queued:
                inbound_queue.process_rows(self.env, queued)
            return result

        return retry_on_conflict(attempt, self.rollback)

    @staticmethod
    def _expecting(work):
        """Do ``work``; an error that nobody expects becomes a :class:`BatchFailed`."""
        try:
            return work()
        except (*CONFLICT_ERRORS, OSError, EngineError, UserError):
            raise
        except Exception as error:
            _logger.warning("A batch of e-mails failed", exc_info=True)
            raise BatchFailed from error

    def rollback(self):
        self.env.cr.rollback()
        self._matcher = None
        self._has_vanished = None
        self._known_folders = None
        self._importers = {}
        self._after_import = None
        self._queued = []

    def finish(self):
        """Reload, once, the open chatters that show what a backfill imported."""
        if self._shown:
            self._reload_chatters()
            self.commit()

    def _reload_chatters(self):
        if self._shown:
            self.env["res.partner"].browse(self._shown).mailbox_reload_chatter()
            self._shown = set()

    # ------------------------------------------------------------------
    # Folders
    # ------------------------------------------------------------------

    def folders(self):
        self._known_folders = self._folders()
        return [_state(folder) for folder in self._known_folders]

    def refresh(self, listed, renamed, unreadable=()):
        folders = self._known_folders or self._folders()
        self._known_folders = None
        if renamed:
            folders.rename(renamed)
        if listed is not None and (
            folder_list.refresh(self.account, folders, listed, unreadable) or renamed
        ):
            folders = self._folders()
            self._has_vanished = None
        self._reported = [
            f.id for f in folders if f.sync and f.gone and not f.found_elsewhere
        ]
        return [_state(f) for f in folders if f.sync and not f.gone]

    def _folders(self):
        Folder = self.env["mailbox.folder"]
        return Folder.search_fetch(
            [("account_id", "=", self.account.id)],
            [*COLUMNS, *OPTIONAL, *FURTHER],
        )

    def handled(self, key, without_undone=False):
        return self._folder(key).handled(without_undone)

    def save(self, key, imported=(), skipped=None, **changes):
        folder = self._folder(key)
        folder.mark_handled(imported, skipped)
        if changes:
            folder.write(_columns(changes))
        if imported or skipped or PROGRESS & changes.keys():
            self.has_progress = True

    def begin(self, state):
        names = (*COLUMNS, *OPTIONAL, "suspects")
        changes = {name: getattr(state, name) for name in names}
        folder = self._folder(state.key)
        folder.forget_handled()
        folder.write(_columns(changes))
        self._has_vanished = None

    def folder_gone(self, key):
        self._folder(key).mark_gone()

    def release_gone(self):
        if self._reported:
            gone = self.env["mailbox.folder"].browse(self._reported)
            self.transaction(gone.release_gone)

    def folder_problem(self, key, error):
        env = self.account.with_context(lang=self.account.owner_id.lang).env
        text = error and explain(env, error, self.account.provider_id)
        self._folder(key).record_problem(text or False)

    def known_good(self, key):
        return self._folder(key).known_good()

    def purge(self, before):
        folders = self._folders().filtered(
            lambda folder: folder.gone and folder.gone_at and folder.gone_at < before
        )
        if folders:
            self.transaction(folders.forget_state)

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
        kinds = self._new_mail().kinds(headers)
        return {
            uid: FetchReason(matches.get(uid, []), kinds.get(uid, ""))
            for uid in matches.keys() | kinds.keys()
        }

    def skip_reasons(self, headers):
        # Called after ``match``, so the matcher exists.
        return {
            header.uid: SkipReason.INTERNAL
            if self._matcher.is_internal(header.addresses)
            else SkipReason.NO_CONTACT
            for header in headers
        }

    def import_messages(self, key, messages):
        candidates = [
            Candidate(
                header, wanted.matches, raw, replies_to_document=bool(wanted.kind)
            )
            for header, wanted, raw in messages
        ]
        known = [candidate for candidate in candidates if candidate.matches]
        importer = self._importer(key)
        importer.backfill_id = self._serving.key if self._serving else 0
        counts = importer.run(known, reload=False)
        self._shown |= importer.contacts_to_reload
        importer.contacts_to_reload = set()
        kinds = [wanted.kind for _header, wanted, _raw in messages]
        self.enqueue_inbound(importer, list(zip(candidates, kinds, strict=True)))
        strangers = [one for one in candidates if not one.matches]
        processed = {
            one.header.uid: SkipReason.PROCESSED
            for one in strangers
            if not one.is_failed
        }
        counts.add(Counts(seen=len(strangers), failed=len(strangers) - len(processed)))
        counts.add(Counts.of_skipped(processed.values()))
        return counts, {**importer.skipped, **processed}

    def enqueue_inbound(self, importer, messages):
        """Queue what new e-mails trigger, to be done once this transaction is
        committed; see :meth:`AfterImport.enqueue`."""
        self._queued += self._new_mail().enqueue(importer, messages)

    def _new_mail(self):
        if self._after_import is None:
            self._after_import = AfterImport(self.account)
        return self._after_import

    def keep_failed(self, key, failures):
        for uid, failure in failures.items():
            reason = explain_import_failure(self.env, failure)
            self._importer(key).keep_failed(uid, reason)

    def _importer(self, key):
        if key not in self._importers:
            self._importers[key] = Importer(self._folder(key))
        return self._importers[key]

    # ------------------------------------------------------------------
    # Backfills
    # ------------------------------------------------------------------

    def reopen_backfill(self):
        return self.account.reopen_backfill()

    def backfills(self):
        running = self.account.backfill_ids.filtered(lambda b: b.state == "running")
        return [backfill.for_engine() for backfill in running.sorted("id")]

    def serve(self, backfill):
        self._serving = backfill
        self._notified_at = 0.0

    def is_wanted(self):
        # Read again: a person may have changed it a moment ago.
        backfill = self._backfill()
        backfill.invalidate_recordset(["state"], flush=False)
        return backfill.state == "running"

    def backfill_found(self, left):
        self._backfill().record_left(left)
        self._notify_progress()

    def backfill_counted(self, counts: Counts):
        self._is_backfill = True
        self._backfill().add_counts(counts)
        self._notify_progress()

    def backfill_read(self, key, since):
        folder = self._folder(key)
        self._backfill().record_read_before(folder)
        folder.handled_since = since

    def backfill_done(self):
        self._backfill().set_state("done")

    def _backfill(self):
        return self.env["mailbox.backfill"].browse(self._serving and self._serving.key)

    def _notify_progress(self):
        """Notify people at most once a second, but immediately when it was stopped."""
        now, backfill = time.monotonic(), self._backfill()
        if backfill.state != "running" or now - self._notified_at >= NOTIFY_EVERY:
            self._notified_at = now
            backfill.notify_progress()

    # ------------------------------------------------------------------
    # The account
    # ------------------------------------------------------------------

    def started_on(self):
        return self.account.started_on or fields.Date.today()

    def now(self):
        return fields.Datetime.now()


def _state(folder) -> FolderState:
    values = {name: folder[name] for name in COLUMNS}
    values.update((name, folder[name] or None) for name in OPTIONAL)
    suspects = {
        uid: int(strikes)
        for strikes, uids in (folder.suspects or {}).items()
        for uid in UidRanges.parse(uids)
    }
    return FolderState(
        folder.id, suspects=suspects, problem=bool(folder.problem), **values
    )


def _columns(changes: dict) -> dict:
    values = {
        name: False if value is None else value for name, value in changes.items()
    }
    if "suspects" in values:
        values["suspects"] = _by_strikes(values["suspects"]) or False
    return values


def _by_strikes(suspects: dict[int, int]) -> dict[str, str]:
    """UIDs, as compressed ranges, by their strikes."""
    uids = defaultdict(list)
    for uid, strikes in suspects.items():
        uids[str(strikes)].append(uid)
    return {strikes: str(UidRanges.from_uids(mine)) for strikes, mine in uids.items()}
