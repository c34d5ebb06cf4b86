"""Bounces in words only: those that are not delivery reports (RFC 3464).

Nearly every mail server had a form of its own. They are all read in the same way: the
header says that a mail server sent it (:mod:`.automatic`), its words
(:mod:`.bounce_wording`) or an SMTP reply say that a message failed, lines name the
recipients (:mod:`.bounce_recipients`), and the message is attached or copied below
(:mod:`.returned_message`).
"""

from __future__ import annotations

import re

from ..types import HeaderFields
from . import bounce_recipients, bounce_wording, returned_message, words
from .addresses import parse_addresses
from .automatic import (
    Automatic,
    automatic_kind,
    from_daemon,
    from_machine,
    from_role,
)
from .delivery_status import (
    DeliveryReport,
    RecipientStatus,
    first,
    report_of,
    sent_to,
    status_of,
)
from .returned_message import Returned
from .structure import Part

_READER = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
_SENDER = ("from", "sender", "reply-to", "return-path")
#: Fields of newsletters and lists.
_OF_LISTS = ("list-id", "list-post", "list-unsubscribe")
#: A Message-ID that the words name, and a subject.
_NAMED_ID = re.compile(
    r"^\W{0,8}(?:original )?(?:message-?id|in-reply-to|references)\W{1,4}"
    r"(<[^<>\s]{3,990}>)",
    re.I | re.M,
)
_NAMED_SUBJECT = re.compile(
    r"^\W{0,8}(?:the |with )?(?:subj(?:ect)?(?: of the message is)?|betreff|objet"
    r"|asunto|assunto|oggetto|onderwerp|ämne|emne|aihe|temat|předmět|predmet|tárgy"
    r"|subiect|konu|θέμα|тема|件名|主题|主旨|제목|נושא|الموضوع)"
    r"[ \t]{0,9}[:：][ \t]{0,9}(\S.{0,500})$",
    re.I | re.M,
)
_NAMED_TO = re.compile(r"^\W{0,8}to:[ \t]{0,9}(\S.{0,500})$", re.I | re.M)
_FOR = re.compile(r"\bfor <?([^\s<>;]{1,300}@[^\s<>;]{1,300})>?", re.I)


def read(message: Part) -> DeliveryReport | None:
    """The bounce, if the message is one; else None."""
    if automatic_kind(message.headers) is not Automatic.BOUNCE:
        return None
    returned = returned_message.read(message)
    if not _is_from_server(message, returned):
        return None
    recipients = failures(message, returned)
    if not recipients and not _is_failure(message, returned):
        return None
    return report_of(
        returned.header,
        recipients,
        hints=id_hints(message, returned.words),
        subject=named_subject(message, returned.words),
    )


def _is_from_server(message: Part, returned: Returned) -> bool:
    """Whether a mail server sent it as a bounce. If the sender does not say so, its
    subject and its words have to: postmasters and programs write other mail, too."""
    if from_daemon(message):
        return True
    is_titled = _has_bounce_subject(message)
    is_role = from_role(message)
    is_shown = returned.is_copied or bool(bounce_recipients.first_reply(returned.words))
    if any(map(message.get, _OF_LISTS)):
        return is_titled and is_role and (is_shown or from_machine(message))
    if is_role and (is_titled or not message.get("subject")):
        return True
    return is_shown and (is_titled or from_machine(message))


def failures(
    message: Part, returned: Returned, *, only_named: bool = False
) -> list[RecipientStatus]:
    """Recipients that a bounce names in its header or in words; none if it does not
    say what happened to them.

    :param only_named: not those whom the returned message was sent to
    """
    outcome = _outcome(message, returned)
    failed = [
        one.email for one in parse_addresses(message.get_all("x-failed-recipients"))
    ]
    if failed and outcome in ("", "delivered"):
        outcome = "failed"
    if not outcome:
        return []
    addressed = failed or _addressed(returned.header)
    own = [] if failed else _own(message, returned.header)
    found = bounce_recipients.named(returned.words, own, addressed, outcome)
    if not found and not only_named:
        sent = addressed or _summary_recipients(returned.words, own)
        reply = bounce_recipients.first_reply(returned.words)
        found = [_status(one, outcome, reply) for one in sent if len(sent) == 1]
    if not failed:
        return found
    known = {one.address: one for one in found}
    return [known.get(address) or _status(address, outcome) for address in failed]


def _status(address: str, outcome: str, reply: str = "") -> RecipientStatus:
    found = status_of(address, outcome, "", reply)
    return found or RecipientStatus(address, outcome)


def _summary_recipients(text: str, own: list[str]) -> list[str]:
    """Whom the message was sent to, by "To: …" in the words."""
    named = _NAMED_TO.findall(text[: bounce_wording.MAX_WORDS])
    return [one.email for one in parse_addresses(named) if one.email not in own]


def id_hints(message: Part, text: str) -> list[str]:
    """Where the Message-ID may be if the message is not returned, the best first."""
    return [
        *(match[1] for match in _NAMED_ID.finditer(text[: bounce_wording.MAX_WORDS])),
        message.get("in-reply-to"),
        message.get("references"),
    ]


def named_subject(message: Part, text: str) -> str:
    """The subject of the message, by the words of a bounce or by its own subject
    ("Undeliverable: Our offer"); "" if neither names it."""
    match = _NAMED_SUBJECT.search(text[: bounce_wording.MAX_WORDS])
    if match:
        return match[1].strip()
    head, colon, rest = words.text(message.get("subject")).partition(":")
    named = colon and bounce_wording.starts_like_a_bounce(head)
    return rest.strip() if named else ""


def _outcome(message: Part, returned: Returned) -> str:
    """See :func:`.bounce_wording.outcome_of`; a quoted SMTP reply is a failure, and so
    is a message that comes back."""
    subject = words.text(message.get("subject"))
    said = bounce_wording.outcome_of(subject, returned.words)
    if said:
        return said
    is_failure = bounce_recipients.first_reply(returned.words) or (
        returned.is_copied and _has_bounce_subject(message)
    )
    return "failed" if is_failure else ""


def _is_failure(message: Part, returned: Returned) -> bool:
    """Whether a bounce that names nobody is one all the same."""
    if _outcome(message, returned) != "failed":
        return False
    return (
        bool(returned.header)
        or _has_bounce_subject(message)
        or "mailer-daemon" in message.get("from").lower()
    )


def _has_bounce_subject(message: Part) -> bool:
    subject = words.text(message.get("subject"))
    return bounce_wording.starts_like_a_bounce(subject)


def _addressed(header: HeaderFields) -> list[str]:
    """To and Cc of the returned message; if there are several, the one that the server
    received it for, if it says so."""
    addressed = sent_to(header)
    if len(addressed) == 1:
        return addressed
    received = first(header, "received")[:5_000]
    meant = [one.email for one in parse_addresses(_FOR.findall(received))]
    if len(meant) == 1 and (not addressed or meant[0] in addressed):
        return meant
    return addressed


def _own(message: Part, header: HeaderFields) -> list[str]:
    """Addresses of the people between whom the bounce passes: no recipients."""
    values = [value for name in (*_READER, *_SENDER) for value in message.get_all(name)]
    values += [value for name, value in header if name in _SENDER]
    return [one.email for one in parse_addresses(values)]
