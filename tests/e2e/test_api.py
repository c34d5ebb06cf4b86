"""What other programs do with a mailbox, as docs/api.md says: over RPC, as a user."""

from datetime import datetime, timedelta, timezone

import pytest
from conftest import message, settings_of, unique
from sending import make_user

from odoo.exceptions import AccessError, UserError, ValidationError

from devtools.base.process import wait_for

#: Seconds for an import of a few messages by the scheduled action.
LONG = 120


@pytest.fixture
def box(tour):
    """A mailbox of Marta's with two mails of a contact, and what calls its methods."""
    address = f"{unique('api')}@example.com"
    customer = f"{unique('c')}@customer.example"
    tour.admin().create("res.partner", {"name": "Api Customer", "email": customer})
    for days in (1, 20):
        raw, _name = message(customer, address, f"{days} days old", days=days)
        tour.servers.append(address, "INBOX", raw, internaldate=ago(days))
    marta = tour.live.session("marta", "marta")
    servers = tour.servers
    values = {
        "email": address,
        "name": "Api",
        **settings_of(servers, address),
    }
    number = marta.create("mailbox.account", values)

    def call(method, *args, user=marta, **options):
        return user.call("mailbox.account", method, [number], *args, **options)

    call.id = number
    return call


def ago(days):
    return datetime.now(timezone.utc) - timedelta(days=days)


def counts(box):
    [status] = box("status")
    return status


def imported(box):
    """Waits until no import is under way; the e-mails here."""
    wait_for(lambda: not counts(box)["imports"], LONG, "the import")
    found = box("read", ["message_count"])
    return found[0]["message_count"]


def test_from_connecting_to_more_older_mail(box):
    found = box("test")
    assert found["imap"]["ok"] and found["smtp"]["ok"]
    assert [step["ok"] for step in found["imap"]["steps"]] == [True] * 5
    [status] = box("status")
    assert status["health"] == "draft" and status["imap"]["problem"] is False

    answer = box("connect", days=7)
    assert answer["connected"] and answer["import"]["state"] == "running"
    assert imported(box) == 1

    preview = box("backfill", 30, only_preview=True)
    assert (preview["seen"], preview["matched"], preview["here"]) == (1, 1, 1)
    begun = box("backfill", 30)
    assert begun["state"] == "running"
    assert imported(box) == 2

    result = box("sync")
    wait_for(lambda: box("sync")["ok"], LONG, "a pass that nobody else is in")
    assert result["problem"] is False
    [status] = box("status")
    assert status["health"] == "connected" and status["imap"]["ok"]
    inbox = next(one for one in status["folders"] if one["role"] == "inbox")
    assert inbox["read"] and inbox["handled_since"]


def test_what_does_not_work_is_an_answer_and_what_is_asked_wrongly_an_error(
    env, make_mailbox, servers
):
    owner, other = make_user(env), make_user(env, "Otto Other")
    box = make_mailbox(owner_id=owner.id, imap_password="not the password")
    account = box.account.with_user(owner)
    answer = account.connect()
    assert not answer["connected"] and answer["smtp"]["ok"] is not None
    assert answer["imap"]["field"] == "password"
    assert "password" in answer["imap"]["problem"]
    [status] = account.status()
    assert status["health"] == "draft" and not status["imap"]["ok"]
    for method, arguments in (("sync", ()), ("backfill", (7,))):
        with pytest.raises(UserError, match="Connect this mailbox first"):
            getattr(account, method)(*arguments)
    for days in (-1, "7", True, 99_999):
        with pytest.raises(ValidationError, match="0 to 3650"):
            account.connect(days=days)
    account.imap_password = servers.password
    with pytest.raises(UserError, match="Nowhere"):
        account.connect(days=7, folders=["Nowhere"])
    for method in ("test", "connect", "status", "sync"):
        with pytest.raises(AccessError):
            getattr(box.account.with_user(other), method)()
