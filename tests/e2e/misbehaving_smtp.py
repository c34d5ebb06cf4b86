"""An SMTP server that does what a real one will not do when asked to."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "engine"))
from scripted import CLOSE, ScriptedServer

__all__ = ["CLOSE", "MisbehavingServer"]

REPLIES = {
    b"EHLO": b"250-scripted.example\r\n250 AUTH PLAIN\r\n",
    b"AUTH": b"235 ok\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class MisbehavingServer(ScriptedServer):
    """An SMTP server that takes everything, except for what it is ordered to answer
    next: ``says[b"RCPT"] = [b"451 later"]``; ``b"."`` is the end of a mail.

    :ivar deliver: called with each mail that was taken
    """

    def __init__(self, certificate):
        self.says = {}
        self.deliver = None
        super().__init__([], certificate)

    def count(self, verb):
        return sum(line.upper().startswith(verb) for line in self.received)

    def _play(self, sock, reader):
        sock.sendall(b"220 scripted.example\r\n")
        mail = None
        while line := reader.readline():
            self.received.append(line)
            verb = line[:4].upper().rstrip()
            if mail is not None and line != b".\r\n":
                mail.append(line)
                continue
            answers = self.says.get(verb)
            answer = answers.pop(0) if answers else REPLIES.get(verb, b"250 ok")
            if answer is CLOSE:
                return sock.close()
            if mail and self.deliver and answer.startswith(b"250"):
                self.deliver(b"".join(mail))
            sock.sendall(answer.rstrip() + b"\r\n")
            mail = [] if answer.startswith(b"354") else None
