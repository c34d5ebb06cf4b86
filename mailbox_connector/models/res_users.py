from odoo import api, fields, models


class ResUsers(models.Model):
    _inherit = "res.users"

    mailbox_scope_ids = fields.Many2many(
        "mailbox.scope",
        string="E-mails they may read",
        compute="_compute_mailbox_scope_ids",
        compute_sudo=True,
        groups="base.group_system",
        help="For the record rules, which keep the ids in a cache: whatever changes "
        "the answer clears the registry's caches.",
    )

    @api.depends("group_ids", "company_ids")
    def _compute_mailbox_scope_ids(self):
        Scope = self.env["mailbox.scope"]
        for user in self:
            user.mailbox_scope_ids = Scope.browse(Scope._readable_ids(user))

    def write(self, vals):
        result = super().write(vals)
        if "company_ids" in vals:
            self.env["mailbox.scope"]._readers_changed()
        return result
