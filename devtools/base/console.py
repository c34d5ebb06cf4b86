"""What `./dev` says to the person who runs it: on stderr, one line a step."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class DevError(Exception):
    """Something a person must do or know; shown without a traceback."""


def say(text: str) -> None:
    print(f"dev: {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step that takes a while, and its duration in seconds."""
    say(f"{text} ...")
    started = time.monotonic()
    yield
    say(f"{text}: done in {time.monotonic() - started:.1f} s")
