"""Whom a bounce in words is about: addresses in its text, and the reason beside each.

One engine for all servers: a table of places where they write the address of a
recipient, the surest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..errors import one_line
from .addresses import normalize
from .delivery_status import MAX_DIAGNOSTIC, MAX_RECIPIENTS, RecipientStatus, status_of

#: Lines of a report that are read, characters of one, lines of a reason.
MAX_LINES = 20_000
MAX_LINE = 1_000
MAX_REASON = 20

_ATOM = r"\w.!#$%&'*+/=?^`{|}~-"
_ADDR = (
    rf"<?(?:smtp[=:])?(?P<addr>[{_ATOM}]{{1,128}}"
    r"@[\w-]{1,63}(?:\.[\w-]{1,63}){1,20})"
)
#: Where a line names a recipient, the surest first. The last one counts only if it is
#: the only address.
_PLACES = (
    # "<ann@example.com>: host mx.example.com said …", "* ann@example.com"
    re.compile(
        rf"(?:[^\w@]{{0,10}}|[^\w@]{{0,5}}\d{{1,3}}[.)]\s)[\"'\[(]{{0,2}}{_ADDR}"
    ),
    # "Recipient: <ann@example.com>", "Could not be delivered to: <…>"
    re.compile(
        r"[^:]{0,50}(?:recipient|address|deliver\w{0,4}|error-for|user\w{0,4}|account|mailbox"
        r"|undeliverable|addressed|sent|rcpt|unknown|empf\w{1,3}nger|destina\w{1,10}"
        r"|宛先|收件人|받는)"
        rf"[^:@]{{0,20}}:\W{{0,6}}(?:smtp:|rfc822;)?\W{{0,3}}{_ADDR}",
        re.I,
    ),
    re.compile(rf".{{0,60}}\bRCPT TO:\s{{0,3}}{_ADDR}", re.I),
)
# Only from the beginning of a word: long ones would be searched again and again.
_ANYWHERE = re.compile(rf"(?<![{_ATOM}]){_ADDR}")
#: Lines that name other people, or no person.
_OTHERS = re.compile(
    r"\W{0,8}(?:from|to|cc|bcc|reply-to|sender|return-path|message-?id|references|date"
    r"|in-reply-to|subject|original sender|mail from|messagename|server|host)"
    r"\s{0,3}[:<]"
    r"|.{0,60}\b(?:mail from:|contact|further assistance|questions|help ?desk|support)"
    r"|\W{0,8}from ",
    re.I,
)
#: "(expanded from: <ann@example.com>)": the address that we wrote to.
_FORWARDED = re.compile(
    rf".{{0,40}}\b(?:generated|expanded) from:?\s{{0,3}}{_ADDR}", re.I
)
#: A reply of an SMTP server (RFC 5321 section 4.2) or a status (RFC 3463).
_REPLY = re.compile(
    r"(?:^|[\s:#;(\[<])(?:[45][0-5]\d(?:[ -]|$)(?!\d|byte|kb|mb)"
    r"|[45]\.\d{1,3}\.\d{1,3}(?!\.?\d))",
    re.I,
)
#: What is around an address or a reply.
_AROUND = " \t<>:;,.*-=|\"'()[]"
#: Names of servers and their people, who are no recipients.
_STAFF = ("mailer-daemon", "postmaster", "abuse", "support", "helpdesk", "hostmaster")


def named(
    words: str, own: Iterable[str], addressed: Sequence[str], action: str
) -> list[RecipientStatus]:
    """The recipients that a report names in words.

    :param own: addresses that are not meant: of the report's reader and sender
    :param addressed: whom the message was sent to, if it was returned
    :param action: what happened, see :class:`RecipientStatus`
    """
    lines = [line[:MAX_LINE] for line in words.split("\n", MAX_LINES)[:MAX_LINES]]
    others = set(own) - set(addressed)
    places = [
        [one for one in row if _is_recipient(one[0], others, addressed)]
        for row in _mentions(lines)
    ]
    chosen = _chosen(places, addressed)
    reasons = _Reasons(lines, {at for _address, at in chosen})
    is_alone = len({address for address, _line in chosen}) == 1
    found: dict[str, RecipientStatus] = {}
    for address, at in chosen:
        status = status_of(address, action, "", reasons.of(address, at, is_alone))
        if status:
            found.setdefault(address, status)
        if len(found) >= MAX_RECIPIENTS:
            break
    return list(found.values())


def first_reply(words: str) -> str:
    """The first line that quotes an SMTP reply of a failure, "" if none."""
    lines = words.split("\n", MAX_LINES)[:MAX_LINES]
    found = (line for line in lines if _REPLY.search(line[:MAX_LINE]))
    return one_line(next(found, "")[:MAX_LINE].strip(_AROUND), MAX_DIAGNOSTIC)


#: An address and the number of its line.
_Mention = tuple[str, int]


def _mentions(lines: Sequence[str]) -> list[list[_Mention]]:
    """Addresses by place: :data:`_PLACES`, beside a reply, anywhere."""
    rows: list[list[_Mention]] = [[] for _place in range(len(_PLACES) + 2)]
    for number, line in enumerate(lines):
        if "@" not in line or (line.startswith(">") and not line.startswith(">>>")):
            continue  # the second: quoted by a person
        match = _FORWARDED.match(line)
        if match and rows[0]:
            rows[0][-1] = (_address(match), rows[0][-1][1])
        elif match:
            rows[0].append((_address(match), number))
        elif not _OTHERS.match(line):
            _add(line, number, rows)
    return rows


def _address(match: re.Match) -> str:
    """The address of a match, without the apostrophes around it."""
    return normalize(match["addr"].strip("'"))


def _add(line: str, number: int, rows: list[list[_Mention]]) -> None:
    for place, pattern in enumerate(_PLACES):
        if match := pattern.match(line):
            rows[place].append((_address(match), number))
            return
    addresses = [_address(match) for match in _ANYWHERE.finditer(line)]
    place = len(_PLACES) if _REPLY.search(line) else len(_PLACES) + 1
    rows[place] += [(address, number) for address in addresses]


def _is_recipient(address: str, others: set[str], addressed: Sequence[str]) -> bool:
    if not address or address in others:
        return False
    return address in addressed or not address.startswith(_STAFF)


def _chosen(places: list[list[_Mention]], addressed: Sequence[str]) -> list[_Mention]:
    """The surest mentions, preferably of people whom the message was sent to."""
    if len({address for address, _line in places[-1]}) > 1:
        places = places[:-1]
    for row in places:
        if any(address in addressed for address, _line in row):
            return row
    for row in places:
        if row:
            return row
    return []


class _Reasons:
    """The reason beside each address.

    :param starts: numbers of the lines that name a recipient
    """

    def __init__(self, lines: Sequence[str], starts: set[int]):
        self._lines = lines
        self._starts = starts
        replies = [line for line in lines[:2_000] if _REPLY.search(line)]
        self._first_reply = replies[0] if replies else ""
        self._reply_of: dict[str, str] = {}
        for line in replies:
            for match in _ANYWHERE.finditer(line):
                self._reply_of.setdefault(_address(match), line)

    def of(self, address: str, at: int, is_alone: bool) -> str:
        """One line; "" if the report gives none.

        :param at: number of the line that names the address
        :param is_alone: whether the report names no other recipient
        """
        beside = one_line(" ".join(self._beside(at)), MAX_DIAGNOSTIC).strip(_AROUND)
        if _REPLY.search(beside):
            return beside
        further = self._reply_of.get(address, "")
        if not further and is_alone:
            further = self._first_reply
        if further and beside and len(beside) < 200:
            return one_line(f"{beside} {further.strip(_AROUND)}", MAX_DIAGNOSTIC)
        return one_line(further.strip(_AROUND), MAX_DIAGNOSTIC) or beside

    def _beside(self, at: int) -> Iterator[str]:
        """The rest of a line, and the lines below it up to an empty one or to the next
        recipient."""
        line = self._lines[at]
        mention = _ANYWHERE.search(line)
        yield line[mention.end() if mention else 0 :].strip(_AROUND)
        for number in range(at + 1, min(at + 1 + MAX_REASON, len(self._lines))):
            line = self._lines[number]
            if not line.strip() or number in self._starts:
                return
            if not _FORWARDED.match(line):
                yield line
