"""The runner brings thousands of workspaces to a release: some locked, one that cannot, and none twice."""

import shutil
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import Column, Integer, MetaData, String, Table

from crm.models import METADATA
from migrations import runner
from migrations.runner import HERE, Report, Urls, upgrade

WORKSPACES = 12
REVISION = '''"""A column, an index and a table for the test."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("nickname", sa.String(), server_default="50%% off", nullable=False))
    op.create_index("ix_contact_nickname", "contact", ["nickname"])
    op.create_table("pet", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("name", sa.String()))
    op.execute("update contact set nickname = 'Žofka'")
'''


def quiet(_line: str) -> None:
    pass


def with_pets() -> MetaData:
    """The models as the next release would have them."""
    following = MetaData(naming_convention=METADATA.naming_convention)
    for table in METADATA.sorted_tables:
        table.to_metadata(following)
    following.tables["contact"].append_column(Column("nickname", String, server_default="50% off", nullable=False))
    Table("pet", following, Column("id", Integer, primary_key=True), Column("name", String))
    return following


@pytest.fixture(scope="module")
def present(urls: Urls) -> str:
    """The version of this release, which WORKSPACES workspaces have; two of them are in use."""
    upgrade(urls, METADATA, pool=WORKSPACES, say=quiet)
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("update control.workspace set state = 'open', slug = 'w' || id where id <= 2")
        row = owner.execute("select min(version), max(version) from control.workspace").fetchone()
    assert row is not None
    assert row[0] == row[1]
    return str(row[0])


@pytest.fixture(scope="module")
def history(present: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our history and one revision more."""
    folder = tmp_path_factory.mktemp("history")
    for part in ("control", "tenant"):
        shutil.copytree(HERE / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    following = REVISION.format(revision="next", before=present).replace("%%", "%")
    (folder / "tenant" / "versions" / "next.py").write_text(following, encoding="utf-8")
    return folder


def versions(owner: psycopg.Connection) -> dict[str, int]:
    rows = owner.execute("select version, count(*) from control.workspace group by version").fetchall()
    return dict(rows)


def test_nothing_to_do_is_told_by_one_query(
    urls: Urls, owner: psycopg.Connection, present: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many workspaces there are, none is touched and Alembic is not asked."""

    def called(*_arguments: Any, **_named: Any) -> None:
        raise AssertionError("there was nothing to do")

    for name in ("upgrade_workspaces", "Steps"):
        monkeypatch.setattr(runner, name, called)
    monkeypatch.setattr(command, "upgrade", called)
    report = upgrade(urls, METADATA, pool=WORKSPACES - 2, say=quiet)
    assert report == Report(upgraded=0, made=0, failed=0)
    assert versions(owner) == {present: WORKSPACES}


def test_one_release_after_the_other(urls: Urls, owner: psycopg.Connection, present: str, history: Path) -> None:
    """Each step stands on the one before, so that they are one test."""
    a_locked_one_is_tried_again_and_a_failing_one_leaves_the_others_done(urls, owner, present, history)
    the_failed_one_is_taken_up_again_when_its_cause_is_gone(urls, owner, present, history)
    each_workspace_may_use_its_new_table_and_no_other(owner)
    new_workspaces_are_made_at_the_new_version(urls, owner, history)
    two_upgrades_at_once_do_each_workspace_once(urls, owner, present, history)


def a_locked_one_is_tried_again_and_a_failing_one_leaves_the_others_done(
    urls: Urls, owner: psycopg.Connection, present: str, history: Path
) -> None:
    rows = owner.execute("select id, schema_name, role_name from control.workspace order by id").fetchall()
    (locked, *_), (failing_id, failing, _role), *_others = [row[1:] if row[0] == 1 else row for row in rows]
    owner.execute(f"create table {failing}.pet (id int)".encode())
    owner.execute(f"insert into {locked}.contact (id, name) values (gen_random_uuid(), 'Jan')".encode())

    holder = psycopg.connect(urls.owner)
    holder.execute(f"lock table {locked}.contact in access share mode".encode())
    released = threading.Timer(1.0, holder.close)
    released.start()
    said: list[str] = []
    report = upgrade(urls, with_pets(), pool=WORKSPACES - 2, history=history, say=said.append)
    released.join()

    assert (report.upgraded, report.failed) == (WORKSPACES - 1, 1)
    assert versions(owner) == {"next": WORKSPACES - 1, present: 1}
    error = owner.execute("select migration_error from control.workspace where id = %s", (failing_id,)).fetchone()
    assert error == ('relation "pet" already exists',)
    assert any('relation "pet" already exists' in line for line in said)
    assert column_of(owner, failing) is None, "nothing of a failed step stays"
    assert column_of(owner, locked) == "'50% off'::character varying"
    assert owner.execute(f"select nickname from {locked}.contact".encode()).fetchall() == [("Žofka",)]
    alembics = "select count(*) from pg_tables where tablename = 'alembic_version' and schemaname <> 'control'"
    assert owner.execute(alembics).fetchone() == (0,)


def the_failed_one_is_taken_up_again_when_its_cause_is_gone(
    urls: Urls, owner: psycopg.Connection, present: str, history: Path
) -> None:
    behind = owner.execute("select schema_name from control.workspace where version = %s", (present,)).fetchone()
    assert behind is not None
    owner.execute(f"drop table {behind[0]}.pet".encode())
    report = upgrade(urls, with_pets(), pool=WORKSPACES - 2, history=history, say=quiet)
    assert (report.upgraded, report.failed) == (1, 0)
    assert versions(owner) == {"next": WORKSPACES}
    assert owner.execute("select count(*) from control.workspace where migration_error is not null").fetchone() == (0,)


def each_workspace_may_use_its_new_table_and_no_other(owner: psycopg.Connection) -> None:
    rows = owner.execute("select schema_name, role_name from control.workspace").fetchall()
    for schema, role in rows:
        for verb in ("select", "insert", "update", "delete"):
            allowed = owner.execute("select has_table_privilege(%s, %s, %s)", (role, f"{schema}.pet", verb)).fetchone()
            assert allowed == (True,)
        other = next(name for name, _role in rows if name != schema)
        assert owner.execute("select has_schema_privilege(%s, %s, 'usage')", (role, other)).fetchone() == (False,)
        rewriting = "select has_table_privilege(%s, %s, 'update, delete')"
        assert owner.execute(rewriting, (role, f"{schema}.event")).fetchone() == (False,)


def new_workspaces_are_made_at_the_new_version(urls: Urls, owner: psycopg.Connection, history: Path) -> None:
    upgrade(urls, with_pets(), pool=WORKSPACES, history=history, say=quiet)
    assert versions(owner) == {"next": WORKSPACES + 2}
    newest = owner.execute("select schema_name from control.workspace order by id desc limit 1").fetchone()
    assert newest is not None
    assert column_of(owner, newest[0]) == "'50% off'::character varying"


def two_upgrades_at_once_do_each_workspace_once(
    urls: Urls, owner: psycopg.Connection, present: str, history: Path
) -> None:
    """Everything is put back one version; two runners share the work."""
    for (schema,) in owner.execute("select schema_name from control.workspace").fetchall():
        owner.execute(f"drop table {schema}.pet; alter table {schema}.contact drop column nickname".encode())
    owner.execute("update control.workspace set version = %s", (present,))
    reports: list[Report] = []

    def run() -> None:
        reports.append(upgrade(urls, with_pets(), pool=0, history=history, say=quiet))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.upgraded for report in reports) == WORKSPACES + 2
    assert sum(report.failed for report in reports) == 0
    assert versions(owner) == {"next": WORKSPACES + 2}


def column_of(owner: psycopg.Connection, schema: str) -> str | None:
    row = owner.execute(
        "select column_default from information_schema.columns where table_schema = %s and column_name = 'nickname'",
        (schema,),
    ).fetchone()
    return row[0] if row else None
