"""What a mailbox has sent, recorded as outgoing e-mails of the contacts.

Recorded when it is sent, not when a sync finds it: the message in the chatter that a
person wrote is the one that shows the e-mail, and no second one is made for it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ...engine.mime.parse import parse_message
from ..framework.concurrency import CONFLICT_ERRORS, mute_conflicts
from ..incoming import conversations
from ..incoming.message_values import message_key, message_values

_logger = logging.getLogger(__name__)

#: Sent mails that are recorded together, and their size in bytes, at most.
TOGETHER, TOGETHER_BYTES = 100, 5_000_000


class SentRecorder:
    """Records the sent mails of one SMTP session, many together where that is possible.

    :param account: ``mailbox.account`` in a superuser environment
    :param is_saved_by_provider: whether sent mail gets into the Sent folder without us;
        it is then recorded at once, before the sync can see it there
    """

    def __init__(self, account, is_saved_by_provider: bool):
        self._account = account
        self._is_saved_by_provider = is_saved_by_provider
        self._sent: list[tuple[int, bytes]] = []
        self._size = 0

    def add(self, mail_message_id: int, mime: bytes) -> None:
        """Record a sent mail, now or with others.

        :param mail_message_id: id of the chatter's message
        """
        self._sent.append((mail_message_id, mime))
        self._size += len(mime)
        is_full = len(self._sent) >= TOGETHER or self._size >= TOGETHER_BYTES
        if self._is_saved_by_provider or is_full:
            self.flush()

    def flush(self) -> None:
        """Record what has not been recorded yet."""
        sent, self._sent, self._size = self._sent, [], 0
        if sent:
            record(self._account, sent)


def record(account, sent: Sequence[tuple[int, bytes]]) -> None:
    """Record sent mails as outgoing e-mails of the contacts they were written on.

    The chatter's own messages show them. When the sync sees them it recognizes them by
    Message-ID and content. Never raises: the mail has left.

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


def _record(account, sent) -> None:
    env = account.env
    mimes = dict(reversed(sent))  # the first of each message
    shown = _unlinked_on_contacts(env["mail.message"].browse(mimes))
    if not shown:
        return
    parsed = {one: parse_message(mimes[one.id]) for one in shown}
    keys = {one: message_key(parsed[one]) for one in shown}
    stored = _stored(env, set(keys.values()))
    fresh = {key: one for one, key in reversed(keys.items()) if key not in stored}
    if fresh:
        stored |= _create(account, [(one, parsed[one]) for one in fresh.values()])
    _link(env, {one: stored[key] for one, key in keys.items()})


def _unlinked_on_contacts(messages):
    """Those of the chatter's messages that are on a contact and show no e-mail yet."""
    shown = messages.exists().filtered(
        lambda one: one.model == "res.partner" and one.res_id
    )
    links = messages.env["mailbox.link"].search([("mail_message_id", "in", shown.ids)])
    return shown - links.mail_message_id


def _link(env, stored) -> None:
    """Link e-mails to the contacts of the chatter's messages, each pair once.

    :param stored: {chatter's message: id of its e-mail}
    """
    Link = env["mailbox.link"]
    found = Link.search([("message_id", "in", list(stored.values()))])
    linked = {(link.message_id.id, link.partner_id.id) for link in found}
    pairs = {}
    for shown, message_id in stored.items():
        pair = (message_id, shown.res_id)
        if pair not in linked:
            pairs.setdefault(pair, shown.id)
    Link.create(
        [
            {
                "message_id": message_id,
                "partner_id": partner_id,
                "origin": "sent",
                "mail_message_id": shown_id,
            }
            for (message_id, partner_id), shown_id in pairs.items()
        ]
    )


def _stored(env, keys) -> dict[tuple[str, str], int]:
    """Ids of the e-mails that are stored already, by key."""
    env["mailbox.message"].flush_model(["message_id_hash", "fingerprint"])
    env.cr.execute(
        """
        SELECT message_id_hash, fingerprint, min(id) FROM mailbox_message
         WHERE (message_id_hash, fingerprint) IN %s GROUP BY 1, 2
        """,
        [tuple(keys)],
    )
    return {(digest, mark): found for digest, mark, found in env.cr.fetchall()}


def _create(account, mails) -> dict[tuple[str, str], int]:
    """Store e-mails.

    :param mails: (chatter's message, parsed) of each
    :return: their ids by key
    """
    env = account.env
    audience = env["mailbox.audience"].for_accounts(account)
    keys = [message_key(parsed) for _shown, parsed in mails]
    references = [conversations.reference_hashes(parsed) for _shown, parsed in mails]
    defaults = {}
    conversation_ids = conversations.assign_conversations(
        env,
        [(key[0], hashes) for key, hashes in zip(keys, references, strict=True)],
        defaults,
    )
    messages = env["mailbox.message"].create(
        [
            {
                **message_values(
                    parsed,
                    audience_id=audience.id,
                    conversation_id=conversation_id,
                    direction="out",
                    is_sent_by_odoo=True,
                ),
                "date": shown.date,
            }
            for (shown, parsed), conversation_id in zip(
                mails, conversation_ids, strict=True
            )
        ]
    )
    conversations.store_references(
        env, list(zip(messages.ids, references, strict=True)), defaults
    )
    return dict(zip(keys, messages.ids, strict=True))
