"""What is remembered of handled messages: UIDs, and why they were skipped."""

from odoo.tests import tagged

from ...engine.sync.state import Counts, SkipReason
from ..common import MailboxCase


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
