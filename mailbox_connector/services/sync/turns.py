"""Which mailbox a run of a scheduled action serves next.

Each mailbox gets a slice in turn, until none makes progress or the time of the run is
over. A pass may end early without having done anything visible: it met a conflict, or
the server is slow. Such a mailbox gets :data:`PATIENCE` slices in a run and then has to
wait for a later one, so that no run repeats the same passes for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

#: Slices of a run in which a mailbox may end early and have nothing to show.
PATIENCE = 3


class Turns:
    """The mailboxes of one run, by id.

    :param find_due: returns those that may be served, the one that has waited longest
        first
    """

    def __init__(self, find_due: Callable[[], list[int]]):
        self._find_due = find_due
        self._turn: list[int] = []
        self._served: set[int] = set()
        self._finished: set[int] = set()
        self._fruitless: Counter[int] = Counter()
        self._has_progress = False
        #: Whether a mailbox was left because it has nothing to show for its slices.
        self.left = False

    def find(self) -> list[int]:
        """Those that are next, in order."""
        if not self._turn:
            self._turn = [one for one in self._find_due() if one not in self._finished]
        return self._turn

    def record(self, number: int, mailbox_pass) -> None:
        """The first one had its slice.

        :param mailbox_pass: :class:`~.mailbox_pass.MailboxPass`; None: another worker
            has the mailbox
        """
        self._turn.remove(number)
        if mailbox_pass is None:
            return
        self._served.add(number)
        if mailbox_pass.has_progress:
            self._has_progress = True
            self._fruitless[number] = 0
            return
        if mailbox_pass.unfinished:
            self._fruitless[number] += 1
            if self._fruitless[number] < PATIENCE:
                return
            self.left = True
        self._finished.add(number)

    def is_stuck(self) -> bool:
        """Whether mailboxes were served in vain: nothing was done and all of them are
        still due."""
        if self._has_progress or not self._served:
            return False
        return self._served <= set(self._find_due())
