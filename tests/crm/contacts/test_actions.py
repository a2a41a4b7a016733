"""What a contact may be, how it is stored, and by what letters it sorts."""

from typing import Any

import pytest

from core.errors import Forbidden, Invalid
from crm.contacts import actions
from tests.crm.people import company, contact
from tests.shop import Shop


@pytest.mark.parametrize(
    ("typed", "stored", "valid"),
    [
        ("602 114 873", "+420602114873", True),
        ("+420602114873", "+420602114873", True),
        ("00420 602-114-873", "+420602114873", True),
        ("(602) 114 873", "+420602114873", True),
        ("+49 30 901820", "+4930901820", True),
        ("linka 12, Nováková", "linka 12, Nováková", False),
        ("12", "12", False),
    ],
)
def test_a_phone_is_stored_in_one_format_or_as_typed(shop: Shop, typed: str, stored: str, valid: bool) -> None:
    made = contact(shop, phones=[{"number": typed}])
    assert made.phones == [{"kind": "mobile", "number": stored, "valid": valid}]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"first_name": ""}, ""),
        ({"emails": [{"address": "jan@"}]}, "emails.0.address"),
        ({"emails": [{"address": "jan@example.com"}, {"address": "x"}]}, "emails.1.address"),
        ({"first_name": "x" * 201}, "first_name"),
        ({"about": "x" * 10_001}, "about"),
        ({"labels": [""]}, "labels.0"),
        ({"last_name": "No\0vák"}, "last_name"),
        ({"company_id": "01900000-0000-7000-8000-000000000000"}, "company_id"),
        ({"nick": "Honza"}, "nick"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(shop: Shop, values: dict[str, Any], field: str) -> None:
    with shop.acting() as actor, pytest.raises(Invalid) as refusal:
        actions.create(actor, actions.create.parse({"first_name": "Jan", **values}))
    assert [name for name, _message in refusal.value.fields] == [field]
    assert shop.rows("select 1 from contact") == []


def test_unchanged_values_ask_no_right_and_make_no_event(shop: Shop) -> None:
    made = contact(shop, company_id=company(shop).id)
    values = {"id": made.id, "owner_id": made.owner_id, "company_id": made.company_id, "first_name": "Jan"}
    with shop.acting(shop.member("head")) as colleague:
        actions.change(colleague, actions.change.parse(values))
    assert [row.action for row in shop.rows("select action from event where kind = 'contact'")] == ["contact.create"]


def test_only_who_may_assign_gives_a_contact_away(shop: Shop) -> None:
    field_worker = shop.member("field")
    with shop.acting(field_worker) as worker:
        made = actions.create(worker, actions.create.parse({"first_name": "Jan"}))
        owner = made.owner_id
        other = shop.rows("select id from member where id <> :me", me=owner)[0].id
        with pytest.raises(Forbidden):
            actions.change(worker, actions.change.parse({"id": made.id, "owner_id": other}))
    assert shop.rows("select owner_id from contact")[0].owner_id == owner


def test_names_sort_as_a_czech_register_does(app: Any) -> None:
    from tests.shop import open_shop

    with app.test_request_context("/"):
        czech = open_shop(app, language="cs")
    for name in ("Chládek", "Horák", "Černý", "Cibulka", "Ibl", "Ďurica", "Dvořák"):
        contact(czech, last_name=name)
    api = czech.api().get("/contacts?sort=name").get_json()["data"]
    assert [row["last_name"] for row in api] == ["Cibulka", "Černý", "Ďurica", "Dvořák", "Horák", "Chládek", "Ibl"]
    page = czech.browser().get(czech.path("/contacts/?sort=name")).get_data(as_text=True)
    places = [page.index(f"Jan {row['last_name']}</a>") for row in api]
    assert places == sorted(places)
