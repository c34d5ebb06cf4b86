"""Encrypting and decrypting the passwords of mailboxes, and the keys for that.

A stored password is a token ``<key id>:<Fernet token>``. Keys are never stored in the
database. They come from, in this order:

1. the environment variable ``MAILBOX_CONNECTOR_KEYS``,
2. the option ``mailbox_connector_keys`` of Odoo's configuration file,
3. a file ``mailbox_connector.key`` in Odoo's data directory, created on first use.

Each holds one or more Fernet keys separated by commas. The first one encrypts; the one
named by a token's key id decrypts it. To rotate: put a new key in front, call
``env["mailbox.credential"].reencrypt_all()``, then remove the old key.
"""

from __future__ import annotations

import hashlib
import os
from enum import Enum
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from odoo.tools import config

ENVIRONMENT = "MAILBOX_CONNECTOR_KEYS"
OPTION = "mailbox_connector_keys"
FILE_NAME = "mailbox_connector.key"


class KeyFault(Enum):
    """What can be wrong with a key; the value is for the log."""

    NONE = "no key is configured"
    INVALID = "a configured key is not a Fernet key"
    MISSING = "the key is not on this server"
    ALTERED = "the stored password has been altered"
    FILE_LOST = "the key file is missing, and passwords are stored under its key"
    FILE_UNREADABLE = "the key file cannot be read"
    FILE_UNWRITABLE = "the key file cannot be written"


class KeyProblem(Exception):
    """A key is missing, is not valid, or does not open what is stored.

    :param detail: the key's id, or the path of the key file
    """

    def __init__(self, fault: KeyFault, detail: str = ""):
        self.fault = fault
        self.detail = detail
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)


def encrypt(secret: str, stored_key_ids: frozenset[str] = frozenset()) -> str:
    """Encrypt ``secret`` under the first key.

    :param stored_key_ids: key ids of all tokens in the database; a key file is created
        only if no other key has been in use (as on a second node or after a move)
    :return: the token
    :raise KeyProblem: there is no key and none may be created
    """
    key = _keys(stored_key_ids)[0]
    return f"{key_id(key)}:{Fernet(key).encrypt(secret.encode()).decode()}"


def decrypt(token: str) -> str:
    """Decrypt a token of :func:`encrypt`.

    :raise KeyProblem: its key is missing, or the token has been altered
    """
    wanted, _colon, encrypted = token.partition(":")
    keys = {key_id(key): key for key in _keys(frozenset({wanted}))}
    if wanted not in keys:
        raise KeyProblem(KeyFault.MISSING, wanted)
    try:
        return Fernet(keys[wanted]).decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise KeyProblem(KeyFault.ALTERED) from error


def token_key_id(token: str) -> str:
    """The id of the key that encrypted ``token``."""
    return token.partition(":")[0]


def key_id(key: bytes) -> str:
    """A short public name for a key: it tells keys apart and reveals nothing."""
    return hashlib.sha256(b"mailbox_connector key id" + key).hexdigest()[:8]


def _keys(stored_key_ids: frozenset[str]) -> list[bytes]:
    """Every key, the one that encrypts first."""
    given = os.environ.get(ENVIRONMENT) or config.get(OPTION) or ""
    keys = _parse(given) if given.strip() else _file_keys(stored_key_ids)
    if not keys:
        raise KeyProblem(KeyFault.NONE)
    return keys


def _parse(text: str) -> list[bytes]:
    keys = [part.strip().encode() for part in text.split(",") if part.strip()]
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise KeyProblem(KeyFault.INVALID) from error
    return keys


def _file_keys(stored_key_ids: frozenset[str]) -> list[bytes]:
    path = Path(config["data_dir"]) / FILE_NAME
    try:
        if path.exists():
            return _parse(path.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise KeyProblem(KeyFault.FILE_UNREADABLE, str(path)) from error
    if stored_key_ids:
        raise KeyProblem(KeyFault.FILE_LOST, ", ".join(sorted(stored_key_ids)))
    return [_create_file(path)]


def _create_file(path: Path) -> bytes:
    """Create a key in a file that only its owner can read.

    The file is written under another name and linked into place: another process that
    does the same at this moment sees a whole file, and both use the same key.
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
        raise KeyProblem(KeyFault.FILE_UNWRITABLE, str(path)) from error
    return key
