"""Files of unknown make: what they are taken for, that their cells come back whole, and what is said of bad ones."""

import csv
import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Refusal
from crm.imports.sheet import Sheet, SheetError, open_sheet
from tests.crm.imports.messy import HEADINGS, write_messy
from tests.crm.imports.workbooks import workbook

ENCODINGS = {
    "utf-8": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be",
    "cp1250": "cp1250", "iso-8859-2": "iso-8859-2",
}  # fmt: skip
TABLE = [
    ["Jméno", "Město", "Poznámka"],
    ["Žofie Šťastná", "Třebíč", "příliš žluťoučký kůň"],
    ['Řehoř "Řízek" Ďábel', "Ústí nad Labem", "první řádek\ndruhý řádek"],
    ["Zdeněk Čáp", "Šumperk; čtvrť, Ťuhýk\ttab", ""],
]


def opened(data: bytes, **said: object) -> Sheet:
    return open_sheet(io.BytesIO(data), **said)  # type: ignore[arg-type]


def as_csv(rows: list[list[str]], separator: str = ";", line_end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    # Python's writer leaves a line feed unquoted where lines end otherwise, which nobody could tell apart again.
    csv.writer(
        text,
        delimiter=separator,
        lineterminator=line_end,
        quoting=csv.QUOTE_ALL if line_end == "\r" else csv.QUOTE_MINIMAL,
    ).writerows(rows)
    return text.getvalue()


def cells(sheet: Sheet) -> list[list[str]]:
    return [row.cells for row in sheet.rows()]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_and_separator_is_told_by_itself(encoding: str, separator: str, line_end: str) -> None:
    sheet = opened(as_csv(TABLE, separator, line_end).encode(encoding))
    assert (sheet.kind, sheet.encoding, sheet.separator) == ("csv", ENCODINGS[encoding], separator)
    assert sheet.headings == TABLE[0]
    assert cells(sheet) == TABLE[1:]


VISIBLE = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd\ufeff")
LETTERS = st.text(VISIBLE | st.sampled_from('\n";,\t'), min_size=1, max_size=30).filter(
    lambda text: text.strip() == text
)


@given(
    rows=st.lists(st.lists(LETTERS, min_size=3, max_size=3), min_size=2, max_size=20),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
    separator=st.sampled_from(";,\t"),
)
@settings(max_examples=150, deadline=None)
def test_what_is_written_comes_back_cell_by_cell(rows: list[list[str]], encoding: str, separator: str) -> None:
    said = {"encoding": ENCODINGS[encoding], "separator": separator, "header_row": 1}
    sheet = opened(as_csv([["a", "b", "c"], *rows], separator).encode(encoding), **said)
    assert cells(sheet) == rows
    assert cells(sheet) == rows, "a second run starts from the beginning"


@given(st.binary(max_size=3000))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_read_or_refused_with_words(data: bytes) -> None:
    words = "Read."
    try:
        for row in opened(data).rows():
            assert all(isinstance(cell, str) for cell in row.cells)
    except SheetError as error:
        words = str(error.detail)
    assert words.endswith(".")


def test_what_a_person_says_goes_before_the_guess() -> None:
    data = "Okna, s.r.o.\nFirma;Kontakt,e-mail\nŽaluzie;Jan,a@b.cz\n".encode("cp1250")
    sheet = opened(data, encoding="iso-8859-2", separator=",", header_row=2)
    assert (sheet.encoding, sheet.separator, sheet.header_row) == ("iso-8859-2", ",", 2)
    assert sheet.headings == ["Firma;Kontakt", "e-mail"]
    assert cells(sheet) == [["\x8ealuzie;Jan", "a@b.cz"]]


def test_the_order_of_excel_to_use_a_separator_is_followed_and_is_no_row() -> None:
    sheet = opened(b"sep=;\r\nJm\xc3\xa9no;Tel\r\nJan, Eva;1\r\n")
    assert (sheet.separator, sheet.headings, sheet.header_row) == (";", ["Jméno", "Tel"], 1)
    assert [tuple(row) for row in sheet.rows()] == [(2, ["Jan, Eva", "1"], None)]


def test_a_title_above_the_table_is_not_its_heading() -> None:
    rows = [
        ["Export zákazníků 2026", "", ""],
        ["", "", ""],
        ["Jméno", "E-mail", "Mobil"],
        ["Jan Novák", "a@b.cz", "602114873"],
    ]
    sheet = opened(as_csv(rows).encode())
    assert (sheet.header_row, sheet.headings) == (3, rows[2])
    assert [row.number for row in sheet.rows()] == [4]


def test_a_table_without_headings_keeps_its_first_row() -> None:
    sheet = opened(b"Jan Novak;jan@novak.cz;602114873\nEva;eva@novak.cz;602114874\n")
    assert (sheet.header_row, sheet.headings) == (0, ["", "", ""])
    assert [row.number for row in sheet.rows()] == [1, 2]


def test_a_row_with_unpaired_quotes_does_not_take_its_neighbours_with_it() -> None:
    data = 'Jméno;Tel\n"Jan;1\nEva;2\n"Firma "ABC"";3\n"Dva\nřádky";4\nOta;5\n"konec;6\n'
    rows = list(opened(data.encode()).rows())
    assert [(row.number, row.cells, row.fault) for row in rows] == [
        (2, ['"Jan', "1"], "quotes"),
        (3, ["Eva", "2"], None),
        (4, ['"Firma "ABC""', "3"], "quotes"),
        (5, ["Dva\nřádky", "4"], None),
        (6, ["Ota", "5"], None),
        (7, ['"konec', "6"], "quotes"),
    ]


def test_a_quote_never_closed_costs_one_row_of_a_long_file() -> None:
    lines = ["Jméno;Tel"] + [f"Jan {index};{index}" for index in range(5_000)]
    lines[100] = '"' + lines[100]
    rows = list(opened("\n".join(lines).encode()).rows())
    assert len(rows) == 5_000
    assert [row.number for row in rows if row.fault] == [101]


def test_ten_megabytes_in_one_cell_are_one_refused_row() -> None:
    big = "x" * 10_000_000
    rows = list(opened(f"Jméno;Tel\nJan;1\n{big};2\nEva;3\n".encode()).rows())
    assert [row.fault for row in rows] == [None, "long", None]
    assert len("".join(rows[1].cells)) <= 2_000
    quoted = list(opened(f'Jméno;Tel\n"{big[:200_000]}";2\nEva;3\n'.encode()).rows())
    assert [row.fault for row in quoted] == ["long", None]


def test_a_few_broken_bytes_in_utf8_spoil_their_rows_alone() -> None:
    lines = ["Jméno;Město"] + ["Žofie Šťastná;Třebíč"] * 200
    data = "\n".join(lines).encode().replace("Žofie".encode(), b"\xff\xfeofie", 1)
    sheet = opened(data)
    assert sheet.encoding == "utf-8"
    assert sum("\ufffd" in row.cells[0] for row in sheet.rows()) == 1


def test_blank_rows_are_given_and_numbered() -> None:
    rows = list(opened(b"Jmeno;Tel\n\nJan;1\n;\nEva;2\n").rows())
    assert [(row.number, any(row.cells)) for row in rows] == [(2, False), (3, True), (4, False), (5, True)]


def zipped(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, data)
    return file.getvalue()


OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)
FOREIGN = {
    "zero bytes": (b"", "empty"),
    "a byte order mark": (b"\xef\xbb\xbf", "empty"),
    "blank lines": (b"\r\n \r\n;;;\r\n", "empty"),
    "headings alone": ("Jméno;Telefon;E-mail\r\n".encode(), "no_rows"),
    "headings and blank rows": ("Jméno;Telefon\r\n;\r\n\r\n".encode(), "no_rows"),
    "a ZIP named .csv": (zipped("zakaznici.csv", b"Jmeno;Tel\nJan;1\n"), "zip"),
    "a Word document": (zipped("word/document.xml", b"<w/>"), "zip"),
    "an old Excel file": (OLD_EXCEL, "xls"),
    "a workbook with a password": (OLD_EXCEL + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "pdf"),
    "a web page": (b"\n<!DOCTYPE html><html><table><tr><td>Jan</td></tr></table>", "html"),
    "a table of HTML named .xls": (b"<table border=1><tr><td>Jan</td></tr></table>", "html"),
    "a web page in UTF-16": ("<html><body>Jan</body></html>".encode("utf-16"), "html"),
    "an XHTML page": (b'<?xml version="1.0"?>\n<html xmlns="x"></html>', "html"),
    "an XML file": (b'<?xml version="1.0"?><contacts/>', "xml"),
    "vCards": (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Jan\r\nEND:VCARD\r\n", "vcard"),
    "zeros": (bytes(5000), "binary"),
    "noise": (bytes(range(256)) * 20, "binary"),
    "something packed": (gzip.compress(b"Jmeno;Tel\n" * 5000 + bytes(range(256)), mtime=0), "binary"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_no_table_is_refused_with_the_way_out(what: str, tmp_path: Path) -> None:
    data, code = FOREIGN[what]
    path = tmp_path / "contacts.csv"
    path.write_bytes(data)
    with pytest.raises(SheetError) as refused:
        open_sheet(path)
    assert refused.value.code == code
    assert isinstance(refused.value, Refusal)
    assert str(refused.value.detail).endswith(".")


@pytest.mark.parametrize(
    ("said", "code"),
    [({"encoding": "rot13"}, "encoding"), ({"separator": "x"}, "separator"), ({"header_row": 500}, "header")],
)
def test_a_wrong_order_is_refused(said: dict[str, object], code: str) -> None:
    with pytest.raises(SheetError) as refused:
        opened(b"Jmeno;Tel\nJan;1\n", **said)
    assert refused.value.code == code


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(SheetError) as refused:
        opened((";".join(f"c{i}" for i in range(1_500)) + "\n" + ";".join("x" * 1_500) + "\n").encode())
    assert refused.value.code == "columns"


def test_a_hundred_thousand_rows_are_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    with path.open("wb") as file:
        expected = write_messy(100_000, file, encoding="cp1250")
    sheet = open_sheet(path)
    tracemalloc.start()
    try:
        count = sum(1 for row in sheet.rows() if any(row.cells))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == expected.rows
    assert peak < 4_000_000


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_same_table_is_read_from_either_kind(kind: str) -> None:
    file = io.BytesIO()
    expected = write_messy(300, file, kind=kind)
    sheet = open_sheet(file)
    assert (sheet.kind, sheet.headings) == (kind, HEADINGS)
    assert sum(1 for row in sheet.rows() if any(row.cells)) == expected.rows
    assert not file.closed


def test_a_workbook_is_known_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(workbook([["Jméno", "Tel"], ["Jan", 602114873.0]]))
    assert open_sheet(path).kind == "xlsx"
