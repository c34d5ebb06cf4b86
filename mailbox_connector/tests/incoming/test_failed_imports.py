"""Who sees failed imports, and how they get there."""

import base64

from odoo.exceptions import AccessError
from odoo.service.model import get_public_method
from odoo.tests import tagged

from ..common import MailboxCase, mail


@tagged("post_install", "-at_install")
class TestFailedImports(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.raw = mail(subject="Broken")
        cls.others = cls.make_account("board@example.org", owner=cls.manager)
        cls.rows = cls.env["mailbox.failed.import"].create(
            [
                {
                    "account_id": account.id,
                    "folder_id": account.folder_ids[:1].id,
                    "uidvalidity": 1,
                    "uid": 7,
                    "reason": "It has no sender.",
                    "raw": base64.b64encode(cls.raw),
                }
                for account in (cls.account, cls.others)
            ]
        )

    def seen_by(self, user):
        return self.env["mailbox.failed.import"].with_user(user).search([])

    def test_users_see_those_of_their_mailboxes_and_managers_all(self):
        """Managers can help with the mailboxes of others."""
        self.assertEqual(self.seen_by(self.owner), self.rows[0])
        self.assertFalse(self.seen_by(self.member))
        self.account.member_ids = self.member
        self.assertEqual(self.seen_by(self.member), self.rows[0])
        self.assertEqual(self.seen_by(self.manager), self.rows[::-1])

    def test_the_mailbox_counts_and_opens_them(self):
        account = self.account.with_user(self.owner)
        self.assertEqual(account.failed_import_count, 1)
        action = account.action_view_failed_imports()
        found = self.env[action["res_model"]].with_user(self.owner)
        self.assertEqual(found.search(action["domain"]), self.rows[0])
        self.rows[0].unlink()
        account.invalidate_recordset()
        self.assertEqual(account.failed_import_count, 0)

    def test_the_owner_downloads_it_as_it_came(self):
        row = self.rows[0].with_user(self.owner)
        self.assertEqual(base64.b64decode(row.raw), self.raw)
        self.assertEqual(row.file_name, "e-mail-7.eml")


@tagged("post_install", "-at_install")
class TestRawMail(MailboxCase):
    def test_nobody_reads_raw_bytes_by_rpc(self):
        """They are read without checking access, so no request may reach them."""
        for model in ("mailbox.failed.import", "mailbox.inbound"):
            for name in ("raw_bytes", "raw_files", "store_raw_bytes"):
                with self.assertRaises(AccessError):
                    get_public_method(self.env[model], name)
