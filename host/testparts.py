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
    started: dict[str, subprocess.Popen] = field(default_factory=dict)
    """Parts that run beside the others."""
    installing: list[str] = field(default_factory=list)
    """What was wrong with the installation, until a part's result has told it."""

    def database(self, part: str) -> str:
        return f"test_{part}_{os.getpid()}"

    def with_addon(self, name: str) -> None:
        """Make a database with our addon installed, which is done once in a run."""
        installed = self.database("installed")
        log = self.folder / "install.log"
        if not log.exists():
            # The app is where a person finds contacts.
            database.prepare(installed, addons=["contacts"], log=log)
            assets = self.folder / "assets.log"
            worker.call(installed, f"{__name__}:build_assets", assets)
            self.installing = problems([log, assets])
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


def engine(run: Run) -> Result:
    """The engine alone: no Odoo can be imported."""
    return _end_pytest(run, "engine", _start_engine(run))


def _start_engine(run: Run) -> subprocess.Popen:
    env = {**odoo.environment(), "PYTHONPATH": str(CHECKOUT)}
    return _start_pytest(run, "engine", ["tests/engine", "-p", "no:odoo"], env)


def addon(run: Run) -> Result:
    """The addon's tests by pytest, browser tours included."""
    with database.temporary(run.database("addon"), run.keep):
        arguments = [f"{ADDON.name}/tests", "--odoo-http"]
        return _end_odoo(run, "addon", _start_odoo(run, "addon", arguments))


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
    with database.temporary(run.database("e2e"), run.keep):
        process = run.started.get("e2e") or start_e2e(run)
        return _end_odoo(run, "e2e", process)


def start_e2e(run: Run) -> subprocess.Popen:
    """Begin with the longest part, which leaves a processor idle most of the time."""
    return _start_odoo(run, "e2e", ["tests/e2e"])


def _start_odoo(run: Run, part: str, arguments: list[str]) -> subprocess.Popen:
    name = run.database(part)
    run.with_addon(name)
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
    return _start_pytest(run, part, [*arguments, *options], env)


def _end_odoo(run: Run, part: str, process: subprocess.Popen) -> Result:
    result = _end_pytest(run, part, process)
    result.problems += run.installing
    run.installing = []
    servers = run.folder / f"{part}-servers"
    logs = [run.folder / f"{part}-odoo.log", *sorted(servers.glob("*.log"))]
    result.problems += problems(logs)
    return result


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
