from odoo.tests import tagged

from odoo.addons.mailbox_connector.engine.mime.ids import message_id_hash

from .test_after_import import InboundCase


def report(
    message_id,
    recipient,
    action="failed",
    status="5.1.1",
    said="550 5.1.1 User unknown",
    to="sales@example.org",
    original_to=None,
):
    """A delivery status notification as Postfix writes it, in bytes."""
    text = f"""Return-Path: <>
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Sun, 22 Nov 2026 10:00:00 +0000
Message-ID: <{id(object())}.{recipient}.{action}@mx.example.net>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Postfix-Sender: rfc822; {to}

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mail.customer.example
Diagnostic-Code: smtp; {said}

--b
Content-Type: text/rfc822-headers

From: {to}
To: {original_to or recipient}
Subject: Offer
Message-ID: {message_id}

--b--
"""
    return text.replace("\n", "\r\n").encode()


@tagged("post_install", "-at_install")
class TestDeliveryReports(InboundCase):
    """A message that could not be delivered shows the reason."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sent = cls.customer.message_post(body="Our offer")
        cls.notification = cls.env["mail.notification"].create(
            {
                "mail_message_id": cls.sent.id,
                "res_partner_id": cls.customer.id,
                "notification_type": "email",
                "notification_status": "sent",
            }
        )
        cls.row = cls.env["mailbox.delivery"].create(
            {
                "account_id": cls.account.id,
                "mail_mail_id_int": 1,
                "mail_message_id_int": cls.sent.id,
                "recipient": "customer@example.com",
                "message_id": cls.sent.message_id,
                "message_id_hash": message_id_hash(cls.sent.message_id),
                "state": "sent",
            }
        )

    def report(self, recipient="customer@example.com", **values):
        return report(self.sent.message_id, recipient, **values)

    def assertUntouched(self):
        self.assertEqual(self.notification.notification_status, "sent")
        self.assertFalse(self.notification.failure_reason)
        self.assertFalse(self.row.bounced_at)
        self.assertEqual(self.customer.message_bounce, 0)

    def test_a_bounce_shows_on_message_contact_and_ledger(self):
        (queued,) = self.come(self.report())
        self.assertEqual(self.notification.notification_status, "bounce")
        self.assertEqual(self.notification.failure_type, "mail_bounce")
        self.assertEqual(
            self.notification.failure_reason,
            "Not delivered to customer@example.com: there is no such address. The mail "
            "server said: 550 5.1.1 User unknown",
        )
        self.assertTrue(self.sent.has_error)
        self.assertEqual(self.customer.message_bounce, 1)
        self.assertTrue(self.row.bounced_at)
        self.assertEqual(self.row.state, "sent", "and so is not sent again")
        self.assertIn("no such address", self.row.reason)
        self.assertFalse(queued.raw_files(), "the report itself is not kept")
        self.assertFalse(
            self.env["mailbox.message"].search([("email_from", "ilike", "daemon")])
        )

    def test_two_reports_count_once(self):
        self.come(self.report())
        self.come(self.report(said="550 gone"), self.report(said="550 still gone"))
        self.assertEqual(self.customer.message_bounce, 1)

    def test_delayed_mail_has_not_failed(self):
        self.come(self.report(action="delayed", status="4.4.1", said="timed out"))
        self.assertEqual(self.notification.notification_status, "sent")
        self.assertIn("keep trying", self.notification.failure_reason)
        self.assertIn("timed out", self.row.reason)
        self.assertFalse(self.row.bounced_at)
        self.assertEqual(self.customer.message_bounce, 0)
        self.come(self.report(status="4.4.7", said="expired"))
        self.assertEqual(self.notification.notification_status, "bounce")
        self.assertIn("several days", self.notification.failure_reason)

    def test_delivered_is_no_news(self):
        self.come(self.report(action="delivered", status="2.0.0", said="250 ok"))
        self.assertUntouched()

    def test_a_forged_report_is_not_believed(self):
        """Neither about e-mails that we did not send, nor about other recipients."""
        self.env["res.partner"].create({"name": "V", "email": "victim@example.net"})
        self.come(report("<unknown@example.org>", "customer@example.com"))
        self.come(self.report("victim@example.net"))
        self.assertUntouched()
        self.assertFalse(
            self.env["res.partner"]
            .search([("email", "=", "victim@example.net")])
            .message_bounce
        )

    def test_forwarded_mail_counts_for_the_original_recipient(self):
        self.come(
            self.report("moved@elsewhere.example", original_to="customer@example.com")
        )
        self.assertTrue(self.row.bounced_at)
        self.assertIn("customer@example.com", self.row.reason)

    def test_mail_that_was_sent_by_odoos_own_server(self):
        self.row.unlink()
        self.come(self.report())
        self.assertEqual(self.notification.notification_status, "bounce")
        self.assertEqual(self.customer.message_bounce, 1)

    def test_the_message_in_the_chatter_was_deleted(self):
        raw = self.report()
        self.sent.unlink()
        self.come(raw)
        self.assertTrue(self.row.bounced_at)
        self.assertEqual(self.customer.message_bounce, 1)

    def test_older_reports_count_no_bounce(self):
        raw = self.report()
        self.come(raw, backfill=True)
        self.assertUntouched()

    def test_a_bounce_for_a_document_is_no_reply_to_it(self):
        """A report that refers to the returned message would be posted there."""
        posted = self.document.message_post(body="Bill")
        raw = report(posted.message_id, "customer@example.com").replace(
            b"MIME-Version", f"References: {posted.message_id}\r\nMIME-Version".encode()
        )
        self.come(raw)
        self.assertFalse(self.replies())

    def test_what_was_sent_from_a_document_shows_it_there(self):
        posted = self.document.message_post(body="Bill")
        notification = self.notification.copy({"mail_message_id": posted.id})
        notification.notification_status = "sent"
        self.come(report(posted.message_id, "customer@example.com"))
        self.assertEqual(notification.notification_status, "bounce")
        self.assertTrue(posted.has_error)
        self.assertEqual(self.notification.notification_status, "sent")

    def test_a_provider_replaced_its_message_id(self):
        raw = report("<renamed@provider.example>", "customer@example.com")
        references = (
            f"Subject: Offer\r\nReferences: <a@b.example> {self.sent.message_id}"
        )
        self.come(raw.replace(b"Subject: Offer", references.encode()))
        self.assertTrue(self.row.bounced_at)

    def test_open_chatters_are_reloaded(self):
        notified = []
        self.patch(
            self.registry["res.partner"],
            "mailbox_reload_chatter",
            lambda partners: notified.extend(partners.ids),
        )
        self.come(self.report())
        self.assertEqual(notified, self.customer.ids)
