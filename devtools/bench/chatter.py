"""Row `chatter_open_vs_core`: opening a contact with thousands of messages.

Ours have been imported from a mailbox; in a database without the addon the contact has
as many native messages. Both are opened over HTTP by the requests that the web client
makes when the form appears: the record with all fields of its form, the chatter's
data, the first page of messages. What counts is the sum of the medians.
"""

import email
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timezone
from email.utils import parsedate_to_datetime

from ..base.console import DevError, step
from ..base.process import end
from ..odoo import database, launch
from ..odoo.rpc import Session
from . import mails
from .inside import backfill, make_contacts, make_mailbox, settle
from .row import Bench, Row

MESSAGES, QUICK_MESSAGES = 20_000, 500
#: How often each request is made; the first ones fill the server's caches.
TIMES, WARM_UP = 40, 5
#: Native messages made at once.
BATCH = 1_000
#: What the chatter of the web client asks for of a contact.
REQUESTED = [
    "activities",
    "attachments",
    "contact_fields",
    "followers",
    "scheduledMessages",
    "suggestedRecipients",
]
PAGE = 30
MESSAGES_ASKED = "the first messages"


def rows(bench: Bench) -> list[Row]:
    count = QUICK_MESSAGES if bench.quick else MESSAGES
    user = bench.user("chatter")
    messages = list(mails.small(count, [mails.address(0)], user))
    with step(f"{count:,} messages into a mailbox"):
        bench.fill(user, messages)
    with ExitStack() as stack:
        ours = stack.enter_context(bench.ours("chatter"))
        with step(f"{count:,} messages imported onto a contact"):
            values = bench.mailbox(user)
            our_partner = bench.call(
                ours, f"{__name__}:prepare", "chatter", values=values
            )
        bench.empty(user)
        core = bench.database("chatter_core")
        stack.enter_context(database.temporary(core))
        database.copy(database.template(database.dependencies()), core)
        with step(f"{count:,} native messages on a contact"):
            core_partner = bench.call(
                core, f"{__name__}:prepare_core", "chatter-core", count=count
            )
        with step("the contact opened"):
            our_times, core_times = _measure(
                _requests(stack.enter_context(_session(bench, ours)), our_partner),
                _requests(stack.enter_context(_session(bench, core)), core_partner),
            )
    return [
        Row(
            name="chatter_open_vs_core",
            what="opening a contact against core's chatter on as many messages",
            value=sum(our_times.values()) / sum(core_times.values()),
            unit="times as long",
            reach=1.2,
            at_least=False,
            details=[
                ("messages on the contact", f"{count:,}"),
                *(
                    (what, f"{core_times[what]:.1f} ms in core, {ours:.1f} ms with us")
                    for what, ours in our_times.items()
                ),
            ],
        )
    ]


@contextmanager
def _session(bench: Bench, name: str) -> Iterator[Session]:
    """A session of the administrator on a server of that database."""
    process, address = launch.serve(name, bench.log(f"served-{name}"))
    try:
        launch.wait_until_served(process, address)
        yield Session(address, name, "admin", "admin")
    finally:
        end(process)


def _requests(session: Session, partner: int) -> dict[str, Callable[[], dict]]:
    """What the web client asks for when it opens the contact."""
    thread = {"thread_model": "res.partner", "thread_id": partner}
    views = session.call("res.partner", "get_views", views=[[False, "form"]])
    fields = views["models"]["res.partner"]["fields"]
    named = {"fields": {"display_name": {}}}
    wanted = {
        name: named if field["type"] == "many2one" else {}
        for name, field in fields.items()
    }
    data = [["mail.thread", {**thread, "request_list": REQUESTED}]]
    return {
        "the record": lambda: session.call(
            "res.partner", "web_read", [partner], specification=wanted
        ),
        "the chatter's data": lambda: session._post(
            "/mail/data", {"fetch_params": data, "context": {}}
        ),
        MESSAGES_ASKED: lambda: session._post(
            "/mail/thread/messages", {**thread, "fetch_params": {"limit": PAGE}}
        ),
    }


def _measure(*sides: dict[str, Callable[[], dict]]) -> list[dict[str, float]]:
    """Milliseconds of each request, medians, for each side; taken in turn."""
    taken = [{what: [] for what in side} for side in sides]
    for turn in range(TIMES + WARM_UP):
        for side, times in zip(sides, taken):
            for what, request in side.items():
                started = time.perf_counter()
                answer = request()
                if turn >= WARM_UP:
                    times[what].append((time.perf_counter() - started) * 1000)
                if what == MESSAGES_ASKED and len(answer["messages"]) != PAGE:
                    raise DevError(f"{len(answer['messages'])} messages shown")
    return [
        {what: statistics.median(some) for what, some in times.items()}
        for times in taken
    ]


# ----------------------------------------------------------------------
# In an Odoo process
# ----------------------------------------------------------------------


def prepare(env, values: dict) -> int:
    make_mailbox(env, values, contacts=1)
    backfill(env)
    settle(env)
    return env["res.partner"].search([("email", "=", mails.address(0))]).id


def prepare_core(env, count: int) -> int:
    """The same messages, as native ones."""
    make_contacts(env, 1)
    sender = mails.address(0)
    partner = env["res.partner"].search([("email", "=", sender)])
    values = []
    for raw in mails.small(count, [sender], "sales@example.com"):
        mail = email.message_from_bytes(raw)
        date = parsedate_to_datetime(mail["Date"]).astimezone(timezone.utc)
        text = mail.get_payload(decode=True).decode()
        values.append(
            {
                "model": "res.partner",
                "res_id": partner.id,
                "message_type": "email",
                "subtype_id": env.ref("mail.mt_comment").id,
                "subject": mail["Subject"],
                "body": "<div>" + text.replace("\n", "<br>") + "</div>",
                "date": date.replace(tzinfo=None),
                "author_id": partner.id,
                "email_from": mail["From"],
                "message_id": mail["Message-ID"],
                "reply_to": False,
            }
        )
        if len(values) == BATCH:
            env["mail.message"].create(values)
            values = []
    env["mail.message"].create(values)
    settle(env)
    return partner.id
