"""One stored e-mail in the forms that the services and Odoo take."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import cached_property

from ...engine.mime.delivery_report import DeliveryReport, read_report
from ...engine.mime.parse import parse_message
from ...engine.types import ParsedMessage


class RawMail:
    """An e-mail as it came. Each of its forms is made when it is first asked for, once.

    :param raw: the whole message (RFC 5322)
    """

    def __init__(self, raw: bytes):
        self.raw = raw

    @cached_property
    def report(self) -> DeliveryReport | None:
        """The delivery report that it is; None if it is none."""
        return read_report(self.raw)

    @cached_property
    def parsed(self) -> ParsedMessage:
        """
        :raise MessageError: too large, too deep or of too many parts
        """
        return parse_message(self.raw)

    @cached_property
    def message(self) -> EmailMessage:
        """As Odoo's gateway takes it."""
        return message_from_bytes(self.raw, policy=SMTP)
