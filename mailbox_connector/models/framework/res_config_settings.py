"""General settings of the addon."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import config

#: Bounds of the number of workers; each needs a database connection or two.
FEWEST, MOST = 1, 8


class ResConfigSettings(models.TransientModel):
    """How many mailboxes are synced at the same time, and how servers are looked up."""

    _inherit = "res.config.settings"

    mailbox_workers = fields.Integer(
        string="Mailboxes synced at the same time",
        config_parameter="mailbox_connector.workers",
        default=FEWEST,
        help="How many scheduled actions fetch new e-mails at the same time. The same "
        "number imports older e-mails.",
    )
    mailbox_cron_threads = fields.Integer(
        string="Scheduled actions at the same time",
        compute="_compute_mailbox_cron_threads",
        help="Set by max_cron_threads in Odoo's configuration file.",
    )

    mailbox_discovery = fields.Selection(
        [
            ("online", "Use the built-in list, then ask the domain of the address"),
            ("table", "Only use the built-in list"),
        ],
        string="Look up mail servers",
        config_parameter="mailbox_connector.discovery",
        default="online",
        help="Where to find host, port and encryption when a user enters an e-mail "
        "address. Only its domain is sent to others, never the address.",
    )

    def _compute_mailbox_cron_threads(self):
        self.mailbox_cron_threads = config["max_cron_threads"]

    @api.constrains("mailbox_workers")
    def _check_mailbox_workers(self):
        for settings in self:
            if not FEWEST <= settings.mailbox_workers <= MOST:
                raise ValidationError(
                    self.env._(
                        "Between %(fewest)s and %(most)s mailboxes can be read at the "
                        "same time, not %(number)s.",
                        fewest=FEWEST,
                        most=MOST,
                        number=settings.mailbox_workers,
                    )
                )

    def set_values(self):
        result = super().set_values()
        self.env["ir.cron"]._mailbox_set_workers(self.mailbox_workers)
        return result
