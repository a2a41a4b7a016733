"""The pages of an absence: the form, the preview, the report, the briefing, and the words on Today and on cards."""

import re
from typing import Any

import pytest

from crm.absences.briefing import briefing_of
from crm.tasks import actions as tasks
from crm.timeline import actions as notes
from tests.crm.absences.office import Office
from tests.crm.people import HARMFUL, RUNNING, Desk
from tests.shop import Shop


@pytest.fixture
def office(shop: Shop) -> Office:
    return Office.of(shop)


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk.of(office.shop)


def form(office: Office, **said: Any) -> dict[str, Any]:
    given = {"member_id": office.ids["Petr"], "reason": "ill", "starts_on": office.day(0), "ends_on": office.day(7)}
    return {**given, "rule": "one", "taker": office.ids["Eva"], **said}


def made(desk: Desk, office: Office, **said: Any) -> str:
    """The path of a fresh draft."""
    answer = desk.send("/people/absences/", **form(office, **said))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"].removeprefix(office.shop.path(""))


def test_from_the_form_over_the_preview_to_the_report_and_back(desk: Desk, office: Office) -> None:
    work = office.work()
    path = made(desk, office)
    page = desk.page(path)
    assert "Nothing is changed yet." in page
    assert "1 deal, 1 task" in page
    assert office.holders(work) == {"contact": "Petr", "deal": "Petr", "task": "Petr"}
    mark = page.split('name="plan" value="')[1].split('"')[0]
    assert desk.send(f"{path}/confirm", plan=mark).status_code == 303
    assert "Taking over from Petr Malý" in desk.page(path)
    absence = office.shop.rows("select id from absence")[0]
    office.move(absence)
    assert "2 records were taken over" in desk.page(path)
    with office.shop.acting() as actor:
        tasks.done(actor, tasks.OneTask(id=work["task"]))
    assert desk.send(f"{path}/end").status_code == 303
    office.move(absence)
    page = desk.page(path)
    assert "Back at work: Petr Malý" in page
    assert "1 record came back." in page
    assert "1 stays as it is, finished meanwhile." in page


def test_a_preview_that_changed_is_shown_again(desk: Desk, office: Office) -> None:
    path = made(desk, office)
    mark = desk.page(path).split('name="plan" value="')[1].split('"')[0]
    office.work()
    answer = desk.send(f"{path}/confirm", plan=mark)
    assert answer.status_code == 412
    assert "This has changed since you looked." in answer.get_data(as_text=True)
    assert office.shop.rows("select state from absence")[0].state == "draft"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"taker": ""}, "taker"),
        ({"rule": "several"}, "takers"),
        ({"rule": "kind"}, "taker-deal"),
        ({"member_id": ""}, "member_id"),
        ({"ends_on": ""}, "ends_on"),
        ({"starts_on": "soon"}, "starts_on"),
        ({"taker": "somebody"}, "taker"),
        ({"reason": "tired"}, "reason"),
        ({"rule": "luck"}, "rule"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(desk: Desk, office: Office, said: Any, field: str) -> None:
    answer = desk.send("/people/absences/", **form(office, **said))
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert f'id="{field}-error"' in page
    assert f'value="{office.day(0)}"' in page or "starts_on" in said
    assert office.shop.rows("select 1 from absence") == []


def test_a_form_without_its_fields_is_refused(desk: Desk, office: Office) -> None:
    assert desk.send("/people/absences/").status_code == 422
    assert office.shop.rows("select 1 from absence") == []


def test_several_and_kinds_come_back_to_the_form_as_they_were_chosen(desk: Desk, office: Office) -> None:
    both = [str(office.ids[name]) for name in ("Eva", "Karel")]
    page = desk.page(f"{made(desk, office, rule='several', takers=both)}/edit")
    assert re.findall(r"checked><span>([^<]*)<", page)[:4] == ["Ill", "Several evenly", "Eva Nová", "Karel Král"]
    kinds = {"taker-deal": both[0], "taker-task": both[1], "taker-client": both[1], "with_clients": "1"}
    path = made(desk, office, rule="kind", **kinds)
    page = desk.page(f"{path}/edit")
    assert page.count("selected>Karel Král") == 2
    assert desk.send(f"{path}/edit", **form(office)).status_code == 303
    assert office.shop.rows("select rule from absence order by id desc limit 1")[0].rule == "one"


def test_the_list_says_who_is_away(desk: Desk, office: Office) -> None:
    assert "Nobody's clients are forgotten" in desk.page("/people/absences/")
    office.away(takers={"all": ["Eva"]})
    page = desk.page("/people/absences/")
    assert "Petr Malý" in page
    assert "Taken over" in page


def test_a_draft_can_be_thrown_away(desk: Desk, office: Office) -> None:
    path = made(desk, office)
    assert desk.send(f"{path}/delete").status_code == 303
    assert desk.get(path).status_code == 404


def test_sales_people_have_no_such_pages_but_their_own_briefing(office: Office) -> None:
    office.work()
    absence = office.away(takers={"all": ["Eva"]})
    eva, karel = (Desk.of(office.shop, office.identities[name]) for name in ("Eva", "Karel"))
    for path in ("", "new"):
        assert eva.get(f"/people/absences/{path}").status_code == 403
    assert eva.get(f"/people/absences/{absence.id}").status_code == 404
    assert eva.get(f"/people/absences/{absence.id}/briefing").status_code == 200
    assert karel.get(f"/people/absences/{absence.id}/briefing").status_code == 404


def test_the_briefing_tells_of_each_client_what_one_must_know(office: Office) -> None:
    work = office.work(phones=[{"number": "602 114 873"}], addresses=[{"city": "Brno"}])
    with office.shop.acting() as actor:
        said = {"contact_id": work["contact"], "form": "call", "text": "She wants oak frames.", "result": "answered"}
        notes.create(actor, notes.create.parse(said))
    absence = office.away(takers={"all": ["Eva"]}, with_clients=True)
    eva = Desk.of(office.shop, office.identities["Eva"])
    page = eva.page(f"/people/absences/{absence.id}/briefing")
    for told in ("Jan", "602 114 873", "Brno", "She wants oak frames.", "Windows", "CZK\N{NO-BREAK SPACE}1,000",
                 "New request", "Next: Write the quote", "Taken over from Petr Malý"):  # fmt: skip
        assert told in page, told


def test_a_company_is_one_client_with_its_people(office: Office) -> None:
    company = office.company("Penzion U Lip")
    office.work(company_id=company, last_name="První")
    office.work(company_id=company, last_name="Druhý")
    office.work(last_name="Soukromý")
    absence = office.away(takers={"all": ["Eva"]}, with_clients=True)
    with office.shop.acting(office.identities["Eva"]) as actor:
        found = briefing_of(actor, absence.id)
        by_name = {client.name: client for client in found.clients}
        assert by_name.keys() == {"Penzion U Lip", "Jan Soukromý"}
        assert len(by_name["Penzion U Lip"].deals) == len(by_name["Penzion U Lip"].promises) == 2
        assert {person.name for person in by_name["Penzion U Lip"].people} == {"Jan První", "Jan Druhý"}
        one = briefing_of(actor, absence.id, company)
    assert [client.id for client in one.clients] == [company]


def test_a_task_about_no_client_is_briefed_by_itself(office: Office) -> None:
    office.tasks(1)
    absence = office.away(takers={"all": ["Eva"]})
    page = Desk.of(office.shop, office.identities["Eva"]).page(f"/people/absences/{absence.id}/briefing")
    assert "Task 1" in page
    assert "No client is named" in page


def test_today_and_the_cards_tell_of_it_and_lead_to_the_briefing(office: Office) -> None:
    work = office.work()
    absence = office.away(takers={"all": ["Eva"]}, ends_on=office.day(0))
    eva, karel = (Desk.of(office.shop, office.identities[name]) for name in ("Eva", "Karel"))
    assert "Taken over from Petr Malý: 1 client" in eva.page("/today")
    assert "Taken over from" not in karel.page("/today")
    for path in (f"/contacts/{work['contact']}", f"/deals/{work['deal']}"):
        page = eva.page(path)
        assert "Eva Nová took over from Petr Malý (ill until today)" in page
        assert f"/people/absences/{absence.id}/briefing?client={work['contact']}" in page
        page = karel.page(path)
        assert "Eva Nová took over from Petr Malý (ill until today)" in page
        assert "/briefing" not in page
    office.end(absence)
    assert "Taken over from" not in eva.page("/today")


def test_choices_and_faces_say_who_is_away(desk: Desk, office: Office) -> None:
    office.away(takers={"all": ["Eva"]}, ends_on=office.day(0))
    work = office.work()
    for path in ("/tasks/new", "/deals/new", "/contacts/new", "/companies/new"):
        assert "Petr Malý (away until today)" in desk.page(path), path
    for path in ("/contacts/", "/deals/", "/deals/?view=list", "/tasks/?who=all"):
        assert "Petr Malý, away" in desk.page(path), path
    assert "Eva Nová, away" not in desk.page("/deals/")
    assert work


@pytest.mark.parametrize("hostile", RUNNING)
def test_hostile_words_are_only_words(office: Office, desk: Desk, hostile: str) -> None:
    office.join(hostile[:60])
    office.ids["Ola"], office.identities["Ola"] = (
        office.ids[hostile[:60].split(maxsplit=1)[0]],
        office.identities[hostile[:60].split(maxsplit=1)[0]],
    )
    work = office.work("Ola", last_name=hostile)
    with office.shop.acting() as actor:
        notes.create(actor, notes.create.parse({"contact_id": work["contact"], "text": hostile}))
    absence = office.away("Ola", takers={"all": ["Jana"]}, with_clients=True)
    for path in ("", f"{absence.id}", f"{absence.id}/briefing"):
        page = desk.page(f"/people/absences/{path}")
        assert not [harm for harm in HARMFUL if harm in page]
    for path in ("/today", f"/contacts/{work['contact']}", "/tasks/new"):
        page = desk.page(path)
        assert not [harm for harm in HARMFUL if harm in page]


def test_a_briefing_has_pages(office: Office, desk: Desk) -> None:
    office.tasks(45)
    absence = office.away(takers={"all": ["Jana"]})
    first, last = (desk.page(f"/people/absences/{absence.id}/briefing?page={number}") for number in (0, 2))
    assert (first.count("client-brief"), last.count("client-brief")) == (20, 5)
    assert "page=1" in first
