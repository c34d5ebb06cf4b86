from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from .backfill import OPEN
from .sync import NOW, NOW_HARD

#: Imports that are over and still shown on the form.
SHOWN = 1


class MailboxAccountSync(models.AbstractModel):
    """Reading a mailbox: Sync now, and the imports of its history: begun, gone on with,
    shown.
    """

    _name = "mailbox.account.sync"
    _description = "Mailbox: reading"

    failed_import_count = fields.Integer(
        string="Could not be read", compute="_compute_failed_import_count"
    )
    progress = fields.Json(
        compute="_compute_progress",
        string="Import of history",
        help="The imports that are not over, and the last one that is.",
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
            # sudo: any user may ask for their mailbox to be served
            self.env["ir.cron"].sudo()._mailbox_trigger(name)

    def action_sync_now(self):
        """Read new mail, and go on with history, for as long as a person waits."""
        sync, is_left = self._sync_now()
        if sync:
            sync_service = self.env["mailbox.sync"]
            kind, text = "success", sync_service._result_text(self.sudo(), sync)
            if is_left:
                text += " " + self.env._("It goes on by itself.")
        elif self.imap_problem:
            kind, text = "danger", self.imap_problem
        else:
            kind = "warning"
            text = self.env._("This mailbox is being read at this moment.")
        if sync:
            self.sudo().last_result = text
        return self._notification_action(kind, text)

    def _sync_now(self):
        """Serve this mailbox while somebody waits.

        :return: the :class:`services.sync.Sync` that ran, or None: busy, or it failed;
            and whether it goes on by itself
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
        sync = self.env["mailbox.sync"]._sync(
            self, "backfill", NOW, NOW_HARD, by_person=True
        )
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
        """Show ``text`` on the screen and the form as it is now."""
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
            account.progress = [one._progress() for one in is_open + over]

    def _start_backfill(self, days, folders=None):
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
        self._trigger_crons("ir_cron_new_mail", "ir_cron_backfill")
        return backfill.sudo(self.env.su)

    def _reopen_backfill(self):
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
                account._trigger_crons("ir_cron_backfill")
        return any(
            one.state == "running" and not one.folder_ids
            for one in self.sudo().backfill_ids
        )

    def action_import_more(self):
        """The dialog that says how far back mail has been read, and imports more."""
        self.ensure_one()
        self.check_access("write")
        return self.env["mailbox.backfill.start"]._for(self)._reopen()

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

    # ------------------------------------------------------------------
    # When it was last read
    # ------------------------------------------------------------------

    # Each pass notes when it got through. On the lease, so that a pass without news
    # leaves the mailbox's row to the people who edit it.

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
