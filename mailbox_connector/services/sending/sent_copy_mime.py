"""The MIME of a sent e-mail as it should be in the Sent folder."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import getaddresses

from ...engine.mime.addresses import normalize


def with_all_recipients(
    message: EmailMessage, sent_to: Sequence[str], sent_cc: Sequence[str] = ()
) -> EmailMessage:
    """``message`` with everybody it goes to in To and Cc; the same object if they are
    there already, else a copy.

    Odoo makes one transaction per recipient, and To and Cc of each may name only some
    of them.
    """
    named = {
        normalize(address)
        for header in ("To", "Cc")
        for _name, address in getaddresses(map(str, message.get_all(header, ())))
    }
    complete = message
    for header, people in (("To", sent_to), ("Cc", sent_cc)):
        missing = [one for one in people if normalize(one) not in named]
        if not missing:
            continue
        if complete is message:
            complete = copy.deepcopy(message)
        present = [str(complete[header])] if complete[header] else []
        del complete[header]
        complete[header] = ", ".join([*present, *missing])
        named.update(map(normalize, missing))
    return complete
