"""What the clock tells comes at its hour in the member's own zone, once, also over both days of summer time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from config.settings import settings
from core import outbox
from crm.notifications import choices, timed
from crm.notifications.choices import Said, Wish
from crm.notifications.kinds import KINDS
from crm.tasks import actions as tasks
from tests.crm.notifications.office import Office

PETR, EVA = "Petr Malý", "Eva Nová"
PRAGUE, NEW_YORK, KIRITIMATI = (ZoneInfo(name) for name in ("Europe/Prague", "America/New_York", "Pacific/Kiritimati"))


def today() -> date:
    return datetime.now(UTC).date()


def move(office: Office, name: str, zone: str) -> None:
    with office.shop.base.workspace(office.shop.workspace) as session, session.begin():
        session.execute(text("update member set time_zone = :zone where name = :name"), {"zone": zone, "name": name})


def wake(office: Office) -> Any:
    with office.shop.base.controlling() as control:
        return control.execute(
            text("select * from bus.wake where role = :r"), {"r": office.shop.workspace.role}
        ).first()


def relay(office: Office) -> None:
    """What the relay does with the rows of this workspace."""
    from redis import Redis

    with Redis.from_url(settings().redis_url) as redis:
        while outbox.offer(office.shop.base, redis):
            pass


def test_a_task_is_due_at_its_hour_and_late_an_hour_after_each_once(office: Office) -> None:
    day = today() + timedelta(days=1)
    office.task(PETR, due_on=day, due_time="14:30", time_zone="Europe/Prague")
    due = datetime.combine(day, time(14, 30), PRAGUE)
    office.look(due - timedelta(seconds=1))
    assert office.told(PETR) == []
    assert wake(office).at == due, "the clock knows the very moment"
    for _clock in range(2):
        office.look(due)
    assert office.told(PETR) == [("task_due", "Now due: Call Novák")]
    office.look(due + timedelta(minutes=59))
    assert len(office.told(PETR)) == 1
    for _clock in range(2):
        office.look(due + timedelta(hours=1))
    assert office.told(PETR)[1:] == [("task_overdue", "Late: Call Novák")]
    office.look(due + timedelta(days=3))
    assert len(office.told(PETR)) == 2
    assert office.told() == office.told(EVA) == []


@pytest.mark.parametrize("zone", [PRAGUE, NEW_YORK, KIRITIMATI])
def test_a_day_begins_where_its_assignee_is(office: Office, zone: ZoneInfo) -> None:
    move(office, PETR, zone.key)
    day = today() + timedelta(days=2)
    office.task(assignee_id=office.id_of(PETR), due_on=day)
    begins = datetime.combine(day, time(8), zone)
    office.look(begins - timedelta(minutes=1))
    assert office.told(PETR) == []
    office.look(begins)
    assert [kind for kind, _text in office.told(PETR)] == ["task_due"]
    office.look(begins + timedelta(days=1))
    assert [kind for kind, _text in office.told(PETR)] == ["task_due", "task_overdue"]


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 10, 31)])
def test_both_days_of_summer_time_have_one_morning(day: date) -> None:
    """02:30 is skipped on one and comes twice on the other; eight is eight on both."""
    for hour, utc in ((time(8), 6 if day.month == 3 else 7), (time(2, 30), 1 if day.month == 3 else 0)):
        moments = timed.moments(day, datetime.combine(day, hour, PRAGUE), PRAGUE) if hour != time(8) else None
        due = moments[0] if moments else timed.moments(day, None, PRAGUE)[0]
        assert due.astimezone(UTC).hour == utc
    assert timed.moments(day, None, PRAGUE)[1] - timed.moments(day, None, PRAGUE)[0] == timedelta(hours=24)
    before = timed.moments(day - timedelta(days=1), None, PRAGUE)
    assert before[1] - before[0] == timedelta(hours=23 if day.month == 3 else 25)


def test_what_was_missed_is_told_late_and_only_as_late(office: Office) -> None:
    """A clock that was away for two days: no storm, one line."""
    office.task(PETR, due_on=today() + timedelta(days=1))
    office.look(datetime.now(UTC) + timedelta(days=4))
    assert [kind for kind, _text in office.told(PETR)] == ["task_overdue"]


def test_a_task_made_late_reminds_of_nothing_and_a_new_day_reminds_again(office: Office) -> None:
    task = office.task(PETR, due_on=today() - timedelta(days=3))
    office.look()
    assert office.told(PETR) == []
    for days in (1, 2):
        with office.acting(PETR) as actor:
            tasks.change(actor, tasks.change.parse({"id": task.id, "due_on": today() + timedelta(days=days)}))
        office.look(datetime.combine(today() + timedelta(days=days), time(12), UTC))
    assert [kind for kind, _text in office.told(PETR)] == ["task_due", "task_due"]


def test_a_task_that_is_done_or_gone_reminds_nobody(office: Office) -> None:
    done, gone = (office.task(PETR, due_on=today() + timedelta(days=1)) for _number in range(2))
    with office.acting(PETR) as actor:
        tasks.done(actor, tasks.OneTask(id=done.id))
        tasks.delete(actor, tasks.OneTask(id=gone.id))
    office.look(datetime.now(UTC) + timedelta(days=3))
    assert office.told(PETR) == []


def test_a_deal_goes_stale_after_the_days_of_its_pipeline_once_for_each_silence(office: Office) -> None:
    deal = office.deal(PETR)
    with office.acting() as actor:
        actor.db.execute(text("update pipeline set stale_days = 5"))
        actor.db.commit()
    quiet = datetime.now(UTC) + timedelta(days=5)
    office.look(quiet - timedelta(hours=1))
    assert office.told(PETR) == []
    morning = timed.next_begin(quiet, PRAGUE)
    for _clock in range(2):
        office.look(morning + timedelta(minutes=1))
    assert office.told(PETR) == [("deal_stale", "Nothing has happened for 5 days with the deal Windows")]
    assert office.told() == []
    office.note(PETR, "They called", deal_id=deal.id)
    office.look(quiet - timedelta(hours=2))
    assert len(office.told(PETR)) == 1
    office.look(morning + timedelta(minutes=2))
    assert len(office.told(PETR)) == 2, "another silence"
    office.note(PETR, "They called", deal_id=deal.id)
    with office.acting() as actor:
        actor.db.execute(text("update pipeline set stale_days = null"))
        actor.db.commit()
    office.look(morning + timedelta(days=2))
    assert len(office.told(PETR)) == 2


def test_a_new_task_moves_the_workspaces_moment_nearer_and_the_clock_asks_once(office: Office) -> None:
    far, near = (datetime.combine(today() + timedelta(days=days), time(9), UTC) for days in (9, 1))
    for moment in (far, near, far):
        office.task(PETR, due_on=moment.date(), due_time="09:00", time_zone="UTC")
        relay(office)
    assert wake(office).at == near
    with office.shop.base.controlling() as control:
        control.execute(text("update bus.wake set at = now() where role = :r"), {"r": office.shop.workspace.role})
    for _clock in range(2):
        timed.wake_up(office.place())
    assert [row.payload["job"] for row in office.rows("job")] == ["notifications.look"]


def test_a_wish_that_comes_during_a_look_is_not_lost(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.task(PETR, due_on=today() + timedelta(days=3))
    relay(office)
    soon = datetime.now(UTC) + timedelta(minutes=3)
    real = timed.release

    def meanwhile(session: Any, now: datetime) -> None:
        with office.shop.base.workspace(office.shop.workspace) as other, other.begin():
            outbox.wake(other, soon)
        relay(office)
        real(session, now)

    monkeypatch.setattr(timed, "release", meanwhile)
    office.look()
    assert wake(office).at == soon


# Quiet hours


@pytest.mark.parametrize(
    ("now", "speaks"),
    [
        (datetime(2027, 3, 27, 21, 0, tzinfo=PRAGUE), None),
        (datetime(2027, 3, 27, 23, 0, tzinfo=PRAGUE), datetime(2027, 3, 28, 7, 0, tzinfo=PRAGUE)),
        (datetime(2027, 3, 28, 6, 59, tzinfo=PRAGUE), datetime(2027, 3, 28, 7, 0, tzinfo=PRAGUE)),
        (datetime(2027, 3, 28, 7, 0, tzinfo=PRAGUE), None),
        (datetime(2027, 10, 31, 2, 30, tzinfo=PRAGUE), datetime(2027, 10, 31, 7, 0, tzinfo=PRAGUE)),
        (datetime(2027, 10, 31, 2, 30, fold=1, tzinfo=PRAGUE), datetime(2027, 10, 31, 7, 0, tzinfo=PRAGUE)),
    ],
)
def test_quiet_ends_at_its_hour_whatever_the_clocks_did(now: datetime, speaks: datetime | None) -> None:
    wish = Wish(quiet=(time(22), time(7)))
    assert wish.speaks_at(now.astimezone(UTC), PRAGUE) == (speaks or now).astimezone(UTC)


def test_quiet_within_a_day_and_without_any(office: Office) -> None:
    noon = datetime(2027, 1, 5, 12, 30, tzinfo=PRAGUE)
    assert Wish(quiet=(time(12), time(13))).speaks_at(noon, PRAGUE) == noon + timedelta(minutes=30)
    assert Wish().speaks_at(noon, PRAGUE) == noon
    assert office.told() == []


def test_in_quiet_hours_the_line_is_there_and_mail_and_push_wait(office: Office) -> None:
    now = datetime.now(PRAGUE)
    begins, ends = (now - timedelta(hours=1)).strftime("%H:%M"), (now + timedelta(hours=2)).strftime("%H:%M")
    with office.acting(PETR) as actor:
        kinds = {name: list(kind.offers) for name, kind in KINDS.items()}
        choices.choose(actor, Said(kinds=kinds, quiet_from=begins, quiet_to=ends))
    office.task(assignee_id=office.id_of(PETR))
    office.work()
    assert len(office.told(PETR)) == 1
    (row,) = office.shop.rows("select * from notification")
    expected = (now + timedelta(hours=2)).replace(second=0, microsecond=0)
    assert row.mail_at == row.push_at == expected
    assert office.rows("job") == []
    office.look(expected - timedelta(seconds=1))
    assert office.rows("job") == []
    for _clock in range(2):
        office.look(expected)
    assert sorted(row.payload["job"] for row in office.rows("job")) == ["notifications.mail", "notifications.push"]


# The digest


def test_a_digest_is_asked_for_once_each_morning_where_the_member_is(office: Office) -> None:
    move(office, PETR, "America/New_York")
    with office.acting(PETR) as actor:
        choices.choose(actor, Said(kinds={}, digest="07:00"))
    for day in (date(2027, 3, 13), date(2027, 3, 14), date(2027, 3, 15)):  # the clocks change on the 14th
        morning = datetime.combine(day, time(7), NEW_YORK)
        office.look(morning - timedelta(minutes=1))
        assert office.rows("job") == []
        for minutes in (0, 0, 1):
            office.look(morning + timedelta(minutes=minutes))
        (asked,) = office.rows("job")
        assert asked.payload["arguments"]["day"] == day.isoformat()
        with office.shop.base.controlling() as control:
            control.execute(text("delete from bus.outbox where id = :id"), {"id": asked.id})


def test_the_workspaces_choice_holds_until_a_member_has_an_own_one(office: Office) -> None:
    with office.acting() as actor:
        choices.choose_for_all(actor, Said(kinds={"task_assigned": ["app"]}, digest="08:00"))
        wishes = choices.wishes(actor.db, actor.workspace, [office.id_of(PETR)])
    assert wishes[office.id_of(PETR)].digest == time(8)
    assert wishes[office.id_of(PETR)].channels("task_assigned") == {"app"}
    with office.acting(PETR) as actor:
        choices.choose(actor, Said(kinds={"task_assigned": ["mail"]}))
    office.task(assignee_id=office.id_of(PETR))
    office.task(assignee_id=office.id_of(EVA))
    office.work()
    rows = office.shop.rows("select in_app, mail_at, push_at from notification n join member m on m.id = n.member_id "
                            "order by m.name desc")  # fmt: skip
    assert [(row.in_app, bool(row.mail_at), bool(row.push_at)) for row in rows] == [
        (False, True, False),
        (True, False, False),
    ]
    with office.acting(PETR) as actor:
        choices.follow_workspace(actor)
        assert choices.of_actor(actor).digest == time(8)
