"""Rows out of the database as CSV by COPY: PostgreSQL writes the lines itself, many times faster than Python would.

COPY is sent past SQLAlchemy's own execution, so what the session's reader may not see is masked here (core.masking).
"""

from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, Select, case, func, literal_column
from sqlalchemy.orm import Session

from core.masking import masked

FORMULA = "'^''*[=+@\t\r-]'"  # core.csvout.FORMULA_START as a literal of SQL
FIRST_LETTERS = "61, 43, 45, 64, 9, 13, 39"  # = + - @ tab return '


def copy_csv(session: Session, query: Select[Any], file: BinaryIO, separator: str) -> int:
    """Write the rows of a query, every column of it a text, into a binary file that stays open. Returns how many."""
    hidden = session.info.get("hidden")
    statement = masked(query, hidden) if hidden else query
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    driver: Any = connection.connection.driver_connection
    asked = f"copy ({compiled}) to stdout (format csv, delimiter '{separator}')"
    with driver.cursor() as cursor:
        with cursor.copy(asked, compiled.params) as rows:
            file.writelines(rows)
        return int(cursor.rowcount)


def safe(cell: ColumnElement[Any]) -> ColumnElement[Any]:
    """The cell as core.csvout.safe_cell would write it, or null for nothing. Most are told by their first letter."""
    suspect = func.ascii(cell).in_([literal_column(FIRST_LETTERS)])
    harmful = suspect & cell.op("~")(literal_column(FORMULA))
    return case((harmful, literal_column("''''").concat(cell)), (cell != literal_column("''"), cell))
