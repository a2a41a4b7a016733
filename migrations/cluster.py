"""What the cluster itself needs before any table: two logins, three schemas, one extension, and the wall between doors.

Safe to run again. The owner (DATABASE_URL) needs CREATEROLE; taking `set_config` from PUBLIC needs a superuser, and
where the owner is none the upgrade says so and goes on (docs/development.md, "The two logins").
"""

from collections.abc import Iterator

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from migrations.script import COMMON

LOGINS = ("okno_ws", "okno_control")
LIMITS = {
    "statement_timeout": "10s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "30s",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "random_page_cost": "1.1",  # no disk of today seeks
    "timezone": "UTC",
}


def prepare(owner: psycopg.Connection, ws_url: str, control_url: str) -> Iterator[str]:
    """Bring the cluster to its shape in one transaction. Yields what the operator should know, a line each."""
    with owner.transaction():
        owner.execute("select pg_advisory_xact_lock(hashtext('okno cluster'))")
        for url in (ws_url, control_url):
            make_login(owner, url)
        if owner.execute("select 1 from pg_roles where rolname = %s", (COMMON,)).fetchone() is None:
            owner.execute(sql.SQL("create role {} nologin").format(sql.Identifier(COMMON)))
        for schema in ("control", "bus", "ext"):
            owner.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        owner.execute("create extension if not exists pg_trgm schema ext")
        owner.execute("grant usage on schema ext to public")
        owner.execute("grant usage on schema control, bus to okno_control")
        owner.execute(sql.SQL("grant usage on schema bus to {}").format(sql.Identifier(COMMON)))
        owner.execute("revoke create on schema public from public")
        yield from guard_set_config(owner)


def make_login(owner: psycopg.Connection, url: str) -> None:
    """The login of one door, without rights of its own. NOINHERIT: a workspace's rights only while in its role."""
    login = make_url(url)
    name = login.username or ""
    if name not in LOGINS:
        raise ValueError(f"the login must be one of {', '.join(LOGINS)}, not {name}")
    known = owner.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    verb = sql.SQL("alter" if known else "create")
    owner.execute(
        sql.SQL("{} role {} login noinherit nosuperuser nocreatedb nocreaterole password {}").format(
            verb, sql.Identifier(name), sql.Literal(str(login.password or ""))
        )
    )
    for setting, value in LIMITS.items():
        owner.execute(sql.SQL("alter role {} set {} = {}").format(sql.Identifier(name), sql.SQL(setting), value))


def guard_set_config(owner: psycopg.Connection) -> Iterator[str]:
    """Injected SQL must not be able to choose another role by a function call: only the prologue may."""
    guarded = owner.execute(
        "select not has_function_privilege('public', 'pg_catalog.set_config(text,text,boolean)', 'execute')"
    ).fetchone()
    if guarded == (True,):
        return
    superuser = owner.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
    if superuser != (True,):
        yield "set_config stays open to everybody: run the upgrade once as a superuser to close it"
        return
    owner.execute("revoke execute on function pg_catalog.set_config(text, text, boolean) from public")
    owner.execute("grant execute on function pg_catalog.set_config(text, text, boolean) to okno_ws")
