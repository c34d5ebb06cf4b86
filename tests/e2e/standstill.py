"""What happens to imports in a live server, told by a process beside it.

:func:`tell` runs in an Odoo process of its own (``devtools.odoo.worker``), on the
database of a server that runs its scheduled actions.
"""

import time
from datetime import datetime, timedelta, timezone

from conftest import Mailbox, message, settings_of, unique

from devtools import imap_proxy
from devtools.odoo.cronlog import IMPORT, CronLog
from devtools.servers import mailservers

SENDER = "buyer@customer.example"
PROBE = "Another action"
#: Seconds for which somebody else has the mailbox after the first run, and for a round
#: trip to a far server.
BUSY, FAR = 2, 0.6
#: E-mails for more than two slices of a run over that distance.
MANY = 1500
#: Seconds within which work has to go on on a busy machine. A scheduler that nobody
#: wakes sleeps for 60.
SOON = 10
#: Seconds for the whole of an import from afar.
LONG = 60


def tell(env, server_log):
    """An import that finds its mailbox busy, then one that takes several runs.

    :param server_log: the path of the log of the server
    :return: what was observed; ``runs``: (begin, end) of each run of the second import
    """
    env["ir.config_parameter"].set_param(
        "mailbox_connector.allowed_networks", "127.0.0.0/8"
    )
    env["res.partner"].create({"name": "Buyer", "email": SENDER})
    env.cr.commit()
    servers = mailservers.start()
    with imap_proxy.running(servers) as proxy:
        box = _box(env, servers, proxy)
        found = _find_it_busy(box, CronLog(server_log))
        return found | _import_from_afar(box, proxy, CronLog(server_log))


def _wait_for(env, seconds, condition):
    """Whether ``condition`` comes true in that time, looking at what is committed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        env.cr.rollback()
        env.invalidate_all()
        if condition():
            return True
        time.sleep(0.2)
    return False


def _box(env, servers, proxy):
    """A mailbox with many older e-mails, of which none is imported yet."""
    address = f"{unique('far')}@example.com"
    account = env["mailbox.account"].create(
        {
            "email": address,
            "name": "Far",
            "owner_id": env.ref("base.user_admin").id,
            **settings_of(servers, address),
            "imap_port": proxy.port,
        }
    )
    box = Mailbox(env, servers, address, account)
    box.receive(SENDER, "Old", days=3)
    senders = [SENDER, *["reader@news.example"] * 9] * (MANY // 10)
    old = datetime.now(timezone.utc) - timedelta(days=20)
    raws = [
        {"msg": message(sender, address, f"Far {number}", days=20)[0], "date": old}
        for number, sender in enumerate(senders)
    ]
    with servers.imap(address) as client:
        client.multiappend("INBOX", raws)
    box.connect(days=0)
    # The first pass, and the runs of the scheduled actions that it needs.
    assert _wait_for(env, LONG, lambda: account.imap_ok_at)
    time.sleep(1)
    return box


def _find_it_busy(box, log):
    """The import begins while somebody else has the mailbox, for longer than a run."""
    env = box.env

    def has_run():
        return any(end for _begin, end in log.runs(IMPORT))

    lease = env["mailbox.lease"]
    with lease.hold(box.account, "other") as held:
        assert held
        backfill = box.account.start_backfill(7)
        env.cr.commit()
        assert _wait_for(env, LONG, has_run)
        time.sleep(BUSY)
        runs = len(log.runs(IMPORT))
    is_done = _wait_for(env, SOON, lambda: backfill.state == "done")
    return {"runs_while_busy": runs, "done_after_release": is_done}


def _import_from_afar(box, proxy, log):
    """An import that takes several runs, while another action is ready."""
    env = box.env
    probe = env["ir.cron"].create(
        {
            "name": PROBE,
            "model_id": env["ir.model"]._get_id("res.partner"),
            "state": "code",
            "code": "model.browse()",
            "nextcall": datetime.now() + timedelta(days=1),
        }
    )
    env.cr.commit()
    proxy.delay(FAR)
    backfill = box.account.start_backfill(30)
    env.cr.commit()
    if _wait_for(env, 2 * SOON, lambda: backfill.seen):
        probe._trigger()
        env.cr.commit()
    is_done = _wait_for(env, LONG, lambda: backfill.state == "done")
    proxy.clear()
    runs, probes = log.runs(IMPORT), log.runs(PROBE)
    return {
        "far_done": is_done,
        "imported": backfill.seen,
        "runs": runs,
        "probed_at": probes and probes[0][0],
    }
