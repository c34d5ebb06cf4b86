"""Which of our addresses a mail leaves as.

Chosen by the person who writes > the address the conversation came in on > that
person's own default > the first of the rules (team, company) that fits > a mailbox
they share > none: Odoo's own server. Always one that they may send as.

All that is returned are ``mailbox.identity`` records in a superuser environment.
"""

from __future__ import annotations

from ast import literal_eval

from odoo import SUPERUSER_ID
from odoo.tools import email_normalize

from ...engine.mime.addresses import parse_addresses
from . import reply_threading

#: Messages that a person writes, and those that Odoo writes by itself.
BY_PEOPLE = {"comment"}
AUTOMATIC = {"auto_comment", "notification"}


def senders(env, user, company):
    """Identities that ``user`` may send as, the preferred one first."""
    accounts = env["mailbox.account"]._mailboxes_of(user, company)
    return accounts.sender_ids.filtered("can_send").sorted(
        lambda one: (accounts.ids.index(one.account_id.id), not one.is_main, one.id)
    )


def of_message(thread, message, recipients):
    """The identity that a posted message leaves as to its customers.

    What the server passes on (incoming mail) is nobody's.

    :param thread: the record it stands on
    :param message: ``mail.message``
    :param recipients: normalised addresses of the customers
    """
    env = thread.env
    none = env["mailbox.identity"].sudo()
    servers, _addresses = env["mailbox.account"]._sending_index()
    message = message.sudo()
    if not servers or message.message_type not in BY_PEOPLE | AUTOMATIC:
        return none
    user = message.create_uid
    if not user._is_internal():
        return none
    mine = senders(env, user, env.company)
    if message.mailbox_identity_id:
        return message.mailbox_identity_id & mine
    if env.context.get("mailbox_own_server") or not mine:
        return none
    if message.mail_server_id:
        chosen = servers.get(message.mail_server_id.id)
        return mine.filtered(lambda one: one.account_id.id == chosen)[:1]
    if typed := of_address(mine, message.email_from, user):
        return typed
    if message.message_type in AUTOMATIC or user.id == SUPERUSER_ID:
        return by_rule(thread, mine)
    mail = reply_threading.answered(
        message, thread._message_compute_subject(), recipients
    )
    is_author = message.author_id == user.partner_id
    return _preferred(thread, mine, mail, user if is_author else None)


def for_record(record, user, mine, partner_ids=None):
    """The identity that a composer on ``record`` proposes.

    :param record: empty or None where there is none
    :param mine: :func:`senders` of ``user``
    :param partner_ids: ids of the contacts written to, if known
    """
    if not mine or not record or len(record) != 1:
        return mine and _preferred(record, mine, None, user)
    mail = None
    if record._name == "res.partner":
        partners = record.browse(partner_ids or record.ids)
        # sudo: their addresses, to find the conversation
        addresses = set(partners.sudo().mapped("email_normalized"))
        mail = reply_threading.newest(record, user, addresses)
    return _preferred(record, mine, mail, user)


def of_address(mine, email_from: str | None, user):
    """The identity of a From that is not the writer's own address; empty if none."""
    sender = email_normalize(email_from)
    if not sender or (user and sender == user.email_normalized):
        return mine.browse()
    return mine.filtered(lambda one: one.email_normalized == sender)[:1]


def by_rule(record, mine):
    """The identity of the first rule that fits the record."""
    rules = mine.env["mailbox.sender.rule"].sudo().search([])
    company = mine.env.company
    if record and "company_id" in record._fields:
        company = record.sudo().company_id or company
    for rule in rules:
        if rule.identity_id in mine and rule._fits(record, company):
            return rule.identity_id
    return mine.browse()


def _preferred(record, mine, mail, user):
    """Conversation > default of ``user`` > rules > a shared mailbox.

    :param user: None for who writes in somebody else's name, and has no default then
    """
    if found := conversation(record, mine, mail):
        return found
    if user:
        # sudo: the preference of the user who writes
        preferred = user.sudo().mailbox_identity_id & mine
        own = mine.filtered(lambda one: one.account_id.owner_id == user and one.is_main)
        if found := preferred or (own if len(own) == 1 else mine.browse()):
            return found
    if found := by_rule(record, mine):
        return found
    return mine[:1] if user else mine.browse()


def conversation(record, mine, mail):
    """The identity that the conversation came in on, if it may be sent as."""
    if mail:
        accounts = mail.sudo().audience_id.account_ids
        found = mine.filtered(lambda one: one.account_id in accounts)
        texts = [mail.email_to, mail.email_cc, mail.email_from]
        named = {one.email for one in parse_addresses([t for t in texts if t])}
        return (found.filtered(lambda one: one.email_normalized in named) or found)[:1]
    if not record or record._name == "res.partner":
        return mine.browse()
    # sudo: which address was used, not what was said
    last = (
        mine.env["mail.message"]
        .sudo()
        .search(
            [
                ("model", "=", record._name),
                ("res_id", "=", record.id),
                ("mailbox_identity_id", "!=", False),
            ],
            order="id desc",
            limit=1,
        )
    )
    return last.mailbox_identity_id & mine


def parse_domain(text: str | None) -> list:
    """A rule's filter.

    :raise ValueError: it is no list of literals
    """
    domain = literal_eval(text or "[]")
    if not isinstance(domain, list):
        raise ValueError(text)
    return domain
