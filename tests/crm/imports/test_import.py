"""An import through the pages and the job: the numbers are those of the file, and what is in the workspace shows it."""

import io
import zipfile
from datetime import UTC, datetime

import pytest

from tests.crm.imports.importing import SIMPLE, brought, contacts, messy, numbers, press, row, send, sent, work
from tests.crm.imports.workbooks import workbook
from tests.shop import Shop, csrf


@pytest.mark.parametrize(
    ("kind", "encoding", "separator"),
    [("csv", "cp1250", ";"), ("csv", "utf-8-sig", ","), ("csv", "utf-16", "\t"), ("xlsx", "", "")],
)
def test_a_messy_file_comes_in_with_the_numbers_of_its_making(
    shop: Shop, kind: str, encoding: str, separator: str
) -> None:
    content, expected = messy(3_000, kind=kind, encoding=encoding, separator=separator)
    import_id = brought(shop, content, name=f"zakaznici.{kind}")
    found = row(shop, import_id)
    assert (found.state, found.error) == ("done", "")
    assert numbers(shop, import_id) == expected.numbers("skip")
    assert (found.rows, found.blank) == (expected.rows, expected.blank)
    assert sum(numbers(shop, import_id).values()) == found.rows
    stored = shop.rows("select count(*), count(distinct id), bool_and(import_id = :id) from contact", id=import_id)[0]
    assert tuple(stored) == (expected.new, expected.new, True)
    refused = shop.rows("select reason, count(*) from import_refused group by reason")
    assert {r[0]: r[1] for r in refused} == dict(expected.reasons)
    unread = shop.rows("select count(*) from contact where phones @> '[{\"valid\": false}]'")[0][0]
    assert unread == expected.unreadable_phones


@pytest.mark.parametrize("duplicates", ["fill", "overwrite", "create"])
def test_duplicates_are_treated_as_chosen(shop: Shop, duplicates: str) -> None:
    content, expected = messy(3_000)
    import_id = brought(shop, content, duplicates)
    got = numbers(shop, import_id)
    assert row(shop, import_id).state == "done"
    if duplicates == "create":
        assert got == expected.numbers("create")
    else:  # of the duplicates, those that bring nothing new are skipped
        assert got["created"] == expected.new
        assert got["changed"] + got["skipped"] == expected.duplicates
        assert got["changed"] > 0
    assert len(contacts(shop)) == got["created"]
    if duplicates == "overwrite":
        assert len([c for c in contacts(shop) if c.about == "znovu"]) > expected.duplicates / 2


def test_a_contact_has_all_that_the_row_says(shop: Shop) -> None:
    sheet = (
        "Jméno a příjmení;Tel.;E-mail;Firma;Ulice;PSČ město;Naposled;Pozn.;Štítky;Web;Obchodník;Datum narození\n"
        "Ing. Jan Novák, Ph.D.;602 114 873;Jan@Novak.cz;Okna\\Dveře s.r.o.;Lidická 24;60200 Brno;18. 11. 2026;"
        '"říká ""šéf""\nzadní vchod";VIP, okna;www.novak.cz;Jana Dvořáková;1. 2. 1980\n'
        ";;;Jen Firma a.s.;;;;;;;Nikdo Neznámý;\n"
    )
    import_id = brought(shop, sheet.encode())
    first, second = contacts(shop)
    assert (first.name, first.prefix, first.suffix) == ("Ing. Jan Novák, Ph.D.", "Ing.", "Ph.D.")
    assert first.phones == [{"kind": "mobile", "number": "+420602114873", "valid": True}]
    assert first.emails == [{"kind": "work", "address": "Jan@novak.cz"}]
    assert first.match_keys == ["+420602114873", "jan@novak.cz"]
    assert (first.city, first.addresses[0]["zip"], first.labels) == ("Brno", "602 00", ["VIP", "okna"])
    assert first.about == 'říká "šéf"\nzadní vchod\nwww.novak.cz'
    assert first.last_contact_at == datetime(2026, 11, 18, 11, tzinfo=UTC)
    assert "novak jan" in first.search
    assert first.sort_key > shop.rows("select sort_key from contact where name = 'Jen Firma a.s.'")[0][0]
    companies = {c.id: c for c in shop.rows("select * from company")}
    assert [companies[c.company_id].name for c in (first, second)] == ["Okna\\Dveře s.r.o.", "Jen Firma a.s."]
    assert {c.import_id for c in companies.values()} == {import_id}
    assert row(shop, import_id).checked["owners"] == {"Nikdo Neznámý": 1}
    page = shop.browser().get(shop.path(f"/imports/{import_id}")).get_data(as_text=True)
    assert "Done" in page


def test_a_company_is_found_by_its_plain_name_and_made_once(shop: Shop) -> None:
    brought(shop, "Jméno;Firma\nJan Novák;Stavby Krejčí\nEva Malá;STAVBY  KREJCI\n".encode())
    brought(shop, "Jméno;Firma\nOta Nový;stavby krejčí\nJiří Dlouhý;Stavby Krejčí Brno\n".encode())
    assert sorted(r[0] for r in shop.rows("select name from company")) == ["Stavby Krejčí", "Stavby Krejčí Brno"]
    assert len({r[0] for r in shop.rows("select company_id from contact where name <> 'Jiří Dlouhý'")}) == 1


def test_filling_in_keeps_what_stands_and_overwriting_replaces_it(shop: Shop) -> None:
    brought(shop, (SIMPLE + "Jan Novák;jan@novak.cz;;starý\n").encode())
    fill = brought(shop, (SIMPLE + "Petr Novák;jan@novak.cz;602114873;nový\n").encode(), "fill")
    (contact,) = contacts(shop)
    assert (contact.name, contact.about, contact.phones[0]["number"]) == ("Jan Novák", "starý", "+420602114873")
    assert numbers(shop, fill) == {"created": 0, "changed": 1, "skipped": 0, "refused": 0}
    wins = brought(shop, (SIMPLE + "Petr Novák;JAN@novak.cz;;nový\n").encode(), "overwrite")
    (contact,) = contacts(shop)
    assert (contact.name, contact.about, contact.version) == ("Petr Novák", "nový", 3)
    assert contact.emails == [{"kind": "work", "address": "jan@novak.cz"}]
    event = shop.rows("select * from event where request_id = :mark and kind = 'contact'", mark=f"import-{wins}")[0]
    assert (event.before, event.after, event.via) == (
        {"first_name": "Jan", "about": "starý"}, {"first_name": "Petr", "about": "nový"}, "import",
    )  # fmt: skip
    again = brought(shop, (SIMPLE + "Petr Novák;jan@novak.cz;;nový\n").encode(), "overwrite")
    assert numbers(shop, again)["skipped"] == 1


def test_the_preview_says_the_numbers_before_anything_is_stored(shop: Shop) -> None:
    brought(shop, (SIMPLE + "Jan Novák;jan@novak.cz;;\n").encode())
    browser = shop.browser()
    sheet = (
        SIMPLE + "Jan Novák;JAN@novak.cz;;\nEva Malá;eva@mala;;\nOta Nový;;602114873;\nOta Nový;;+420 602 114 873;\n"
    )
    import_id = sent(browser, shop, sheet.encode())
    page = browser.get(shop.path(f"/imports/{import_id}/columns")).get_data(as_text=True)
    assert "4 rows" in page
    assert "3 can be imported" in page
    assert "1 not valid" in page
    refused = browser.get(shop.path(f"/imports/{import_id}/columns?show=refused")).get_data(as_text=True)
    assert "eva@mala" in refused
    assert "The ending, such as .cz, is missing." in refused
    page = browser.get(shop.path(f"/imports/{import_id}/duplicates")).get_data(as_text=True)
    assert "1 row is of a person you have already." in page
    assert "1 row repeats somebody from an earlier row of the file." in page
    assert len(contacts(shop)) == 1


@pytest.mark.parametrize("show", ["first", "refused", "changed"])
def test_the_rows_to_look_at_are_shown_for_a_messy_file(shop: Shop, show: str) -> None:
    browser = shop.browser()
    content, expected = messy(2_000)
    import_id = sent(browser, shop, content)
    page = browser.get(shop.path(f"/imports/{import_id}/columns?show={show}"))
    assert page.status_code == 200
    assert f"{expected.refused} refused" in page.get_data(as_text=True)


def test_columns_encoding_and_heading_can_be_said_otherwise(shop: Shop) -> None:
    browser = shop.browser()
    content = "Xyz;Qwe\nMarie Žáková;zlutý@kůň\nPetr Řezáč;ahoj\n".encode("cp1250")
    import_id = sent(browser, shop, content)
    wrong = press(browser, shop, import_id, "columns", encoding="klingon", separator=";", header_row="1")
    assert wrong.status_code == 422
    press(browser, shop, import_id, "columns", encoding="iso-8859-2", separator=";", header_row="1")
    assert row(shop, import_id).format["encoding"] == "iso-8859-2"
    press(browser, shop, import_id, "columns", encoding="cp1250", separator=";", header_row="1")
    fields = {"column-0": "last_name", "column-1": "about", "next": "1"}
    assert press(browser, shop, import_id, "columns", **fields).headers["Location"].endswith("/duplicates")
    assert row(shop, import_id).mapping == {"0": "last_name", "1": "about"}
    press(browser, shop, import_id, "duplicates", duplicates="skip")
    work(shop)
    assert [(c.last_name, c.about) for c in contacts(shop)] == [("Marie Žáková", "zlutý@kůň"), ("Petr Řezáč", "ahoj")]


@pytest.mark.parametrize(
    "mapping", [{"column-0": "birthday"}, {"column-0": "name", "column-1": "name"}, {"column-99": "name"}]
)
def test_an_unknown_column_or_field_is_refused(shop: Shop, mapping: dict[str, str]) -> None:
    browser = shop.browser()
    import_id = sent(browser, shop, (SIMPLE + "Jan;a@b.cz;;\n").encode())
    before = row(shop, import_id)
    assert press(browser, shop, import_id, "columns", **mapping).status_code == 422
    assert row(shop, import_id) == before


def test_a_mapping_by_which_nobody_is_known_cannot_run(shop: Shop) -> None:
    browser = shop.browser()
    import_id = sent(browser, shop, b"Xyz\nblah\n")
    answer = press(browser, shop, import_id, "duplicates", duplicates="skip")
    assert answer.status_code == 422
    assert "Choose which column" in answer.get_data(as_text=True)
    assert row(shop, import_id).state == "draft"


def test_the_same_file_again_is_said_before_it_runs(shop: Shop) -> None:
    content = (SIMPLE + "Jan Novák;jan@novak.cz;;\n").encode()
    first = brought(shop, content)
    browser = shop.browser()
    second = sent(browser, shop, content, "jiné jméno.csv")
    for step in ("columns", "duplicates"):
        page = browser.get(shop.path(f"/imports/{second}/{step}")).get_data(as_text=True)
        assert "This very file was brought in before." in page
        assert shop.path(f"/imports/{first}") in page
    press(browser, shop, second, "duplicates", duplicates="skip")
    work(shop)
    assert numbers(shop, second)["skipped"] == 1
    assert len(contacts(shop)) == 1


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
            archive.writestr(name, b"<a/>" if name != "xl/workbook.xml" else b" " * 40_000_000)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("kontakty.csv", SIMPLE)
    return file.getvalue()


HOSTILE = {
    "zip": archive(), "bomb": bomb(), "empty": b"", "zeros": b"\0" * 5_000,
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "half": workbook([["Name"], ["Jan"]] * 500)[:2_000], "headings only": SIMPLE.encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_table_is_refused_and_leaves_nothing(shop: Shop, name: str) -> None:
    answer = send(shop.browser(), shop, HOSTILE[name])
    assert answer.status_code == 422
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert shop.rows("select count(*) from import")[0][0] == 0
    assert kept_files(shop) == []


def kept_files(shop: Shop) -> list[str]:
    from core.files import FolderFiles, files

    store = files()
    assert isinstance(store, FolderFiles)
    folder = store.root / shop.workspace.schema
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_workbook_damaged_half_way_is_refused_before_anything_is_stored(shop: Shop) -> None:
    rows = "".join(f'<row r="{n}"><c t="inlineStr"><is><t>Jan {n}</t></is></c></row>' for n in range(1, 400))
    broken = workbook([], sheet1=f"<worksheet><sheetData>{rows}<row><oops</sheetData></worksheet>")
    answer = send(shop.browser(), shop, broken, "kontakty.xlsx")
    assert answer.status_code == 422
    assert shop.rows("select count(*) from import")[0][0] == 0
    assert kept_files(shop) == []


def test_a_draft_is_found_again_and_can_be_thrown_away_with_its_file(shop: Shop) -> None:
    browser = shop.browser()
    import_id = sent(browser, shop, (SIMPLE + "Jan;jan@a.cz;;\n").encode())
    another = shop.browser()
    assert str(import_id) in another.get(shop.path("/imports/")).get_data(as_text=True)
    assert another.get(shop.path(f"/imports/{import_id}")).headers["Location"].endswith("/columns")
    assert len(kept_files(shop)) == 1
    press(another, shop, import_id, "delete")
    work(shop)
    assert another.get(shop.path(f"/imports/{import_id}/columns")).status_code == 404
    assert kept_files(shop) == []


def test_without_the_right_nothing_comes_in(shop: Shop) -> None:
    browser = shop.browser(shop.member("reader"))
    assert browser.get(shop.path("/imports/")).status_code == 403
    assert browser.get(shop.path("/imports/new")).status_code == 403
    token = csrf(browser, shop.path("/contacts/"))
    data = {"csrf_token": token, "file": (io.BytesIO((SIMPLE + "Jan;;;\n").encode()), "a.csv")}
    answer = browser.post(shop.path("/imports/"), data=data, content_type="multipart/form-data")
    assert answer.status_code == 403
    assert shop.rows("select count(*) from import")[0][0] == 0
    assert kept_files(shop) == []


def test_an_import_of_another_workspace_is_not_there(shop: Shop, other: Shop) -> None:
    import_id = brought(other, (SIMPLE + "Jan;jan@a.cz;;\nEva;špatně;;\n").encode())
    browser = shop.browser()
    for path in ("", "/columns", "/duplicates", "/refused", "/refused.csv"):
        assert browser.get(shop.path(f"/imports/{import_id}{path}")).status_code == 404
    for what in ("run", "stop", "undo", "delete", "duplicates", "columns", "refused"):
        assert press(browser, shop, import_id, what, duplicates="skip", line="3").status_code == 404
    assert len(contacts(other)) == 1


def test_refused_rows_come_as_a_file_safe_to_open_and_can_be_corrected(shop: Shop) -> None:
    content = (SIMPLE + "=HYPERLINK(1);jan@novak;;\nEva Malá;eva@mala;;ahoj\nOta Nový;ota@novy.cz;;\n").encode()
    import_id = brought(shop, content)
    browser = shop.browser()
    answer = browser.get(shop.path(f"/imports/{import_id}/refused.csv"))
    lines = answer.get_data().decode("utf-8-sig").splitlines()
    assert lines[0] == "Jméno;E-mail;Telefon;Poznámka;Reason"
    assert lines[1].startswith("'=HYPERLINK(1);jan@novak;;;E-mail: The ending")
    assert "zakaznici-refused.csv" in answer.headers["Content-Disposition"]
    page = browser.get(shop.path(f"/imports/{import_id}/refused")).get_data(as_text=True)
    assert 'value="eva@mala"' in page
    cells = {"cell-0": "Eva Malá", "cell-1": "eva@", "cell-2": "", "cell-3": "ahoj"}
    wrong = press(browser, shop, import_id, "refused", line="3", **cells)
    assert wrong.status_code == 422
    assert 'value="eva@"' in wrong.get_data(as_text=True)
    assert numbers(shop, import_id)["refused"] == 2
    cells["cell-1"] = "eva@mala.cz"
    assert press(browser, shop, import_id, "refused", line="3", **cells).status_code == 303
    assert press(browser, shop, import_id, "refused", line="3", **cells).status_code == 409
    assert numbers(shop, import_id) == {"created": 2, "changed": 0, "skipped": 0, "refused": 1}
    assert [c.name for c in contacts(shop)] == ["Ota Nový", "Eva Malá"]
