"""The one place where a mailbox's passwords are sealed and opened.

Tokens are ``<key id>:<Fernet token>``. Keys never stand in the database. They come
from, in this order:

1. the environment variable ``MAILBOX_CONNECTOR_KEYS``,
2. the option ``mailbox_connector_keys`` of Odoo's configuration file,
3. a file ``mailbox_connector.key`` in Odoo's data directory, made on first use.

Each holds one or more Fernet keys separated by commas; the first one seals, all of
them open. To rotate: put a new key in front, then call
``env["mailbox.credential"]._reseal()``, then remove the old key.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from odoo.tools import config

ENVIRONMENT = "MAILBOX_CONNECTOR_KEYS"
OPTION = "mailbox_connector_keys"
FILE_NAME = "mailbox_connector.key"


class KeyProblem(Exception):
    """No key opens what is stored, or a key cannot be made or read."""


def seal(secret: str, stored_key_ids: frozenset[str] = frozenset()) -> str:
    """Encrypt ``secret`` under the first key.

    :param stored_key_ids: key ids of all tokens in the database; a key file is made
        only where no other key has been in use (as on a second node or after a move)
    :raise KeyProblem: when there is no key and none may be made
    """
    key = _keys(stored_key_ids)[0]
    return f"{key_id(key)}:{Fernet(key).encrypt(secret.encode()).decode()}"


def unseal(token: str) -> str:
    """Decrypt a token.

    :raise KeyProblem: when its key is missing or the token has been altered
    """
    wanted, _sep, sealed = token.partition(":")
    for key in _keys(frozenset({wanted})):
        if key_id(key) == wanted:
            try:
                return Fernet(key).decrypt(sealed.encode()).decode()
            except InvalidToken as error:
                raise KeyProblem("the stored password has been altered") from error
    raise KeyProblem(f"the key {wanted} is not on this server")


def token_key_id(token: str) -> str:
    """The id of the key that sealed ``token``."""
    return token.partition(":")[0]


def key_id(key: bytes) -> str:
    """A short public name for a key: tells keys apart, gives nothing away."""
    return hashlib.sha256(b"mailbox_connector key id" + key).hexdigest()[:8]


def _keys(stored_key_ids: frozenset[str]) -> list[bytes]:
    given = os.environ.get(ENVIRONMENT) or config.get(OPTION) or ""
    keys = _parse(given) if given.strip() else _file_keys(stored_key_ids)
    if not keys:
        raise KeyProblem("no key is configured")
    return keys


def _parse(text: str) -> list[bytes]:
    keys = [part.strip().encode() for part in text.split(",") if part.strip()]
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise KeyProblem("a configured key is not a Fernet key") from error
    return keys


def _file_keys(stored_key_ids: frozenset[str]) -> list[bytes]:
    path = Path(config["data_dir"]) / FILE_NAME
    try:
        if path.exists():
            return _parse(path.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise KeyProblem(f"the key file {path} cannot be read") from error
    if stored_key_ids:
        raise KeyProblem(
            f"the key file {path} is missing, and passwords are stored under key "
            + ", ".join(sorted(stored_key_ids))
        )
    return [_make_file(path)]


def _make_file(path: Path) -> bytes:
    """A new key in a file that only its owner reads.

    It is written under another name and linked into place, so that another process
    that comes at the same moment sees a whole file, and one key wins.
    """
    key = Fernet.generate_key()
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, key)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            return _parse(path.read_text("ascii"))[0]
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise KeyProblem(f"the key file {path} cannot be written") from error
    return key
