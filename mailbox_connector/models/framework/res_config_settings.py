from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import config

#: Bounds of the number of workers; each needs a database connection or two.
FEWEST, MOST = 1, 8


class ResConfigSettings(models.TransientModel):
    """How many mailboxes are read side by side, and where settings are looked for."""

    _inherit = "res.config.settings"

    mailbox_workers = fields.Integer(
        string="Mailboxes read at the same time",
        config_parameter="mailbox_connector.workers",
        default=FEWEST,
        help="How many scheduled actions look for new mail side by side, and as many "
        "import history.",
    )
    mailbox_cron_threads = fields.Integer(
        string="Scheduled actions at the same time",
        compute="_compute_mailbox_cron_threads",
        help="max_cron_threads in Odoo's configuration file.",
    )

    mailbox_discovery = fields.Selection(
        [
            ("online", "From known providers, then from what the domain publishes"),
            ("table", "From known providers only: nobody is asked"),
        ],
        string="Settings for an address",
        config_parameter="mailbox_connector.discovery",
        default="online",
        help="Where host, port and encryption are looked for when somebody types an "
        "e-mail address. Only its domain is asked about, never the address.",
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
