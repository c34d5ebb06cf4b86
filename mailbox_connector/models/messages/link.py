from odoo import fields, models


class MailboxLink(models.Model):
    """Links a message to a contact, with the reason."""

    _name = "mailbox.link"
    _description = "E-mail of a contact"
    _log_access = False
    _rec_name = "partner_id"

    message_id = fields.Many2one(
        "mailbox.message", required=True, ondelete="cascade", index=True
    )
    partner_id = fields.Many2one(
        "res.partner",
        required=True,
        ondelete="cascade",
        index=True,
        string="Contact",
    )
    header = fields.Selection(
        [("from", "From"), ("reply_to", "Reply-To"), ("to", "To"), ("cc", "Cc")],
        help="The header of the e-mail that has the contact's address.",
    )
    origin = fields.Selection(
        [("matched", "Matched by address"), ("sent", "Sent from Odoo")],
        required=True,
        default="matched",
    )
    mail_message_id = fields.Many2one(
        "mail.message",
        ondelete="set null",
        index="btree_not_null",
        string="In the chatter",
        help="The message in the contact's chatter that shows this e-mail.",
    )

    # An index and not a constraint: when contacts are merged, core deletes the rows of
    # tables with a UNIQUE constraint on the contact. See base_partner_merge.py.
    _message_partner_unique = models.UniqueIndex("(message_id, partner_id)")
