"""Which of our addresses an e-mail is sent from.

The first of these that applies, and only among the addresses that the writer may send
as:

1. what the writer chose in the composer, as a server, or as From;
2. the address that received the conversation;
3. the writer's own default: the one of their preferences, else that of their only own
   mailbox;
4. the first rule (``mailbox.sender.rule``: team, company) that fits the document;
5. a mailbox that is shared with them;
6. none: Odoo's own server.

For e-mails that Odoo sends on its own (confirmations, reminders), only 4 and 6 apply;
for incoming ones that it passes on, only 6.

It costs one search of the rules and at most one of ``mail.message``; nothing if the
user has no mailbox.

Example: Ben is a member of support@ and owns ben@. Nora wrote to support@, and Ben
answers in her chatter without choosing anything: 2 applies, the e-mail is sent from
support@. To Tom, who never wrote, it is sent from ben@ (3).

All records returned are ``mailbox.identity`` in a superuser environment.
"""

from __future__ import annotations

from ast import literal_eval
from dataclasses import dataclass

from odoo import SUPERUSER_ID
from odoo.tools import email_normalize

from ...engine.mime.addresses import parse_addresses
from . import reply_threading

#: Messages that a person writes, and those that Odoo writes on its own.
BY_PEOPLE = {"comment"}
AUTOMATIC = {"auto_comment", "notification"}


@dataclass(frozen=True)
class SenderChoice:
    """``identity``: the ``mailbox.identity`` that a message is sent from; empty: Odoo's
    own server. ``replied_mail``: the ``mailbox.message`` that it replies to, which was
    found along the way; may be empty."""

    identity: object
    replied_mail: object


def sender_identities(env, user, company):
    """Identities that ``user`` may send as, the preferred one first."""
    accounts = env["mailbox.account"].mailboxes_of(user, company)
    return accounts.sender_ids.filtered("can_send").sorted(
        lambda one: (accounts.ids.index(one.account_id.id), not one.is_main, one.id)
    )


def sender_of_message(
    thread, message, recipients: set[str], replied_id: int | bool = False
) -> SenderChoice:
    """The sender of a posted message to its customers.

    :param thread: the record it was posted on
    :param message: ``mail.message``
    :param recipients: normalized addresses of the customers
    :param replied_id: see :func:`reply_threading.replied_mail`
    """
    env, message = thread.env, message.sudo()
    user = message.create_uid
    mine = _identities_for(env, message)
    chosen = _identity_chosen(message, mine, env)
    is_automatic = message.message_type in AUTOMATIC or user.id == SUPERUSER_ID
    if chosen is None and is_automatic:
        chosen = identity_by_rule(thread, mine)
    if chosen is not None and not chosen:
        return SenderChoice(chosen, env["mailbox.message"].sudo())
    mail = reply_threading.replied_mail(
        message, thread._message_compute_subject(), recipients, replied_id
    )
    if chosen is None:
        is_author = message.author_id == user.partner_id
        chosen = _preferred_identity(thread, mine, mail, user if is_author else None)
    return SenderChoice(chosen, mail)


def _identities_for(env, message):
    """Identities that the author of a message may send it as; none for mail from
    outside that is passed on."""
    user = message.create_uid
    if (
        not env["mailbox.account"].account_ids_by_server()
        or message.message_type not in BY_PEOPLE | AUTOMATIC
        or not user._is_internal()
    ):
        return env["mailbox.identity"].sudo()
    return sender_identities(env, user, env.company)


def _identity_chosen(message, mine, env):
    """The identity that the writer chose; empty: Odoo's own server; None: no choice.

    :param mine: identities they may send as
    """
    if message.mailbox_identity_id:
        return message.mailbox_identity_id & mine
    if env.context.get("mailbox_own_server") or not mine:
        return mine.browse()
    if message.mail_server_id:
        servers = env["mailbox.account"].account_ids_by_server()
        account_id = servers.get(message.mail_server_id.id)
        return mine.filtered(lambda one: one.account_id.id == account_id)[:1]
    return identity_of_address(mine, message.email_from, message.create_uid) or None


def identity_for_record(record, user, mine, partner_ids=None):
    """The identity that a composer on ``record`` proposes.

    :param record: empty or None where there is none
    :param mine: :func:`sender_identities` of ``user``
    :param partner_ids: ids of the contacts written to, if known
    """
    if not mine or not record or len(record) != 1:
        return mine and _preferred_identity(record, mine, None, user)
    mail = None
    if record._name == "res.partner":
        partners = record.browse(partner_ids) if partner_ids else record
        # sudo: addresses, to find the conversation
        addresses = set(partners.sudo().mapped("email_normalized"))
        mail = reply_threading.recent_mail(record, user, addresses)
    return _preferred_identity(record, mine, mail, user)


def identity_of_address(mine, email_from: str | None, user):
    """The identity whose address is typed as From, if it is not the writer's own; else
    empty."""
    sender = email_normalize(email_from)
    if not sender or (user and sender == user.email_normalized):
        return mine.browse()
    return mine.filtered(lambda one: one.email_normalized == sender)[:1]


def identity_by_rule(record, mine):
    """The identity of the first rule that fits the record."""
    rules = mine.env["mailbox.sender.rule"].sudo().search([])
    company = mine.env.company
    if record and "company_id" in record._fields:
        company = record.sudo().company_id or company
    for rule in rules:
        if rule.identity_id in mine and rule.fits(record, company):
            return rule.identity_id
    return mine.browse()


def identity_of_conversation(record, mine, mail):
    """The identity that received the conversation, if the writer may send as it.

    :param mail: ``mailbox.message`` of the conversation, if known
    """
    if mail:
        return _identity_of_mail(mine, mail)
    if not record or record._name == "res.partner":
        return mine.browse()
    # sudo: which address was used, not what was written
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


def rule_domain(text: str | None) -> list:
    """The filter of a rule, as a domain.

    :raise ValueError: it is not a list of literals
    """
    domain = literal_eval(text or "[]")
    if not isinstance(domain, list):
        raise ValueError(text)
    return domain


def _preferred_identity(record, mine, mail, user):
    """Conversation, default of ``user``, rules, a shared mailbox: in this order.

    :param user: None for somebody who writes in another person's name; then no default
        applies
    """
    found = identity_of_conversation(record, mine, mail)
    if not found and user:
        found = _default_identity(mine, user)
    if not found:
        found = identity_by_rule(record, mine)
    if not found and user:
        found = mine[:1]
    return found


def _default_identity(mine, user):
    # sudo: the preference of the user who writes
    preferred = user.sudo().mailbox_identity_id & mine
    own = mine.filtered(lambda one: one.account_id.owner_id == user and one.is_main)
    return preferred or (own if len(own) == 1 else mine.browse())


def _identity_of_mail(mine, mail):
    """An identity of a mailbox that an e-mail was seen in: the one that it names in its
    headers, if any."""
    accounts = mail.sudo().audience_id.account_ids
    found = mine.filtered(lambda one: one.account_id in accounts)
    texts = [mail.email_to, mail.email_cc, mail.email_from]
    named = {one.email for one in parse_addresses([text for text in texts if text])}
    return (found.filtered(lambda one: one.email_normalized in named) or found)[:1]
