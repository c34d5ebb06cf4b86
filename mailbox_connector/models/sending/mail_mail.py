import time
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models, tools
from odoo.exceptions import AccessError, UserError, ValidationError

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ...formatting import format_moment
from ...services.framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ...services.sending import (
    ledger,
    pace,
    sender_selection,
    sent_copy_queue,
    unknown_outcomes,
)
from ...services.sending.outcome import HEADER, Outcomes, PutOff, SmtpTransaction
from ...services.sending.smtp_session import SmtpSession

#: E-mails handed over through one SMTP session, at most.
SESSION_BATCH = 1000
#: How many e-mails are committed together at most, and how many seconds they may take.
TOGETHER, TOGETHER_SECONDS = 50, 1.0


class MailMail(models.Model):
    """Mail of a mailbox: which mailbox it is sent from, when, and the result.

    Mailbox, From and Reply-To are columns of our own: the ones inherited from
    ``mail.message`` are shared with the chatter and with the e-mails to colleagues. A
    mail that has ``mailbox_email_from`` is sent by its mailbox or not at all, even if
    the mailbox is deleted.
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
        help="Odoo sends it automatically at the scheduled date.",
    )
    mailbox_attempts = fields.Integer(string="Attempts", readonly=True, copy=False)
    mailbox_outcome = fields.Selection(
        [
            ("looking", "Being looked for in the Sent folder"),
            ("ask", "A person has to say whether it was sent"),
        ],
        string="Unknown whether sent",
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
                        "Only the owner and the members of the mailbox %s can send "
                        "from it.",
                        account.sudo().email,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        mails = super().create(vals_list)
        servers = self.env["mailbox.account"].account_ids_by_server()
        if servers:
            for mail, vals in zip(mails, vals_list, strict=True):
                # Emptied by a person: Odoo's own server.
                if vals.get("mailbox_identity_id", True):
                    mail._assign_mailbox(servers, "mail_message_id" in vals)
        return mails

    # ------------------------------------------------------------------
    # Which mailbox
    # ------------------------------------------------------------------

    def _may_send_as(self, account):
        """Whether those who made this e-mail may send as ``account``.

        Checks the author of the message and, unless it is the server, the creator of
        the queued e-mail; never From or the person who pressed a button.
        """
        self.ensure_one()
        users = self.mail_message_id.create_uid
        if self.create_uid.id != SUPERUSER_ID:
            users |= self.create_uid
        return bool(users) and all(account._may_send(user) for user in users)

    def _assign_mailbox(self, servers, notifies_of_message):
        """Assign a mailbox to an e-mail that was made directly (mass mail, templates),
        if those who made it may send as that.

        :param servers: see ``mailbox.account.account_ids_by_server``
        :param bool notifies_of_message: it notifies of a message that existed before
        """
        self.ensure_one()
        if self.mailbox_email_from:
            return
        # sudo: the choice must not depend on who may see which mailbox
        mail = self.sudo()
        identity = mail._mailbox_identity(servers, notifies_of_message)
        if not identity or not mail._may_send_as(identity.account_id):
            return
        email_from = mail.email_from
        if tools.email_normalize(email_from) != identity.email_normalized:
            email_from = identity._email_formatted(mail.mail_message_id.create_uid)
        values = {
            "mailbox_account_id": identity.account_id.id,
            "mailbox_email_from": email_from,
        }
        if not mail.reply_to_force_new:
            values["mailbox_reply_to"] = email_from
        mail.write(values)

    def _mailbox_identity(self, servers, notifies_of_message):
        """The address that an e-mail made directly is sent from; empty if none.

        The server chosen > the address chosen in the composer > the address typed as
        From > the rules, for mail to somebody outside.
        """
        mine = sender_selection.sender_identities(
            self.env, self.mail_message_id.create_uid, self.env.company
        )
        if self.mail_server_id:
            account_id = servers.get(self.mail_server_id.id)
            mine = mine.filtered(lambda one: one.account_id.id == account_id)
            typed = sender_selection.identity_of_address(mine, self.email_from, None)
            return typed or mine[:1]
        if notifies_of_message:
            # What colleagues are notified of is sent the way Odoo sends it.
            return mine.browse()
        if self.mailbox_identity_id:
            return self.mailbox_identity_id
        if not mine:
            return mine
        typed = sender_selection.identity_of_address(mine, self.email_from, None)
        return typed or self._mailbox_identity_by_rule(mine)

    def _mailbox_identity_by_rule(self, mine):
        """The default sender of the record this e-mail is about, for people outside."""
        partners = self.recipient_ids
        if not (self.email_to or self.email_cc or partners.filtered("partner_share")):
            return mine.browse()
        record = None
        if self.model in self.env and self.res_id:
            record = self.env[self.model].browse(self.res_id).exists()
        return sender_selection.identity_by_rule(record, mine)

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
        """Whether this e-mail may be sent by a mailbox's server: as that mailbox's
        mail."""
        account = server.mailbox_account_id
        if self.mailbox_email_from:
            return self.mailbox_account_id == account
        return self.mail_server_id == server and self._may_send_as(account)

    # ------------------------------------------------------------------
    # What is handed over to the server
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
        transaction = SmtpTransaction(
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
            outcomes.number_transactions(self.id, emails)
        return emails

    def _customers(self, emails):
        """Everybody outside who gets the message of this e-mail, formatted."""
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
    # Holding back: mail that its mailbox cannot send
    # ------------------------------------------------------------------

    @api.model
    def _queued_for(self, accounts):
        """E-mails of these mailboxes that have not been sent yet."""
        if not accounts:
            return self.browse()
        return self.search(
            [("mailbox_account_id", "in", accounts.ids), ("state", "=", "outgoing")]
        )

    def _why_held(self):
        """Why this e-mail cannot be sent by its mailbox now; False if it can."""
        if not self.mailbox_email_from:
            return self._why_server_refused()
        # sudo: the sender may no longer have access to the mailbox
        account = self.sudo().mailbox_account_id
        if not account:
            return self.env._(
                "The mailbox of %s was deleted. This e-mail is not sent by another "
                "server.",
                self.mailbox_email_from,
            )
        if not self._may_send_as(account):
            return self.env._(
                "The author can no longer send from %s. Only the owner and the members "
                "of a mailbox can send from it.",
                account.email,
            )
        return account._why_not_sending()

    def _why_server_refused(self):
        """Why an e-mail that is of no mailbox cannot be sent by the server chosen for
        it; False if it can."""
        # sudo: see _assign_mailbox
        account = self.sudo().mail_server_id.mailbox_account_id
        if not account or self._may_send_as(account):
            return False
        return self.env._(
            "Only the owner and the members of the mailbox %s can send from it.",
            account.email,
        )

    def _hold_for_mailbox(self):
        """Turn e-mails that cannot be sent by their mailbox into failed ones that say
        so.

        :return: the e-mails held back
        """
        held = self.browse()
        for mail in self:
            if not mail.mailbox_email_from and not mail.mail_server_id:
                continue
            if mail.state != "outgoing" or not (reason := mail._why_held()):
                continue
            held |= mail
            mail._record_failure(reason, "unknown")
            mail._postprocess_sent_message(
                success_pids=[],
                success_emails=[],
                failure_type="unknown",
                failure_reason=reason,
            )
        return held

    def _record_failure(self, reason, failure_type, is_unknown=False):
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
    # Putting off: mail that has to wait
    # ------------------------------------------------------------------

    def _put_off_by_limits(self):
        """Put off what the mailboxes' limits do not allow now, without connecting. For
        each of the other e-mails, the ledger decides again, exactly.

        :return: the e-mails put off
        """
        later = self.browse()
        queued = self.filtered(
            lambda mail: mail.mailbox_email_from and mail.state == "outgoing"
        )
        # sudo: limits bind everybody who sends
        for account, mails in queued.sudo().grouped("mailbox_account_id").items():
            if pace.is_limited(account):
                later |= mails._put_off_by_plan(account)
        return later.with_env(self.env)

    def _put_off_by_plan(self, account):
        """Put off the e-mails of a mailbox that have to wait by
        :func:`pace.plan_sending`."""
        # E-mails that every recipient has are only marked as sent.
        done = ledger.all_sent(self.env, self.ids)
        mails = self.filtered(lambda mail: mail.id not in done)
        mails = mails.sorted(lambda mail: (mail.date, mail.id))
        soon = fields.Datetime.now() + timedelta(seconds=pace.patience(self.env))
        plan = pace.plan_sending(account, [mail._recipient_count() for mail in mails])
        put_off = [
            (mail, slot)
            for mail, slot in zip(mails, plan, strict=True)
            if slot and slot.at > soon
        ]
        for mail, slot in put_off:
            mail._put_off(slot)
            mail._notify_put_off(slot)
        if put_off:
            account._trigger_mail_queue([slot.at for _mail, slot in put_off])
        return self.browse([mail.id for mail, _slot in put_off])

    def _recipient_count(self):
        typed = f"{self.email_to or ''},{self.email_cc or ''}".count("@")
        return max(len(self.recipient_ids) + typed, 1)

    def _put_off(self, put_off: PutOff):
        """Leave an e-mail in the queue until then, and say why."""
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
        # For ``_connect__``: if its server is out of reach, the mailbox puts mail off.
        rest = (self - held_back).with_context(mailbox_queue=True)
        return super(MailMail, rest).send(
            auto_commit=auto_commit,
            raise_exception=raise_exception,
            post_send_callback=post_send_callback,
        )

    def _send(
        self, auto_commit=False, raise_exception=False, smtp_session=None, **kwargs
    ):
        if not isinstance(smtp_session, SmtpSession):
            return super()._send(
                auto_commit, raise_exception, smtp_session=smtp_session, **kwargs
            )

        def send(mails, *commit):
            super()._send(*commit, smtp_session=smtp_session, **kwargs)

        mails = self.with_context(mailbox_outcomes=smtp_session.outcomes)
        if auto_commit is True and not raise_exception:
            callback = kwargs.pop("post_send_callback", None)
            mails._send_together(smtp_session, send, callback)
        else:
            send(mails, auto_commit, raise_exception)
        if smtp_session.ledger:
            smtp_session.recorder.flush()
            if smtp_session.ledger.has_queued:
                sent_copy_queue.trigger_cron(self.env)
        return True

    def _send_together(self, session, send, callback=None):
        """Send, and commit once for several e-mails.

        Odoo commits after each, so that it is known after a crash what was sent. The
        ledger knows that, so fewer commits and joint reads lose nothing.

        :param send: sends e-mails: ``send(e-mails, auto_commit)``
        :param callback: called with the ids of those that are done
        """
        # sudo: limits bind everybody who sends
        account = self.env["mailbox.account"].sudo().browse(session.account_id)
        most = 1 if pace.is_limited(account) else TOGETHER
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
                # Somebody has changed one of them meanwhile: one by one.
                self.env.cr.rollback()
                send(mails, True)
            if callback:
                callback(mails.ids)
            # As Odoo does after each e-mail: later ones may fail.
            self.env.cr.commit()  # pylint: disable=invalid-commit
            in_time = TOGETHER_SECONDS / max(time.monotonic() - started, 0.001)
            size = max(1, min(most, size * 2, int(len(mails) * in_time)))

    def _read_ahead(self):
        """Read at once what sending would read e-mail by e-mail."""
        self.mapped("state")
        self.mail_message_id.mapped("subject")
        self.recipient_ids.mapped("email")
        self.mapped("attachment_ids")

    def _outcomes(self):
        """The :class:`Outcomes` of this SMTP session; None outside of one."""
        outcomes = self.env.context.get("mailbox_outcomes")
        # A context may come from anywhere.
        return outcomes if isinstance(outcomes, Outcomes) else None

    # ------------------------------------------------------------------
    # The outcome
    # ------------------------------------------------------------------

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        """Core notifies the author's browser of failures; this also does so when a
        failed or waiting e-mail has been sent."""
        pending = self._pending_notifications()
        if outcome := self._pop_outcome():
            values = self._apply_outcome(outcome, failure_reason, failure_type)
            result = values is None or super()._postprocess_sent_message(**values)
        elif (
            failure_type
            and not failure_reason
            and any(self.mapped("mailbox_email_from"))
        ):
            # Core leaves the reason out if the server cannot be reached.
            result = True
            for mail in self:
                super(MailMail, mail)._postprocess_sent_message(
                    success_pids,
                    success_emails,
                    failure_reason=mail.failure_reason,
                    failure_type=failure_type,
                )
        else:
            result = super()._postprocess_sent_message(
                success_pids,
                success_emails,
                failure_reason=failure_reason,
                failure_type=failure_type,
            )
        pending.mail_message_id._notify_message_notification_update()
        return result

    def _pending_notifications(self):
        """Notifications of these e-mails that say "failed" or "waits" so far."""
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

    def _pop_outcome(self):
        """The results of this e-mail's SMTP transactions, if its mailbox sent it."""
        outcomes = self._outcomes()
        if outcomes is None or len(self) != 1:
            return None
        return outcomes.pop(self.id, None)

    def _apply_outcome(self, outcome, failure_reason, failure_type):
        """Give an e-mail the state that the results of its transactions make: sent,
        failed (also if it is unknown whether it was sent), or put off.

        Core knows sent and failed only. What was put off raises nothing, so core takes
        it as sent.

        :param failure_reason: of a failure before SMTP
        :return: arguments for core's ``_postprocess_sent_message``; None if the e-mail
            was put off
        """
        self.ensure_one()
        summary = outcome.summary()
        reason = " ".join(summary.reasons) or failure_reason
        if summary.put_off and not summary.is_unknown:
            self._apply_put_off(summary, reason)
            return None
        reached = {
            "success_pids": list(summary.sent_partners),
            "success_emails": list(summary.sent_emails),
        }
        if reason or failure_type:
            failure_type = failure_type or "unknown"
            self._record_failure(reason, failure_type, summary.is_unknown)
            return {**reached, "failure_reason": reason, "failure_type": failure_type}
        self._apply_sent()
        return reached

    def _apply_put_off(self, summary, reason):
        self._put_off(summary.put_off)
        self.env["mailbox.account"]._trigger_mail_queue([summary.put_off.at])
        self._notify_put_off(
            summary.put_off,
            summary.sent_partners,
            summary.sent_emails,
            summary.failed_partners,
            reason,
        )

    def _apply_sent(self):
        if self.state != "sent":
            self.state = "sent"
        if self.mailbox_attempts or self.mailbox_outcome or self.mailbox_wait_reason:
            self._forget_waiting()

    def _notify_put_off(
        self, put_off, sent_partners=(), sent_emails=(), failed_partners=(), reason=""
    ):
        """Show on the notifications who has the e-mail, who does not get it, and who
        gets it later."""
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
                one.res_partner_id in sent_partners
                or one.mail_email_address in sent_emails
            )
        )
        failed = pending.filtered(lambda one: one.res_partner_id in failed_partners)
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
        (pending - sent - failed).write(
            {
                "notification_status": "ready",
                "failure_type": "",
                "failure_reason": self._put_off_text(put_off),
            }
        )
        messages = pending.mail_message_id.filtered(lambda m: m._is_thread_message())
        messages._notify_message_notification_update()

    def _put_off_text(self, put_off):
        """Why and until when this e-mail waits, for its author: in their language and
        time zone."""
        author = self.with_user(self.mail_message_id.create_uid).env.user
        mail = self.with_user(author).with_context(lang=author.lang).sudo()
        return mail.env._(
            "%(reason)s Odoo sends it automatically at %(when)s.",
            reason=put_off.reason,
            when=format_moment(mail.env, put_off.at),
        )

    # ------------------------------------------------------------------
    # A person decides
    # ------------------------------------------------------------------

    def mark_outgoing(self):
        """Retry: a person wants it sent (again), now.

        Of several e-mails, those that may have been sent are skipped: for each of them,
        a person decides whether to risk sending it twice.
        """
        asked = self.filtered("mailbox_outcome")
        if asked and len(self) > 1:
            if asked == self:
                raise UserError(
                    self.env._(
                        "Open each of these e-mails and choose: It was sent, or Send "
                        "again."
                    )
                )
            return (self - asked).mark_outgoing()
        result = super().mark_outgoing()
        own = self.filtered("mailbox_email_from")
        if own:
            ledger.release_unknown(self.env, own.ids)
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
        """A person has found that these were sent: they are not sent again.

        For those who may send as the mailbox, and administrators of mail.

        :raise AccessError: for others
        """
        self._check_may_decide()
        self.mailbox_settle_as_sent()

    def action_mailbox_send_again(self):
        """A person wants these sent, even if that sends them twice. Like Retry in the
        list, for those who may send as the mailbox.

        :raise AccessError: for others
        """
        self._check_may_decide()
        # sudo: users of a mailbox have no rights on the queue
        self.sudo().mark_outgoing()
        self.sudo()._send_soon()

    def _check_may_decide(self):
        def may_send(mail):
            account = mail.mailbox_account_id
            return account and account._may_send(self.env.user)

        # sudo: users of a mailbox have no rights on the queue
        others = self.sudo().filtered(lambda mail: not may_send(mail))
        if others:
            others.sudo(False).check_access("write")
        if not all(mail.mailbox_email_from for mail in others):
            raise AccessError(self.env._("This e-mail is not sent from a mailbox."))

    @api.private
    def mailbox_settle_as_sent(self):
        """Record that these e-mails were sent. The mail queue finishes them, and sends
        to recipients to whom nothing was sent yet."""
        # sudo: see action_mailbox_send_again
        mails = self.sudo().filtered(lambda mail: mail.state == "exception")
        unknown_outcomes.settle_as_sent(mails.env, mails.ids)
        mails.write({"state": "outgoing"})
        mails._forget_waiting()
        mails._send_soon()

    @api.private
    def mailbox_ask_person(self, finding):
        """The Sent folder does not show whether this e-mail was sent: ask its author.

        :param finding: "missing" if the provider would have filed it, "unread" if the
            folder could not be read, "open" if its absence proves nothing
        """
        self.ensure_one()
        if self.state != "exception" or not self.mailbox_outcome:
            return
        clue = {
            "missing": self.env._(
                "It is not in the mailbox's Sent folder, where the provider saves "
                "e-mails that were sent: most likely it was not sent."
            ),
            "unread": self.env._("The mailbox's Sent folder could not be read."),
            "open": self.env._(
                "The Sent folder can't answer that: this provider doesn't save sent "
                "e-mails there."
            ),
        }[finding]
        reason = self.env._(
            "The connection was lost while the server was accepting this e-mail; it "
            "may have been sent. %s Ask the recipient if you can, then choose: It was "
            "sent, or Send again.",
            clue,
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
        """Send by the mail queue: a person who presses a button does not wait for a
        server."""
        self.env["mailbox.account"]._trigger_mail_queue()
