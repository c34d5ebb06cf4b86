"""Keys: where they come from, and that none is made where another was in use."""

import os
import stat
import tempfile
from pathlib import Path
from unittest.mock import patch

from cryptography.fernet import Fernet

from odoo.tests import TransactionCase, tagged
from odoo.tools import config

from odoo.addons.mailbox_connector.services.accounts.endpoints import endpoint

from ... import credentials


@tagged("post_install", "-at_install")
class TestEncryptionKeys(TransactionCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.startPatcher(patch.dict(config.options, {"data_dir": folder.name}))
        self.startPatcher(patch.dict(os.environ))
        os.environ.pop(credentials.ENVIRONMENT, None)

    def test_key_file_is_made_once_and_only_its_owner_reads_it(self):
        token = credentials.encrypt("secret")
        path = self.folder / credentials.FILE_NAME
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual([p.name for p in self.folder.iterdir()], [path.name])
        self.assertEqual(credentials.decrypt(token), "secret")
        self.assertEqual(
            credentials.token_key_id(credentials.encrypt("more")),
            credentials.token_key_id(token),
        )

    def test_no_key_is_made_where_passwords_of_another_key_are_stored(self):
        with self.assertRaisesRegex(credentials.KeyProblem, "0badcafe"):
            credentials.encrypt("secret", frozenset({"0badcafe"}))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_missing_key_is_named_and_nothing_is_made(self):
        token = credentials.encrypt("secret")
        (self.folder / credentials.FILE_NAME).unlink()
        with self.assertRaisesRegex(
            credentials.KeyProblem, credentials.token_key_id(token)
        ):
            credentials.decrypt(token)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_environment_comes_before_the_file_and_keys_rotate(self):
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        os.environ[credentials.ENVIRONMENT] = old
        token = credentials.encrypt("secret")
        os.environ[credentials.ENVIRONMENT] = f"{new},{old}"
        self.assertEqual(credentials.decrypt(token), "secret")
        fresh = credentials.encrypt("secret")
        self.assertNotEqual(
            credentials.token_key_id(fresh), credentials.token_key_id(token)
        )
        os.environ[credentials.ENVIRONMENT] = new
        self.assertEqual(credentials.decrypt(fresh), "secret")
        with self.assertRaises(credentials.KeyProblem):
            credentials.decrypt(token)

    def test_altered_token_and_bad_key_are_shown(self):
        token = credentials.encrypt("secret")
        with self.assertRaisesRegex(credentials.KeyProblem, "altered"):
            credentials.decrypt(token[:-6] + "AAAAA=")
        os.environ[credentials.ENVIRONMENT] = "not-a-key"
        with self.assertRaisesRegex(credentials.KeyProblem, "not a Fernet key"):
            credentials.encrypt("secret")

    def test_reseal_moves_every_stored_password_to_the_first_key(self):
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        os.environ[credentials.ENVIRONMENT] = old
        account = self.env["mailbox.account"].create(
            {
                "email": "keys@example.com",
                "name": "Keys",
                "imap_host": "imap.example.com",
                "imap_username": "keys",
                "imap_password": "secret",
            }
        )
        os.environ[credentials.ENVIRONMENT] = f"{new},{old}"
        self.env["mailbox.credential"].search(
            [("account_id", "!=", account.id)]
        ).unlink()
        self.assertEqual(self.env["mailbox.credential"].reencrypt_all(), 1)
        os.environ[credentials.ENVIRONMENT] = new
        self.assertEqual(endpoint(account, "imap").password, "secret")
