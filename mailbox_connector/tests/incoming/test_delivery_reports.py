from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.mailbox_connector.engine.mime.ids import message_id_hash
from odoo.addons.mailbox_connector.services.incoming import unmatched_reports

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


def bounce(recipient="customer@example.com", returned="", subject="Returned mail"):
    """A bounce in words, in bytes.

    :param returned: the header of the message
    """
    text = f"""Return-Path: <>
From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>
To: sales@example.org
Subject: {subject}
Date: {fields.Datetime.now():%a, %d %b %Y %H:%M:%S} +0000
Message-ID: <{id(object())}.{recipient}@mx.example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

   ----- The following addresses had permanent fatal errors -----
<{recipient}>

   ----- Transcript of session follows -----
550 5.1.1 <{recipient}>... User unknown

   ----- Unsent message follows -----
{returned}
"""
    return text.replace("\n", "\r\n").encode()


class ReportCase(InboundCase):
    """A message to the customer, sent from the mailbox."""

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


@tagged("post_install", "-at_install")
class TestDeliveryReports(ReportCase):
    """A message that could not be delivered shows the reason."""

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


@tagged("post_install", "-at_install")
class TestBouncesInWords(ReportCase):
    """A bounce that is no delivery report leads to the message as well."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sent.subject = "Our offer"
        cls.row.handed_at = fields.Datetime.now() - timedelta(hours=1)

    def send(self, subject="Our offer", recipient="customer@example.com", **values):
        """Another message that was sent from the mailbox."""
        sent = self.customer.message_post(body="More", subject=subject)
        values = {
            "mail_mail_id_int": sent.id + 1_000_000,
            "mail_message_id_int": sent.id,
            "recipient": recipient,
            "message_id": sent.message_id,
            "message_id_hash": message_id_hash(sent.message_id),
            **values,
        }
        return self.row.copy(values)

    def returned(self, subject="Our offer"):
        """A returned header without a Message-ID."""
        return (
            "Received: by mx.example.net; Mon, 4 May 2026\nFrom: sales@example.org\n"
            f"To: customer@example.com\nSubject: {subject}"
        )

    def test_by_the_message_id_in_the_copy(self):
        self.come(bounce(returned=f"Message-ID: {self.sent.message_id}\nFrom: a@b.c"))
        self.assertTrue(self.row.bounced_at)
        self.assertEqual(self.notification.notification_status, "bounce")
        self.assertEqual(self.customer.message_bounce, 1)
        self.assertIn("550 5.1.1", self.row.reason)

    def test_by_recipient_and_subject(self):
        other = self.send(subject="Our invoice")
        self.come(bounce(returned=self.returned()))
        self.assertTrue(self.row.bounced_at)
        self.assertEqual(self.notification.notification_status, "bounce")
        self.assertFalse(other.bounced_at)

    def test_by_a_subject_that_the_mail_app_changed(self):
        self.come(bounce(returned=self.returned("Re: [sales] Our  offer")))
        self.assertTrue(self.row.bounced_at)

    def assertLeadsNowhere(self, raw):
        self.come(raw)
        rows = self.env["mailbox.delivery"].search([("bounced_at", "!=", False)])
        self.assertFalse(rows)
        self.assertEqual(self.customer.message_bounce, 0)

    def test_two_messages_with_this_subject(self):
        """Which of them failed is unknown: the wrong one must not show it."""
        self.send()
        self.assertLeadsNowhere(bounce(returned=self.returned()))

    def test_no_subject(self):
        """Anybody could write it who knows one of our customers."""
        self.assertLeadsNowhere(bounce())

    def test_a_message_of_a_mail_app_with_this_subject(self):
        mailbox_message = self.import_mail(
            self.reply(
                sender="sales@example.org",
                to="customer@example.com",
                subject="Our offer",
                in_reply_to="<x@example.com>",
            ),
            folder="Sent",
        )
        self.assertEqual(mailbox_message.direction, "out")
        self.assertLeadsNowhere(bounce(returned=self.returned()))

    def test_other_subjects_recipients_times_and_mailboxes(self):
        self.assertLeadsNowhere(bounce(returned=self.returned("Our invoice")))
        self.assertLeadsNowhere(bounce("customer_@example.com"))
        other = self.make_account("info@example.org", owner=self.manager)
        other.started_on = "2024-01-01"
        self.come(bounce(returned=self.returned()), account=other)
        self.assertUntouched()
        self.row.handed_at = fields.Datetime.now() - timedelta(days=11)
        self.assertLeadsNowhere(bounce(returned=self.returned()))

    def test_a_message_that_was_not_sent_from_here(self):
        """A mail app sent it, to the same person and with the same subject."""
        raw = bounce(returned=self.returned() + "\nMessage-ID: <app@example.org>")
        self.assertLeadsNowhere(raw)

    def test_a_reply_of_a_mail_app_in_the_conversation(self):
        """It refers to our message, but that one arrived."""
        parent = self.sent.message_id
        head = (
            f"{self.returned()}\nMessage-ID: <app@example.org>\n"
            f"In-Reply-To: {parent}\nReferences: {parent}"
        )
        self.assertLeadsNowhere(bounce(returned=head))

    def test_delayed_is_no_failure(self):
        raw = (
            bounce(
                returned=self.returned(),
                subject="Warning: could not send message for past 4 hours",
            )
            .replace(b"permanent fatal", b"transient")
            .replace(b"550 5.1.1", b"451 4.4.1")
        )
        self.come(raw)
        self.assertFalse(self.row.bounced_at)
        self.assertEqual(self.customer.message_bounce, 0)
        self.assertIn("keep trying", self.row.reason)


@tagged("post_install", "-at_install")
class TestUnmatchedReports(ReportCase):
    """A report about an e-mail that Odoo does not know is shown to the owner."""

    UNKNOWN = "<unknown@example.org>"

    def shown(self, user=None, account=None):
        """The reports in the Odoo inbox of a user, or all."""
        domain = [
            ("mail_message_id.model", "=", "mailbox.account"),
            ("mail_message_id.res_id", "=", (account or self.account).id),
        ]
        if user:
            domain.append(("res_partner_id", "=", user.partner_id.id))
        return self.env["mail.notification"].search(domain).mail_message_id

    def test_the_owner_reads_it(self):
        (row,) = self.come(report(self.UNKNOWN, "stranger@example.com"))
        message = self.shown(self.owner)
        self.assertEqual(len(message), 1)
        seen = message.with_user(self.owner)
        self.assertIn("Undelivered Mail Returned to Sender", seen.subject)
        self.assertIn("could not be delivered", seen.body)
        self.assertIn("Not delivered to stranger@example.com", seen.body)
        self.assertIn("Odoo does not know", seen.body)
        self.assertTrue(seen.needaction)
        self.assertEqual(row.state, "done")
        self.assertFalse(row.raw_files())

    def test_bounces_in_words_and_broken_reports_too(self):
        self.come(bounce("stranger@example.com"))
        self.assertEqual(len(self.shown(self.owner)), 1)
        broken = report(self.UNKNOWN, "stranger@example.com")
        self.come(broken.replace(b"Final-Recipient", b"X-Broken"))
        self.assertEqual(len(self.shown(self.owner)), 2)

    def test_what_leads_to_a_message_is_shown_there_alone(self):
        self.come(self.report())
        self.assertFalse(self.shown())

    def test_good_news_and_other_mail_is_not_shown(self):
        raw = report(self.UNKNOWN, "x@example.com", action="delivered", status="2.0.0")
        self.come(raw, self.reply())
        self.assertFalse(self.shown())

    def test_once_even_if_several_mailboxes_have_it(self):
        other = self.make_account("info@example.org", owner=self.owner)
        other.started_on = "2024-01-01"
        raw = report(self.UNKNOWN, "stranger@example.com")
        self.come(raw, raw)
        self.come(raw, account=other)
        self.assertEqual(len(self.shown(self.owner)), 1)
        self.assertFalse(self.shown(account=other))

    def assertUnreadable(self, message, user):
        self.assertFalse(message.with_user(user).has_access("read"))
        found = self.env["mail.message"].with_user(user)
        self.assertFalse(found.search([("id", "=", message.id)]))
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            message.with_user(user).read(["body"])

    def test_only_the_owner_reads_it(self):
        """Neither members, who may read the contact's e-mails, nor strangers."""
        for visibility in ("members", "everyone"):
            self.account.write(
                {"visibility": visibility, "member_ids": [Command.set(self.member.ids)]}
            )
            self.come(report(self.UNKNOWN, f"stranger@{visibility}.example"))
            message = self.shown(self.owner).sorted("id")[-1:]
            self.env.invalidate_all()
            [values] = message.with_user(self.owner).read(["body"])
            self.assertIn(f"stranger@{visibility}.example", values["body"])
            for user in (self.member, self.manager, self.agent, self.portal):
                self.assertUnreadable(message, user)

    def test_a_former_owner_no_longer_reads_it(self):
        self.account.visibility = "members"
        self.come(report(self.UNKNOWN, "stranger@example.com"))
        message = self.shown(self.owner)
        self.account.owner_id = self.manager
        self.assertUnreadable(message, self.owner)

    def test_members_if_the_owner_has_left(self):
        self.account.member_ids = self.member
        self.owner.active = False
        self.come(report(self.UNKNOWN, "stranger@example.com"))
        self.assertFalse(self.shown(self.owner))
        self.assertEqual(len(self.shown(self.member)), 1)

    def test_in_the_language_of_the_owner(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.owner.lang = "fr_FR"
        self.come(report(self.UNKNOWN, "stranger@example.com"))
        self.assertTrue(self.shown(self.owner))

    def test_by_email_it_leaves_by_odoos_own_server(self):
        self.owner.notification_type = "email"
        self.come(report(self.UNKNOWN, "stranger@example.com"))
        message = self.shown(self.owner)
        queued = self.env["mail.mail"].search([("mail_message_id", "=", message.id)])
        self.assertEqual(len(queued), 1)
        self.assertFalse(queued.mailbox_account_id)
        self.assertEqual(queued.state, "outgoing", "a sync does not wait for SMTP")

    def test_active_content_is_not_shown(self):
        raw = bounce("stranger@example.com").replace(b"text/plain", b"text/html")
        raw = raw.replace(
            b"User unknown", b"<script>x()</script><b onclick='x()'>no</b>"
        )
        self.come(raw)
        body = self.shown(self.owner).body
        self.assertIn("<b>no</b>", body)
        self.assertNotIn("<script", body)
        self.assertNotIn("onclick", body)

    def test_a_flood_is_bounded(self):
        """Somebody sends mail in our name: thousands of bounces of what we never
        sent."""
        self.patch(unmatched_reports, "MAX_A_DAY", 3)
        for number in range(5):
            self.come(report(self.UNKNOWN, f"s{number}@example.com"))
        shown = self.shown(self.owner).sorted("id")
        self.assertEqual(len(shown), 3)
        self.assertIn("There are many", shown[2].body)
        self.assertNotIn("There are many", shown[1].body)

    def test_older_reports_are_not_shown(self):
        self.come(report(self.UNKNOWN, "stranger@example.com"), backfill=True)
        self.assertFalse(self.shown())
