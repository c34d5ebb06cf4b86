"""The proxy itself: takes connections, and orders for faults."""

import asyncio
import re
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

from ..servers import certificates
from ..servers.mailservers import MailServers
from .faults import WHEN, Answer, Connection, CutAfterCommand, CutAtByte, Hang, Trouble
from .session import Session


class ImapProxy:
    """A proxy in a thread of its own. See :func:`running`."""

    def __init__(self, servers: MailServers):
        self.host = servers.imap_host
        self.port = 0
        #: All connections since the start, or since the last `forget`.
        self.connections: list[Connection] = []
        self._trouble = Trouble()
        self._upstream = (servers.imap_host, servers.imap_tls_port)
        self._upstream_tls = servers.ssl_context()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(*certificates.server(servers.folder / "tls"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="imap-proxy", daemon=True
        )

    # Faults

    def cut_after_command(
        self, number: int, when: str = "before_answer", times: int | None = 1
    ) -> CutAfterCommand:
        """Cut the connection once command `number` has reached the server: before
        its answer, amid the answer's bytes, or after the whole answer."""
        if when not in WHEN:
            raise ValueError(f"{when} is none of {WHEN}")
        return self._arm(CutAfterCommand(times, number=number, when=when))

    def cut_at_byte(self, offset: int, times: int | None = 1) -> CutAtByte:
        """Cut a connection after `offset` bytes from the server were forwarded."""
        return self._arm(CutAtByte(times, offset=offset))

    def hang(self, number: int, times: int | None = 1) -> Hang:
        """Pass nothing on from the server after command `number`; stay connected."""
        return self._arm(Hang(times, number=number))

    def answer(self, pattern: str, *lines: str, times: int | None = 1) -> Answer:
        """Answer a command that `pattern` is found in by `lines`, in which `{tag}`
        is replaced with its tag; the server does not see it.

        "GREETING" is the greeting. After a line `* BYE` the connection is closed.
        """
        wanted = re.compile(pattern, re.IGNORECASE)
        return self._arm(Answer(times, pattern=wanted, lines=lines))

    def delay(self, seconds: float) -> None:
        """Let every round trip take that much longer; throughput stays."""
        self._trouble.latency = seconds

    def clear(self) -> None:
        """Disarm all faults, the delay too."""
        self._trouble.faults = []
        self._trouble.latency = 0.0

    def forget(self) -> None:
        """Empty the list of connections."""
        self.connections = []

    def _arm(self, fault):
        # A new list: sessions go through theirs in another thread.
        self._trouble.faults = [*self._trouble.faults, fault]
        return fault

    # Life

    def start(self) -> None:
        self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer) -> None:
        log = Connection()
        self.connections.append(log)
        try:
            upstream = await asyncio.open_connection(
                *self._upstream, ssl=self._upstream_tls
            )
            await Session(self._trouble, log, (reader, writer), upstream).run()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            log.open = False


@contextmanager
def running(servers: MailServers) -> Iterator[ImapProxy]:
    """A proxy to `servers` on a free port, for the length of a block."""
    proxy = ImapProxy(servers)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
