"""The clock: each due time once, whoever ticks, and the last of those that were missed."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import text

from config.cron import DAY, MINUTE, Task
from core import clock
from core.db import database
from core.ids import new_id


def test_two_clocks_ask_once(app: Flask) -> None:
    task = Task(f"test.{new_id().hex}", 3600)
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: clock.tick(database(), [task]), range(8)))
    assert sum(map(len, asked)) == 1
    with database().controlling() as control:
        rows = control.scalar(text("select count(*) from bus.outbox where payload->>'job' = :job"), {"job": task.job})
        control.execute(text("delete from bus.outbox where payload->>'job' = :job"), {"job": task.job})
    assert rows == 1


def test_of_the_times_it_missed_a_clock_asks_for_the_last_alone(app: Flask) -> None:
    ten_minutes_ago = int(time.time()) % DAY - 10 * MINUTE
    task = Task(f"test.{new_id().hex}", DAY, ten_minutes_ago)
    due = clock.last_due(task, datetime.now(UTC))
    with database().controlling() as control:
        control.execute(
            text("insert into control.periodic_run values (:task, cast(:due as timestamptz) - interval '9 days')"),
            {"task": task.job, "due": due},
        )
    assert [clock.tick(database(), [task]) for _ in range(2)] == [[task.job], []]
    with database().controlling() as control:
        control.execute(text("delete from bus.outbox where payload->>'job' = :job"), {"job": task.job})


def test_due_times_are_multiples_of_the_period_moved_by_the_offset() -> None:
    nightly = Task("x", 86_400, offset=7_200)
    assert clock.last_due(nightly, datetime(2026, 3, 29, 1, 59, tzinfo=UTC)) == datetime(2026, 3, 28, 2, tzinfo=UTC)
    assert clock.last_due(nightly, datetime(2026, 3, 29, 2, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 2, tzinfo=UTC)
