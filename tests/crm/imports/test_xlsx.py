"""Workbooks: cells as a person reads them, and files made to break the reader."""

import io
import tracemalloc
import zipfile
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.imports import xlsx
from crm.imports.sheet import Sheet, SheetError, open_sheet
from tests.crm.imports.workbooks import MAIN, STYLES, Cell, relations, sheet_list, sheet_xml, workbook

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=40)


def opened(data: bytes, **said: str) -> Sheet:
    return open_sheet(io.BytesIO(data), **said)  # type: ignore[arg-type]


def only_row(body: str, **parts: str) -> list[str]:
    data = workbook([], sheet1=sheet_xml(f'<row r="1"><c r="A1" t="str"><v>Jméno</v></c></row>{body}'), **parts)
    return next(opened(data, header_row=1).rows()).cells  # type: ignore[arg-type]


def test_cells_read_as_a_person_sees_them() -> None:
    row: list[Cell] = ["Žán", 602114873.0, 420602114873, date(2026, 11, 18), True, 0.5, 60200, None, "a\nb"]
    sheet = opened(workbook([["Jméno"] + ["x"] * 8, row]))
    assert [tuple(row) for row in sheet.rows()] == [
        (2, ["Žán", "602114873", "420602114873", "2026-11-18", "TRUE", "0.5", "60200", "", "a\nb"], None)
    ]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="A2"><v>6.02114873E8</v></c>', "602114873"),
        ('<c r="A2"><v>602114873.0</v></c>', "602114873"),
        ('<c r="A2"><v>1.5</v></c>', "1.5"),
        ('<c r="A2" s="2"><v>46344.395833333</v></c>', "2026-11-18 09:30"),
        ('<c r="A2" s="2"><v>0.5</v></c>', "12:00"),
        ('<c r="A2" s="1"><v>1</v></c>', "1900-01-01"),
        ('<c r="A2" s="1"><v>61</v></c>', "1900-03-01"),
        ('<c r="A2" s="1"><v>99999999</v></c>', "99999999"),
        ('<c r="A2" s="3"><v>14</v></c>', "14"),
        ('<c r="A2" t="d"><v>2026-11-18T00:00:00</v></c>', "2026-11-18"),
        ('<c r="A2" t="e"><v>#REF!</v></c>', "#REF!"),
        ('<c r="A2" t="b"><v>0</v></c>', "FALSE"),
        ('<c r="A2" t="str"><f>A1&amp;"x"</f><v>výsledek</v></c>', "výsledek"),
        ('<c r="A2" t="s"><v>1</v></c>', "tučně a tence"),
        ('<c r="A2" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r><rPh><t>furigana</t></rPh></is></c>', "ab"),
        ('<c r="A2" t="str"><v>dva_x000D_\nřádky _x005F_x000D_</v></c>', "dva\r\nřádky _x000D_"),
    ],
)
def test_a_cell(cell: str, text: str) -> None:
    runs = '<r><t>tučně</t></r><r><t xml:space="preserve"> a tence</t></r>'
    texts = f'<sst xmlns="{MAIN}"><si><t>x</t></si><si>{runs}</si></sst>'
    assert only_row(f'<row r="2">{cell}</row>', texts=texts) == [text]


def test_dates_of_a_workbook_that_counts_from_1904() -> None:
    body = '<row r="2"><c r="A2" s="1"><v>44882</v></c></row>'
    assert only_row(body, workbook=sheet_list("A", properties='<workbookPr date1904="1"/>')) == ["2026-11-18"]


def test_cells_without_references_out_of_order_and_with_gaps() -> None:
    assert only_row("<row><c><v>1</v></c><c/><c><v>3</v></c></row>") == ["1", "", "3"]
    assert only_row('<row r="2"><c r="C2"><v>3</v></c><c r="A2"><v>1</v></c></row>') == ["1", "", "3"]


def test_names_with_a_prefix_as_other_programs_write_them() -> None:
    sheet = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1"><x:c r="A1" t="str"><x:v>Jméno</x:v></x:c></x:row>'
        '<x:row r="7"><x:c r="B7" t="inlineStr"><x:is><x:t>Jan</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>'
    )
    rows = list(opened(workbook([], sheet1=sheet)).rows())
    assert [(row.number, row.cells) for row in rows] == [(7, ["", "Jan"])]


def test_the_first_sheet_with_anything_in_it_is_taken_and_another_can_be_said() -> None:
    file = io.BytesIO(workbook([], workbook=sheet_list("Prázdný", "Lidé", "Firmy"), relations=relations(3)))
    with zipfile.ZipFile(file, "a") as archive:
        for number, name in ((2, "Jan"), (3, "Okna")):
            cell = '<row r="{0}"><c r="A{0}" t="str"><v>{1}</v></c></row>'
            body = cell.format(1, "Jméno") + cell.format(2, name)
            archive.writestr(f"xl/worksheets/sheet{number}.xml", sheet_xml(body))
    sheet = open_sheet(file)
    assert (sheet.sheet, sheet.sheets) == ("Lidé", ["Prázdný", "Lidé", "Firmy"])
    assert [row.cells for row in open_sheet(file, sheet="Firmy").rows()] == [["Okna"]]
    with pytest.raises(SheetError) as refused:
        open_sheet(file, sheet="Tajné")
    assert refused.value.code == "sheet"


@given(st.lists(st.lists(TEXT, min_size=1, max_size=5), min_size=1, max_size=10))
@settings(max_examples=60, deadline=None)
def test_texts_come_back_as_written(rows: list[list[str]]) -> None:
    rows = [[cell.replace("_x", "-x") for cell in row] for row in rows]
    data = workbook([["Jméno"], *rows, ["konec"]])
    read = [row.cells for row in opened(data, header_row=1).rows()]  # type: ignore[arg-type]
    for written, cells in zip(rows, read, strict=False):
        assert [*cells, *[""] * (len(written) - len(cells))] == written


def refusal(data: bytes) -> str:
    with pytest.raises(SheetError) as refused:
        for _ in opened(data).rows():
            pass
    assert str(refused.value.detail).endswith(".")
    return refused.value.code


def peak_of(data: bytes) -> int:
    tracemalloc.start()
    try:
        refusal(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


HEAD = '<row r="1"><c r="A1" t="str"><v>Jmeno</v></c></row>'


def test_a_sheet_that_unpacks_a_thousandfold_is_refused_before_it_is_unpacked() -> None:
    bomb = workbook([], sheet1=sheet_xml(HEAD + " " * 50_000_000))
    assert len(bomb) < 300_000
    assert refusal(bomb) == "too_large"
    assert peak_of(bomb) < 2_000_000


def test_a_million_cells_that_name_one_long_text_take_no_memory() -> None:
    texts = f'<sst xmlns="{MAIN}"><si><t>{"x" * 30_000}</t></si></sst>'
    rows = "".join(f'<row r="{at}">' + '<c t="s"><v>0</v></c>' * 10 + "</row>" for at in range(2, 3_003))
    sheet = opened(workbook([], sheet1=sheet_xml(HEAD + rows), texts=texts))
    tracemalloc.start()
    try:
        length = sum(len(cell) for row in sheet.rows() for cell in row.cells)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length == 900_000_000
    assert peak < 20_000_000


def test_one_cell_in_the_last_corner_takes_no_memory() -> None:
    corner = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert refusal(workbook([], sheet1=sheet_xml(HEAD + corner))) == "columns"
    below = '<row r="1048576"><c r="B1048576"><v>1</v></c></row>'
    assert [row.number for row in opened(workbook([], sheet1=sheet_xml(HEAD + below))).rows()] == [1_048_576]


def test_more_than_a_million_cells_are_refused_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_CELLS", 1_000)
    assert [len(row.cells) for row in opened(workbook([["a"] * 10] * 100)).rows()] == [10] * 99
    assert refusal(workbook([["a"] * 10] * 100 + [["a"]])) == "too_large"


def test_entities_and_doctypes_are_refused() -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    assert refusal(workbook([], sheet1=laughs + sheet_xml(HEAD))) == "damaged"
    assert refusal(workbook([], workbook=laughs + sheet_list("A"))) == "damaged"
    assert refusal(workbook([], styles=laughs + STYLES)) == "damaged"


def test_one_endless_tag_is_refused() -> None:
    tag = '<row r="' + "".join(chr(97 + at * 7 % 26) * (at % 5 + 1) for at in range(4_000_000)) + '"/>'
    assert refusal(workbook([], sheet1=sheet_xml(HEAD + tag))) == "damaged"


@pytest.mark.parametrize("name", ["xl/embeddings/more.xlsx", "inner.ZIP", "a.7z"])
def test_archives_inside_are_refused(name: str) -> None:
    file = io.BytesIO(workbook([["Jmeno"], ["Jan"]]))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, b"PK\x03\x04")
    assert refusal(file.getvalue()) == "nested"


def test_thousands_of_entries_are_refused() -> None:
    file = io.BytesIO(workbook([["Jmeno"], ["Jan"]]))
    with zipfile.ZipFile(file, "a") as archive:
        for at in range(2_001):
            archive.writestr(f"x{at}", b"")
    assert refusal(file.getvalue()) == "too_large"


def test_a_table_of_contents_without_end_is_refused_unread() -> None:
    file = io.BytesIO(workbook([["Jmeno"], ["Jan"]]))
    with zipfile.ZipFile(file, "a") as archive:
        for at in range(12_000):
            archive.writestr(f"{at:060}", b"")
    assert refusal(file.getvalue()) == "too_large"


@pytest.mark.parametrize("part", ["xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"])
def test_a_missing_part_is_damage(part: str) -> None:
    whole, rest = io.BytesIO(workbook([["Jmeno"], ["Jan"]])), io.BytesIO()
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(rest, "w") as copy:
        for name in archive.namelist():
            if name != part:
                copy.writestr(name, archive.read(name))
    assert refusal(rest.getvalue()) == "damaged"


@pytest.mark.parametrize(
    "body",
    [
        '<row r="x"/>',
        '<row r="2"><c r="A2" t="s"><v>7</v></c></row>',
        '<row r="2"><c r="A2"><v>abc</v></c></row>',
        "<row>",
    ],
)
def test_a_sheet_that_makes_no_sense_is_damage(body: str) -> None:
    assert refusal(workbook([], sheet1=sheet_xml(HEAD + body))) == "damaged"


def test_a_workbook_cut_off_or_flipped_anywhere_is_read_or_refused() -> None:
    people: list[list[Cell]] = [[f"Jan {at}", 602114873.0 + at] for at in range(20)]
    data = workbook([["Jmeno", "Tel"], *people])
    words = set()
    for at in range(0, len(data), 7):
        for spoilt in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            try:
                for _ in opened(spoilt).rows():
                    pass
            except SheetError as error:
                words.add(error.code)
    assert words <= {"empty", "zip", "binary", "damaged", "too_large", "no_rows", "columns"}
    assert "damaged" in words
