"""Whoever finds work left, or a mailbox busy, is woken; nobody has to wait for the next
interval of a scheduled action, and nobody looks again and again."""

import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from conftest import unique
from psycopg2.errors import SerializationFailure
from sending import make_agent
from test_backfill import more
from test_workers import at_once

from odoo.sql_db import db_connect

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side
from odoo.addons.mailbox_connector.engine.sync import folder as folder_module
from odoo.addons.mailbox_connector.models.sync import sync as sync_module
from odoo.addons.mailbox_connector.services.sending.sent_copy_filing import SentFiling
from odoo.addons.mailbox_connector.services.sync import turns
from odoo.addons.mailbox_connector.services.sync.store import OdooStore

CRONS = {
    "new": "mailbox_connector.ir_cron_new_mail",
    "backfill": "mailbox_connector.ir_cron_backfill",
    "undo": "mailbox_connector.ir_cron_undo",
}


@pytest.fixture
def box(env, mailbox, contact):
    """A connected mailbox with ten older e-mails, and no other one that is due."""
    env["mailbox.account"].search([("id", "!=", mailbox.account.id)]).active = False
    for number in range(10):
        mailbox.receive(contact.email, f"{number}", days=2)
    mailbox.connect(days=0)
    env["ir.cron.trigger"].search([]).unlink()
    env.cr.commit()
    return mailbox


def woken(env, kind, since=None):
    """When a scheduled action is to run, in order."""
    env.cr.rollback()
    found = env["ir.cron.trigger"].search([("cron_id", "=", env.ref(CRONS[kind]).id)])
    return sorted(found.mapped("call_at"))


@contextmanager
def listening(env):
    """Collects the databases whose scheduled actions are announced."""
    heard = []
    with db_connect("postgres").cursor() as cr:
        cr.execute("LISTEN cron_trigger")
        cr.commit()
        yield heard
        cr.execute("SELECT 1")
        heard += [notice.payload for notice in cr._cnx.notifies]
        cr._cnx.notifies.clear()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in CRONS.values()),
        ("mailbox_connector.ir_cron_inbound", True),
        ("mailbox_connector.ir_cron_sent_mail", True),
        ("mailbox_connector.ir_cron_alerts", True),
        ("mail.ir_cron_mail_scheduler_action", False),
        ("base.autovacuum_job", False),
    ],
)
def test_our_actions_with_work_left_are_announced_and_no_others(env, name, expected):
    """With the commit that ends the run: then another worker can take it."""
    cron = env.ref(name)
    with listening(env) as heard:
        env["ir.cron"]._reschedule_asap({"id": cron.id})
        assert not heard
        env.cr.commit()
    env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]).unlink()
    env.cr.commit()
    assert heard == [env.cr.dbname] * expected


def test_workers_of_ours_are_announced_too(env):
    env["ir.cron"]._mailbox_set_workers(2)
    try:
        second = env.ref("mailbox_connector.ir_cron_backfill_2")
        assert env["ir.cron"]._mailbox_is_ours(second.id)
    finally:
        env["ir.cron"]._mailbox_set_workers(1)
        env.cr.commit()


def begin(box, kind):
    """Give a scheduled action something to do; returns how it is run."""
    env = box.env
    if kind == "undo":
        more(box, 30).start_undo()
        run = env["mailbox.backfill"]._cron_undo
    elif kind == "backfill":
        box.account.start_backfill(30)
        run = env["mailbox.sync"]._cron_backfill
    else:
        env["mailbox.lease"].search([]).served_at = False
        run = env["mailbox.sync"]._cron_new_mail
    env["ir.cron.trigger"].search([]).unlink()
    env.cr.commit()
    return run


@pytest.mark.parametrize("kind", CRONS)
@pytest.mark.parametrize("holder", ["new", "backfill", "undo", "retry"])
def test_who_leaves_a_mailbox_wakes_who_found_it_busy(env, box, kind, holder):
    run = begin(box, kind)
    with env["mailbox.lease"].hold(box.account, holder) as held:
        assert held
        began = time.monotonic()
        run()
        assert time.monotonic() - began < 5, "it does not wait"
        early = woken(env, kind)
        with listening(env) as heard:
            pass
        assert not heard
    late = woken(env, kind)
    assert all(moment > datetime.now() for moment in early), "it does not look again"
    assert len(late) == len(early) + 1
    assert late[0] <= datetime.now()


def test_who_waits_for_nothing_is_not_woken(env, box):
    with env["mailbox.lease"].hold(box.account, "new") as held:
        assert held
        env["mailbox.sync"]._cron_backfill()
    assert not woken(env, "backfill")


def test_the_end_of_a_killed_worker_is_waited_for(env, box):
    """Nobody releases its lease: the action runs when that has expired."""
    run = begin(box, "backfill")
    ends = datetime.now().replace(microsecond=0) + timedelta(seconds=90)
    lease = env["mailbox.lease"].search([("account_id", "=", box.account.id)])
    lease.write({"holder": "killed", "expires_at": ends})
    env.cr.commit()
    for _number in range(5):
        run()
    [moment] = woken(env, "backfill")
    assert ends <= moment < ends + timedelta(minutes=1)
    lease.expires_at = datetime.now() - timedelta(seconds=1)
    env.cr.commit()
    run()
    env.invalidate_all()
    assert box.account.backfill_state == "done"


def test_an_undo_and_an_import_of_one_mailbox_take_turns(
    env, box, contact, monkeypatch
):
    """Neither keeps the mailbox from the other by taking it again at once."""
    monkeypatch.setattr(folder_module, "BATCH", 1)
    monkeypatch.setattr(sync_module, "SCHEDULED", (0, 90))
    undone = more(box, 30)
    for number in range(20):
        box.receive(contact.email, f"Far {number}", days=40, folder="Projects")
    undone.start_undo()
    further = box.account.start_backfill(60)
    env.cr.commit()
    states = []

    def run(other):
        other["mailbox.sync"]._cron_backfill()

    def undo(other):
        mine = other["mailbox.backfill"].browse(undone.id)
        end = time.monotonic() + 20
        while mine.state == "undoing" and time.monotonic() < end:
            other["mailbox.backfill"]._cron_undo()
            time.sleep(0.05)
            other.cr.rollback()
            other.invalidate_all()
        states.append((mine.state, mine.browse(further.id).state))

    turn = iter((run, undo))
    lock = threading.Lock()

    def either(other):
        with lock:
            work = next(turn)
        work(other)

    at_once(either)
    env.invalidate_all()
    assert states == [("undone", "running")]
    assert further.state == "done"


def test_a_person_waits_for_a_turn(env, box, faulty):
    """During a long import the mailbox is never free for longer than a moment."""
    box.receive("a@customer.example", unique("Faulty"))
    env["res.partner"].create({"name": "A", "email": "a@customer.example"})
    env.cr.commit()
    box.sync()
    row = env["mailbox.failed.import"].search([("account_id", "=", box.account.id)])
    faulty()
    ready, end = threading.Event(), time.monotonic() + 6

    def import_on_and_on():
        from odoo import SUPERUSER_ID
        from odoo.api import Environment

        with env.registry.cursor() as cr:
            other = Environment(cr, SUPERUSER_ID, {})
            account = other["mailbox.account"].browse(box.account.id)
            while time.monotonic() < end:
                with other["mailbox.lease"].hold(account, "backfill") as held:
                    ready.set()
                    time.sleep(0.5)
                if held:
                    held.give_way()

    thread = threading.Thread(target=import_on_and_on)
    thread.start()
    ready.wait()
    row.action_retry()
    assert time.monotonic() < end
    thread.join()
    env.invalidate_all()
    assert not row.exists()


def test_a_conflict_does_not_end_an_import(env, box, contact, monkeypatch):
    """Another worker was faster at a row: the import goes on in the same run."""
    run = begin(box, "backfill")
    transaction, calls = OdooStore.transaction, []

    def conflict(store, work):
        calls.append(1)
        if len(calls) <= 2:
            raise SerializationFailure
        return transaction(store, work)

    monkeypatch.setattr(OdooStore, "transaction", conflict)
    run()
    assert len(box.subjects(contact)) == 10


def test_a_conflict_that_stays_is_left_for_a_minute(env, box, monkeypatch):
    """The run ends, instead of signing in again and again."""
    run = begin(box, "backfill")
    calls = []

    def conflict(_store, _work):
        calls.append(1)
        raise SerializationFailure

    monkeypatch.setattr(OdooStore, "transaction", conflict)
    run()
    env.cr.commit()
    assert len(calls) == turns.PATIENCE
    [moment] = woken(env, "backfill")
    assert moment > datetime.now()


def test_much_new_mail_is_fetched_in_one_run(env, box, contact, monkeypatch):
    """A slice of a mailbox may end before all of its new mail is imported."""
    monkeypatch.setattr(folder_module, "BATCH", 3)
    monkeypatch.setattr(sync_module, "SCHEDULED", (0, 90))
    for number in range(10):
        box.receive(contact.email, f"New {number}")
    begin(box, "new")()
    assert len(box.subjects(contact)) == 10


def test_a_slice_does_one_batch_although_its_time_is_over(
    env, box, contact, monkeypatch
):
    """Of a server that is so far away that a slice ends before it, an import would
    never get on."""
    monkeypatch.setattr(folder_module, "BATCH", 3)
    monkeypatch.setattr(sync_module, "SCHEDULED", (0, 90))
    run = begin(box, "backfill")
    run()
    assert len(box.subjects(contact)) == 10


def test_a_mailbox_in_trouble_is_tried_again_in_time(env, box):
    """Not at the next interval of the import, an hour later."""
    run = begin(box, "backfill")
    box.account.write({"imap_port": 1, "imap_password": box.servers.password})
    env.cr.commit()
    run()
    env.invalidate_all()
    retry_at = box.account.retry_at
    for kind in ("new", "backfill"):
        [moment] = woken(env, kind)
        assert retry_at <= moment < retry_at + timedelta(minutes=1)


def test_a_mailbox_that_failed_can_be_tried_again_at_once(env, box):
    """A person presses Try again: it does not rest after its failure."""
    box.account.write({"imap_port": 1, "imap_password": box.servers.password})
    begin(box, "new")()
    env.invalidate_all()
    assert box.account.imap_problem
    box.account.write({"retry_at": False, "needs_person": False})
    env.cr.commit()
    assert box.account in env["mailbox.sync"]._due("served_at")


def test_a_round_of_all_mailboxes_ends(env, box):
    """It takes longer than the rest of a mailbox if there are many: those that it has
    had are not due again before the next round."""
    cron = env.ref(CRONS["new"])
    lease = env["mailbox.lease"].search([("account_id", "=", box.account.id)])
    lease.served_at = datetime.now() - timedelta(minutes=2)
    sync = env["mailbox.sync"].with_context(cron_id=cron.id)
    nextcall = cron.nextcall
    try:
        cron.nextcall = datetime.now() - timedelta(minutes=1)
        assert box.account in sync._due("served_at")
        cron.nextcall = datetime.now() - timedelta(minutes=3)
        assert box.account not in sync._due("served_at")
        assert box.account in env["mailbox.sync"]._due("served_at")
        cron.nextcall = datetime.now() + timedelta(minutes=3)
        assert box.account in sync._due("served_at")
    finally:
        cron.nextcall = nextcall
        env.cr.commit()


def test_copies_that_failed_are_retried_in_time(env, make_mailbox, monkeypatch):
    """Not at the next interval of their action, a quarter of an hour later."""
    agent = make_agent(env, make_mailbox)
    agent.post("Hello")
    cron = env.ref("mailbox_connector.ir_cron_sent_mail")
    env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]).unlink()

    def refuse(*_arguments):
        raise EngineError(Kind.DEADLINE, Side.IMAP)

    monkeypatch.setattr(SentFiling, "file", refuse)
    agent.file_sent()
    row = env["mailbox.delivery"].search(
        [("account_id", "=", agent.account.id), ("copy_state", "=", "waiting")]
    )
    found = env["ir.cron.trigger"].search([("cron_id", "=", cron.id)])
    [moment] = found.mapped("call_at")
    assert agent.account.sent_copy_problem
    assert moment < row.copy_retry_at + timedelta(minutes=1)


def test_a_person_who_edits_a_mailbox_does_not_end_its_import(env, box, contact):
    """Nor that of another one: what a pass records on the mailbox meets a conflict."""
    run = begin(box, "backfill")
    record, calls = type(env["mailbox.sync"])._record_success, []

    def edited_meanwhile(sync, mailbox_pass):
        record(sync, mailbox_pass)
        calls.append(1)
        if len(calls) == 1:
            with env.registry.cursor() as cr:
                cr.execute(
                    "UPDATE mailbox_account SET name = 'Other' WHERE id = %s",
                    [box.account.id],
                )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(env["mailbox.sync"]), "_record_success", edited_meanwhile)
        run()
    env.invalidate_all()
    assert box.account.backfill_state == "done"
    assert len(box.subjects(contact)) == 10
