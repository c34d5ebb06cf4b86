"""A private Exim: takes mail from signed-in users, hands it to Dovecot over LMTP."""

from pathlib import Path

from ..base import process
from ..base.console import DevError

CONFIGURATION = r"""
exim_user = {user}
exim_group = {group}
deliver_drop_privilege = true
never_users =
trusted_users = {user}
primary_hostname = mail.example.com
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {starttls_port} : {tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
domainlist ours = {domains}
message_size_limit = {size_limit}M
smtp_accept_max = 200
smtp_receive_timeout = 60s
smtputf8_advertise_hosts = *
pipelining_advertise_hosts = *
host_lookup =
dns_ipv4_lookup = *
disable_ipv6 = true
prdr_enable = true
keep_environment =
bounce_return_size_limit = 100K
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept

begin acl
acl_mail:
  accept authenticated = *
  deny   message = 5.7.0 Authentication required
acl_rcpt:
  require verify = recipient
  accept  authenticated = *
  deny   message = 5.7.1 Relaying denied

begin routers
ours:
  driver = accept
  domains = +ours
  transport = dovecot
elsewhere:
  driver = redirect
  allow_fail
  data = :fail: 5.1.2 Mail leaves only to the domains of these tests

begin transports
dovecot:
  driver = smtp
  protocol = lmtp
  hosts = 127.0.0.1
  hosts_override
  allow_localhost
  port = {lmtp_port}
  hosts_avoid_tls = *

begin retry
* * F,1h,2s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_set_id = $auth2
  server_condition = {condition2}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_set_id = $auth1
  server_condition = {condition1}
"""
# As in Dovecot: a password of one's own, else the common one in our domains.
CONDITION = (
    "${{if and{{ {{!eq{{${password}}}{{}}}} {{eq{{${password}}}{{"
    "${{lookup{{${user}}}lsearch{{{users}}}{{$value}}"
    "{{${{if match_domain{{${{domain:${user}}}}}{{+ours}}{{{common}}}}}}}}}"
    "}}}} }}}}"
)


def configure(
    folder: Path,
    *,
    certificate: Path,
    key: Path,
    users: Path,
    password: str,
    domains: tuple[str, ...],
    size_limit: int,
    ports: dict[str, int],
) -> None:
    """Write `exim.conf` into `folder`, which belongs to the service user.

    `ports`: smtp_starttls, smtp_tls, lmtp. `size_limit`: of a message, in MiB.
    """
    process.service_dir(folder / "spool")
    user = process.service_user()
    conditions = {
        f"condition{number}": CONDITION.format(
            user=f"auth{number}",
            password=f"auth{number + 1}",
            users=users,
            common=password,
        )
        for number in (1, 2)
    }
    path = folder / "exim.conf"
    path.write_text(
        CONFIGURATION.format(
            folder=folder,
            user=user.pw_uid,
            group=user.pw_gid,
            certificate=certificate,
            key=key,
            domains=" : ".join(domains),
            size_limit=size_limit,
            starttls_port=ports["smtp_starttls"],
            tls_port=ports["smtp_tls"],
            lmtp_port=ports["lmtp"],
            **conditions,
        )
    )
    path.chmod(0o644)


def start(folder: Path) -> None:
    """Start the daemon; it looks through its queue every 5 seconds."""
    process.run(
        [_program(), "-C", folder / "exim.conf", "-bd", "-q5s"], as_service=True
    )


def pid(folder: Path) -> int | None:
    return process.read_pid(folder / "exim.pid", "exim")


def _program() -> str:
    program = process.which("exim4") or process.which("exim")
    if not program:
        raise DevError("Exim is not installed (Debian: exim4-daemon-light)")
    return program
