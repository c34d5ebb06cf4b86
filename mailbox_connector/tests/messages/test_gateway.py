"""Odoo's own gateway and a mailbox receive the same e-mail: both handle it."""

from odoo.tests import tagged

from ..common import MailboxCase, mail


@tagged("post_install", "-at_install")
class TestGateway(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.domain = cls.env["mail.alias.domain"].create(
            {"name": "gateway.example.org"}
        )
        cls.env.company.alias_domain_id = cls.domain
        # Any model with a chatter will do: an e-mail to the alias creates a contact.
        cls.alias = cls.env["mail.alias"].create(
            {
                "alias_name": "leads",
                "alias_domain_id": cls.domain.id,
                "alias_model_id": cls.env["ir.model"]._get_id("res.partner"),
                "alias_contact": "everyone",
            }
        )
        cls.raw = mail(
            to="leads@gateway.example.org, sales@example.org",
            subject="Interested",
            message_id="<interested@mail.example.com>",
        )

    def receive(self, raw):
        """Receive an e-mail by Odoo's gateway; the id of its thread."""
        return self.env["mail.thread"].message_process(False, raw)

    def shown(self, partner):
        found = self.env["mail.message"].search(
            [
                ("model", "=", "res.partner"),
                ("res_id", "=", partner.id),
                ("message_type", "=", "email"),
            ]
        )
        return found.mapped("subject")

    def test_mail_to_an_alias_creates_its_record_after_the_mailbox_has_it(self):
        (email,) = self.import_mail(self.raw)
        record = self.env["res.partner"].browse(self.receive(self.raw))
        self.assertEqual(record.name, "Interested")
        self.assertNotEqual(record, self.customer)
        self.assertEqual(email.partner_ids, self.customer)

    def test_mail_to_an_alias_creates_its_record_before_the_mailbox_has_it(self):
        record = self.env["res.partner"].browse(self.receive(self.raw))
        self.assertEqual(record.name, "Interested")
        (email,) = self.import_mail(self.raw)
        self.assertIn(self.customer, email.partner_ids)
        self.assertEqual(self.shown(self.customer), ["Interested"])

    def test_a_reply_is_posted_on_its_document_although_the_mailbox_has_it(self):
        record = self.env["res.partner"].browse(self.receive(self.raw))
        question = record.message_post(
            body="What for?",
            message_type="comment",
            partner_ids=self.customer.ids,
            subtype_xmlid="mail.mt_comment",
        )
        reply = mail(
            to="catchall@gateway.example.org, sales@example.org",
            subject="Re: Interested",
            in_reply_to=question.message_id,
            references=question.message_id,
        )
        self.import_mail(reply)
        self.assertEqual(self.receive(reply), record.id)
        self.assertIn("Re: Interested", self.shown(record))

    def test_a_forged_id_of_our_own_message_hides_no_mail(self):
        ours = self.customer.message_post(
            body="Offer",
            message_type="comment",
            partner_ids=self.customer.ids,
            subtype_xmlid="mail.mt_comment",
        )
        self.import_mail(mail(subject="Not ours", message_id=ours.message_id))
        self.assertEqual(self.shown(self.customer), ["Not ours"])

    def test_a_forged_id_of_anothers_mail_hides_no_mail(self):
        self.receive(
            mail(
                to="catchall@gateway.example.org",
                subject="Theirs",
                message_id="<theirs@mail.example.com>",
                in_reply_to=self.customer.message_post(body="x").message_id,
            )
        )
        other = self.env["res.partner"].create(
            {"name": "Other", "email": "other@customer.example"}
        )
        (email,) = self.import_mail(
            mail(
                sender="other@customer.example",
                to="sales@example.org, customer@example.com",
                subject="Forged",
                message_id="<theirs@mail.example.com>",
            )
        )
        self.assertIn("Forged", self.shown(self.customer))
        self.assertEqual(email.partner_ids, self.customer | other)

    def reply_to_contact(self):
        """A customer's reply to a message on the contact, sent to both."""
        question = self.customer.message_post(
            body="Hello?",
            message_type="comment",
            partner_ids=self.customer.ids,
            subtype_xmlid="mail.mt_comment",
        )
        return mail(
            to="catchall@gateway.example.org, sales@example.org",
            subject="Re: Hello",
            in_reply_to=question.message_id,
            references=question.message_id,
            html="<p>Yes, <b>thank you</b>.</p>",
        )

    def test_the_same_mail_on_the_same_contact_is_shown_once_gateway_first(self):
        reply = self.reply_to_contact()
        self.receive(reply)
        (email,) = self.import_mail(reply)
        self.assertEqual(self.shown(self.customer), ["Re: Hello"])
        self.assertIn("thank you", email.body)

    def test_the_same_mail_on_the_same_contact_is_shown_once_mailbox_first(self):
        reply = self.reply_to_contact()
        (email,) = self.import_mail(reply)
        self.receive(reply)
        self.assertEqual(self.shown(self.customer), ["Re: Hello"])
        self.assertIn("thank you", email.body)

    def test_another_mail_with_the_same_id_replaces_nothing(self):
        """A person who knows a Message-ID must not be able to replace the original
        text."""
        reply = self.reply_to_contact()
        (email,) = self.import_mail(reply)
        self.receive(reply.replace(b"thank you", b"no thanks"))
        self.assertIn("thank you", email.body)
        self.assertEqual(self.shown(self.customer), ["Re: Hello", "Re: Hello"])
