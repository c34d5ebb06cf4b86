"""How much memory something takes, as the operating system sees it."""

from __future__ import annotations

import ctypes
import gc
import re
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

#: Seconds between two looks at the process.
_PACE = 0.01


class Growth:
    """``megabytes``: what the process grew by at its worst."""

    megabytes = 0.0


@contextmanager
def growth():
    """Watches this process's resident memory; gives a :class:`Growth`."""
    gc.collect()
    # What earlier tests gave back would hide what this one takes.
    with suppress(AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    seen = Growth()
    before = _resident()
    stop = threading.Event()

    def watch():
        while not stop.wait(_PACE):
            seen.megabytes = max(seen.megabytes, _resident() - before)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.megabytes = max(seen.megabytes, _resident() - before)
        stop.set()
        thread.join()


def _resident() -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024
