from odoo import fields, models

from odoo.addons.mail.tools.discuss import Store


class MailboxAccount(models.Model):
    """Who is told of new mail, and what could not be passed on."""

    _inherit = "mailbox.account"

    notify_members = fields.Boolean(
        string="Tell members of new e-mails",
        help="New e-mails of customers appear in the Odoo inbox of the owner and the "
        "members, until they mark them as read. Those who handle their notifications "
        "by e-mail have no Odoo inbox and are not told.",
    )
    inbound_count = fields.Integer(
        string="Not passed on", compute="_compute_inbound_count"
    )

    def unlink(self):
        # One by one: the database alone would leave their files behind.
        self.env["mailbox.inbound"].sudo().search(
            [("account_id", "in", self.ids)]
        ).unlink()
        return super().unlink()

    def _compute_inbound_count(self):
        counts = dict(
            self.env["mailbox.inbound"]._read_group(
                [
                    ("account_id", "in", self.ids),
                    ("state", "!=", "done"),
                    ("attempts", ">", 0),
                ],
                ["account_id"],
                ["__count"],
            )
        )
        for account in self:
            account.inbound_count = counts.get(account, 0)

    def action_view_inbound(self):
        """What could not be passed on, of this mailbox."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mailbox_connector.mailbox_inbound_action"
        )
        action["domain"] = [
            ("account_id", "=", self.id),
            ("state", "!=", "done"),
            ("attempts", ">", 0),
        ]
        return action


class MailboxOutbox(models.Model):
    """Sent mail that came back."""

    _inherit = "mailbox.outbox"

    # Not a state: it was sent all the same, and is not sent again.
    bounced_at = fields.Datetime(string="Came back on", readonly=True)


class MailMessage(models.Model):
    """E-mails that no person wrote."""

    # Apart from the rest: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.message"

    def _to_store_defaults(self, target):
        """They say so, in a word."""
        defaults = super()._to_store_defaults(target)
        if self.env["mailbox.scope"].sudo()._any():
            labels = dict(
                self.env["mailbox.message"]
                ._fields["automatic"]
                ._description_selection(self.env)
            )
            defaults.append(
                Store.Attr(
                    "mailbox_automatic",
                    # sudo: of e-mails that are shown to the user anyway
                    lambda message: labels[message.sudo().mailbox_message_id.automatic],
                    predicate=lambda message: bool(
                        message.sudo().mailbox_message_id.automatic
                    ),
                )
            )
        return defaults
