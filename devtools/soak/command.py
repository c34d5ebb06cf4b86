"""`./dev soak`: faults for hours, and after each of them the invariant.

A mailbox on a real Dovecot, reached through a proxy that breaks what it is ordered to;
random traffic on the server; passes in Odoo processes of their own.
"""

import os
import random
import time

from .. import imap_proxy
from ..base.console import DevError, say, step
from ..base.paths import run_folder
from ..odoo import database
from ..servers import mailservers, postgres
from . import forks
from .faults import PARTS, ROUNDS
from .rig import Rig, Tally

USAGE = f"./dev soak [--seed N] [--rounds N] [--keep] [{' '.join(PARTS)}]"


def main(arguments: list[str]) -> int:
    """0 when nothing was lost, doubled or misplaced, whatever struck."""
    options, names = _options(arguments)
    seed = options.get("seed", random.SystemRandom().randrange(1_000_000))
    folder = run_folder("soak")
    name = f"soak_{os.getpid()}"
    say(f"seed {seed}; logs of this run: {folder}")
    tallies = []
    with postgres.running(), database.temporary(name, "keep" in options):
        servers = mailservers.start("soak")
        try:
            with step("database"):
                database.prepare(name, log=folder / "install.log")
            with (
                imap_proxy.running(servers) as proxy,
                forks.running(name, folder / "odoo.log") as odoo,
            ):
                rig = Rig(servers, proxy, odoo, name, seed)
                for part in names:
                    with step(f"soak: {part}"):
                        rounds = options.get("rounds", ROUNDS[part])
                        tallies.append(_run(rig, part, rounds))
                rig.leave()
        finally:
            # Which leaves them to another soak that uses them.
            servers.stop()
    return _summary(tallies, seed)


def _run(rig: Rig, part: str, rounds: int) -> Tally:
    started = time.monotonic()
    tally = rig.begin(part)
    try:
        PARTS[part](rig, rounds)
    except DevError as error:
        tally.findings.other.add(str(error))
        say(f"{part}: {error}")
    tally.seconds = time.monotonic() - started
    return tally


def _options(arguments: list[str]) -> tuple[dict[str, int], list[str]]:
    options: dict[str, int] = {}
    parts = set()
    left = iter(arguments)
    for argument in left:
        name = argument.removeprefix("--")
        if argument == "--keep":
            options[name] = 1
        elif argument in ("--seed", "--rounds"):
            number = next(left, "")
            if not number.isdigit():
                raise DevError(f"{argument} wants a number: {USAGE}")
            options[name] = int(number)
        elif argument in PARTS:
            parts.add(argument)
        else:
            raise DevError(f"no such part: {argument}; {USAGE}")
    return options, [part for part in PARTS if part in (parts or PARTS)]


def _summary(tallies: list[Tally], seed: int) -> int:
    head = ("part", "faults", "rounds", "lost", "doubled", "wrong locations", "other")
    print(f"\n{head[0]:10}" + "".join(f"{name:>13}" for name in head[1:]) + "     time")
    for tally in tallies:
        found = tally.findings
        counts = (tally.faults, tally.rounds, len(found.lost), len(found.doubled))
        counts += (len(found.locations), len(found.other))
        row = "".join(f"{count:13}" for count in counts)
        how = f"  {tally.how}" if tally.how else ""
        print(f"{tally.part:10}{row}{tally.seconds:8.0f} s{how}")
    faults = sum(tally.faults for tally in tallies)
    broken = any(tally.findings for tally in tallies)
    idle = [tally.part for tally in tallies if not tally.faults]
    verdict = "the invariant does not hold" if broken else "the invariant holds"
    print(f"\n{faults} faults, {verdict} (seed {seed})", flush=True)
    for part in idle:
        print(f"no fault struck in {part}")
    return 1 if broken or idle else 0
