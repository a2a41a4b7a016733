"""The hand-over: nothing is lost when Valkey is empty, a worker dies, or work fails; nothing takes effect twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import text

from config.settings import settings
from core import events, jobs, outbox
from core.actor import Actor
from core.db import database
from core.jobs import Place, job, later, once
from crm.contacts import actions
from crm.contacts.actions import NewContact
from crm.contacts.models import Contact
from tests.shop import Shop


@job("test.greet")
def greet(place: Place, name: str) -> None:
    with place.database.workspace(place.here()) as session, session.begin():
        if once(session, "test.greet", place.work_id):
            session.execute(text("update member set name = name || :name"), {"name": f" {name}"})


@job("test.fail")
def fail(place: Place) -> None:
    raise RuntimeError("this job always fails")


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


def ask(shop: Shop, name: str, /, **arguments: str) -> int:
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
    assert len(rows_of(shop)) == 1
    with database().controlling() as control:
        control.execute(text("update bus.outbox set next_at = now() where id = :id"), {"id": work})
    while outbox.offer(database(), redis):
        pass
    SimpleWorker(
        [Queue("default", connection=redis, serializer=JSONSerializer)], connection=redis, serializer=JSONSerializer
    ).work(burst=True)
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
