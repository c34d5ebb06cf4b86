"""Servers that mean harm, or are broken beyond use: no memory, no end, no lie.

Each must end in a clear error or in less than was sent; the mailbox after it in
the queue must have its turn.
"""

from __future__ import annotations

from itertools import chain, repeat

import pytest
from memory import growth
from scripted import EXAMINE, HANG, opened

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind
from odoo.addons.mailbox_connector.engine.imap.messages import MAX_MESSAGE
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline

DONE = b"%t OK done\r\n"
#: What one session may take at its worst, in megabytes.
BOUND = 300
LONG = b"x" * 60_000


def ended(work, *kinds: Kind) -> None:
    """``work`` fails with one of the kinds and takes little memory."""
    with growth() as grown, pytest.raises(EngineError) as caught:
        work()
    assert caught.value.kind in (kinds or (Kind.TOO_LARGE,))
    assert grown.megabytes < BOUND


def folder(play, *script, **kwargs):
    """A session with a folder open."""
    kwargs.setdefault("deadline", Deadline(60))
    session = opened(play, EXAMINE, *script, **kwargs)
    session.examine("INBOX")
    return session


WORK = {
    "LIST": lambda session: session.list_folders(),
    "STATUS": lambda session: session.status(["INBOX"]),
    "EXAMINE": lambda session: session.examine("INBOX"),
    "SEARCH": lambda session: session.search_since(None),
    "headers": lambda session: list(session.fetch_headers([1])),
    "bodies": lambda session: list(session.fetch_messages([1])),
}
LINES = {
    "EXAMINE": b"* OK [UNKNOWN %b] and more\r\n" % (b"x" * 900),
    "headers": b"* 1 FETCH (UID 7 X {4000}\r\n%b)\r\n" % (b"x" * 4_000),
    "bodies": b"* 1 FETCH (UID 7 BODY[] {9000}\r\n%b)\r\n" % (b"x" * 9_000),
}


@pytest.mark.parametrize("work", WORK)
def test_a_line_without_end(play, work):
    session = folder(play, (rb" ", chain([b"* 1 FETCH ("], repeat(LONG))))
    ended(lambda: WORK[work](session))


@pytest.mark.parametrize("work", LINES)
def test_answers_without_end(play, work):
    session = folder(
        play, (rb" ", repeat(LINES[work] * (1 + 60_000 // len(LINES[work]))))
    )
    ended(lambda: WORK[work](session))


def test_answers_without_end_while_signing_in(play):
    session = play([(None, repeat(b"* OK [ALERT] come in, come in\r\n" * 2_000))])
    ended(session.open)


def test_nothing_but_dots_ends_with_the_deadline(play):
    """Something always comes, so that no read ever times out."""
    session = folder(play, (rb" ", repeat(b"* OK .\r\n")), deadline=Deadline(1))
    ended(lambda: session.search_since(None), Kind.DEADLINE, Kind.TOO_LARGE)


def test_reading_the_answers_ends_with_the_deadline(play):
    """Taking answers apart is slower than sending them."""
    answer = b'* LIST () "/" f\r\n' * 20_000 + DONE
    session = opened(play, (rb" LIST", answer))
    data = [b'() "/" folder%d' % number for number in range(20_000)]
    session._deadline = Deadline(0)
    with pytest.raises(EngineError) as caught:
        list(session._answers(data))
    assert caught.value.kind is Kind.DEADLINE


@pytest.mark.parametrize("size", [b"3000000000", b"9" * 25, b"9" * 5_000])
@pytest.mark.parametrize("work", ["headers", "bodies", "LIST"])
def test_a_literal_of_gigabytes_is_announced(play, work, size):
    """Memory is not taken for what a server merely announces."""
    session = folder(play, (rb" ", (b"* 1 FETCH (UID 1 BODY[] {%b}\r\n" % size, HANG)))
    ended(lambda: WORK[work](session), Kind.TOO_LARGE, Kind.PROTOCOL)


def test_a_header_of_many_megabytes_is_cut(play):
    """One such mail must not keep the others of its folder from being read."""
    to = b"To: a@example.org\r\nFrom: b@example.org\r\nX: "
    head = b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] {30000000}\r\n"
    size = 30_000_000 - len(to)
    rest = b")\r\n* 2 FETCH (UID 2 BODY[HEADER.FIELDS (FROM)] {2}\r\n\r\n)\r\n"
    session = folder(play, (rb" FETCH", (head, to, b"x" * size, rest + DONE)))
    with growth() as grown:
        first, second = session.fetch_headers([1, 2])
    assert first.addresses["from"][0].email == "b@example.org"
    assert (first.uid, second.uid) == (1, 2)
    assert grown.megabytes < 30


def test_a_message_larger_than_announced_is_skipped(play):
    """RFC822.SIZE said little; the others come, and this one is remembered."""
    size = MAX_MESSAGE + 1
    head = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % size
    rest = b")\r\n* 2 FETCH (UID 2 BODY[] {2}\r\nhi)\r\n" + DONE
    parts = chain([head], repeat(b"x" * 1_000_000, size // 1_000_000), [b"x", rest])
    session = folder(
        play, (rb" FETCH", parts), (rb" SEARCH", b"* SEARCH 1 2\r\n" + DONE)
    )
    with growth() as grown:
        assert list(session.fetch_messages([1, 2])) == [(2, b"hi")]
    assert session.unfetchable == {1}
    assert session.search_since(None) == [1, 2]  # the session lives on
    assert grown.megabytes < 30


def test_absurd_nesting_costs_nothing_but_its_own_message(play):
    session = folder(
        play, (rb" UID FETCH", b"* 1 FETCH " + b"(" * 3_000 + b"\r\n" + DONE)
    )
    assert list(session.fetch_headers([1])) == []


def test_messages_not_asked_for_are_nobodys(play):
    """Else a server could put words into the mouth of another message."""
    answer = (
        b"* 1 FETCH (UID 8 BODY[] {5}\r\nwrong)\r\n"
        b"* 2 FETCH (UID 0 BODY[] {5}\r\nwrong)\r\n"
        b"* 3 FETCH (UID -1 BODY[] {5}\r\nwrong)\r\n"
        b"* 4 FETCH (UID 99999999999999999999 BODY[] {5}\r\nwrong)\r\n"
        b"* 5 FETCH (UID x BODY[] {5}\r\nwrong)\r\n"
        b"* 6 FETCH (UID 5 BODY[] {5}\r\nright)\r\n"
        b"* 7 FETCH UID\r\n* 8 FETCH\r\n* 9 FETCH ()\r\n"
    )
    session = folder(play, *[(rb" FETCH", answer + DONE)] * 2)
    assert list(session.fetch_messages([5, 6])) == [(5, b"right")]
    assert [one.uid for one in session.fetch_headers([5, 6])] == []  # no header came


# Searches


def test_ten_million_uids(play):
    line = b"* SEARCH %b\r\n" % b" ".join(b"%d" % uid for uid in range(1, 10_001))
    session = folder(play, (rb" SEARCH", chain(repeat(line, 1_000), [DONE])))
    ended(lambda: session.search_since(None), Kind.TOO_LARGE, Kind.PROTOCOL)


@pytest.mark.parametrize(
    "answer",
    [
        b"* ESEARCH UID ALL 1:4294967295\r\n",
        b"* ESEARCH UID ALL 1:99999999999\r\n",
        b"* ESEARCH UID ALL 0\r\n",
        b"* ESEARCH UID ALL " + b"1:3000000,5000000:9000000" + b"\r\n",
        b"* ESEARCH UID ALL " + b"1,3," * 600_000 + b"5\r\n",
        b"* SEARCH one two\r\n",
        b"* SEARCH 1.5\r\n",
        b"* SEARCH " + b"9" * 6_000 + b"\r\n",
    ],
    ids="all zeroless zero millions ranges words fractions digits".split(),
)
def test_searches_that_cannot_be_true(play, answer):
    script = [(rb" SEARCH", answer + DONE)] * 2
    session = folder(play, *script, caps=("ESEARCH",))
    ended(lambda: session.search_since(None), Kind.PROTOCOL)


def test_search_results_out_of_range_are_no_uids(play):
    """A database column would overflow, and the folder stop for ever."""
    answer = b"* SEARCH 0 7 4294967296 -3\r\n"
    session = folder(play, (rb" SEARCH", answer + DONE))
    assert session.search_since(None) == [7]


def test_extended_search_results_are_ranges(play):
    answer = b'* ESEARCH (TAG "x") UID ALL 2,10:12 MODSEQ 5\r\n' + DONE
    session = folder(play, (rb"SEARCH RETURN", answer), caps=("ESEARCH",))
    assert session.search_since(None) == [2, 10, 11, 12]
