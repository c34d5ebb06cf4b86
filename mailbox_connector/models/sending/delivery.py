"""The stored ledger of sending. services/sending/ledger.py describes how it works."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ...services.sending import sent_copy_filing, unknown_outcomes

#: When to go on after the database was busy or away.
INTERRUPTED = timedelta(minutes=1)


class MailboxDelivery(models.Model):
    """What was handed to an SMTP server, per e-mail and recipient, and the result.

    Columns that refer to rows of the current transaction (``mail_mail_id_int``,
    ``mail_message_id_int``) are plain numbers: the ledger writes on a connection of its
    own, where a foreign key would wait for that transaction.

    It is also the queue of copies for the Sent folder: the row of the first recipient
    who got a message keeps its MIME until the copy is saved.
    """

    _name = "mailbox.delivery"
    _description = "Sent mail ledger"
    _rec_name = "recipient"
    _order = "id desc"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
    mail_mail_id_int = fields.Integer(string="Mail ID", required=True)
    mail_message_id_int = fields.Integer(string="Message ID", index=True)
    recipient = fields.Char(required=True)
    message_id = fields.Char(string="Message-ID", required=True)
    message_id_hash = fields.Char(size=32, required=True)
    state = fields.Selection(
        [
            ("sending", "Being sent"),
            ("sent", "Sent"),
            ("failed", "Not sent"),
            ("unknown", "Unknown whether sent"),
        ],
        required=True,
        default="sending",
    )
    reason = fields.Char()
    handed_at = fields.Datetime(string="Sent on")
    smtp_transaction = fields.Char(
        size=16, help="The same for all recipients of one SMTP transaction."
    )
    lookup_at = fields.Datetime(string="Next search in the Sent folder")
    lookups = fields.Integer(string="Searches in the Sent folder")
    # Not a state: it was sent, and is not sent again.
    bounced_at = fields.Datetime(string="Bounced on", readonly=True)
    copy_state = fields.Selection(
        [
            ("waiting", "To be saved"),
            ("filed", "Saved by Odoo"),
            ("provider", "Saved by the provider"),
            ("found", "Was there already"),
            ("failed", "Could not be saved"),
        ],
        string="Copy in Sent",
    )
    copy_mime = fields.Binary(attachment=False)
    copy_failures = fields.Integer()
    copy_retry_at = fields.Datetime()
    _mail_recipient_unique = models.Constraint(
        "UNIQUE (mail_mail_id_int, recipient)",
        "An e-mail is sent to each recipient only once.",
    )
    _one_copy = models.UniqueIndex(
        "(account_id, message_id_hash) WHERE copy_state IS NOT NULL"
    )
    _waiting_idx = models.Index("(account_id) WHERE copy_state = 'waiting'")
    _handed_idx = models.Index("(account_id, handed_at)")
    _lookup_idx = models.Index("(lookup_at) WHERE lookup_at IS NOT NULL")

    @api.model
    def _cron_file_sent(self):
        """Search for e-mails that may have been sent, then save copies of those that
        were."""
        if unknown_outcomes.look_up_due(self.env):
            sent_copy_filing.file_waiting(self.env)
        self._trigger_next()

    def _trigger_next(self):
        """Run this action when the next of these is due; in a minute, if one is due now
        but was interrupted."""
        self.flush_model(["lookup_at", "copy_state", "copy_retry_at"])
        now = fields.Datetime.now()
        [(moment,)] = self.env.execute_query(
            SQL(
                """
                SELECT LEAST(
                    (SELECT min(COALESCE(copy_retry_at, %(now)s))
                       FROM mailbox_delivery WHERE copy_state = 'waiting'),
                    (SELECT min(lookup_at)
                       FROM mailbox_delivery WHERE lookup_at IS NOT NULL))
                """,
                now=now,
            )
        )
        if moment:
            moment = max(moment.replace(microsecond=0), now + INTERRUPTED)
            self.env["ir.cron"]._mailbox_trigger_at("ir_cron_sent_mail", moment)
