"""`./dev bench`: figures, measured side by side in one run."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from ..base.console import DevError, say
from ..base.paths import run_folder
from ..install.python import in_odoo_python
from ..install.system import require
from ..servers import mailservers, postgres
from . import backfill, chatter, live, match, memory, overhead, quiet, sending, tick
from .row import Bench, Row

#: What measures a row; rows that share a measurement come from one.
ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "backfill_vs_core": backfill.rows,
    "backfill_vs_floor": backfill.rows,
    "backfill_live_vs_direct": live.rows,
    "bytes_overhead": overhead.rows,
    "tick_round_trips": tick.rows,
    "tick_statements": tick.rows,
    "match_scaling": match.rows,
    "quiet_mailbox_ms": quiet.rows,
    "backfill_memory_mb": memory.rows,
    "chatter_open_vs_core": chatter.rows,
    "sending_vs_core": sending.rows,
}
USAGE = "./dev bench [--quick] [--profile] [--json FILE] [--messages N] [ROW ...]"
#: Load of the machine, per core, from which figures of this run are in doubt.
BUSY = 0.5


def main(arguments: list[str]) -> int:
    """0 when every row reaches what it has to."""
    quick, profile, path, messages, names = _options(arguments)
    require("servers")
    if (code := in_odoo_python(["bench", *arguments])) is not None:
        return code
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > BUSY:
        say(f"this machine is busy (load {load:.1f} a core): trust ratios, not times")
    with postgres.running():
        servers = mailservers.start("bench")
        bench = Bench(
            run_folder("bench"), servers, frozenset(names), quick, profile, messages
        )
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


def _options(arguments: list[str]) -> tuple[bool, bool, Path | None, int, list[str]]:
    left = list(arguments)
    flags = [flag in left for flag in ("--quick", "--profile")]
    path = None
    if file := _value(left, "--json"):
        path = Path(file)
        if not path.absolute().parent.is_dir():
            raise DevError(f"there is no folder {path.absolute().parent}")
    messages = _value(left, "--messages") or "0"
    if not messages.isdecimal():
        raise DevError(f"--messages wants a number: {USAGE}")
    names = [part for part in left if part not in ("--quick", "--profile")]
    if unknown := set(names) - set(ROWS):
        raise DevError(f"no such row: {', '.join(sorted(unknown))}; {USAGE}")
    return flags[0], flags[1], path, int(messages), names or list(ROWS)


def _value(left: list[str], option: str) -> str | None:
    """Take an option and its value out of the arguments; None: it is not there."""
    if option not in left:
        return None
    at = left.index(option)
    if at + 1 == len(left):
        raise DevError(f"{option} wants a value: {USAGE}")
    value = left[at + 1]
    del left[at : at + 2]
    return value


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
