"""A private Courier IMAP, whose habits are neither Dovecot's nor Cyrus's.

    server = courier.start()
    server.add_user("agent@example.com")
    server.append("agent@example.com", "INBOX", raw_bytes)
    server.stop()

All folders are below INBOX, with a dot between ("INBOX.Sent"). It has no UNSELECT, no
SPECIAL-USE, no LIST-STATUS and no CONDSTORE. Its package cannot be installed beside
Dovecot's and would start services: it is unpacked into the cache.
"""

import os
import shutil
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import process
from ..base.console import DevError
from ..base.lock import locked
from ..base.paths import state_dir
from ..install.system import require, unpacked
from . import certificates, imap_client

if TYPE_CHECKING:
    from imapclient import IMAPClient

    from .folder_state import FolderState

HOST = "localhost"
PASSWORD = "app-password-of-a-test"
FOLDERS = ("Archive", "Drafts", "Junk", "Sent", "Trash")
MAILDIR = "Maildir"
#: As in the package's /etc/courier/imapd.
ENVIRONMENT = {
    "IMAP_CAPABILITY": "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT"
    " THREAD=REFERENCES SORT QUOTA IDLE AUTH=PLAIN ACL ACL2=UNION",
    "IMAP_KEYWORDS": "1",
    "IMAP_ACL": "1",
    "IMAP_IDLE_TIMEOUT": "60",
    "IMAP_MAILBOX_SANITY_CHECK": "1",
    "IMAP_USELOCKS": "1",
    "IMAP_TRASHFOLDERNAME": "Trash",
    "TLS_VERIFYPEER": "NONE",
}


@dataclass(frozen=True)
class CourierServer:
    """A running server; the names that :class:`~.mailservers.MailServers` has too."""

    folder: Path
    imap_tls_port: int
    imap_host: str = HOST
    password: str = PASSWORD
    # Tests that send give the host of another server.
    smtp_host: str = ""
    smtp_starttls_port: int = 587

    @property
    def ca_pem(self) -> str:
        return (self.folder / "tls" / "ca.pem").read_text()

    def home(self, address: str) -> Path:
        """The folder that has a user's Maildir."""
        return self.folder / "users" / address.lower()

    def add_user(self, address: str, quota: str = "") -> None:
        """Let an address sign in with :data:`PASSWORD`.

        :param quota: "1000S" allows 1,000 bytes, "10C" ten messages
        """
        home = process.service_dir(self.home(address))
        make = _program("usr/bin/maildirmake.courier")
        limit = ["-q", quota] if quota else []
        if not (home / MAILDIR).exists():
            _run([make, home / MAILDIR])
            for name in FOLDERS:
                _run([make, "-f", name, home / MAILDIR])
        if limit:
            _run([make, *limit, home / MAILDIR])

    @contextmanager
    def imap(self, user: str) -> "Iterator[IMAPClient]":
        """A signed-in IMAP session of ``user``, see :mod:`.courier_client`."""
        from .courier_client import CourierClient

        context = ssl.create_default_context(cadata=self.ca_pem)
        address = (HOST, self.imap_tls_port, context, user, PASSWORD)
        with imap_client.signed_in(*address, CourierClient) as client:
            yield client

    def append(
        self,
        user: str,
        folder: str,
        message: bytes,
        flags: tuple[str, ...] = (),
        internaldate: datetime | None = None,
    ) -> None:
        """Put a message into a folder, which is made if it is not there."""
        with self.imap(user) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.append(folder, message, flags, internaldate)

    def folder_state(self, user: str) -> "dict[str, FolderState]":
        """What is on the server, to compare before and after."""
        from .folder_state import folder_state

        with self.imap(user) as client:
            return folder_state(client)

    def stop(self) -> None:
        """End it by its process id."""
        if pid := _pid(self.folder):
            process.stop(pid)


def install() -> None:
    """Fetch what :func:`start` needs."""
    require("courier")
    _programs()


def start() -> CourierServer:
    """Start a server of this checkout with the mail that it had."""
    install()
    programs = _programs()
    folder = state_dir() / "mail" / "courier"
    folder.parent.mkdir(exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if pid := _pid(folder):
            process.stop(pid)
        for attempt in range(3):
            [port] = process.free_ports(1)
            environment = _configure(folder)
            tls = [programs / "usr/bin/couriertls", "-server", "-tcpd"]
            login = [_python(), "-I", folder / "courier_login.py", folder / "users"]
            imapd = [programs / "usr/bin/imapd", MAILDIR]
            daemon = process.spawn(
                [programs / "usr/sbin/couriertcpd", "-address=127.0.0.1"]
                + ["-maxprocs=500", "-maxperip=500", "-nodnslookup"]
                + ["-noidentlookup", port, *tls, *login, PASSWORD, *imapd],
                folder / "courier.log",
                as_service=True,
                env=environment,
            )
            (folder / "pid").write_text(str(daemon.pid))
            try:
                process.wait_for(partial(process.listening, port), 20, "Courier IMAP")
            except DevError:
                process.stop(daemon.pid)
                if attempt == 2:  # not a port that someone else took meanwhile
                    raise
                continue
            break
    return CourierServer(folder, port)


def _configure(folder: Path) -> dict[str, str]:
    """The server's environment, which is its configuration."""
    for part in ("", "users", "tls"):
        process.service_dir(folder / part)
    certificate, key = certificates.server(folder / "tls")
    both = folder / "tls" / "both.pem"
    both.touch(mode=0o600)
    both.write_text(certificate.read_text() + key.read_text())
    process.give(both)
    # A copy, because the service user may not be able to read this checkout.
    login = Path(__file__).with_name("courier_login.py")
    (folder / login.name).write_bytes(login.read_bytes())
    return {
        **ENVIRONMENT,
        **_libraries(),
        "TLS_CERTFILE": str(both),
        # Its locks wait for this one; it ends half a minute after the last session.
        "GAMIN_DEBUG_SERVER": str(_program("usr/libexec/gam_server")),
    }


def _programs() -> Path:
    return unpacked("courier-imap")


def _program(name: str) -> Path:
    return _programs() / name


def _libraries() -> dict[str, str]:
    root = _programs()
    folders = {library.parent for library in root.glob("usr/lib/**/lib*.so.*")}
    return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, sorted(folders)))}


def _run(command: list) -> None:
    process.run(command, as_service=True, env=_libraries())


def _python() -> str:
    """The system's, which the service user can run, too."""
    return shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable


def _pid(folder: Path) -> int | None:
    return process.read_pid(folder / "pid", "couriertcpd")
