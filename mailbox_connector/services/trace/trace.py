"""Why is this e-mail here, or why not? Asked of our records and of the server.

Whoever may read a mailbox may ask about it. Only its owner and members are told what
stands in mail that is not in Odoo, and may look for it by anything but its Message-ID.
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
from ...error_messages import explain
from ...services.accounts.endpoints import egress_policy, endpoint
from .missing import Absent
from .present import here
from .server import Place, Question, Search

#: E-mails that are told about.
MOST = 10
#: Seconds after which no further folder is looked into, and when it is given up.
SECONDS, SECONDS_HARD = 15, 20
#: Shortest word that is looked for: what is shorter stands in every e-mail.
SHORTEST = 2
_ID = re.compile(r"<([^<>\s]+)>")


@dataclass
class Finding:
    """What is known about one e-mail.

    :param lines: readable sentences
    :param links: pairs (label, URL)
    """

    title: str
    here: bool
    lines: list[str]
    links: list[tuple[str, str]] = field(default_factory=list)


def question(env, message_id="", sender="", recipient="", subject="", day=None):
    """What a person has typed as a :class:`Question`.

    :raise UserError: nothing that could be looked for
    """
    typed = [one_line(one or "") for one in (sender, recipient, subject)]
    pasted = (message_id or "").strip()
    if pasted:
        return Question(_message_id(env, pasted))
    if not any(typed) and not day:
        raise UserError(
            env._("Paste a Message-ID, or type a sender, recipient, subject or day.")
        )
    for word in filter(None, typed):
        if len(word.strip("*%? ")) < SHORTEST:
            raise UserError(
                env._("“%s” is too little to look for. Type some more of it.", word)
            )
    return Question("", *typed, day or None)


def _message_id(env, pasted: str) -> str:
    """Whatever was copied along with it: the field's name, white space, brackets."""
    found = _ID.search(pasted)
    bare = found[1] if found else re.sub(r"(?i)^message-id:\s*", "", pasted)
    if not re.fullmatch(r"[^\s<>*%]+@?[^\s<>]*", bare) or len(bare) > MAX_ID - 2:
        raise UserError(
            env._(
                "“%s” is not a Message-ID. It looks like <abc123@example.com>; mail "
                "programs show it under “Show original” or “View source”.",
                one_line(pasted, 80),
            )
        )
    return f"<{bare}>"


class Why:
    """Answers one question.

    :param env: the asker's
    :param accounts: ``mailbox.account`` that the asker may read; empty: ask the
        records alone
    """

    def __init__(self, env, asked: Question, accounts):
        self.env = env
        self.asked = asked
        self.accounts = accounts
        #: What is to be said besides.
        self.notes: list[str] = []
        #: Messages that were skipped and would come in now: folder id, UID.
        self.late: list[tuple[int, int]] = []

    def answer(self) -> list[Finding]:
        """What is here first, then what is on the servers only; newest first."""
        messages = self._recorded()
        limit, patience = Deadline(SECONDS), Deadline(SECONDS_HARD)
        absent: list[Finding] = []
        for account in self.accounts:
            found, more = self._on_server(account, messages, limit, patience)
            messages |= found
            absent += more
        findings = [self._here(message) for message in messages[:MOST]]
        if len(messages) + len(absent) > MOST:
            self.notes.append(
                self.env._("There are more. Say more exactly which e-mail you mean.")
            )
        return (findings + absent)[:MOST]

    def of(self, messages) -> list[Finding]:
        """About e-mails that are here, and open on the screen."""
        findings = [self._here(message) for message in messages]
        for finding in findings:
            del finding.links[0]
        return findings

    # ------------------------------------------------------------------
    # Our records
    # ------------------------------------------------------------------

    def _recorded(self):
        """E-mails that the asker may read."""
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
                datetime.combine(day, time(), self._zone)
                .astimezone(timezone.utc)
                .replace(tzinfo=None)
                for day in (asked.day, asked.day + timedelta(days=1))
            )
            domain &= Domain("date", ">=", start) & Domain("date", "<", end)
        return domain

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.env.tz.zone if self.env.tz else "UTC")

    def _here(self, message) -> Finding:
        title = self._title(message.subject, message.email_from, message.date)
        lines, links = here(message)
        return Finding(title, True, lines, links)

    def _title(self, subject, sender, moment) -> str:
        return self.env._(
            "“%(subject)s” from %(sender)s, %(day)s",
            subject=subject or self.env._("No subject"),
            sender=sender or self.env._("nobody"),
            day=format_datetime(self.env, moment, dt_format="short")
            if moment
            else self.env._("without a date"),
        )

    # ------------------------------------------------------------------
    # The server
    # ------------------------------------------------------------------

    def _on_server(self, account, known, limit: Deadline, patience: Deadline):
        """
        :return: ``mailbox.message`` found by their places, and findings on the rest
        """
        messages, absent = self.env["mailbox.message"], []
        own = account.sudo()
        private = self.env.user not in own.owner_id | own.member_ids
        if private and not self.asked.message_id and not self.env.su:
            self.notes.append(
                self.env._(
                    "%s: only its owner and members may look for mail on its server. "
                    "By Message-ID you may ask too.",
                    account.email,
                )
            )
            return messages, absent
        if not limit.left():
            self._no_time(account, [])
            return messages, absent
        search: Search | None = None
        told: dict[str, Finding | None] = {}
        absence = Absent(self.env, own, private)
        try:
            policy = egress_policy(own.env)
            with ImapSession(endpoint(own, "imap"), policy, patience) as session:
                search = Search(session, own, self.asked, self._zone)
                for place in search.places(limit):
                    message = _located(own, place)
                    name = place.header.message_id or f"{place.name} {len(told)}"
                    if message:
                        told[name] = None
                        messages |= self._readable(account, message, absent)
                    elif name not in told and not _is_among(known | messages, name):
                        reasons = absence.reasons(place, session)
                        told[name] = self._absent(place, account, private, *reasons)
                        if absence.is_late:
                            self.late.append((place.folder.id, place.header.uid))
                    else:
                        told.setdefault(name, None)
                    if len(told) > MOST:
                        break
        except UserError as error:
            self.notes.append(f"{account.email}: {error}")
        except EngineError as error:
            if error.kind is not Kind.DEADLINE:
                reason = explain(self.env, error, own.provider_id)
                self.notes.append(f"{account.email}: {reason}")
            else:
                self._no_time(account, search.looked if search else [])
        else:
            if not search.complete:
                self._no_time(account, search.looked)
            elif not told and not known:
                self._not_found(account, search.looked)
        return messages, absent + [one for one in told.values() if one]

    def _readable(self, account, message, absent: list[Finding]):
        """``message`` where the asker may read it; else that much is said."""
        mine = self.env["mailbox.message"].search([("id", "=", message.id)])
        if not mine:
            line = self.env._(
                "It is here, but only the owner and members of %s may read it.",
                account.email,
            )
            absent.append(Finding(self.asked.message_id, True, [line]))
        return mine

    def _absent(self, place: Place, account, private, lines, links) -> Finding:
        header = place.header
        if private:
            title = self.asked.message_id
        else:
            received = header.internal_date
            title = self._title(
                place.value("subject"),
                ", ".join(map(str, header.addresses["from"][:1])),
                received and received.replace(tzinfo=None),
            )
        stands = self.env._(
            "On the server it stands in %(folder)s of %(mailbox)s.",
            folder=place.name,
            mailbox=account.email,
        )
        return Finding(title, False, [stands, *lines], links)

    def _no_time(self, account, looked: list[str]) -> None:
        self.notes.append(
            self.env._(
                "%(mailbox)s: there was not enough time. Looked into: %(folders)s. "
                "Choose this mailbox alone and say more exactly what you look for.",
                mailbox=account.email,
                folders=_some(looked) or self.env._("nothing"),
            )
        )

    def _not_found(self, account, looked: list[str]) -> None:
        self.notes.append(
            self.env._(
                "%(mailbox)s: no such e-mail on its server (%(folders)s). It may have "
                "been deleted there, or never have arrived. If it went to a mailbox "
                "of somebody else, they have to ask.",
                mailbox=account.email,
                folders=_some(looked),
            )
        )


def _located(account, place: Place):
    """The ``mailbox.message`` that is known to stand there."""
    locations = account.env["mailbox.location"].search(
        [
            ("folder_id", "=", place.folder.id),
            ("uidvalidity", "=", place.uidvalidity),
            ("uid", "=", place.header.uid),
        ]
    )
    return locations.message_id


def _is_among(messages, name: str) -> bool:
    digest = message_id_hash(name)
    return any(
        digest in (one.message_id_hash, one.provider_hash) for one in messages.sudo()
    )


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
