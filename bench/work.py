"""What the queue costs a small job, how long an urgent one waits beside 100,000 of another workspace, and how soon
thousands of deadlines of one moment are told."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from redis import Redis
from sqlalchemy import text

from bench.changes import relaying
from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import ROOT
from bench.timing import Times
from core.db import Workspace
from core.ids import new_id
from core.jobs import Done, Place, job, later, once
from crm.tasks.telling import ask_anew

JOBS = 1_500
ROUNDS = 3
BACKLOG = 100_000
URGENT = 30
DEADLINES = 10_000
WITHIN = 120.0  # seconds


@job("bench.mark")
def mark(place: Place) -> None:
    with place.database.workspace(place.here()) as session, session.begin():
        once(session, "bench", place.work_id)


@job("bench.urgent", queue="urgent")
def mark_urgent(place: Place, name: str) -> None:
    with place.database.workspace(place.here()) as session, session.begin():
        once(session, "bench.urgent", name)


def jobs(grounds: Grounds) -> Iterator[Figure]:
    """Jobs a second of one worker, each of which marks itself as done, beside these transactions in a plain loop."""
    ground = grounds.few
    workspace = ground.workspace("size-1k", contacts=1_000)
    worked, looped = [], []
    with relaying(ground), working(ground):
        line_up(ground, workspace, "default", 1)
        wait_until(lambda: waiting(ground, workspace) == 0)
        for _ in range(ROUNDS):
            looped.append(JOBS / timed(lambda: loop(ground, workspace)))
            worked.append(JOBS / timed(lambda: done_by_the_worker(ground, workspace)))
    yield Figure(
        "small jobs of one worker", f"{median(worked):.0f}/s", f"{median(looped):.0f}/s",
        median(worked) / median(looped), 0.33, at_least=True,
    )  # fmt: skip


def backlog(grounds: Grounds) -> Iterator[Figure]:
    """From the commit of an urgent job to its effect, while one worker has 100,000 of another workspace to do, half of
    them as urgent."""
    ground = grounds.few
    busy, quiet = ground.workspace("size-1k", contacts=1_000), ground.workspace("tenant-0")
    delays = []
    with relaying(ground), working(ground):
        for queue in ("urgent", "default"):
            line_up(ground, busy, queue, BACKLOG // 2)
        wait_until(lambda: waiting(ground, busy) < BACKLOG - 10)
        for _ in range(URGENT):
            time.sleep(0.27)
            delays.append(delay(ground, quiet))
        left = waiting(ground, busy)
    if left < BACKLOG // 2:
        raise RuntimeError(f"only {left:,} rows were left at the end, so the last jobs had nothing to stand behind")
    late = Times(sorted(delays))
    yield Figure(
        f"an urgent job beside {BACKLOG:,} of another workspace", str(late), "-", late.values[-1] / 1000, 2, unit=" s"
    )


def deadlines(grounds: Grounds) -> Iterator[Figure]:
    """10,000 tasks are to be told of at one moment: from then until the last one has its event, by one worker."""
    ground = grounds.few
    workspace = ground.workspace("size-1k", contacts=1_000)
    with relaying(ground), working(ground):
        at = datetime.now(UTC) + timedelta(seconds=8)
        values = {"at": at, "mark": new_id().hex}
        with ground.database.workspace(workspace) as session, session.begin():
            session.execute(DUE, values)
            ask_anew(session, workspace, ())
        wait_until(lambda: told(ground, workspace, values) == DEADLINES)
    late = (datetime.now(UTC) - at).total_seconds()
    with ground.database.workspace(workspace) as session, session.begin():
        session.execute(text("delete from task where todo = :mark"), values)
    yield Figure(f"{DEADLINES:,} deadlines of one moment", f"{late:.1f} s", "-", late, 5, unit=" s")


DUE = text(f"""
insert into task (id, name, todo, tell_id, tell_at)
select gen_random_uuid(), 'Call ' || n, :mark, (select id from member limit 1), :at
from generate_series(1, {DEADLINES}) n
""")


def told(ground: Ground, workspace: Workspace, values: dict[str, Any]) -> int:
    count = text("select count(*) from event where action = 'task.late' and at >= :at")
    with ground.database.workspace(workspace, reading=True) as session:
        return session.scalar(count, values) or 0


def line_up(ground: Ground, workspace: Workspace, queue: str, number: int) -> None:
    with ground.owner() as owner:
        owner.execute(
            """
            insert into bus.outbox (role, topic, queue, payload)
            select %s, 'job', %s, '{"job": "bench.mark", "arguments": {}}' from generate_series(1, %s)
            """,
            (workspace.role, queue, number),
        )


def loop(ground: Ground, workspace: Workspace) -> None:
    for _ in range(JOBS):
        with ground.database.workspace(workspace) as session, session.begin():
            once(session, "bench.loop", new_id())


def done_by_the_worker(ground: Ground, workspace: Workspace) -> None:
    line_up(ground, workspace, "default", JOBS)
    wait_until(lambda: waiting(ground, workspace) == 0)


def delay(ground: Ground, workspace: Workspace) -> float:
    """Milliseconds until the mark of an urgent job is there."""
    name = new_id().hex
    with ground.database.workspace(workspace) as session, session.begin():
        later(session, "bench.urgent", name=name)

    def marked() -> bool:
        with ground.database.workspace(workspace, reading=True) as session:
            return session.get(Done, ("bench.urgent", name)) is not None

    return timed(lambda: wait_until(marked)) * 1000


def waiting(ground: Ground, workspace: Workspace) -> int:
    count = text("select count(*) from bus.outbox where role = :role")
    with ground.database.controlling() as control:
        return control.scalar(count, {"role": workspace.role}) or 0


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the worker did not come to an end within {WITHIN:g} s")
        time.sleep(0.01)


@contextmanager
def working(ground: Ground) -> Iterator[None]:
    """One worker, as the Procfile starts it. What it leaves undone goes."""
    command = [sys.executable, "-c", "import bench.work; from crm.cli import main; main()", "worker"]
    environ = {**ground.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    with subprocess.Popen([*command, "urgent", "default"], env=environ) as worker:
        try:
            yield
        finally:
            with ground.owner() as owner, Redis.from_url(ground.settings.redis_url) as redis:
                owner.execute("delete from bus.outbox")
                worker.terminate()
                worker.wait()
                redis.flushdb()
