from email.utils import getaddresses

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine.mime.addresses import parse_addresses
from ..services.sending import sender_selection


class MailComposeMessage(models.TransientModel):
    """The full composer: the mailbox it sends from, if any, and the recipients of a
    reply, including people who are not contacts."""

    _inherit = "mail.compose.message"

    mailbox_identity_id = fields.Many2one(
        "mailbox.identity",
        string="Send as",
        compute="_compute_mailbox_identity_id",
        readonly=False,
        store=True,
        domain="[('id', 'in', mailbox_sender_ids)]",
        help="If empty, the e-mail is sent by Odoo's own server.",
    )
    mailbox_sender_ids = fields.Many2many(
        "mailbox.identity",
        compute="_compute_mailbox_sender_ids",
    )
    mailbox_replied_id = fields.Many2one("mailbox.message", readonly=True)
    mailbox_email_to = fields.Char(
        string="Other recipients",
        help="People who are not contacts. They get the e-mail; no contact is created.",
    )

    @api.depends_context("uid")
    def _compute_mailbox_sender_ids(self):
        self.mailbox_sender_ids = sender_selection.sender_identities(
            self.env, self.env.user, self.env.company
        ).sudo(self.env.su)

    @api.depends("model", "res_ids", "template_id", "composition_mode")
    def _compute_mailbox_identity_id(self):
        user = self.env.user
        for composer in self:
            mine = sender_selection.sender_identities(self.env, user, self.env.company)
            template = composer.template_id.sudo()
            if not mine or (
                template.mail_server_id
                and not template.mail_server_id.mailbox_account_id
            ):
                composer.mailbox_identity_id = False
                continue
            typed = (
                template.email_from
                and sender_selection.identity_of_address(
                    mine, composer.email_from, user
                )
            ) or mine.browse()
            composer.mailbox_identity_id = (
                typed
                or sender_selection.identity_for_record(
                    composer._mailbox_record(), user, mine, composer.partner_ids.ids
                )
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
        if self.env["mailbox.account"].sudo().account_ids_by_server():
            values["mailbox_identity_id"] = self.mailbox_identity_id.id
        if self.composition_mode == "comment":
            if self.mailbox_email_to:
                values["outgoing_email_to"] = self._checked_email_to()
            if self.mailbox_replied_id:
                if not (self.partner_ids or self.mailbox_email_to):
                    raise UserError(
                        self.env._("This e-mail has no recipients. Add at least one.")
                    )
                values["mailbox_replied_id"] = self.mailbox_replied_id.id
        return values

    def _checked_email_to(self):
        """The addresses that were typed.

        :raise UserError: one of them is not an address; core would drop it
        """
        typed = self.mailbox_email_to.strip(" ,;")
        if not all("@" in email for _name, email in getaddresses([typed])):
            raise UserError(
                self.env._(
                    "This is not a list of e-mail addresses: %s\nSeparate addresses "
                    "with commas.",
                    self.mailbox_email_to,
                )
            )
        return ", ".join(map(str, parse_addresses(typed)))
