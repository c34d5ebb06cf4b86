"""What happened to a mail: values that sending, its ledger and ``mail.mail`` share.

One ``mail.mail`` is sent in one or more SMTP transactions, as a rule one per customer.
``mail.mail`` describes each as a :class:`SmtpTransaction`, sending answers with a
:class:`Result`, and :class:`Outcomes` collects the results of a mail until
``mail.mail`` takes its new state from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from odoo.exceptions import UserError

#: The header field in which core carries a :class:`SmtpTransaction` from ``mail.mail``
#: to ``ir.mail_server``. It is taken out there and is never sent.
HEADER = "X-Mailbox-Transaction"


class SendingFailed(UserError):
    """A mail was not sent, or it is unknown whether it was; the text is for people."""


@dataclass(frozen=True)
class SmtpTransaction:
    """One SMTP transaction of a ``mail.mail``.

    ``sent_to``, ``sent_cc``: everybody the message goes to, for the copy in the Sent
    folder; ``email_from``: the From header, an address of the mailbox; ``part``: its
    number among the transactions of the mail, from 0.
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
    """Why a mail is sent later, and when (naive UTC, whole seconds).

    ``is_attempt``: it was tried, and this counts as one of its attempts.
    """

    at: datetime
    reason: str
    is_attempt: bool = False


@dataclass(frozen=True)
class Result:
    """The result of one transaction.

    ``failed``: why somebody did not get the mail and will not unless a person acts;
    ``unknown``: whether it is unknown if somebody got it; ``put_off``: somebody gets it
    later.
    """

    failed: tuple[str, ...] = ()
    unknown: bool = False
    put_off: PutOff | None = None


@dataclass(frozen=True)
class Summary:
    """The results of the transactions of one mail.

    ``sent_partners``, ``sent_emails``: who has it, contacts (records) and addresses of
    other people; ``failed_partners``, ``reasons``: who will not get it, and why;
    ``put_off``: the first time at which somebody else gets it.
    """

    sent_partners: tuple = ()
    sent_emails: tuple[str, ...] = ()
    failed_partners: tuple = ()
    reasons: tuple[str, ...] = ()
    is_unknown: bool = False
    put_off: PutOff | None = None


@dataclass
class Outcome:
    """The transactions of one mail and their results.

    ``parts``: (partner or False, addresses) of each transaction, in order;
    ``results``: by number of the transaction.
    """

    parts: Sequence[tuple] = ()
    results: dict[int, Result] = field(default_factory=dict)

    def summary(self) -> Summary:
        """The results of all transactions that came to one."""
        done = [
            (part, self.results[number])
            for number, part in enumerate(self.parts)
            if number in self.results
        ]
        sent = [part for part, one in done if not one.failed and not one.put_off]
        failed = [partner for (partner, _addresses), one in done if one.failed]
        reasons = dict.fromkeys(reason for _part, one in done for reason in one.failed)
        put_offs = [one.put_off for _part, one in done if one.put_off]
        return Summary(
            sent_partners=tuple(partner for partner, _a in sent if partner),
            sent_emails=tuple(
                address
                for partner, addresses in sent
                if not partner
                for address in addresses
            ),
            failed_partners=tuple(partner for partner in failed if partner),
            reasons=tuple(reasons),
            is_unknown=any(one.unknown for _part, one in done),
            put_off=min(put_offs, key=lambda one: one.at, default=None),
        )


class Outcomes(defaultdict):
    """:class:`Outcome` by mail id, for the mails of one SMTP session."""

    def __init__(self):
        super().__init__(Outcome)

    def number_transactions(self, mail_id: int, emails: list[dict]) -> None:
        """Give each transaction of a mail its number.

        :param emails: as ``mail.mail`` prepares them, each with a transaction; changed
        """
        parts = []
        cc = tuple(one for email in emails for one in email["email_cc"] or ())
        for number, email in enumerate(emails):
            transaction = replace(email["headers"][HEADER], part=number, sent_cc=cc)
            email["headers"] = {**email["headers"], HEADER: transaction}
            parts.append((email["partner_id"], list(email["email_to"] or ())))
        self[mail_id] = Outcome(parts)

    def record(self, transaction: SmtpTransaction, result: Result) -> None:
        """Save the result of a transaction; with the last one of a mail, raise if the
        mail failed, which is how core learns of it.

        :raise SendingFailed: somebody did not get it, and nothing is put off
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
    """``moment`` rounded up to a second: database columns drop the fraction, and a mail
    must not be due before the moment meant."""
    if moment.microsecond:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    return moment
