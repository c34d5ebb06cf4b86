"""The loop of a scheduled action: work off what is due until the time is over."""

from __future__ import annotations

from collections.abc import Callable


def work_off(env, find: Callable[[list[int]], object], work: Callable) -> bool:
    """Work off records in lots, committing after each, until none is due or the
    scheduler has no time left (it then runs the action again soon).

    :param find: given ids that this run has worked on, the records that are due;
        called again before each lot
    :param work: given the due records, works on some; returns those that it worked on
    :return: whether nothing is left
    """
    cron = env["ir.cron"]
    commit = cron.with_context(ir_cron_progress_id=False)._commit_progress
    done: list[int] = []
    worked = 0
    while True:
        due = find(done)
        # One report of progress a lot: of the last lot, and of what is left.
        has_time = cron._commit_progress(worked, remaining=len(due))
        if not due:
            return True
        if not has_time:
            return False
        ids = work(due).ids
        # At once: the next search must not be able to undo it.
        commit()
        done += ids
        worked = len(ids)
