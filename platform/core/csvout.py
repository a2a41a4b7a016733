"""CSV for people: files that a spreadsheet opens with the right letters and without running anything.

For people's exports alone; the API gives values as they are.
"""

import csv
import io
import re
from collections.abc import Iterable
from typing import BinaryIO

# What makes a spreadsheet take a cell for a formula (OWASP, CSV Injection); and such a start with ' before it already,
# so that taking one ' away always gives the text back.
FORMULA_START = re.compile("'*[=+@\t\r-]")


def safe_cell(text: str) -> str:
    """The text, with ' before it where a spreadsheet would run it."""
    return f"'{text}" if FORMULA_START.match(text) else text


def separator_of(language: str) -> str:
    """What a spreadsheet set to this language takes for the end of a cell."""
    return "," if language == "en" else ";"


class CsvFile:
    """Writes rows as UTF-8 with a byte order mark, which Excel needs to read it as UTF-8, into a binary file that
    stays open: with CsvFile(file) as out: out.row(["Jan", "+420..."])."""

    def __init__(self, file: BinaryIO, separator: str = ";"):
        self.text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
        self.writer = csv.writer(self.text, delimiter=separator)

    def row(self, cells: Iterable[str]) -> None:
        self.writer.writerow([safe_cell(cell) for cell in cells])

    def __enter__(self) -> "CsvFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.text.detach()  # writes out what is buffered
