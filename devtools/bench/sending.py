"""Row `sending_vs_core`: a queue of e-mails through one mailbox, against Odoo core.

The same e-mails, to the same contacts, through the same SMTP server with the same
encryption and login: in core by an ordinary outgoing mail server, in a database
without our addon; with us by the mailbox, under its ledger and with a copy kept for
the Sent folder. Each side sends its queue over one SMTP session, by the method of
Odoo's scheduled action. Both databases are served by one process, in turn; before each
turn the SMTP server has delivered what it has. What counts is the ratio of the medians.

The functions that get `env` run in the Odoo process (see `worker`).
"""

import cProfile
import pstats
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from ..base.console import step
from ..odoo import database
from . import mails
from .inside import allow_loopback, make_contacts, settle
from .row import Bench, Row

MAILS, QUICK_MAILS = 200, 20
#: How often each side sends that many, after a few that fill its caches.
TURNS, QUICK_TURNS = 5, 1
WARM_UP = 10
CONTACTS = 10
#: Seconds within which the SMTP server has to deliver what it was given.
DELIVERY = 60


def rows(bench: Bench) -> list[Row]:
    count, turns = (QUICK_MAILS, QUICK_TURNS) if bench.quick else (MAILS, TURNS)
    user = bench.user("sending")
    servers = bench.servers
    smtp = {
        "smtp_host": servers.smtp_host,
        "smtp_port": servers.smtp_starttls_port,
        "password": servers.password_of(user),
    }
    with ExitStack() as stack:
        ours = stack.enter_context(bench.ours("sending"))
        core = bench.database("sending_core")
        stack.enter_context(database.temporary(core))
        database.copy(database.template(database.dependencies()), core)
        with step("a mailbox, and an outgoing server of core"):
            for name, mailbox in ((ours, bench.mailbox(user)), (core, None)):
                bench.call(
                    name,
                    f"{__name__}:prepare",
                    f"sending-{name}",
                    user=user,
                    smtp=smtp,
                    mailbox=mailbox,
                )
        profile = str(bench.log("profile-sending.txt")) if bench.profile else None
        with step(f"{count} e-mails sent, {turns} times by each"):
            ours_taken, core_taken = bench.call(
                ours,
                f"{__name__}:measure",
                "sending",
                databases=[ours, core],
                count=count,
                turns=turns,
                queue=str(servers.folder / "exim" / "spool" / "input"),
                profile=profile,
            )
    return [
        Row(
            name="sending_vs_core",
            what="e-mails through a mailbox against core's outgoing server",
            value=_median(ours_taken) / _median(core_taken),
            unit="times as long",
            reach=1.1,
            at_least=False,
            details=[
                ("e-mails", f"{count} over one session, {turns} times by each"),
                ("core", _rates(core_taken, count)),
                ("mailbox_connector", _rates(ours_taken, count)),
            ],
        )
    ]


def _median(taken: list[dict]) -> float:
    return statistics.median(one["seconds"] for one in taken)


def _rates(taken: list[dict], count: int) -> str:
    each = ", ".join(f"{one['seconds']:.2f}" for one in taken)
    return (
        f"{count / _median(taken):.1f} e-mails/s ({each} s),"
        f" {taken[-1]['statements'] / count:.1f} statements a mail"
    )


# ----------------------------------------------------------------------
# In an Odoo process
# ----------------------------------------------------------------------


def prepare(env, user: str, smtp: dict, mailbox: dict | None) -> None:
    """Contacts, an agent, and the mailbox or an outgoing server of core."""
    make_contacts(env, CONTACTS)
    agent = env["res.users"].create(
        {"name": "Bench agent", "login": user, "email": user}
    )
    host = {key: smtp[key] for key in ("smtp_host", "smtp_port")}
    if mailbox is None:
        env["ir.mail_server"].create(
            {
                **host,
                "name": "Core",
                "smtp_encryption": "starttls",
                "smtp_authentication": "login",
                "smtp_user": user,
                "smtp_pass": smtp["password"],
            }
        )
    else:
        allow_loopback(env)
        account = env["mailbox.account"].create(
            {**mailbox, **host, "smtp_username": user, "owner_id": agent.id}
        )
        account.action_connect()
        if account.imap_problem or account.smtp_problem:
            raise RuntimeError(account.imap_problem or account.smtp_problem)
        account.start_backfill(0)
    settle(env)


def measure(
    env, databases: list[str], count: int, turns: int, queue: str, profile: str | None
) -> list[list[dict]]:
    """What each database takes for its e-mails, turn by turn: see :func:`_send`."""
    from odoo.modules.registry import Registry

    taken: list[list[dict]] = [[] for _name in databases]
    for turn in range(turns + 1):
        for name, found in zip(databases, taken):
            with Registry(name).cursor() as cr:
                one = _send(env(cr=cr), turn, count if turn else WARM_UP, Path(queue))
            if turn:
                found.append(one)
    if profile:
        profiler = cProfile.Profile()
        with Registry(databases[0]).cursor() as cr:
            _send(env(cr=cr), turns + 1, count, Path(queue), profiler)
        with open(profile, "w") as out:
            stats = pstats.Stats(profiler, stream=out)
            stats.sort_stats("tottime").print_stats(60)
            stats.sort_stats("cumulative").print_stats(150)
    return taken


def _send(env, turn: int, count: int, queue: Path, profiler=None) -> dict:
    """Seconds and SQL statements for `count` e-mails in the queue of this database."""
    from odoo import sql_db

    queued = _mails(env, turn, count)
    env.cr.commit()
    _await_empty(queue)
    before = sql_db.sql_counter
    started = time.perf_counter()
    if profiler:
        profiler.enable()
    queued.process_email_queue(queued.ids)
    if profiler:
        profiler.disable()
    taken = {
        "seconds": time.perf_counter() - started,
        "statements": sql_db.sql_counter - before,
    }
    queued.invalidate_recordset()
    if set(queued.mapped("state")) != {"sent"}:
        raise RuntimeError(f"not sent: {set(queued.mapped('failure_reason'))}")
    return taken


def _mails(env, turn: int, count: int):
    """E-mails of the agent to contacts, one in ten with a file."""
    agent = env["res.users"].search([("name", "=", "Bench agent")])
    partners = env["res.partner"].search([("email", "like", "buyer%")], order="id")
    values = []
    for number, raw in enumerate(mails.mixed(count, CONTACTS, "x@example.com")):
        text = raw.decode("utf-8", "replace")[-4_000:]
        partner = partners[number % len(partners)]
        values.append(
            {
                "model": "res.partner",
                "res_id": partner.id,
                "author_id": agent.partner_id.id,
                "email_from": agent.email_formatted,
                "reply_to": agent.email_formatted,
                "recipient_ids": [(4, partner.id)],
                "subject": f"Offer {turn}-{number}",
                "body_html": f"<p>Good day</p><pre>{text}</pre>",
                "auto_delete": False,
            }
        )
        if number % 10 == 9:
            file = {"name": "drawing.dwg", "raw": b"%d" % number * 16_000}
            values[-1]["attachment_ids"] = [(0, 0, file)]
    # sudo: users make e-mails by posting and by templates only
    return env["mail.mail"].with_user(agent).sudo().create(values).with_env(env)


def _await_empty(queue: Path) -> None:
    """Until the SMTP server has delivered what it was given."""
    end = time.monotonic() + DELIVERY
    while any(queue.glob("**/*-H")):
        if time.monotonic() > end:
            raise RuntimeError("the SMTP server does not deliver")
        time.sleep(0.05)
