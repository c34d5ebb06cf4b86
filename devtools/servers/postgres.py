"""A private PostgreSQL cluster for this checkout, reached by a Unix socket only."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ..base.console import DevError, step
from ..base.lock import leave, locked, use
from ..base.paths import checkout_key, state_dir
from ..base.process import read_pid, run, service_dir

ROLE = "mailbox_dev"
PORT = 5432
# Nothing here outlives a reboot that could not be made again: speed over durability.
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
port = {port}
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 256MB
max_connections = 200
max_wal_size = 2GB
timezone = 'UTC'
log_timezone = 'UTC'
"""


@cache
def programs() -> Path:
    """The folder of PostgreSQL's programs (13 or newer), the newest installed."""
    found = {}
    for server in Path("/usr/lib/postgresql").glob("*/bin/initdb"):
        found[int(server.parent.parent.name)] = server.parent
    if not found and (initdb := shutil.which("initdb")):
        return Path(initdb).resolve().parent
    if not found or max(found) < 13:
        raise DevError("PostgreSQL 13 or newer is not installed")
    return found[max(found)]


def cluster() -> Path:
    return state_dir() / f"postgres-{programs().parent.name}"


@cache
def socket_dir() -> Path:
    """Where the cluster's socket is; kept short, as a socket's path must be."""
    path = state_dir() / "sockets"
    if len(str(path)) > 80:
        path = Path(tempfile.gettempdir()) / f"mailbox-{checkout_key()}"
    return path


def pid() -> int | None:
    return read_pid(cluster() / "postmaster.pid", "postgres")


def start() -> bool:
    """Make the cluster if there is none, start it if it does not run.

    Returns whether it had to be started.
    """
    with locked(_lock()):
        use(_users())
        if pid():
            return False
        data = cluster()
        if not (data / "PG_VERSION").exists():
            with step("PostgreSQL cluster"):
                service_dir(data).chmod(0o700)
                initdb = [programs() / "initdb", "-D", data, "-U", ROLE]
                run(
                    [*initdb, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
                    as_service=True,
                )
        service_dir(socket_dir()).chmod(0o700)
        conf = data / "mailbox.conf"
        conf.write_text(SETTINGS.format(sockets=socket_dir(), port=PORT))
        main = data / "postgresql.conf"
        if "mailbox.conf" not in main.read_text():
            with main.open("a") as handle:
                handle.write("\ninclude 'mailbox.conf'\n")
        control("start", "-w", "-t", "120", "-l", str(data / "log"))
        return True


def stop(only_unused: bool = False) -> None:
    """Stop the cluster; with `only_unused`, not while another process uses it."""
    with locked(_lock()):
        if pid() and (leave(_users()) or not only_unused):
            control("stop", "-m", "fast", "-w")


def _lock() -> Path:
    return state_dir() / "postgres.lock"


def _users() -> Path:
    return state_dir() / "postgres.users"


def control(action: str, *options: str) -> None:
    """Run pg_ctl as the user whom the cluster belongs to."""
    run(
        [programs() / "pg_ctl", "-D", cluster(), "-s", *options, action],
        as_service=True,
    )


def options() -> list[str]:
    """The options that make PostgreSQL's client programs use this cluster."""
    return ["-h", str(socket_dir()), "-p", str(PORT), "-U", ROLE]


def environment() -> dict[str, str]:
    """The same for programs that read PostgreSQL's environment variables."""
    return {"PGHOST": str(socket_dir()), "PGPORT": str(PORT), "PGUSER": ROLE}


def query(database: str, sql: str) -> str:
    """Run SQL and return the rows, one a line, columns parted by '|'."""
    return run(
        [programs() / "psql", *options(), "-d", database, "-v", "ON_ERROR_STOP=1"]
        + ["-X", "-A", "-t", "-q", "-c", sql]
    ).strip()


def databases() -> list[str]:
    return query("postgres", "SELECT datname FROM pg_database").splitlines()


@contextmanager
def running() -> Iterator[None]:
    """The cluster for the length of a block; left running if it ran before."""
    started = start()
    try:
        yield
    finally:
        if started:
            stop(only_unused=True)
