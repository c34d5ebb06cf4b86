"""One stored e-mail in the forms that the services and Odoo use."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import cached_property

from ...engine.mime.delivery_report import DeliveryReport, read_report
from ...engine.mime.parse import parse_message
from ...engine.types import ParsedMessage


class RawMail:
    """An e-mail as received. Each of its forms is created once, on first use.

    :param raw: the whole message (RFC 5322)
    """

    def __init__(self, raw: bytes):
        self.raw = raw

    @cached_property
    def report(self) -> DeliveryReport | None:
        """The delivery report, if the e-mail is one; else None."""
        return read_report(self.raw)

    @cached_property
    def parsed(self) -> ParsedMessage:
        """
        :raise MessageError: too large, too deep or of too many parts
        """
        return parse_message(self.raw)

    @cached_property
    def message(self) -> EmailMessage:
        """The form that Odoo's gateway expects."""
        return message_from_bytes(self.raw, policy=SMTP)
