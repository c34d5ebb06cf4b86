"""Rows `tick_round_trips` and `tick_statements`: looking for new mail where there is
none, in a small folder and in a large one.

The mailbox reads through `imap_proxy`, which counts round trips and bytes. Statements
are PostgreSQL's own count, from its log, on every connection to the database. Not
counted are those without any data: what begins and ends a transaction (BEGIN, COMMIT,
ROLLBACK), and the DISCARD ALL by which Odoo's pool takes a connection back. What is
measured is the method that the scheduled action runs, in the environment that Odoo's
scheduler gives it (with its progress record), in a process that has done so before:
a tick is what a pass over two mailboxes has more than one over the other alone.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .. import imap_proxy
from ..base.console import DevError, step
from . import mails
from .inside import allow_loopback
from .row import Bench, Row, log_statements

SIZES, QUICK_SIZES = (1_000, 200_000), (100, 400)
#: Messages appended; the others are copies that the server makes.
APPENDED = 100
#: Bytes by which two answers may differ: the digits of counts, UIDs and MODSEQ, and
#: Dovecot's remark how long it took, "(0.001 + 0.000 + 0.001 secs)" or shorter.
DIGITS = 32
#: What the log is searched for.
MARK = "bench: the tick {}"
_STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]+): ((?:.|\n\t)*)")
_NOT_COUNTED = re.compile(r"(BEGIN|COMMIT|ROLLBACK|DISCARD ALL)\b(?! TO)", re.I)


@dataclass
class Tick:
    messages: int
    round_trips: int
    bytes: int
    commands: list[str]
    statements: Counter[str]
    whole_pass: int


def rows(bench: Bench) -> list[Row]:
    sizes = QUICK_SIZES if bench.quick else SIZES
    small, large = (_tick(bench, size) for size in sizes)
    equal = (
        small.commands == large.commands
        and small.statements == large.statements
        and abs(small.bytes - large.bytes) <= DIGITS
    )
    compared = [
        (
            f"{tick.messages:,} messages",
            f"{tick.round_trips} round trips, {tick.bytes:,} bytes,"
            f" {tick.statements.total()} statements"
            f" (a pass with this mailbox alone: {tick.whole_pass})",
        )
        for tick in (small, large)
    ] + [("equal but for digits", "yes" if equal else "NO")]
    return [
        Row(
            name="tick_round_trips",
            what="round trips after log-in of a tick with nothing new",
            value=large.round_trips,
            unit="round trips after log-in",
            reach=1,
            at_least=False,
            also=equal,
            details=[*compared, *(("command", line) for line in large.commands)],
        ),
        Row(
            name="tick_statements",
            what="SQL statements of a tick with nothing new",
            value=large.statements.total(),
            unit="SQL statements",
            reach=8,
            at_least=False,
            also=equal,
            details=[(f"{count} ×", line) for line, count in large.statements.items()],
        ),
    ]


def _tick(bench: Bench, size: int) -> Tick:
    user = bench.user(f"tick{size}")
    with step(f"a folder of {size:,} messages"):
        _fill(bench, user, size)
    with imap_proxy.running(bench.servers) as proxy, bench.ours("tick") as name:
        log = log_statements(name)
        with step(f"a tick with nothing new among {size:,}"):
            alone, both = bench.call(
                name,
                f"{__name__}:tick",
                f"tick-{size}",
                values=bench.mailbox(user, proxy.port),
                other=bench.mailbox(bench.user("tick-other")),
                server_log=str(log),
            )
        seen = proxy.connections[-1]
    with step(f"{size:,} messages go"):
        bench.empty(user)
    lines = [c.line for c in seen.commands if c.round_trip > seen.logged_in_at]
    return Tick(
        size,
        seen.round_trips_after_login,
        seen.bytes_from_server,
        [line for line in lines if line != "LOGOUT"],
        Counter(both) - Counter(alone),
        len(alone),
    )


def _fill(bench: Bench, user: str, size: int) -> None:
    """A few messages, copied over and over by the server itself."""
    senders = [mails.stranger(number) for number in range(APPENDED)]
    messages = list(mails.small(APPENDED, senders, user))
    bench.fill(user, messages)
    with bench.servers.imap(user) as client:
        client._imap.sock.settimeout(600)
        client.select_folder("INBOX")
        there = APPENDED
        while there < size:
            more = min(there, size - there)
            client.use_uid = False
            client.copy(f"1:{more}", "INBOX")
            there += more
        if client.select_folder("INBOX")[b"EXISTS"] != size:
            raise DevError(f"{user} has not {size} messages")


# ----------------------------------------------------------------------
# In an Odoo process
# ----------------------------------------------------------------------


def tick(env, values: dict, other: dict, server_log: str) -> list[list[str]]:
    """The statements of passes with nothing new: over `other` alone, and over both."""
    allow_loopback(env)
    accounts = env["mailbox.account"].create([values, other])
    for account in accounts:
        account.action_connect()
        account.start_backfill(0)
    passes = [accounts, accounts, accounts[1], accounts]
    for number, due in enumerate(passes):
        env.cr.commit()
        env.cr.execute(
            "UPDATE mailbox_lease SET pending = false, served_at ="
            " CASE WHEN account_id = ANY(%s) THEN NULL ELSE now() END",
            [due.ids],
        )
        env.cr.commit()
        run_scheduled(env, number)
    env.cr.rollback()
    accounts.invalidate_recordset()
    if any(accounts.mapped("imap_problem")) or not all(accounts.mapped("imap_ok_at")):
        raise RuntimeError(f"not read: {accounts.mapped('imap_problem')}")
    text = Path(server_log).read_text(errors="replace")
    return [_statements(text, number) for number in (2, 3)]


def _statements(log: str, number: int) -> list[str]:
    """Those between the marks of a pass, without what differs from run to run."""
    begin, end = (log.rindex(MARK.format(f"{number} {w}")) for w in ("begins", "ends"))
    found = (" ".join(m[1].split()) for m in _STATEMENT.finditer(log, begin, end))
    return [
        re.sub(r"'[^']*'|\d+", "?", statement)[:110]
        for statement in found
        if not _NOT_COUNTED.match(statement) and "bench: the tick" not in statement
    ]


def run_scheduled(env, number: int) -> None:
    """The scheduled action, as the scheduler runs it, between two marks in the log."""
    cron = env.ref("mailbox_connector.ir_cron_new_mail")
    with env.registry.cursor() as cr:
        job = cron.with_env(env(cr=cr, context={"cron_id": cron.id}))
        job, _progress = job._add_progress()
        cr.commit()
        cr.execute(f"SELECT '{MARK.format(f'{number} begins')}'")
        cr.commit()
        job.env["mailbox.sync"]._cron_new_mail()
        cr.execute(f"SELECT '{MARK.format(f'{number} ends')}'")
