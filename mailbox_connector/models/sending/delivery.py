"""The ledger of sending as it is stored. How it works: services/sending/ledger.py."""

from odoo import api, fields, models

from ...services.sending import sent_copy_filing, unknown_outcomes


class MailboxDelivery(models.Model):
    """What was handed to an SMTP server, per mail and recipient, and the result.

    Columns that name rows of the transaction at work (``mail_mail_id_int``,
    ``mail_message_id_int``) are plain numbers: the ledger writes on a connection of its
    own, where a foreign key would wait for that transaction.

    It is the queue of copies for the Sent folder as well: the row of the first
    recipient who got a message keeps its MIME until it is there.
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
    lookup_at = fields.Datetime(string="Next look in the Sent folder")
    lookups = fields.Integer(string="Looks in the Sent folder")
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
        """Look for what may have been sent, then file what was, mailbox by mailbox."""
        if unknown_outcomes.look_up_due(self.env):
            sent_copy_filing.file_waiting(self.env)
