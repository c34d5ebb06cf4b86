"""Which e-mail of a contact a message answers, and what its headers say of it."""

from __future__ import annotations

import re
from datetime import timedelta

from odoo import fields

from ..engine.mime.addresses import parse_addresses

#: A message without a subject answers the newest e-mail if that is no older.
RECENT = timedelta(days=30)
#: E-mails of a contact that a subject is looked for in.
LOOK_BACK = 50
#: Message-IDs in References: the newest, and the first of the conversation.
CHAIN = 20
_PREFIX = re.compile(
    r"^\s*(?:(?:re|fwd?|aw|antw|wg|sv|vs|tr|rv|r|i|enc|odp|ynt)\s*(?:\[\d+\])?\s*:\s*)+",
    re.IGNORECASE,
)


def bare_subject(subject: str | None) -> str:
    """A subject without its Re: and Fwd:, for comparing."""
    return _PREFIX.sub("", subject or "").strip().casefold()


def reply_subject(subject: str | None) -> str:
    """ "Re: " once, before what the subject was."""
    return f"Re: {_PREFIX.sub('', subject or '').strip()}".strip()


def answered(message, default_subject: str, recipients: set[str]):
    """The ``mailbox.message`` that a chatter message answers; empty if none.

    That of its parent; else, by the subject typed, the newest of that subject; else,
    without a subject, the newest of the contact when it was lately exchanged with one
    of the recipients. Only e-mails that the author may read: their subject is shown.

    :param message: ``mail.message`` on a contact
    :param default_subject: what Odoo writes when no subject is typed
    :param recipients: normalised addresses
    """
    author = message.create_uid
    mails = (
        message.env["mailbox.message"]
        .with_user(author)
        .search([("partner_ids", "in", [message.res_id])], limit=LOOK_BACK)
    )
    if not mails:
        return mails.sudo()
    typed = bare_subject(message.subject)
    if typed == bare_subject(default_subject):
        typed = ""
    # sudo: links have no access of their own; mails are those the author may read
    parent = mails.sudo().filtered(
        lambda mail: (
            message.parent_id and message.parent_id in mail.link_ids.mail_message_id
        )
    )[:1]
    newest = mails.sudo()[0]
    if parent and parent != newest and typed in ("", bare_subject(parent.subject)):
        return parent
    if typed:
        return mails.sudo().filtered(lambda mail: bare_subject(mail.subject) == typed)[
            :1
        ]
    is_recent = newest.date and newest.date > fields.Datetime.now() - RECENT
    if is_recent and recipients & _people(newest):
        return newest
    return newest.browse()


def references(mail) -> list[str]:
    """Message-IDs of ``mail`` and what it answered, oldest first (RFC 5322 3.6.4)."""
    chain, seen = [], set()
    while mail and mail.id not in seen and len(chain) < CHAIN:
        seen.add(mail.id)
        if mail.rfc_message_id:
            chain.append(mail.rfc_message_id)
        if not mail.parent_hash:
            break
        mail = mail.search([("message_id_hash", "=", mail.parent_hash)], limit=1)
    return chain[::-1]


def _people(mail) -> set[str]:
    texts = [mail.email_from, mail.email_to, mail.email_cc]
    return {one.email for one in parse_addresses([text for text in texts if text])}
