"""How much a mailbox may send now: its own limits, compared with what its ledger says.

The limits are settings of the mailbox: recipients an hour, recipients a day, seconds
between two e-mails. What was sent is counted in ``mailbox.delivery``; what may have
been sent counts as well. A pause caused by the provider's own limit comes first; see
``mailbox.account.pace``.

:func:`plan_sending` estimates before anything is opened, :func:`may_send_now` decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from odoo import fields

from ...engine.smtp.limits import Cause, SendingLimits, next_slot, plan
from .outcome import PutOff, whole_second

#: First half of the advisory lock of a mailbox's limits; the second is its id.
LOCK = 0x4D4C494D
#: How many seconds in all a run of the mail queue may wait for a mailbox's pace.
PATIENCE = 40.0


def patience(env) -> float:
    """How many seconds the current work may wait for a mailbox's pace: only the e-mail
    queue waits, not a person."""
    return PATIENCE if env.context.get("cron_id") else 0.0


def is_limited(account) -> bool:
    """Whether something may delay e-mails of this mailbox now."""
    return bool(_limits(account)) or bool(account.paused_until())


def may_send_now(account, wanted: int, reader) -> tuple[int, PutOff | None]:
    """How many of ``wanted`` recipients of one e-mail may be sent to now.

    The decision holds until the end of the transaction: until then, no other worker
    decides for this mailbox.

    :param account: ``mailbox.account`` on the cursor that the ledger writes with
    :param reader: environment of the person who reads the reason
    :return: (number, reason and time for the others or None)
    """
    if until := account.paused_until():
        return 0, PutOff(until, account.sending_pause_reason)
    limits = _limits(account)
    if not limits:
        return wanted, None
    account.env.cr.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, account.id])
    now = fields.Datetime.now()
    sent = _sent_lately(account, limits)
    slot = next_slot(limits, sent, now, wanted)
    allowed = slot.count if slot.at <= now else 0
    if allowed == wanted:
        return wanted, None
    if allowed:
        sent += [now] * allowed
        slot = next_slot(limits, sent, now, wanted - allowed)
    return allowed, _put_off(account.with_env(reader), slot)


def plan_sending(account, sizes: list[int]) -> list[PutOff | None]:
    """When e-mails may be sent, as far as is known now.

    :param sizes: number of recipients of each e-mail
    :return: for each e-mail why it has to wait, or None if it can be sent now
    """
    if until := account.paused_until():
        return [PutOff(until, account.sending_pause_reason)] * len(sizes)
    limits = _limits(account)
    now = fields.Datetime.now()
    slots = plan(limits, _sent_lately(account, limits), now, sizes)
    return [_put_off(account, slot) if slot.at > now else None for slot in slots]


def handed_over(account, since: datetime, limit: int) -> list[datetime]:
    """When recipients got (or may have got) an e-mail of this mailbox after ``since``:
    the latest ``limit`` of these times, ascending. One statement, by an index."""
    account.env["mailbox.delivery"].flush_model(["handed_at", "state"])
    account.env.cr.execute(
        """
        SELECT handed_at FROM mailbox_delivery
         WHERE account_id = %s AND state != 'failed' AND handed_at > %s
         ORDER BY handed_at DESC LIMIT %s
        """,
        [account.id, since, limit],
    )
    return [moment for (moment,) in account.env.cr.fetchall()][::-1]


def _limits(account) -> SendingLimits:
    account.ensure_one()
    return SendingLimits(account.limit_hour, account.limit_day, account.limit_seconds)


def _sent_lately(account, limits: SendingLimits) -> list[datetime]:
    # One more second: the times are rounded to seconds.
    since = fields.Datetime.now() - limits.horizon - timedelta(seconds=1)
    return handed_over(account, since, limits.most)


def _put_off(account, slot) -> PutOff:
    return PutOff(whole_second(slot.at), _limit_reason(account, slot.cause))


def _limit_reason(account, cause: Cause) -> str:
    env = account.env
    if cause is Cause.HOUR:
        return env._(
            "The mailbox %(mailbox)s sends to at most %(count)s recipients an hour, "
            "and has reached that limit.",
            mailbox=account.email,
            count=account.limit_hour,
        )
    if cause is Cause.DAY:
        return env._(
            "The mailbox %(mailbox)s sends to at most %(count)s recipients a day, and "
            "has reached that limit.",
            mailbox=account.email,
            count=account.limit_day,
        )
    return env._(
        "The mailbox %(mailbox)s waits %(count)s seconds between two e-mails.",
        mailbox=account.email,
        count=account.limit_seconds,
    )
