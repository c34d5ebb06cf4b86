"""Does reading work, does sending work? Both sides tried at once, told apart."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field
from queue import SimpleQueue

from ...engine.check.run import check
from ...engine.check.steps import Checked
from ...engine.errors import EngineError, Side
from ...engine.net.deadline import Deadline
from ...engine.net.egress import EgressPolicy
from ...engine.types import Endpoint, Folder, Security

#: Seconds for both sides together: a person is waiting.
CONNECT_SECONDS = 45


@dataclass
class Probe:
    """What was found. An error of one side leaves the other's findings alone.

    ``ways``: by side, the port and encryption that the host does answer on, where
    those that were typed are wrong. ``checks``: by side, step by step.
    """

    folders: list[Folder] = field(default_factory=list)
    imap_error: EngineError | None = None
    smtp_error: EngineError | None = None
    ways: dict[str, tuple[int, Security]] = field(default_factory=dict)
    checks: dict[str, Checked] = field(default_factory=dict)


def probe(
    imap: Endpoint | None,
    smtp: Endpoint | None,
    policy: EgressPolicy,
    seconds: float = CONNECT_SECONDS,
    address: str = "",
    report: Callable[[Checked], None] = lambda _checked: None,
) -> Probe:
    """Check the given sides; the folders come with their state.

    The two run side by side, so that a server that hangs leaves time for the other.
    No Odoo environment enters the threads: ``report`` is called in this one.

    :param address: what is to be sent as; "": not asked
    """
    found = Probe()
    endpoints = [endpoint for endpoint in (imap, smtp) if endpoint]
    changes: SimpleQueue[Checked | None] = SimpleQueue()

    def one(endpoint):
        try:
            deadline = Deadline(seconds)
            tell = lambda checked: changes.put(copy(checked))  # noqa: E731
            return check(endpoint, policy, deadline, address, tell)
        finally:
            changes.put(None)

    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(one, endpoint) for endpoint in endpoints]
        for _end in endpoints:
            while checked := changes.get():
                report(checked)
    for future in futures:
        checked = future.result()
        side = checked.side.value
        found.checks[side] = checked
        if checked.side is Side.IMAP:
            found.folders, found.imap_error = checked.folders, checked.error
        else:
            found.smtp_error = checked.error
        if checked.ways:
            found.ways[side] = checked.ways[0]
    return found
