from odoo import fields, models


class MailboxLink(models.Model):
    """A message belongs to a contact, and why."""

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
        help="Where the contact's address stood in the e-mail.",
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

    # Held by a unique index, and folded by hand when contacts are merged: core's
    # merge deletes every row that a UNIQUE *constraint* on a contact speaks of.
    _message_partner_unique = models.UniqueIndex("(message_id, partner_id)")
