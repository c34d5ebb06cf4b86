"""What dialogs say of servers and e-mails is for the person who opened them."""

from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..common import MailboxCase

#: Models, and what each needs to be made.
DIALOGS = {
    "mailbox.connect": {"visibility": "everyone"},
    "mailbox.backfill.start": {"days": 7},
    "mailbox.test.email": {},
    "mailbox.trace": {},
}


@tagged("post_install", "-at_install")
class TestDialogs(MailboxCase):
    def open_as(self, user, model):
        values = {**DIALOGS[model], "account_id": self.account.id}
        return self.env[model].with_user(user).create(values)

    def test_nobody_reads_anothers_dialog(self):
        """Records of a dialog can be asked for by number, over RPC."""
        self.account.member_ids = self.member
        for model in DIALOGS:
            with self.subTest(model):
                dialog = self.open_as(self.owner, model)
                self.assertTrue(dialog.read(["account_id"]))
                with self.assertRaises(AccessError):
                    dialog.with_user(self.manager).read(["account_id"])
                with self.assertRaises(AccessError):
                    dialog.with_user(self.member).write({"account_id": False})

    def test_a_port_is_taken_over_only_if_it_was_found(self):
        """The stored password would go there without being typed again."""
        dialog = self.open_as(self.owner, "mailbox.connect")
        found = {
            "imap_alternative_port": 2525,
            "imap_alternative_security": "starttls",
        }
        with self.assertRaises(AccessError):
            dialog.write(found)
        with self.assertRaises(AccessError):
            dialog.create({**dialog.copy_data()[0], **found})
        dialog.use_alternative("imap")
        self.assertNotEqual(self.account.imap_port, 2525)
