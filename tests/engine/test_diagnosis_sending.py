"""How long a server asks a mail to wait."""

from __future__ import annotations

import pytest

from odoo.addons.mailbox_connector.engine.diagnosis import from_smtp
from odoo.addons.mailbox_connector.engine.errors import Side
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

HOST = "mail.example.com"


def refused(code, text, stage, host=HOST):
    endpoint = Endpoint(Side.SMTP, host, 587, Security.STARTTLS, "u@example.com", "pw")
    return from_smtp((code, text.encode()), endpoint, stage=stage)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.7.1 Greylisted for 300 seconds", 300),
        ("4.7.1 Greylisting in action, please come back in 00:05:00", 300),
        ("4.2.0 Greylisted, please try again in 5 minutes", 300),
        ("4.7.1 Try again after 2 hours", 7_200),
        ("4.7.1 please retry in 300s", 300),
        ("4.7.0 wait at least 1 minute", 60),
        ("4.7.0 Try again later. 192.0.2.7", None),
        ("4.7.0 Try again (4.7.1)", None),
        ("4.7.0 b@example.org is busy", None),
    ],
)
def test_how_long_to_wait(text, seconds):
    assert refused(451, text, "rcpt").retry_after == seconds
