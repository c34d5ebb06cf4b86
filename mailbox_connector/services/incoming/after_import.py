"""What new mail sets off besides standing on its contacts.

Decided while a batch is imported and put into the queue ``mailbox.inbound`` in the
same transaction; done afterwards, one e-mail a transaction. History sets off nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from odoo import fields

from ...engine.imap.roles import Role
from ...engine.types import HeaderRecord
from . import document_replies
from .importer import Candidate, Importer
from .matcher import Match
from .message_values import message_key

#: What stands in these folders was sent by us, or is wanted by nobody.
SILENT = {Role.SENT.value, Role.DRAFTS.value, Role.JUNK.value, Role.TRASH.value}
#: Servers try for five days. What was written longer before it came is old mail that
#: somebody has moved here.
LONGEST_WAY = timedelta(days=10)
#: What came longer ago is news to nobody: the mailbox was not read for a while.
NEWS = timedelta(days=7)


@dataclass
class Wanted:
    """Why a message is fetched: for contacts, for a document or report, or both."""

    matches: list[Match] = field(default_factory=list)
    kind: str = ""


class Inbound:
    """Tells new mail of one mailbox that sets something off.

    :param account: ``mailbox.account`` in a superuser environment
    """

    def __init__(self, account):
        self.account = account
        self.env = account.env

    @cached_property
    def own(self) -> set[str]:
        """The mailbox's addresses."""
        return self.account.addresses()

    def wanted(self, headers: Iterable[HeaderRecord]) -> dict[int, str]:
        """By UID: "reply" for what answers a document, "report" for what tells of the
        delivery of a message; whoever sent it. One query, none without new mail that
        answers something."""
        new = [header for header in headers if header.new and self._is_new(header)]
        kinds = {header.uid: "report" for header in new if header.new.may_be_report}
        answers = {
            header.uid: (header.message_id, header.new.answers)
            for header in new
            if header.new.answers and not self._is_ours(header)
        }
        found = document_replies.find(self.env, answers)
        return {**dict.fromkeys(found, "reply"), **kinds}

    def queue(
        self, importer: Importer, messages: Sequence[tuple[Candidate, str]]
    ) -> list[int]:
        """Queue what messages of a batch, imported by now, set off.

        :param messages: each with its kind of :meth:`wanted`, or ""
        :return: ids of new ``mailbox.inbound``
        """
        if importer.folder.role in SILENT:
            return []
        rows: dict[tuple, dict] = {}
        for candidate, kind in messages:
            header = candidate.header
            if not (header.new and self._is_new(header)):
                continue
            if not candidate.matches and not importer.take_apart(candidate):
                continue
            # Without its parts it was put aside by the import.
            if candidate.parsed is None or self._is_old(candidate):
                continue
            key = message_key(candidate.parsed)
            shown = {
                "email_from": _first_address(candidate),
                "subject": candidate.parsed.subject,
            }
            if kind and (candidate.record_id or not candidate.matches):
                rows[(False, *key)] = {
                    **shown,
                    "kind": kind,
                    "raw_bytes": candidate.raw,
                }
            if self._is_news(importer, candidate):
                rows[(True, *key)] = {
                    **shown,
                    "kind": "notice",
                    "mailbox_message_id": candidate.record_id,
                }
        Queue = self.env["mailbox.inbound"]
        return Queue._add(self.account, rows) if rows else []

    # ------------------------------------------------------------------

    def _is_new(self, header: HeaderRecord) -> bool:
        """Whether it has come since the mailbox was connected and was not sent from
        it. A server that does not say when it came is believed."""
        started = self.account.started_on
        received = header.internal_date
        if not started or (received and received.date() < started):
            return False
        return "\\sent" not in header.labels

    def _is_old(self, candidate: Candidate) -> bool:
        sent = candidate.parsed.date
        return bool(sent) and _received(candidate) - sent > LONGEST_WAY

    def _is_ours(self, header: HeaderRecord) -> bool:
        """Whether the mailbox itself sent it, from whatever program."""
        sender = header.addresses.get("from", ())
        return any(address.email in self.own for address in sender)

    def _is_news(self, importer: Importer, candidate: Candidate) -> bool:
        """Whether members are to be told: a person who is a customer wrote it, and
        this mailbox sees it for the first time."""
        return bool(
            self.account.notify_members
            and candidate.record_id in importer.first_seen
            and not candidate.automatic
            and fields.Datetime.now() - _received(candidate) < NEWS
            and any(match.header in ("from", "reply_to") for match in candidate.matches)
            and not self._is_ours(candidate.header)
        )


def _received(candidate: Candidate) -> datetime:
    """Naive UTC."""
    received = candidate.header.internal_date
    return received.replace(tzinfo=None) if received else fields.Datetime.now()


def _first_address(candidate: Candidate) -> str:
    return ", ".join(map(str, candidate.parsed.addresses.get("from", ())[:1]))
