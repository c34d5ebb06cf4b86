"""Folders as a hostile or broken server may list them: names, counts, numbers."""

from __future__ import annotations

from itertools import chain, repeat

import pytest
from memory import growth
from scripted import EXAMINE, opened

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.types import Role

DONE = b"%t OK done\r\n"


def test_a_million_folders(play):
    """A clear error at the 100,000th: nobody has that many."""

    lines = b"".join(b'* LIST () "/" f%d\r\n' % number for number in range(1_000))
    script = (rb" LIST", chain(repeat(lines, 1_000), [DONE]))
    session = opened(play, script, deadline=Deadline(60))
    with growth() as grown, pytest.raises(EngineError) as caught:
        session.list_folders()
    assert caught.value.kind is Kind.TOO_LARGE
    assert grown.megabytes < 100


NAMES = [
    b'* LIST (\\HasNoChildren) "/" INBOX\r\n',
    b'* LIST (\\Noselect) "/" Public\r\n',
    b'* LIST () "/" 2024\r\n',
    b'* LIST () "/" NIL\r\n',
    b'* LIST () "/" {7}\r\nLit"era\r\n',
    b'* LIST () "\\\\" "Back\\\\slash"\r\n',
    b'* LIST () "/" "&broken"\r\n',
    b'* LIST () "/" "&2D0-"\r\n',
    b'* LIST () "/" "&AAo-"\r\n',
    b'* LIST () "/" "R\xc3\xa9sum\xc3\xa9"\r\n',
    b'* LIST () "/" "\xff\xfe"\r\n',
    b'* LIST () NIL "../../etc/passwd"\r\n',
    b'* LIST () "/" "<script>alert(1)</script>"\r\n',
    b'* LIST () "/" "%"\r\n',
    b'* LIST () "/" " "\r\n',
    b'* LIST () "" "' + b"long" * 1_000 + b'"\r\n',
    b'* LIST () "/" "Gesendete Elemente" ("CHILDINFO" ("SUBSCRIBED"))\r\n',
    b'* LIST () "/" "Sent"\r\n',
    # Twice; and those that cannot be asked for: line ends, NUL, no name.
    b'* LIST () "/" 2024\r\n',
    b'* LIST () "/" {6}\r\na\r\nb/c\r\n',
    b'* LIST () "/" {3}\r\na\0b\r\n',
    b'* LIST () "/" ""\r\n',
    b"* LIST\r\n",
    b"* LIST ()\r\n",
    b'* LIST "/" () x\r\n',
]


def test_folders_of_every_kind(play):
    counts = [
        (rb" STATUS", b"* STATUS %b (MESSAGES %d UIDVALIDITY 3)\r\n" % one + DONE)
        for one in ((b'"Gesendete Elemente"', 5), (b"Sent", 0))
    ]
    session = opened(play, (rb" LIST", b"".join(NAMES) + DONE), *counts)
    listed = session.list_folders()
    folders = {one.raw_name: one for one in listed}
    assert len(listed) == len(folders) == 18
    assert not folders["Public"].selectable
    assert folders["INBOX"].role is Role.INBOX
    # Of two that are called so, the one with mail in it.
    assert folders["Gesendete Elemente"].role is Role.SENT
    assert folders["Sent"].role is Role.OTHER
    titles = {one.name for one in listed}
    assert {"Résumé", "NIL", "Back\\slash", 'Lit"era', "../../etc/passwd"} <= titles
    for title in titles:
        assert title.isprintable() and title.encode("utf-8")


@pytest.mark.parametrize(
    "name", ["R\xc3\xa9", "a\\b", 'q"q', "..", "&2D0-", "%", "\xff"]
)
def test_a_folder_is_asked_for_by_the_octets_it_was_listed_with(play, name):
    octets = name.encode("latin-1")
    listed = b'* LIST () "/" {%d}\r\n%b\r\n' % (len(octets), octets)
    session = opened(play, (rb" LIST", listed + DONE), EXAMINE)
    (found,) = session.list_folders()
    session.examine(found.raw_name)
    quoted = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    assert any(b'EXAMINE "' + quoted + b'"' in one for one in session.server.received)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (b"MESSAGES 3 UIDNEXT 4 UIDVALIDITY 5", (3, 4, 5, None)),
        (b"MESSAGES 3", (3, None, 0, None)),
        (b"MESSAGES 0 UIDNEXT 0 UIDVALIDITY 0 HIGHESTMODSEQ 0", (0, None, 0, None)),
        (b"MESSAGES 3 UIDNEXT -4 UIDVALIDITY -5 HIGHESTMODSEQ -1", (3, None, 0, None)),
        (b"MESSAGES 3 UIDNEXT 4294967296 UIDVALIDITY 4294967295",
         (3, 4294967296, 4294967295, None)),
        (b"MESSAGES 3 UIDNEXT 4294967297 UIDVALIDITY 4294967296", (3, None, 0, None)),
        (b"MESSAGES 3 HIGHESTMODSEQ 9223372036854775807",
         (3, None, 0, 9223372036854775807)),
        (b"MESSAGES 3 HIGHESTMODSEQ 9223372036854775808", (3, None, 0, None)),
        (b"MESSAGES 3 UIDNEXT NIL UIDVALIDITY (1)", (3, None, 0, None)),
        (b"MESSAGES -3 UIDNEXT 4", None),
        (b"MESSAGES 99999999999 UIDNEXT 4", None),
        (b"MESSAGES many", None),
        (b"UIDNEXT 4", None),
        (b"", None),
    ],
)  # fmt: skip
def test_numbers_of_a_folder_that_cannot_be(play, items, expected):
    """They go into database columns; what cannot be is as good as not said."""
    answer = b"* STATUS INBOX (%b)\r\n" % items
    session = opened(play, (rb" STATUS", answer + DONE))
    states = session.status(["INBOX"])
    if expected is None:
        assert states == {}
        return
    state = states["INBOX"]
    numbers = (state.messages, state.uidnext, state.uidvalidity, state.highestmodseq)
    assert numbers == expected


def test_a_folder_opened_with_numbers_that_cannot_be(play):
    answer = (
        b"* -3 EXISTS\r\n* OK [UIDVALIDITY 99999999999] x\r\n* OK [UIDNEXT x] x\r\n"
        b"* OK [HIGHESTMODSEQ 99999999999999999999] x\r\n* OK [MAILBOXID (a b)] x\r\n"
    )
    session = opened(play, (rb" EXAMINE", answer + DONE))
    state = session.examine("INBOX")
    assert (state.messages, state.uidnext, state.uidvalidity) == (0, None, 0)
    assert state.highestmodseq is None and state.imap_object_id is None
