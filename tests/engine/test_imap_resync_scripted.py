"""QRESYNC (RFC 7162) and OBJECTID (RFC 8474) as servers have them, or have not."""

from __future__ import annotations

import pytest
from scripted import opened

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind
from odoo.addons.mailbox_connector.engine.types import FolderStatus

DONE = b"%t OK done\r\n"
RESYNC = ("ENABLE", "CONDSTORE", "QRESYNC", "UNSELECT")
ENABLED = (rb" ENABLE QRESYNC\r", b"* ENABLED CONDSTORE QRESYNC\r\n" + DONE)
STATE = (
    b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 9] ok\r\n"
    b"* OK [HIGHESTMODSEQ 90] ok\r\n"
)


def test_purelymail_takes_qresync_as_the_only_parameter(play):
    resync = (
        rb' EXAMINE "INBOX" \(QRESYNC \(7 44\)\)\r',
        STATE + b"* VANISHED (EARLIER) 1:3,6\r\n* VANISHED (EARLIER) 8\r\n" + DONE,
    )
    session = opened(play, ENABLED, resync, resync, caps=RESYNC)
    for _again in range(2):  # enabled once
        session.examine("INBOX", (7, 44))
        assert str(session.vanished) == "1:3,6,8"


def test_what_vanished_from_the_folder_before_is_not_of_this_one(play):
    """Else messages of this folder would lose their place."""
    resync = (
        rb" EXAMINE",
        b"* VANISHED 1:2\r\n* OK [CLOSED] bye\r\n"
        + STATE
        + b"* VANISHED (EARLIER) 5\r\n"
        + DONE,
    )
    session = opened(play, ENABLED, resync, caps=RESYNC)
    session.examine("INBOX", (7, 44))
    assert str(session.vanished) == "5"


@pytest.mark.parametrize(
    "script",
    [
        [(rb" ENABLE", b"%t BAD what?\r\n")],
        [(rb" ENABLE", b"* ENABLED CONDSTORE\r\n" + DONE)],
        [ENABLED, (rb" EXAMINE .*QRESYNC", b"%t BAD what?\r\n")],
        [ENABLED, (rb" EXAMINE .*QRESYNC", b"%t NO not that way\r\n")],
        [ENABLED, (rb" EXAMINE .*QRESYNC", STATE + b"* VANISHED none\r\n" + DONE)],
        [ENABLED, (rb" EXAMINE .*QRESYNC", STATE + b"* VANISHED 0:*\r\n" + DONE)],
    ],
    ids=["enable", "enabled", "bad", "no", "garbage", "no UIDs"],
)
def test_a_server_that_cannot_do_its_qresync(play, script):
    """The folder opens all the same, and the session asks no second time."""
    plain = (rb' EXAMINE "INBOX"\r', STATE + DONE)
    session = opened(play, *script, plain, plain, caps=RESYNC)
    for _again in range(2):
        assert session.examine("INBOX", (7, 44)).highestmodseq == 90
        assert session.vanished is None


def test_unknown_is_not_nothing_vanished(play):
    """A folder without modification sequences, or a renumbered one, reports nothing."""
    none = (rb" EXAMINE", b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n" + DONE)
    renumbered = (rb" EXAMINE", STATE.replace(b"TY 7", b"TY 8") + DONE)
    many = b"* VANISHED (EARLIER) " + b",".join(
        b"%d" % n for n in range(1, 1_200_000, 2)
    )
    flood = (rb" EXAMINE", STATE + many + b"\r\n" + DONE)
    session = opened(play, ENABLED, none, renumbered, flood, caps=RESYNC)
    for _each in range(3):
        session.examine("INBOX", (7, 44))
        assert session.vanished is None


def test_a_folder_gone_is_no_fault_of_qresync(play):
    gone = b"%t NO [NONEXISTENT] no such folder\r\n"
    session = opened(
        play,
        *(ENABLED, (rb"QRESYNC", gone), (rb' EXAMINE "Old"\r', gone)),
        (rb"EXAMINE .*QRESYNC", STATE + DONE),
        caps=RESYNC,
    )
    with pytest.raises(EngineError) as caught:
        session.examine("Old", (7, 44))
    assert (caught.value.kind, caught.value.detail) == (Kind.FOLDER_GONE, "Old")
    assert session.folder is None
    session.examine("INBOX", (7, 44))
    assert session.vanished is not None and not session.vanished


# OBJECTID (RFC 8474), which Dovecot 2.3 has not


def test_a_folders_own_id_is_returned(play):
    """By it a renamed folder is known again."""
    examined = STATE + b"* OK [MAILBOXID (F3)] Ok\r\n" + DONE
    session = opened(play, (rb" EXAMINE", examined), caps=("OBJECTID",))
    assert session.examine("Work") == FolderStatus(3, 9, 7, 90, "F3")
