"""Odoo processes for single passes: made in an instant, and fit to be killed.

    with forks.running("my_database", log) as worker:
        worker.call("devtools.soak.inside:one_pass", kinds=["new"])
        job = worker.start("devtools.soak.inside:one_pass", kinds=["new"])
        os.kill(job.pid, signal.SIGKILL)
        job.wait()                              # raises Died

One process loads Odoo, closes its connections to the database, and forks for each
order; a child connects again. Arguments and results travel as JSON.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..base.console import DevError
from ..base.process import end, tail
from ..install.python import odoo_python
from ..odoo import launch

#: Seconds after which an order that has not ended is ended.
HUNG = 180


class Died(Exception):
    """The process of an order ended without a result; `status` as of waitpid."""

    def __init__(self, status: int, log: Path):
        self.status = status
        self.signal = status & 0x7F
        super().__init__(f"ended with status {status}:\n{tail(log, 25)}")


class Job:
    """An order under way, in process `pid`."""

    def __init__(self, worker: "Worker", pid: int):
        self.worker = worker
        self.pid = pid

    def wait(self):
        """What the function returned.

        :raises Died: it was killed, or it raised
        """
        ended = self.worker.read()
        if ended["status"]:
            raise Died(ended["status"], self.worker.log)
        return json.loads(ended["result"])


class Worker:
    """The process that forks. See :func:`running`."""

    def __init__(self, database: str, log: Path):
        path, _port = launch.configuration(database)
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(odoo_python()), "-m", __name__, database],
                env={**os.environ, **launch.environment(path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
                text=True,
            )
        #: What the passes' connections are called in `pg_stat_activity`: Odoo fixes it
        #: before it forks.
        self.application_name = f"odoo-{self.process.pid}"
        self.read()

    def start(self, function: str, **arguments: object) -> Job:
        """Call `module:function` with `env` in a process of its own; one at a time."""
        order = {"function": function, "arguments": arguments}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Job(self, self.read()["pid"])

    def call(self, function: str, **arguments: object):
        """The same, waited for."""
        return self.start(function, **arguments).wait()

    def read(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise DevError(f"the Odoo process has gone:\n{tail(self.log)}")
        return json.loads(line)

    def close(self) -> None:
        self.process.stdin.close()
        end(self.process)
        self.process.stdout.close()


@contextmanager
def running(database: str, log: Path) -> Iterator[Worker]:
    worker = Worker(database, log)
    try:
        yield worker
    finally:
        worker.close()


# ----------------------------------------------------------------------
# In the Odoo process
# ----------------------------------------------------------------------


def _main(database: str) -> None:
    import gc

    from odoo import sql_db
    from odoo.modules.registry import Registry
    from odoo.tools import config

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    config.parse_config(["-d", database, "--no-http"], setup_logging=True)
    Registry(database)
    sql_db.close_all()
    gc.freeze()
    _say(answers, ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            _child(database, writing, **order)
        os.close(writing)
        _say(answers, pid=pid)
        with os.fdopen(reading) as pipe:
            result = pipe.read()
        _pid, status = os.waitpid(pid, 0)
        _say(answers, status=status, result=result)


def _say(answers, **what: object) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()


def _child(database: str, writing: int, function: str, arguments: dict) -> None:
    code = 1
    signal.alarm(HUNG)
    try:
        module, _colon, name = function.partition(":")
        work = getattr(importlib.import_module(module), name)
        result = json.dumps(_in_odoo(database, work, arguments)).encode()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(result)
        code = 0
    except BaseException:  # a fork must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _in_odoo(database: str, work, arguments: dict):
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry

    registry = Registry(database)
    with registry.cursor() as cr:
        registry.check_signaling()
        value = work(api.Environment(cr, SUPERUSER_ID, {}), **arguments)
        cr.commit()
        return value


if __name__ == "__main__":
    _main(*sys.argv[1:])
