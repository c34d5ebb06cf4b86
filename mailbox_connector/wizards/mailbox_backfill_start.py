from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..models.accounts.backfill_days import MOST_DAYS
from ..services.sync import preview, undo

#: Periods, in days, that are offered as buttons.
WINDOWS = (7, 30, 90, 365)


class MailboxBackfillStart(models.TransientModel):
    """The dialog **Import older e-mails**: how far back, from which folders, and what
    that would bring."""

    _name = "mailbox.backfill.start"
    _description = "Import older e-mails"
    _rec_name = "account_id"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", readonly=True
    )
    days = fields.Integer(string="Days back", required=True)
    folder_line_ids = fields.One2many(
        "mailbox.backfill.start.folder", "start_id", string="Folders"
    )
    preview = fields.Html(readonly=True, sanitize=False)
    preview_days = fields.Integer(readonly=True)

    _days_in_range = models.Constraint(
        f"CHECK (days BETWEEN 1 AND {MOST_DAYS})",
        f"Days to import: enter a number from 1 to {MOST_DAYS}.",
    )

    def _for(self, account):
        """The dialog for a mailbox, with the next longer period suggested."""
        folders = account.folder_ids.filtered(lambda one: one.sync and not one.gone)
        read = [folder.handled_since for folder in folders if folder.handled_since]
        today = fields.Date.context_today(self)
        reached = (today - min(read)).days if read else 0
        return self.create(
            {
                "account_id": account.id,
                "days": next((n for n in WINDOWS if n > reached), WINDOWS[-1]),
                "folder_line_ids": [
                    fields.Command.create({"folder_id": folder.id})
                    for folder in folders.sorted()
                ],
            }
        )

    def action_window(self):
        """Choose another period by a button, and show what it would bring."""
        self.ensure_one()
        days = self.env.context.get("mailbox_days")
        if days in WINDOWS:
            self.days = days
        return self.action_preview()

    def action_preview(self):
        """Show what the import would bring, from headers alone."""
        self.ensure_one()
        self.account_id.check_access("write")
        since = fields.Date.context_today(self) - timedelta(days=self.days)
        found = preview.preview_for(self.env, self.account_id, self._chosen(), since)
        self.preview = preview.render(self.env, found)
        self.preview_days = self.days
        return self._reopen()

    def action_import(self):
        """Begin; the form shows the progress."""
        self.ensure_one()
        folders = self._chosen()
        is_all = len(folders) == len(self.folder_line_ids)
        self.account_id.start_backfill(self.days, None if is_all else folders)
        return {"type": "ir.actions.act_window_close"}

    def _chosen(self):
        folders = self.folder_line_ids.filtered("chosen").folder_id
        if not folders:
            raise UserError(self.env._("Choose at least one folder."))
        return folders

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import older e-mails"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            # The screen opens it without asking the server again.
            "views": [[False, "form"]],
            "target": "new",
        }


class MailboxBackfillStartFolder(models.TransientModel):
    """A folder in the dialog, and whether it is imported."""

    _name = "mailbox.backfill.start.folder"
    _description = "Folder to import older e-mails from"
    _rec_name = "folder_id"

    start_id = fields.Many2one(
        "mailbox.backfill.start", required=True, ondelete="cascade"
    )
    folder_id = fields.Many2one(
        "mailbox.folder", required=True, ondelete="cascade", readonly=True
    )
    chosen = fields.Boolean(string="Import", default=True)
    reached = fields.Char(string="Imported so far", compute="_compute_reached")

    def _compute_reached(self):
        for line in self:
            day = line.folder_id.handled_since
            line.reached = (
                self.env._("back to %s", format_date(self.env, day))
                if day
                else self.env._("only new e-mails")
            )


class MailboxBackfillUndo(models.TransientModel):
    """The dialog **Undo this import**: what is removed, what is kept, and why."""

    _name = "mailbox.backfill.undo"
    _description = "Undo an import"
    _rec_name = "backfill_id"

    backfill_id = fields.Many2one(
        "mailbox.backfill", required=True, ondelete="cascade", readonly=True
    )
    preview = fields.Html(compute="_compute_preview", sanitize=False)

    def _compute_preview(self):
        for dialog in self:
            dialog.backfill_id.account_id.check_access("write")
            # sudo: e-mails of contacts that the user may not read are removed as well
            found = undo.Undo(dialog.backfill_id.sudo()).preview()
            dialog.preview = undo.render(self.env, found)

    def action_confirm(self):
        self.ensure_one()
        self.backfill_id.start_undo()
        return {"type": "ir.actions.act_window_close"}

    def _open(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Undo this import"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            # The screen opens it without asking the server again.
            "views": [[False, "form"]],
            "target": "new",
        }
