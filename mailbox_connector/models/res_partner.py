from odoo import api, fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    mailbox_message_count = fields.Integer(
        string="E-mails",
        compute="_compute_mailbox_message_count",
        groups="base.group_user",
    )

    # Core looks contacts up by this column without an index; so do we, per message.
    _email_normalized_idx = models.Index(
        "(email_normalized) WHERE email_normalized IS NOT NULL"
    )

    @api.depends_context("uid")
    def _compute_mailbox_message_count(self):
        """How many e-mails of the contact the user may read."""
        # sudo: links have no access of their own; the user's scopes are asked for
        scopes = self.env["mailbox.scope"].sudo()._readable_ids(self.env.user)
        counts = dict(
            self.env["mailbox.link"]
            .sudo()
            ._read_group(
                [
                    ("partner_id", "in", self.ids),
                    ("message_id.scope_id", "in", scopes),
                ],
                ["partner_id"],
                ["__count"],
            )
        )
        for partner in self:
            partner.mailbox_message_count = counts.get(partner._origin, 0)

    def action_view_mailbox_messages(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("E-mails with %s", self.display_name),
            "res_model": "mailbox.message",
            "view_mode": "list,form",
            "domain": [("partner_ids", "=", self.id)],
            "context": {"create": False},
        }

    def _mailbox_reload_chatter(self):
        """Tell open chatters of these contacts that e-mails have come."""
