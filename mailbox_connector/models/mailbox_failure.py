from odoo import fields, models
from odoo.exceptions import AccessError

from odoo.addons.mail.tools.discuss import Store


class MailMessage(models.Model):
    """What the person who sent can do about mail that did not arrive."""

    # Apart from the rest: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.message"

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
            mails._mailbox_was_sent()
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


class MailMail(models.Model):
    # Apart from the rest: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.mail"

    def _postprocess_sent_message(self, *args, **kwargs):
        """Core tells the author's browser of failures; here it hears as well when
        what had failed, or had to wait, is sent."""
        own = self.filtered(
            lambda mail: mail.mailbox_email_from and mail.is_notification
        )
        if not own:
            return super()._postprocess_sent_message(*args, **kwargs)
        # sudo: notifications of a message are the server's
        notifications = (
            self.env["mail.notification"]
            .sudo()
            .search([("mail_mail_id", "in", own.ids)])
            .filtered(
                lambda one: (
                    one.notification_status in ("exception", "bounce")
                    or one.mail_mail_id.mailbox_wait_reason
                )
            )
        )
        result = super()._postprocess_sent_message(*args, **kwargs)
        notifications.mail_message_id._notify_message_notification_update()
        return result


class MailNotification(models.Model):
    _inherit = "mail.notification"

    def _to_store_defaults(self, target):
        """Of mail of a mailbox: why it did not arrive, or until when it waits."""
        defaults = super()._to_store_defaults(target)
        if self.env["mailbox.scope"].sudo()._any() and target.is_internal(self.env):
            user = target.get_user(self.env)
            found = self._mailbox_delivery(user or self.env.user)
            defaults.append(
                Store.Attr("mailbox_delivery", lambda one: found.get(one.id, False))
            )
        return defaults

    def _mailbox_delivery(self, user):
        """By id, where there is something to say: reason (text), until (UTC, text),
        unknown (whether it was sent), retry (whether ``user`` may do something)."""
        now = fields.Datetime.now()
        found = {}
        # sudo: shown are the words alone, to who may read the message
        for one in self.sudo().filtered(lambda one: one.notification_type == "email"):
            mail, message = one.mail_mail_id, one.mail_message_id
            if one.notification_status in ("exception", "bounce"):
                if not (mail.mailbox_email_from or message.mailbox_identity_id):
                    continue
                found[one.id] = {
                    "reason": one.failure_reason or mail.failure_reason or "",
                    "until": False,
                    "unknown": mail.mailbox_outcome == "ask",
                    "retry": mail.state == "exception"
                    and mail.mailbox_outcome != "looking"
                    and message._mailbox_may_retry(user),
                }
            elif mail.mailbox_email_from and mail.state == "outgoing":
                due = mail.scheduled_date
                waits = bool(due and due > now)
                found[one.id] = {
                    "reason": mail.mailbox_wait_reason or "",
                    "until": waits and fields.Datetime.to_string(due),
                    "unknown": False,
                    "retry": False,
                }
        return found
