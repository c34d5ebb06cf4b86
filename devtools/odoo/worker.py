"""Run a function in a fresh Odoo process and hand back what it returns.

    worker.call("my_database", "devtools.bench.inside:make_contacts", log, count=5)

calls `make_contacts(env, count=5)` there, with a superuser environment, and commits.
Arguments and results travel as JSON. The process serves nothing and has no
scheduled actions of its own.
"""

import importlib
import json
import sys
import tempfile
from pathlib import Path

from ..base.console import DevError
from ..base.process import finish, spawn, tail
from ..install.python import odoo_python
from . import launch


def call(database: str, function: str, log: Path, **arguments: object):
    """Call `module:function` with `env` of `database`; Odoo's log goes to `log`."""
    path, _port = launch.configuration(database)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [str(odoo_python()), "-m", __name__, database, function]
        command += [str(result), json.dumps(arguments)]
        process = spawn(command, log, env=launch.environment(path))
        code = finish(process)
        if code or not result.exists():
            raise DevError(f"{function} ended with {code}:\n{tail(log)}")
        return json.loads(result.read_text())


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
