"""Making a backup: all of a workspace's rows as of one moment, and the files they name, into one zip.

It reads by COPY in one REPEATABLE READ transaction, as the workspace's own role, so that it sees a state that was
really there, reaches nobody else's rows, and costs by this workspace's size alone. Nothing is ever held whole.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.db import Database, as_uuid
from core.events import Event
from core.files import CHUNK, Sink, files
from tenants.backups import contents, manifest, vault
from tenants.backups.manifest import FileSaid, Manifest, TableSaid
from tenants.backups.models import Backup
from tenants.backups.shape import Shape, Table, about_rows, shape_of
from tenants.backups.zipping import ZipWriter
from tenants.directory import as_workspace
from tenants.models import WorkspaceRow

TOLD_EVERY = 0.5  # seconds

# Is told how many rows of about how many are done.
Advance = Callable[[int, int], None]


class Stopped(Exception):
    """Somebody does not want it any more. Nothing of it stays."""


class Moved(Exception):
    """The workspace was brought to another version meanwhile."""


def make(
    base: Database,
    backup_id: UUID,
    advance: Advance = lambda _done, _all: None,
    ours: Callable[[], bool] = lambda: True,
) -> Backup:
    """Write the file of a backup that was asked for, read it back, and list it as kept. Raises Stopped, OSError and
    what the store raises; then there is no file, and `fail` keeps why."""
    with base.controlling() as control:
        backup = control.get_one(Backup, backup_id)
        backup.state, backup.error = "making", ""
    note = Noting(base, backup_id, advance, ours)
    with vault.writing(backup) as sealer:
        made, written = write(base, backup.workspace_id, sealer, note)
    backup.size, backup.sha256 = written.size, written.sha256
    try:
        with vault.reading(backup, seeking=True) as back:
            check_same(contents.opened(back, backup.size), made)
    except BaseException:
        with suppress(Exception):
            vault.store().delete(backup.key)
        raise
    with base.controlling() as control:
        backup = control.get_one(Backup, backup_id)
        backup.size, backup.sha256, backup.key_id = written.size, written.sha256, sealer.key_id
        backup.counts, backup.version, backup.made_at = {**made.counts}, made.version, made.made_at
        backup.done = backup.all = sum(made.counts.values())
        backup.newest_event = note.newest_event
        backup.state, backup.verified_at = "kept", datetime.now(UTC)
    return backup


def check_same(back: contents.Contents, made: Manifest) -> None:
    """What was read back is what was written: the same manifest, and every member of it whole."""
    if back.manifest != made:
        raise vault.Damaged()
    back.verify()


class Noting:
    """Keeps how far the work is with its row, and asks there whether it is still wanted; twice a second at most."""

    def __init__(self, base: Database, row_id: UUID, advance: Advance, ours: Callable[[], bool], model: Any = Backup):
        self.base, self.row_id, self.advance, self.ours, self.model = base, row_id, advance, ours, model
        self.all = self.done = 0
        self.told = 0.0
        self.newest_event: UUID | None = None

    def begin(self, all_: int) -> None:
        self.all, self.done, self.told = all_, 0, 0.0

    def step(self, rows: int) -> None:
        self.done += rows
        if time.monotonic() - self.told < TOLD_EVERY:
            return
        self.told = time.monotonic()
        with self.base.controlling() as control:
            row = control.get(self.model, self.row_id)
            if row is None or row.state == "stopped" or not self.ours():
                raise Stopped()
            row.done, row.all, row.moved_at = self.done, max(self.all, self.done), datetime.now(UTC)
        self.advance(self.done, max(self.all, self.done))

    def finish(self, control: Session) -> None:
        """It is done, in the transaction that makes it so."""
        row = control.get_one(self.model, self.row_id)
        row.state, row.done, row.all = "done", self.done, self.done

    def keep(self, **values: Any) -> None:
        """Keep something with the row."""
        with self.base.controlling() as control:
            row = control.get_one(self.model, self.row_id)
            for name, value in values.items():
                setattr(row, name, value)


class Quiet(Noting):
    """The same without a row, as the command line needs it."""

    def __init__(self, advance: Advance):
        self.advance, self.all, self.done, self.told, self.newest_event = advance, 0, 0, 0.0, None

    def step(self, rows: int) -> None:
        self.done += rows
        if time.monotonic() - self.told >= TOLD_EVERY:
            self.told = time.monotonic()
            self.advance(self.done, max(self.all, self.done))

    def finish(self, control: Session) -> None:
        pass

    def keep(self, **values: Any) -> None:
        pass


def write(base: Database, workspace_id: int, out: Sink, note: Noting) -> tuple[Manifest, ZipWriter]:
    """All of the workspace as a plain zip. Returns its manifest, and the writer with size and hash."""
    with base.controlling() as control:
        row = control.get_one(WorkspaceRow, workspace_id)
        said, members = manifest.settings_of(row), manifest.members_of(control, workspace_id)
    with base.workspace(as_workspace(row), reading=True, snapshot=True) as session:
        unhurried(session)
        at = session.scalar(select(func.now())) or datetime.now(UTC)
        zipped = ZipWriter(out, at)
        shape = shape_of(session, row.schema_name)
        note.begin(about_rows(session, row.schema_name))
        note.newest_event = newest_event(session)
        tables = [write_table(session, table, zipped, note) for table in shape.tables.values()]
        keys = file_keys(session, shape)
        kept, missing = write_files(keys, zipped, note)
    with base.controlling() as control:
        if control.get_one(WorkspaceRow, workspace_id).version != row.version:
            raise Moved()
    made = Manifest(
        okno=manifest.program(), version=row.version, made_at=at, workspace=said, members=members, tables=tables,
        files=kept, missing=missing,
    )  # fmt: skip
    with zipped.member(manifest.NAME) as member:
        member.write(made.model_dump_json(indent=1).encode())
    zipped.close()
    return made, zipped


def newest_event(session: Session) -> UUID | None:
    """Nothing changes without an event, so the newest one tells whether anything did."""
    return session.scalar(select(Event.id).order_by(Event.id.desc()).limit(1))


def unhurried(session: Session) -> None:
    """Let the transaction take its time: a large table is one statement, and its file may be slow."""
    session.execute(text("set local statement_timeout = 0"))
    session.execute(text("set local idle_in_transaction_session_timeout = '10min'"))


def driver_of(session: Session) -> "psycopg.Connection[Any]":
    driver: psycopg.Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
    return driver


def copied(table: Table) -> sql.Composed:
    """The table's rows as they stand in a file: secrets are replaced."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(sql.SQL(column.secret), sql.Identifier(column.name))
        if column.secret
        else sql.Identifier(column.name)
        for column in table.columns
    )
    return sql.SQL("copy (select {} from {}) to stdout").format(columns, sql.Identifier(table.name))


def write_table(session: Session, table: Table, zipped: ZipWriter, note: Noting) -> TableSaid:
    rows = 0
    with (
        zipped.member(f"tables/{table.name}.copy") as member,
        driver_of(session).cursor() as cursor,
        cursor.copy(copied(table)) as lines,
    ):
        for line in lines:
            member.write(line)
            rows += 1
            if rows % 1000 == 0:
                note.step(1000)
    note.step(rows % 1000)
    return TableSaid(
        name=table.name, columns=list(table.column_names), rows=rows, size=member.size, sha256=member.sha256
    )


def file_keys(session: Session, shape: Shape) -> list[str]:
    """Every file that a row names."""
    found: set[str] = set()
    for table in shape.tables.values():
        for column in (column.name for column in table.columns if column.file):
            named = sql.SQL("select distinct {0} from {1} where {0} <> ''").format(
                sql.Identifier(column), sql.Identifier(table.name)
            )
            found |= {key for (key,) in driver_of(session).execute(named)}
    return sorted(found)


def write_files(keys: list[str], zipped: ZipWriter, note: Noting) -> tuple[list[FileSaid], list[UUID]]:
    """A file that is gone though a row names it (a draft in the bin) is said to be missing."""
    kept: list[FileSaid] = []
    missing: list[UUID] = []
    for key in keys:
        file_id = as_uuid(key.rpartition("/")[2])
        if file_id is None:
            continue
        try:
            with files().reading(key) as content, zipped.member(f"files/{file_id}") as member:
                while chunk := content.read(CHUNK):
                    member.write(chunk)
                    note.step(0)
        except FileNotFoundError:
            missing.append(file_id)
            continue
        kept.append(FileSaid(id=file_id, size=member.size, sha256=member.sha256))
    return kept, missing


def fail(base: Database, backup_id: UUID, error: str, state: str = "failed") -> None:
    """Keep why there is no file."""
    with base.controlling() as control:
        backup = control.get(Backup, backup_id)
        if backup is not None:
            backup.state, backup.error = state, error[:500]
