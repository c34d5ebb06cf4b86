"""What one action does with many records: in batches, within Odoo's time limits.

An action on thousands of records ends at the server's time limit if it takes a
statement for each. The number of statements is measured for a few records and for ten
times as many.
"""

from datetime import datetime, timezone
from unittest.mock import patch

from odoo.tests import tagged

from odoo.addons.mailbox_connector.models.messages import res_partner

from ..common import MailboxCase, mail

FEW, MANY = 4, 40
#: What ten times as many records may add.
SURPLUS = 12


@tagged("post_install", "-at_install")
class TestManyRecords(MailboxCase):
    def assert_in_batches(self, prepare, act):
        """``act`` takes about as many statements for many records as for few."""
        counts = []
        # What is cached at the first time does not count.
        for count in (1, FEW, MANY):
            records = prepare(count)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            act(records)
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLess(counts[2], counts[1] + SURPLUS, counts)

    def emails(self, count, email="busy@example.com"):
        """As many e-mails of a new contact, every second one with a file."""
        self.env["res.partner"].create({"name": "Busy", "email": email})
        start = self.env["mailbox.message"].search_count([])
        return self.import_mail(
            *(
                mail(
                    sender=email,
                    subject=f"Number {start + number}",
                    date=datetime(2024, 5, 1, 12, number, tzinfo=timezone.utc),
                    attachments=[("a.pdf", b"%d" % number)] if number % 2 else (),
                )
                for number in range(count)
            )
        )

    def failed_deliveries(self, count):
        queue = self.env["mail.mail"].with_user(self.owner).sudo()
        return queue.create(
            [
                {
                    "author_id": self.owner.partner_id.id,
                    "subject": f"Number {number}",
                    "email_to": "customer@example.com",
                    "state": "exception",
                    "mailbox_account_id": self.account.id,
                    "mailbox_email_from": self.account.email,
                    "mailbox_outcome": "ask",
                }
                for number in range(count)
            ]
        )

    def waiting_for_processing(self, count):
        Inbound = self.env["mailbox.inbound"]
        start = Inbound.search_count([])
        return Inbound.create(
            [
                {
                    "account_id": self.account.id,
                    "kind": "reply",
                    "state": "failed",
                    "message_id_hash": f"{start + number:032}",
                    "fingerprint": f"{number:064}",
                }
                for number in range(count)
            ]
        )

    def test_deleting_a_contact(self):
        self.assert_in_batches(
            self.emails, lambda messages: messages.partner_ids.unlink()
        )
        self.assertFalse(self.env["mailbox.message"].search([]))

    def test_deleting_emails(self):
        self.assert_in_batches(
            self.emails, lambda messages: messages.with_user(self.manager).unlink()
        )

    def test_merging_contacts(self):
        Wizard = self.env["base.partner.merge.automatic.wizard"]

        def merge(messages):
            partner = messages.partner_ids
            other = self.env["res.partner"].create({"name": "Kept"})
            Wizard.create({})._merge((partner | other).ids, other)
            self.assertEqual(messages.partner_ids, other)
            other.unlink()

        self.assert_in_batches(self.emails, merge)

    def test_new_addresses_of_contacts(self):
        def contacts(count):
            return self.env["res.partner"].create(
                [{"name": f"Contact {number}"} for number in range(count)]
            )

        self.assert_in_batches(
            contacts, lambda partners: partners.write({"email": "new@example.com"})
        )

    def test_deciding_about_queued_emails(self):
        self.assert_in_batches(
            self.failed_deliveries,
            lambda mails: mails.sudo(False).action_mailbox_was_sent(),
        )

    def test_dismissing_waiting_emails(self):
        self.assert_in_batches(
            self.waiting_for_processing,
            lambda rows: rows.with_user(self.owner).action_leave(),
        )

    def test_restarting_many_mailboxes(self):
        def failed(count):
            accounts = self.env["mailbox.account"].union(
                *(
                    self.make_account(f"box{number}.{count}@example.org", self.owner)
                    for number in range(count + 1)
                )
            )
            accounts.write({"imap_problem": "No response.", "failures": 3})
            return accounts

        self.assert_in_batches(
            failed, lambda accounts: accounts.with_user(self.owner).action_try_again()
        )

    def test_a_contact_is_deleted_batch_by_batch(self):
        """Over the borders of batches: what other contacts have stays, what was
        written in the chatter goes with the contact, and nothing is buried."""
        raws = [
            mail(
                sender="busy@example.com",
                subject=f"Number {number}",
                cc="customer@example.com" if number % 3 == 0 else None,
            )
            for number in range(7)
        ]
        busy = self.env["res.partner"].create(
            {"name": "Busy", "email": "busy@example.com"}
        )
        messages = self.import_mail(*raws)
        self.assertEqual(len(messages), 7)
        shared = messages.filtered(lambda one: self.customer in one.partner_ids)
        self.assertEqual(len(shared), 3)
        shown = self.copies(shared, self.customer)
        written = busy.message_post(body="Hello", message_type="comment")
        (messages - shared)[:1].link_ids.mail_message_id = written
        with patch.object(res_partner, "UNLINK_BATCH", 2):
            busy.unlink()
        self.assertEqual(messages.exists(), shared)
        self.assertEqual(shown.exists(), shown)
        self.assertEqual(self.copies(shared), shown)
        self.assertFalse(written.exists())
        self.env["res.partner"].create({"name": "Busy", "email": "busy@example.com"})
        self.assertEqual(len(self.import_mail(raws[1])), 1)
