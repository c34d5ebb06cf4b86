"""Locks between processes: one at a time, and who still uses a server."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`, waiting for the process that has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


_used: dict[Path, IO] = {}


def use(path: Path) -> None:
    """Note that this process uses a server, until `leave` or its end.

    A program that this process becomes by `exec` goes on using it.
    """
    if path not in _used:
        handle = open(path, "w")
        fcntl.flock(handle, fcntl.LOCK_SH)
        os.set_inheritable(handle.fileno(), True)
        _used[path] = handle


def leave(path: Path) -> bool:
    """End that use; whether no other process uses the server now."""
    with _used.pop(path, None) or open(path, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
