"""E-mails in the chatter of a contact: their order, files and notifications."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from unittest.mock import patch

from odoo.tests import tagged

from odoo.addons.mail.tools.discuss import Store

from ..common import MailboxCase, MailboxHttpCase, mail

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
#: Seconds for a tour, on a machine of any speed; its steps have limits of their own.
PATIENCE = 300


def backfill(count):
    """One e-mail for each day, newest first, as a backfill imports them."""
    return [
        mail(subject=f"Mail {day:03}", date=START + timedelta(days=day))
        for day in reversed(range(count))
    ]


@tagged("post_install", "-at_install")
class TestChatterOrder(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.note = cls.customer.with_user(cls.agent).message_post(body="First note")
        cls.note.sudo().date = "2024-01-11 01:00:00"
        raws = backfill(70)
        cls.emails = cls.import_mail(*raws[:40]) + cls.import_mail(*raws[40:])
        cls.thread = cls.customer.with_user(cls.agent)

    def fetch(self, **params):
        Message = self.env["mail.message"].with_user(self.agent)
        return Message._message_fetch(None, thread=self.thread, **params)["messages"]

    def expected(self):
        """All messages of the chatter, newest first."""
        found = self.env["mail.message"].search(
            [("model", "=", "res.partner"), ("res_id", "=", self.customer.id)]
        )
        return found.sorted(lambda m: (str(m.date), m.id), reverse=True)

    def scroll(self, limit, **first):
        pages = self.fetch(limit=limit, **first)
        while page := self.fetch(limit=limit, before=pages[-1].id):
            pages += page
        return pages

    def test_messages_come_by_date_page_after_page(self):
        self.assertEqual(len(self.expected()), 71)
        for limit in (7, 30, 100):
            self.assertEqual(self.scroll(limit).ids, self.expected().ids)
        self.assertLess(self.fetch()[0].id, self.fetch()[1].id, "not by id")

    def test_newer_messages_come_by_date(self):
        expected = self.expected()
        self.assertEqual(
            self.fetch(after=expected[20].id, limit=5).ids, expected[15:20].ids
        )
        self.assertFalse(self.fetch(after=expected[0].id))

    def test_a_jump_shows_the_messages_around_it(self):
        expected = self.expected()
        self.assertEqual(
            self.fetch(around=expected[35].id, limit=20).ids, expected[25:45].ids
        )

    def test_search_finds_by_date_and_goes_on_after_the_last(self):
        found = self.fetch(search_term="Mail 00", limit=4)
        self.assertEqual(found.mapped("subject"), [f"Mail 00{n}" for n in (9, 8, 7, 6)])
        rest = self.fetch(search_term="Mail 00", limit=9, before=found[-1].id)
        self.assertEqual(
            rest.mapped("subject"), [f"Mail 00{n}" for n in range(5, -1, -1)]
        )

    def test_equal_and_future_and_missing_dates_are_in_order(self):
        later = datetime.now(timezone.utc) + timedelta(hours=20)
        self.import_mail(
            mail(subject="Future", date=later),
            *(mail(subject=f"Same {n}") for n in range(5)),
        )
        undated = self.customer.message_post(body="Undated")
        undated.date = False
        today = self.customer.message_post(body="Today")
        expected = undated + self.expected().filtered("date")
        self.assertEqual(expected[1].subject, "Future")
        self.assertEqual(expected[2], today)
        self.assertEqual(self.scroll(3).ids, expected.ids)

    def test_a_message_that_was_deleted_meanwhile_does_no_harm(self):
        gone = self.customer.message_post(body="Gone")
        gone_id = gone.id
        gone.unlink()
        self.assertTrue(self.fetch(before=gone_id))

    def test_the_client_is_informed_and_other_chatters_are_unchanged(self):
        Message = self.env["mail.message"].with_user(self.agent)
        reloads = Message._message_fetch(None, thread=self.thread)["mailbox"]
        self.assertEqual(reloads, {"by_date": True})
        other = self.env["res.partner"].create({"name": "No mail"})
        old = other.message_post(body="Old")
        new = other.message_post(body="New")
        old.date = datetime.now() + timedelta(days=3)
        result = Message._message_fetch(None, thread=other.with_user(self.agent))
        self.assertEqual(result["mailbox"], {"by_date": False})
        self.assertLess(
            result["messages"].ids.index(new.id), result["messages"].ids.index(old.id)
        )
        # Users who see no e-mail on the contact see core's order.
        self.account.visibility = "members"
        result = Message._message_fetch(None, thread=self.thread)
        self.assertEqual(result["messages"], self.note)
        self.assertFalse(result.get("mailbox", {}).get("by_date"))

    def test_the_index_serves_a_page_of_a_long_conversation(self):
        self.env.flush_all()
        # With so few rows the planner would not use an index unless it has to.
        self.env.cr.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"
        )
        self.env.cr.execute(
            """
            EXPLAIN SELECT id FROM mail_message
             WHERE model = 'res.partner' AND res_id = %s AND date <= now()
             ORDER BY date DESC, id DESC LIMIT 30
            """,
            [self.customer.id],
        )
        plan = "\n".join(row[0] for row in self.env.cr.fetchall())
        self.assertIn("mail_message_partner_date_idx", plan)
        self.assertNotIn("Sort", plan)


@tagged("post_install", "-at_install")
class TestNotifications(MailboxCase):
    def test_nobody_is_notified_and_nothing_is_counted_as_unread(self):
        self.customer.message_subscribe([self.agent.partner_id.id])
        before = self.env["mail.mail"].search_count([])
        (email,) = self.import_mail(mail(sender="customer@example.com"))
        copy = self.copies(email)
        self.assertFalse(copy.notification_ids)
        self.assertFalse(copy.partner_ids)
        self.assertEqual(self.env["mail.mail"].search_count([]), before)
        contact = self.customer.with_user(self.agent)
        self.assertEqual(contact.message_needaction_counter, 0)
        self.assertEqual(self.customer.message_partner_ids, self.agent.partner_id)

    def test_recipients_are_not_suggested_from_imported_mail(self):
        stranger = "stranger@example.net"
        self.import_mail(mail(cc=stranger, date=datetime.now(timezone.utc)))
        suggested = self.customer.with_user(
            self.agent
        )._message_get_suggested_recipients(reply_discussion=True)
        self.assertNotIn(stranger, str(suggested))

    def test_reply_all_to_an_email_takes_its_recipients(self):
        other = self.env["res.partner"].create(
            {"name": "Other", "email": "other@example.com"}
        )
        (email,) = self.import_mail(mail(cc="other@example.com"))
        copy = self.copies(email, self.customer)
        suggested = self.customer.with_user(
            self.agent
        )._message_get_suggested_recipients(reply_message=copy)
        self.assertIn(other.id, [info["partner_id"] for info in suggested])

    def test_a_message_sent_from_the_contact_does_not_refer_to_copies(self):
        """A copy's Message-ID is made up: the customer's mail app could not find
        such a message."""
        self.import_mail(mail(subject="One"), mail(subject="Two"))
        message = self.customer.with_user(self.agent).message_post(
            body="Answer",
            message_type="comment",
            partner_ids=self.customer.ids,
            subtype_xmlid="mail.mt_comment",
        )
        sent = self.env["mail.mail"].search([("mail_message_id", "=", message.id)])
        self.assertTrue(sent)
        self.assertNotIn("@copy.invalid", sent.references)


@tagged("post_install", "-at_install")
class TestFiles(MailboxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.closed = cls.make_account(
            "board@example.org", owner=cls.owner, visibility="members"
        )
        pdf = b"%PDF-1.4"
        cls.import_mail(mail(subject="A", attachments=[("open.pdf", pdf)]))
        cls.import_mail(
            mail(
                to="board@example.org", subject="B", attachments=[("closed.pdf", pdf)]
            ),
            account=cls.closed,
        )
        cls.env["ir.attachment"].create(
            {
                "name": "own.txt",
                "raw": b"x",
                "res_model": "res.partner",
                "res_id": cls.customer.id,
            }
        )

    def test_the_files_box_lists_and_counts_what_the_user_may_open(self):
        for user, names in (
            (self.owner, ["own.txt", "closed.pdf", "open.pdf"]),
            (self.agent, ["own.txt", "open.pdf"]),
        ):
            self.env.invalidate_all()
            contact = self.customer.with_user(user)
            files = contact._get_mail_thread_data_attachments()
            self.assertEqual(files.mapped("name"), names)
            self.assertEqual(contact.message_attachment_count, len(names))

    def test_files_of_emails_are_marked_for_the_client(self):
        contact = self.customer.with_user(self.agent)
        files = contact._get_mail_thread_data_attachments()
        stored = Store().add(files).get_result()["ir.attachment"]
        marks = {values["name"]: values.get("from_mailbox") for values in stored}
        self.assertEqual(marks, {"own.txt": None, "open.pdf": True})


@tagged("post_install", "-at_install")
class TestReload(MailboxCase):
    def channels(self, user, *asked):
        request = SimpleNamespace(session=SimpleNamespace(uid=user.id))
        with patch("odoo.addons.bus.models.ir_websocket.request", new=request):
            channels = (
                self.env["ir.websocket"]
                .with_user(user)
                ._build_bus_channel_list(list(asked))
            )
        return [c for c in channels if isinstance(c, str | tuple)]

    def test_users_who_may_read_the_contact_hear_of_its_mail(self):
        asked = f"mailbox_connector.contact_{self.customer.id}"
        heard = (self.customer, "mailbox")
        self.assertIn(heard, self.channels(self.agent, asked))
        for user in (self.portal, self.env.ref("base.public_user")):
            channels = self.channels(user, asked)
            self.assertNotIn(heard, channels)
            self.assertNotIn(asked, channels)
        self.env["ir.rule"].create(
            {
                "name": "Not this contact",
                "model_id": self.env.ref("base.model_res_partner").id,
                "domain_force": f"[('id', '!=', {self.customer.id})]",
                "groups": self.env.ref("base.group_user").ids,
            }
        )
        self.assertNotIn(heard, self.channels(self.agent, asked))

    def test_an_import_reloads_each_contact_once(self):
        def reloads():
            self.env.cr.precommit.run()
            return self.env["bus.bus"].search_count(
                [("message", "like", f'{{"partner_id":{self.customer.id}}}')]
            )

        raws = backfill(10)
        self.import_mail(*raws)
        self.assertEqual(reloads(), 1)
        self.import_mail(*raws)
        self.assertEqual(reloads(), 1, "nothing new")


@tagged("post_install", "-at_install")
class TestChatterTour(MailboxHttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        raws = backfill(95)
        cls.import_mail(*raws[:50])
        cls.import_mail(*raws[50:])
        cls.url = f"/odoo/action-base.action_partner_form/{cls.customer.id}"
        # Otherwise each tour builds them again, in the time it has to get ready.
        bundle = cls.env["ir.qweb"]._get_asset_bundle
        for name in ("web.assets_web", "web.assets_tests"):
            bundle(name).js()
        for name in ("web.assets_web", "web.assets_web_print"):
            bundle(name).css()

    def tour(self, name):
        self.start_tour(self.url, name, login="mb_agent", timeout=PATIENCE)

    def test_chatter_is_in_date_order(self):
        """Scrolling back, search, jump and posting keep the order of dates."""
        self.tour("mailbox_chatter_order")

    def test_jump_to_an_old_message(self):
        """A jump to a message shows the messages around it; from there one can scroll
        to the oldest and to the newest."""
        self.tour("mailbox_chatter_jump")

    def test_chatter_with_a_date_in_the_future(self):
        """A message posted now is shown below an e-mail dated in the future."""
        later = datetime.now(timezone.utc) + timedelta(hours=20)
        self.import_mail(mail(subject="Mail 999", date=later))
        self.tour("mailbox_chatter_future")

    def test_agent_opens_the_list_and_an_email(self):
        """The button E-mails shows the count and opens list and form."""
        self.tour("mailbox_contact_emails")
