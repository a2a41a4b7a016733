"""What the readers of files give: rows, or a reason why a file cannot be read."""

from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l

from core.errors import Refusal

MAX_COLUMNS = 1_000


class Row(NamedTuple):
    """One row as it stands in the file.

    `number` counts as a spreadsheet does, from 1 and with the heading. `fault` is the code of a refusal when the
    row cannot be told into cells (rows.REASONS says it in words); `cells` are then only what to show.
    """

    number: int
    cells: list[str]
    fault: str | None = None


class SheetError(Refusal):
    """The file as a whole cannot be read. `code` is for programs and tests, `detail` says what to do."""

    status = 422
    title = _l("This file cannot be read")

    def __init__(self, code: str, message: Any):
        super().__init__(message)
        self.code = code
