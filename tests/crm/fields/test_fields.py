"""A business's own fields: what they take, what they refuse, and that nothing written in them is lost."""

import re
from typing import Any

import pytest
from flask_babel import force_locale

from core.actor import Actor
from core.errors import Forbidden, Invalid
from crm.contacts import actions as contacts
from crm.contacts.models import Contact
from crm.deals import actions as deals
from crm.deals.models import Deal
from crm.fields import actions
from crm.fields.models import Field
from crm.fields.values import as_number, text_of
from crm.processes.context import values_of
from crm.processes.expressions import evaluate
from tenants import roles, staff
from tenants.models import Member
from tests.crm.people import Desk
from tests.shop import Shop

MATERIALS = ["Wood", "Plastic", "Aluminium"]


def add(actor: Actor, label: str, kind: str = "text", record_kind: str = "deal", **values: Any) -> Field:
    wish = {"label": label, "type": kind, "record_kind": record_kind, **values}
    return actions.create(actor, actions.create.parse(wish))


def all_types(actor: Actor) -> None:
    """A field of each type, for deals."""
    add(actor, "Model")
    add(actor, "Site", "lines")
    add(actor, "Windows", "number")
    add(actor, "Survey", "day")
    add(actor, "Material", "choice", options=MATERIALS)
    add(actor, "Rooms", "choices", options=["Kitchen", "Hall"])
    add(actor, "Scaffold", "yes")
    add(actor, "Plan", "link")


def deal(actor: Actor, **custom: Any) -> Deal:
    return deals.create(actor, deals.create.parse({"name": "Windows", "custom": custom}))


def said(shop: Shop) -> Any:
    return shop.rows("select custom from deal order by id desc")[0].custom


def test_each_type_keeps_what_it_is_given(shop: Shop) -> None:
    given = {
        "model": "Vekra 68", "site": "Yard\nat the back", "windows": 0, "survey": "2026-12-01", "material": "Wood",
        "rooms": ["Hall", "Kitchen"], "scaffold": True, "plan": "example.com/plan.pdf",
    }  # fmt: skip
    with shop.acting() as actor:
        all_types(actor)
        deal(actor, **given)
        assert said(shop) == {**given, "plan": "https://example.com/plan.pdf"}
        deal(actor, windows="1 250.5", scaffold="no", rooms="Kitchen\nHall\nHall", material="", model="  x ")
    assert said(shop) == {"windows": 1250.5, "rooms": ["Kitchen", "Hall"], "model": "x"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("windows", "many"), ("windows", True), ("windows", 10**400), ("windows", float("nan")), ("windows", [1]),
        ("survey", "tomorrow"), ("survey", 20261201), ("material", "Paper"), ("material", ["Wood"]),
        ("rooms", ["Attic"]), ("rooms", "Attic"), ("rooms", [["Hall"]]), ("rooms", {"Hall": 1}),
        ("scaffold", "perhaps"), ("scaffold", 2), ("plan", "javascript:alert(1)"), ("plan", "no address"),
        ("model", "a\0b"), ("model", "x" * 1001), ("model", 5), ("model", {"a": 1}), ("colour", "white"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_its_field_and_changes_nothing(shop: Shop, key: str, value: Any) -> None:
    with shop.acting() as actor:
        all_types(actor)
        known = deal(actor, model="Vekra 68")
        with pytest.raises(Invalid) as refusal:
            deals.change(actor, deals.change.parse({"id": known.id, "custom": {key: value}}))
    assert f"custom.{key}" in [name for name, _message in refusal.value.fields]
    assert said(shop) == {"model": "Vekra 68"}


def test_a_change_leaves_the_other_fields_as_they_are(shop: Shop) -> None:
    with shop.acting() as actor:
        all_types(actor)
        known = deal(actor, model="Vekra 68", windows=6)
        deals.change(actor, deals.change.parse({"id": known.id, "custom": {"windows": 8, "material": "Wood"}}))
        assert said(shop) == {"model": "Vekra 68", "windows": 8, "material": "Wood"}
        deals.change(actor, deals.change.parse({"id": known.id, "custom": {"model": None}}))
        deals.change(actor, deals.change.parse({"id": known.id, "name": "Eight windows"}))
    assert said(shop) == {"windows": 8, "material": "Wood"}


def test_an_option_that_was_taken_away_stays_where_it_is_and_comes_nowhere_else(shop: Shop) -> None:
    with shop.acting() as actor:
        field = add(actor, "Material", "choice", options=MATERIALS)
        old, new = deal(actor, material="Plastic"), deal(actor, material="Wood")
        actions.change(actor, actions.change.parse({"id": field.id, "options": ["Wood"]}))
        deals.change(actor, deals.change.parse({"id": old.id, "custom": {"material": "Plastic"}}))
        with pytest.raises(Invalid):
            deals.change(actor, deals.change.parse({"id": new.id, "custom": {"material": "Plastic"}}))
    assert [row.custom["material"] for row in shop.rows("select custom from deal order by id")] == ["Plastic", "Wood"]


def test_a_removed_field_takes_nothing_and_comes_back_with_what_was_written_in_it(shop: Shop) -> None:
    with shop.acting() as actor:
        field = add(actor, "Model")
        add(actor, "Windows", "number")
        known = deal(actor, model="Vekra 68")
        actions.delete(actor, actions.OneField(id=field.id))
        with pytest.raises(Invalid):
            deals.change(actor, deals.change.parse({"id": known.id, "custom": {"model": "Other"}}))
        deals.change(actor, deals.change.parse({"id": known.id, "custom": {"windows": 3}}))
        again = add(actor, "Model")
        assert again.key == "model_2"
        with pytest.raises(Invalid):  # two of one name
            actions.restore(actor, actions.OneField(id=field.id))
        actions.delete(actor, actions.OneField(id=again.id))
        actions.restore(actor, actions.OneField(id=field.id))
    assert said(shop) == {"model": "Vekra 68", "windows": 3}


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("Počet oken", "pocet_oken"),
        ("2. patro", "field_2_patro"),
        ("%%", "field"),
        ("名前", "field"),
        ("True", "true_2"),
        ("24 hours emergency service available all year round", "field_24_hours_emergency_service_ava"),
    ],
)
def test_a_field_is_called_for_programs_by_its_label(shop: Shop, label: str, key: str) -> None:
    with shop.acting() as actor:
        assert add(actor, label).key == key
        assert add(actor, label, record_kind="contact").key == key
        with pytest.raises(Invalid):
            add(actor, label.upper(), key=f"{key}_x")
    assert len(shop.rows("select 1 from field")) == 2


@pytest.mark.parametrize(
    "wish",
    [
        {"type": "choice"}, {"type": "image"}, {"key": "Model"}, {"key": "1st"}, {"label": ""}, {"label": "x" * 61},
        {"record_kind": "task"}, {"key": "true"}, {"type": "yes", "required": True},
        {"type": "choice", "options": ["A\nB"]}, {"type": "choices", "options": [""]}, {"position": -1},
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused(shop: Shop, wish: dict[str, Any]) -> None:
    with shop.acting() as actor, pytest.raises(Invalid):
        add(actor, **{"label": "Model", "kind": wish.pop("type", "text"), **wish})
    assert shop.rows("select 1 from field") == []


def test_a_choice_without_options_is_refused_at_them(shop: Shop) -> None:
    answer = shop.api().post("/fields", {"record_kind": "deal", "label": "Material", "type": "choice"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "options")
    assert shop.rows("select 1 from field") == []


def test_fields_stand_in_the_order_people_gave_them(shop: Shop) -> None:
    with shop.acting() as actor:
        ids = [add(actor, name).id for name in ("A", "B", "C")]
        actions.move(actor, actions.MovedField(id=ids[2]))
        actions.move(actor, actions.MovedField(id=ids[0], down=True))
        actions.move(actor, actions.MovedField(id=ids[1], down=True))
    assert [row.label for row in shop.rows("select label from field order by position")] == ["C", "A", "B"]


def test_few_make_fields_and_everybody_fills_them_in(shop: Shop) -> None:
    seller = shop.member("sales")
    with shop.acting() as actor:
        field = add(actor, "Model")
    with shop.acting(seller) as actor:
        with pytest.raises(Forbidden):
            add(actor, "Mine")
        with pytest.raises(Forbidden):
            actions.delete(actor, actions.OneField(id=field.id))
        deal(actor, model="Vekra 68")
    assert said(shop) == {"model": "Vekra 68"}
    assert Desk.of(shop, seller).get("/settings/fields/").status_code == 403


def test_the_api_lists_the_fields_and_takes_and_gives_their_values(shop: Shop) -> None:
    api = shop.api()
    made = api.post("/fields", {"record_kind": "contact", "label": "Birthday", "type": "day", "required": True}).json
    assert (made["key"], made["position"]) == ("birthday", 0)
    assert [one["key"] for one in api.get("/fields?record_kind=contact").json["data"]] == ["birthday"]
    assert api.get("/fields?record_kind=deal").json["data"] == []
    wrong = api.post("/contacts", {"last_name": "Novák", "custom": {"birthday": "soon"}})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "custom.birthday")
    # A program may leave a required one out, and not say that it is nothing.
    assert api.post("/contacts", {"last_name": "Bez"}).status_code == 201
    assert api.post("/contacts", {"last_name": "Novák", "custom": {"birthday": None}}).status_code == 422
    kept = api.post("/contacts", {"last_name": "Novák", "custom": {"birthday": "1980-02-29"}}).json
    assert kept["custom"] == {"birthday": "1980-02-29"}
    assert api.get(f"/contacts/{kept['id']}").json["custom"] == {"birthday": "1980-02-29"}


def test_who_may_not_see_them_sees_them_nowhere_and_who_may_not_change_them_is_told(shop: Shop) -> None:
    with shop.acting() as actor:
        all_types(actor)
        known = deal(actor, model="Vekra 68", windows=6)
    blind = shop.member("reader", "Clerk")
    with shop.acting() as owner:
        everything = {kind: dict.fromkeys(verbs, "all") for kind, verbs in roles.matrix_of({}).items()}
        wish = {"name": "Clerks", "matrix": everything, "special": ["tokens"], "fields": {"deal": {"custom": "hidden"}}}
        role = roles.create(owner, roles.create.parse(wish))
        member = owner.db.query(Member).filter(Member.identity_id == blind).one()
        staff.give_role(owner, staff.GivenRole(id=member.id, role_id=role.id))
    with shop.acting(blind) as actor:
        assert actor.find(Deal, known.id).custom == {}
    desk = Desk.of(shop, blind)
    page = desk.page(f"/deals/{known.id}")
    assert "Vekra 68" not in page
    assert "Model" not in page
    answer = shop.api(blind).patch(f"/deals/{known.id}", {"custom": {"model": "x"}})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "custom")
    assert said(shop) == {"model": "Vekra 68", "windows": 6}


def test_cards_and_forms_show_them_and_each_is_edited_where_it_stands(shop: Shop) -> None:
    desk = Desk.of(shop)
    with shop.acting() as actor:
        all_types(actor)
        add(actor, "Pet", record_kind="contact", required=True)
    form = desk.page("/deals/new")
    assert all(f'name="custom.{key}"' in form for key in ("model", "site", "windows", "survey", "rooms", "scaffold"))
    typed = {"name": "Windows", "custom.windows": "1250.5", "custom.rooms": ["", "Hall"], "custom.scaffold": "yes"}
    desk.send("/deals/", **typed)
    (made,) = shop.rows("select id, custom from deal")
    assert made.custom == {"windows": 1250.5, "rooms": ["Hall"], "scaffold": True}
    card = desk.page(f"/deals/{made.id}")
    assert "1,250.5" in card
    assert "Scaffold" in card
    fact = desk.page(f"/deals/{made.id}/facts/custom.windows")
    assert re.search(r'name="custom.windows"[^>]* value="1250.5"', fact)
    assert "custom.rooms" not in fact
    desk.send(f"/deals/{made.id}/facts/custom.windows", **{"custom.windows": "9", "version": "1"})
    desk.send(f"/deals/{made.id}/facts/custom.rooms", **{"custom.rooms": "", "version": "2"})
    assert said(shop) == {"windows": 9, "scaffold": True}
    assert desk.get(f"/deals/{made.id}/facts/custom.nothing").status_code == 404
    refused = desk.send("/contacts/", **{"last_name": "Novák", "custom.pet": ""})
    assert refused.status_code == 422
    assert 'id="custom.pet-error"' in refused.text
    assert shop.rows("select 1 from contact") == []


def test_two_edits_of_different_fields_are_both_kept(shop: Shop) -> None:
    desk = Desk.of(shop)
    with shop.acting() as actor:
        all_types(actor)
        known = deal(actor, model="Vekra 68", windows=6)
    form = desk.page(f"/deals/{known.id}/edit")
    was = re.search(r'name="was" value="([^"]*)"', form)
    assert was
    opened = was[1].replace("&#34;", '"')
    with shop.acting() as actor:
        deals.change(actor, deals.change.parse({"id": known.id, "custom": {"windows": 8}}))
    typed = {"name": "Windows", "version": "1", "was": opened, "custom.model": "Vekra 92", "custom.windows": "6"}
    desk.send(f"/deals/{known.id}/edit", **typed)
    assert said(shop) == {"model": "Vekra 92", "windows": 8}


def test_the_settings_page_adds_moves_removes_and_brings_back(shop: Shop) -> None:
    desk = Desk.of(shop)
    material = {"label": "Material", "type": "choice", "options": "Wood\r\n\r\nPlastic", "required": "1"}
    desk.send("/settings/fields/", record_kind="deal", **material)
    desk.send("/settings/fields/", record_kind="deal", label="Windows", type="number", options="")
    first, second = shop.rows("select * from field order by position")
    assert (first.options, first.required, second.type) == (["Wood", "Plastic"], True, "number")
    again = desk.send("/settings/fields/", record_kind="deal", label="Windows", type="text")
    assert again.status_code == 422
    assert "There is a field of this name already." in again.text
    desk.send(f"/settings/fields/{second.id}/move", way="up")
    desk.send(f"/settings/fields/{first.id}", label="Made of", options="Wood", version="2")
    page = desk.page("/settings/fields/")
    assert page.index("Windows") < page.index("Made of")
    desk.send(f"/settings/fields/{first.id}/delete")
    assert "Removed" in desk.page("/settings/fields/")
    desk.send(f"/settings/fields/{first.id}/restore")
    (kept,) = shop.rows("select label, key, options from field where key = 'material'")
    assert tuple(kept) == ("Made of", "material", ["Wood"])


def test_contacts_and_companies_have_theirs(shop: Shop) -> None:
    with shop.acting() as actor:
        add(actor, "Pet", record_kind="contact")
        made = contacts.create(actor, contacts.create.parse({"last_name": "Novák", "custom": {"pet": "Rex"}}))
        with pytest.raises(Invalid):
            contacts.create(actor, contacts.create.parse({"last_name": "Dvořák", "custom": {"windows": 1}}))
        assert actor.find(Contact, made.id).custom == {"pet": "Rex"}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("custom.material=Wood", ["A", "C"]), ("custom.rooms=Hall", ["B"]), ("custom.scaffold=yes", ["B"]),
        ("custom.scaffold=no", ["A", "C", "D"]), ("custom.windows=8", ["B"]), ("custom.windows=%3E6", ["B"]),
        ("custom.windows=%3C8", ["A"]), ("custom.survey=%3E2026-11-30", ["A"]), ("custom.model=Vekra 68", ["A"]),
        ("custom.material=Wood&custom.windows=6", ["A"]),
    ],
)  # fmt: skip
def test_lists_are_narrowed_by_them(shop: Shop, asked: str, names: list[str]) -> None:
    with shop.acting() as actor:
        all_types(actor)
        for name, custom in {
            "A": {"material": "Wood", "windows": 6, "survey": "2026-12-01", "model": "Vekra 68"},
            "B": {"rooms": ["Kitchen", "Hall"], "scaffold": True, "windows": 8, "survey": "2026-11-30"},
            "C": {"material": "Wood"},
            "D": {},
        }.items():
            deals.create(actor, deals.create.parse({"name": name, "custom": custom}))
    found = shop.api().get(f"/deals?sort=name&{asked}").json["data"]
    assert [one["name"] for one in found] == names
    page = Desk.of(shop).page(f"/deals/?view=list&{asked}")
    assert [name for name in "ABCD" if f'dir="auto">{name}</a>' in page] == names


@pytest.mark.parametrize("asked", ["custom.colour=Red", "custom.windows=many", "custom.=1"])
def test_what_cannot_be_asked_of_them_is_told(shop: Shop, asked: str) -> None:
    with shop.acting() as actor:
        all_types(actor)
    answer = shop.api().get(f"/deals?{asked}")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, asked.partition("=")[0])


def test_the_timeline_and_the_audit_log_say_what_changed_in_them(shop: Shop) -> None:
    with shop.acting() as actor:
        all_types(actor)
        known = deal(actor, windows=6, model="Vekra 68")
        wish = {"windows": 1250.5, "model": None, "rooms": ["Hall"], "survey": "2026-12-01"}
        deals.change(actor, deals.change.parse({"id": known.id, "custom": wish}))
        actions.delete(actor, actions.OneField(id=actor.db.query(Field).filter(Field.key == "model").one().id))
    desk = Desk.of(shop)
    card = re.sub(r"<[^>]*>", "", desk.page(f"/deals/{known.id}"))
    assert "Windows changed from 6 to 1,250.5" in card
    assert "Model removed, it was Vekra 68" in card
    assert "Rooms: Hall" in card
    log = desk.page("/settings/audit?kind=deal")
    assert "<dt>custom.windows</dt><dd>6 → 1250.5</dd>" in log
    assert "<dt>custom.material</dt>" not in log


def test_processes_read_them_and_set_them(shop: Shop) -> None:
    with shop.acting() as actor:
        all_types(actor)
        known = deal(actor, windows=6)
        seen = values_of(actor, known)["custom"]
        assert (seen["windows"], seen["model"]) == (6, None)
        assert evaluate("deal.custom.windows > 5.5 && deal.custom.model == null", {"deal": {"custom": seen}}) is True


def test_a_narrowed_list_is_exported_as_it_is_shown(shop: Shop) -> None:
    with shop.acting() as actor:
        all_types(actor)
        deal(actor, material="Wood")
        deal(actor)
    desk = Desk.of(shop)
    page = desk.page("/exports/new?what=deals&custom.material=Wood")
    assert 'name="custom.material" value="Wood"' in page
    assert "1 row" in page
    desk.send("/exports/", what="deals", format="csv", **{"custom.material": "Wood"})
    assert shop.rows("select ask from export")[0].ask["filters"] == {"custom.material": "Wood"}


def test_a_number_is_taken_as_a_form_shows_it_in_any_language(shop: Shop) -> None:
    with shop.app.test_request_context("/"):
        for language in ("cs", "en"):
            with force_locale(language):
                for number in (-5.5, 1480.25, -123456.789, 0, 7):
                    assert as_number(text_of(number)) == number
