from datetime import datetime, timezone

from odoo.tests import tagged

from odoo.addons.mailbox_connector.engine.errors import ImportFailure, MessageError
from odoo.addons.mailbox_connector.engine.mime.headers import (
    block,
    first_phase,
    new_mail,
)
from odoo.addons.mailbox_connector.engine.sync.state import Counts
from odoo.addons.mailbox_connector.engine.types import Address, HeaderRecord
from odoo.addons.mailbox_connector.services.incoming import importer
from odoo.addons.mailbox_connector.services.incoming.after_import import FetchReason
from odoo.addons.mailbox_connector.services.incoming.matcher import Match
from odoo.addons.mailbox_connector.services.sync.store import OdooStore

from ..common import MailboxCase, mail


@tagged("post_install", "-at_install")
class TestChatterReload(MailboxCase):
    """Open chatters reload: at once for new mail, once a slice for older e-mails."""

    def setUp(self):
        super().setUp()
        self.notified = []
        notified = self.notified

        def reload(partners):
            notified.append(partners.ids)

        self.patch(self.registry["res.partner"], "mailbox_reload_chatter", reload)
        self.folder = self.account.folder_ids.filtered(
            lambda folder: folder.role == "inbox"
        )
        backfill = self.env["mailbox.backfill"].create(
            {"account_id": self.account.id, "since": "2024-01-01"}
        )
        self.backfill = backfill.for_engine()
        self.store = OdooStore(self.account, self.env.flush_all)

    def take(self, uid, backfill):
        addresses = {"from": [Address("", "customer@example.com")]}
        header = HeaderRecord(uid, 100, None, addresses)
        match = Match(self.customer.id, "from", "customer@example.com")

        self.store.serve(self.backfill if backfill else None)

        def work():
            counts, _skipped = self.store.import_messages(
                self.folder.id, [(header, FetchReason([match]), mail(subject=str(uid)))]
            )
            if backfill:
                self.store.backfill_counted(Counts(seen=1))
            return counts

        self.assertEqual(self.store.transaction(work).linked, 1)

    def test_new_mail_is_notified_with_its_commit(self):
        self.take(1, backfill=False)
        self.assertEqual(self.notified, [[self.customer.id]])
        self.store.finish()
        self.assertEqual(len(self.notified), 1)

    def test_a_backfill_is_notified_once_for_all_its_batches(self):
        self.take(1, backfill=True)
        self.take(2, backfill=True)
        self.assertEqual(self.notified, [])
        self.store.finish()
        self.assertEqual(self.notified, [[self.customer.id]])

    def test_a_cut_slice_notifies_of_what_was_committed(self):
        self.take(1, backfill=True)
        self.patch(self.env.cr, "rollback", self.env.invalidate_all)
        self.store.rollback()
        self.store.finish()
        self.assertEqual(self.notified, [[self.customer.id]])


@tagged("post_install", "-at_install")
class TestStrangers(MailboxCase):
    def test_what_cannot_be_read_is_failed_and_not_skipped(self):
        """A reply of a stranger's that cannot be parsed is kept as a failed import. It
        counts as that alone, and its UID as handled."""
        folder = self.account.folder_ids.filtered(lambda one: one.role == "inbox")
        self.account.started_on = "2024-01-01"
        raw = mail(sender="stranger@elsewhere.example", subject="Broken")
        head = block(raw)
        addresses, message_id = first_phase(head)
        now = datetime.now(timezone.utc)
        header = HeaderRecord(
            7, len(raw), now, addresses, message_id, new=new_mail(head)
        )

        def refuse(*_args):
            raise MessageError(ImportFailure.UNREADABLE)

        self.patch(importer, "parse_message", refuse)
        store = OdooStore(self.account, self.env.flush_all)
        counts, skipped = store.import_messages(
            folder.id, [(header, FetchReason([], "reply"), raw)]
        )
        self.assertEqual((counts.seen, counts.failed, counts.skipped), (1, 1, 0))
        self.assertFalse(skipped)
        self.assertEqual(self.account.failed_import_ids.mapped("uid"), [7])
