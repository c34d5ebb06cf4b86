from markupsafe import Markup

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import is_html_empty

from ...engine.mime.addresses import spellings
from ...engine.mime.subjects import reply_subject
from ...services.sending import reply_composer, sender_selection
from ...services.trace import trace

#: In the context: leave no tombstones. Requests from outside are JSON and cannot
#: contain it.
FORGET = object()


class MailboxMessage(models.Model):
    """One e-mail, stored once, even if several folders, mailboxes and contacts have it.

    It has no body of its own: the chatter of each contact shows a native
    ``mail.message``, its *chatter copy*, found by ``link_ids``. Two e-mails are the
    same if both Message-ID and content are the same: a forged Message-ID gives no
    access to another e-mail.

    Reply, reply all and forward open a composer on a contact of the e-mail. They create
    no contacts: other people are addressed by e-mail address.
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
        help="Hash of the Message-ID with which the provider replaced ours in a sent "
        "e-mail.",
    )
    fingerprint = fields.Char(required=True, size=64, readonly=True)
    parent_hash = fields.Char(
        size=32,
        readonly=True,
        index="btree_not_null",
        help="Hash of the Message-ID of the e-mail that this one replies to.",
    )
    audience_id = fields.Many2one(
        "mailbox.audience",
        required=True,
        ondelete="restrict",
        index=True,
        readonly=True,
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
        help="Not written by a person. Odoo notifies nobody about it.",
    )
    date = fields.Datetime(readonly=True)
    subject = fields.Char(readonly=True)
    email_from = fields.Char(string="From", readonly=True)
    email_reply_to = fields.Char(string="Reply-To", readonly=True)
    email_to = fields.Text(string="To", readonly=True)
    email_cc = fields.Text(string="Cc", readonly=True)
    body = fields.Html(compute="_compute_body", sanitize=False)
    partner_ids = fields.Many2many(
        "res.partner",
        string="Contacts",
        compute="_compute_partner_ids",
        search="_search_partner_ids",
    )
    attachment_ids = fields.Many2many(
        "ir.attachment", string="Attachments", compute="_compute_attachment_ids"
    )
    attachment_count = fields.Integer(readonly=True)
    backfill_id = fields.Integer(
        readonly=True,
        help="Id of the import that it came with; 0: none. Not a relation, to keep "
        "imports fast.",
    )
    link_ids = fields.One2many(
        "mailbox.link", "message_id", readonly=True, groups=fields.NO_ACCESS
    )
    location_ids = fields.One2many(
        "mailbox.location", "message_id", readonly=True, groups=fields.NO_ACCESS
    )
    reference_ids = fields.One2many(
        "mailbox.reference", "message_id", readonly=True, groups=fields.NO_ACCESS
    )

    _key_unique = models.Constraint(
        "UNIQUE (message_id_hash, fingerprint)", "This e-mail already exists."
    )
    _date_idx = models.Index("(date DESC, id DESC)")
    _backfill_idx = models.Index("(backfill_id) WHERE backfill_id > 0")

    @api.depends("link_ids.mail_message_id")
    def _compute_body(self):
        for message in self:
            message.body = message._shown().body

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

    @api.depends("link_ids.mail_message_id")
    def _compute_attachment_ids(self):
        for message in self:
            message.attachment_ids = message._shown().attachment_ids.ids

    def _shown(self):
        """One of the messages in the chatter that show this e-mail.

        sudo: everyone who may read the e-mail may read it on any contact that shows it.
        """
        return self.sudo().link_ids.mail_message_id[:1]

    def _linked_to(self, contacts):
        """Ids, as SQL, of the e-mails of ``contacts`` (ids or a query).

        sudo: links have no access rights of their own.
        """
        links = self.env["mailbox.link"].sudo()
        return links._search([("partner_id", "in", contacts)]).subselect("message_id")

    # ------------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------------

    @api.model
    def _search(self, domain, *args, bypass_access=False, **kwargs):
        if not (self.env.su or bypass_access):
            if not self.env["res.partner"].has_access("read"):
                domain = Domain.FALSE
            domain = Domain(domain) & self._access_domain()
        return super()._search(domain, *args, bypass_access=bypass_access, **kwargs)

    def unlink(self):
        """Delete e-mails from all contacts; no sync imports them again.

        Their chatter copies are deleted as well. A message that was written in the
        chatter stays there.
        """
        # sudo: copies and links have no access rights of their own; the e-mail has
        messages = self.sudo()
        if self.env.context.get("mailbox_forget") is not FORGET:
            messages._bury()
        messages._discard_queued()
        partners = messages.link_ids.partner_id
        messages.link_ids.mail_message_id.filtered(
            lambda copy: copy.mailbox_message_id in messages
        ).unlink()
        partners.mailbox_reload_chatter()
        return super().unlink()

    @api.private
    def forget(self):
        """Delete e-mails without tombstones: they can be imported again."""
        return self.with_context(mailbox_forget=FORGET).unlink()

    def _bury(self):
        """Leave tombstones: hashes by which a sync recognizes deleted e-mails."""
        Tombstone = self.env["mailbox.tombstone"]
        Tombstone.add_digests(
            Tombstone.digest_of((one.message_id_hash, one.fingerprint)) for one in self
        )

    def _discard_queued(self):
        """Remove these e-mails from the queue of new e-mails."""
        waiting = self.env["mailbox.inbound"].search(
            [
                ("message_id_hash", "in", self.mapped("message_id_hash")),
                ("state", "!=", "done"),
            ]
        )
        fingerprints = set(self.mapped("fingerprint"))
        waiting.filtered(lambda row: row.fingerprint in fingerprints).mark_done()

    # ------------------------------------------------------------------
    # Access: as a member of a mailbox, or through a readable contact
    # ------------------------------------------------------------------

    @api.private
    def set_audience(self, audience):
        """Change who may read these e-mails and their chatter copies.

        :param audience: ``mailbox.audience``
        """
        self.audience_id = audience
        # sudo: users have no write access to the readers of copies
        self.env["mail.message"].sudo().search(
            [("mailbox_message_id", "in", self.ids)]
        ).mailbox_audience_id = audience

    def _access_domain(self):
        """E-mails of mailboxes that the user is a member of, or of contacts that they
        may read.

        The record rule has already restricted these to the user's audiences.
        """
        user = self.env.user
        # sudo: members may read the mailbox's e-mails, if not the mailbox itself, and
        # audiences have no access rights of their own
        accounts = (
            self.env["mailbox.account"]
            .sudo()
            .with_context(active_test=False)
            .search(["|", ("owner_id", "=", user.id), ("member_ids", "in", user.id)])
        )
        audiences = (
            self.env["mailbox.audience"]
            .sudo()
            .search([("account_ids", "in", accounts.ids)])
        )
        contacts = self.env["res.partner"].with_context(active_test=False)._search([])
        return Domain("audience_id", "in", audiences.ids) | Domain(
            "id", "in", self._linked_to(contacts)
        )

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

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_trace(self):
        """Open the dialog that explains why this e-mail is here; the server is not
        asked."""
        self.ensure_one()
        self.check_access("read")
        dialog = self.env["mailbox.trace"].create({"message_id": self.id})
        explanation = trace.Trace(
            self.env, trace.Question(), self.env["mailbox.account"].browse()
        )
        dialog.show(explanation.of(self))
        return dialog.reopen()

    def action_reply(self):
        return self._open_reply_composer("reply")

    def action_reply_all(self):
        return self._open_reply_composer("reply_all")

    def action_forward(self):
        return self._open_reply_composer("forward")

    def _open_reply_composer(self, kind, shown=None):
        """The composer for a reply to this e-mail, as a window action.

        :param str kind: ``reply``, ``reply_all`` or ``forward``
        :param shown: the ``mail.message`` that shows it, if known
        :raise AccessError: the user may not read the e-mail
        :raise UserError: it is not shown on any contact that the user may read
        """
        self.ensure_one()
        self.check_access("read")
        contact, parent = self._reply_contact(shown)
        identity = self._reply_identity()
        signature = self._reply_signature(identity)
        values = {
            "composition_mode": "comment",
            "model": contact._name,
            "res_ids": repr(contact.ids),
            "parent_id": parent.id,
            "mailbox_replied_id": self.id,
            "email_add_signature": False,
        }
        mail = self.sudo()
        if kind == "forward":
            files = self._files_to_forward()
            values |= {
                "composition_comment_option": "forward",
                "subject": reply_composer.forward_subject(mail.subject),
                "body": reply_composer.forwarded(self.env, mail, signature),
                "partner_ids": [Command.clear()],
                "attachment_ids": [Command.set(files.ids)],
            }
        else:
            partners, others = self._reply_recipients(kind == "reply_all")
            values |= {
                "composition_comment_option": "reply_all",
                "subject": reply_subject(mail.subject),
                "body": reply_composer.quote(self.env, mail, signature),
                "partner_ids": [Command.set(partners.ids)],
                "mailbox_email_to": ", ".join(map(str, others)),
                "attachment_ids": [Command.clear()],
            }
        if identity:
            values["mailbox_identity_id"] = identity.id
        composer = self.env["mail.compose.message"].create(values)
        titles = {
            "reply": self.env._("Reply"),
            "reply_all": self.env._("Reply All"),
            "forward": self.env._("Forward"),
        }
        return {
            "type": "ir.actions.act_window",
            "name": titles[kind],
            "res_model": composer._name,
            "res_id": composer.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
        }

    def _reply_contact(self, shown):
        """The contact on whose record the reply is written, and the ``mail.message``
        that it replies to there (empty if the contact shows none)."""
        # sudo: links have no access of their own
        links = self.sudo().link_ids.filtered(
            lambda link: link.partner_id.sudo(False) in self.partner_ids
        )
        if shown:
            links = links.filtered(lambda link: link.mail_message_id == shown) or links
        if not links:
            raise UserError(
                self.env._(
                    "This e-mail is not shown on any contact that you may see. Create "
                    "a contact for the person first."
                )
            )
        # Its author and the recipients in To come before those in Cc.
        order = [name for name, _label in links._fields["header"].selection]
        link = links.sorted(
            lambda link: (
                not link.mail_message_id,
                order.index(link.header) if link.header in order else 0,
                link.id,
            )
        )[0]
        return link.partner_id.sudo(False), link.mail_message_id.sudo(False)

    def _reply_recipients(self, everybody):
        """The recipients of the reply: contacts, and addresses of other people."""
        own = self.env["mailbox.account"].sudo().own_addresses()
        # sudo: Odoo's own addresses, which the user may not read
        Domain = self.env["mail.alias.domain"].sudo()
        found = reply_composer.recipients(self.sudo(), own, everybody)
        aliases = set(Domain._find_aliases([one.email for one in found]))
        me = self.env.user.email_normalized
        people = [one for one in found if one.email not in {*aliases, me}]
        known = self._reply_partners([one.email for one in people])
        partners = self.env["res.partner"].union(*known.values())
        return partners, [one for one in people if one.email not in known]

    def _reply_partners(self, emails):
        """The contacts with these addresses, by address. Of several, one that shows
        this e-mail is preferred, then a colleague's own."""
        forms = {form: email for email in emails for form in spellings(email)}
        found = self.env["res.partner"].search(
            [("email_normalized", "in", list(forms))]
        )
        best = found.sorted(
            lambda one: (
                one not in self.partner_ids,
                not any(user._is_internal() for user in one.sudo().user_ids),
                one.id,
            )
        )
        known = {}
        for one in best:
            known.setdefault(forms[one.email_normalized], one)
        return known

    def _reply_identity(self):
        """The address that received the e-mail, if the user may send as it."""
        mine = sender_selection.sender_identities(
            self.env, self.env.user, self.env.company
        )
        return sender_selection.identity_of_conversation(None, mine, self)

    def _reply_signature(self, identity):
        """The signature between the reply and its quote, or an empty text."""
        signature = identity and identity._signature_html()
        if not signature and not is_html_empty(self.env.user.signature):
            signature = Markup("<div>-- <br>%s</div>") % self.env.user.signature
        return signature + Markup("<br>") if signature else Markup()

    def _files_to_forward(self):
        """Copies of the attachments, which the composer may change or delete."""
        # sudo: everyone who may read the e-mail may read its files. Unchanged: no
        # recompression, and no html that runs in our origin.
        files = self.sudo().attachment_ids.with_context(
            image_no_postprocess=True, attachments_mime_plainxml=True
        )
        return files.copy({"res_model": "mail.compose.message", "res_id": 0})
