"""What new e-mails trigger besides being shown on their contacts: decides and queues
it.

A reply to a document is posted there, a delivery report is recorded on the message that
it is about, and members are notified. This is decided while a batch is imported, and
stored in the queue ``mailbox.inbound`` by the same transaction.
:mod:`.inbound_queue` does it afterwards, one e-mail per transaction. Backfills trigger
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from odoo import fields

from ...engine.imap.roles import Role
from ...engine.types import HeaderRecord
from . import document_replies
from .candidate import Candidate
from .importer import Importer
from .matcher import Match
from .message_values import message_key
from .reported_mail import LONGEST_DELIVERY

#: Messages in these folders are our own, or unwanted.
SILENT_ROLES = {Role.SENT.value, Role.DRAFTS.value, Role.JUNK.value, Role.TRASH.value}
#: Members are not notified of older e-mails: the mailbox was not synced for a while.
MAX_NOTIFICATION_AGE = timedelta(days=7)


@dataclass
class FetchReason:
    """Why a message is fetched: it has contacts, it is a reply or a report, or both.

    :ivar kind: "reply", "report" or ""; see :meth:`AfterImport.kinds`
    """

    matches: list[Match] = field(default_factory=list)
    kind: str = ""


class AfterImport:
    """Decides what new e-mails of one mailbox trigger, and queues it.

    :param account: ``mailbox.account`` in a superuser environment
    """

    def __init__(self, account):
        self.account = account
        self.env = account.env

    @cached_property
    def own_addresses(self) -> set[str]:
        """The mailbox's addresses."""
        return self.account.addresses()

    def kinds(self, headers: Iterable[HeaderRecord]) -> dict[int, str]:
        """New messages to fetch even if they are of no contact.

        One query; none if no new message is a reply.

        :return: by UID, "reply" for a reply to a document, "report" for what may be a
            delivery report
        """
        new = [header for header in headers if header.new and self._is_new(header)]
        reports = {header.uid: "report" for header in new if header.new.may_be_report}
        references = {
            header.uid: (header.message_id, header.new.replies_to)
            for header in new
            if header.new.replies_to and not self._is_own(header)
        }
        replies = document_replies.find_replied_to(self.env, references)
        return {**dict.fromkeys(replies, "reply"), **reports}

    def enqueue(
        self, importer: Importer, messages: Sequence[tuple[Candidate, str]]
    ) -> list[int]:
        """Queue what the messages of a batch trigger, after they were imported.

        :param messages: each with its kind, see :meth:`kinds`, or ""
        :return: ids of the new ``mailbox.inbound``
        """
        if importer.folder.role in SILENT_ROLES:
            return []
        rows: dict[tuple, dict] = {}
        for candidate, kind in messages:
            if not self._is_new_mail(importer, candidate):
                continue
            key = message_key(candidate.parsed)
            values = {
                "email_from": _first_address(candidate),
                "subject": candidate.parsed.subject,
            }
            if kind and (candidate.record_id or not candidate.matches):
                rows[(False, *key)] = {**values, "kind": kind, "raw": candidate.raw}
            if self._is_notified(importer, candidate):
                rows[(True, *key)] = {
                    **values,
                    "kind": "notification",
                    "mailbox_message_id": candidate.record_id,
                }
        return self._create_missing(rows) if rows else []

    def _create_missing(self, rows: dict[tuple[bool, str, str], dict]) -> list[int]:
        """Create the rows that the queue does not have yet; their ids.

        :param rows: values by (whether it is a notification, hash, fingerprint); the
            bytes of the e-mail, if they are needed, under "raw"
        """
        Queue = self.env["mailbox.inbound"]
        known = {
            (row.kind == "notification", row.message_id_hash, row.fingerprint)
            for row in Queue.search(
                [("message_id_hash", "in", [key[1] for key in rows])]
            )
            if row.kind != "notification" or row.account_id == self.account
        }
        new = {key: dict(values) for key, values in rows.items() if key not in known}
        raws = [values.pop("raw", b"") for values in new.values()]
        created = Queue.create(
            [
                {
                    **values,
                    "account_id": self.account.id,
                    "message_id_hash": digest,
                    "fingerprint": fingerprint,
                }
                for (_is_notification, digest, fingerprint), values in new.items()
            ]
        )
        created.store_raw_bytes(raws)
        return created.ids

    # ------------------------------------------------------------------
    # Conditions
    # ------------------------------------------------------------------

    def _is_new_mail(self, importer: Importer, candidate: Candidate) -> bool:
        """Whether a message is new and can be parsed, by ``importer`` if necessary."""
        header = candidate.header
        if not (header.new and self._is_new(header)):
            return False
        if not candidate.matches and not importer.parse_or_keep_failed(candidate):
            return False
        # Not parsed: its import failed.
        return candidate.parsed is not None and not self._is_old(candidate)

    def _is_new(self, header: HeaderRecord) -> bool:
        """Whether a message was received after the mailbox was connected and was not
        sent from it. If the time is unknown, it counts as new."""
        started = self.account.started_on
        received = header.internal_date
        if not started or (received and received.date() < started):
            return False
        return "\\sent" not in header.labels

    def _is_old(self, candidate: Candidate) -> bool:
        """Whether a message was not just delivered: somebody moved it into the
        folder."""
        sent = candidate.parsed.date
        return bool(sent) and candidate.received_at - sent > LONGEST_DELIVERY

    def _is_own(self, header: HeaderRecord) -> bool:
        """Whether the mailbox itself sent it, from Odoo or any mail app."""
        sender = header.addresses.get("from", ())
        return any(address.email in self.own_addresses for address in sender)

    def _is_notified(self, importer: Importer, candidate: Candidate) -> bool:
        """Whether members are notified: a contact wrote it, not a program, and it is
        new to this mailbox."""
        return bool(
            self.account.notify_members
            and candidate.record_id in importer.first_seen
            and not candidate.automatic
            and fields.Datetime.now() - candidate.received_at < MAX_NOTIFICATION_AGE
            and any(match.header in ("from", "reply_to") for match in candidate.matches)
            and not self._is_own(candidate.header)
        )


def _first_address(candidate: Candidate) -> str:
    return ", ".join(map(str, candidate.parsed.addresses.get("from", ())[:1]))
