"""Reports on the delivery of what we sent: the message shows what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes
from email.policy import SMTP

from markupsafe import escape

from ...engine.mime.addresses import normalize
from ...engine.mime.ids import message_id_hash
from ...engine.mime.report import DeliveryReport, RecipientStatus, read_report

#: States of a notification that has left.
DELIVERED = ("sent", "pending", "bounce")


def take(account, raw: bytes) -> bool:
    """Note what a delivery report says; returns whether the e-mail is one.

    Believed is only what it says of a message that we sent, and of a recipient who was
    sent it: anybody can write such a report. The same news is noted once.

    :param account: ``mailbox.account`` it came in on, in a superuser environment
    """
    report = read_report(raw)
    if not report:
        return False
    sent = _Sent(account.env, report)
    for status in report.recipients:
        if status.action not in ("failed", "delayed"):
            continue
        found = (sent.to(address) for address in _addresses(report, status))
        for one in [one for one in found if one][:1]:
            _note(account.env, raw, one, status)
    return True


@dataclass(frozen=True)
class _Delivered:
    """What is known of a message to one recipient; ``rows`` of the ledger."""

    address: str
    rows: object
    notifications: object
    message: object


class _Sent:
    """What we have sent under the Message-ID that a report names. A provider that gives
    mail another one leaves the real one last in References."""

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

    def to(self, address: str) -> _Delivered | None:
        """None: nobody there was sent it from here."""
        rows = self.rows.filtered(lambda row: normalize(row.recipient) == address)
        notifications = self.notifications.filtered(
            lambda one: (
                address in (one.res_partner_id.email_normalized, one.mail_email_address)
                and one.notification_status in DELIVERED
            )
        )
        if not (rows or notifications):
            return None
        message = notifications.mail_message_id[:1]
        if not message:
            message = message.browse(rows[0].mail_message_id_int).exists()
        return _Delivered(address, rows, notifications, message)


def _note(env, raw: bytes, sent: _Delivered, status: RecipientStatus) -> None:
    words = reason(env, status, sent.address)
    rows = sent.rows.filtered(lambda row: not row.bounced_at)
    notifications = sent.notifications.filtered(
        lambda one: one.notification_status != "bounce"
    )
    if not (rows or notifications):
        return
    rows.reason = words
    if status.action == "delayed":
        notifications.failure_reason = words
    else:
        rows.bounced_at = env.cr.now()
        _bounce(env, raw, sent.message, sent.address, words)
    if sent.message:
        sent.message._notify_message_notification_update()
        if sent.message.model == "res.partner":
            contact = env["res.partner"].browse(sent.message.res_id)
            contact.mailbox_reload_chatter()


def _bounce(env, raw: bytes, message, address: str, words: str) -> None:
    """As Odoo's gateway does: notifications fail, bounce counters move."""
    partners = env["res.partner"].search([("email_normalized", "=", address)])
    env["mail.thread"]._routing_handle_bounce(
        message_from_bytes(raw, policy=SMTP),
        {
            "bounced_email": address,
            "bounced_partner": partners,
            "bounced_message": message,
            "bounced_msg_ids": message.mapped("message_id"),
            "body": escape(words),
            "email_from": "",
            "to": address,
            "message_id": "",
        },
    )


def _addresses(report: DeliveryReport, status: RecipientStatus) -> list[str]:
    """Who may be meant: the address named; where mail was passed on to another one,
    the one it had been sent to."""
    found = [status.address]
    if len(report.recipients) == 1 and len(report.original_recipients) == 1:
        found += report.original_recipients
    return list(dict.fromkeys(filter(None, map(normalize, found))))


def reason(env, status: RecipientStatus, address: str) -> str:
    """What became of a mail, for the person who wrote it, and the server's words."""
    if status.action == "delayed":
        text = env._(
            "Not delivered to %s yet. The mail servers go on trying for some days.",
            address,
        )
    else:
        text = env._(
            "Not delivered to %(address)s: %(why)s",
            address=address,
            why=_why(env, status),
        )
    if status.diagnostic:
        text += " " + env._("The mail server said: %s", status.diagnostic)
    return text


def _why(env, status: RecipientStatus) -> str:
    """By the code of RFC 3463, its class apart; the first that fits."""
    detail = status.status[2:]
    texts = {
        ("1.1", "1.0", "1.3", "1.6"): env._("there is no such address."),
        ("1.2", "1.10", "4.4", "4.3"): env._("mail for that domain goes nowhere."),
        ("2.1",): env._("the mailbox is switched off."),
        ("2.2", "3.1"): env._("the mailbox is full."),
        ("2.3", "3.4"): env._("the e-mail is too large for it."),
        ("4.1", "4.2", "4.7"): env._(
            "the server there did not answer for days; it was given up."
        ),
    }
    for details, text in texts.items():
        if detail in details:
            return text
    if detail.startswith("7."):
        return env._("the server there refused the e-mail or its sender.")
    if not status.permanent:
        return env._("it could not be delivered for days and was given up.")
    return env._("the server there refused it.")
