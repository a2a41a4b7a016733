"""Imports into a business's own fields: guessed, read, refused with line and reason, merged into whom one knows."""

from typing import Any

import pytest
from sqlalchemy import text

from crm.fields import actions as fields
from crm.fields.models import Field, FieldType
from crm.imports.columns import guess
from crm.imports.own import headings_of, takers
from crm.imports.rows import ParsedContact, UnfitError
from tests.crm.exports.test_export import content, exported
from tests.crm.fields.test_fields import add
from tests.crm.imports.importing import brought, contacts, numbers, press, sent, work
from tests.crm.people import contact
from tests.shop import Shop

HAIR = ["Fine", "Thick, curly", "Grey"]


def field(kind: FieldType, *options: str) -> Field:
    return Field(record_kind="contact", key="one", label="One", type=kind, options=list(options))


@pytest.mark.parametrize(
    ("kind", "cell", "kept"),
    [
        ("number", "6", 6), ("number", "1 480,50", 1480.5), ("number", "1.480,50", 1480.5), ("number", "-0.25", -0.25),
        ("number", "1,480.50", 1480.5), ("number", "0.30000000000000004", 0.3), ("number", "1,480", 1.48),
        ("day", "24. 12. 2026", "2026-12-24"), ("day", "2026-12-24 00:00", "2026-12-24"),
        ("yes", "ANO", True), ("yes", "ne", False), ("yes", "TRUE", True),
        ("choice", "thick, curly", "Thick, curly"), ("choices", "Fine; grey", ["Fine", "Grey"]),
        ("choices", "Thick, curly\nFine", ["Thick, curly", "Fine"]), ("choices", "Thick, curly", ["Thick, curly"]),
        ("link", "example.com", "https://example.com"), ("text", "two\n lines", "two lines"),
        ("lines", "two\nlines", "two\nlines"),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_people_write_it(kind: FieldType, cell: str, kept: Any) -> None:
    row = ParsedContact(2)
    takers({"custom.one": field(kind, *HAIR)}, "cs")["custom.one"](row, "custom.one", cell)
    assert row.custom == {"one": kept}


@pytest.mark.parametrize(
    ("kind", "cell", "code"),
    [
        ("number", "many", "number"), ("number", "1,2,3", "number"), ("number", "9" * 16, "number"),
        ("day", "31. 2. 2026", "date"), ("yes", "perhaps", "yes"), ("choice", "Blue", "option"),
        ("choices", "Fine, Blue", "option"), ("link", "javascript:alert(1)", "link"), ("text", "x" * 1001, "too_long"),
    ],
)  # fmt: skip
def test_a_cell_that_does_not_fit_is_refused_with_its_reason(kind: FieldType, cell: str, code: str) -> None:
    row = ParsedContact(2)
    with pytest.raises(UnfitError) as unfit:
        takers({"custom.one": field(kind, *HAIR)}, "cs")["custom.one"](row, "custom.one", cell)
    assert (unfit.value.code, row.custom) == (code, None)


def test_a_comma_groups_thousands_where_the_workspace_is_english() -> None:
    row = ParsedContact(2)
    takers({"custom.one": field("number")}, "en")["custom.one"](row, "custom.one", "1,480")
    assert row.custom == {"one": 1480}


def test_a_column_is_known_by_the_fields_label_or_key_before_other_words_for_what_everybody_has() -> None:
    known = {
        "custom.typ_vlasu": Field(key="typ_vlasu", label="Hair type", type="choice"),
        "custom.segment": Field(key="segment", label="Segment", type="text"),
        "custom.od": Field(key="od", label="Client since", type="day"),
        "custom.note": Field(key="note", label="Note", type="text"),
    }
    headings = ["Jméno", "hair  TYPE", "typ_vlasu", "Segment", "Client since", "Note"]
    found = guess(headings, [["Jan Novák", "Fine", "Fine", "A", "24. 12. 2026", "x"]], headings_of(known))
    assert [one.field for one in found] == [
        "name", "custom.typ_vlasu", None, "custom.segment", "custom.od", "about",
    ]  # fmt: skip


def salon(shop: Shop) -> None:
    with shop.acting() as actor:
        add(actor, "Hair type", "choice", "contact", options=HAIR)
        add(actor, "Visits", "number", "contact")
        add(actor, "Allergies", "lines", "contact")


FILE = """\
Jméno;E-mail;Hair type;Visits
Jana Malá;jana@example.com;fine;12
Eva Nová;eva@example.com;Blue;3
Iva Nová;iva@example.com;;many
Pavla Bílá;pavla@example.com;;
""".encode()


def test_rows_come_in_with_own_fields_and_what_does_not_fit_is_refused_by_line(shop: Shop) -> None:
    salon(shop)
    import_id = brought(shop, FILE)
    assert numbers(shop, import_id) == {"created": 2, "changed": 0, "skipped": 0, "refused": 2}
    assert [one.custom for one in contacts(shop)] == [{"hair_type": "Fine", "visits": 12}, {}]
    refused = shop.rows("select line, field, reason from import_refused order by line")
    assert [tuple(one) for one in refused] == [(3, "custom.hair_type", "option"), (4, "custom.visits", "number")]
    browser = shop.browser()
    page = browser.get(shop.path(f"/imports/{import_id}/refused")).get_data(as_text=True)
    assert "Hair type: This is not one of the options of the field." in page
    cells = {"cell-0": "Eva Nová", "cell-1": "eva@example.com", "cell-2": "Grey", "cell-3": "3"}
    assert press(browser, shop, import_id, "refused", line="3", **cells).status_code == 303
    assert contacts(shop)[-1].custom == {"hair_type": "Grey", "visits": 3}


@pytest.mark.parametrize(
    ("duplicates", "visits", "undone"), [("fill", 5, {"visits": 5}), ("overwrite", 12, {"visits": 5})]
)
def test_who_is_known_takes_the_files_fields_and_keeps_the_others_until_it_is_undone(
    shop: Shop, duplicates: str, visits: int, undone: dict[str, Any]
) -> None:
    salon(shop)
    kept = {"allergies": "ammonia"}
    contact(shop, emails=[{"address": "jana@example.com"}], custom={"visits": 5, **kept})
    import_id = brought(shop, FILE, duplicates)
    assert contacts(shop)[0].custom == {"hair_type": "Fine", "visits": visits, **kept}
    assert press(shop.browser(), shop, import_id, "undo").status_code == 303
    work(shop)
    assert contacts(shop)[0].custom == {**undone, **kept}


def test_who_may_not_see_own_fields_brings_none_in_and_loses_none_of_whom_they_update(shop: Shop) -> None:
    salon(shop)
    known = contact(shop, emails=[{"address": "jana@example.com"}], custom={"allergies": "ammonia"})
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text('update role set fields = \'{"contact": {"custom": "hidden"}}\' where key = \'head\''))
    head = shop.member("head")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("update contact set owner_id = (select id from member where identity_id = :id)"), {"id": head}
        )
    browser = shop.browser(head)
    import_id = sent(browser, shop, FILE)
    page = browser.get(shop.path(f"/imports/{import_id}/columns")).get_data(as_text=True)
    assert "custom." not in page
    answer = press(browser, shop, import_id, "columns", **{"column-1": "email", "column-2": "custom.hair_type"})
    assert answer.status_code == 422
    assert press(browser, shop, import_id, "duplicates", duplicates="overwrite").status_code == 303
    work(shop)
    assert [one.custom for one in contacts(shop) if one.id == known.id] == [{"allergies": "ammonia"}]
    assert contacts(shop)[0].first_name == "Jana"
    assert {str(one.custom) for one in contacts(shop)[1:]} == {"{}"}


def test_a_field_removed_before_it_runs_is_told_and_nothing_is_stored(shop: Shop) -> None:
    salon(shop)
    browser = shop.browser()
    import_id = sent(browser, shop, FILE)
    with shop.acting() as actor:
        gone = shop.rows("select id from field where key = 'visits'")[0].id
        fields.delete(actor, fields.OneField(id=gone))
    answer = press(browser, shop, import_id, "duplicates", duplicates="skip")
    assert answer.status_code == 422
    assert "There is no field custom.visits now" in answer.get_data(as_text=True)
    assert browser.get(shop.path(f"/imports/{import_id}/columns")).status_code == 200
    work(shop)
    assert contacts(shop) == []


def test_own_fields_come_back_from_an_export(shop: Shop, other: Shop) -> None:
    given = {"hair_type": "Thick, curly", "visits": 6.5, "allergies": "ammonia\n=1+1"}
    for one in (shop, other):
        salon(one)
    contact(shop, last_name="Malá", custom=given)
    for wanted in ("csv", "xlsx"):
        brought(other, content(shop, exported(shop, what="contacts", format=wanted)), name=f"kontakty.{wanted}")
    assert [one.custom for one in contacts(other)] == [given, given]
