"""The form of a mailbox: what it fills in, what it refuses, what it never tells."""

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, HttpCase, TransactionCase, new_test_user, tagged

from odoo.addons.mailbox_connector.services.accounts.endpoints import endpoint

PASSWORD = "correct horse battery"


class AccountCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Tests ask nobody outside this machine.
        cls.env["ir.config_parameter"].set_param("mailbox_connector.discovery", "table")
        cls.owner = new_test_user(
            cls.env, "mb_owner", groups="mailbox_connector.group_mailbox_user"
        )
        cls.member = new_test_user(
            cls.env, "mb_member", groups="mailbox_connector.group_mailbox_user"
        )
        cls.stranger = new_test_user(
            cls.env, "mb_stranger", groups="mailbox_connector.group_mailbox_user"
        )
        cls.account = (
            cls.env["mailbox.account"]
            .with_user(cls.owner)
            .create(
                {
                    "email": "Support@Example.com",
                    "name": "Support",
                    "member_ids": [(4, cls.member.id)],
                    "imap_host": "imap.example.com",
                    "imap_username": "support@example.com",
                    "imap_password": PASSWORD,
                    "smtp_host": "smtp.example.com",
                    "smtp_username": "support@example.com",
                }
            )
        )


@tagged("post_install", "-at_install")
class TestForm(AccountCase):
    def _form(self):
        return Form(self.env["mailbox.account"].with_user(self.owner))

    def test_address_fills_both_usernames_until_they_are_typed(self):
        form = self._form()
        form.email = "jo@example.com"
        self.assertEqual(form.imap_username, "jo@example.com")
        self.assertEqual(form.smtp_username, "jo@example.com")
        form.imap_username = "jo"
        self.assertEqual(form.smtp_username, "jo", "SMTP follows IMAP")
        form.smtp_username = "relay-17"
        form.imap_username = "jo.doe"
        self.assertEqual(form.smtp_username, "relay-17", "what was typed stays")
        form.email = "joanna@example.com"
        self.assertEqual(form.imap_username, "jo.doe", "what was typed stays")

    def test_ports_follow_the_encryption_unless_typed(self):
        form = self._form()
        self.assertEqual((form.imap_port, form.smtp_port), (993, 587))
        form.imap_security = "starttls"
        form.smtp_security = "tls"
        self.assertEqual((form.imap_port, form.smtp_port), (143, 465))
        form.imap_port = 10143
        form.imap_security = "tls"
        self.assertEqual(form.imap_port, 10143)

    def test_two_accounts_are_shown(self):
        self.assertFalse(self.account.two_accounts)
        self.account.write({"smtp_username": "relay", "smtp_password": "x"})
        self.assertTrue(self.account.two_accounts)

    def test_days_outside_the_range_are_refused(self):
        for days in (0, 3650):
            self.account.backfill_days = days
            self.env.flush_all()
        for days in (-1, 3651):
            with self.assertRaisesRegex(Exception, "0 to 3650|days_in_range"):
                with self.env.cr.savepoint(), self.assertLogs("odoo.sql_db", "ERROR"):
                    self.account.backfill_days = days
                    self.env.flush_all()

    def test_what_is_no_address_host_or_port_is_refused_by_name(self):
        for values, words in (
            ({"email": "nobody"}, "nobody is not an e-mail address"),
            ({"imap_host": "https://imap.example.com"}, "is not a host name"),
            ({"smtp_port": 70000}, "70000 is not a port"),
        ):
            values = {**values, "imap_password": "x", "smtp_password": "x"}
            with self.assertRaisesRegex(ValidationError, words):
                with self.env.cr.savepoint():
                    self.account.write(values)

    def test_pasted_white_space_is_dropped(self):
        self.account.write({"imap_host": " mail.example.com\n", "imap_password": "x"})
        self.assertEqual(self.account.imap_host, "mail.example.com")


@tagged("post_install", "-at_install")
class TestPasswords(AccountCase):
    def test_password_is_kept_sealed_and_never_read(self):
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT token FROM mailbox_credential WHERE account_id = %s",
            [self.account.id],
        )
        token = self.env.cr.fetchone()[0]
        self.assertNotIn(PASSWORD, token)
        admin = self.env.ref("base.user_admin")
        for user in (self.owner, admin):
            account = self.account.with_user(user)
            account.invalidate_recordset()
            values = account.read()[0]
            self.assertNotIn(PASSWORD, str(values))
            self.assertFalse(values["imap_password"])
            self.assertTrue(values["imap_password_set"])
            shown = Form(account)
            self.assertFalse(shown.imap_password)
            with self.assertRaises(AccessError):
                self.env["mailbox.credential"].with_user(user).search([])

    def test_export_and_copy_do_not_reveal_it(self):
        account = self.account.with_user(self.env.ref("base.user_admin"))
        exported = account.export_data(["email", "imap_password"])
        self.assertEqual(exported["datas"], [["Support@Example.com", ""]])
        copy = account.copy({"email": "other@example.com"})
        self.assertFalse(copy.imap_password_set)

    def test_the_server_opens_it_for_both_servers(self):
        account = self.account.sudo()
        self.assertEqual(endpoint(account, "imap").password, PASSWORD)
        self.assertEqual(endpoint(account, "smtp").password, PASSWORD)
        account.smtp_password = "other"
        self.assertEqual(endpoint(account, "smtp").password, "other")
        self.assertNotIn("other", repr(endpoint(account, "smtp")))

    def test_saving_the_form_again_keeps_the_password(self):
        self.account.write({"name": "Help", "imap_password": False})
        self.assertEqual(endpoint(self.account.sudo(), "imap").password, PASSWORD)

    def test_changed_server_demands_the_password_again(self):
        for values in (
            {"imap_host": "evil.example.com"},
            {"imap_port": 1993},
            {"imap_username": "other"},
            {"imap_security": "starttls"},
            {"smtp_host": "evil.example.com"},
        ):
            with self.assertRaisesRegex(ValidationError, "password again"):
                with self.env.cr.savepoint():
                    self.account.write(values)
        self.account.write({"imap_host": "mail.example.com", "imap_password": "new"})
        self.assertEqual(endpoint(self.account.sudo(), "imap").password, "new")

    def test_stronger_encryption_needs_no_password(self):
        self.account.write({"smtp_security": "tls"})
        self.assertEqual(self.account.smtp_security, "tls")

    def test_adding_a_sending_server_later_does_not_leak_the_imap_password(self):
        account = self.account.create(
            {
                "email": "in@example.com",
                "name": "In",
                "imap_host": "imap.example.com",
                "imap_username": "in",
                "imap_password": PASSWORD,
            }
        )
        with self.assertRaisesRegex(ValidationError, "SMTP password again"):
            account.smtp_host = "evil.example.com"


@tagged("post_install", "-at_install")
class TestMailboxRights(AccountCase):
    def test_user_sees_own_and_member_mailboxes_only(self):
        Account = self.env["mailbox.account"]
        for user, seen in ((self.owner, 1), (self.member, 1), (self.stranger, 0)):
            found = Account.with_user(user).search([("id", "=", self.account.id)])
            self.assertEqual(len(found), seen, user.login)
        agent = new_test_user(self.env, "mb_agent", groups="base.group_user")
        with self.assertRaises(AccessError):
            Account.with_user(agent).search([])

    def test_member_uses_and_does_not_change(self):
        account = self.account.with_user(self.member)
        self.assertFalse(account.can_edit)
        with self.assertRaises(AccessError):
            account.name = "Mine"
        with self.assertRaises(AccessError):
            account.action_connect()

    def test_manager_changes_all(self):
        manager = new_test_user(
            self.env, "mb_manager", groups="mailbox_connector.group_mailbox_manager"
        )
        account = self.account.with_user(manager)
        self.assertTrue(account.can_edit)
        account.name = "Managed"

    def test_dialogs_do_not_open_other_peoples_mailboxes(self):
        dialogs = (
            ("mailbox.connect", {"visibility": "everyone"}, "action_import"),
            ("mailbox.test.email", {"email_to": "a@example.com"}, "action_send"),
        )
        for model, values, action in dialogs:
            dialog = (
                self.env[model]
                .with_user(self.stranger)
                .create({"account_id": self.account.id, **values})
            )
            self.env.flush_all()
            self.env.invalidate_all()
            for name in {"imap_host", "smtp_problem", "account_email"} & set(
                dialog._fields
            ):
                with self.assertRaises(AccessError):
                    dialog.read([name])
            with self.assertRaises(AccessError):
                getattr(dialog, action)()

    def test_folder_cursor_is_not_for_people(self):
        folder = self.env["mailbox.folder"].create(
            {"account_id": self.account.id, "name": "INBOX", "raw_name": "INBOX"}
        )
        folder = folder.with_user(self.owner)
        folder.sync = True
        with self.assertRaises(AccessError):
            folder.next_uid = 1


@tagged("post_install", "-at_install")
class TestMenu(HttpCase):
    def test_mailbox_user_sees_mailboxes_and_nothing_else_of_settings(self):
        user = new_test_user(
            self.env, "mb_menu", groups="mailbox_connector.group_mailbox_user"
        )
        for debug in (False, "1"):
            menus = self.env["ir.ui.menu"].with_user(user).load_menus(debug)
            settings = menus[self.env.ref("base.menu_administration").id]
            children = [menus[child]["name"] for child in settings["children"]]
            self.assertEqual(children, ["Mailboxes"])

    def test_agent_without_mailbox_does_not_see_settings(self):
        user = new_test_user(self.env, "mb_none", groups="base.group_user")
        menus = self.env["ir.ui.menu"].with_user(user).load_menus(False)
        self.assertNotIn(self.env.ref("base.menu_administration").id, menus)

    def test_administrator_keeps_all_of_settings(self):
        admin = self.env.ref("base.user_admin")
        menus = self.env["ir.ui.menu"].with_user(admin).load_menus(False)
        settings = menus[self.env.ref("base.menu_administration").id]
        children = {menus[child]["name"] for child in settings["children"]}
        self.assertLessEqual({"General Settings", "Mailboxes"}, children)
