from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..exceptions import explain
from ..services import folders as folder_service
from ..services.probe import probe
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

    def action_connect(self):
        """Try both sides and open the dialog that tells what was found.

        Nothing is imported: that is the dialog's **Import**.
        """
        self.ensure_one()
        self.check_access("write")
        found = self._connect()
        dialog = self.env["mailbox.connect"].create(self._dialog_values(found))
        return dialog._reopen()

    def _connect(self):
        """Sign in to both sides, keep the folders and what did not work.

        :return: :class:`services.probe.Probe`
        """
        self.ensure_one()
        endpoints, problems = {}, {"imap": False, "smtp": False}
        for side in ("imap", "smtp"):
            if side == "smtp" and not self.smtp_host:
                continue
            try:
                endpoints[side] = self._endpoint(side)
            except UserError as error:
                problems[side] = str(error)
        found = probe(
            endpoints.get("imap"), endpoints.get("smtp"), self._egress_policy()
        )
        values = {}
        now = fields.Datetime.now()
        for side in ("imap", "smtp"):
            error = getattr(found, f"{side}_error")
            if error:
                problems[side] = explain(self.env, error)
            values[f"{side}_problem"] = problems[side]
            if side in endpoints and not problems[side]:
                values[f"{side}_ok_at"] = now
        if not problems["imap"]:
            values.update(failures=0, retry_at=False, needs_person=False)
            # sudo: the form's user has no right to make folders, Connect has
            folder_service.refresh(self.sudo(), self.sudo().folder_ids, found.folders)
        self.write(values)
        return found

    def _dialog_values(self, found):
        folders = self.folder_ids.filtered(lambda folder: not folder.gone).sorted()
        status = {f.raw_name: f.status for f in found.folders if f.status}
        return {
            "account_id": self.id,
            "backfill_days": self.backfill_days,
            "visibility": self.visibility,
            **{
                f"{side}_way_{name}": value
                for side, way in found.ways.items()
                for name, value in zip(("port", "security"), way, strict=True)
            },
            "inbox_id": folders.filtered(lambda f: f.role == "inbox")[:1].id,
            "sent_id": folders.filtered(lambda f: f.role == "sent")[:1].id,
            "folder_line_ids": [
                fields.Command.create(
                    {
                        "folder_id": folder.id,
                        "sync": folder.sync,
                        "messages": getattr(status.get(folder.raw_name), "messages", 0),
                    }
                )
                for folder in folders
            ],
        }

    def _import_history(self, days):
        """Start (or widen) the import of ``days`` days of history, and reading."""
        self.ensure_one()
        self.write({"backfill_days": days})
        today = fields.Date.context_today(self)
        # sudo: imports and the mailbox's state are written by nobody but the server
        account = self.sudo()
        account.backfill_ids.filtered(lambda b: b.state == "running").state = "stopped"
        if days:
            self.env["mailbox.backfill"].sudo().create(
                {"account_id": self.id, "since": today - timedelta(days=days)}
            )
        account.invalidate_recordset(["backfill_ids"])
        account.state = "connected"
        if not account.started_on:
            account.started_on = fields.Date.today()
        self._wake("ir_cron_new_mail", "ir_cron_history")

    def _reopen_history(self):
        """Import the window of the last import again, for folders that were not read
        then; what has been handled is not fetched again.

        :return: whether history is being imported; not if it was stopped by a person
        """
        # sudo: imports are written by nobody but the server
        for account in self.sudo():
            last = account.backfill_ids[:1]
            if last.state == "done":
                last.state = "running"
                account._wake("ir_cron_history")
        return "running" in self.sudo().mapped("backfill_state")

    def _wake(self, *names):
        for name in names:
            # sudo: any user may ask for their mailbox to be served
            self.env["ir.cron"].sudo()._mailbox_wake(name)

    def action_sync_now(self):
        """Read new mail, and go on with history, for as long as a person waits."""
        self.ensure_one()
        self.check_access("read")
        if self.state != "connected":
            raise UserError(
                self.env._(
                    "Connect this mailbox first: press Connect IMAP, then Import."
                )
            )
        sync_service = self.env["mailbox.sync"]
        sync = sync_service._sync(self, "history", NOW, NOW_HARD)
        self.invalidate_recordset()
        if sync:
            kind, text = "success", sync_service._result_text(self.sudo(), sync)
            if sync.unfinished or self.backfill_state == "running":
                self._wake("ir_cron_new_mail", "ir_cron_history")
                text += " " + self.env._("It goes on by itself.")
        elif self.imap_problem:
            kind, text = "danger", self.imap_problem
        else:
            kind = "warning"
            text = self.env._("This mailbox is being read at this moment.")
        if sync:
            self.sudo().last_result = text
        return self._tell(kind, text)

    def action_stop_history(self):
        """Stop importing history; what has come in stays."""
        self.check_access("write")
        # sudo: imports are written by nobody but the server
        self.sudo().backfill_ids.filtered(
            lambda backfill: backfill.state == "running"
        ).state = "stopped"

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
