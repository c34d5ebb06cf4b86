from datetime import datetime, timedelta, timezone

from odoo.tests import tagged

from odoo.addons.mail.tools.discuss import Store

from .test_after_import import InboundCase


@tagged("post_install", "-at_install")
class TestAutomatic(InboundCase):
    """Automatic e-mails are shown and cause nothing else."""

    def test_an_automatic_reply_is_logged_and_notifies_nobody(self):
        self.account.notify_members = True
        sent = self.env["mail.mail"].search_count([])
        self.come(
            self.reply(
                text="On holiday",
                subject="Out of office",
                auto_submitted="auto-replied",
                attachments=[("a.pdf", b"%PDF-1")],
            )
        )
        reply = self.replies()
        self.assertIn("On holiday", reply.body)
        self.assertEqual(reply.author_id, self.customer)
        self.assertEqual(reply.attachment_ids.name, "a.pdf")
        self.assertEqual(reply.subtype_id, self.env.ref("mail.mt_note"))
        self.assertFalse(reply.notification_ids)
        self.assertEqual(self.env["mail.mail"].search_count([]), sent)
        self.assertFalse(self.notifications_of(self.owner.partner_id))

    def test_it_says_so_on_the_contact(self):
        self.come(self.reply(in_reply_to=None, auto_submitted="auto-replied"))
        message = self.env["mailbox.message"].search(
            [("partner_ids", "in", self.customer.ids)]
        )
        self.assertEqual(message.automatic, "auto_reply")
        copy = self.copies(message)
        store = Store().add(copy.with_user(self.agent)).get_result()
        self.assertEqual(
            store["mail.message"][0]["mailbox_automatic"], "Automatic reply"
        )

    def test_a_persons_mail_says_nothing(self):
        self.come(self.reply(in_reply_to=None))
        message = self.env["mailbox.message"].search(
            [("partner_ids", "in", self.customer.ids)]
        )
        self.assertFalse(message.automatic)

    def test_a_read_receipt_marks_nothing_as_bounced(self):
        """Core would take it for a bounce of the message that it names."""
        self.asked.notification_ids.unlink()
        notification = self.env["mail.notification"].create(
            {
                "mail_message_id": self.asked.id,
                "res_partner_id": self.customer.id,
                "notification_type": "email",
                "notification_status": "sent",
            }
        )
        raw = self.reply().replace(
            b'Content-Type: text/plain; charset="utf-8"',
            b"Content-Type: multipart/report; boundary=b;"
            b" report-type=disposition-notification",
        )
        self.come(raw)
        self.assertEqual(notification.notification_status, "sent")
        self.assertEqual(self.customer.message_bounce, 0)


@tagged("post_install", "-at_install")
class TestMemberNotifications(InboundCase):
    """Members of a mailbox are notified of new customer e-mails, of nothing else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.member_ids = cls.member
        cls.account.notify_members = True

    def letter(self, **values):
        return self.reply(**{"in_reply_to": None, **values})

    def test_members_are_notified_and_mark_it_as_read(self):
        self.come(self.letter())
        for user in (self.owner, self.member):
            notification = self.notifications_of(user.partner_id)
            self.assertEqual(notification.notification_type, "inbox")
            copy = notification.mail_message_id.with_user(user)
            self.assertTrue(copy.needaction)
            copy.set_message_done()
            self.assertTrue(notification.is_read)
        self.assertFalse(self.notifications_of(self.agent.partner_id))

    def test_off_by_default(self):
        self.account.notify_members = False
        self.come(self.letter())
        self.assertFalse(self.notifications_of(self.owner.partner_id))

    def test_notified_once_even_if_it_is_moved(self):
        raw = self.letter()
        self.come(raw)
        self.notifications_of(self.owner.partner_id).mail_message_id.with_user(
            self.owner
        ).set_message_done()
        self.come(raw)
        self.assertEqual(len(self.notifications_of(self.owner.partner_id)), 1)
        self.assertTrue(self.notifications_of(self.owner.partner_id).is_read)

    def test_followers_of_the_document_are_notified_once(self):
        """A reply is shown on the document as well, which the owner follows."""
        self.come(self.reply())
        self.assertTrue(self.replies().notification_ids)
        self.assertFalse(self.notifications_of(self.owner.partner_id))
        self.assertTrue(self.notifications_of(self.member.partner_id))

    def test_each_mailbox_notifies_its_own_members(self):
        other = self.make_account("info@example.org", owner=self.manager)
        other.started_on = "2024-01-01"
        other.notify_members = True
        self.manager.notification_type = "inbox"
        raw = self.letter()
        self.come(raw)
        self.assertFalse(self.notifications_of(self.manager.partner_id))
        self.come(raw, account=other)
        self.assertEqual(len(self.notifications_of(self.manager.partner_id)), 1)
        self.assertEqual(len(self.notifications_of(self.owner.partner_id)), 1)

    def test_nothing_else_notifies(self):
        old = datetime.now(timezone.utc) - timedelta(days=30)
        self.come(self.letter(), backfill=True)
        self.come(self.letter(date=old))
        self.come(self.letter(date=old), received=old)
        self.come(self.letter(sender="sales@example.org", to="customer@example.com"))
        self.come(self.letter(sender=self.agent.email, cc="customer@example.com"))
        self.come(self.letter(precedence="bulk"))
        self.come(self.letter(), folder="Sent")
        self.assertFalse(self.notifications_of(self.owner.partner_id))

    def test_only_those_who_may_read_it(self):
        """A member without access to contacts is not notified."""
        self.customer.company_id = self.account.company_id
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        self.member.write(
            {"company_ids": [(6, 0, elsewhere.ids)], "company_id": elsewhere.id}
        )
        self.come(self.letter())
        self.assertFalse(self.notifications_of(self.member.partner_id))
        self.assertTrue(self.notifications_of(self.owner.partner_id))

    def test_users_notified_by_email_have_no_inbox(self):
        self.member.notification_type = "email"
        self.come(self.letter())
        self.assertFalse(self.notifications_of(self.member.partner_id))
