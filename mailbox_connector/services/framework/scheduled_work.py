"""The loop of a scheduled action: work off what is due until the time is over."""

from __future__ import annotations

from collections.abc import Callable


def work_off(env, find: Callable[[list[int]], object], work: Callable) -> bool:
    """Work off records one lot at a time, committing after each, until none is due or
    the scheduler has no time left (it then runs the action again soon).

    :param find: given ids that this run has worked on, the records that are due;
        the next lot is looked for anew each time
    :param work: given the due records, works on some; returns those that it worked on
    :return: whether nothing is left
    """
    cron = env["ir.cron"]
    done: list[int] = []
    while True:
        due = find(done)
        has_time = cron._commit_progress(remaining=len(due))
        if not due:
            return True
        if not has_time:
            return False
        worked = work(due)
        done += worked.ids
        cron._commit_progress(len(worked))
