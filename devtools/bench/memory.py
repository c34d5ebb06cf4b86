"""Row `backfill_memory_mb`: the memory that a long backfill takes.

One message of ten is from a contact, spread evenly. The scheduled action works in
slices, as it always does, in one process; its peak is read from the kernel, over what
the process took when its registry was loaded and nothing done.
"""

from ..base.console import DevError, step
from . import mails
from .row import Bench, Row

CONTACTS = 400
MESSAGES, QUICK_MESSAGES = 50_000, 1_000
#: One message of so many is from a contact; put into the folder in so many turns.
EVERY, TURNS = 10, 10
INSIDE = "devtools.bench.inside"


def rows(bench: Bench) -> list[Row]:
    count = QUICK_MESSAGES if bench.quick else MESSAGES
    user = bench.user("memory")
    with bench.ours("memory") as name:
        with step(f"{count:,} messages into a mailbox"):
            _fill(bench, user, count)
        bench.call(
            name,
            f"{INSIDE}:make_mailbox",
            "memory-prepare",
            values=bench.mailbox(user),
            contacts=CONTACTS,
        )
        with step(f"backfill of {count:,} messages"):
            run = bench.call(name, f"{INSIDE}:backfill", "memory")
    bench.empty(user)
    if (run["seen"], run["linked"]) != (count, count // EVERY):
        raise DevError(f"the backfill saw and linked {run}")
    return [
        Row(
            name="backfill_memory_mb",
            what="memory of a long backfill over the idle worker",
            value=run["memory"],
            unit="MB over the idle worker",
            reach=150,
            at_least=False,
            details=[
                ("messages", f"{count:,} small ones, 1 in {EVERY} from a contact"),
                ("idle worker", f"{run['idle']:.0f} MB"),
                ("took", f"{run['seconds']:.1f} s"),
            ],
        )
    ]


def _fill(bench: Bench, user: str, count: int) -> None:
    """Contacts' messages, each its own, and strangers', which the server copies."""
    known = [mails.address(number) for number in range(CONTACTS)]
    messages = list(mails.small(count // EVERY, known, user))
    strangers = (count - len(messages)) // TURNS
    unknown = [mails.stranger(number) for number in range(100)]
    some = list(mails.small(len(unknown), unknown, user))
    bench.servers.append_many(user, "Strangers", some)
    with bench.servers.imap(user) as client:
        client.select_folder("Strangers")
        there = len(some)
        client.use_uid = False
        while there < strangers:
            more = min(there, strangers - there)
            client.copy(f"1:{more}", "Strangers")
            there += more
            client.noop()
        turn = len(messages) // TURNS
        for start in range(0, len(messages), turn):
            client.multiappend("INBOX", messages[start : start + turn])
            client.copy(f"1:{strangers}", "INBOX")
        client.use_uid = True
        client.close_folder()
        client.delete_folder("Strangers")
