"""As which address a mail leaves, from any record; nothing leaves in these tests."""

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from ..common import mail
from .test_sending import SendingCase


class ChoosingCase(SendingCase):
    """``owner`` has sales@ with the alias info@, ``manager`` has support@, which
    ``owner`` and ``member`` share. A blocked address serves as the document."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = cls.account.main_identity()
        cls.alias = cls.env["mailbox.identity"].create(
            {"account_id": cls.account.id, "email": "info@example.org", "name": "Info"}
        )
        support = cls.make_account(
            "support@example.org", cls.manager, members=[cls.owner, cls.member]
        )
        cls.support = support.main_identity()
        cls.document = cls.env["mail.blacklist"].create({"email": "doc@example.net"})
        cls.document_model = cls.env["ir.model"]._get("mail.blacklist")
        cls.env["ir.model.access"].create(
            {
                "name": "documents for all",
                "model_id": cls.document_model.id,
                "group_id": cls.env.ref("base.group_user").id,
                "perm_read": True,
                "perm_write": True,
            }
        )

    def rule(self, identity, **values):
        return self.env["mailbox.sender.rule"].create(
            {"identity_id": identity.id, **values}
        )

    def sent_as(self, user, record=None, **values):
        """The address that a post to the contact leaves as; None: not by a mailbox."""
        message = self.post(user, record, **values)
        [one] = self.mails(message).filtered(
            lambda sent: self.contact in sent.recipient_ids
        )
        if not one.mailbox_account_id:
            self.assertFalse(one.mailbox_email_from)
            return None
        self.assertEqual(one.mailbox_account_id, message.mailbox_identity_id.account_id)
        self.assertEqual(one.mailbox_reply_to, one.mailbox_email_from)
        address = message.mailbox_identity_id.email
        self.assertIn(f"'Return-Path': '{address}'", one.headers)
        self.assertIn(f"<{address}>", one.mailbox_email_from)
        return address

    def compose(self, user, records=None, **values):
        records = records if records is not None else self.contact
        return (
            self.env["mail.compose.message"]
            .with_user(user)
            .create(
                {
                    "model": records._name,
                    "res_ids": str(records.ids),
                    "body": "Hello",
                    "subject": "Hello",
                    "partner_ids": self.contact.ids,
                    **values,
                }
            )
        )


@tagged("post_install", "-at_install")
class TestSenderOrder(ChoosingCase):
    """Chosen > conversation > author's default > team's, company's > Odoo's."""

    def test_what_is_chosen_wins(self):
        for identity in (self.alias, self.support, self.own):
            self.assertEqual(
                self.sent_as(self.owner, mailbox_identity_id=identity.id),
                identity.email,
            )
        self.assertEqual(
            self.sent_as(
                self.owner, self.document, mailbox_identity_id=self.support.id
            ),
            "support@example.org",
        )

    def test_odoos_own_server_can_be_chosen(self):
        self.assertIsNone(self.sent_as(self.owner, mailbox_identity_id=False))

    def test_the_address_that_a_conversation_came_to_replies(self):
        """Alias included, and though the author prefers another."""
        self.owner.mailbox_identity_id = self.support
        self.import_mail(
            mail("carl@customer.example", "info@example.org", date=self.recent())
        )
        self.assertEqual(self.sent_as(self.owner), "info@example.org")

    def recent(self):
        from datetime import datetime, timedelta, timezone

        return datetime.now(timezone.utc) - timedelta(days=1)

    def test_a_documents_conversation_stays_with_its_address(self):
        self.post(self.owner, self.document, mailbox_identity_id=self.support.id)
        self.assertEqual(self.sent_as(self.owner, self.document), "support@example.org")
        self.assertEqual(self.sent_as(self.owner), "sales@example.org", "not others")

    def test_a_conversation_on_an_address_that_one_may_not_use_is_left(self):
        self.post(self.owner, self.document, mailbox_identity_id=self.own.id)
        self.assertEqual(
            self.sent_as(self.member, self.document), "support@example.org"
        )

    def test_the_authors_preference_before_a_rule(self):
        self.rule(self.own)
        self.owner.mailbox_identity_id = self.alias
        self.assertEqual(self.sent_as(self.owner, self.document), "info@example.org")

    def test_a_preference_is_for_who_may_send(self):
        with self.assertRaises(ValidationError):
            self.agent.mailbox_identity_id = self.own
        self.owner.with_user(self.owner).mailbox_identity_id = self.alias

    def test_a_rule_decides_for_who_has_no_mailbox_of_their_own(self):
        other = self.make_account(
            "team@example.org", self.manager, members=[self.member]
        )
        team = other.main_identity()
        self.assertEqual(self.sent_as(self.member), "support@example.org")
        self.rule(self.own)  # not the member's to use: the next one is taken
        self.rule(
            team,
            model_id=self.document_model.id,
            domain="[('email', '=', 'doc@example.net')]",
        )
        self.assertEqual(self.sent_as(self.member, self.document), "team@example.org")
        self.assertEqual(self.sent_as(self.member), "support@example.org")
        elsewhere = self.env["mail.blacklist"].create({"email": "else@example.net"})
        self.assertEqual(self.sent_as(self.member, elsewhere), "support@example.org")

    def test_a_rule_of_another_company_is_not_meant(self):
        other = self.env["res.company"].create({"name": "Other"})
        identity = self.make_account(
            "team@example.org", self.manager, members=[self.member]
        ).main_identity()
        rule = self.rule(identity, company_id=other.id)
        self.assertEqual(self.sent_as(self.member), "support@example.org")
        rule.company_id = self.env.company
        self.assertEqual(self.sent_as(self.member), "team@example.org")

    def test_a_filter_that_cannot_be_used_is_shown(self):
        for domain in ("[('nothing', '=', 1)]", "[(", "__import__('os')", "5"):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                self.rule(self.own, model_id=self.document_model.id, domain=domain)
        with self.assertRaises(ValidationError):
            self.rule(self.own, domain="[('email', '=', 'x')]")

    def test_without_a_mailbox_nothing_changes(self):
        self.rule(self.support)
        self.assertIsNone(self.sent_as(self.agent))
        message = self.post(self.agent)
        self.assertFalse(message.mailbox_identity_id)


@tagged("post_install", "-at_install")
class TestEnforced(ChoosingCase):
    """Only members who may send, wherever the From came from."""

    def test_a_sender_that_is_not_ones_own_is_refused(self):
        for record in (self.contact.with_user(self.agent),) * 2:
            with self.assertRaises(AccessError):
                record.sudo().message_post(
                    body="x",
                    partner_ids=self.contact.ids,
                    message_type="comment",
                    subtype_xmlid="mail.mt_comment",
                    mailbox_identity_id=self.own.id,
                )
        message = self.post(self.agent)
        with self.assertRaises(AccessError):
            message.with_user(self.agent).sudo().mailbox_identity_id = self.own
        with self.assertRaises(AccessError):
            self.make_mail(self.agent, mailbox_identity_id=self.own.id)

    def test_an_address_that_is_turned_off_is_not_sent_as(self):
        self.alias.can_send = False
        with self.assertRaises(AccessError):
            self.post(self.owner, mailbox_identity_id=self.alias.id)
        senders = self.env["mailbox.identity"].with_user(self.owner)
        offered = senders.get_senders("res.partner", self.contact.id)["senders"]
        self.assertNotIn("info@example.org", [one["email"] for one in offered])
        self.assertNotIn("info@example.org", self.server.from_filter)
        self.assertIn("info@example.org", self.account.own_addresses())

    def test_composer_names_the_senders_of_the_user(self):
        Identity = self.env["mailbox.identity"]
        found = Identity.with_user(self.owner).get_senders(
            "res.partner", self.contact.id
        )
        self.assertEqual(
            [one["email"] for one in found["senders"]],
            ["sales@example.org", "info@example.org", "support@example.org"],
        )
        self.assertEqual(found["senders"][1]["label"], "Info <info@example.org>")
        self.assertEqual(found["default"], self.own.id)
        nothing = {"senders": [], "default": False}
        for user in (self.agent, self.portal):
            found = Identity.with_user(user).get_senders(
                "res.partner", user.partner_id.id
            )
            self.assertEqual(found, nothing)

    def test_a_mailboxs_own_address_is_changed_on_the_mailbox(self):
        main = self.own.with_user(self.owner)
        for change in (
            lambda: main.write({"email": "other@example.org"}),
            main.unlink,
            lambda: self.alias.with_user(self.owner).write({"is_main": True}),
        ):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                change()
        self.account.email = "info@example.org"
        self.assertEqual(self.own.email, "info@example.org")
        self.assertEqual(self.account.sender_ids, self.own, "the alias became it")


@tagged("post_install", "-at_install")
class TestNames(ChoosingCase):
    """What customers see."""

    def name(self, identity=None, user=None):
        header = (identity or self.own)._email_formatted(user or self.owner)
        return header.rpartition(" <")[0].strip('"')

    def test_name_of_mailbox_or_person(self):
        self.assertEqual(self.name(), "Sales")
        self.assertEqual(self.name(self.alias), "Info")
        self.account.sender_name = "user"
        self.assertEqual(self.name(), "Owner")
        self.account.sender_name = "both"
        self.assertEqual(self.name(self.alias), "Owner, Info")
        self.assertEqual(self.name(user=self.env.ref("base.user_root")), "Sales")

    def test_a_name_cannot_add_a_header(self):
        self.alias.name = "Info\r\nBcc: all@example.net"
        self.assertNotIn("\n", self.alias._email_formatted())
        self.assertIn("info@example.org", self.alias._email_formatted())

    def test_signature_of_the_address_in_place_of_the_persons(self):
        self.owner.signature = "<p>Person's own</p>"
        self.alias.signature = "<p>The info team</p>"
        [sent] = self.mails(self.post(self.owner, mailbox_identity_id=self.alias.id))
        self.assertIn("The info team", sent.body_html)
        self.assertNotIn("own</p>", sent.body_html)
        [sent] = self.mails(self.post(self.owner))
        self.assertIn("Person", sent.body_html)
        [sent] = self.mails(
            self.post(
                self.owner,
                mailbox_identity_id=self.alias.id,
                email_add_signature=False,
            )
        )
        self.assertNotIn("The info team", sent.body_html)


@tagged("post_install", "-at_install")
class TestAutomaticEmails(ChoosingCase):
    """Templates, mass mail, automation."""

    def template(self, email_from):
        return self.env["mail.template"].create(
            {
                "name": "Confirmation",
                "model_id": self.document_model.id,
                "email_from": email_from,
                "email_to": "carl@customer.example",
                "subject": "Confirmed",
                "body_html": "Confirmed",
            }
        )

    def send(self, template, user):
        mail_id = template.with_user(user).send_mail(self.document.id)
        return self.env["mail.mail"].browse(mail_id)

    def test_a_template_names_the_address(self):
        template = self.template("Info desk <info@example.org>")
        sent = self.send(template, self.owner)
        self.assertEqual(sent.mailbox_email_from, "Info desk <info@example.org>")
        self.assertEqual(sent.mailbox_reply_to, "Info desk <info@example.org>")
        self.assertFalse(self.send(template, self.member).mailbox_account_id)

    def test_a_template_without_one_follows_the_rules(self):
        template = self.template("{{ user.email_formatted }}")
        self.assertFalse(self.send(template, self.member).mailbox_account_id)
        self.rule(self.support)
        sent = self.send(template, self.member)
        self.assertEqual(sent.mailbox_account_id, self.support.account_id)
        template.write(
            {
                "email_to": False,
                "partner_to": str(self.manager.partner_id.id),
                "use_default_to": False,
            }
        )
        self.assertFalse(
            self.send(template, self.member).mailbox_account_id,
            "mail to colleagues alone is no customer mail",
        )

    def test_automation_sends_where_a_mailbox_allows_it(self):
        root = self.env.ref("base.user_root")
        self.rule(self.support)

        def sent_as():
            return self.sent_as(root, self.document, message_type="auto_comment")

        self.assertIsNone(sent_as())
        self.support.account_id.send_automatic = True
        self.assertEqual(sent_as(), "support@example.org")
        sent = self.send(self.template("{{ user.email_formatted }}"), root)
        self.assertEqual(sent.mailbox_account_id, self.support.account_id)

    def test_mass_mail_leaves_as_chosen(self):
        second = self.env["res.partner"].create(
            {"name": "Olga", "email": "olga@customer.example"}
        )
        composer = self.compose(
            self.owner,
            self.contact | second,
            composition_mode="mass_mail",
            mailbox_identity_id=self.alias.id,
            force_send=False,
        )
        mails, _messages = composer._action_send_mail()
        self.assertEqual(len(mails), 2)
        for one in mails:
            self.assertEqual(one.mailbox_email_from, '"Info" <info@example.org>')
            self.assertEqual(one.mailbox_reply_to, '"Info" <info@example.org>')
        composer = self.compose(
            self.owner,
            self.contact | second,
            composition_mode="mass_mail",
            mailbox_identity_id=False,
            email_from="info@example.org",
            force_send=False,
        )
        mails, _messages = composer._action_send_mail()
        self.assertFalse(mails.mailbox_account_id, "Odoo's own server was chosen")

    def test_the_composer_proposes_and_keeps_the_choice(self):
        composer = self.compose(self.owner)
        self.assertEqual(composer.mailbox_identity_id, self.own)
        self.assertIn(self.support, composer.mailbox_sender_ids)
        composer.mailbox_identity_id = self.support
        _mails, message = composer._action_send_mail()
        self.assertEqual(message.sudo().mailbox_identity_id, self.support)
        composer = self.compose(self.owner, mailbox_identity_id=False)
        _mails, message = composer._action_send_mail()
        self.assertFalse(self.mails(message).mailbox_account_id)

    def test_a_scheduled_message_keeps_its_sender(self):
        composer = self.compose(
            self.owner,
            mailbox_identity_id=self.support.id,
            scheduled_date="2099-01-01 10:00:00",
        )
        [scheduled] = composer._action_schedule_message()
        before = self.contact.message_ids
        scheduled._post_message()
        posted = self.contact.message_ids - before
        self.assertEqual(posted.sudo().mailbox_identity_id, self.support)


@tagged("post_install", "-at_install")
class TestDocumentThreads(ChoosingCase):
    """In-Reply-To and References of what is sent from a document."""

    def sent(self, record, **values):
        message = self.post(self.owner, record, **values)
        [one] = self.mails(message)
        in_reply_to = one.headers.partition("In-Reply-To': '")[2].partition("'")[0]
        return message, in_reply_to, one.references.split()[:-1]

    def test_the_exchange_with_the_customer_is_named_and_nothing_else(self):
        other = self.env["mail.blacklist"].create({"email": "else@example.net"})
        self.sent(other)
        first, in_reply_to, chain = self.sent(self.document)
        self.assertEqual((in_reply_to, chain), ("", []))
        received = self.document.message_post(
            body="Answer",
            message_type="email",
            subtype_xmlid="mail.mt_comment",
            email_from="Carl <carl@customer.example>",
            author_id=self.contact.id,
            message_id="<answer@customer.example>",
        )
        self.document.message_post(
            body="Somebody else",
            message_type="email",
            email_from="eve@customer.example",
            author_id=False,
        )
        _message, in_reply_to, chain = self.sent(self.document)
        self.assertEqual(in_reply_to, received.message_id)
        self.assertEqual(chain, [first.message_id, received.message_id])
