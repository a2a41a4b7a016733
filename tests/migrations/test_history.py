"""The Alembic histories make exactly what the models say: each column, index and constraint."""

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import tenants.backups.models
import tenants.models  # noqa: F401 (declares the shared tables)
from core.db import ControlBase
from core.outbox import BusBase
from crm.models import METADATA
from migrations.runner import HERE, Steps, Urls, alembic_config, upgrade
from tests.migrations.catalog import catalog


def head(part: str) -> str:
    return ScriptDirectory.from_config(alembic_config(part, HERE)).get_current_head() or ""


def test_each_history_is_one_line() -> None:
    for part in ("control", "tenant"):
        assert len(ScriptDirectory.from_config(alembic_config(part, HERE)).get_heads()) == 1


def test_a_workspaces_history_makes_what_the_models_script_makes(urls: Urls, owner: psycopg.Connection) -> None:
    upgrade(urls, METADATA, pool=1, say=lambda _line: None)
    made = owner.execute("select schema_name, version from control.workspace").fetchone()
    assert made is not None
    assert made[1] == head("tenant")
    sql = Steps(METADATA, head("tenant"), HERE).sql("base")
    assert "alembic_version" not in sql
    owner.execute("create schema by_history")
    with owner.transaction():
        owner.execute(f"set local search_path = by_history, ext; {sql}".encode())
    by_models, by_history = catalog(owner, made[0]), catalog(owner, "by_history")
    for name, rows in by_models.items():
        assert rows - by_history[name] == set(), f"{name} of the models alone"
        assert by_history[name] - rows == set(), f"{name} of the history alone"
    assert len(by_models["columns"]) > 100
    assert len(by_models["indexes"]) > 40


def test_the_shared_history_makes_what_the_models_say(urls: Urls, owner: psycopg.Connection) -> None:
    upgrade(urls, METADATA, pool=0, say=lambda _line: None)
    owner.execute("create database by_models")
    elsewhere = urls.owner.rsplit("/", 1)[0] + "/by_models"
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute("create schema control")
        connection.execute("create schema bus")
        engine = create_engine(elsewhere.replace("postgresql://", "postgresql+psycopg://", 1))
        for metadata in (ControlBase.metadata, BusBase.metadata):
            metadata.create_all(engine)
        engine.dispose()
        for schema in ("control", "bus"):
            by_models, by_history = catalog(connection, schema), catalog(owner, schema)
            assert by_models == by_history, schema
            assert by_models["columns"]
