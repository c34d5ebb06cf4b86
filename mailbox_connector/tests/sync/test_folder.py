"""What is remembered of handled messages: UIDs, and why they were skipped."""

from odoo.tests import tagged

from ...engine.sync.state import Counts, SkipReason
from ...engine.types import Folder, Role
from ...services.sync.store import OdooStore
from ..common import MailboxCase, mail


@tagged("post_install", "-at_install")
class TestHandledUids(MailboxCase):
    def setUp(self):
        super().setUp()
        self.folder = self.account.folder_ids.filtered(lambda f: f.role == "inbox")
        self.folder.mark_handled(
            [1, 2],
            {
                3: SkipReason.NO_CONTACT,
                4: SkipReason.NO_CONTACT,
                5: SkipReason.INTERNAL,
                6: SkipReason.NEWSLETTER,
                7: SkipReason.DELETED,
                8: SkipReason.PROCESSED,
            },
        )

    def test_a_skipped_message_has_its_reason(self):
        self.assertEqual(self.folder.imported_uids, "1:2")
        self.assertEqual(
            self.folder.skipped_uids,
            {
                "no_contact": "3:4",
                "internal": "5",
                "newsletter": "6",
                "deleted": "7",
                "processed": "8",
            },
        )
        self.assertEqual(self.folder.skip_reason(5), SkipReason.INTERNAL)
        self.assertIsNone(self.folder.skip_reason(1))
        self.assertIsNone(self.folder.skip_reason(9))
        self.assertEqual(str(self.folder.handled()), "1:8")

    def test_a_failed_import_may_turn_out_to_be_skipped(self):
        self.folder.mark_skipped({2: SkipReason.NEWSLETTER})
        self.assertEqual(self.folder.imported_uids, "1")
        self.assertEqual(self.folder.skip_reason(2), SkipReason.NEWSLETTER)
        self.assertEqual(str(self.folder.handled()), "1:8")

    def test_reconsidered_messages_are_not_handled(self):
        self.folder.reconsider([2, 4, 5])
        self.assertEqual(str(self.folder.handled()), "1,3,6:8")
        self.assertNotIn("internal", self.folder.skipped_uids)

    def test_undone_messages_are_handled_but_for_later_imports(self):
        self.folder.mark_undone([1])
        self.assertEqual(str(self.folder.handled()), "1:8")
        self.assertEqual(str(self.folder.handled(without_undone=True)), "2:8")
        self.folder.mark_handled([], {1: SkipReason.DELETED})
        self.assertEqual(str(self.folder.handled(without_undone=True)), "1:8")
        self.assertFalse(self.folder.undone_uids)

    def test_a_renumbered_folder_has_no_handled_messages(self):
        self.folder.forget_handled()
        self.assertFalse(self.folder.handled())

    def test_only_mail_of_strangers_is_looked_for_when_a_contact_is_added(self):
        lookup = self.env["mailbox.contact.lookup"]
        self.folder.reconsider([3, 4, 5])
        lookup.add_partners(self.customer)
        self.assertFalse(lookup.search([]), "newsletters and deleted mail are not")
        self.folder.mark_handled([], {3: SkipReason.INTERNAL})
        lookup.add_partners(self.customer)
        self.assertEqual(lookup.search([]).email, self.customer.email_normalized)

    def test_counts_are_those_of_the_reasons(self):
        reasons = [*SkipReason, SkipReason.NEWSLETTER]
        self.assertEqual(
            Counts.of_skipped(reasons),
            Counts(skipped=len(reasons), internal=1, newsletters=2, deleted=1),
        )


@tagged("post_install", "-at_install")
class TestGoneFolders(MailboxCase):
    """A folder that went is reported until its e-mails are known to be elsewhere."""

    def setUp(self):
        super().setUp()
        self.sent = self.account.folder_ids.filtered(lambda f: f.role == "sent")
        self.sent.mark_gone()

    def add(self, name="Sent 2026", **values):
        """A folder that appears on the server when Sent goes."""
        return self.env["mailbox.folder"].create(
            {
                "account_id": self.account.id,
                "name": name,
                "raw_name": name,
                "sync": True,
                "uidvalidity": 2,
                **values,
            }
        )

    def import_into_sent(self, *raws):
        messages = self.import_mail(*raws, folder="Sent")
        self.sent.mark_handled(range(1, len(raws) + 1))
        return messages

    def locate(self, messages, folder):
        return self.env["mailbox.location"].create(
            [
                {
                    "folder_id": folder.id,
                    "uidvalidity": folder.uidvalidity,
                    "uid": number,
                    "message_id": message.id,
                }
                for number, message in enumerate(messages, 1)
            ]
        )

    def is_reported(self):
        self.sent.release_gone()
        self.env.invalidate_all()
        is_reported = bool(self.account.folder_problem)
        health = "action_needed" if is_reported else "connected"
        self.assertEqual(self.account.health, health)
        return is_reported

    def test_e_mails_that_are_in_another_folder(self):
        messages = self.import_into_sent(
            *(mail(message_id=f"<{n}@example.com>") for n in "12")
        )
        self.assertTrue(self.is_reported())
        renamed = self.add()
        places = self.locate(messages, renamed)
        places[0].unlink()
        self.assertTrue(self.is_reported(), "one was not found")
        self.locate(messages[:1], renamed)
        self.assertFalse(self.is_reported())

    def test_e_mails_whose_locations_were_moved(self):
        self.import_into_sent(mail())
        self.env["mailbox.location"].search(
            [("folder_id", "=", self.sent.id)]
        ).folder_id = self.add()
        self.assertFalse(self.is_reported())

    def test_e_mails_in_a_folder_that_is_gone_too_are_not_found(self):
        messages = self.import_into_sent(mail())
        other = self.add()
        self.locate(messages, other)
        other.write({"gone": True, "sync": False})
        self.assertTrue(self.is_reported())

    def test_no_e_mails_and_a_folder_of_the_same_size(self):
        self.sent.messages = 7
        self.add("Another", messages=6)
        self.assertTrue(self.is_reported())
        self.add(messages=7)
        self.assertFalse(self.is_reported())

    def test_no_e_mails_and_no_new_folder(self):
        self.assertTrue(self.is_reported(), "it was deleted")

    def test_a_folder_that_comes_back_and_goes_again_is_reported_again(self):
        self.import_into_sent(mail())
        self.env["mailbox.location"].search([]).folder_id = self.add()
        self.assertFalse(self.is_reported())
        listed = [
            Folder(name, name, "/", (), role, True)
            for name, role in (("INBOX", Role.INBOX), ("Sent", Role.SENT))
        ]
        store = OdooStore(self.account, self.env.flush_all)
        store.refresh(listed, {})
        self.assertFalse(self.sent.gone or self.sent.found_elsewhere)
        self.sent.imported_uids = ""
        store.refresh(listed[:1], {})
        self.env.invalidate_all()
        self.assertIn("Sent", self.account.folder_problem)
