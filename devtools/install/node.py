"""Programs of Node that the project uses, each list installed once into the cache."""

import hashlib
import shutil
from pathlib import Path

from ..base.console import step
from ..base.lock import locked
from ..base.paths import REQUIREMENTS, cache_dir
from ..base.process import run
from .system import require


def modules(name: str) -> Path:
    """The node_modules of `requirements/NAME.txt`, fetched on first use.

    From wherever npm is configured to fetch.
    """
    folder = _folder(name)
    with locked(cache_dir() / f"{name}.lock"):
        if not _is_complete(folder):
            require("node")
            with step(name):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                (folder / "package.json").write_text('{"private": true}\n')
                wanted = _wanted(name)
                run(["npm", "install", "--no-audit", "--no-fund", *wanted], cwd=folder)
                (folder / ".complete").touch()
    return folder / "node_modules"


def programs(name: str) -> Path | None:
    """The folder of the programs of a list, if it has been fetched."""
    folder = _folder(name)
    return folder / "node_modules" / ".bin" if _is_complete(folder) else None


def _wanted(name: str) -> list[str]:
    return (REQUIREMENTS / f"{name}.txt").read_text().split()


def _folder(name: str) -> Path:
    digest = hashlib.sha256(" ".join(_wanted(name)).encode()).hexdigest()[:10]
    return cache_dir() / f"{name}-{digest}"


def _is_complete(folder: Path) -> bool:
    return (folder / ".complete").exists()
