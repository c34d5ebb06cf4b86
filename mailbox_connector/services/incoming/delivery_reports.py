"""Delivery reports: a sent message shows whether it was delivered."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import escape

from ...engine.mime.addresses import normalize
from ...engine.mime.delivery_report import DeliveryReport, RecipientStatus
from ...engine.mime.ids import message_id_hash
from .raw_mail import RawMail

#: States of a notification whose e-mail was sent.
SENT_STATES = ("sent", "pending", "bounce")


def apply_report(account, mail: RawMail) -> bool:
    """Record what a delivery report says about e-mails that were sent from here.

    Anybody can write such a report. Only what it says about a message that we sent, and
    about a recipient that we sent it to, is believed. The same news is recorded once.

    :param account: the ``mailbox.account`` that received it, in a superuser environment
    :return: whether the e-mail is a delivery report
    """
    report = mail.report
    if not report:
        return False
    sent = _SentMail(account.env, report)
    for status in report.recipients:
        if status.action not in ("failed", "delayed"):
            continue
        found = (sent.sent_to(address) for address in _addresses(report, status))
        delivery = next(filter(None, found), None)
        if delivery:
            _record_status(account.env, mail, delivery, status)
    return True


@dataclass(frozen=True)
class _Delivery:
    """A message that was sent to one recipient.

    :ivar rows: ``mailbox.delivery``
    :ivar notifications: ``mail.notification``
    :ivar message: ``mail.message``
    """

    address: str
    rows: object
    notifications: object
    message: object


class _SentMail:
    """What was sent with the Message-ID that a report names.

    A provider that replaces Message-IDs leaves the original one last in References.
    """

    def __init__(self, env, report: DeliveryReport):
        ids = [report.original_message_id, *report.original_references[-1:]]
        ids = [one for one in dict.fromkeys(ids) if one]
        self.rows = env["mailbox.delivery"].search(
            [
                ("message_id_hash", "in", [message_id_hash(one) for one in ids]),
                ("state", "!=", "failed"),
            ]
        )
        self.notifications = env["mail.notification"].search(
            [
                ("mail_message_id.message_id", "in", ids),
                ("notification_type", "=", "email"),
            ]
        )

    def sent_to(self, address: str) -> _Delivery | None:
        """The message as it was sent to ``address``; None if it was not."""
        rows = self.rows.filtered(lambda row: normalize(row.recipient) == address)
        notifications = self.notifications.filtered(
            lambda one: (
                address in (one.res_partner_id.email_normalized, one.mail_email_address)
                and one.notification_status in SENT_STATES
            )
        )
        if not (rows or notifications):
            return None
        message = notifications.mail_message_id[:1]
        if not message:
            message = message.browse(rows[0].mail_message_id_int).exists()
        return _Delivery(address, rows, notifications, message)


def _record_status(
    env, mail: RawMail, sent: _Delivery, status: RecipientStatus
) -> None:
    text = describe_status(env, status, sent.address)
    rows = sent.rows.filtered(lambda row: not row.bounced_at)
    notifications = sent.notifications.filtered(
        lambda one: one.notification_status != "bounce"
    )
    if not (rows or notifications):
        return
    rows.reason = text
    if status.action == "delayed":
        notifications.failure_reason = text
    else:
        rows.bounced_at = env.cr.now()
        _record_bounce(env, mail, sent.message, sent.address, text)
    if sent.message:
        sent.message._notify_message_notification_update()
        if sent.message.model == "res.partner":
            contact = env["res.partner"].browse(sent.message.res_id)
            contact.mailbox_reload_chatter()


def _record_bounce(env, mail: RawMail, message, address: str, text: str) -> None:
    """Let Odoo handle a bounce as its gateway does: notifications get the status
    "bounce", and the bounce counters of the contacts go up."""
    partners = env["res.partner"].search([("email_normalized", "=", address)])
    env["mail.thread"]._routing_handle_bounce(
        mail.message,
        {
            "bounced_email": address,
            "bounced_partner": partners,
            "bounced_message": message,
            "bounced_msg_ids": message.mapped("message_id"),
            "body": escape(text),
            "email_from": "",
            "to": address,
            "message_id": "",
        },
    )


def _addresses(report: DeliveryReport, status: RecipientStatus) -> list[str]:
    """Which address the e-mail was sent to: the one that is reported or, if it was
    forwarded from there, the original recipient."""
    found = [status.address]
    if len(report.recipients) == 1 and len(report.original_recipients) == 1:
        found += report.original_recipients
    return list(dict.fromkeys(filter(None, map(normalize, found))))


def describe_status(env, status: RecipientStatus, address: str) -> str:
    """What happened to an e-mail, for the person who wrote it, with the reason that
    the mail server gave."""
    if status.action == "delayed":
        text = env._(
            "Not delivered to %s yet. The mail servers keep trying for a few days.",
            address,
        )
    else:
        text = env._(
            "Not delivered to %(address)s: %(reason)s",
            address=address,
            reason=_failure_reason(env, status),
        )
    if status.diagnostic:
        text += " " + env._("The mail server said: %s", status.diagnostic)
    return text


def _failure_reason(env, status: RecipientStatus) -> str:
    """The reason by the subject and detail of the status code (RFC 3463)."""
    detail = status.status[2:]
    texts = {
        ("1.1", "1.0", "1.3", "1.6"): env._("there is no such address."),
        ("1.2", "1.10", "4.4", "4.3"): env._("the domain does not accept mail."),
        ("2.1",): env._("the mailbox is disabled."),
        ("2.2", "3.1"): env._("the mailbox is full."),
        ("2.3", "3.4"): env._("the e-mail is too large."),
        ("4.1", "4.2", "4.7"): env._(
            "the recipient's mail server did not respond for several days."
        ),
    }
    for details, text in texts.items():
        if detail in details:
            return text
    if detail.startswith("7."):
        return env._("the recipient's mail server refused the e-mail or its sender.")
    if not status.permanent:
        return env._("it could not be delivered for several days.")
    return env._("the recipient's mail server refused it.")
