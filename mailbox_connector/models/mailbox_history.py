from datetime import timedelta

from odoo import api, fields, models

from .mailbox_backfill import OPEN

#: Imports that are over and still shown on the form.
SHOWN = 1


class MailboxAccount(models.Model):
    """The imports of a mailbox's history: begun, gone on with, shown."""

    # Apart from the fields: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.account"

    progress = fields.Json(
        compute="_compute_progress",
        string="Import of history",
        help="The imports that are not over, and the last one that is.",
    )

    @api.depends("backfill_ids.state", "backfill_ids.seen", "backfill_ids.total")
    def _compute_progress(self):
        for account in self:
            imports = account.backfill_ids
            is_open = imports.filtered(lambda one: one.state in (*OPEN, "undoing"))
            over = (imports - is_open)[:SHOWN]
            account.progress = [one._progress() for one in is_open + over]

    def _import_history(self, days, folders=None):
        """Start to import ``days`` days of history, and reading.

        Imports that are under way go on; one of the same window is not begun twice.

        :param folders: ``mailbox.folder`` records, those alone; None: all that are read
        :return: ``mailbox.backfill``; none for no days
        """
        self.ensure_one()
        self.check_access("write")
        if not folders:
            self.write({"backfill_days": days})
        # sudo: imports and the mailbox's state are written by nobody but the server
        account = self.sudo()
        Backfill = account.env["mailbox.backfill"]
        backfill = Backfill
        if days:
            since = fields.Date.context_today(self) - timedelta(days=days)
            folder_ids = (folders or account.env["mailbox.folder"]).ids
            backfill = account.backfill_ids.filtered(
                lambda one: (
                    one.state in OPEN
                    and one.since == since
                    and set(one.folder_ids.ids) == set(folder_ids)
                )
            )[:1]
            if not backfill:
                backfill = Backfill.create(
                    {
                        "account_id": self.id,
                        "since": since,
                        "folder_ids": [fields.Command.set(folder_ids)],
                    }
                )
            backfill._go_to("running")
            # The newest stands first.
            account.invalidate_recordset(["backfill_ids"])
        account.state = "connected"
        if not account.started_on:
            account.started_on = fields.Date.today()
        self._wake("ir_cron_new_mail", "ir_cron_history")
        return backfill.sudo(self.env.su)

    def _reopen_history(self):
        """Go on with the import that reaches back farthest, for folders that were not
        read then; what has been handled is not fetched again.

        :return: whether history of all folders is being imported; not if the last such
            import was cancelled by a person
        """
        # sudo: imports are written by nobody but the server
        for account in self.sudo():
            whole = account.backfill_ids.filtered(
                lambda one: (
                    not one.folder_ids and one.state not in ("undoing", "undone")
                )
            )
            if whole and whole[0].state in (*OPEN, "stopped"):
                continue
            done = whole.filtered(lambda one: one.state == "done").sorted("since")
            if done:
                done[0]._go_to("running")
                account._wake("ir_cron_history")
        return any(
            one.state == "running" and not one.folder_ids
            for one in self.sudo().backfill_ids
        )

    def action_more_history(self):
        """The dialog that says how far back mail has been read, and imports more."""
        self.ensure_one()
        self.check_access("write")
        return self.env["mailbox.history"]._for(self)._reopen()

    def action_view_imports(self):
        """All imports of this mailbox's history, in a list."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Imports of %s", self.email),
            "res_model": "mailbox.backfill",
            "view_mode": "list",
            "views": [[False, "list"]],
            "domain": [("account_id", "=", self.id)],
        }
