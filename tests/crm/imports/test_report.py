"""The file of refused rows: opens in a spreadsheet, runs nothing, comes back after correction."""

import csv
import io

import pytest

from core.csvout import safe_cell
from crm.imports.columns import guess
from crm.imports.report import write_refused
from crm.imports.rows import ParsedContact, RefusedRow, RowParser
from crm.imports.sheet import open_sheet


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        '=HYPERLINK("http://x")',
        "+420602114873",
        "-2+3",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        "=cmd|' /C calc'!A0",
        "==",
        "+",
        "'=1",
    ],
)
def test_what_a_spreadsheet_would_run_is_made_text(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "Jan", "602 114 873", "'x", " =1", "a=b", "1-2", "\n"])
def test_other_cells_are_left_as_they_are(cell: str) -> None:
    assert safe_cell(cell) == cell


def test_the_file_opens_in_excel_and_shows_every_cell() -> None:
    file = io.BytesIO()
    rows = [
        (["Žofie", "=1+1", "a;b\nc"], "E-mail: chybí zavináč."),
        (["Jan"], "málo"),
        (["1", "2", "3", "+4"], "moc"),
    ]
    assert write_refused(file, ["Jméno", "E-mail", "-"], rows) == 3
    assert not file.closed
    assert file.getvalue().startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline=""), delimiter=";")) == [
        ["Jméno", "E-mail", "'-", "Reason"],
        ["Žofie", "'=1+1", "a;b\nc", "E-mail: chybí zavináč."],
        ["Jan", "", "", "málo"],
        ["1", "2", "3", "moc", "'+4"],
    ]


def test_refused_rows_corrected_in_the_file_can_be_brought_in_again() -> None:
    data = "Jméno;E-mail;Telefon\nJan Novák;jan@novak;+420602114873\nEva Malá;eva@mala.cz;602114874\n"
    sheet = open_sheet(io.BytesIO(data.encode()))
    mapping = {entry.column: entry.field for entry in guess(sheet.headings, []) if entry.field}
    parser = RowParser(mapping, width=3)
    refused = [
        (row.cells, result.reason) for row in sheet.rows() if isinstance(result := parser.parse(row), RefusedRow)
    ]
    assert len(refused) == 1
    file = io.BytesIO()
    write_refused(file, sheet.headings, refused)

    corrected = open_sheet(io.BytesIO(file.getvalue().replace(b"jan@novak;", b"jan@novak.cz;")))
    again = {entry.column: entry.field for entry in guess(corrected.headings, []) if entry.field}
    assert again == mapping, "the reason is no field"
    (row,) = corrected.rows()
    parsed = RowParser(again, width=4).parse(row)
    assert isinstance(parsed, ParsedContact)
    assert parsed.match_keys() == ["+420602114873", "jan@novak.cz"]
