from odoo import SUPERUSER_ID, api, fields, models, tools
from odoo.exceptions import ValidationError

from ..services import choosing
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
        servers, _addresses = self.env["mailbox.account"]._sending_index()
        if servers:
            for mail, vals in zip(mails, vals_list, strict=True):
                # Emptied by a person: Odoo's own server.
                if vals.get("mailbox_identity_id", True):
                    mail._adopt_by_mailbox(servers, "mail_message_id" in vals)
        return mails

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

    def _adopt_by_mailbox(self, servers, is_notice):
        """Give a mail that was made directly (mass mail, templates) to a mailbox.

        The address chosen in the composer > the server chosen > the address typed as
        From > the rules, for mail to somebody outside. Only where those who made it
        may send as the mailbox.

        :param servers: see ``mailbox.account._sending_index``
        :param bool is_notice: it tells of a message that was there before
        """
        self.ensure_one()
        if self.mailbox_email_from:
            return
        # sudo: the choice must not depend on who may see which mailbox
        mail = self.sudo()
        user = mail.mail_message_id.create_uid
        mine = choosing.senders(mail.env, user, mail.env.company)
        identity = mine.browse()
        if mail.mail_server_id:
            forced = servers.get(mail.mail_server_id.id)
            mine = mine.filtered(lambda one: one.account_id.id == forced)
            identity = choosing.of_address(mine, mail.email_from, None) or mine[:1]
        elif is_notice:
            # What colleagues are notified of goes the way Odoo sends it.
            return
        elif mail.mailbox_identity_id:
            identity = mail.mailbox_identity_id
        elif mine:
            typed = choosing.of_address(mine, mail.email_from, None)
            identity = typed or mail._mailbox_by_rule(mine)
        if not identity or not mail._may_send_as(identity.account_id):
            return
        sender = tools.email_normalize(mail.email_from)
        own = sender == identity.email_normalized
        email_from = mail.email_from if own else identity._email_formatted(user)
        values = {
            "mailbox_account_id": identity.account_id.id,
            "mailbox_email_from": email_from,
        }
        if not mail.reply_to_force_new:
            values["mailbox_reply_to"] = email_from
        mail.write(values)

    def _mailbox_by_rule(self, mine):
        """The default sender of the record this mail is about, for who is outside."""
        partners = self.recipient_ids
        if not (self.email_to or self.email_cc or partners.filtered("partner_share")):
            return mine.browse()
        record = None
        if self.model in self.env and self.res_id:
            record = self.env[self.model].browse(self.res_id).exists()
        return choosing.by_rule(record, mine)

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
    # What is handed over
    # ------------------------------------------------------------------

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
