"""The database and its two doors.

`okno_ws` works inside one workspace at a time: each transaction starts with the prologue below, after which the
connection has the workspace's own role and sees that schema alone. `okno_control` reads and writes the shared tables.
The two never share a transaction. A transaction without a workspace on the first door is refused before any query.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
import psycopg
from sqlalchemy import Connection, DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from config.settings import settings

PROLOGUE = (
    "select set_config('transaction_read_only', %s, true), set_config('search_path', %s, true), "
    "set_config('role', %s, true) where current_user = session_user"
)

names = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
types: dict[Any, Any] = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB, list[dict[str, Any]]: JSONB}


class Base(DeclarativeBase):
    """Tables of a workspace. They name no schema: the transaction's search_path says whose they are."""

    metadata = MetaData(naming_convention=names)
    type_annotation_map = types


class ControlBase(DeclarativeBase):
    """Tables shared by all workspaces, in the schema `control`."""

    metadata = MetaData(schema="control", naming_convention=names)
    type_annotation_map = types


@dataclass(frozen=True)
class Workspace:
    """Where one business lives: found by `tenants.directory.locate`, and by nothing else."""

    id: int
    slug: str
    name: str
    schema: str
    role: str
    language: str
    time_zone: str
    country: str
    currency: str
    second_factor: str
    single_sign_on: str
    plan: str

    @property
    def search_path(self) -> str:
        return f"{self.schema}, ext"


class NoWorkspace(RuntimeError):
    """A transaction was begun on the workspaces' door without saying whose."""


class Database:
    """Both engines of one process. Pools are small and recycled, since a backend's cache grows with each workspace."""

    def __init__(self, ws_url: str, control_url: str):
        self.ws = make_engine(ws_url)
        self.control = make_engine(control_url)
        event.listen(self.ws, "begin", enter_workspace)

    @contextmanager
    def workspace(self, workspace: Workspace, *, reading: bool = False, snapshot: bool = False) -> Iterator[Session]:
        """A session inside the workspace. Nothing is committed unless the caller commits.

        With `reading`, the database itself refuses every change. Such a session ends with COMMIT, since psycopg drops
        a connection's prepared statements at each ROLLBACK, and preparing them anew doubles the cost of a list. With
        `snapshot` as well, all statements of one transaction see the same moment.
        """
        entered = self.ws.execution_options(workspace=workspace, reading=reading)
        if snapshot:
            entered = entered.execution_options(isolation_level="REPEATABLE READ")
        with Session(entered, expire_on_commit=False) as session:
            yield session
            if reading:
                session.commit()

    @contextmanager
    def controlling(self) -> Iterator[Session]:
        """One committed transaction on the shared tables."""
        with Session(self.control, expire_on_commit=False) as session, session.begin():
            yield session

    def dispose(self) -> None:
        self.ws.dispose()
        self.control.dispose()


def make_engine(url: str) -> Engine:
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=4,
        max_overflow=4,
        pool_recycle=600,
        pool_timeout=5,
        hide_parameters=True,  # what people typed must not reach a log
        json_serializer=lambda value: orjson.dumps(value, default=str).decode(),
        json_deserializer=orjson.loads,
        # Preparing each statement keeps to the extended protocol, where one message holds one statement.
        connect_args={"connect_timeout": 2, "prepare_threshold": 0},
    )
    event.listen(engine, "handle_error", drop_after_cancel)
    return engine


def enter_workspace(connection: Connection) -> None:
    """Give the transaction its workspace's role and path, or refuse to go on."""
    options = connection.get_execution_options()
    workspace: Workspace | None = options.get("workspace")
    if workspace is None:
        raise NoWorkspace("this transaction names no workspace")
    read_only = "on" if options.get("reading") else "off"
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    try:  # by the driver itself: SQLAlchemy's own way costs more than the statement does
        entered = driver.execute(PROLOGUE, (read_only, workspace.search_path, workspace.role)).fetchone()
    except psycopg.errors.InsufficientPrivilege:  # a role that was kept may not even call set_config
        entered = None
    except psycopg.errors.InvalidParameterValue as error:
        raise NoWorkspace(f"{workspace.role} is no more") from error
    except psycopg.OperationalError as error:
        connection.invalidate()
        if driver.closed:  # the server went away, and the others of the pool with it
            connection.engine.dispose()
        raise OperationalError(PROLOGUE, None, error) from error
    if entered is None:
        connection.invalidate()
        raise NoWorkspace("this connection came from the pool with another role")


def plan_for_values(session: Session) -> None:
    """Let the rest of the transaction plan each statement for its values: which index a search is best served by
    depends on what is searched for."""
    session.connection().exec_driver_sql("set local plan_cache_mode = force_custom_plan")


def plan_for_many(session: Session) -> None:
    """Let the rest of the transaction read with a second process whatever the planner, who sees the values, expects to
    be hundreds of thousands of rows; it is never used where that would not pay. For what is asked seldom and reads
    much: elsewhere a request keeps to one core, so that others have theirs."""
    plan_for_values(session)
    session.connection().exec_driver_sql("set local max_parallel_workers_per_gather = 1")


def drop_after_cancel(context: ExceptionContext) -> None:
    """A connection whose statement was cancelled is closed: a late answer must never reach the next user."""
    if isinstance(context.original_exception, psycopg.errors.QueryCanceled):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


@cache
def database_of(_pid: int) -> Database:
    return Database(settings().workspace_database_url, settings().control_database_url)


def database() -> Database:
    """This process's database; a fork gets its own connections."""
    return database_of(os.getpid())


def as_uuid(text: str) -> UUID | None:
    """The identifier a URL or a form names, or None where it is no identifier at all."""
    try:
        return UUID(text)
    except ValueError:
        return None
