from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.modules.module import get_manifest

from ...engine.net.deadline import Deadline
from ...services.incoming.failed_import_retry import next_attempt
from ...services.sync.mailbox_pass import WAIT_FOR_TURN, WAITED_FOR, PassRequest
from ..framework.fields import BigInteger


class MailboxFailedImport(models.Model):
    """A message that could not be imported: its original form, and the reason.

    If the server did not return the message, it has no bytes and is requested again
    later. After an upgrade of the addon all failed imports are retried.
    """

    _name = "mailbox.failed.import"
    _inherit = "mailbox.raw.mail"
    _description = "Failed import of an e-mail"
    _order = "id desc"
    _rec_name = "reason"

    _raw_number = "uid"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True, readonly=True
    )
    folder_id = fields.Many2one(
        "mailbox.folder", required=True, ondelete="cascade", index=True, readonly=True
    )
    uidvalidity = BigInteger(required=True, readonly=True)
    uid = BigInteger(required=True, readonly=True)
    received_at = fields.Datetime(string="Received on", readonly=True)
    reason = fields.Char(required=True, readonly=True)
    attempts = fields.Integer(readonly=True)
    last_attempt_at = fields.Datetime(string="Last attempt", readonly=True)
    retry_at = fields.Datetime(string="Next attempt", readonly=True)
    version = fields.Char(
        readonly=True, help="Version of the addon at the last attempt."
    )

    _location_unique = models.Constraint(
        "UNIQUE (folder_id, uidvalidity, uid)",
        "This e-mail is already listed as a failed import.",
    )

    @api.model
    @api.private
    def addon_version(self):
        """The installed version of the addon; a newer one may import what failed."""
        return get_manifest("mailbox_connector")["version"]

    @api.private
    def due(self):
        """Failed imports that are to be retried automatically now."""
        now, version = fields.Datetime.now(), self.addon_version()
        return self.filtered(
            lambda row: row.version != version or (row.retry_at and row.retry_at <= now)
        )

    @api.private
    def record_attempt(self, reason):
        """Record that an import has failed (again), and when it is retried.

        A failed import with bytes would fail again: it waits for an upgrade, or for a
        person.
        """
        for row in self:
            attempts = row.attempts + 1
            row.write(
                {
                    "reason": reason,
                    "attempts": attempts,
                    "last_attempt_at": fields.Datetime.now(),
                    "retry_at": False if row.raw_bytes() else next_attempt(attempts),
                    "version": self.addon_version(),
                }
            )

    def action_retry(self):
        """Retry these imports now, for as long as a person waits, and show how many
        succeeded. The rest is retried by the scheduled action."""
        self.check_access("read")
        accounts = self.account_id
        accounts.check_access("read")
        count, settled = len(self), 0
        rest, began = self.browse(), fields.Datetime.now()
        waited_for = Deadline(WAITED_FOR[0])
        for account, rows in self.grouped("account_id").items():
            if not waited_for.left():
                rest += rows
                continue
            sync = self._retry_now(account, rows)
            settled += sync.settled
            if sync.unfinished:
                rest += rows.exists()
        self.env.invalidate_all()
        text = self.env._(
            "Failed imports solved: %(settled)s of %(count)s.",
            settled=settled,
            count=count,
        )
        if rest:
            rest.filtered(
                lambda row: not row.last_attempt_at or row.last_attempt_at < began
            )._retry_soon()
            text += " " + self.env._("The rest follows automatically.")
        kind = "success" if settled == count else "warning"
        return accounts[:1]._notification_action(kind, text)

    def _retry_now(self, account, rows):
        """Retry failed imports of one mailbox.

        :return: the :class:`services.sync.mailbox_pass.MailboxPass` that ran
        :raise UserError: the mailbox is busy or cannot be read
        """
        request = PassRequest(
            "retry", *WAITED_FOR, failed_imports=rows, wait=WAIT_FOR_TURN
        )
        sync = self.env["mailbox.sync"].serve(account, request)
        if sync is None:
            raise UserError(
                account.imap_problem
                or self.env._(
                    "This mailbox is being synced right now. Try again in a minute."
                )
            )
        return sync

    def _retry_soon(self):
        """Let the scheduled action retry these."""
        # sudo: members may retry; the server writes the state
        self.sudo().retry_at = fields.Datetime.now()
        self.account_id._trigger_crons("ir_cron_backfill")
