"""Row `bytes_overhead`: what a backfill fetches where one message in ten matches.

The mailbox reads through `imap_proxy`, which counts what the server says, log-in and
greetings included.
"""

from .. import imap_proxy
from ..base.console import DevError, step
from . import mails
from .row import Bench, Row

CONTACTS = 100
MESSAGES, QUICK_MESSAGES = 2_000, 200
#: One message of so many is from a contact.
EVERY = 10
#: Bytes that looking at a message may cost.
ALLOWANCE = 400
INSIDE = "devtools.bench.inside"


def rows(bench: Bench) -> list[Row]:
    count = QUICK_MESSAGES if bench.quick else MESSAGES
    user = bench.user("bytes")
    messages = list(mails.mixed(count, CONTACTS, user, EVERY))
    bench.fill(user, messages)
    matching = messages[::EVERY]
    with imap_proxy.running(bench.servers) as proxy, bench.ours("bytes") as name:
        with step(f"{count} messages of which {len(matching)} match"):
            values = bench.mailbox(user, proxy.port)
            bench.call(
                name,
                f"{INSIDE}:make_mailbox",
                "bytes-prepare",
                values=values,
                contacts=CONTACTS,
            )
            proxy.forget()
            run = bench.call(name, f"{INSIDE}:backfill", "bytes")
        fetched = sum(one.bytes_from_server for one in proxy.connections)
        trips = sum(one.round_trips for one in proxy.connections)
    bench.empty(user)
    if (run["seen"], run["linked"]) != (count, len(matching)):
        raise DevError(f"the backfill saw and linked {run}")
    size = sum(map(len, matching))
    allowed = size + ALLOWANCE * count
    return [
        Row(
            name="bytes_overhead",
            what="bytes of a backfill where a tenth matches",
            value=fetched / allowed,
            unit="of the matching messages' bytes + 400 a message",
            reach=1.1,
            at_least=False,
            details=[
                ("messages", f"{count}, {sum(map(len, messages)):,} bytes"),
                ("matching", f"{len(matching)}, {size:,} bytes"),
                ("fetched", f"{fetched:,} bytes in {trips} round trips"),
                ("besides, each message", f"{(fetched - size) / count:.0f} bytes"),
            ],
        )
    ]
