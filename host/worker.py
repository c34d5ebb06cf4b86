"""Run a function in a fresh Odoo process and hand back what it returns.

    worker.call("my_database", "host.bench_backfill:fill", log, count=5000)

calls `fill(env, count=5000)` there, with a superuser environment, and commits.
Arguments and results travel as JSON. The process serves nothing and has no
scheduled actions of its own.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

from . import odoo
from .console import HostError
from .process import finish, spawn, tail


def call(database: str, function: str, log: Path, **arguments: object):
    """Call `module:function` with `env` of `database`; Odoo's log goes to `log`."""
    path, _port = odoo.configuration(database)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [str(odoo.odoo_python()), "-m", __name__, database, function]
        command += [str(result), json.dumps(arguments)]
        process = spawn(command, log, env=odoo.environment(path))
        code = finish(process)
        if code or not result.exists():
            raise HostError(f"{function} ended with {code}:\n{tail(log)}")
        return json.loads(result.read_text())


def in_odoo_python(arguments: list[str]) -> int | None:
    """Run this `./dev` command again with the interpreter that has our libraries.

    None when that is the one already; else the exit code of the other.
    """
    python = odoo.odoo_python()
    if Path(sys.prefix) == python.parent.parent:
        return None
    sys.stderr.flush()
    os.execv(python, [str(python), "-m", "host", *arguments])


def _main(database: str, function: str, result: str, arguments: str) -> None:
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry
    from odoo.tools import config

    config.parse_config(["-d", database, "--no-http"], setup_logging=True)
    module, _colon, name = function.partition(":")
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        value = getattr(importlib.import_module(module), name)(
            env, **json.loads(arguments)
        )
        cr.commit()
    Path(result).write_text(json.dumps(value))


if __name__ == "__main__":
    _main(*sys.argv[1:])
