"""One connection through the proxy: forwarded, counted, and struck by faults."""

import asyncio
import re

from .faults import (
    Answer,
    Command,
    Connection,
    CutAfterCommand,
    CutAtByte,
    Hang,
    Trouble,
)
from .stream import Piece, Stream

CHUNK = 65536
#: Seconds for the last bytes before a cut.
PATIENCE = 5
#: Commands during which the client speaks lines that are no commands.
DIALOGS = ("AUTHENTICATE", "IDLE")
LOGINS = ("AUTHENTICATE", "LOGIN")


class Session:
    """Passes both directions on until one ends or a fault strikes.

    :param trouble: looked at again for each command and each response
    :param client: asyncio's reader and writer of that side
    :param upstream: the same of the connection to the server
    """

    def __init__(self, trouble: Trouble, log: Connection, client, upstream):
        self.trouble = trouble
        self.log = log
        self.client_reader, self.client_writer = client
        self.server_reader, self.server_writer = upstream
        self.from_client, self.from_server = Stream(), Stream()
        # What the client is to hear: (when, bytes), at last (when, None).
        self.queue: asyncio.Queue = asyncio.Queue()
        self.sent = 0
        self.server_spoke = False
        # Tags of commands whose answers are waited for.
        self.dialog = self.login = self.compressing = None
        self.swallowing = False
        # Nothing more reaches the client; `ending`: its connection is to be closed.
        self.silent = self.ending = False
        self.cut: CutAfterCommand | None = None
        self.cut_tag = ""
        self.held = b""

    async def run(self) -> None:
        self._meet_faults(Command(0, "", "GREETING", "GREETING", 0))
        tasks = [
            asyncio.ensure_future(work)
            for work in (self._pump_client(), self._speak(), self._pump_server())
        ]
        try:
            # The server's end comes to the client through the queue.
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            self.client_writer.transport.abort()
            self.server_writer.transport.abort()
            await asyncio.gather(*tasks, return_exceptions=True)

    # From the client to the server

    async def _pump_client(self) -> None:
        while wire := await self.client_reader.read(CHUNK):
            self.log.wire_from_client += len(wire)
            if self.server_spoke:
                self.server_spoke = False
                self.log.round_trips += 1
            passed = bytearray()
            for piece in self.from_client.pieces(wire):
                self.log.bytes_from_client += len(piece.data)
                if piece.first and self.dialog is None:
                    self._command(piece.data)
                if not self.swallowing:
                    passed += piece.data
                elif piece.last or not self.from_client.inside:
                    self.swallowing = False
            self.server_writer.write(self.from_client.wire(bytes(passed)))
            await self.server_writer.drain()

    def _command(self, line: bytes) -> None:
        tag, _space, rest = line.decode(errors="replace").strip().partition(" ")
        words = rest.upper().split()
        name = " ".join(words[: 2 if words[:1] == ["UID"] else 1])
        command = Command(
            number=len(self.log.commands) + 1,
            tag=tag,
            name=name,
            line=name if name in LOGINS else rest,
            round_trip=self.log.round_trips,
        )
        self.log.commands.append(command)
        if name in DIALOGS:
            self.dialog = tag
        if name in LOGINS:
            self.login = tag
        if name == "COMPRESS":
            self.compressing = tag
        self._meet_faults(command)

    def _meet_faults(self, command: Command) -> None:
        for fault in self.trouble.faults:
            if not fault.ready or isinstance(fault, CutAtByte):
                continue
            if isinstance(fault, Answer):
                if fault.pattern.search(command.line):
                    fault.fired += 1
                    self._answer(command, fault.lines)
            elif fault.number == command.number:
                fault.fired += 1
                if isinstance(fault, Hang):
                    self.silent = True
                else:
                    self.cut, self.cut_tag = fault, command.tag

    def _answer(self, command: Command, lines: tuple[str, ...]) -> None:
        """Speak for the server, which does not hear of the command."""
        self.swallowing = command.number > 0
        if command.line.endswith("}") and not command.line.endswith("+}"):
            self.from_client.refuse_literal()
        if self.dialog == command.tag:
            self.dialog = None
        self.ending = any(line.upper().startswith("* BYE") for line in lines)
        answer = "".join(f"{line.replace('{tag}', command.tag)}\r\n" for line in lines)
        self._tell(answer.encode())
        if command.number == 0:
            self.silent = True

    # From the server to the client

    async def _pump_server(self) -> None:
        try:
            while wire := await self.server_reader.read(CHUNK):
                self.log.wire_from_server += len(wire)
                passed = bytearray()
                for piece in self.from_server.pieces(wire):
                    self.log.bytes_from_server += len(piece.data)
                    tag = _tag(piece)
                    self._note(tag, piece)
                    passed += self._passed(tag, piece)
                    if tag and tag == self.compressing:
                        self._tell(bytes(passed))
                        passed.clear()
                        self._compress(piece)
                self._tell(bytes(passed))
        except OSError:
            pass
        if not self.silent:
            self.ending = True
            self._tell(b"")

    def _note(self, tag: str, piece: Piece) -> None:
        if tag and tag == self.dialog:
            self.dialog = None
        if tag and tag == self.login and _is_ok(piece):
            self.log.logged_in_at = self.log.round_trips

    def _passed(self, tag: str, piece: Piece) -> bytes:
        """What of a piece the client is to hear."""
        if self.silent:
            return b""
        if not self.cut:
            return piece.data
        if self.cut.when == "before_answer":
            self.silent = self.ending = True
            return b""
        over = tag == self.cut_tag if self.cut_tag else piece.last
        if self.cut.when == "after":
            self.silent = self.ending = over
            return piece.data
        self.held += piece.data
        # Where the server asks the client to go on, that is its answer.
        if over or piece.data.startswith(b"+"):
            self.silent = self.ending = True
            return self.held[: len(self.held) // 2]
        return b""

    def _compress(self, piece: Piece) -> None:
        self.compressing = None
        if _is_ok(piece):
            self.from_client.compress()
            self.from_server.compress()

    def _tell(self, plain: bytes) -> None:
        """Queue bytes for the client, fewer where a fault cuts them off."""
        for fault in self.trouble.faults:
            if isinstance(fault, CutAtByte) and fault.ready:
                room = fault.offset - self.sent
                if 0 <= room < len(plain):
                    fault.fired += 1
                    plain = plain[:room]
                    self.silent = self.ending = True
        self.sent += len(plain)
        due = asyncio.get_running_loop().time() + self.trouble.latency
        if plain:
            self.queue.put_nowait((due, self.from_server.wire(plain)))
        if self.ending:
            self.silent = True
            self.queue.put_nowait((due, None))

    async def _speak(self) -> None:
        """Send what is queued when it is due, until the end of it."""
        loop = asyncio.get_running_loop()
        while True:
            due, wire = await self.queue.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            if wire is None:
                break
            self.server_spoke = True
            self.client_writer.write(wire)
            await self.client_writer.drain()
        if not (self.cut and self.cut.when == "before_answer"):
            # What was forwarded has to arrive; otherwise the connection just ends.
            self.client_writer.close()
            await asyncio.wait_for(self.client_writer.wait_closed(), PATIENCE)


def _tag(piece: Piece) -> str:
    """The tag of an answer's last line, "" for any other piece."""
    if not piece.first or piece.data[:1] in b"*+":
        return ""
    return piece.data.split(b" ", 1)[0].decode(errors="replace")


def _is_ok(piece: Piece) -> bool:
    return bool(re.match(rb"\S+ OK\b", piece.data, re.IGNORECASE))
