"""What is done to each row of a backup on its way in, since its file may come from anybody.

PostgreSQL itself checks the types, constraints and references of each value, for rows come in by COPY as a role that
owns nothing but the new schema. Here stands the rest: names of files become those of this workspace, JSON has the form
that the column's type says, and what features declare by `cleaned` goes through their own rules.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin, get_type_hints

import orjson
from flask_babel import lazy_gettext as _l

from core.db import Base, as_uuid
from tenants.backups.contents import Unfit
from tenants.backups.manifest import TableSaid
from tenants.backups.shape import Table

NULL = b"\\N"
ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
RAW = re.compile(rb"[\\\t\n\r]")
WRITTEN = {b"\\": b"\\\\", b"\t": b"\\t", b"\n": b"\\n", b"\r": b"\\r"}

# By table and column: takes the value as it is stored, gives the one to store. Raises ValueError for what cannot be.
RULES: dict[tuple[str, str], Callable[[Any], Any]] = {}
Cell = Callable[[bytes], bytes]


def cleaned(table: str, column: str, rule: Callable[[Any], Any]) -> None:
    """Declare a rule for a column; of JSON it is given the parsed value."""
    RULES[table, column] = rule


class Cleaner:
    """The rows of one table: those of `waiting` columns are emptied, to be told later (`postponed`, by id)."""

    def __init__(self, table: Table, said: TableSaid, schema: str, waiting: frozenset[str], *, foreign: bool):
        self.name, self.width = table.name, len(said.columns)
        self.cells: dict[int, Cell] = {}
        for at, column in enumerate(said.columns):
            known = next(one for one in table.columns if one.name == column)
            cell = cell_of(table.name, column, known.type, file=known.file, schema=schema) if foreign else None
            if cell is not None:
                self.cells[at] = cell
        self.waiting = {column: said.columns.index(column) for column in waiting if column in said.columns}
        self.id_at = said.columns.index("id") if "id" in said.columns else None
        self.postponed: list[tuple[str, str, str]] = []

    @property
    def needed(self) -> bool:
        return bool(self.cells or self.waiting)

    def clean(self, lines: list[bytes]) -> Iterator[bytes]:
        """Raises Unfit."""
        try:
            for line in lines:
                yield self.one(line)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise Unfit(_l("The table %(name)s holds what cannot be stored.", name=self.name)) from None

    def one(self, line: bytes) -> bytes:
        cells = line.split(b"\t")
        if len(cells) != self.width:
            raise ValueError
        for column, at in self.waiting.items():
            if cells[at] != NULL and self.id_at is not None:
                self.postponed.append((column, cells[self.id_at].decode(), cells[at].decode()))
                cells[at] = NULL
        for at, cell in self.cells.items():
            if cells[at] != NULL:
                cells[at] = cell(cells[at])
        return b"\t".join(cells)


def cell_of(table: str, column: str, type_: str, *, file: bool, schema: str) -> Cell | None:
    if file:
        return file_cell(schema)
    rule = RULES.get((table, column))
    if type_ == "jsonb":
        return json_cell(shape_named(table, column), rule)
    return text_cell(rule) if rule else None


def file_cell(schema: str) -> Cell:
    """A file's name keeps its number alone: whatever workspace it speaks of, it is a file of this one."""

    def cell(value: bytes) -> bytes:
        file_id = as_uuid(value.rpartition(b"/")[2].decode())
        if file_id is None:
            if value:
                raise ValueError
            return value
        return f"{schema}/{file_id}".encode()

    return cell


def json_cell(shape: str, rule: Callable[[Any], Any] | None) -> Cell:
    def cell(value: bytes) -> bytes:
        if value in (b"[]", b"{}") and (value == b"[]") == (shape != "object"):
            return value
        found = orjson.loads(unescape(value))
        fits = isinstance(found, dict) if shape == "object" else isinstance(found, list)
        if not fits or (shape == "objects" and not all(isinstance(one, dict) for one in found)):
            raise ValueError
        return value if rule is None else escape(orjson.dumps(rule(found)))

    return cell


def text_cell(rule: Callable[[Any], Any]) -> Cell:
    return lambda value: escape(str(rule(unescape(value).decode())).encode())


def shape_named(table: str, column: str) -> str:
    """ "objects" where the model says list[dict[..]], else "object"."""
    for mapper in Base.registry.mappers:
        if getattr(mapper.local_table, "name", "") == table:
            annotated = get_args(get_type_hints(mapper.class_).get(column))
            return "objects" if annotated and get_origin(annotated[0]) is list else "object"
    return "object"


def unescape(value: bytes) -> bytes:
    """A cell of COPY's text format as what it means."""
    return ESCAPED.sub(lambda found: ESCAPES.get(found[1], found[1]), value) if b"\\" in value else value


def escape(value: bytes) -> bytes:
    return RAW.sub(lambda found: WRITTEN[found[0]], value)
