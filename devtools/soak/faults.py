"""The parts of the soak: each lets one kind of fault strike, round after round."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..base.paths import CHECKOUT
from ..imap_proxy.faults import WHEN
from ..odoo import launch
from ..servers import postgres
from . import check
from .forks import Job
from .rig import KINDS, Rig

#: Rounds of a part when nothing else is asked for. `commands` has as many as needed,
#: `answers` that many of each, `transcripts` that many of each server and kind.
ROUNDS = {
    "commands": 0,
    "bytes": 500,
    "kill": 100,
    "database": 30,
    "disk": 30,
    "answers": 2,
    "transcripts": 200,
}
#: (pattern of the command, the server's answer)
ANSWERS = (
    ("GREETING", "* BYE Too busy"),
    ("AUTHENTICATE|LOGIN", "{tag} NO [UNAVAILABLE] Try again later"),
    ("AUTHENTICATE|LOGIN", "{tag} NO [INUSE] Mailbox is locked"),
    ("^LIST", "* BYE Session expired"),
    ("^LIST", "{tag} NO [SERVERBUG] Internal error"),
    ("^LIST", "{tag} BAD Unknown option"),
    ("^EXAMINE", "{tag} NO Cannot open"),
    ("^EXAMINE", "{tag} NO [INUSE] Mailbox is locked"),
    ("^EXAMINE", "{tag} NO [UNAVAILABLE] Backend down"),
    ("^EXAMINE", "* BYE Disconnected for inactivity"),
    ("^UID SEARCH", "{tag} NO [SERVERBUG] Internal error"),
    ("^UID FETCH", "{tag} NO [LIMIT] Rate limit hit"),
    ("^UID FETCH", "{tag} NO [INUSE] Mailbox is locked"),
    ("^UID FETCH", "{tag} NO [UNAVAILABLE] Try again later"),
    ("^UID FETCH", "* BYE Server shutting down"),
    ("BODY.PEEK\\[\\]", "{tag} NO [LIMIT] Rate limit hit"),
    ("BODY.PEEK\\[\\]", "{tag} NO [INUSE] Mailbox is locked"),
    ("BODY.PEEK\\[\\]", "* BYE Server shutting down"),
)
#: A pass that hangs has to be over after so many seconds.
HANG_SECONDS = 3
#: More commands than a pass has.
MOST = 100
#: Passes that are struck in a row, before they are let through.
BLOWS = 3
#: Bytes of the small disk.
DISK = 64 << 20


def commands(rig: Rig, rounds: int) -> None:
    """Cut after every command, at each point of its answer, until a pass has fewer."""
    for about in KINDS:
        for when in WHEN:
            for number in range(rounds or MOST):
                rig.work(about)
                fault = rig.proxy.cut_after_command(number, when)
                rig.round(about, f"cut {when} of command {number}")
                if not fault.fired:
                    break
                rig.tally.faults += 1


def cut_bytes(rig: Rig, rounds: int, blows: int = BLOWS) -> None:
    """Cut after a random number of bytes from the server."""
    length = dict.fromkeys(KINDS, rig.length)
    for about in _until(rig, rounds):
        meanwhile = rig.rng.random() < 0.3
        offsets = [rig.rng.randrange(length[about]) for _blow in range(blows)]
        faults = []

        def arm(faults=faults, offsets=offsets) -> None:
            faults.append(rig.proxy.cut_at_byte(offsets[len(faults)]))

        rig.proxy.forget()
        rig.round(about, f"cut at {offsets}", arm, blows=blows, meanwhile=meanwhile)
        rig.tally.faults += sum(fault.fired for fault in faults)
        # What a pass that got through has heard.
        length[about] = max(one.bytes_from_server for one in rig.proxy.connections)


def _until(rig: Rig, faults: int) -> Iterator[str]:
    """Work for a pass, what it is about, until so many faults have struck."""
    for _attempt in range(3 * faults):
        if rig.tally.faults >= faults:
            return
        about = rig.rng.choice(list(KINDS))
        rig.work(about)
        yield about


def kill(rig: Rig, rounds: int, blows: int = BLOWS) -> None:
    """`kill -9` of the worker at a random moment."""
    for about in _until(rig, rounds):

        def strike(job: Job) -> None:
            time.sleep(rig.rng.uniform(0, rig.typical * 1.1))
            with suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGKILL)

        state = rig.round(
            about,
            "killed",
            during=strike,
            blows=blows,
            may_die=True,
            meanwhile=rig.rng.random() < 0.3,
        )
        rig.tally.faults += state["died"]


def database(rig: Rig, rounds: int, ways: tuple[Callable, ...] = ()) -> None:
    """The database away, in one of the ways of :data:`AWAY`."""
    ways = ways or AWAY
    rig.tally.how = ", ".join(way.__name__ for way in ways)
    for about in _until(rig, rounds):
        way = rig.rng.choice(ways)
        moment = rig.rng.uniform(0, rig.typical)
        seconds = rig.rng.uniform(1, 2)

        def strike(job: Job, way=way, moment=moment, seconds=seconds) -> None:
            time.sleep(moment)
            rig.tally.faults += way(rig, job, seconds)

        what = f"database: {way.__name__} after {moment:.3f} s"
        rig.round(about, what, during=strike, may_die=True)


def connections_ended(rig: Rig, job: Job, seconds: float) -> bool:
    """End the pass's connections; new ones are taken."""
    ended = check.rows(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND application_name = %s",
        rig.database,
        rig.worker.application_name,
    )
    return bool(ended)


def connections_refused(rig: Rig, job: Job, seconds: float) -> bool:
    """End them and take none for a while, as a server that restarts."""
    allow = f'ALTER DATABASE "{rig.database}" WITH ALLOW_CONNECTIONS'
    postgres.query("postgres", f"{allow} false")
    try:
        struck = connections_ended(rig, job, seconds)
        time.sleep(seconds)
    finally:
        postgres.query("postgres", f"{allow} true")
    return struck


def frozen(rig: Rig, job: Job, seconds: float) -> bool:
    """Nothing is answered for a while."""
    pids = check.rows(
        "postgres",
        "SELECT pid FROM pg_stat_activity WHERE application_name = %s",
        rig.worker.application_name,
    )
    _signal(pids, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        _signal(pids, signal.SIGCONT)
    return bool(pids)


#: Ways in which a database is away; "connections refused" and "frozen" for seconds.
AWAY: tuple[Callable, ...] = (connections_ended, connections_refused, frozen)


def _signal(pids: list[tuple], number: int) -> None:
    for (pid,) in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def disk(rig: Rig, rounds: int) -> None:
    """No room for attachments: some of a file is written, then no more."""
    with _small_disk(launch.filestore(rig.database)) as small:
        rig.tally.how = "tmpfs" if small else "limit on the size of a file"
        for about in _until(rig, rounds):
            rig.world.arrive(attachment=50_000)
            room = rig.rng.randrange(40_000)
            what = f"room for {room} bytes"
            if small:
                small.fill(room)
                state = rig.round(about, what, after=small.free)
            else:
                state = rig.round(about, what, file_limit=room)
            rig.tally.faults += bool(state["problem"])


class _Disk:
    """A small file system with nothing but the filestore on it."""

    def __init__(self, folder: Path):
        self.ballast = folder / "ballast"

    def fill(self, room: int) -> None:
        """Leave so many bytes (in whole pages)."""
        with self.ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(1 << 16)):
                pass
        os.truncate(self.ballast, max(0, self.ballast.stat().st_size - room))

    def free(self) -> None:
        self.ballast.unlink(missing_ok=True)


@contextmanager
def _small_disk(filestore: Path) -> Iterator[_Disk | None]:
    """The filestore moved to a small disk; None where this user may not mount."""
    aside = filestore.with_name(f"{filestore.name}-aside")
    filestore.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", filestore]
    shutil.copytree(filestore, aside)
    try:
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
            yield None
            return
        try:
            shutil.copytree(aside, filestore, dirs_exist_ok=True)
            yield _Disk(filestore)
            shutil.copytree(filestore, aside, dirs_exist_ok=True)
        finally:
            subprocess.run(["umount", "-l", filestore], check=True)
        shutil.copytree(aside, filestore, dirs_exist_ok=True)
    finally:
        shutil.rmtree(aside)


def answers(rig: Rig, rounds: int) -> None:
    """A server that refuses, says goodbye, or falls silent."""
    for number in range(max(1, rounds)):
        for pattern, line in ANSWERS:
            for about in KINDS:
                rig.work(about)
                times = None if number % 2 else 1
                fault = rig.proxy.answer(pattern, line, times=times)
                rig.round(about, f"{pattern} answered {line}")
                rig.tally.faults += fault.fired
        for about in KINDS:
            rig.work(about)
            silent = rig.rng.randrange(12)
            fault = rig.proxy.hang(silent)
            what = f"silence after command {silent}"
            rig.round(about, what, seconds=HANG_SECONDS)
            rig.tally.faults += fault.fired


def transcripts(rig: Rig, rounds: int) -> None:
    """What real servers said, with one answer changed: see the tests of the engine.

    A server of their own and a store in memory, so that there can be thousands.
    """
    test = "tests/engine/test_replayed_servers.py"
    changes = {"MAILBOX_REPLAY_EXAMPLES": rounds, "MAILBOX_REPLAY_SEED": rig.seed}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:odoo", "-k", "odd_answer", test],
        cwd=CHECKOUT,
        env=os.environ | {name: str(value) for name, value in changes.items()},
        capture_output=True,
        text=True,
    )
    tests = re.findall(r"(\d+) (?:passed|failed)", done.stdout)
    rig.tally.faults += rounds * sum(map(int, tests))
    if done.returncode:
        rig.tally.findings.other.add(done.stdout[-20_000:])


PARTS: dict[str, Callable[[Rig, int], None]] = {
    "commands": commands,
    "bytes": cut_bytes,
    "kill": kill,
    "database": database,
    "disk": disk,
    "answers": answers,
    "transcripts": transcripts,
}
