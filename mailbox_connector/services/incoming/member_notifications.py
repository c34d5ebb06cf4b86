"""Notifies members of a mailbox about new customer e-mails, in their Odoo inbox."""

from __future__ import annotations


def notify_members(account, mail) -> None:
    """Put an e-mail into the Odoo inboxes of the owner and the members who may read it.

    Users who are notified by e-mail are skipped: they have no Odoo inbox.

    :param account: the ``mailbox.account`` that received it
    :param mail: ``mailbox.message``
    """
    links = mail.link_ids.filtered(
        lambda link: link.mail_message_id and link.header in ("from", "reply_to")
    )
    shown = links.sorted("header")[:1].mail_message_id
    if not (account.notify_members and shown):
        return
    notified = (shown | _same_mail(mail, shown)).notification_ids.res_partner_id
    users = (account.owner_id | account.member_ids).filtered(
        lambda user: (
            user.active
            and user._is_internal()
            and user.notification_type == "inbox"
            and user.partner_id not in notified
            and _may_read(user, shown)
        )
    )
    thread = shown.env[shown.model].browse(shown.res_id)
    thread._notify_thread_by_inbox(
        shown,
        [
            {"id": user.partner_id.id, "uid": user.id, "notif": "inbox"}
            for user in users
        ],
    )


def _same_mail(mail, shown):
    """Messages on documents that show the same e-mail: their followers have already
    been notified."""
    if not mail.rfc_message_id:
        return shown.browse()
    return shown.search([("message_id", "=", mail.rfc_message_id)])


def _may_read(user, message) -> bool:
    own = message.with_user(user).with_context(allowed_company_ids=user.company_ids.ids)
    return own.has_access("read")
