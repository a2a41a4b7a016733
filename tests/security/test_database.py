"""The database's own walls: what SQL can do that reached it through the application's connection of a workspace.

Whoever could run any SQL inside a workspace's transaction is refused everything here by PostgreSQL itself, whatever
the application forgot. Two things it can do, and the last tests say so: leave the role (RESET ROLE gives a login that
owns and sees nothing), and take another workspace's role by SET ROLE, since the login must be able to become each of
them. Against that stand the protocol (one statement a message, so injected text cannot add one) and set_config taken
from PUBLIC (so that no expression inside a statement can do it).
"""

import threading
from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from config.settings import settings
from core.db import Database, NoWorkspace, Workspace, database
from core.ids import new_id
from tests.shop import Shop, open_shop

# What is refused, and with which SQLSTATE: 42501 insufficient privilege, 42601 two statements at once,
# 42883 no such function.
REFUSED = [
    ("select * from {other}.contact", "42501"),
    ("insert into {other}.note (id, at) values (gen_random_uuid(), now())", "42501"),
    ("update {other}.contact set name = 'x'", "42501"),
    ("delete from {other}.event", "42501"),
    ("select * from control.workspace", "42501"),
    ("select password_hash from control.identity", "42501"),
    ("select * from control.sign_in", "42501"),
    ("update control.workspace set slug = 'mine'", "42501"),
    ("select body from control.schema_script", "42501"),
    ("select control.provision()", "42501"),
    ("select control.drop_workspace(1)", "42501"),
    ("select * from control.erased", "42501"),
    ("insert into control.erased (workspace_id, record_id, kind) values (1, gen_random_uuid(), 'x')", "42501"),
    ("select * from control.certificate", "42501"),
    ("select * from bus.outbox", "42501"),
    ("delete from bus.outbox", "42501"),
    ("insert into bus.outbox (role, topic, payload) values ('{other}_r', 'job', '{{}}')", "42501"),
    ("insert into bus.outbox (topic, payload, at) values ('job', '{{}}', now())", "42501"),
    ("insert into bus.outbox (topic, payload) values ('event', '{{}}') returning id", "42501"),
    ("insert into bus.outbox (topic, payload, attempt) values ('job', '{{}}', 9)", "42501"),
    ("insert into bus.outbox (topic, payload, lease_until) values ('job', '{{}}', now())", "42501"),
    ("insert into bus.outbox (topic, payload, holder) values ('job', '{{}}', 'me')", "42501"),
    ("insert into bus.outbox (topic, payload, queue) values ('job', '{{}}', 'mine')", "23514"),
    ("select * from bus.failed", "42501"),
    ("update event set action = 'x'", "42501"),
    ("delete from event", "42501"),
    ("truncate contact", "42501"),
    ("alter table contact add column x text", "42501"),
    ("drop table contact cascade", "42501"),
    ("drop schema {own} cascade", "42501"),
    ("drop role {other}_r", "42501"),
    ("create table mine (id int)", "42501"),
    ("create table public.mine (id int)", "42501"),
    ("create schema mine", "42501"),
    ("create function mine() returns int language sql as 'select 1'", "42501"),
    ("create extension dblink", "42501"),
    ("create role mine superuser", "42501"),
    ("alter role okno_ws superuser", "42501"),
    ("alter role okno_ws set role to '{other}_r'", "42501"),
    ("grant {other}_r to {own}_r", "42501"),
    ("alter table contact owner to okno_ws", "42501"),
    ("alter role all set search_path to {other}", "42501"),
    ("set session authorization okno_control", "42501"),
    ("set role okno_control", "42501"),
    ("set role okno_tenant", "42501"),
    ("select set_config('role', '{other}_r', true)", "42501"),
    ("select set_config('search_path', '{other}', true)", "42501"),
    ("update pg_catalog.pg_settings set setting = '{other}_r' where name = 'role'", "42501"),
    ("update pg_catalog.pg_authid set rolsuper = true", "42501"),
    ("select * from pg_catalog.pg_authid", "42501"),
    ("copy (select 1) to program 'id'", "42501"),
    ("copy (select 1) to '/tmp/okno-stolen'", "42501"),
    ("copy contact from '/etc/passwd'", "42501"),
    ("select pg_read_file('/etc/passwd')", "42501"),
    ("select pg_ls_dir('/')", "42501"),
    ("select pg_read_binary_file('/etc/passwd')", "42501"),
    ("select lo_import('/etc/passwd')", "42501"),
    ("select lo_export(1, '/tmp/okno-stolen')", "42501"),
    ("select pg_reload_conf()", "42501"),
    ("select * from dblink('dbname=okno', 'select 1') as t(x int)", "42883"),
    ("select pg_sleep(0); select * from {other}.contact", "42601"),
    ("reset role; select * from {other}.contact", "42601"),
    ("select 1; commit", "42601"),
]


@pytest.fixture(scope="module")
def houses(app: Flask) -> tuple[Shop, Shop]:
    """Two workspaces, each with a contact."""
    with app.test_request_context("/"):
        pair = (open_shop(app), open_shop(app))
    for shop in pair:
        with database().workspace(shop.workspace) as session, session.begin():
            session.execute(
                text("insert into contact (id, name) values (gen_random_uuid(), :name)"),
                {"name": shop.workspace.schema},
            )
    return pair


@pytest.mark.parametrize(
    ("sql", "state"), REFUSED, ids=[sql.format(own="own", other="other") for sql, _state in REFUSED]
)
def test_refused_by_the_database(houses: tuple[Shop, Shop], sql: str, state: str) -> None:
    own, other = (shop.workspace for shop in houses)
    asked = sql.format(own=own.schema, other=other.schema)
    with database().workspace(own) as session, pytest.raises(DBAPIError) as refusal:
        session.connection().exec_driver_sql(asked)
    assert getattr(refusal.value.orig, "sqlstate", None) == state, refusal.value.orig


def test_stacked_statements_are_refused_in_text_with_and_without_parameters(houses: tuple[Shop, Shop]) -> None:
    for values in ({}, {"a": 1}):
        with database().workspace(houses[0].workspace) as session, pytest.raises(ProgrammingError):
            session.execute(text(f"select {':a' if values else '1'}; select 2"), values)


def test_a_workspaces_own_tables_are_open_to_it(houses: tuple[Shop, Shop]) -> None:
    """What is refused above is refused for the right reason: the same door works at home."""
    for shop in houses:
        assert [row.name for row in shop.rows("select name from contact")] == [shop.workspace.schema]
        with database().workspace(shop.workspace) as session:
            session.execute(text("insert into bus.outbox (topic, payload) values ('job', '{}')"))
            session.rollback()


def test_an_outbox_row_bears_the_name_of_who_wrote_it(houses: tuple[Shop, Shop]) -> None:
    payload = {"payload": f'"{new_id().hex}"'}
    written = text("insert into bus.outbox (topic, payload) values ('none', cast(:payload as jsonb))")
    removed = text("delete from bus.outbox where payload = cast(:payload as jsonb) returning role")
    with database().workspace(houses[0].workspace) as session, session.begin():
        session.execute(written, payload)
    with database().controlling() as control:
        assert control.execute(removed, payload).scalars().all() == [houses[0].workspace.role]


def test_without_a_workspace_no_statement_is_sent(app: Flask) -> None:
    sent: list[str] = []
    base = database()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(base.ws, "before_cursor_execute", note)
    try:
        with pytest.raises(NoWorkspace), base.ws.connect() as connection:
            connection.execute(text("select 1"))
    finally:
        event.remove(base.ws, "before_cursor_execute", note)
    assert sent == []


def test_the_login_alone_sees_no_workspace(houses: tuple[Shop, Shop]) -> None:
    """A transaction that lost its prologue, by autocommit or a bug, sees nobody's rows."""
    schema = houses[0].workspace.schema
    with psycopg.connect(settings().workspace_database_url, autocommit=True) as login:
        for sql in (f"select * from {schema}.contact", "select * from contact", "select * from control.workspace"):
            with pytest.raises(psycopg.errors.Error):
                login.execute(sql)


def test_the_control_door_sees_no_workspace(houses: tuple[Shop, Shop]) -> None:
    own = houses[0].workspace
    for sql in (
        f"select * from {own.schema}.contact",
        f"set role {own.role}",
        "select body from control.schema_script",
    ):
        with pytest.raises(DBAPIError), database().controlling() as control:
            control.execute(text(sql))


def test_nothing_of_an_expression_changes_the_role(houses: tuple[Shop, Shop]) -> None:
    """What injected text can add to one statement: subqueries, CTEs, functions. None of them leaves the workspace."""
    own, other = (shop.workspace for shop in houses)
    for sql in (
        f"with x as (select set_config('role', '{other.role}', true)) select * from x, contact",
        f"select name from contact union all select name from {other.schema}.contact",
        f"select query_to_xml('select * from {other.schema}.contact', true, true, '')",
        f"select query_to_xml('set role {other.role}', true, true, '')",
        f"select schema_to_xml('{other.schema}', true, true, '')",
    ):
        with database().workspace(own) as session, pytest.raises(DBAPIError):
            session.connection().exec_driver_sql(sql)


def test_what_the_role_does_not_stop(houses: tuple[Shop, Shop]) -> None:
    """A whole statement of an attacker's own could take another workspace's role: the login must be able to be each.

    So no text of a person may ever become a statement of its own (ruff S608; declared sorts and filters; the protocol
    above). This test holds the truth of the module's docstring: if it fails, the wall got better, or worse.
    """
    own, other = (shop.workspace for shop in houses)
    with database().workspace(own) as session:
        session.execute(text(f"set local role {other.role}"))
        assert session.execute(text(f"select name from {other.schema}.contact")).scalars().all() == [other.schema]
        session.rollback()
    with database().workspace(own) as session:
        session.execute(text("reset role"))
        with pytest.raises(DBAPIError):
            session.execute(text("select name from contact"))


def test_a_connection_that_kept_a_role_is_not_used(houses: tuple[Shop, Shop]) -> None:
    """Somebody said SET ROLE without LOCAL and committed: the next to get that connection is refused, once."""
    own, other = (shop.workspace for shop in houses)
    base = Database(settings().workspace_database_url, settings().control_database_url)
    try:
        with base.workspace(own) as session:
            session.execute(text(f"set session role {own.role}"))
            session.commit()
        with pytest.raises(NoWorkspace), base.workspace(other) as session:
            session.execute(text("select 1"))
        with base.workspace(other) as session:
            assert session.execute(text("select name from contact")).scalars().all() == [other.schema]
    finally:
        base.dispose()


@pytest.fixture
def narrow(app: Flask) -> Iterator[Database]:
    """A database of two connections."""
    base = Database(settings().workspace_database_url, settings().control_database_url)
    pool: Any = base.ws.pool
    pool._max_overflow, pool._pool.maxsize, pool._timeout = 0, 2, 60
    yield base
    base.dispose()


def test_no_foreign_row_however_threads_share_connections_and_are_cancelled(app: Flask, narrow: Database) -> None:
    """Sixteen threads, two connections, many workspaces; a third of the statements cancelled, by time or by hand."""
    with app.test_request_context("/"):
        workspaces = [open_shop(app).workspace for _ in range(12)]
    for workspace in workspaces:
        with database().workspace(workspace) as session, session.begin():
            session.execute(
                text("insert into contact (id, name) values (gen_random_uuid(), :name)"), {"name": workspace.schema}
            )
    seen = Watch()

    def work(number: int) -> None:
        random = Random(number)
        for _ in range(25):
            workspace = random.choice(workspaces)
            try:
                with narrow.workspace(workspace) as session:
                    seen.check(session, workspace)
                    how = random.random()
                    if how < 0.15:
                        session.execute(text("set local statement_timeout = '3ms'"))
                        session.execute(text("select name, pg_sleep(1) from contact"))
                    elif how < 0.35:
                        pid = session.scalar(text("select pg_backend_pid()"))
                        threading.Timer(random.random() * 0.01, cancel, (pid,)).start()
                        session.execute(text("select name, pg_sleep(0.5) from contact"))
                    seen.check(session, workspace)
            except OperationalError as error:
                seen.cancelled(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.foreign == []
    assert seen.looked > 400
    assert len(seen.dead) > 40
    assert seen.reused == []


class Watch:
    """What the threads saw: rows that were not theirs, and connections that answered after a cancel."""

    def __init__(self) -> None:
        self.foreign: list[str] = []
        self.reused: list[int] = []
        self.dead: set[int] = set()
        self.current = threading.local()
        self.looked = 0
        self.lock = threading.Lock()

    def check(self, session: Any, workspace: Workspace) -> None:
        row = session.execute(
            text("select array_agg(name) as names, pg_backend_pid() as pid, current_user::text as role from contact")
        ).one()
        self.current.pid = row.pid
        with self.lock:
            self.looked += 1
            if row.names != [workspace.schema] or row.role != workspace.role:
                self.foreign.append(f"{workspace.schema} saw {row}")
            if row.pid in self.dead:
                self.reused.append(row.pid)

    def cancelled(self, error: OperationalError) -> None:
        if isinstance(error.orig, psycopg.errors.QueryCanceled):
            with self.lock:
                self.dead.add(self.current.pid)


def cancel(pid: int) -> None:
    """From outside, as an operator would."""
    with psycopg.connect(settings().database_url, autocommit=True) as owner:
        owner.execute("select pg_cancel_backend(%s)", (pid,))


def test_two_requests_in_one_thread_are_two_actors(app: Flask, shop: Shop, other: Shop) -> None:
    """One inside the other, as a test client or a server that reuses threads may have them: nothing is shared."""
    for one, another in ((shop, other), (other, shop)):
        with one.acting() as first, another.acting() as second:
            for actor, place in ((first, one), (second, another), (first, one)):
                names = actor.db.execute(text("select current_user::text, current_schema()")).one()
                assert tuple(names) == (place.workspace.role, place.workspace.schema)
    for place, stranger in ((shop, other), (other, shop)):
        browser = place.browser()
        assert browser.get(place.path("/today")).status_code == 200
        assert browser.get(stranger.path("/today")).status_code == 403
        assert browser.get(place.path("/today")).status_code == 200
