"""What the fault tests use: the soak's rig, small, on this run's database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools import imap_proxy
from devtools.soak import forks
from devtools.soak.rig import Rig

#: Another seed, other traffic: ``MAILBOX_FAULT_SEED=7 ./dev test e2e -- -k faults``.
SEED = int(os.environ.get("MAILBOX_FAULT_SEED", "1"))


@contextmanager
def small_rig(servers, proxy: imap_proxy.ImapProxy) -> Iterator[Rig]:
    """A rig whose mailbox holds little; what Odoo logs while faults strike is kept."""
    database = os.environ["MAILBOX_TEST_DATABASE"]
    log = Path(os.environ["MAILBOX_TEST_LOGS"]) / "faults-odoo.txt"
    with forks.running(database, log) as worker:
        rig = Rig(servers, proxy, worker, database, SEED, messages=40, days=40)
        yield rig
        rig.leave()


def sound(rig: Rig) -> None:
    """Nothing was lost, doubled or misplaced, and a fault did strike."""
    lines = list(rig.tally.findings.lines())
    assert not lines, "\n".join([f"seed {SEED}:", *lines])
    assert rig.tally.faults, "no fault struck"
