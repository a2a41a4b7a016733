"""Opening a file of unknown make: `open_sheet(file)` says what it is and gives its rows as a stream.

    sheet = open_sheet(path)            # raises SheetError: what is wrong with the file, and what to do
    sheet.headings                      # ["Jméno a příjmení", "Tel.", "e-mail", ...]
    for row in sheet.rows(): ...        # as often as you like, each time from the start

What was guessed (encoding, separator, sheet, heading) stands in the sheet's attributes, and can be said by the person
instead: `open_sheet(path, encoding="cp1250", separator=";", header_row=3)`.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

from flask_babel import lazy_gettext as _l

from .delimited import ENCODINGS, SEPARATORS, declared_separator, guess_encoding, guess_separator, open_text, records
from .source import MAX_COLUMNS, Row, SheetError
from .xlsx import Workbook

__all__ = ["ENCODINGS", "SEPARATORS", "Row", "Sheet", "SheetError", "open_sheet"]

Source = Path | BinaryIO

SAMPLE = 65_536  # characters from which the separator is guessed
HEAD = 20  # rows among which the heading is looked for
# What only data looks like, never a heading: an address, a number of six digits or more, a date, a web page.
DATA = re.compile(r"@|(?:\d[\s./()-]{0,2}){6}|\d{1,2}\.\s?\d{1,2}\.\s?\d{4}|https?://|^[\d\s.,+-]+$")

# By what a file begins with: (code, what to do)
FOREIGN: list[tuple[re.Pattern[bytes], str, Any]] = [
    (re.compile(rb"PK(\x03\x04|\x05\x06|\x07\x08)"), "zip",
     _l("This is a ZIP archive or a document of another kind. Unpack it and choose the CSV or XLSX file inside.")),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "xls",
     _l("This is an old Excel file (.xls). Open it, choose Save as and the kind XLSX or CSV.")),
    (re.compile(rb"%PDF-"), "pdf",
     _l("This is a PDF. Export the contacts as CSV or XLSX from the program they come from.")),
    (re.compile(rb"\s*begin:vcard", re.IGNORECASE), "vcard",
     _l("These are vCards. Export the contacts as CSV or XLSX instead.")),
    (re.compile(rb"\s*<\?xml(?![^>]*>\s*<(!doctype )?html)", re.IGNORECASE), "xml",
     _l("This is an XML file. Export the contacts as CSV or XLSX instead.")),
    (re.compile(rb"\s*<[a-z!?]", re.IGNORECASE), "html",
     _l("This is a web page, even if its name says Excel. Open it in Excel and save it as XLSX or CSV.")),
]  # fmt: skip


@dataclass
class Sheet:
    """An open table. `header_row` is the number of the row with the headings, 0 when there is none; `headings` are
    its cells as they stand, "" where a column has no name. `encoding` and `separator` belong to CSV, `sheet` and
    `sheets` (all one may choose) to XLSX."""

    kind: Literal["csv", "xlsx"]
    source: Source
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    sheets: list[str] = field(default_factory=list)
    header_row: int = 1
    headings: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        """The rows below the heading, blank ones too, in bounded memory. One run at a time over an open file.
        Raises SheetError when a workbook turns out damaged or too large half way."""
        return (row for row in self.all_rows() if row.number > self.header_row)

    def sample(self, size: int = 200) -> list[Row]:
        """The first rows that have anything in them and are sound."""
        return list(islice((row for row in self.rows() if row.fault is None and any(row.cells)), size))

    def all_rows(self) -> Generator[Row, None, None]:
        if isinstance(self.source, Path):
            with self.source.open("rb") as file:
                yield from self.rows_of(file)
        else:
            yield from self.rows_of(self.source)

    def rows_of(self, file: BinaryIO) -> Iterator[Row]:
        if self.kind == "xlsx":
            yield from Workbook(file).rows(self.sheet or "")
            return
        text = open_text(file, self.encoding or "utf-8")
        try:
            if not declared_separator(text.readline(8)):
                text.detach()
                text = open_text(file, self.encoding or "utf-8")
            yield from records(text, self.separator or ";")
        finally:
            if not file.closed:  # where the reading was given up, the file may have gone before
                text.detach()


def open_sheet(
    source: Source | str,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
) -> Sheet:
    """What the file is, by its bytes and not by its name. What is given is taken as said, the rest is guessed.

    `source` is a path, or a binary file that can be sought; it stays open. Raises SheetError with one of the codes
    empty, zip, xls, encrypted, pdf, html, xml, vcard, binary, encoding, separator, sheet, damaged, nested, too_large,
    columns, header, no_rows.
    """
    source = Path(source) if isinstance(source, str) else source
    if isinstance(source, Path):
        with source.open("rb") as file:
            opened = recognised(file, encoding, separator, sheet)
    else:
        opened = recognised(source, encoding, separator, sheet)
    opened.source = source
    find_headings(opened, header_row)
    return opened


def recognised(file: BinaryIO, encoding: str | None, separator: str | None, sheet: str | None) -> Sheet:
    file.seek(0)
    head = file.read(4096)
    if head.startswith(b"PK\x03\x04") and is_workbook(file):
        return workbook(file, sheet)
    refuse_foreign(head, file)
    if encoding is not None and encoding not in ENCODINGS:
        raise SheetError("encoding", _l("Choose one of the encodings offered."))
    encoding = encoding or guess_encoding(file)
    if encoding is None:
        raise SheetError("binary", _l("This is not a table of text. Export the contacts as CSV or XLSX."))
    text = open_text(file, encoding)
    beginning = text.read(SAMPLE)
    text.detach()
    if not beginning.strip("\ufeff\0 \t\r\n,;"):
        raise empty()
    refuse_foreign(beginning[:4096].encode(), file)
    if separator is not None and separator not in SEPARATORS:
        raise SheetError("separator", _l("Choose one of the separators offered."))
    whole_lines = beginning.rpartition("\n")[0] if len(beginning) == SAMPLE else beginning
    return Sheet("csv", file, encoding, separator or guess_separator(whole_lines or beginning))


def is_workbook(file: BinaryIO) -> bool:
    """The names of a ZIP's entries stand in its last bytes; a workbook's own sheet list is always among them."""
    file.seek(0, 2)
    file.seek(max(0, file.tell() - (1 << 21)))
    return b"xl/workbook.xml" in file.read()


def workbook(file: BinaryIO, wanted: str | None) -> Sheet:
    book = Workbook(file)
    if wanted is not None and wanted not in book.sheets:
        raise SheetError("sheet", _l("The workbook has no such sheet."))
    name = wanted or book.sheets[0]
    if wanted is None and len(book.sheets) > 1:
        filled_in = (name for name in book.sheets if any(any(row.cells) for row in book.rows(name)))
        name = next(filled_in, name)
    return Sheet("xlsx", file, sheet=name, sheets=book.sheets)


def refuse_foreign(head: bytes, file: BinaryIO) -> None:
    if not head:
        raise empty()
    for beginning, code, message in FOREIGN:
        if beginning.match(head.removeprefix(b"\xef\xbb\xbf")):
            if code == "xls" and is_encrypted(file):
                raise SheetError(
                    "encrypted", _l("The workbook is protected by a password. Save it without one, or as CSV.")
                )
            raise SheetError(code, message)


def is_encrypted(file: BinaryIO) -> bool:
    """A workbook with a password lies in the same container as an old .xls, under this name."""
    file.seek(0)
    mark, tail = "EncryptedPackage".encode("utf-16-le"), b""
    while chunk := file.read(1 << 20):
        if mark in tail + chunk:
            return True
        tail = chunk[-64:]
    return False


def empty() -> SheetError:
    return SheetError("empty", _l("There is nothing in the file. Check that you chose the right one."))


def find_headings(sheet: Sheet, header_row: int | None) -> None:
    """Set the heading: as said, or the first row as wide as the table that does not look like data."""
    reader = sheet.all_rows()
    head = list(islice((row for row in reader if any(row.cells)), max(HEAD, header_row or 0)))
    reader.close()
    if not head:
        raise empty()
    sheet.header_row = guess_header(head[:HEAD]) if header_row is None else header_row
    heading = next((row for row in head if row.number == sheet.header_row), None)
    if sheet.header_row and heading is None:
        raise SheetError("header", _l("There is no such row, or it is empty."))
    sheet.headings = [" ".join(cell.split()) for cell in heading.cells] if heading else []
    below = [row for row in head if row.number > sheet.header_row] or sheet.sample(1)
    if not below:
        raise SheetError("no_rows", _l("There are only headings in the file, and no row under them."))
    width = max(filled(row) for row in below)
    while len(sheet.headings) > width and not sheet.headings[-1]:
        sheet.headings.pop()
    if not heading:
        sheet.headings = [""] * width
    if len(sheet.headings) > MAX_COLUMNS:
        raise SheetError("columns", _l("The sheet has more than 1,000 columns. Remove those you do not need."))


def guess_header(head: list[Row]) -> int:
    width = max(map(filled, head))
    for row in head:
        cells = [cell for cell in row.cells if cell.strip()]
        if any(DATA.search(cell.strip()) for cell in cells):
            return 0  # the table has begun
        if len(cells) >= width / 2 or row is head[-1]:
            return row.number
    return 0


def filled(row: Row) -> int:
    """How far to the right the row has anything."""
    return max((index for index, cell in enumerate(row.cells, 1) if cell.strip()), default=0)
