from datetime import datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from odoo.addons.mail.tools.discuss import Store

#: What a person may change on an e-mail that was imported.
CHANGEABLE = {"starred_partner_ids", "pinned_at"}
#: Keys of a context that would make an e-mail of a mailbox.
DEFAULTS = {"default_mailbox_message_id", "default_mailbox_audience_id"}
#: Operators that compare two messages by their place in a conversation.
PLACE_OPERATORS = {"<", "<=", ">", ">="}


class MailMessage(models.Model):
    """Copies: messages that show an e-mail of a mailbox on a contact.

    A conversation with copies is in date order, (date, id); a message without a
    date stands at its newest end. History arrives newest first, so that ids say
    nothing about age.
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
        help="Whose mailboxes this e-mail was seen in; empty for all other messages.",
    )
    mailbox_identity_id = fields.Many2one(
        "mailbox.identity",
        string="Sent as",
        ondelete="set null",
        index="btree_not_null",
        copy=False,
        groups="base.group_user",
        help="The address of ours that this message leaves as, or came in on.",
    )
    _partner_date_idx = models.Index(
        "(model, res_id, date DESC, id DESC) WHERE model = 'res.partner'"
    )

    # ------------------------------------------------------------------
    # Access
    # ------------------------------------------------------------------

    @api.model
    def _mailbox_readable_domain(self):
        """What the record rule says, for searches that core does without rules."""
        Audience = self.env["mailbox.audience"].sudo()
        if not Audience._any():
            return Domain.TRUE
        readable = Audience._readable_ids(self.env.user)
        return Domain("mailbox_audience_id", "in", [False, *readable])

    @api.model
    def _search(
        self, domain, offset=0, limit=None, order=None, *, bypass_access=False, **kw
    ):
        """Readers alone, also by way of relations that bypass access (a contact's
        ``message_ids``); in date order, where :meth:`_message_fetch` asks for it."""
        if bypass_access and not self.env.su:
            domain = Domain(domain) & self._mailbox_readable_domain()
        if self.env.context.get("mailbox_by_date"):
            domain = Domain(domain).map_conditions(self._by_date)
            if order in ("id DESC", "id ASC"):
                order = order.replace("id", "date") + ", " + order
        return super()._search(
            domain, offset, limit, order, bypass_access=bypass_access, **kw
        )

    @api.model
    def _get_with_access(self, message_id, mode="read", **kwargs):
        """Core falls back on the right to the document; readers come first."""
        message = super()._get_with_access(message_id, mode=mode, **kwargs)
        if not message or self.env.su:
            return message
        # sudo: audiences have no access of their own
        if message.sudo()._mailbox_readable_by(self.env.user):
            return message
        return self.browse()

    @api.depends_context("uid")
    def _compute_display_name(self):
        """A relation shows the name of what it leads to, whoever may read that: an
        answer would tell the subject of an e-mail that is not for everyone."""
        result = super()._compute_display_name()
        if self.env["mailbox.audience"].sudo()._any():
            user = self.env.user
            # sudo: audiences have no access of their own
            for message in self._mailbox_copies().sudo():
                if not message._mailbox_readable_by(user):
                    message.sudo(self.env.su).display_name = self.env._("E-mail")
        return result

    def _mailbox_readable_by(self, user):
        """Whether ``user`` is among the readers; of other messages everybody is."""
        self.ensure_one()
        audience = self.mailbox_audience_id
        return not audience or audience.id in audience._readable_ids(user)

    # ------------------------------------------------------------------
    # Imported mail stays as it came
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            for vals in vals_list:
                if vals.get("mailbox_message_id") or vals.get("mailbox_audience_id"):
                    raise AccessError(
                        self.env._("Only a mailbox makes e-mails of a mailbox.")
                    )
            # Defaults in the context are nobody's to set either. Without them the
            # columns are left out: portal users may not even empty them.
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
                    self.env._("Nobody changes which mailbox an e-mail came from.")
                )
            self._mailbox_refuse_change()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_mailbox(self):
        if not self.env.su and self._mailbox_copies():
            raise UserError(
                self.env._(
                    "An e-mail from a mailbox cannot be deleted here: it would be "
                    "missing from its conversation."
                )
            )

    @api.model
    def _mailbox_check_sender(self, vals):
        """
        :raise AccessError: when the user may not send as what they have chosen,
            whoever's rights they do it with
        """
        self.env["mailbox.identity"].browse(vals["mailbox_identity_id"])._check_sender()

    def _mailbox_copies(self):
        # sudo: whether it is an e-mail of a mailbox, not which
        return self.sudo().filtered("mailbox_audience_id").sudo(self.env.su)

    def _mailbox_refuse_change(self):
        """
        :raise UserError: when one of these messages is an e-mail of a mailbox
        """
        if self._mailbox_copies():
            raise UserError(
                self.env._(
                    "An e-mail from a mailbox stays as it was sent; it cannot be "
                    "edited."
                )
            )

    # ------------------------------------------------------------------
    # Date order
    # ------------------------------------------------------------------

    @api.model
    def _message_fetch(self, domain, *, thread=None, **kwargs):
        """In date order for a contact with e-mails that the user may read.

        The result then has a key ``mailbox``: {"by_date": bool} for the client. It
        is missing where no mailbox has anything to say: core's own behaviour.
        """
        if not (thread and thread._name == "res.partner"):
            return super()._message_fetch(domain, thread=thread, **kwargs)
        Audience = self.env["mailbox.audience"].sudo()
        if not Audience._reads_any(self.env.user):
            return super()._message_fetch(domain, thread=thread, **kwargs)
        audience_ids = Audience._readable_ids(self.env.user)
        by_date = thread._mailbox_has_copies(audience_ids)
        records = self
        if by_date:
            records = self.with_context(mailbox_by_date=True)
            self.flush_model(["date"])  # core's search flushes what it asks for alone
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
        """An id compared in a domain stands for the place of that message.

        A cursor that is gone is compared as it is. Messages without a date are
        found by a first page, not by asking for what is newer: that would cost the
        use of the index.
        """
        operator, message_id = condition.operator, condition.value
        if condition.field_expr != "id" or operator not in PLACE_OPERATORS:
            return condition
        # sudo: where a message stands, not what it says
        cursor = self.sudo().with_context(mailbox_by_date=False).browse(message_id)
        if not cursor.exists():
            return condition
        if not cursor.date:
            undated = Domain("date", "=", False)
            if operator[0] == ">":
                return undated & condition
            return ~undated | condition
        # The first condition bounds the scan of the index.
        return Domain("date", operator[0] + "=", cursor.date) & (
            Domain("date", operator[0], cursor.date) | condition
        )

    # ------------------------------------------------------------------
    # For the client
    # ------------------------------------------------------------------

    def _to_store_defaults(self, target):
        """For e-mails also: which mailboxes they were seen in, whether they can be
        answered as e-mails, and what kind of automatic mail they are."""
        defaults = super()._to_store_defaults(target)
        if not self.env["mailbox.audience"].sudo()._any():
            return defaults
        readable = self.env["mailbox.audience"].sudo()._readable_ids(self.env.user)
        if readable and target.is_current_user(self.env):
            defaults += [self._store_mailboxes(), self._store_can_reply(readable)]
        return [*defaults, self._store_automatic()]

    def _store_mailboxes(self):
        return Store.Attr(
            "mailbox_emails",
            # sudo: the addresses of mailboxes that the user may read
            lambda message: message.sudo().mailbox_audience_id._emails_for(
                self.env.user
            ),
            predicate=lambda message: bool(message.sudo().mailbox_audience_id),
        )

    def _store_can_reply(self, readable):
        # sudo: links have no access of their own
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
            # sudo: of e-mails that are shown to the user anyway
            lambda message: labels[message.sudo().mailbox_message_id.automatic],
            predicate=lambda message: bool(message.sudo().mailbox_message_id.automatic),
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
        # sudo: links have no access of their own; that to the e-mail is checked
        link = self.env["mailbox.link"].sudo()
        mail = link.search([("mail_message_id", "=", self.id)], limit=1).message_id
        if not mail:
            raise UserError(self.env._("This message is not an e-mail of a mailbox."))
        return mail.sudo(False)._open_reply_composer(kind, shown=self)

    def _mailbox_restrict_reply(self, mail_id):
        """A reply to an e-mail that is for a mailbox's members alone is for them alone
        as well, with its files: it quotes that e-mail. Wherever it is sent from."""
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
    # Mail that did not arrive
    # ------------------------------------------------------------------

    def mailbox_retry(self):
        """Send again to everybody who certainly did not get this message.

        :raise AccessError: the user has not written it and manages no mailboxes
        """
        self._mailbox_check_retry()
        mails = self._mailbox_failed().filtered(lambda mail: not mail.mailbox_outcome)
        mails.action_retry()
        mails._send_soon()

    def mailbox_decide(self, notification_id, arrived):
        """Where nobody knows whether somebody got it, a person decides.

        :param int notification_id: of that recipient
        :param bool arrived: it was sent; else it is sent again
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
        """What has become of the mail of this message, as the web client takes it."""
        self.check_access("read")
        # sudo: notifications are shown to who may read the message
        notifications = self.sudo().notification_ids._filtered_for_web_client()
        return Store().add(notifications).get_result()

    def _mailbox_check_retry(self):
        self.ensure_one()
        self.check_access("read")
        if not self._mailbox_may_retry(self.env.user):
            raise AccessError(self.env._("Only who wrote a message sends it again."))

    def _mailbox_may_retry(self, user):
        message = self.sudo()
        return user._is_internal() and (
            message.create_uid == user
            or message.author_id == user.partner_id
            or user.has_group("mailbox_connector.group_mailbox_manager")
        )

    def _mailbox_failed(self):
        # sudo: mails are the system's; who may retry is checked by the caller
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
