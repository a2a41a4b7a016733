"""Tasks: what is stored of a day and an hour, who may be given one, ticking and taking back."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from core.actor import Actor
from core.errors import Busy, Conflict, Forbidden, Invalid, NotFound
from core.ids import new_id
from crm.contacts import actions as contacts
from crm.contacts.actions import NewContact
from crm.tasks import actions
from crm.tasks.actions import OneTask
from crm.tasks.models import Task
from tenants.models import Member
from tests.shop import Shop


def create(actor: Actor, **values: Any) -> Task:
    return actions.create(actor, actions.create.parse({"name": "Call Jan", **values}))


def change(actor: Actor, task: Task, **values: Any) -> Task:
    return actions.change(actor, actions.change.parse({"id": task.id, **values}))


def due(task: Task) -> tuple[date | None, datetime | None]:
    return task.due_on, task.due_at


def member_id(actor: Actor, identity_id: UUID) -> UUID:
    return actor.db.scalars(actor.visible(Member, Member.id).where(Member.identity_id == identity_id)).one()  # type: ignore[no-any-return]


def test_a_day_stays_a_day_and_an_hour_becomes_an_instant(shop: Shop) -> None:
    with shop.acting() as actor:
        create(actor, name="day", due_on="2026-03-29")
        create(actor, name="hour", due_on="2026-03-29", due_time="09:00")
        create(actor, name="zone", due_on="2026-03-29", due_time="09:00", time_zone="America/New_York")
    rows = {row.name: (row.due_on, row.due_at) for row in shop.rows("select name, due_on, due_at from task")}
    day = date(2026, 3, 29)
    assert rows == {
        "day": (day, None),
        "hour": (day, datetime(2026, 3, 29, 7, tzinfo=UTC)),
        "zone": (day, datetime(2026, 3, 29, 13, tzinfo=UTC)),
    }


def test_another_day_keeps_the_hour_over_the_change_of_clocks(shop: Shop) -> None:
    with shop.acting() as actor:
        task = create(actor, due_on="2026-03-28", due_time="09:00")
        assert task.due_at == datetime(2026, 3, 28, 8, tzinfo=UTC)
        change(actor, task, due_on="2026-03-30")
        assert task.due_at == datetime(2026, 3, 30, 7, tzinfo=UTC)
        change(actor, task, due_time=None)
        assert due(task) == (date(2026, 3, 30), None)
        change(actor, task, due_time="10:15")
        assert task.due_at == datetime(2026, 3, 30, 8, 15, tzinfo=UTC)
        change(actor, task, due_on=None)
        assert due(task) == (None, None)


def test_saving_a_form_unchanged_does_not_move_the_second_of_two_equal_hours(shop: Shop) -> None:
    """21:30 in New York is 02:30 in Prague, for the second time that night; a form there says only 02:30."""
    with shop.acting() as actor:
        task = create(actor, due_on="2026-10-24", due_time="21:30", time_zone="America/New_York")
        change(actor, task, name="Call Jan again", due_on="2026-10-25", due_time="02:30")
        assert (task.name, task.due_at) == ("Call Jan again", datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"due_time": "09:00"}, "due_on"),
        ({"due_on": "2026-02-30"}, "due_on"),
        ({"due_on": "0026-01-01"}, "due_on"),
        ({"due_on": "9999-12-31", "due_time": "23:59"}, "due_on"),
        ({"due_on": "2026-01-01", "due_time": "25:00"}, "due_time"),
        ({"due_on": "2026-01-01", "due_time": "09:00Z"}, "due_time"),
        ({"due_on": "2026-01-01", "due_time": "09:00", "time_zone": "../../etc/passwd"}, "time_zone"),
        ({"todo": "dance"}, "todo"),
        ({"contact_id": str(new_id())}, "contact_id"),
        ({"company_id": str(new_id())}, "company_id"),
        ({"deal_id": str(new_id())}, "deal_id"),
        ({"assignee_id": str(new_id())}, "assignee_id"),
        ({"done_at": "2026-01-01"}, "done_at"),
        ({"about": "a\0b"}, "about"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(shop: Shop, values: dict[str, str], field: str) -> None:
    with shop.acting() as actor, pytest.raises(Invalid) as refused:
        create(actor, **values)
    assert [name for name, _message in refused.value.fields] == [field]
    assert shop.rows("select 1 from task") == []


def test_done_and_reopened(shop: Shop) -> None:
    with shop.acting() as actor:
        task = create(actor)
        actions.done(actor, OneTask(id=task.id))
        first = task.done_at
        assert first is not None
        assert task.done_by_id == actor.member.id
        actions.done(actor, OneTask(id=task.id))
        assert task.done_at == first
        actions.reopen(actor, OneTask(id=task.id))
        assert [task.done_at, task.done_by_id] == [None, None]
    events = shop.rows("select action, change from event where kind = 'task' order by id")
    assert [tuple(row) for row in events] == [
        ("task.create", "created"),
        ("task.done", "changed"),
        ("task.reopen", "changed"),
    ]


def test_deleted_is_out_of_reach_until_restored(shop: Shop) -> None:
    with shop.acting() as actor:
        task = create(actor)
        actions.delete(actor, OneTask(id=task.id))
        with pytest.raises(NotFound):
            actions.done(actor, OneTask(id=task.id))
        with pytest.raises(Busy):
            create(actor, id=str(task.id))
        actions.restore(actor, OneTask(id=task.id))
        actions.done(actor, OneTask(id=task.id))
    assert shop.rows("select deleted_at from task")[0].deleted_at is None


def test_a_stale_version_changes_nothing(shop: Shop) -> None:
    with shop.acting() as actor:
        task = create(actor)
        change(actor, task, version=1, name="Call Eva")
        for action in (actions.done, actions.delete):
            with pytest.raises(Conflict):
                action(actor, OneTask(id=task.id, version=1))
        with pytest.raises(Conflict):
            change(actor, task, version=1, name="Call Petr")
    assert [tuple(row) for row in shop.rows("select name, done_at, deleted_at from task")] == [("Call Eva", None, None)]


def test_a_field_worker_keeps_own_tasks_and_gives_none_away(shop: Shop) -> None:
    mate = shop.member("sales")
    with shop.acting(shop.member("field")) as worker:
        sales_id = member_id(worker, mate)
        with pytest.raises(Forbidden):
            create(worker, assignee_id=str(sales_id))
        task = create(worker)
        assert task.assignee_id == worker.member.id
        with pytest.raises(Forbidden):
            change(worker, task, assignee_id=str(sales_id))
        with pytest.raises(Forbidden):
            actions.assign(worker, actions.assign.parse({"id": task.id, "assignee_id": sales_id}))
    assert [row.assignee_id for row in shop.rows("select assignee_id from task")] == [worker.member.id]


def test_nobody_gives_a_task_to_somebody_who_left(shop: Shop) -> None:
    gone = shop.member("sales")
    with shop.acting() as actor:
        gone_id = member_id(actor, gone)
        task = create(actor, assignee_id=str(gone_id))
        actor.db.get_one(Member, gone_id).state = "left"
        actor.db.commit()
        with pytest.raises(Invalid):
            create(actor, name="Another", assignee_id=str(gone_id))
        change(actor, task, name="Theirs still", assignee_id=str(gone_id))
        assert actions.assign(actor, actions.assign.parse({"id": task.id, "assignee_id": actor.member.id})).assignee_id


def test_a_task_stays_editable_after_its_contact_was_deleted(shop: Shop) -> None:
    with shop.acting() as actor:
        contact = contacts.create(actor, NewContact(first_name="Jan"))
        task = create(actor, contact_id=str(contact.id))
        contacts.delete(actor, contacts.OneContact(id=contact.id))
        change(actor, task, contact_id=str(contact.id), name="Send the papers")
    assert [row.name for row in shop.rows("select name from task")] == ["Send the papers"]
