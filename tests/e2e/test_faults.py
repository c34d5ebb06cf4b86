"""Whatever breaks, each message is on its contacts exactly once when it works again.

A short slice of ``./dev soak``, with the same code and a seed of its own.
"""

from datetime import timedelta

import pytest
from faults import small_rig, sound

from devtools import imap_proxy
from devtools.soak import faults as soak_faults


@pytest.fixture(scope="module")
def proxy(servers):
    with imap_proxy.running(servers) as running:
        yield running


@pytest.fixture(scope="module")
def all_rounds(servers, proxy):
    with small_rig(servers, proxy) as small:
        yield small


@pytest.fixture
def rig(all_rounds, request):
    """One mailbox with a long story: each test goes on where the last one ended."""
    all_rounds.begin(request.node.name, fresh=False)
    return all_rounds


@pytest.fixture(autouse=True)
def no_fault_left(proxy):
    yield
    proxy.clear()


# ----------------------------------------------------------------------
# The invariant
# ----------------------------------------------------------------------


@pytest.mark.parametrize("about", ["tick", "backfill"])
def test_connection_cut_after_a_command(rig, about):
    """Before, amid and after the answer, once while reading and once earlier."""
    rig.work(about)
    armed = []

    def arm():
        when = imap_proxy.WHEN[len(armed) % 3]
        number = rig.rng.randrange(4 if len(armed) < 3 else 10)
        armed.append(rig.proxy.cut_after_command(number, when))

    rig.round(about, "cut", arm, blows=6)
    rig.tally.faults += sum(fault.fired for fault in armed)
    sound(rig)


def test_connection_cut_at_random_bytes(rig):
    soak_faults.cut_bytes(rig, 20, blows=9)
    sound(rig)


def test_worker_killed_at_random_moments(rig):
    soak_faults.kill(rig, 5, blows=5)
    sound(rig)


@pytest.mark.parametrize("way", soak_faults.AWAY, ids=lambda way: way.__name__)
def test_database_away_for_a_moment(rig, way):
    soak_faults.database(rig, 1, (way,))
    sound(rig)


def test_disk_full(rig):
    """An attachment of which only the begin was written is whole in the end, and the
    mailbox says what is wrong meanwhile."""
    rig.work("tick")
    rig.world.arrive(attachment=50_000)
    state = rig.round("tick", "disk full", file_limit=20_000)
    rig.tally.faults += 1
    assert "space" in state["problem"]
    assert state["retry_in"] > 0 and not state["needs_person"]
    sound(rig)


@pytest.mark.parametrize("about", ["tick", "backfill"])
def test_server_refuses_or_says_goodbye(rig, about):
    """Each answer of a server in trouble, one after the other."""
    answers = soak_faults.ANSWERS[about == "tick" :: 2]
    armed = []

    def arm():
        rig.world.arrive(attachment=100)
        if about == "backfill":
            rig.widen()
        pattern, line = answers[len(armed)]
        armed.append(rig.proxy.answer(pattern, line))

    blows = len(answers)
    rig.round(about, "answers", arm, blows=blows, meanwhile=True)
    unmet = [fault.pattern.pattern for fault in armed if not fault.fired]
    assert not unmet
    rig.tally.faults += blows
    sound(rig)


# ----------------------------------------------------------------------
# What a mailbox does in trouble
# ----------------------------------------------------------------------


@pytest.fixture
def first(env, proxy, make_mailbox):
    """A connected mailbox behind the proxy, and no other."""
    env["mailbox.account"].search([]).active = False
    box = make_mailbox("first", imap_port=proxy.port)
    box.connect()
    assert box.account.state == "connected", box.account.imap_problem
    return box


@pytest.fixture
def second(first, make_mailbox):
    """Another one, on the server itself."""
    box = make_mailbox("second")
    box.connect()
    return box


def served(env):
    """One run of the scheduled action, for mailboxes that have rested."""
    env["mailbox.lease"].search([]).served_at = False
    env.cr.commit()
    env["mailbox.sync"]._cron_new_mail()
    env.invalidate_all()


def wait(env, account):
    """The time of a mailbox's back-off has passed."""
    account.retry_at = env.cr.now() - timedelta(seconds=1)
    env.cr.commit()


TROUBLE = {
    "goodbye": ("GREETING", "* BYE Too busy"),
    "throttled": ("^LIST", "{tag} NO [LIMIT] Rate limit hit"),
    "password": ("AUTHENTICATE", "{tag} NO [AUTHENTICATIONFAILED] Wrong"),
    "nonsense": ("^LIST", "* LIST ((((", "{tag} OK"),
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_one_mailboxs_failure_never_touches_another(
    env, proxy, first, second, contact, kind
):
    """The second is read in the same run, whatever the first one's server says; when
    that has come to its senses the first is read too, and forgets its problem."""
    first.receive(contact.email, "To the first")
    second.receive(contact.email, "To the second")
    fault = proxy.answer(*TROUBLE[kind], times=None)
    served(env)
    assert fault.fired
    # Folders that are known are read even if they cannot be listed.
    read = (
        ["To the first", "To the second"] if kind == "nonsense" else ["To the second"]
    )
    assert sorted(first.subjects(contact)) == read
    assert first.account.imap_problem
    assert not second.account.imap_problem and not second.account.failures
    proxy.clear()
    if first.account.failures:
        wait(env, first.account)
    served(env)
    assert sorted(first.subjects(contact)) == ["To the first", "To the second"]
    assert not first.account.imap_problem and not first.account.failures


MINUTE = 60
BACK_OFF = [
    # answer, seconds at least and at most, whether a person is needed
    ("GREETING", "* BYE Too busy", 48, 72, False),
    ("AUTHENTICATE", "{tag} NO [UNAVAILABLE] Later", 48, 72, False),
    ("^LIST", "{tag} NO [INUSE] Locked", 48, 72, False),
    (
        "^LIST",
        "{tag} NO [LIMIT] Suggested Backoff Time: 7200000 milliseconds",
        *(120 * MINUTE, 121 * MINUTE, False),
    ),
    ("AUTHENTICATE", "{tag} NO [AUTHENTICATIONFAILED] No", 480, 720, False),
    (
        "AUTHENTICATE",
        "{tag} NO [ALERT] Application-specific password required",
        *(0, 37 * MINUTE, True),
    ),
]


@pytest.mark.parametrize(("pattern", "line", "least", "most", "person"), BACK_OFF)
def test_back_off_is_by_kind(env, proxy, first, pattern, line, least, most, person):
    """Trouble that passes is tried again soon, throttling when the server says, a
    password that a person has to change not at all."""
    account = first.account
    fault = proxy.answer(pattern, line, times=None)
    served(env)
    assert fault.fired and account.imap_problem
    assert account.failures == 1
    pause = (account.retry_at - env.cr.now()).total_seconds()
    # the run itself took some of it
    assert least - 30 <= pause <= most
    assert account.needs_person is person
    struck = fault.fired
    served(env)
    assert fault.fired == struck, "not tried again before its time"


def test_back_off_grows_with_each_failure_up_to_half_an_hour(env, proxy, first):
    account = first.account
    proxy.answer("GREETING", "* BYE Too busy", times=None)
    pauses = []
    for _n in range(8):
        served(env)
        pauses.append((account.retry_at - env.cr.now()).total_seconds())
        wait(env, account)
    assert account.failures == 8
    assert pauses[0] < 2 * MINUTE < 6 * MINUTE < pauses[4]
    assert max(pauses) <= 36 * MINUTE


def test_a_wrong_password_is_tried_once_more_and_then_not(env, proxy, first):
    """Servers lock accounts whose password is tried again and again."""
    account = first.account
    fault = proxy.answer(
        "AUTHENTICATE", "{tag} NO [AUTHENTICATIONFAILED] No", times=None
    )
    for _n in range(4):
        served(env)
        wait(env, account)
    assert fault.fired == 2
    assert account.needs_person


@pytest.mark.parametrize("number", [0, 5])
def test_a_hang_ends_by_the_total_deadline(
    env, proxy, first, second, contact, monkeypatch, number
):
    """A server that falls silent costs one slice, not the read timeout of every
    command; the others are served, and the mailbox goes on later."""
    from odoo.addons.mailbox_connector.models.sync import sync

    monkeypatch.setattr(sync, "SCHEDULED", (8, 4))
    first.receive(contact.email, "To the first")
    second.receive(contact.email, "To the second")
    fault = proxy.hang(number)
    served(env)
    assert fault.fired
    assert first.subjects(contact) == ["To the second"]
    proxy.clear()
    if first.account.retry_at:
        wait(env, first.account)
    served(env)
    assert sorted(first.subjects(contact)) == ["To the first", "To the second"]
