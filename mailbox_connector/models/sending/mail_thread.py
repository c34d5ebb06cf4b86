import ast

from odoo import SUPERUSER_ID, models

from ...engine.mime import subjects
from ...services.sending import reply_threading, sender_selection

#: The domain of the copies' derived Message-IDs, which nobody outside knows.
COPY_ID = "@copy.invalid>"


class MailThread(models.AbstractModel):
    """What is written to customers on a record leaves through a mailbox.

    Posting takes ``mailbox_answers``: id of the ``mailbox.message`` answered.
    """

    _inherit = "mail.thread"

    def _get_allowed_message_params(self):
        return super()._get_allowed_message_params() | {"mailbox_identity_id"}

    def _get_message_create_valid_field_names(self):
        return super()._get_message_create_valid_field_names() | {"mailbox_identity_id"}

    def message_post(self, **kwargs):
        """With ``mailbox_identity_id``: as which of our addresses; emptied: by Odoo's
        own server. Left out: by the order of :mod:`services.choosing`."""
        if "mailbox_identity_id" in kwargs and not kwargs["mailbox_identity_id"]:
            del kwargs["mailbox_identity_id"]
            self = self.with_context(mailbox_own_server=True)
        return super().message_post(**kwargs)

    def _notify_thread_by_email(
        self, message, recipients_data, *, mailbox_answers=False, **kwargs
    ):
        if mailbox_answers:
            # For ``reply_threading``, which asks whether the author may read it.
            message = message.with_context(mailbox_answers=mailbox_answers)
        customers = [one for one in recipients_data if _is_customer(one)]
        recipients = {one["email_normalized"] for one in customers}
        identity = self._mailbox_identity_of(message, recipients)
        if not identity:
            return super()._notify_thread_by_email(message, recipients_data, **kwargs)
        account = identity.account_id
        if account.visibility == "members":
            # What it sends is read by its members alone, as what it receives.
            audience = self.env["mailbox.audience"].sudo()._for_accounts(account)
            message.sudo().mailbox_audience_id = audience
        if message.sudo().mailbox_identity_id != identity:
            # sudo, as nobody: it was chosen for them, from those they may send as
            message.with_user(SUPERUSER_ID).mailbox_identity_id = identity
        mail = reply_threading.answered(
            message, self._message_compute_subject(), recipients
        )
        colleagues = [one for one in recipients_data if not _is_customer(one)]
        outward = self.with_context(
            mailbox_sends=(identity.id, mail.id, tuple(recipients)),
        )
        super(MailThread, outward)._notify_thread_by_email(message, customers, **kwargs)
        inward = self.with_context(mailbox_sends=None, mailbox_all=recipients_data)
        return super(MailThread, inward)._notify_thread_by_email(
            message, colleagues, **kwargs
        )

    def _mailbox_identity_of(self, message, recipients):
        """The address that a message leaves as to customers; empty: as Odoo sends
        it. See :mod:`services.choosing`.

        :param recipients: normalised addresses of the customers
        """
        if not recipients or len(self) != 1:
            return self.env["mailbox.identity"]
        return sender_selection.of_message(self, message, recipients)

    # ------------------------------------------------------------------
    # What the mails say
    # ------------------------------------------------------------------

    def _notify_by_email_get_base_mail_values(
        self, message, recipients_data, additional_values=None
    ):
        # Colleagues are told of all the customers, as if it were one sending.
        values = super()._notify_by_email_get_base_mail_values(
            message,
            self.env.context.get("mailbox_all") or recipients_data,
            additional_values=additional_values,
        )
        if COPY_ID in (values.get("references") or ""):
            kept = [
                one for one in values["references"].split() if not one.endswith(COPY_ID)
            ]
            values["references"] = " ".join(kept)
        if self.env.context.get("mailbox_sends"):
            values.update(self._mailbox_mail_values(message.sudo(), values))
        return values

    def _mailbox_mail_values(self, message, values):
        """From, Reply-To and threading of a mail that leaves through a mailbox.

        Whether the mailbox is the author's is checked by ``mail.mail``.
        """
        identity_id, mail_id, recipients = self.env.context["mailbox_sends"]
        identity = self.env["mailbox.identity"].sudo().browse(identity_id)
        # The context may come from anywhere: only what the author may read is quoted.
        mail = self.env["mailbox.message"].with_user(message.create_uid)
        mail = mail.browse(mail_id or ())._filtered_access("read").sudo()
        answer = reply_threading.answer(message, mail, set(recipients))
        headers = ast.literal_eval(values.get("headers") or "{}")
        headers["Return-Path"] = identity.email_normalized
        if answer.in_reply_to:
            headers["In-Reply-To"] = answer.in_reply_to
        email_from = identity._email_formatted(message.create_uid)
        result = {
            "mailbox_account_id": identity.account_id.id,
            "mailbox_email_from": email_from,
            "mailbox_reply_to": email_from,
            # The mail's own id last, as core writes it: for servers that replace it.
            "references": " ".join([*answer.references, message.message_id]),
            "headers": repr(headers),
        }
        default = subjects.bare_subject(self._message_compute_subject())
        typed = subjects.bare_subject(message.subject)
        if answer.subject and typed in ("", default):
            result["subject"] = subjects.reply_subject(answer.subject)
        return result

    def _notify_by_email_prepare_rendering_context(self, message, *args, **kwargs):
        """The signature of the address that is sent as, if it has one."""
        context = super()._notify_by_email_prepare_rendering_context(
            message, *args, **kwargs
        )
        sends = self.env.context.get("mailbox_sends")
        if sends and message.email_add_signature:
            # sudo: the signature is for everybody who gets the mail
            identity = self.env["mailbox.identity"].sudo().browse(sends[0])
            if signature := identity._signature_html():
                context.update(signature=signature, email_add_signature=True)
        return context

    def _notify_get_classified_recipients_iterator(
        self, message, recipients_data, *args, **kwargs
    ):
        groups = super()._notify_get_classified_recipients_iterator(
            message, recipients_data, *args, **kwargs
        )
        if not self.env.context.get("mailbox_sends"):
            yield from groups
            return
        # A mail each: who did not get it is told apart from who did, and only they
        # are sent to again.
        for lang, render_values, group in groups:
            for one in group["recipients_data"]:
                yield (
                    lang,
                    render_values,
                    {
                        **group,
                        "recipients_data": [one],
                        "recipients_ids": [one["id"]] if one["id"] else [],
                        "recipients_emails": []
                        if one["id"]
                        else [one["email_normalized"]],
                    },
                )

    def _thread_to_store(self, store, fields, *, request_list=None):
        """Composers ask who may be sent as only where there is somebody."""
        result = super()._thread_to_store(store, fields, request_list=request_list)
        user = self.env.user
        if (
            "suggestedRecipients" in (request_list or ())
            and self.env["mailbox.audience"].sudo()._any()
            and store.target.is_current_user(self.env)
        ):
            senders = sender_selection.senders(self.env, user, self.env.company)
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


def _is_customer(recipient):
    """Whether a recipient (``_notify_get_recipients``) is notified outside."""
    return recipient["notif"] == "email" and recipient["share"]
