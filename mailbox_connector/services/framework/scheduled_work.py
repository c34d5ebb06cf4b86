"""The loop of a scheduled action: process what is due until the time is over."""

from __future__ import annotations

from collections.abc import Callable


def work_off(
    env,
    find: Callable[[list[int]], object],
    work: Callable,
    enough: float = 0,
) -> bool:
    """Process records in batches, committing after each, until none is due or the
    scheduler has no time left (it then runs the action again at once, see
    ``models/framework/ir_cron.py``).

    :param find: given the ids that this run has processed, returns the records that are
        due; called before each batch
    :param work: given the due records, processes some; returns those that it processed
    :param enough: no further batch begins if only so many seconds are left
    :return: whether nothing is left
    """
    cron = env["ir.cron"]
    commit = cron.with_context(ir_cron_progress_id=False)._commit_progress
    done: list[int] = []
    worked = 0
    while True:
        due = find(done)
        # One report of progress per batch: the last batch, and what is left.
        has_time = cron._commit_progress(worked, remaining=len(due))
        if not due:
            return True
        if has_time <= enough:
            return False
        ids = work(due).ids
        # Now, so that a failure of the next search cannot undo it.
        commit()
        done += ids
        worked = len(ids)
