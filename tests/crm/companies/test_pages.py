"""The companies' pages: list, card with people, form, facts in place."""

import re

import pytest

from crm.companies import actions
from crm.timeline import actions as notes
from tests.crm.people import Desk, company, contact
from tests.shop import Shop


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk.of(shop)


def test_an_empty_list_says_what_it_is_for(desk: Desk) -> None:
    assert "The firms you work with" in desk.page("/companies/")


def test_the_list_counts_the_people_one_may_see(desk: Desk) -> None:
    firm = company(desk.shop, name="Stavby Krejčí")
    contact(desk.shop, company_id=firm.id)
    gone = contact(desk.shop, company_id=firm.id)
    Desk.of(desk.shop).send(f"/contacts/{gone.id}/delete")
    page = desk.page("/companies/")
    assert "Stavby Krejčí" in page
    assert '<td class="num rank-3">1</td>' in page


def test_the_card_has_people_and_what_was_said_with_them(desk: Desk) -> None:
    firm = company(desk.shop, name="Stavby Krejčí", website="krejci.cz")
    person = contact(desk.shop, last_name="Chládek", company_id=firm.id)
    with desk.shop.acting() as actor:
        notes.create(actor, notes.create.parse({"contact_id": person.id, "text": "Wants oak"}))
    page = desk.page(f"/companies/{firm.id}")
    assert f'href="{desk.shop.path(f"/contacts/{person.id}")}"' in page
    assert "Wants oak" in page
    assert 'rel="noopener noreferrer nofollow"' in page


def test_a_wrong_registration_number_is_said_beside_its_field(desk: Desk) -> None:
    answer = desk.send("/companies/", name="Krejčí", reg_no="25596642")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert re.search(r'id="reg_no"[^>]*value="25596642"[^>]*aria-describedby="reg_no-error"', page)
    assert desk.shop.rows("select 1 from company") == []


def test_two_people_at_one_company_see_both_values(desk: Desk) -> None:
    firm = company(desk.shop, name="Krejčí")
    with desk.shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": firm.id, "name": "Krejčí a syn"}))
    answer = desk.send(f"/companies/{firm.id}/edit", name="Krejčí s.r.o.", version="1")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 412
    assert "Saved by somebody else meanwhile: Krejčí a syn" in page
    assert 'value="Krejčí s.r.o."' in page


def test_one_fact_is_changed_in_its_place(desk: Desk) -> None:
    firm = company(desk.shop)
    assert desk.send(f"/companies/{firm.id}/facts/reg_no", reg_no="255 96 641", version="1").status_code == 303
    assert desk.shop.rows("select reg_no from company")[0].reg_no == "25596641"
    assert desk.send(f"/companies/{firm.id}/facts/website", website="javascript:x.y", version="2").status_code == 422


def test_deleted_and_back_with_its_people(desk: Desk) -> None:
    firm = company(desk.shop, name="Krejčí")
    person = contact(desk.shop, company_id=firm.id)
    desk.send(f"/companies/{firm.id}/delete")
    assert desk.get(f"/companies/{firm.id}").status_code == 410
    card = desk.page(f"/contacts/{person.id}")
    assert "Krejčí" not in card.split('id="company"')[1].split("</div>")[0]
    desk.send(f"/companies/{firm.id}/restore")
    assert "Krejčí" in desk.page(f"/contacts/{person.id}")


def test_a_picker_is_offered_what_matches(desk: Desk, other: Shop) -> None:
    firm = company(desk.shop, name="Stavby Krejčí")
    company(other, name="Stavby Cizí")
    assert desk.get("/companies/options?q=stavby").get_json() == [
        {"value": str(firm.id), "text": "Stavby Krejčí", "sub": ""}
    ]


def test_a_field_worker_sees_only_their_own(desk: Desk) -> None:
    firm = company(desk.shop, name="Krejčí")
    worker = Desk.of(desk.shop, desk.shop.member("field"))
    assert worker.get(f"/companies/{firm.id}").status_code == 404
    assert "Krejčí" not in worker.page("/companies/")
    assert worker.get("/companies/options?q=kre").get_json() == []
