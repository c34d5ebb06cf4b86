"""Answers to what was written on a document go to that document's thread.

As Odoo's own gateway would do it, with its checks of author and alias; an automatic
answer is put down there and sets nothing off (RFC 3834).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from email import message_from_bytes
from email.policy import SMTP

from markupsafe import Markup

from ...engine.mime.addresses import parse_addresses
from ...engine.mime.automatic import Automatic, automatic_kind
from ...engine.mime.headers import block, fields, new_mail
from ...engine.mime.ids import parse_references
from ...engine.mime.parse import parse_message
from ...engine.types import ParsedMessage

_logger = logging.getLogger(__name__)

#: References looked at, newest first; as many as Odoo's gateway does.
MAX_REFERENCES = 32


def find(env, answers: Mapping[int, tuple[str, tuple[str, ...]]]) -> dict[int, int]:
    """What messages answer on documents: id of the ``mail.message`` by key. One query.

    The newest reference that is known here decides: what answers a message on a
    contact is the contact's alone. A message that Odoo has itself is left out.

    :param answers: (Message-ID, Message-IDs answered, newest first) by key
    """
    wanted = {
        one
        for message_id, references in answers.values()
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
    for key, (message_id, references) in answers.items():
        if message_id in known:
            continue
        newest = [one for one in references[:MAX_REFERENCES] if one in known][:1]
        for number, model, res_id in map(known.get, newest):
            if _is_document(env, model, res_id):
                found[key] = number
    return found


def route(account, raw: bytes) -> str:
    """Put an e-mail into the thread of the document that it answers.

    :param account: ``mailbox.account`` it came in on, in a superuser environment
    :return: why nothing was done, in a word for the log; "" when it stands there
    :raise Exception: whatever the document's own code refuses it with
    """
    env = account.env
    header = block(raw)
    parsed = parse_message(raw)
    found = find(env, {0: (parsed.message_id, new_mail(header).answers)})
    if not found:
        return "answers no document, or stands there already"
    answered = env["mail.message"].browse(found[0])
    document = env[answered.model].browse(answered.res_id)
    if not document.exists():
        return "answers a document that is gone"
    if _is_our_own(env, header):
        return "was sent by Odoo"
    named = {one.email for key in ("to", "cc") for one in parsed.addresses[key]}
    identity = _identity(account, named)
    if automatic_kind(fields(header)) not in (None, Automatic.LIST):
        _put_down(document, answered, parsed, identity)
        return ""
    message = message_from_bytes(raw, policy=SMTP)
    Thread = env["mail.thread"].with_company(account.company_id)
    values = Thread.message_parse(message)
    if values["is_bounce"]:
        _put_down(document, answered, parsed, identity)
        return ""
    if Thread._detect_loop_headers(values):
        return "answers a notice of the gateway"
    # Whatever else it refers to: it answers this message.
    values["references"] = values["in_reply_to"] = answered.message_id
    values.update(Thread._message_parse_extract_from_parent(answered))
    for name in ("to_filtered", "cc_filtered"):
        values[name] = _without_mailboxes(env, values[name])
    routes = Thread.message_route(message, values)
    routes = [one for one in routes if one[:2] == (document._name, document.id)]
    if not routes:
        return "Odoo's gateway does not take it"
    if Thread._detect_loop_sender(message, values, routes):
        return "too many from one sender"
    values.update(Thread._message_parse_post_process(message, values, routes))
    values["mailbox_identity_id"] = identity.id
    # Notifications leave by the mail queue: no sync waits for an SMTP server.
    Thread.with_context(mail_notify_force_send=False)._message_route_process(
        message, values, routes
    )
    env.ref("mail.ir_cron_mail_scheduler_action")._trigger()
    if answered.mailbox_audience_id:
        # Who does not read the question does not read the answer, which quotes it.
        env["mail.message"].search(
            [
                ("message_id", "=", values["message_id"]),
                ("model", "=", document._name),
                ("res_id", "=", document.id),
            ]
        ).mailbox_audience_id = answered.mailbox_audience_id
    return ""


# ----------------------------------------------------------------------


def _is_document(env, model: str | None, res_id: int | None) -> bool:
    return bool(
        model
        and res_id
        and model != "res.partner"
        and model in env
        and isinstance(env[model], env.registry["mail.thread"])
    )


def _is_our_own(env, header: bytes) -> bool:
    """Whether this Odoo sent it, and a server on its way gave it another Message-ID:
    its own one stands last in References."""
    values = dict(fields(header))
    own = parse_references(values.get("references"))[-1:]
    if not own or "x-odoo-objects" not in values:
        return False
    return bool(
        env["mail.message"].search_count([("message_id", "=", own[0])], limit=1)
    )


def _identity(account, named: set[str]):
    """The address of ours that a message came in on."""
    addresses = account.sender_ids
    return (
        addresses.filtered(lambda one: one.email_normalized in named)[:1]
        or account.main_identity()
    )


def _without_mailboxes(env, text: str) -> str:
    """Recipients but for mailboxes, which are a way into Odoo as aliases are: core
    leaves out followers whom the e-mail has reached itself. A colleague with a mailbox
    of their own who is notified by e-mail has it there, and stays."""
    own = env["mailbox.account"].own_addresses()
    reached = {
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
        if one.email not in own - reached
    )


def _put_down(document, answered, parsed: ParsedMessage, identity) -> None:
    """Show an automatic answer on the document; nobody is notified."""
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
            if not part.inline
        ]
    )
    note = Markup("<p><i>%s</i></p>") % env._(
        "Automatic e-mail. Nobody was notified of it."
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
            "parent_id": answered.id,
            "mailbox_identity_id": identity.id,
            "mailbox_audience_id": answered.mailbox_audience_id.id,
        }
    )
