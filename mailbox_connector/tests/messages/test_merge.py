from odoo.tests import tagged

from ..common import MailboxCase, mail


@tagged("post_install", "-at_install")
class TestMerge(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keep, cls.drop, cls.third = cls.env["res.partner"].create(
            [
                {"name": "Ada", "email": "ada@example.com"},
                {"name": "Ada L.", "email": "ada.l@example.com"},
                {"name": "A. L.", "email": "al@example.com"},
            ]
        )

    def merge(self):
        partners = self.keep + self.drop + self.third
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge(partners.ids, self.keep, extra_checks=False)
        self.env.invalidate_all()

    def chatter(self):
        shown = self.env["mail.message"]._message_fetch(None, thread=self.keep)
        return shown["messages"].filtered("mailbox_audience_id")

    def test_a_mail_to_all_contacts_is_shown_once_on_the_merged_one(self):
        both = self.import_mail(
            mail(
                to="ada@example.com, ada.l@example.com, al@example.com",
                sender="sales@example.org",
                subject="Both",
            )
        )
        self.assertEqual(len(self.copies(both)), 3)
        self.merge()
        self.assertEqual(both.link_ids.partner_id, self.keep)
        self.assertEqual(self.chatter(), self.copies(both))
        self.assertEqual(len(self.chatter()), 1)
        self.assertEqual(self.keep.mailbox_message_count, 1)

    def test_mails_of_each_contact_and_their_threads_are_kept(self):
        first = self.import_mail(
            mail("ada.l@example.com", cc="al@example.com", message_id="<1@x>")
        )
        answer = self.import_mail(
            mail(
                "ada@example.com",
                cc="ada.l@example.com, al@example.com",
                subject="Re",
                in_reply_to="<1@x>",
            )
        )
        self.merge()
        self.assertEqual(len(first.link_ids), 1)
        self.assertEqual(len(answer.link_ids), 1)
        self.assertEqual(self.chatter(), self.copies(answer) + self.copies(first))
        self.assertEqual(self.copies(answer).author_id, self.keep)
        self.assertTrue(self.keep.exists())
        self.assertFalse((self.drop + self.third).exists())

    def test_a_mail_listed_on_one_and_shown_on_the_other_stays_shown(self):
        both = self.import_mail(mail("ada@example.com", cc="ada.l@example.com"))
        link = both.link_ids.filtered(lambda link: link.partner_id == self.keep)
        link.mail_message_id.unlink()
        self.merge()
        self.assertEqual(self.chatter(), both.link_ids.mail_message_id)
        self.assertTrue(self.chatter())
