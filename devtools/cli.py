"""The sub-commands of `./dev`."""

import os
import signal
import sys
from collections.abc import Callable

from .base.console import DevError, say

HELP = """./dev COMMAND [arguments]

  demo [--once]      everything running on a filled mailbox, ready to click through
  mail [FROM ...]    send the demo's mailbox an e-mail: ./dev mail FROM SUBJECT TEXT
  test [PART ...]    engine, addon, loader, e2e (these four by default), core
  test quick         for every day, in under 3 minutes: engine, and addon without
                     its browser tests
  lint [--fix]       ruff, pylint-odoo, the OCA checks, prettier
  bench [--json F]   figures, side by side with Odoo's own
  corpora [DIR ...]  whole collections of malformed e-mails, through the importer
  soak [PART ...]    faults and random traffic for a long time (--seed N, --rounds N)
  up, down           start or stop PostgreSQL and the mail servers
  odoo [ARG ...]     Odoo's command line on this checkout (odoo -d DB -i ADDON ...)
  python [ARG ...]   Python with Odoo, the addon and `devtools` importable
  psql [ARG ...]     PostgreSQL's client on this checkout's cluster
  screens [WORD ...] screenshots of every screen: wide, on a phone, right to left
  terms              the file for translators, written again from the addon's texts
  setup              only fetch and build what the others need
"""


def main() -> int:
    arguments = sys.argv[1:]
    name = arguments[0] if arguments else "help"
    if name in ("help", "-h", "--help"):
        print(HELP, end="")
        return 0
    command = COMMANDS.get(name)
    if not command:
        say(f"there is no command '{name}'")
        print(HELP, end="", file=sys.stderr)
        return 2
    # A request to end runs the same clean-up as Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return command(arguments[1:])
    except DevError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _setup(arguments: list[str]) -> int:
    from .install.node import modules
    from .install.odoo_source import odoo_source
    from .install.python import odoo_python
    from .install.system import require
    from .servers import courier

    require("servers", "browser", "cyrus")
    courier.install()
    modules("rtlcss")
    say(f"Odoo: {odoo_source().origin}, {odoo_source().root}")
    say(f"Python: {odoo_python()}")
    return 0


def _up(arguments: list[str]) -> int:
    from .install.system import require
    from .servers import mailservers, postgres

    require("servers")
    postgres.start()
    say(f"PostgreSQL: socket {postgres.socket_dir()}, role {postgres.ROLE}")
    servers = mailservers.start()
    print(servers.describe())
    return 0


def _down(arguments: list[str]) -> int:
    from .servers import mailservers, postgres

    mailservers.stop_all()
    postgres.stop()
    return 0


def _odoo(arguments: list[str]) -> int:
    from .odoo import launch

    _database_up()
    path, port = launch.configuration(cron_threads=2)
    say(f"if this serves: http://127.0.0.1:{port}")
    return _become(launch.command(*arguments), launch.environment(path))


def _python(arguments: list[str]) -> int:
    from .install.python import odoo_python
    from .odoo import launch

    _database_up()
    path, _port = launch.configuration()
    return _become([str(odoo_python()), *arguments], launch.environment(path))


def _psql(arguments: list[str]) -> int:
    from .servers import postgres

    _database_up()
    program = str(postgres.programs() / "psql")
    return _become([program, *postgres.options(), *(arguments or ["postgres"])], {})


def _database_up() -> None:
    from .install.system import require
    from .servers import postgres

    require("servers")
    postgres.start()


def _become(args: list[str], env: dict[str, str]) -> int:
    sys.stderr.flush()
    os.execvpe(args[0], args, {**os.environ, **env})


def _test(arguments: list[str]) -> int:
    from .testing.command import main as run

    return run(arguments)


def _lint(arguments: list[str]) -> int:
    from .lint import main as run

    return run(arguments)


def _demo(arguments: list[str]) -> int:
    from .demo.command import main as run

    return run(arguments)


def _mail(arguments: list[str]) -> int:
    from .demo.command import mail

    return mail(arguments)


def _bench(arguments: list[str]) -> int:
    from .bench.command import main as run

    return run(arguments)


def _screens(arguments: list[str]) -> int:
    from .screens import main as run

    return run(arguments)


def _terms(arguments: list[str]) -> int:
    from .terms import main as run

    return run(arguments)


def _corpora(arguments: list[str]) -> int:
    from .corpora import main as run

    return run(arguments)


def _soak(arguments: list[str]) -> int:
    from .install.python import in_odoo_python
    from .install.system import require

    require("servers")
    if (code := in_odoo_python(["soak", *arguments])) is not None:
        return code
    from .soak.command import main as run

    return run(arguments)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "bench": _bench,
    "corpora": _corpora,
    "demo": _demo,
    "down": _down,
    "lint": _lint,
    "mail": _mail,
    "odoo": _odoo,
    "psql": _psql,
    "python": _python,
    "screens": _screens,
    "setup": _setup,
    "soak": _soak,
    "terms": _terms,
    "test": _test,
    "up": _up,
}
