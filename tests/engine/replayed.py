"""A server made of what a real one said, word for word, with one answer changed.

A :class:`Transcript` holds the answers of a real server (``transcripts/``, recorded by
``devtools.servers.transcript``) by what they are about: a :class:`Part`. A
:class:`ReplayedServer` puts them together for any command of the engine. One part may
be changed, always or a number of times: that is a server with an odd folder or an odd
message.
"""

from __future__ import annotations

import json
import random
import re
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

TRANSCRIPTS = Path(__file__).parent / "transcripts"
#: Commands of one connection; more is an endless loop.
MOST_COMMANDS = 500
#: In a changed answer: the connection is cut there.
CUT = b"\0cut\0"
_NAME = rb'("(?:[^"\\]|\\.)*"|[^\s"]+)'


class Part(NamedTuple):
    """What an answer is about.

    ``kind``: greeting, capability, login, list, status, examine, search, header, body,
    or done (the tagged line of the command ``folder``).
    """

    kind: str
    folder: str = ""
    uid: int = 0


@dataclass
class Transcript:
    """Answers of one server; ``%t`` is the command's tag."""

    name: str
    answers: dict[Part, bytes] = field(default_factory=dict)
    #: Tagged lines, by command.
    done: dict[str, bytes] = field(default_factory=dict)
    uids: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, name: str) -> Transcript:
        """A recorded transcript."""
        self = cls(name)
        for command, text in json.loads((TRANSCRIPTS / f"{name}.json").read_text()):
            self._add(command, text.encode("latin-1"))
        return self

    def messages(self) -> list[tuple[str, int]]:
        """All (folder, UID)."""
        return [(name, uid) for name, uids in self.uids.items() for uid in uids]

    def parts(self) -> list[Part]:
        """Everything that can be changed."""
        return [*self.answers, *(Part("done", command) for command in self.done)]

    def _add(self, command: str, answer: bytes) -> None:
        untagged, tag, tagged = answer.rpartition(b"%t ")
        last = tag + tagged
        match command.split():
            case []:
                self.answers[Part("greeting")] = answer
            case ["LOGIN"]:
                self.answers[Part("login")] = answer
            case ["CAPABILITY", *where]:
                part = Part("capability", "in" if where else "")
                self._keep("capability", part, untagged, last)
            case ["LIST" | "STATUS" as word, *_]:
                self._add_folders(word.lower(), untagged, last)
            case ["EXAMINE", *_]:
                name = _unquoted(command.partition(" ")[2].encode())
                self._keep("examine", Part("examine", name), untagged, last)
                # Put together when it is asked for.
                self.answers[Part("search", name)] = b""
            case _ if "FETCH" in command:
                folder, number, kind = _fetched(command)
                self._keep("fetch", Part(kind, folder, number), untagged, last)
                if kind == "body":
                    self.uids[folder].append(number)
            case _ if "SEARCH" in command:
                self.done["search"] = last

    def _keep(self, command: str, part: Part, untagged: bytes, last: bytes) -> None:
        self.answers[part] = untagged
        self.done[command] = last

    def _add_folders(self, command: str, untagged: bytes, last: bytes) -> None:
        for line in untagged.splitlines(keepends=True):
            if match := re.match(rb"\* LIST \([^)]*\) \S+ " + _NAME, line):
                self.answers.setdefault(Part("list", _unquoted(match[1])), line)
            elif match := re.match(rb"\* STATUS " + _NAME, line):
                self.answers.setdefault(Part("status", _unquoted(match[1])), line)
        self.done.setdefault(command, last)


def exchange_like(base: Transcript) -> Transcript:
    """As Microsoft Exchange answers: few extensions, UID last, names quoted."""
    self = Transcript("exchange", dict(base.answers), dict(base.done), base.uids)
    few = b"* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN UIDPLUS ID UNSELECT CHILDREN\r\n"
    self.answers[Part("greeting")] = b"* OK The IMAP4 service is ready.\r\n"
    for where in ("", "in"):
        self.answers[Part("capability", where)] = few
    self.answers[Part("login")] = b"%t OK LOGIN completed.\r\n"
    for part, answer in base.answers.items():
        if part.kind in ("header", "body"):
            uid = re.search(rb"UID \d+ ", answer)[0]
            answer = answer.replace(uid, b"", 1)
            answer = answer[: answer.rindex(b")")] + b" " + uid.strip() + b")\r\n"
        elif part.kind in ("status", "examine"):
            answer = re.sub(rb" HIGHESTMODSEQ \d+(?=\))", b"", answer)
            answer = re.sub(rb"\* OK \[HIGHESTMODSEQ.*\r\n", b"", answer)
        self.answers[part] = answer
    return self


def _fetched(command: str) -> tuple[str, int, str]:
    folder, number = re.match(r'"((?:[^"\\]|\\.)*)" UID FETCH (\d+)', command).groups()
    return folder, int(number), "header" if "HEADER" in command else "body"


def _unquoted(name: bytes) -> str:
    if name.startswith(b'"'):
        name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
    return name.decode("latin-1")


class ReplayedServer:
    """Answers on a local port as the transcript's server did.

    :param pair: (certificate, key) files
    :param changed: the part that is changed
    :param change: from its answer to what is sent instead
    :param times: how often it is changed; None: always
    """

    def __init__(
        self,
        transcript: Transcript,
        pair: tuple[Path, Path],
        changed: Part | None = None,
        change: Callable[[bytes], bytes] = bytes,
        times: int | None = None,
    ):
        self.transcript = transcript
        self.changed = changed
        self.change = change
        self.times = times
        #: Whether a connection had to be ended after :data:`MOST_COMMANDS`.
        self.flooded = False
        self.connections = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*map(str, pair))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """Close everything."""
        for sock in (self._socket, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _serve(self) -> None:
        while True:
            try:
                sock, _address = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        with suppress(OSError, ValueError):
            sock = self._context.wrap_socket(plain, server_side=True)
            self._open.append(sock)
            _Talk(self, sock).run()

    def answer(self, part: Part, original: bytes = b"") -> bytes:
        """A part's answer, changed or not.

        :param original: if it is not in the transcript
        """
        if part.kind == "done":
            original = self.transcript.done[part.folder]
        else:
            original = self.transcript.answers.get(part) or original
        if part != self.changed or self.times == 0:
            return original
        if self.times is not None:
            self.times -= 1
        return self.change(original)


class _Talk:
    """One connection."""

    def __init__(self, server: ReplayedServer, sock: socket.socket):
        self.server = server
        self.sock = sock
        self.folder = ""
        self.signed_in = False

    def run(self) -> None:
        reader = self.sock.makefile("rb")
        self._say(self.server.answer(Part("greeting")), b"")
        for _number in range(MOST_COMMANDS):
            line = reader.readline()
            while line and (literal := re.search(rb"\{(\d+)\+?\}\r\n\Z", line)):
                if not literal[0].endswith(b"+}\r\n"):
                    self.sock.sendall(b"+ go on\r\n")
                line = line[: literal.start()]
                line += reader.read(int(literal[1])) + reader.readline()
            if not line:
                return
            tag, _space, command = line.rstrip(b"\r\n").partition(b" ")
            answer = self._answer(command)
            if answer is None:
                self._say(b"* BYE done\r\n%t OK bye\r\n", tag)
                return
            self._say(answer, tag)
        self.server.flooded = True

    def _say(self, answer: bytes, tag: bytes) -> None:
        answer, cut, _rest = answer.replace(b"%t", tag).partition(CUT)
        self.sock.sendall(answer)
        if cut:
            self.sock.shutdown(socket.SHUT_RDWR)
            raise ConnectionError

    def _done(self, command: str) -> bytes:
        return self.server.answer(Part("done", command))

    def _answer(self, command: bytes) -> bytes | None:
        word = command.split(b" ", 1)[0].upper().decode("ascii", "replace")
        if word == "UID":
            word = command.split(b" ", 2)[1].upper().decode("ascii", "replace")
        method = getattr(self, f"_{word.lower()}", None)
        if word == "LOGOUT":
            return None
        return method(command) if method else b"%t BAD unknown command\r\n"

    def _capability(self, _command: bytes) -> bytes:
        part = Part("capability", "in" if self.signed_in else "")
        # Compressed, nobody could say what arrives.
        answer = self.server.answer(part).replace(b" COMPRESS=DEFLATE", b"")
        return answer + self._done("capability")

    def _login(self, _command: bytes) -> bytes:
        self.signed_in = True
        answer = self.server.answer(Part("login"))
        return answer.replace(b" COMPRESS=DEFLATE", b"")

    _authenticate = _login

    def _noop(self, _command: bytes) -> bytes:
        return b"%t OK done\r\n"

    _id = _unselect = _close = _noop

    def _enable(self, _command: bytes) -> bytes:
        return b"* ENABLED QRESYNC\r\n%t OK done\r\n"

    def _list(self, command: bytes) -> bytes:
        kinds = ("list", "status") if b"STATUS" in command else ("list",)
        folders = [p for p in self.server.transcript.answers if p.kind == "list"]
        answers = [
            self.server.answer(Part(kind, one.folder))
            for one in folders
            for kind in kinds
        ]
        return b"".join(answers) + self._done("list")

    def _status(self, command: bytes) -> bytes:
        name = _unquoted(re.match(rb"STATUS " + _NAME, command, re.I)[1])
        answer = self.server.answer(Part("status", name))
        return answer + self._done("status") if answer else b"%t NO no such folder\r\n"

    def _examine(self, command: bytes) -> bytes:
        name = _unquoted(re.match(rb"EXAMINE " + _NAME, command, re.I)[1])
        part = Part("examine", name)
        if part not in self.server.transcript.answers:
            return b"%t NO [NONEXISTENT] no such folder\r\n"
        self.folder = name
        return self.server.answer(part) + self._done("examine")

    def _search(self, command: bytes) -> bytes:
        uids = self.server.transcript.uids[self.folder]
        criteria = command.split(b" ", 2)[2]
        if match := re.search(rb"UID ([\d:,*]+)$", criteria):
            uids = _selected(match[1], uids)
        elif not re.search(rb"ALL$|SINCE \S+$", criteria):
            uids = []
        found = " ".join(map(str, uids)).encode()
        if b"RETURN" in criteria:
            text = b" ALL " + found.replace(b" ", b",") if uids else b""
            plain = b'* ESEARCH (TAG "%%t") UID%b\r\n' % text
        else:
            plain = b"* SEARCH %b\r\n" % found
        part = Part("search", self.folder)
        return self.server.answer(part, plain) + self._done("search")

    def _fetch(self, command: bytes) -> bytes:
        uids = self.server.transcript.uids[self.folder]
        wanted = _selected(command.split(b" ", 3)[2], uids)
        names = re.search(rb"HEADER\.FIELDS (\([^)]*\))", command)
        kind = "header" if names else "body"
        answers = [self.server.answer(Part(kind, self.folder, uid)) for uid in wanted]
        if names:
            answers = [
                re.sub(rb"(HEADER\.FIELDS )\([^)]*\)", rb"\1" + names[1], answer)
                for answer in answers
            ]
        return b"".join(answers) + self._done("fetch")


def _selected(numbers: bytes, uids: list[int]) -> list[int]:
    wanted = set()
    for span in numbers.split(b","):
        first, _colon, last = span.partition(b":")
        high = max(uids, default=0) if last == b"*" else int(last or first)
        wanted |= {uid for uid in uids if int(first) <= uid <= high}
    return sorted(wanted)


# ----------------------------------------------------------------------
# Changes
# ----------------------------------------------------------------------

_TOKENS = (
    (b"(", b")", b'"', b"\\", b"{", b"}", b"{5}\r\n", b"{99999}\r\n", b"{0}\r\n")
    + (b"{3000000000}\r\n", b"{-1}\r\n", b"NIL", b"\r\n", b"\r", b"\n", b"\0", b"%")
    + (b"[", b"]", b"*", b"+ go\r\n", b"* BYE bye\r\n", b"* NO no\r\n", b"* BAD b\r\n")
    + (b"* 1 EXPUNGE\r\n", b"* 99 EXISTS\r\n", b"(((((", b'"\\', b"\xff\xfe", b" ")
    + (b"foo[bar", b"fo(o", b"{x}", b'fo"o', b"\xe2\x80\x8b", b"* OK [ALERT] x\r\n")
)
_NUMBERS = (b"0", b"-1", b"4294967295", b"4294967296", b"99999999999999999999", b"")


def a_change(rng: random.Random) -> Callable[[bytes], bytes]:
    """One random change of an answer, the same each time it is applied."""
    kind, seed = rng.choice(_CHANGES), rng.random()
    # By the seed alone: the answer is changed in the same way in each pass.
    return lambda answer: kind(answer, random.Random(seed))


def _flip(answer: bytes, rng: random.Random) -> bytes:
    where = _place(answer, rng)
    return answer[:where] + bytes([rng.randrange(256)]) + answer[where + 1 :]


def _insert(answer: bytes, rng: random.Random) -> bytes:
    where = _place(answer, rng)
    return answer[:where] + rng.choice(_TOKENS) + answer[where:]


def _replace_word(answer: bytes, rng: random.Random) -> bytes:
    words = list(re.finditer(rb"[^\s()]+", answer)) or [re.match(b"", answer)]
    word = rng.choice(words)
    return answer[: word.start()] + rng.choice(_TOKENS) + answer[word.end() :]


def _replace_number(answer: bytes, rng: random.Random) -> bytes:
    numbers = list(re.finditer(rb"\d+", answer)) or [re.match(b"", answer)]
    number = rng.choice(numbers)
    return answer[: number.start()] + rng.choice(_NUMBERS) + answer[number.end() :]


def _delete(answer: bytes, rng: random.Random) -> bytes:
    where = _place(answer, rng)
    return answer[:where] + answer[where + rng.randint(1, 30) :]


def _repeat(answer: bytes, rng: random.Random) -> bytes:
    where = _place(answer, rng)
    return answer[:where] + answer[max(0, where - rng.randint(1, 60)) :]


def _cut(answer: bytes, rng: random.Random) -> bytes:
    return answer[: _place(answer, rng)] + CUT


def _bye(answer: bytes, rng: random.Random) -> bytes:
    return b"* BYE Internal error\r\n" + CUT


def _drop(answer: bytes, rng: random.Random) -> bytes:
    return b""


def _twice(answer: bytes, rng: random.Random) -> bytes:
    return answer * 2


def _place(answer: bytes, rng: random.Random) -> int:
    # Near the beginning more often: that is where the syntax is.
    return int(len(answer) * rng.random() ** 2) if answer else 0


_CHANGES = (_flip, _insert, _replace_word, _replace_number, _delete, _repeat) + (
    _cut,
    _bye,
    _drop,
    _twice,
)


def untouched(transcript: Transcript, part: Part) -> Iterable[tuple[str, int]]:
    """The messages that have nothing to do with a part of the server's answers."""
    if part.kind in ("header", "body"):
        return [one for one in transcript.messages() if one != part[1:]]
    if part.kind in ("list", "status", "examine", "search"):
        return [one for one in transcript.messages() if one[0] != part.folder]
    return []
