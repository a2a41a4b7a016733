"""Taking over: by each rule, as the preview said, without a loss, by those who may, and told on the timeline."""

import re
import threading
from typing import Any

import pytest
from flask import g
from sqlalchemy import text

from core import jobs
from core.db import database
from core.errors import Busy, Conflict, Forbidden, Invalid
from crm.absences import actions, moving
from crm.absences.models import Absence
from crm.absences.plan import Plan, plan_of
from crm.contacts.models import Contact
from crm.tasks import actions as tasks
from crm.timeline.queries import timeline_of
from tenants import departments, roles, staff
from tenants.models import Member
from tests.crm.absences.office import Office
from tests.shop import Shop


class Killed(BaseException):
    """What a kill -9 looks like from inside: nothing is tidied up."""


@pytest.fixture
def office(shop: Shop) -> Office:
    return Office.of(shop)


def planned(office: Office, absence: Absence) -> Plan:
    with office.shop.acting() as actor:
        return plan_of(actor, actor.find(Absence, absence.id))


def refusal(office: Office, **said: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        office.draft(**said)
    return {name: str(message) for name, message in refused.value.fields}


def department(office: Office, name: str, *members: str) -> None:
    with office.shop.acting() as actor:
        made = departments.create(actor, departments.create.parse({"name": name}))
        for member in members:
            staff.change(actor, staff.change.parse({"id": office.ids[member], "department_id": made.id}))


def test_all_goes_to_one_person_but_the_clients_stay(office: Office) -> None:
    work = office.work()
    absence = office.away(rule="one", takers={"all": ["Eva"]})
    assert office.state(absence) == "away"
    assert office.holders(work) == {"contact": "Petr", "deal": "Eva", "task": "Eva"}


def test_clients_go_over_by_choice(office: Office) -> None:
    company = office.company()
    work = office.work(company_id=company)
    office.away(takers={"all": ["Eva"]}, with_clients=True)
    assert office.holders({**work, "company": company}) == dict.fromkeys(("contact", "deal", "task", "company"), "Eva")


def test_finished_work_and_the_work_of_others_stay_where_they_are(office: Office) -> None:
    done, others = office.work(), office.work("Karel")
    with office.shop.acting() as actor:
        tasks.done(actor, tasks.OneTask(id=done["task"]))
    office.away(takers={"all": ["Eva"]}, with_clients=True)
    assert office.holder("task", done["task"]) == "Petr"
    assert office.holders(others) == {"contact": "Karel", "deal": "Karel", "task": "Karel"}


def test_evenly_among_several_and_a_clients_work_stays_together(office: Office) -> None:
    clients = [office.work() for _number in range(4)]
    office.away(rule="several", takers={"all": ["Eva", "Karel"]}, with_clients=True)
    owners = [set(office.holders(work).values()) for work in clients]
    assert all(len(one) == 1 for one in owners)
    assert sorted(next(iter(one)) for one in owners) == ["Eva", "Eva", "Karel", "Karel"]


def test_a_companys_people_go_to_the_same_colleague(office: Office) -> None:
    company = office.company()
    first, second = office.work(company_id=company), office.work(company_id=company)
    office.work()
    office.away(rule="several", takers={"all": ["Eva", "Karel"]}, with_clients=True)
    assert (
        len({*office.holders(first).values(), *office.holders(second).values(), office.holder("company", company)}) == 1
    )


def test_by_department_to_its_colleagues_who_are_there(office: Office) -> None:
    office.join("Iva Jiná")
    office.join("Ola Malá")
    department(office, "Sales", "Petr", "Eva", "Karel", "Ola")
    office.away("Ola", takers={"all": ["Iva"]})
    office.tasks(10)
    office.away(rule="department")
    assert {name: office.has(name) for name in ("Petr", "Eva", "Karel", "Iva", "Ola")} == {
        "Petr": 0, "Eva": 5, "Karel": 5, "Iva": 0, "Ola": 0,
    }  # fmt: skip


def test_the_only_one_in_a_department_needs_somebody_named(office: Office) -> None:
    department(office, "Montáž", "Petr")
    said = refusal(office, reason="left", rule="department")
    assert said == {"rule": "Nobody else is there in the department Montáž. Choose who takes over."}
    assert office.shop.rows("select 1 from absence") == []
    assert office.shop.rows("select state from member where id = :id", id=office.ids["Petr"])[0].state == "active"


def test_by_kind_tasks_to_one_and_deals_to_another(office: Office) -> None:
    work = office.work()
    office.away(rule="kind", takers={"task": ["Eva"], "deal": ["Karel"], "client": ["Jana"]}, with_clients=True)
    assert office.holders(work) == {"contact": "Jana", "deal": "Karel", "task": "Eva"}


def test_by_kind_every_kind_that_goes_over_needs_a_person(office: Office) -> None:
    assert refusal(office, rule="kind", takers={"task": ["Eva"]}) == {"taker-deal": "Choose who takes over."}
    both = refusal(office, rule="kind", takers={"task": ["Eva"]}, with_clients=True)
    assert set(both) == {"taker-deal", "taker-client"}


def test_a_leaving_member_is_deactivated_and_the_clients_go_over(office: Office) -> None:
    work = office.work()
    absence = office.away(reason="left", takers={"all": ["Eva"]})
    assert office.holders(work) == {"contact": "Eva", "deal": "Eva", "task": "Eva"}
    assert office.shop.rows("select state from member where id = :id", id=office.ids["Petr"])[0].state == "left"
    assert office.state(absence) == "away"


def test_what_happens_is_what_the_preview_said(office: Office) -> None:
    for _number in range(5):
        office.work()
    office.tasks(7)
    absence = office.draft(rule="several", takers={"all": ["Eva", "Karel"]}, with_clients=True)
    before = versions(office)
    plan = planned(office, absence)
    assert versions(office) == before
    office.confirm(absence, plan.mark)
    office.move(absence)
    happened = {(row.record_id, row.to_id) for row in office.shop.rows("select * from handover where state = 'taken'")}
    assert happened == {(one.id, to_id) for one, to_id in plan.given}
    for one, to_id in plan.given:
        assert office.ids[office.holder(one.kind, one.id)] == to_id


def versions(office: Office) -> list[Any]:
    return office.shop.rows(
        "select id, version from task union all select id, version from deal union all select id, version from contact "
        "order by id"
    )


def test_a_preview_that_has_changed_is_not_confirmed(office: Office) -> None:
    absence = office.draft(takers={"all": ["Eva"]})
    plan = planned(office, absence)
    office.work()
    with pytest.raises(Conflict):
        office.confirm(absence, plan.mark)
    assert office.state(absence) == "draft"
    assert office.shop.rows("select 1 from handover") == []


def test_two_thousand_records_and_a_killed_job_started_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.tasks(2_000)
    absence = office.draft(rule="several", takers={"all": ["Eva", "Karel"]})
    plan = planned(office, absence)
    office.confirm(absence)
    work_id = work_of(office.shop)
    step, steps = moving.take_over, []

    def killing(actor: Any, found: Absence) -> bool:
        more = step(actor, found)
        steps.append(1)
        if len(steps) == 4:
            raise Killed
        return more

    with monkeypatch.context() as patch:
        patch.setattr(moving, "take_over", killing)
        with pytest.raises(Killed):
            jobs.deliver(work_id)
    assert office.has("Petr") == 2_000 - 3 * moving.STEP
    jobs.deliver(work_id)  # the lease still holds: nobody may go on yet
    assert office.has("Petr") == 2_000 - 3 * moving.STEP
    with database().controlling() as control:
        ended = "update bus.outbox set lease_until = now() - interval '1 s' where id = :id"
        control.execute(text(ended), {"id": work_id})
    jobs.deliver(work_id)
    assert {name: office.has(name) for name in ("Petr", "Eva", "Karel")} == {"Petr": 0, "Eva": 1_000, "Karel": 1_000}
    happened = {(row.record_id, row.to_id) for row in office.shop.rows("select * from handover where state = 'taken'")}
    assert happened == {(one.id, to_id) for one, to_id in plan.given}
    events = office.shop.rows("select record_id from event where action = 'absence.take_over' and kind = 'task'")
    assert len(events) == len({row.record_id for row in events}) == 2_000
    assert office.state(absence) == "away"
    office.move(absence)  # once more does nothing
    assert len(office.shop.rows("select 1 from event where action = 'absence.take_over' and kind = 'task'")) == 2_000


def work_of(shop: Shop) -> int:
    with database().controlling() as control:
        query = "select id from bus.outbox where role = :role and payload->>'job' = 'absence.move'"
        return int(control.execute(text(query), {"role": shop.workspace.role}).scalar_one())


def test_two_workers_at_once_move_each_record_once(office: Office) -> None:
    office.tasks(450)
    absence = office.confirm(office.draft(takers={"all": ["Eva"]}))
    both = [threading.Thread(target=office.move, args=(absence,)) for _number in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert (office.has("Petr"), office.has("Eva")) == (0, 450)
    assert len(office.shop.rows("select 1 from event where action = 'absence.take_over' and kind = 'task'")) == 450


def test_a_worker_that_lost_its_lease_stores_nothing(office: Office) -> None:
    office.tasks(3)
    absence = office.confirm(office.draft(takers={"all": ["Eva"]}))
    moving.move(office.place(ours=False), str(absence.id), str(office.ids["Jana"]))
    assert (office.has("Petr"), office.state(absence)) == (3, "taking")


def test_two_who_confirm_at_once_decide_once(office: Office) -> None:
    office.tasks(3)
    absence = office.draft(takers={"all": ["Eva"]})
    outcomes: list[str] = []

    def decide() -> None:
        try:
            office.confirm(absence)
            outcomes.append("confirmed")
        except Busy:
            outcomes.append("busy")

    both = [threading.Thread(target=decide) for _number in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(outcomes) == ["busy", "confirmed"]


def test_nobody_is_away_twice_on_the_same_days(office: Office) -> None:
    office.away(takers={"all": ["Eva"]})
    second = office.draft(takers={"all": ["Karel"]})
    with pytest.raises(Busy):
        office.confirm(second)
    assert office.state(second) == "draft"


def test_somebody_who_is_away_takes_nothing_over(office: Office) -> None:
    office.away(takers={"all": ["Eva"]})
    assert refusal(office, who="Karel", takers={"all": ["Petr"]}) == {
        "taker": "Petr Malý is away then. Choose somebody else."
    }


def test_who_takes_over_must_work_here_and_be_somebody_else(office: Office) -> None:
    with office.shop.acting() as actor:
        staff.leave(actor, staff.OneMember(id=office.ids["Karel"]))
    assert set(refusal(office, takers={"all": ["Karel"]})) == {"taker"}
    assert set(refusal(office, takers={"all": ["Petr"]})) == {"taker"}
    assert set(refusal(office, takers={})) == {"taker"}
    assert set(refusal(office, takers={"all": ["Eva"]}, ends_on=office.day(-1))) == {"ends_on"}


def test_a_taker_who_left_after_the_draft_stops_the_confirmation(office: Office) -> None:
    office.tasks(2)
    absence = office.draft(takers={"all": ["Eva"]})
    with office.shop.acting() as actor:
        staff.leave(actor, staff.OneMember(id=office.ids["Eva"]))
    with pytest.raises(Invalid):
        office.confirm(absence)
    assert (office.state(absence), office.has("Petr")) == ("draft", 2)


@pytest.mark.parametrize("role", ["sales", "head", "field", "reader"])
def test_only_those_who_manage_people_decide(shop: Shop, role: str) -> None:
    office = Office.of(shop)
    office.join("Ota Cizí", role)
    office.tasks(2)
    with pytest.raises(Forbidden):
        office.draft(by="Ota", takers={"all": ["Eva"]})
    absence = office.draft(takers={"all": ["Eva"]})
    with pytest.raises(Forbidden):
        office.confirm(absence, by="Ota")
    assert (office.state(absence), office.has("Petr")) == ("draft", 2)


def test_what_the_one_who_decides_may_not_give_stays_and_is_counted(office: Office) -> None:
    """Who manages people, but may give only their own work to others."""
    office.work()
    own = office.work("Karel")
    narrow(office, "Karel")
    absence = office.draft(by="Karel", takers={"all": ["Eva"]})
    with office.shop.acting(office.identities["Karel"]) as actor:
        plan = plan_of(actor, actor.find(Absence, absence.id))
    assert (plan.given, plan.beyond) == ([], {"deal": 1, "task": 1})
    office.confirm(absence, by="Karel")
    office.move(absence, by="Karel")
    assert office.has("Petr") == 1
    assert office.holders(own) == {"contact": "Karel", "deal": "Karel", "task": "Karel"}


def narrow(office: Office, who: str) -> None:
    """A role that manages members and gives only its own records to others."""
    with office.shop.acting() as actor:
        own = {kind: {"view": "all", "assign": "own"} for kind in ("contact", "company", "deal", "task")}
        role = roles.create(actor, roles.create.parse({"name": "Office", "matrix": own, "special": ["members"]}))
        staff.give_role(actor, staff.give_role.parse({"id": office.ids[who], "role_id": role.id}))


def test_rights_lost_while_it_runs_stop_it_and_another_goes_on(office: Office) -> None:
    office.join("Adam Správce", "admin")
    office.tasks(3)
    absence = office.draft(by="Adam", takers={"all": ["Eva"]})
    office.confirm(absence, by="Adam")
    with office.shop.acting() as actor:
        reader = actor.db.execute(text("select id from role where key = 'reader'")).scalar_one()
        staff.give_role(actor, staff.give_role.parse({"id": office.ids["Adam"], "role_id": reader}))
    office.move(absence, by="Adam")
    assert office.has("Petr") == 3
    assert office.shop.rows("select error from absence")[0].error == "forbidden"
    with office.shop.acting() as actor:
        actions.go_on(actor, actions.OneAbsence(id=absence.id))
    office.move(absence)
    assert (office.has("Petr"), office.has("Eva"), office.state(absence)) == (0, 3, "away")


def test_the_timeline_says_who_took_over_and_why(office: Office) -> None:
    work = office.work()
    absence = office.away(takers={"all": ["Eva"]}, with_clients=True, ends_on=office.day(0))
    lines = told(office, work)
    assert "Eva Nová took over from Petr Malý (ill until today) · Jana Dvořáková" in lines
    assert "Windows: Eva Nová took over from Petr Malý (ill until today) · Jana Dvořáková" in lines
    assert "Write the quote: Eva Nová took over from Petr Malý (ill until today) · Jana Dvořáková" in lines
    office.end(absence)
    assert "Petr Malý has it back from Eva Nová · Jana Dvořáková" in told(office, work)


def test_of_one_who_left_the_timeline_says_so(office: Office) -> None:
    work = office.work()
    office.away(reason="left", takers={"all": ["Eva"]})
    assert "Eva Nová took over from Petr Malý (left) · Jana Dvořáková" in told(office, work)


def told(office: Office, work: dict[str, Any]) -> list[str]:
    with office.shop.acting() as actor:
        g.actor = actor  # as a page has it: days are those of the member's zone
        feed = timeline_of(actor, contact=actor.find(Contact, work["contact"]))
    return [re.sub(r"<[^>]*>", "", str(entry.line)) for _day, entries in feed.days for entry in entries]


def test_versions_rise_so_that_an_open_form_meets_the_change(office: Office) -> None:
    work = office.work()
    with office.shop.acting() as actor:
        member = actor.find(Member, office.ids["Petr"])
        assert member.state == "active"
    office.away(takers={"all": ["Eva"]})
    with office.shop.acting() as actor, pytest.raises(Conflict):
        tasks.assign(actor, tasks.AssignedTask(id=work["task"], version=1, assignee_id=office.ids["Karel"]))
