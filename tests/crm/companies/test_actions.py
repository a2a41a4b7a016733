"""What a company may be: its name, its Czech registration number, its website."""

import pytest

from core.errors import Invalid
from crm.companies import actions
from tests.crm.people import company
from tests.shop import Shop


@pytest.mark.parametrize(
    ("typed", "stored"), [("25596641", "25596641"), (" 255 96 641 ", "25596641"), ("27074358", "27074358"), ("", "")]
)
def test_a_czech_registration_number_is_checked(shop: Shop, typed: str, stored: str) -> None:
    assert company(shop, reg_no=typed).reg_no == stored


@pytest.mark.parametrize("typed", ["25596642", "123", "ABCDEFGH", "255966410", "٢٥٥٩٦٦٤١"])
def test_a_mistyped_one_is_refused_beside_its_field(shop: Shop, typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        company(shop, reg_no=typed)
    assert [name for name, _message in refusal.value.fields] == ["reg_no"]
    assert shop.rows("select 1 from company") == []


def test_a_foreign_number_is_taken_as_it_is(shop: Shop) -> None:
    assert company(shop, reg_no="HRB 12345", addresses=[{"city": "Wien", "country": "Austria"}]).reg_no == "HRB12345"
    with pytest.raises(Invalid):
        company(shop, reg_no="HRB 12345", addresses=[{"city": "Brno", "country": "Česko"}])


def test_a_number_is_checked_again_when_the_firm_moves_home(shop: Shop) -> None:
    made = company(shop, reg_no="HRB1", addresses=[{"country": "Austria"}])
    with shop.acting() as actor:
        actions.change(actor, actions.change.parse({"id": made.id, "name": "Other"}))
        with pytest.raises(Invalid):
            actions.change(actor, actions.change.parse({"id": made.id, "addresses": []}))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("horak.cz", "https://horak.cz"),
        ("http://horak.cz/okna?a=1", "http://horak.cz/okna?a=1"),
        ("horak.cz:8080", "https://horak.cz:8080"),
        ("", ""),
    ],
)
def test_a_website_gets_its_scheme(shop: Shop, typed: str, stored: str) -> None:
    assert company(shop, website=typed).website == stored


@pytest.mark.parametrize(
    "typed",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//a.b",
        "data:text/html,x.y",
        "vbscript:x.y",
        "horak",
        "https://",
        "a b.cz",
    ],
)
def test_what_is_no_website_is_refused(shop: Shop, typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        company(shop, website=typed)
    assert [name for name, _message in refusal.value.fields] == ["website"]


def test_a_company_needs_a_name(shop: Shop) -> None:
    with pytest.raises(Invalid) as refusal:
        company(shop, name="  ")
    assert [name for name, _message in refusal.value.fields] == ["name"]


def test_the_api_makes_lists_changes_and_deletes(shop: Shop) -> None:
    api = shop.api()
    made = api.post("/companies", {"name": "Čapek", "reg_no": "25596641", "labels": ["builder"]})
    assert made.status_code == 201
    body = made.get_json()
    for name in ("Cihelna", "Dvořák", "Chalupa", "Horák"):
        api.post("/companies", {"name": name})
    assert api.get("/companies?reg_no=25596641").get_json()["data"] == [body]
    assert api.patch(f"/companies/{body['id']}", {"name": "Čapek a syn"}, 1).get_json()["name"] == "Čapek a syn"
    assert api.patch(f"/companies/{body['id']}", {"name": "X"}, 1).status_code == 412
    assert api.get("/companies?q=capek").get_json()["data"][0]["id"] == body["id"]
    assert api.delete(f"/companies/{body['id']}").status_code == 204
    assert api.get(f"/companies/{body['id']}").status_code == 404
    assert api.post(f"/companies/{body['id']}/restore").status_code == 200
