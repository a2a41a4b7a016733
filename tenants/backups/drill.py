"""A trial: is a backup good? It is restored into a scratch workspace and compared with its file, table by table.

The scratch workspace is one out of the pool, and the transaction in which it is filled is never committed, so nothing
of it is left and nobody could have entered.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.db import Database
from tenants.backups import contents as backup_contents
from tenants.backups import vault
from tenants.backups.contents import Contents
from tenants.backups.loading import load
from tenants.backups.making import Quiet, copied, driver_of
from tenants.backups.models import Backup
from tenants.backups.restoring import give_back, take
from tenants.backups.shape import Table, shape_of
from tenants.directory import as_workspace
from tenants.models import WorkspaceRow


@dataclass(frozen=True)
class Compared:
    table: str
    rows: int
    equal: bool


def one_of_them(control: Session) -> Backup | None:
    """Any of those kept, each as likely as another."""
    kept = select(Backup).join(WorkspaceRow, WorkspaceRow.id == Backup.workspace_id).where(Backup.state == "kept")
    return control.scalars(kept.order_by(func.random()).limit(1)).first()


def drill(
    base: Database, backup_id: UUID, advance: Callable[[int, int], None] = lambda _done, _all: None
) -> list[Compared]:
    """Try one; how it went is kept with it. Raises Unfit, Damaged, FileNotFoundError."""
    with base.controlling() as control:
        backup = control.get_one(Backup, backup_id)
    said = "it could not be restored"
    try:
        with vault.reading(backup, seeking=True) as file:
            found = compare(base, backup_contents.opened(file, backup.size), Quiet(advance))
        wrong = [one.table for one in found if not one.equal]
        said = f"not equal: {', '.join(wrong)}" if wrong else ""
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:500]
        raise
    finally:
        with base.controlling() as control:
            kept = control.get(Backup, backup_id)
            if kept is not None:
                kept.drilled_at, kept.drill_error = datetime.now(UTC), said
    return found


def compare(base: Database, contents: Contents, note: Quiet) -> list[Compared]:
    contents.verify()
    row = take(base, contents.manifest.version, None)
    try:
        with base.workspace(as_workspace(row)) as session:
            load(session, contents, as_workspace(row), note, foreign=False)
            shape = shape_of(session, row.schema_name)
            found = [
                Compared(
                    said.name,
                    said.rows,
                    sum_of(contents, said.name) == there(session, shape.tables[said.name], said.columns),
                )
                for said in contents.manifest.tables
            ]
            session.rollback()
    finally:
        give_back(base, row, [], empty=True)
    return found


def sum_of(contents: Contents, name: str) -> int:
    said = next(one for one in contents.manifest.tables if one.name == name)
    return tally(line for lines in contents.lines(said) for line in lines)


def there(session: Session, table: Table, columns: list[str]) -> int:
    by_name = {column.name: column for column in table.columns}
    ordered = Table(table.name, tuple(by_name[name] for name in columns), table.names)
    with driver_of(session).cursor() as cursor, cursor.copy(copied(ordered)) as lines:
        return tally(bytes(line).rstrip(b"\n") for line in lines)


def tally(lines: Iterable[bytes]) -> int:
    """One number for rows in any order."""
    total = 0
    for line in lines:
        total += int.from_bytes(hashlib.blake2b(line, digest_size=16).digest())
    return total
