"""A certificate authority of our own and server certificates signed by it."""

import os
from pathlib import Path

from ..base.process import run

NAMES = ("localhost", "127.0.0.1")


def authority(folder: Path) -> Path:
    """Make `ca.pem` and its key in `folder`, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if not certificate.exists():
        run(
            ["openssl", "req", "-x509", *_new_key(key), "-out", certificate]
            + ["-days", "3650", "-subj", "/CN=Mailbox connector test authority"]
            + ["-addext", "basicConstraints=critical,CA:TRUE"]
            + ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        )
    return certificate


def server(
    folder: Path, name: str = "server", names: tuple[str, ...] = NAMES, days: int = 825
) -> tuple[Path, Path]:
    """A certificate for host `names` by the authority in `folder`, and its key.

    Made once for each `name`; negative `days` make one that has expired.
    """
    authority(folder)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if certificate.exists():
        return certificate, key
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    kinds = ("IP" if part[:1].isdigit() else "DNS" for part in names)
    subject = ",".join(f"{kind}:{part}" for kind, part in zip(kinds, names))
    extensions.write_text(
        f"subjectAltName={subject}\nextendedKeyUsage=serverAuth\n"
        "basicConstraints=CA:FALSE\n"
    )
    run(
        ["openssl", "req", "-new", *_new_key(key), "-out", request]
        + ["-subj", f"/CN={names[0]}"]
    )
    run(
        ["openssl", "x509", "-req", "-in", request, "-out", certificate]
        + ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial"]
        + ["-days", str(days), "-extfile", extensions]
    )
    return certificate, key


def _new_key(path: Path) -> list[str | os.PathLike]:
    curve = ["-pkeyopt", "ec_paramgen_curve:prime256v1"]
    return ["-newkey", "ec", *curve, "-nodes", "-keyout", path]
