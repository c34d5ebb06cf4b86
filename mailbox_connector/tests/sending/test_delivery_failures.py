"""What became of mail, shown to who sent it, and what they can do."""

from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.mail.tools.discuss import Store

from ..common import MailboxCase


@tagged("post_install", "-at_install")
class TestFailure(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner.group_ids += cls.env.ref("base.group_partner_manager")
        contact = cls.customer.with_user(cls.owner)
        message = contact.with_context(mail_notify_force_send=False).message_post(
            body="Hi",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            partner_ids=cls.customer.ids,
            outgoing_email_to="zoe@example.com",
        )
        cls.message = message.sudo()
        cls.mails = cls.env["mail.mail"].search([("mail_message_id", "=", message.id)])
        cls.refused = cls.mails.filtered("recipient_ids")
        cls.unknown = cls.mails - cls.refused
        for one, reason in ((cls.refused, "No such person."), (cls.unknown, "Lost.")):
            one.write({"state": "exception", "failure_reason": reason})
            cls.notification(one).write(
                {
                    "notification_status": "exception",
                    "failure_type": "unknown",
                    "failure_reason": reason,
                }
            )
        cls.unknown.mailbox_outcome = "ask"

    @classmethod
    def notification(cls, mail):
        return cls.message.notification_ids.filtered(
            lambda one: one.mail_mail_id == mail
        )

    def seen(self, user, mail):
        """What the client of ``user`` gets about a mail."""
        data = Store().add(self.message.with_user(user).sudo(False)).get_result()
        [found] = [
            one
            for one in data["mail.notification"]
            if one["id"] == self.notification(mail).id
        ]
        return found["mailbox_delivery"]

    def test_there_is_a_mail_each(self):
        self.assertEqual(len(self.mails), 2)
        self.assertEqual(self.mails.mailbox_account_id, self.account)

    def test_everybody_reads_why_and_the_author_can_do_something(self):
        shown = {"reason": "No such person.", "until": False, "unknown": False}
        self.assertEqual(self.seen(self.owner, self.refused), shown | {"retry": True})
        self.assertEqual(self.seen(self.agent, self.refused), shown | {"retry": False})
        self.assertTrue(self.seen(self.owner, self.unknown)["unknown"])

    def test_what_waits_says_until_when(self):
        self.refused.write(
            {
                "state": "outgoing",
                "scheduled_date": "2100-01-01 12:00:00",
                "mailbox_wait_reason": "Too many at once.",
            }
        )
        self.notification(self.refused).notification_status = "ready"
        shown = self.seen(self.owner, self.refused)
        self.assertEqual(shown["until"], "2100-01-01 12:00:00")
        self.assertEqual(shown["reason"], "Too many at once.")

    def test_retry_sends_again_what_surely_did_not_arrive(self):
        self.message.with_user(self.owner).mailbox_retry()
        self.assertEqual(self.refused.state, "outgoing")
        self.assertEqual(self.unknown.state, "exception")

    def test_a_manager_may_retry_and_nobody_else(self):
        for user in (self.agent, self.member, self.portal):
            message = self.message.with_user(user).sudo(False)
            with self.assertRaises(AccessError):
                message.mailbox_retry()
            with self.assertRaises(AccessError):
                message.mailbox_decide(self.notification(self.unknown).id, True)
        self.assertEqual(set(self.mails.mapped("state")), {"exception"})
        self.message.with_user(self.manager).sudo(False).mailbox_retry()
        self.assertEqual(self.refused.state, "outgoing")

    def test_only_what_is_unknown_is_decided(self):
        message = self.message.with_user(self.owner)
        message.mailbox_decide(self.notification(self.refused).id, False)
        self.assertEqual(self.refused.state, "exception")
        message.mailbox_decide(self.notification(self.unknown).id, False)
        self.assertEqual(self.unknown.state, "outgoing")
        self.assertFalse(self.unknown.mailbox_outcome)
