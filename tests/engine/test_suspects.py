"""A server breaks off at one message: the others come, and that one is put aside.

On the model server, which breaks off in every way that was seen.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import ENDS, Abilities, ModelServer, ModelSession
from model_store import ModelStore

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.sync.account import AccountPass
from odoo.addons.mailbox_connector.engine.sync.interfaces import BatchFailed
from odoo.addons.mailbox_connector.engine.sync.suspects import RECONNECTS

TODAY = date(2026, 3, 1)
WINDOW = TODAY - timedelta(days=7)
#: With and without what comes before the bad message.
MODES = [*ENDS, *map(str.upper, ENDS)]


class Pass:
    """What one pass did."""

    def __init__(self, server, store, bad, phase="bodies", step=lambda: None, **limits):
        session = ModelSession(server, Abilities(), step, bad=bad, phase=phase)
        self.session = session
        self.error = None
        deadline = Deadline(limits.get("seconds"))
        try:
            AccountPass(session, store, deadline).run(limits.get("backfill", True))
        except EngineError as error:
            self.error = error.kind
        finally:
            store.rollback()


def mailbox(count, received=TODAY, folder="INBOX", backfill=None):
    """A connected mailbox; then ``count`` contacts' e-mails arrive."""
    server, store = ModelServer(), ModelStore(TODAY, backfill)
    if received == TODAY:
        assert not Pass(server, store, {}).error
    for _mail in range(count):
        server.deliver(folder, received)
    return server, store


def failed(store):
    return {uid for _key, uid in store.data.keep_failed}


def inbox(store):
    return next(s for s in store.folders() if s.raw_name == "INBOX")


def no_suspects(store):
    return not any(state.suspects for state in store.data.states.values())


@pytest.mark.parametrize("phase", ["headers", "bodies"])
@pytest.mark.parametrize("place", ["first", "middle", "last", "several", "neighbours"])
@pytest.mark.parametrize("mode", MODES)
def test_the_others_come_within_three_passes(mode, place, phase):
    server, store = mailbox(17)
    at = {"first": [1], "middle": [9], "last": [17], "several": [3, 9, 15]}
    bad = dict.fromkeys(at.get(place, [8, 9]), mode)
    for _pass in range(3):
        work = Pass(server, store, bad, phase)
        assert work.session.reconnects <= RECONNECTS
    assert set(store.data.imported) == set(range(1, 18)) - bad.keys()
    if len(bad) == 1:
        assert failed(store) == bad.keys() and no_suspects(store)
    for _pass in range(12):
        Pass(server, store, bad, phase)
    assert failed(store) == bad.keys() and no_suspects(store)
    quiet = Pass(server, store, bad, phase)
    assert not quiet.error and not quiet.session.fetches


@pytest.mark.parametrize("phase", ["headers", "bodies"])
@pytest.mark.parametrize("mode", MODES)
def test_in_an_import_of_older_e_mails_too(mode, phase):
    """It is attributed to the import: undoing it takes out the others."""
    server, store = mailbox(17, WINDOW, backfill=WINDOW)
    bad = {5: mode}
    for _pass in range(3):
        Pass(server, store, bad, phase)
    assert set(store.data.imported) == set(range(1, 18)) - {5}
    for _pass in range(6):
        Pass(server, store, bad, phase)
    assert failed(store) == {5}
    assert store.data.backfills[1].state == "done"
    store.undo(1)
    assert not store.data.imported


@pytest.mark.parametrize("mode", MODES)
def test_a_folder_of_hundreds(mode):
    """The header batch is halved, however long it is."""
    server, store = mailbox(700)
    bad = {333: mode}
    for _pass in range(3):
        Pass(server, store, bad, "headers")
    assert set(store.data.imported) == set(range(1, 701)) - {333}
    for _pass in range(6):
        Pass(server, store, bad, "headers")
    assert failed(store) == {333} and no_suspects(store)


@pytest.mark.parametrize("mode", ["cut", "CUT"])
@pytest.mark.parametrize("phase", ["headers", "bodies"])
def test_renumbered_folders_and_the_daily_comparison(mode, phase):
    server, store = mailbox(9)
    assert not Pass(server, store, {}).error
    for number in range(9):
        server.deliver("INBOX", TODAY, known=number % 2 == 0)
    server.renumber("INBOX")
    bad = {12: mode}
    for _pass in range(6):
        Pass(server, store, bad, phase)
    known = {n for n in range(1, 19) if n < 10 or n % 2 == 0}
    assert set(store.data.imported) >= known - {12}
    store.tomorrow()
    box = server.boxes["INBOX"]
    hidden = {uid: box.mails.pop(uid) for uid in sorted(box.mails)[-2:]}
    assert not Pass(server, store, bad, phase).error
    box.mails.update(hidden)
    store.tomorrow()
    for _pass in range(6):
        work = Pass(server, store, bad, phase)
    assert not work.error and no_suspects(store)


def test_a_bad_message_in_each_of_two_folders():
    server, store = mailbox(5)
    for _mail in range(5):
        server.deliver("Archive", TODAY)
    bad = {2: "cut", 8: "HANG"}
    for _pass in range(3):
        Pass(server, store, bad)
    assert set(store.data.imported) == set(range(1, 11)) - bad.keys()
    Pass(server, store, bad)
    assert len(store.data.keep_failed) == 2


def test_what_came_before_the_break_is_kept_when_nothing_works_after_it():
    """Also in the first phase: a stranger's e-mail needs nothing more."""
    server, store = mailbox(3)
    server.deliver("INBOX", TODAY, known=False)
    server.deliver("INBOX", TODAY)

    def step():
        if session and session.reconnects:
            raise EngineError(Kind.REFUSED, Side.IMAP)

    session = None
    session = ModelSession(server, Abilities(), step, bad={5: "cut"})
    with pytest.raises(EngineError) as caught:
        AccountPass(session, store, Deadline()).run(backfill=False)
    store.rollback()
    assert caught.value.kind is Kind.REFUSED
    assert 4 in store.handled(inbox(store).key), (
        "the stranger's e-mail is checked again"
    )
    Pass(server, store, {})
    assert set(store.data.imported) == {1, 2, 3, 5} and not failed(store)


def test_a_server_that_goes_down_in_the_middle_blames_nobody():
    """From some command on everything fails, for any number of passes."""
    for after in range(1, 25):
        server, store = mailbox(9)
        left = after

        def step():
            nonlocal left
            left -= 1
            if left < 0:
                raise EngineError(Kind.CONNECTION_LOST, Side.IMAP)

        for _pass in range(30):
            Pass(server, store, {}, step=step)
        assert not failed(store)
        assert not Pass(server, store, {}).error
        assert set(store.data.imported) == set(range(1, 10)), after


@pytest.mark.parametrize("phase", ["headers", "bodies"])
@pytest.mark.parametrize("mode", MODES)
def test_a_storage_that_is_down_blames_nobody(mode, phase):
    """Everything works but FETCH, which fails for every message."""
    server, store = mailbox(4)
    assert not Pass(server, store, {}).error
    for _mail in range(9):
        server.deliver("INBOX", TODAY)
    for _pass in range(30):
        work = Pass(server, store, dict.fromkeys(range(1, 14), mode), phase)
        assert work.session.reconnects <= RECONNECTS
    assert not failed(store)
    for _pass in range(2):
        Pass(server, store, {})
    assert set(store.data.imported) == set(range(1, 14)) and no_suspects(store)


@settings(max_examples=60, derandomize=True)
@given(st.integers(0, 10**6), st.integers(3, 6))
def test_a_server_that_cuts_at_random_blames_hardly_anybody(seed, every):
    """One command in ``every`` loses the connection."""
    chance = random.Random(seed)
    server, store = mailbox(20)

    def step():
        if chance.random() < 1 / every:
            raise EngineError(Kind.CONNECTION_LOST, Side.IMAP)

    for _pass in range(40):
        Pass(server, store, {}, step=step)
    for _pass in range(2):
        Pass(server, store, {})
    # Failed imports are requested again later.
    assert len(failed(store)) <= 1
    assert len(store.data.imported) + len(failed(store)) == 20


def test_throttling_blames_nobody_and_is_not_hammered(monkeypatch):
    monkeypatch.setitem(ENDS, "limit", (Kind.THROTTLED, True))
    server, store = mailbox(9)
    for _pass in range(20):
        work = Pass(server, store, {5: "limit"})
        assert work.error is Kind.THROTTLED and not work.session.reconnects
    assert set(store.data.imported) == set(range(1, 10)) - {5}
    assert not failed(store)


def test_a_killed_process_is_continued_by_another():
    """What was suspected is stored when the process ends, at any step."""

    class Killed(BaseException):
        pass

    for after in range(1, 60):
        server, store = mailbox(9)
        left = after

        def step():
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        store.step = step
        try:
            Pass(server, store, {4: "CUT"}, step=step)
        except Killed:
            pass
        store.step = lambda: None
        store.rollback()
        for _pass in range(3):
            Pass(server, store, {4: "CUT"})
        assert set(store.data.imported) == set(range(1, 10)) - {4}, after
        assert failed(store) == {4}


def test_a_bad_message_that_is_deleted_is_forgotten():
    server, store = mailbox(9)
    Pass(server, store, {4: "hang"}, seconds=0.0)  # no time to find out
    server.boxes["INBOX"].remove(4)
    for _pass in range(2):
        Pass(server, store, {4: "hang"})
    assert no_suspects(store) and not failed(store)


def test_a_message_that_comes_later_is_imported():
    """The server was repaired before it was certain what the reason was."""
    server, store = mailbox(9)
    server.deliver("INBOX", TODAY)

    def once():
        if session and session.reconnects:
            raise EngineError(Kind.REFUSED, Side.IMAP)

    session = None
    session = ModelSession(server, Abilities(), once, bad={4: "cut"}, phase="bodies")
    with pytest.raises(EngineError):
        AccountPass(session, store, Deadline()).run(backfill=True)
    store.rollback()
    assert inbox(store).suspects
    Pass(server, store, {})
    assert set(store.data.imported) == set(range(1, 11))
    assert no_suspects(store) and not failed(store)


@pytest.mark.parametrize(
    "lost", [False, True], ids=["refused", "the connection is lost"]
)
@pytest.mark.parametrize("command", ["examine", "search_since", "existing"])
def test_a_folder_that_cannot_be_read_does_not_end_the_pass_for_others(command, lost):
    """Not its renumbering or import either, which go on when it can be read again."""
    server, store = mailbox(3, WINDOW, folder="Archive", backfill=WINDOW)
    for _mail in range(3):
        server.deliver("INBOX", WINDOW)
    kind = Kind.CONNECTION_LOST if lost else Kind.TRANSIENT

    class Session(ModelSession):
        broken = True

        def _fail(self, name):
            if self.broken and "Archive" in (name, self.folder):
                self.lost = lost
                raise EngineError(kind, Side.IMAP)

    def failing(session, *arguments):
        session._fail(arguments[0] if command == "examine" else None)
        return getattr(ModelSession, command)(session, *arguments)

    setattr(Session, command, failing)

    def work(broken):
        session = Session(server, Abilities(), lambda: None)
        session.broken = broken
        AccountPass(session, store, Deadline()).run(backfill=True)

    def numbers(name):
        return {mail.number for mail in server.boxes[name].mails.values()}

    for _pass in range(2):
        for name in ("Archive", "INBOX"):
            server.deliver(name, TODAY)
            server.expunge(name, 0)
        work(broken=True)
    assert numbers("INBOX") <= set(store.data.imported)
    archive = next(s for s in store.folders() if s.raw_name == "Archive")
    assert store.data.problems == ({archive.key: kind.value} if archive.problem else {})
    if command != "existing":
        assert archive.problem and store.data.backfills[1].state == "running"
    work(broken=False)
    assert not store.data.problems
    assert store.data.backfills[1].state == "done"
    assert numbers("Archive") <= set(store.data.imported)


def test_no_folder_can_be_read_is_about_the_mailbox():
    server, store = mailbox(3)

    class Session(ModelSession):
        def examine(self, raw_name, since=None):
            raise EngineError(Kind.TRANSIENT, Side.IMAP)

        def status(self, raw_names):
            return {}

        def list_folders(self, status=False):
            return [replace(one, status=None) for one in super().list_folders(status)]

    with pytest.raises(EngineError) as caught:
        session = Session(server, Abilities(), lambda: None)
        AccountPass(session, store, Deadline()).run(backfill=True)
    assert caught.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize("answer", ["nothing", "no UIDVALIDITY"])
def test_examine_tells_what_status_does_not(answer):
    """A folder whose STATUS is refused, empty or names another folder is read."""
    server, store = mailbox(0)

    class Session(ModelSession):
        def status(self, raw_names):
            found = super().status(raw_names)
            if answer == "nothing":
                return {}
            return {k: replace(one, uidvalidity=0) for k, one in found.items()}

        def list_folders(self, status=False):
            return [replace(one, status=None) for one in super().list_folders(status)]

    for _mail in range(3):
        server.deliver("INBOX", TODAY)
    for _pass in range(2):
        session = Session(server, Abilities(), lambda: None)
        AccountPass(session, store, Deadline()).run(backfill=True)
    assert set(store.data.imported) == {1, 2, 3} and not store.data.problems


def test_a_folder_that_does_not_exist_but_is_listed_has_a_problem():
    """It is not gone: else each pass would read the list and open it anew."""
    server, store = mailbox(3)
    server.deliver("Archive", TODAY)

    class Session(ModelSession):
        def examine(self, raw_name, since=None):
            if raw_name == "Archive":
                raise EngineError(Kind.FOLDER_GONE, Side.IMAP)
            return super().examine(raw_name, since)

    for _pass in range(2):
        session = Session(server, Abilities(), lambda: None)
        AccountPass(session, store, Deadline()).run(backfill=True)
    assert not store.data.gone
    assert list(store.data.problems.values()) == ["folder_gone"]
    assert set(store.data.imported) == {1, 2, 3}


@pytest.mark.parametrize("step", ["match", "rebind", "import_messages"])
@pytest.mark.parametrize("count", [1, 9])
def test_an_unexpected_error_about_one_message_costs_it_alone(step, count):
    """The store fails whenever that message is in its hands."""
    server, store = mailbox(count)
    plain = getattr(store, step)

    def failing(first, *rest):
        records = first if step == "match" else rest[0]
        records = [r[0] if isinstance(r, tuple) else r for r in records]
        if any(record.message_id == "<1@example.com>" for record in records):
            raise BatchFailed
        return plain(first, *rest)

    setattr(store, step, failing)

    def work():
        session = ModelSession(server, Abilities(), lambda: None)
        try:
            AccountPass(session, store, Deadline()).run(backfill=True)
        except BatchFailed:
            store.rollback()

    work()
    if count == 1:
        # Whether it is the message or Odoo cannot be said yet.
        assert not failed(store)
        for _mail in range(20):
            server.deliver("INBOX", TODAY)
            work()
    assert failed(store) == {1} and no_suspects(store)
    assert set(store.data.imported) == {m.number for m in server.mails} - {1}


def test_an_unexpected_error_about_every_message_blames_none():
    """A bug, or a module that another one needs, is missing."""
    server, store = mailbox(9)

    def failing(_headers):
        raise BatchFailed

    plain, store.match = store.match, failing
    for _pass in range(4):
        with pytest.raises(BatchFailed):
            session = ModelSession(server, Abilities(), lambda: None)
            AccountPass(session, store, Deadline()).run(backfill=True)
        store.rollback()
    store.match = plain
    assert not failed(store)
    Pass(server, store, {})
    assert set(store.data.imported) == set(range(1, 10)) and no_suspects(store)
