from datetime import datetime, timedelta, timezone

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mailbox_connector.engine.mime.headers import (
    block,
    first_phase,
    new_mail,
)
from odoo.addons.mailbox_connector.engine.types import HeaderRecord
from odoo.addons.mailbox_connector.services.incoming import inbound_queue
from odoo.addons.mailbox_connector.services.sync.store import OdooStore

from ..common import MailboxCase, mail


class InboundCase(MailboxCase):
    """Mail comes into mailboxes; what it sets off is done at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.account.started_on = "2024-01-01"
        # Anything with a chatter is a document; this model is always there.
        cls.document = cls.env["mail.blacklist"].create({"email": "d@doc.example"})
        cls.owner.notification_type = "inbox"
        cls.member.notification_type = "inbox"
        cls.document.message_subscribe(cls.owner.partner_id.ids)
        cls.asked = cls.document.message_post(
            body="May we?", subtype_xmlid="mail.mt_comment"
        )

    def answer(self, **values):
        values.setdefault("in_reply_to", self.asked.message_id)
        return mail(**{"date": datetime.now(timezone.utc), **values})

    def come(self, *raws, account=None, folder="INBOX", received=None, backfill=False):
        """Read e-mails in as a sync does; the rows of the queue, worked off."""
        account = account or self.account
        box = account.folder_ids.filtered(lambda one: one.raw_name == folder)
        store = OdooStore(account, self.env.flush_all)
        headers, by_uid = [], {}
        for raw in raws:
            head = block(raw)
            box.next_uid += 1
            uid = box.next_uid - 1
            addresses, message_id = first_phase(head)
            when = received or datetime.now(timezone.utc)
            new = None if backfill else new_mail(head)
            headers.append(
                HeaderRecord(uid, len(raw), when, addresses, message_id, new=new)
            )
            by_uid[uid] = raw
        found = store.match(headers)
        counts, _skipped = store.import_messages(
            box.id,
            [
                (one, found[one.uid], by_uid[one.uid])
                for one in headers
                if one.uid in found
            ],
        )
        self.assertFalse(counts.failed)
        rows = self.env["mailbox.inbound"].browse(store._queued)
        for row in rows:
            inbound_queue.perform(row)
        return rows

    def answers(self):
        """What stands on the document besides what was asked."""
        return self.document.message_ids.filtered(
            lambda one: one.message_type == "email"
        )

    def told(self, partner):
        return self.env["mail.notification"].search(
            [
                ("res_partner_id", "=", partner.id),
                ("mail_message_id.mailbox_message_id", "!=", False),
            ]
        )


@tagged("post_install", "-at_install")
class TestReplies(InboundCase):
    """An answer finds its document, whoever wrote it, once."""

    def test_a_contacts_answer_stands_on_document_and_contact(self):
        raw = self.answer(text="Yes.")
        self.come(raw)
        answer = self.answers()
        self.assertIn("Yes.", answer.body)
        self.assertEqual(answer.author_id, self.customer)
        self.assertEqual(answer.mailbox_identity_id, self.account.main_identity())
        self.assertEqual(answer.subtype_id, self.env.ref("mail.mt_comment"))
        notified = answer.notification_ids.res_partner_id
        self.assertEqual(notified, self.owner.partner_id)
        copies = self.env["mailbox.message"].search(
            [("partner_ids", "in", self.customer.ids)]
        )
        self.assertEqual(len(copies), 1)

    def test_a_strangers_answer_stands_on_the_document_alone(self):
        rows = self.come(self.answer(sender="Nobody <nobody@stranger.example>"))
        self.assertEqual(
            self.answers().email_from, '"Nobody" <nobody@stranger.example>'
        )
        self.assertFalse(self.answers().author_id)
        self.assertFalse(
            self.env["mailbox.message"].search([("email_from", "ilike", "stranger")])
        )
        self.assertEqual(rows.state, "done")
        self.assertFalse(rows.email_from or rows.subject or rows.raw_files())

    def test_a_colleagues_answer_stands_on_the_document_in_their_name(self):
        self.come(self.answer(sender=self.agent.email))
        self.assertEqual(self.answers().author_id, self.agent.partner_id)

    def test_an_answer_to_a_note_stays_a_note(self):
        note = self.document.message_post(body="Psst", subtype_xmlid="mail.mt_note")
        self.come(self.answer(sender=self.agent.email, in_reply_to=note.message_id))
        self.assertEqual(self.answers().subtype_id, self.env.ref("mail.mt_note"))

    def test_who_does_not_read_the_question_does_not_read_the_answer(self):
        """It was sent from a mailbox for its members alone."""
        audience = self.env["mailbox.audience"].for_accounts(self.account)
        self.asked.mailbox_audience_id = audience
        self.come(self.answer())
        self.assertEqual(self.answers().mailbox_audience_id, audience)

    def test_the_address_it_was_written_to_is_noted(self):
        alias = self.env["mailbox.identity"].create(
            {"account_id": self.account.id, "email": "orders@example.org"}
        )
        self.come(self.answer(to="Orders <orders@example.org>"))
        self.assertEqual(self.answers().mailbox_identity_id, alias)

    def test_a_provider_gave_the_question_another_message_id(self):
        """Its answer names that one, and the real one in References."""
        self.come(
            self.answer(
                in_reply_to="<rewritten@provider.example>",
                references=f"{self.asked.message_id} <rewritten@provider.example>",
            )
        )
        self.assertTrue(self.answers())

    def test_the_newest_message_it_answers_decides(self):
        """The conversation went on, on the contact: its answers stay there."""
        later = self.customer.message_post(body="Later")
        self.come(
            self.answer(
                in_reply_to=later.message_id,
                references=f"{self.asked.message_id} {later.message_id}",
            )
        )
        self.assertFalse(self.answers())
        # The other way round it goes to the document, not to the newest row.
        self.come(self.answer(references=f"{later.message_id} {self.asked.message_id}"))
        self.assertTrue(self.answers())

    def test_what_we_sent_ourselves_is_no_answer(self):
        self.come(self.answer(sender="sales@example.org", to="customer@example.com"))
        self.come(
            self.answer(sender="other@example.org", to="customer@example.com"),
            folder="Sent",
        )
        self.assertFalse(self.answers())

    def test_a_notification_that_comes_back_under_another_id_is_no_answer(self):
        """A colleague's mailbox is connected too: what Odoo sent them, renamed by a
        server on its way, would be put on the document and sent to them again."""
        self.come(
            self.answer(
                in_reply_to=None,
                message_id="<renamed@provider.example>",
                references=self.asked.message_id,
                x_odoo_objects="mail.blacklist-1",
            )
        )
        self.assertFalse(self.answers())

    def test_two_mailboxes_and_folders_see_it_once(self):
        other = self.make_account("info@example.org", owner=self.member)
        other.started_on = "2024-01-01"
        raw = self.answer()
        self.come(raw)
        self.come(raw, account=other)
        self.come(raw)
        self.assertEqual(len(self.answers()), 1)

    def test_what_the_gateway_took_is_not_taken_again(self):
        raw = self.answer()
        self.env["mail.thread"].message_process(False, raw)
        self.come(raw)
        self.assertEqual(len(self.answers()), 1)

    def test_an_owner_with_an_own_mailbox_is_notified_in_odoo(self):
        """Core leaves out followers in To; the mailbox is no person's reading."""
        personal = self.make_account(self.owner.email, owner=self.owner)
        personal.started_on = "2024-01-01"
        self.come(self.answer(to=self.owner.email), account=personal)
        self.assertEqual(
            self.answers().notification_ids.res_partner_id, self.owner.partner_id
        )

    def test_one_who_is_notified_by_email_gets_no_second_one(self):
        self.owner.notification_type = "email"
        personal = self.make_account(self.owner.email, owner=self.owner)
        personal.started_on = "2024-01-01"
        self.come(self.answer(to=self.owner.email), account=personal)
        self.assertTrue(self.answers())
        self.assertFalse(self.answers().notification_ids)

    def test_an_alias_that_takes_it_keeps_it(self):
        """To an alias of another model it is a forward, and the gateway's."""
        domain = self.env["mail.alias.domain"].create({"name": "example.org"})
        self.env["mail.alias"].create(
            {
                "alias_name": "jobs",
                "alias_domain_id": domain.id,
                "alias_model_id": self.env["ir.model"]._get_id("res.partner"),
            }
        )
        self.come(self.answer(to="sales@example.org, jobs@example.org"))
        self.assertFalse(self.answers())

    def test_history_is_put_on_no_document(self):
        self.come(self.answer(), backfill=True)
        before = datetime(2023, 12, 31, tzinfo=timezone.utc)
        self.come(self.answer(date=before), received=before)
        moved_here = datetime.now(timezone.utc) - timedelta(days=30)
        self.come(self.answer(date=moved_here))
        mine = [("account_id", "=", self.account.id)]
        self.assertFalse(self.env["mailbox.inbound"].search(mine))
        self.assertFalse(self.answers())


@tagged("post_install", "-at_install")
class TestQueue(InboundCase):
    """What cannot be done waits, is tried again, and then is left for a person."""

    def queued(self, raw):
        self.patch(inbound_queue, "perform", lambda row: None)
        return self.come(raw)

    def test_a_failure_waits_longer_each_time_and_ends_with_a_person(self):
        row = self.queued(self.answer())
        waits = []
        while row.state == "waiting":
            inbound_queue.record_failure(row, ValueError("The document is locked."))
            if row.retry_at:
                waits.append(row.retry_at)
        self.assertEqual(waits, sorted(waits))
        self.assertGreater(len(waits), 3)
        self.assertEqual(row.state, "failed")
        self.assertEqual(row.reason, "The document is locked.")
        self.assertEqual(self.account.inbound_count, 1)
        self.assertTrue(row.raw_files().raw, "the e-mail is kept until it is done")

    def test_a_person_leaves_it(self):
        row = self.queued(self.answer())
        with self.assertRaises(AccessError):
            row.with_user(self.member).action_leave()
        row.with_user(self.owner).action_leave()
        self.assertEqual(row.state, "done")
        self.assertFalse(row.raw_files())

    def test_what_is_deleted_here_is_passed_on_no_more(self):
        row = self.queued(self.answer())
        self.env["mailbox.message"].search(
            [("message_id_hash", "=", row.message_id_hash)]
        ).unlink()
        self.assertEqual(row.state, "done")
        self.assertFalse(row.raw_files() or row.subject)

    def test_members_see_the_queue_of_their_mailbox_alone(self):
        row = self.queued(self.answer())
        self.assertTrue(row.with_user(self.owner).has_access("read"))
        self.assertTrue(row.with_user(self.manager).has_access("read"))
        self.assertFalse(row.with_user(self.member).has_access("read"))
        self.assertFalse(row.with_user(self.agent).has_access("read"))
        self.assertFalse(row.with_user(self.owner).has_access("write"))

    @mute_logger("odoo.models.unlink")
    def test_what_was_done_long_ago_is_forgotten(self):
        (row,) = self.come(self.answer())
        row._gc_done()
        self.assertTrue(row.exists())
        self.env.cr.execute(
            "UPDATE mailbox_inbound SET create_date = '2020-01-01' WHERE id = %s",
            [row.id],
        )
        row._gc_done()
        self.assertFalse(row.exists())
