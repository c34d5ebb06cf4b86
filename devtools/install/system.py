"""Programs that come from the system's own packages."""

import os
from functools import cache
from pathlib import Path

from ..base.console import DevError, step
from ..base.process import run, which

# group: (program or file that shows the package is there, Debian package)
NEEDS = {
    "servers": (
        ("openssl", "openssl"),
        ("/usr/lib/postgresql/*/bin/initdb|initdb", "postgresql"),
        ("/usr/lib/postgresql/*/bin/psql|psql", "postgresql-client"),
        ("dovecot", "dovecot-imapd"),
        ("/usr/lib/dovecot/lmtp", "dovecot-lmtpd"),
        ("exim4", "exim4-daemon-light"),
    ),
    "cyrus": (
        ("/usr/lib/cyrus/bin/master", "cyrus-common"),
        ("saslpasswd2", "sasl2-bin"),
    ),
    "browser": (
        ("chromium", "chromium"),
        ("/usr/share/fonts/truetype/liberation*", "fonts-liberation"),
    ),
    "node": (("npm", "npm"), ("node", "nodejs")),
}


def _there(sign: str) -> bool:
    for alternative in sign.split("|"):
        if alternative.startswith("/"):
            if any(Path("/").glob(alternative.lstrip("/"))):
                return True
        elif which(alternative):
            return True
    return False


@cache
def require(*groups: str) -> None:
    """Install what is missing when this is root, else say what to install."""
    missing = [
        package
        for group in groups
        for sign, package in NEEDS[group]
        if not _there(sign)
    ]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or not which("apt-get"):
        raise DevError(
            f"some programs are missing; install them (Debian: apt-get install {names})"
        )
    with step(f"system packages: {names}"), _services_left_alone():
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
        run(["apt-get", "update", "-q"], env=quiet, check=False)
        run([*install, *missing], env=quiet)


class _services_left_alone:
    """While in force, packages do not start the services they install."""

    path = Path("/usr/sbin/policy-rc.d")

    def __enter__(self) -> None:
        self.ours = not self.path.exists()
        if self.ours:
            self.path.write_text("#!/bin/sh\nexit 101\n")
            self.path.chmod(0o755)

    def __exit__(self, *exc: object) -> None:
        if self.ours:
            self.path.unlink(missing_ok=True)
