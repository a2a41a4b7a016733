"""A workspace's whole schema as one SQL script, compiled from the models: @@S@@ is the schema, @@R@@ the role.

`control.provision()` runs it inside the database, in one round trip. A test holds it equal to the Alembic history.
"""

from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable

# The group of all workspaces' roles: what they may do outside of their own schemas.
COMMON = "okno_tenant"
# Tables on which a workspace's role may only look and add: the past is not rewritten.
APPEND_ONLY = frozenset({"event"})

PROVISION = """
create or replace function control.provision() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
declare
    number bigint := nextval(pg_get_serial_sequence('control.workspace', 'id'));
    schema_name text := 't_' || lpad(number::text, 6, '0');
    role_name text := 't_' || lpad(number::text, 6, '0') || '_r';
    script control.schema_script;
begin
    select * into strict script from control.schema_script where id = 1;
    execute replace(replace(script.body, '@@S@@', schema_name), '@@R@@', role_name);
    insert into control.workspace (id, schema_name, role_name, version)
    overriding system value values (number, schema_name, role_name, script.version);
    return number;
end
$body$
"""

# A workspace made at an older version, for a backup of that release; brought up step by step; and done away with. Only
# what is not in use can be: `opening` is being filled, `replaced` gave way to what was restored in its place.
RESTORING = f"""
create or replace function control.provision_at(wanted text) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
declare
    number bigint := nextval(pg_get_serial_sequence('control.workspace', 'id'));
    schema_name text := 't_' || lpad(number::text, 6, '0');
    role_name text := 't_' || lpad(number::text, 6, '0') || '_r';
    upto int;
    step text;
begin
    select schema_step.number into strict upto from control.schema_step where version = wanted;
    execute format('create schema %I', schema_name);
    execute format('create role %I nologin', role_name);
    execute format('set local search_path = %I, ext', schema_name);
    for step in select body from control.schema_step where schema_step.number <= upto order by schema_step.number loop
        execute step;
    end loop;
    perform control.grant_all(schema_name, role_name);
    execute format('grant usage on schema %I to %I', schema_name, role_name);
    execute format('grant %I to okno_ws', role_name);
    execute format('grant {COMMON} to %I with inherit true, set false', role_name);
    insert into control.workspace (id, schema_name, role_name, version, state)
    overriding system value values (number, schema_name, role_name, wanted, 'opening');
    return number;
end
$body$;
create or replace function control.grant_all(schema_name text, role_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
begin
    execute format('grant select, insert, update, delete on all tables in schema %I to %I', schema_name, role_name);
    execute format('revoke update, delete on {", ".join(f"%1$I.{name}" for name in sorted(APPEND_ONLY))} from %2$I',
        schema_name, role_name);
end
$body$;
create or replace function control.migrate(wanted bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
declare
    filled control.workspace;
    step record;
begin
    select * into strict filled from control.workspace where id = wanted and state = 'opening' for update;
    execute format('set local search_path = %I, ext', filled.schema_name);
    for step in
        select number, version, body from control.schema_step where number >
            (select number from control.schema_step where version = filled.version) order by number
    loop
        execute step.body;
        update control.workspace set version = step.version where id = wanted;
    end loop;
    perform control.grant_all(filled.schema_name, filled.role_name);
end
$body$;
create or replace function control.discard(wanted bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
declare
    old control.workspace;
begin
    select * into strict old from control.workspace where id = wanted and state = 'replaced' for update;
    execute format('drop schema %I cascade', old.schema_name);
    execute format('drop role %I', old.role_name);
    delete from control.workspace where id = wanted;
end
$body$;
revoke execute on function control.provision_at(text), control.migrate(bigint), control.discard(bigint),
    control.grant_all(text, text) from public;
grant execute on function control.provision_at(text), control.migrate(bigint), control.discard(bigint) to okno_control
"""  # noqa: S608 (constants of this module)
# Lets a transaction not wait for the disk, from within its only statement: one more would be a way there and back
# (core.jobs.briefly).
UNHURRIED = """
create or replace function bus.unhurried() returns void
language plpgsql as $body$
begin
    set local synchronous_commit = off;
end
$body$
"""
# Away with a workspace's schema, its role and its row, and by that with every row of the shared tables that names it.
# Only one that is being erased (tenants.erasure).
DROP_WORKSPACE = """
create or replace function control.drop_workspace(number bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
declare
    found control.workspace;
begin
    select * into strict found from control.workspace where id = number and state = 'erasing' for update;
    execute format('drop schema if exists %I cascade', found.schema_name);
    if exists (select from pg_roles where rolname = found.role_name) then
        execute format('drop role %I', found.role_name);
    end if;
    delete from control.workspace where id = number;
end
$body$
"""
# What stays of an event's values when a person is erased: that something happened, when, by whom, and sums.
KEPT_VALUES = (
    "owner_id", "assignee_id", "author_id", "done_by_id", "pipeline_id", "stage_id", "status", "amount", "currency",
    "probability", "expected_close", "closed_at", "todo", "due_on", "due_at", "done_at", "form", "direction", "result",
    "minutes", "at", "state", "deleted_at",
)  # fmt: skip
# The past is not rewritten, but a person may ask to be forgotten. Blanks the title and the values of one record's
# events in the workspace whose role asks, and with a `pattern` only of those in which it is found. Without one it
# leaves an event `mark` that tells of the erasure, and a line in the ledger. The caller's role is read from the
# setting, since inside the function it is the owner who runs.
ERASE_EVENTS = """
create or replace function control.erase_events(
    wanted uuid, its_kind text, by uuid, mark uuid, pattern text default null
) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
declare
    place control.workspace;
    blanked bigint;
begin
    select * into strict place from control.workspace where role_name = current_setting('role');
    execute format($sql$
        update %I.event set title = '',
            before = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(before) where key = any($3)),
            after = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(after) where key = any($3))
        where record_id = $1 and action <> 'privacy.erase'
        and ($2 is null or concat_ws(' ', title, before, after) ~* $2)
    $sql$, place.schema_name) using wanted, pattern, @@KEPT@@::text[];
    get diagnostics blanked = row_count;
    if pattern is null then
        execute format($sql$
            insert into %I.event (id, action, kind, change, record_id, member_id, via, before, after)
            select $1, 'privacy.erase', $2, 'noted', $3, $4, 'job', '{}', '{}'
            where not exists (select from %1$I.event where record_id = $3 and action = 'privacy.erase')
        $sql$, place.schema_name) using mark, its_kind, wanted, by;
        insert into control.erased (workspace_id, record_id, kind, by) values (place.id, wanted, its_kind, by)
        on conflict do nothing;
    end if;
    return blanked;
end
$body$
""".replace("@@KEPT@@", f"array{list(KEPT_VALUES)}")


def schema_script(metadata: MetaData) -> str:
    """Schema, role, tables, indexes, and grants that name each table: GRANT ON ALL TABLES scans the whole catalogue."""
    dialect = PGDialect_psycopg(paramstyle="named")  # type: ignore[no-untyped-call]
    here: dict[str, Any] = {"schema_translate_map": {None: "@@S@@"}, "render_schema_translate": True}
    tables = metadata.sorted_tables
    statements = ["create schema @@S@@", "create role @@R@@ nologin", "grant usage on schema @@S@@ to @@R@@"]
    for table in tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect, **here)))
        statements += [
            f"alter table @@S@@.{table.name} alter column {column.name} set statistics {column.info['statistics']}"
            for column in table.columns
            if "statistics" in column.info
        ]
        statements += [
            str(CreateIndex(index).compile(dialect=dialect, **here))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    statements += [
        str(AddConstraint(constraint).compile(dialect=dialect, **here))
        for table in tables
        for constraint in table.foreign_key_constraints
        if constraint.use_alter  # of two tables that name each other
    ]
    statements += grants([table.name for table in tables], "@@S@@", "@@R@@")
    # Only the login of this door may become the workspace. What all workspaces may do in common comes by a group:
    # rights granted to each would stand in one row of the catalogue, which is full at 2,453 workspaces.
    statements += ["grant @@R@@ to okno_ws", f"grant {COMMON} to @@R@@ with inherit true, set false"]
    return ";\n".join(statement.strip() for statement in statements).replace('"@@S@@"', "@@S@@") + ";\n"


def grants(tables: list[str], schema: str, role: str) -> list[str]:
    past = [f"{schema}.{name}" for name in tables if name in APPEND_ONLY]
    other = [f'{schema}."{name}"' for name in tables if name not in APPEND_ONLY]
    return [
        f"grant select, insert on {', '.join(past)} to {role}",
        f"grant select, insert, update, delete on {', '.join(other)} to {role}",
    ]
