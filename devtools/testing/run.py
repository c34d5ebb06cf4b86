"""One run of `./dev test`, and what a part of it found."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..base.console import DevError
from ..base.process import end
from ..odoo import database, worker
from ..odoo.logcheck import problems
from .outcome import Outcome


@dataclass
class Result:
    """What a part found. `problems` are faults that are no single test's."""

    part: str
    outcome: Outcome = field(default_factory=Outcome)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0


@dataclass
class Run:
    """One `./dev test`: its folder for logs, and extra arguments for pytest."""

    folder: Path
    pytest_arguments: list[str]
    keep: bool
    quick: bool = False
    """Without the browser."""
    results: list[Result] = field(default_factory=list)
    started: dict[str, subprocess.Popen] = field(default_factory=dict)
    """Parts that run beside the others."""
    began: dict[str, float] = field(default_factory=dict)
    """When a part began, by the clock `time.monotonic`."""
    installing: list[str] = field(default_factory=list)
    """What was wrong with the installation, until a part's result reports it."""

    def database(self, part: str) -> str:
        return f"test_{part}_{os.getpid()}"

    def with_addon(self, name: str) -> None:
        """Make a database with our addon installed, which is done once in a run."""
        installed = self.database("installed")
        log = self.folder / "install.log"
        if not log.exists():
            # The app is where a person finds contacts.
            database.prepare(installed, addons=["contacts"], log=log)
            logs = [log]
            if not self.quick:
                logs.append(self.folder / "assets.log")
                worker.call(installed, f"{__name__}:build_assets", logs[-1])
            self.installing = problems(logs)
        database.copy(installed, name)

    def clean_up(self) -> None:
        for part, process in self.started.items():
            end(process)
            if not self.keep:
                database.drop(self.database(part))
        if not self.keep:
            database.drop(self.database("installed"))


def build_assets(env) -> None:
    """In Odoo: what the web client loads, so that no browser test waits for it."""
    bundle = env["ir.qweb"]._get_asset_bundle
    for name in ("web.assets_web", "web.assets_web_print", "web.assets_tests"):
        bundle(name, css=False, js=True).js()
        bundle(name, css=True, js=False).css()


def finished(part: Callable[[Run], Result], run: Run) -> Result:
    """Run a part, or wait for it; what stops it altogether becomes a problem."""
    run.began.setdefault(part.__name__, time.monotonic())
    try:
        result = part(run)
    except DevError as error:
        result = Result(part.__name__, problems=[str(error)])
    result.seconds = time.monotonic() - run.began[part.__name__]
    result.problems += [
        f"skipped: {name} ({reason})" for name, reason in result.outcome.skipped.items()
    ]
    result.problems = list(dict.fromkeys(result.problems))
    if not result.outcome.all:
        result.problems.append("no test ran")
    return result
