"""What is known of an e-mail that is here, in sentences."""

from __future__ import annotations

from odoo.tools.misc import format_date, format_datetime

from ...engine.mime.addresses import parse_addresses

#: The fields whose text holds the addresses of each header.
_TEXTS = {
    "from": "email_from",
    "reply_to": "email_reply_to",
    "to": "email_to",
    "cc": "email_cc",
}
#: Contacts that are told one by one.
MOST = 10


def here(message) -> tuple[list[str], list[tuple[str, str]]]:
    """Where it stands, how it came in, on which contacts and why, who may read it.

    :param message: ``mailbox.message`` that the asker may read
    :return: sentences, and links (label, URL)
    """
    env = message.env
    partners = message.partner_ids
    lines = [*_contacts(message, partners), *_places(message), *_came(message)]
    lines.append(_readers(message))
    if label := dict(message._fields["automatic"]._description_selection(env)).get(
        message.automatic
    ):
        lines.append(env._("It is filed as: %s.", label))
    count = env["mailbox.message"].search_count(
        [("conversation_id", "=", message.conversation_id.id)]
    )
    if message.conversation_id and count > 1:
        lines.append(env._("It belongs to a conversation of %s e-mails.", count))
    links = [(env._("Open the e-mail"), f"/odoo/mailbox.message/{message.id}")]
    links += [(one.display_name, f"/odoo/res.partner/{one.id}") for one in partners[:3]]
    return lines, links


def _contacts(message, partners) -> list[str]:
    env = message.env
    headers = dict(env["mailbox.link"]._fields["header"]._description_selection(env))
    # sudo: links of contacts that the asker may read
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
                "It stands on %(contact)s: the address %(email)s is in %(header)s.",
                **values,
            )
        elif link.header:
            line = env._(
                "It stands on %(contact)s: an address of theirs was in %(header)s.",
                **values,
            )
        else:
            line = env._("It stands on %(contact)s.", **values)
        lines.append(line)
        if not link.mail_message_id:
            lines.append(
                env._(
                    "%s does not show it in the chatter: it went to too many contacts.",
                    name,
                )
            )
    if len(links) > MOST:
        lines.append(env._("And on %s more contacts.", len(links) - MOST))
    if not lines:
        lines.append(env._("It stands on no contact that you may see."))
    return lines


def _address(message, link) -> str:
    """The contact's address as it stood in the header; '' if they have another now."""
    own = link.partner_id.email_normalized
    text = message[_TEXTS[link.header]] if link.header else ""
    return own if own in {one.email for one in parse_addresses(text or "")} else ""


def _places(message) -> list[str]:
    env = message.env
    # sudo: places in mailboxes that the asker may read
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
                "On the server it stands in %(folders)s of %(mailbox)s.",
                folders=", ".join(folders.mapped("name")),
                mailbox=account.email,
            )
        )
    if not locations:
        lines.append(env._("It stands in no folder on the server that is read."))
    return lines


def _came(message) -> list[str]:
    env = message.env
    moment = format_datetime(env, message.create_date, dt_format="short")
    # sudo: imports of mailboxes that the asker may not read say no more than a day
    backfill = env["mailbox.backfill"].sudo().browse(message.backfill_id or ())
    if backfill.exists():
        return [
            env._(
                "It came into Odoo on %(moment)s, with the import of history back to "
                "%(day)s.",
                moment=moment,
                day=format_date(env, backfill.since),
            )
        ]
    location = message.sudo().location_ids[:1]
    if location and location.uid >= location.folder_id.first_uid:
        return [env._("It came into Odoo on %s, as new mail.", moment)]
    return [env._("It came into Odoo on %s.", moment)]


def _readers(message) -> str:
    env = message.env
    # sudo: the policies of its mailboxes, and the names of those that the asker knows
    audience = message.sudo().audience_id
    if "everyone" in audience.account_ids.mapped("visibility"):
        return env._("Everyone who may see the contact may read it.")
    emails = audience.readable_emails(env.user)
    if emails:
        return env._("Only the owner and members of %s may read it.", ", ".join(emails))
    return env._("Only the owner and members of its mailbox may read it.")
