from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools.translate import code_translations

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side

from ..common import MailboxCase

AWAY = EngineError(
    Kind.REFUSED, Side.IMAP, host="imap.example.org", port=993, server_text="No"
)
WRONG = EngineError(Kind.LOGIN_WRONG, Side.IMAP, host="imap.example.org")


@tagged("post_install", "-at_install")
class TestAlerts(MailboxCase):
    """Owners are informed about lasting problems in time, and not more often."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner.notification_type = "inbox"
        cls.manager.notification_type = "inbox"
        cls.account.invalidate_recordset()

    def fail(self, error=AWAY, side="imap"):
        """A pass fails for this reason."""
        if side == "imap":
            self.env["mailbox.sync"]._record_failure(self.account, error)
        else:
            self.account.smtp_problem = "Sending (SMTP): no"
            self.account.report_problem("smtp", "Sending (SMTP): no", error=error)

    def work(self, side="imap"):
        self.account[f"{side}_problem"] = False

    def later(self, **time):
        """So much time goes by; then the scheduled action runs."""
        for row in self.env["mailbox.alert"].search([]):
            for name in ("since", "notify_at", "notified_at"):
                row[name] = row[name] and row[name] - timedelta(**time)
        self.notify()

    def notify(self):
        """What the scheduled action does, without its commits."""
        due = self.env["mailbox.alert"].search(
            [("notify_at", "<=", fields.Datetime.now())]
        )
        for row in due:
            row._notify()

    def inbox(self, user=None):
        """Messages in the Odoo inbox of a user about mailboxes, oldest first."""
        return (
            self.env["mail.notification"]
            .search(
                [
                    ("res_partner_id", "=", (user or self.owner).partner_id.id),
                    ("notification_type", "=", "inbox"),
                    ("mail_message_id.model", "=", "mailbox.account"),
                ],
                order="id",
            )
            .mail_message_id.sorted("id")
        )

    def activities(self, user=None):
        return self.account.activity_ids.filtered(
            lambda one: one.user_id == (user or self.owner)
        )

    # ------------------------------------------------------------------

    def test_a_short_failure_is_not_alerted(self):
        """Nobody is alerted about a server that is away for five minutes."""
        self.fail()
        self.later(minutes=5)
        self.work()
        self.later(minutes=10)
        self.assertFalse(self.inbox())
        self.assertFalse(self.account.alert_ids)

    def test_ten_minutes_of_failure_are_alerted_once(self):
        self.fail()
        self.later(minutes=11)
        self.fail()
        self.notify()
        self.assertEqual(
            self.inbox().mapped("subject"),
            ["The mailbox sales@example.org cannot be read"],
        )
        self.assertIn("does not respond", self.inbox().body)
        self.assertIn(f"/odoo/mailboxes/{self.account.id}", self.inbox().body)

    def test_a_success_restarts_the_time(self):
        self.fail()
        self.later(minutes=9)
        self.work()
        self.fail()
        self.later(minutes=9)
        self.assertFalse(self.inbox())

    def test_a_refused_password_is_notified_at_once(self):
        """Odoo retries after the first refusal, and alerts the owner all the same."""
        self.fail(WRONG)
        self.assertFalse(self.account.needs_person)
        self.notify()
        self.assertEqual(len(self.inbox()), 1)
        self.assertIn("press Check the connection", self.inbox().body)
        self.fail(WRONG)
        self.notify()
        self.assertEqual(len(self.inbox()), 1)

    def test_it_is_alerted_again_when_a_person_is_needed_after_all(self):
        self.fail()
        self.later(minutes=11)
        self.fail(WRONG)
        self.notify()
        self.assertEqual(len(self.inbox()), 2)

    def test_once_a_day_while_it_lasts(self):
        self.fail()
        self.later(minutes=11)
        self.later(hours=23)
        self.assertEqual(len(self.inbox()), 1)
        self.later(hours=2)
        self.assertEqual(len(self.inbox()), 2)
        self.assertIn("This has lasted since", self.inbox()[-1].body)
        self.assertEqual(len(self.activities()), 1, "one activity, updated")
        self.assertEqual(self.activities().date_deadline, fields.Date.today())

    def test_recovery_is_alerted_once_and_asks_nothing_more(self):
        self.fail()
        self.later(minutes=11)
        self.assertIn("cannot be read", self.activities().summary)
        self.work()
        self.notify()
        self.notify()
        self.assertEqual(len(self.inbox()), 2)
        self.assertIn("is read again", self.inbox()[-1].subject)
        self.assertFalse(self.activities())
        self.assertFalse(self.account.alert_ids)

    def test_both_servers_are_distinguished(self):
        self.fail()
        self.fail(side="smtp", error=None)
        self.later(minutes=11)
        self.assertEqual(len(self.inbox()), 2)
        self.assertEqual(len(self.activities()), 2)
        self.work("smtp")
        self.notify()
        self.assertIn("cannot be read", self.activities().summary)

    def test_an_activity_marked_as_done_comes_back_the_next_day(self):
        self.fail()
        self.later(minutes=11)
        self.activities().with_user(self.owner).action_done()
        self.assertFalse(self.activities())
        self.later(hours=25)
        self.assertEqual(len(self.activities()), 1)

    def test_managers_are_alerted_where_the_owner_has_left(self):
        self.owner.active = False
        self.fail()
        self.later(minutes=11)
        self.assertFalse(self.inbox())
        self.assertEqual(len(self.inbox(self.manager)), 1)
        self.assertEqual(len(self.account.activity_ids), 1)

    def test_managers_are_alerted_where_the_owner_may_not_open_it(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        self.owner.write(
            {"company_ids": [(6, 0, elsewhere.ids)], "company_id": elsewhere.id}
        )
        self.fail()
        self.later(minutes=11)
        self.assertFalse(self.inbox())
        self.assertTrue(self.inbox(self.manager))

    def test_in_the_language_of_who_reads_it(self):
        """The server was asked by the scheduled action, which has no language."""
        self.env["res.lang"]._activate_lang("fr_FR")
        self.owner.lang = "fr_FR"
        terms = {
            "The mailbox %s cannot be read": "La boîte %s ne peut pas être lue",
            "%(host)s does not respond on port %(port)s. Check host and port.": (
                "%(host)s ne répond pas."
            ),
        }
        cache = code_translations.python_translations
        key = ("mailbox_connector", "fr_FR")
        before = cache.get(key)
        cache[key] = terms
        self.addCleanup(
            lambda: cache.pop(key) if before is None else cache.update({key: before})
        )
        self.fail()
        self.later(minutes=11)
        self.assertIn("ne peut pas être lue", self.inbox().subject)
        self.assertIn("ne répond pas", self.inbox().body)

    def test_by_e_mail_it_leaves_by_odoos_own_server(self):
        """Even where Odoo's own mail goes through the mailbox that fails."""
        self.owner.notification_type = "email"
        self.account.send_automatic = True
        self.env["mailbox.sender.rule"].create(
            {"identity_id": self.account.main_identity().id}
        )
        self.env.company.email = self.account.email
        self.env.ref("base.partner_root").email = self.account.email
        self.fail(WRONG)
        self.notify()
        mail = self.env["mail.mail"].search(
            [("subject", "ilike", self.account.email)], order="id desc", limit=1
        )
        self.assertEqual(mail.recipient_ids, self.owner.partner_id)
        self.assertFalse(mail.mailbox_account_id or mail.mailbox_email_from)
        for server, _alias, _from, ids in mail._split_by_mail_configuration():
            self.assertIn(mail.id, ids)
            self.assertFalse(
                self.env["ir.mail_server"].browse(server or ()).mailbox_account_id
            )
        self.assertTrue(
            self.activities(), "users without an Odoo inbox see the activity"
        )

    def test_nobody_is_alerted_before_it_is_connected(self):
        self.account.state = "draft"
        self.account.imap_problem = "Reading (IMAP): no"
        self.assertFalse(self.account.alert_ids)
        self.account.state = "connected"
        self.assertTrue(self.account.alert_ids, "from then on it counts")

    def test_archived_asks_nothing_more(self):
        self.fail()
        self.later(minutes=11)
        self.account.active = False
        self.assertFalse(self.account.activity_ids)
        self.assertFalse(self.account.alert_ids)
        self.later(hours=25)
        self.assertEqual(len(self.inbox()), 1)

    def test_deleted_leaves_no_activity(self):
        self.fail()
        self.later(minutes=11)
        activity = self.account.activity_ids
        self.account.unlink()
        self.assertFalse(activity.exists())

    def test_managers_see_the_activity_and_nobody_what_is_behind(self):
        self.fail()
        self.later(minutes=11)
        account = self.account.with_user(self.manager)
        self.assertEqual(len(account.activity_ids), 1)
        with self.assertRaises(AccessError):
            self.env["mailbox.alert"].with_user(self.manager).search([])
