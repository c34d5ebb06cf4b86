"""`./dev test`: run the parts, and say in one summary whether all is well."""

import time
from collections.abc import Sequence

from ..base.console import DevError, say, step
from ..base.paths import run_folder
from ..base.process import which
from ..install.system import require
from ..servers import courier, mailservers, postgres
from . import parts
from .core import core
from .run import Run, finished

PARTS = {
    "engine": parts.engine,
    "addon": parts.addon,
    "loader": parts.loader,
    "e2e": parts.e2e,
    "core": core,
}
DEFAULT = ("engine", "addon", "loader", "e2e")
#: `./dev test quick`, for every day: what needs no browser.
QUICK = ("addon", "engine")


def main(arguments: list[str]) -> int:
    """Arguments: `quick` or names of parts, --keep (databases), options for pytest."""
    words, options = _split(arguments)
    quick = words == ["quick"]
    names = QUICK if quick else _chosen(words)
    _require(names, quick)
    keep = "--keep" in options
    options = [part for part in options if part not in ("--keep", "--")]
    run = Run(run_folder("test"), options, keep, quick)
    say(f"logs of this run: {run.folder}")
    with postgres.running():
        servers = mailservers.start()
        try:
            _run_parts(run, names)
        finally:
            run.clean_up()
            if servers.started:
                servers.stop()
    return _summary(run)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Names of parts, and the options from the first one on."""
    first = next((part for part in arguments if part.startswith("-")), None)
    at = arguments.index(first) if first else len(arguments)
    return arguments[:at], arguments[at:]


def _chosen(words: list[str]) -> list[str]:
    if "quick" in words:
        raise DevError("quick is a selection of parts: name it alone")
    if unknown := set(words) - set(PARTS):
        raise DevError(
            f"no such part: {', '.join(unknown)};"
            f" there are {', '.join(PARTS)}, and quick for {' and '.join(QUICK)}"
        )
    return [name for name in PARTS if name in (words or DEFAULT)]


def _require(names: Sequence[str], quick: bool) -> None:
    require("servers")
    if "e2e" in names:
        require("cyrus")
        courier.install()
    if not quick and set(names) - {"engine"}:
        require("browser")
        if not which("chromium"):
            raise DevError("Chromium is not installed (Debian: chromium)")


def _run_parts(run: Run, names: Sequence[str]) -> None:
    """One after the other, but one that leaves a processor idle beside them."""
    beside = "engine" if run.quick else "e2e"
    if beside in names and len(names) > 1:
        with step(f"tests: {beside} begins, beside the others"):
            run.began[beside] = time.monotonic()
            run.started[beside] = parts.BEGIN[beside](run)
    for name in names:
        with step(f"tests: {name}"):
            result = finished(PARTS[name], run)
        run.results.append(result)
        for problem in result.problems:
            say(f"{name}: {problem}")


def _summary(run: Run) -> int:
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
    if run.quick:
        left_out = ", ".join(name for name in DEFAULT if name not in QUICK)
        print(
            f"\nquick: {' and '.join(QUICK)}, without the addon's browser tests;"
            f" not run: {left_out}"
        )
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0
