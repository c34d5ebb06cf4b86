"""What single providers do otherwise, and servers that announce what they cannot do.

From their documents and from what other programs' bug reports show; a server of
each is not to be had here.
"""

from __future__ import annotations

import pytest
from scripted import CLOSE, EXAMINE, opened

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind
from odoo.addons.mailbox_connector.engine.imap.messages import MAX_SET
from odoo.addons.mailbox_connector.engine.types import FolderStatus, Role

DONE = b"%t OK done\r\n"


def header_answer(number: int, more: bytes = b"") -> bytes:
    header = b"From: a@example.org\r\nMessage-ID: <%d@x.example>\r\n\r\n" % number
    return (
        b"* %d FETCH (UID %d %b RFC822.SIZE 900 INTERNALDATE"
        b' "01-Apr-2026 09:00:00 +0000" BODY[HEADER.FIELDS (FROM REPLY-TO TO CC'
        b" MESSAGE-ID)] {%d}\r\n%b)\r\n"
        % (number, number, more or b"FLAGS ()", len(header), header)
    )


def sent_lines(session, word: bytes) -> list[bytes]:
    return [line for line in session.server.received if word in line]


# Gmail


def test_gmail_all_mail_and_its_labels(play):
    """All Mail holds drafts and what was sent too: flags and labels tell them."""
    listed = (
        b'* LIST (\\HasNoChildren) "/" "INBOX"\r\n'
        b'* LIST (\\HasChildren \\Noselect) "/" "[Gmail]"\r\n'
        b'* LIST (\\All \\HasNoChildren) "/" "[Gmail]/Alle Nachrichten"\r\n'
        b'* LIST (\\Drafts \\HasNoChildren) "/" "[Gmail]/Entw&APw-rfe"\r\n'
        b'* LIST (\\HasNoChildren \\Sent) "/" "[Gmail]/Gesendet"\r\n'
        b'* LIST (\\HasNoChildren \\Junk) "/" "[Gmail]/Spam"\r\n'
        b'* LIST (\\HasNoChildren \\Flagged) "/" "[Gmail]/Markiert"\r\n'
        b'* LIST (\\HasNoChildren \\Important) "/" "[Gmail]/Wichtig"\r\n'
        b'* LIST (\\HasNoChildren \\Trash) "/" "[Gmail]/Papierkorb"\r\n'
    )
    all_mail = b'* STATUS "[Gmail]/Alle Nachrichten" (MESSAGES 4 UIDNEXT 9 %b)\r\n'
    listed += all_mail % b"UIDVALIDITY 11 HIGHESTMODSEQ 3344"
    fetched = (
        header_answer(1, rb'X-GM-LABELS ("\\Draft" "\\Important") FLAGS (\Draft \Seen)')
        + header_answer(2, rb'X-GM-LABELS ("\\Sent" 2024 "&AMQ-rger") FLAGS (\Seen)')
        + header_answer(3, b'X-GM-LABELS ({9}\r\nTo do (1) "\\\\Inbox") FLAGS ()')
        + header_answer(4, b"X-GM-LABELS () FLAGS (NonJunk)")
    )
    session = opened(
        play,
        (rb"RETURN \(SPECIAL-USE STATUS", listed + DONE),
        EXAMINE,
        (rb"X-GM-LABELS", fetched + DONE),
        caps=("X-GM-EXT-1", "CONDSTORE", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"),
    )
    folders = {one.name: one for one in session.list_folders(status=True)}
    assert folders["[Gmail]/Alle Nachrichten"].role is Role.ALL
    assert folders["[Gmail]/Alle Nachrichten"].status.highestmodseq == 3344
    assert folders["[Gmail]/Entwürfe"].role is Role.DRAFTS
    assert folders["[Gmail]/Gesendet"].role is Role.SENT
    assert folders["[Gmail]/Papierkorb"].role is Role.TRASH
    assert not folders["[Gmail]"].selectable
    session.examine("[Gmail]/Alle Nachrichten")
    draft, sent, inbox, none = session.fetch_headers([1, 2, 3, 4])
    assert "\\draft" in draft.flags and "\\draft" in draft.labels
    assert sent.labels == {"\\sent", "2024", "ärger"}
    assert inbox.labels == {"to do (1)", "\\inbox"}
    assert none.labels == frozenset() and none.flags == {"nonjunk"}


# Microsoft 365


def test_microsoft_leaves_out_a_message_that_is_there(play):
    """It is not gone: taken for deleted, it would never be read."""
    session = opened(
        play,
        EXAMINE,
        (rb" FETCH 1:3 ", header_answer(1) + header_answer(3) + DONE),
        (rb" SEARCH UID 2\r", b"* SEARCH 2\r\n" + DONE),
        (rb" FETCH 2 ", DONE),
        caps=("UIDPLUS", "MOVE", "UNSELECT", "LITERAL+"),
    )
    session.examine("INBOX")
    assert [one.uid for one in session.fetch_headers([1, 2, 3])] == [1, 3]
    assert session.existing([2]) == {2}
    assert list(session.fetch_messages([2])) == []
    assert not session.unfetchable  # it was not refused either


def test_microsoft_takes_no_long_lines(play):
    """Longer than 4,096 bytes and the server says BAD, for the whole batch."""
    uids = list(range(3_000_000_001, 3_000_002_000, 2))
    answers = [(rb" UID (FETCH|SEARCH)", DONE)] * 7
    session = opened(play, EXAMINE, *answers)
    session.examine("INBOX")
    list(session.fetch_headers(uids[:500]))
    session.existing(uids)
    lines = sent_lines(session, b" UID ")
    assert len(lines) > 4 and max(map(len, lines)) < 4_096
    assert max(map(len, lines)) > MAX_SET - 200


# iCloud


def test_icloud_says_nothing_when_nothing_is_found(play):
    session = opened(play, EXAMINE, (rb" SEARCH ", DONE), (rb" SEARCH ", DONE))
    session.examine("INBOX")
    assert session.existing([5]) == set()
    assert session.search_uids(1, 9) == []


def test_icloud_is_asked_for_body_and_never_for_rfc822(play):
    """Its answer to RFC822 is empty; BODY[] also sets no \\Seen."""
    answer = b"* 1 FETCH (UID 1 BODY[] {2}\r\nhi)\r\n" + DONE
    session = opened(play, EXAMINE, (rb" UID FETCH", answer))
    session.examine("INBOX")
    assert dict(session.fetch_messages([1])) == {1: b"hi"}
    (line,) = sent_lines(session, b" FETCH ")
    assert b"BODY.PEEK[]" in line and b"RFC822" not in line


# Yahoo


@pytest.mark.parametrize(
    "answer",
    [
        b"%t NO [LIMIT] UID FETCH Rate limit hit.\r\n* BYE rate limit\r\n",
        b"* BYE [LIMIT] Rate limit hit\r\n",
    ],
)
def test_yahoo_asks_for_a_pause(play, answer):
    """Asking for each message alone then would make it worse."""
    session = opened(play, EXAMINE, (rb" UID FETCH", (answer, CLOSE)))
    session.examine("INBOX")
    with pytest.raises(EngineError) as caught:
        list(session.fetch_headers([1, 2, 3]))
    assert caught.value.kind is Kind.THROTTLED and caught.value.retryable
    assert len(sent_lines(session, b" FETCH ")) == 1


# 163, 126


def test_163_wants_to_know_who_we_are(play):
    """Without ID it refuses every folder as "Unsafe Login"; it has no UIDNEXT."""
    listed = b'* LIST (\\Sent) "/" "&XfJT0ZAB-"\r\n* LIST () "/" INBOX\r\n'
    states = b"* STATUS INBOX (MESSAGES 3 UIDVALIDITY 1)\r\n"
    examined = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 1] UIDs valid\r\n"
    session = play(
        [
            (None, b"* OK Coremail System IMap Server Ready\r\n"),
            (
                rb" CAPABILITY",
                b"* CAPABILITY IMAP4rev1 XLIST SPECIAL-USE ID\r\n" + DONE,
            ),
            (rb" ID \(", b'* ID ("name" "Coremail Imap")\r\n' + DONE),
            (rb" LOGIN", DONE),
            (
                rb" CAPABILITY",
                b"* CAPABILITY IMAP4rev1 XLIST SPECIAL-USE ID\r\n" + DONE,
            ),
            (rb" LIST", listed + DONE),
            (rb" STATUS", states + DONE),
            (rb" STATUS", b"%t NO not now\r\n"),
            (rb" EXAMINE", examined + DONE),
            (rb" SEARCH", b"* SEARCH 7 1 5\r\n" + DONE),
            (rb" EXAMINE", b"%t NO EXAMINE Unsafe Login. Please contact us\r\n"),
            (rb" LIST", listed + DONE),
        ]
    )
    session.open()
    folders = {one.name: one for one in session.list_folders(status=True)}
    assert folders["已发送"].role is Role.SENT
    assert session.examine("INBOX").uidnext is None
    assert session.search_uids(2) == [5, 7]
    with pytest.raises(EngineError) as caught:
        session.examine("INBOX")
    assert caught.value.kind is Kind.TRANSIENT  # the folder is there
    assert "Unsafe Login" in caught.value.server_text


# QQ for companies


def test_qq_is_given_ascending_sets_only(play):
    """BAD to 9:7 or 9,3; the order that was asked for comes back all the same."""
    messages = b"".join(
        b"* %d FETCH (UID %d BODY[] {1}\r\n%d)\r\n" % (uid, uid, uid)
        for uid in (3, 7, 8, 9)
    )
    session = opened(play, EXAMINE, (rb" FETCH 3,7:9 ", messages + DONE))
    session.examine("INBOX")
    fetched = list(session.fetch_messages([9, 3, 8, 7]))
    assert fetched == [(9, b"9"), (3, b"3"), (8, b"8"), (7, b"7")]


# Announced and not there


def test_a_server_that_knows_none_of_what_it_announces(play):
    """Every extension answered with BAD: the base protocol does it all."""
    bad = b"%t BAD Unknown command\r\n"
    inbox = b"* STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\r\n"
    session = opened(
        play,
        (rb" ID ", bad),
        (rb" LIST .*RETURN \(SPECIAL-USE STATUS", bad),
        (rb" LIST .*RETURN \(SPECIAL-USE\)", bad),
        (rb' LIST "" "\*"\r', b'* LIST () "/" INBOX\r\n* LIST () "/" Sent\r\n' + DONE),
        *[(rb" STATUS .*HIGHESTMODSEQ", bad)] * 2,
        (rb' STATUS "INBOX" \(MESSAGES UIDNEXT UIDVALIDITY\)', inbox + DONE),
        (rb" STATUS ", inbox.replace(b"INBOX", b"Sent") + DONE),
        (rb" ENABLE ", bad),
        EXAMINE,
        (rb" SEARCH RETURN", bad),
        (rb" SEARCH ALL", b"* SEARCH 1 2\r\n" + DONE),
        (rb" COMPRESS ", bad),
        (rb" FETCH ", header_answer(1) + header_answer(2) + DONE),
        (rb' APPEND "Sent" \(', b"+ go\r\n%t OK done\r\n"),
        (rb" SEARCH ALL", b"* SEARCH 1 2\r\n" + DONE),
        caps=(
            *("ID", "ENABLE", "CONDSTORE", "QRESYNC", "OBJECTID", "LIST-EXTENDED"),
            *("LIST-STATUS", "SPECIAL-USE", "ESEARCH", "COMPRESS=DEFLATE", "UIDPLUS"),
        ),
        compress=True,
    )
    inbox, sent = session.list_folders(status=True)
    assert inbox.status == sent.status == FolderStatus(3, 9, 7)
    assert sent.role is Role.SENT
    session.examine("INBOX", (7, 44))
    assert session.vanished is None
    assert session.search_since(None) == [1, 2]
    assert [one.uid for one in session.fetch_headers([1, 2])] == [1, 2]
    assert session.append("Sent", b"Subject: x\r\n\r\ny\r\n") is None
    assert session.search_since(None) == [1, 2]
