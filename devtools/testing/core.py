"""Odoo's own mail tests, without and with our addon: the result must be the same."""

from ..base.paths import ADDON
from ..base.process import finish, spawn
from ..odoo import database, launch
from .outcome import Outcome, odoo_outcome
from .run import Result, Run

TESTED = ("mail", "test_mail")
# All of them with every addon loaded, as an installed Odoo is: while addons are being
# updated, a database knows ours before its code is there.
SCRIPT = """
from odoo.tests.shell import run_tests
run_tests(env, {tags!r}, modules={modules!r})
"""


def core(run: Run) -> Result:
    """Run both; a test whose outcome differs is a failed one.

    Options given to the run are test tags here, to run but some of the tests.
    """
    without = _outcome(run, "without", ())
    with_addon = _outcome(run, "with", (ADDON.name,))
    same = with_addon.passed & without.passed
    both_failed = with_addon.failed & without.failed
    changed = (without.passed - same) | (with_addon.failed - both_failed)
    result = Result("core", Outcome(passed=same | both_failed, failed=changed))
    if not without.passed:
        result.problems.append("Odoo's own tests did not run")
    return result


def _outcome(run: Run, label: str, addons: tuple[str, ...]) -> Outcome:
    name = run.database(f"core_{label}")
    log = run.folder / f"core-{label}.log"
    script = run.folder / "core-script.py"
    tags = ",".join(run.pytest_arguments or (f"/{tested}" for tested in TESTED))
    script.write_text(SCRIPT.format(tags=tags, modules=list(TESTED)))
    with database.temporary(name, run.keep):
        database.copy(database.template([*database.dependencies(), *TESTED]), name)
        if addons:
            database.update(
                name, install=addons, log=run.folder / f"core-{label}-install.log"
            )
        path, _port = launch.configuration(name)
        finish(
            spawn(
                launch.command("shell"), log, env=launch.environment(path), stdin=script
            )
        )
    return odoo_outcome(log)
