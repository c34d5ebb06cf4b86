"""Odoo's own mail tests, without and with our addon: the result must be the same."""

from . import database
from .junit import Outcome, odoo_outcome
from .paths import ADDON
from .testparts import Result, Run, odoo_tests

TESTED = ("mail", "test_mail")


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
    with database.temporary(name, run.keep):
        database.copy(database.template([*database.dependencies(), *TESTED]), name)
        if addons:
            log = run.folder / f"core-{label}-install.log"
            database.update(name, install=addons, log=log)
        tags = ",".join(run.pytest_arguments or (f"/{tested}" for tested in TESTED))
        options = ("-u", ",".join(TESTED), "--test-tags", tags)
        log = run.folder / f"core-{label}.log"
        odoo_tests(name, options, log)
    return odoo_outcome(log)
