"""What a round of the soak needs: servers, the proxy, Odoo, a mailbox's world."""

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..base.console import say
from ..imap_proxy import ImapProxy
from ..servers.mailservers import MailServers
from . import check
from .check import Checker, Findings
from .forks import Died, Job, Worker
from .world import Folder, World

INSIDE = "devtools.soak.inside"
CONTACTS = [f"customer{n}@customer.example" for n in range(8)]
#: The scheduled actions of a round by what it is about.
KINDS = {"tick": ["new"], "backfill": ["backfill"]}
#: Days of older e-mails that the first import takes.
FIRST = 3


@dataclass
class Tally:
    """What a part has come to. `how`: what it worked with, where that differs."""

    part: str
    faults: int = 0
    rounds: int = 0
    passes: int = 0
    how: str = ""
    seconds: float = 0
    findings: Findings = field(default_factory=Findings)


@dataclass
class Rig:
    """Everything running. `worker` makes Odoo processes, `proxy` stands before the
    IMAP server that `mailbox` made the mailbox on."""

    servers: MailServers
    proxy: ImapProxy
    worker: Worker
    database: str
    seed: int
    #: What a new mailbox holds: so many messages of so many days.
    messages: int = 120
    days: int = 100
    numbers: itertools.count = field(default_factory=itertools.count)
    rng: random.Random = field(default_factory=random.Random)
    tally: Tally = field(default_factory=lambda: Tally(""))
    known: Findings = field(default_factory=Findings)
    account: int = 0
    world: World | None = None
    checker: Checker | None = None
    #: Seconds of a pass that nothing disturbs, and bytes that the server says in it.
    typical: float = 0.5
    length: int = 5000

    def begin(self, part: str, fresh: bool = True) -> Tally:
        """A part with its own random traffic, in a mailbox of its own if `fresh`."""
        self.rng.seed(f"{self.seed} {part}")
        self.tally = Tally(part)
        if fresh or not self.world:
            self.mailbox()
        return self.tally

    def mailbox(self) -> None:
        """A new connected mailbox with older e-mails; the one before is removed."""
        self.leave()
        user = f"soak-{self.database}-{next(self.numbers)}@example.com"
        self.world = World(self.servers, user, self.rng, CONTACTS, FIRST)
        self.world.fill(self.messages, self.days)
        made = self.worker.call(
            f"{INSIDE}:make_mailbox",
            values={
                "email": user,
                "name": "Soak",
                "imap_host": self.proxy.host,
                "imap_port": self.proxy.port,
                "imap_username": user,
                "imap_password": self.servers.password,
                "smtp_host": self.servers.smtp_host,
                "smtp_port": self.servers.smtp_starttls_port,
                "smtp_username": user,
                "ca_certificate": self.servers.ca_pem,
            },
            contacts=CONTACTS,
            days=FIRST,
        )
        self.account = made["account"]
        self.checker = Checker(self.database, self.account, self.world)
        before = self.world.state()
        self._recovers(before, "before any fault")
        self.world.busy()
        self.proxy.forget()
        started = time.monotonic()
        self.run("tick").wait()
        self.typical = time.monotonic() - started
        self.length = self.proxy.connections[0].bytes_from_server

    def leave(self) -> None:
        """Put the mailbox away, its mail on the server too."""
        if self.world:
            self.worker.call(f"{INSIDE}:archive", account=self.account)
            self.world.close()
            self.servers.wipe(self.world.user)
            self.world = None

    def work(self, about: str) -> None:
        """Something for a pass to do."""
        if about == "tick":
            self.world.busy()
            return
        if self.world.days >= self.days:
            self.mailbox()
        self.world.happen(1)
        self.widen()

    def widen(self) -> None:
        """One day more of older e-mails."""
        self.world.days += 1
        self.worker.call(
            f"{INSIDE}:start_backfill", account=self.account, days=self.world.days
        )

    def run(self, about: str, **options: object) -> Job:
        """Start a pass."""
        return self.worker.start(f"{INSIDE}:one_pass", kinds=KINDS[about], **options)

    def round(
        self,
        about: str,
        what: str,
        arm: Callable[[], object] = lambda: None,
        during: Callable[[Job], object] = lambda job: None,
        after: Callable[[], object] = lambda: None,
        blows: int = 1,
        may_die: bool = False,
        meanwhile: bool = False,
        **options: object,
    ) -> dict:
        """Passes that a fault strikes, then passes until all is well again.

        :param what: the fault, in words
        :param arm: called before each pass that is struck
        :param during: called while it runs
        :param after: called when it has ended, to end the fault too
        :param blows: how many passes are struck in a row
        :param may_die: whether the fault may end the process
        :param meanwhile: more happens on the server during the first pass
        :return: the mailbox's `problem`, `failures`, `needs_person` and `retry_in`
            (seconds) after the last fault; `died`: how many processes ended
        """
        before = self.world.state()
        found, died = Findings(), 0
        for number in range(blows):
            arm()
            job = self.run(about, **options)
            if meanwhile and not number:
                self.world.happen(2)
            during(job)
            try:
                job.wait()
            except Died as death:
                died += 1
                if not may_die:
                    found.other.add(f"{what}: the pass itself {death}")
            after()
            self.proxy.clear()
        state = self.state()
        if "unexpected" in state["problem"]:
            found.other.add(f"{what}: {state['problem']}")
        if meanwhile:
            before = self.world.state()
        self.tally.passes += blows
        self._recovers(before, f"{about}, {what}", found)
        return {**state, "died": died}

    def state(self) -> dict:
        """What the mailbox says of itself."""
        [row] = check.rows(
            self.database,
            """
            SELECT coalesce(imap_problem, ''), failures, coalesce(needs_person, false),
                   extract(epoch FROM retry_at - now() AT TIME ZONE 'UTC')::float
              FROM mailbox_account WHERE id = %s
            """,
            self.account,
        )
        return dict(zip(("problem", "failures", "needs_person", "retry_in"), row))

    def _recovers(
        self, before: dict[str, Folder], what: str, found: Findings | None = None
    ) -> None:
        """Passes until quiet, and the invariant."""
        found = found or Findings()
        ended = self.worker.call(f"{INSIDE}:settle")
        if not ended["quiet"]:
            found.other.add(f"{what}: no rest: {ended['problem']}")
        found.add(self.checker.check(before))
        new = found - self.known
        self.known.add(new)
        self.tally.findings.add(new)
        self.tally.rounds += 1
        self.tally.passes += ended["passes"]
        for line in itertools.islice(new.lines(), 12):
            say(f"{self.tally.part}, round {self.tally.rounds}, {what}: {line}")
        if new:
            say(f"    on the server before: {'; '.join(self.world.done)}")
        if self.tally.rounds % 50 == 0:
            say(f"{self.tally.part}: {self.tally.faults} faults so far")
