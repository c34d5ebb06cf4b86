import ast

from odoo import SUPERUSER_ID, models

from ...engine.mime import subjects
from ...services.sending import reply_threading, sender_selection

#: End of the copies' derived Message-IDs, which have no meaning outside of Odoo.
COPY_ID = "@copy.invalid>"


class MailThread(models.AbstractModel):
    """Messages to customers on a record are sent from a mailbox.

    Posting takes ``mailbox_replied_id``: id of the ``mailbox.message`` replied to, and
    ``mailbox_identity_id``: see :meth:`message_post`.
    """

    _inherit = "mail.thread"

    def _get_allowed_message_params(self):
        return super()._get_allowed_message_params() | {"mailbox_identity_id"}

    def _get_message_create_valid_field_names(self):
        return super()._get_message_create_valid_field_names() | {"mailbox_identity_id"}

    def message_post(self, **kwargs):
        """``mailbox_identity_id``: which of our addresses to send from; False: Odoo's
        own server; omitted: services/sending/sender_selection.py decides."""
        if "mailbox_identity_id" in kwargs and not kwargs["mailbox_identity_id"]:
            del kwargs["mailbox_identity_id"]
            self = self.with_context(mailbox_own_server=True)
        return super().message_post(**kwargs)

    def _notify_thread_by_email(
        self, message, recipients_data, *, mailbox_replied_id=False, **kwargs
    ):
        customers = [one for one in recipients_data if _is_customer(one)]
        recipients = {one["email_normalized"] for one in customers}
        choice = self._mailbox_sender(message, recipients, mailbox_replied_id)
        if not choice or not choice.identity:
            return super()._notify_thread_by_email(message, recipients_data, **kwargs)
        identity, mail = choice.identity, choice.replied_mail
        account = identity.account_id
        if account.visibility == "members":
            # Its sent e-mails, like its received ones, are for its members only.
            audience = self.env["mailbox.audience"].sudo().for_accounts(account)
            message.sudo().mailbox_audience_id = audience
        if message.sudo().mailbox_identity_id != identity:
            # As the superuser: it was chosen for them among those they may send from.
            message.with_user(SUPERUSER_ID).mailbox_identity_id = identity
        colleagues = [one for one in recipients_data if not _is_customer(one)]
        outward = self.with_context(
            mailbox_sends=(identity.id, mail.id, tuple(recipients)),
        )
        super(MailThread, outward)._notify_thread_by_email(message, customers, **kwargs)
        inward = self.with_context(mailbox_sends=None, mailbox_all=recipients_data)
        return super(MailThread, inward)._notify_thread_by_email(
            message, colleagues, **kwargs
        )

    def _mailbox_sender(self, message, recipients, replied_id=False):
        """Where a message to customers is sent from, as a ``SenderChoice``; None: sent
        as Odoo would.

        :param recipients: normalized addresses of the customers
        :param replied_id: id of the ``mailbox.message`` for which *Reply* was pressed
        """
        if not recipients or len(self) != 1:
            return None
        return sender_selection.sender_of_message(self, message, recipients, replied_id)

    # ------------------------------------------------------------------
    # What the e-mails say
    # ------------------------------------------------------------------

    def _notify_by_email_get_base_mail_values(
        self, message, recipients_data, additional_values=None
    ):
        # The e-mail to colleagues names all customers, as if it were one e-mail to all.
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
        """From, Reply-To and threading of an e-mail that is sent from a mailbox.

        Whether the author may send from the mailbox is checked by ``mail.mail``.
        """
        identity_id, mail_id, recipients = self.env.context["mailbox_sends"]
        identity = self.env["mailbox.identity"].sudo().browse(identity_id)
        # The context may come from anywhere: only what the author may read is used.
        mail = self.env["mailbox.message"].with_user(message.create_uid)
        mail = mail.browse(mail_id or ())._filtered_access("read").sudo()
        reply = reply_threading.reply_headers(message, mail, set(recipients))
        headers = ast.literal_eval(values.get("headers") or "{}")
        headers["Return-Path"] = identity.email_normalized
        if reply.in_reply_to:
            headers["In-Reply-To"] = reply.in_reply_to
        email_from = identity._email_formatted(message.create_uid)
        result = {
            "mailbox_account_id": identity.account_id.id,
            "mailbox_email_from": email_from,
            "mailbox_reply_to": email_from,
            # The e-mail's own id last, like core: some servers replace the Message-ID.
            "references": " ".join([*reply.references, message.message_id]),
            "headers": repr(headers),
        }
        default = subjects.bare_subject(self._message_compute_subject())
        typed = subjects.bare_subject(message.subject)
        if reply.subject and typed in ("", default):
            result["subject"] = subjects.reply_subject(reply.subject)
        return result

    def _notify_by_email_prepare_rendering_context(self, message, *args, **kwargs):
        """The signature of the address that is sent from, if it has one."""
        context = super()._notify_by_email_prepare_rendering_context(
            message, *args, **kwargs
        )
        sends = self.env.context.get("mailbox_sends")
        if sends and message.email_add_signature:
            # sudo: everybody who gets the e-mail sees the signature
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
        # One e-mail per customer: each has its own outcome, and a retry goes only to
        # those who did not get it.
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
        """Whether the user has addresses to send from, so that composers ask for them
        only then."""
        result = super()._thread_to_store(store, fields, request_list=request_list)
        user = self.env.user
        if (
            "suggestedRecipients" in (request_list or ())
            and self.env["mailbox.audience"].sudo().has_mailboxes()
            and store.target.is_current_user(self.env)
        ):
            senders = sender_selection.sender_identities(
                self.env, user, self.env.company
            )
            for thread in self:
                values = {"hasMailboxSenders": bool(senders)}
                store.add(thread, values, as_thread=True)
        return result

    def _get_notify_valid_parameters(self):
        return super()._get_notify_valid_parameters() | {"mailbox_replied_id"}

    def _notify_get_recipients(
        self, message, msg_vals=False, *, mailbox_replied_id=False, **kwargs
    ):
        """A reply goes to the customers whom the writer saw in To, not to other
        followers of the record, and to nobody twice."""
        recipients = super()._notify_get_recipients(
            message, msg_vals=msg_vals, **kwargs
        )
        if not mailbox_replied_id:
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

    def _notify_thread(self, message, *args, mailbox_replied_id=False, **kwargs):
        if mailbox_replied_id:
            kwargs["mailbox_replied_id"] = mailbox_replied_id
            message.sudo()._mailbox_restrict_reply(mailbox_replied_id)
        return super()._notify_thread(message, *args, **kwargs)


def _is_customer(recipient):
    """Whether a recipient (``_notify_get_recipients``) is outside and gets e-mail."""
    return recipient["notif"] == "email" and recipient["share"]
