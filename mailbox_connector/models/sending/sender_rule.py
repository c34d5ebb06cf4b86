from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...services.sending import sender_selection


class MailboxSenderRule(models.Model):
    """A team's or company's default sender.

    The first rule that fits a record, and whose address the writer may send as, applies
    if no sender was chosen, no mailbox received the conversation and the writer has no
    default; see services/sending/sender_selection.py.
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
        help="For example leads or invoices. If empty, all documents.",
    )
    model_name = fields.Char(related="model_id.model")
    domain = fields.Char(
        string="Filter",
        default="[]",
        help="Only these documents, for example those of one sales team.",
    )

    @api.constrains("domain", "model_id")
    def _check_domain(self):
        for rule in self:
            try:
                domain = sender_selection.rule_domain(rule.domain)
                if domain and not rule.model_id:
                    raise ValidationError(
                        self.env._("Choose the documents that the filter applies to.")
                    )
                if rule.model_id:
                    self.env[rule.model_id.model].search(domain, limit=1)
            except (ValueError, SyntaxError, TypeError, KeyError) as error:
                raise ValidationError(
                    self.env._("This filter cannot be used: %s", rule.domain)
                ) from error

    @api.private
    def fits(self, record, company):
        """Whether this rule applies to a record.

        :param record: any record; empty or None: no record in particular
        :param company: ``res.company`` of the record, or of the writer
        """
        self.ensure_one()
        if self.company_id and self.company_id != company:
            return False
        if not self.model_id:
            return True
        if not record or record._name != self.model_id.model:
            return False
        # sudo: whether it is one of these documents, even if the writer may not read it
        return bool(
            record.sudo().filtered_domain(sender_selection.rule_domain(self.domain))
        )
