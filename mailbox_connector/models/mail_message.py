from odoo import fields, models


class MailMessage(models.Model):
    """Copies: messages that show an e-mail of a mailbox on a contact."""

    _inherit = "mail.message"

    mailbox_message_id = fields.Many2one(
        "mailbox.message",
        string="E-mail",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
        copy=False,
        groups="base.group_user",
    )
    mailbox_scope_id = fields.Many2one(
        "mailbox.scope",
        string="Readers",
        ondelete="restrict",
        index="btree_not_null",
        readonly=True,
        copy=False,
        groups="base.group_system",
        help="Whose mailboxes this e-mail was seen in; empty for all other messages.",
    )
