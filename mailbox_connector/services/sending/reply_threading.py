"""Which e-mail a message replies to, and the headers that say so.

:func:`replied_mail` finds the e-mail on a contact; :func:`reply_headers` derives
In-Reply-To, References and the subject from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from odoo import fields

from ...engine.mime.addresses import parse_addresses
from ...engine.mime.subjects import bare_subject

#: A message without a subject replies to the newest e-mail if that is not older.
RECENT = timedelta(days=30)
#: How many e-mails of a contact are searched for a subject.
LOOK_BACK = 50
#: Message-IDs in References: the newest, and the first of the conversation.
CHAIN = 20


@dataclass(frozen=True)
class ReplyHeaders:
    """What a message says about the one it replies to (RFC 5322 section 3.6.4).

    ``references``: Message-IDs, oldest first, without the message's own.
    ``subject``: of the replied message; empty: the message keeps its own.
    """

    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    subject: str = ""


def reply_headers(message, mail, recipients: set[str]) -> ReplyHeaders:
    """The headers of a chatter message.

    :param message: ``mail.message``, readable
    :param mail: the ``mailbox.message`` it replies to, on a contact; may be empty
    :param recipients: normalized addresses
    """
    if message.model != "res.partner":
        return _headers_on_document(message, recipients)
    if not mail:
        return ReplyHeaders()
    return ReplyHeaders(
        mail.rfc_message_id or "", tuple(references(mail)), mail.subject
    )


def _headers_on_document(message, recipients: set[str]) -> ReplyHeaders:
    """In a document's thread: the e-mails exchanged with the recipients about it."""
    # sudo: Message-IDs of e-mails that they received or wrote themselves
    earlier = (
        message.env["mail.message"]
        .sudo()
        .search(
            [
                ("model", "=", message.model),
                ("res_id", "=", message.res_id),
                ("id", "<", message.id),
                ("message_type", "in", ("email", "comment", "email_outgoing")),
                ("is_internal", "=", False),
            ],
            order="id desc",
            limit=LOOK_BACK,
        )
    )
    chain = [
        one.message_id
        for one in earlier
        if one.message_id and recipients & _exchanged_with(one)
    ][:CHAIN]
    return ReplyHeaders(chain[0] if chain else "", tuple(chain[::-1]))


def _exchanged_with(message) -> set[str]:
    """Addresses that a message on a document came from or was sent to by e-mail."""
    if message.message_type == "email":
        return {one.email for one in parse_addresses([message.email_from or ""])}
    sent = message.notification_ids.filtered(
        lambda one: one.notification_type == "email"
    )
    return {
        *sent.res_partner_id.mapped("email_normalized"),
        *sent.mapped("mail_email_address"),
    }


def recent_mail(contact, author, recipients: set[str]):
    """The newest ``mailbox.message`` of a contact, if it was recently exchanged with
    one of the recipients and the author may read it; else empty."""
    mail = _readable(contact, author)[:1]
    is_recent = mail.date and mail.date > fields.Datetime.now() - RECENT
    return mail if is_recent and recipients & _people(mail) else mail.browse()


def _readable(contact, author):
    """E-mails of a contact that the author may read: their subject is shown."""
    mails = (
        contact.env["mailbox.message"]
        .with_user(author)
        .search([("partner_ids", "in", contact.ids)], limit=LOOK_BACK)
    )
    # sudo: links have no access of their own; the author may read these e-mails
    return mails.sudo()


def replied_mail(
    message, default_subject: str, recipients: set[str], replied_id: int | bool = False
):
    """The ``mailbox.message`` that a message on a contact replies to; empty if none.

    The first that applies: the one for which *Reply* was pressed; the one that the
    message's parent shows; the newest one with the subject that was typed; if none was
    typed, the contact's newest one, if it was recently exchanged with a recipient.

    :param message: ``mail.message``
    :param default_subject: what Odoo writes if no subject is typed
    :param recipients: normalized addresses
    :param replied_id: id of the one for which *Reply* was pressed; ignored if the
        author may not read it
    """
    if replied_id:
        mails = message.env["mailbox.message"].with_user(message.create_uid)
        if chosen := mails.browse(replied_id)._filtered_access("read"):
            return chosen.sudo()
    contact = message.env["res.partner"]
    if message.model == contact._name:
        contact = contact.browse(message.res_id)
    mails = _readable(contact, message.create_uid)
    if not mails:
        return mails
    typed = bare_subject(message.subject)
    if typed == bare_subject(default_subject):
        typed = ""
    parent = mails.filtered(
        lambda mail: (
            message.parent_id and message.parent_id in mail.link_ids.mail_message_id
        )
    )[:1]
    if parent and parent != mails[0] and typed in ("", bare_subject(parent.subject)):
        return parent
    if typed:
        return mails.filtered(lambda mail: bare_subject(mail.subject) == typed)[:1]
    return recent_mail(contact, message.create_uid, recipients)


def references(mail) -> list[str]:
    """Message-IDs of ``mail`` and of those it replies to, oldest first (RFC 5322
    section 3.6.4)."""
    chain, seen = [], set()
    while mail and mail.id not in seen and len(chain) < CHAIN:
        seen.add(mail.id)
        if mail.rfc_message_id:
            chain.append(mail.rfc_message_id)
        if not mail.parent_hash:
            break
        parent = mail.parent_hash
        mail = mail.search(
            ["|", ("message_id_hash", "=", parent), ("provider_hash", "=", parent)],
            limit=1,
        )
    return chain[::-1]


def _people(mail) -> set[str]:
    texts = [mail.email_from, mail.email_to, mail.email_cc]
    return {one.email for one in parse_addresses([text for text in texts if text])}
