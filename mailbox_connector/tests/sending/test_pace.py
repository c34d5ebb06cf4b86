"""Limits of a mailbox, and what its Sent folder proves; nothing leaves here."""

from datetime import timedelta
from email.message import EmailMessage

from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mailbox_connector.services.sending.pace import may_send_now
from odoo.addons.mailbox_connector.services.sending.sent_copy_lookup import was_sent
from odoo.addons.mailbox_connector.services.sending.sent_copy_mime import (
    with_all_recipients,
)

from .test_sending import SendingCase


@tagged("post_install", "-at_install")
class TestLimits(SendingCase):
    def row(self, **values):
        """A line of the ledger: somebody got a mail."""
        self.number = getattr(self, "number", 0) + 1
        return self.env["mailbox.delivery"].create(
            {
                "account_id": self.account.id,
                "mail_mail_id_int": 10**9 + self.number,
                "recipient": "carl@customer.example",
                "message_id": f"<{self.number}@example.com>",
                "message_id_hash": f"{self.number:032}",
                "state": "sent",
                "handed_at": fields.Datetime.now(),
                **values,
            }
        )

    def test_a_limit_is_a_number_from_zero(self):
        for name in ("limit_hour", "limit_day", "limit_seconds"):
            with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
                with self.env.cr.savepoint():
                    self.account[name] = -1
                    self.env.flush_all()
            self.env.invalidate_all()
        with self.assertRaises(ValidationError):
            self.account.limit_seconds = 86401

    def test_what_failed_does_not_count_and_what_may_have_left_does(self):
        self.account.limit_hour = 2
        self.row(state="failed")
        self.row(state="unknown")
        self.assertEqual(may_send_now(self.account, 1, self.env), (1, None))
        self.row()
        allowed, put_off = may_send_now(self.account, 1, self.env)
        self.assertEqual(allowed, 0)
        self.assertIn("2 recipients an hour", put_off.reason)
        old = fields.Datetime.now() - timedelta(hours=1)
        self.env["mailbox.delivery"].search([]).handed_at = old
        self.assertEqual(may_send_now(self.account, 2, self.env), (2, None))

    def test_what_is_over_the_limit_is_put_off_before_any_connection(self):
        self.account.limit_day = 1
        self.row()
        message = self.post(self.owner)
        mail = self.mails(message)
        mail.send()
        self.assertEqual(mail.state, "outgoing")
        self.assertIn("1 recipients a day", mail.mailbox_wait_reason)
        self.assertGreater(mail.scheduled_date, fields.Datetime.now())
        self.assertEqual(message.notification_ids.notification_status, "ready")
        self.assertIn("sends it automatically", message.notification_ids.failure_reason)
        self.assertFalse(self.account.can_go_on, "a limit of its own is not passed by")

    def test_only_the_owner_and_managers_set_limits(self):
        self.account.with_user(self.owner).limit_hour = 5
        self.account.with_user(self.manager).limit_hour = 6
        member = self.make_user("mb_guest", "mailbox_connector.group_mailbox_user")
        self.account.member_ids = member
        for user in (member, self.agent):
            with self.assertRaises(AccessError):
                self.account.with_user(user).limit_hour = 7

    def test_the_state_of_sending_is_not_for_people_to_write(self):
        self.account.member_ids = self.member
        with self.assertRaises(AccessError):
            self.account.with_user(self.agent).action_go_on()
        self.account.with_user(self.member).action_go_on()

    def test_retry_forgets_what_was_before(self):
        mail = self.mails(self.post(self.owner))
        mail.write(
            {
                "state": "exception",
                "mailbox_attempts": 9,
                "mailbox_wait_reason": "Busy",
                "scheduled_date": fields.Datetime.now() + timedelta(hours=4),
            }
        )
        mail.action_retry()
        self.assertEqual((mail.state, mail.mailbox_attempts), ("outgoing", 0))
        self.assertFalse(mail.scheduled_date)


@tagged("post_install", "-at_install")
class TestSentFolder(SendingCase):
    def test_a_copy_proves_only_what_is_not_explained_otherwise(self):
        self.assertTrue(was_sent(copies=1, own_copies=0, known_sent=0))
        self.assertFalse(was_sent(copies=0, own_copies=0, known_sent=0))
        self.assertFalse(was_sent(copies=1, own_copies=1, known_sent=0), "ours")
        self.assertFalse(was_sent(copies=1, own_copies=0, known_sent=1), "another's")
        self.assertTrue(was_sent(copies=2, own_copies=0, known_sent=1))

    def test_a_provider_is_believed_after_three_times_in_a_row(self):
        account = self.account
        for was_there in (True, True, False, True, True):
            account.record_filing(was_there)
        self.assertFalse(account.provider_saves_sent_copies())
        account.record_filing(True)
        self.assertTrue(account.provider_saves_sent_copies())
        account.sent_copy = "odoo"
        self.assertFalse(account.provider_saves_sent_copies(), "a setting is a setting")
        account.sent_copy = "automatic"
        self.assertFalse(account.provider_saves_sent_copies(), "and it begins again")

    def test_the_copy_names_everybody(self):
        message = EmailMessage()
        message["To"] = "Carl <carl@customer.example>"
        message.set_content("x")
        whole = with_all_recipients(
            message,
            ("Carl <carl@customer.example>", "Olga <olga@customer.example>"),
            ("cc@customer.example",),
        )
        self.assertEqual(
            whole["To"],
            "Carl <carl@customer.example>, Olga <olga@customer.example>",
        )
        self.assertEqual(whole["Cc"], "cc@customer.example")
        self.assertNotIn("Olga", str(message), "what is sent stays as it is")
