"""Newsletters and mailing lists, which a mailbox can leave out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property

from ...engine.mime.addresses import spellings
from ...engine.mime.ids import message_id_hash
from ...engine.mime.mass_mail import mass_mail_kind
from ...engine.types import HeaderFields
from .candidate import Candidate


class Newsletters:
    """Decides which messages of a mailbox are newsletters or list mail.

    Costs nothing until a message has a header field that lists and newsletters use.

    :param account: ``mailbox.account`` in a superuser environment
    :param colleagues: addresses of internal users
    """

    def __init__(self, account, colleagues: Collection[str] = ()):
        self.account = account
        self.env = account.env
        self.colleagues = colleagues

    @cached_property
    def own(self) -> set[str]:
        """Our own addresses: of all mailboxes and of internal users."""
        return {*self.account.own_addresses(), *filter(None, self.colleagues)}

    @cached_property
    def own_domains(self) -> set[str]:
        """Domains that are ours alone, so not those of mail providers."""
        own = self.account.own_addresses()
        found = {form.rpartition("@")[2] for one in own for form in spellings(one)}
        found |= set(self.env["mail.alias.domain"].search([]).mapped("name"))
        for provider in self.env["mailbox.provider"].for_engine():
            found.difference_update(provider.domains)
        return found

    def kind(self, header: HeaderFields) -> str | None:
        """ "list", "newsletter" or None, by header fields; see
        :func:`mass_mail_kind`."""
        return mass_mail_kind(header, self.own, self.own_domains)

    def skipped_uids(self, candidates: Iterable[Candidate]) -> set[int]:
        """UIDs of the messages that the mailbox leaves out.

        A message that answers one that is stored here belongs to a conversation and
        is never left out, nor is one that answers a document.

        :param candidates: parsed
        """
        if not self.account.skip_newsletters:
            return set()
        suspects = {
            candidate.header.uid: candidate.parsed.references
            for candidate in candidates
            if candidate.parsed.marked_mass_mail
            and not candidate.replies_to_document
            and self.kind(candidate.parsed.header_fields)
        }
        known = self._known({one for many in suspects.values() for one in many})
        return {uid for uid, many in suspects.items() if known.isdisjoint(many)}

    def _known(self, message_ids: set[str]) -> set[str]:
        """Those that are stored here, as e-mails or as Odoo's own messages. Mail of
        mailing lists does not count: one would bring in the next."""
        if not message_ids:
            return set()
        by_hash = {message_id_hash(one): one for one in message_ids}
        self.env["mail.message"].flush_model(["message_id"])
        self.env.cr.execute(
            """
            SELECT message_id_hash FROM mailbox_message
             WHERE message_id_hash = ANY(%(hashes)s)
               AND automatic IS DISTINCT FROM 'list'
            UNION
            SELECT provider_hash FROM mailbox_message
             WHERE provider_hash = ANY(%(hashes)s)
            """,
            {"hashes": list(by_hash)},
        )
        found = {by_hash[digest] for (digest,) in self.env.cr.fetchall()}
        self.env.cr.execute(
            "SELECT message_id FROM mail_message WHERE message_id = ANY(%s)",
            [list(message_ids)],
        )
        return found.union(row[0] for row in self.env.cr.fetchall())
