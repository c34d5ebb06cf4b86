"""Configure and run Odoo on this checkout."""

import os
import subprocess
import urllib.request
from pathlib import Path

from ..base.console import DevError
from ..base.paths import CHECKOUT, state_dir
from ..base.process import free_ports, spawn, wait_for, which
from ..install import node
from ..install.odoo_source import odoo_source
from ..install.python import odoo_python
from ..servers import postgres

# A hard memory limit would be inherited by the browser that a test starts.
CONFIGURATION = """[options]
addons_path = {addons}
data_dir = {data}
db_host = {host}
db_port = {port}
db_user = {user}
{database}
list_db = False
http_interface = 127.0.0.1
http_port = {http}
gevent_port = {gevent}
without_demo = True
max_cron_threads = {cron_threads}
limit_memory_hard = 0
screenshots = {screenshots}
{extra}
"""


def data_dir() -> Path:
    return state_dir() / "odoo-data"


def filestore(database: str) -> Path:
    return data_dir() / "filestore" / database


def addons_path(extra: tuple[Path, ...] = ()) -> str:
    """This checkout's addons first, then `extra`, then Odoo's own."""
    return ",".join(str(path) for path in (CHECKOUT, *extra, *odoo_source().addons))


def configuration(
    database: str | None = None,
    *,
    extra_addons: tuple[Path, ...] = (),
    cron_threads: int = 0,
    settings: dict[str, object] | None = None,
) -> tuple[Path, int]:
    """Write a configuration for one process; return its path and HTTP port.

    Ports are free ones of the moment, so each process has a file of its own.
    """
    http, gevent = free_ports(2)
    folder = state_dir() / "conf"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("odoo-*.conf"):
        if not Path(f"/proc/{old.stem.split('-')[1]}").exists():
            old.unlink(missing_ok=True)
    path = folder / f"odoo-{os.getpid()}-{http}.conf"
    path.write_text(
        CONFIGURATION.format(
            addons=addons_path(extra_addons),
            data=data_dir(),
            host=postgres.socket_dir(),
            port=postgres.PORT,
            user=postgres.ROLE,
            database=f"db_name = {database}\ndbfilter = ^{database}$"
            if database
            else "",
            http=http,
            gevent=gevent,
            cron_threads=cron_threads,
            screenshots=state_dir() / "screenshots",
            extra="\n".join(f"{k} = {v}" for k, v in (settings or {}).items()),
        )
    )
    return path, http


def environment(configuration_file: Path | None = None) -> dict[str, str]:
    """What a Python process needs to import odoo, the addon and `devtools`."""
    roots = [str(odoo_source().root), str(CHECKOUT)]
    if before := os.environ.get("PYTHONPATH"):
        roots += [path for path in before.split(os.pathsep) if path not in roots]
    values = {
        "PYTHONPATH": os.pathsep.join(roots),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        **postgres.environment(),
    }
    programs = [str(odoo_python().parent), str(postgres.programs())]
    # For languages that are written from right to left.
    if rtlcss := node.programs("rtlcss"):
        programs.append(str(rtlcss))
    path = os.environ.get("PATH", "").split(os.pathsep)
    values["PATH"] = os.pathsep.join(
        programs + [folder for folder in path if folder not in programs]
    )
    if chromium := which("chromium"):
        values["MAILBOX_CHROMIUM"] = chromium
    if configuration_file:
        values["ODOO_RC"] = str(configuration_file)
    return values


def command(*args: str, extra_addons: tuple[Path, ...] = ()) -> list[str]:
    """Odoo's command line; the addons path first, so that addons' commands count."""
    return [
        str(odoo_python()),
        "-m",
        "odoo",
        f"--addons-path={addons_path(extra_addons)}",
        *args,
    ]


def serve(
    database: str,
    log: Path,
    *,
    cron_threads: int = 0,
    settings: dict[str, object] | None = None,
    env: dict[str, str] | None = None,
) -> tuple[subprocess.Popen, str]:
    """Start an Odoo server process on `database`; return it and its address.

    It may not answer yet: wait for `ADDRESS/web/login`.
    """
    path, port = configuration(database, cron_threads=cron_threads, settings=settings)
    process = spawn(command(), log, env={**environment(path), **(env or {})})
    return process, f"http://127.0.0.1:{port}"


def wait_until_served(
    process: subprocess.Popen, address: str, timeout: float = 120
) -> None:
    """Wait until a server from `serve` answers."""

    def answers() -> bool:
        if process.poll() is not None:
            raise DevError(f"Odoo ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"{address}/web/health", timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False

    wait_for(answers, timeout, f"Odoo on {address}")
