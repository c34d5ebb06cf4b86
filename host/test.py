"""`./dev test`: run the parts, and say in one summary whether all is well."""

from . import mailservers, postgres, testparts
from .console import HostError, say, step
from .coretests import core
from .paths import run_folder
from .process import which
from .system import require

PARTS = {
    "engine": testparts.engine,
    "addon": testparts.addon,
    "loader": testparts.loader,
    "e2e": testparts.e2e,
    "core": core,
}
DEFAULT = ("engine", "addon", "loader", "e2e")


def main(arguments: list[str]) -> int:
    """Arguments: names of parts, --keep (databases), then options for pytest."""
    first = next((part for part in arguments if part.startswith("-")), None)
    at = arguments.index(first) if first else len(arguments)
    arguments, options = arguments[:at], arguments[at:]
    keep = "--keep" in options
    options = [part for part in options if part not in ("--keep", "--")]
    if unknown := set(arguments) - set(PARTS):
        raise HostError(
            f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}"
        )
    names = [name for name in PARTS if name in (arguments or DEFAULT)]
    require("servers", "browser", "cyrus")
    if not which("chromium"):
        raise HostError("Chromium is not installed (Debian: chromium)")
    run = testparts.Run(run_folder("test"), options, keep)
    say(f"logs of this run: {run.folder}")
    with postgres.running():
        servers = mailservers.start()
        try:
            if "e2e" in names and len(names) > 1:
                with step("tests: e2e begins, beside the others"):
                    run.started["e2e"] = testparts.start_e2e(run)
            for name in names:
                with step(f"tests: {name}"):
                    result = testparts.timed(PARTS[name], run)
                run.results.append(result)
                for problem in result.problems:
                    say(f"{name}: {problem}")
        finally:
            run.clean_up()
            if servers.started:
                servers.stop()
    return _summary(run)


def _summary(run: testparts.Run) -> int:
    passed = failed = 0
    print()
    for result in run.results:
        outcome = result.outcome
        for name in sorted(outcome.failed):
            print(f"FAILED {result.part}: {name}")
        for problem in result.problems:
            print(f"PROBLEM {result.part}: {problem.splitlines()[0][:300]}")
        passed += len(outcome.passed)
        failed += len(outcome.failed) + len(result.problems)
        print(
            f"{result.part:8} {len(outcome.passed):5} passed"
            f" {len(outcome.failed):4} failed {len(result.problems):4} problems"
            f" {result.seconds:7.1f} s"
        )
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0
