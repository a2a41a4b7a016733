"""A workspace that a test has left goes back to the pool as new: empty, under another number, schema and role, so that
nothing that remembers the old one meets it. Making one from nothing takes the database far longer."""

from functools import cache

import psycopg
from psycopg import sql

from config.settings import settings
from core.db import Workspace

MINE = """
select version from control.workspace
where id = %s and schema_name = %s and state = 'open' and version = (select version from control.schema_script)
for update
"""
LARGEST = 2_000_000  # bytes of its tables; what has grown beyond is left as it lies
SHAPE = """
select count(distinct r.oid), count(*), coalesce(sum(distinct r.relnatts), 0)
from pg_class r join pg_attribute a on a.attrelid = r.oid and not a.attisdropped where r.relnamespace = %s::regnamespace
"""
SIZE = "select coalesce(sum(pg_relation_size(oid)), 0) from pg_class where relnamespace = %s::regnamespace"
EMPTY = """
do $$ declare t regclass; filled boolean; begin
    for t in select oid from pg_class where relnamespace = {}::regnamespace and relkind = 'r' loop
        execute format('select exists(select from %s)', t) into filled;
        if filled then execute format('delete from %s', t); end if;
    end loop;
end $$
"""
NUMBER = "select nextval(pg_get_serial_sequence('control.workspace', 'id'))"
READY = """
insert into control.workspace (id, schema_name, role_name, version) overriding system value values (%s, %s, %s, %s)
"""


def recycle(workspace: Workspace) -> None:
    """Where nobody holds anything of it or is in the way, and it is as it was made but for its rows."""
    try:
        with psycopg.connect(settings().database_url) as owner:
            owner.execute("set local lock_timeout = '300ms'")
            empty(owner, workspace)
    except (psycopg.OperationalError, psycopg.InternalError):
        return


def empty(owner: psycopg.Connection, workspace: Workspace) -> None:
    row = owner.execute(MINE, (workspace.id, workspace.schema)).fetchone()
    if row is None or shape(owner, workspace.schema) != as_made(settings().database_url):
        return
    size = owner.execute(SIZE, (workspace.schema,)).fetchone()
    if size is None or size[0] > LARGEST:
        return
    owner.execute("set local session_replication_role = replica")
    owner.execute(sql.SQL(EMPTY).format(sql.Literal(workspace.schema)))
    owner.execute("set local session_replication_role = origin")
    owner.execute("delete from bus.outbox where role = %s", (workspace.role,))
    owner.execute("delete from control.workspace where id = %s", (workspace.id,))
    found = owner.execute(NUMBER).fetchone()
    assert found
    name = f"t_{found[0]:06}"
    owner.execute(sql.SQL("alter schema {} rename to {}").format(*map(sql.Identifier, (workspace.schema, name))))
    owner.execute(sql.SQL("alter role {} rename to {}").format(*map(sql.Identifier, (workspace.role, f"{name}_r"))))
    owner.execute(READY, (found[0], name, f"{name}_r", row[0]))


@cache
def as_made(database_url: str) -> tuple[int, ...]:
    """The shape of a workspace that nobody has had."""
    with psycopg.connect(database_url) as owner:
        number = owner.execute("select control.provision()").fetchone()
        assert number
        return shape(owner, f"t_{number[0]:06}")


def shape(owner: psycopg.Connection, schema: str) -> tuple[int, ...]:
    return owner.execute(SHAPE, (schema,)).fetchone() or ()
