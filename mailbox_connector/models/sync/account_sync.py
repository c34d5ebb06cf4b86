from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...services.sync.mailbox_pass import WAITED_FOR, PassRequest
from .backfill import OPEN

#: Finished imports that are still shown on the form.
SHOWN = 1


class MailboxAccountSync(models.AbstractModel):
    """Reading a mailbox: Sync now, and imports of older mail."""

    _name = "mailbox.account.sync"
    _description = "Mailbox: reading"

    failed_import_count = fields.Integer(
        string="Number of failed imports", compute="_compute_failed_import_count"
    )
    progress = fields.Json(
        compute="_compute_progress",
        string="Imports",
        help="The imports that are not finished, and the last finished one.",
    )

    @api.depends("failed_import_ids")
    def _compute_failed_import_count(self):
        counts = dict(
            self.env["mailbox.failed.import"]._read_group(
                [("account_id", "in", self.ids)], ["account_id"], ["__count"]
            )
        )
        for account in self:
            account.failed_import_count = counts.get(account, 0)

    def _trigger_crons(self, *names):
        for name in names:
            # sudo: any user may have their mailbox served soon
            self.env["ir.cron"].sudo()._mailbox_trigger(name)

    def action_sync_now(self):
        """Import new mail and continue imports, for the time that a person waits."""
        sync, is_left = self._sync_now()
        if sync:
            sync_service = self.env["mailbox.sync"]
            kind, text = "success", sync_service.result_text(self.sudo(), sync)
            if is_left:
                text += " " + self.env._("The rest follows automatically.")
        elif self.imap_problem:
            kind, text = "danger", self.imap_problem
        else:
            kind = "warning"
            text = self.env._("This mailbox is being synced right now.")
        if sync:
            self.sudo().last_result = text
        return self._notification_action(kind, text)

    def _sync_now(self):
        """Serve this mailbox while somebody waits.

        :return: the :class:`services.sync.mailbox_pass.MailboxPass` that ran, or None
            if the mailbox is busy or the pass failed; and whether it continues
            automatically
        :raise AccessError: the user is neither owner, member nor manager
        :raise UserError: it is not connected
        """
        self.ensure_one()
        self.check_access("read")
        if self.state != "connected":
            raise UserError(
                self.env._(
                    "Connect this mailbox first: press Connect IMAP, then Import."
                )
            )
        request = PassRequest("backfill", *WAITED_FOR, by_person=True)
        sync = self.env["mailbox.sync"].serve(self, request)
        self.invalidate_recordset()
        is_left = bool(sync) and (sync.unfinished or self.backfill_state == "running")
        if is_left:
            self._trigger_crons("ir_cron_new_mail", "ir_cron_backfill")
        return sync, is_left

    def action_send_test(self):
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send a test e-mail"),
            "res_model": "mailbox.test.email",
            "view_mode": "form",
            "target": "new",
            "context": {"default_account_id": self.id},
        }

    def action_view_messages(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("E-mails of %s", self.email),
            "res_model": "mailbox.message",
            "view_mode": "list,form",
            "domain": self.message_domain(),
        }

    def action_view_failed_imports(self):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id(
            "mailbox_connector.mailbox_failed_import_action"
        )
        action["domain"] = [("account_id", "=", self.id)]
        return action

    def _notification_action(self, kind, text):
        """Show ``text`` on the screen, and reload the form."""
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "message": text,
                "sticky": kind != "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @api.depends("backfill_ids.state", "backfill_ids.seen", "backfill_ids.total")
    def _compute_progress(self):
        for account in self:
            imports = account.backfill_ids
            is_open = imports.filtered(lambda one: one.state in (*OPEN, "undoing"))
            over = (imports - is_open)[:SHOWN]
            account.progress = [one.progress() for one in is_open + over]

    @api.private
    def start_backfill(self, days, folders=None):
        """Begin to import new mail and the e-mail of the last ``days`` days.

        Imports that are running continue; one of the same period is not started twice.

        :param folders: ``mailbox.folder`` records, only those; None: all that are
            imported
        :return: ``mailbox.backfill``; empty for no days
        """
        self.ensure_one()
        self.check_access("write")
        if not folders:
            self.write({"backfill_days": days})
        # sudo: only the server writes imports and the mailbox's state
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
            backfill.set_state("running")
            # The newest comes first.
            account.invalidate_recordset(["backfill_ids"])
        account.state = "connected"
        if not account.started_on:
            account.started_on = fields.Date.today()
        self._trigger_crons("ir_cron_new_mail", "ir_cron_backfill")
        return backfill.sudo(self.env.su)

    @api.private
    def reopen_backfill(self):
        """Continue the import that reaches back farthest, for folders that were not
        read then; handled messages are not fetched again.

        :return: whether older mail of all folders is being imported; False if a person
            cancelled the last such import
        """
        # sudo: only the server writes imports
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
                done[0].set_state("running")
                account._trigger_crons("ir_cron_backfill")
        return any(
            one.state == "running" and not one.folder_ids
            for one in self.sudo().backfill_ids
        )

    def action_import_more(self):
        """The dialog that shows how far back mail was imported, and imports more."""
        self.ensure_one()
        self.check_access("write")
        return self.env["mailbox.backfill.start"]._for(self)._reopen()

    def action_view_imports(self):
        """All imports of older mail, in a list."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Imports of %s", self.email),
            "res_model": "mailbox.backfill",
            "view_mode": "list",
            "views": [[False, "list"]],
            "domain": [("account_id", "=", self.id)],
        }

    # ------------------------------------------------------------------
    # When it was last synced
    # ------------------------------------------------------------------

    # Each completed pass records the time on the lease, so that a pass with nothing new
    # does not write the row of the mailbox, which people edit.

    def _compute_imap_ok_at(self):
        # sudo: a lease belongs to nobody
        leases = self.env["mailbox.lease"].sudo()
        found = leases.search_fetch([("account_id", "in", self.ids)], ["ok_at"])
        ok_at = {lease.account_id.id: lease.ok_at for lease in found}
        for account in self:
            account.imap_ok_at = ok_at.get(account._origin.id, False)

    def _inverse_imap_ok_at(self):
        for account in self:
            # sudo: a lease belongs to nobody
            self.env["mailbox.lease"].sudo().search(
                [("account_id", "=", account.id)]
            ).ok_at = account.imap_ok_at
