"""`./dev lint`: every style check, each in its own program, all of them run."""

import os
import subprocess
import sys
from pathlib import Path

from .base.console import say
from .base.paths import ADDON, CHECKOUT
from .base.process import run
from .install.node import modules
from .install.python import lint_folder

PYTHON = ("devtools", "mailbox_connector", "tests")
PRETTY = ("*.js", "*.xml")


def main(arguments: list[str]) -> int:
    """With `--fix`, the checks that can repair what they find do so."""
    fix = "--fix" in arguments
    programs = lint_folder()
    prettier = _prettier()
    pretty = _files(*PRETTY)
    ruff, pylint, oca, oca_po = (
        str(programs / name)
        for name in ("ruff", "pylint", "oca-checks-odoo-module", "oca-checks-po")
    )
    concise = "--output-format=concise"
    ours = [name for name in PYTHON if (CHECKOUT / name).exists()]
    checks = {
        "ruff check": [ruff, "check", concise, *(["--fix"] if fix else []), *ours],
        "ruff format": [ruff, "format", *([] if fix else ["--check", concise]), *ours],
        "pylint-odoo": [pylint, "--jobs=2", str(ADDON)],
        # It recognizes tests only directly in `tests/`, not in our folders by subject.
        "pylint-odoo on tests": [
            *(pylint, "--jobs=2", "--ignore-paths=^$", str(ADDON / "tests")),
            "--disable=odoo-addons-relative-import,translation-required",
        ],
        "OCA module checks": [oca, *(["--fix"] if fix else []), str(ADDON)],
        "prettier": [*prettier, "--write" if fix else "--check", *pretty],
        "words": [sys.executable, "-m", "devtools.words"],
    }
    if translations := _files("mailbox_connector/i18n/*.po*"):
        checks["OCA translation checks"] = [oca_po, *translations]
    if not pretty:
        del checks["prettier"]
    failed = [name for name, command in checks.items() if not _check(name, command)]
    if failed:
        say(f"lint found faults: {', '.join(failed)}")
    else:
        say(f"lint: {', '.join(checks)}: no faults")
    return 1 if failed else 0


def _check(name: str, command: list[str]) -> bool:
    env = {**os.environ, "PYTHONPATH": "", "NO_COLOR": "1"}
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        say(f"{name}:\n{done.stdout.rstrip()}")
    return not done.returncode


def _files(*patterns: str) -> list[str]:
    """Files of this checkout that git knows or would add."""
    listed = run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard", "--", *patterns],
        cwd=CHECKOUT,
    )
    return [name for name in listed.split("\0") if name and (CHECKOUT / name).is_file()]


def _prettier() -> list[str]:
    """The command of prettier with its XML plug-in."""
    folder = modules("prettier")
    plugin: Path = folder / "@prettier" / "plugin-xml" / "src" / "plugin.js"
    return [str(folder / ".bin" / "prettier"), f"--plugin={plugin}", "--no-color"]
