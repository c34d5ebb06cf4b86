"""Previews an import, from headers only; nothing is stored.

It checks the same folders as the import and matches in the same way, newest first: the
result is right as far back as the time allowed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime

from markupsafe import Markup

from odoo.exceptions import UserError
from odoo.tools import format_date

from ...engine.errors import EngineError
from ...engine.imap.session import ImapSession
from ...engine.mime.mass_mail import FIELDS
from ...engine.net.deadline import Deadline
from ...engine.sync.suspects import BREAKS, Reconnects
from ...engine.types import HeaderRecord
from ...error_messages import explain
from ...formatting import format_size
from ..accounts.endpoints import egress_policy, endpoint
from ..incoming.matcher import Matcher
from ..incoming.newsletters import Newsletters

#: Seconds that a person waits at most.
SECONDS = 20
#: Headers fetched at once.
BATCH = 500
#: Lines of each list that is shown.
SHOWN = 8
#: Cautious estimates of what an import does in a second, used until an earlier import
#: of the mailbox shows it: messages of contacts, their bytes, and headers.
MESSAGES_A_SECOND, BYTES_A_SECOND, HEADERS_A_SECOND = 50, 1_000_000, 1_000


@dataclass
class Preview:
    """Counts of the e-mails in a window.

    ``seen``: new ones that were checked; ``left``: those there was no time for;
    ``here``: imported before. ``matched``: of contacts; ``newsletters``: newsletters
    and mail of lists, which are skipped. ``contacts``: e-mails by contact id;
    ``ambiguous``: contact ids by address, where there are several; ``domains``: e-mails
    of strangers by their domain. ``size``: bytes of those matched. ``oldest``,
    ``newest``: naive UTC, of those with contacts. ``rate``: e-mails a second that
    earlier imports checked; 0: not known.
    """

    seen: int = 0
    left: int = 0
    here: int = 0
    matched: int = 0
    newsletters: int = 0
    size: int = 0
    contacts: Counter = field(default_factory=Counter)
    ambiguous: dict[str, set[int]] = field(default_factory=dict)
    domains: Counter = field(default_factory=Counter)
    oldest: datetime | None = None
    newest: datetime | None = None
    rate: float = 0.0

    @property
    def strangers(self) -> int:
        """E-mails without a contact."""
        return self.seen - self.matched - self.newsletters

    @property
    def expected_size(self) -> int:
        """Bytes that the import will fetch, roughly."""
        return round(self.size * self._whole)

    @property
    def seconds(self) -> int:
        """How long the import will take, roughly."""
        if self.rate:
            return round((self.seen + self.left) / self.rate)
        once = (
            self.matched / MESSAGES_A_SECOND
            + self.size / BYTES_A_SECOND
            + self.seen / HEADERS_A_SECOND
        )
        return round(once * self._whole)

    @property
    def _whole(self) -> float:
        """The ratio of all e-mails to those that were checked."""
        return (self.seen + self.left) / self.seen if self.seen else 1.0


def preview_for(env, account, folders, since: date) -> Preview:
    """Preview an import for a user.

    :param env: the user's, for the language of the error
    :param account: ``mailbox.account`` that they may change
    :param folders: ``mailbox.folder`` records to look through
    :raise UserError: the server cannot be read
    """
    # sudo: users have no right to read credentials; the preview needs them
    account, folders = account.sudo(), folders.sudo()
    try:
        return scan(account, folders, since)
    except EngineError as error:
        raise UserError(explain(env, error, account.provider_id)) from error


def scan(account, folders, since: date, seconds: float = SECONDS) -> Preview:
    """Look through ``folders`` back to ``since``.

    :param account: ``mailbox.account`` in a superuser environment
    :raise EngineError: the server cannot be read
    """
    found = Preview(rate=account.env["mailbox.backfill"].rate(account) or 0.0)
    limit = Deadline(seconds)
    scanner = _Scanner(account, found)
    # Ten seconds more to finish a batch.
    policy, patience = egress_policy(account.env), Deadline(seconds + 10)
    with ImapSession(endpoint(account, "imap"), policy, patience) as session:
        reconnects = Reconnects(session)
        for folder in folders:
            opened = session.examine(folder.raw_name)
            uids = scanner.new(folder, opened.uidvalidity, session.search_since(since))
            for start in range(0, len(uids), BATCH):
                if not limit.left():
                    found.left += len(uids) - start
                    break
                batch = uids[start : start + BATCH]
                headers = _headers(session, folder, batch, reconnects)
                found.left += len(batch) - len(headers)
                scanner.count(headers, session)
    return found


def _headers(session, folder, uids, reconnects: Reconnects) -> list[HeaderRecord]:
    """What comes of a batch: where the server breaks off at a message, those after it
    are not checked."""
    headers: list[HeaderRecord] = []
    try:
        headers.extend(session.fetch_headers(uids))
    except EngineError as error:
        if error.kind not in BREAKS:
            raise
        reconnects.go_on(error)
        session.examine(folder.raw_name)
    return headers


class _Scanner:
    """Counts headers; each e-mail once, even if it is in several folders."""

    def __init__(self, account, found: Preview):
        self.env = account.env
        self.found = found
        self.own = account.addresses()
        self.matcher = Matcher(account.env, account)
        self.newsletters = Newsletters(account, self.matcher.colleagues)
        self.skip_newsletters = account.skip_newsletters
        self.names: set[str] = set()

    def new(self, folder, uidvalidity: int, uids: list[int]) -> list[int]:
        """Those that an import would check, newest first."""
        if folder.uidvalidity != uidvalidity:
            return sorted(uids, reverse=True)
        handled = folder.handled(without_undone=True)
        imported = folder.imported()
        self.found.here += sum(uid in imported for uid in uids)
        return sorted((uid for uid in uids if uid not in handled), reverse=True)

    def count(self, headers: list[HeaderRecord], session: ImapSession) -> None:
        fresh = []
        for header in headers:
            if header.message_id and header.message_id in self.names:
                continue
            self.names.add(header.message_id)
            fresh.append(header)
        matches = self.matcher.match(fresh)
        newsletters = self._newsletters_among(matches, session)
        self.found.seen += len(fresh)
        self.found.newsletters += len(newsletters)
        for header in fresh:
            if header.uid in newsletters:
                continue
            if header.uid in matches:
                self._matched(header, matches[header.uid])
            else:
                self._stranger(header)

    def _newsletters_among(self, uids, session: ImapSession) -> set[int]:
        """Those of contacts that would be skipped as newsletters."""
        if not (uids and self.skip_newsletters):
            return set()
        found = session.fetch_fields(uids, FIELDS)
        return {uid for uid, header in found.items() if self.newsletters.kind(header)}

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
        """Count the domain of the sender, or of the recipients of our own e-mails."""
        senders = {one.email for one in header.addresses.get("from", ())}
        others = senders
        if senders & self.own:
            others = {one.email for one in header.addresses.get("to", ())}
        for domain in {email.rpartition("@")[2] for email in others - self.own}:
            if domain:
                self.found.domains[domain] += 1


def render(env, found: Preview) -> Markup:
    """A preview as HTML; it names no contact that the user may not read.

    :param env: theirs
    """

    def name(partner_ids):
        contacts = env["res.partner"].browse(partner_ids)
        contacts = contacts.exists()._filtered_access("read")
        return ", ".join(contacts.mapped("display_name"))

    def day(moment):
        return moment and format_date(env, moment)

    most = found.contacts.most_common(SHOWN)
    contacts = [(name([one]), count) for one, count in most]
    return env["ir.qweb"]._render(
        "mailbox_connector.preview",
        {
            "preview": found,
            "size": format_size(found.expected_size),
            "minutes": round(found.seconds / 60),
            "oldest": day(found.oldest),
            "newest": day(found.newest),
            "contacts": [one for one in contacts if one[0]],
            "more_contacts": max(0, len(found.contacts) - SHOWN),
            "ambiguous": [
                (email, name(sorted(partners)))
                for email, partners in sorted(found.ambiguous.items())[:SHOWN]
            ],
            "domains": found.domains.most_common(SHOWN),
        },
    )
