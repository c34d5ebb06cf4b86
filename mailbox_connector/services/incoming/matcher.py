"""Finds the contacts that messages belong to, by the addresses in their headers.

Works on headers alone, before a message is fetched: addresses in, contacts out. From,
Reply-To, To and Cc are compared with the normalized address of each active contact of
the mailbox's company (or of no company). An address that several contacts have matches
all of them; each contact is matched once, by the first header that has it. Our own
addresses and internal users never match: they are not customers.

A batch of headers costs one query, on an index, no matter how many contacts there are.

Example::

    matches = Matcher(env, account).match(headers)
    matches[header.uid]    # [Match(partner_id=7, header="from", email="nora@…")]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ...engine.mime.addresses import spellings
from ...engine.types import Address, HeaderRecord

#: If an address is in several of them, the first one is the reason for the match.
HEADERS = ("from", "reply_to", "to", "cc")


@dataclass(frozen=True)
class Match:
    """A contact, and the header and the address that it was found by."""

    partner_id: int
    header: str
    email: str


class Matcher:
    """Finds the contacts of messages; see the module.

    :param env: superuser environment
    :param account: the ``mailbox.account`` that the messages were seen in
    """

    def __init__(self, env, account):
        self.env = env
        self.company_id = account.company_id.id
        self.own = env["mailbox.account"].own_addresses()

    @cached_property
    def colleagues(self) -> set[str]:
        """Addresses of internal users."""
        users = self.env["res.users"].search([("share", "=", False)])
        return set(filter(None, users.partner_id.mapped("email_normalized")))

    def is_internal(self, addresses: dict[str, list[Address]]) -> bool:
        """Whether a message is between colleagues: it names our own addresses and
        those of internal users, and no others."""
        emails = {one.email for many in addresses.values() for one in many if one.email}
        emails -= self.own
        return emails <= self.colleagues if emails else any(addresses.values())

    def match(self, headers: Iterable[HeaderRecord]) -> dict[int, list[Match]]:
        """The contacts of messages, by UID; messages without contacts are missing."""
        headers = list(headers)
        emails = {
            address.email
            for record in headers
            for addresses in record.addresses.values()
            for address in addresses
            if address.email and address.email not in self.own
        }
        # Contacts may have an international domain in its readable spelling.
        forms = {
            email: spellings(email)
            for email in emails
            if "xn--" in email or not email.isascii()
        }
        contacts = self._contacts(emails.union(*forms.values()))
        contacts |= {
            email: [one for form in many for one in contacts.get(form, ())]
            for email, many in forms.items()
        }
        matches = {}
        for record in headers:
            found = match_addresses(record.addresses, contacts)
            if found:
                matches[record.uid] = found
        return matches

    def _contacts(self, emails: set[str]) -> dict[str, list[int]]:
        """Contact ids by address."""
        by_email: dict[str, list[int]] = defaultdict(list)
        if not emails:
            return by_email
        self.env["res.partner"].flush_model(
            ["email_normalized", "active", "company_id"]
        )
        self.env["res.users"].flush_model(["partner_id", "active", "share"])
        # LATERAL: the planner must use the index; with a join it would read all
        # contacts if that looked cheaper.
        self.env.cr.execute(
            """
            SELECT wanted.email, partner.id
              FROM unnest(%(emails)s) AS wanted (email) CROSS JOIN LATERAL (
                   SELECT id FROM res_partner
                    WHERE email_normalized = wanted.email
                      AND active
                      AND (company_id IS NULL OR company_id = %(company)s)
                   OFFSET 0) partner
             WHERE NOT EXISTS (SELECT 1 FROM res_users colleague
                                WHERE colleague.partner_id = partner.id
                                  AND colleague.active AND NOT colleague.share)
             ORDER BY partner.id
            """,
            {"emails": list(emails), "company": self.company_id},
        )
        for email, partner_id in self.env.cr.fetchall():
            by_email[email].append(partner_id)
        return by_email


def match_addresses(
    addresses: dict[str, list[Address]], contacts: dict[str, list[int]]
) -> list[Match]:
    """The contacts of one message, each once, by the first header that names it.

    :param contacts: contact ids by address
    """
    found: dict[int, Match] = {}
    for header in HEADERS:
        for address in addresses.get(header, ()):
            for partner_id in contacts.get(address.email, ()):
                found.setdefault(partner_id, Match(partner_id, header, address.email))
    return list(found.values())
