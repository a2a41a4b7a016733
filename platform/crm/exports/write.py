"""The file of an export, put together from the parts that were gathered: CSV, a workbook, JSON, or an archive.

Nothing is held in memory but a row at a time. The workbook is written by XlsxWriter with `constant_memory`; each cell
is written as what it is, so that no text can become a formula or a link.
"""

import csv
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any, BinaryIO

import orjson
import xlsxwriter
from flask_babel import gettext as _
from werkzeug.utils import secure_filename

from core.actor import Actor
from core.csvout import CsvFile, separator_of
from core.db import Workspace
from core.files import CHUNK, files
from core.pages import zone_of
from crm.exports.columns import Column, Style
from crm.exports.kept import Kept
from crm.exports.kinds import KINDS
from crm.exports.models import Export
from crm.exports.own import all_columns

TOLD_EVERY = 10_000  # rows
MOST_ROWS = 1_048_576  # of a sheet, its headings included
LONGEST = 32_767  # characters of a cell

Wrote = Callable[[int], None]


@dataclass(frozen=True)
class Table:
    """One kind in the file: its name for people and for programs, its columns, and the parts with its rows."""

    what: str
    name: str
    columns: list[Column]
    parts: list[str]

    def lines(self, style: Style) -> Iterator[list[str]]:
        """The rows as they were gathered for us to read again."""
        for key in self.parts:
            with files().open(key) as part, io.TextIOWrapper(part, encoding="utf-8", newline="") as lines:
                yield from csv.reader(lines, delimiter=style.separator)


def tables_of(actor: Actor, found: Export) -> list[Table]:
    return [
        Table(
            what, str(KINDS[what].name), all_columns(actor, KINDS[what].model, plan["own"]),
            [part["key"] for part in found.parts if part["what"] == what],
        )
        for plan in found.plan
        for what in [plan["what"]]
    ]  # fmt: skip


def style_of(wanted: str, language: str) -> Style:
    """CSV is for a spreadsheet of the reader's language; what becomes a workbook, we read again ourselves."""
    if wanted == "csv":
        return Style(separator_of(language), "." if language == "en" else ",")
    return Style(",", ".", plain=True)


def file_name_of(actor: Actor, found: Export) -> str:
    """ "kontakty-2026-11-25.csv"."""
    said = {"everything": _("everything"), "files": _("files")}.get(found.what) or str(KINDS[found.what].name)
    day = datetime.now(UTC).astimezone(zone_of(actor)).date()
    archive = found.what == "everything" and found.format == "csv"
    return f"{secure_filename(said).lower() or found.what}-{day}.{'zip' if archive else found.format}"


def write_file(
    found: Export,
    tables: Sequence[Table],
    kept: Sequence[Kept],
    style: Style,
    workspace: Workspace,
    file: BinaryIO,
    wrote: Wrote,
) -> None:
    """Write all of it into a binary file. `wrote` is told now and then how many rows are in it."""
    if found.format == "zip":
        write_archive(kept, file, wrote)
    elif found.format == "json":
        write_json(tables, workspace, file)
    elif found.format == "xlsx":
        write_workbook(tables, style, file, wrote)
    elif found.what == "everything":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for table in tables:
                name = f"{secure_filename(table.name).lower() or table.what}.csv"
                with archive.open(name, "w", force_zip64=True) as entry:
                    write_csv(table, style, entry)
    else:
        for table in tables:
            write_csv(table, style, file)


def write_csv(table: Table, style: Style, file: IO[bytes]) -> None:
    head = io.BytesIO()
    with CsvFile(head, style.separator) as out:
        out.row([column.heading for column in table.columns])
    file.write(head.getvalue())
    for key in table.parts:
        with files().open(key) as part:
            shutil.copyfileobj(part, file, CHUNK)


def write_json(tables: Sequence[Table], workspace: Workspace, file: IO[bytes]) -> None:
    """One object: each kind is an array of what the API would answer."""
    said = {"workspace": workspace.name, "address": workspace.slug, "exported_at": datetime.now(UTC)}
    file.write(orjson.dumps(said)[:-1])
    for table in tables:
        file.write(b",\n" + orjson.dumps(table.what) + b":[\n")
        for number, key in enumerate(table.parts):
            file.write(b",\n" if number else b"")
            with files().open(key) as part:
                shutil.copyfileobj(part, file, CHUNK)
        file.write(b"\n]")
    file.write(b"}\n")


def write_archive(kept: Sequence[Kept], file: IO[bytes], wrote: Wrote) -> None:
    """All files as they are; one that is lost is left out, for the others are wanted all the same."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, one in enumerate(kept, 1):
            with (
                suppress(FileNotFoundError),
                files().open(one.key) as content,
                archive.open(one.name, "w", force_zip64=True) as entry,
            ):
                shutil.copyfileobj(content, entry, CHUNK)
            if number % 20 == 0:
                wrote(number)


def write_workbook(tables: Sequence[Table], style: Style, file: BinaryIO, wrote: Wrote) -> None:
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd", "use_zip64": True}
    with xlsxwriter.Workbook(file, options) as book:
        writer = SheetWriter(book)
        count = 0
        for table in tables:
            writer.begin(table.name, table.columns)
            for cells in table.lines(style):
                writer.row(cells)
                count += 1
                if count % TOLD_EVERY == 0:
                    wrote(count)


class SheetWriter:
    """Writes tables into a workbook, going on in a further sheet where one is full."""

    def __init__(self, book: xlsxwriter.Workbook):
        self.book = book
        self.bold = book.add_format({"bold": True})
        self.formats = {
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }

    def begin(self, name: str, columns: Sequence[Column], number: int = 1) -> None:
        self.name, self.columns, self.number, self.at = name, columns, number, 1
        self.sheet = self.book.add_worksheet(name[:31] if number == 1 else f"{name[:27]} {number}")
        self.sheet.freeze_panes(1, 0)
        for at, column in enumerate(columns):
            self.sheet.set_column(at, at, 18)
            self.sheet.write_string(0, at, column.heading, self.bold)

    def row(self, cells: Sequence[str]) -> None:
        if self.at == MOST_ROWS:
            self.begin(self.name, self.columns, self.number + 1)
        for at, (column, cell) in enumerate(zip(self.columns, cells, strict=True)):
            if cell:
                self.cell(at, column, cell)
        self.at += 1

    def cell(self, at: int, column: Column, cell: str) -> None:
        if column.kind == "number":
            self.sheet.write_number(self.at, at, float(cell))
        elif column.kind in self.formats and "1900" < cell[:4] < "9999":
            moment: Any = date.fromisoformat(cell) if column.kind == "day" else datetime.fromisoformat(cell)
            self.sheet.write_datetime(self.at, at, moment, self.formats[column.kind])
        else:
            self.sheet.write_string(self.at, at, cell[:LONGEST])
