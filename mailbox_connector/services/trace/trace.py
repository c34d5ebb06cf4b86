"""The trace of an e-mail: why it is in Odoo, or why it is missing.

A user asks with a Message-ID, or with what they remember about the e-mail::

    asked = question(env, sender="nora@example.com", day=date(2024, 5, 3))
    trace = Trace(env, asked, accounts)
    for finding in trace.answer():
        finding.title, finding.here, finding.lines

The answer is combined from two sources:

1. **Our records**: e-mails in Odoo that the user may read. :mod:`.present` says on
   which contacts they are shown and why, where they are on the server, when they were
   imported, and who may read them.
2. **The mail servers** of the given mailboxes, within :data:`SECONDS`. :mod:`.server`
   finds the messages; :mod:`.missing` explains those that are not in Odoo, by the
   reason that the sync recorded when it skipped the message.

Rights: everyone who may read a mailbox may ask about it. Only its owner and members see
the content of messages that are not in Odoo, and may search for these by more than the
Message-ID.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from functools import cached_property
from zoneinfo import ZoneInfo

from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import escape_psql
from odoo.tools.misc import format_datetime

from ...engine.errors import EngineError, Kind, one_line
from ...engine.imap.session import ImapSession
from ...engine.mime.ids import MAX_ID, message_id_hash
from ...engine.net.deadline import Deadline
from ...error_messages import explain, with_side
from ..accounts.endpoints import egress_policy, endpoint
from .missing import MissingMessages
from .present import describe
from .server import Question, Search, ServerMessage

#: How many e-mails an answer contains at most.
MOST = 10
#: Seconds after which no further folder is searched, and when the search is given up.
SECONDS, SECONDS_HARD = 15, 20
#: The shortest word to search for: a shorter one is in nearly every e-mail.
SHORTEST = 2
_ID = re.compile(r"<([^<>\s]+)>")


@dataclass
class Finding:
    """What is known about one e-mail.

    :param here: whether it is in Odoo
    :param lines: sentences
    :param links: pairs (label, URL)
    """

    title: str
    here: bool
    lines: list[str]
    links: list[tuple[str, str]] = field(default_factory=list)


def question(env, message_id="", sender="", recipient="", subject="", day=None):
    """The user's input as a :class:`Question`.

    :raise UserError: there is nothing to search for
    """
    typed = [one_line(one or "") for one in (sender, recipient, subject)]
    pasted = (message_id or "").strip()
    if pasted:
        return Question(_message_id(env, pasted))
    if not any(typed) and not day:
        raise UserError(
            env._("Enter a sender, recipient, subject or day, or paste a Message-ID.")
        )
    for word in filter(None, typed):
        if len(word.strip("*%? ")) < SHORTEST:
            raise UserError(
                env._("“%s” is too short to search for. Enter more of it.", word)
            )
    return Question("", *typed, day or None)


def _message_id(env, pasted: str) -> str:
    """The Message-ID in pasted text, which may include the name of the header field,
    white space or brackets."""
    found = _ID.search(pasted)
    bare = found[1] if found else re.sub(r"(?i)^message-id:\s*", "", pasted)
    if not re.fullmatch(r"[^\s<>*%]+@?[^\s<>]*", bare) or len(bare) > MAX_ID - 2:
        raise UserError(
            env._(
                "“%s” is not a Message-ID. A Message-ID looks like "
                "<abc123@example.com>; mail apps show it under “Show original” or "
                "“View source”.",
                one_line(pasted, 80),
            )
        )
    return f"<{bare}>"


class Trace:
    """Answers one question.

    :param env: the user's
    :param accounts: ``mailbox.account`` that the user may read; empty: only search our
        records
    """

    def __init__(self, env, asked: Question, accounts):
        self.env = env
        self.asked = asked
        self.accounts = accounts
        #: Sentences besides the findings.
        self.notes: list[str] = []
        #: Skipped messages that would be imported now: folder id, UID.
        self.importable: list[tuple[int, int]] = []

    def answer(self) -> list[Finding]:
        """First e-mails in Odoo, then those only on the servers; newest first."""
        messages = self._recorded()
        limit, patience = Deadline(SECONDS), Deadline(SECONDS_HARD)
        missing: list[Finding] = []
        for account in self.accounts:
            mailbox = _MailboxTrace(self, account, messages)
            mailbox.run(limit, patience)
            messages |= mailbox.messages
            missing += mailbox.missing
        findings = [self._here(message) for message in messages[:MOST]]
        if len(messages) + len(missing) > MOST:
            self.notes.append(
                self.env._(
                    "There are more e-mails. Enter more details to narrow it down."
                )
            )
        return (findings + missing)[:MOST]

    def of(self, messages) -> list[Finding]:
        """Answer for e-mails that are in Odoo and open on the screen."""
        findings = [self._here(message) for message in messages]
        for finding in findings:
            del finding.links[0]
        return findings

    # ------------------------------------------------------------------
    # Our records
    # ------------------------------------------------------------------

    def _recorded(self):
        """E-mails that the user may read."""
        return self.env["mailbox.message"].search(self._domain(), limit=MOST + 1)

    def _domain(self) -> Domain:
        asked = self.asked
        if asked.message_id:
            digest = message_id_hash(asked.message_id)
            return Domain("message_id_hash", "=", digest) | Domain(
                "provider_hash", "=", digest
            )
        domain = Domain.TRUE
        if len(self.accounts) == 1:
            domain &= Domain(self.accounts.message_domain())

        def like(value, *names):
            pattern = escape_psql(value)
            return Domain.OR([(name, "ilike", pattern)] for name in names)

        if asked.sender:
            domain &= like(asked.sender, "email_from", "email_reply_to")
        if asked.recipient:
            domain &= like(asked.recipient, "email_to", "email_cc")
        if asked.subject:
            domain &= like(asked.subject, "subject")
        if asked.day:
            start, end = (
                datetime.combine(day, time(), self.zone)
                .astimezone(timezone.utc)
                .replace(tzinfo=None)
                for day in (asked.day, asked.day + timedelta(days=1))
            )
            domain &= Domain("date", ">=", start) & Domain("date", "<", end)
        return domain

    @cached_property
    def zone(self) -> ZoneInfo:
        """The user's time zone."""
        return ZoneInfo(self.env.tz.zone if self.env.tz else "UTC")

    def _here(self, message) -> Finding:
        title = self.title(message.subject, message.email_from, message.date)
        lines, links = describe(message)
        return Finding(title, True, lines, links)

    def title(self, subject, sender, moment) -> str:
        """The title of an e-mail in an answer.

        :param moment: naive UTC, or None
        """
        return self.env._(
            "“%(subject)s” from %(sender)s, %(day)s",
            subject=subject or self.env._("No subject"),
            sender=sender or self.env._("nobody"),
            day=format_datetime(self.env, moment, dt_format="short")
            if moment
            else self.env._("without a date"),
        )


class _MailboxTrace:
    """Adds to an answer what one mailbox's server knows.

    :param trace: notes and importable messages are added to it
    :param account: ``mailbox.account`` that the user may read
    :param known: ``mailbox.message`` that are already in the answer
    """

    def __init__(self, trace: Trace, account, known):
        self.trace = trace
        self.env = trace.env
        self.asked = trace.asked
        self.account = account.sudo()
        self.known = known
        members = self.account.owner_id | self.account.member_ids
        self.is_private = self.env.user not in members
        self.explainer = MissingMessages(self.env, self.account, self.is_private)
        #: ``mailbox.message`` found by their locations.
        self.messages = self.env["mailbox.message"]
        #: By Message-ID of messages on the server: the finding about a missing one;
        #: None if it is in Odoo.
        self._found: dict[str, Finding | None] = {}
        self._unreadable: list[Finding] = []
        self._searched: list[str] = []

    @property
    def missing(self) -> list[Finding]:
        """Findings about e-mails that the user does not see in Odoo."""
        return [*self._unreadable, *filter(None, self._found.values())]

    def run(self, limit: Deadline, patience: Deadline) -> None:
        """Search the server.

        :param limit: when to search no further folder
        :param patience: when to give up
        """
        email = self.account.email
        if self.is_private and not self.asked.message_id and not self.env.su:
            self.trace.notes.append(
                self.env._(
                    "%s: only its owner and members may search its server. You can "
                    "still search by Message-ID.",
                    email,
                )
            )
            return
        if not limit.left():
            self._note_no_time()
            return
        try:
            is_complete = self._search(limit, patience)
        except UserError as error:
            self.trace.notes.append(f"{email}: {error}")
        except EngineError as error:
            if error.kind is Kind.DEADLINE:
                self._note_no_time()
            else:
                reason = explain(self.env, error, self.account.provider_id)
                reason = with_side(self.env, error.side, reason)
                self.trace.notes.append(f"{email}: {reason}")
        else:
            if not is_complete:
                self._note_no_time()
            elif not self._found and not self.known:
                self._note_not_found()

    def _search(self, limit: Deadline, patience: Deadline) -> bool:
        """
        :return: whether all folders were searched
        """
        target = endpoint(self.account, "imap"), egress_policy(self.account.env)
        with ImapSession(*target, patience) as session:
            search = Search(session, self.account, self.asked, self.trace.zone)
            self._searched = search.searched
            for message in search.messages(limit):
                self._add(message, session)
                if len(self._found) > MOST:
                    break
        return search.complete

    def _add(self, message: ServerMessage, session: ImapSession) -> None:
        """Add a message on the server; each only once, even if it is in several
        folders."""
        name = message.header.message_id or f"{message.folder_name} {len(self._found)}"
        if record := _located(self.account, message):
            self._found[name] = None
            self._add_record(record)
        elif name not in self._found:
            is_here = _has_message_id(self.known | self.messages, name)
            self._found[name] = None if is_here else self._explain(message, session)

    def _add_record(self, record) -> None:
        """Add an e-mail in Odoo, or a note that the user may not read it."""
        readable = self.env["mailbox.message"].search([("id", "=", record.id)])
        self.messages |= readable
        if not readable:
            line = self.env._(
                "It is in Odoo, but only the owner and members of %s can read it.",
                self.account.email,
            )
            self._unreadable.append(Finding(self.asked.message_id, True, [line]))

    def _explain(self, message: ServerMessage, session: ImapSession) -> Finding:
        found = self.explainer.explain(message, session)
        if found.importable:
            self.trace.importable.append((message.folder.id, message.header.uid))
        location = self.env._(
            "On the server it is in %(folder)s of %(mailbox)s.",
            folder=message.folder_name,
            mailbox=self.account.email,
        )
        title = self.asked.message_id if self.is_private else self._title(message)
        return Finding(title, False, [location, *found.lines], found.links)

    def _title(self, message: ServerMessage) -> str:
        header = message.header
        received = header.internal_date
        return self.trace.title(
            message.value("subject"),
            ", ".join(map(str, header.addresses["from"][:1])),
            received and received.replace(tzinfo=None),
        )

    def _note_no_time(self) -> None:
        self.trace.notes.append(
            self.env._(
                "%(mailbox)s: there was not enough time. Folders searched: "
                "%(folders)s. Choose this mailbox alone, and enter more details.",
                mailbox=self.account.email,
                folders=_some(self._searched) or self.env._("none"),
            )
        )

    def _note_not_found(self) -> None:
        self.trace.notes.append(
            self.env._(
                "%(mailbox)s: no such e-mail on its server (%(folders)s). It may have "
                "been deleted there, or never have arrived. If it went to somebody "
                "else's mailbox, they have to search for it.",
                mailbox=self.account.email,
                folders=_some(self._searched),
            )
        )


def _located(account, message: ServerMessage):
    """The ``mailbox.message`` that is known to be at that location."""
    locations = account.env["mailbox.location"].search(
        [
            ("folder_id", "=", message.folder.id),
            ("uidvalidity", "=", message.uidvalidity),
            ("uid", "=", message.header.uid),
        ]
    )
    return locations.message_id


def _has_message_id(records, name: str) -> bool:
    """Whether one of some ``mailbox.message`` has that Message-ID."""
    digest = message_id_hash(name)
    return any(
        digest in (one.message_id_hash, one.provider_hash) for one in records.sudo()
    )


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
