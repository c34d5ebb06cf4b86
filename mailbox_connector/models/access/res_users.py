from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResUsers(models.Model):
    """Which e-mails a user may read, and the address they send from by default."""

    _inherit = "res.users"

    mailbox_audience_ids = fields.Many2many(
        "mailbox.audience",
        string="Readable e-mails",
        compute="_compute_mailbox_audience_ids",
        compute_sudo=True,
        groups="base.group_system",
        help="Used by the record rules, which cache the ids. Every change that affects "
        "them clears the registry's caches.",
    )
    mailbox_identity_id = fields.Many2one(
        "mailbox.identity",
        string="Send as",
        ondelete="set null",
        domain="[('can_send', '=', True), '|', ('account_id.owner_id', '=', id),"
        " ('account_id.member_ids', 'in', id)]",
        help="The address that this user's e-mails to customers are sent from, unless "
        "another one is chosen or the conversation was with another address.",
    )
    mailbox_has_sender = fields.Boolean(
        compute="_compute_mailbox_has_sender", compute_sudo=True
    )

    @property
    def SELF_READABLE_FIELDS(self):
        return super().SELF_READABLE_FIELDS + [
            "mailbox_identity_id",
            "mailbox_has_sender",
        ]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        return super().SELF_WRITEABLE_FIELDS + ["mailbox_identity_id"]

    @api.depends("group_ids", "company_ids")
    def _compute_mailbox_audience_ids(self):
        Audience = self.env["mailbox.audience"]
        for user in self:
            user.mailbox_audience_ids = Audience.browse(Audience.readable_ids(user))

    def _compute_mailbox_has_sender(self):
        Account = self.env["mailbox.account"]
        for user in self:
            user.mailbox_has_sender = bool(Account.mailboxes_of(user, user.company_id))

    @api.constrains("mailbox_identity_id")
    def _check_mailbox_identity_id(self):
        for user in self:
            account = user.mailbox_identity_id.account_id
            if account and not account._may_send(user):
                raise ValidationError(
                    self.env._(
                        "%(user)s is not allowed to send as %(address)s. Only the "
                        "owner and the members of a mailbox can send from it.",
                        user=user.name,
                        address=user.mailbox_identity_id.sudo().email,
                    )
                )

    def write(self, vals):
        result = super().write(vals)
        if "company_ids" in vals:
            self.env["mailbox.audience"].clear_readers_cache()
        return result
