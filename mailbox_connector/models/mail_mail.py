from odoo import SUPERUSER_ID, api, fields, models, tools
from odoo.exceptions import ValidationError

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ..services.outgoing import HEADER, Delivery

#: Mails handed over through one SMTP session, at most.
SESSION_BATCH = 1000


class MailMail(models.Model):
    """Mail of a mailbox.

    Mailbox, From and Reply-To stand in columns of their own: the ones inherited from
    ``mail.message`` are shared with the chatter and with the mails to colleagues.
    A mail that has ``mailbox_email_from`` leaves through its mailbox or not at all,
    even when the mailbox is deleted.
    """

    _inherit = "mail.mail"

    mailbox_account_id = fields.Many2one(
        "mailbox.account",
        string="Mailbox",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
        copy=True,
    )
    mailbox_email_from = fields.Char(string="Mailbox From", readonly=True)
    mailbox_reply_to = fields.Char(string="Mailbox Reply-To", readonly=True)

    @api.constrains("mailbox_account_id")
    def _check_mailbox_account_id(self):
        for mail in self:
            account = mail.mailbox_account_id
            if account and not mail._may_send_as(account):
                raise ValidationError(
                    self.env._(
                        "Only owner and members of the mailbox %s send as it.",
                        account.sudo().email,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        mails = super().create(vals_list)
        servers, addresses = self.env["mailbox.account"]._sending_index()
        if servers:
            mails._adopt_by_mailbox(servers, addresses)
        return mails

    def mark_outgoing(self):
        result = super().mark_outgoing()
        if any(self.mapped("mailbox_email_from")):
            self.env["mailbox.outbox"]._let_go(self.ids)
        return result

    # ------------------------------------------------------------------
    # Which mailbox
    # ------------------------------------------------------------------

    def _may_send_as(self, account):
        """Whether those who made this mail may send as ``account``.

        Neither the name in From nor who presses a button counts: the user who wrote
        the message does, and the one who made a mail of it unless that is the server.
        """
        self.ensure_one()
        users = self.mail_message_id.create_uid
        if self.create_uid.id != SUPERUSER_ID:
            users |= self.create_uid
        return bool(users) and all(account._may_send(user) for user in users)

    def _adopt_by_mailbox(self, servers, addresses):
        """Give mails that were composed for a mailbox's server, or (mass mail) from
        its address, to that mailbox: only where the user may send as it."""
        Account = self.env["mailbox.account"].sudo()
        for mail in self.filtered(lambda mail: not mail.mailbox_email_from):
            sender = tools.email_normalize(mail.email_from)
            # sudo: the choice must not depend on who may see which mailbox
            forced = servers.get(mail.sudo().mail_server_id.id)
            if forced:
                accounts = Account.browse(forced)
            elif mail.is_notification or mail.mail_server_id:
                # What colleagues are notified of goes the way Odoo sends it.
                continue
            else:
                accounts = Account.browse(addresses.get(sender, ()))
            account = next((one for one in accounts if mail._may_send_as(one)), None)
            if account:
                own = sender in account._addresses()
                mail.sudo().write(
                    {
                        "mailbox_account_id": account.id,
                        "mailbox_email_from": mail.email_from
                        if own
                        else account._email_formatted(),
                    }
                )

    def _filter_mail_mail_servers(self, mail_servers):
        servers = super()._filter_mail_mail_servers(mail_servers)
        if not any(server.mailbox_account_id for server in servers):
            return servers
        return servers.filtered(
            lambda server: (
                not server.mailbox_account_id
                or all(mail._is_for_server(server) for mail in self)
            )
        )

    def _is_for_server(self, server):
        """Whether this mail may leave by a mailbox's server: as that mailbox's mail."""
        account = server.mailbox_account_id
        if self.mailbox_email_from:
            return self.mailbox_account_id == account
        return self.mail_server_id == server and self._may_send_as(account)

    # ------------------------------------------------------------------
    # Holding back
    # ------------------------------------------------------------------

    @api.model
    def _queued_for(self, accounts):
        """Mails of these mailboxes that have not left yet."""
        if not accounts:
            return self.browse()
        return self.search(
            [("mailbox_account_id", "in", accounts.ids), ("state", "=", "outgoing")]
        )

    def _why_held(self):
        """Why this mail cannot leave by its mailbox now; False if it can."""
        if not self.mailbox_email_from:
            # sudo: see _adopt_by_mailbox
            server = self.sudo().mail_server_id
            account = server.mailbox_account_id
            if not account or self._may_send_as(account):
                return False
        # sudo: the sender may have lost sight of the mailbox
        account = self.sudo().mailbox_account_id
        if not account and self.mailbox_email_from:
            return self.env._(
                "The mailbox of %s was deleted. This e-mail is not sent by another "
                "server.",
                self.mailbox_email_from,
            )
        if account and not self._may_send_as(account):
            return self.env._(
                "The author may not send as %s any more. Only owner and members of a "
                "mailbox send as it.",
                account.email,
            )
        if not account:
            return self.env._(
                "Only owner and members of the mailbox %s send as it.",
                self.sudo().mail_server_id.mailbox_account_id.email,
            )
        return account._why_not_sending()

    def _hold_for_mailbox(self):
        """Turn mails that cannot leave by their mailbox into failed ones that say so.

        :return: the mails held back
        """
        held = self.browse()
        for mail in self:
            if not mail.mailbox_email_from and not mail.mail_server_id:
                continue
            if mail.state != "outgoing" or not (reason := mail._why_held()):
                continue
            held |= mail
            mail.write(
                {
                    "state": "exception",
                    "failure_type": "unknown",
                    "failure_reason": reason,
                }
            )
            mail._postprocess_sent_message(
                success_pids=[],
                success_emails=[],
                failure_type="unknown",
                failure_reason=reason,
            )
        return held

    # ------------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------------

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        held = self._hold_for_mailbox()
        if held:
            if raise_exception:
                raise MailDeliveryException(
                    self.env._("Mail Delivery Failed"), held[0].failure_reason
                )
            if post_send_callback:
                post_send_callback(held.ids)
        return super(MailMail, self - held).send(
            auto_commit=auto_commit,
            raise_exception=raise_exception,
            post_send_callback=post_send_callback,
        )

    def _split_by_mail_configuration(self):
        own = self.filtered("mailbox_email_from")
        if not own:
            yield from super()._split_by_mail_configuration()
            return
        if others := self - own:
            yield from super(MailMail, others)._split_by_mail_configuration()
        for account, mails in own.grouped("mailbox_account_id").items():
            server = account._mail_server()
            sender = account.sudo().email_normalized
            for batch in tools.split_every(SESSION_BATCH, mails.ids):
                yield server.id, False, sender, batch

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        emails = super()._prepare_outgoing_list(
            mail_server=mail_server, doc_to_followers=doc_to_followers
        )
        if not self.mailbox_email_from:
            return emails
        delivery = Delivery(
            mail_id=self.id,
            mail_message_id=self.mail_message_id.id,
            account_id=self.mailbox_account_id.id,
            email_from=self.mailbox_email_from,
            sent_to=self._customers(emails),
        )
        for email in emails:
            email["headers"] = {**email["headers"], HEADER: delivery}
            email["reply_to"] = self.mailbox_reply_to or email["reply_to"]
        return emails

    def _customers(self, emails):
        """Everybody outside whom the message of this mail goes to, formatted."""
        if not self.is_notification:
            return tuple(to for email in emails for to in email["email_to"])
        notified = self.mail_message_id.sudo().notification_ids.filtered(
            lambda one: (
                one.notification_type == "email"
                and (one.mail_email_address or one.res_partner_id.partner_share)
            )
        )
        return tuple(
            one.mail_email_address or one.res_partner_id.email_formatted
            for one in notified
            if one.mail_email_address or one.res_partner_id.email_normalized
        )

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        if (
            failure_type
            and not failure_reason
            and any(self.mapped("mailbox_email_from"))
        ):
            # Core leaves the reason out when the server cannot be reached.
            for mail in self:
                super(MailMail, mail)._postprocess_sent_message(
                    success_pids,
                    success_emails,
                    failure_reason=mail.failure_reason,
                    failure_type=failure_type,
                )
            return True
        return super()._postprocess_sent_message(
            success_pids,
            success_emails,
            failure_reason=failure_reason,
            failure_type=failure_type,
        )
