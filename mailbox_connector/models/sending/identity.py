from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import formataddr, is_html_empty

from ...engine.mime.addresses import normalize
from ...services.sending import sender_selection


class MailboxIdentity(models.Model):
    """One of our addresses: a mailbox's own one, or an alias of it.

    E-mails from it are outgoing, contacts with this address are never treated as
    customers, and users can send from it. The main identity follows the mailbox's
    address.
    """

    _name = "mailbox.identity"
    _description = "Own address of a mailbox"
    _rec_name = "email"
    _order = "account_id, is_main desc, id"

    account_id = fields.Many2one(
        "mailbox.account", required=True, ondelete="cascade", index=True
    )
    email = fields.Char(
        string="E-mail address",
        required=True,
        help="Another address whose e-mails arrive in this mailbox.",
    )
    email_normalized = fields.Char(
        compute="_compute_email_normalized", store=True, index=True
    )
    is_main = fields.Boolean(string="Main address", readonly=True, copy=False)
    name = fields.Char(
        string="Display name",
        help="The name that customers see with this address. If empty, the mailbox's.",
    )
    can_send = fields.Boolean(
        string="Can send from it",
        default=True,
        help="The address is offered as a sender. Turn this off for an address that "
        "only receives, or that your provider does not let you send from.",
    )
    signature = fields.Html(
        help="Added to e-mails sent from this address, instead of the signature of the "
        "person who writes. If empty, that person's own signature is used.",
    )

    _email_unique = models.Constraint(
        "UNIQUE (account_id, email_normalized)",
        "This address is already in the list.",
    )
    _one_main = models.UniqueIndex("(account_id) WHERE is_main")

    @api.depends("email")
    def _compute_email_normalized(self):
        for identity in self:
            identity.email_normalized = normalize(identity.email or "")

    @api.depends("email", "name", "account_id.name")
    def _compute_display_name(self):
        for identity in self:
            # sudo: members see the name of the mailbox they send as
            name = identity.name or identity.account_id.sudo().name
            identity.display_name = f"{name} <{identity.email}>" if name else ""

    @api.constrains("email")
    def _check_email(self):
        for identity in self:
            if not identity.email_normalized:
                raise ValidationError(
                    self.env._("%s is not an e-mail address.", identity.email)
                )

    # ------------------------------------------------------------------
    # CRUD: the outgoing server follows
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self._refuse_main(vals_list)
        identities = super().create(vals_list)
        identities.account_id._update_mail_servers()
        return identities

    def write(self, vals):
        self._refuse_main([vals])
        if {"email", "account_id"} & vals.keys() and any(self.mapped("is_main")):
            self._refuse_main([{"is_main": True}])
        accounts = self.account_id
        result = super().write(vals)
        (accounts | self.account_id)._update_mail_servers()
        return result

    def unlink(self):
        accounts = self.account_id
        result = super().unlink()
        accounts.exists()._update_mail_servers()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_main(self):
        if any(self.mapped("is_main")):
            self._refuse_main([{"is_main": True}])

    def _refuse_main(self, vals_list):
        """The main address is changed on the mailbox only."""
        if any(vals.get("is_main") for vals in vals_list) and not self.env.su:
            raise ValidationError(
                self.env._(
                    "This is the mailbox's main address. Change it on the mailbox."
                )
            )

    def _follow_account(self):
        """Give the main identity the mailbox's address, which may have been an alias
        until now."""
        # sudo: it comes with the mailbox
        for identity in self.sudo():
            account = identity.account_id
            alias = (account.sender_ids - identity).filtered(
                lambda one, account=account: (
                    one.email_normalized == account.email_normalized
                )
            )
            alias.unlink()
            identity.email = account.email

    # ------------------------------------------------------------------
    # Sending as it
    # ------------------------------------------------------------------

    def _check_sender(self):
        """
        :raise AccessError: when the user may not send as one of these
        """
        if self.env.uid == SUPERUSER_ID:
            return
        # sudo: the question is what the user may send as, not what they may see
        for identity in self.sudo():
            if not identity.can_send or not identity.account_id._may_send(
                self.env.user
            ):
                raise AccessError(
                    self.env._(
                        "You can't send from %s. Only the owner and the members of a "
                        "mailbox can send from it.",
                        identity.email,
                    )
                )

    def _email_formatted(self, user=None):
        """The From header: name, by the mailbox's setting, and address.

        :param user: ``res.users`` who writes
        """
        self.ensure_one()
        identity = self.sudo()
        account = identity.account_id
        name = identity.name or account.name
        person = user.sudo().name if user and user.id != SUPERUSER_ID else ""
        if person and account.sender_name == "user":
            name = person
        elif person and account.sender_name == "both" and person != name:
            name = self.env._("%(person)s, %(mailbox)s", person=person, mailbox=name)
        # A line break in the name would begin another header field.
        return formataddr((" ".join((name or "").split()), identity.email_normalized))

    def _signature_html(self):
        """The signature of this address as core adds one, or an empty string."""
        self.ensure_one()
        signature = self.sudo().signature
        if is_html_empty(signature):
            return ""
        return Markup("<div>-- <br/>%s</div>") % signature

    # ------------------------------------------------------------------
    # For composers
    # ------------------------------------------------------------------

    @api.model
    def get_senders(self, model, res_id, partner_ids=None):
        """Addresses that the user may send from on a record, for a composer.

        :param str model: of the record; may be empty
        :param int res_id: its id; may be empty
        :param list partner_ids: ids of the contacts written to, if known
        :return: {"senders": [{"id", "label", "email"}], "default": id, or False for
            Odoo's own server}; senders is empty for users without a mailbox
        """
        user = self.env.user
        if not user._is_internal():
            return {"senders": [], "default": False}
        record = self.env[model].browse(res_id or ()) if model in self.env else None
        if record:
            record.check_access("read")
        # sudo: the names of the user's own senders
        senders = sender_selection.sender_identities(
            self.env, user, self.env.company
        ).sudo()
        default = sender_selection.identity_for_record(
            record, user, senders, partner_ids
        )
        return {
            "senders": [
                {
                    "id": one.id,
                    "label": one._email_formatted(user).replace('"', ""),
                    "email": one.email_normalized,
                }
                for one in senders
            ],
            "default": default.id,
        }
