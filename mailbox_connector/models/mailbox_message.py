from odoo import api, fields, models
from odoo.fields import Domain


class MailboxMessage(models.Model):
    """One e-mail, stored once however many folders, mailboxes and contacts see it.

    It has no body: each contact's chatter shows a native ``mail.message``, its
    *copy*, found through ``link_ids``. Two e-mails are the same when Message-ID
    and content are: a forged id does not open another's mail.
    """

    _name = "mailbox.message"
    _description = "E-mail"
    _order = "date desc, id desc"
    _rec_name = "subject"

    rfc_message_id = fields.Char(string="Message-ID", readonly=True)
    message_id_hash = fields.Char(required=True, size=32, readonly=True)
    provider_hash = fields.Char(
        size=32,
        readonly=True,
        index="btree_not_null",
        help="Hash of the Message-ID that the provider gave a mail that we sent.",
    )
    fingerprint = fields.Char(required=True, size=64, readonly=True)
    parent_hash = fields.Char(
        size=32,
        readonly=True,
        index="btree_not_null",
        help="Hash of the Message-ID that this message answers.",
    )
    scope_id = fields.Many2one(
        "mailbox.scope", required=True, ondelete="restrict", index=True, readonly=True
    )
    conversation_id = fields.Many2one(
        "mailbox.conversation", ondelete="set null", index=True, readonly=True
    )
    direction = fields.Selection(
        [("in", "Received"), ("out", "Sent")], required=True, readonly=True
    )
    automatic = fields.Selection(
        [
            ("bounce", "Delivery report"),
            ("auto_reply", "Automatic reply"),
            ("auto_generated", "Sent by a program"),
            ("list", "Mailing list"),
        ],
        readonly=True,
        help="Not written to us by a person; sets nothing off.",
    )
    date = fields.Datetime(readonly=True)
    subject = fields.Char(readonly=True)
    email_from = fields.Char(string="From", readonly=True)
    email_to = fields.Text(string="To", readonly=True)
    email_cc = fields.Text(string="Cc", readonly=True)
    link_ids = fields.One2many(
        "mailbox.link", "message_id", readonly=True, groups=fields.NO_ACCESS
    )
    partner_ids = fields.Many2many(
        "res.partner",
        string="Contacts",
        compute="_compute_partner_ids",
        search="_search_partner_ids",
    )
    location_ids = fields.One2many(
        "mailbox.location", "message_id", readonly=True, groups=fields.NO_ACCESS
    )
    reference_ids = fields.One2many(
        "mailbox.reference", "message_id", readonly=True, groups=fields.NO_ACCESS
    )
    attachment_ids = fields.Many2many(
        "ir.attachment", string="Attachments", compute="_compute_attachment_ids"
    )
    attachment_count = fields.Integer(readonly=True)
    backfill_id = fields.Integer(
        readonly=True,
        help="Which import of history brought it; 0: none. No relation, for the "
        "speed of imports.",
    )
    body = fields.Html(compute="_compute_body", sanitize=False)

    _identity_unique = models.Constraint(
        "UNIQUE (message_id_hash, fingerprint)", "This e-mail is there already."
    )
    _date_idx = models.Index("(date DESC, id DESC)")
    _backfill_idx = models.Index("(backfill_id) WHERE backfill_id > 0")

    @api.depends("link_ids.partner_id")
    def _compute_partner_ids(self):
        for message in self:
            partners = message.sudo().link_ids.partner_id.sudo(False)
            message.partner_ids = partners._filtered_access("read")

    def _search_partner_ids(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        contacts = value
        if operator == "any":
            contacts = (
                self.env["res.partner"].with_context(active_test=False)._search(value)
            )
        return Domain("id", "in", self._linked_to(contacts))

    def _linked_to(self, contacts):
        """Ids, as SQL, of the e-mails of ``contacts`` (ids or a query).

        sudo: links have no access of their own.
        """
        links = self.env["mailbox.link"].sudo()
        return links._search([("partner_id", "in", contacts)]).subselect("message_id")

    @api.depends("link_ids.mail_message_id")
    def _compute_attachment_ids(self):
        for message in self:
            message.attachment_ids = message._shown().attachment_ids.ids

    @api.depends("link_ids.mail_message_id")
    def _compute_body(self):
        for message in self:
            message.body = message._shown().body

    def _shown(self):
        """One of the chatter's messages that show this e-mail.

        sudo: who may read the e-mail may read it on whichever contact shows it.
        """
        return self.sudo().link_ids.mail_message_id[:1]

    def unlink(self):
        """Delete e-mails from all contacts. No sync brings them back.

        What an e-mail's copies were made from goes with them; a message written in
        the chatter stays there.
        """
        # sudo: copies and links are nobody's to delete, the e-mail is
        messages = self.sudo()
        if not self.env.context.get("mailbox_contact_unlink"):
            Tombstone = self.env["mailbox.tombstone"].sudo()
            Tombstone._bury(
                Tombstone._digest((one.message_id_hash, one.fingerprint))
                for one in messages
            )
        waiting = (
            self.env["mailbox.inbound"]
            .sudo()
            .search(
                [
                    ("message_id_hash", "in", messages.mapped("message_id_hash")),
                    ("state", "!=", "done"),
                ]
            )
        )
        contents = set(messages.mapped("fingerprint"))
        waiting.filtered(lambda row: row.fingerprint in contents)._forget()
        partners = messages.link_ids.partner_id
        messages.link_ids.mail_message_id.filtered(
            lambda copy: copy.mailbox_message_id in messages
        ).unlink()
        partners._mailbox_reload_chatter()
        return super().unlink()

    # ------------------------------------------------------------------
    # Access: through a mailbox one reads, or through a contact one may read
    # ------------------------------------------------------------------

    def _access_domain(self):
        """E-mails of mailboxes the user is a member of, or of contacts they read.

        The record rule has already cut this down to the user's scopes.
        """
        user = self.env.user
        # sudo: any member sees the mailbox's mail; scopes have no access of their own
        accounts = (
            self.env["mailbox.account"]
            .sudo()
            .with_context(active_test=False)
            .search(["|", ("owner_id", "=", user.id), ("member_ids", "in", user.id)])
        )
        scopes = (
            self.env["mailbox.scope"]
            .sudo()
            .search([("account_ids", "in", accounts.ids)])
        )
        contacts = self.env["res.partner"].with_context(active_test=False)._search([])
        return Domain("scope_id", "in", scopes.ids) | Domain(
            "id", "in", self._linked_to(contacts)
        )

    @api.model
    def _search(self, domain, *args, bypass_access=False, **kwargs):
        if not (self.env.su or bypass_access):
            if not self.env["res.partner"].has_access("read"):
                domain = Domain.FALSE
            domain = Domain(domain) & self._access_domain()
        return super()._search(domain, *args, bypass_access=bypass_access, **kwargs)

    def _check_access(self, operation):
        result = super()._check_access(operation)
        if self.env.su or operation != "read":
            return result
        rest = self - result[0] if result else self
        if not rest.ids:
            return result
        allowed = self.sudo().search(
            Domain("id", "in", rest.ids) & self._access_domain()
        )
        forbidden = rest - allowed.sudo(self.env.su)
        if not forbidden:
            return result
        if result:
            return result[0] + forbidden, result[1]
        return forbidden, lambda: forbidden._access_error(operation)

    def _access_error(self, operation):
        return self.env["ir.rule"]._make_access_error(operation, self)
