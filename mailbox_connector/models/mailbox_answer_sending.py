from odoo import api, models

from ..services import choosing


class MailScheduledMessage(models.Model):
    # Apart from the rest: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.scheduled.message"

    @api.model
    def _notification_parameters_whitelist(self):
        return super()._notification_parameters_whitelist() | {
            "mailbox_answers",
            "outgoing_email_to",
        }


class MailThread(models.AbstractModel):
    """Posting takes ``mailbox_answers``: id of the ``mailbox.message`` answered."""

    # Apart from the rest: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mail.thread"

    def _thread_to_store(self, store, fields, *, request_list=None):
        """Composers ask who may be sent as only where there is somebody."""
        result = super()._thread_to_store(store, fields, request_list=request_list)
        user = self.env.user
        if (
            "suggestedRecipients" in (request_list or ())
            and self.env["mailbox.scope"].sudo()._any()
            and store.target.is_current_user(self.env)
        ):
            senders = choosing.senders(self.env, user, self.env.company)
            for thread in self:
                values = {"hasMailboxSenders": bool(senders)}
                store.add(thread, values, as_thread=True)
        return result

    def _get_notify_valid_parameters(self):
        return super()._get_notify_valid_parameters() | {"mailbox_answers"}

    def _notify_get_recipients(
        self, message, msg_vals=False, *, mailbox_answers=False, **kwargs
    ):
        """An answer goes to those outside whom the writer saw in To, not to whoever
        follows the record; to nobody twice."""
        recipients = super()._notify_get_recipients(
            message, msg_vals=msg_vals, **kwargs
        )
        if not mailbox_answers:
            return recipients
        named = set((msg_vals or {}).get("partner_ids") or message.partner_ids.ids)
        known = {one["email_normalized"] for one in recipients if one["id"]}
        return [
            one
            for one in recipients
            if (
                one["id"] in named or not one["share"]
                if one["id"]
                else one["email_normalized"] not in known
            )
        ]

    def _notify_thread(self, message, *args, mailbox_answers=False, **kwargs):
        if mailbox_answers:
            kwargs["mailbox_answers"] = mailbox_answers
            message.sudo()._mailbox_restrict_answer(mailbox_answers)
        return super()._notify_thread(message, *args, **kwargs)

    def _notify_thread_by_email(
        self, message, recipients_data, *, mailbox_answers=False, **kwargs
    ):
        if mailbox_answers:
            # For ``services.answering``, which asks whether the author may read it.
            message = message.with_context(mailbox_answers=mailbox_answers)
        return super()._notify_thread_by_email(message, recipients_data, **kwargs)
