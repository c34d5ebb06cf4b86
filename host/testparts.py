"""The parts of `./dev test`: each runs one kind of tests and tells what came of it."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import database, odoo, worker
from .console import HostError, say
from .junit import Outcome, odoo_outcome, pytest_outcome
from .logcheck import problems
from .paths import ADDON, CHECKOUT
from .process import end, finish, spawn, tail

# No part takes as long, in seconds.
HUNG = 1800
# Lines of Odoo's log about failed tests, which are counted as such.
TEST_FAILED = re.compile(
    r"(FAIL|ERROR): \w+\.\w+|failures?, \d+ errors? of |failed, \d+ error\(s\) of "
    r"|At least one test failed"
)


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
    results: list[Result] = field(default_factory=list)
    engine: subprocess.Popen | None = None
    """The tests of the engine, when they run beside those of the addon."""

    def database(self, part: str) -> str:
        return f"test_{part}_{os.getpid()}"

    def with_addon(self, name: str) -> list[str]:
        """Make a database with our addon installed, which is done once in a run.

        Returns what was wrong with the installation, if this call did it.
        """
        installed = self.database("installed")
        log = self.folder / "install.log"
        if log.exists():
            database.copy(installed, name)
            return []
        # The app is where a person finds contacts.
        database.prepare(installed, addons=["contacts"], log=log)
        assets = self.folder / "assets.log"
        worker.call(installed, f"{__name__}:build_assets", assets)
        database.copy(installed, name)
        return problems([log, assets])

    def clean_up(self) -> None:
        if self.engine:
            end(self.engine)
        if not self.keep:
            database.drop(self.database("installed"))


def build_assets(env) -> None:
    """In Odoo: what the web client loads, so that no browser test waits for it."""
    bundle = env["ir.qweb"]._get_asset_bundle
    for name in ("web.assets_web", "web.assets_web_print", "web.assets_tests"):
        bundle(name, css=False, js=True).js()
        bundle(name, css=True, js=False).css()


def start_engine(run: Run) -> subprocess.Popen:
    """Begin with the tests of the engine, which need one processor and no database."""
    env = {**odoo.environment(), "PYTHONPATH": str(CHECKOUT)}
    return _start_pytest(run, "engine", ["tests/engine", "-p", "no:odoo"], env)


def engine(run: Run) -> Result:
    """The engine alone: no Odoo can be imported."""
    return _end_pytest(run, "engine", run.engine or start_engine(run))


def addon(run: Run) -> Result:
    """The addon's tests by pytest, browser tours included."""
    name = run.database("addon")
    with database.temporary(name, run.keep):
        return _pytest_odoo(run, "addon", name, [f"{ADDON.name}/tests", "--odoo-http"])


def loader(run: Run) -> Result:
    """The same tests by Odoo's own runner, which sees what tests/__init__ imports."""
    name = run.database("loader")
    log = run.folder / "loader.log"
    result = Result("loader")
    with database.temporary(name, run.keep):
        database.copy(database.template(database.dependencies()), name)
        path, _port = odoo.configuration(name)
        command = odoo.command("--test-enable", "--stop-after-init", "-i", ADDON.name)
        command += ["--test-tags", f"/{ADDON.name}"]
        code = finish(spawn(command, log, env=odoo.environment(path)), HUNG)
    result.outcome = odoo_outcome(log)
    result.problems = [text for text in problems([log]) if not TEST_FAILED.search(text)]
    if code and not result.outcome.failed:
        result.problems.append(f"Odoo ended with {code}:\n{tail(log, 15)}")
    _compare(run, result)
    return result


def e2e(run: Run) -> Result:
    """Real servers, a live Odoo process, a browser."""
    name = run.database("e2e")
    with database.temporary(name, run.keep):
        return _pytest_odoo(run, "e2e", name, ["tests/e2e"])


def _pytest_odoo(run: Run, part: str, name: str, arguments: list[str]) -> Result:
    installing = run.with_addon(name)
    log = run.folder / f"{part}-odoo.log"
    log.touch()
    path, _port = odoo.configuration(name, settings={"logfile": log})
    server_logs = run.folder / f"{part}-servers"
    server_logs.mkdir(exist_ok=True)
    env = {
        **odoo.environment(path),
        "MAILBOX_TEST_DATABASE": name,
        "MAILBOX_TEST_INSTALLED": run.database("installed"),
        "MAILBOX_TEST_LOGS": str(server_logs),
    }
    options = [
        f"--odoo-config={path}",
        f"--odoo-database={name}",
        "--odoo-log-level=warn",
    ]
    result = _pytest(run, part, [*arguments, *options], env)
    logs = [log, *sorted(server_logs.glob("*.log"))]
    result.problems += installing + problems(logs)
    return result


def _pytest(run: Run, part: str, arguments: list[str], env: dict[str, str]) -> Result:
    return _end_pytest(run, part, _start_pytest(run, part, arguments, env))


def _start_pytest(
    run: Run, part: str, arguments: list[str], env: dict[str, str]
) -> subprocess.Popen:
    report = run.folder / f"{part}.xml"
    command = [str(odoo.odoo_python()), "-m", "pytest", f"--junitxml={report}"]
    command += ["--color=no", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    command += [*arguments, *run.pytest_arguments]
    return spawn(command, run.folder / f"{part}.log", env=env, cwd=CHECKOUT)


def _end_pytest(run: Run, part: str, process: subprocess.Popen) -> Result:
    report = run.folder / f"{part}.xml"
    output = run.folder / f"{part}.log"
    try:
        code = finish(process, HUNG)
    except HostError as error:
        raise HostError(f"{error}\n{tail(output)}") from error
    result = Result(part, pytest_outcome(report))
    if code not in (0, 1) or (code == 1 and not result.outcome.failed):
        result.problems.append(f"pytest ended with {code}:\n{tail(output, 30)}")
    elif code:
        say(f"{part} failed:\n{tail(output, 400)}")
    return result


def _compare(run: Run, result: Result) -> None:
    """Odoo's runner and pytest must have run the very same tests."""
    by_pytest = [other for other in run.results if other.part == "addon"]
    if not by_pytest or run.pytest_arguments:
        return
    ours, theirs = result.outcome.all, by_pytest[0].outcome.all
    for names, who in ((theirs - ours, "pytest"), (ours - theirs, "Odoo's runner")):
        result.problems += [f"only {who} ran {name}" for name in sorted(names)]


def timed(part: Callable[[Run], Result], run: Run) -> Result:
    """Run a part; what stops it altogether becomes a problem of its result."""
    started = time.monotonic()
    try:
        result = part(run)
    except HostError as error:
        result = Result(part.__name__, problems=[str(error)])
    result.seconds = time.monotonic() - started
    result.problems += [
        f"skipped: {name} ({reason})" for name, reason in result.outcome.skipped.items()
    ]
    result.problems = list(dict.fromkeys(result.problems))
    if not result.outcome.all:
        result.problems.append("no test ran")
    return result
