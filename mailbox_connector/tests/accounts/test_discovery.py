"""Servers that are filled in from the address that a person types."""

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, new_test_user, tagged


@tagged("post_install", "-at_install")
class TestProviders(TransactionCase):
    """The table of known providers."""

    def test_every_line_can_be_used(self):
        providers = self.env["mailbox.provider"].search([])
        self.assertGreaterEqual(len(providers), 35)
        providers._check_names()
        providers._check_ports()
        providers._check_urls()
        domains, exchangers = [], []
        for one in self.env["mailbox.provider"].for_engine():
            domains += one.domains
            exchangers += one.mx
            if one.passwords:
                self.assertTrue(one.imap and one.smtp, one.name)
                self.assertTrue(one.domains or one.mx, one.name)
            else:
                record = providers.browse(int(one.key))
                self.assertTrue(record.note, "what to do instead is said")
        for names in (domains, exchangers):
            self.assertEqual(len(names), len(set(names)), "one provider a name")

    def test_a_line_that_cannot_be_used_is_refused(self):
        for values in (
            {"imap_host": "no host/name"},
            {"domains": "example.com, b@d"},
            {"imap_port": 0},
            {"help_url": "javascript:alert(1)"},
        ):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                self.env["mailbox.provider"].create({"name": "New", **values})

    def test_managers_change_it_and_users_read_it(self):
        user = new_test_user(
            self.env, "mb_u", groups="mailbox_connector.group_mailbox_user"
        )
        manager = new_test_user(
            self.env, "mb_m", groups="mailbox_connector.group_mailbox_manager"
        )
        Provider = self.env["mailbox.provider"]
        with self.assertRaises(AccessError):
            Provider.with_user(user).create({"name": "New"})
        Provider.with_user(manager).create({"name": "New", "domains": "new.example"})
        self.assertTrue(Provider.with_user(user).search([("name", "=", "New")]))


@tagged("post_install", "-at_install")
class TestDiscovery(TransactionCase):
    """The form, with nobody asked beside the table."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("mailbox_connector.discovery", "table")
        cls.provider = cls.env["mailbox.provider"].create(
            {
                "name": "Example Mail",
                "domains": "mail.example, other.example",
                "imap_host": "imap.mail.example",
                "imap_username": "local",
                "smtp_host": "smtp.mail.example",
                "smtp_port": 587,
                "smtp_security": "starttls",
                "note": "Make an app password first.",
            }
        )

    def form(self, email="carl@mail.example"):
        form = Form(self.env["mailbox.account"])
        form.email = email
        return form

    def test_known_address_fills_both_servers(self):
        form = self.form()
        self.assertEqual(form.imap_host, "imap.mail.example")
        self.assertEqual((form.imap_port, form.imap_security), (993, "tls"))
        self.assertEqual(form.imap_username, "carl")
        self.assertEqual(form.smtp_host, "smtp.mail.example")
        self.assertEqual((form.smtp_port, form.smtp_security), (587, "starttls"))
        self.assertEqual(form.smtp_username, "carl@mail.example")
        self.assertIn("Example Mail", form.settings_origin)
        self.assertEqual(form.provider_note, "Make an app password first.")

    def test_what_a_person_typed_stays(self):
        form = Form(self.env["mailbox.account"])
        form.imap_host = "imap.own.example"
        form.imap_port = 1993
        form.smtp_username = "relay"
        form.email = "carl@mail.example"
        self.assertEqual((form.imap_host, form.imap_port), ("imap.own.example", 1993))
        self.assertEqual(form.smtp_host, "smtp.mail.example")
        self.assertEqual(form.smtp_username, "relay")
        form.smtp_host = "smtp.own.example"
        form.email = "dora@other.example"
        self.assertEqual(form.smtp_host, "smtp.own.example")
        self.assertEqual(form.smtp_username, "relay")

    def test_a_corrected_address_is_filled_in_again(self):
        form = self.form()
        form.email = "carl@unknown.example"
        self.assertFalse(form.imap_host or form.smtp_host or form.settings_origin)
        self.assertEqual((form.imap_port, form.smtp_port), (993, 587))
        self.assertEqual(form.imap_username, "carl@unknown.example")
        form.email = "dora@mail.example"
        self.assertEqual(form.imap_username, "dora")
        self.assertEqual(form.smtp_username, "dora@mail.example")

    def test_a_provider_without_passwords_says_so_before_one_is_typed(self):
        form = self.form("carl@outlook.com")
        self.assertFalse(form.provider_allows_password_sign_in)
        self.assertIn("Outlook connection", form.provider_note)

    def test_a_connected_mailbox_is_left_alone(self):
        form = self.form()
        form.name = "Carl"
        account = form.save()
        account.state = "connected"
        with Form(account) as form:
            form.email = "carl@unknown.example"
            self.assertEqual(form.imap_host, "imap.mail.example")

    def test_a_provider_that_saves_sent_mail_gets_no_second_copy(self):
        form = self.form()
        form.name = "Carl"
        account = form.save()
        self.assertFalse(account.provider_saves_sent_copies())
        self.provider.saves_sent_copies = True
        self.assertTrue(account.provider_saves_sent_copies())
        account.sent_copy = "odoo"
        self.assertFalse(account.provider_saves_sent_copies())
