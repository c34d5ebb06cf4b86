"""Reply, reply all and forward: recipients, subject and quote."""

from __future__ import annotations

import base64
import re

from markupsafe import Markup

from odoo.tools import format_datetime

from ...engine.mime.addresses import parse_addresses
from ...engine.mime.subjects import reply_subject
from ...engine.types import Address

#: Bytes of pictures in a quoted body that are embedded; further ones are omitted.
PICTURES = 5_000_000
_ROOM = Markup("<div><br></div>")
_PICTURE = re.compile(r'(?<= src=")/web/image/(\d+)(?:\?[^"]*)?(?=")')


def recipients(mail, own: frozenset[str], everybody: bool) -> list[Address]:
    """The recipients of a reply to ``mail``, nobody twice (RFC 5322 section 3.6.3).

    Its author, at Reply-To if there is one; if we sent it, its recipients.

    :param mail: ``mailbox.message``
    :param own: our addresses, normalized; they are never replied to
    :param everybody: also all others in To and Cc
    """
    sender = parse_addresses(mail.email_from)
    to, cc = parse_addresses(mail.email_to), parse_addresses(mail.email_cc)
    if any(one.email in own for one in sender):
        chosen = _without(to, own) or _without(cc, own)
    else:
        asked = parse_addresses(mail.email_reply_to)
        chosen = _without(asked, own) or _without(sender, own)
    if everybody:
        chosen = [*chosen, *_without([*to, *cc], own)]
    found: dict[str, Address] = {}
    for one in chosen:
        found.setdefault(one.email, one)
    return list(found.values())


def _without(addresses: list[Address], own: frozenset[str]) -> list[Address]:
    return [one for one in addresses if one.email not in own]


def forward_subject(subject: str | None) -> str:
    """ "Fwd: " once, before what the subject was."""
    bare = reply_subject(subject).removeprefix("Re:").strip()
    return f"Fwd: {bare}".strip()


def quote(env, mail, signature: Markup) -> Markup:
    """The body of a reply: room to write, a signature, and the e-mail replied to."""
    said = env._("%(name)s wrote:", name=mail.email_from)
    if date := _date(env, mail):
        said = env._("On %(date)s, %(name)s wrote:", date=date, name=mail.email_from)
    return _ROOM + Markup(
        '<div data-o-mail-quote="1">%s<div class="o_mail_reply_container"><div>%s</div>'
        "<blockquote>%s</blockquote></div></div>"
    ) % (signature, said, _body(mail))


def forwarded(env, mail, signature: Markup) -> Markup:
    """The body of a forwarded e-mail: room to write, a signature, its headers and its
    body."""
    lines = [
        (env._("From"), mail.email_from),
        (env._("Date"), _date(env, mail)),
        (env._("Subject"), mail.subject),
        (env._("To"), mail.email_to),
        (env._("Cc"), mail.email_cc),
    ]
    head = Markup("<br>").join(
        Markup("<span>%s: %s</span>") % line for line in lines if line[1]
    )
    return _ROOM + Markup(
        "%s<div>---------- %s ----------<br>%s</div><br><div>%s</div>"
    ) % (signature, env._("Forwarded e-mail"), head, _body(mail))


def _date(env, mail) -> str:
    return mail.date and format_datetime(env, mail.date, tz=env.user.tz or "UTC")


def _body(mail) -> Markup:
    """The body with its pictures embedded: only our users can open their URLs."""
    body = str(mail.body or "")
    wanted = {int(one) for one in _PICTURE.findall(body)}
    found = (
        mail.env["ir.attachment"]
        .sudo()
        .search([("id", "in", list(wanted)), ("res_model", "=", "mailbox.message")])
        .filtered(lambda one: one.res_id == mail.id)
    )
    left = PICTURES
    pictures = {}
    for picture in found:
        if picture.mimetype.startswith("image/") and picture.file_size <= left:
            left -= picture.file_size
            content = base64.b64encode(picture.raw).decode()
            pictures[str(picture.id)] = f"data:{picture.mimetype};base64,{content}"
    # Markup's own methods would escape what they insert.
    return Markup(_PICTURE.sub(lambda match: pictures.get(match[1], ""), body))
