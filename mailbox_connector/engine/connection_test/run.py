"""Testing one server of a mailbox with the sessions that read and send later.

Nothing changes on the server, and nothing is sent to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..discovery.port_probe import find_ports, greet
from ..errors import RETRYABLE, EngineError, Field, Kind, Side
from ..imap.session import ImapSession
from ..net.deadline import Deadline
from ..net.egress import EgressPolicy
from ..net.observer import Encryption
from ..smtp.sender import may_send
from ..smtp.session import open_smtp
from ..types import Endpoint, Folder, Role
from .steps import REACHING, SOON, ConnectionTest, State, StepName, days_left
from .transcript import Transcript

#: What a wrong port or encryption looks like.
WRONG_PORT = frozenset(
    {
        Kind.REFUSED,
        Kind.TIMEOUT,
        Kind.PROTOCOL,
        Kind.CONNECTION_LOST,
        Kind.TLS_ON_PLAIN_PORT,
        Kind.PLAIN_ON_TLS_PORT,
        Kind.STARTTLS_MISSING,
        Kind.HOST_FORBIDDEN,
        Kind.NO_AUTH_OFFERED,
    }
)
#: Answers about this moment, or about the recipient: the settings are right.
_NOT_THE_SETTINGS = (
    RETRYABLE - {Kind.TIMEOUT, Kind.DEADLINE, Kind.CONNECTION_LOST}
) | {Kind.RECIPIENT_REFUSED, Kind.QUOTA}

#: Called after every change, always with the same object.
Report = Callable[[ConnectionTest], None]


def run_connection_test(
    endpoint: Endpoint,
    policy: EgressPolicy | None = None,
    deadline: Deadline | None = None,
    address: str = "",
    report: Report = lambda _test: None,
    signs_in: bool = True,
    **timeouts: float,
) -> ConnectionTest:
    """Resolve, connect, encrypt, sign in; read the folders, or ask who may send.

    If port or encryption look wrong, and after any failure of a test that stops before
    signing in, the host's others are tried (without signing in).
    Never raises :class:`EngineError`: it is in the result.

    :param address: the sender to ask about (SMTP); "": do not ask
    :param report: called after every change, in the same thread
    :param signs_in: False: stop before signing in; needs no username or password
    """
    watch = _Watch(endpoint, report, None if signs_in else REACHING)
    test = watch.test
    watch.set(StepName.RESOLVE, State.RUNNING)
    deadline = deadline or Deadline()
    try:
        if not signs_in:
            greet(endpoint, policy, deadline, observer=watch, **timeouts)
        elif endpoint.side is Side.IMAP:
            _read(watch, endpoint, policy, deadline, timeouts)
        else:
            _send(watch, endpoint, policy, deadline, address, timeouts)
    except EngineError as error:
        test.fail(_failed_step(test, error), error)
        test.transcript = watch.lines
        # Before a first sign-in, whatever is wrong may be the port.
        if error.kind in WRONG_PORT or not signs_in:
            _find_alternatives(watch, endpoint, policy)
    test.transcript = watch.lines
    test.is_done = True
    watch.report()
    return test


def _find_alternatives(watch: _Watch, endpoint: Endpoint, policy) -> None:
    test = watch.test
    test.is_searching = True
    watch.report()
    own = (endpoint.port, endpoint.security)
    test.alternatives = [one for one in find_ports(endpoint, policy) if one != own]
    test.is_searching = False


def _failed_step(test: ConnectionTest, error: EngineError) -> StepName:
    """The step that ``error`` is about, even if it came before anything was tried."""
    running = test.running or test.steps[-1].name
    if running is StepName.RESOLVE and error.field in (Field.USERNAME, Field.PASSWORD):
        return StepName.SIGN_IN
    if running is StepName.RESOLVE and error.field is Field.PORT:
        return StepName.CONNECT
    return running


class _Watch(Transcript):
    """Turns what happens on the connection into steps."""

    def __init__(self, endpoint: Endpoint, report: Report, names):
        super().__init__(endpoint)
        self.test = ConnectionTest.of(endpoint.side, names)
        self._report = report

    def report(self) -> None:
        self._report(self.test)

    def set(self, name: StepName, state: State, **facts) -> None:
        """A step has come to ``state``; after a good one the next begins."""
        test = self.test
        test.set(name, state, **facts)
        if state in (State.OK, State.WARNING):
            for step in test.steps:
                if step.state is State.WAITING:
                    test.set(step.name, State.RUNNING)
                    break
        self.report()

    def resolved(self, addresses: list[str]) -> None:
        super().resolved(addresses)
        self.set(StepName.RESOLVE, State.OK, addresses=addresses)

    def connected(self, address: str, port: int) -> None:
        super().connected(address, port)
        self.set(StepName.CONNECT, State.OK, address=address, port=port)

    def encrypted(self, encryption: Encryption) -> None:
        super().encrypted(encryption)
        days = days_left(encryption.until)
        soon = days is not None and days < SOON.days
        facts = {**vars(encryption), "days": days}
        self.set(StepName.ENCRYPT, State.WARNING if soon else State.OK, **facts)


def _read(watch, endpoint, policy, deadline, timeouts) -> None:
    session = ImapSession(endpoint, policy, deadline, observer=watch, **timeouts)
    with session:
        watch.set(StepName.SIGN_IN, State.OK, username=endpoint.username)
        folders = session.list_folders(status=True)
        missing = [f.raw_name for f in folders if f.selectable and not f.status]
        states = session.status(missing) if missing else {}
        folders = [_with_status(folder, states) for folder in folders]
        found = {folder.role: folder for folder in reversed(folders)}
        inbox, sent = found.get(Role.INBOX), found.get(Role.SENT)
        if inbox:
            session.examine(inbox.raw_name)
    watch.test.folders = folders
    readable = [folder for folder in folders if folder.selectable]
    watch.set(
        StepName.FOLDERS,
        State.OK if inbox and sent else State.WARNING,
        count=len(readable),
        messages=sum(folder.status.messages for folder in readable if folder.status),
        inbox=inbox.name if inbox else "",
        sent=sent.name if sent else "",
    )


def _send(watch, endpoint, policy, deadline, address, timeouts) -> None:
    session = open_smtp(endpoint, policy, deadline, observer=watch, **timeouts)
    try:
        watch.set(StepName.SIGN_IN, State.OK, username=endpoint.username)
        facts: dict = {"address": address}
        if address:
            try:
                may_send(session, address)
            except EngineError as error:
                if error.kind not in _NOT_THE_SETTINGS:
                    raise
                facts["error"] = error
    finally:
        session.quit()
    state = State.WARNING if "error" in facts else State.OK
    watch.set(StepName.SENDER, state, **facts)


def _with_status(folder: Folder, states) -> Folder:
    """``folder`` with its state from ``states`` if LIST did not bring it."""
    if folder.status or folder.raw_name not in states:
        return folder
    return replace(folder, status=states[folder.raw_name])
