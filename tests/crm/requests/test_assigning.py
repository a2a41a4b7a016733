"""Requests go to whom the rule says: in turns without skipping anybody, by load, to who is at work and not away."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import hours
from crm.absences import actions as absences
from crm.forms.models import Form
from crm.requests import actions
from crm.requests.actions import OneRequest
from crm.requests.assigning import assignee_for
from tenants.members import acting_client
from tests.crm.requests.house import at, department, form, received, row, seller, set_hours
from tests.shop import Shop

PRAGUE = ZoneInfo("Europe/Prague")
WEEKDAYS = {day: ["08:00", "16:30"] for day in ("mon", "tue", "wed", "thu", "fri")}


def given_to(shop: Shop, made: Form, times: int = 1) -> list[UUID | None]:
    return [row(shop, received(shop, form_id=made.id).id).assignee_id for _ in range(times)]


def chosen_at(shop: Shop, made: Form, now: datetime) -> UUID | None:
    with shop.app.test_request_context("/"), acting_client(shop.base, shop.workspace) as actor, actor.transaction():
        return assignee_for(actor, actor.db.get_one(Form, made.id), now)


def test_in_turns_everybody_gets_one_after_the_other(shop: Shop) -> None:
    ring = [seller(shop, name) for name in ("Cyril", "Adam", "Bára")]
    made = form(shop, rule="turns", member_ids=ring)
    assert given_to(shop, made, 7) == [*ring, *ring, ring[0]]


def test_many_at_once_take_turns_and_nobody_is_skipped(shop: Shop) -> None:
    ring = [seller(shop, name) for name in ("Adam", "Bára", "Cyril", "Dana")]
    made = form(shop, rule="turns", member_ids=ring)
    identifier = made.id
    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(lambda _n: received(shop, form_id=identifier).id, range(40)))
    counts = Counter(row(shop, one).assignee_id for one in sent)
    assert counts == dict.fromkeys(ring, 10)


def test_by_load_over_two_forms_at_once_the_work_stays_even(shop: Shop) -> None:
    people = [seller(shop, name) for name in ("Adam", "Bára", "Cyril")]
    forms = [form(shop, name=name, rule="load", member_ids=people).id for name in ("One", "Two")]
    with ThreadPoolExecutor(6) as threads:
        sent = list(threads.map(lambda n: received(shop, form_id=forms[n % 2]).id, range(30)))
    assert Counter(row(shop, one).assignee_id for one in sent) == dict.fromkeys(people, 10)
    with shop.acting() as actor:
        for one in sent:
            if row(shop, one).assignee_id == people[2]:
                actions.mark_spam(actor, OneRequest(id=one))
    with shop.acting() as actor:
        made = actor.db.get_one(Form, forms[0])
        assert made.rule == "load"
    assert [row(shop, received(shop, form_id=forms[0]).id).assignee_id for _ in range(3)] == [people[2]] * 3


def test_among_a_role_or_a_department_with_all_below(shop: Shop) -> None:
    boss, adam, bara = seller(shop, "Boss", "head"), seller(shop, "Adam"), seller(shop, "Bára")
    top = department(shop, boss, adam)
    department(shop, adam, bara, parent=top)
    by_department = form(shop, name="D", rule="turns", among="department", department_id=top)
    assert set(given_to(shop, by_department, 4)) == {adam, bara}
    role = shop.rows("select id from role where key = 'head'")[0].id
    assert given_to(shop, form(shop, name="R", rule="turns", among="role", role_id=role)) == [boss]


def test_only_who_is_at_work_and_not_away_gets_one(shop: Shop) -> None:
    adam, bara = seller(shop, "Adam", hours=WEEKDAYS), seller(shop, "Bára", hours={"wed": ["18:00", "20:00"]})
    made = form(shop, rule="turns", member_ids=[adam, bara])
    assert chosen_at(shop, made, at("10:00")) == adam
    assert chosen_at(shop, made, at("10:05")) == adam
    assert chosen_at(shop, made, at("18:30")) == bara
    assert chosen_at(shop, made, at("23:00")) in (adam, bara), "outside all hours, who will be back by themselves"
    today = datetime.now(PRAGUE).date()
    with shop.acting() as actor:
        said = {"member_id": adam, "reason": "ill", "starts_on": today, "ends_on": today + timedelta(days=3)}
        absence = absences.create(actor, absences.create.parse({**said, "takers": {"all": [bara]}}))
        absence.state = "away"
        actor.db.commit()
    set_hours(shop, adam, {})
    set_hours(shop, bara, {})
    assert given_to(shop, made, 3) == [bara, bara, bara]


def test_nobody_there_means_nobody_has_it(shop: Shop) -> None:
    adam = seller(shop, "Adam")
    made = form(shop, rule="member", member_ids=[adam])
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.connection().exec_driver_sql("update member set state = 'left' where name = 'Adam'")
    assert given_to(shop, made) == [None]


# Working time


@pytest.mark.parametrize(
    ("start", "minutes", "by"),
    [
        ("2026-11-25T10:00", 15, "2026-11-25T10:15"),
        ("2026-11-25T16:20", 15, "2026-11-26T08:05"),
        ("2026-11-25T22:00", 15, "2026-11-26T08:15"),
        ("2026-11-27T16:29", 30, "2026-11-30T08:29"),  # over a weekend
        ("2026-03-28T12:00", 15, "2026-03-30T08:15"),  # over the day the clocks change
        ("2026-11-25T06:00", 8 * 60 + 30, "2026-11-25T16:30"),
    ],
)
def test_minutes_are_counted_in_working_time(start: str, minutes: int, by: str) -> None:
    begins = datetime.fromisoformat(start).replace(tzinfo=PRAGUE)
    found = hours.after(begins, minutes, WEEKDAYS, PRAGUE).astimezone(PRAGUE)
    assert found == datetime.fromisoformat(by).replace(tzinfo=PRAGUE)


YEAR = (datetime(2026, 1, 1), datetime(2026, 12, 1))  # noqa: DTZ001 (the strategy adds the zone)
moments = st.datetimes(*YEAR, timezones=st.just(PRAGUE))


@settings(max_examples=200, deadline=None)
@given(moments, st.integers(1, 3000), st.integers(1, 3000))
def test_working_time_adds_up(start: datetime, one: int, more: int) -> None:
    first = hours.after(start, one, WEEKDAYS, PRAGUE)
    assert hours.after(first, more, WEEKDAYS, PRAGUE) == hours.after(start, one + more, WEEKDAYS, PRAGUE)
    assert first > start
    assert hours.at_work(WEEKDAYS, first - timedelta(seconds=1), PRAGUE)


def test_a_business_works_from_its_first_to_its_last_and_as_usual_where_nobody_says() -> None:
    assert hours.together([{}, {"mon": ["09:00", "12:00"]}, {"mon": ["08:00", "10:00"]}]) == {"mon": ["08:00", "12:00"]}
    assert hours.together([{}, {}]) == hours.USUAL
