from dataclasses import replace

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import email_normalize

from odoo.addons.base.models.ir_mail_server import extract_rfc2822_addresses

from ...services.sending.outcome import HEADER, SendingFailed, SmtpTransaction
from ...services.sending.outgoing import deliver
from ...services.sending.smtp_session import (
    SmtpSession,
    open_queue_session,
    open_session,
)

#: What an administrator can set on a mailbox's server; the rest follows the mailbox.
FREE_FIELDS = {"max_email_size", "sequence"}
#: Further header values that may come from what somebody typed.
TYPED = ("email_cc", "email_bcc", "reply_to", "headers")


class IrMailServer(models.Model):
    """Outgoing servers of mailboxes: for display and choice; the connection is built
    from the mailbox.

    Such a server has no owner (``owner_user_id``): Odoo deletes personal servers whose
    address is not the user's, and knows one per user only.
    """

    _inherit = "ir.mail_server"

    mailbox_account_id = fields.Many2one(
        "mailbox.account",
        string="Mailbox",
        ondelete="cascade",
        index="btree_not_null",
        readonly=True,
        copy=False,
    )
    _mailbox_unique = models.Constraint(
        "UNIQUE (mailbox_account_id)", "A mailbox can have only one outgoing server."
    )

    # ------------------------------------------------------------------
    # Changed on the mailbox only
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        if any(vals.get("mailbox_account_id") for vals in vals_list):
            self._refuse_by_hand()
        return super().create(vals_list)

    def write(self, vals):
        if "mailbox_account_id" in vals or (
            vals.keys() - FREE_FIELDS and self.mailbox_account_id
        ):
            self._refuse_by_hand()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_mailbox(self):
        if self.mailbox_account_id:
            self._refuse_by_hand()

    def _refuse_by_hand(self):
        if not self.env.su:
            raise UserError(
                self.env._(
                    "This server belongs to a mailbox. Change the mailbox instead."
                )
            )

    # ------------------------------------------------------------------
    # Choice: never by default, only for those who may send from the mailbox
    # ------------------------------------------------------------------

    def _find_mail_server_allowed_domain(self):
        domain = super()._find_mail_server_allowed_domain()
        return domain & Domain("mailbox_account_id", "=", False)

    @api.model
    def _filter_mail_servers_fallback(self, servers):
        servers = super()._filter_mail_servers_fallback(servers)
        return servers.filtered(lambda server: not server.mailbox_account_id)

    # ------------------------------------------------------------------
    # Connecting and sending
    # ------------------------------------------------------------------

    def _get_test_email_to(self):
        if self.mailbox_account_id:
            return self.mailbox_account_id.sudo().email_normalized
        return super()._get_test_email_to()

    def _connect__(self, *args, mail_server_id=None, allow_archived=False, **kwargs):
        # sudo: as core does, to read the server
        server = self.sudo().browse(mail_server_id or ())
        if self._disable_send() or not server.mailbox_account_id:
            return super()._connect__(
                *args,
                mail_server_id=mail_server_id,
                allow_archived=allow_archived,
                **kwargs,
            )
        self._check_forced_mail_server(server, allow_archived, kwargs.get("smtp_from"))
        account = server.mailbox_account_id
        try:
            if self.env.context.get("mailbox_queue"):
                return open_queue_session(account)
            return open_session(account)
        except SendingFailed as failure:
            if not allow_archived:
                account.record_smtp_result(str(failure), failure.__cause__)
            raise

    def _build_email__(self, email_from, email_to, subject, *args, **kwargs):
        """Mail of a mailbox has the From of its mailbox, and no header field that
        somebody typed into a name or a subject."""
        if HEADER not in (kwargs.get("headers") or {}):
            return super()._build_email__(
                email_from, email_to, subject, *args, **kwargs
            )
        # With a line break in a name or a subject the whole mail would be refused.
        kwargs |= {name: _one_line(kwargs[name]) for name in TYPED if name in kwargs}
        headers = kwargs["headers"]
        transaction = headers.pop(HEADER)
        message = super()._build_email__(
            transaction.email_from,
            _one_line(email_to),
            _one_line(subject),
            *args,
            **kwargs,
        )
        message.mailbox_transaction = transaction
        return message

    def _prepare_email_message__(self, message, smtp_session):
        if not isinstance(smtp_session, SmtpSession):
            return super()._prepare_email_message__(message, smtp_session)
        sender = email_normalize(message["From"])
        if sender not in smtp_session.addresses:
            raise SendingFailed(
                self.env._(
                    "%(sender)s is not an address of the mailbox %(mailbox)s.",
                    sender=sender,
                    mailbox=smtp_session.address,
                )
            )
        del message["Return-Path"]
        message["Return-Path"] = sender
        # The mailbox may not send from an alias domain's bounce address.
        server = self.with_context(domain_bounce_address=False)
        _sender, recipients, message = super(
            IrMailServer, server
        )._prepare_email_message__(message, smtp_session)
        return sender, recipients, message

    @api.model
    def send_email(self, message, *args, smtp_session=None, **kwargs):
        transaction = getattr(message, "mailbox_transaction", None)
        if transaction is None:
            return super().send_email(
                message, *args, smtp_session=smtp_session, **kwargs
            )
        if (
            not isinstance(smtp_session, SmtpSession)
            or smtp_session.account_id != transaction.account_id
        ):
            raise SendingFailed(
                self.env._("This e-mail can only be sent from its mailbox.")
            )
        sender, recipients, message = self._prepare_email_message__(
            message, smtp_session
        )
        result = deliver(
            self.env, smtp_session, transaction, message, recipients, sender
        )
        smtp_session.outcomes.record(transaction, result)
        return False if result.put_off else message["Message-Id"]

    def _prepare_smtp_to_list(self, message, smtp_session):
        validated = self.env.context.get("send_validated_to")
        if not validated or not isinstance(smtp_session, SmtpSession):
            return super()._prepare_smtp_to_list(message, smtp_session)
        # An international domain is written as xn--… in the header. With one spelling
        # alone core would leave its recipient out.
        spelled = extract_rfc2822_addresses(", ".join(validated))
        server = self.with_context(send_validated_to=[*validated, *spelled])
        return super(IrMailServer, server)._prepare_smtp_to_list(message, smtp_session)


def _one_line(value):
    """``value`` with spaces instead of line breaks in its texts."""
    if isinstance(value, str):
        return " ".join(value.split()) if len(value.splitlines()) > 1 else value
    if isinstance(value, list | tuple):
        return type(value)(map(_one_line, value))
    if isinstance(value, dict):
        return {name: _one_line(one) for name, one in value.items()}
    if isinstance(value, SmtpTransaction):
        return replace(
            value,
            email_from=_one_line(value.email_from),
            sent_to=_one_line(value.sent_to),
        )
    return value
