"""Databases for tests and the demo: copied from a cached template, then filled."""

import ast
import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..base.console import DevError, step
from ..base.lock import locked
from ..base.paths import ADDON, state_dir
from ..base.process import run
from ..install.odoo_source import odoo_source
from ..servers import postgres
from . import launch


def dependencies(addon: Path = ADDON) -> list[str]:
    """What an addon's manifest depends on."""
    manifest = addon / "__manifest__.py"
    if not manifest.exists():
        raise DevError(f"{addon} has no manifest")
    return ast.literal_eval(manifest.read_text())["depends"]


def template(addons: Iterable[str]) -> str:
    """A database with `addons` installed and nothing else done; made once."""
    source = odoo_source()
    names = sorted(set(addons))
    release = source.root / "odoo" / "release.py"
    key = f"{names} {source.root} {release.stat().st_mtime_ns}"
    name = "template_" + hashlib.sha256(key.encode()).hexdigest()[:10]
    postgres.start()
    with locked(state_dir() / f"{name}.lock"):
        if name not in postgres.databases():
            part = f"{name}_part"
            drop(part)
            with step(f"database template ({', '.join(names)})"):
                update(part, install=names, log=state_dir() / "template.log")
                if launch.filestore(part).exists():
                    shutil.rmtree(launch.filestore(name), ignore_errors=True)
                    launch.filestore(part).rename(launch.filestore(name))
                postgres.query(
                    "postgres", f'ALTER DATABASE "{part}" RENAME TO "{name}"'
                )
    return name


def copy(source: str, name: str) -> None:
    """Make database `name` and its filestore again, as a copy of `source`."""
    drop(name)
    postgres.query("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    if launch.filestore(source).exists():
        shutil.copytree(launch.filestore(source), launch.filestore(name))


def drop(name: str) -> None:
    postgres.query("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    shutil.rmtree(launch.filestore(name), ignore_errors=True)


def update(
    name: str, *, install: Iterable[str] = (), options: Iterable[str] = (), log: Path
) -> None:
    """Install addons into a database (made if there is none), Odoo's log in `log`."""
    path, _port = launch.configuration(name)
    command = launch.command("--stop-after-init", "--no-http", *options)
    if installed := ",".join(install):
        command += ["-i", installed]
    log.write_bytes(b"")
    run(command, env=launch.environment(path), log=log)


def prepare(name: str, *, addons: Iterable[str] = (), log: Path) -> None:
    """Make database `name` with our addon, and other `addons`, installed.

    Odoo's own scheduled actions, all due at once in a new database, wait a day (but
    run when triggered): a server that is stopped amid one of them logs an error. The
    settings of an address are not looked for outside this machine.
    """
    copy(template([*dependencies(), *addons]), name)
    update(name, install=[ADDON.name], log=log)
    ours = "SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND module = "
    postgres.query(
        name,
        "UPDATE ir_cron SET nextcall = nextcall + interval '1 day'"
        f" WHERE id NOT IN ({ours} '{ADDON.name}')",
    )
    postgres.query(
        name,
        "INSERT INTO ir_config_parameter (key, value)"
        f" VALUES ('{ADDON.name}.discovery', 'table')",
    )


@contextmanager
def temporary(name: str, keep: bool = False) -> Iterator[str]:
    """Drop the database of that name at the end of a block."""
    try:
        yield name
    finally:
        if not keep:
            drop(name)
