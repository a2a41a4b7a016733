"""Exports with a business's own fields: a column each, as people read it, and for nobody from whom they are hidden."""

import csv
import io
from datetime import date
from typing import Any

import orjson
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from core.jobs import Place
from crm.deals import actions as deals
from crm.exports.actions import NewExport, create
from crm.exports.run import run_export
from crm.fields import actions as fields
from tests.crm.exports.test_export import content, exported, row, table
from tests.crm.fields.test_fields import add, all_types
from tests.crm.people import contact
from tests.shop import Shop

SAID: dict[str, Any] = {
    "model": "=1+1", "site": "Yard\nat the back", "windows": 6.5, "survey": "2026-12-24", "material": "Wood",
    "rooms": ["Hall", "Kitchen"], "scaffold": True, "plan": "https://example.com/plan.pdf",
}  # fmt: skip


def sold(shop: Shop) -> None:
    with shop.acting() as actor:
        all_types(actor)
        deals.create(actor, deals.create.parse({"name": "Full", "custom": SAID}))
        deals.create(actor, deals.create.parse({"name": "Empty"}))


def test_a_table_has_each_own_field_behind_the_others_as_people_read_it(shop: Shop) -> None:
    sold(shop)
    with shop.acting() as actor:
        add(actor, "=cmd|'/c calc'!A0")
    full, empty = table(content(shop, exported(shop, what="deals", sort="-name")))
    assert list(full)[-10:] == [
        "ID", "Model", "Site", "Windows", "Survey", "Material", "Rooms", "Scaffold", "Plan", "'=cmd|'/c calc'!A0",
    ]  # fmt: skip
    assert list(full.values())[-9:] == [
        "'=1+1", "Yard\nat the back", "6.5", "2026-12-24", "Wood", "Hall\nKitchen", "yes",
        "https://example.com/plan.pdf", "",
    ]  # fmt: skip
    assert list(empty.values())[-9:] == [""] * 9


def test_a_spreadsheet_of_czech_and_a_workbook_have_true_numbers_and_days(shop: Shop) -> None:
    sold(shop)
    book = content(shop, exported(shop, what="deals", format="xlsx", sort="-name"))
    heads, full, empty = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_name("Deals").to_python()
    cells = dict(zip(heads, full, strict=True))
    assert (cells["Windows"], cells["Survey"], cells["Model"]) == (6.5, date(2026, 12, 24), "=1+1")
    assert dict(zip(heads, empty, strict=True))["Windows"] == ""
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update member set language = 'cs'"))
    first = table(content(shop, exported(shop, what="deals", sort="-name")), ";")[0]
    assert (first["Windows"], first["Scaffold"]) == ("6,5", "ano")


def test_json_keeps_what_the_api_says(shop: Shop) -> None:
    sold(shop)
    kept = orjson.loads(content(shop, exported(shop, what="deals", format="json", sort="-name")))
    assert [one["custom"] for one in kept["deals"]] == [SAID, {}]


@pytest.mark.parametrize("wanted", ["csv", "json"])
def test_who_may_not_see_own_fields_takes_none_along(shop: Shop, wanted: str) -> None:
    sales = shop.member("sales")
    with shop.acting() as actor:
        add(actor, "Allergies", record_kind="contact")
    me = shop.rows("select id from member where identity_id = :id", id=sales)[0].id
    contact(shop, last_name="Novák", owner_id=me, custom={"allergies": "ammonia"})
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("""
            update role set rights = jsonb_set(rights, '{contact,export}', '"own"'),
                fields = '{"contact": {"custom": "hidden"}}' where key = 'sales'
        """)
        )
    file = content(shop, exported(shop, sales, what="contacts", format=wanted), sales)
    assert "Novák".encode() in file
    assert b"ammonia" not in file
    assert b"Allergies" not in file


def test_a_field_added_or_removed_while_it_runs_moves_no_column(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.exports.run.STEP", 1)
    sold(shop)
    with shop.acting() as actor:
        made = create(actor, NewExport(what="deals", sort="-name"))
        member_id = actor.member.id
    looks = 0

    def at_work() -> bool:
        nonlocal looks
        looks += 1
        if looks == 2:  # the first row is gathered
            with shop.acting() as actor:
                add(actor, "Colour")
                model = shop.rows("select id from field where key = 'model'")[0].id
                fields.delete(actor, fields.OneField(id=model))
        return True

    run_export(Place(shop.base, shop.workspace, 0, at_work), made.id, member_id)
    found = row(shop, made.id)
    assert (found.state, looks > 2) == ("done", True)
    lines = list(csv.reader(io.StringIO(content(shop, found).decode("utf-8-sig"), newline="")))
    assert {len(line) for line in lines} == {len(lines[0])}
    assert lines[0][-8:] == ["Model", "Site", "Windows", "Survey", "Material", "Rooms", "Scaffold", "Plan"]
