from datetime import datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from odoo.addons.mail.tools.discuss import Store

#: Fields that a person may change on an imported e-mail.
CHANGEABLE = {"starred_partner_ids", "pinned_at"}
#: Context keys that would create an e-mail of a mailbox.
DEFAULTS = {"default_mailbox_message_id", "default_mailbox_audience_id"}
#: Operators that compare two messages by their position in a conversation.
POSITION_OPERATORS = {"<", "<=", ">", ">="}


class MailMessage(models.Model):
    """Chatter copies: messages that show an e-mail of a mailbox on a contact.

    Only the audience of an e-mail can read its copies, and nobody can edit them. A
    chatter with copies is in date order, (date, id); messages without a date are the
    newest. Imports read the newest e-mails first, so ids do not show their age.
    """

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
    mailbox_audience_id = fields.Many2one(
        "mailbox.audience",
        string="Readers",
        ondelete="restrict",
        index="btree_not_null",
        readonly=True,
        copy=False,
        help="The mailboxes that have this e-mail; empty for all other messages.",
    )
    mailbox_identity_id = fields.Many2one(
        "mailbox.identity",
        string="Sent as",
        ondelete="set null",
        index="btree_not_null",
        copy=False,
        groups="base.group_user",
        help="The mailbox address that this message is sent from, or was sent to.",
    )

    _partner_date_idx = models.Index(
        "(model, res_id, date DESC, id DESC) WHERE model = 'res.partner'"
    )

    @api.depends_context("uid")
    def _compute_display_name(self):
        """Hide the subject from users who may not read the e-mail.

        Relations show the display name to everyone: a message that others may read,
        such as a reply, would show the subject of its parent.
        """
        result = super()._compute_display_name()
        if self.env["mailbox.audience"].sudo().has_mailboxes():
            user = self.env.user
            # sudo: audiences have no access rights of their own
            for message in self._mailbox_copies().sudo():
                if not message._mailbox_readable_by(user):
                    message.sudo(self.env.su).display_name = self.env._("E-mail")
        return result

    # ------------------------------------------------------------------
    # CRUD: imported e-mails cannot be changed
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            for vals in vals_list:
                if vals.get("mailbox_message_id") or vals.get("mailbox_audience_id"):
                    raise AccessError(
                        self.env._("E-mails of a mailbox can't be created by hand.")
                    )
            # Nor by defaults in the context. These are turned off instead of being put
            # into the values: portal users may not write these fields.
            if DEFAULTS & self.env.context.keys():
                self = self.with_context(**dict.fromkeys(DEFAULTS, False))
        for vals in vals_list:
            if vals.get("mailbox_identity_id"):
                self._mailbox_check_sender(vals)
            if vals.get("mailbox_audience_id") and not vals.get("date"):
                vals["date"] = fields.Datetime.now()
        return super().create(vals_list)

    def write(self, vals):
        if vals.get("mailbox_identity_id"):
            self._mailbox_check_sender(vals)
        if not self.env.su and vals.keys() - CHANGEABLE:
            if vals.keys() & {"mailbox_message_id", "mailbox_audience_id"}:
                raise AccessError(
                    self.env._("The mailbox of an e-mail can't be changed.")
                )
            self._mailbox_refuse_change()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_mailbox(self):
        if not self.env.su and self._mailbox_copies():
            raise UserError(
                self.env._(
                    "An e-mail of a mailbox can't be deleted here: it would be "
                    "missing from its conversation."
                )
            )

    @api.model
    def _search(
        self, domain, offset=0, limit=None, order=None, *, bypass_access=False, **kw
    ):
        """Find readable e-mails only, even through relations that bypass access (a
        contact's ``message_ids``); in date order if :meth:`_message_fetch` asks."""
        if bypass_access and not self.env.su:
            domain = Domain(domain) & self._mailbox_readable_domain()
        if self.env.context.get("mailbox_by_date"):
            domain = Domain(domain).map_conditions(self._by_date)
            if order in ("id DESC", "id ASC"):
                order = order.replace("id", "date") + ", " + order
        return super()._search(
            domain, offset, limit, order, bypass_access=bypass_access, **kw
        )

    def _mailbox_copies(self):
        """Those of these messages that are e-mails of a mailbox."""
        # sudo: only whether they are, not of which mailbox
        return self.sudo().filtered("mailbox_audience_id").sudo(self.env.su)

    def _mailbox_refuse_change(self):
        """
        :raise UserError: one of these messages is an e-mail of a mailbox
        """
        if self._mailbox_copies():
            raise UserError(
                self.env._(
                    "E-mails of a mailbox are kept as they were sent; they can't be "
                    "edited."
                )
            )

    @api.model
    def _mailbox_check_sender(self, vals):
        """
        :raise AccessError: the user may not send as the identity in ``vals``, even if
            this runs as superuser
        """
        self.env["mailbox.identity"].browse(vals["mailbox_identity_id"])._check_sender()

    # ------------------------------------------------------------------
    # Access
    # ------------------------------------------------------------------

    @api.model
    def _mailbox_readable_domain(self):
        """The same as the record rule, for searches that core does without rules."""
        Audience = self.env["mailbox.audience"].sudo()
        if not Audience.has_mailboxes():
            return Domain.TRUE
        readable = Audience.readable_ids(self.env.user)
        return Domain("mailbox_audience_id", "in", [False, *readable])

    @api.model
    def _get_with_access(self, message_id, mode="read", **kwargs):
        """Core falls back on access to the document; that is not enough for e-mails."""
        message = super()._get_with_access(message_id, mode=mode, **kwargs)
        if not message or self.env.su:
            return message
        # sudo: audiences have no access rights of their own
        if message.sudo()._mailbox_readable_by(self.env.user):
            return message
        return self.browse()

    def _mailbox_readable_by(self, user):
        """Whether ``user`` is in the audience; messages without one are for all."""
        self.ensure_one()
        audience = self.mailbox_audience_id
        return not audience or audience.id in audience.readable_ids(user)

    # ------------------------------------------------------------------
    # Date order
    # ------------------------------------------------------------------

    @api.model
    def _message_fetch(self, domain, *, thread=None, **kwargs):
        """In date order for a contact with e-mails that the user may read.

        The result has an additional key ``mailbox`` for the client, {"by_date": bool};
        if the user may read no mailbox, it is core's own result.
        """
        if not (thread and thread._name == "res.partner"):
            return super()._message_fetch(domain, thread=thread, **kwargs)
        Audience = self.env["mailbox.audience"].sudo()
        if not Audience.can_read_any(self.env.user):
            return super()._message_fetch(domain, thread=thread, **kwargs)
        audience_ids = Audience.readable_ids(self.env.user)
        by_date = thread._mailbox_has_copies(audience_ids)
        records = self
        if by_date:
            records = self.with_context(mailbox_by_date=True)
            self.flush_model(["date"])  # core's search only flushes its own fields
        result = super(MailMessage, records)._message_fetch(
            domain, thread=thread, **kwargs
        )
        if by_date:
            messages = result["messages"].with_env(self.env)
            result["messages"] = messages.sorted(
                lambda message: (message.date or datetime.max, message.id),
                reverse=True,
            )
        result["mailbox"] = {"by_date": by_date}
        return result

    @api.model
    def _by_date(self, condition):
        """Replace "before or after this id" by "before or after that message".

        If that message was deleted, ids are compared. Messages without a date are only
        found on the first page, not when asking for newer ones: such a condition could
        not use the index.
        """
        operator, message_id = condition.operator, condition.value
        if condition.field_expr != "id" or operator not in POSITION_OPERATORS:
            return condition
        # sudo: the position of a message, not its content
        cursor = self.sudo().with_context(mailbox_by_date=False).browse(message_id)
        if not cursor.exists():
            return condition
        if not cursor.date:
            undated = Domain("date", "=", False)
            if operator[0] == ">":
                return undated & condition
            return ~undated | condition
        # The first condition limits the index scan.
        return Domain("date", operator[0] + "=", cursor.date) & (
            Domain("date", operator[0], cursor.date) | condition
        )

    # ------------------------------------------------------------------
    # For the client
    # ------------------------------------------------------------------

    def _to_store_defaults(self, target):
        """For e-mails also: their mailboxes, whether the user can reply to them by
        e-mail, which kind of automatic e-mail they are, and what is shown above the
        text."""
        defaults = super()._to_store_defaults(target)
        if not self.env["mailbox.audience"].sudo().has_mailboxes():
            return defaults
        readable = self.env["mailbox.audience"].sudo().readable_ids(self.env.user)
        if readable and target.is_current_user(self.env):
            defaults += [self._store_mailboxes(), self._store_can_reply(readable)]
        if target.is_current_user(self.env):
            defaults += [self._store_card()]  # in this user's language and time zone
        return [*defaults, self._store_automatic()]

    def _store_mailboxes(self):
        return Store.Attr(
            "mailbox_emails",
            # sudo: the addresses of mailboxes that the user may read
            lambda message: message.sudo().mailbox_audience_id.readable_emails(
                self.env.user
            ),
            predicate=lambda message: bool(message.sudo().mailbox_audience_id),
        )

    def _store_can_reply(self, readable):
        # sudo: links have no access rights of their own
        links = self.env["mailbox.link"].sudo()
        links = links.search_fetch(
            [
                ("mail_message_id", "in", self.ids),
                ("message_id.audience_id", "in", readable),
            ],
            ["mail_message_id"],
        )
        shown = set(links.mail_message_id.ids)
        return Store.Attr(
            "mailbox_can_reply", True, predicate=lambda message: message.id in shown
        )

    def _store_automatic(self):
        kinds = self.env["mailbox.message"]._fields["automatic"]
        labels = dict(kinds._description_selection(self.env))
        return Store.Attr(
            "mailbox_automatic",
            # sudo: the e-mail is shown to the user anyway
            lambda message: labels[message.sudo().mailbox_message_id.automatic],
            predicate=lambda message: bool(message.sudo().mailbox_message_id.automatic),
        )

    def _store_card(self):
        return Store.Attr(
            "mailbox_card",
            # sudo: the e-mail is shown to the user anyway; the user's language and zone
            lambda message: message.sudo().mailbox_message_id.card,
            predicate=lambda message: bool(
                message.sudo().mailbox_message_id.encryption
                or message.sudo().mailbox_message_id.invitation
            ),
        )

    # ------------------------------------------------------------------
    # Replying
    # ------------------------------------------------------------------

    def action_mailbox_reply(self, kind):
        """Reply to the e-mail that this message shows; see ``_open_reply_composer``.

        :param str kind: ``reply``, ``reply_all`` or ``forward``
        """
        self.ensure_one()
        self.check_access("read")
        # sudo: links have no access rights of their own; that to the e-mail is checked
        link = self.env["mailbox.link"].sudo()
        mail = link.search([("mail_message_id", "=", self.id)], limit=1).message_id
        if not mail:
            raise UserError(self.env._("This message is not an e-mail of a mailbox."))
        return mail.sudo(False)._open_reply_composer(kind, shown=self)

    def _mailbox_restrict_reply(self, mail_id):
        """A reply to a members-only e-mail gets the same readers, attachments included,
        because it quotes it; no matter which address sends it."""
        mail = self.env["mailbox.message"].browse(mail_id).exists()
        accounts = mail.audience_id.account_ids
        if self.mailbox_audience_id or set(accounts.mapped("visibility")) != {
            "members"
        }:
            return
        self.mailbox_audience_id = mail.audience_id
        files = self.attachment_ids.filtered(
            lambda file: (file.res_model, file.res_id) == (self.model, self.res_id)
        )
        files.write({"res_model": self._name, "res_id": self.id})

    # ------------------------------------------------------------------
    # Failed and unknown deliveries
    # ------------------------------------------------------------------

    def mailbox_retry(self):
        """Send this message again to everybody who certainly did not get it.

        :raise AccessError: the user has not written it and manages no mailboxes
        """
        self._mailbox_check_retry()
        mails = self._mailbox_failed().filtered(lambda mail: not mail.mailbox_outcome)
        mails.action_retry()
        mails._send_soon()

    def mailbox_decide(self, notification_id, arrived):
        """A person decides whether a recipient got it, if that is unknown.

        :param int notification_id: of that recipient
        :param bool arrived: True: it was sent; False: send it again
        :raise AccessError: as :meth:`mailbox_retry`
        """
        self._mailbox_check_retry()
        # sudo: checked above
        notification = self.sudo().notification_ids.filtered(
            lambda one: one.id == notification_id
        )
        mails = self._mailbox_failed() & notification.mail_mail_id
        mails = mails.filtered(lambda mail: mail.mailbox_outcome == "ask")
        if arrived:
            mails.mailbox_settle_as_sent()
        else:
            mails.action_retry()
            mails._send_soon()

    def mailbox_delivery(self):
        """What happened to the e-mails of this message, for the web client."""
        self.check_access("read")
        # sudo: everyone who may read the message sees its notifications
        notifications = self.sudo().notification_ids._filtered_for_web_client()
        return Store().add(notifications).get_result()

    def _mailbox_check_retry(self):
        self.ensure_one()
        self.check_access("read")
        if not self._mailbox_may_retry(self.env.user):
            raise AccessError(
                self.env._("Only the author of a message can send it again.")
            )

    def _mailbox_may_retry(self, user):
        message = self.sudo()
        return user._is_internal() and (
            message.create_uid == user
            or message.author_id == user.partner_id
            or user.has_group("mailbox_connector.group_mailbox_manager")
        )

    def _mailbox_failed(self):
        # sudo: queued e-mails belong to the system; the caller checks who may retry
        return (
            self.env["mail.mail"]
            .sudo()
            .search(
                [
                    ("mail_message_id", "=", self.id),
                    ("mailbox_email_from", "!=", False),
                    ("state", "=", "exception"),
                ]
            )
        )
