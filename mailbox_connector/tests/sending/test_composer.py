"""Reply, reply all and forward: to whom, what about, and what it leaves untouched."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.mail.tools.discuss import Store

from ...services.sending.reply_composer import forward_subject
from ..common import PNG, MailboxCase, mail

CUSTOMER = "Customer <customer@example.com>"


@tagged("post_install", "-at_install")
class TestReplyComposer(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner.group_ids += cls.env.ref("base.group_partner_manager")
        cls.env["mailbox.identity"].create(
            {"account_id": cls.account.id, "email": "orders@example.org"}
        )
        cls.make_account("billing@example.org", owner=cls.member)

    def contacts(self):
        return self.env["res.partner"].with_context(active_test=False).search_count([])

    def open_composer(self, raw, kind="reply_all", user=None, **options):
        """The composer that opens; nothing is made by that but itself."""
        (email,) = self.import_mail(raw, **options)
        before = self.contacts()
        copy = self.copies(email)[:1].with_user(user or self.owner)
        action = copy.action_mailbox_reply(kind)
        self.assertEqual(self.contacts(), before, "no contact is made by opening")
        composer = self.env[action["res_model"]].with_user(user or self.owner)
        return composer.browse(action["res_id"])

    def press_reply(self, record):
        if record._name == "mailbox.message":
            return record.action_reply()
        return record.action_mailbox_reply("reply")

    def to(self, composer):
        """Everybody the composer names, as addresses."""
        others = (composer.mailbox_email_to or "").split(", ")
        return [*composer.partner_ids.mapped("email"), *filter(None, others)]

    def test_reply_goes_to_who_wrote_and_reply_all_to_everybody_once(self):
        raw = mail(
            sender=CUSTOMER,
            to="Sales <SALES@example.org>, stranger@example.com, customer@example.com",
            cc="orders@example.org, billing@example.org, Zoe <zoe@example.com>, "
            "stranger@example.com, mb_agent@staff.example.org",
        )
        composer = self.open_composer(raw, "reply")
        self.assertEqual(composer.partner_ids, self.customer)
        self.assertFalse(composer.mailbox_email_to)
        composer = self.open_composer(raw, "reply_all")
        self.assertEqual(
            composer.partner_ids, self.customer | self.agent.partner_id, "a colleague"
        )
        self.assertEqual(
            composer.mailbox_email_to, "stranger@example.com, Zoe <zoe@example.com>"
        )

    def test_reply_to_gets_the_reply_and_never_ourselves(self):
        raw = mail(reply_to="Desk <desk@example.com>", sender=CUSTOMER)
        self.assertEqual(
            self.to(self.open_composer(raw, "reply")), ["Desk <desk@example.com>"]
        )
        raw = mail(reply_to="orders@example.org", sender=CUSTOMER)
        self.assertEqual(
            self.to(self.open_composer(raw, "reply")), ["customer@example.com"]
        )

    def test_a_reply_to_our_own_mail_goes_to_its_recipients(self):
        raw = mail(
            sender="orders@example.org",
            to="customer@example.com, Zoe <zoe@example.com>",
            cc="sales@example.org, cc@example.com",
        )
        composer = self.open_composer(raw, "reply", folder="Sent")
        self.assertEqual(
            self.to(composer), ["customer@example.com", "Zoe <zoe@example.com>"]
        )
        composer = self.open_composer(raw, "reply_all", folder="Sent")
        self.assertEqual(self.to(composer)[-1], "cc@example.com")

    def test_the_writer_gets_no_mail_of_their_own(self):
        raw = mail(sender=CUSTOMER, cc="mb_owner@staff.example.org")
        self.assertEqual(self.to(self.open_composer(raw)), ["customer@example.com"])

    def test_subjects_are_marked_once(self):
        for subject, reply, forward in (
            ("Hello", "Re: Hello", "Fwd: Hello"),
            ("Re: AW: Hello", "Re: Hello", "Fwd: Hello"),
            ("FW: Re: Hello", "Re: Hello", "Fwd: Hello"),
        ):
            raw = mail(sender=CUSTOMER, subject=subject)
            self.assertEqual(self.open_composer(raw, "reply").subject, reply)
            self.assertEqual(self.open_composer(raw, "forward").subject, forward)
        self.assertEqual(forward_subject(False), "Fwd:")

    def test_the_quote_says_who_wrote_when_and_nothing_in_it_runs(self):
        raw = mail(
            sender='"<b>Eve</b>" <customer@example.com>',
            subject="<i>Hi</i>",
            html='<p>Good <b>day</b><script>alert(1)</script><img src="cid:pic"/></p>',
            inline=[("pic", PNG)],
        )
        for kind in ("reply", "forward"):
            body = self.open_composer(raw, kind).body
            self.assertIn("day</b>", body)
            self.assertNotIn("<script", body)
            self.assertNotIn("<b>Eve", body)
            self.assertIn("2024", body)
            self.assertIn('src="data:image/png;base64,', body, "pictures go along")
            self.assertNotIn("/web/image", body)
            self.assertEqual(body.count("Owner"), 1, "signed, above the quote")
            self.assertLess(body.index("Owner"), body.index("2024"))

    def test_forward_takes_copies_of_the_files_and_leaves_the_mail_alone(self):
        files = [("a.pdf", b"%PDF-a"), ("page.html", b"<script>alert(1)</script>")]
        raw = mail(sender=CUSTOMER, attachments=files)
        composer = self.open_composer(raw, "forward")
        self.assertFalse(self.to(composer))
        (email,) = self.env["mailbox.message"].search([], order="id desc", limit=1)
        self.assertFalse(composer.attachment_ids & email.attachment_ids)
        self.assertEqual(
            {(one.name, one.raw) for one in composer.attachment_ids.sudo()}, set(files)
        )
        self.assertNotIn("text/html", composer.attachment_ids.mapped("mimetype"))
        composer.mailbox_email_to = "zoe@example.com"
        composer._action_send_mail()
        self.assertEqual(
            set(email.attachment_ids.sudo().mapped("res_model")), {"mailbox.message"}
        )
        self.assertFalse(self.open_composer(raw, "reply").attachment_ids)

    def test_a_reply_goes_to_those_named_alone_and_makes_no_contact(self):
        follower = self.env["res.partner"].create(
            {"name": "Follower", "email": "follower@example.com"}
        )
        self.customer.message_subscribe((follower | self.agent.partner_id).ids)
        raw = mail(sender=CUSTOMER, cc="zoe@example.com")
        composer = self.open_composer(raw)
        composer.body = "Thanks"
        composer.mailbox_email_to += ", Customer <customer@example.com>"
        before = self.contacts()
        _mails, message = composer._action_send_mail()
        message = message.sudo()
        self.assertEqual(self.contacts(), before)
        notified = message.notification_ids
        self.assertEqual(
            sorted(filter(None, notified.mapped("mail_email_address"))),
            ["zoe@example.com"],
        )
        self.assertEqual(notified.res_partner_id, self.customer | self.agent.partner_id)

    def test_a_reply_stays_in_the_conversation_whatever_its_subject(self):
        old, _new = self.import_mail(
            mail(sender=CUSTOMER, subject="Old", message_id="<old@example.com>"),
            mail(sender=CUSTOMER, subject="New", message_id="<new@example.com>"),
        )
        action = old.with_user(self.owner).action_reply()
        composer = self.env[action["res_model"]].browse(action["res_id"])
        composer = composer.with_user(self.owner)
        composer.write({"subject": "Something else", "body": "Hi"})
        _mails, message = composer._action_send_mail()
        self.assertEqual(message.sudo().parent_id, self.copies(old))
        sent = self.env["mail.mail"].search([("mail_message_id", "=", message.id)])
        self.assertIn("<old@example.com>", sent.headers)
        self.assertNotIn("<new@example.com>", f"{sent.headers}{sent.references}")
        self.assertEqual(sent.mailbox_account_id, self.account)

    def test_the_address_that_the_mail_came_to_replies_to_it(self):
        composer = self.open_composer(
            mail(sender=CUSTOMER, to="orders@example.org"), "reply"
        )
        self.assertEqual(composer.mailbox_identity_id.email, "orders@example.org")
        # Users who may not send as it reply as themselves.
        composer = self.open_composer(
            mail(sender=CUSTOMER, to="orders@example.org"), "reply", user=self.agent
        )
        self.assertFalse(composer.mailbox_identity_id)

    def test_only_readers_reply(self):
        self.account.visibility = "members"
        (email,) = self.import_mail(mail(sender=CUSTOMER))
        for user in (self.agent, self.portal):
            for record in (email, self.copies(email)):
                with self.assertRaises(AccessError):
                    self.press_reply(record.with_user(user))
        note = self.customer.message_post(body="A note").with_user(self.owner)
        with self.assertRaises(UserError):
            note.action_mailbox_reply("reply")

    def test_a_reply_to_members_mail_stays_among_members(self):
        """Also when it leaves by Odoo's own server, or another mailbox."""
        self.account.visibility = "members"
        raw = mail(sender=CUSTOMER, attachments=[("a.pdf", b"%PDF-a")])
        composer = self.open_composer(raw, "forward")
        composer.write(
            {"mailbox_email_to": "zoe@example.com", "mailbox_identity_id": False}
        )
        _mails, message = composer._action_send_mail()
        self.env.invalidate_all()
        for record in (message, message.sudo().attachment_ids):
            self.assertTrue(record.with_user(self.owner).sudo(False).has_access("read"))
            self.assertFalse(
                record.with_user(self.agent).sudo(False).has_access("read")
            )

    def test_what_is_no_address_is_said_and_not_dropped(self):
        composer = self.open_composer(mail(sender=CUSTOMER), "forward")
        for junk in ("zoe@example.com, zoe at home", "Zoe", False):
            composer.mailbox_email_to = junk
            with self.assertRaises(UserError):
                composer._action_send_mail()
        composer.mailbox_email_to = '"Lang, Zoe" <zoe@example.com>, ann@example.com;'
        _mails, message = composer._action_send_mail()
        self.assertEqual(
            sorted(message.sudo().notification_ids.mapped("mail_email_address")),
            ["ann@example.com", "zoe@example.com"],
        )


@tagged("post_install", "-at_install")
class TestSenders(MailboxCase):
    def has_senders(self, user):
        """What the chatter of a contact gets."""
        contact = self.customer.with_user(user)
        requested = ["suggestedRecipients"]
        store = Store().add(contact, as_thread=True, request_list=requested)
        return store.get_result()["mail.thread"][0]["hasMailboxSenders"]

    def test_only_who_has_a_mailbox_is_asked_for_a_sender(self):
        self.assertTrue(self.has_senders(self.owner))
        self.assertFalse(self.has_senders(self.agent))

    def test_composers_on_several_records_offer_it_as_well(self):
        contacts = self.customer + self.agent.partner_id
        composer = self.env["mail.compose.message"].with_user(self.owner)
        composer = composer.create(
            {
                "composition_mode": "mass_mail",
                "model": "res.partner",
                "res_ids": repr(contacts.ids),
                "subject": "News",
                "body": "Hello",
            }
        )
        self.assertEqual(composer.mailbox_identity_id.email, "sales@example.org")
        mails, _messages = composer._action_send_mail()
        self.assertEqual(len(mails), 2)
        self.assertEqual(mails.mailbox_account_id, self.account)
