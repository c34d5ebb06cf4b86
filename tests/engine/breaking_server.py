"""An IMAP server on a socket that cannot return some of its messages."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass, field

from odoo.addons.mailbox_connector.engine.imap.ranges import UidRanges

OPENING = b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT %d] ok\r\n"


class HangsUp(Exception):
    """The connection ends now."""


@dataclass
class BreakingServer:
    """Folders with messages, by UID; each is its number as text.

    :param bad: by UID, how a FETCH of its body or header (``where``) goes wrong: the
        name of a method below
    :param flags: by UID, what FLAGS contains
    """

    bad: dict[int, str] = field(default_factory=dict)
    where: str = "BODY.PEEK[]"
    flags: dict[int, bytes] = field(default_factory=dict)
    folders: dict[str, dict[int, bytes]] = field(default_factory=dict)
    connections: int = 0
    commands: list[bytes] = field(default_factory=list)

    def __post_init__(self):
        self._stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._stopping.set()
        self._socket.close()

    def _accept(self):
        while not self._stopping.is_set():
            try:
                sock, _address = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, raw):
        sock = self.wrap(raw)
        reader = sock.makefile("rb")
        box: dict[int, bytes] = {}
        try:
            sock.sendall(b"* OK ready\r\n")
            while line := reader.readline():
                self.commands.append(line)
                tag, rest = line.rstrip(b"\r\n").split(b" ", 1)
                word = rest.split(b" ", 2)
                if word[0] == b"EXAMINE":
                    box = self.folders[word[1].strip(b'"').decode()]
                    sock.sendall(OPENING % (len(box), max(box, default=0) + 1))
                elif rest.startswith(b"UID FETCH"):
                    self._fetch(sock, tag, box, rest.decode())
                    continue
                else:
                    sock.sendall(self._answer(word, rest, box))
                sock.sendall(tag + b" OK done\r\n")
        except (HangsUp, OSError):
            pass
        finally:
            sock.close()
            raw.close()

    def _answer(self, word, rest, box) -> bytes:
        if word[0] == b"CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n"
        if word[0] == b"LIST":
            names = (name.encode() for name in self.folders)
            return b"".join(b'* LIST () "/" "%b"\r\n' % name for name in names)
        if word[0] == b"STATUS":
            box = self.folders[word[1].strip(b'"').decode()]
            numbers = len(box), max(box, default=0) + 1
            answer = b"* STATUS %b (MESSAGES %d UIDNEXT %d UIDVALIDITY 7)\r\n"
            return answer % (word[1], *numbers)
        if rest.startswith(b"UID SEARCH"):
            found = sorted(box)
            if asked := re.search(rb" UID ([\d:,*]+)", rest):
                wanted = UidRanges.parse(asked[1].decode().replace("*", "9999"))
                found = [uid for uid in found if uid in wanted]
            return b"* SEARCH %b\r\n" % b" ".join(b"%d" % uid for uid in found)
        return b""

    def _fetch(self, sock, tag, box, command):
        asked = UidRanges.parse(command.split(" ")[2])
        header = "HEADER" in command
        phase = "HEADER" if header else "BODY.PEEK[]"
        for uid in sorted(uid for uid in box if uid in asked):
            text = b"From: a@example.org\r\nMessage-ID: <%d@x.example>\r\n\r\n" % uid
            text = text if header else box[uid]
            section = b"BODY[HEADER.FIELDS (FROM)]" if header else b"BODY[]"
            start = b"* %d FETCH (UID %d FLAGS (%b) RFC822.SIZE 900 " % (
                uid,
                uid,
                self.flags.get(uid, b""),
            )
            mode = self.bad.get(uid) if self.where == phase else None
            if mode:
                answer = getattr(self, mode)(sock, start + section, text)
            else:
                answer = self.whole(sock, start + section, text)
            sock.sendall(answer)
        sock.sendall(tag + b" OK done\r\n")

    # How a message is returned

    def whole(self, _sock, start, text):
        return start + b" {%d}\r\n%b)\r\n" % (len(text), text)

    def cut(self, sock, start, text):
        sock.sendall(start + b" {%d}\r\n%b" % (len(text), text[:-1]))
        raise HangsUp

    def cut_before(self, _sock, _start, _text):
        raise HangsUp

    def bye(self, sock, _start, _text):
        sock.sendall(b"* BYE Internal error occurred\r\n")
        raise HangsUp

    def hang(self, _sock, _start, _text):
        self._stopping.wait(30)
        raise HangsUp

    def short(self, _sock, start, text):
        text += b" and more\r\n"
        return start + b" {%d}\r\n%b)\r\n" % (len(text) - 5, text)

    def shorter(self, _sock, start, text):
        text += b" line\r\nSubject: a line that is no answer\r\n\r\nfurther text\r\n"
        return start + b" {%d}\r\n%b)\r\n" % (3, text)

    def long(self, _sock, start, text):
        return start + b" {%d}\r\n%b)\r\n" % (len(text) + 3, text)

    def longer(self, _sock, start, text):
        return start + b" {%d}\r\n%b)\r\n" % (len(text) + 40, text)

    def longest(self, _sock, start, text):
        return start + b" {%d}\r\n%b)\r\n" % (len(text) + 4_000, text)

    def garbage(self, _sock, start, _text):
        return start + b" {x}\r\n\xff\xfe\r\n"

    def nil(self, _sock, start, _text):
        return start.replace(b"BODY[", b"BODY(") + b" NIL)\r\n"

    def nothing(self, _sock, _start, _text):
        return b""

    def nameless(self, _sock, start, text):
        start = re.sub(rb"UID \d+ ", b"", start)
        return start + b" {%d}\r\n%b)\r\n" % (len(text), text)

    def wrap(self, sock):
        return sock
