"""The queue of copies for the Sent folder.

It consists of columns of ``mailbox.delivery``: the row of the first recipient who got
a message keeps the MIME in ``copy_mime`` until the copy is in the Sent folder, and
``copy_state`` tells how that went. A unique index allows one such row per mailbox and
Message-ID. :mod:`sent_copy_filing` works the queue off.
"""

from __future__ import annotations

import base64
from datetime import datetime


def queue(row, mime: bytes) -> bool:
    """Queue the copy of a message, once; whether it has to be filed by us.

    :param row: ``mailbox.delivery`` of a recipient who has the mail
    """
    row.ensure_one()
    has_copy = row.search_count(
        [
            ("account_id", "=", row.account_id.id),
            ("message_id_hash", "=", row.message_id_hash),
            ("copy_state", "!=", False),
        ],
        limit=1,
    )
    if has_copy:
        return False
    if row.account_id.provider_saves_sent_copies():
        row.copy_state = "provider"
        return False
    row.write({"copy_state": "waiting", "copy_mime": base64.b64encode(mime)})
    return True


def trigger_cron(env, moment: datetime | None = None) -> None:
    """Run the scheduled action for sent mail soon, or at ``moment`` (UTC)."""
    # sudo: a user who sends mail triggers the scheduled action
    env.ref("mailbox_connector.ir_cron_sent_mail").sudo()._trigger(moment)
