from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...services.sending import sender_selection


class MailboxSenderRule(models.Model):
    """A team's or company's default sender.

    The first rule that fits a record, and whose address the writer may send as,
    decides: after what was chosen, the conversation and the writer's own default.
    """

    _name = "mailbox.sender.rule"
    _description = "Default sender"
    _order = "sequence, id"
    _rec_name = "identity_id"

    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    identity_id = fields.Many2one(
        "mailbox.identity",
        string="Send as",
        required=True,
        ondelete="cascade",
        domain=[("can_send", "=", True)],
    )
    company_id = fields.Many2one("res.company", ondelete="cascade")
    model_id = fields.Many2one(
        "ir.model",
        string="Documents",
        ondelete="cascade",
        domain=[("is_mail_thread", "=", True)],
        help="Such as leads or invoices. Empty: all.",
    )
    model_name = fields.Char(related="model_id.model")
    domain = fields.Char(
        string="Which of them",
        default="[]",
        help="For a team's default: those of that team.",
    )

    @api.constrains("domain", "model_id")
    def _check_domain(self):
        for rule in self:
            try:
                domain = sender_selection.parse_domain(rule.domain)
                if domain and not rule.model_id:
                    raise ValidationError(
                        self.env._("Choose the documents that the filter is for.")
                    )
                if rule.model_id:
                    self.env[rule.model_id.model].search(domain, limit=1)
            except (ValueError, SyntaxError, TypeError, KeyError) as error:
                raise ValidationError(
                    self.env._("This filter cannot be used: %s", rule.domain)
                ) from error

    def _fits(self, record, company):
        """Whether this rule is for ``record`` (empty: none in particular)."""
        self.ensure_one()
        if self.company_id and self.company_id != company:
            return False
        if not self.model_id:
            return True
        if not record or record._name != self.model_id.model:
            return False
        # sudo: whether it is one of them, whatever the writer sees of it
        return bool(
            record.sudo().filtered_domain(sender_selection.parse_domain(self.domain))
        )
