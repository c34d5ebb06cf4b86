"""Why a message that stands on the server is not in Odoo, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odoo.fields import Domain
from odoo.tools.misc import format_date, format_datetime

from ...engine.errors import MessageError
from ...engine.imap.messages import MAX_MESSAGE
from ...engine.imap.ranges import UidRanges
from ...engine.mime.addresses import spellings
from ...engine.mime.parse import parse_message
from ...engine.types import Role
from ..incoming.matcher import Matcher
from ..incoming.message_values import message_key
from ..incoming.newsletters import Newsletters

if TYPE_CHECKING:
    from .server import Place

#: Addresses that are told one by one.
MOST = 10
#: Bytes of a message that is fetched to see whether it was deleted here.
MAX_COMPARED = 10_000_000


class Absent:
    """Finds the reason for messages of one mailbox.

    :param env: the asker's: the sentences are in their language, and name the
        contacts that they may see
    :param account: ``mailbox.account`` in a superuser environment
    :param private: tell nothing of what stands in the message
    """

    def __init__(self, env, account, private: bool = False):
        self.env = env
        self.account = account
        self.private = private
        self.matcher = Matcher(account.env, account)
        self.newsletters = Newsletters(account, self.matcher.colleagues)
        #: Whether the last one was skipped and would come in now.
        self.is_late = False

    def reasons(self, place: Place, session) -> tuple[list[str], list[tuple[str, str]]]:
        """
        :param session: an open :class:`ImapSession` with the place's folder open
        :return: sentences, and links (label, URL)
        """
        self.is_late = False
        folder, uid = place.folder, place.header.uid
        if found := self._never_read(place):
            return found, []
        if folder.uidvalidity != place.uidvalidity or uid < folder.rebind_below:
            return [
                self.env._(
                    "The server has numbered this folder anew. Its e-mails are being "
                    "compared with those that are here; look again in some minutes."
                )
            ], []
        failed_import = self.account.failed_import_ids.filtered(
            lambda row: (
                (row.folder_id, row.uidvalidity, row.uid)
                == (folder, place.uidvalidity, uid)
            )
        )
        if failed_import:
            return self._failed_import(failed_import)
        handled = UidRanges.parse(folder.imported_uids or "")
        handled |= UidRanges.parse(folder.skipped_uids or "")
        if uid in UidRanges.parse(folder.undone_uids or ""):
            return [
                self.env._(
                    "It was brought in by an import of history that was undone. Import "
                    "that history again to have it back."
                )
            ], []
        if uid not in handled:
            return [*self._to_come(place), *self._left_out(place)], []
        if reason := self._left_out(place):
            return reason, []
        if self._is_deleted(place, session):
            return [
                self.env._("It was deleted here before. No import brings it back.")
            ], []
        self.is_late = True
        return [
            self.env._(
                "When it was looked at, none of its addresses was on a contact. By now "
                "one is: press Bring it in."
            )
        ], []

    # ------------------------------------------------------------------

    def _never_read(self, place: Place) -> list[str]:
        """Why it is not looked at, whatever stands in it."""
        folder, header = place.folder, place.header
        flags = header.flags | header.labels
        if "\\draft" in flags or folder.role == Role.DRAFTS.value:
            return [self.env._("It is a draft: nobody has sent it yet.")]
        if self.account.state != "connected":
            return [
                self.env._(
                    "The mailbox is not connected yet: press Connect IMAP on it, then "
                    "Import."
                )
            ]
        if not folder:
            return [self.env._("The folder is new. The next sync reads it.")]
        if not folder.sync:
            lines = [
                self.env._(
                    "The folder %s is not read. If its mail belongs into Odoo, switch "
                    "it on under Folders of the mailbox.",
                    place.name,
                )
            ]
            if folder.role == Role.JUNK.value:
                lines.append(
                    self.env._(
                        "If it is no spam, move it to the inbox with your mail program."
                    )
                )
            return lines
        if not self.account.active:
            return [self.env._("The mailbox is archived: it is not read any more.")]
        if not folder.uidvalidity:
            return [self.env._("The folder has not been read yet. The next sync does.")]
        return []

    def _failed_import(self, failed_import):
        line = self.env._("It could not be read: %s", failed_import.reason)
        lines = [line, self.env._("It is kept, and can be tried again.")]
        link = (
            self.env._("Try it again"),
            f"/odoo/mailbox.failed.import/{failed_import.id}",
        )
        if failed_import.retry_at:
            lines[1] = self.env._(
                "It is tried again by itself on %s.",
                format_datetime(self.env, failed_import.retry_at, dt_format="short"),
            )
        return lines, [link]

    def _to_come(self, place: Place) -> list[str]:
        """It was not looked at yet: when it will be."""
        folder, account = place.folder, self.account
        if place.header.uid >= folder.next_uid:
            if account.imap_problem:
                return [
                    self.env._(
                        "It is new. It comes in when the mailbox can be read again: %s",
                        account.imap_problem,
                    )
                ]
            return [self.env._("It is new: the next sync brings it. Press Sync now.")]
        received = place.header.internal_date
        day = received and received.date()
        for state, line in (
            (
                "running",
                self.env._("History is being imported, and it has not had its turn."),
            ),
            (
                "paused",
                self.env._("It belongs to an import of history that is paused."),
            ),
        ):
            since = account.backfill_ids.filtered(
                lambda one, state=state: one.state == state
            ).mapped("since")
            if since and (not day or day >= min(since)):
                return [line]
        if folder.read_since and day and day >= folder.read_since:
            return [
                self.env._(
                    "It was passed over so far. All e-mails are compared once a day; "
                    "that brings it."
                )
            ]
        values = {"day": format_date(self.env, day) if day else self.env._("long ago")}
        if folder.read_since:
            return [
                self.env._(
                    "It is of %(day)s, and mail was imported back to %(since)s only. "
                    "Use Import more history.",
                    since=format_date(self.env, folder.read_since),
                    **values,
                )
            ]
        return [
            self.env._(
                "It is of %(day)s, older than the connection to Odoo, and no history "
                "of this folder was imported. Use Import more history.",
                **values,
            )
        ]

    # ------------------------------------------------------------------

    def _left_out(self, place: Place) -> list[str]:
        """Why it would be skipped, by what stands in its header; else nothing."""
        header = place.header
        if not self.matcher.match([header]).get(header.uid):
            if self.private:
                return [self.env._("None of its addresses is on an active contact.")]
            return self._nobody(header.addresses)
        if header.size > MAX_MESSAGE:
            return [
                self.env._(
                    "It is larger than %s MB, more than is brought in.",
                    MAX_MESSAGE // 1_000_000,
                )
            ]
        was = place.folder and header.uid in UidRanges.parse(place.folder.bulk_uids)
        if was or (self.account.skip_bulk and self.newsletters.kind(place.fields)):
            return [
                self.env._(
                    "It is a newsletter, or came by a mailing list, and this mailbox "
                    "leaves those out. You can switch that off on the mailbox."
                )
            ]
        return []

    def _nobody(self, addresses) -> list[str]:
        """Why none of its addresses is a customer's."""
        if not any(addresses.values()):
            return [self.env._("No address could be read in it.")]
        emails = {one.email for many in addresses.values() for one in many}
        if self.matcher.is_internal(addresses):
            return [
                self.env._(
                    "Only your own addresses and colleagues stand in it (%s). Mail "
                    "among yourselves is not brought in.",
                    ", ".join(sorted(emails)[:MOST]),
                )
            ]
        others = sorted(emails - self.matcher.own - self.matcher.colleagues - {""})
        told = {email: self._stranger(email) for email in others[:MOST]}
        unknown = [email for email, line in told.items() if not line]
        lines = [line for line in told.values() if line]
        if unknown:
            lines.append(
                self.env._(
                    "No contact has the address %s. Put it on a contact, and new mail "
                    "is shown there.",
                    ", ".join(unknown),
                )
            )
        return lines

    def _stranger(self, email: str) -> str:
        """What is wrong with the contact that has this address, if one has."""
        Partner = self.env["res.partner"].with_context(active_test=False)
        named = Domain("email_normalized", "in", list(spellings(email)))
        archived = Partner.search([*named, ("active", "=", False)], limit=1)
        if archived:
            return self.env._(
                "%(contact)s, who has the address %(email)s, is archived. Unarchive "
                "the contact, and new mail is shown there.",
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
                "%(company)s, and the mailbox is of %(own)s.",
                contact=elsewhere.display_name,
                email=email,
                company=elsewhere.company_id.display_name,
                own=company.display_name,
            )
        return ""

    def _is_deleted(self, place: Place, session) -> bool:
        header = place.header
        if header.size > MAX_COMPARED:
            return False
        Tombstone = self.account.env["mailbox.tombstone"]
        for _uid, raw in session.fetch_messages([header.uid]):
            try:
                parsed = parse_message(raw, header.internal_date)
            except MessageError:
                return False
            return bool(Tombstone._buried([Tombstone._digest(message_key(parsed))]))
        return False
