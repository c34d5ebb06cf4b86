"""Delivery reports about e-mails that Odoo does not know are shown to the owner.

Such an e-mail was sent with another mail app, or the report names nothing by which it
could be found. The report is a message in the owner's Odoo inbox (or an e-mail, if that
is how they are notified). Only they can read it, as long as they can read the mailbox's
e-mails.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from markupsafe import Markup

from odoo import fields

from .delivery_sentences import describe_status
from .raw_mail import RawMail

_logger = logging.getLogger(__name__)

#: Reports that are shown per mailbox and day: somebody may send mail in its name.
MAX_A_DAY = 50
#: Recipients that a message names.
MAX_NAMED = 20


def show_to_owner(account, mail: RawMail) -> None:
    """Notify the owner about a report, with its text.

    If the owner cannot read the mailbox's e-mails any more, its members are notified.

    :param account: the ``mailbox.account`` that received it, in a superuser environment
    """
    shown = _shown_today(account)
    users = _readers(account)
    if shown >= MAX_A_DAY or not users:
        _logger.info("A delivery report of mailbox %s is not shown", account.id)
        return
    audience = account.env["mailbox.audience"].for_accounts(account)
    for user in users:
        # An e-mail goes through the mail queue: a sync must not wait for SMTP.
        thread = account.with_context(lang=user.lang, mail_notify_force_send=False)
        message = thread.message_notify(
            partner_ids=user.partner_id.ids,
            subject=_subject(thread.env, mail),
            body=_body(thread, mail, is_last=shown + 1 == MAX_A_DAY),
        )
        message.mailbox_audience_id = audience
    account.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()


def _readers(account):
    """The owner, else the members, who can read the mailbox's e-mails."""
    for users in (account.owner_id, account.member_ids):
        found = users.filtered(lambda user: user.active and user._is_internal())
        if found:
            return found
    return account.env["res.users"]


def _shown_today(account) -> int:
    """How many reports were shown in the last 24 hours; counted up to the limit."""
    return account.env["mail.message"].search_count(
        [
            ("model", "=", account._name),
            ("res_id", "=", account.id),
            ("message_type", "=", "user_notification"),
            ("mailbox_audience_id", "!=", False),
            ("create_date", ">=", fields.Datetime.now() - timedelta(days=1)),
        ],
        limit=MAX_A_DAY,
    )


def _subject(env, mail: RawMail) -> str:
    return env._("Delivery report: %s", mail.parsed.subject or env._("(no subject)"))


def _body(account, mail: RawMail, *, is_last: bool) -> Markup:
    """The report, below who did not get the e-mail and why it is here."""
    env = account.env
    lines = [
        env._(
            "The mailbox %s received this delivery report. Odoo does not know the "
            "e-mail that it is about: maybe it was sent with another mail app.",
            account.email,
        )
    ]
    if is_last:
        lines.append(
            env._(
                "There are many of them: the others that arrive within a day are only "
                "in the mailbox itself."
            )
        )
    lines += [
        describe_status(env, one, one.address)
        for one in mail.report.recipients[:MAX_NAMED]
        if one.action in ("failed", "delayed")
    ]
    text = Markup("").join(Markup("<p>%s</p>") % line for line in lines)
    sender = ", ".join(map(str, mail.parsed.addresses.get("from", ())))
    head = Markup("<p>%s<br>%s</p>") % (sender, mail.parsed.subject)
    # Cleaned by the parser.
    quote = Markup("<blockquote>%s</blockquote>") % Markup(mail.parsed.html)
    return text + head + quote
