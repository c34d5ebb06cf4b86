"""What is seen of a mailbox in trouble, and who is alerted: against real servers that
refuse, fall silent and come back."""

from datetime import timedelta

import pytest
from sending import make_user

from odoo.addons.mailbox_connector.services.sync.mailbox_pass import PassRequest

from devtools import imap_proxy

SECONDS = 8, 30


@pytest.fixture(scope="module")
def proxy(servers):
    with imap_proxy.running(servers) as running:
        yield running


@pytest.fixture(autouse=True)
def no_fault_left(proxy):
    yield
    proxy.clear()


@pytest.fixture
def owner(env):
    return make_user(env, "Olga Owner")


@pytest.fixture
def box(make_mailbox, owner, proxy):
    """A connected mailbox behind the proxy."""
    box = make_mailbox("health", owner_id=owner.id, imap_port=proxy.port)
    box.connect(days=0)
    served(box.account)
    assert box.account.health == "connected", box.account.problem_text
    return box


def served(account, seconds=SECONDS):
    """A pass of the scheduled action over this mailbox."""
    account.env["mailbox.sync"].serve(account, PassRequest("new", *seconds))
    account.env.invalidate_all()


def tell(account, **later):
    """The scheduled action that tells, after so much time."""
    env = account.env
    for row in account.alert_ids:
        row.since -= timedelta(**later)
        row.notify_at -= timedelta(**later)
    env.cr.commit()
    env["mailbox.alert"]._cron_notify()
    env.invalidate_all()


def alerts_of(user):
    """Subjects of what is in the user's Odoo inbox, oldest first."""
    found = user.env["mail.notification"].search(
        [
            ("res_partner_id", "=", user.partner_id.id),
            ("notification_type", "=", "inbox"),
            ("mail_message_id.model", "=", "mailbox.account"),
        ],
        order="id",
    )
    return found.mail_message_id.sorted("id").mapped("subject")


def test_a_refused_password_is_notified_at_once_and_its_repair(
    env, servers, box, owner
):
    account = box.account
    account.imap_password = "not the password"
    env.cr.commit()
    served(account)
    tell(account)
    assert account.health == "action_needed"
    assert account.reading_health == "action_needed"
    assert account.sending_health == "works"
    assert alerts_of(owner) == [f"The mailbox {box.address} cannot be read"]
    assert account.activity_ids.user_id == owner
    tell(account)
    assert len(alerts_of(owner)) == 1

    account.imap_password = servers.password
    env.cr.commit()
    served(account)
    tell(account)
    assert account.health == "connected"
    assert alerts_of(owner)[1:] == [f"The mailbox {box.address} is read again"]
    assert not account.activity_ids


def test_a_server_that_is_away_is_alerted_after_ten_minutes(env, proxy, box, owner):
    account = box.account
    proxy.answer("GREETING", "* BYE Too busy", times=None)
    served(account)
    tell(account, minutes=9)
    assert account.health == "waiting"
    assert "Next try" in account.reading_text
    assert alerts_of(owner) == []
    served(account)
    tell(account, minutes=2)
    assert len(alerts_of(owner)) == 1
    [run] = account.run_ids
    assert run.problem == account.imap_problem and run.times == 2

    proxy.clear()
    account.with_user(owner).action_try_again()
    env.invalidate_all()
    tell(account)
    assert account.health == "connected"
    assert len(alerts_of(owner)) == 2
    assert not account.activity_ids


def test_a_server_that_says_nothing_fails(env, proxy, box, contact):
    """It takes the sign-in, then never answers: that is trouble, and no success that
    would be tried again without end."""
    proxy.hang(4, times=None)
    served(box.account, (1, 2))
    assert "does not respond" in box.account.imap_problem
    assert box.account.retry_at
    assert box.account.health == "waiting"


def test_wrong_password_for_sending_alone(env, servers, box, owner):
    account = box.account
    account.smtp_password = "not the password"
    env.cr.commit()
    assert account._try_sending()
    env.cr.commit()
    tell(account)
    assert account.health == "action_needed"
    assert (account.reading_health, account.sending_health) == (
        "works",
        "action_needed",
    )
    assert alerts_of(owner) == [f"The mailbox {box.address} cannot send"]
    served(account)
    assert account.health == "action_needed", "reading well mends no sending"

    account.smtp_password = servers.password
    env.cr.commit()
    result = account.with_user(owner).action_try_again()
    assert result["params"]["type"] == "success"
    env.cr.commit()
    tell(account)
    assert account.health == "connected"
    assert alerts_of(owner)[1:] == [f"The mailbox {box.address} sends again"]


def test_two_workers_alert_once(env, box, owner):
    """One that comes while the other is at it, and one that saw it due before."""
    account = box.account
    account.imap_problem = "Reading (IMAP): no"
    env.cr.commit()
    notice = account.alert_ids
    notice.notify_at -= timedelta(minutes=11)
    env.cr.commit()
    with env.registry.cursor() as cr:
        late = env["mailbox.alert"].with_env(env(cr=cr))
        assert late.search([("account_id", "=", account.id)])
        notice._notify()
        late._cron_notify()
        env.cr.commit()
        late._cron_notify()
    env.invalidate_all()
    assert len(alerts_of(owner)) == 1
    assert len(account.activity_ids) == 1


def test_runs_show_what_came_and_what_was_skipped(env, box, contact):
    account = box.account
    box.receive(contact.email, "Of a contact")
    box.receive("nobody@stranger.example", "Of a stranger")
    box.receive("letter@news.example", "Of a list", list_id="<news.news.example>")
    served(account)
    [run] = account.run_ids
    assert (run.kind, run.seen, run.matched, run.linked) == ("new", 3, 1, 1)
    assert run.skipped == 2 and run.skipped_text
    assert not run.problem
    served(account)
    assert account.run_ids == run, "a pass without news leaves no line"
    box.receive(contact.email, "Asked for")
    account.with_user(account.owner_id).action_sync_now()
    env.invalidate_all()
    assert account.run_ids.mapped("kind") == ["now", "new"]
    assert account.new_today == 2


def test_a_backfill_is_one_line(env, make_mailbox, contact):
    box = make_mailbox("health")
    for days in (1, 2, 3):
        box.receive(contact.email, f"{days} days ago", days=days)
    box.connect(days=7)
    env["mailbox.sync"].serve(box.account, PassRequest("backfill", *SECONDS))
    env.invalidate_all()
    runs = box.account.run_ids.filtered(lambda run: run.kind in ("backfill", "now"))
    assert sum(runs.mapped("seen")) == 3
