from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.modules.module import get_manifest

from ...services.incoming.failed_import_retry import next_attempt
from ...services.sync.mailbox_pass import WAITED_FOR, PassRequest
from ..framework.fields import BigInteger


class MailboxFailedImport(models.Model):
    """A message that could not be imported: kept as it came, with the reason.

    One that the server did not hand out has no bytes; it is asked for again after a
    while. All are tried again after an upgrade.
    """

    _name = "mailbox.failed.import"
    _description = "E-mail that could not be read"
    _order = "id desc"
    _rec_name = "reason"

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
    raw = fields.Binary(string="The e-mail as it came", attachment=True, readonly=True)
    file_name = fields.Char(compute="_compute_file_name")
    attempts = fields.Integer(readonly=True)
    last_attempt_at = fields.Datetime(string="Last tried on", readonly=True)
    retry_at = fields.Datetime(string="Tried again on", readonly=True)
    version = fields.Char(
        readonly=True, help="The version of the addon that tried it last."
    )

    _place_unique = models.Constraint(
        "UNIQUE (folder_id, uidvalidity, uid)",
        "This e-mail has been put aside already.",
    )

    @api.depends("uid")
    def _compute_file_name(self):
        for row in self:
            row.file_name = f"e-mail-{row.uid}.eml"

    def raw_bytes(self):
        """The message, b"" where the server did not hand it out."""
        self.ensure_one()
        # sudo: the file of a field, of a row that the user may read
        file = (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", "raw"),
                    ("res_id", "=", self.id),
                ],
                limit=1,
            )
        )
        return file.raw or b""

    @api.model
    def _version(self):
        return get_manifest("mailbox_connector")["version"]

    def _due(self):
        """Those to be tried again by themselves now."""
        now, version = fields.Datetime.now(), self._version()
        return self.filtered(
            lambda row: row.version != version or (row.retry_at and row.retry_at <= now)
        )

    def _note_attempt(self, reason):
        """It could not be read (again), for ``reason``."""
        for row in self:
            attempts = row.attempts + 1
            row.write(
                {
                    "reason": reason,
                    "attempts": attempts,
                    "last_attempt_at": fields.Datetime.now(),
                    "retry_at": False if row.raw_bytes() else next_attempt(attempts),
                    "version": self._version(),
                }
            )

    def action_retry(self):
        """Try these e-mails again, and tell what came of it."""
        self.check_access("read")
        accounts = self.account_id
        accounts.check_access("read")
        count, settled = len(self), 0
        for account, rows in self.grouped("account_id").items():
            request = PassRequest("retry", *WAITED_FOR, failed_imports=rows)
            sync = self.env["mailbox.sync"].serve(account, request)
            if sync is None:
                raise UserError(
                    account.imap_problem
                    or self.env._("This mailbox is being read at this moment.")
                )
            settled += sync.settled
        self.env.invalidate_all()
        kind = "success" if settled == count else "warning"
        return accounts[:1]._notification_action(
            kind,
            self.env._(
                "%(settled)s of %(count)s e-mails could be read now.",
                settled=settled,
                count=count,
            ),
        )
