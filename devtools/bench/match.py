"""Row `match_scaling`: what matching costs a message, with few contacts and many."""

import statistics
import time
from contextlib import ExitStack

from ..base.console import step
from .inside import allow_loopback, settle
from .mails import address, stranger
from .row import Bench, Row

FEW, MANY, QUICK_MANY = 1_000, 1_000_000, 20_000
#: Messages matched at once, as a sync does, and how often that is measured.
BATCH, TIMES = 250, 40
#: One message of so many is from a contact.
EVERY = 4


def rows(bench: Bench) -> list[Row]:
    many = QUICK_MANY if bench.quick else MANY
    values = bench.mailbox(bench.user("match"))
    with bench.ours("few") as small, bench.ours("many") as large:
        for name, count in ((small, FEW), (large, many)):
            with step(f"{count:,} contacts"):
                bench.call(
                    name,
                    f"{__name__}:prepare",
                    f"match-{count}",
                    values=values,
                    count=count,
                )
        with step("matching"):
            few_seconds, many_seconds = bench.call(
                large,
                f"{__name__}:match",
                "match",
                contacts={small: FEW, large: many},
            )
    return [
        Row(
            name="match_scaling",
            what="matching at a million contacts against a thousand, per message",
            value=many_seconds / few_seconds,
            unit="times as long",
            reach=1.2,
            at_least=False,
            details=[
                (f"{FEW:,} contacts", f"{few_seconds * 1e6:.1f} µs a message"),
                (f"{many:,} contacts", f"{many_seconds * 1e6:.1f} µs a message"),
                ("batches", f"median of {TIMES} of {BATCH} messages, 1 in {EVERY}"),
            ],
        )
    ]


# ----------------------------------------------------------------------
# In an Odoo process
# ----------------------------------------------------------------------


def prepare(env, values: dict, count: int) -> None:
    allow_loopback(env)
    env["mailbox.account"].create(values)
    _contacts(env, count)


def match(env, contacts: dict[str, int]) -> list[float]:
    """Seconds a message, medians, by number of contacts; taken in turn.

    :param contacts: how many, by database
    """
    from odoo.modules.registry import Registry

    taken = [[] for _name in contacts]
    with ExitStack() as stack:
        cursors = [stack.enter_context(Registry(name).cursor()) for name in contacts]
        for turn in range(TIMES):
            for cr, count, times in zip(cursors, contacts.values(), taken):
                times.append(_seconds(env(cr=cr), turn, count))
    return [statistics.median(times) / BATCH for times in taken]


def _contacts(env, count: int) -> None:
    """Contacts by one statement: the ORM would take an hour for a million."""
    pattern = address(0).replace("0", "' || n || '")
    env.cr.execute(
        f"""
        INSERT INTO res_partner (name, complete_name, email, email_normalized, active,
                                 type, create_date, write_date)
        SELECT 'Buyer ' || n, 'Buyer ' || n, '{pattern}', '{pattern}', true,
               'contact', now(), now()
          FROM generate_series(0, {count - 1}) AS n
        """
    )
    settle(env)


def _seconds(env, turn: int, contacts: int) -> float:
    """Seconds for a batch of messages, other ones each turn."""
    from odoo.addons.mailbox_connector.engine.types import Address, HeaderRecord
    from odoo.addons.mailbox_connector.services.incoming.matcher import Matcher

    account = env["mailbox.account"].search([])
    headers = []
    for uid in range(BATCH):
        number = (turn * BATCH + uid) * 7919
        sender = stranger(number)
        if uid % EVERY == 0:
            sender = address(number % contacts)
        addresses = {"from": [Address("", sender)], "reply_to": [], "cc": []}
        addresses["to"] = [Address("", account.email)]
        headers.append(HeaderRecord(uid, 1, None, addresses))
    # Once before: pages that PostgreSQL has to fetch first are not matching's.
    Matcher(env, account).match(headers)
    started = time.perf_counter()
    found = Matcher(env, account).match(headers)
    taken = time.perf_counter() - started
    if len(found) != len(headers[::EVERY]):
        raise RuntimeError(f"{len(found)} messages matched")
    return taken
