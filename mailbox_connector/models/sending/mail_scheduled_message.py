from odoo import api, models


class MailScheduledMessage(models.Model):
    """A message that is posted later keeps the address it is sent from."""

    _inherit = "mail.scheduled.message"

    @api.model
    def _notification_parameters_whitelist(self):
        return super()._notification_parameters_whitelist() | {
            "mailbox_identity_id",
            "mailbox_replied_id",
            "outgoing_email_to",
        }
