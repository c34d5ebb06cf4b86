"""Rows `backfill_vs_core` and `backfill_vs_floor`: our import of older e-mails, against
core's fetchmail and against the floor (see `floor`).

All take the same messages out of the same mailbox, each in one fresh process, from
databases with the same contacts that were made ready before. Core makes a lead of
each, as it does where a company points a mailbox at its CRM; its database is without
our addon. What is timed begins before the connection and ends with the last commit.

The functions that get `env` run in the Odoo process (see `worker`).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..base.console import DevError, step
from ..odoo import database, worker
from . import mails
from .inside import Clock, make_contacts, settle
from .row import Bench, Row

CONTACTS = 5_000
SENDERS = 400
MESSAGES, QUICK_MESSAGES = 2_000, 200
#: The median of so many runs; of core's, which is slow, one.
RUNS = 3
INSIDE = "devtools.bench.inside"


def rows(bench: Bench) -> list[Row]:
    count = QUICK_MESSAGES if bench.quick else MESSAGES
    user = bench.user("bench")
    with ExitStack() as stack:
        ready = stack.enter_context(bench.ours("ready"))
        with step(f"{count} messages into a mailbox"):
            messages = list(mails.mixed(count, SENDERS, user))
            bench.fill(user, messages)
        stack.callback(bench.empty, user)
        before = bench.messages(user)
        with step(f"{CONTACTS} contacts"):
            bench.call(
                ready,
                f"{INSIDE}:make_mailbox",
                "prepare-ours",
                values=bench.mailbox(user),
                contacts=CONTACTS,
            )
        ours, floor = [], []
        for number in range(1, 1 + (1 if bench.quick else RUNS)):
            ours.append(_ours(bench, ready, count, f"ours-{number}"))
            if "backfill_vs_floor" in bench.wanted:
                floor.append(_floor(bench, ready, count, user, f"floor-{number}"))
        if bench.profile:
            _ours(bench, ready, count, "profile", profile=True)
        if bench.messages(user) != before:
            raise DevError("our backfill changed something on the IMAP server")
        core = []
        if "backfill_vs_core" in bench.wanted:
            core.append(_core(bench, count, user))
    size = sum(map(len, messages)) / 1e6
    found = []
    if core:
        found.append(
            Row(
                name="backfill_vs_core",
                what="backfill against core fetchmail making leads",
                value=_median(core, "seconds") / _median(ours, "seconds"),
                unit="times as fast",
                reach=35,
                details=[
                    ("messages", f"{count}, {size:.1f} MB, of {SENDERS} senders"),
                    ("contacts", f"{CONTACTS}"),
                    *_rates("core fetchmail", core, count),
                    *_rates("mailbox_connector", ours, count),
                    _work_ratio(core, ours),
                ],
            )
        )
    if floor:
        found.append(
            Row(
                name="backfill_vs_floor",
                what="backfill against raw fetch, compat32 parse and bulk INSERT",
                value=_median(floor, "seconds") / _median(ours, "seconds"),
                unit="of its speed",
                reach=0.5,
                details=[
                    *_rates("floor", floor, count),
                    *_rates("mailbox_connector", ours, count),
                    _work_ratio(floor, ours),
                ],
            )
        )
    return found


def _rates(label: str, runs: list[dict], count: int) -> Iterator[tuple[str, str]]:
    for number, run in enumerate(runs, 1):
        yield (
            f"{label}, run {number}",
            f"{run['seconds']:.2f} s, {count / run['seconds']:.1f} messages/s"
            f" (processor: {run['own']:.2f} s, its database {run['database']:.2f} s)",
        )


def _median(runs: list[dict], key: str) -> float:
    return sorted(run[key] for run in runs)[len(runs) // 2]


def _work_ratio(theirs: list[dict], ours: list[dict]) -> tuple[str, str]:
    for run in theirs + ours:
        run["work"] = run["own"] + run["database"]
    ratio = _median(theirs, "work") / _median(ours, "work")
    return "ratio of processor times", f"{ratio:.2f}"


@contextmanager
def _fresh(bench: Bench, ready: str) -> Iterator[str]:
    """A copy of the database that was made ready."""
    with database.temporary(bench.database("run")) as name:
        database.copy(ready, name)
        yield name


def _ours(bench, ready, count: int, label: str, profile: bool = False) -> dict:
    target = str(bench.folder / "profile.txt") if profile else None
    with _fresh(bench, ready) as name:
        with step(f"mailbox_connector takes {count} messages"):
            run = bench.call(name, f"{INSIDE}:backfill", label, profile=target)
    if run["linked"] != count or run["copies"] != count:
        raise DevError(f"mailbox_connector linked {run} of {count}")
    return run


def _floor(bench, ready, count: int, user: str, label: str) -> dict:
    servers = bench.servers
    with _fresh(bench, ready) as name, step(f"the floor takes {count} messages"):
        run = bench.call(
            name,
            "devtools.bench.floor:run",
            label,
            host=servers.imap_host,
            port=servers.imap_tls_port,
            user=user,
            password=servers.password_of(user),
            ca=servers.ca_pem,
        )
    if run["linked"] != count:
        raise DevError(f"the floor linked {run} of {count}")
    return run


def _core(bench: Bench, count: int, user: str) -> dict:
    servers = bench.servers
    with database.temporary(bench.database("core")) as name:
        with step("database of core, with crm"):
            addons = [*database.dependencies(), "crm"]
            database.copy(database.template(addons), name)
            worker.call(
                name,
                f"{__name__}:prepare_core",
                bench.log("prepare-core"),
                host=servers.imap_host,
                port=servers.imap_tls_port,
                user=user,
                password=servers.password_of(user),
            )
        with step(f"core fetchmail takes {count} messages"):
            run = worker.call(
                name, f"{__name__}:fetchmail", bench.log("core"), limit=count
            )
    if run["leads"] != count:
        raise DevError(f"core made {run['leads']} leads of {count} messages")
    return run


# ----------------------------------------------------------------------
# In an Odoo process
# ----------------------------------------------------------------------


def prepare_core(env, host: str, port: int, user: str, password: str) -> None:
    """Contacts, and core's incoming mail server for leads."""
    make_contacts(env, CONTACTS)
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
    settle(env, "res_partner")


def fetchmail(env, limit: int) -> dict:
    """Core's scheduled action takes all there is, without its limit of 50."""
    server = env["fetchmail.server"].search([])
    with Clock(env) as clock:
        error = server._fetch_mail(batch_limit=limit)
    if error:
        raise error
    leads = env["crm.lead"].search_count([("email_from", "ilike", "@company")])
    return {**clock.times, "leads": leads}
