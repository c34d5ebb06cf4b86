"""How many mailboxes are read side by side: the setting and the scheduled actions."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, new_test_user, tagged

SHARED = {"fetch new mail": "_cron_new_mail", "import older e-mails": "_cron_backfill"}


@tagged("post_install", "-at_install")
class TestWorkers(TransactionCase):
    def settings(self, user=None):
        return self.env["res.config.settings"].with_user(user or self.env.user)

    def save(self, number):
        with Form(self.settings()) as form:
            form.mailbox_workers = number
        form.record.execute()

    def workers(self):
        """Names of the scheduled actions that read mailboxes, by method."""
        found = self.env["ir.cron"].search([("model_id.model", "=", "mailbox.sync")])
        return {
            method: found.filtered_domain([("code", "like", method)]).mapped("name")
            for method in SHARED.values()
        }

    def expected(self, *suffixes):
        return {
            method: [f"Mailboxes: {name}{suffix}" for suffix in suffixes]
            for name, method in SHARED.items()
        }

    def assertWorkers(self, *suffixes):
        found = {method: sorted(names) for method, names in self.workers().items()}
        self.assertEqual(found, self.expected(*suffixes))

    def test_one_worker_by_default(self):
        self.assertEqual(Form(self.settings()).mailbox_workers, 1)
        self.assertWorkers("")

    def test_workers_come_and_go_with_the_setting(self):
        first = self.env.ref("mailbox_connector.ir_cron_new_mail")
        first.interval_number = 7
        self.save(3)
        self.assertEqual(Form(self.settings()).mailbox_workers, 3)
        self.assertWorkers("", " (2)", " (3)")
        second = self.env.ref("mailbox_connector.ir_cron_new_mail_2")
        self.assertEqual(second.code, first.code)
        self.assertEqual(second.interval_number, 7)
        self.assertEqual(second.user_id, first.user_id)
        self.assertTrue(second.active)
        self.assertNotEqual(second.ir_actions_server_id, first.ir_actions_server_id)
        self.save(3)
        self.assertWorkers("", " (2)", " (3)")
        self.save(2)
        self.assertWorkers("", " (2)")
        self.save(1)
        self.assertWorkers("")
        self.assertFalse(second.exists())

    def test_a_worker_that_was_deleted_comes_back(self):
        self.save(2)
        self.env.ref("mailbox_connector.ir_cron_backfill_2").unlink()
        self.save(2)
        self.assertWorkers("", " (2)")

    def test_turned_off_stays_turned_off(self):
        """On a copy of the database for tests all scheduled actions are off."""
        first = self.env.ref("mailbox_connector.ir_cron_new_mail")
        first.active = False
        self.save(2)
        self.assertFalse(self.env.ref("mailbox_connector.ir_cron_new_mail_2").active)

    def test_workers_belong_to_the_addon(self):
        """They go when it is uninstalled, and an update leaves them as they are."""
        self.save(2)
        for name in ("ir_cron_new_mail_2", "ir_cron_backfill_2"):
            data = self.env["ir.model.data"].search(
                [("module", "=", "mailbox_connector"), ("name", "=", name)]
            )
            self.assertTrue(data.noupdate)

    def test_all_workers_are_woken(self):
        self.save(3)
        Trigger = self.env["ir.cron.trigger"]
        before = Trigger.search([])
        self.env["ir.cron"]._mailbox_trigger("ir_cron_backfill")
        woken = (Trigger.search([]) - before).cron_id
        self.assertEqual(
            set(woken.mapped("name")), set(self.workers()["_cron_backfill"])
        )

    def test_bounds(self):
        for number in (0, -1, 9, 1000):
            with self.assertRaisesRegex(ValidationError, f"1 and 8 .* not {number}"):
                self.save(number)
        self.assertWorkers("")

    def test_only_administrators_set_it(self):
        for group in ("mailbox_connector.group_mailbox_manager", "base.group_user"):
            user = new_test_user(self.env, group, groups=group)
            with self.assertRaises(AccessError):
                self.settings(user).create({"mailbox_workers": 2})


@tagged("post_install", "-at_install")
class TestTriggers(TransactionCase):
    NAME = "ir_cron_backfill"

    def moments(self):
        cron = self.env.ref(f"mailbox_connector.{self.NAME}")
        found = self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)])
        return sorted(found.mapped("call_at"))

    def setUp(self):
        super().setUp()
        self.env["ir.cron.trigger"].search([]).unlink()
        self.hour = fields.Datetime.now().replace(minute=0, second=0) + timedelta(
            hours=2
        )

    def trigger_at(self, seconds):
        moment = self.hour + timedelta(seconds=seconds)
        self.env["ir.cron"]._mailbox_trigger_at(self.NAME, moment)

    def test_many_moments_of_a_minute_make_one_trigger(self):
        """Hundreds of mailboxes may fail together when their server is down."""
        for seconds in range(1, 61):
            self.trigger_at(seconds)
        self.assertEqual(self.moments(), [self.hour + timedelta(minutes=1)])
        self.trigger_at(61)
        self.assertEqual(len(self.moments()), 2)

    def test_not_before_the_moment(self):
        self.trigger_at(0)
        self.assertEqual(self.moments(), [self.hour])

    def test_a_moment_that_has_passed_is_now(self):
        """An earlier trigger of that minute may belong to a run that has begun."""
        for _number in range(2):
            self.trigger_at(-86400)
        self.assertEqual(len(self.moments()), 2)

    def test_an_action_that_was_deleted_is_left_out(self):
        """A mailbox is released all the same."""
        self.env.ref(f"mailbox_connector.{self.NAME}").unlink()
        self.env["ir.cron"]._mailbox_trigger(self.NAME)
        self.trigger_at(0)

    def test_an_action_that_is_turned_off_is_not_woken(self):
        """As on a copy of the database for tests."""
        self.env.ref(f"mailbox_connector.{self.NAME}").active = False
        self.env["ir.cron"]._mailbox_trigger(self.NAME)
        self.assertEqual(self.moments(), [])
