import time
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models, tools
from odoo.exceptions import AccessError, UserError, ValidationError

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.sending import sender_selection
from ...services.sending.outcome import Outcomes, PutOff
from ...services.sending.outgoing import HEADER, Transaction, Transport

#: Mails handed over through one SMTP session, at most.
SESSION_BATCH = 1000
#: Mails that are committed together, at most, and the seconds that they may take.
TOGETHER, TOGETHER_SECONDS = 50, 1.0


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
    mailbox_wait_reason = fields.Text(
        string="Why it waits",
        readonly=True,
        copy=False,
        help="It goes by itself at the scheduled date.",
    )
    mailbox_attempts = fields.Integer(string="Attempts", readonly=True, copy=False)
    mailbox_outcome = fields.Selection(
        [
            ("looking", "Being looked for in the Sent folder"),
            ("ask", "A person has to say whether it was sent"),
        ],
        string="Not known whether sent",
        readonly=True,
        copy=False,
        index="btree_not_null",
    )

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
        mine = sender_selection.senders(mail.env, user, mail.env.company)
        identity = mine.browse()
        if mail.mail_server_id:
            forced = servers.get(mail.mail_server_id.id)
            mine = mine.filtered(lambda one: one.account_id.id == forced)
            identity = (
                sender_selection.of_address(mine, mail.email_from, None) or mine[:1]
            )
        elif is_notice:
            # What colleagues are notified of goes the way Odoo sends it.
            return
        elif mail.mailbox_identity_id:
            identity = mail.mailbox_identity_id
        elif mine:
            typed = sender_selection.of_address(mine, mail.email_from, None)
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
        return sender_selection.by_rule(record, mine)

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
        transaction = Transaction(
            mail_id=self.id,
            mail_message_id=self.mail_message_id.id,
            account_id=self.mailbox_account_id.id,
            email_from=self.mailbox_email_from,
            sent_to=self._customers(emails),
        )
        for email in emails:
            email["headers"] = {**email["headers"], HEADER: transaction}
            email["reply_to"] = self.mailbox_reply_to or email["reply_to"]
        outcomes = self._outcomes()
        if outcomes is not None:
            outcomes.number(self.id, emails)
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
            mail._note_failure(reason, "unknown")
            mail._postprocess_sent_message(
                success_pids=[],
                success_emails=[],
                failure_type="unknown",
                failure_reason=reason,
            )
        return held

    def _note_failure(self, reason, failure_type, is_unknown=False):
        self.write(
            {
                "state": "exception",
                "failure_type": failure_type,
                "failure_reason": reason,
                "mailbox_wait_reason": False,
                "mailbox_outcome": "looking" if is_unknown else False,
            }
        )

    # ------------------------------------------------------------------
    # Putting off
    # ------------------------------------------------------------------

    def _put_off_by_limits(self):
        """Put off what the mailboxes' limits do not let go now; no connection is made
        for it. The ledger decides again, exactly, for each mail that goes on.

        :return: the mails put off
        """
        later = self.browse()
        queued = self.filtered(
            lambda mail: mail.mailbox_email_from and mail.state == "outgoing"
        )
        # sudo: limits bind whoever sends
        for account, mails in queued.sudo().grouped("mailbox_account_id").items():
            if not account._is_limited():
                continue
            mails = mails._not_all_sent().sorted(lambda mail: (mail.date, mail.id))
            soon = fields.Datetime.now() + timedelta(seconds=account._patience())
            sizes = [mail._recipient_count() for mail in mails]
            slots = account._plan_sending(sizes)
            put_off = [
                (mail, slot)
                for mail, slot in zip(mails, slots, strict=True)
                if slot and slot.at > soon
            ]
            for mail, slot in put_off:
                mail._put_off(slot)
                mail._notify_put_off(slot)
                later |= mail
            if put_off:
                account._wake_queue([slot.at for _mail, slot in put_off])
        return later.with_env(self.env)

    def _recipient_count(self):
        typed = f"{self.email_to or ''},{self.email_cc or ''}".count("@")
        return max(len(self.recipient_ids) + typed, 1)

    def _not_all_sent(self):
        """Without mails that have reached everybody they were begun for: to close
        these takes no sending."""
        rows = self.env["mailbox.delivery"]._read_group(
            [("mail_mail_id_int", "in", self.ids)],
            ["mail_mail_id_int"],
            ["state:array_agg"],
        )
        done = {mail_id for mail_id, states in rows if set(states) == {"sent"}}
        return self.filtered(lambda mail: mail.id not in done)

    def _put_off(self, put_off: PutOff):
        """Leave a mail in the queue until then, and say why."""
        self.ensure_one()
        self.write(
            {
                "state": "outgoing",
                "scheduled_date": put_off.at,
                "mailbox_wait_reason": put_off.reason,
                "mailbox_attempts": self.mailbox_attempts + put_off.is_attempt,
                "failure_type": False,
                "failure_reason": False,
            }
        )

    # ------------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------------

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        held = self._hold_for_mailbox()
        if held and raise_exception:
            raise MailDeliveryException(
                self.env._("Mail Delivery Failed"), held[0].failure_reason
            )
        held_back = held | (self - held)._put_off_by_limits()
        if held_back and post_send_callback:
            post_send_callback(held_back.ids)
        # Of mail that a mailbox puts off while its server is out of reach.
        rest = (self - held_back).with_context(mailbox_queue=True)
        return super(MailMail, rest).send(
            auto_commit=auto_commit,
            raise_exception=raise_exception,
            post_send_callback=post_send_callback,
        )

    def _send(
        self, auto_commit=False, raise_exception=False, smtp_session=None, **kwargs
    ):
        if not isinstance(smtp_session, Transport):
            return super()._send(
                auto_commit, raise_exception, smtp_session=smtp_session, **kwargs
            )

        def send(mails, *commit):
            super()._send(*commit, smtp_session=smtp_session, **kwargs)

        mails = self.with_context(mailbox_outcomes=smtp_session.outcomes)
        if auto_commit is True and not raise_exception:
            told = kwargs.pop("post_send_callback", None)
            mails._send_together(smtp_session, send, told)
        else:
            send(mails, auto_commit, raise_exception)
        if ledger := smtp_session.ledger:
            account = self.env["mailbox.account"].browse(smtp_session.account_id)
            ledger.record_all(account.sudo())
            if ledger.has_copies:
                self.env["mailbox.delivery"]._wake()
        return True

    def _send_together(self, transport, send, told=None):
        """Send, and commit once for several mails.

        Odoo commits after each, to know after a crash what was sent. The ledger knows
        that, so fewer commits and wider reads lose nothing.

        :param send: sends mails: ``send(mails, auto_commit)``
        :param told: called with the ids of those that are done
        """
        # sudo: limits bind whoever sends
        account = self.env["mailbox.account"].sudo().browse(transport.account_id)
        most = 1 if account._is_limited() else TOGETHER
        left, size = self.ids, 1
        while left:
            mails, left = self.browse(left[:size]), left[size:]
            started = time.monotonic()
            mails._read_ahead()
            try:
                with mute_conflicts():
                    send(mails, False)
                    self.env.flush_all()
            except CONFLICT_ERRORS:
                # Somebody has changed one of them meanwhile: each by itself.
                self.env.cr.rollback()
                send(mails, True)
            if told:
                told(mails.ids)
            self.env.cr.commit()  # pylint: disable=invalid-commit
            pace = TOGETHER_SECONDS / max(time.monotonic() - started, 0.001)
            size = max(1, min(most, size * 2, int(len(mails) * pace)))

    def _read_ahead(self):
        """Read at once what sending reads of each mail by itself."""
        self.mapped("state")
        self.mail_message_id.mapped("subject")
        self.recipient_ids.mapped("email")
        self.mapped("attachment_ids")

    def _outcomes(self):
        """What became of the mails of this session; None outside of one."""
        outcomes = self.env.context.get("mailbox_outcomes")
        # A context may come from anywhere.
        return outcomes if isinstance(outcomes, Outcomes) else None

    # ------------------------------------------------------------------
    # A person decides
    # ------------------------------------------------------------------

    def mark_outgoing(self):
        """Retry: a person wants it sent (again), now.

        Of several mails at once those are left out that may have been sent: whether
        to risk a second time is decided for each.
        """
        asked = self.filtered("mailbox_outcome")
        if asked and len(self) > 1:
            if asked == self:
                raise UserError(
                    self.env._(
                        "Decide for each of these e-mails: It was sent, or Send again."
                    )
                )
            return (self - asked).mark_outgoing()
        result = super().mark_outgoing()
        own = self.filtered("mailbox_email_from")
        if own:
            self.env["mailbox.delivery"]._let_go(own.ids)
            own._forget_waiting()
        return result

    def _forget_waiting(self):
        self.write(
            {
                "mailbox_attempts": 0,
                "mailbox_outcome": False,
                "mailbox_wait_reason": False,
                "scheduled_date": False,
            }
        )

    def action_mailbox_was_sent(self):
        """A person has seen that these were sent: nobody gets them again.

        For those who may send as the mailbox, and administrators of mail.

        :raise AccessError: for others
        """
        self._check_may_decide()
        self._mailbox_was_sent()

    def action_mailbox_send_again(self):
        """A person wants these sent, be it twice. As the list's Retry, for those who
        may send as the mailbox.

        :raise AccessError: for others
        """
        self._check_may_decide()
        # sudo: users of a mailbox have no rights on the queue
        self.sudo().mark_outgoing()
        self.sudo()._send_soon()

    def _check_may_decide(self):
        # sudo: users of a mailbox have no rights on the queue
        for mail in self.sudo():
            account = mail.mailbox_account_id
            if account and account._may_send(self.env.user):
                continue
            self.browse(mail.id).check_access("write")
            if not mail.mailbox_email_from:
                raise AccessError(self.env._("This is no e-mail of a mailbox."))

    def _mailbox_was_sent(self):
        """What was unknown of these mails was sent; the queue closes them, and sends
        to those whom they never went to."""
        # sudo: see action_mailbox_was_sent
        mails = self.sudo().filtered(lambda mail: mail.state == "exception")
        self.env["mailbox.delivery"].sudo()._settle(mails.ids)
        mails.write({"state": "outgoing"})
        mails._forget_waiting()
        mails._send_soon()

    def _ask_a_person(self, finding):
        """The Sent folder has not told; whoever sent it has to say.

        :param finding: "missing" where the provider would have filed it, "unread"
            where the folder could not be read, "open" where absence proves nothing
        """
        self.ensure_one()
        if self.state != "exception" or not self.mailbox_outcome:
            return
        said = {
            "missing": self.env._(
                "It does not stand in the mailbox's Sent folder, where the provider "
                "puts what was sent: most likely it was not sent."
            ),
            "unread": self.env._("The mailbox's Sent folder could not be read."),
            "open": self.env._(
                "The mailbox's Sent folder does not tell: this provider does not put "
                "there what is sent."
            ),
        }[finding]
        reason = self.env._(
            "The connection was lost while the server took this e-mail; it may have "
            "been sent. %s Ask the recipient if you can, then choose: it was sent, or "
            "send it again.",
            said,
        )
        self.write({"mailbox_outcome": "ask", "failure_reason": reason})
        # sudo: notifications of a message are the server's
        notifications = (
            self.env["mail.notification"]
            .sudo()
            .search(
                [
                    ("mail_mail_id", "=", self.id),
                    ("notification_type", "=", "email"),
                    ("notification_status", "=", "exception"),
                ]
            )
        )
        notifications.failure_reason = reason
        notifications.mail_message_id._notify_message_notification_update()

    def _send_soon(self):
        """By the mail queue: whoever presses a button does not wait for a server."""
        self.env["mailbox.account"]._wake_queue()

    # ------------------------------------------------------------------
    # What became of it
    # ------------------------------------------------------------------

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Core tells the author's browser of failures; here it hears as well when
        what had failed, or had to wait, is sent."""
        pending = self._pending_notifications()
        result = self._record_outcome(
            success_pids, success_emails, failure_reason, failure_type
        )
        pending.mail_message_id._notify_message_notification_update()
        return result

    def _pending_notifications(self):
        """Notifications of these mails that say "failed" or "waits" so far."""
        own = self.filtered(
            lambda mail: mail.mailbox_email_from and mail.is_notification
        )
        # sudo: notifications of a message are the server's
        Notification = self.env["mail.notification"].sudo()
        if not own:
            return Notification
        return Notification.search([("mail_mail_id", "in", own.ids)]).filtered(
            lambda one: (
                one.notification_status in ("exception", "bounce")
                or one.mail_mail_id.mailbox_wait_reason
            )
        )

    def _record_outcome(
        self, success_pids, success_emails, failure_reason, failure_type
    ):
        outcomes = self._outcomes()
        outcome = None
        if outcomes is not None and len(self) == 1:
            outcome = outcomes.pop(self.id, None)
        if outcome:
            settled = self._settle(outcome, failure_reason, failure_type)
            return settled is None or super()._postprocess_sent_message(**settled)
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

    def _settle(self, outcome, failure_reason, failure_type):
        """Give a mail the state that the results of its transactions make.

        Core knows sent and failed: it takes what was put off for sent, since nothing
        was raised.

        :param failure_reason: of what failed before it came to SMTP
        :return: what core is to be told; None if the mail goes on later
        """
        self.ensure_one()
        pids, emails, reasons, put_off = [], [], [], None
        failed_pids = []
        unknown = False
        for number, (partner, addresses) in enumerate(outcome.parts):
            result = outcome.results.get(number)
            if not result:
                continue
            reasons += [one for one in result.failed if one not in reasons]
            unknown |= result.unknown
            later = result.put_off
            if later and (not put_off or later.at < put_off.at):
                put_off = later
            if not result.failed and not later:
                pids += [partner] if partner else []
                emails += [] if partner else addresses
            elif result.failed and partner:
                failed_pids.append(partner)
        reason = " ".join(reasons) or failure_reason
        if put_off and not unknown:
            self._put_off(put_off)
            self.env["mailbox.account"]._wake_queue([put_off.at])
            self._notify_put_off(put_off, pids, emails, failed_pids, reason)
            return None
        reached = {"success_pids": pids, "success_emails": emails}
        if reason or failure_type:
            failure_type = failure_type or "unknown"
            self._note_failure(reason, failure_type, unknown)
            return {**reached, "failure_reason": reason, "failure_type": failure_type}
        if self.state != "sent":
            self.state = "sent"
        if self.mailbox_attempts or self.mailbox_outcome or self.mailbox_wait_reason:
            self._forget_waiting()
        return reached

    def _notify_put_off(
        self, put_off, sent_pids=(), sent_emails=(), failed_pids=(), reason=""
    ):
        """Who has it, who does not get it, and who gets it later."""
        # sudo: notifications of a message are the server's
        pending = (
            self.env["mail.notification"]
            .sudo()
            .search(
                [
                    ("notification_type", "=", "email"),
                    ("mail_mail_id", "=", self.id),
                    ("notification_status", "not in", ("sent", "canceled")),
                ]
            )
        )
        sent = pending.filtered(
            lambda one: (
                one.res_partner_id in sent_pids or one.mail_email_address in sent_emails
            )
        )
        failed = pending.filtered(lambda one: one.res_partner_id in failed_pids)
        sent.write(
            {"notification_status": "sent", "failure_type": "", "failure_reason": ""}
        )
        failed.write(
            {
                "notification_status": "exception",
                "failure_type": "unknown",
                "failure_reason": reason,
            }
        )
        # For the author, at their clock.
        account = self.mailbox_account_id.with_user(self.mail_message_id.create_uid)
        words = account.with_context(lang=account.env.user.lang).sudo()
        (pending - sent - failed).write(
            {
                "notification_status": "ready",
                "failure_type": "",
                "failure_reason": words.env._(
                    "%(reason)s It goes by itself at %(when)s.",
                    reason=put_off.reason,
                    when=words._when(put_off.at),
                ),
            }
        )
        messages = pending.mail_message_id.filtered(lambda m: m._is_thread_message())
        messages._notify_message_notification_update()
