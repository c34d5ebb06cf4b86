import ast

from odoo import models
from odoo.tools import email_normalize

from ..services import answering

#: The domain of the copies' derived Message-IDs, which nobody outside knows.
COPY_ID = "@copy.invalid>"


class MailThread(models.AbstractModel):
    """What a user writes to customers on a contact leaves through their mailbox."""

    _inherit = "mail.thread"

    def _notify_thread_by_email(self, message, recipients_data, **kwargs):
        account = self._mailbox_of_message(message, recipients_data)
        if not account:
            return super()._notify_thread_by_email(message, recipients_data, **kwargs)
        if account.visibility == "members":
            # What it sends is read by its members alone, as what it receives.
            scope = self.env["mailbox.scope"].sudo()._for_accounts(account)
            message.sudo().mailbox_scope_id = scope
        customers = [one for one in recipients_data if _is_customer(one)]
        colleagues = [one for one in recipients_data if not _is_customer(one)]
        recipients = {one["email_normalized"] for one in customers}
        mail = answering.answered(message, self._message_compute_subject(), recipients)
        outward = self.with_context(
            mailbox_sends=(account.id, mail.id),
        )
        super(MailThread, outward)._notify_thread_by_email(message, customers, **kwargs)
        inward = self.with_context(mailbox_sends=None, mailbox_all=recipients_data)
        return super(MailThread, inward)._notify_thread_by_email(
            message, colleagues, **kwargs
        )

    # ------------------------------------------------------------------
    # Which mailbox
    # ------------------------------------------------------------------

    def _mailbox_of_message(self, message, recipients_data):
        """The mailbox that a message leaves through to customers; empty: as Odoo
        sends it.

        The server chosen > the From typed > the mailbox that the answered e-mail came
        in on > the author's own mailbox > one they share. Always one that the user
        who posted may send as; what the server posts by itself (automation, incoming
        mail passed on) is nobody's.
        """
        Account = self.env["mailbox.account"]
        servers, addresses = Account._sending_index()
        if not (servers and self._sends_by_mailbox()):
            return Account
        if not any(_is_customer(one) for one in recipients_data):
            return Account
        message = message.sudo()
        user = message.create_uid
        if message.message_type != "comment" or not user._is_internal():
            return Account
        mine = Account._mailboxes_of(user, self.env.company)
        if message.mail_server_id:
            chosen = servers.get(message.mail_server_id.id)
            return mine.filtered(lambda account: account.id == chosen)
        sender = email_normalize(message.email_from)
        if sender != user.email_normalized:
            typed = addresses.get(sender, ())
            if found := mine.filtered(lambda account: account.id in typed)[:1]:
                return found
        if message.author_id != user.partner_id:
            return Account
        if len(mine) > 1:
            recipients = {
                one["email_normalized"] for one in recipients_data if _is_customer(one)
            }
            mail = answering.answered(
                message, self._message_compute_subject(), recipients
            )
            came_in_on = mail.scope_id.account_ids
            if found := mine.filtered(lambda account: account in came_in_on)[:1]:
                return found
        return mine[:1]

    def _sends_by_mailbox(self):
        """Whether messages of this model's records leave through mailboxes.

        Contacts, whose answers the sync brings back; a document's answers would miss
        the document.
        """
        return self._name == "res.partner" and len(self) == 1

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
        account_id, mail_id = self.env.context["mailbox_sends"]
        account = self.env["mailbox.account"].sudo().browse(account_id)
        # The context may come from anywhere: only what the author may read is quoted.
        mail = self.env["mailbox.message"].with_user(message.create_uid)
        mail = mail.browse(mail_id or ())._filtered_access("read").sudo()
        headers = ast.literal_eval(values.get("headers") or "{}")
        headers["Return-Path"] = account.email_normalized
        chain = answering.references(mail)
        result = {
            "mailbox_account_id": account.id,
            "mailbox_email_from": account._email_formatted(),
            "mailbox_reply_to": account._email_formatted(),
            # The mail's own id last, as core writes it: for servers that replace it.
            "references": " ".join([*chain, message.message_id]),
        }
        if mail.rfc_message_id:
            headers["In-Reply-To"] = mail.rfc_message_id
        default = answering.bare_subject(self._message_compute_subject())
        if mail and answering.bare_subject(message.subject) in ("", default):
            result["subject"] = answering.reply_subject(mail.subject)
        result["headers"] = repr(headers)
        return result

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


def _is_customer(recipient):
    """Whether a recipient (``_notify_get_recipients``) is notified outside."""
    return recipient["notif"] == "email" and recipient["share"]
