"""Describes an e-mail that is in Odoo, in sentences."""

from __future__ import annotations

from odoo.tools.misc import format_date, format_datetime

from ...engine.mime.addresses import parse_addresses

#: The fields that hold the addresses of each header.
_TEXTS = {
    "from": "email_from",
    "reply_to": "email_reply_to",
    "to": "email_to",
    "cc": "email_cc",
}
#: How many contacts are named.
MOST = 10


def describe(message) -> tuple[list[str], list[tuple[str, str]]]:
    """On which contacts it is shown and why, where it is, how it was imported, and who
    may read it.

    :param message: ``mailbox.message`` that the user may read
    :return: sentences, and links (label, URL)
    """
    env = message.env
    partners = message.partner_ids
    lines = [*_contacts(message, partners), *_locations(message), _imported(message)]
    lines.append(_readers(message))
    if label := dict(message._fields["automatic"]._description_selection(env)).get(
        message.automatic
    ):
        lines.append(env._("Kind of e-mail: %s.", label))
    count = env["mailbox.message"].search_count(
        [("conversation_id", "=", message.conversation_id.id)]
    )
    if message.conversation_id and count > 1:
        lines.append(env._("It is part of a conversation. E-mails in it: %s.", count))
    links = [(env._("Open the e-mail"), f"/odoo/mailbox.message/{message.id}")]
    links += [(one.display_name, f"/odoo/res.partner/{one.id}") for one in partners[:3]]
    return lines, links


def _contacts(message, partners) -> list[str]:
    env = message.env
    headers = dict(env["mailbox.link"]._fields["header"]._description_selection(env))
    # sudo: links of contacts that the user may read
    links = message.sudo().link_ids.filtered(
        lambda link: link.partner_id.id in partners.ids
    )
    lines = []
    for link in links[:MOST]:
        name = link.partner_id.display_name
        if link.origin == "sent":
            lines.append(env._("It was sent to %s from Odoo.", name))
            continue
        email = _address(message, link)
        values = {"contact": name, "email": email, "header": headers.get(link.header)}
        if email:
            line = env._(
                "It is shown on %(contact)s because the address %(email)s is in "
                "%(header)s.",
                **values,
            )
        elif link.header:
            line = env._(
                "It is shown on %(contact)s because an address they had was in "
                "%(header)s.",
                **values,
            )
        else:
            line = env._("It is shown on %(contact)s.", **values)
        lines.append(line)
        if not link.mail_message_id:
            lines.append(
                env._(
                    "The chatter of %s does not show it: it has too many contacts.",
                    name,
                )
            )
    if len(links) > MOST:
        lines.append(env._("Further contacts: %s.", len(links) - MOST))
    if not lines:
        lines.append(env._("It is not shown on any contact that you have access to."))
    return lines


def _address(message, link) -> str:
    """The contact's address, if it is in that header; else '': it has changed since."""
    own = link.partner_id.email_normalized
    text = message[_TEXTS[link.header]] if link.header else ""
    return own if own in {one.email for one in parse_addresses(text or "")} else ""


def _locations(message) -> list[str]:
    env = message.env
    # sudo: only folders of mailboxes that the user may read are named
    locations = message.sudo().location_ids
    accounts = env["mailbox.account"]
    if accounts.has_access("read"):
        accounts = accounts.with_context(active_test=False).search(
            [("id", "in", locations.folder_id.account_id.ids)]
        )
    lines = []
    for account in accounts:
        folders = locations.folder_id.filtered(
            lambda folder, account=account: folder.account_id.id == account.id
        )
        lines.append(
            env._(
                "On the server it is in %(folders)s of %(mailbox)s.",
                folders=", ".join(folders.mapped("name")),
                mailbox=account.email,
            )
        )
    if not locations:
        lines.append(env._("It is not in any folder that is imported."))
    return lines


def _imported(message) -> str:
    env = message.env
    moment = format_datetime(env, message.create_date, dt_format="short")
    # sudo: only the period of an import is shown
    backfill = env["mailbox.backfill"].sudo().browse(message.backfill_id or ())
    if backfill.exists():
        return env._(
            "It was imported on %(moment)s, with the import of e-mails since %(day)s.",
            moment=moment,
            day=format_date(env, backfill.since),
        )
    location = message.sudo().location_ids[:1]
    if location and location.uid >= location.folder_id.first_uid:
        return env._("It was imported on %s, as a new e-mail.", moment)
    return env._("It was imported on %s.", moment)


def _readers(message) -> str:
    env = message.env
    # sudo: the visibility of its mailboxes, and the names of those that the user can
    # see
    audience = message.sudo().audience_id
    if "everyone" in audience.account_ids.mapped("visibility"):
        return env._("Everyone who has access to the contact can read it.")
    emails = audience.readable_emails(env.user)
    if emails:
        return env._("Only the owner and members of %s can read it.", ", ".join(emails))
    return env._("Only the owner and members of its mailbox can read it.")
