"""What a real IMAP server says word for word, for the tests that change its words.

    ./dev python -m devtools.servers.transcript FOLDER

writes FOLDER/<server>.json for each server of the tests. A transcript is a list of
exchanges [command, answer]: the answer is everything until the tagged line, which is
included with ``%t`` in place of the tag; bytes are characters of Latin-1. Commands are
those of our engine; a FETCH asks for one message.
"""

import json
import re
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

#: What is fetched of each message.
FETCHES = (
    "(UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM REPLY-TO TO CC"
    " MESSAGE-ID REFERENCES)])",
    "(UID BODY.PEEK[])",
)
#: Messages by folder.
FOLDERS = {"INBOX": 5, "Sent": 3, "Kunden & Co": 3}
FOLDERS |= dict.fromkeys(("Archive", "Drafts", "Junk", "Trash"), 0)
#: Who the messages are to.
USER = "transcript@example.com"


def record(
    address: tuple[str, int],
    context: ssl.SSLContext,
    user: str,
    password: str,
    prefix: str = "",
) -> list:
    """All exchanges of a pass over :data:`FOLDERS`, and some that vary them.

    :param prefix: of the names of all folders but INBOX
    """
    client = _Client(address, context)
    try:
        client.exchanges.append(["", client.answer(b"")])
        client.ask("CAPABILITY")
        client.ask(f'LOGIN "{user}" "{password}"', shown="LOGIN")
        capabilities = client.ask("CAPABILITY", shown="CAPABILITY signed in")
        for options in ("", " RETURN (SPECIAL-USE)"):
            client.ask(f'LIST "" "*"{options}')
        items = "MESSAGES UIDNEXT UIDVALIDITY"
        items += " HIGHESTMODSEQ" if "CONDSTORE" in capabilities else ""
        client.ask(f'LIST "" "*" RETURN (SPECIAL-USE STATUS ({items}))')
        for folder, count in FOLDERS.items():
            raw_name = folder if folder == "INBOX" else prefix + folder
            name = '"{}"'.format(raw_name.replace("&", "&-"))
            client.ask(f"STATUS {name} ({items})")
            client.ask(f"EXAMINE {name}")
            client.ask("UID SEARCH ALL", shown=f"{name} UID SEARCH ALL")
            if "ESEARCH" in capabilities:
                search = "UID SEARCH RETURN (ALL) ALL"
                client.ask(search, shown=f"{name} {search}")
            for number in range(1, count + 1):
                for what in FETCHES:
                    fetch = f"UID FETCH {number} {what}"
                    client.ask(fetch, shown=f"{name} {fetch}")
        client.ask("LOGOUT")
    finally:
        client.close()
    return client.exchanges


def mails() -> Iterator[tuple[str, bytes, datetime]]:
    """What the folders contain: (folder, message, INTERNALDATE)."""
    received = datetime(2026, 4, 1, 9, tzinfo=timezone.utc)
    for folder, count in FOLDERS.items():
        for number in range(1, count + 1):
            received += timedelta(hours=1)
            sender = f"Anna Beispiel {number} <anna{number}@customer.example>"
            yield (
                folder,
                f"From: {sender}\r\nTo: {USER}\r\nSubject: Angebot {number}\r\n"
                f"Date: Wed, 01 Apr 2026 0{number}:00:00 +0000\r\n"
                f"Message-ID: <{number}.{len(folder)}@customer.example>\r\n"
                f"References: <first.{number}@example.com>\r\n\r\n"
                f'Text of {number} in {folder}. (Not) {{17}} "quoted"\r\n'.encode(),
                received,
            )


class _Client:
    """Speaks IMAP without understanding more of it than where an answer ends."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext):
        self._socket = context.wrap_socket(
            socket.create_connection(address, 20), server_hostname=address[0]
        )
        self._reader = self._socket.makefile("rb")
        self.exchanges: list[list[str]] = []

    def ask(self, command: str, shown: str = "") -> str:
        self._socket.sendall(f"T1 {command}\r\n".encode("latin-1"))
        answer = self.answer(b"T1 ")
        self.exchanges.append([shown or command, answer])
        return answer

    def answer(self, tag: bytes) -> str:
        """Everything up to the line with this tag."""
        whole = b""
        while line := self._reader.readline():
            is_last = line.startswith(tag)
            whole += b"%t " + line.removeprefix(tag) if tag and is_last else line
            while literal := re.search(rb"\{(\d+)\}\r\n\Z", line):
                whole += self._reader.read(int(literal[1]))
                line = self._reader.readline()
                whole += line
            if is_last:
                return whole.decode("latin-1")
        raise ConnectionError("the server hung up")

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


def main(folder: Path) -> None:
    """Record all servers."""
    from . import courier, cyrus, mailservers

    # A new one each time: UIDs begin at 1.
    user = f"transcript-{time.time_ns()}@example.com"
    servers = mailservers.start()
    try:
        with servers.imap(user) as client:
            _fill(client)
        address = servers.imap_host, servers.imap_tls_port
        _write(
            folder / "dovecot.json",
            record(address, servers.ssl_context(), user, servers.password),
        )
    finally:
        if servers.started:
            servers.stop()
    for module, prefix in ((cyrus, ""), (courier, "INBOX.")):
        server = module.start()
        try:
            server.add_user(user)
            with server.imap(user) as client:
                _fill(client)
            context = ssl.create_default_context(cadata=server.ca_pem)
            address = server.imap_host, server.imap_tls_port
            exchanges = record(address, context, user, server.password, prefix)
            name = module.__name__.rpartition(".")[2]
            _write(folder / f"{name}.json", exchanges)
        finally:
            server.stop()


def _fill(client) -> None:
    for folder in FOLDERS:
        if not client.folder_exists(folder):
            client.create_folder(folder)
    for folder, mail, received in mails():
        client.append(folder, mail, msg_time=received)


def _write(path: Path, exchanges: list) -> None:
    text = json.dumps(exchanges, indent=1)
    path.write_text(text.replace(f" {socket.gethostname()} ", " mail ") + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
