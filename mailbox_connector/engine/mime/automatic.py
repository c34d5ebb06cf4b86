"""E-mails that no person wrote: automatic replies to them would cause loops (RFC
3834)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum

from . import bounce_wording, words
from .addresses import parse_addresses
from .structure import Part

_COMMENT = re.compile(r"\([^()]{0,998}\)")
_REPORT_TYPE = re.compile(r"\breport-type\s*=\s*\"?\s*([\w-]+)", re.I)

_DAEMON = re.compile("mailer-daemon|postmaster", re.I)
#: Other senders of bounces, who also write other mail: addresses, then names.
_ROLE = (
    r"<\s*>|\b(?:post_?master|mdaemon|ndr|imss|inetgw\d?|mta|non-?delivery"
    r"|microsoftexchange\w{0,40}|mail\.?delivery\.?(?:sub)?system|[\w.-]{0,40}smtp[\w.-]{0,40})\\?@"
)
_ROLES = re.compile(_ROLE, re.I)
_SERVER = re.compile(
    rf"{_ROLE}|post ?master|mail[ -]?(?:er)?[ -]?d(?:aemon|eliver)|mail administrator"
    r"|delivery (?:sub)?system|system ?administrator|microsoft ?exchange",
    re.I,
)

#: Fields that only automatic replies have.
_REPLY_MARKS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-mail-autoreply")
_NOT = ("no", "none", "false", "0")


class Automatic(str, Enum):
    """What kind of machine wrote a message.

    BOUNCE: a report on the delivery of another message, see :mod:`.delivery_report`;
    AUTO_REPLY: replies to a message automatically (out of office, read receipt);
    AUTO_GENERATED: generated otherwise (order confirmation, alarm);
    LIST: sent by a mailing list, or as mass mail.
    """

    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"
    AUTO_GENERATED = "auto_generated"
    LIST = "list"


def automatic_kind(fields: Iterable[tuple[str, str]]) -> Automatic | None:
    """Which kind of automatic mail a header indicates; None: a person wrote it.

    Never raises. The most specific kind wins: a delivery report also says that it is an
    automatic reply, and an out-of-office reply often says that it is bulk mail.
    ``X-Auto-Response-Suppress`` alone means nothing: people's mail has it too.

    :param fields: as :func:`.headers.fields` gives them
    """
    found: dict[str, str] = {}
    for name, value in fields:
        # The topmost of each: Return-Path is added on top at the final delivery.
        found.setdefault(name, value[:10_000])
    return kind_of(found)


def kind_of(found: Mapping[str, str]) -> Automatic | None:
    """:func:`automatic_kind` of the topmost field of each (lower-case) name."""
    return (
        _report(found)
        or _answer(found)
        or _submitted(found)
        or _list(found)
        or _null_sender(found)
    )


def from_machine(message: Part) -> bool:
    """Whether the header says that a mail server or a program wrote the message."""
    path = message.get_all("return-path")
    return (
        (bool(path) and _is_null(path[0]))
        or _says_automatic(message.get("auto-submitted"))
        or _from_daemon(message.get("from"), marked=False)
    )


def from_daemon(message: Part) -> bool:
    """Whether From is an address that only bounces have."""
    return _from_daemon(message.get("from"), marked=False)


def from_role(message: Part) -> bool:
    """Whether From is the address of a mail server, of its postmaster, or empty."""
    sender = message.get("from")
    return bool(_ROLES.search(sender[:10_000])) or _from_daemon(sender, marked=True)


def _report(found: Mapping[str, str]) -> Automatic | None:
    kind = found.get("content-type", "").strip().lower()
    if kind.startswith("multipart/report"):
        match = _REPORT_TYPE.search(kind)
        return {
            "": Automatic.BOUNCE,
            "delivery-status": Automatic.BOUNCE,
            # A receipt replies to a message on behalf of its reader (RFC 8098).
            "disposition-notification": Automatic.AUTO_REPLY,
        }.get(match[1] if match else "", Automatic.AUTO_GENERATED)
    is_report = kind.startswith("multipart/") and "delivery-status" in kind
    if is_report or "x-failed-recipients" in found or _from_server(found):
        return Automatic.BOUNCE
    return None


def _from_server(found: Mapping[str, str]) -> bool:
    """Whether a mail server sent it as a bounce, by its sender and its subject."""
    sender = found.get("from", "")
    is_null = "return-path" in found and _is_null(found["return-path"])
    marked = is_null or _says_automatic(found.get("auto-submitted", ""))
    if _from_daemon(sender, marked=marked):
        return True
    is_server = bool(_SERVER.search(sender[:10_000]))
    # Programs write of deliveries, too: of parcels.
    if not (is_null or is_server):
        return False
    # Automatic replies have no sender either.
    if not is_server and _answer(found):
        return False
    subject = found.get("subject", "")
    if is_server and marked and not subject.strip():
        return True
    return bounce_wording.starts_like_a_bounce(words.text(subject[:10_000]))


def _answer(found: Mapping[str, str]) -> Automatic | None:
    marked = any(
        name in found and token(found[name]) not in _NOT for name in _REPLY_MARKS
    )
    precedence = token(found.get("precedence", ""))
    if (
        marked
        or precedence in ("auto_reply", "auto-reply")
        or token(found.get("x-autogenerated", "")) == "reply"
    ):
        return Automatic.AUTO_REPLY
    return None


def _submitted(found: Mapping[str, str]) -> Automatic | None:
    value = found.get("auto-submitted", "")
    if not _says_automatic(value):
        return None
    if token(value) == "auto-replied":
        return Automatic.AUTO_REPLY
    # Exchange marks out-of-office replies as generated: they reply to a message and ask
    # for no reply.
    if "in-reply-to" in found and "x-auto-response-suppress" in found:
        return Automatic.AUTO_REPLY
    return Automatic.AUTO_GENERATED


def _list(found: Mapping[str, str]) -> Automatic | None:
    # Not List-Unsubscribe: sales programs add it to mail between two people.
    if "list-id" in found or "list-post" in found:
        return Automatic.LIST
    if token(found.get("precedence", "")) in ("bulk", "junk", "list"):
        return Automatic.LIST
    return None


def _null_sender(found: Mapping[str, str]) -> Automatic | None:
    if "return-path" not in found or not _is_null(found["return-path"]):
        return None
    if "in-reply-to" in found:
        return Automatic.AUTO_REPLY
    return Automatic.AUTO_GENERATED


def _from_daemon(sender: str, *, marked: bool) -> bool:
    """Whether a From value is the address of a mail server.

    :param marked: other fields say that a machine sent the message; only then does
        "postmaster" not mean a person
    """
    if not _DAEMON.search(sender[:10_000]):
        return False
    addresses = parse_addresses(sender[:10_000])
    if not addresses:  # "Mail Delivery System <MAILER-DAEMON>"
        return "mailer-daemon" in sender[:10_000].lower()
    local = addresses[0].email.rpartition("@")[0]
    return local.startswith("mailer-daemon") or (marked and local == "postmaster")


def _is_null(return_path: str) -> bool:
    """Whether a Return-Path is empty: "<>" (RFC 5321 section 4.5.5), or that of a mail
    server, which stands for it."""
    path = "".join(_plain(return_path).split()).lower()
    return path in ("", "<>") or path.startswith(("<mailer-daemon", "mailer-daemon"))


def _says_automatic(submitted: str) -> bool:
    """Whether an Auto-Submitted field says anything but "no" (RFC 3834 5)."""
    return token(submitted) not in ("", "no")


def _plain(value: str) -> str:
    """``value`` without comments (RFC 5322 section 3.2.2)."""
    return _COMMENT.sub("", value[:10_000])


def token(value: str) -> str:
    """The first word of a value, lower-case, without parameters or comments."""
    words = _plain(value).partition(";")[0].split()
    return words[0].strip("\"'").lower() if words else ""
