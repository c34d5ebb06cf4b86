from odoo import api, fields, models

from ..services import choosing


class MailComposeMessage(models.TransientModel):
    """The full composer: which mailbox, or whether Odoo's own server."""

    _inherit = "mail.compose.message"

    mailbox_identity_id = fields.Many2one(
        "mailbox.identity",
        string="Send as",
        compute="_compute_mailbox_identity_id",
        readonly=False,
        store=True,
        domain="[('id', 'in', mailbox_sender_ids)]",
        help="Leave it empty to send by Odoo's own server.",
    )
    mailbox_sender_ids = fields.Many2many(
        "mailbox.identity",
        compute="_compute_mailbox_sender_ids",
    )

    @api.depends_context("uid")
    def _compute_mailbox_sender_ids(self):
        self.mailbox_sender_ids = choosing.senders(
            self.env, self.env.user, self.env.company
        ).sudo(self.env.su)

    @api.depends("model", "res_ids", "template_id", "composition_mode")
    def _compute_mailbox_identity_id(self):
        user = self.env.user
        for composer in self:
            mine = choosing.senders(self.env, user, self.env.company)
            template = composer.template_id.sudo()
            if not mine or (
                template.mail_server_id
                and not template.mail_server_id.mailbox_account_id
            ):
                composer.mailbox_identity_id = False
                continue
            typed = (
                template.email_from
                and choosing.of_address(mine, composer.email_from, user)
            ) or mine.browse()
            composer.mailbox_identity_id = typed or choosing.for_record(
                composer._mailbox_record(), user, mine, composer.partner_ids.ids
            )

    def _mailbox_record(self):
        """The one record written from, or None."""
        if self.model not in self.env or self.res_domain:
            return None
        ids = self._evaluate_res_ids()
        return self.env[self.model].browse(ids) if len(ids) == 1 else None

    def _prepare_mail_values_static(self):
        values = super()._prepare_mail_values_static()
        # sudo: the index of all mailboxes
        if self.env["mailbox.account"].sudo()._sending_index()[0]:
            values["mailbox_identity_id"] = self.mailbox_identity_id.id
        return values
