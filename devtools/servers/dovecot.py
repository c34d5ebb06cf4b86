"""A private Dovecot: IMAP for a person's mail program, LMTP for the SMTP server."""

import grp
from pathlib import Path

from ..base import process
from ..base.console import DevError

# {name} of a folder: its RFC 6154 special use
SPECIAL_USE = {
    "Archive": r"\Archive",
    "Drafts": r"\Drafts",
    "Junk": r"\Junk",
    "Sent": r"\Sent",
    "Trash": r"\Trash",
}
CONFIGURATION = """
protocols = imap lmtp
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
instance_name = {instance}
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
mail_max_userip_connections = 500
# Two processes that make one account's folders at once are taken for a deadlock by
# fcntl, and Dovecot gives up the session.
lock_method = flock
mail_location = sdbox:{folder}/mail/%Ld/%Ln
mail_home = {folder}/home/%Ld/%Ln
{capability}

# A user with a password of its own; nobody else's password opens that account.
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%Lu {users}
}}
passdb {{
  driver = passwd-file
  deny = yes
  args = username_format=%Lu {users}
}}
passdb {{
  driver = static
  args = password={password}
  username_filter = {addresses}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} allow_all_users=yes
}}

namespace inbox {{
  inbox = yes
  separator = /
{folders}}}

protocol imap {{
  mail_plugins = $mail_plugins imap_zlib
}}

service anvil {{
  chroot =
  # No growing delay after refused log-ins: tests have many of them.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {starttls_port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 1000
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
"""


def configure(
    folder: Path,
    *,
    certificate: Path,
    key: Path,
    users: Path,
    password: str,
    domains: tuple[str, ...],
    imap_capability: str | None,
    ports: dict[str, int],
) -> None:
    """Write `dovecot.conf` into `folder`, which belongs to the service user.

    `ports`: imap_tls, imap_starttls, lmtp. `imap_capability` replaces the list of
    capabilities that Dovecot shows.
    """
    version = process.run([_program(), "--version"])
    if not version.startswith("2.3."):
        raise DevError(f"Dovecot 2.3 is needed, this is {version.strip()}")
    for name in ("run", "state", "mail", "home"):
        process.service_dir(folder / name)
    user = process.service_user()
    folders = "".join(
        f"  mailbox {name} {{\n    auto = subscribe\n    special_use = {use}\n  }}\n"
        for name, use in SPECIAL_USE.items()
    )
    (folder / "dovecot.conf").write_text(
        CONFIGURATION.format(
            folder=folder,
            instance=f"mailbox-{folder.name}",
            user=user.pw_name,
            group=_group(user.pw_gid),
            certificate=certificate,
            key=key,
            users=users,
            password=password,
            addresses=" ".join(f"*@{domain}" for domain in domains),
            capability=f"imap_capability = {imap_capability}"
            if imap_capability
            else "",
            folders=folders,
            tls_port=ports["imap_tls"],
            starttls_port=ports["imap_starttls"],
            lmtp_port=ports["lmtp"],
        )
    )


def start(folder: Path) -> None:
    process.run([_program(), "-c", folder / "dovecot.conf"], as_service=True)


def pid(folder: Path) -> int | None:
    return process.read_pid(folder / "run" / "master.pid", "dovecot")


def renumber(folder: Path, user: str, mailbox: str, uidvalidity: int) -> None:
    """Give a user's mailbox another UIDVALIDITY; nobody may have it open."""
    process.run(
        [_program("doveadm"), "-c", folder / "dovecot.conf", "mailbox", "update"]
        + ["-u", user, "--uid-validity", str(uidvalidity), mailbox]
    )


def _program(name: str = "dovecot") -> str:
    program = process.which(name)
    if not program:
        raise DevError("Dovecot is not installed (Debian: dovecot-imapd)")
    return program


def _group(number: int) -> str:
    return grp.getgrgid(number).gr_name
