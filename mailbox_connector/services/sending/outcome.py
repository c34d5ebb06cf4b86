"""What became of a mail: values that sending, its ledger and ``mail.mail`` share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from odoo.exceptions import UserError

#: Where a delivery travels among the headers of a mail; it never reaches the wire.
HEADER = "X-Mailbox-Transaction"


class SendingFailed(UserError):
    """A mail did not leave, or nobody knows; the words are for people."""


@dataclass(frozen=True)
class Transaction:
    """What sending needs to know of a ``mail.mail``.

    ``sent_to``, ``sent_cc``: everybody the message goes to, as in the sent copy;
    ``email_from``: the From header, an address of the mailbox; ``part``: which of the
    mail's transactions.
    """

    mail_id: int
    mail_message_id: int
    account_id: int
    email_from: str
    sent_to: tuple[str, ...] = ()
    sent_cc: tuple[str, ...] = ()
    part: int = 0


@dataclass(frozen=True)
class PutOff:
    """Why a mail goes later, and when (naive UTC, whole seconds).

    ``is_attempt``: it was tried and counts as one of its attempts.
    """

    at: datetime
    reason: str
    is_attempt: bool = False


@dataclass(frozen=True)
class Result:
    """What became of one transaction.

    ``failed``: why somebody did not get it and will not by itself; ``unknown``: it is
    not known whether somebody got it; ``put_off``: somebody gets it later.
    """

    failed: tuple[str, ...] = ()
    unknown: bool = False
    put_off: PutOff | None = None


@dataclass
class Outcome:
    """What became of one mail: whom each of its transactions is for, and the results.

    ``parts``: (partner or False, addresses) in the order of the transactions;
    ``results``: by number of the transaction.
    """

    parts: Sequence[tuple] = ()
    results: dict[int, Result] = field(default_factory=dict)


class Outcomes(defaultdict):
    """:class:`Outcome` by mail, for the mails of one SMTP session."""

    def __init__(self):
        super().__init__(Outcome)

    def number(self, mail_id: int, emails: list[dict]) -> None:
        """Tell the transactions of a mail apart.

        :param emails: as ``mail.mail`` prepares them, with a delivery each
        """
        parts = []
        cc = tuple(one for email in emails for one in email["email_cc"] or ())
        for number, email in enumerate(emails):
            transaction = replace(email["headers"][HEADER], part=number, sent_cc=cc)
            email["headers"] = {**email["headers"], HEADER: transaction}
            parts.append((email["partner_id"], list(email["email_to"] or ())))
        self[mail_id] = Outcome(parts)

    def note(self, transaction: Transaction, result: Result) -> None:
        """Keep what became of a transaction; after a mail's last one, say whether it
        failed.

        :raise SendingFailed: somebody did not get it and will not by itself
        """
        outcome = self[transaction.mail_id]
        outcome.results[transaction.part] = result
        if transaction.part + 1 < len(outcome.parts):
            return
        results = outcome.results.values()
        reasons = [reason for one in results for reason in one.failed]
        is_unknown = any(one.unknown for one in results)
        if reasons and (is_unknown or not any(one.put_off for one in results)):
            raise SendingFailed(" ".join(dict.fromkeys(reasons)))


def whole_second(moment: datetime) -> datetime:
    """The next whole second: ``mail.mail`` cuts off what is behind it."""
    if moment.microsecond:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    return moment
