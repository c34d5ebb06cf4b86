"""Programs that come from the system's own packages."""

import os
from functools import cache
from pathlib import Path

from ..base.console import DevError, step
from ..base.lock import locked
from ..base.paths import cache_dir
from ..base.process import run, service_dir, which

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
    "courier": (("/usr/bin/python3|/usr/local/bin/python3", "python3"),),
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


def unpacked(package: str) -> Path:
    """The folder into which a Debian package is unpacked, with what it needs and the
    system does not have.

    Done once. For a package that conflicts with an installed one, or would start
    services: the system stays as it is.
    """
    folder = service_dir(cache_dir() / f"{package}-deb")
    done = folder / "unpacked"
    with locked(folder.with_suffix(".lock")):
        if not done.exists():
            if not which("apt-get"):
                raise DevError(f"apt-get is needed to fetch {package}")
            with step(f"unpacking {package}"):
                _unpack(package, folder)
                done.touch()
    return folder


def _unpack(package: str, folder: Path) -> None:
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        run(["apt-get", "update", "-q"], check=False)
    options = [f"Dir::Cache::archives={archives}", "Debug::NoLocking=1"]
    run(
        ["apt-get", "install", "-y", "-q", "--download-only"]
        + ["--no-install-recommends", "--reinstall", package]
        + [word for option in options for word in ("-o", option)],
        env={"DEBIAN_FRONTEND": "noninteractive"},
    )
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", archive, folder])


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
