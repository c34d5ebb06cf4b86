"""The sync algorithm, driven through random traffic on a model server.

After each of them, whatever was cut where: every message of a contact that is in
a folder that is read is there, none was lost or forgotten, and the locations are the
server's.
"""

from __future__ import annotations

import os
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import ENDS, Abilities, ModelServer, ModelSession
from model_store import UNREAD, Conflict, ModelStore

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.sync import folder as folder_module
from odoo.addons.mailbox_connector.engine.sync.account import AccountPass

#: So many new cases instead of the same few each time.
MORE = int(os.environ.get("MAILBOX_MODEL_EXAMPLES", "0"))

#: How a server breaks off at a message, after or before what comes before it.
MODES = [*ENDS, *map(str.upper, ENDS)]
TODAY = date(2026, 3, 1)
OLD = TODAY - timedelta(days=100)
WINDOW = TODAY - timedelta(days=7)

NAMES = st.sampled_from(["INBOX", "Archive", "Trash", "Projects", "Ideas"])
PLACES = st.integers(0, 7)
EVENTS = st.one_of(
    st.tuples(st.just("deliver"), NAMES, st.booleans()),
    st.tuples(st.just("deliver"), NAMES, st.just(True)),
    st.tuples(st.just("expunge"), NAMES, PLACES),
    st.tuples(st.just("move"), NAMES, PLACES, NAMES),
    st.tuples(st.just("copy"), NAMES, PLACES, NAMES),
    st.tuples(st.just("flag"), NAMES),
    st.tuples(st.just("create"), NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("swap"), NAMES, NAMES),
    st.tuples(st.just("renumber"), NAMES),
)
FAULTS = st.sampled_from(["crash", "conflict", "lost", "deadline"])
IMPORTS = st.integers(1, 4)
#: What people do with imports of older e-mails: at any moment, and between two passes.
STATES = st.tuples(
    st.just("set_state"), IMPORTS, st.sampled_from(["paused", "running", "stopped"])
)
WISHES = st.one_of(
    STATES,
    st.tuples(st.just("undo"), IMPORTS),
    st.tuples(
        st.just("want"),
        st.sampled_from([OLD, WINDOW]),
        st.one_of(st.none(), st.sets(NAMES, min_size=1)),
    ),
)
#: What happens before the next so many steps of a pass; None: nothing.
SCHEDULE = st.lists(st.one_of(st.none(), st.none(), EVENTS, FAULTS), max_size=60)
BACKFILL = st.lists(
    st.tuples(st.lists(EVENTS, max_size=6), st.booleans(), SCHEDULE), max_size=8
)
WISHED = st.lists(
    st.tuples(
        st.lists(st.one_of(EVENTS, WISHES, WISHES), max_size=6),
        st.lists(st.one_of(st.none(), st.none(), EVENTS, FAULTS, STATES), max_size=60),
    ),
    max_size=8,
)
ABILITIES = st.builds(
    Abilities,
    uidnext=st.booleans(),
    condstore=st.booleans(),
    qresync=st.booleans(),
    objectid=st.booleans(),
)

#: Courier's.
COURIER = Abilities(condstore=False, qresync=False)


class Crash(BaseException):
    """The worker is killed."""


def happen(server: ModelServer, what: tuple) -> None:
    kind, *arguments = what
    if kind == "deliver":
        name, known = arguments
        server.deliver(name, TODAY, known)
    else:
        getattr(server, kind)(*arguments)


class Stepper:
    """Plays a schedule, one entry a step of the pass."""

    def __init__(self, server, schedule=(), store=None):
        self.server = server
        self.left = list(schedule)
        self.store = store

    def __call__(self):
        what = self.left.pop(0) if self.left else None
        if isinstance(what, tuple):
            if what[0] == "set_state":
                self.store.set_state(*what[1:])
            else:
                happen(self.server, what)
        elif what == "crash":
            raise Crash
        elif what == "conflict":
            raise Conflict
        elif what in ("lost", "deadline"):
            kind = Kind.DEADLINE if what == "deadline" else Kind.CONNECTION_LOST
            raise EngineError(kind, Side.IMAP)


def run(server, store, abilities, backfill, schedule=(), **options):
    """One pass; whether it got to its end.

    :param options: of the session: what it cannot return
    """
    step = Stepper(server, schedule, store)
    store.step = step

    def server_step():
        try:
            step()
        except Conflict:
            pass

    session = ModelSession(server, abilities, server_step, **options)
    try:
        AccountPass(session, store, Deadline()).run(backfill)
        store.transaction(lambda: None)
        return session
    except (Crash, Conflict, EngineError):
        return None
    finally:
        store.rollback()
        store.step = lambda: None


def read_boxes(server):
    return {n: box for n, box in server.boxes.items() if n not in UNREAD}


def check(server, store, since):
    data = store.data
    states = {s.raw_name: s for k, s in data.states.items() if k not in data.gone}
    there = set()
    for name, box in read_boxes(server).items():
        state = states[name]
        assert not box.mails or state.uidvalidity == box.uidvalidity
        for uid, mail in box.mails.items():
            if mail.known and mail.received >= since:
                there.add((state.key, uid, mail.number))
    present = {number for _key, _uid, number in there}
    assert present <= data.imported.keys(), "a message was lost"
    locations = {
        (key, uid, number)
        for (key, validity, uid), (number, _hash) in data.locations.items()
        if key not in data.gone
        and data.states[key].uidvalidity == validity
        and store._read(key)
    }
    assert there <= locations, "a message is somewhere we do not know of"
    for key, uid, number in locations:
        box = server.boxes[data.states[key].raw_name]
        assert uid in box.mails, "a location is left that has vanished"
        assert box.mails[uid].number == number, "a location holds another message"
    strangers = {mail.number for mail in server.mails if not mail.known}
    assert not strangers & data.imported.keys()
    assert not data.keep_failed


def settle(server, store, abilities):
    for _round in range(4):
        assert run(server, store, abilities, backfill=True)


def story(backfill, abilities, window, batch, crowded=False, courier=False):
    server = ModelServer(crowded, courier)
    for n in range(4):
        server.deliver("INBOX", OLD + timedelta(days=n))
        server.deliver("Archive", WINDOW + timedelta(days=n), known=n % 2 == 0)
    store = ModelStore(TODAY, WINDOW if window else None)
    size, folder_module.BATCH = folder_module.BATCH, batch
    try:
        # What was there before the first pass is not wanted without a window.
        run(server, store, abilities, backfill=False)
        ever: set[int] = set()
        for events, with_backfill, schedule in backfill:
            for what in events:
                happen(server, what)
            run(server, store, abilities, with_backfill, schedule)
            assert ever <= store.data.imported.keys(), "a message disappeared"
            ever = set(store.data.imported)
        settle(server, store, abilities)
    finally:
        folder_module.BATCH = size
    check(server, store, WINDOW if window else TODAY)
    return server, store


@settings(max_examples=MORE or 150, derandomize=not MORE, deadline=None)
@given(BACKFILL, ABILITIES, st.booleans(), st.sampled_from([1, 2, 250]), st.booleans())
def test_nothing_is_lost_whatever_happens(backfill, abilities, window, batch, crowded):
    story(backfill, abilities, window, batch, crowded)


@settings(max_examples=MORE or 100, derandomize=not MORE, deadline=None)
@given(BACKFILL, st.booleans(), st.sampled_from([1, 2, 250]))
def test_nothing_is_lost_on_courier(backfill, window, batch):
    """An empty folder has no fixed UIDVALIDITY, and a renamed one is renumbered."""
    story(backfill, COURIER, window, batch, courier=True)


@settings(max_examples=MORE or 60, derandomize=not MORE, deadline=None)
@given(
    BACKFILL,
    ABILITIES,
    st.dictionaries(st.integers(1, 14), st.sampled_from(MODES), min_size=1, max_size=3),
    st.sampled_from(["headers", "bodies"]),
    st.sampled_from([1, 2, 250]),
)
def test_nothing_else_is_lost_beside_bad_messages(
    backfill, abilities, bad, phase, batch
):
    """Messages at which the server breaks off, wherever they are moved to."""
    server = ModelServer()
    for n in range(4):
        server.deliver("INBOX", OLD + timedelta(days=n))
        server.deliver("Archive", WINDOW + timedelta(days=n), known=n % 2 == 0)
    store = ModelStore(TODAY, WINDOW)
    size, folder_module.BATCH = folder_module.BATCH, batch
    try:
        for events, with_backfill, schedule in backfill:
            for what in events:
                happen(server, what)
            options = {"bad": bad, "phase": phase}
            run(server, store, abilities, with_backfill, schedule, **options)
        for number in range(30):
            if number == 20:
                store.tomorrow()
            done = run(server, store, abilities, True, bad=bad, phase=phase)
    finally:
        folder_module.BATCH = size
    assert done, "the pass still does not come to its end"
    assert not any(
        state.suspects for state in store.data.states.values() if store._read(state.key)
    )
    for box in read_boxes(server).values():
        wanted = {
            m.number for m in box.mails.values() if m.known and m.received >= WINDOW
        }
        assert wanted - bad.keys() <= store.data.imported.keys(), "a message was lost"


@settings(max_examples=MORE or 60, derandomize=not MORE, deadline=None)
@given(WISHED, ABILITIES, st.sampled_from([1, 2, 250]), st.booleans())
def test_imports_are_paused_cancelled_and_undone(backfill, abilities, batch, crowded):
    """Only an undo takes anything away; who asks again gets all of it."""
    server = ModelServer(crowded)
    for n in range(4):
        server.deliver("INBOX", OLD + timedelta(days=n))
        server.deliver("Archive", WINDOW + timedelta(days=n), known=n % 2 == 0)
    store = ModelStore(TODAY, WINDOW)
    size, folder_module.BATCH = folder_module.BATCH, batch
    try:
        for events, schedule in backfill:
            for kind, *arguments in events:
                if kind in ("set_state", "undo", "want"):
                    getattr(store, kind)(*arguments)
                else:
                    happen(server, (kind, *arguments))
            ever = set(store.data.imported)
            run(server, store, abilities, True, schedule)
            assert ever <= store.data.imported.keys(), "a message disappeared"
        for key in store.data.backfills:
            store.set_state(key, "stopped")
        store.want(OLD)
        settle(server, store, abilities)
    finally:
        folder_module.BATCH = size
    check(server, store, OLD)


def old_mail(**folders):
    """A server with so many old messages by folder, and an empty store."""
    server, store = ModelServer(), ModelStore(TODAY, None)
    for name, count in folders.items():
        for _mail in range(count):
            server.deliver(name, WINDOW)
    run(server, store, Abilities(), backfill=False)
    return server, store


def test_an_import_of_chosen_folders_leaves_the_others():
    server, store = old_mail(INBOX=2, Archive=2)
    store.want(WINDOW, {"Archive"})
    settle(server, store, Abilities())
    assert set(store.data.imported) == {3, 4}
    store.want(WINDOW)
    settle(server, store, Abilities())
    assert set(store.data.imported) == {1, 2, 3, 4}


@pytest.mark.parametrize("meanwhile", ["nothing", "renumbered", "earlier"])
def test_what_was_undone_comes_back_when_asked_for_and_not_before(meanwhile):
    """Not by the daily comparison, nor when the server renumbers the folder, nor by an
    import that was asked for earlier and goes on now."""
    server, store = old_mail(INBOX=2, Archive=1)
    first = store.want(WINDOW)
    settle(server, store, Abilities())
    earlier = store.want(OLD)
    store.set_state(earlier, "paused")
    store.undo(first)
    assert not store.data.imported
    if meanwhile == "renumbered":
        server.renumber("INBOX")
    if meanwhile == "earlier":
        store.set_state(earlier, "running")
    for _day in range(2):
        settle(server, store, Abilities())
        store.tomorrow()
    assert not store.data.imported
    store.want(WINDOW)
    settle(server, store, Abilities())
    assert set(store.data.imported) == {1, 2, 3}


def test_mail_that_comes_during_an_import_is_new_mail():
    """It sets off what new mail sets off, and no undo takes it out."""
    server, store = old_mail(INBOX=1)
    key = store.want(WINDOW)
    # After the look at new mail, before the search for older e-mails.
    schedule = [None, None, ("deliver", "INBOX", True)]
    run(server, store, Abilities(), True, schedule)
    run(server, store, Abilities(), backfill=True)
    assert set(store.data.imported) == {1, 2}
    store.undo(key)
    assert set(store.data.imported) == {2}


def test_a_folder_that_goes_by_an_earlier_name_again():
    """Its UIDVALIDITY comes back, and with it locations that have vanished by then."""
    swap = ("swap", "Projects", "Archive")
    backfill = [
        ([], True, [("create", "Projects"), swap]),
        ([], True, []),
        ([swap], True, ["crash"]),
        ([], False, []),
        (
            [
                ("delete", "Projects"),
                ("expunge", "Archive", 0),
                ("rename", "Archive", "Projects"),
            ],
            False,
            [],
        ),
    ]
    story(backfill, Abilities(qresync=False), True, 1, crowded=True)


def test_what_a_server_leaves_out_once_is_asked_for_again():
    """Microsoft 365 lists a message and does not answer for it, the first time."""
    server = ModelServer()
    store = ModelStore(TODAY, WINDOW)
    server.deliver("INBOX", TODAY)
    session = ModelSession(server, Abilities(), lambda: None, hide={1})
    AccountPass(session, store, Deadline()).run(backfill=True)
    assert set(store.data.imported) == {1}
    assert not store.data.keep_failed


def test_the_daily_comparison_finds_what_was_never_shown_as_new():
    server = ModelServer()
    store = ModelStore(TODAY, None)
    run(server, store, Abilities(), backfill=False)
    hidden = server.boxes["INBOX"]
    server.deliver("INBOX", TODAY)
    mail = hidden.mails.pop(1)
    server.deliver("INBOX", TODAY)
    run(server, store, Abilities(), backfill=True)
    hidden.mails[1] = mail
    run(server, store, Abilities(), backfill=True)
    assert set(store.data.imported) == {2}, "it is not new to anybody"
    store.tomorrow()
    run(server, store, Abilities(), backfill=True)
    assert set(store.data.imported) == {1, 2}
