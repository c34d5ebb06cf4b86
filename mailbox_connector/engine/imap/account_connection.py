"""The connection that all commands of an IMAP session share, and its errors."""

from __future__ import annotations

import imaplib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..diagnosis import from_imap
from ..errors import EngineError, Kind
from ..net.connection import READ_TIMEOUT, Connection, connect
from ..net.deadline import Deadline
from ..net.egress import EgressPolicy
from ..net.observer import Observer
from ..types import Endpoint
from . import responses
from .protocol import SIGN_IN_LIMITS, AnswerLimits, BoundedIMAP4
from .signin import check_credentials, sign_in

#: After these, the rest of an answer may still be on its way.
_BROKEN = frozenset({Kind.CONNECTION_LOST, Kind.TIMEOUT, Kind.DEADLINE, Kind.TOO_LARGE})
#: Seconds for LOGOUT, which nobody needs to wait for.
FAREWELL_TIMEOUT = 2.0


class AccountConnection:
    """A signed-in connection to one account: a context manager that opens and closes
    it.

    Every failure is an :class:`EngineError`.

    :param policy: which hosts may be reached; None: public ones only
    :param deadline: for everything this session does
    :param compress: whether to compress before mail is fetched (RFC 4978), if the
        server supports it; None: over the internet only, not in the local network
    :param observer: informed about what happens on the connection
    """

    def __init__(
        self,
        endpoint: Endpoint,
        policy: EgressPolicy | None = None,
        deadline: Deadline | None = None,
        compress: bool | None = None,
        observer: Observer | None = None,
        **timeouts: float,
    ):
        """``timeouts``: ``connect_timeout``, ``read_timeout`` in seconds."""
        self.endpoint = endpoint
        self.capabilities: frozenset[str] = frozenset()
        #: UIDs that the server lists but refused to return (FETCH NO).
        self.unfetchable: set[int] = set()
        #: The folder that is open, by its raw name.
        self.folder: str | None = None
        self._policy = policy
        self._deadline = deadline or Deadline()
        self._timeouts = timeouts
        self._observer = observer
        self._wants_compression = self._compress = compress
        self._imap: BoundedIMAP4 | None = None
        self._patience: float | None = None
        #: Whether the connection can no longer be used.
        self.lost = False

    def __enter__(self) -> AccountConnection:
        self.open()
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def open(self) -> None:
        """Connect, encrypt, sign in."""
        self.folder, self.lost = None, False
        self._compress = self._wants_compression
        check_credentials(self.endpoint)
        connection = connect(
            self.endpoint,
            self._policy,
            self._deadline,
            observer=self._observer,
            **self._timeouts,
        )
        self._be_patient(connection)
        try:
            with self._translate(login=True):
                self._imap = BoundedIMAP4(connection)
                with self._bounded(SIGN_IN_LIMITS):
                    self.capabilities = sign_in(self._imap, self.endpoint)
        except BaseException:
            connection.close()
            self._imap = None
            raise

    def close(self) -> None:
        """Say goodbye if that is quick, and hang up. Never raises."""
        protocol, self._imap = self._imap, None
        if protocol is None:
            return
        connection = protocol.connection
        connection.read_timeout = min(connection.read_timeout, FAREWELL_TIMEOUT)
        try:
            protocol.logout()
        except Exception:  # the work is done, whatever the server says
            pass
        connection.close()

    def reconnect(self) -> None:
        """Hang up without goodbye, which nobody would answer, and open it again."""
        protocol, self._imap = self._imap, None
        if protocol is not None:
            protocol.connection.close()
        self.open()

    def wait_at_most(self, seconds: float | None) -> None:
        """How long the server may be silent from now on; None: as usual."""
        self._patience = seconds
        if self._imap is not None:
            self._be_patient(self._imap.connection)

    def _be_patient(self, connection: Connection) -> None:
        usual = self._timeouts.get("read_timeout", READ_TIMEOUT)
        connection.read_timeout = min(usual, self._patience or usual)

    def _compress_once(self) -> None:
        """COMPRESS, if wanted and offered; called only if there are messages to
        fetch."""
        wanted, self._compress = self._compress, False
        if wanted is False or "COMPRESS=DEFLATE" not in self.capabilities:
            return
        protocol = self._protocol
        connection = protocol.connection
        if wanted is None:
            wanted = EgressPolicy().allows_address(connection.remote_address())
        if not wanted:
            return
        try:
            typ, _data = protocol.xatom("COMPRESS", "DEFLATE")
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            return  # announced but refused
        if typ == "OK":
            connection.compress()

    @property
    def _protocol(self) -> BoundedIMAP4:
        if self._imap is None:
            raise self.endpoint.error(Kind.CONNECTION_LOST)
        return self._imap

    def _timely(self, data: Iterable | None) -> Iterator:
        """``data`` one by one, until the deadline."""
        for number, answer in enumerate(data or ()):
            if not number % 100:
                self._deadline.check(self.endpoint.side)
            yield answer

    def _wire(self, raw_name: str) -> bytes:
        try:
            return responses.wire_name(raw_name)
        except ValueError:
            raise self.endpoint.error(Kind.FOLDER_GONE, detail=raw_name) from None

    @contextmanager
    def _translate(self, login: bool = False, folder: str = ""):
        """Turn any failure inside into an EngineError.

        The cause is dropped: a traceback must not show what a server echoed.
        """
        try:
            yield
        except EngineError as exc:
            self.lost |= exc.kind in _BROKEN
            raise from_imap(exc, self.endpoint) from None
        except (
            imaplib.IMAP4.error,
            OSError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            AssertionError,
            RecursionError,
            OverflowError,
        ) as exc:
            # A refusal leaves the connection in order, and so does what was read to
            # its end and makes no sense; anything else may have left it in the middle.
            refused = isinstance(exc, imaplib.IMAP4.error) and not isinstance(
                exc, imaplib.IMAP4.abort
            )
            self.lost |= not (refused or type(exc) is ValueError)
            error = from_imap(exc, self.endpoint, login=login)
            if error.kind is Kind.FOLDER_GONE:
                error.detail = error.detail or folder
            raise error from None

    @contextmanager
    def _bounded(self, limits: AnswerLimits, discarded: Iterable[str] = ()):
        """Set other limits inside; answers of the kinds ``discarded`` are not kept."""
        protocol = self._protocol
        protocol.limits = limits
        protocol.discarded = frozenset(discarded)
        try:
            yield protocol
        finally:
            protocol.limits = AnswerLimits()
            protocol.discarded = frozenset()
