"""Which mailbox a run of a scheduled action serves next."""

from types import SimpleNamespace

from odoo.tests import BaseCase, tagged

from odoo.addons.mailbox_connector.services.sync.mailbox_pass import SliceDeadline
from odoo.addons.mailbox_connector.services.sync.turns import PATIENCE, Turns


def ended(has_progress=False, unfinished=False):
    """A pass, as far as turns look at it."""
    return SimpleNamespace(has_progress=has_progress, unfinished=unfinished)


@tagged("post_install", "-at_install")
class TestTurns(BaseCase):
    def setUp(self):
        super().setUp()
        self.due = [1, 2, 3]
        self.turns = Turns(lambda: list(self.due))

    def served(self, mailbox_pass, most=20):
        """Serve mailboxes until none is left; their numbers, in order."""
        found = []
        while (turn := self.turns.find()) and len(found) < most:
            found.append(turn[0])
            self.turns.record(turn[0], mailbox_pass(turn[0]))
        return found

    def test_each_has_a_slice_in_turn(self):
        progress = {1: 1, 2: 3, 3: 2}

        def serve(number):
            progress[number] -= 1
            return ended(has_progress=progress[number] > 0, unfinished=True)

        order = self.served(serve)
        self.assertEqual(order[:3], [1, 2, 3])
        self.assertFalse(self.turns.is_stuck())

    def test_one_without_anything_to_do_is_served_once(self):
        """Although it stays due."""
        self.assertEqual(self.served(lambda _number: ended()), [1, 2, 3])
        self.assertTrue(self.turns.is_stuck())
        self.assertFalse(self.turns.left)

    def test_one_that_ends_early_has_some_more_slices(self):
        order = self.served(lambda _number: ended(unfinished=True))
        self.assertEqual(order, [1, 2, 3] * PATIENCE)
        self.assertTrue(self.turns.left)

    def test_progress_renews_the_patience(self):
        passes = iter([*[ended(unfinished=True)] * 2, ended(True, True)] * 3)
        self.due = [1]
        self.served(lambda _number: next(passes), most=9)
        self.assertFalse(self.turns.left)

    def test_a_busy_one_is_looked_for_again(self):
        """It may have been released; if not, it is not due."""
        self.due = [1]

        def busy(_number):
            self.due = []

        self.assertEqual(self.served(busy), [1])
        self.assertFalse(self.turns.is_stuck(), "nothing was served")

    def test_what_is_no_longer_due_is_done(self):
        self.due = [1, 2]
        self.turns.find()
        self.turns.record(1, ended())
        self.due = [2]
        self.assertFalse(self.turns.is_stuck())


@tagged("post_install", "-at_install")
class TestSliceDeadline(BaseCase):
    def test_it_waits_for_the_first_batch(self):
        progress = []
        deadline = SliceDeadline(0, 30, lambda: bool(progress))
        self.assertGreater(deadline.left(), 20)
        progress.append(1)
        self.assertEqual(deadline.left(), 0)

    def test_but_not_for_ever(self):
        self.assertEqual(SliceDeadline(0, 0, lambda: False).left(), 0)

    def test_it_is_never_shorter_than_the_slice(self):
        self.assertGreater(SliceDeadline(30, 0, lambda: False).left(), 20)
