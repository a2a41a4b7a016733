"""What a schema consists of, as PostgreSQL's catalogue has it, without the schema's own name: to compare two."""

import re
from typing import Any

import psycopg

COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
    a.attstattarget,
    pg_get_expr(d.adbin, d.adrelid)
from pg_attribute a join pg_class c on c.oid = a.attrelid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relnamespace = %(schema)s::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
"""
INDEXES = "select indexname, indexdef from pg_indexes where schemaname = %(schema)s"
CONSTRAINTS = """
select conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
from pg_constraint where connamespace = %(schema)s::regnamespace
"""


def catalog(connection: psycopg.Connection, schema: str) -> dict[str, set[tuple[Any, ...]]]:
    """{"columns": .., "indexes": .., "constraints": ..} of all the schema's tables but Alembic's own."""
    with connection.transaction():
        connection.execute(f"set local search_path = {schema}, ext".encode())
        found = {
            name: connection.execute(query, {"schema": schema}).fetchall()
            for name, query in {"columns": COLUMNS, "indexes": INDEXES, "constraints": CONSTRAINTS}.items()
        }
    nameless = re.compile(rf"\b{schema}\.")
    return {
        name: {
            tuple(nameless.sub("", value) if isinstance(value, str) else value for value in row)
            for row in rows
            if not any("alembic_version" in str(value) for value in row)
        }
        for name, rows in found.items()
    }
