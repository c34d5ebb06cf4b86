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
    """New e-mails in mailboxes; what they cause is done immediately."""

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

    def reply(self, **values):
        values.setdefault("in_reply_to", self.asked.message_id)
        return mail(**{"date": datetime.now(timezone.utc), **values})

    def come(self, *raws, account=None, folder="INBOX", received=None, backfill=False):
        """Import e-mails as a sync does; the rows of the queue, processed."""
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

    def replies(self):
        """The e-mails on the document."""
        return self.document.message_ids.filtered(
            lambda one: one.message_type == "email"
        )

    def notifications_of(self, partner):
        return self.env["mail.notification"].search(
            [
                ("res_partner_id", "=", partner.id),
                ("mail_message_id.mailbox_message_id", "!=", False),
            ]
        )


@tagged("post_install", "-at_install")
class TestReplies(InboundCase):
    """A reply is posted on its document once, no matter who wrote it."""

    def test_a_contacts_reply_is_shown_on_document_and_contact(self):
        raw = self.reply(text="Yes.")
        self.come(raw)
        reply = self.replies()
        self.assertIn("Yes.", reply.body)
        self.assertEqual(reply.author_id, self.customer)
        self.assertEqual(reply.mailbox_identity_id, self.account.main_identity())
        self.assertEqual(reply.subtype_id, self.env.ref("mail.mt_comment"))
        notified = reply.notification_ids.res_partner_id
        self.assertEqual(notified, self.owner.partner_id)
        copies = self.env["mailbox.message"].search(
            [("partner_ids", "in", self.customer.ids)]
        )
        self.assertEqual(len(copies), 1)

    def test_a_strangers_reply_is_shown_on_the_document_alone(self):
        rows = self.come(self.reply(sender="Nobody <nobody@stranger.example>"))
        self.assertEqual(
            self.replies().email_from, '"Nobody" <nobody@stranger.example>'
        )
        self.assertFalse(self.replies().author_id)
        self.assertFalse(
            self.env["mailbox.message"].search([("email_from", "ilike", "stranger")])
        )
        self.assertEqual(rows.state, "done")
        self.assertFalse(rows.email_from or rows.subject or rows.raw_files())

    def test_a_colleagues_reply_is_shown_on_the_document_in_their_name(self):
        self.come(self.reply(sender=self.agent.email))
        self.assertEqual(self.replies().author_id, self.agent.partner_id)

    def test_a_reply_to_a_note_is_a_note(self):
        note = self.document.message_post(body="Psst", subtype_xmlid="mail.mt_note")
        self.come(self.reply(sender=self.agent.email, in_reply_to=note.message_id))
        self.assertEqual(self.replies().subtype_id, self.env.ref("mail.mt_note"))

    def test_a_reply_has_the_readers_of_the_question(self):
        """The question was sent from a mailbox that only members may read."""
        audience = self.env["mailbox.audience"].for_accounts(self.account)
        self.asked.mailbox_audience_id = audience
        self.come(self.reply())
        self.assertEqual(self.replies().mailbox_audience_id, audience)

    def test_the_address_it_was_sent_to_is_recorded(self):
        alias = self.env["mailbox.identity"].create(
            {"account_id": self.account.id, "email": "orders@example.org"}
        )
        self.come(self.reply(to="Orders <orders@example.org>"))
        self.assertEqual(self.replies().mailbox_identity_id, alias)

    def test_a_provider_replaced_the_message_id_of_the_question(self):
        """The reply names the new one, and the original one in References."""
        self.come(
            self.reply(
                in_reply_to="<rewritten@provider.example>",
                references=f"{self.asked.message_id} <rewritten@provider.example>",
            )
        )
        self.assertTrue(self.replies())

    def test_the_newest_message_it_replies_to_decides(self):
        """The conversation was continued on the contact: its replies stay there."""
        later = self.customer.message_post(body="Later")
        self.come(
            self.reply(
                in_reply_to=later.message_id,
                references=f"{self.asked.message_id} {later.message_id}",
            )
        )
        self.assertFalse(self.replies())
        # In the opposite order it belongs to the document, not to the newest message.
        self.come(self.reply(references=f"{later.message_id} {self.asked.message_id}"))
        self.assertTrue(self.replies())

    def test_what_we_sent_ourselves_is_no_reply(self):
        self.come(self.reply(sender="sales@example.org", to="customer@example.com"))
        self.come(
            self.reply(sender="other@example.org", to="customer@example.com"),
            folder="Sent",
        )
        self.assertFalse(self.replies())

    def test_a_notification_that_comes_back_with_another_id_is_no_reply(self):
        """A colleague's mailbox is connected, too. A notification of Odoo whose
        Message-ID was replaced on the way would be posted and sent to them again."""
        self.come(
            self.reply(
                in_reply_to=None,
                message_id="<renamed@provider.example>",
                references=self.asked.message_id,
                x_odoo_objects="mail.blacklist-1",
            )
        )
        self.assertFalse(self.replies())

    def test_in_two_mailboxes_and_folders_it_is_posted_once(self):
        other = self.make_account("info@example.org", owner=self.member)
        other.started_on = "2024-01-01"
        raw = self.reply()
        self.come(raw)
        self.come(raw, account=other)
        self.come(raw)
        self.assertEqual(len(self.replies()), 1)

    def test_what_the_gateway_posted_is_not_posted_again(self):
        raw = self.reply()
        self.env["mail.thread"].message_process(False, raw)
        self.come(raw)
        self.assertEqual(len(self.replies()), 1)

    def test_an_owner_with_an_own_mailbox_is_notified_in_odoo(self):
        """Core skips followers in To, but here To is only the mailbox."""
        personal = self.make_account(self.owner.email, owner=self.owner)
        personal.started_on = "2024-01-01"
        self.come(self.reply(to=self.owner.email), account=personal)
        self.assertEqual(
            self.replies().notification_ids.res_partner_id, self.owner.partner_id
        )

    def test_users_notified_by_email_get_no_second_email(self):
        self.owner.notification_type = "email"
        personal = self.make_account(self.owner.email, owner=self.owner)
        personal.started_on = "2024-01-01"
        self.come(self.reply(to=self.owner.email), account=personal)
        self.assertTrue(self.replies())
        self.assertFalse(self.replies().notification_ids)

    def test_what_an_alias_receives_is_left_to_it(self):
        """An e-mail to an alias of another model is handled by the gateway."""
        domain = self.env["mail.alias.domain"].create({"name": "example.org"})
        self.env["mail.alias"].create(
            {
                "alias_name": "jobs",
                "alias_domain_id": domain.id,
                "alias_model_id": self.env["ir.model"]._get_id("res.partner"),
            }
        )
        self.come(self.reply(to="sales@example.org, jobs@example.org"))
        self.assertFalse(self.replies())

    def test_older_mail_is_posted_on_no_document(self):
        self.come(self.reply(), backfill=True)
        before = datetime(2023, 12, 31, tzinfo=timezone.utc)
        self.come(self.reply(date=before), received=before)
        moved_here = datetime.now(timezone.utc) - timedelta(days=30)
        self.come(self.reply(date=moved_here))
        mine = [("account_id", "=", self.account.id)]
        self.assertFalse(self.env["mailbox.inbound"].search(mine))
        self.assertFalse(self.replies())


@tagged("post_install", "-at_install")
class TestQueue(InboundCase):
    """Rows that fail wait and are retried; after the last attempt a person decides."""

    def queued(self, raw):
        self.patch(inbound_queue, "perform", lambda row: None)
        return self.come(raw)

    def test_a_failure_waits_longer_each_time_and_ends_with_a_person(self):
        row = self.queued(self.reply())
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

    def test_a_person_takes_care_of_it(self):
        row = self.queued(self.reply())
        with self.assertRaises(AccessError):
            row.with_user(self.member).action_leave()
        row.with_user(self.owner).action_leave()
        self.assertEqual(row.state, "done")
        self.assertFalse(row.raw_files())

    def test_what_is_deleted_is_not_processed(self):
        row = self.queued(self.reply())
        self.env["mailbox.message"].search(
            [("message_id_hash", "=", row.message_id_hash)]
        ).unlink()
        self.assertEqual(row.state, "done")
        self.assertFalse(row.raw_files() or row.subject)

    def test_members_see_the_queue_of_their_mailbox_alone(self):
        row = self.queued(self.reply())
        self.assertTrue(row.with_user(self.owner).has_access("read"))
        self.assertTrue(row.with_user(self.manager).has_access("read"))
        self.assertFalse(row.with_user(self.member).has_access("read"))
        self.assertFalse(row.with_user(self.agent).has_access("read"))
        self.assertFalse(row.with_user(self.owner).has_access("write"))

    @mute_logger("odoo.models.unlink")
    def test_old_processed_rows_are_deleted(self):
        (row,) = self.come(self.reply())
        row._gc_done()
        self.assertTrue(row.exists())
        self.env.cr.execute(
            "UPDATE mailbox_inbound SET create_date = '2020-01-01' WHERE id = %s",
            [row.id],
        )
        row._gc_done()
        self.assertFalse(row.exists())
