"""What a schema consists of, asked of the database itself: its tables, their columns, and which of them name which.

So a new table is in the next backup without anybody's doing, a backup of an older release is measured by the schema of
that release, and what a file says of itself is compared with what is really there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.db import Base

# Never in a file. Marks and answers of this installation's own deliveries are worth nothing elsewhere, and could stop
# another's; counters are counted anew. Files that somebody takes along are theirs alone, and soon gone; the way to a
# member's browser is nobody else's.
LEFT_OUT = frozenset({"done", "idempotent_answer", "counter", "export", "push_subscription"})


@dataclass(frozen=True)
class Column:
    """`secret` is the expression that stands in the file instead of the value, `file` whether it names a file. Both
    are declared with the column, in `info`."""

    name: str
    type: str
    nullable: bool
    secret: str = ""
    file: bool = False


@dataclass(frozen=True)
class Table:
    """`names` are the tables that its foreign keys lead to, by column."""

    name: str
    columns: tuple[Column, ...]
    names: dict[str, str]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class Shape:
    tables: dict[str, Table]

    def in_order(self) -> Iterator[tuple[Table, frozenset[str]]]:
        """Every table after those that it names, with the columns that must wait: of two tables that name each other,
        one is loaded without, and told when the other is there."""
        left = dict(sorted(self.tables.items()))
        while left:
            table = next((one for one in left.values() if not waits(one, left)), None)
            table = table or next(one for one in left.values() if all(nullable(one, name) for name in waits(one, left)))
            yield table, waits(table, left)
            del left[table.name]


def waits(table: Table, left: dict[str, Table]) -> frozenset[str]:
    """The columns of a table that name another one which is not loaded yet."""
    return frozenset(column for column, named in table.names.items() if named in left and named != table.name)


def nullable(table: Table, name: str) -> bool:
    return next(column.nullable for column in table.columns if column.name == name)


# By what depends on the schema, which has an index: pg_class has none by schema, and is long where workspaces are many.
TABLES = """
with here as (
    select c.oid, c.relname, c.reltuples from pg_depend d join pg_class c on c.oid = d.objid and c.relkind = 'r'
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_namespace'::regclass
        and d.refobjid = cast(to_regnamespace(:schema) as oid)
)
"""
COLUMNS = text(f"""{TABLES}
select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable
from here c join pg_attribute a on a.attrelid = c.oid
where a.attnum > 0 and not a.attisdropped
order by c.relname, a.attnum
""")  # noqa: S608 (a constant of this module)
NAMED = text(f"""{TABLES}
select f.relname as table, a.attname as column, t.relname as named
from here f join pg_constraint k on k.conrelid = f.oid and k.contype = 'f' join pg_class t on t.oid = k.confrelid
join pg_attribute a on a.attrelid = f.oid and a.attnum = k.conkey[1]
""")  # noqa: S608 (a constant of this module)
ROWS = text(f"{TABLES} select cast(sum(greatest(reltuples, 0)) as bigint) from here")  # noqa: S608 (a constant of this module)


def shape_of(session: Session, schema: str) -> Shape:
    """The session's own schema, without the tables that no file has."""
    columns: dict[str, list[Column]] = {}
    for row in session.execute(COLUMNS, {"schema": schema}):
        if row.table not in LEFT_OUT:
            declared = declared_of(row.table, row.name)
            columns.setdefault(row.table, []).append(
                Column(row.name, row.type, row.nullable, declared.get("secret", ""), declared.get("file", False))
            )
    names: dict[str, dict[str, str]] = {}
    for row in session.execute(NAMED, {"schema": schema}):
        names.setdefault(row.table, {})[row.column] = row.named
    return Shape({name: Table(name, tuple(found), names.get(name, {})) for name, found in columns.items()})


def about_rows(session: Session, schema: str) -> int:
    """How many rows the schema has, as the last ANALYZE knew."""
    return session.scalar(ROWS, {"schema": schema}) or 0


def declared_of(table: str, column: str) -> dict[str, Any]:
    known = Base.metadata.tables.get(table)
    return known.columns[column].info if known is not None and column in known.columns else {}
