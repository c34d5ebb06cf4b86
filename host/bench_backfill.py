"""Row `backfill_vs_core`: our import of history against core's fetchmail.

Both take the same messages out of the same mailbox, each in one fresh process, from
databases with the same contacts that were made ready before. Core makes a lead of
each, as it does where a company points a mailbox at its CRM; its database is without
our addon. What is timed begins before the connection and ends with the last commit.

The functions that get `env` run in the Odoo process (see `worker`).
"""

import cProfile
import os
import pstats
import time
from contextlib import ExitStack
from pathlib import Path

from . import bench_mail, database, worker
from .bench_row import Bench, Row
from .console import HostError, step
from .logcheck import problems
from .paths import ADDON

CONTACTS = 5_000
SENDERS = 400
MESSAGES, QUICK_MESSAGES = 1_000, 200
#: The median of so many runs; of core's, which is slow, one.
RUNS = 3
REACH = 20


def row(bench: Bench) -> Row:
    count = QUICK_MESSAGES if bench.quick else MESSAGES
    user = bench.user("bench")
    with ExitStack() as stack:
        ready = {
            name: stack.enter_context(database.temporary(bench.database(name)))
            for name in ("ours", "core", "run")
        }
        with step(f"{count} messages into a mailbox"):
            messages = list(bench_mail.mixed(count, SENDERS, user))
            bench.servers.append_many(user, "INBOX", messages)
        before = bench.messages(user)
        _prepare(bench, user, ready)
        runs = 1 if bench.quick else RUNS
        ours = [_ours(bench, ready, count, "ours-1")]
        core = _core(bench, ready["core"], count, before, user)
        ours += [_ours(bench, ready, count, f"ours-{n}") for n in range(2, runs + 1)]
        if bench.profile:
            _ours(bench, ready, count, "profile", profile=True)
        bench.servers.wipe(user)
    median = sorted(ours, key=lambda run: run["seconds"])[len(ours) // 2]
    work = sorted(map(_work, ours))[len(ours) // 2]
    size = sum(map(len, messages)) / 1e6
    return Row(
        name="backfill_vs_core",
        what=f"backfill of {count} messages against core fetchmail making leads",
        value=core["seconds"] / median["seconds"],
        unit="times as fast",
        reach=REACH,
        details=[
            ("messages", f"{count}, {size:.1f} MB, of {SENDERS} senders"),
            ("contacts", f"{CONTACTS}"),
            ("core fetchmail", _rate(core, count)),
            *(
                (f"mailbox_connector, run {n}", _rate(run, count))
                for n, run in enumerate(ours, 1)
            ),
            ("ratio of processor times", f"{_work(core) / work:.1f}"),
        ],
    )


def _rate(run: dict, count: int) -> str:
    return (
        f"{run['seconds']:.2f} s, {count / run['seconds']:.1f} messages/s"
        f" (processor: {run['own']:.2f} s, its database {run['database']:.2f} s)"
    )


def _work(run: dict) -> float:
    return run["own"] + run["database"]


def _prepare(bench: Bench, user: str, ready: dict[str, str]) -> None:
    servers = bench.servers
    with step("database of core, with crm"):
        addons = [*database.dependencies(), "crm"]
        database.copy(database.template(addons), ready["core"])
        worker.call(
            ready["core"],
            f"{__name__}:prepare_core",
            bench.log("prepare-core"),
            host=servers.imap_host,
            port=servers.imap_tls_port,
            user=user,
            password=servers.password_of(user),
        )
    with step("database of ours"):
        database.prepare(ready["ours"], log=bench.log("install"))
        worker.call(
            ready["ours"],
            f"{__name__}:prepare_ours",
            bench.log("prepare-ours"),
            values={
                "email": user,
                "name": "Bench",
                "imap_host": servers.imap_host,
                "imap_port": servers.imap_tls_port,
                "imap_username": user,
                "imap_password": servers.password_of(user),
                "smtp_host": servers.smtp_host,
                "smtp_port": servers.smtp_starttls_port,
                "smtp_username": user,
                "ca_certificate": servers.ca_pem,
            },
        )


def _ours(bench, ready, count: int, label: str, profile: bool = False) -> dict:
    """One run of ours, on a copy of the database that was made ready."""
    database.copy(ready["ours"], ready["run"])
    log = bench.log(label)
    with step(f"mailbox_connector takes {count} messages"):
        run = worker.call(
            ready["run"],
            f"{__name__}:backfill",
            log,
            profile=str(bench.folder / "profile.txt") if profile else None,
        )
    if run["linked"] != count or run["copies"] != count:
        raise HostError(f"{ADDON.name} linked {run} of {count}")
    if found := problems([log, bench.log("install"), bench.log("prepare-ours")]):
        raise HostError("Odoo complained:\n" + "\n".join(found))
    return run


def _core(bench, name: str, count: int, before, user: str) -> dict:
    if bench.messages(user) != before:
        raise HostError("our backfill changed something on the IMAP server")
    with step(f"core fetchmail takes {count} messages"):
        run = worker.call(name, f"{__name__}:fetchmail", bench.log("core"), limit=count)
    if run["leads"] != count:
        raise HostError(f"core made {run['leads']} leads of {count} messages")
    return run


# ----------------------------------------------------------------------
# In an Odoo process
# ----------------------------------------------------------------------


def prepare_core(env, host: str, port: int, user: str, password: str) -> None:
    """Contacts, and core's incoming mail server for leads."""
    _make_contacts(env)
    server = env["fetchmail.server"].create(
        {
            "name": "Bench",
            "server_type": "imap",
            "server": host,
            "port": port,
            "is_ssl": True,
            "user": user,
            "password": password,
            "object_id": env["ir.model"]._get_id("crm.lead"),
        }
    )
    server.button_confirm_login()
    _settle(env)


def prepare_ours(env, values: dict) -> None:
    """Contacts, and the mailbox, connected and with nothing imported."""
    _make_contacts(env)
    env["ir.config_parameter"].set_param(
        "mailbox_connector.allowed_networks", "127.0.0.0/8"
    )
    account = env["mailbox.account"].create(values)
    account.action_connect()
    if account.imap_problem or account.smtp_problem:
        raise RuntimeError(account.imap_problem or account.smtp_problem)
    _settle(env)


def _make_contacts(env) -> None:
    env["res.partner"].create(
        [
            {"name": f"Buyer {number}", "email": bench_mail.address(number)}
            for number in range(CONTACTS)
        ]
    )


def _settle(env) -> None:
    env.cr.commit()
    env.cr.execute("ANALYZE")


def fetchmail(env, limit: int) -> dict:
    """Core's scheduled action takes all there is, without its limit of 50."""
    server = env["fetchmail.server"].search([])
    with _Clock(env) as clock:
        error = server._fetch_mail(batch_limit=limit)
    if error:
        raise error
    leads = env["crm.lead"].search_count([("email_from", "ilike", "@company")])
    return {**clock.times, "leads": leads}


def backfill(env, profile: str | None = None) -> dict:
    """What the dialog's Import sets off and the scheduled action does."""
    account = env["mailbox.account"].search([])
    profiler = cProfile.Profile()
    with _Clock(env) as clock:
        if profile:
            profiler.enable()
        account._import_history(7)
        env["mailbox.sync"]._cron_history()
        profiler.disable()
    if profile:
        with open(profile, "w") as out:
            stats = pstats.Stats(profiler, stream=out)
            stats.sort_stats("tottime").print_stats(60)
            stats.sort_stats("cumulative").print_stats(120)
    account.invalidate_recordset()
    return {
        **clock.times,
        "linked": account.backfill_id.linked,
        "copies": env["mail.message"].search_count(
            [("mailbox_message_id", "!=", False), ("model", "=", "res.partner")]
        ),
        "state": account.backfill_state,
    }


class _Clock:
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
