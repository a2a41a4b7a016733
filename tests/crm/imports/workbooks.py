"""Writes small XLSX workbooks, sound ones and hostile ones, part by part."""

import io
import zipfile
from collections.abc import Iterable
from datetime import date
from typing import IO
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
CONTENT_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{SPREADSHEET}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{SPREADSHEET}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{SPREADSHEET}.worksheet+xml"/></Types>'
)
ROOT = (
    f'<Relationships xmlns="{PACKAGE}">'
    f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
# Style 1 is a date, style 2 a format of our own with the time, style 3 one that only looks like a date.
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="2">'
    '<numFmt numFmtId="170" formatCode="d\\. m\\. yyyy\\ h:mm"/>'
    '<numFmt numFmtId="171" formatCode="[Red]0\\ &quot;dny&quot;"/></numFmts>'
    '<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs>'
    "</styleSheet>"
)

Cell = str | int | float | bool | date | None


def workbook(rows: Iterable[Iterable[Cell]], *, sheet: str = "List1", **parts: str) -> bytes:
    """A workbook of one sheet. `parts` replace whole parts: sheet1=..., texts=..., workbook=..., styles=...."""
    file = io.BytesIO()
    write_workbook(file, rows, sheet=sheet, **parts)
    return file.getvalue()


def write_workbook(file: IO[bytes], rows: Iterable[Iterable[Cell]], *, sheet: str = "List1", **parts: str) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("_rels/.rels", ROOT)
        archive.writestr("xl/workbook.xml", parts.get("workbook") or sheet_list(sheet))
        archive.writestr("xl/_rels/workbook.xml.rels", parts.get("relations") or relations(1))
        archive.writestr("xl/styles.xml", parts.get("styles") or STYLES)
        if "texts" in parts:
            archive.writestr("xl/sharedStrings.xml", parts["texts"])
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            if "sheet1" in parts:
                part.write(parts["sheet1"].encode())
            else:
                part.write(f'<worksheet xmlns="{MAIN}"><sheetData>'.encode())
                for number, row in enumerate(rows, 1):
                    part.write(row_xml(number, row).encode())
                part.write(b"</sheetData></worksheet>")


def sheet_list(*names: str, properties: str = "") -> str:
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{at}" r:id="rId{at}"/>' for at, name in enumerate(names, 1)
    )
    return f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{properties}<sheets>{sheets}</sheets></workbook>'


def relations(count: int) -> str:
    links = "".join(
        f'<Relationship Id="rId{at}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at in range(1, count + 1)
    )
    return f'<Relationships xmlns="{PACKAGE}">{links}</Relationships>'


def sheet_xml(body: str) -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'


def row_xml(number: int, row: Iterable[Cell]) -> str:
    cells = (cell_xml(f"{letters(column)}{number}", cell) for column, cell in enumerate(row, 1))
    return f'<row r="{number}">{"".join(cells)}</row>'


def cell_xml(reference: str, cell: Cell) -> str:
    if cell is None or cell == "":
        return ""
    if isinstance(cell, bool):
        return f'<c r="{reference}" t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, date):
        return f'<c r="{reference}" s="1"><v>{(cell - date(1899, 12, 30)).days}</v></c>'
    if isinstance(cell, int | float):
        return f'<c r="{reference}"><v>{cell!r}</v></c>'
    text = escape(cell, {"\r": "_x000D_"})
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def letters(column: int) -> str:
    """1 -> A, 27 -> AA."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text
