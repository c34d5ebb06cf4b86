"""Where things live: a cache shared by all checkouts, and the state of this one."""

import hashlib
import os
import shutil
from datetime import datetime
from functools import cache
from pathlib import Path

from .console import DevError

CHECKOUT = Path(__file__).resolve().parents[2]
ADDON = CHECKOUT / "mailbox_connector"
REQUIREMENTS = CHECKOUT / "devtools" / "install" / "requirements"


def _open_to_all(path: Path) -> bool:
    """Whether another user may walk down to `path` (created or not)."""
    return all(
        parent.stat().st_mode & 0o001
        for parent in (path, *path.parents)
        if parent.exists()
    )


@cache
def cache_dir() -> Path:
    """The folder for what is downloaded or built once.

    Servers started by root run as another user, who cannot enter root's home: then
    the default is /var/cache.
    """
    if chosen := os.environ.get("MAILBOX_DEV_CACHE"):
        path = Path(chosen).expanduser().absolute()
        if os.geteuid() == 0 and not _open_to_all(path):
            raise DevError(
                f"MAILBOX_DEV_CACHE={path} is not open to other users; the servers"
                " that root starts run as another user and must reach it."
            )
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        path = Path(base).absolute() / "mailbox_connector"
        if os.geteuid() == 0 and not _open_to_all(path):
            path = Path("/var/cache/mailbox_connector")
    path.mkdir(parents=True, exist_ok=True)
    return path


@cache
def checkout_key() -> str:
    """A short name for this checkout, by its path."""
    return hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:10]


@cache
def state_dir() -> Path:
    """Clusters, databases, ports, pids, logs, certificates of this checkout."""
    path = cache_dir() / "state" / checkout_key()
    path.mkdir(parents=True, exist_ok=True)
    (path / "checkout").write_text(f"{CHECKOUT}\n")
    return path


def run_folder(kind: str) -> Path:
    """A new folder for a run's logs; those of the last ten of that kind are kept."""
    runs = state_dir() / f"{kind}-runs"
    runs.mkdir(exist_ok=True)
    for old in sorted(runs.iterdir())[:-9]:
        shutil.rmtree(old, ignore_errors=True)
    folder = runs / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}"
    folder.mkdir()
    return folder
