from odoo import api, fields, models


class MailboxQuarantine(models.Model):
    """What is seen of e-mails that could not be read."""

    # Apart from the work: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.quarantine"

    file_name = fields.Char(compute="_compute_file_name")

    @api.depends("uid")
    def _compute_file_name(self):
        for row in self:
            row.file_name = f"e-mail-{row.uid}.eml"


class MailboxAccount(models.Model):
    """The way from a mailbox to its e-mails that could not be read."""

    _inherit = "mailbox.account"

    quarantine_count = fields.Integer(
        string="Could not be read", compute="_compute_quarantine_count"
    )

    @api.depends("quarantine_ids")
    def _compute_quarantine_count(self):
        counts = dict(
            self.env["mailbox.quarantine"]._read_group(
                [("account_id", "in", self.ids)], ["account_id"], ["__count"]
            )
        )
        for account in self:
            account.quarantine_count = counts.get(account, 0)

    def action_view_quarantine(self):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id(
            "mailbox_connector.mailbox_quarantine_action"
        )
        action["domain"] = [("account_id", "=", self.id)]
        return action
