"""Signs in to Courier IMAP, in the place of Courier's own program.

    courier_login.py USERS PASSWORD IMAPD MAILDIR

Courier's program asks a daemon at a path of the system that is compiled in. This one is
started by couriertls with an IMAP connection on its standard input and output, accepts
PASSWORD for every user who has a folder in USERS, and turns into IMAPD, as Courier's
does.
"""

import base64
import os
import re
import shlex
import sys
from pathlib import Path

MAX_LINE = 8192


def main(users: str, password: str, imapd: str, maildir: str) -> None:
    say(f"* OK [CAPABILITY {os.environ['IMAP_CAPABILITY']}] Courier-IMAP ready.")
    while line := read_line():
        tag, command, arguments = (line + "  ").split(" ", 2)
        match command.upper():
            case "CAPABILITY":
                say(f"* CAPABILITY {os.environ['IMAP_CAPABILITY']}")
                say(f"{tag} OK CAPABILITY completed")
            case "LOGOUT":
                say("* BYE Courier-IMAP server shutting down")
                say(f"{tag} OK LOGOUT completed")
                return
            case "LOGIN" | "AUTHENTICATE":
                plain = command.upper() == "AUTHENTICATE"
                given = _authenticate(arguments) if plain else _login(arguments)
                user, secret = given
                home = Path(users) / user.lower()
                if user and "/" not in user and home.is_dir() and secret == password:
                    _serve(home, user, tag, imapd, maildir)
                say(f"{tag} NO Login failed.")
            case _:
                say(f"{tag} NO Error in IMAP command received by server.")


def _authenticate(arguments: str) -> tuple[str, str]:
    mechanism, _space, initial = arguments.strip().partition(" ")
    if mechanism.upper() != "PLAIN":
        return "", ""
    if not initial:
        say("+ ")
        initial = read_line()
    parts = base64.b64decode(initial).decode().split("\0")
    return parts[1], parts[2]


def _login(arguments: str) -> tuple[str, str]:
    """Quoted strings or atoms."""
    words = shlex.split(arguments)
    return (words[0], words[1]) if len(words) == 2 else ("", "")


def _serve(home: Path, user: str, tag: str, imapd: str, maildir: str) -> None:
    os.chdir(home)
    os.environ.update(AUTHENTICATED=user, AUTHADDR=user, IMAPLOGINTAG=tag)
    os.environ.update(HOME=str(home), MAILDIR=maildir)
    os.execv(imapd, [imapd, maildir])


def read_line() -> str:
    """Byte by byte: what follows is for the program that this one turns into."""
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_LINE:
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return re.sub(r"[\r\n]+$", "", line.decode(errors="replace"))


def say(line: str) -> None:
    os.write(1, f"{line}\r\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
