from email.utils import getaddresses

from odoo import fields, models
from odoo.exceptions import UserError

from ..engine.mime.addresses import parse_addresses


class MailComposeMessage(models.TransientModel):
    """The composer of an answer: to whom it goes, also where no contact is."""

    # Apart from the choice of sender: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.compose.message"

    mailbox_answers_id = fields.Many2one("mailbox.message", readonly=True)
    mailbox_email_to = fields.Char(
        string="Also to",
        help="People who are no contacts. They get the e-mail, and no contact is made.",
    )

    def _prepare_mail_values_static(self):
        values = super()._prepare_mail_values_static()
        if self.composition_mode == "comment":
            if self.mailbox_email_to:
                values["outgoing_email_to"] = self._checked_email_to()
            if self.mailbox_answers_id:
                if not (self.partner_ids or self.mailbox_email_to):
                    raise UserError(
                        self.env._("Nobody would get this e-mail. Say whom it goes to.")
                    )
                values["mailbox_answers"] = self.mailbox_answers_id.id
        return values

    def _checked_email_to(self):
        """The addresses as they are typed.

        :raise UserError: something among them is no address; core would drop it
        """
        typed = self.mailbox_email_to.strip(" ,;")
        if not all("@" in email for _name, email in getaddresses([typed])):
            raise UserError(
                self.env._(
                    "This is not a list of e-mail addresses: %s\nSeparate them by "
                    "commas.",
                    self.mailbox_email_to,
                )
            )
        return ", ".join(map(str, parse_addresses(typed)))
