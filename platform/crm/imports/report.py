"""The file of refused rows: every cell as it stood and a reason, to be corrected and brought in again."""

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from flask_babel import gettext as _

from core.csvout import CsvFile


def write_refused(
    file: BinaryIO, headings: Sequence[str], refused: Iterable[tuple[Sequence[str], str]], separator: str = ";"
) -> int:
    """Write (cells, reason) of each refused row as CSV; the number of rows written. The reason stands under its own
    heading after the last one, also where a row has fewer or more cells."""
    count = 0
    with CsvFile(file, separator) as out:
        out.row([*headings, _("Reason")])
        for cells, reason in refused:
            kept = list(cells[: len(headings)])
            # Cells beyond the headings are often what is wrong with the row, so they are shown, after the reason.
            out.row([*kept, *[""] * (len(headings) - len(kept)), reason, *cells[len(headings) :]])
            count += 1
    return count
