import threading

from psycopg2.errors import UndefinedTable, UniqueViolation

from odoo.tests import TransactionCase, tagged

from ...services.framework.concurrency import mute_conflicts

LOGGER = "odoo.sql_db"


@tagged("post_install", "-at_install")
class TestConflicts(TransactionCase):
    """What another worker did first is no error in the log of a healthy Odoo."""

    def violate(self):
        self.env["mailbox.tombstone"].add_digests(["0" * 64])
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            self.env.cr.execute(
                "INSERT INTO mailbox_tombstone (digest) VALUES (%s)", ["0" * 64]
            )

    def test_a_lost_race_is_not_reported(self):
        with self.assertNoLogs(LOGGER, "ERROR"), mute_conflicts():
            self.violate()

    def test_outside_it_is(self):
        with self.assertLogs(LOGGER, "ERROR"):
            self.violate()

    def test_a_wrong_query_is_reported(self):
        with self.assertLogs(LOGGER, "ERROR"), mute_conflicts():
            with self.assertRaises(UndefinedTable), self.env.cr.savepoint():
                self.env.cr.execute("SELECT * FROM mailbox_nowhere")

    def test_other_threads_are_reported(self):
        with self.assertLogs(LOGGER, "ERROR"), mute_conflicts():
            thread = threading.Thread(target=self.violate)
            thread.start()
            thread.join()
