"""What the rows of the bench do in an Odoo process: see `worker`, which gives `env`."""

import cProfile
import os
import pstats
import time
from pathlib import Path

from . import mails


def make_contacts(env, count: int) -> None:
    env["res.partner"].create(
        [
            {"name": f"Buyer {number}", "email": mails.address(number)}
            for number in range(count)
        ]
    )


def make_mailbox(env, values: dict, contacts: int = 0) -> None:
    """Contacts, and the mailbox, connected and with nothing imported."""
    make_contacts(env, contacts)
    allow_loopback(env)
    account = env["mailbox.account"].create(values)
    account.action_connect()
    if account.imap_problem or account.smtp_problem:
        raise RuntimeError(account.imap_problem or account.smtp_problem)
    settle(env, "res_partner")


def allow_loopback(env) -> None:
    env["ir.config_parameter"].set_param(
        "mailbox_connector.allowed_networks", "127.0.0.0/8"
    )


def settle(env, table: str = "") -> None:
    """Commit, and let PostgreSQL look at a table, or at all.

    Not at empty ones that are about to be filled: it would then go through them row
    by row until autovacuum corrects that, which never happens here.
    """
    env.cr.commit()
    env.cr.execute(f"ANALYZE {table}")


def backfill(env, days: int = 7, profile: str | None = None) -> dict:
    """What the dialog's Import sets off and the scheduled action does."""
    account = env["mailbox.account"].search([])
    profiler = cProfile.Profile()
    idle = _memory("VmRSS")
    # The peak is measured from here on (proc(5), clear_refs).
    Path("/proc/self/clear_refs").write_text("5")
    with Clock(env) as clock:
        if profile:
            profiler.enable()
        account.start_backfill(days)
        env["mailbox.sync"]._cron_backfill()
        profiler.disable()
    if profile:
        with open(profile, "w") as out:
            stats = pstats.Stats(profiler, stream=out)
            stats.sort_stats("tottime").print_stats(60)
            stats.sort_stats("cumulative").print_stats(120)
    return {
        **clock.times,
        "memory": _memory("VmHWM") - idle,
        "idle": idle,
        **_result(account),
    }


def await_backfill(env, days: int = 7) -> dict:
    """The same, done by the scheduler of a server on this database."""
    account = env["mailbox.account"].search([])
    _let_scheduler_rest(env)
    began = time.time()
    with Clock(env) as clock:
        account.start_backfill(days)
        env.cr.commit()
        while account.backfill_state == "running" and not account.imap_problem:
            time.sleep(0.1)
            env.cr.rollback()
            env.invalidate_all()
    return {**clock.times, "began": began, **_result(account)}


def _let_scheduler_rest(env) -> None:
    """Wait until nothing is due: in a new database, all scheduled actions are."""
    cron = env["ir.cron"]
    cron._notifydb()
    while cron._get_all_ready_jobs(env.cr):
        time.sleep(0.1)
        env.cr.rollback()


def _result(account) -> dict:
    account.invalidate_recordset()
    if account.imap_problem:
        raise RuntimeError(account.imap_problem)
    env, backfill = account.env, account.backfill_id
    return {
        "seen": backfill.seen,
        "linked": backfill.linked,
        "copies": env["mail.message"].search_count(
            [("mailbox_message_id", "!=", False), ("model", "=", "res.partner")]
        ),
        "state": account.backfill_state,
    }


def _memory(name: str) -> float:
    """Megabytes of this process's memory, by its name in /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


class Clock:
    """Seconds that passed, and the processor's for this process and its database."""

    def __init__(self, env):
        self.env = env

    def __enter__(self):
        self.database = self._database_seconds()
        self.own = time.process_time()
        self.started = time.monotonic()
        return self

    def __exit__(self, *_exc):
        self.times = {
            "seconds": time.monotonic() - self.started,
            "own": time.process_time() - self.own,
            "database": self._database_seconds() - self.database,
        }

    def _database_seconds(self) -> float:
        """What PostgreSQL's processes have worked for connections to the database."""
        self.env.cr.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend'"
        )
        ticks = 0
        for (pid,) in self.env.cr.fetchall():
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(stat[11]) + int(stat[12])
        return ticks / os.sysconf("SC_CLK_TCK")
