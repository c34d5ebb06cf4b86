"""Does reading work, does sending work? Both sides tried at once, told apart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ..engine.discovery.ports import find_ports
from ..engine.errors import EngineError, Kind
from ..engine.imap.session import ImapSession
from ..engine.smtp.session import open_smtp
from ..engine.transport import Deadline, EgressPolicy
from ..engine.types import Endpoint, Folder, Security

#: Seconds for both sides together: a person is waiting.
CONNECT_SECONDS = 45
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
    }
)


@dataclass
class Probe:
    """What was found. An error of one side leaves the other's findings alone.

    ``ways``: by side, the port and encryption that the host does answer on, where
    those that were typed are wrong.
    """

    folders: list[Folder] = field(default_factory=list)
    imap_error: EngineError | None = None
    smtp_error: EngineError | None = None
    ways: dict[str, tuple[int, Security]] = field(default_factory=dict)


def probe(
    imap: Endpoint | None,
    smtp: Endpoint | None,
    policy: EgressPolicy,
    seconds: float = CONNECT_SECONDS,
) -> Probe:
    """Sign in to the given sides; list the folders with their state.

    The two run side by side, so that a server that hangs leaves time for the other.
    No Odoo environment enters the threads.
    """
    found = Probe()

    def other_way(endpoint, error):
        if error.kind in WRONG_PORT:
            for way in find_ports(endpoint, policy)[:1]:
                found.ways[endpoint.side.value] = way
        raise error

    def read():
        try:
            read_folders()
        except EngineError as error:
            other_way(imap, error)

    def read_folders():
        with ImapSession(imap, policy, Deadline(seconds)) as session:
            folders = session.list_folders(status=True)
            missing = [f.raw_name for f in folders if f.selectable and not f.status]
            states = session.status(missing) if missing else {}
            found.folders = [with_status(f, states) for f in folders]

    def send():
        try:
            open_smtp(smtp, policy, Deadline(seconds)).quit()
        except EngineError as error:
            other_way(smtp, error)

    with ThreadPoolExecutor(max_workers=2) as pool:
        reading = pool.submit(read) if imap else None
        sending = pool.submit(send) if smtp else None
        for future, name in ((reading, "imap_error"), (sending, "smtp_error")):
            if future is None:
                continue
            try:
                future.result()
            except EngineError as error:
                setattr(found, name, error)
    return found


def with_status(folder: Folder, states) -> Folder:
    """``folder`` with its state from ``states`` where LIST did not bring it."""
    if folder.status or folder.raw_name not in states:
        return folder
    return Folder(**{**vars(folder), "status": states[folder.raw_name]})
