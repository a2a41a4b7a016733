"""The clock: each due time once, whoever ticks, and the last of those that were missed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import text

from config.cron import Task
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


def test_due_times_are_multiples_of_the_period_moved_by_the_offset() -> None:
    nightly = Task("x", 86_400, offset=7_200)
    assert clock.last_due(nightly, datetime(2026, 3, 29, 1, 59, tzinfo=UTC)) == datetime(2026, 3, 28, 2, tzinfo=UTC)
    assert clock.last_due(nightly, datetime(2026, 3, 29, 2, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 2, tzinfo=UTC)
