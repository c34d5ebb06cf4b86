"""Why a message on the server is not in Odoo, in sentences.

The reason is read from what the sync has stored: the state of the folder, the failed
imports, and the :class:`~...engine.sync.state.SkipReason` recorded for the UID when it
was skipped. What may have changed since is added: which contact is archived, or that a
contact has the address by now. Only for a message that has not been looked at yet does
this module foretell whether it will be skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from odoo.fields import Domain
from odoo.tools.misc import format_date, format_datetime

from ...engine.errors import MessageError
from ...engine.imap.messages import MAX_MESSAGE
from ...engine.mime.addresses import spellings
from ...engine.mime.parse import parse_message
from ...engine.sync.state import SkipReason
from ...engine.types import Role
from ..incoming.matcher import Matcher
from ..incoming.message_values import message_key
from ..incoming.newsletters import Newsletters

if TYPE_CHECKING:
    from .server import ServerMessage

#: Addresses that are named one by one.
MOST = 10
#: Bytes of a message that is fetched to see whether it was deleted here.
MAX_COMPARED = 10_000_000


@dataclass
class Explanation:
    """Why a message is missing.

    :param lines: sentences
    :param links: pairs (label, URL)
    :param importable: it was skipped, and would be imported if it were looked at again
    """

    lines: list[str]
    links: list[tuple[str, str]] = field(default_factory=list)
    importable: bool = False


class MissingMessages:
    """Explains why messages of one mailbox are missing.

    :param env: the asker's: the sentences are in their language, and name the contacts
        that they may see
    :param account: ``mailbox.account`` in a superuser environment
    :param private: reveal nothing of what is in the messages
    """

    def __init__(self, env, account, private: bool = False):
        self.env = env
        self.account = account
        self.private = private
        self.matcher = Matcher(account.env, account)
        self.newsletters = Newsletters(account, self.matcher.colleagues)

    def explain(self, message: ServerMessage, session) -> Explanation:
        """
        :param session: an open :class:`ImapSession` with the message's folder open
        """
        for reason in (
            self._not_read,
            self._renumbered,
            self._failed,
            self._undone,
            self._not_handled,
            self._skipped,
        ):
            if found := reason(message):
                return found
        return self._removed(message, session)

    # ------------------------------------------------------------------
    # By the folder and what is stored of it
    # ------------------------------------------------------------------

    def _not_read(self, message: ServerMessage) -> Explanation | None:
        """Why it is not looked at, whatever is in it."""
        folder, header = message.folder, message.header
        lines = []
        if "\\draft" in header.flags | header.labels or folder.role == Role.DRAFTS:
            lines = [self.env._("It is a draft that has not been sent yet.")]
        elif self.account.state != "connected":
            lines = [
                self.env._(
                    "The mailbox is not connected yet. Press Connect IMAP on it, then "
                    "Import."
                )
            ]
        elif not folder:
            lines = [
                self.env._("The folder is new. The next sync imports its e-mails.")
            ]
        elif not folder.sync:
            lines = self._folder_is_off(message)
        elif not self.account.active:
            lines = [self.env._("The mailbox is archived and no longer synced.")]
        elif not folder.uidvalidity:
            lines = [
                self.env._("The folder has not been synced yet. The next sync does it.")
            ]
        return Explanation(lines) if lines else None

    def _folder_is_off(self, message: ServerMessage) -> list[str]:
        lines = [
            self.env._(
                "The folder %s is not imported. To import its e-mails, turn it on "
                "under Folders on the mailbox.",
                message.folder_name,
            )
        ]
        if message.folder.role == Role.JUNK:
            lines.append(
                self.env._("If it is not spam, move it to the inbox in your mail app.")
            )
        return lines

    def _renumbered(self, message: ServerMessage) -> Explanation | None:
        folder, uid = message.folder, message.header.uid
        if folder.uidvalidity == message.uidvalidity and uid >= folder.rebind_below:
            return None
        line = self.env._(
            "The server has renumbered the e-mails in this folder. Odoo is comparing "
            "them with those it has; look again in a few minutes."
        )
        return Explanation([line])

    def _failed(self, message: ServerMessage) -> Explanation | None:
        key = message.folder, message.uidvalidity, message.header.uid
        failed = self.account.failed_import_ids.filtered(
            lambda row: (row.folder_id, row.uidvalidity, row.uid) == key
        )
        if not failed:
            return None
        lines = [self.env._("The import failed: %s", failed.reason)]
        if failed.retry_at:
            moment = format_datetime(self.env, failed.retry_at, dt_format="short")
            lines.append(self.env._("Odoo will retry automatically on %s.", moment))
        else:
            lines.append(self.env._("Odoo keeps the e-mail, and you can try again."))
        label = self.env._("Open the failed import")
        return Explanation(lines, [(label, f"/odoo/mailbox.failed.import/{failed.id}")])

    def _undone(self, message: ServerMessage) -> Explanation | None:
        folder, uid = message.folder, message.header.uid
        if uid not in folder.handled() or uid in folder.handled(without_undone=True):
            return None
        line = self.env._(
            "It was imported, and then the import was undone. Press Import older "
            "e-mails on the mailbox to import it again."
        )
        return Explanation([line])

    def _not_handled(self, message: ServerMessage) -> Explanation | None:
        """When it will be looked at, and whether it will be skipped then."""
        if message.header.uid in message.folder.handled():
            return None
        return Explanation([self._when(message), *self._forecast(message)])

    def _when(self, message: ServerMessage) -> str:
        """When a message that has not been looked at will be."""
        folder, account = message.folder, self.account
        if message.header.uid >= folder.next_uid:
            if account.imap_problem:
                return self.env._(
                    "It is new. Odoo imports it when the mailbox can be synced again: "
                    "%s",
                    account.imap_problem,
                )
            return self.env._("It is new. Press Sync now to import it.")
        received = message.header.internal_date
        day = received and received.date()
        if self._is_in_backfill("running", day):
            return self.env._(
                "The import of older e-mails is running and has not reached it yet."
            )
        if self._is_in_backfill("paused", day):
            return self.env._("It belongs to an import that is paused.")
        if folder.handled_since and day and day >= folder.handled_since:
            return self.env._(
                "Odoo has missed it so far. The daily comparison will import it."
            )
        return self._too_old(folder, day)

    def _is_in_backfill(self, state: str, day) -> bool:
        """Whether an import in that state goes back to a day; None: to any."""
        since = self.account.backfill_ids.filtered(
            lambda backfill: backfill.state == state
        ).mapped("since")
        return bool(since) and (not day or day >= min(since))

    def _too_old(self, folder, day) -> str:
        shown = format_date(self.env, day) if day else self.env._("an unknown date")
        if folder.handled_since:
            return self.env._(
                "It is from %(day)s, but e-mails were only imported back to %(since)s. "
                "Press Import older e-mails on the mailbox.",
                day=shown,
                since=format_date(self.env, folder.handled_since),
            )
        return self.env._(
            "It is from %(day)s, before the mailbox was connected, and no older "
            "e-mails of this folder were imported. Press Import older e-mails on the "
            "mailbox.",
            day=shown,
        )

    # ------------------------------------------------------------------
    # By the reason recorded when it was skipped
    # ------------------------------------------------------------------

    def _skipped(self, message: ServerMessage) -> Explanation | None:
        """Why it was skipped, and what has changed since."""
        reason = message.folder.skip_reason(message.header.uid)
        if reason is None:
            return None
        if reason is SkipReason.NEWSLETTER:
            return Explanation([self._newsletter()])
        if reason is SkipReason.DELETED:
            return Explanation([self._deleted()])
        if self._has_contact(message):
            if self._is_newsletter(message):
                return Explanation([self._newsletter()])
            line = self.env._(
                "When it was checked, none of its addresses was on a contact. Now one "
                "is: press Import it."
            )
            return Explanation([line], importable=True)
        lines = self._no_contact(message)
        if reason is SkipReason.PROCESSED:
            lines.append(
                self.env._(
                    "It was only processed as a delivery report, or as a reply to a "
                    "document in Odoo."
                )
            )
        return Explanation(lines)

    def _removed(self, message: ServerMessage, session) -> Explanation:
        """It was imported, and is not here any more."""
        if self._is_deleted(message, session):
            return Explanation([self._deleted()])
        line = self.env._("It was imported and has been removed from Odoo since.")
        if not self._has_contact(message):
            return Explanation([line, *self._no_contact(message)])
        again = self.env._("Press Import it to import it again.")
        return Explanation([line, again], importable=True)

    def _is_deleted(self, message: ServerMessage, session) -> bool:
        """Whether a tombstone says so; nothing else is kept of a deleted e-mail."""
        header = message.header
        if header.size > MAX_COMPARED:
            return False
        Tombstone = self.account.env["mailbox.tombstone"]
        for _uid, raw in session.fetch_messages([header.uid]):
            try:
                parsed = parse_message(raw, header.internal_date)
            except MessageError:
                return False
            return bool(Tombstone.known([Tombstone.digest_of(message_key(parsed))]))
        return False

    def _deleted(self) -> str:
        return self.env._("It was deleted in Odoo and will not be imported again.")

    def _newsletter(self) -> str:
        return self.env._(
            "It is a newsletter or from a mailing list, and this mailbox skips those. "
            "You can change that on the mailbox."
        )

    # ------------------------------------------------------------------
    # By its header, as it would be decided now
    # ------------------------------------------------------------------

    def _forecast(self, message: ServerMessage) -> list[str]:
        """Why it will be skipped or fail when it is looked at; else nothing."""
        if not self._has_contact(message):
            return self._no_contact(message)
        if message.header.size > MAX_MESSAGE:
            size = MAX_MESSAGE // 1_000_000
            return [self.env._("It is larger than %s MB, the limit for imports.", size)]
        return [self._newsletter()] if self._is_newsletter(message) else []

    def _has_contact(self, message: ServerMessage) -> bool:
        return bool(self.matcher.match([message.header]))

    def _is_newsletter(self, message: ServerMessage) -> bool:
        """Whether it would be skipped as one."""
        return bool(
            self.account.skip_newsletters and self.newsletters.kind(message.fields)
        )

    def _no_contact(self, message: ServerMessage) -> list[str]:
        """Why none of its addresses is a customer's."""
        if self.private:
            return [self.env._("None of its addresses is on an active contact.")]
        addresses = message.header.addresses
        if not any(addresses.values()):
            return [self.env._("It has no valid address.")]
        emails = {one.email for many in addresses.values() for one in many}
        if self.matcher.is_internal(addresses):
            return [
                self.env._(
                    "It has only addresses of your own and of colleagues (%s). E-mails "
                    "among yourselves are not imported.",
                    ", ".join(sorted(emails)[:MOST]),
                )
            ]
        others = sorted(emails - self.matcher.own - self.matcher.colleagues - {""})
        found = {email: self._inactive_contact(email) for email in others[:MOST]}
        unknown = [email for email, line in found.items() if not line]
        lines = [line for line in found.values() if line]
        if unknown:
            lines.append(
                self.env._(
                    "No contact has the address %s. Add it to a contact to import the "
                    "e-mails of that person.",
                    ", ".join(unknown),
                )
            )
        return lines

    def _inactive_contact(self, email: str) -> str:
        """Why the contact that has this address does not count, if one has it."""
        Partner = self.env["res.partner"].with_context(active_test=False)
        named = Domain("email_normalized", "in", list(spellings(email)))
        archived = Partner.search([*named, ("active", "=", False)], limit=1)
        if archived:
            return self.env._(
                "%(contact)s, who has the address %(email)s, is archived. Unarchive "
                "the contact to import its e-mails.",
                contact=archived.display_name,
                email=email,
            )
        company = self.account.company_id
        allowed = self.env.user.company_ids
        elsewhere = Partner.with_context(allowed_company_ids=allowed.ids).search(
            [*named, ("company_id", "not in", (False, company.id))], limit=1
        )
        if elsewhere:
            return self.env._(
                "%(contact)s, who has the address %(email)s, is a contact of "
                "%(company)s, but the mailbox belongs to %(own)s.",
                contact=elsewhere.display_name,
                email=email,
                company=elsewhere.company_id.display_name,
                own=company.display_name,
            )
        return ""
