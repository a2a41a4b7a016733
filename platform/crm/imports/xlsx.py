"""Rows of an Excel workbook (XLSX), read as a stream and counted while reading.

Our own reader, since the file comes from anybody: readers that load a sheet can be made to take all memory by a file
of a few kilobytes (one cell at XFD1048576, or one long text named by a million cells). Here a row holds references to
the texts it names, and nothing is as large as a sheet.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import IO, BinaryIO
from xml.parsers import expat

from defusedxml import DefusedXmlException, ElementTree
from flask_babel import lazy_gettext as _l

from .source import MAX_COLUMNS, Row, SheetError

MAX_CELLS = 1_000_000  # with a value
MAX_ENTRIES = 2_000
MAX_DIRECTORY = 1 << 20  # bytes of the ZIP's own table of contents
MAX_SMALL_PART = 16 << 20  # bytes of the workbook's list of sheets, styles and relations
MAX_TEXTS = 64 << 20  # bytes of the shared texts
MAX_SHEET = 300 << 20  # bytes of the sheet
MAX_RATIO = 200  # how many times a part may grow; real sheets grow 5 to 30 times
MAX_TOKEN = 4 << 20  # bytes of one XML tag
MAX_TEXT = 131_072  # characters of one cell that are kept, as in CSV
CHUNK = 1 << 18

RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
# Number formats that show dates without being listed in the file (ECMA-376 part 1, 18.8.30).
BUILT_IN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
DAMAGED = (
    zipfile.BadZipFile, zlib.error, expat.ExpatError, ElementTree.ParseError, DefusedXmlException,
    EOFError, KeyError, IndexError, ValueError, NotImplementedError, RuntimeError,
)  # fmt: skip


def damaged() -> SheetError:
    return SheetError("damaged", _l("The workbook is damaged. Open it in Excel and save it again, or save it as CSV."))


def too_large() -> SheetError:
    return SheetError(
        "too_large",
        _l("The workbook is too large: at most 1,000,000 cells. Save it as CSV, which may be of any length."),
    )


class Workbook:
    """A workbook whose ZIP was checked; `sheets` are the names of its visible sheets, in order."""

    def __init__(self, file: BinaryIO):
        check_directory(file)
        try:
            self.zip = zipfile.ZipFile(file)
            check_entries(self.zip)
            self.parts: dict[str, str] = {}
            self.base_1904 = False
            self.read_workbook()
            self.date_styles = self.read_date_styles()
        except DAMAGED as error:
            raise damaged() from error
        self.sheets = list(self.parts)
        if not self.sheets:
            raise damaged()

    def read_workbook(self) -> None:
        root = ElementTree.fromstring(self.small_part("xl/workbook.xml"), forbid_dtd=True)
        relations = ElementTree.fromstring(self.small_part("xl/_rels/workbook.xml.rels"), forbid_dtd=True)
        targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
        for element in root.iter():
            name = local(element.tag)
            if name == "workbookPr":
                self.base_1904 = element.get("date1904") in {"1", "true"}
            elif name == "sheet" and element.get("state", "visible") == "visible":
                target = targets.get(element.get(RELATION) or element.get(STRICT_RELATION), "")
                part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                if "worksheets/" in part:  # charts and macro sheets have no cells
                    self.parts[element.get("name", "")] = part

    def read_date_styles(self) -> set[str]:
        """Indexes of the cell styles that show a number as a date, as the cells name them."""
        if "xl/styles.xml" not in self.zip.NameToInfo:
            return set()
        root = ElementTree.fromstring(self.small_part("xl/styles.xml"), forbid_dtd=True)
        dates = set(BUILT_IN_DATES)
        for element in root.iter():
            if local(element.tag) == "numFmt" and shows_date(element.get("formatCode", "")):
                dates.add(int(element.get("numFmtId", "0")))
        formats = next((element for element in root if local(element.tag) == "cellXfs"), ())
        return {str(index) for index, form in enumerate(formats) if int(form.get("numFmtId", "0")) in dates}

    def small_part(self, name: str) -> bytes:
        if self.zip.getinfo(name).file_size > MAX_SMALL_PART:
            raise too_large()
        return self.zip.read(name)

    def rows(self, sheet: str) -> Iterator[Row]:
        """The rows that the sheet has, numbered as Excel shows them. Raises SheetError, also half way."""
        try:
            texts = self.read_texts()
            reader = RowReader(texts, self.date_styles, self.base_1904)
            with self.zip.open(self.parts[sheet]) as part:
                for _ in parsed(part, reader.parser, MAX_SHEET):
                    yield from reader.take()
        except DAMAGED as error:
            raise damaged() from error

    def read_texts(self) -> list[str]:
        if "xl/sharedStrings.xml" not in self.zip.NameToInfo:
            return []
        reader = TextReader()
        with self.zip.open("xl/sharedStrings.xml") as part:
            for _ in parsed(part, reader.parser, MAX_TEXTS):
                if len(reader.texts) > MAX_CELLS:
                    raise too_large()
        return reader.texts


def check_directory(file: BinaryIO) -> None:
    """Refuse a table of contents that would itself fill the memory, before zipfile reads it."""
    file.seek(0, 2)
    file.seek(max(0, file.tell() - 66_000))
    tail = file.read()
    ends = [found.start() for found in re.finditer(rb"PK\x05\x06", tail)]
    sizes = [int.from_bytes(tail[end + 12 : end + 16], "little") for end in ends]
    if not sizes:
        raise damaged()
    if max(sizes) > MAX_DIRECTORY or b"PK\x06\x07" in tail:
        raise too_large()


def check_entries(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise too_large()
    for entry in entries:
        if entry.flag_bits & 1 or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise damaged()
        if entry.file_size > MAX_SHEET or entry.file_size > (1 << 20) + MAX_RATIO * entry.compress_size:
            raise too_large()
        if re.search(r"\.(zip|gz|7z|rar|xls[xmb]?|ods)$", entry.filename, re.IGNORECASE):
            raise SheetError(
                "nested", _l("There are other files inside the workbook. Copy the sheet to a new one and save that.")
            )
    if sum(entry.file_size for entry in entries) > MAX_SHEET + MAX_TEXTS:
        raise too_large()


def parsed(part: IO[bytes], parser: expat.XMLParserType, limit: int) -> Iterator[None]:
    """Feed the part to the parser piece by piece, counting, and stop at what no workbook contains."""
    fed = 0
    while chunk := part.read(CHUNK):
        fed += len(chunk)
        if fed > limit:
            raise too_large()
        parser.Parse(chunk, False)
        if fed - parser.CurrentByteIndex > MAX_TOKEN:
            raise damaged()
        yield
    parser.Parse(b"", True)
    yield


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


def shows_date(code: str) -> bool:
    return bool(re.search(r"[dmyhs]", NOT_CODE.sub("", code), re.IGNORECASE))


class Reader:
    """What both readers share: the text of an element, whatever prefix the file gives to the names."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.buffer_size = 1 << 16
        self.parser.StartElementHandler = self.first
        self.parser.StartDoctypeDeclHandler = refuse_doctype
        self.prefix = ""
        self.pieces: list[str] = []
        self.length = 0
        self.phonetic = False

    def first(self, name: str, _attributes: dict[str, str]) -> None:
        self.prefix = name[: name.rfind(":") + 1]
        self.begin()

    def begin(self) -> None:
        raise NotImplementedError

    def listen(self) -> None:
        if not self.phonetic:
            self.parser.CharacterDataHandler = self.hear

    def hear(self, data: str) -> None:
        self.length += len(data)
        if self.length <= MAX_TEXT:
            self.pieces.append(data)

    def heard(self) -> str:
        text = "".join(self.pieces)
        self.pieces.clear()
        self.length = 0
        return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class TextReader(Reader):
    """xl/sharedStrings.xml: the texts that cells name by their index."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def begin(self) -> None:
        text, run, phonetic = self.prefix + "si", self.prefix + "t", self.prefix + "rPh"

        def start(name: str, _attributes: dict[str, str]) -> None:
            if name == run:
                self.listen()
            elif name == phonetic:
                self.phonetic = True

        def end(name: str) -> None:
            self.parser.CharacterDataHandler = None
            if name == text:
                self.texts.append(self.heard())
            elif name == phonetic:
                self.phonetic = False

        self.parser.StartElementHandler, self.parser.EndElementHandler = start, end


class RowReader(Reader):
    """xl/worksheets/sheetN.xml: rows of cells, gathered until taken."""

    def __init__(self, texts: list[str], date_styles: set[str], base_1904: bool):
        super().__init__()
        self.texts, self.date_styles, self.base_1904 = texts, date_styles, base_1904
        self.done: list[Row] = []
        self.cells_left = MAX_CELLS

    def take(self) -> list[Row]:
        done, self.done = self.done, []
        return done

    def begin(self) -> None:  # noqa: C901 - one loop over a million cells, with its state in local names
        row_tag, cell_tag, value_tag = (self.prefix + name for name in ("row", "c", "v"))
        run_tag, phonetic_tag = self.prefix + "t", self.prefix + "rPh"
        number, column, kind, style, row = 0, 0, "n", "", [""]
        row.clear()
        values: dict[str, Callable[[str], str]] = {
            "s": lambda text: self.texts[int(text)],
            "b": lambda text: "TRUE" if text == "1" else "FALSE",
            "d": lambda text: text.removesuffix("T00:00:00").replace("T", " "),
            "str": str, "inlineStr": str, "e": str,
        }  # fmt: skip

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal number, column, kind, style
            if name == cell_tag:
                reference = attributes.get("r")
                column = COLUMNS[reference.rstrip("0123456789")] if reference else column + 1
                kind, style = attributes.get("t", "n"), attributes.get("s", "")
            elif name in (value_tag, run_tag):
                self.listen()
            elif name == row_tag:
                number, column = int(attributes.get("r") or number + 1), 0
                row.clear()
            elif name == phonetic_tag:
                self.phonetic = True

        def end(name: str) -> None:
            self.parser.CharacterDataHandler = None
            if name == cell_tag:
                if self.pieces:
                    text = self.heard()
                    put(values[kind](text) if kind in values else self.number(text, style))
            elif name == row_tag:
                self.done.append(Row(number, row.copy()))
            elif name == phonetic_tag:
                self.phonetic = False

        def put(value: str) -> None:
            self.cells_left -= 1
            if self.cells_left < 0:
                raise too_large()
            missing = column - len(row)
            if missing > 0:
                row.extend([""] * missing)
            row[column - 1] = value

        self.parser.StartElementHandler, self.parser.EndElementHandler = start, end

    def number(self, text: str, style: str) -> str:
        """A number as a person reads it in the sheet: 602114873.0 without its end, a date as a date."""
        if style in self.date_styles:
            return self.date(float(text)) or text
        if text.isdigit():
            return text
        value = float(text)
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)

    def date(self, serial: float) -> str | None:
        """ISO date, with the time when there is one; None for what Excel itself cannot show."""
        if not 0 <= serial < 2_958_466:
            return None
        # Excel counts a 29 February 1900 that never was, so the days before it are one less.
        base = datetime(1904, 1, 1) if self.base_1904 else datetime(1899, 12, 31 if serial < 60 else 30)  # noqa: DTZ001
        moment = base + timedelta(seconds=round(serial * 86_400))
        if serial < 1:
            return f"{moment:%H:%M}"
        return f"{moment:%Y-%m-%d}" if moment.time() == datetime.min.time() else f"{moment:%Y-%m-%d %H:%M}"


class Columns(dict[str, int]):
    """Column letters to their number, worked out once each: A = 1, Z = 26, AA = 27."""

    def __missing__(self, letters: str) -> int:
        number = 0
        for letter in letters:
            number = number * 26 + ord(letter) - 64
        if not letters.isascii() or not letters.isupper() or number > MAX_COLUMNS:
            raise SheetError("columns", _l("The sheet has more than 1,000 columns. Remove those you do not need."))
        self[letters] = number
        return number


COLUMNS = Columns()


def refuse_doctype(*_: object) -> None:
    raise damaged()
