"""Whose an e-mail is: the contacts that it is shown on."""

from odoo.tests import new_test_user, tagged

from ..common import MailboxCase, mail

OURS = "sales@example.org"


@tagged("post_install", "-at_install")
class TestMatching(MailboxCase):
    def _partner(self, email, **values):
        return self.env["res.partner"].create(
            {"name": email.partition("@")[0], "email": email, **values}
        )

    def test_contacts_are_found_in_every_address_header(self):
        names = ("from", "replyto", "to", "cc")
        partners = {n: self._partner(f"{n}@customer.example") for n in names}
        [message] = self.import_mail(
            mail(
                "X <from@customer.example>",
                f"{OURS}, TO@Customer.Example",
                cc="cc@customer.example",
                Reply_To="replyto@customer.example",
            )
        )
        self.assertEqual(
            {link.partner_id: link.header for link in message.link_ids},
            {
                partners["from"]: "from",
                partners["replyto"]: "reply_to",
                partners["to"]: "to",
                partners["cc"]: "cc",
            },
        )

    def test_every_contact_with_the_address_gets_the_mail(self):
        twins = self._partner("twin@customer.example") + self._partner(
            "Twin <twin@customer.example>"
        )
        [message] = self.import_mail(mail("twin@customer.example", OURS))
        self.assertEqual(message.link_ids.partner_id, twins)
        for twin in twins:
            self.assertEqual(self.copies(message, twin).author_id, twin)

    def test_international_domain_is_matched_however_it_is_written(self):
        partner = self._partner("jo@bücher.example")
        [message] = self.import_mail(mail("jo@xn--bcher-kva.example", OURS))
        self.assertEqual(message.link_ids.partner_id, partner)

    def test_strangers_leave_no_trace(self):
        before = self.env["mailbox.message"].search_count([])
        partners = self.env["res.partner"].search_count([])
        self.assertFalse(self.import_mail(mail("nobody@stranger.example", OURS)))
        self.assertEqual(self.env["mailbox.message"].search_count([]), before)
        self.assertEqual(self.env["res.partner"].search_count([]), partners)

    def test_archived_contacts_and_other_companies_are_not_matched(self):
        other = self.env["res.company"].create({"name": "Other"})
        self._partner("old@customer.example", active=False)
        self._partner("far@customer.example", company_id=other.id)
        for sender in ("old@customer.example", "far@customer.example"):
            self.assertFalse(self.import_mail(mail(sender, OURS)))

    def test_own_addresses_and_colleagues_are_never_customers(self):
        self._partner(OURS)
        self._partner("alias@example.org")
        self.account.sender_ids = [(0, 0, {"email": "alias@example.org"})]
        colleague = new_test_user(self.env, "mb_colleague", email="co@example.org")
        raw = mail("co@example.org", f"{OURS}, alias@example.org")
        self.assertTrue(colleague.partner_id.email_normalized)
        self.assertFalse(self.import_mail(raw))

    def test_mail_we_sent_is_ours_and_is_shown_on_the_recipient(self):
        [message] = self.import_mail(
            mail(f"Sales <{OURS}>", "customer@example.com"), folder="Sent"
        )
        self.assertEqual(message.direction, "out")
        copy = self.copies(message)
        self.assertEqual(copy.res_id, self.customer.id)
        self.assertEqual(copy.email_from, f"Sales <{OURS}>")
        self.assertNotEqual(copy.author_id, self.customer)
