"""Warnings and errors in Odoo's log: none is accepted while our addon works.

A test that provokes a logged warning on purpose catches it with `assertLogs` (or
`mute_logger`): then nothing reaches the log. What cannot be caught so, because
Odoo itself logs it on a sound machine, stands in `ALLOWED` with its reason.
"""

import re
from collections.abc import Iterable
from pathlib import Path

LINE = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ \d+ (?P<level>[A-Z]+) \S+ (?P<rest>.*)"
)
BAD = {"WARNING", "ERROR", "CRITICAL"}
# (pattern of "logger: message", why it says nothing about us)
ALLOWED: tuple[tuple[str, str], ...] = ()


def problems(paths: Iterable[Path]) -> list[str]:
    """Every bad line of these logs, with what follows it up to the next line."""
    found: list[str] = []
    for path in paths:
        inside = False
        for line in path.read_text(errors="replace").splitlines():
            match = LINE.match(line)
            if match:
                inside = match["level"] in BAD and not _allowed(match["rest"])
                if inside:
                    found.append(f"{path.name}: {match['level']} {match['rest']}")
            elif inside and len(found[-1]) < 4000:
                found[-1] += f"\n{line}"
    return found


def _allowed(text: str) -> bool:
    return any(re.match(pattern, text) for pattern, _reason in ALLOWED)
