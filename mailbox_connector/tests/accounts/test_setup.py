"""The guided setup: what it finds out, and what it keeps."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, TransactionCase, new_test_user, tagged

SETUP = "mailbox_connector.mailbox_account_view_form_setup"


@tagged("post_install", "-at_install")
class TestSetup(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Tests ask nobody outside this machine.
        cls.env["ir.config_parameter"].set_param("mailbox_connector.discovery", "table")
        cls.user = new_test_user(
            cls.env, "mb_new", groups="mailbox_connector.group_mailbox_user"
        )
        cls.provider = cls.env["mailbox.provider"].create(
            {
                "name": "Known Mail",
                "domains": "known.example",
                "imap_host": "imap.known.example",
                "smtp_host": "smtp.known.example",
                "imap_username": "local",
                "app_password_url": "https://known.example/app-passwords",
            }
        )
        cls.Account = (
            cls.env["mailbox.account"]
            .with_user(cls.user)
            .with_context(mailbox_guided=True)
        )

    def _form(self, email="nora@known.example", name="Nora"):
        form = Form(self.Account, view=SETUP)
        form.email = email
        form.name = name
        return form

    def _state(self, account, step, words):
        checks = account.setup_checklist[step]
        [found] = [one["state"] for one in checks if words in one["text"]]
        return found

    def test_each_step_waits_for_what_it_needs(self):
        account = self._form("nora@unknown.example").save()
        self.assertEqual(account.setup_step, "address")
        account.action_setup_next()
        self.assertEqual(account.setup_step, "sign_in")
        for values in (
            {"imap_host": "imap.unknown.example", "smtp_host": False},
            {"imap_username": "nora"},
            {"imap_password": "secret"},
        ):
            self.assertEqual(account.action_setup_next()["params"]["type"], "warning")
            self.assertEqual(account.setup_step, "sign_in")
            if "imap_username" in values:
                account.imap_username = False
                account.action_setup_next()
            account.write(values)
        account.action_setup_next()
        self.assertEqual(account.setup_step, "backfill")
        account.action_setup_back()
        account.action_setup_back()
        account.action_setup_back()
        self.assertEqual(account.setup_step, "address")
        self.assertTrue(account.imap_password_set, "what was typed is kept")

    def test_checks_follow_what_is_typed(self):
        account = self._form().save()
        account.imap_password = "secret"
        self.assertEqual(self._state(account, "address", "is complete"), "done")
        self.assertEqual(self._state(account, "address", "app password"), "open")
        self.assertEqual(self._state(account, "sign_in", "username is nora"), "done")
        self.assertEqual(self._state(account, "sign_in", "password is set"), "done")
        account.imap_username = "somebody"
        self.assertEqual(self._state(account, "sign_in", "not the address"), "open")
        account.backfill_days = 400
        self.assertEqual(self._state(account, "backfill", "a week"), "open")

    def test_an_address_that_is_none_or_taken_needs_the_person(self):
        self._form().save()
        form = Form(self.Account, view=SETUP)
        form.email = "nora at known"
        text = form.setup_checklist["address"]
        self.assertEqual(text[0]["state"], "action_needed")
        form.email = "Nora@KNOWN.example"
        self.assertEqual(self._state(form, "address", "already"), "action_needed")

    def test_a_provider_without_passwords_stops_the_run_unless_one_insists(self):
        self.provider.allows_password_sign_in = False
        account = self._form().save()
        account.action_setup_next()
        self.assertEqual(account.setup_step, "address")
        account.action_setup_anyway()
        self.assertEqual(account.setup_step, "sign_in")

    def test_a_corrected_address_gets_its_own_servers_and_asks_the_password_again(self):
        """The password of the first address is never sent to the second's server."""
        account = self._form().save()
        account.imap_password = "secret"
        self.assertTrue(account.imap_password_set)
        self.provider.copy(
            {"name": "Other", "domains": "other.example", "imap_host": "imap.o.example"}
        )
        with Form(account, view=SETUP) as form:
            form.email = "nora@other.example"
        self.assertEqual(account.imap_host, "imap.o.example")
        self.assertFalse(account.imap_password_set)
        account.setup_step = "sign_in"
        self.assertIn("password", account.action_setup_next()["params"]["message"])

    def test_a_typed_server_survives_saving_and_a_corrected_address(self):
        account = self._form().save()
        account.setup_step = "sign_in"
        with Form(account, view=SETUP) as form:
            form.setup_change = True
            form.imap_host = "imap.own.example"
        account.action_setup_back()
        with Form(account, view=SETUP) as form:
            form.email = "nora@unknown.example"
        self.assertEqual(account.imap_host, "imap.own.example")

    def test_only_who_may_make_mailboxes_has_servers_asked(self):
        agent = new_test_user(self.env, "mb_no", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.env["mailbox.account"].with_user(agent).setup_test_servers({})
        forbidden = {"imap": {"host": "localhost", "port": 993, "security": "tls"}}
        [check] = self.Account.setup_test_servers(forbidden)
        self.assertEqual(check["state"], "action_needed")
        [check] = self.Account.setup_test_servers(forbidden, "no certificate")
        self.assertEqual(check["state"], "action_needed")
        self.assertEqual(self.Account.setup_test_servers({"imap": {"host": ""}}), [])
        for wrong in ({"imap": {"host": "a.example"}}, ["imap"], {"imap": 3}):
            with self.assertRaises(UserError):
                self.Account.setup_test_servers(wrong)
