"""The clock: periodic work, each due time once, however many clocks tick.

The list is config.cron.TASKS. A due time is claimed by inserting its row; the job is put into the outbox in the same
transaction. A clock that was away runs only the last of the times it missed.
"""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from config.cron import Task
from core.db import Database
from core.jobs import terms_of
from core.outbox import put

log = logging.getLogger(__name__)

TICK = 1.0


def run(database: Database, tasks: Iterable[Task], stopping: Callable[[], bool]) -> None:
    """Tick until asked to stop."""
    while not stopping():
        try:
            tick(database, tasks)
        except OperationalError as error:
            log.warning("the clock waits: %s", type(error).__name__)
        time.sleep(TICK)


def tick(database: Database, tasks: Iterable[Task]) -> list[str]:
    """Ask for every task whose due time has come and that no clock has claimed. Returns their names."""
    asked = []
    with database.controlling() as control:
        now: datetime = control.scalar(text("select now()"))
        for task in tasks:
            claimed = control.execute(
                text("insert into control.periodic_run values (:task, :due) on conflict do nothing returning task"),
                {"task": task.job, "due": last_due(task, now)},
            ).first()
            if claimed:
                work = {"job": task.job, "arguments": {}}
                put(control, "job", work, terms_of("job", work).queue)
                asked.append(task.job)
    return asked


def last_due(task: Task, now: datetime) -> datetime:
    """The latest due time that is not in the future: multiples of the period since 1970, moved by the offset."""
    seconds = int(now.timestamp()) - task.offset
    return datetime.fromtimestamp(seconds - seconds % task.every + task.offset, UTC)
