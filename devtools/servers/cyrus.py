"""A private Cyrus IMAP, so that one server's habits are not taken for the protocol.

    server = cyrus.start()
    server.add_user("agent@example.com")
    server.append("agent@example.com", "INBOX", raw_bytes)
    server.stop()

Its package cannot be installed beside Dovecot's: the one program that is missing then
is unpacked into the cache.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import process
from ..base.lock import locked
from ..base.paths import cache_dir, state_dir
from ..install.system import require
from . import certificates, imap_client

if TYPE_CHECKING:
    from imapclient import IMAPClient

HOST = "localhost"
PASSWORD = "app-password-of-a-test"
PROGRAMS = Path("/usr/lib/cyrus/bin")
SPECIAL_USE = ("Archive", "Drafts", "Junk", "Sent", "Trash")

CONFIGURATION = """
configdirectory: {folder}/conf
defaultpartition: default
partition-default: {folder}/mail
proc_path: {folder}/run/proc
mboxname_lockpath: {folder}/run/lock
cyrus_user: {user}
admins: admin
virtdomains: userid
defaultdomain: localhost
altnamespace: yes
unixhierarchysep: yes
autocreate_quota: 0
autocreate_inbox_folders: {folders}
{special_use}
specialusealways: 1
expunge_mode: immediate
sasl_mech_list: PLAIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
tls_server_cert: {certificate}
tls_server_key: {key}
maxlogins_per_user: 0
"""
SERVICES = """
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  imaps cmd="{imapd} -C {folder}/imapd.conf -s -U 100" listen="127.0.0.1:{port}"
}}
EVENTS {{
}}
"""


@dataclass(frozen=True)
class CyrusServer:
    """A running server; the names that :class:`~.mailservers.MailServers` has too."""

    folder: Path
    imap_tls_port: int
    imap_host: str = HOST
    password: str = PASSWORD
    # It only reads: tests send nothing through it.
    smtp_host: str = ""
    smtp_starttls_port: int = 587

    @property
    def ca_pem(self) -> str:
        return (self.folder / "tls" / "ca.pem").read_text()

    def add_user(self, address: str) -> None:
        """Let an address sign in with :data:`PASSWORD`."""
        name, _at, domain = address.partition("@")
        given = self.folder / "password"
        process.run(
            ["sh", "-c", 'exec saslpasswd2 -p -c -f "$1" -u "$2" "$3" < "$4"', "sh"]
            + [self.folder / "sasldb2", domain, name, given],
            as_service=True,
        )

    @contextmanager
    def imap(self, user: str) -> "Iterator[IMAPClient]":
        """A signed-in IMAP session of ``user``."""
        context = ssl.create_default_context(cadata=self.ca_pem)
        port = self.imap_tls_port
        with imap_client.signed_in(HOST, port, context, user, PASSWORD) as client:
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
            # Cyrus takes no line that ends without CR.
            lines = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            client.append(folder, lines, flags, internaldate)

    def stop(self) -> None:
        """End it by its process id."""
        if pid := _pid(self.folder):
            process.stop(pid)


def start() -> CyrusServer:
    """Start a server of this checkout with no mail in it yet, or the one there was."""
    require("cyrus")
    folder = state_dir() / "mail" / "cyrus"
    folder.parent.mkdir(exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if pid := _pid(folder):
            process.stop(pid)
        [port] = process.free_ports(1)
        _configure(folder, port)
        config = ["-C", folder / "imapd.conf", "-M", folder / "cyrus.conf"]
        process.run(
            [PROGRAMS / "master", "-d", *config, "-p", folder / "master.pid"],
            as_service=True,
        )
        process.wait_for(lambda: process.listening(port), 20, "Cyrus IMAP")
    return CyrusServer(folder, port)


def _configure(folder: Path, port: int) -> None:
    for part in ("", "conf", "mail", "run", "run/proc", "run/lock", "tls"):
        process.service_dir(folder / part)
    certificate, key = certificates.server(folder / "tls")
    key.chmod(0o640)
    process.give(key)
    (folder / "password").write_text(PASSWORD)
    process.give(folder / "password")
    (folder / "imapd.conf").write_text(
        CONFIGURATION.format(
            folder=folder,
            user=process.service_user().pw_name,
            certificate=certificate,
            key=key,
            folders="|".join(SPECIAL_USE),
            special_use="\n".join(f"xlist-{name}: {name}" for name in SPECIAL_USE),
        )
    )
    (folder / "cyrus.conf").write_text(
        SERVICES.format(folder=folder, programs=PROGRAMS, imapd=_imapd(), port=port)
    )


def _imapd() -> Path:
    """The IMAP program: the system's, or unpacked from its package."""
    installed = PROGRAMS / "imapd"
    if installed.exists():
        return installed
    unpacked = cache_dir() / "cyrus-deb"
    program = unpacked / installed.relative_to("/")
    if not program.exists():
        process.service_dir(unpacked)
        process.run(["apt-get", "-q", "download", "cyrus-imapd"], cwd=unpacked)
        [package] = unpacked.glob("cyrus-imapd_*.deb")
        process.run(["dpkg-deb", "-x", package, unpacked])
    return program


def _pid(folder: Path) -> int | None:
    return process.read_pid(folder / "master.pid", "master")
