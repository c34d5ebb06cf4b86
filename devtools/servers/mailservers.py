"""Real mail servers for tests and the demo: Dovecot (IMAP) and Exim (SMTP).

    servers = mailservers.start()           # finds running ones, or starts them
    with servers.imap("agent@example.com") as client: ...       # an IMAPClient
    servers.append("agent@example.com", "INBOX", raw_bytes)
    servers.stop()

Any user of a test domain (`DOMAINS`) signs in with `servers.password`; accounts come
into being with the first use. An e-mail sent through SMTP to any address of these
domains lands in that address's INBOX. Names here need no Odoo.
"""

import json
import re
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import process
from ..base.console import DevError
from ..base.lock import leave, locked, use
from ..base.paths import state_dir
from . import certificates, dovecot, exim, imap_client, mail_users

if TYPE_CHECKING:
    from imapclient import IMAPClient

    from .folder_state import FolderState

HOST = "localhost"
PASSWORD = "app-password-of-a-test"
DOMAINS = (
    *("example.com", "example.org", "example.net"),
    *("*.example.com", "*.example.org", "*.example.net"),
    *("*.example", "*.test"),
)
PORTS = (
    *("imap_tls", "imap_starttls", "lmtp"),
    *("smtp_starttls", "smtp_tls"),
)


@dataclass(frozen=True)
class MailServers:
    """A running pair of servers. `ca_file` is the certificate to trust."""

    folder: Path
    imap_host: str
    imap_tls_port: int
    imap_starttls_port: int
    smtp_host: str
    smtp_starttls_port: int
    smtp_tls_port: int
    lmtp_port: int
    ca_file: Path
    password: str
    started: bool
    """Whether this call started them (and so is the one to stop them)."""

    @property
    def ca_pem(self) -> str:
        return self.ca_file.read_text()

    def ssl_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))

    def password_of(self, user: str) -> str:
        own = mail_users.passwords(_users(self.folder))
        return own.get(user.lower(), self.password)

    def set_password(self, user: str, password: str) -> None:
        """Give `user` a password of its own, on both servers, at once."""
        with locked(_lock(self.folder)):
            mail_users.set_password(_users(self.folder), user, password)

    @contextmanager
    def imap(self, user: str) -> "Iterator[IMAPClient]":
        """A signed-in IMAP session of `user`."""
        with imap_client.signed_in(
            self.imap_host,
            self.imap_tls_port,
            self.ssl_context(),
            user,
            self.password_of(user),
        ) as client:
            yield client

    def append(
        self,
        user: str,
        folder: str,
        message: bytes,
        flags: Sequence[str] = (),
        internaldate: datetime | None = None,
    ) -> int:
        """Put a message into a folder, as a mail app would; its UID.

        A folder that does not exist is made.
        """
        return self.append_many(user, folder, [message], flags, internaldate)[0]

    def append_many(
        self,
        user: str,
        folder: str,
        messages: Sequence[bytes],
        flags: Sequence[str] = (),
        internaldate: datetime | None = None,
    ) -> list[int]:
        """The same for many messages over one session."""
        uids = []
        with self.imap(user) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            for message in messages:
                answer = client.append(folder, message, flags, internaldate)
                uids.append(int(re.findall(rb"APPENDUID \d+ (\d+)", answer)[0]))
        return uids

    def wipe(self, user: str) -> None:
        """Remove every message and every folder of the user's own."""
        with self.imap(user) as client:
            names = [
                name
                for flags, _delimiter, name in client.list_folders()
                if not {b"\\Noselect", b"\\NonExistent"} & set(flags)
            ]
            for name in sorted(names, key=len, reverse=True):
                client.select_folder(name)
                if uids := client.search():
                    client.delete_messages(uids)
                    client.expunge()
                client.close_folder()
                if name not in ("INBOX", *dovecot.SPECIAL_USE):
                    client.delete_folder(name)

    def folder_state(self, user: str) -> "dict[str, FolderState]":
        """What is on the server, to compare before and after (never changes it)."""
        from .folder_state import folder_state

        with self.imap(user) as client:
            return folder_state(client)

    def send(self, sender: str, recipients: Sequence[str], message: bytes) -> None:
        """Send as `sender` through the SMTP server, as a customer would."""
        with smtplib.SMTP(self.smtp_host, self.smtp_starttls_port, timeout=60) as smtp:
            smtp.starttls(context=self.ssl_context())
            smtp.login(sender, self.password_of(sender))
            smtp.sendmail(sender, recipients, message)

    def queued(self) -> int:
        """Messages that the SMTP server has not delivered yet."""
        return len(list((self.folder / "exim" / "spool" / "input").glob("**/*-H")))

    def describe(self) -> str:
        return "\n".join(
            (
                f"IMAP {self.imap_host}: {self.imap_tls_port} TLS,"
                f" {self.imap_starttls_port} STARTTLS",
                f"SMTP {self.smtp_host}: {self.smtp_starttls_port} STARTTLS,"
                f" {self.smtp_tls_port} TLS",
                f"certificate authority: {self.ca_file}",
                f"users: any at {' '.join(DOMAINS)}",
                f"password: {self.password}",
            )
        )

    def stop(self) -> None:
        """Stop both servers, unless another process uses them; the mail stays."""
        with locked(_lock(self.folder)):
            if leave(_in_use(self.folder)):
                _stop(self.folder)


def start(
    name: str = "shared", *, imap_capability: str | None = None, size_limit: int = 50
) -> MailServers:
    """Find the servers called `name`, or start them.

    `imap_capability` replaces the list of capabilities that Dovecot shows, for a
    server that can do less: give such an instance a name of its own. `size_limit`
    is the largest message SMTP takes, in MiB.
    """
    folder = state_dir() / "mail" / name
    with locked(_lock(folder)):
        use(_in_use(folder))
        wanted = {"imap_capability": imap_capability, "size_limit": size_limit}
        note = folder / "servers.json"
        if _running(folder) and note.exists():
            noted = json.loads(note.read_text())
            if noted["wanted"] == wanted:
                return _servers(folder, noted["ports"], started=False)
        _stop(folder)
        for attempt in range(3):
            ports = dict(zip(PORTS, process.free_ports(len(PORTS))))
            _configure(folder, ports, **wanted)
            note.write_text(json.dumps({"wanted": wanted, "ports": ports}))
            try:
                dovecot.start(folder / "dovecot")
                exim.start(folder / "exim")
                _await(folder, ports)
            except DevError:
                _stop(folder)
                if attempt == 2:  # not a port that someone else took meanwhile
                    raise
                continue
            break
        return _servers(folder, ports, started=True)


def stop_all() -> None:
    """Stop all mail servers of this checkout."""
    for note in (state_dir() / "mail").glob("*/servers.json"):
        with locked(_lock(note.parent)):
            _stop(note.parent)


def _servers(folder: Path, ports: dict[str, int], started: bool) -> MailServers:
    return MailServers(
        folder=folder,
        imap_host=HOST,
        smtp_host=HOST,
        ca_file=folder / "tls" / "ca.pem",
        password=PASSWORD,
        started=started,
        **{f"{name}_port": port for name, port in ports.items()},
    )


def _configure(
    folder: Path, ports: dict[str, int], imap_capability: str | None, size_limit: int
) -> None:
    for part in ("", "dovecot", "exim", "tls"):
        process.service_dir(folder / part)
    certificate, key = certificates.server(folder / "tls")
    key.chmod(0o640)
    process.give(key)
    if not _users(folder).exists():
        _users(folder).write_text("")
    common = {
        "certificate": certificate,
        "key": key,
        "users": _users(folder),
        "password": PASSWORD,
        "domains": DOMAINS,
        "ports": ports,
    }
    dovecot.configure(folder / "dovecot", imap_capability=imap_capability, **common)
    exim.configure(folder / "exim", size_limit=size_limit, **common)


def _running(folder: Path) -> bool:
    return bool(dovecot.pid(folder / "dovecot") and exim.pid(folder / "exim"))


def _await(folder: Path, ports: dict[str, int]) -> None:
    for port in ports.values():
        process.wait_for(
            lambda port=port: process.listening(port), 15, f"a mail server on {port}"
        )
    process.wait_for(lambda: _running(folder), 15, "the mail servers' pid files")


def _stop(folder: Path) -> None:
    for pid in (exim.pid(folder / "exim"), dovecot.pid(folder / "dovecot")):
        if pid:
            process.stop(pid)


def _lock(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _in_use(folder: Path) -> Path:
    return folder.with_suffix(".users")


def _users(folder: Path) -> Path:
    return folder / "users"


__all__ = ["DOMAINS", "HOST", "PASSWORD", "MailServers", "start", "stop_all"]
