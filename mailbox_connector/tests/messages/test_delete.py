"""Deleting an e-mail in Odoo: who may, what is deleted, and that it stays deleted."""

from odoo.exceptions import AccessError
from odoo.service.model import get_public_method
from odoo.tests import tagged

from ..common import MailboxCase, mail


@tagged("post_install", "-at_install")
class TestDelete(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.raw = mail(subject="Offer", attachments=[("a.pdf", b"drawing")])
        cls.message = cls.import_mail(cls.raw)

    def test_manager_deletes_an_email_from_the_contact(self):
        copy = self.copies(self.message)
        files = copy.attachment_ids
        self.assertTrue(files)
        self.message.with_user(self.manager).unlink()
        for record in (self.message, copy, files):
            self.assertFalse(record.exists(), record)
        self.assertEqual(self.customer.mailbox_message_count, 0)

    def test_others_do_not_delete(self):
        for user in (self.owner, self.agent, self.portal):
            with self.assertRaises(AccessError):
                self.message.with_user(user).unlink()

    def test_manager_does_not_delete_what_is_for_others(self):
        private = self.make_account("private@example.org", self.owner, "members")
        [message] = self.import_mail(mail(subject="Salary"), account=private)
        with self.assertRaises(AccessError):
            message.with_user(self.manager).unlink()

    def test_another_mailbox_does_not_import_it_again(self):
        self.message.with_user(self.manager).unlink()
        other = self.make_account("other@example.org", self.owner)
        self.assertFalse(self.import_mail(self.raw, account=other).exists())
        self.assertFalse(self.customer.mailbox_message_count)

    def test_no_request_deletes_it_without_a_trace(self):
        """A request cannot ask for an e-mail to be imported again after it is deleted:
        what it can send as context is JSON."""
        for value in (True, 1, "FORGET"):
            [message] = self.import_mail(mail(subject=f"Value {value}"))
            key = (message.message_id_hash, message.fingerprint)
            message.with_user(self.manager).with_context(
                mailbox_forget=value, mailbox_contact_unlink=value
            ).unlink()
            Tombstone = self.env["mailbox.tombstone"]
            digest = Tombstone.digest_of(key)
            self.assertEqual(Tombstone.known([digest]), {digest})
        with self.assertRaises(AccessError):
            get_public_method(self.env["mailbox.message"], "forget")

    def test_what_was_written_in_the_chatter_stays(self):
        """The e-mail of a message sent from the contact is deleted; the message itself
        belongs to the user."""
        written = self.customer.message_post(body="Hello", message_type="comment")
        self.message.link_ids.mail_message_id = written
        self.message.with_user(self.manager).unlink()
        self.assertTrue(written.exists())

    def test_a_deleted_contact_created_again_gets_its_mail_again(self):
        values = {"name": "Visitor", "email": "visitor@example.com"}
        raw = mail(sender="visitor@example.com")
        visitor = self.env["res.partner"].create(values)
        message = self.import_mail(raw)
        self.assertEqual(message.partner_ids, visitor)
        visitor.unlink()
        self.assertFalse(message.exists())
        visitor = self.env["res.partner"].create(values)
        self.assertEqual(self.import_mail(raw).partner_ids, visitor)
