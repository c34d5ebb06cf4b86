"""The parts of `./dev test`: each runs one kind of tests and returns the result."""

import re
import subprocess
from collections.abc import Callable

from ..base.console import DevError, say
from ..base.paths import ADDON, CHECKOUT
from ..base.process import finish, spawn, tail
from ..install.python import odoo_python
from ..odoo import database, launch
from ..odoo.logcheck import problems
from .outcome import odoo_outcome, pytest_outcome
from .run import Result, Run

# No part takes as long, in seconds.
HUNG = 1800
# What the classes of the addon's browser tests have in their names.
BROWSER_TESTS = "Tour"
# Lines of Odoo's log about failed tests, which are counted as such.
TEST_FAILED = re.compile(
    r"(FAIL|ERROR): \w+\.\w+|failures?, \d+ errors? of |failed, \d+ error\(s\) of "
    r"|At least one test failed"
)


def engine(run: Run) -> Result:
    """The engine alone: no Odoo can be imported."""
    process = run.started.get("engine") or _start_engine(run)
    return _end_pytest(run, "engine", process)


def _start_engine(run: Run) -> subprocess.Popen:
    env = {**launch.environment(), "PYTHONPATH": str(CHECKOUT)}
    return _start_pytest(run, "engine", ["tests/engine", "-p", "no:odoo"], env)


def addon(run: Run) -> Result:
    """The addon's tests by pytest; those in a browser too, unless it is to be quick."""
    with database.temporary(run.database("addon"), run.keep):
        arguments = [f"{ADDON.name}/tests", "--odoo-http"]
        if run.quick:
            arguments += ["-k", f"not {BROWSER_TESTS}"]
        return _end_odoo(run, "addon", _start_odoo(run, "addon", arguments))


def loader(run: Run) -> Result:
    """The same tests by Odoo's own runner, which sees what tests/__init__ imports."""
    name = run.database("loader")
    log = run.folder / "loader.log"
    result = Result("loader")
    with database.temporary(name, run.keep):
        database.copy(database.template(database.dependencies()), name)
        path, _port = launch.configuration(name)
        command = launch.command("--test-enable", "--stop-after-init", "-i", ADDON.name)
        command += ["--test-tags", f"/{ADDON.name}"]
        code = finish(spawn(command, log, env=launch.environment(path)), HUNG)
    result.outcome = odoo_outcome(log)
    result.problems = [text for text in problems([log]) if not TEST_FAILED.search(text)]
    if code and not result.outcome.failed:
        result.problems.append(f"Odoo ended with {code}:\n{tail(log, 15)}")
    _compare(run, result)
    return result


def e2e(run: Run) -> Result:
    """Real servers, a live Odoo process, a browser."""
    with database.temporary(run.database("e2e"), run.keep):
        process = run.started.get("e2e") or _start_e2e(run)
        return _end_odoo(run, "e2e", process)


def _start_e2e(run: Run) -> subprocess.Popen:
    return _start_odoo(run, "e2e", ["tests/e2e"])


def _start_odoo(run: Run, part: str, arguments: list[str]) -> subprocess.Popen:
    name = run.database(part)
    run.with_addon(name)
    log = run.folder / f"{part}-odoo.log"
    log.touch()
    path, _port = launch.configuration(name, settings={"logfile": log})
    server_logs = run.folder / f"{part}-servers"
    server_logs.mkdir(exist_ok=True)
    env = {
        **launch.environment(path),
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
    command = [str(odoo_python()), "-m", "pytest", f"--junitxml={report}"]
    command += ["--color=no", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    command += [*arguments, *run.pytest_arguments]
    return spawn(command, run.folder / f"{part}.log", env=env, cwd=CHECKOUT)


def _end_pytest(run: Run, part: str, process: subprocess.Popen) -> Result:
    report = run.folder / f"{part}.xml"
    output = run.folder / f"{part}.log"
    try:
        code = finish(process, HUNG)
    except DevError as error:
        raise DevError(f"{error}\n{tail(output)}") from error
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


#: Parts that can begin beside the others.
BEGIN: dict[str, Callable[[Run], subprocess.Popen]] = {
    "engine": _start_engine,
    "e2e": _start_e2e,
}
