"""What cannot be read is stored and shown; everything else goes on."""

from datetime import timedelta

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mailbox_connector.engine.errors import (
    EngineError,
    ImportFailure,
    Kind,
    Side,
)
from odoo.addons.mailbox_connector.engine.sync.interfaces import BatchFailed
from odoo.addons.mailbox_connector.engine.types import Folder, Role
from odoo.addons.mailbox_connector.services.incoming.failed_import_retry import (
    FailedImportRetry,
)
from odoo.addons.mailbox_connector.services.sync.new_contacts import NewContacts
from odoo.addons.mailbox_connector.services.sync.store import OdooStore

from ..common import MailboxCase, mail

STORE = "odoo.addons.mailbox_connector.services.sync.store"
RETRY = "odoo.addons.mailbox_connector.services.incoming.failed_import_retry"


def listed(*names):
    return [Folder(name, name, "/", (), Role.OTHER, True) for name in names]


class ReadingCase(MailboxCase):
    def setUp(self):
        super().setUp()
        self.folder = self.account.folder_ids.filtered(lambda f: f.role == "inbox")
        self.store = OdooStore(self.account, self.env.flush_all)
        self.patch(self.env.cr, "rollback", self.env.invalidate_all)

    def state(self):
        [state] = [s for s in self.store.folders() if s.key == self.folder.id]
        return state


@tagged("post_install", "-at_install")
class TestSuspects(ReadingCase):
    def test_they_outlive_the_process(self):
        self.store.save(self.folder.id, suspects={7: 0, 8: 0, 9: 0, 12: 5})
        self.assertEqual(self.folder.suspects, {"0": "7:9", "5": "12"})
        self.assertEqual(self.state().suspects, {7: 0, 8: 0, 9: 0, 12: 5})
        self.store.save(self.folder.id, suspects={})
        self.assertFalse(self.folder.suspects)
        self.assertEqual(self.state().suspects, {})

    def test_a_renumbered_folder_has_none(self):
        self.store.save(self.folder.id, suspects={7: 1})
        state = self.state()
        state.uidvalidity, state.suspects = 2, {}
        self.store.begin(state)
        self.assertEqual(self.state().suspects, {})

    def test_known_good_are_imported_and_skipped_ones(self):
        """The server has returned these; a failed import it may not have."""
        self.import_mail(*[mail(subject=str(n)) for n in range(5)])
        self.folder.mark_handled([90], {40: self.reason(), 41: self.reason()})
        self.assertEqual(self.store.known_good(self.folder.id), [5, 4, 3, 41])

    def reason(self):
        from odoo.addons.mailbox_connector.engine.sync.state import SkipReason

        return SkipReason.NO_CONTACT

    def test_the_failed_import_says_why_and_is_retried(self):
        self.store.keep_failed(self.folder.id, {7: ImportFailure.BREAKS_OFF})
        row = self.account.failed_import_ids
        self.assertIn("breaks off whenever this e-mail is requested", row.reason)
        self.assertTrue(row.retry_at)
        self.assertFalse(row.raw_bytes())


@tagged("post_install", "-at_install")
class TestFolderProblems(ReadingCase):
    def report(self, kind, text=""):
        error = EngineError(
            kind, Side.IMAP, host="imap.example.org", port=993, server_text=text
        )
        self.store.folder_problem(self.folder.id, error)

    def test_the_owner_sees_which_folder_cannot_be_read_and_why(self):
        self.report(Kind.TRANSIENT, "Server Unavailable. 15")
        self.assertTrue(self.state().problem)
        account = self.account.with_user(self.owner)
        self.assertIn("INBOX", account.folder_problem)
        self.assertIn("Server Unavailable. 15", account.folder_problem)
        self.assertEqual(account.reading_health, "waiting")
        self.assertEqual(account.health, "waiting")
        self.assertTrue(self.env["mailbox.alert"].search([("side", "=", "imap")]))
        self.store.folder_problem(self.folder.id, None)
        account.invalidate_recordset()
        self.assertFalse(self.state().problem)
        self.assertFalse(account.folder_problem)
        self.assertEqual(account.health, "connected")
        self.assertFalse(self.env["mailbox.alert"].search([("side", "=", "imap")]))

    def test_a_folder_that_is_turned_off_is_nobodys_problem(self):
        self.report(Kind.TRANSIENT)
        self.folder.sync = False
        self.assertFalse(self.account.folder_problem)

    def test_a_folder_that_is_gone_has_no_other_problem(self):
        self.report(Kind.FOLDER_GONE)
        self.store.folder_gone(self.folder.id)
        self.assertFalse(self.folder.problem)
        self.assertIn("no longer exist", self.account.folder_problem)

    def test_the_alert_stays_when_the_mailbox_works_again_and_the_folder_does_not(self):
        self.account.imap_problem = "The server is down."
        self.report(Kind.TRANSIENT)
        self.account.imap_problem = False
        alert = self.env["mailbox.alert"].search([("side", "=", "imap")])
        self.assertIn("INBOX", alert.text)

    def test_names_that_cannot_be_read_are_shown_and_nothing_is_gone(self):
        self.store.folders()
        names = ('INBOX" (nonsense', "a\ufffdb")
        self.store.refresh(listed("Sent"), {}, names)
        self.assertFalse(self.folder.gone)
        for name in names:
            self.assertIn(name, self.account.folder_problem)
        self.store.folders()
        self.store.refresh(listed("Sent", "INBOX"), {}, ())
        self.assertFalse(self.account.folder_problem)
        self.store.folders()
        self.store.refresh(listed("Sent"), {}, ())
        self.assertTrue(self.folder.gone)


class BrokenSession:
    """Breaks off at these UIDs; ``lost`` until it connects again."""

    def __init__(self, bad, unreadable=()):
        self.bad, self.unreadable = bad, unreadable
        self.lost = False
        self.endpoint = None
        self.reconnects = self.left = 0

    def wait_at_most(self, seconds):
        pass

    def go_on(self, error):
        self.lost, self.reconnects = False, self.reconnects + 1

    def examine(self, raw_name, since=None):
        assert not self.lost
        if raw_name in self.unreadable:
            self.lost = True
            raise EngineError(Kind.CONNECTION_LOST, Side.IMAP)
        return self.opened

    def search_addresses(self, emails):
        return [3]

    def fetch_messages(self, uids):
        assert not self.lost
        if self.bad & set(uids):
            self.lost = True
            raise EngineError(Kind.CONNECTION_LOST, Side.IMAP)
        yield from ((uid, mail(subject=f"Number {uid}")) for uid in uids)


class Time:
    def check(self, _side):
        pass


class Endpoint:
    side = Side.IMAP


@tagged("post_install", "-at_install")
class TestOthersGoOn(ReadingCase):
    def session(self, **options):
        session = BrokenSession(**{"bad": set(), **options})
        session.endpoint = Endpoint
        session.opened = self.state()
        return session

    def failed_imports(self, uids):
        self.store.keep_failed(
            self.folder.id, dict.fromkeys(uids, ImportFailure.BREAKS_OFF)
        )
        rows = self.account.failed_import_ids
        rows.retry_at = fields.Datetime.now() - timedelta(minutes=1)
        return rows

    def test_one_failed_import_that_breaks_off_again_leaves_the_others(self):
        rows = self.failed_imports([7, 8, 9])
        session = self.session(bad={8})
        FailedImportRetry(self.account, session, self.store, session).retry_due(Time())
        left = rows.exists()
        self.assertEqual(left.mapped("uid"), [8])
        self.assertEqual((left.attempts, session.reconnects), (2, 1))
        self.assertGreater(left.retry_at, fields.Datetime.now())

    def test_one_failed_import_that_nobody_expected_leaves_the_others(self):
        rows = self.failed_imports([7, 8, 9])
        match = self.store.match

        def failing(headers):
            if any(header.uid == 8 for header in headers):
                raise RuntimeError("a bug")
            return match(headers)

        self.store.match = failing
        session = self.session()
        with mute_logger(RETRY):
            FailedImportRetry(self.account, session, self.store, session).retry_due(
                Time()
            )
        self.assertEqual(rows.exists().mapped("uid"), [8])
        self.assertEqual(rows.exists().reason, "a bug")

    def test_a_search_for_a_new_contact_that_fails_checks_all_skipped_mail(self):
        """It must not fail in every pass, and end the rest of it."""
        from odoo.addons.mailbox_connector.engine.sync.state import SkipReason

        for folder in self.account.folder_ids:
            folder.mark_handled([], dict.fromkeys((3, 4, 5), SkipReason.NO_CONTACT))
        self.env["mailbox.contact.lookup"].create(
            {"account_id": self.account.id, "email": "new@example.com"}
        )
        session = self.session(unreadable={"INBOX"})
        NewContacts(self.account, session, self.store, session).search(Time())
        self.assertFalse(self.env["mailbox.contact.lookup"].search([]))
        sent = self.account.folder_ids - self.folder
        self.assertEqual(str(self.folder.skipped()), "")
        self.assertEqual(str(sent.skipped()), "4:5")

    def test_an_unexpected_error_is_told_from_a_conflict(self):
        """The engine then looks for the message that is the reason."""

        def work():
            raise RuntimeError("a bug")

        with mute_logger(STORE), self.assertRaises(BatchFailed):
            self.store.transaction(work)
        with self.assertRaises(OSError):
            self.store.transaction(lambda: open("/nowhere/at/all"))
