from odoo import fields, models

from odoo.addons.mail.tools.discuss import Store


class MailNotification(models.Model):
    _inherit = "mail.notification"

    def _to_store_defaults(self, target):
        """For mail of a mailbox: why it did not arrive, or until when it waits."""
        defaults = super()._to_store_defaults(target)
        if self.env["mailbox.audience"].sudo().has_mailboxes() and target.is_internal(
            self.env
        ):
            user = target.get_user(self.env)
            found = self._mailbox_delivery(user or self.env.user)
            defaults.append(
                Store.Attr("mailbox_delivery", lambda one: found.get(one.id, False))
            )
        return defaults

    def _mailbox_delivery(self, user):
        """What the web client shows about notifications, where there is something.

        :return: by id: reason (text), until (UTC, text, or False), unknown (bool: a
            person has to say whether it was sent), retry (bool: ``user`` may retry)
        """
        now = fields.Datetime.now()
        found = {}
        # sudo: only these texts are shown, to users who may read the message
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
