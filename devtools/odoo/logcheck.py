"""Warnings and errors in Odoo's log: none is accepted while our addon works.

A test that provokes a logged warning on purpose catches it with `assertLogs` (or
`mute_logger`): then nothing reaches the log. What cannot be caught so, because
Odoo itself logs it on a sound machine, is in `ALLOWED` with its reason.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

LINE = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ \d+ (?P<level>[A-Z]+) \S+ (?P<rest>.*)"
)
BAD = {"WARNING", "ERROR", "CRITICAL"}
# (pattern of the whole record from the logger's name on, why it is accepted)
ALLOWED: tuple[tuple[str, str], ...] = (
    (
        r"odoo\.sql_db: bad query: .*ERROR: +could not serialize access due to",
        "two requests met; PostgreSQL asks for a retry and Odoo does it (if that fails"
        " too, another error is logged)",
    ),
)


def problems(paths: Iterable[Path]) -> list[str]:
    """Every bad line of these logs, with what follows it up to the next line."""
    found = []
    for path in paths:
        for level, record in _records(path):
            if level in BAD and not _allowed(record):
                found.append(f"{path.name}: {level} {record.strip()[:4000]}")
    return found


def _records(path: Path) -> Iterator[tuple[str, str]]:
    """(level, text from the logger's name on) of each record, in all its lines."""
    level, record = "", ""
    for line in path.read_text(errors="replace").splitlines():
        if match := LINE.match(line):
            yield level, record
            level, record = match["level"], match["rest"]
        else:
            record += f"\n{line}"
    yield level, record


def _allowed(record: str) -> bool:
    return any(re.match(pattern, record, re.DOTALL) for pattern, _reason in ALLOWED)
