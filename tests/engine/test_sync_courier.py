"""Folders that never held a message, on a server that numbers them by the clock."""

from __future__ import annotations

import pytest
from model_server import ModelServer, ModelSession
from model_store import ModelStore
from test_sync_model import COURIER, OLD, TODAY, WINDOW, Stepper, check

from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.sync.account import AccountPass


class Recording(ModelSession):
    """Notes the commands, and which UIDs were requested as new mail."""

    def __init__(self, server):
        self.commands = 0
        self.new: list[int] = []
        super().__init__(server, COURIER, self._count)

    def _count(self):
        self.commands += 1

    def fetch_headers(self, uids, new=False):
        uids = list(uids)
        self.new += uids if new else []
        return super().fetch_headers(uids, new)


class Counting(ModelStore):
    """Notes how many transactions there were."""

    transactions = 0

    def transaction(self, work):
        self.transactions += 1
        return super().transaction(work)


def run(server, store, backfill=True):
    session = Recording(server)
    AccountPass(session, store, Deadline()).run(backfill)
    return session


@pytest.fixture
def server():
    """INBOX with a message; Archive and Trash never had one."""
    server = ModelServer(courier=True)
    server.deliver("INBOX", WINDOW)
    return server


@pytest.fixture
def store(server):
    """What is stored after the first passes."""
    store = Counting(TODAY, WINDOW)
    for _pass in range(3):
        run(server, store)
    return store


def test_an_empty_folder_costs_nothing(server, store):
    store.transactions = 0
    session = run(server, store, backfill=False)
    busy = ModelServer()
    for name in ("INBOX", "Archive"):
        busy.deliver(name, WINDOW)
    others = Counting(TODAY, WINDOW)
    for _pass in range(3):
        run(busy, others)
    others.transactions = 0
    assert session.commands == run(busy, others, backfill=False).commands == 1
    assert store.transactions == others.transactions


def test_an_import_ends_although_a_folder_is_empty(server, store):
    assert store.data.imported.keys() == {1}
    assert not store.backfills(), "it is complete"
    check(server, store, WINDOW)


@pytest.mark.parametrize("count", [1, 3])
def test_the_first_message_of_a_folder_is_new_mail(server, store, count):
    """What a reply triggers, it triggers only as new mail."""
    for _mail in range(count):
        server.deliver("Archive", TODAY)
    session = run(server, store, backfill=False)
    assert session.new == list(range(1, count + 1))
    assert len(store.data.imported) == 1 + count
    check(server, store, WINDOW)


@pytest.mark.parametrize("received", [OLD, WINDOW, TODAY])
def test_a_message_moved_into_a_folder_that_was_empty(server, store, received):
    server.deliver("INBOX", received)
    run(server, store)
    server.move("INBOX", 1, "Archive")
    session = run(server, store)
    assert not session.bodies, "it is not fetched again"
    check(server, store, WINDOW)


def test_old_mail_under_the_name_of_an_empty_folder_is_no_new_mail(server, store):
    server.create("Ideas")
    for _mail in range(3):
        server.deliver("Ideas", OLD)
    server.delete("Archive")
    server.rename("Ideas", "Archive")
    for _pass in range(2):
        run(server, store)
    assert store.data.imported.keys() == {1}, "it is older than what is wanted"


@pytest.mark.parametrize("received", [WINDOW, TODAY])
def test_a_folder_that_is_given_the_name_of_an_empty_one(server, store, received):
    """What was imported from it is found there, and what was not is imported."""
    server.create("Ideas")
    server.deliver("Archive", received)
    run(server, store)
    server.deliver("Archive", received)
    server.delete("Ideas")
    server.rename("Archive", "Ideas")
    for _pass in range(2):
        run(server, store)
    assert len(store.data.imported) == 3
    check(server, store, WINDOW)


def test_a_new_folder_is_read_after_a_conflict(server, store):
    """The import that reads it is continued in the transaction that takes it over."""
    server.create("Ideas")
    server.deliver("Ideas", WINDOW)
    store.step = Stepper(server, [None, "conflict"])
    for _pass in range(3):
        run(server, store)
        store.step = lambda: None
    check(server, store, WINDOW)


def test_a_folder_that_was_emptied_and_made_again(server, store):
    server.deliver("Archive", TODAY)
    run(server, store)
    server.expunge("Archive", 0)
    run(server, store)
    server.delete("Archive")
    server.create("Archive")
    run(server, store)
    server.deliver("Archive", TODAY)
    run(server, store)
    assert len(store.data.imported) == 3
    check(server, store, WINDOW)
