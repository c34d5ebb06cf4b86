"""Several scheduled actions read mailboxes side by side, each with a database
connection of its own, as Odoo's scheduler runs them."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from conftest import message

LOGIN = re.compile(r"imap-login: Info: Login: user=<([^>]+)>.* session=<([^>]+)>")
LOGOUT = re.compile(r"imap\(([^)]+)\)<\d+><([^>]+)>: Info: Disconnected")
#: Passes in which what two workers both wanted to write must be settled.
PASSES = 5


@pytest.fixture
def office(env, make_mailbox):
    """Six connected mailboxes, and no other one that is due."""
    boxes = [make_mailbox("office") for _number in range(6)]
    for box in boxes:
        box.connect(days=0)
    ours = env["mailbox.account"].union(*(box.account for box in boxes))
    others = env["mailbox.account"].search([("id", "not in", ours.ids)])
    later = env.cr.now() + timedelta(days=1)
    others.write({"retry_at": later})
    env["mailbox.lease"].search([("account_id", "in", ours.ids)]).served_at = False
    env.cr.commit()
    return boxes


def at_once(do, workers=2):
    """Run ``do(env)`` by as many threads at once; each has a cursor of its own."""
    from odoo import SUPERUSER_ID
    from odoo.api import Environment
    from odoo.modules.registry import Registry

    registry = Registry(os.environ["MAILBOX_TEST_DATABASE"])
    together = Barrier(workers)

    def run():
        with registry.cursor() as cr:
            worker = Environment(cr, SUPERUSER_ID, {})
            together.wait()
            return do(worker)

    with ThreadPoolExecutor(workers) as pool:
        return [ended.result() for ended in [pool.submit(run) for _ in range(workers)]]


def fetch_new_mail(env):
    """What the scheduled action does."""
    env["mailbox.sync"]._cron_new_mail()


class Sessions:
    """IMAP sessions of some addresses that begin from now on, as Dovecot logs them."""

    def __init__(self, servers, addresses):
        self.log = servers.folder / "dovecot" / "dovecot.log"
        self.addresses = addresses
        self.start = self.log.stat().st_size

    def read(self):
        """The addresses that logged in, in order, and the most that were at once."""
        with self.log.open("rb") as log:
            log.seek(self.start)
            lines = log.read().decode(errors="replace").splitlines()
        logins, running, most = [], set(), 0
        for line in lines:
            if (found := LOGIN.search(line)) and found[1] in self.addresses:
                logins.append(found[1])
                running.add(found[2])
                most = max(most, len(running))
            elif found := LOGOUT.search(line):
                running.discard(found[2])
        return logins, most


def test_two_workers_share_the_mailboxes(env, servers, office, contact):
    """Each mailbox is read by one of them, once; nothing is lost or doubled."""
    for number, box in enumerate(office):
        for letter in "abc":
            box.receive(contact.email, f"Mail {number}{letter}")
    addresses = {box.address for box in office}
    sessions = Sessions(servers, addresses)
    at_once(fetch_new_mail)
    env.cr.commit()
    logins, most = sessions.read()
    assert sorted(logins) == sorted(addresses)
    assert most == 2, "they worked at the same time"
    expected = [f"Mail {n}{letter}" for n in range(len(office)) for letter in "abc"]
    assert sorted(office[0].subjects(contact)) == expected
    copies = env["mail.message"].search(
        [("model", "=", "res.partner"), ("res_id", "=", contact.id)]
    )
    assert sorted(filter(None, copies.mapped("subject"))) == expected
    leases = env["mailbox.lease"].search(
        [("account_id.email", "in", sorted(addresses))]
    )
    assert len(leases) == len(office)
    assert not any(lease.holder or lease.pending for lease in leases)
    assert all(lease.served_at for lease in leases)


def test_the_same_mail_read_by_two_workers_is_shown_once(env, office, contact, servers):
    """Mail to several of our addresses comes to all of them at the same moment."""
    to = ", ".join(box.address for box in office)
    for number in range(10):
        raw, _message_id = message(contact.email, to, f"To all {number}")
        for box in office:
            servers.append(box.address, "INBOX", raw)
    ours = [("account_id", "in", [box.account.id for box in office])]
    for _number in range(PASSES):
        at_once(fetch_new_mail)
        env.invalidate_all()
        env.cr.commit()
        if not env["mailbox.lease"].search([*ours, ("pending", "=", True)]):
            break
    assert not env["mailbox.lease"].search([*ours, ("pending", "=", True)])
    expected = [f"To all {number}" for number in range(10)]
    assert sorted(office[0].subjects(contact)) == expected
    found = env["mailbox.message"].search([("partner_ids", "=", contact.id)])
    places = env["mailbox.location"].search([("message_id", "in", found.ids)])
    assert len(places) == len(expected) * len(office)
    copies = env["mail.message"].search([("mailbox_message_id", "in", found.ids)])
    assert sorted(copies.mapped("subject")) == expected
    assert not any(box.account.imap_problem for box in office)


def test_a_mailbox_has_one_worker_however_many_come_at_once(mailbox):
    """To come second is no error, and nobody comes in while another one is there."""
    account_id = mailbox.account.id
    inside, crowds = [], []

    def come_and_go(env):
        account = env["mailbox.account"].browse(account_id)
        for _number in range(50):
            with env["mailbox.lease"].hold(account, "new") as held:
                if held:
                    inside.append(held)
                    crowds.append(len(inside))
                    inside.pop()

    at_once(come_and_go, workers=4)
    assert set(crowds) == {1}
