"""Members of a mailbox are told of new customer mail in their Odoo inbox."""

from __future__ import annotations


def tell(account, mail) -> None:
    """Put an e-mail into the Odoo inboxes of owner and members who may read it.

    Those who have chosen to be notified by e-mail have no inbox in Odoo: no one.

    :param account: ``mailbox.account`` that it came in on
    :param mail: ``mailbox.message``
    """
    links = mail.link_ids.filtered(
        lambda link: link.mail_message_id and link.header in ("from", "reply_to")
    )
    shown = links.sorted("header")[:1].mail_message_id
    if not (account.notify_members and shown):
        return
    # An answer that stands on a document as well is told of there.
    named = [("message_id", "=", mail.rfc_message_id)] if mail.rfc_message_id else []
    elsewhere = shown.search(named) if named else shown.browse()
    told = (shown | elsewhere).notification_ids.res_partner_id
    users = (account.owner_id | account.member_ids).filtered(
        lambda user: (
            user.active
            and user._is_internal()
            and user.notification_type == "inbox"
            and user.partner_id not in told
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


def _may_read(user, message) -> bool:
    own = message.with_user(user).with_context(allowed_company_ids=user.company_ids.ids)
    return own.has_access("read")
