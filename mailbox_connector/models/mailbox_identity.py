from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine.mime.addresses import normalize


class MailboxIdentity(models.Model):
    """An address that is ours: mail from it is outgoing, and whoever bears it is
    never taken for a customer."""

    _name = "mailbox.identity"
    _description = "Own address of a mailbox"
    _rec_name = "email"
    _order = "id"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
    email = fields.Char(
        string="E-mail address",
        required=True,
        help="Another address whose mail arrives in this mailbox.",
    )
    email_normalized = fields.Char(
        compute="_compute_email_normalized", store=True, index=True
    )

    _email_unique = models.Constraint(
        "UNIQUE (account_id, email_normalized)",
        "This address is already in the list.",
    )

    @api.depends("email")
    def _compute_email_normalized(self):
        for identity in self:
            identity.email_normalized = normalize(identity.email or "")

    @api.constrains("email")
    def _check_email(self):
        for identity in self:
            if not identity.email_normalized:
                raise ValidationError(
                    self.env._("%s is not an e-mail address.", identity.email)
                )
