"""What other programs may do with a mailbox."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...services.sync import preview
from .backfill_days import MOST_DAYS


class MailboxAccountApi(models.AbstractModel):
    """What other programs may do with a mailbox: ``docs/api.md`` describes it.

    Every method answers with plain values (days as ``YYYY-MM-DD``, moments as
    ``YYYY-MM-DD HH:MM:SS`` in UTC, False for nothing) and checks what the calling user
    may do. A server that refuses the sign-in is an answer, not an error.
    """

    _name = "mailbox.account.api"
    _description = "Mailbox: for other programs"

    def test(self):
        """Test the connection to both servers; nothing is imported or sent.

        :return: ``{"imap": result, "smtp": result}``; a result has ``ok`` (False also
            if no server is set), ``problem``, ``field`` that it points to, and
            ``steps`` ({"name", "ok", "text"})
        :raise AccessError: the user may not change the mailbox
        """
        self.ensure_one()
        results, _tests = self._test_connection()
        return {
            side: {
                "ok": bool(result["ok"]),
                "problem": result["problem"],
                "field": result["field"],
                "steps": [
                    {name: step[name] for name in ("name", "ok", "text")}
                    for step in result["steps"]
                ],
            }
            for side, result in results.items()
        }

    def connect(self, days=7, folders=None):
        """Test the connection and, if the mailbox can be read, begin to import: new
        e-mails from now on, and those of the past ``days`` days.

        :param int days: 0 for new e-mails alone
        :param list folders: names of the folders to import past e-mails from; None: all
            that are read
        :return: as :meth:`test`, with ``connected`` and ``import`` (as of
            :meth:`backfill`; False if none was begun)
        :raise UserError: a folder does not exist, or days are out of range
        """
        self.ensure_one()
        self._check_days(days)
        found = self.test()
        answer = {**found, "connected": found["imap"]["ok"], "import": False}
        if answer["connected"]:
            begun = self.start_backfill(days, self._folders_named(folders))
            if begun:
                answer["import"] = begun.progress()
        return answer

    def backfill(self, days, folders=None, only_preview=False):
        """Import the e-mails of the past ``days`` days, as far as they are missing.

        :param list folders: names of folders; None: all that are read
        :param bool only_preview: import nothing, return what would be imported
        :return: the progress of the import: ``id`` (of ``mailbox.backfill``, which has
            ``action_pause``, ``action_resume``, ``action_cancel``), ``state``,
            ``since``, ``total``, ``seen``, ``matched``, ``linked``, ``skipped``,
            ``failed``, ``rate`` (messages a second), ``seconds_left``; of a
            preview: ``seen`` of what is new, ``left`` (not looked at for lack of
            time), ``here`` already, ``matched``, ``newsletters``, ``strangers``,
            ``bytes``, ``oldest``, ``newest``
        :raise UserError: the mailbox is not connected, or cannot be read
        """
        self.ensure_one()
        self.check_access("write")
        self._check_days(days)
        if self.state != "connected":
            raise UserError(self.env._("Connect this mailbox first."))
        chosen = self._folders_named(folders)
        if not only_preview:
            begun = self.start_backfill(days, chosen)
            return begun.progress() if begun else False
        read = chosen or self.folder_ids.filtered(lambda one: one.sync and not one.gone)
        since = fields.Date.context_today(self) - timedelta(days=days)
        found = preview.preview_for(self.env, self, read, since)
        return {
            **{name: getattr(found, name) for name in ("seen", "left", "here")},
            "matched": found.matched,
            "newsletters": found.newsletters,
            "strangers": found.strangers,
            "bytes": found.size,
            "oldest": _moment(found.oldest),
            "newest": _moment(found.newest),
        }

    def sync(self):
        """Read new e-mails, and continue an import, for at most some 20 seconds.

        :return: ``ok``; ``busy``: another worker is reading it at this moment;
            ``problem``; ``unfinished``: it continues automatically; ``new`` and
            ``backfill``: counts ``seen``, ``matched``, ``linked``, ``skipped``,
            ``failed``
        :raise AccessError: the user is neither owner, member nor manager
        :raise UserError: the mailbox is not connected
        """
        sync, is_left = self._sync_now()
        problem = self.imap_problem or False
        answer = {
            "ok": bool(sync),
            "busy": not sync and not problem,
            "problem": problem,
            "unfinished": is_left,
        }
        if sync:
            for name in ("new", "backfill"):
                counts = getattr(sync, name)
                answer[name] = {
                    key: getattr(counts, key)
                    for key in ("seen", "matched", "linked", "skipped", "failed")
                }
        return answer

    def status(self):
        """The state of these mailboxes, in their order.

        :return: for each ``id``, ``email``, ``name``, ``health`` (draft, connected,
            importing, waiting, action_needed), ``imap`` and ``smtp`` ({"ok", "problem",
            "field", "last_ok", "next_try"}), ``new_today``, ``failed_imports``,
            ``imports`` that are running or paused (as of :meth:`backfill`),
            ``folders`` ({"name", "role", "read", "messages", "handled_since"})
        :raise AccessError: the user may not see one of them
        """
        self.check_access("read")
        return [account._status() for account in self]

    def _status(self):
        next_read = not self.needs_person and self.retry_at
        running = self.backfill_ids.filtered(lambda b: b.state in ("running", "paused"))
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "health": self.health,
            "imap": self._connection_status("imap", next_read),
            "smtp": self._connection_status("smtp", self.sending_paused_until),
            "new_today": self.new_today,
            "failed_imports": self.failed_import_count,
            "imports": [one.progress() for one in running],
            "folders": [
                {
                    "name": folder.name,
                    "role": folder.role,
                    "read": folder.sync and not folder.gone,
                    "messages": folder.messages,
                    "handled_since": fields.Date.to_string(folder.handled_since)
                    or False,
                }
                for folder in self.folder_ids
            ],
        }

    def _connection_status(self, side, next_try):
        problem = self[f"{side}_problem"] or False
        last_ok = self[f"{side}_ok_at"]
        return {
            "ok": bool(last_ok) and not problem,
            "problem": problem,
            "field": self[f"{side}_problem_field"] or False,
            "last_ok": _moment(last_ok),
            "next_try": _moment(next_try),
        }

    # ------------------------------------------------------------------

    @api.model
    def _check_days(self, days):
        is_number = isinstance(days, int) and not isinstance(days, bool)
        if not (is_number and 0 <= days <= MOST_DAYS):
            raise ValidationError(
                self.env._("Days to import: enter a number from 0 to %s.", MOST_DAYS)
            )

    def _folders_named(self, names):
        """Folders by their names; None for None.

        :raise UserError: one does not exist
        """
        if names is None:
            return None
        there = self.folder_ids.filtered(lambda folder: not folder.gone)
        found = there.filtered(lambda folder: folder.name in names)
        if missing := set(names) - set(found.mapped("name")):
            raise UserError(
                self.env._(
                    "This mailbox has no folder named %s.",
                    ", ".join(sorted(map(str, missing))),
                )
            )
        return found


def _moment(moment):
    return fields.Datetime.to_string(moment) or False
