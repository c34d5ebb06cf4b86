"""One side of a mailbox, checked the way it is used later.

The very sessions that read and send are opened; somebody looks on. Nothing changes
on the server, and nothing is sent to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..discovery.port_probe import find_ports
from ..errors import RETRYABLE, EngineError, Field, Kind, Side
from ..imap.session import ImapSession
from ..net.deadline import Deadline
from ..net.egress import EgressPolicy
from ..net.observer import Encryption
from ..smtp.sender import may_send
from ..smtp.session import open_smtp
from ..types import Endpoint, Folder, Role
from .steps import SOON, Checked, Name, State, days_left
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
_NOT_THE_SETTINGS = RETRYABLE - {Kind.TIMEOUT, Kind.DEADLINE, Kind.CONNECTION_LOST} | {
    Kind.RECIPIENT_REFUSED,
    Kind.QUOTA,
}

#: Called after every change; what it is given goes on changing.
Report = Callable[[Checked], None]


def check(
    endpoint: Endpoint,
    policy: EgressPolicy | None = None,
    deadline: Deadline | None = None,
    address: str = "",
    report: Report = lambda _checked: None,
    **timeouts: float,
) -> Checked:
    """Resolve, connect, encrypt, sign in; read the folders, or ask who may send.

    Where port or encryption look wrong, the host's others are tried (nobody signs in
    there). Never raises :class:`EngineError`: it is in what comes back.

    :param address: what is to be sent as (SMTP); "": not asked
    :param report: called after every change, in the same thread
    """
    watch = _Watch(endpoint, report)
    last = _read if endpoint.side is Side.IMAP else _send
    checked = watch.checked
    watch.set(Name.RESOLVE, State.RUNNING)
    try:
        last(watch, endpoint, policy, deadline or Deadline(), address, timeouts)
    except EngineError as error:
        checked.fail(_failed_step(checked, error), error)
        checked.transcript = watch.lines
        if error.kind in WRONG_PORT:
            checked.is_searching = True
            watch.tell()
            typed = (endpoint.port, endpoint.security)
            checked.ways = [way for way in find_ports(endpoint, policy) if way != typed]
            checked.is_searching = False
    checked.transcript = watch.lines
    checked.is_done = True
    watch.tell()
    return checked


def _failed_step(checked: Checked, error: EngineError) -> Name:
    """The step that ``error`` is about, where it came before anything was tried."""
    running = checked.running or checked.steps[-1].name
    if running is Name.RESOLVE and error.field in (Field.USERNAME, Field.PASSWORD):
        return Name.SIGN_IN
    if running is Name.RESOLVE and error.field is Field.PORT:
        return Name.CONNECT
    return running


class _Watch(Transcript):
    """Turns what happens on the connection into steps."""

    def __init__(self, endpoint: Endpoint, report: Report):
        super().__init__(endpoint)
        self.checked = Checked.of(endpoint.side)
        self._report = report

    def tell(self) -> None:
        self._report(self.checked)

    def set(self, name: Name, state: State, **facts) -> None:
        """A step has come to ``state``; the one after a good one begins."""
        checked = self.checked
        checked.set(name, state, **facts)
        if state in (State.OK, State.WARNING):
            for step in checked.steps:
                if step.state is State.WAITING:
                    checked.set(step.name, State.RUNNING)
                    break
        self.tell()

    def resolved(self, addresses: list[str]) -> None:
        super().resolved(addresses)
        self.set(Name.RESOLVE, State.OK, addresses=addresses)

    def connected(self, address: str, port: int) -> None:
        super().connected(address, port)
        self.set(Name.CONNECT, State.OK, address=address, port=port)

    def encrypted(self, encryption: Encryption) -> None:
        super().encrypted(encryption)
        days = days_left(encryption.until)
        soon = days is not None and days < SOON.days
        facts = {**vars(encryption), "days": days}
        self.set(Name.ENCRYPT, State.WARNING if soon else State.OK, **facts)


def _read(watch, endpoint, policy, deadline, _address, timeouts) -> None:
    session = ImapSession(endpoint, policy, deadline, observer=watch, **timeouts)
    with session:
        watch.set(Name.SIGN_IN, State.OK, username=endpoint.username)
        folders = session.list_folders(status=True)
        missing = [f.raw_name for f in folders if f.selectable and not f.status]
        states = session.status(missing) if missing else {}
        folders = [_with_status(folder, states) for folder in folders]
        found = {folder.role: folder for folder in reversed(folders)}
        inbox, sent = found.get(Role.INBOX), found.get(Role.SENT)
        if inbox:
            session.examine(inbox.raw_name)
    watch.checked.folders = folders
    readable = [folder for folder in folders if folder.selectable]
    watch.set(
        Name.FOLDERS,
        State.OK if inbox and sent else State.WARNING,
        count=len(readable),
        messages=sum(folder.status.messages for folder in readable if folder.status),
        inbox=inbox.name if inbox else "",
        sent=sent.name if sent else "",
    )


def _send(watch, endpoint, policy, deadline, address, timeouts) -> None:
    session = open_smtp(endpoint, policy, deadline, observer=watch, **timeouts)
    try:
        watch.set(Name.SIGN_IN, State.OK, username=endpoint.username)
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
    watch.set(Name.SENDER, state, **facts)


def _with_status(folder: Folder, states) -> Folder:
    """``folder`` with its state from ``states`` where LIST did not bring it."""
    if folder.status or folder.raw_name not in states:
        return folder
    return replace(folder, status=states[folder.raw_name])
