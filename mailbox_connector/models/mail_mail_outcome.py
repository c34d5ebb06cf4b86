from odoo import models
from odoo.exceptions import AccessError, UserError


class MailMail(models.Model):
    """What became of a mailbox's mail, and what a person says about it."""

    # Apart from the queue: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.mail"

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
            self.env["mailbox.outbox"]._let_go(own.ids)
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
        self.env["mailbox.outbox"].sudo()._settle(mails.ids)
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
