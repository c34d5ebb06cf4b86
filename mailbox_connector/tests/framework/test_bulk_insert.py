from markupsafe import Markup

from odoo.tests import TransactionCase, tagged

from odoo.addons.mailbox_connector.services.framework import bulk_insert


@tagged("post_install", "-at_install")
class TestBulkInsert(TransactionCase):
    """Rows written in bulk are the rows that the ORM would have written."""

    def setUp(self):
        super().setUp()
        self.partner = self.env["res.partner"].create({"name": "Customer"})

    def values(self, number):
        """Every value of a copy, as an import gives them."""
        return {
            "model": "res.partner",
            "res_id": self.partner.id,
            "message_type": "email",
            "subtype_id": self.env.ref("mail.mt_comment").id,
            "subject": f"Größe {number}" if number else "",
            "body": Markup("<p>It's %s</p>") % number,
            "date": f"2024-05-0{number + 1} 10:00:00",
            "author_id": self.partner.id if number % 2 else False,
            "email_from": "Customer <customer@example.com>",
            "incoming_email_to": "sales@example.org",
            "incoming_email_cc": False,
            "message_id": f"<{number}@copy.invalid>",
            "reply_to": False,
            "parent_id": False,
            "record_alias_domain_id": False,
            "record_company_id": False,
            "email_add_signature": False,
            "is_internal": True,
            "mail_server_id": False,
            "mailbox_message_id": False,
            "mailbox_audience_id": False,
        }

    def rows(self, model, ids):
        self.env.flush_all()
        self.env.cr.execute(
            f"SELECT * FROM {model._table} WHERE id = ANY(%s) ORDER BY id", [ids]
        )
        return [
            {name: value for name, value in row.items() if name != "id"}
            for row in self.env.cr.dictfetchall()
        ]

    def test_copies_equal_those_of_the_orm(self):
        Message = self.env["mail.message"]
        by_orm = Message.create([self.values(number) for number in range(4)]).ids
        in_bulk = bulk_insert.create(
            Message, [self.values(number) for number in range(4)], clean=["body"]
        )
        self.assertEqual(in_bulk, sorted(set(in_bulk)))
        self.assertEqual(self.rows(Message, by_orm), self.rows(Message, in_bulk))

    def test_body_that_is_clean_is_taken_as_it_is(self):
        body = Markup('<div data-o-mail-quote=1 class="gmail_quote">a &lt; b</div>')
        ids = bulk_insert.create(
            self.env["mail.message"],
            [{**self.values(number), "body": body} for number in range(3)],
            clean=["body"],
        )
        for message in self.env["mail.message"].browse(ids):
            self.assertEqual(message.body, body)

    def test_nothing_and_one(self):
        Message = self.env["mail.message"]
        self.assertEqual(bulk_insert.create(Message, []), [])
        [only] = bulk_insert.create(Message, [self.values(1)], clean=["body"])
        self.assertEqual(Message.browse(only).body, "<p>It's 1</p>")

    def test_a_later_batch_equals_the_rows_of_the_orm(self):
        Message = self.env["mail.message"]
        by_orm = Message.create([self.values(number) for number in range(4)]).ids
        defaults = {}
        first = bulk_insert.create(
            Message, [self.values(5)], clean=["body"], defaults=defaults
        )
        # What becomes of that row is nothing to the next ones.
        Message.browse(first).pinned_at = "2024-01-01"
        Message.flush_model()
        in_bulk = bulk_insert.create(
            Message,
            [self.values(number) for number in range(4)],
            clean=["body"],
            defaults=defaults,
        )
        self.assertEqual(self.rows(Message, by_orm), self.rows(Message, in_bulk))
