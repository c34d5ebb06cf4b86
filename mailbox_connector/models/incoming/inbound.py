from datetime import timedelta

from odoo import api, fields, models
from odoo.tools.constants import GC_UNLINK_LIMIT

from ...services.framework.scheduled_work import work_off
from ...services.incoming import inbound_queue

#: How long processed rows are kept, so that an e-mail is not processed again.
KEEP_DONE = timedelta(days=400)


class MailboxInbound(models.Model):
    """A new e-mail that triggers something: a queue, and a record of what was done.

    A row is created by the transaction that imports its e-mail, and processed once in
    a transaction of its own (:mod:`services.incoming.inbound_queue`): several mailboxes
    and folders may have the e-mail, and two workers may pick the same row. Only hashes
    of a processed row are kept.
    """

    _name = "mailbox.inbound"
    _inherit = "mailbox.raw.mail"
    _description = "New e-mail to process"
    _order = "id desc"
    _rec_name = "subject"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True, readonly=True
    )
    kind = fields.Selection(
        [
            ("reply", "Reply to a document"),
            ("report", "Delivery report"),
            ("notification", "Notification of members"),
        ],
        required=True,
        readonly=True,
    )
    message_id_hash = fields.Char(required=True, size=32, readonly=True)
    fingerprint = fields.Char(required=True, size=64, readonly=True)
    mailbox_message_id = fields.Many2one(
        "mailbox.message", ondelete="cascade", index="btree_not_null", readonly=True
    )
    email_from = fields.Char(string="From", readonly=True)
    subject = fields.Char(readonly=True)
    state = fields.Selection(
        [("waiting", "Waiting"), ("done", "Done"), ("failed", "Needs attention")],
        required=True,
        default="waiting",
        readonly=True,
    )
    reason = fields.Char(readonly=True)
    attempts = fields.Integer(readonly=True)
    retry_at = fields.Datetime(string="Next attempt", readonly=True)

    # An e-mail is processed once, even if several mailboxes have it; but each mailbox
    # notifies its own members.
    _once_idx = models.UniqueIndex(
        "(message_id_hash, fingerprint) WHERE kind != 'notification'"
    )
    _notification_once_idx = models.UniqueIndex(
        "(account_id, message_id_hash, fingerprint) WHERE kind = 'notification'"
    )
    _waiting_idx = models.Index("(id) WHERE state = 'waiting'")

    @api.private
    def mark_done(self):
        """Mark rows as processed, or no longer wanted; only their hashes are kept."""
        self.raw_files().unlink()
        self.write(
            {
                "state": "done",
                "reason": False,
                "retry_at": False,
                "email_from": False,
                "subject": False,
                "mailbox_message_id": False,
            }
        )

    @api.model
    def _cron_process(self):
        """Process the rows that are due."""

        def find(done):
            return self.search(
                [
                    ("state", "=", "waiting"),
                    ("account_id.active", "=", True),
                    "|",
                    ("retry_at", "=", False),
                    ("retry_at", "<=", fields.Datetime.now()),
                    ("id", "not in", done),
                ],
                order="id",
            )

        def process(due):
            inbound_queue.process_rows(self.env, due[:1].ids)
            return due[:1]

        work_off(self.env, find, process)

    @api.autovacuum
    def _gc_done(self):
        old = fields.Datetime.now() - KEEP_DONE
        self.search(
            [("state", "=", "done"), ("create_date", "<", old)],
            limit=GC_UNLINK_LIMIT,
        ).unlink()

    def action_retry(self):
        """Retry these e-mails now, and show how many were processed."""
        self.check_access("read")
        self.account_id.check_access("read")
        # sudo: users have no write access to the queue; checked above
        rows = self.sudo().filtered(lambda row: row.state != "done")
        rows.write({"state": "waiting", "retry_at": False})
        # Each row is processed in its own transaction, which has to see this.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        inbound_queue.process_rows(self.env, rows.ids)
        self.env.invalidate_all()
        done = len(rows.filtered(lambda row: row.state == "done"))
        return self.account_id[:1]._notification_action(
            "success" if done == len(rows) else "warning",
            self.env._(
                "E-mails processed: %(done)s of %(count)s.",
                done=done,
                count=len(rows),
            ),
        )

    def action_leave(self):
        """A person has taken care of these e-mails: do not process them."""
        self.check_access("read")
        self.account_id.check_access("read")
        # sudo: users have no write access to the queue; checked above
        self.sudo().mark_done()
        return self.account_id[:1]._notification_action(
            "success", self.env._("Odoo will not try these e-mails again.")
        )
