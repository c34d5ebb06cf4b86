"""Python environments, made again only when their list of requirements changes."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from ..base.console import step
from ..base.lock import locked
from ..base.paths import CHECKOUT, REQUIREMENTS, cache_dir
from ..base.process import run

ADDON_REQUIREMENTS = CHECKOUT / "requirements.txt"


def odoo_python() -> Path:
    """The interpreter that runs Odoo, the addon and its tests."""
    lists = [REQUIREMENTS / "odoo.txt", REQUIREMENTS / "test.txt"]
    if ADDON_REQUIREMENTS.exists():
        lists.append(ADDON_REQUIREMENTS)
    return _environment("odoo", lists)


def in_odoo_python(arguments: list[str]) -> int | None:
    """Run this `./dev` command again with the interpreter that has our libraries.

    None when that is the one already; else the exit code of the other.
    """
    python = odoo_python()
    if Path(sys.prefix) == python.parent.parent:
        return None
    sys.stderr.flush()
    os.execv(python, [str(python), "-m", "devtools", *arguments])


def lint_folder() -> Path:
    """The folder of the linters' programs."""
    return _environment("lint", [REQUIREMENTS / "lint.txt"]).parent


def _environment(name: str, lists: list[Path]) -> Path:
    """A virtual environment for this content of `lists`; other contents keep theirs."""
    version = ".".join(map(str, sys.version_info[:2]))
    # The base interpreter: the same when this runs inside such an environment.
    digest = hashlib.sha256(f"{sys.base_prefix} {version}".encode())
    for path in lists:
        digest.update(path.read_bytes())
    folder = cache_dir() / f"venv-{name}-{digest.hexdigest()[:10]}"
    python = folder / "bin" / "python"
    stamp = folder / ".complete"
    if stamp.exists():
        return python
    with locked(cache_dir() / f"venv-{name}.lock"):
        if not stamp.exists():
            with step(f"Python environment '{name}'"):
                shutil.rmtree(folder, ignore_errors=True)
                run([sys.executable, "-m", "venv", folder])
                options = [part for path in lists for part in ("-r", path)]
                pip = [python, "-m", "pip", "install", "-q", *options]
                run(pip, log=folder / "log")
                stamp.touch()
    return python
