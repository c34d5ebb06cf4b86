import re

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.mail import html_to_inner_content

from ...engine.mime.ids import message_id_hash
from ..access.ir_websocket import SUBCHANNEL

#: Files of e-mails in the box of the chatter: the newest. All stand on the e-mails.
MAX_FILES = 200


class ResPartner(models.Model):
    """A contact's e-mails, in its chatter and in a list.

    One that is new, or has a new address, gets the e-mails that were skipped because no
    contact had it.
    """

    _inherit = "res.partner"

    mailbox_message_count = fields.Integer(
        string="E-mails",
        compute="_compute_mailbox_message_count",
        groups="base.group_user",
    )
    # The chatter reads messages on its own. What core does with this field (unread
    # counts, suggested recipients, the portal) is not about imported mail, and
    # would load thousands of them.
    message_ids = fields.One2many(
        domain=lambda self: [
            ("message_type", "!=", "user_notification"),
            ("mailbox_audience_id", "=", False),
        ]
    )
    # Core looks contacts up by this column without an index; so do we, per message.
    _email_normalized_idx = models.Index(
        "(email_normalized) WHERE email_normalized IS NOT NULL"
    )

    @api.depends_context("uid")
    def _compute_mailbox_message_count(self):
        """How many e-mails of the contact the user may read."""
        counts = {}
        # sudo: links have no access of their own; the user's audiences are asked for
        audience_ids = self.env["mailbox.audience"].sudo().readable_ids(self.env.user)
        if audience_ids:
            counts = dict(
                self.env["mailbox.link"]
                .sudo()
                ._read_group(
                    [
                        ("partner_id", "in", self.ids),
                        ("message_id.audience_id", "in", audience_ids),
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

    def unlink(self):
        """With a contact go the e-mails that no other contact has."""
        if not self.env["mailbox.audience"].sudo().has_mailboxes():
            return super().unlink()
        # sudo: links have no access of their own
        links = self.env["mailbox.link"].sudo().search([("partner_id", "in", self.ids)])
        messages = links.message_id
        result = super().unlink()
        orphans = messages.filtered(lambda message: not message.link_ids)
        # The contact was deleted, not the e-mails: with the contact they may return.
        orphans.with_context(mailbox_contact_unlink=True).unlink()
        return result

    # ------------------------------------------------------------------
    # The chatter
    # ------------------------------------------------------------------

    def _mailbox_has_copies(self, audience_ids):
        """Whether the chatter shows e-mails of one of these audiences."""
        self.ensure_one()
        self.env["mailbox.link"].flush_model()
        self.env.cr.execute(
            """
            SELECT EXISTS (
                SELECT FROM mailbox_link link
                  JOIN mailbox_message message ON message.id = link.message_id
                 WHERE link.partner_id = %s
                   AND link.mail_message_id IS NOT NULL
                   AND message.audience_id = ANY(%s))
            """,
            [self.id, list(audience_ids)],
        )
        return self.env.cr.fetchone()[0]

    def mailbox_reload_chatter(self):
        """Tell open chatters of these contacts that e-mails have come.

        It is sent when the transaction is committed, to those who may read the
        contact (:meth:`ir.websocket._build_bus_channel_list`), and says no more
        than which contact.
        """
        for partner in self:
            partner._bus_send(
                "mailbox_connector.contact/mail",
                {"partner_id": partner.id},
                subchannel=SUBCHANNEL,
            )

    def _message_post_after_hook(self, message, msg_values):
        if message.message_type == "email":
            self._mailbox_give_way(message)
        return super()._message_post_after_hook(message, msg_values)

    def _mailbox_give_way(self, message):
        """An e-mail that Odoo's gateway puts here as well is shown once: by what the
        gateway made, in the place of the copy.

        The same text is asked for, for anybody can write a Message-ID.
        """
        if not (message.message_id and self.env["mailbox.audience"].sudo().has_mailboxes()):
            return
        # sudo: links have no access of their own
        links = (
            self.env["mailbox.link"]
            .sudo()
            .search(
                [
                    ("partner_id", "=", self.id),
                    (
                        "message_id.message_id_hash",
                        "=",
                        message_id_hash(message.message_id),
                    ),
                    ("mail_message_id.mailbox_message_id", "!=", False),
                ]
            )
        )
        for link in links:
            copy = link.mail_message_id
            if bare_text(copy.body) == bare_text(message.body):
                copy.child_ids.parent_id = message
                link.mail_message_id = message
                copy.unlink()

    def _check_can_update_message_content(self, messages):
        messages._mailbox_refuse_change()
        return super()._check_can_update_message_content(messages)

    def _compute_message_attachment_count(self):
        result = super()._compute_message_attachment_count()
        if self.env["mailbox.audience"].sudo().has_mailboxes():
            for partner in self:
                partner.message_attachment_count += self.env[
                    "ir.attachment"
                ].search_count(partner._mailbox_file_domain())
        return result

    def _get_mail_thread_data_attachments(self):
        attachments = super()._get_mail_thread_data_attachments()
        if self.env["mailbox.audience"].sudo().has_mailboxes():
            attachments += self.env["ir.attachment"].search(
                self._mailbox_file_domain(), order="id desc", limit=MAX_FILES
            )
        return attachments

    def _mailbox_file_domain(self):
        """The files, not the pictures inside bodies, of the contact's e-mails.

        Searched with the user's rights: those are the e-mails'.
        """
        self.env["mailbox.link"].flush_model()
        shown = SQL(
            """(
            SELECT rel.attachment_id
              FROM mailbox_link link
              JOIN message_attachment_rel rel ON rel.message_id = link.mail_message_id
             WHERE link.partner_id = ANY(%s))""",
            self.ids,
        )
        return Domain("res_model", "=", "mailbox.message") & Domain("id", "in", shown)

    @api.model_create_multi
    def create(self, vals_list):
        partners = super().create(vals_list)
        partners._mailbox_look_for_mail()
        return partners

    def write(self, vals):
        if not {"email", "active"} & vals.keys():
            return super().write(vals)
        before = {partner.id: partner._mailbox_address() for partner in self}
        result = super().write(vals)
        self.filtered(
            lambda partner: partner._mailbox_address() != before[partner.id]
        )._mailbox_look_for_mail()
        return result

    def _mailbox_address(self):
        return self.active and self.email_normalized

    def _mailbox_look_for_mail(self):
        # Without a mailbox this costs nothing.
        if self.env["mailbox.audience"].sudo().has_mailboxes():
            found = self.filtered(lambda partner: partner._mailbox_address())
            if found:
                # sudo: whoever makes a contact has its mail looked for
                self.env["mailbox.contact.lookup"].sudo()._add(found)


def bare_text(body):
    """The letters and digits of an html text: what two ways of cleaning both keep."""
    return re.sub(r"[\W_]+", "", html_to_inner_content(body))
