"""Row `backfill_live_vs_direct`: our import of older e-mails in a live server, whose
scheduler runs the action in slices, against the same method called directly.

The server has two cron threads, or two HTTP and two cron processes. What is timed
begins with the click on *Import* and ends when the import is done: breaks between two
slices count, which a method that is called directly does not have.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from ..base import process
from ..base.console import DevError, step
from ..odoo import database, launch
from ..odoo.cronlog import IMPORT, CronLog, breaks
from ..odoo.logcheck import problems
from . import mails
from .row import Bench, Row

CONTACTS = 5_000
SENDERS = 400
MESSAGES, QUICK_MESSAGES = 15_000, 500
INSIDE = "devtools.bench.inside"
#: Settings of the live servers, by how they run scheduled actions.
MODES = {"threads": {}, "processes": {"workers": 2}}
CRON_THREADS = 2


def rows(bench: Bench) -> list[Row]:
    count = bench.count or (QUICK_MESSAGES if bench.quick else MESSAGES)
    user = bench.user("live")
    with bench.ours("live-ready") as ready:
        with step(f"{count:,} messages into a mailbox"):
            for some in _chunks(mails.mixed(count, SENDERS, user)):
                bench.fill(user, some)
        bench.call(
            ready,
            f"{INSIDE}:make_mailbox",
            "live-prepare",
            values=bench.mailbox(user),
            contacts=CONTACTS,
        )
        direct = [_direct(bench, ready, count, "live-direct-1")]
        live = {mode: _live(bench, ready, count, mode) for mode in MODES}
        direct.append(_direct(bench, ready, count, "live-direct-2"))
    bench.empty(user)
    reference = sum(direct) / len(direct)
    return [
        Row(
            name="backfill_live_vs_direct",
            what="import by a live server against the method called directly",
            value=reference / max(took for took, _gaps in live.values()),
            unit="of its speed",
            reach=0.85,
            details=[
                ("messages", f"{count:,}"),
                ("called directly", " and ".join(f"{one:.1f} s" for one in direct)),
                *(
                    (
                        f"live, {mode}",
                        f"{took:.1f} s, {reference / took:.2f}; breaks between"
                        f" {len(gaps) + 1} runs {sum(gaps):.2f} s",
                    )
                    for mode, (took, gaps) in live.items()
                ),
            ],
        )
    ]


def _chunks(messages: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Not all in memory at once."""
    while some := list(islice(messages, 1_000)):
        yield some


@contextmanager
def _fresh(bench: Bench, ready: str) -> Iterator[str]:
    with database.temporary(bench.database("live")) as name:
        database.copy(ready, name)
        yield name


def _direct(bench: Bench, ready: str, count: int, label: str) -> float:
    with (
        _fresh(bench, ready) as name,
        step(f"the method called directly takes {count:,} messages"),
    ):
        return _seconds(bench.call(name, f"{INSIDE}:backfill", label), count)


def _live(bench: Bench, ready: str, count: int, mode: str) -> tuple[float, list[float]]:
    """Seconds, and those of them between two runs of the scheduled action."""
    log = bench.log(f"live-{mode}")
    with _fresh(bench, ready) as name:
        server, address = launch.serve(
            name, log, cron_threads=CRON_THREADS, settings=MODES[mode]
        )
        try:
            launch.wait_until_served(server, address)
            with step(f"a live server with {mode} takes {count:,} messages"):
                run = bench.call(name, f"{INSIDE}:await_backfill", f"live-told-{mode}")
        finally:
            process.end(server)
    if found := problems([log]):
        raise DevError("Odoo complained:\n" + "\n".join(found))
    runs = CronLog(log, whole=True).runs(IMPORT)
    return _seconds(run, count), breaks([one for one in runs if one[0] >= run["began"]])


def _seconds(run: dict, count: int) -> float:
    if (run["linked"], run["copies"]) != (count, count):
        raise DevError(f"linked {run} of {count}")
    return run["seconds"]
