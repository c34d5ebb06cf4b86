"""Who sends as a mailbox, and what its mails say; nothing leaves in these tests."""

from datetime import datetime, timedelta, timezone

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mailbox_connector.engine.mime import subjects
from odoo.addons.mailbox_connector.engine.mime.ids import message_id_hash
from odoo.addons.mailbox_connector.engine.mime.parse import parse_message
from odoo.addons.mailbox_connector.services.incoming.message_values import parent_hash
from odoo.addons.mailbox_connector.services.sending.sent_copy_providers import (
    saves_sent_copies,
)

from ..common import MailboxCase, mail


class SendingCase(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Who writes from a contact has to be allowed to change it.
        writers = cls.owner | cls.member | cls.manager
        for user in writers:
            user.group_ids += cls.env.ref("base.group_partner_manager")
        cls.address = cls.account.email_normalized
        cls.server = cls.account._mail_server()
        cls.contact = cls.env["res.partner"].create(
            {"name": "Carl", "email": "carl@customer.example"}
        )

    def post(self, user, record=None, **values):
        values.setdefault("partner_ids", self.contact.ids)
        return (
            (record or self.contact)
            .with_user(user)
            .message_post(
                body="Hello",
                message_type=values.pop("message_type", "comment"),
                subtype_xmlid="mail.mt_comment",
                **values,
            )
            .sudo()
        )

    def mails(self, message):
        return self.env["mail.mail"].search([("mail_message_id", "=", message.id)])

    def servers_of(self, mails):
        """Which server each group of mails would leave by."""
        return [group[0] for group in mails._split_by_mail_configuration()]

    def make_mail(self, user, **values):
        return (
            self.env["mail.mail"]
            .with_user(user)
            .sudo()
            .create({"email_to": "carl@customer.example", "body_html": "x", **values})
        )


@tagged("post_install", "-at_install")
class TestServer(SendingCase):
    """The outgoing server of a mailbox."""

    def test_it_follows_the_mailbox_and_holds_no_credentials(self):
        self.assertEqual(len(self.server), 1)
        self.assertFalse(self.server.owner_user_id)
        self.assertFalse(self.server.smtp_user or self.server.smtp_pass)
        self.assertEqual(self.server.smtp_host, "smtp.example.org")
        self.assertEqual(self.server.smtp_encryption, "starttls_strict")
        self.account.write(
            {
                "smtp_host": "mail.example.org",
                "smtp_security": "tls",
                "smtp_port": 465,
                "sender_ids": [(0, 0, {"email": "Info@example.org"})],
            }
        )
        self.assertEqual(self.server.smtp_host, "mail.example.org")
        self.assertEqual(self.server.smtp_encryption, "ssl_strict")
        self.assertEqual(self.server.smtp_port, 465)
        self.assertEqual(self.server.from_filter, f"info@example.org,{self.address}")
        self.account.sender_ids.filtered(lambda one: not one.is_main).unlink()
        self.assertEqual(self.server.from_filter, self.address)
        self.account.active = False
        self.assertFalse(self.server.active)
        self.account.active = True
        self.assertEqual(self.account._mail_server(), self.server)

    def test_a_mailbox_without_smtp_has_none(self):
        reader = self.make_account("reader@example.org", self.owner, smtp_host=False)
        self.assertFalse(reader._mail_server())

    def test_an_administrator_changes_the_mailbox_instead(self):
        admin = self.env.ref("base.user_admin")
        server = self.server.with_user(admin)
        for values in ({"smtp_host": "evil.example"}, {"mailbox_account_id": False}):
            with self.assertRaises(UserError):
                server.write(values)
        with self.assertRaises(UserError):
            server.unlink()
        server.sequence = 5

    def test_it_is_nobodys_fallback(self):
        """With a mailbox's server alone, a stranger's mail does not leave by it."""
        Server = self.env["ir.mail_server"]
        (Server.search([]) - self.server).active = False
        for sender in ("who@elsewhere.example", self.address):
            found, _from = Server._find_mail_server(sender)
            self.assertFalse(found)
            found, _from = Server._find_mail_server(sender, self.server)
            self.assertIn(found or Server, (Server, self.server))
        found, _from = Server._find_mail_server("who@elsewhere.example", self.server)
        self.assertFalse(found)

    def test_providers_that_save_sent_mail_are_known(self):
        self.assertTrue(saves_sent_copies("smtp.gmail.com"))
        self.assertTrue(saves_sent_copies("smtp.office365.com"))
        self.assertFalse(saves_sent_copies("smtp.notgmail.com"))


@tagged("post_install", "-at_install")
class TestSentMessageReaders(SendingCase):
    """Who reads in the chatter what was sent through a mailbox."""

    def _read_by(self, user, message):
        self.env.flush_all()
        Message = self.env["mail.message"].with_user(user)
        return Message.search([("id", "=", message.id)])

    def test_members_only_mailbox_sends_for_its_members_eyes(self):
        self.account.write(
            {"visibility": "members", "member_ids": [(4, self.member.id)]}
        )
        message = self.post(self.owner)
        self.assertTrue(self.mails(message).mailbox_account_id)
        self.assertTrue(self._read_by(self.owner, message))
        self.assertTrue(self._read_by(self.member, message))
        self.assertFalse(self._read_by(self.agent, message))

    def test_mailbox_for_everyone_sends_ordinary_messages(self):
        message = self.post(self.owner)
        self.assertTrue(self._read_by(self.agent, message))
        self.assertFalse(message.mailbox_audience_id)


@tagged("post_install", "-at_install")
class TestSendingRights(SendingCase):
    """Only owner and members send as a mailbox, wherever From came from."""

    def test_owner_and_member_send_from_it(self):
        self.account.member_ids = self.member
        for user in (self.owner, self.member):
            mails = self.mails(self.post(user))
            sent = mails.filtered(lambda one: self.contact in one.recipient_ids)
            self.assertEqual(sent.mailbox_account_id, self.account)
            self.assertEqual(sent.mailbox_email_from, f'"Sales" <{self.address}>')
            self.assertEqual(self.servers_of(sent), [self.server.id])

    def test_neither_stranger_nor_manager_does(self):
        for user in (self.agent, self.manager):
            sent = self.mails(self.post(user))
            self.assertFalse(sent.mailbox_account_id)
            self.assertNotIn(self.server.id, self.servers_of(sent))

    def test_from_typed_by_a_stranger_does_not_open_it(self):
        typed = self.mails(self.post(self.agent, email_from=self.address))
        made = self.make_mail(self.agent, email_from=f"Boss <{self.address}>")
        self.agent.email = self.address
        bears = self.mails(self.post(self.agent))
        for sent in (typed, made, bears):
            self.assertFalse(sent.mailbox_account_id)
            self.assertNotIn(self.server.id, self.servers_of(sent))

    def test_the_author_claimed_does_not_count(self):
        """Posting in the name of the owner is not being the owner."""
        message = self.post(self.agent, author_id=self.owner.partner_id.id)
        self.assertFalse(self.mails(message).mailbox_account_id)

    def test_a_server_named_by_a_stranger_is_refused(self):
        with self.assertRaises(ValidationError):
            self.make_mail(self.agent, mail_server_id=self.server.id)
        with self.assertRaises(ValidationError):
            self.make_mail(self.agent, mailbox_account_id=self.account.id)
        with self.assertRaises(ValidationError):
            self.contact.with_user(self.agent).with_context(
                mailbox_sends=(self.account.main_identity().id, 0, ())
            ).message_post(
                body="x",
                partner_ids=self.contact.ids,
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
            )

    def test_a_server_slipped_in_later_holds_the_mail(self):
        """It fails with the reason; the other mails of the queue are sent."""
        made = self.make_mail(self.agent)
        made.mail_message_id.mail_server_id = self.server
        other = self.make_mail(self.agent)
        held = (made | other)._hold_for_mailbox()
        self.assertEqual(held, made)
        self.assertEqual(made.state, "exception")
        self.assertIn("Only the owner and the members", made.failure_reason)

    def test_a_message_of_the_owner_cannot_be_resent_by_a_stranger(self):
        message = self.post(self.owner)
        with self.assertRaises(ValidationError):
            self.make_mail(
                self.agent,
                mail_message_id=message.id,
                mailbox_account_id=self.account.id,
            )

    def test_mass_mail_of_the_owner_leaves_by_the_mailbox(self):
        own = self.make_mail(self.owner, email_from=f"Sales team <{self.address}>")
        self.assertEqual(own.mailbox_account_id, self.account)
        self.assertEqual(own.mailbox_email_from, f"Sales team <{self.address}>")
        named = self.make_mail(
            self.owner, mail_server_id=self.server.id, email_from="who@example.net"
        )
        self.assertEqual(named.mailbox_email_from, f'"Sales" <{self.address}>')
        self.assertEqual(self.servers_of(own | named), [self.server.id])

    def test_automation_is_nobodys(self):
        """What the server posts automatically, and forwarded mail, leaves as before."""
        root = self.env.ref("base.user_root")
        for user, kind in (
            (root, "comment"),
            (self.owner, "auto_comment"),
            (self.owner, "notification"),
            (self.owner, "email"),
        ):
            sent = self.mails(self.post(user, message_type=kind))
            self.assertFalse(sent.mailbox_account_id, kind)

    def test_a_mailbox_that_is_not_connected_sends_nothing(self):
        self.account.state = "draft"
        self.assertFalse(self.mails(self.post(self.owner)).mailbox_account_id)


@tagged("post_install", "-at_install")
class TestWhichMailbox(SendingCase):
    def test_ones_own_comes_before_shared_ones(self):
        shared = self.make_account("a@example.org", self.manager, members=[self.owner])
        self.assertEqual(
            self.mails(self.post(self.owner)).mailbox_account_id, self.account
        )
        self.account.smtp_host = False
        self.assertEqual(self.mails(self.post(self.owner)).mailbox_account_id, shared)

    def test_one_that_fails_is_not_left_for_another_unnoticed(self):
        self.make_account("a@example.org", self.manager, members=[self.owner])
        self.account.smtp_problem = "Sending (SMTP): wrong password"
        self.assertEqual(
            self.mails(self.post(self.owner)).mailbox_account_id, self.account
        )

    def test_from_chosen_among_ones_own(self):
        other = self.make_account("other@example.org", self.owner)
        sent = self.mails(self.post(self.owner, email_from="other@example.org"))
        self.assertEqual(sent.mailbox_account_id, other)

    def test_a_server_chosen_that_is_no_mailboxs_is_respected(self):
        server = self.env["ir.mail_server"].create(
            {"name": "Chosen", "smtp_host": "chosen.example"}
        )
        sent = self.mails(self.post(self.owner, mail_server_id=server.id))
        self.assertFalse(sent.mailbox_account_id)
        self.assertEqual(self.servers_of(sent), [server.id])

    def test_only_customers_get_it_from_the_mailbox(self):
        """A mail each to customers; colleagues as Odoo sends it, nothing rewritten."""
        self.member.notification_type = "email"
        second = self.env["res.partner"].create(
            {"name": "Olga", "email": "olga@customer.example"}
        )
        message = self.post(
            self.owner, partner_ids=(self.contact | second | self.member.partner_id).ids
        )
        mails = self.mails(message)
        inside = mails.filtered(lambda m: self.member.partner_id in m.recipient_ids)
        outside = mails - inside
        self.assertEqual(
            sorted(outside.mapped(lambda m: m.recipient_ids.name)), ["Carl", "Olga"]
        )
        self.assertEqual(outside.mailbox_account_id, self.account)
        self.assertFalse(inside.mailbox_account_id or inside.mailbox_email_from)
        self.assertIn("carl@customer.example", inside.headers)
        self.assertEqual(message.email_from, self.owner.email_formatted)
        for sent in mails:
            self.assertEqual(len(sent.recipient_ids), 1)
        self.assertEqual(len(message.notification_ids), 3)

    @mute_logger("odoo.models.unlink")
    def test_a_deleted_mailbox_leaves_its_mail_held(self):
        sent = self.mails(self.post(self.owner, force_send=False))
        self.account.unlink()
        self.assertEqual(sent.state, "exception")
        self.assertIn("was deleted", sent.failure_reason)
        sent.action_retry()
        self.assertEqual(sent._hold_for_mailbox(), sent)
        self.assertEqual(sent._hold_for_mailbox(), self.env["mail.mail"])


@tagged("post_install", "-at_install")
class TestReplyThreading(SendingCase):
    """What a message refers to."""

    def incoming(self, subject, **values):
        return self.import_mail(
            mail("carl@customer.example", self.address, subject, **values)
        )

    def sent(self, user=None, **values):
        """Subject, In-Reply-To and References of what the customer is sent."""
        message = self.post(user or self.owner, **values)
        [one] = self.mails(message)
        in_reply_to = one.headers.partition("In-Reply-To': '")[2].partition("'")[0]
        ids = one.references.split()
        self.assertEqual(ids.pop(), message.message_id)
        self.assertNotIn("copy.invalid", one.references)
        return one.subject, in_reply_to, ids

    def recent(self):
        return datetime.now(timezone.utc) - timedelta(days=1)

    def test_the_newest_mail_is_replied_to_with_its_whole_thread(self):
        first = self.incoming("Offer", date=self.recent())
        answer = self.incoming(
            "Re: Offer", date=self.recent(), in_reply_to=first.rfc_message_id
        )
        subject, parent, chain = self.sent()
        self.assertEqual(subject, "Re: Offer")
        self.assertEqual(parent, answer.rfc_message_id)
        self.assertEqual(chain, [first.rfc_message_id, answer.rfc_message_id])

    def test_a_subject_finds_its_conversation(self):
        offer = self.incoming("Offer", date=self.recent())
        self.incoming("Invoice", date=self.recent())
        self.assertEqual(
            self.sent(subject="Re: Offer"),
            ("Re: Offer", offer.rfc_message_id, [offer.rfc_message_id]),
        )

    def test_the_message_replied_to_decides(self):
        offer = self.incoming("Offer", date=self.recent())
        self.incoming("Invoice", date=self.recent())
        subject, parent, _chain = self.sent(parent_id=self.copies(offer).id)
        self.assertEqual((subject, parent), ("Re: Offer", offer.rfc_message_id))

    def test_a_subject_of_ones_own_or_old_mail_begins_a_new_thread(self):
        self.incoming("Years ago")
        self.assertEqual(self.sent()[1:], ("", []))
        self.incoming("Offer", date=self.recent())
        self.assertEqual(self.sent(subject="Party")[1:], ("", []))

    def test_mail_that_the_author_may_not_read_is_not_quoted(self):
        private = self.make_account("me@example.org", self.manager, "members")
        self.import_mail(
            mail(
                "carl@customer.example", "me@example.org", "Secret", date=self.recent()
            ),
            account=private,
        )
        subject, parent, chain = self.sent()
        self.assertNotIn("Secret", subject)
        self.assertEqual((parent, chain), ("", []))

    def test_derived_ids_stay_inside_for_users_without_a_mailbox(self):
        self.incoming("Offer", date=self.recent())
        [one] = self.mails(self.post(self.agent))
        self.assertNotIn("copy.invalid", one.references)

    def test_the_own_id_in_references_is_no_parent(self):
        """As Odoo writes References, where other programs name the parent last."""
        parsed = parse_message(mail(references="<a@x.example> <b@x.example>"))
        self.assertEqual(parent_hash(parsed), message_id_hash("<b@x.example>"))
        self.assertFalse(parent_hash(parsed, own_id_in_references=True))

    def test_prefixes_of_subjects(self):
        self.assertEqual(subjects.reply_subject("AW: Re[2]: Offer"), "Re: Offer")
        self.assertEqual(subjects.reply_subject("Regarding: x"), "Re: Regarding: x")
        self.assertEqual(subjects.bare_subject("FWD: Re: Offer"), "offer")
