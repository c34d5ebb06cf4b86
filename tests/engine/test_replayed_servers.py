"""Words of real servers, one answer of them changed: nothing stops a mailbox.

Each example changes one answer of a recorded server at random, in each pass or a few
times, and runs passes over the mailbox. All messages that the answer is not about have
to be imported within three passes, whatever it says; a message that it is about is
imported or becomes a failed import; and nothing but an `EngineError` is raised.

The examples are the same each time. `./dev soak transcripts` tries others, for as long
as you like.
"""

from __future__ import annotations

import os
import random
import re
import traceback
from datetime import date

import pytest
from model_store import ModelStore
from replayed import (
    CUT,
    Part,
    ReplayedServer,
    Transcript,
    a_change,
    exchange_like,
    untouched,
)

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side
from odoo.addons.mailbox_connector.engine.imap.session import ImapSession
from odoo.addons.mailbox_connector.engine.net.deadline import Deadline
from odoo.addons.mailbox_connector.engine.net.egress import EgressPolicy
from odoo.addons.mailbox_connector.engine.sync.account import AccountPass
from odoo.addons.mailbox_connector.engine.sync.state import Counts, SkipReason
from odoo.addons.mailbox_connector.engine.types import Endpoint, Security

#: Examples of each server and kind of answer, and where they begin.
EXAMPLES = int(os.environ.get("MAILBOX_REPLAY_EXAMPLES", 10))
SEED = os.environ.get("MAILBOX_REPLAY_SEED", "")
#: Passes after which everything else has to be there.
PASSES = 3
#: More, for the message that the answer is about.
MORE_PASSES = 4


class Store(ModelStore):
    """Keeps raw messages by folder and UID."""

    def __init__(self):
        super().__init__(date(2026, 4, 1), date(2026, 1, 1))
        self.raws: dict[tuple[str, int], bytes] = {}

    def match(self, headers):
        return {
            header.uid: "contact"
            for header in headers
            if any(
                a.email.endswith("customer.example") for a in header.addresses["from"]
            )
        }

    def skip_reasons(self, headers):
        return {header.uid: SkipReason.NO_CONTACT for header in headers}

    def import_messages(self, key, messages):
        name = self.data.states[key].raw_name
        for record, _match, raw in messages:
            self.raws[name, record.uid] = raw
        return Counts(len(messages), len(messages), len(messages)), {}

    def is_settled(self, folder, uid):
        """Whether a message needs no more work: imported, skipped, or failed."""
        return any(
            uid in self.handled(state.key)
            for state in self.folders()
            if state.raw_name == folder
        )


def transcripts():
    found = {name: Transcript.read(name) for name in ("dovecot", "cyrus", "courier")}
    found["exchange"] = exchange_like(found["dovecot"])
    return found


TRANSCRIPTS = transcripts()


def one_pass(server, store, ca_pem, backfill=True) -> EngineError | None:
    """A pass for everything, or for new mail only; why it failed."""
    endpoint = Endpoint(
        Side.IMAP, "localhost", server.port, Security.TLS, "me", "secret", ca_pem
    )
    policy = EgressPolicy(allowed_networks=("127.0.0.0/8", "::1/128"))
    session = ImapSession(endpoint, policy, Deadline(20), read_timeout=0.4)
    try:
        with session:
            AccountPass(session, store, Deadline(10)).run(backfill)
    except EngineError as error:
        store.rollback()
        return error
    except Exception as error:
        raise AssertionError("not an EngineError") from error
    return None


def expected(transcript: Transcript) -> dict[tuple[str, int], bytes]:
    """The messages as they are on the server, by folder and UID."""
    bodies = {}
    for folder, uid in transcript.messages():
        answer = transcript.answers[Part("body", folder, uid)]
        literal = re.search(rb"\{(\d+)\}\r\n", answer)
        end = literal.end() + int(literal[1])
        bodies[folder, uid] = answer[literal.end() : end]
    return bodies


def try_change(certificate, name, seed, kinds=()):
    """One example; returns what went wrong, in words, or an empty text."""
    rng = random.Random(seed)
    transcript = TRANSCRIPTS[name]
    parts = [p for p in transcript.parts() if not kinds or p.kind in kinds]
    part, change = rng.choice(parts), a_change(rng)
    times = rng.choice((None, None, 1, 2))
    server = ReplayedServer(transcript, certificate.pair, part, change, times)
    store, whole, errors = Store(), expected(transcript), []
    try:
        ca_pem = certificate.ca_pem
        errors = [one_pass(server, store, ca_pem) for _pass in range(PASSES)]
        problems = []
        others = untouched(transcript, part)
        lost = [one for one in others if store.raws.get(one) != whole[one]]
        if lost and not _is_a_lie(server, part):
            problems.append(f"not imported: {lost}")
        if part.kind in ("header", "body") or times is not None:
            for _pass in range(MORE_PASSES):
                store.tomorrow()
                errors.append(one_pass(server, store, ca_pem))
            about = [part[1:]] if part.kind in ("header", "body") else whole
            left = [one for one in about if not store.is_settled(*one)]
            if left and not _is_a_lie(server, part):
                problems.append(f"never settled: {left}")
        if server.flooded:
            problems.append("too many commands")
    except AssertionError:
        problems = [traceback.format_exc(limit=-8)]
    finally:
        server.stop()
    if not problems:
        return ""
    original = transcript.answers.get(part) or transcript.done.get(part.folder, b"")
    return (
        f"{seed}: {part} {times or 'always'}: {problems}\n"
        f"  was {original!r}\n  is  {change(original)!r}\n  {errors}"
    )


def _is_a_lie(server: ReplayedServer, part: Part) -> bool:
    """Whether the changed answer is a valid one about something else, or the only list
    of folders is cut: then nobody can know better."""
    original = server.transcript.answers.get(part, b"")
    changed = server.change(original)
    if part.kind == "list" and CUT in changed:
        return True
    if part.kind in ("header", "body"):
        claimed = set(re.findall(rb"UID (\d+)", changed))
        return bool(claimed - {b"%d" % part.uid})
    if part.kind in ("list", "status", "examine"):
        names = [
            p.folder.encode() for p in server.transcript.answers if p.kind == "list"
        ]
        here = part.folder.encode()
        return any(n in changed for n in names if n != here and n not in here)
    return False


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_an_unchanged_server_is_read_completely(certificate, name):
    """Otherwise the other tests here would prove nothing."""
    server = ReplayedServer(TRANSCRIPTS[name], certificate.pair)
    store = Store()
    try:
        assert one_pass(server, store, certificate.ca_pem) is None
        assert store.raws == expected(TRANSCRIPTS[name])
        assert server.connections == 1
    finally:
        server.stop()


@pytest.mark.parametrize("name", TRANSCRIPTS)
@pytest.mark.parametrize("end", [CUT, b"* BYE Internal error\r\n" + CUT])
def test_folders_that_are_known_are_read_if_the_server_cannot_list_them(
    certificate, name, end
):
    """A server that breaks off at one folder in its list does so each time."""
    transcript, store = TRANSCRIPTS[name], Store()
    server = ReplayedServer(transcript, certificate.pair)
    try:
        assert one_pass(server, store, certificate.ca_pem, backfill=False) is None
        assert not store.raws
        lines = [part for part in transcript.answers if part.kind == "list"]
        server.changed, server.change = lines[-1], lambda _answer: end
        error = one_pass(server, store, certificate.ca_pem)
        assert error.kind in (Kind.CONNECTION_LOST, Kind.TRANSIENT), "nobody is told"
        assert store.raws == expected(transcript)
    finally:
        server.stop()


@pytest.mark.parametrize("name", TRANSCRIPTS)
@pytest.mark.parametrize("kinds", [(), ("header", "body"), ("list", "status")])
def test_one_odd_answer_stops_nothing_else(certificate, name, kinds):
    examples = [f"{SEED} {name} {kinds} {number}" for number in range(EXAMPLES)]
    found = [try_change(certificate, name, seed, kinds) for seed in examples]
    problems = [one for one in found if one]
    assert not problems, "\n".join([f"{len(problems)} of {EXAMPLES}", *problems[:5]])
