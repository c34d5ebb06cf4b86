"""One answer that cannot be read costs itself alone: FETCH, LIST, STATUS."""

from __future__ import annotations

import time
from datetime import date

import pytest
from breaking_server import BreakingServer
from hypothesis import given
from hypothesis import strategies as st
from model_store import ModelStore
from scripted import EXAMINE, PASSWORD, opened

from odoo.addons.mailbox_connector.engine.errors import EngineError, Side
from odoo.addons.mailbox_connector.engine.imap import listed, responses
from odoo.addons.mailbox_connector.engine.imap.odd_fetch import is_out_of_step
from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.sync.account import AccountPass
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

DONE = b"%t OK done\r\n"
TODAY = date(2026, 3, 1)
#: Keywords that are no atoms, or that a lexer takes for something else.
ODD_FLAGS = [b"foo[bar", b"foo]bar", b"fo(o", b"fo)o", b"{x}", b"{5}", b'fo"o', b'"']
ODD_FLAGS += [b"a UID 5", b"\\", b"%", b"*", b"\xff\xfe", b"NIL", b"()", b"[", b"a\\b"]


@pytest.fixture
def breaking(certificate, policy):
    """Runs passes over a server that cannot return some messages."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificate.pair))
    servers = []

    def start(**options):
        server = BreakingServer(**options)
        server.wrap = lambda sock: context.wrap_socket(sock, server_side=True)
        servers.append(server)
        where = Endpoint(
            Side.IMAP,
            "localhost",
            server.port,
            Security.TLS,
            "user@example.com",
            PASSWORD,
            certificate.ca_pem,
        )

        def run(store):
            try:
                with ImapSession(where, policy, Deadline(20), read_timeout=0.3) as one:
                    AccountPass(one, store, Deadline()).run(backfill=True)
            except EngineError as error:
                return error
            finally:
                store.rollback()
            return None

        return server, run

    yield start
    for server in servers:
        server.stop()


PHASES = ("BODY.PEEK[]", "HEADER")
MODES = "cut cut_before bye hang short shorter long longer longest garbage nil nothing"


@pytest.mark.parametrize(
    ("mode", "place", "where"),
    [(mode, 9, where) for mode in MODES.split() for where in PHASES]
    + [(mode, place, PHASES[0]) for mode in ("cut", "long") for place in (1, 17)],
)
def test_a_message_that_the_server_cannot_return(breaking, mode, place, where):
    server, run = breaking(bad={place: mode}, where=where, folders={"INBOX": {}})
    store = ModelStore(TODAY, None)
    assert run(store) is None
    server.folders["INBOX"] = {uid: b"%d" % (uid + 1000) for uid in range(1, 18)}
    for _pass in range(3):
        run(store)
    assert set(store.data.imported) == set(range(1001, 1018)) - {place + 1000}
    for _pass in range(3):
        run(store)
    assert store.data.keep_failed == {(1, place)}
    before = len(server.commands)
    assert run(store) is None
    assert not any(b"FETCH" in line for line in server.commands[before:])


@pytest.mark.parametrize("where", PHASES)
def test_an_answer_without_its_uid_is_requested_alone(breaking, where):
    server, run = breaking(bad={2: "nameless"}, where=where, folders={"INBOX": {}})
    store = ModelStore(TODAY, None)
    run(store)
    server.folders["INBOX"] = {uid: b"%d" % (uid + 1000) for uid in range(1, 5)}
    assert run(store) is None
    assert set(store.data.imported) == {1001, 1002, 1003, 1004}
    assert not store.data.keep_failed


@pytest.mark.parametrize("flag", ODD_FLAGS)
def test_an_odd_keyword_does_not_cost_the_message(breaking, flag):
    server, run = breaking(flags={2: b"\\Seen " + flag}, folders={"INBOX": {}})
    store = ModelStore(TODAY, None)
    run(store)
    server.folders["INBOX"] = {uid: b"%d" % (uid + 1000) for uid in range(1, 4)}
    assert run(store) is None
    assert set(store.data.imported) == {1001, 1002, 1003}
    assert server.connections == 2


HEADER = b"From: a@example.org\r\n\r\n"


def fetched(*parts, wanted=(7,)):
    found = {}
    responses.read_fetch(list(parts), wanted, found)
    return found


@given(st.lists(st.sampled_from(ODD_FLAGS), max_size=4), st.booleans(), st.booleans())
def test_uid_and_literal_are_found_beside_any_flags(flags, behind, draft):
    flags = b" ".join([*flags, b"\\Draft"] if draft else flags)
    items = b"UID 7 RFC822.SIZE 12 BODY[HEADER.FIELDS (FROM)] {%d}" % len(HEADER)
    if behind:
        parts = (b"1 (" + items, HEADER), b" FLAGS (%b))" % flags
    else:
        parts = (b"1 (FLAGS (%b) %b" % (flags, items), HEADER), b")"
    items = fetched(*parts)[7]
    assert responses.section(items, b"BODY[HEADER") == HEADER
    record = responses.header_record(7, items, lambda header: ({}, "", None, header))
    if draft and not any(b"(" in one or b'"' in one for one in [flags]):
        assert "\\draft" in record.flags


def test_a_label_that_looks_like_a_uid_is_none():
    items = b'1 (X-GM-LABELS ("UID 5" fo"o) UID 7 BODY[] {2}'
    assert fetched((items, b"hi"), b")", wanted=(5, 7)).keys() == {7}


@pytest.mark.parametrize(
    ("answer", "out_of_step"),
    [
        ([(b"1 (UID 7 BODY[] {2}", b"hi"), b")"], False),
        ([(b"1 (UID 7 BODY[] {2}", b"hi"), b" FLAGS (x))"], False),
        ([(b"1 (BODY[] {2}", b"hi"), b" UID 7)"], False),
        ([(b"1 (X-GM-LABELS ({1}", b"a"), b' "b") UID 7)'], False),
        ([b"1 (UID 7 FLAGS (a))"], False),
        ([(b"1 (UID 7 BODY[] {2}", b"hi")], True),
        ([(b"1 (UID 7 BODY[] {2}", b"hi"), b"re is more)"], True),
        ([(b"1 (UID 7 BODY[] {2}", b"hi"), b" there is (more)"], True),
        ([(b"1 (UID 7 BODY[] {5}", b"hi)\r\n"), b"* 2 FETCH (UID 8 FLAGS ())"], True),
        ([(b"1 (UID 7 BODY[] {2}", b"hi"), b""], True),
        ([(b"1 (UID 7 BODY[] {2}", b"hi"), b") and more"], True),
    ],
)
def test_a_literal_of_the_wrong_length_shows(answer, out_of_step):
    """What follows it is another message's, or text of this one: neither is used."""
    assert is_out_of_step(answer) is out_of_step
    assert bool(fetched(*answer)) is (not out_of_step and b"UID 7" in b"".join(
        part[0] if isinstance(part, tuple) else part for part in answer
    ))  # fmt: skip


def test_nothing_after_an_answer_out_of_step_is_used():
    """A mail could contain the answer for another one."""
    first = (b"1 (UID 7 BODY[] {2}", b"hi")
    forged = (b"2 (UID 8 BODY[] {6}", b"forged")
    assert fetched(first, b" x", forged, b")", wanted=(7, 8)) == {}


def test_an_answer_that_swallowed_the_next_one_is_not_used():
    swallowed = b"hi)\r\n* 2 FETCH (UID 8 BODY[] {2}\r\nho"
    answer = (b"1 (UID 7 BODY[] {%d}" % len(swallowed), swallowed)
    assert fetched(answer, b")", wanted=(7, 8)) == {}
    # Alone, it is what the server says.
    assert fetched(answer, b")")[7][b"BODY[]"] == swallowed


@pytest.mark.parametrize(
    "text",
    [
        b"FLAGS (" * 20_000,
        b"(" * 100_000,
        b'"' * 100_000,
        b"UID " * 25_000,
        b"BODY[" * 20_000,
        b") " * 50_000,
        b"\\" * 100_000,
        b"FLAGS (a) UID" * 8_000,
    ],
)
def test_bad_answers_take_no_time(text):
    began = time.monotonic()
    fetched((b"1 (" + text + b" BODY[] {2}", b"hi"), b" " + text + b")")
    listed.read_folder([b"(" + text + b') "/" "' + text + b'"'])
    listed.read_folder([b'() "/" ' + text])
    listed.read_status([text + b" (" + text + b")"])
    assert time.monotonic() - began < 2


# LIST and STATUS


@pytest.mark.parametrize(
    ("answer", "name", "delimiter"),
    [
        (b'() "/" INBOX', "INBOX", "/"),
        (b'(\\HasNoChildren) "/" "Deleted Items"', "Deleted Items", "/"),
        # Exchange does not quote them.
        (b'(\\HasNoChildren) "/" Deleted Items', "Deleted Items", "/"),
        (b'() "/" Projects (old)', "Projects (old)", "/"),
        (b'() "/" Projects (OLD)', "Projects (OLD)", "/"),
        (b'() "/" Deleted Items ', "Deleted Items", "/"),
        # Legal atoms.
        (b'() "/" foo[bar', "foo[bar", "/"),
        (b'() "/" [Gmail]/Spam', "[Gmail]/Spam", "/"),
        (b'() "/" a]b', "a]b", "/"),
        (b'() "/" {7}', "Archive", "/"),
        (b'() NIL "Flat"', "Flat", None),
        (b'() nil Flat', "Flat", None),
        (b'() "" Flat', "Flat", None),
        (b'() "." INBOX.Sub', "INBOX.Sub", "."),
        (b'() . INBOX.Sub', "INBOX.Sub", "."),
        # hMailServer, as it escapes and as it does not.
        (b'() "\\\\" "INBOX\\\\Sub"', "INBOX\\Sub", "\\"),
        (b'() "\\" "INBOX\\Sub"', "INBOX\\Sub", "\\"),
        (b'() "\\" "INBOX\\"', "INBOX\\", "\\"),
        (b'() "\\" INBOX\\Sub', "INBOX\\Sub", "\\"),
        (b'() "/" "Say "hi""', 'Say "hi"', "/"),
        (b'() "/" "Say \\"hi\\""', 'Say "hi"', "/"),
        (b'() "/" 24" monitors', '24" monitors', "/"),
        (b'() "/" "Sub" ("CHILDINFO" ("SUBSCRIBED"))', "Sub", "/"),
        (b'(\\Odd[Flag fo"o) "/" Sub', "Sub", "/"),
        (b'(\\HasNoChildren)  "/"  "Sub"', "Sub", "/"),
        (b'() "/" ""', None, None),
        (b'() "/" ', None, None),
        (b'(\\HasNoChildren "/" Sub', None, None),
        (b"Sub", None, None),
        (b"", None, None),
    ],
)  # fmt: skip
def test_folder_names_as_servers_send_them(answer, name, delimiter):
    answer = [(answer, b"Archive"), b""] if answer.endswith(b"}") else [answer]
    folder = listed.read_folder(answer)
    if name is None:
        assert folder is None
    else:
        assert (folder.raw_name, folder.delimiter) == (name, delimiter)


NUMBERS = b"(MESSAGES 3 UIDNEXT 4 UIDVALIDITY 5)"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b"INBOX ", "INBOX"),
        (b'"INBOX\\Sub" ', "INBOX\\Sub"),
        (b'"INBOX\\\\Sub" ', "INBOX\\Sub"),
        (b'"Sub\\" ', "Sub\\"),
        (b"Deleted Items ", "Deleted Items"),
        (b'"Say "hi"" ', 'Say "hi"'),
        (b'"a (b) c" ', "a (b) c"),
        (b"foo[bar ", "foo[bar"),
        (b'"MESSAGES (MESSAGES 9)" ', "MESSAGES (MESSAGES 9)"),
        (b'"INBOX"', "INBOX"),
    ],
)
def test_states_as_servers_name_the_folder(sent, name):
    names, status = listed.read_status([sent + NUMBERS])
    assert name in names
    assert (status.messages, status.uidnext, status.uidvalidity) == (3, 4, 5)
    names, _status = listed.read_status([(b"{9}", b"Any\\thing"), b" " + NUMBERS])
    assert names == ("Any\\thing",)


@pytest.mark.parametrize(
    "answer", [b"", b"INBOX", b"INBOX ()", b"INBOX (", b"()", b"INBOX (UIDNEXT 4)"]
)
def test_states_that_say_too_little_are_none(answer):
    assert listed.read_status([answer]) is None


@given(st.binary(max_size=60))
def test_whatever_is_listed_is_read_or_refused(answer):
    listed.read_folder([answer])
    listed.read_status([answer])
    listed.shown([answer])
    listed.read_folder([(b'() "/" {3}', answer), b""])


def test_one_bad_answer_hides_no_other_folder(play):
    lines = (
        b'* LIST () "/" INBOX\r\n'
        b'* LIST (\\Sent "/" "Broken"\r\n'
        b"* list () nonsense\r\n"
        b'* LIST () "/" {5}\r\na\r\nbc\r\n'
        b'* LIST () "/" foo[bar\r\n'
    )
    session = opened(play, (rb" LIST", lines + DONE))
    names = [one.raw_name for one in session._list(False)[0]]
    assert names == ["INBOX", "foo[bar"]
    nonsense, broken, literal = session.unreadable_names
    assert nonsense == "nonsense" and "Broken" in broken and literal.endswith("bc")


def test_one_bad_state_hides_no_other_folder(play):
    states = (
        b"* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)\r\n",
        b'* STATUS "INBOX\\Sub" (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 3)\r\n',
        b"* STATUS ((( nonsense\r\n",
        b"%t NO Server Unavailable. 15\r\n",
    )
    script = [(rb" STATUS", one + (b"" if b"NO" in one else DONE)) for one in states]
    session = opened(play, *script)
    found = session.status(["INBOX", "INBOX\\Sub", "Odd", "Refused"])
    assert {name: one.messages for name, one in found.items()} == {
        "INBOX": 1,
        "INBOX\\Sub": 2,
    }


def test_a_line_of_no_known_form_is_no_answer(play):
    """It must not end the pass; the command's own answer follows."""
    lines = b"* \r\n* -\r\n* fetch\r\n* 7\r\n* search 1\r\n* OK\r\n* SEARCH 3\r\n"
    session = opened(play, EXAMINE, (rb" SEARCH", lines + DONE))
    session.examine("INBOX")
    assert session.search_since(None) == [3]
