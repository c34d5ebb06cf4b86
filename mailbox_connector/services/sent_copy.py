"""What a mailbox has sent: kept as an e-mail here, and filed in its Sent folder."""

from __future__ import annotations

import copy as copy_module
import logging
from datetime import datetime, timezone
from email.message import EmailMessage

from ..engine.imap.session import ImapSession
from ..engine.mime.addresses import normalize
from ..engine.mime.headers import first_phase
from ..engine.mime.ids import message_id_hash
from ..engine.mime.parse import parse_message
from ..engine.types import HeaderRecord
from . import threads
from .importer import Candidate, Importer, header_text, identity
from .matcher import Matcher
from .races import RACES, quiet_races

_logger = logging.getLogger(__name__)

#: Providers whose SMTP server files what it sends in Sent by itself.
SELF_FILING = (
    "gmail.com",
    "googlemail.com",
    "office365.com",
    "outlook.com",
    "hotmail.com",
)


def files_itself(host: str) -> bool:
    """Whether the provider of an SMTP host is known to file sent mail."""
    name = host.lower().rstrip(".")
    return any(name == domain or name.endswith(f".{domain}") for domain in SELF_FILING)


def complete(message: EmailMessage, sent_to: tuple[str, ...]) -> EmailMessage:
    """``message`` with everybody it goes to in To, as one would find it in Sent.

    Odoo makes one transaction per recipient; in each, To may name a part of them.
    """
    named = {
        normalize(str(address))
        for header in ("To", "Cc")
        if message[header] is not None
        for address in (a.addr_spec for a in message[header].addresses)
    }
    missing = [one for one in sent_to if normalize(one) not in named]
    if not missing:
        return message
    whole = copy_module.deepcopy(message)
    to = [str(whole["To"])] if whole["To"] else []
    del whole["To"]
    whole["To"] = ", ".join([*to, *missing])
    return whole


def record(account, mail_message_id: int, mime: bytes) -> None:
    """Keep what was sent as an outgoing e-mail of the contact it was written on.

    The chatter's own message shows it; a later sight of it by the sync is recognised
    by Message-ID and content. Never raises: the mail has left.

    :param mail_message_id: the chatter's message
    """
    env = account.env(su=True)
    try:
        with quiet_races(), env.cr.savepoint():
            _record(account.with_env(env), mail_message_id, mime)
    except RACES:
        # The sync was faster and has recorded it.
        env.invalidate_all(flush=False)
        _logger.info("Mailbox %s: sent mail is left to the sync", account.id)
    except Exception:
        env.invalidate_all(flush=False)
        _logger.exception("Mailbox %s: sent mail was not recorded", account.id)


def _record(account, mail_message_id, mime):
    env = account.env
    shown = env["mail.message"].browse(mail_message_id).exists()
    if shown.model != "res.partner" or not shown.res_id:
        return
    Link = env["mailbox.link"]
    if Link.search_count([("mail_message_id", "=", shown.id)], limit=1):
        return
    parsed = parse_message(mime)
    digest, fingerprint = identity(parsed)
    Message = env["mailbox.message"]
    message = Message.search(
        [("message_id_hash", "=", digest), ("fingerprint", "=", fingerprint)]
    )
    if not message:
        references = threads.reference_hashes(parsed)
        [conversation_id] = threads.place(env, [(digest, references)], {})
        message = Message.create(
            {
                "conversation_id": conversation_id,
                "rfc_message_id": parsed.message_id,
                "message_id_hash": digest,
                "fingerprint": fingerprint,
                "parent_hash": _parent_hash(parsed),
                "scope_id": env["mailbox.scope"]._for_accounts(account).id,
                "direction": "out",
                "date": shown.date,
                "subject": parsed.subject,
                "email_from": header_text(parsed, "from"),
                "email_to": header_text(parsed, "to"),
                "email_cc": header_text(parsed, "cc"),
                "attachment_count": sum(not a.inline for a in parsed.attachments),
            }
        )
        threads.keep(env, [(message.id, references)], {})
    link = Link.search(
        [("message_id", "=", message.id), ("partner_id", "=", shown.res_id)]
    )
    if not link:
        Link.create(
            {
                "message_id": message.id,
                "partner_id": shown.res_id,
                "origin": "sent",
                "mail_message_id": shown.id,
            }
        )


def _parent_hash(parsed):
    # References also hold the mail's own id, as Odoo writes them.
    return message_id_hash(parsed.in_reply_to) if parsed.in_reply_to else False


class Filing:
    """Files the sent mails of one mailbox, over one IMAP session.

    :param account: ``mailbox.account`` in a superuser environment
    """

    def __init__(self, account, deadline):
        self.account = account
        self.env = account.env
        self.folder = account._sent_folder()
        self.session = ImapSession(
            account._endpoint("imap"), account._egress_policy(), deadline
        )

    def __enter__(self):
        self.session.open()
        return self

    def __exit__(self, *_exc):
        self.session.close()

    def file(self, message_id: str, mime: bytes) -> tuple[int, int] | None:
        """Put a mail into Sent unless it stands there.

        Looked for first: a provider may have filed it, or we before we were cut off.

        :return: (UIDVALIDITY, UID) where it was put, if the server tells
        :raise EngineError: it is not there and could not be put there
        """
        self.session.examine(self.folder.raw_name)
        if self.session.search_message_id(message_id):
            return None
        now = datetime.now(timezone.utc)
        return self.session.append(self.folder.raw_name, mime, ("\\Seen",), now)

    def locate(self, place: tuple[int, int], mime: bytes) -> None:
        """Note where a filed mail stands, so that the sync need not fetch it.

        Other contacts in To and Cc get it as by any sync. Where the folder is being
        read at this moment nothing is noted: the sync then recognises the mail.
        """
        uidvalidity, uid = place
        if uidvalidity != self.folder.uidvalidity:
            return
        addresses, message_id = first_phase(mime.partition(b"\r\n\r\n")[0])
        header = HeaderRecord(
            uid, len(mime), datetime.now(timezone.utc), addresses, message_id
        )
        matches = Matcher(self.env, self.account).match([header]).get(uid, [])
        Importer(self.folder).run([Candidate(header, matches, mime)])
        self.folder._mark_handled(imported=[uid])
