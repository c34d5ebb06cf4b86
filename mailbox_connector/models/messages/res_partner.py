import re

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, split_every
from odoo.tools.mail import html_to_inner_content

from ...engine.mime.ids import message_id_hash
from ..access.ir_websocket import SUBCHANNEL

#: How many files of e-mails the chatter lists, newest first. The e-mails show all.
MAX_FILES = 200
#: E-mails that are deleted together with a contact at once.
UNLINK_BATCH = 1_000


class ResPartner(models.Model):
    """A contact's e-mails, in its chatter and in a list.

    When a contact is created or gets another address, e-mails that were skipped
    before are searched for (``mailbox.contact.lookup``).
    """

    _inherit = "res.partner"

    mailbox_message_count = fields.Integer(
        string="E-mails",
        compute="_compute_mailbox_message_count",
        groups="base.group_user",
    )
    # The chatter does not read this field. What core uses it for (unread counts,
    # suggested recipients, the portal) does not concern imported e-mails, and would
    # load thousands of them.
    message_ids = fields.One2many(
        domain=lambda self: [
            ("message_type", "!=", "user_notification"),
            ("mailbox_audience_id", "=", False),
        ]
    )

    # Core looks up contacts by this column without an index; we do it for each message.
    _email_normalized_idx = models.Index(
        "(email_normalized) WHERE email_normalized IS NOT NULL"
    )

    @api.depends_context("uid")
    def _compute_mailbox_message_count(self):
        """How many e-mails of the contact the user may read."""
        counts = {}
        # sudo: links have no access rights of their own; only those of audiences that
        # the user may read are counted
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

    def _compute_message_attachment_count(self):
        result = super()._compute_message_attachment_count()
        if self.env["mailbox.audience"].sudo().has_mailboxes():
            for partner in self:
                partner.message_attachment_count += self.env[
                    "ir.attachment"
                ].search_count(partner._mailbox_file_domain())
        return result

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        partners = super().create(vals_list)
        partners._mailbox_look_up()
        return partners

    def write(self, vals):
        if not {"email", "active"} & vals.keys():
            return super().write(vals)
        before = {partner.id: partner._mailbox_address() for partner in self}
        result = super().write(vals)
        self.filtered(
            lambda partner: partner._mailbox_address() != before[partner.id]
        )._mailbox_look_up()
        return result

    def unlink(self):
        """Delete the e-mails that no other contact has, too."""
        if not self.env["mailbox.audience"].sudo().has_mailboxes():
            return super().unlink()
        self.check_access("unlink")
        for emails in split_every(UNLINK_BATCH, self._mailbox_email_ids()):
            self._mailbox_remove_emails(emails)
        return super().unlink()

    def _mailbox_email_ids(self):
        """Ids of the e-mails that are linked to these contacts."""
        self.env["mailbox.link"].flush_model()
        self.env.cr.execute(
            "SELECT DISTINCT message_id FROM mailbox_link"
            " WHERE partner_id = ANY(%s) ORDER BY message_id",
            [self.ids],
        )
        return [number for (number,) in self.env.cr.fetchall()]

    def _mailbox_remove_emails(self, ids):
        """Remove e-mails from these contacts; delete those that no other contact has.

        Without tombstones, so that a new contact with the same address gets them again.
        """
        # sudo: links have no access rights of their own
        links = self.env["mailbox.link"].sudo().search([("message_id", "in", ids)])
        own = links.filtered(lambda link: link.partner_id in self)
        shared = (links - own).message_id
        # What was written in the chatter is core's to delete.
        own.mail_message_id.filtered("mailbox_message_id").unlink()
        (own.message_id - shared).forget()
        # Nothing of a batch is needed again.
        self.env.invalidate_all()

    def _mailbox_address(self):
        """The address by which e-mails are matched; falsy if there is none."""
        return self.active and self.email_normalized

    def _mailbox_look_up(self):
        """Search for e-mails of these contacts that were skipped before."""
        if not self.env["mailbox.audience"].sudo().has_mailboxes():
            return
        found = self.filtered(lambda partner: partner._mailbox_address())
        if found:
            # sudo: creating a contact starts a lookup
            self.env["mailbox.contact.lookup"].sudo().add_partners(found)

    # ------------------------------------------------------------------
    # The chatter
    # ------------------------------------------------------------------

    @api.private
    def mailbox_reload_chatter(self):
        """Reload open chatters of these contacts when this transaction is committed.

        Only users who may read the contact are notified
        (:meth:`ir.websocket._build_bus_channel_list`), and only of its id.
        """
        for partner in self:
            partner._bus_send(
                "mailbox_connector.contact/mail",
                {"partner_id": partner.id},
                subchannel=SUBCHANNEL,
            )

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

    def _message_post_after_hook(self, message, msg_values):
        if message.message_type == "email":
            self._mailbox_replace_copy(message)
        return super()._message_post_after_hook(message, msg_values)

    def _mailbox_replace_copy(self, message):
        """Replace the chatter copy of an e-mail that Odoo's gateway also posts here.

        Only if the text is the same: anybody can write any Message-ID.
        """
        has_mailboxes = self.env["mailbox.audience"].sudo().has_mailboxes()
        if not (message.message_id and has_mailboxes):
            return
        digest = message_id_hash(message.message_id)
        # sudo: links have no access rights of their own
        links = (
            self.env["mailbox.link"]
            .sudo()
            .search(
                [
                    ("partner_id", "=", self.id),
                    ("message_id.message_id_hash", "=", digest),
                    ("mail_message_id.mailbox_message_id", "!=", False),
                ]
            )
        )
        for link in links:
            copy = link.mail_message_id
            if letters_and_digits(copy.body) == letters_and_digits(message.body):
                copy.child_ids.parent_id = message
                link.mail_message_id = message
                copy.unlink()

    def _check_can_update_message_content(self, messages):
        messages._mailbox_refuse_change()
        return super()._check_can_update_message_content(messages)

    def _get_mail_thread_data_attachments(self):
        attachments = super()._get_mail_thread_data_attachments()
        if self.env["mailbox.audience"].sudo().has_mailboxes():
            attachments += self.env["ir.attachment"].search(
                self._mailbox_file_domain(), order="id desc", limit=MAX_FILES
            )
        return attachments

    def _mailbox_file_domain(self):
        """The files of the contact's e-mails, without images inside their bodies.

        Search it with the user's rights, which depend on the e-mails.
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

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_view_mailbox_messages(self):
        """Open the list of the contact's e-mails."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("E-mails with %s", self.display_name),
            "res_model": "mailbox.message",
            "view_mode": "list,form",
            "domain": [("partner_ids", "=", self.id)],
            "context": {"create": False},
        }


def letters_and_digits(body):
    """The letters and digits of an HTML text, which are the same after any HTML
    cleaner."""
    return re.sub(r"[\W_]+", "", html_to_inner_content(body))
