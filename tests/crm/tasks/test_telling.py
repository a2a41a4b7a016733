"""Who is to be told of a task not done in time is told once, by the time that holds then, if it is not done."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import select, text

from config.settings import settings
from core import jobs, outbox
from core.actor import Actor
from core.db import database
from core.errors import Invalid
from crm.absences import actions as absences
from crm.tasks import actions
from crm.tasks.actions import OneTask
from crm.tasks.models import Task
from crm.tasks.telling import ask_anew
from tenants.models import Member
from tests.shop import Shop, csrf

SOON = timedelta(hours=1)


def member_of(shop: Shop, identity_id: UUID) -> UUID:
    with shop.acting() as actor:
        return actor.db.scalars(select(Member.id).where(Member.identity_id == identity_id)).one()


@pytest.fixture
def boss(shop: Shop) -> UUID:
    return member_of(shop, shop.member("admin", "Petr Novák"))


def added(shop: Shop, **values: Any) -> Task:
    with shop.acting() as actor:
        given = {"name": "Call Jan", "tell_at": datetime.now(UTC) + SOON, **values}
        return actions.create(actor, actions.create.parse(given))


def changed(shop: Shop, task: Task, **values: Any) -> Task:
    with shop.acting() as actor:
        return actions.change(actor, actions.change.parse({"id": task.id, **values}))


def pass_time(shop: Shop, hours: int = 2) -> None:
    """What waits for its time comes nearer by so many hours, and what is due then is done."""
    nearer = {"role": shop.workspace.role, "hours": hours}
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update task set tell_at = tell_at - make_interval(hours => :hours)"), nearer)
    with shop.base.controlling() as control:
        control.execute(
            text("update bus.outbox set next_at = next_at - make_interval(hours => :hours) where role = :role"), nearer
        )
        due = control.scalars(
            text("select id from bus.outbox where role = :role and topic = 'job' and next_at <= now() order by id"),
            nearer,
        ).all()
    for work in due:
        jobs.deliver(work)


def told(shop: Shop) -> list[UUID | None]:
    rows = shop.rows("select after->>'tell' as tell from event where action = 'task.late' order by id")
    return [row.tell and UUID(row.tell) for row in rows]


def test_a_task_not_done_in_time_is_told_once(shop: Shop, boss: UUID) -> None:
    task = added(shop, tell_id=boss)
    pass_time(shop, 0)
    assert told(shop) == []
    changed(shop, task, name="Call Jan again")
    with shop.acting() as actor:
        actions.reopen(actor, OneTask(id=task.id))
    pass_time(shop)
    pass_time(shop)
    assert told(shop) == [boss]
    (row,) = shop.rows("select kind, change, record_id, member_id, title from event where action = 'task.late'")
    assert (row.kind, row.change, row.record_id, row.member_id) == ("task", "noted", task.id, None)


def test_the_work_waits_for_its_time_and_is_urgent(shop: Shop, boss: UUID) -> None:
    task = added(shop, tell_id=boss)
    with shop.base.controlling() as control:
        query = "select queue, ready, next_at from bus.outbox where role = :role and payload->>'job' = 'task.tell'"
        (row,) = control.execute(text(query), {"role": shop.workspace.role}).all()
    assert (row.queue, row.ready, row.next_at) == ("urgent", False, task.tell_at)


def test_a_task_done_or_deleted_in_time_tells_nobody_until_it_is_open_again(shop: Shop, boss: UUID) -> None:
    done, gone = added(shop, tell_id=boss), added(shop, tell_id=boss)
    with shop.acting() as actor:
        actions.done(actor, OneTask(id=done.id))
        actions.delete(actor, OneTask(id=gone.id))
    pass_time(shop)
    assert told(shop) == []
    with shop.acting() as actor:
        actions.reopen(actor, OneTask(id=done.id))
        actions.restore(actor, OneTask(id=gone.id))
    pass_time(shop, 0)
    assert told(shop) == [boss, boss]


def test_a_moved_time_holds_and_one_taken_away_costs_nothing(shop: Shop, boss: UUID) -> None:
    moved, freed = added(shop, tell_id=boss), added(shop, tell_id=boss)
    changed(shop, moved, tell_at=datetime.now(UTC) + 5 * SOON)
    assert changed(shop, freed, tell_id=None).tell_at is None
    pass_time(shop)
    assert told(shop) == []
    pass_time(shop, 4)
    assert told(shop) == [boss]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"tell_at": None}, "tell_at"),
        ({"tell_id": None}, "tell_id"),
        ({"tell_at": datetime(2020, 1, 1, tzinfo=UTC)}, "tell_at"),
    ],
)
def test_half_a_deadline_or_one_that_has_passed_is_refused(
    shop: Shop, boss: UUID, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        added(shop, **{"tell_id": boss, **given})
    assert [name for name, _ in refused.value.fields] == [field]
    assert shop.rows("select 1 from task") == []


def test_only_somebody_who_may_see_the_task_can_be_told(shop: Shop) -> None:
    outside = member_of(shop, shop.member("field", "Karel Malý"))
    with pytest.raises(Invalid) as refused:
        added(shop, tell_id=outside)
    assert [name for name, _ in refused.value.fields] == ["tell_id"]
    assert added(shop, tell_id=outside, assignee_id=outside).tell_id == outside


def test_who_took_over_from_an_absent_member_is_told_instead(shop: Shop, boss: UUID) -> None:
    deputy = member_of(shop, shop.member("admin", "Eva Malá"))
    added(shop, tell_id=boss)
    with shop.acting() as actor:
        start_absence(actor, boss, deputy)
    pass_time(shop)
    assert told(shop) == [deputy]


def start_absence(actor: Actor, absent: UUID, deputy: UUID) -> None:
    today = date.today()  # noqa: DTZ011 (the workspace's own day may differ by one; the absence is longer)
    said = {"member_id": absent, "reason": "ill", "starts_on": today - timedelta(1), "ends_on": today + timedelta(9)}
    made = absences.create(actor, absences.create.parse({**said, "rule": "one", "takers": {"all": [deputy]}}))
    actor.db.execute(text("update absence set state = 'away', began_at = now() where id = :id"), {"id": made.id})
    actor.db.commit()


def test_the_form_takes_the_time_where_the_member_is(shop: Shop, boss: UUID) -> None:
    browser: FlaskClient = shop.browser()
    token = csrf(browser, shop.path("/tasks/new"))
    day = date.today() + timedelta(30)  # noqa: DTZ011
    sent = {"csrf_token": token, "name": "Call Jan", "tell_id": str(boss), "tell_at": f"{day}T14:30"}
    assert browser.post(shop.path("/tasks/"), data=sent).status_code == 303
    (row,) = shop.rows("select id, to_char(tell_at at time zone 'Europe/Prague', 'YYYY-MM-DD HH24:MI') as at from task")
    assert row.at == f"{day} 14:30"
    page = browser.get(shop.path(f"/tasks/{row.id}")).get_data(as_text=True)
    assert f'value="{day}T14:30"' in page
    assert "Petr Novák is told if it is not done by" in browser.get(shop.path("/tasks/")).get_data(as_text=True)
    refused = browser.post(shop.path(f"/tasks/{row.id}"), data={**sent, "tell_at": "2020-01-01T10:00", "version": "1"})
    assert refused.status_code == 422
    assert "Choose a time to come." in refused.get_data(as_text=True)


def test_a_late_task_is_told_on_its_clients_card(shop: Shop, boss: UUID) -> None:
    with shop.acting() as actor:
        from crm.contacts import actions as contacts

        contact = contacts.create(actor, contacts.NewContact(first_name="Jan"))
    added(shop, tell_id=boss, contact_id=contact.id)
    pass_time(shop)
    page = shop.browser().get(shop.path(f"/contacts/{contact.id}")).get_data(as_text=True)
    assert "was not done in time" in page
    assert shop.browser().get(shop.path("/settings/audit")).status_code == 200


def test_ten_thousand_deadlines_of_one_moment_are_told_together(shop: Shop, boss: UUID) -> None:
    """The events are there, and whoever is told can read of all of them, in far less than one by one takes; the bench
    says how soon (bench/work.py)."""
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update task set tell_at = now()"))
        session.execute(MANY, {"boss": boss})
        ask_anew(session, shop.workspace, ())
    began = time.monotonic()
    with Redis.from_url(settings().redis_url) as redis:
        while read_of(shop) < 10_000 and time.monotonic() - began < 30:
            outbox.offer(database(), redis)
            for queue in ("urgent", "default"):
                jobs.turn(queue, [shop.workspace.role])
    took = time.monotonic() - began
    assert (len(told(shop)), read_of(shop), waiting(shop, "task.tell")) == (10_000, 10_000, 0)
    assert len(shop.rows("select 1 from notification")) < 200, "of many at once one line tells"
    assert took < 20


MANY = text("""
insert into task (id, name, tell_id, tell_at)
select gen_random_uuid(), 'Call ' || n, :boss, now() from generate_series(1, 10000) n
""")


def read_of(shop: Shop) -> int:
    """Of how many late tasks the lines tell."""
    (row,) = shop.rows("select coalesce(sum(coalesce(cast(data->>'n' as int), 1)), 0) as n from notification")
    return int(row.n)


def waiting(shop: Shop, name: str) -> int:
    with shop.base.controlling() as control:
        query = text("select count(*) from bus.outbox where role = :role and payload->>'job' = :name")
        return int(control.execute(query, {"role": shop.workspace.role, "name": name}).scalar_one())
