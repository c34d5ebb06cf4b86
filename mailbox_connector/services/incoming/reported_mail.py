"""Finds the sent e-mails that a delivery report is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from odoo import fields

from ...engine.mime.addresses import normalize
from ...engine.mime.delivery_report import DeliveryReport
from ...engine.mime.ids import message_id_hash
from ...engine.mime.subjects import untagged_subject

#: States of a notification whose e-mail was sent.
SENT_STATES = ("sent", "pending", "bounce")
#: Servers try to deliver for five days, and a report may come late.
LONGEST_DELIVERY = timedelta(days=10)


@dataclass(frozen=True)
class SentTo:
    """A message that was sent to one recipient.

    :ivar rows: ``mailbox.delivery``
    :ivar notifications: ``mail.notification``
    :ivar message: ``mail.message``
    """

    address: str
    rows: object
    notifications: object
    message: object


class ReportedMail:
    """The sent messages that a report may be about.

    By its Message-IDs; if it has none, by recipient, subject and time, among what this
    mailbox sent. A wrong message would be worse than none: if two are possible, none is
    taken. Without a subject none is taken either: anybody who knows a recipient could
    forge the report.

    :param account: the ``mailbox.account`` that received the report
    """

    def __init__(self, account, report: DeliveryReport):
        self.account = account
        self.env = account.env
        self.report = report
        self._rows = self.env["mailbox.delivery"]
        self._notifications = self.env["mail.notification"]
        for message_id in _message_ids(report):
            self._rows = self._rows.search(
                [
                    ("message_id_hash", "=", message_id_hash(message_id)),
                    ("state", "!=", "failed"),
                ]
            )
            self._notifications = self._notifications.search(
                [
                    ("mail_message_id.message_id", "=", message_id),
                    ("notification_type", "=", "email"),
                ]
            )
            if self._rows or self._notifications:
                break

    def sent_to(self, address: str) -> SentTo | None:
        """The message as it was sent to ``address``; None if it was not."""
        if not (self.report.original_message_id or self._rows):
            return self._by_recipient(address)
        return self._sent_to(address, self._rows, self._notifications)

    def _sent_to(self, address: str, rows, notifications) -> SentTo | None:
        rows = rows.filtered(lambda row: normalize(row.recipient) == address)
        notifications = notifications.filtered(
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
        return SentTo(address, rows, notifications, message)

    # ------------------------------------------------------------------
    # Without a Message-ID
    # ------------------------------------------------------------------

    def _by_recipient(self, address: str) -> SentTo | None:
        """The only message with the subject that the report names which this mailbox
        sent to ``address`` lately."""
        subject = untagged_subject(self.report.original_subject)
        if not subject:
            return None
        now = fields.Datetime.now()
        rows = self._rows.search(
            [
                ("account_id", "=", self.account.id),
                ("recipient", "=ilike", _escaped(address)),
                ("state", "!=", "failed"),
                ("handed_at", ">=", now - LONGEST_DELIVERY),
            ]
        )
        rows = rows.filtered(lambda row: subject in self._subjects(row))
        digests = set(rows.mapped("message_id_hash"))
        if len(digests) != 1 or self._others_sent(address, subject, digests):
            return None
        message = self.env["mail.message"].browse(rows[0].mail_message_id_int).exists()
        notifications = message.notification_ids.filtered(
            lambda one: one.notification_type == "email"
        )
        return self._sent_to(address, rows, notifications)

    def _subjects(self, row) -> list[str]:
        """The subjects under which the e-mail of a row of the ledger is known, for
        comparing."""
        message = self.env["mail.message"].browse(row.mail_message_id_int).exists()
        copies = self.env["mailbox.message"].search(
            [("message_id_hash", "=", row.message_id_hash)]
        )
        # Odoo takes the record's name if a message has no subject.
        names = [*copies.mapped("subject"), message.subject or message.record_name]
        return [untagged_subject(name) for name in names if name]

    def _others_sent(self, address: str, subject: str, digests: set[str]) -> bool:
        """Whether another e-mail that fits was sent from the mailbox by a mail app."""
        found = self.env["mailbox.message"].search(
            [
                ("audience_id.account_ids", "in", self.account.ids),
                ("direction", "=", "out"),
                ("date", ">=", fields.Datetime.now() - LONGEST_DELIVERY),
                ("message_id_hash", "not in", list(digests)),
                "|",
                ("email_to", "ilike", _escaped(address)),
                ("email_cc", "ilike", _escaped(address)),
            ]
        )
        return any(untagged_subject(one.subject) == subject for one in found)


def _message_ids(report: DeliveryReport) -> Iterator[str]:
    """The Message-IDs that a report is about, the best first."""
    if report.original_message_id:
        yield report.original_message_id
    # A provider that replaces Message-IDs leaves the original one last in References;
    # in a reply, that is the message that it replies to.
    own = report.original_references[-1:]
    if own and own[0] != report.original_in_reply_to:
        yield own[0]
    yield from report.hinted_message_ids


def _escaped(address: str) -> str:
    """For LIKE."""
    return address.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
