"""The hand-over: nothing is lost when Valkey is empty, a worker dies, or work fails; nothing takes effect twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import text

from config.cron import TASKS
from config.settings import settings
from core import events, jobs, outbox
from core.actor import Actor
from core.db import database
from core.jobs import Place, job, later, once
from crm.contacts import actions
from crm.contacts.actions import NewContact
from crm.contacts.models import Contact
from tests.shop import Shop

ROOT = Path(__file__).parents[2]
PATH = f"{ROOT}:{ROOT / 'platform'}"


@job("test.greet")
def greet(place: Place, name: str) -> None:
    with place.database.workspace(place.here()) as session, session.begin():
        if once(session, "test.greet", place.work_id):
            session.execute(text("update member set name = name || :name"), {"name": f" {name}"})


@job("test.fail")
def fail(place: Place) -> None:
    raise RuntimeError("this job always fails")


@job("test.nothing")
def nothing(place: Place) -> None:
    pass


@job("test.look")
def look(place: Place) -> None:
    pass


@job("test.endless", limit=0.2)
def endless(place: Place) -> None:
    time.sleep(60)


@job("test.hold")
def hold(place: Place, started: str, go_on: str) -> None:
    Path(started).touch()
    while not Path(go_on).exists():
        time.sleep(0.02)
    with place.database.workspace(place.here()) as session, session.begin():
        if once(session, "test.hold", place.work_id):
            session.execute(text("update member set name = name || ' held'"))


@job("test.cut_off")
def cut_off(place: Place) -> None:
    with place.database.controlling() as control:
        control.execute(text("select pg_terminate_backend(pg_backend_pid())"))


@pytest.fixture
def redis(shop: Shop) -> Iterator[Redis]:
    with Redis.from_url(settings().redis_url) as connection:
        yield connection


def rows_of(shop: Shop) -> list[Any]:
    with database().controlling() as control:
        found = control.execute(
            text("select * from bus.outbox where role = :role order by id"), {"role": shop.workspace.role}
        )
        return list(found.all())


def ask(shop: Shop, name: str, /, **arguments: Any) -> int:
    """A job asked for in the workspace; returns its outbox row."""
    with database().workspace(shop.workspace) as session, session.begin():
        later(session, name, **arguments)
    return int(rows_of(shop)[-1].id)


def test_an_event_rings_the_pages_of_its_workspace_alone(shop: Shop, other: Shop, redis: Redis) -> None:
    with redis.pubsub(ignore_subscribe_messages=True) as listening:  # type: ignore[no-untyped-call]
        listening.subscribe(f"live:{shop.workspace.role}", f"live:{other.workspace.role}")
        listening.get_message(timeout=1)
        listening.get_message(timeout=1)
        with shop.acting() as actor:
            actor.request_id = "r1"
            actions.create(actor, NewContact(first_name="Jan"))
        assert rows_of(shop)
        while outbox.offer(database(), redis):
            pass
        heard = [listening.get_message(timeout=0.5) for _ in range(3)]
    messages = [(m["channel"].decode(), orjson.loads(m["data"])) for m in heard if m]
    assert messages == [(f"live:{shop.workspace.role}", {"kinds": ["contact"], "request": "r1"})]
    assert rows_of(shop) == []


def test_a_job_is_done_once_and_its_row_goes(shop: Shop, redis: Redis) -> None:
    work = ask(shop, "test.greet", name="Hello")
    jobs.deliver(work)
    jobs.deliver(work)
    assert rows_of(shop) == []
    assert [row.name for row in shop.rows("select name from member")] == ["Jana Dvořáková Hello"]


def test_a_repeat_after_a_crash_finds_the_mark(shop: Shop) -> None:
    """The worker died between its effect and the removal of the row: the next delivery changes nothing."""
    work = ask(shop, "test.greet", name="Hello")
    place = Place(database(), shop.workspace, work, lambda: True)
    greet(place, name="Hello")
    jobs.deliver(work)
    assert rows_of(shop) == []
    assert [row.name for row in shop.rows("select name from member")] == ["Jana Dvořáková Hello"]


def test_flushing_valkey_loses_nothing(shop: Shop, redis: Redis) -> None:
    work = ask(shop, "test.greet", name="Hello")
    while outbox.offer(database(), redis):
        pass
    Queue("default", connection=redis, serializer=JSONSerializer).empty()  # type: ignore[no-untyped-call]
    assert [row.id for row in rows_of(shop)] == [work]
    queue = Queue("default", connection=redis, serializer=JSONSerializer)
    until = time.monotonic() + 5
    while rows_of(shop) and time.monotonic() < until:  # a test beside this one may empty the line as well
        while outbox.offer(database(), redis):
            pass
        SimpleWorker([queue], connection=redis, serializer=JSONSerializer).work(burst=True)
    assert rows_of(shop) == []


def test_failing_work_is_tried_five_times_then_kept_with_its_trace(shop: Shop) -> None:
    work = ask(shop, "test.fail")
    for attempt in range(1, jobs.ATTEMPTS + 1):
        jobs.deliver(work)
        left = rows_of(shop)
        assert [row.attempt for row in left] == ([attempt] if attempt < jobs.ATTEMPTS else [])
    with database().controlling() as control:
        failed = control.execute(text("select trace from bus.failed where id = :id"), {"id": work}).one()
    assert "this job always fails" in failed.trace


def test_work_under_a_lease_is_not_taken_by_another(shop: Shop) -> None:
    work = ask(shop, "test.greet", name="Hello")
    with database().controlling() as control:
        control.execute(
            text("update bus.outbox set attempt = 1, lease_until = now() + interval '10 seconds' where id = :id"),
            {"id": work},
        )
    jobs.deliver(work)
    assert [row.attempt for row in rows_of(shop)] == [1]
    with database().controlling() as control:
        control.execute(
            text("update bus.outbox set lease_until = now() - interval '1 second' where id = :id"), {"id": work}
        )
    jobs.deliver(work)
    assert rows_of(shop) == []


def test_an_action_that_fails_leaves_neither_row_nor_event(shop: Shop) -> None:
    def create_and_fail(actor: Actor) -> None:
        with actor.transaction():
            actions.create(actor, NewContact(first_name="Jan"))
            raise RuntimeError("later in the same transaction")

    with shop.acting() as actor, pytest.raises(RuntimeError):
        create_and_fail(actor)
    assert shop.rows("select 1 from contact") == []
    assert shop.rows("select 1 from event where kind = 'contact'") == []
    assert rows_of(shop) == []


def test_a_workspace_cannot_sign_for_another(shop: Shop, other: Shop) -> None:
    with shop.acting() as actor, pytest.raises(Exception, match="permission denied"):
        actor.db.execute(
            text("insert into bus.outbox (role, topic, payload) values (:role, 'event', '{}')"),
            {"role": other.workspace.role},
        )
    with shop.acting() as actor:
        assert actor.db.get(Contact, shop.owner_id) is None


def test_a_workspace_with_many_rows_has_one_turn_in_the_line(shop: Shop, other: Shop, redis: Redis) -> None:
    with shop.base.controlling() as control:
        control.execute(MANY, {"role": shop.workspace.role, "number": 3000})
    ask(other, "test.greet", name="Hello")
    for _ in range(3):
        outbox.offer(database(), redis)
    line = Queue("default", connection=redis, serializer=JSONSerializer).get_job_ids()
    named = [role for turn in line for role in outbox.roles_of(turn)]
    assert named.count(shop.workspace.role) == 1
    assert named.count(other.workspace.role) == 1
    jobs.turn("default", [shop.workspace.role, other.workspace.role])
    assert rows_of(other) == []
    left = len(rows_of(shop))
    assert 0 < left < 3000
    with shop.base.controlling() as control:
        control.execute(text("delete from bus.outbox where role = :role"), {"role": shop.workspace.role})


MANY = text("""
insert into bus.outbox (role, topic, payload)
select :role, 'job', '{"job": "test.nothing", "arguments": {}}' from generate_series(1, :number)
""")


def test_due_work_is_taken_at_its_time_and_not_before(shop: Shop, redis: Redis) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    work = ask(shop, "test.greet", name="Hello", at=soon)
    outbox.offer(database(), redis)
    jobs.turn("default", [shop.workspace.role])
    assert [row.ready for row in rows_of(shop)] == [False]
    while datetime.now(UTC) < soon:
        outbox.offer(database(), redis)
    outbox.offer(database(), redis)
    assert [(row.id, row.ready) for row in rows_of(shop)] == [(work, True)]
    jobs.turn("default", [shop.workspace.role])
    assert rows_of(shop) == []


def test_ten_thousand_deadlines_of_one_moment_are_ready_within_five_seconds_of_it(shop: Shop, redis: Redis) -> None:
    role, began = {"role": shop.workspace.role}, time.monotonic()
    with shop.base.controlling() as control:
        control.execute(
            text("""
            insert into bus.outbox (role, topic, payload, ready, next_at)
            select :role, 'job', '{"job": "test.nothing", "arguments": {}}', false, now() from generate_series(1, 10000)
            """),
            role,
        )
    ready = text("select count(*) from bus.outbox where role = :role and ready")
    with ThreadPoolExecutor(2) as relays:
        while True:
            list(relays.map(lambda _: outbox.offer(database(), redis), range(2)))
            with shop.base.controlling() as control:
                if control.scalar(ready, role) == 10_000:
                    break
    took = time.monotonic() - began
    with shop.base.controlling() as control:
        control.execute(text("delete from bus.outbox where role = :role"), role)
    assert took < 5


def test_a_stopped_worker_that_goes_on_after_its_lease_changes_nothing_more(shop: Shop, tmp_path: Path) -> None:
    """SIGSTOP past the lease, another does the work, SIGCONT: one effect."""
    work = ask(shop, "test.hold", started=str(tmp_path / "started"), go_on=str(tmp_path / "go on"))
    code = f"import tests.core.test_outbox, crm.features; from core.jobs import deliver; deliver({work})"
    held = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONPATH": PATH})
    try:
        while not (tmp_path / "started").exists():
            time.sleep(0.05)
        held.send_signal(signal.SIGSTOP)
        (tmp_path / "go on").touch()
        with database().controlling() as control:
            control.execute(
                text("update bus.outbox set lease_until = now() - interval '1 s' where id = :id"), {"id": work}
            )
        jobs.deliver(work)
        assert [row.name for row in shop.rows("select name from member")] == ["Jana Dvořáková held"]
    finally:
        held.send_signal(signal.SIGCONT)
    assert held.wait(20) == 0
    assert [row.name for row in shop.rows("select name from member")] == ["Jana Dvořáková held"]
    assert rows_of(shop) == []


def test_a_process_that_slept_past_its_lease_knows_by_the_clock(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []

    def sleep(place: Place) -> None:
        heard.append(place.still_ours())
        slept = time.monotonic() + jobs.LEASE
        monkeypatch.setattr(time, "monotonic", lambda: slept)
        heard.append(place.still_ours())

    monkeypatch.setitem(jobs.JOBS, "test.nothing", sleep)
    jobs.deliver(ask(shop, "test.nothing"))
    assert heard == [True, False]


def test_the_lease_of_each_row_of_a_turn_is_renewed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def last(place: Place) -> None:
        before = until(place.work_id)
        time.sleep(0.3)
        seen.append((until(place.work_id) - before).total_seconds() > 0.1 and place.still_ours())

    def until(work_id: int) -> Any:
        return next(row.lease_until for row in rows_of(shop) if row.id == work_id)

    seen: list[bool] = []
    monkeypatch.setattr(jobs, "RENEW", 0.05)
    monkeypatch.setitem(jobs.TURN, "default", 10)
    monkeypatch.setitem(jobs.JOBS, "test.nothing", last)
    for _ in range(2):
        ask(shop, "test.nothing")
    jobs.turn("default", [shop.workspace.role])
    assert seen == [True, True]
    assert rows_of(shop) == []


def test_a_row_is_gone_before_the_work_of_the_next_begins(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that failed stays; what went well is not done again, whatever happens to the next."""
    works = [ask(shop, name) for name in ("test.nothing", "test.fail", "test.look")]
    left: list[list[int]] = []
    monkeypatch.setitem(jobs.TURN, "default", 10)
    monkeypatch.setitem(jobs.JOBS, "test.look", lambda _place: left.append([row.id for row in rows_of(shop)]))
    jobs.turn("default", [shop.workspace.role])
    assert left == [works[1:]]
    assert [(row.id, row.failures) for row in rows_of(shop)] == [(works[1], 1)]


def test_work_that_takes_too_long_is_ended_and_others_go_on(shop: Shop) -> None:
    work = ask(shop, "test.endless")
    jobs.deliver(work)
    (row,) = rows_of(shop)
    assert (row.failures, row.lease_until) == (1, None)
    jobs.deliver(ask(shop, "test.greet", name="Hello"))
    assert [row.name for row in shop.rows("select name from member")] == ["Jana Dvořáková Hello"]


def test_work_that_ends_its_workers_fails_in_the_end(shop: Shop) -> None:
    work = ask(shop, "test.greet", name="Hello")
    for crashes in range(1, jobs.CRASHES + 1):
        with database().controlling() as control:
            claim = {"id": work, "holder": f"worker of {work}", "done": 0, "done_attempt": 0}
            control.execute(jobs.THIS, claim)
        jobs.release(database(), f"worker of {work}", crashed=True)
        assert [(row.crashes, row.ready) for row in rows_of(shop)] == [(crashes, True)]
    jobs.deliver(work)
    assert rows_of(shop) == []
    with database().controlling() as control:
        trace = control.scalar(text("select trace from bus.failed where id = :id"), {"id": work})
    assert "its worker ended 10 times" in (trace or "")


def test_a_lost_database_is_no_failure_of_the_job(shop: Shop) -> None:
    work = ask(shop, "test.cut_off")
    jobs.deliver(work)
    assert [(row.attempt, row.failures) for row in rows_of(shop)] == [(1, 0)]


def test_every_periodic_task_is_a_job(app: Flask) -> None:
    assert {task.job for task in TASKS} <= jobs.JOBS.keys()


def test_only_news_is_handed_on_to_a_worker(shop: Shop, redis: Redis) -> None:
    with shop.acting() as actor:
        contact = actions.create(actor, NewContact(first_name="Jan"))
        events.note(actor, "test.told", "contact", contact.id, "Jan", after={"tell": actor.member.id})
        actor.db.commit()
    assert [row.payload.get("news") for row in rows_of(shop)] == [None, True]
    while outbox.offer(database(), redis):
        pass
    assert [row.payload["action"] for row in rows_of(shop)] == ["test.told"]


def test_the_earliest_wish_to_be_woken_is_kept_and_its_row_goes(shop: Shop, redis: Redis) -> None:
    moments = [datetime(2099, 1, day, tzinfo=UTC) for day in (3, 2, 4)]
    for moment in moments:
        with database().workspace(shop.workspace) as session, session.begin():
            outbox.wake(session, moment)
        while outbox.offer(database(), redis):
            pass
    assert rows_of(shop) == []
    with database().controlling() as control:
        kept = control.execute(text("select at, stamp from bus.wake where role = :r"), {"r": shop.workspace.role}).one()
    assert (kept.at, kept.stamp) == (moments[1], 3)


def test_a_workspace_reads_and_moves_no_moment_itself(shop: Shop) -> None:
    for statement in ("select * from bus.wake", "update bus.wake set at = now()", "delete from bus.wake"):
        with database().workspace(shop.workspace) as session, pytest.raises(Exception, match="permission denied"):
            session.execute(text(statement))
