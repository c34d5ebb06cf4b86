"""What a mailbox has sent: kept as an e-mail here, and filed in its Sent folder."""

from __future__ import annotations

import copy as copy_module
import logging
from collections.abc import Sequence
from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import getaddresses

from ...engine.imap.session import ImapSession
from ...engine.mime.addresses import normalize
from ...engine.mime.headers import first_phase
from ...engine.mime.ids import message_id_hash
from ...engine.mime.parse import parse_message
from ...engine.types import HeaderRecord
from ...services.accounts.endpoints import egress_policy, endpoint
from ..framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ..incoming import conversations
from ..incoming.candidate import Candidate
from ..incoming.importer import Importer
from ..incoming.matcher import Matcher
from ..incoming.message_values import header_text, message_key

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


def complete(
    message: EmailMessage, sent_to: tuple[str, ...], sent_cc: tuple[str, ...] = ()
) -> EmailMessage:
    """``message`` with everybody it goes to in To and Cc, as one would find it in
    Sent.

    Odoo makes one transaction per recipient; in each, To and Cc may name a part.
    """
    named = {
        normalize(address)
        for header in ("To", "Cc")
        for _name, address in getaddresses(map(str, message.get_all(header, ())))
    }
    whole = message
    for header, people in (("To", sent_to), ("Cc", sent_cc)):
        missing = [one for one in people if normalize(one) not in named]
        if not missing:
            continue
        if whole is message:
            whole = copy_module.deepcopy(message)
        there = [str(whole[header])] if whole[header] else []
        del whole[header]
        whole[header] = ", ".join([*there, *missing])
        named.update(map(normalize, missing))
    return whole


def record(account, sent: Sequence[tuple[int, bytes]]) -> None:
    """Keep what was sent as outgoing e-mails of the contacts it was written on.

    The chatter's own messages show it; a later sight of it by the sync is recognised
    by Message-ID and content. Never raises: the mail has left.

    :param sent: (id of the chatter's message, MIME) of each
    """
    env = account.env(su=True)
    try:
        with mute_conflicts(), env.cr.savepoint():
            _record(account.with_env(env), sent)
    except CONFLICT_ERRORS:
        # The sync was faster and has recorded it.
        env.invalidate_all(flush=False)
        _logger.info("Mailbox %s: sent mail is left to the sync", account.id)
    except Exception:
        env.invalidate_all(flush=False)
        _logger.exception("Mailbox %s: sent mail was not recorded", account.id)
    else:
        return
    if len(sent) > 1:
        for one in sent:
            record(account, [one])


def _record(account, sent):
    env = account.env
    mimes = dict(reversed(sent))  # of each message the first
    shown = env["mail.message"].browse(mimes).exists()
    shown = shown.filtered(lambda one: one.model == "res.partner" and one.res_id)
    linked = env["mailbox.link"].search([("mail_message_id", "in", shown.ids)])
    shown -= linked.mail_message_id
    if not shown:
        return
    parsed = {one: parse_message(mimes[one.id]) for one in shown}
    keys = {one: message_key(parsed[one]) for one in shown}
    known = _known(env, set(keys.values()))
    fresh = {key: one for one, key in reversed(keys.items()) if key not in known}
    if fresh:
        known.update(_create(account, [(one, parsed[one]) for one in fresh.values()]))
    pairs = {
        (link.message_id.id, link.partner_id.id)
        for link in env["mailbox.link"].search(
            [("message_id", "in", [known[key] for key in keys.values()])]
        )
    }
    values = {}
    for one, key in keys.items():
        pair = (known[key], one.res_id)
        if pair not in pairs:
            values.setdefault(pair, one.id)
    env["mailbox.link"].create(
        [
            {
                "message_id": message_id,
                "partner_id": partner_id,
                "origin": "sent",
                "mail_message_id": shown_id,
            }
            for (message_id, partner_id), shown_id in values.items()
        ]
    )


def _known(env, keys):
    """Ids of the e-mails that are here already, by (hash, fingerprint)."""
    env["mailbox.message"].flush_model(["message_id_hash", "fingerprint"])
    env.cr.execute(
        """
        SELECT message_id_hash, fingerprint, min(id) FROM mailbox_message
         WHERE (message_id_hash, fingerprint) IN %s GROUP BY 1, 2
        """,
        [tuple(keys)],
    )
    return {(digest, mark): found for digest, mark, found in env.cr.fetchall()}


def _create(account, mails):
    """E-mails that were not here before.

    :param mails: (chatter's message, parsed) of each
    :return: ids by (hash, fingerprint)
    """
    env = account.env
    audience = env["mailbox.audience"].for_accounts(account)
    keys = [message_key(parsed) for _shown, parsed in mails]
    references = [conversations.reference_hashes(parsed) for _shown, parsed in mails]
    defaults = {}
    places = conversations.assign_conversations(
        env,
        [(key[0], refs) for key, refs in zip(keys, references, strict=True)],
        defaults,
    )
    messages = env["mailbox.message"].create(
        [
            {
                "conversation_id": conversation_id,
                "rfc_message_id": parsed.message_id,
                "message_id_hash": digest,
                "fingerprint": fingerprint,
                "parent_hash": _parent_hash(parsed),
                "audience_id": audience.id,
                "direction": "out",
                "date": shown.date,
                "subject": parsed.subject,
                "email_from": header_text(parsed, "from"),
                "email_to": header_text(parsed, "to"),
                "email_cc": header_text(parsed, "cc"),
                "attachment_count": sum(not a.inline for a in parsed.attachments),
            }
            for (shown, parsed), (digest, fingerprint), conversation_id in zip(
                mails, keys, places, strict=True
            )
        ]
    )
    conversations.store_references(
        env, list(zip(messages.ids, references, strict=True)), defaults
    )
    return dict(zip(keys, messages.ids, strict=True))


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
        self.folder = account.sent_folder()
        self.session = ImapSession(
            endpoint(account, "imap"), egress_policy(account.env), deadline
        )

    def __enter__(self):
        self.session.open()
        return self

    def __exit__(self, *_exc):
        self.session.close()

    def file(self, message_id: str, mime: bytes) -> tuple[bool, tuple[int, int] | None]:
        """Put a mail into Sent unless it stands there.

        Looked for first: a provider may have filed it, or we before we were cut off.

        :return: whether it stood there; (UIDVALIDITY, UID) where it was put, if the
            server tells
        :raise EngineError: it is not there and could not be put there
        """
        self.session.examine(self.folder.raw_name)
        if self.session.search_message_id(message_id):
            return True, None
        now = datetime.now(timezone.utc)
        return False, self.session.append(self.folder.raw_name, mime, ("\\Seen",), now)

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
