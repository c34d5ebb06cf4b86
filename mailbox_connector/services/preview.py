"""What an import would bring, from headers alone; nothing of it is stored.

Looked at like an import looks: the same folders, the same matching. Newest first, so
that what a person sees is right as far back as there was time for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime

from ..engine.deadline import Deadline
from ..engine.imap.session import ImapSession
from ..engine.types import HeaderRecord
from .matcher import Matcher

#: Seconds that a person is kept waiting.
SECONDS = 20
#: Headers fetched at once.
BATCH = 500
#: What an import does in a second, cautiously: messages, bytes.
MESSAGES_A_SECOND, BYTES_A_SECOND = 50, 1_000_000


@dataclass
class Preview:
    """Counts of the e-mails in a window.

    ``seen``: looked at; ``left``: there was no time for; ``here``: of those seen,
    imported before. ``contacts``: e-mails by contact id; ``ambiguous``: contact ids by
    address, where they are several; ``domains``: e-mails of strangers by their domain.
    ``oldest``, ``newest``: naive UTC, of those with contacts.
    """

    seen: int = 0
    left: int = 0
    here: int = 0
    matched: int = 0
    size: int = 0
    contacts: Counter = field(default_factory=Counter)
    ambiguous: dict[str, set[int]] = field(default_factory=dict)
    domains: Counter = field(default_factory=Counter)
    oldest: datetime | None = None
    newest: datetime | None = None

    @property
    def strangers(self) -> int:
        """E-mails that are of no contact."""
        return self.seen - self.matched

    @property
    def seconds(self) -> int:
        """How long the import will take, roughly."""
        return self.matched // MESSAGES_A_SECOND + self.size // BYTES_A_SECOND


def look(account, folders, since: date, seconds: float = SECONDS) -> Preview:
    """Look through ``folders`` back to ``since``.

    :param account: ``mailbox.account`` in a superuser environment
    :raise EngineError: the server cannot be read
    """
    found = Preview()
    limit = Deadline(seconds)
    looking = _Looking(account, found)
    # Some more for the batch in hand.
    policy, patience = account._egress_policy(), Deadline(seconds + 10)
    with ImapSession(account._endpoint("imap"), policy, patience) as session:
        for folder in folders:
            opened = session.examine(folder.raw_name)
            uids = session.search_since(since)[::-1]
            for start in range(0, len(uids), BATCH):
                if not limit.left():
                    found.left += len(uids) - start
                    break
                headers = session.fetch_headers(uids[start : start + BATCH])
                looking.count(folder, opened.uidvalidity, headers)
    return found


class _Looking:
    """Counts headers, each e-mail once however many folders it stands in."""

    def __init__(self, account, found: Preview):
        self.env = account.env
        self.found = found
        self.own = account._addresses()
        self.matcher = Matcher(account.env, account)
        self.names: set[str] = set()

    def count(self, folder, uidvalidity: int, headers: list[HeaderRecord]) -> None:
        fresh = []
        for header in headers:
            if header.message_id and header.message_id in self.names:
                continue
            self.names.add(header.message_id)
            fresh.append(header)
        matches = self.matcher.match(fresh)
        self.found.seen += len(fresh)
        self.found.here += self._known(folder, uidvalidity, matches)
        for header in fresh:
            if header.uid in matches:
                self._matched(header, matches[header.uid])
            else:
                self._stranger(header)

    def _matched(self, header: HeaderRecord, matches) -> None:
        found = self.found
        found.matched += 1
        found.size += header.size
        by_email = defaultdict(set)
        for match in matches:
            found.contacts[match.partner_id] += 1
            by_email[match.email].add(match.partner_id)
        for email, partners in by_email.items():
            if len(partners) > 1:
                found.ambiguous.setdefault(email, set()).update(partners)
        if header.internal_date:
            received = header.internal_date.replace(tzinfo=None)
            found.oldest = min(found.oldest or received, received)
            found.newest = max(found.newest or received, received)

    def _stranger(self, header: HeaderRecord) -> None:
        """By the other side's domain: the sender's, or the receivers' of our own."""
        senders = {one.email for one in header.addresses.get("from", ())}
        others = senders
        if senders & self.own:
            others = {one.email for one in header.addresses.get("to", ())}
        for domain in {email.rpartition("@")[2] for email in others - self.own}:
            if domain:
                self.found.domains[domain] += 1

    def _known(self, folder, uidvalidity: int, uids) -> int:
        return self.env["mailbox.location"].search_count(
            [
                ("folder_id", "=", folder.id),
                ("uidvalidity", "=", uidvalidity),
                ("uid", "in", list(uids)),
            ]
        )
