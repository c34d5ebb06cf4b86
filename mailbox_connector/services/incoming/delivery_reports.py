"""Delivery reports: a sent message shows whether it was delivered."""

from __future__ import annotations

from markupsafe import escape

from ...engine.mime.addresses import normalize
from ...engine.mime.delivery_report import DeliveryReport, RecipientStatus
from . import unmatched_reports
from .delivery_sentences import describe_status
from .raw_mail import RawMail
from .reported_mail import ReportedMail, SentTo

#: What a report says about a message that did not arrive.
_BAD = ("failed", "delayed")


def apply_report(account, mail: RawMail) -> bool:
    """Record what a delivery report says about e-mails that were sent from here.

    Anybody can write such a report. It is trusted only about messages that we sent, and
    about recipients that we sent them to. The same status is recorded once. If it leads
    to none of our messages, it is shown to the owner.

    :param account: the ``mailbox.account`` that received it, in a superuser environment
    :return: whether the e-mail is a delivery report
    """
    report = mail.report
    if not report:
        return False
    sent = ReportedMail(account, report)
    is_known = False
    for status in report.recipients:
        if status.action not in _BAD:
            continue
        found = (sent.sent_to(address) for address in _addresses(report, status))
        delivery = next(filter(None, found), None)
        if delivery:
            is_known = True
            _record_status(account.env, mail, delivery, status)
    if not is_known and _is_bad_news(report):
        unmatched_reports.show_to_owner(account, mail)
    return True


def _is_bad_news(report: DeliveryReport) -> bool:
    """Whether somebody did not get the message; a report that cannot be read counts."""
    statuses = report.recipients
    return not statuses or any(one.action in _BAD for one in statuses)


def _record_status(env, mail: RawMail, sent: SentTo, status: RecipientStatus) -> None:
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
    """The addresses that the e-mail may have been sent to: the reported one and, if it
    was forwarded, the original recipient."""
    found = [status.address]
    if len(report.recipients) == 1 and len(report.original_recipients) == 1:
        found += report.original_recipients
    return list(dict.fromkeys(filter(None, map(normalize, found))))
