"""Web forms that ask for a business's own fields: what a client says comes into the records, and is lost nowhere."""

import re
from html import unescape
from typing import Any

import pytest
from sqlalchemy import text

from core.errors import Invalid
from crm.fields import actions as fields
from crm.forms import actions as forms
from crm.forms.models import Form
from crm.requests import opening as requests
from tenants import roles, staff
from tenants.models import Member
from tests.crm.fields.test_fields import MATERIALS, add
from tests.crm.forms.client import Client
from tests.crm.people import Desk, contact
from tests.crm.requests.house import form, work
from tests.shop import Shop

ASKED = ("deal.windows", "deal.survey", "deal.material", "deal.rooms", "deal.scaffold", "contact.allergies")


@pytest.fixture
def made(shop: Shop) -> Form:
    with shop.acting() as actor:
        add(actor, "Windows", "number")
        add(actor, "Survey", "day")
        add(actor, "Material", "choice", options=MATERIALS)
        add(actor, "Rooms", "choices", options=["Kitchen", "Hall", "Attic, west"])
        add(actor, "Scaffold", "yes")
        add(actor, "Allergies", "lines", "contact")
    own = [{"kind": "own", "of": of, "id": f"q-{of.partition('.')[2]}"} for of in ASKED]
    pipeline = shop.rows("select id from pipeline")[0].id
    return form(shop, fields=[{"kind": "name"}, {"kind": "email"}, *own], pipeline_id=pipeline)


SAID: dict[str, Any] = {
    "name": "Jan Novák", "email": "jan@example.com", "q-windows": "6", "q-survey": "2026-12-24", "q-material": "Wood",
    "q-rooms": ["Hall", "Attic, west"], "q-scaffold": "yes", "q-allergies": "dust\r\nand cats",
}  # fmt: skip
OF_DEAL = {"windows": 6, "survey": "2026-12-24", "material": "Wood", "rooms": ["Hall", "Attic, west"], "scaffold": True}


def remove(shop: Shop, key: str) -> None:
    with shop.acting() as actor:
        found = shop.rows("select id from field where key = :key", key=key)[0].id
        fields.delete(actor, fields.OneField(id=found))


def test_what_a_client_says_in_own_fields_comes_into_the_contact_and_the_deal(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    page = client.open().get_data(as_text=True)
    assert re.search(r'<input type="text" id="q-windows"[^>]* inputmode="decimal"', page)
    assert re.search(r'<input type="date" id="q-survey"', page)
    assert "<option>Aluminium</option>" in page
    assert 'type="checkbox" name="q-rooms" value="Attic, west"' in page
    assert ">Scaffold</span>" in page
    assert client.send(**SAID).status_code == 303
    work(shop)
    assert shop.rows("select custom from deal")[0].custom == OF_DEAL
    assert shop.rows("select custom from contact")[0].custom == {"allergies": "dust\nand cats"}
    assert shop.rows("select answers from request")[0].answers == []


def test_what_cannot_be_read_is_told_beside_its_field_with_all_the_rest_kept(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    answer = client.send(**{**SAID, "q-windows": "many", "q-survey": "soon"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert re.search(r'id="q-windows-error">Write a number', page)
    assert 'id="q-survey-error"' in page
    assert re.search(r'value="Attic, west" checked', page)
    assert "dust" in page
    assert shop.rows("select 1 from request") == []


def test_an_option_or_a_field_that_is_gone_when_it_is_sent_becomes_an_answer(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    token = client.token()
    remove(shop, "windows")
    with shop.acting() as actor:
        material = shop.rows("select id from field where key = 'material'")[0].id
        fields.change(actor, fields.change.parse({"id": material, "options": ["Plastic", "Aluminium"]}))
    assert client.send(token, **SAID).status_code == 303
    work(shop)
    deal = shop.rows("select custom, about from deal")[0]
    assert deal.custom == {key: OF_DEAL[key] for key in ("survey", "rooms", "scaffold")}
    said = [{"label": "Windows", "value": "6"}, {"label": "Material", "value": "Wood"}]
    assert shop.rows("select answers from request")[0].answers == said
    assert deal.about == "Windows: 6\nMaterial: Wood"
    assert client.open().status_code == 200


def test_what_no_longer_fits_when_it_is_converted_stays_readable(shop: Shop, made: Form) -> None:
    with shop.acting() as actor:
        forms.change(actor, forms.change.parse({"id": made.id, "opens": False}))
    assert Client.of(shop, made).send(**SAID).status_code == 303
    work(shop)
    found = shop.rows("select id, fields from request")[0]
    desk = Desk.of(shop)
    page = unescape(desk.page(f"/requests/{found.id}"))
    for words in ("Allergies", "and cats", "Hall, Attic, west", "Dec 24, 2026"):
        assert words in page, words
    remove(shop, "windows")
    given = {"first_name": "Jan", "last_name": "Novák", "email": "jan@example.com", "deal": "1", "deal_name": "Windows"}
    assert desk.send(f"/requests/{found.id}/convert", **given).status_code == 303
    assert shop.rows("select custom from deal")[0].custom == {k: v for k, v in OF_DEAL.items() if k != "windows"}
    assert shop.rows("select custom from contact")[0].custom == {"allergies": "dust\nand cats"}
    assert shop.rows("select answers from request")[0].answers == [{"label": "Windows", "value": "6"}]
    assert "Windows" in desk.page(f"/requests/{found.id}")


def test_a_contact_that_is_known_stays_as_it_is_and_what_was_said_stays_an_answer(shop: Shop, made: Form) -> None:
    contact(shop, emails=[{"address": "jan@example.com"}], custom={"allergies": "none"})
    assert Client.of(shop, made).send(**SAID).status_code == 303
    work(shop)
    assert [row.custom for row in shop.rows("select custom from contact")] == [{"allergies": "none"}]
    assert shop.rows("select answers from request")[0].answers == [{"label": "Allergies", "value": "dust\nand cats"}]
    assert shop.rows("select about from deal")[0].about == "Allergies: dust\nand cats"


def test_who_may_not_change_own_fields_converts_and_they_stay_with_the_request(shop: Shop, made: Form) -> None:
    with shop.acting() as actor:
        forms.change(actor, forms.change.parse({"id": made.id, "opens": False}))
    assert Client.of(shop, made).send(**SAID).status_code == 303
    work(shop)
    hidden = '{"deal": {"custom": "hidden"}, "contact": {"custom": "readonly"}}'
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update role set fields = cast(:hidden as jsonb) where key = 'sales'"), {"hidden": hidden})
    found = shop.rows("select id, fields from request")[0]
    api = shop.api(shop.member("sales"))
    answer = api.post(f"/requests/{found.id}/convert", {"first_name": "Jan", "email": "jan@example.com"})
    assert answer.status_code == 200, answer.json
    assert {str(row.custom) for row in shop.rows("select custom from deal union select custom from contact")} == {"{}"}
    assert shop.rows("select fields from request")[0].fields == found.fields


def test_nobody_reads_by_converting_what_is_hidden_from_them(shop: Shop, made: Form) -> None:
    seller = shop.member("sales", "Petr Novotný")
    with shop.acting() as owner:
        matrix = {kind: dict.fromkeys(verbs, "all") for kind, verbs in roles.matrix_of({}).items()}
        wish = {"name": "Blind", "matrix": matrix, "special": [], "fields": {"contact": {"custom": "hidden"}}}
        role = roles.create(owner, roles.create.parse(wish))
        member = owner.db.query(Member).filter(Member.identity_id == seller).one()
        staff.give_role(owner, staff.GivenRole(id=member.id, role_id=role.id))
    known = contact(shop, last_name="Novák")
    with shop.acting() as actor:
        form = actor.db.get_one(Form, made.id)
        form.pipeline_id = form.stage_id = None
    Client.of(shop, made).send(**SAID)
    (asked,) = shop.rows("select id from request")
    with shop.acting(seller) as actor:
        requests.convert(actor, requests.convert.parse({"id": asked.id, "contact_id": known.id}))
    (row,) = shop.rows("select answers from request")
    assert "cats" not in str(row.answers)
    assert "cats" not in str(shop.rows("select about from deal"))


def test_what_came_into_the_contact_is_told_once(shop: Shop, made: Form) -> None:
    with shop.acting() as actor:
        form = actor.db.get_one(Form, made.id)
        form.pipeline_id = form.stage_id = None
    Client.of(shop, made).send(**SAID)
    work(shop)
    (asked,) = shop.rows("select id, contact_id from request")
    with shop.acting() as actor:
        requests.convert(actor, requests.convert.parse({"id": asked.id}))
    assert shop.rows("select custom from contact")[0].custom == {"allergies": "dust\nand cats"}
    assert shop.rows("select answers from request")[0].answers == []


def test_the_maker_offers_own_fields_once_and_keeps_one_that_was_removed(shop: Shop, made: Form) -> None:
    desk = Desk.of(shop)
    with shop.acting() as actor:
        add(actor, "Colour")
        add(actor, "Employees", "number", "company")
    page = desk.page(f"/settings/forms/{made.id}")
    offered = re.findall(r'<option value="own\.([^"]+)">([^<]+)<', page)
    assert offered == [("deal.colour", "Deal: Colour")]
    assert "Contact: Allergies" in page
    remove(shop, "windows")
    assert "Deal: Windows (removed)" in desk.page(f"/settings/forms/{made.id}")
    kept = shop.rows("select fields, version from form")[0]
    with shop.acting() as actor:
        forms.change(actor, forms.change.parse({"id": made.id, "fields": kept.fields, "heading": "Ask"}))
        for wrong in ("company.employees", "deal.nothing", ""):
            given = {"name": "Other", "fields": [{"kind": "own", "of": wrong}]}
            with pytest.raises(Invalid):
                forms.create(actor, forms.create.parse(given))
        twice = [{"kind": "own", "of": "deal.colour"}, {"kind": "own", "of": "deal.colour"}]
        with pytest.raises(Invalid):
            forms.create(actor, forms.create.parse({"name": "Other", "fields": twice}))
    assert [row.name for row in shop.rows("select name from form")] == ["Windows"]


def test_the_maker_adds_an_own_field_by_its_own_label_without_a_script(shop: Shop, made: Form) -> None:
    desk = Desk.of(shop)
    with shop.acting() as actor:
        add(actor, "Colour")
    values = {"name": "Windows", "fields-0-kind": "name", "fields-0-id": "name", "fields-0-label": "Your name",
              "version": "1", "rule": "nobody", "minutes": "15", "added": "own.deal.colour"}  # fmt: skip
    answer = desk.send(f"/settings/forms/{made.id}", do="add", **values)
    page = answer.get_data(as_text=True)
    assert re.search(r'name="fields-1-of" value="deal.colour"', page)
    identifier = re.search(r'name="fields-1-id" value="(q-[0-9a-f]{8})"', page)
    assert identifier
    assert re.search(r'name="fields-1-label" value="Colour"', page)
    rows = {"fields-1-kind": "own", "fields-1-of": "deal.colour", "fields-1-id": identifier[1],
            "fields-1-label": "Which colour?"}  # fmt: skip
    assert desk.send(f"/settings/forms/{made.id}", **values, **rows).status_code == 303
    stored = shop.rows("select fields from form")[0].fields[1]
    assert (stored["kind"], stored["of"], stored["label"]) == ("own", "deal.colour", "Which colour?")
