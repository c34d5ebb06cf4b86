"""Find Odoo 19: the user's own, an importable one, Debian's package, or a clone."""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..base.console import DevError, step
from ..base.lock import locked
from ..base.paths import cache_dir
from ..base.process import run, which

BRANCH = "19.0"
REPOSITORY = "https://github.com/odoo/odoo.git"
DEB = "odoo-19"
# Debian replaced fonts and scripts inside Odoo by links into these packages.
LINKED_FROM_SID = (
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-roboto-unhinted",
    "fonts-montserrat",
    "fonts-ocr-b",
    "fonts-glyphicons-halflings",
    "fonts-inconsolata",
)
# sid has version 7, without the files of version 4 that Odoo names.
LINKED_FROM_STABLE = ("fonts-font-awesome",)
LEFT_OUT = ("l10n_*", "website_*")
PYTHON_ROOT = Path("usr/lib/python3/dist-packages")


@dataclass(frozen=True)
class OdooSource:
    """Where Odoo's code is: `root` goes on PYTHONPATH, `addons` on the addons path."""

    origin: str
    root: Path
    addons: tuple[Path, ...]


@cache
def odoo_source() -> OdooSource:
    """Odoo 19's code, fetched on first use."""
    if chosen := os.environ.get("ODOO_SOURCE"):
        return _checkout("ODOO_SOURCE", Path(chosen).expanduser().absolute())
    if found := _importable():
        return found
    with locked(cache_dir() / "odoo.lock"):
        return _fetched()


def _fetched() -> OdooSource:
    unpacked = cache_dir() / "odoo-deb"
    if not (unpacked / ".complete").exists() and _sid_line():
        with step("Odoo 19 from the Debian package (120 MB)"):
            _unpack_deb(unpacked)
    if (unpacked / ".complete").exists():
        root = unpacked / PYTHON_ROOT
        return OdooSource("Debian package", root, (root / "odoo" / "addons",))
    clone = cache_dir() / f"odoo-{BRANCH}"
    if not clone.exists():
        with step(f"Odoo from a shallow clone of branch {BRANCH}"):
            part = clone.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            run(["git", "clone", "--depth=1", "-b", BRANCH, REPOSITORY, part])
            part.rename(clone)
    return _checkout("clone", clone)


def _checkout(origin: str, root: Path) -> OdooSource:
    addons = tuple(
        path for path in (root / "addons", root / "odoo" / "addons") if path.is_dir()
    )
    if not any((path / "mail").is_dir() for path in addons):
        raise DevError(f"{origin} is {root}, which holds no Odoo (addons/mail)")
    release = (root / "odoo" / "release.py").read_text()
    if "version_info = (19, 0" not in release:
        raise DevError(f"{origin} is {root}, which is not Odoo 19.0")
    return OdooSource(origin, root, addons)


def _importable() -> OdooSource | None:
    spec = importlib.util.find_spec("odoo")
    places = list(spec.submodule_search_locations or ()) if spec else []
    roots = [Path(place).parent for place in places]
    for root in roots:
        if (root / "odoo" / "release.py").exists():
            return _checkout("importable odoo", root)
    return None


def _sid_line() -> str | None:
    """The address of the mirror that apt is configured with, when that is Debian's."""
    if not (which("apt-get") and which("dpkg-deb")):
        return None
    targets = run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(ORIGIN)|$(SUITE)|$(REPO_URI)",
            "Created-By: Packages",
        ],
        check=False,
    )
    for line in targets.splitlines():
        origin, _, rest = line.partition("|")
        suite, _, uri = rest.partition("|")
        if origin == "Debian" and "-" not in suite and uri:
            return uri
    return None


def _download(uri: str, suite: str, packages: tuple[str, ...], folder: Path) -> None:
    """apt-get download from another suite, with lists of our own (no root needed)."""
    own = folder / f"apt-{suite}"
    for name in ("lists/partial", "cache/archives/partial"):
        (own / name).mkdir(parents=True, exist_ok=True)
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    signed = f"[signed-by={keyring}] " if keyring.exists() else ""
    (own / "list").write_text(f"deb {signed}{uri} {suite} main\n")
    apt = ["apt-get", "-q"]
    for option in (
        f"Dir::Etc::sourcelist={own / 'list'}",
        "Dir::Etc::sourceparts=/dev/null",
        f"Dir::State::Lists={own / 'lists'}",
        f"Dir::Cache={own / 'cache'}",
        "Acquire::Languages=none",
        "Acquire::Retries=3",
        "APT::Sandbox::User=",
    ):
        apt += ["-o", option]
    run([*apt, "update"])
    run([*apt, "download", *packages], cwd=folder)


def _unpack_deb(target: Path) -> None:
    uri = _sid_line()
    assert uri
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    debs = part / "debs"
    debs.mkdir(parents=True)
    _download(uri, "sid", (DEB, *LINKED_FROM_SID), debs)
    _download(uri, "stable", LINKED_FROM_STABLE, debs)
    excludes = " ".join(
        f"--exclude='./{PYTHON_ROOT}/odoo/addons/{name}'" for name in LEFT_OUT
    )
    for deb in sorted(debs.glob("*.deb")):
        run(
            [
                "sh",
                "-c",
                'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --no-same-owner '
                + excludes,
                "sh",
                deb,
                part,
            ]
        )
    _relink(part)
    # Left out of the package; without it every browser tour ends on a console error.
    missing = (
        part
        / PYTHON_ROOT
        / "odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"
    )
    if not missing.exists():
        missing.parent.mkdir(parents=True, exist_ok=True)
        missing.write_text("/* Background blur in calls: not packaged. */\n")
    shutil.rmtree(debs)
    (part / ".complete").touch()
    part.rename(target)


def _relink(root: Path) -> None:
    """Make absolute links relative to where the packages were unpacked."""
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            if not path.is_symlink():
                continue
            target = os.readlink(path)
            if target.startswith("/"):
                path.unlink()
                path.symlink_to(os.path.relpath(root / target.lstrip("/"), folder))
