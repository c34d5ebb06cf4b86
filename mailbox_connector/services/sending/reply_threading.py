"""Which e-mail of a contact a message answers, and what its headers say of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from odoo import fields

from ...engine.mime.addresses import parse_addresses
from ...engine.mime.subjects import bare_subject

#: A message without a subject answers the newest e-mail if that is no older.
RECENT = timedelta(days=30)
#: E-mails of a contact that a subject is looked for in.
LOOK_BACK = 50
#: Message-IDs in References: the newest, and the first of the conversation.
CHAIN = 20


@dataclass(frozen=True)
class Answer:
    """What a message answers, for its headers (RFC 5322 section 3.6.4).

    ``references``: Message-IDs, oldest first, without the message's own.
    ``subject``: of what is answered; empty: the message keeps its own.
    """

    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    subject: str = ""


def answer(message, mail, recipients: set[str]) -> Answer:
    """What a chatter message answers.

    :param message: ``mail.message``, readable
    :param mail: the ``mailbox.message`` answered, on a contact; may be empty
    :param recipients: normalised addresses
    """
    if message.model != "res.partner":
        return _on_document(message, recipients)
    if not mail:
        return Answer()
    return Answer(mail.rfc_message_id or "", tuple(references(mail)), mail.subject)


def _on_document(message, recipients: set[str]) -> Answer:
    """A document's thread: what was exchanged with the recipients about it."""
    # sudo: Message-IDs of what they got or wrote themselves
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
    return Answer(chain[0] if chain else "", tuple(chain[::-1]))


def _exchanged_with(message) -> set[str]:
    """Addresses that a message on a document came from or went to by e-mail."""
    if message.message_type == "email":
        return {one.email for one in parse_addresses([message.email_from or ""])}
    sent = message.notification_ids.filtered(
        lambda one: one.notification_type == "email"
    )
    return {
        *sent.res_partner_id.mapped("email_normalized"),
        *sent.mapped("mail_email_address"),
    }


def newest(contact, author, recipients: set[str]):
    """The newest ``mailbox.message`` of a contact, if it was lately exchanged with
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
    # sudo: links have no access of their own; mails are those the author may read
    return mails.sudo()


def answered(message, default_subject: str, recipients: set[str]):
    """The ``mailbox.message`` that a message on a contact answers; empty if none.

    The one that Reply was pressed on; that of its parent; else, by the subject typed,
    the newest of that subject; else, without a subject, the newest of the contact when
    it was lately exchanged with one of the recipients.

    :param message: ``mail.message``
    :param default_subject: what Odoo writes when no subject is typed
    :param recipients: normalised addresses
    """
    if chosen := message.env.context.get("mailbox_answers"):
        mails = message.env["mailbox.message"].with_user(message.create_uid)
        if mail := mails.browse(chosen)._filtered_access("read"):
            return mail.sudo()
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
    return newest(contact, message.create_uid, recipients)


def references(mail) -> list[str]:
    """Message-IDs of ``mail`` and what it answered, oldest first (RFC 5322 3.6.4)."""
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
