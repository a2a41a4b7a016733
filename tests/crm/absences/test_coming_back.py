"""Coming back: by the clock or by hand, without what was finished or given away meanwhile; and undoing."""

from typing import Any

import pytest
from sqlalchemy import text

from core.db import database
from core.errors import Busy, Invalid
from core.jobs import Place
from crm.absences import actions, moving
from crm.absences.models import Absence
from crm.absences.queries import tally
from crm.deals import actions as deals
from crm.tasks import actions as tasks
from tenants import staff
from tests.crm.absences.office import Office
from tests.shop import Shop


@pytest.fixture
def office(shop: Shop) -> Office:
    return Office.of(shop)


def counts(office: Office, absence: Absence) -> dict[tuple[str, str], int]:
    with office.shop.acting() as actor:
        return dict(tally(actor, absence))


def mixed(office: Office) -> dict[str, dict[str, Any]]:
    """A client's work for each of what may become of it meanwhile."""
    return {name: office.work() for name in ("done", "won", "given", "deleted", "plain")}


def meanwhile(office: Office, work: dict[str, dict[str, Any]]) -> None:
    with office.shop.acting() as actor:
        tasks.done(actor, tasks.OneTask(id=work["done"]["task"]))
        deals.win(actor, deals.OneDeal(id=work["won"]["deal"]))
        tasks.assign(actor, tasks.AssignedTask(id=work["given"]["task"], assignee_id=office.ids["Karel"]))
        tasks.delete(actor, tasks.OneTask(id=work["deleted"]["task"]))


@pytest.mark.parametrize("how", [actions.end, actions.undo])
def test_all_comes_back_but_what_was_finished_or_given_away(office: Office, how: Any) -> None:
    work = mixed(office)
    absence = office.away(takers={"all": ["Eva"]}, with_clients=True)
    meanwhile(office, work)
    office.end(absence, how)
    assert office.state(absence) == ("ended" if how is actions.end else "undone")
    assert office.holders(work["plain"]) == {"contact": "Petr", "deal": "Petr", "task": "Petr"}
    assert office.holder("task", work["done"]["task"]) == "Eva"
    assert office.holder("deal", work["won"]["deal"]) == "Eva"
    assert office.holder("task", work["given"]["task"]) == "Karel"
    assert counts(office, absence) == {
        ("back", ""): 11, ("stayed", "finished"): 2, ("stayed", "reassigned"): 1, ("stayed", "gone"): 1,
    }  # fmt: skip


def test_a_killed_return_goes_on_and_gives_each_back_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.tasks(450)
    absence = office.away(takers={"all": ["Eva"]})
    with office.shop.acting() as actor:
        actions.end(actor, actions.OneAbsence(id=absence.id))
    give_back, steps = moving.give_back, []

    class Killed(BaseException):
        pass

    def killing(actor: Any, found: Absence) -> bool:
        more = give_back(actor, found)
        steps.append(1)
        if len(steps) == 2:
            raise Killed
        return more

    with monkeypatch.context() as patch:
        patch.setattr(moving, "give_back", killing)
        with pytest.raises(Killed):
            office.move(absence)
    assert office.has("Petr") == moving.STEP
    office.move(absence)
    assert (office.has("Petr"), office.has("Eva"), office.state(absence)) == (450, 0, "ended")
    assert len(office.shop.rows("select 1 from event where action = 'absence.give_back' and kind = 'task'")) == 450


def test_the_clock_brings_back_whose_last_day_has_passed(office: Office) -> None:
    office.tasks(3)
    absence = office.away(takers={"all": ["Eva"]}, ends_on=office.day(0))
    tick(office)
    assert office.state(absence) == "away"  # the last day is a day away
    yesterday(office, absence)
    tick(office)
    assert office.state(absence) == "returning"
    tick(office)  # claimed once
    assert asked(office) == 2  # the takeover and the return
    office.move(absence)
    assert (office.has("Petr"), office.state(absence)) == (3, "ended")


def test_the_clock_begins_what_was_planned_with_what_is_open_then(office: Office) -> None:
    office.tasks(2)
    absence = office.confirm(office.draft(takers={"all": ["Eva"]}, starts_on=office.day(1), ends_on=office.day(2)))
    assert (office.state(absence), office.has("Petr")) == ("planned", 2)
    tick(office)
    assert office.state(absence) == "planned"
    office.tasks(1)
    begun_today(office, absence)
    tick(office)
    office.move(absence)
    assert (office.has("Petr"), office.has("Eva"), office.state(absence)) == (0, 3, "away")


def test_what_cannot_begin_on_its_day_waits_for_a_decision(office: Office) -> None:
    office.tasks(2)
    absence = office.confirm(office.draft(takers={"all": ["Eva"]}, starts_on=office.day(1), ends_on=office.day(2)))
    with office.shop.acting() as actor:
        staff.leave(actor, staff.OneMember(id=office.ids["Eva"]))
    begun_today(office, absence)
    tick(office)
    office.move(absence)
    assert (office.state(absence), office.has("Petr")) == ("draft", 2)
    assert office.shop.rows("select error from absence")[0].error == "refused"


def test_a_leaving_that_is_planned_lets_nobody_go_before_its_day(office: Office) -> None:
    work = office.work()
    absence = office.confirm(office.draft(reason="left", takers={"all": ["Eva"]}, starts_on=office.day(1)))
    assert member_state(office) == "active"
    begun_today(office, absence)
    tick(office)
    office.move(absence)
    assert member_state(office) == "left"
    assert office.holders(work) == {"contact": "Eva", "deal": "Eva", "task": "Eva"}


def test_undoing_a_leaving_lets_the_member_in_again(office: Office) -> None:
    work = office.work()
    absence = office.away(reason="left", takers={"all": ["Eva"]})
    with office.shop.acting() as actor, pytest.raises(Busy):
        actions.end(actor, actions.OneAbsence(id=absence.id))
    office.end(absence, actions.undo)
    assert member_state(office) == "active"
    assert office.holders(work) == {"contact": "Petr", "deal": "Petr", "task": "Petr"}


def test_an_undo_before_everything_was_taken_over_leaves_nothing_behind(office: Office) -> None:
    office.tasks(250)
    absence = office.confirm(office.draft(takers={"all": ["Eva"]}))
    moving.step(office.place(), absence.id, office.ids["Jana"])
    assert (office.has("Petr"), office.has("Eva")) == (50, 200)
    office.end(absence, actions.undo)
    assert (office.has("Petr"), office.has("Eva"), office.state(absence)) == (250, 0, "undone")


def test_work_passed_on_because_the_taker_is_away_too_still_comes_back(office: Office) -> None:
    office.tasks(3)
    first = office.away("Petr", takers={"all": ["Eva"]})
    second = office.away("Eva", takers={"all": ["Karel"]})
    assert office.has("Karel") == 3
    office.end(first)
    assert office.has("Petr") == 3
    office.end(second)
    assert (office.has("Petr"), office.has("Eva"), office.has("Karel")) == (3, 0, 0)


def test_who_comes_back_first_hands_on_to_the_one_who_is_back_later(office: Office) -> None:
    office.tasks(3)
    first = office.away("Petr", takers={"all": ["Eva"]})
    second = office.away("Eva", takers={"all": ["Karel"]})
    office.end(second)
    assert office.has("Eva") == 3
    office.end(first)
    assert office.has("Petr") == 3


def test_who_left_while_away_gets_nothing_back(office: Office) -> None:
    office.tasks(3)
    absence = office.away(takers={"all": ["Eva"]})
    with office.shop.acting() as actor:
        staff.leave(actor, staff.OneMember(id=office.ids["Petr"]))
    office.end(absence)
    assert (office.has("Eva"), office.state(absence)) == (3, "ended")


def test_leaving_while_away_hands_over_the_rest(office: Office) -> None:
    work = office.work()
    ill = office.away(takers={"all": ["Eva"]})
    office.away(reason="left", takers={"all": ["Karel"]})
    assert office.state(ill) == "ended"
    assert office.holders(work) == {"contact": "Karel", "deal": "Eva", "task": "Eva"}


def test_the_last_day_can_be_moved_while_it_lasts(office: Office) -> None:
    absence = office.away(takers={"all": ["Eva"]})
    with office.shop.acting() as actor:
        with pytest.raises(Invalid):
            actions.prolong(actor, actions.Prolonged(id=absence.id, ends_on=office.day(-1)))
        actions.prolong(actor, actions.Prolonged(id=absence.id, ends_on=office.day(20)))
    assert office.shop.rows("select ends_on from absence")[0].ends_on == office.day(20)


def tick(office: Office) -> None:
    moving.by_the_clock(Place(database(), None, 0, lambda: True))


def asked(office: Office) -> int:
    with database().controlling() as control:
        query = "select count(*) from bus.outbox where role = :role and payload->>'job' = 'absence.move'"
        return int(control.execute(text(query), {"role": office.shop.workspace.role}).scalar_one())


def yesterday(office: Office, absence: Absence) -> None:
    write(office, "update absence set starts_on = starts_on - 8, ends_on = :day where id = :id", absence, -1)


def begun_today(office: Office, absence: Absence) -> None:
    write(office, "update absence set starts_on = :day where id = :id", absence, 0)


def write(office: Office, sql: str, absence: Absence, distance: int) -> None:
    with database().workspace(office.shop.workspace) as session, session.begin():
        session.execute(text(sql), {"day": office.day(distance), "id": absence.id})


def member_state(office: Office) -> str:
    return str(office.shop.rows("select state from member where id = :id", id=office.ids["Petr"])[0].state)
