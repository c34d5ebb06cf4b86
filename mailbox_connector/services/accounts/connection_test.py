"""The connection test of a mailbox: does reading work, does sending work?

One test, shown in several places: in the dialog of **Connect IMAP**, as the answer to
other programs, for **Try again**, and, stopped before signing in, in the guided set-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from queue import SimpleQueue

from odoo.exceptions import UserError

from ...engine.connection_test.run import run_connection_test
from ...engine.connection_test.steps import ConnectionTest
from ...engine.errors import SIDES, EngineError
from ...engine.net.deadline import Deadline
from ...engine.net.egress import EgressPolicy
from ...engine.types import Endpoint
from .connection_test_messages import describe, no_server, not_tested
from .endpoints import egress_policy, endpoint

#: Seconds for all servers together: a person is waiting.
SECONDS = 45


def run_connection_tests(
    endpoints: Iterable[Endpoint],
    policy: EgressPolicy,
    report: Callable[[ConnectionTest], None] = lambda _test: None,
    seconds: float = SECONDS,
    **options,
) -> dict[str, ConnectionTest]:
    """Test servers side by side, so that one that hangs leaves time for the other.

    No Odoo environment enters the threads: ``report`` is called in this one.

    :param options: ``address``, ``signs_in``, see :func:`run_connection_test`
    :return: the tests by side
    """
    endpoints = list(endpoints)
    changes: SimpleQueue[ConnectionTest | None] = SimpleQueue()

    def run(endpoint):
        def report_copy(test):
            changes.put(copy(test))

        try:
            return run_connection_test(
                endpoint, policy, Deadline(seconds), report=report_copy, **options
            )
        finally:
            changes.put(None)

    with ThreadPoolExecutor(max_workers=len(SIDES)) as pool:
        futures = [pool.submit(run, endpoint) for endpoint in endpoints]
        for _end in endpoints:
            while test := changes.get():
                report(test)
    tests = [future.result() for future in futures]
    return {test.side.value: test for test in tests}


class MailboxConnectionTest:
    """The test of a mailbox with its stored settings, and what it says in words.

    ``tests``: by side, those that could be run. ``results``: by side, see
    :func:`~.connection_test_messages.describe`; complete after :meth:`run`. Neither
    has credentials; the object has, so no method of a model may return it.

    :param account: ``mailbox.account``
    :param sides: which servers
    :param report: called with the result of a side after each of its steps
    :param asks_sender: whether SMTP is asked if the mailbox may send as its address
    """

    def __init__(
        self,
        account,
        sides: Iterable[str] = SIDES,
        report: Callable[[dict], None] = lambda _result: None,
        asks_sender: bool = True,
    ):
        self.account = account
        self._asks_sender = asks_sender
        self.tests: dict[str, ConnectionTest] = {}
        self.results: dict[str, dict] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._report = report
        for side in sides:
            self._prepare(side)

    def _prepare(self, side: str) -> None:
        if side == "smtp" and not self.account.smtp_host:
            self.results[side] = no_server(side)
            return
        self.results[side] = not_tested(self.account, side)
        try:
            self._endpoints[side] = endpoint(self.account, side)
        except UserError as error:
            setting = getattr(error, "setting", "password")
            self.results[side] = not_tested(self.account, side, str(error), setting)

    def run(self) -> None:
        """Ask the servers. Meanwhile nothing is written to the database."""
        account = self.account
        for side, result in self.results.items():
            if side not in self._endpoints:
                self._report(result)
        self.tests = run_connection_tests(
            self._endpoints.values(),
            egress_policy(account.env),
            report=lambda test: self._report(describe(account, test)),
            address=self._sender(),
        )
        for side, test in self.tests.items():
            self.results[side] = describe(account, test, self.tests)

    def _sender(self) -> str:
        account = self.account
        return (account.email_normalized or account.email) if self._asks_sender else ""

    def error(self, side: str) -> EngineError | None:
        """Why a server that was asked does not work."""
        return self.tests[side].error if side in self.tests else None

    def is_current(self) -> bool:
        """Whether the settings are still those that were tested: what was found with
        others says nothing about them."""
        try:
            return all(
                endpoint(self.account, side) == one
                for side, one in self._endpoints.items()
            )
        except UserError:
            return False
