"""`./dev bench`: figures, measured side by side in one run."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from . import (
    bench_backfill,
    bench_bytes,
    bench_chatter,
    bench_match,
    bench_memory,
    bench_quiet,
    bench_sending,
    bench_tick,
    mailservers,
    postgres,
    worker,
)
from .bench_row import Bench, Row
from .console import HostError, say
from .paths import run_folder
from .system import require

#: What measures a row; rows that share a measurement come from one.
ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "backfill_vs_core": bench_backfill.rows,
    "backfill_vs_floor": bench_backfill.rows,
    "bytes_overhead": bench_bytes.rows,
    "tick_round_trips": bench_tick.rows,
    "tick_statements": bench_tick.rows,
    "match_scaling": bench_match.rows,
    "quiet_mailbox_ms": bench_quiet.rows,
    "backfill_memory_mb": bench_memory.rows,
    "chatter_open_vs_core": bench_chatter.rows,
    "sending_vs_core": bench_sending.rows,
}
USAGE = "./dev bench [--quick] [--profile] [--json FILE] [ROW ...]"
#: Load of the machine, per core, from which figures of this run are in doubt.
BUSY = 0.5


def main(arguments: list[str]) -> int:
    """0 when every row reaches what it has to."""
    quick, profile, path, names = _options(arguments)
    require("servers")
    if (code := worker.in_odoo_python(["bench", *arguments])) is not None:
        return code
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > BUSY:
        say(f"this machine is busy (load {load:.1f} a core): trust ratios, not times")
    with postgres.running():
        servers = mailservers.start("bench")
        bench = Bench(run_folder("bench"), servers, frozenset(names), quick, profile)
        try:
            say(f"logs of this run: {bench.folder}")
            rows = _measure(bench, names)
        finally:
            bench.clean()
            if servers.started:
                servers.stop()
    if path:
        result = {row.name: row.as_json() for row in rows}
        path.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(row.holds for row in rows) else 1


def _measure(bench: Bench, names: list[str]) -> list[Row]:
    """The rows in order, each printed as soon as it is known."""
    rows: dict[str, Row] = {}
    print(f"{'row':24} {'value':>10} {'reach':>10}  holds  unit", flush=True)
    for measure in dict.fromkeys(ROWS[name] for name in names):
        found = [row for row in measure(bench) if row.name in names]
        rows |= {row.name: row for row in found}
        for row in found:
            _print(row)
    return [rows[name] for name in names]


def _options(arguments: list[str]) -> tuple[bool, bool, Path | None, list[str]]:
    left = list(arguments)
    flags = [flag in left for flag in ("--quick", "--profile")]
    path = None
    if "--json" in left:
        at = left.index("--json")
        if at + 1 == len(left):
            raise HostError(f"--json wants a file: {USAGE}")
        path = Path(left[at + 1])
        if not path.absolute().parent.is_dir():
            raise HostError(f"there is no folder {path.absolute().parent}")
        del left[at : at + 2]
    names = [part for part in left if part not in ("--quick", "--profile")]
    if unknown := set(names) - set(ROWS):
        raise HostError(f"no such row: {', '.join(sorted(unknown))}; {USAGE}")
    return flags[0], flags[1], path, names or list(ROWS)


def _print(row: Row) -> None:
    sign = "≥" if row.at_least else "≤"
    holds = "yes" if row.holds else "NO"
    print(
        f"{row.name:24} {row.value:10.2f} {f'{sign} {row.reach:g}':>10}"
        f"  {holds:5}  {row.unit}"
    )
    for label, value in row.details:
        print(f"    {label:28} {value}")
    sys.stdout.flush()
