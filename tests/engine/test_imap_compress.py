"""COMPRESS=DEFLATE (RFC 4978): fewer bytes on slow lines, and no zip bomb."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory import growth
from scripted import EXAMINE, HANG, opened

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind
from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.net.deflate import (
    MAX_IDLE,
    Deflate,
    DeflateError,
)

WORDS = b"offer invoice meeting customer please thanks regards ".split()


def mail(number: int, words: int = 400) -> bytes:
    body = b" ".join(random.Random(number).choices(WORDS, k=words))
    return b"From: a@example.org\r\nMessage-ID: <%d@x.example>\r\n\r\n%b\r\n" % (
        number,
        body,
    )


def count_received(session) -> list[int]:
    """Sizes of what comes over the network from now on."""
    connection = session._imap.connection
    sizes: list[int] = []
    receive = connection._receive

    def counted(buffer):
        sizes.append(receive(buffer))
        return sizes[-1]

    connection._receive = counted
    return sizes


@pytest.mark.parametrize(
    ("wanted", "compressed"), [(True, True), (None, False), (False, False)]
)
def test_mail_comes_compressed_if_wanted(
    servers, imap_endpoint, policy, user, wanted, compressed
):
    """None: not on this machine's own network, where it only costs time."""
    mails = [mail(number) for number in range(60)]
    uids = servers.append_many(user, "INBOX", mails)
    with ImapSession(imap_endpoint(), policy, Deadline(30), compress=wanted) as session:
        session.examine("INBOX")
        connection = session._imap.connection
        assert not connection._deflate  # a quiet folder needs no more commands
        sizes = count_received(session)
        assert [one.uid for one in session.fetch_headers(uids)] == uids
        fetched = dict(session.fetch_messages(uids))
        assert list(fetched.values()) == mails
        # What is sent and what comes next go on in the same stream.
        place = session.append("Sent", mail(99, words=40_000))
        session.examine("Sent")
        assert dict(session.fetch_messages([place[1]])) == {
            place[1]: mail(99, words=40_000)
        }
        assert bool(connection._deflate) is compressed
        assert (sum(sizes) < sum(map(len, mails)) / 2) is compressed


def test_over_the_internet_it_is_wanted(play, monkeypatch):
    from odoo.addons.mailbox_connector.engine.net.connection import Connection

    monkeypatch.setattr(Connection, "remote_address", lambda self: "93.184.215.14")
    script = [EXAMINE, (rb"COMPRESS DEFLATE", b"%t NO not today\r\n")]
    script += [(rb" FETCH ", b"%t OK done\r\n"), (rb" FETCH ", b"%t OK done\r\n")]
    session = opened(play, *script, caps=("COMPRESS=DEFLATE",))
    session.examine("INBOX")
    list(session.fetch_headers([1]))
    list(session.fetch_headers([2]))  # asked once, refused, gone on without
    asked = [line for line in session.server.received if b"COMPRESS" in line]
    assert len(asked) == 1 and not any(b"LOGIN" in line for line in asked)


@pytest.mark.parametrize(
    "part",
    [
        b"x" * 1_000,
        b"* 1 FETCH (UID 9 X {9000}\r\n" + b"x" * 9_000 + b")\r\n",
    ],
    ids=["one line", "answers without end"],
)
def test_a_zip_bomb_is_not_unpacked(play, part):
    """Some kB become 100 MB: no more than the limits may ever be in memory."""
    packer = zlib.compressobj(wbits=-15)
    packed = [packer.compress(part) for _round in range(100_000_000 // len(part))]
    packed = b"".join(packed) + packer.flush()
    assert len(packed) < 1_000_000
    session = opened(
        play,
        EXAMINE,
        (rb"COMPRESS", (b"%t OK done\r\n" + packed, HANG)),
        caps=("COMPRESS=DEFLATE",),
        compress=True,
        deadline=Deadline(60),
    )
    session.examine("INBOX")
    with growth() as grown, pytest.raises(EngineError) as caught:
        list(session.fetch_headers([1]))
    assert caught.value.kind is Kind.TOO_LARGE
    assert grown.megabytes < 250


@pytest.mark.parametrize(
    "garbage", [b"* OK not compressed\r\n" * 9, b"\x00\x00\x00\xff\xff" * 300_000]
)
def test_what_is_no_deflated_stream_is_a_protocol_error(play, garbage):
    session = opened(
        play,
        EXAMINE,
        (rb"COMPRESS", (b"%t OK done\r\n" + garbage, HANG)),
        caps=("COMPRESS=DEFLATE",),
        compress=True,
    )
    session.examine("INBOX")
    with pytest.raises(EngineError) as caught:
        list(session.fetch_headers([1]))
    assert caught.value.kind is Kind.PROTOCOL


@given(st.lists(st.binary(max_size=3_000)), st.data())
def test_nothing_is_lost_however_it_is_cut(messages, data):
    sender, receiver = Deflate(), Deflate()
    stream = b"".join(sender.pack(message) for message in messages)
    got = b""
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        receiver.feed(stream[:size])
        stream = stream[size:]
        while part := receiver.take(data.draw(st.integers(1, 4_000))):
            got += part
    assert got == b"".join(messages)
    assert not receiver.pending


def test_a_stream_of_nothing_ends():
    receiver = Deflate()
    with pytest.raises(DeflateError):
        for _round in range(MAX_IDLE // 5 + 2):
            receiver.feed(b"\x00\x00\x00\xff\xff")
            assert not receiver.take(100)
