from odoo import api, fields, models
from odoo.exceptions import UserError

from .mailbox_sync import NOW, NOW_HARD


class MailboxAccount(models.Model):
    """What the buttons of a mailbox do."""

    # Apart from the fields: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.account"

    quarantine_count = fields.Integer(
        string="Could not be read", compute="_compute_quarantine_count"
    )

    @api.depends("quarantine_ids")
    def _compute_quarantine_count(self):
        counts = dict(
            self.env["mailbox.quarantine"]._read_group(
                [("account_id", "in", self.ids)], ["account_id"], ["__count"]
            )
        )
        for account in self:
            account.quarantine_count = counts.get(account, 0)

    def _wake(self, *names):
        for name in names:
            # sudo: any user may ask for their mailbox to be served
            self.env["ir.cron"].sudo()._mailbox_wake(name)

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
        return self._tell(kind, text)

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
            self, "history", NOW, NOW_HARD, by_person=True
        )
        self.invalidate_recordset()
        is_left = bool(sync) and (sync.unfinished or self.backfill_state == "running")
        if is_left:
            self._wake("ir_cron_new_mail", "ir_cron_history")
        return sync, is_left

    def action_send_test(self):
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Check the round trip"),
            "res_model": "mailbox.test.mail",
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
            "domain": self._message_domain(),
        }

    def action_view_quarantine(self):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id(
            "mailbox_connector.mailbox_quarantine_action"
        )
        action["domain"] = [("account_id", "=", self.id)]
        return action

    def _tell(self, kind, text):
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
