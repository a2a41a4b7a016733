"""Real workers, relays and clocks, as the Procfile starts them, on servers of their own: how they end, what they
survive, and that nobody waits long for another's work."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from psutil import NoSuchProcess
from redis import Redis
from sqlalchemy import text

from config.cron import DAY, MINUTE, Task
from config.settings import settings
from core import clock, jobs
from core.db import database
from core.jobs import Place, job, later, once
from tests.browser.site import OURS, ROOT
from tests.faults.running import children_of
from tests.servers import installation
from tests.shop import Shop, open_shop

Start = Callable[..., "subprocess.Popen[bytes]"]

# Loads what this module declares, and shows the process what it may not know from its environment.
PROGRAM = """
import config.cron, core.worker, tests.core.test_worker
from config.cron import Task
from crm.cli import main
{first}
main()
"""
SMALL = 200  # MB a child may have


def mark(place: Place, words: str) -> None:
    """The effect of these jobs: words that would stand there twice, were it done twice."""
    with place.database.workspace(place.here()) as session, session.begin():
        if once(session, "test", place.work_id):
            session.execute(text("update member set name = name || :words"), {"words": f" {words}"})


@job("test_worker.mark", queue="urgent")
def mark_soon(place: Place, words: str) -> None:
    mark(place, words)


@job("test_worker.hold")
def hold(place: Place, begun: str, go_on: str) -> None:
    Path(f"{begun}-{os.getpid()}").touch()
    while not Path(go_on).exists():
        time.sleep(0.01)
    mark(place, "held")


@job("test_worker.greedy", (0,))
def greedy(place: Place) -> None:
    """In small pieces, which leave nothing for what follows; it would be done with three times what it may have."""
    kept: list[bytes] = []
    while len(kept) < 3 * SMALL * 1024:
        kept.append(bytes(1024))


@job("test_worker.trivial")
def trivial(place: Place) -> None:
    pass


@pytest.fixture(scope="session")
def own_servers() -> Iterator[dict[str, str]]:
    """Apart from those of the other tests: a relay and workers here would take the work that those look at."""
    with installation("worker", 4, OKNO_WORKER_MEMORY=str(SMALL)) as environ:
        yield environ


@pytest.fixture
def own_app(own_servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    from core.db import database_of
    from crm.app import create_app
    from tenants.directory import directory

    for name, value in own_servers.items():
        monkeypatch.setenv(name, value)
    forget = (settings.cache_clear, database_of.cache_clear, directory.forget)
    for each in forget:
        each()
    with Redis.from_url(settings().redis_url) as redis:
        redis.flushdb()
    with database().controlling() as control:
        control.execute(text("delete from bus.outbox"))
        control.execute(text("delete from bus.failed"))
    yield create_app(settings())
    database().dispose()
    monkeypatch.undo()
    for each in forget:
        each()


@pytest.fixture
def mine(own_app: Flask) -> Shop:
    with own_app.test_request_context("/"):
        return open_shop(own_app)


@pytest.fixture
def theirs(own_app: Flask) -> Shop:
    with own_app.test_request_context("/"):
        return open_shop(own_app)


@pytest.fixture
def start(own_app: Flask, tmp_path: Path) -> Iterator[Start]:
    """`start("worker", "default", first="core.worker.GRACE = 1")` begins `okno worker default`; `first` runs in it
    before the command. All end with the test."""
    environ = {name: value for name, value in os.environ.items() if name.startswith(OURS) or name == "PATH"}
    environ["PYTHONPATH"] = f"{ROOT}:{ROOT / 'platform'}"
    with ExitStack() as running, (tmp_path / "log").open("ab") as log:

        def begin(*command: str, first: str = "") -> "subprocess.Popen[bytes]":
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM.format(first=first), *command],
                cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            running.callback(end, process)
            return process

        yield begin
    print((tmp_path / "log").read_text()[-5000:])  # noqa: T201 (shown where the test failed)


def end(process: "subprocess.Popen[bytes]") -> None:
    """With its children, which are in a group of their own each."""
    for child in children_of(process.pid):
        with suppress(NoSuchProcess):
            child.kill()
    process.kill()
    process.wait()


def ask(shop: Shop, name: str, /, **arguments: Any) -> None:
    with database().workspace(shop.workspace) as session, session.begin():
        later(session, name, **arguments)


def rows() -> list[Any]:
    with database().controlling() as control:
        return list(control.execute(text("select * from bus.outbox order by id")).all())


def name_in(shop: Shop) -> str:
    return str(shop.rows("select name from member")[0].name).removeprefix("Jana Dvořáková")


def wait_until(true: Callable[[], object], seconds: float = 60) -> float:
    """How long it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + seconds, "it did not come to pass"
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_worker_asked_to_stop_finishes_the_job_in_hand(mine: Shop, start: Start, tmp_path: Path) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    ask(mine, "test_worker.hold", begun=str(begun), go_on=str(go_on))
    start("relay")
    worker = start("worker", "default")
    wait_until(lambda: list(tmp_path.glob("begun-*")))
    worker.terminate()
    time.sleep(0.5)
    assert worker.poll() is None
    assert name_in(mine) == ""
    go_on.touch()
    assert worker.wait(10) == 0
    assert name_in(mine) == " held"
    assert rows() == []


def test_what_a_stopped_worker_could_not_finish_another_does_at_once(mine: Shop, start: Start, tmp_path: Path) -> None:
    """After the time of grace, and long before the lease would have ended."""
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    ask(mine, "test_worker.hold", begun=str(begun), go_on=str(go_on))
    start("relay")
    worker = start("worker", "default", first="core.worker.GRACE = 2.0")
    wait_until(lambda: list(tmp_path.glob("begun-*")))
    start("worker", "default")
    with Redis.from_url(settings().redis_url) as redis:
        wait_until(lambda: redis.scard("rq:workers") == 2)
    worker.terminate()
    assert worker.wait(20) == 0
    assert wait_until(lambda: len(list(tmp_path.glob("begun-*"))) == 2) < jobs.LEASE - jobs.RENEW - 2
    assert [(row.attempt, row.failures, row.crashes) for row in rows()] == [(2, 0, 0)]
    go_on.touch()
    wait_until(lambda: rows() == [])
    assert name_in(mine) == " held"


def test_work_that_takes_too_much_memory_fails_and_its_worker_goes_on(mine: Shop, start: Start) -> None:
    ask(mine, "test_worker.greedy")
    start("relay")
    worker = start("worker", "urgent", "default")
    wait_until(lambda: rows() == [])
    with database().controlling() as control:
        failed = control.execute(text("select attempt, trace from bus.failed")).one()
    assert failed.attempt >= 2  # a start that nobody could end well counts, too
    assert failed.trace.rstrip().endswith("MemoryError")
    assert "in greedy" in failed.trace
    ask(mine, "test_worker.mark", words="went on")
    wait_until(lambda: rows() == [])
    assert name_in(mine) == " went on"
    assert worker.poll() is None


def test_clocks_that_were_away_ask_for_the_last_missed_time_alone_and_once(own_app: Flask, start: Start) -> None:
    ten_minutes_ago = int(time.time()) % DAY - 10 * MINUTE
    task = Task("test_worker.trivial", DAY, ten_minutes_ago)
    last = clock.last_due(task, datetime.now(UTC))
    runs = text("select due from control.periodic_run where task = :task order by due")
    with database().controlling() as control:
        control.execute(
            text("insert into control.periodic_run values (:task, cast(:last as timestamptz) - interval '5 days')"),
            {"task": task.job, "last": last},
        )
    for _ in range(2):
        start("clock", first=f"config.cron.TASKS = ({task!r},)")
    wait_until(rows)
    time.sleep(2 * clock.TICK)
    assert [(row.role, row.payload["job"]) for row in rows()] == [("okno_control", task.job)]
    with database().controlling() as control:
        assert [(last - due).days for due in control.scalars(runs, {"task": task.job})] == [5, 0]


@pytest.mark.slow
def test_a_hundred_thousand_rows_of_one_workspace_delay_no_reminder_of_another(
    mine: Shop, theirs: Shop, start: Start
) -> None:
    """One worker has them all: from the commit to the effect in less than two seconds."""
    with database().controlling() as control:
        for queue in ("urgent", "default"):
            control.execute(MANY, {"role": theirs.workspace.role, "queue": queue})
    left = text("select count(*) from bus.outbox where role = :role and attempt = 0")
    start("relay")
    start("worker", "urgent", "default")
    many = 100_000
    wait_until(lambda: count(left, theirs) < many)
    delays = []
    for number in range(8):
        time.sleep(0.37)
        ask(mine, "test_worker.mark", words=str(number))
        delays.append(wait_until(lambda: str(number) in name_in(mine)))  # noqa: B023 (called before the next)
    assert count(left, theirs) > 50_000
    assert max(delays) < 2, delays


def count(statement: Any, shop: Shop) -> int:
    with database().controlling() as control:
        return control.scalar(statement, {"role": shop.workspace.role}) or 0


MANY = text("""
insert into bus.outbox (role, topic, queue, payload)
select :role, 'job', :queue, '{"job": "test_worker.trivial", "arguments": {}}' from generate_series(1, 50000)
""")
