"""Replies to messages on documents are posted in the thread of the document.

Odoo's own gateway posts them, with its checks of author and alias. An automatic reply
is logged on the document and notifies nobody (RFC 3834).
"""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from ...engine.mime.addresses import parse_addresses
from ...engine.mime.automatic import Automatic
from ...engine.mime.headers import block, new_mail
from ...engine.mime.ids import parse_references
from ...engine.types import ParsedMessage
from .raw_mail import RawMail
from .rewritten_message_ids import ODOO_HEADER

#: How many references are checked, newest first; as many as in Odoo's gateway.
MAX_REFERENCES = 32


def find_replied_to(
    env, emails: Mapping[int, tuple[str, tuple[str, ...]]]
) -> dict[int, int]:
    """The messages on documents that these e-mails reply to. One query.

    The newest reference that is known in Odoo decides: a reply to a message on a
    contact belongs to the contact only. E-mails that Odoo already has are omitted.

    :param emails: (Message-ID, Message-IDs that it replies to, newest first) of each
        e-mail, by any key
    :return: ``mail.message`` ids by key
    """
    wanted = {
        one
        for message_id, references in emails.values()
        for one in (message_id, *references[:MAX_REFERENCES])
    }
    wanted.discard("")
    if not wanted:
        return {}
    env["mail.message"].flush_model(["message_id", "model", "res_id"])
    env.cr.execute(
        """
        SELECT DISTINCT ON (message_id) message_id, id, model, res_id
          FROM mail_message
         WHERE message_id = ANY(%s)
         ORDER BY message_id, id DESC
        """,
        [list(wanted)],
    )
    known = {row[0]: row[1:] for row in env.cr.fetchall()}
    found = {}
    for key, (message_id, references) in emails.items():
        if message_id in known:
            continue
        newest = [one for one in references[:MAX_REFERENCES] if one in known][:1]
        for number, model, res_id in map(known.get, newest):
            if _is_document(env, model, res_id):
                found[key] = number
    return found


def post_reply(account, mail: RawMail) -> str:
    """Post an e-mail in the thread of the document that it replies to.

    :param account: the ``mailbox.account`` that received it, in a superuser environment
    :return: why it was not posted, for the log; "" if it was
    :raise Exception: any error with which the document's code refuses it
    """
    env = account.env
    parsed = mail.parsed
    references = new_mail(block(mail.raw)).replies_to
    found = find_replied_to(env, {0: (parsed.message_id, references)})
    if not found:
        return "answers no document, or was posted before"
    replied_to = env["mail.message"].browse(found[0])
    document = env[replied_to.model].browse(replied_to.res_id)
    if not document.exists():
        return "answers a document that was deleted"
    if _is_sent_by_odoo(env, parsed):
        return "was sent by Odoo"
    recipients = {one.email for key in ("to", "cc") for one in parsed.addresses[key]}
    identity = _receiving_identity(account, recipients)
    if parsed.automatic not in ("", Automatic.LIST.value):
        _log_automatic_reply(document, replied_to, parsed, identity)
        return ""
    return _route(account, mail, replied_to, document, identity)


def _route(account, mail: RawMail, replied_to, document, identity) -> str:
    """Have Odoo's gateway post a reply, on this document only.

    :return: why it did not post it, or ""
    """
    env = account.env
    message = mail.message
    Thread = env["mail.thread"].with_company(account.company_id)
    values = Thread.message_parse(message)
    if values["is_bounce"]:
        _log_automatic_reply(document, replied_to, mail.parsed, identity)
        return ""
    if Thread._detect_loop_headers(values):
        return "answers an automatic e-mail of the gateway"
    # It may refer to other messages as well, but this is the one it replies to.
    values["references"] = values["in_reply_to"] = replied_to.message_id
    values.update(Thread._message_parse_extract_from_parent(replied_to))
    for name in ("to_filtered", "cc_filtered"):
        values[name] = _without_mailboxes(env, values[name])
    routes = Thread.message_route(message, values)
    routes = [one for one in routes if one[:2] == (document._name, document.id)]
    if not routes:
        return "is not accepted by Odoo's gateway"
    if Thread._detect_loop_sender(message, values, routes):
        return "is one of too many from one sender"
    values.update(Thread._message_parse_post_process(message, values, routes))
    values["mailbox_identity_id"] = identity.id
    # Notifications go through the mail queue: a sync must not wait for SMTP.
    Thread.with_context(mail_notify_force_send=False)._message_route_process(
        message, values, routes
    )
    env.ref("mail.ir_cron_mail_scheduler_action")._trigger()
    _restrict_like_question(replied_to, values["message_id"])
    return ""


def _restrict_like_question(replied_to, message_id: str) -> None:
    """Give a reply the readers of the message that it replies to, because it quotes
    that."""
    if not replied_to.mailbox_audience_id:
        return
    replied_to.search(
        [
            ("message_id", "=", message_id),
            ("model", "=", replied_to.model),
            ("res_id", "=", replied_to.res_id),
        ]
    ).mailbox_audience_id = replied_to.mailbox_audience_id


def _is_document(env, model: str | None, res_id: int | None) -> bool:
    return bool(
        model
        and res_id
        and model != "res.partner"
        and model in env
        and isinstance(env[model], env.registry["mail.thread"])
    )


def _is_sent_by_odoo(env, parsed: ParsedMessage) -> bool:
    """Whether this Odoo sent it and a server on the way replaced its Message-ID. The
    original one is then the last in References."""
    values = dict(parsed.header_fields)
    own = parse_references(values.get("references"))[-1:]
    if not own or ODOO_HEADER not in values:
        return False
    return bool(
        env["mail.message"].search_count([("message_id", "=", own[0])], limit=1)
    )


def _receiving_identity(account, recipients: set[str]):
    """The identity that an e-mail was sent to, else the mailbox's main one."""
    identities = account.sender_ids
    return (
        identities.filtered(lambda one: one.email_normalized in recipients)[:1]
        or account.main_identity()
    )


def _without_mailboxes(env, text: str) -> str:
    """Recipients without the addresses of mailboxes.

    Odoo does not notify followers who received the e-mail themselves. The address of a
    mailbox leads into Odoo like an alias, so its owner has to be notified. The
    exception is users who are notified by e-mail and have a mailbox of their own: they
    have the e-mail there.

    :param text: addresses, comma separated
    """
    own = env["mailbox.account"].own_addresses()
    have_received_it = {
        user.email_normalized
        for user in env["res.users"].search(
            [
                ("email_normalized", "in", list(own)),
                ("share", "=", False),
                ("notification_type", "=", "email"),
            ]
        )
    }
    return ",".join(
        str(one)
        for one in parse_addresses([text] if text else [])
        if one.email not in own - have_received_it
    )


def _log_automatic_reply(document, replied_to, parsed: ParsedMessage, identity) -> None:
    """Show an automatic reply on the document; nobody is notified."""
    env = document.env
    sender = ", ".join(map(str, parsed.addresses["from"][:1]))
    author = document._partner_find_from_emails_single([sender], no_create=True)
    files = env["ir.attachment"].create(
        [
            {
                "name": part.filename,
                "raw": part.content,
                "mimetype": part.mimetype,
                "res_model": document._name,
                "res_id": document.id,
            }
            for part in parsed.attachments
            if part.is_shown
        ]
    )
    note = Markup("<p><i>%s</i></p>") % env._(
        "This is an automatic reply. Nobody was notified."
    )
    posted = document._message_log(
        body=note + Markup(parsed.html),
        subject=parsed.subject,
        author_id=author.id,
        email_from=sender,
        message_type="email",
        attachment_ids=files.ids,
    )
    posted.sudo().write(
        {
            "message_id": parsed.message_id or posted.message_id,
            "parent_id": replied_to.id,
            "mailbox_identity_id": identity.id,
            "mailbox_audience_id": replied_to.mailbox_audience_id.id,
        }
    )
