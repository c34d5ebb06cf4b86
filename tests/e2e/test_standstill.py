"""An import goes on without a break in a live server, with threads and with processes.

Both servers do the same at the same time: first somebody else has the mailbox when its
import begins; then an import takes longer than one run of its scheduled action, because
the server is far away.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from browser import live_odoo
from standstill import MANY, SOON

from devtools.odoo import worker
from devtools.odoo.cronlog import breaks

#: Scheduled actions at the same time, and settings of the server.
MODES = {"threads": (2, {}), "processes": (1, {"workers": 2})}


def tell(mode):
    threads, settings = MODES[mode]
    name = f"{os.environ['MAILBOX_TEST_DATABASE']}_{mode}"
    logs = Path(os.environ["MAILBOX_TEST_LOGS"])
    with live_odoo(name, (), threads, **settings) as live:
        return worker.call(
            live.database,
            "standstill:tell",
            logs / f"{name}-told.log",
            server_log=str(logs / f"{name}.log"),
        )


@pytest.fixture(scope="module")
def stories(servers):
    """What happened on each server, by mode."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(len(MODES)) as pool:
        # For the process that tells it.
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        told = {mode: pool.submit(tell, mode) for mode in MODES}
        return {mode: story.result() for mode, story in told.items()}


@pytest.fixture(params=MODES)
def story(stories, request):
    return stories[request.param]


def test_an_import_that_found_its_mailbox_busy_begins_when_it_is_free(story):
    """Not at the next interval of its scheduled action, an hour later."""
    assert story["done_after_release"]


def test_a_busy_mailbox_keeps_no_worker_busy(story):
    """The action ends, and does not look again and again."""
    assert 1 <= story["runs_while_busy"] <= 3


def test_an_import_of_several_runs_has_no_breaks(story):
    """A run has a time limit; the next one begins at once."""
    runs = story["runs"]
    assert len(runs) > 1
    assert max(breaks(runs)) < SOON
    assert (story["far_done"], story["imported"]) == (True, MANY)


def test_another_action_has_its_turn_during_an_import(story):
    """Also if there is only one worker for scheduled actions."""
    assert story["probed_at"]
    assert story["probed_at"] < story["runs"][-1][0]
