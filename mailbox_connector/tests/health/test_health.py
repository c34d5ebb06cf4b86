from datetime import datetime, timedelta, timezone

from odoo import Command, fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.mailbox_connector.engine.errors import EngineError, Kind, Side
from odoo.addons.mailbox_connector.engine.sync.state import Counts

from ..common import MailboxCase, mail

AWAY = EngineError(Kind.REFUSED, Side.IMAP, host="imap.example.org", port=993)
EXPIRED = EngineError(Kind.CERTIFICATE_DATE, Side.IMAP, host="imap.example.org")
WRONG = EngineError(Kind.LOGIN_WRONG, Side.IMAP, host="imap.example.org")


@tagged("post_install", "-at_install")
class TestHealth(MailboxCase):
    """Each mailbox says in one word whether somebody has to do something."""

    def fail(self, error, account=None):
        account = account or self.account
        self.env["mailbox.sync"]._record_failure(account, error)

    def health(self, account=None):
        account = account or self.account
        account.invalidate_recordset()
        found = account.health
        alike = self.env["mailbox.account"].search([("health", "=", found)])
        self.assertIn(account, alike, "the filter finds it")
        return found

    def start_backfill(self, account=None):
        self.env["mailbox.backfill"].create(
            {"account_id": (account or self.account).id, "since": "2024-01-01"}
        )

    def test_not_connected(self):
        self.account.state = "draft"
        self.account.imap_problem = "Reading (IMAP): no"
        self.assertEqual(self.health(), "draft")
        self.assertEqual(self.account.reading_health, "off")

    def test_connected(self):
        self.assertEqual(self.health(), "connected")
        self.account.imap_ok_at = fields.Datetime.now()
        self.account.invalidate_recordset()
        self.assertEqual(self.account.reading_health, "works")
        self.assertIn("Last read", self.account.reading_text)
        self.assertEqual(self.account.sending_text, "Not used yet.")
        self.assertFalse(self.account.problem_text)

    def test_importing(self):
        self.start_backfill()
        self.assertEqual(self.health(), "importing")
        self.assertEqual(self.account.reading_health, "works")

    def test_what_goes_on_automatically_waits(self):
        self.start_backfill()
        self.fail(AWAY)
        self.assertEqual(self.health(), "waiting")
        self.assertEqual(self.account.reading_health, "waiting")
        self.assertIn("Next try", self.account.reading_text)
        self.assertEqual(self.account.sending_health, "works")
        self.assertIn("does not respond", self.account.problem_text)
        self.assertTrue(self.account.can_try_again)

    def test_paused_sending_waits(self):
        until = fields.Datetime.now() + timedelta(hours=1)
        self.account.sending_paused_until = until
        self.assertEqual(self.health(), "waiting")
        self.assertEqual(self.account.sending_health, "waiting")
        self.assertIn("Next try", self.account.sending_text)
        self.assertEqual(self.account.reading_health, "works")

    def test_a_refused_password_needs_a_person_from_the_first_time(self):
        self.fail(WRONG)
        self.assertEqual(self.health(), "action_needed")
        self.assertIn("Next try", self.account.reading_text)
        self.fail(WRONG)
        self.assertIn("Stopped", self.account.reading_text)

    def test_settings_that_cannot_be_right_need_a_person(self):
        self.fail(EXPIRED)
        self.assertEqual(self.health(), "action_needed")

    def test_a_refused_password_for_sending_needs_a_person(self):
        error = EngineError(Kind.LOGIN_WRONG, Side.SMTP, host="smtp.example.org")
        self.account.smtp_problem = "Sending (SMTP): no"
        self.account.report_problem("smtp", "Sending (SMTP): no", error=error)
        self.assertEqual(self.health(), "action_needed")
        self.assertEqual(self.account.sending_health, "action_needed")
        self.assertEqual(self.account.reading_health, "works")

    def test_a_folder_that_is_gone_needs_a_person(self):
        self.account.folder_ids[:1].mark_gone()
        self.assertEqual(self.health(), "action_needed")
        self.assertIn("no longer exist", self.account.problem_text)

    def test_mail_to_decide_on_needs_a_person(self):
        self.env["mail.mail"].with_user(self.owner).sudo().create(
            {
                "subject": "Sent?",
                "email_to": "customer@example.com",
                "mailbox_account_id": self.account.id,
                "mailbox_email_from": self.account.email,
                "state": "exception",
                "mailbox_outcome": "ask",
            }
        )
        self.assertEqual(self.health(), "action_needed")
        self.assertEqual(self.account.sending_health, "action_needed")

    def test_mended_settings_are_tried_before_anybody_is_asked(self):
        self.fail(WRONG)
        self.fail(WRONG)
        self.account.imap_password = "new"
        self.assertEqual(self.health(), "waiting")
        self.account.imap_problem = False
        self.assertEqual(self.health(), "connected")

    def test_read_by_hand_after_it_had_stopped_goes_on_automatically(self):
        """What the provider mended needs no change of settings here."""
        self.fail(WRONG)
        self.fail(WRONG)
        self.assertTrue(self.account.needs_person)

        class Quiet:
            account = self.account
            new = backfill = Counts()

        self.env["mailbox.sync"]._record_success(Quiet)
        self.assertFalse(self.account.needs_person or self.account.imap_problem)
        self.assertEqual(self.health(), "connected")

    def test_filters_and_groups(self):
        other = self.make_account("info@example.org", owner=self.manager)
        self.fail(WRONG, other)
        Account = self.env["mailbox.account"].with_user(self.manager)
        both = [("id", "in", (self.account | other).ids)]
        found = Account.search([*both, ("health", "=", "action_needed")])
        self.assertEqual(found, other)
        found = Account.search([*both, ("health", "!=", "action_needed")])
        self.assertEqual(found, self.account)
        groups = Account.formatted_read_group(both, ["health"], ["__count"])
        self.assertEqual(
            {(group["health"], group["__count"]) for group in groups},
            {("connected", 1), ("action_needed", 1)},
        )

    def test_a_manager_sees_those_of_all_and_others_their_own(self):
        self.fail(WRONG)
        needs = [("health", "=", "action_needed")]
        for user, sees in (
            (self.manager, True),
            (self.owner, True),
            (self.member, False),
        ):
            found = self.env["mailbox.account"].with_user(user).search(needs)
            self.assertEqual(self.account in found, sees, user.name)

    def test_a_list_of_many_takes_as_many_queries_as_one_of_few(self):
        names = ["health", "reading_text", "sending_text", "new_today", "problem_text"]
        names += ["failed_import_count", "can_try_again"]

        def count(number):
            accounts = self.env["mailbox.account"].search([], limit=number)
            self.assertEqual(len(accounts), number)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            accounts.read(names)
            return self.env.cr.sql_log_count - before

        for number in range(12):
            self.make_account(f"many{number}@example.org", owner=self.owner)
        count(2)
        self.assertLessEqual(count(12), count(3) + 1)

    def test_several_are_tried_again_in_a_moment(self):
        other = self.make_account("info@example.org", owner=self.owner)
        both = (self.account | other).with_user(self.manager)
        self.fail(WRONG)
        self.fail(WRONG)
        self.fail(AWAY, other)
        due = self.env["mailbox.sync"]._due("served_at")
        self.assertFalse(due & both.sudo())
        result = both.action_try_again()
        self.assertEqual(result["params"]["type"], "success")
        due = self.env["mailbox.sync"]._due("served_at")
        self.assertEqual(due & both.sudo(), both.sudo())
        stranger = self.account.with_user(self.member)
        with self.assertRaises(AccessError):
            stranger.action_try_again()

    def test_sending_without_a_server_does_not_work_again(self):
        """Nobody is alerted that it works, and nothing is sent elsewhere."""
        self.account.smtp_problem = "localhost refuses the username or the password."
        self.account.smtp_host = False
        result = self.account.with_user(self.owner).action_try_again()
        self.assertEqual(result["params"]["type"], "danger")
        self.assertIn("SMTP host", result["params"]["message"])
        self.assertTrue(self.account.smtp_problem)

    # ------------------------------------------------------------------

    def test_new_today_is_mail_of_contacts_since_the_readers_midnight(self):
        self.owner.tz = "Pacific/Kiritimati"  # UTC+14, all the year
        zone = timezone(timedelta(hours=14))
        midnight = datetime.now(zone).replace(hour=0, minute=0, second=0)
        minute = timedelta(minutes=1)
        self.import_mail(mail(date=midnight + minute, subject="New"))
        self.import_mail(mail(date=midnight - minute, subject="Yesterday"))
        self.import_mail(
            mail(
                sender="sales@example.org",
                to="customer@example.com",
                date=midnight + minute,
            ),
            folder="Sent",
        )
        self.assertEqual(self.account.with_user(self.owner).new_today, 1)
        quiet = self.make_account("quiet@example.org", owner=self.owner)
        self.assertEqual(quiet.with_user(self.owner).new_today, 0)


@tagged("post_install", "-at_install")
class TestRuns(MailboxCase):
    """What passes imported and why they failed can be read afterwards."""

    def note(self, kind="new", problem=False, **counts):
        self.env["mailbox.run"].record(
            self.account, kind, 1.5, Counts(**counts), problem
        )

    def runs(self):
        return self.env["mailbox.run"].search([("account_id", "=", self.account.id)])

    def test_what_was_skipped_and_why(self):
        self.note(seen=20, matched=5, skipped=15, newsletters=4, internal=1, deleted=2)
        self.assertEqual(
            self.runs().skipped_text,
            "no contact: 8, newsletters and lists: 4, between colleagues: 1, "
            "deleted here before: 2",
        )

    def test_the_same_failure_again_is_one_line(self):
        self.note(problem="Away")
        self.note(problem="Away", kind="backfill")
        self.assertEqual(self.runs().times, 2)
        self.note(problem="Wrong")
        self.note(seen=1)
        self.note(problem="Wrong")
        self.assertEqual(len(self.runs()), 4)

    def test_slices_of_an_import_are_one_line(self):
        self.note("backfill", seen=250, matched=10, linked=12, skipped=240)
        self.note("backfill", seen=50, matched=1, linked=1, skipped=49)
        run = self.runs()
        self.assertEqual((run.seen, run.matched, run.linked), (300, 11, 13))
        self.assertEqual((run.times, run.seconds), (2, 3))
        self.note(seen=1)
        self.note("backfill", seen=1)
        self.assertEqual(len(self.runs()), 3)
        self.runs()[:1].ended_at -= timedelta(hours=1)
        self.note("backfill", seen=1)
        self.assertEqual(len(self.runs()), 4, "another import, another day")

    def test_new_mail_is_a_line_each(self):
        self.note(seen=1)
        self.note(seen=1)
        self.assertEqual(len(self.runs()), 2)

    def test_kept_for_a_month(self):
        self.note(seen=1)
        self.note(seen=2)
        self.runs()[-1:].ended_at -= timedelta(days=31)
        self.env["mailbox.run"]._gc_runs()
        self.assertEqual(self.runs().seen, 2)

    def test_read_by_those_who_have_the_mailbox_and_changed_by_nobody(self):
        self.account.member_ids = [Command.link(self.member.id)]
        self.note(seen=1)
        for user in (self.owner, self.member, self.manager):
            self.assertEqual(self.runs().with_user(user).seen, 1)
            with self.assertRaises(AccessError):
                self.runs().with_user(user).seen = 2
        other = self.make_user("mb_other", "mailbox_connector.group_mailbox_user")
        self.assertFalse(self.env["mailbox.run"].with_user(other).search([]))
        with self.assertRaises(AccessError):
            self.env["mailbox.run"].with_user(self.agent).search([])
