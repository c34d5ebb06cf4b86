from datetime import datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from odoo.addons.mail.tools.discuss import Store

#: What a person may change on an e-mail that was imported.
CHANGEABLE = {"starred_partner_ids", "pinned_at"}
#: Keys of a context that would make an e-mail of a mailbox.
DEFAULTS = {"default_mailbox_message_id", "default_mailbox_scope_id"}
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
    mailbox_scope_id = fields.Many2one(
        "mailbox.scope",
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
        Scope = self.env["mailbox.scope"].sudo()
        if not Scope._any():
            return Domain.TRUE
        readable = Scope._readable_ids(self.env.user)
        return Domain("mailbox_scope_id", "in", [False, *readable])

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
        # sudo: scopes have no access of their own
        if message.sudo()._mailbox_readable_by(self.env.user):
            return message
        return self.browse()

    @api.depends_context("uid")
    def _compute_display_name(self):
        """A relation shows the name of what it leads to, whoever may read that: an
        answer would tell the subject of an e-mail that is not for everyone."""
        result = super()._compute_display_name()
        if self.env["mailbox.scope"].sudo()._any():
            user = self.env.user
            # sudo: scopes have no access of their own
            for message in self._mailbox_copies().sudo():
                if not message._mailbox_readable_by(user):
                    message.sudo(self.env.su).display_name = self.env._("E-mail")
        return result

    def _mailbox_readable_by(self, user):
        """Whether ``user`` is among the readers; of other messages everybody is."""
        self.ensure_one()
        scope = self.mailbox_scope_id
        return not scope or scope.id in scope._readable_ids(user)

    # ------------------------------------------------------------------
    # Imported mail stays as it came
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            for vals in vals_list:
                if vals.get("mailbox_message_id") or vals.get("mailbox_scope_id"):
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
            if vals.get("mailbox_scope_id") and not vals.get("date"):
                vals["date"] = fields.Datetime.now()
        return super().create(vals_list)

    def write(self, vals):
        if vals.get("mailbox_identity_id"):
            self._mailbox_check_sender(vals)
        if not self.env.su and vals.keys() - CHANGEABLE:
            if vals.keys() & {"mailbox_message_id", "mailbox_scope_id"}:
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
        return self.sudo().filtered("mailbox_scope_id").sudo(self.env.su)

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
        Scope = self.env["mailbox.scope"].sudo()
        if not Scope._reads_any(self.env.user):
            return super()._message_fetch(domain, thread=thread, **kwargs)
        scope_ids = Scope._readable_ids(self.env.user)
        by_date = thread._mailbox_has_copies(scope_ids)
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
        """E-mails also say which mailboxes they were seen in."""
        defaults = super()._to_store_defaults(target)
        Scope = self.env["mailbox.scope"].sudo()
        if target.is_current_user(self.env) and Scope._readable_ids(self.env.user):
            defaults.append(
                Store.Attr(
                    "mailbox_emails",
                    # sudo: the addresses of mailboxes that the user may read
                    lambda message: message.sudo().mailbox_scope_id._emails_for(
                        self.env.user
                    ),
                    predicate=lambda message: bool(message.sudo().mailbox_scope_id),
                )
            )
        return defaults
